"""An AWS whose instances are machines, in a world of its own, and ./romana-setup there, as who uses that AWS."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aws_setup import CREDENTIALS, HERE, PORT, REGION, Cloud, eventually
from fabric import USER
from machine_image import machine_image
from romana_setup import PROJECT, Setup
from world import World, children

from romana_install.ansible.release import NODE_PYTHON, build_release
from romana_install.state.stack import cache_home
from romana_install.targets.checks import OPENSTACK_RELEASE


class LiveCloud(Cloud):
    """The AWS. Its world is the user's side: it reaches moto on loopback, and public addresses of EC2.

    Args:
        directory: of its world.
        image: directories that machines' root file system consists of, see `machine_image`; none: without services.
        debian: release of its machines.
    """

    def __init__(self, directory: Path, image: Sequence[Path] | None = None, debian: str = OPENSTACK_RELEASE) -> None:
        super().__init__(directory / "aws")
        self.world = World(directory)
        self.image = image or machine_image()
        self.debian = debian

    @property
    def inside(self) -> list[str]:
        """What begins a command that runs at the user's."""
        return self.world.inside

    @property
    def network_file(self) -> Path:
        """The world's."""
        return Path(f"/proc/{self.world.pid}/ns/net")

    @property
    def program(self) -> list[str]:
        """The server, and what it is told."""
        return [str(HERE / "live_endpoint.py"), str(PORT), str(self.directory), *map(str, self.image)]

    def setup(self, name: str, **settings: Any) -> Setup:
        """./romana-setup on a stack there."""
        self.world.variables = {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{PORT}",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        usual = {"region": REGION, "aws_allowed_cidrs": [f"{USER}/32"]}
        return Setup(self.world.directory / "state", name, "", {**usual, **settings}, target="aws", world=self.world)

    def await_state(self, instance: str, state: str) -> dict[str, Any]:
        """The instance once it is in a state."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.ask("describe_instances", InstanceIds=[instance])["Reservations"][0][
                "Instances"
            ][0]
            return found if found["State"]["Name"] == state else None

        found: dict[str, Any] = eventually(look, f"{instance} is {state}")
        return found

    def machines(self) -> list[str]:
        """The instances that are containers now."""
        return [path.parent.name for path in self.directory.glob("*/root") if self._is_on(path)]

    def _is_on(self, root: Path) -> bool:
        """Whether a machine's root is mounted, which it is in the world only."""
        return str(root) in Path(f"/proc/{self.world.pid}/mountinfo").read_text().split()

    def console(self, instance: str) -> str:
        """What an instance has said."""
        return (self.directory / instance / "console.log").read_text()

    def _make_place(self) -> None:
        build_release(PROJECT, cache_home() / "releases", NODE_PYTHON[self.debian])
        self.world.__enter__()
        self.directory.mkdir()

    def _remove_place(self) -> None:
        self.world.__exit__()

    def _end_server(self, server: subprocess.Popen[bytes]) -> None:
        """So that it ends machines itself: their cgroups outlive the world."""
        for pid in children(server.pid):
            os.kill(pid, signal.SIGTERM)
