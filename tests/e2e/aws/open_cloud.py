"""An AWS whose instances install from real mirrors: they have an uplink, and the user's side has none.

So nobody can reach the real AWS: the API is the user's, and instances reach nothing but names and the web.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from fabric import HERE, MACHINE, plug_uplink, run
from live_cloud import LiveCloud
from live_endpoint import NAMESPACE
from machine_image import plain_image
from uplink import let_out, resolvers
from vpc import UPLINK

INTERFACE = "ro-ec2"  # this machine's, towards the VPC


class OpenCloud(LiveCloud):
    """The AWS.

    Args:
        directory: of its world.
        debian: release of its machines.
        binds: directories of this machine's that machines see.
    """

    def __init__(self, directory: Path, debian: str, binds: Sequence[Path] = ()) -> None:
        super().__init__(directory, plain_image(debian), debian)
        self.binds = binds

    @property
    def program(self) -> list[str]:
        """The server, and what it is told."""
        more = [*(f"--bind={path}" for path in self.binds), *(f"--resolver={address}" for address in resolvers())]
        return [*super().program, *more]

    def __enter__(self) -> OpenCloud:
        self._remove_uplink()  # what a killed run has left
        super().__enter__()
        run("ip", "link", "add", INTERFACE, "type", "veth", "peer", "name", UPLINK, "netns", str(self.world.pid))
        run("ip", "address", "add", f"{MACHINE}/30", "dev", INTERFACE)
        run("ip", "link", "set", INTERFACE, "up")
        run(*self.inside, "ip", "link", "set", UPLINK, "netns", NAMESPACE)
        plug_uplink(NAMESPACE, self.inside)
        let_out(INTERFACE, INTERFACE, f"{HERE}/32", "present")
        return self

    def __exit__(self, *_: object) -> None:
        self._remove_uplink()
        super().__exit__()

    def _remove_uplink(self) -> None:
        let_out(INTERFACE, INTERFACE, f"{HERE}/32", "absent")
        subprocess.run(["ip", "link", "del", INTERFACE], capture_output=True, check=False)
