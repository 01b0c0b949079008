"""What of libvirt is hidden from the last of its bindings for Python 2."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).parents[3] / "roles" / "devstack" / "files" / "python2" / "pkg-config-libvirt"
SYMBOLS = """
   12: 000000000001 12 FUNC GLOBAL DEFAULT 13 virConnectOpen@@LIBVIRT_0.0.3
   13: 000000000002 12 FUNC GLOBAL DEFAULT 13 virDomainBackupBegin@@LIBVIRT_6.0.0
   14: 000000000003 12 FUNC GLOBAL DEFAULT 13 virDomainGetGuestInfo@@LIBVIRT_5.7.0
   15: 000000000004 12 FUNC GLOBAL DEFAULT 13 virNodeDeviceDefineXML@@LIBVIRT_7.3.0
   16: 000000000005 12 FUNC GLOBAL DEFAULT 13 virDomainQemuMonitorCommandWithFiles@@LIBVIRT_QEMU_8.2.0
"""
DESCRIPTION = """<api>
  <function name='virConnectOpen' file='a'>
    <info>x</info>
  </function>
  <function name='virNodeDeviceDefineXML' file='b'>
    <info>y</info>
  </function>
</api>"""


@pytest.fixture(scope="module")
def program() -> ModuleType:
    """The program's functions."""
    loader = importlib.machinery.SourceFileLoader("pkg_config_libvirt", str(PROGRAM))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_what_came_later_is_known_by_its_symbol(program: ModuleType) -> None:
    assert program.later_functions(SYMBOLS) == {
        "virDomainBackupBegin",
        "virNodeDeviceDefineXML",
        "virDomainQemuMonitorCommandWithFiles",
    }


def test_only_that_is_hidden(program: ModuleType) -> None:
    found = program.without(program.later_functions(SYMBOLS), DESCRIPTION)
    assert "virConnectOpen" in found
    assert "virNodeDeviceDefineXML" not in found
    assert found.count("<function") == found.count("</function>") == 1
