"""A guest of a few instructions that really runs by /dev/kvm, or does not.

That the device is there says little: on a virtual machine whose own processor is not passed on, or is emulated, it may
run no guest, or one that stops at its first instruction that is not emulated. Kernels do what this guest does.
See the kernel's Documentation/virt/kvm/api.rst.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import platform
import select
import signal
import struct
from collections.abc import Callable
from pathlib import Path

SECONDS = 5.0  # that a guest gets; where KVM works it takes a twentieth of one
ENTRY = 0x7C00  # where the guest begins, as a boot sector would: so other machines can run it, too
PORT = 0x501
DONE = 1  # what it writes to the port at its end

# In 16 bits: page tables for 2 MiB at 0x1000, and with them to 64 bits.
_START = bytes.fromhex(
    "fa 31c0 8ed8 8ec0 fc"  # cli; ax, ds, es = 0; cld
    "66bf00100000 0f22df 6631c0 66b9000c0000 66f3ab"  # cr3 = edi = 0x1000; clear 12 KiB
    "66c706001003200000 66c706002003300000 66c706003083000000"  # [0x1000] = 0x2003, [0x2000] = 0x3003, [0x3000] = 0x83
    "66b820060000 0f22e0"  # cr4 = PAE, OSFXSR, OSXMMEXCPT
    "66b9800000c0 0f32 80cc01 0f30"  # EFER |= LME
    "66b801000080 0f22c0"  # cr0 = PE, PG
    "0f0116617c ea777c0800"  # lgdt [0x7c61]; jmp 8:0x7c77
    "0f00 677c0000 0000000000000000 00000000009a2000"  # at 0x7c61: limit and place of the GDT, and the GDT
)
# In 64 bits: what every x86-64 processor knows and a kernel's emulator does not, and many instructions one by one.
_WORK = bytes.fromhex(
    "660fefc0 660f76c9 660ffec1 660f7ec0 f6d8"  # xmm0 = 0; xmm1 = -1; xmm0 += xmm1 (paddd); al = -xmm0
    "b900e1f505 ffc9 75fc"  # ecx = 100000000; until it is 0: dec ecx
    "66ba0105 ee f4 ebfd"  # out 0x501, al; hlt for ever
)
GUEST = _START + _WORK

_CREATE_VM, _VCPU_MMAP_SIZE, _CREATE_VCPU, _RUN = 0xAE01, 0xAE04, 0xAE41, 0xAE80
_SET_TSS_ADDR, _SET_MEMORY = 0xAE47, 0x4020AE46
_SUPPORTED_CPUID, _SET_CPUID = 0xC008AE05, 0x4008AE90
_GET_SREGS, _SET_SREGS, _SET_REGS = 0x8138AE83, 0x4138AE84, 0x4090AE82
_TSS = 0x7FFB0000  # a place of the guest's that nobody uses; older Intel processors need it
_CPUID = 8 + 40 * 256  # bytes: a header, and as many entries as there may be
_SREGS = 0x138
_CS = struct.Struct("=QIH")  # of struct kvm_segment, the first of _SREGS: base, limit, selector
_EXITS = {5: "it stopped", 6: "it left its memory", 8: "it crashed", 9: "the processor refused it"}
_EXIT_IO, _EXIT_INTERNAL_ERROR = 2, 17


def why_not(device: str, seconds: float = SECONDS) -> str:
    """Why no guest runs by the device, in a few words; empty when one did.

    Args:
        device: usually /dev/kvm.
        seconds: after which a guest that has not ended never will.
    """
    if not Path(device).exists():
        return f"there is no {device}"
    if platform.machine() != "x86_64":
        return f"whether guests run is not known on {platform.machine()}"
    return _apart(lambda: _run(device), seconds)


def _run(device: str) -> str:
    try:
        return _guest(device)
    except OSError as error:
        return f"{device} cannot be used: {error.strerror}"


def _guest(device: str) -> str:
    """Run the guest until it does something that the processor leaves to us; what that was. Raises OSError."""
    kvm = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    machine = fcntl.ioctl(kvm, _CREATE_VM, 0)
    memory = mmap.mmap(-1, 1 << 20)
    memory[ENTRY : ENTRY + len(GUEST)] = GUEST
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    fcntl.ioctl(machine, _SET_TSS_ADDR, _TSS)
    fcntl.ioctl(machine, _SET_MEMORY, struct.pack("=IIQQQ", 0, 0, 0, len(memory), address))
    processor = fcntl.ioctl(machine, _CREATE_VCPU, 0)
    features = bytearray(struct.pack("=II", 256, 0).ljust(_CPUID, b"\0"))
    fcntl.ioctl(kvm, _SUPPORTED_CPUID, features)
    fcntl.ioctl(processor, _SET_CPUID, features)
    special = bytearray(_SREGS)
    fcntl.ioctl(processor, _GET_SREGS, special)
    _CS.pack_into(special, 0, 0, 0xFFFF, 0)
    fcntl.ioctl(processor, _SET_SREGS, special)
    fcntl.ioctl(processor, _SET_REGS, struct.pack("=18Q", *[0] * 16, ENTRY, 2))
    shared = mmap.mmap(processor, fcntl.ioctl(kvm, _VCPU_MMAP_SIZE, 0))
    fcntl.ioctl(processor, _RUN, 0)
    return _ending(shared)


def _ending(shared: mmap.mmap) -> str:
    """What struct kvm_run says: empty when the guest has done its work."""
    (reason,) = struct.unpack_from("=I", shared, 8)
    if reason == _EXIT_IO:
        _, _, port, _, offset = struct.unpack_from("=BBHIQ", shared, 32)
        return "" if (port, shared[offset]) == (PORT, DONE) else "a guest calculated wrongly"
    if reason == _EXIT_INTERNAL_ERROR:
        return "a guest came to an instruction that is not emulated"
    return f"a guest did not get to its end: {_EXITS.get(reason, f'KVM ended it with {reason}')}"


def _apart(work: Callable[[], str], seconds: float) -> str:
    """What the work returns, done in a process of its own, which can be ended whatever it waits for."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, (work() + "\n").encode())
        finally:
            os._exit(0)
    os.close(writing)
    try:
        said = os.read(reading, 4096) if select.select([reading], [], [], seconds)[0] else None
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if said is None:
        return f"a guest did not get to its end within {seconds:g} s"
    return said.decode().strip() if said else "a guest took the process that ran it with it"
