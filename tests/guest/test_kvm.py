"""What is said of this machine's /dev/kvm is true: an ordinary guest boots by it, or does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from plugins.module_utils import kvm_guest

PROJECT = Path(__file__).parents[2]
SECTOR = 512
PATIENCE = 60  # seconds for a kernel that KVM runs to say its first words; it takes one


def ask(tmp_path: Path) -> Any:
    """The module's answer."""
    namespace = tmp_path / "ansible_collections" / "romana"
    namespace.mkdir(parents=True)
    (namespace / "openstack").symlink_to(PROJECT)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    given = json.dumps({"ANSIBLE_MODULE_ARGS": {}})
    done = subprocess.run(
        [sys.executable, "-m", "ansible_collections.romana.openstack.plugins.modules.kvm_info"],
        input=given,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def boots(image: Path) -> bool:
    """Whether the guest's kernel gets to its init by KVM."""
    machine = ["-nodefaults", "-no-user-config", "-machine", "pc,accel=kvm", "-m", "96", "-display", "none"]
    kernel = ["-kernel", str(image / "vmlinuz"), "-initrd", str(image / "initrd.gz"), "-append", "console=ttyS0"]
    command = ["qemu-system-x86_64", *machine, *kernel, "-serial", "stdio", "-no-reboot"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as qemu:
        assert qemu.stdout is not None
        patience = threading.Timer(PATIENCE, qemu.kill)
        patience.start()
        said = (line for line in qemu.stdout if b"romana-guest: " in line or b"KVM internal error" in line)
        first = next(said, b"")
        patience.cancel()
        qemu.kill()
    return b"romana-guest: " in first


@pytest.mark.skipif(not os.access("/dev/kvm", os.R_OK | os.W_OK), reason="there is no /dev/kvm to be wrong about")
def test_answer_is_what_an_ordinary_guest_finds(image: Path, tmp_path: Path) -> None:
    answer = ask(tmp_path)
    assert answer["works"] == boots(image), answer
    assert bool(answer["reason"]) != answer["works"]


def test_guest_gets_to_its_end_on_an_emulated_processor(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(kvm_guest.GUEST.ljust(SECTOR - 2, b"\0") + b"\x55\xaa")
    command = ["qemu-system-x86_64", "-accel", "tcg", "-nodefaults", "-display", "none", "-no-reboot", "-m", "16"]
    port = ["-device", f"isa-debug-exit,iobase={kvm_guest.PORT},iosize=1"]
    done = subprocess.run(
        [*command, *port, "-drive", f"file={disk},format=raw,if=ide"], timeout=60, check=False, capture_output=True
    )
    assert done.returncode == kvm_guest.DONE << 1 | 1, done.stderr  # as isa-debug-exit makes it
