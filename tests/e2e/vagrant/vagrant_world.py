"""A world with Vagrant's box in it, and libvirt; and romana-setup on machines that Vagrant makes there."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import box
from romana_setup import Setup
from waiting import eventually
from world import World

USER = "libvirt-qemu"  # libvirtd does not start without it, and its packages make it only with their own service
QEMU_CONF = """\
user = "root"
group = "root"
security_driver = "none"
stdio_handler = "file"
namespaces = []
cgroup_controllers = []
"""


class VagrantWorld(World):
    """The world."""

    @property
    def environment(self) -> dict[str, str]:
        quiet = {"VAGRANT_CHECKPOINT_DISABLE": "1"}
        return {**super().environment, **quiet, "VAGRANT_HOME": str(self.directory / "vagrant")}

    def start_libvirt(self) -> None:
        """Have libvirt run in it."""
        for name, line in (("passwd", f"{USER}:x:64055:64055::/:/bin/false"), ("group", f"{USER}:x:64055:")):
            if USER not in (accounts := Path("/etc", name).read_text()):
                self.write(f"/etc/{name}", f"{accounts}{line}\n")
        self.write("/etc/libvirt/qemu.conf", QEMU_CONF)
        with (self.directory / "libvirtd.log").open("wb") as log:
            subprocess.Popen([*self.inside, "libvirtd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        ask = [*self.inside, "virsh", "--connect", "qemu:///system", "list"]
        eventually(lambda: subprocess.run(ask, capture_output=True, check=False).returncode == 0, "libvirt answers")

    def write(self, path: str, text: str) -> None:
        """Write a file in it."""
        script = 'mkdir -p "$(dirname "$1")" && cat >"$1"'
        subprocess.run([*self.inside, "sh", "-c", script, "sh", path], input=text, text=True, check=True)

    def virsh(self, *words: str) -> str:
        """What libvirt answers."""
        return self.run("virsh", "--connect", "qemu:///system", *words)

    def add_box(self, provider: str, engine: str = "none") -> None:
        """Let Vagrant have the box of these tests for an engine."""
        archive, parts = self.directory / "tests.box", self.directory / "box"
        parts.mkdir()
        for part in box.built(engine).iterdir():
            (parts / part.name).symlink_to(part)
        if provider != box.PROVIDER:
            (parts / "metadata.json").unlink()
            (parts / "metadata.json").write_text(json.dumps({"provider": provider}))
            (parts / "box.ovf").touch()
        command = ["tar", "--create", "--dereference", f"--file={archive}", f"--directory={parts}", "."]
        subprocess.run(command, check=True)
        self.run("vagrant", "box", "add", "--name", box.NAME, str(archive))
        archive.unlink()
        shutil.rmtree(parts)


class VagrantSetup(Setup):
    """./romana-setup -t vagrant on one stack in a world."""

    def __init__(self, world: VagrantWorld, name: str, network: str, settings: dict[str, object]) -> None:
        ours = {"vagrant_box": box.NAME, "local_debian_release": box.RELEASE}
        super().__init__(world.directory / "state", name, network, {**ours, **settings}, "vagrant", world)
        self.world: VagrantWorld = world

    def vagrant(self, *words: str) -> str:
        """What Vagrant says in the stack's directory."""
        return self.world.run("env", f"--chdir={self.directory}", "vagrant", *words)

    def remains(self) -> dict[str, list[str]]:
        """All of the stack that libvirt has, and all of libvirt's networks."""
        listed = {
            "machines": self.world.virsh("list", "--all", "--name"),
            "networks": self.world.virsh("net-list", "--all", "--name"),
            "volumes": self.world.virsh("vol-list", "default"),
            "links": self.world.run("ip", "-o", "link"),
        }
        marks = (f"romana-{self.name}", "virbr", "vnet")
        found = {
            what: [line for line in text.splitlines() if any(mark in line for mark in marks)]
            for what, text in listed.items()
        }
        return {what: lines for what, lines in found.items() if lines}
