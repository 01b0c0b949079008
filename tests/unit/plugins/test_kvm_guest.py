"""Whether a guest runs by the processor: the guest itself, and what is said where none runs."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest
from plugins.module_utils import kvm_guest

KVM = "/dev/kvm"
SECTOR = 512
NEVER = bytes.fromhex("ebfe")  # jmp to itself
STOPS = bytes.fromhex("f4")  # hlt
WRONG = bytes.fromhex("b002 ba0105 ee")  # out 0x501, 2
RIGHT = bytes.fromhex("b001 ba0105 ee")

needs_kvm = pytest.mark.skipif(
    not os.access(KVM, os.R_OK | os.W_OK) or platform.machine() != "x86_64", reason=f"nobody can use {KVM} here"
)


def test_guest_gets_to_its_end_on_an_emulated_processor(tmp_path: Path) -> None:
    qemu = shutil.which("qemu-system-x86_64")
    assert qemu is not None, "install qemu-system-x86"
    disk = tmp_path / "disk"
    disk.write_bytes(kvm_guest.GUEST.ljust(SECTOR - 2, b"\0") + b"\x55\xaa")
    command = [qemu, "-accel", "tcg", "-nodefaults", "-display", "none", "-no-reboot", "-m", "16"]
    port = ["-device", f"isa-debug-exit,iobase={kvm_guest.PORT},iosize=1"]
    done = subprocess.run(
        [*command, *port, "-drive", f"file={disk},format=raw,if=ide"], timeout=60, check=False, capture_output=True
    )
    assert done.returncode == kvm_guest.DONE << 1 | 1, done.stderr  # as isa-debug-exit makes it


def test_device_that_is_not_there() -> None:
    assert kvm_guest.why_not("/dev/no-kvm") == "there is no /dev/no-kvm"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="guests are for x86_64")
def test_device_that_is_none() -> None:
    assert kvm_guest.why_not("/dev/null").startswith("/dev/null cannot be used: ")


@needs_kvm
@pytest.mark.parametrize(
    ("guest", "expected"),
    [
        (RIGHT, ""),
        (WRONG, "a guest calculated wrongly"),
        (STOPS, "a guest did not get to its end: it stopped"),
        (NEVER, "a guest did not get to its end within 1 s"),
    ],
)
def test_guest_is_believed_by_what_it_does(guest: bytes, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real guests; these few instructions even an emulator of the kernel's does."""
    monkeypatch.setattr(kvm_guest, "GUEST", guest)
    assert kvm_guest.why_not(KVM, seconds=1) == expected
