"""Tap devices, namespaces and the wire between two taps: the part of a probe that talks to the kernel."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import fcntl
import os
import socket
import struct
import sys
from contextlib import suppress

# <linux/if_tun.h>, <linux/sockios.h>, <linux/if.h>, <linux/sched.h>
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI, IFF_TUN_EXCL = 0x0002, 0x1000, 0x8000
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFHWADDR = 0x8913, 0x8914, 0x8924
IFF_UP = 0x1
ARPHRD_ETHER = 1
CLONE_NEWNET = 0x40000000

LARGEST_FRAME = 65536
FRAMES_AT_ONCE = 64  # then the other direction gets its turn

_libc = ctypes.CDLL(None, use_errno=True)


def enter_new_network() -> None:
    """Move this process into a network namespace of its own that has no name. Raises OSError."""
    if _libc.unshare(CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"cannot make a network namespace: {os.strerror(code)}")


def open_tap(name: str) -> int:
    """Make tap device `name` in this process's namespace; it lives as long as the descriptor. Raises OSError."""
    try:
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise OSError(
            error.errno, f"cannot open /dev/net/tun: {error.strerror}; the node needs the tun device"
        ) from None
    try:
        # Exclusive: never take over a device of that name that somebody else keeps.
        fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL))
    except OSError as error:
        os.close(descriptor)
        reason = "a device of that name exists" if error.errno == errno.EBUSY else error.strerror
        raise OSError(error.errno, f"cannot make tap {name}: {reason}") from None
    return descriptor


def set_mac(name: str, mac: str) -> None:
    """Give interface `name` the hardware address `mac` (aa:bb:cc:dd:ee:ff). Raises OSError."""
    hardware = bytes.fromhex(mac.replace(":", ""))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFHWADDR, struct.pack("16sH6s8x", name.encode(), ARPHRD_ETHER, hardware))


def set_up(name: str) -> None:
    """Set interface `name` up. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH22x", name.encode(), 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(control, SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", name.encode(), flags | IFF_UP))


def plug(interface: str, mac: str) -> tuple[int, int]:
    """Make tap `interface` on the node, move into a new namespace and make `eth0` with `mac` there, both up.

    Returns the descriptors of the two taps: frames read from one are to be written to the other. Raises OSError.
    """
    outside = open_tap(interface)
    set_up(interface)
    enter_new_network()
    inside = open_tap("eth0")
    set_mac("eth0", mac)
    set_up("lo")
    set_up("eth0")
    return outside, inside


def relay(loop: asyncio.AbstractEventLoop, one: int, other: int) -> None:
    """Carry every frame from tap `one` to tap `other` and back, for as long as the loop runs."""
    loop.add_reader(one, _carry, loop, one, other)
    loop.add_reader(other, _carry, loop, other, one)


def _carry(loop: asyncio.AbstractEventLoop, source: int, target: int) -> None:
    for _ in range(FRAMES_AT_ONCE):
        try:
            frame = os.read(source, LARGEST_FRAME)
        except BlockingIOError:
            return
        except OSError as error:  # the device was deleted: a cut wire, which the checks will find
            print(f"romana-probe: wire is cut: {error}", file=sys.stderr)
            loop.remove_reader(source)
            return
        with suppress(OSError):  # device down or queue full: the frame is lost, as on any wire
            os.write(target, frame)
