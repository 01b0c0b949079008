"""Parameters of the kernel: what was there before us is remembered, and put back when the agent is removed."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from pathlib import Path

from romana.agent.plumbing import IP_FORWARD, tap_sysctls
from romana.files import write_file

log = logging.getLogger(__name__)

SYSCTLS = Path("/proc/sys")
ACCEPT_REDIRECTS = "net/ipv4/conf/all/accept_redirects"


class Ledger:
    """What forwarding was like on this host before the agent turned it on.

    Turning it on or off sets `forwarding` of every interface and accept_redirects of all, so these are kept, too.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / "sysctl.json"

    def remember(self) -> None:
        """Write down the present values, unless that has been done. Raises OSError."""
        if self.path.exists():
            return
        paths = [IP_FORWARD, ACCEPT_REDIRECTS]
        paths += [f"net/ipv4/conf/{item.name}/forwarding" for item in sorted((SYSCTLS / "net/ipv4/conf").iterdir())]
        write_file(self.path, json.dumps({path: (SYSCTLS / path).read_text().strip() for path in paths}), 0o600)

    def restore(self) -> None:
        """Put back what was remembered, in the order it was written down."""
        try:
            values = json.loads(self.path.read_text())
        except FileNotFoundError:
            return
        for path, value in values.items():
            with suppress(FileNotFoundError):  # interfaces that have gone since
                _write(path, value)
        self.path.unlink()


def restore_tap(name: str) -> None:
    """Give an interface that is no longer an endpoint's the values that new interfaces get."""
    for path in tap_sysctls(name):
        with suppress(FileNotFoundError):  # it has gone, or this kernel has no IPv6
            _write(path, _default(path, name))


def _default(path: str, name: str) -> str:
    """What a new interface gets; a container sees no neigh/default, but lo has what all begin with."""
    for model in ("default", "lo"):
        with suppress(FileNotFoundError):
            return (SYSCTLS / path.replace(f"/{name}/", f"/{model}/")).read_text().strip()
    raise FileNotFoundError(path)


def _write(path: str, value: str) -> None:
    target = SYSCTLS / path
    if target.read_text().strip() != value:
        target.write_text(value)
