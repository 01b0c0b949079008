"""Whether a guest runs by the processor: the guest itself, and what is said where none runs."""

from __future__ import annotations

import os
import platform

import pytest
from plugins.module_utils import kvm_guest

KVM = "/dev/kvm"
NEVER = bytes.fromhex("ebfe")  # jmp to itself
STOPS = bytes.fromhex("f4")  # hlt
WRONG = bytes.fromhex("b002 ba0105 ee")  # out 0x501, 2
RIGHT = bytes.fromhex("b001 ba0105 ee")

needs_kvm = pytest.mark.skipif(
    not os.access(KVM, os.R_OK | os.W_OK) or platform.machine() != "x86_64", reason=f"nobody can use {KVM} here"
)


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
