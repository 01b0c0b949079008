"""Servers that are there before romana-setup comes: containers on a switch that leads nowhere, made here."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from romana_setup import Setup
from server_image import server_image
from waiting import eventually
from world import die_with_parent

PROJECT = Path(__file__).parents[3]
SUPERVISOR = PROJECT / "roles" / "local_nodes" / "files" / "supervise-node"
USER = "debian"
NO_PASSWORD = f"{USER} ALL=(ALL) NOPASSWD: ALL\n"
PASSWORD = f"{USER} ALL=(ALL) ALL\n"


def run(*command: str | Path, check: bool = True) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def answers(command: Sequence[str]) -> bool:
    """Whether a program ends well."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@dataclass
class Server:
    """One server. name: its host name; address: in the lab's network."""

    name: str
    address: str
    directory: Path
    supervisor: subprocess.Popen[bytes]

    @property
    def inside(self) -> list[str]:
        """What a command on the server begins with: no ssh, and so nothing that ssh would leave there."""
        supervised = int((self.directory / "console.log").read_text().rsplit("started, pid ", 1)[1].split()[0])
        leader = Path(f"/proc/{supervised}/task/{supervised}/children").read_text().split()[0]
        return ["nsenter", "--target", leader, "--all", "--"]

    def run(self, *command: str, check: bool = True) -> str:
        return run(*self.inside, *command, check=check)

    def shell(self, text: str) -> str:
        return self.run("sh", "-c", text)


@dataclass
class Lab:
    """A network of servers. subnet: the first three bytes of it; this machine is .254 there."""

    name: str
    subnet: str
    directory: Path
    servers: dict[str, Server] = field(default_factory=dict)

    @property
    def switch(self) -> str:
        return f"{self.name}-switch"

    @property
    def uplink(self) -> str:
        return f"st-{self.name}"

    @property
    def key(self) -> Path:
        return self.directory / "key"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    def make(self) -> None:
        """The switch, this machine's link to it, and a key."""
        self.directory.mkdir(parents=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key)
        self.known_hosts.touch()
        run("ip", "netns", "add", self.switch)
        run("ip", "netns", "exec", self.switch, "sysctl", "-qw", "net.ipv4.ip_forward=0")
        inside = ("ip", "-n", self.switch)
        run(*inside, "link", "add", "br0", "type", "bridge")
        run(*inside, "addr", "add", f"{self.subnet}.1/24", "dev", "br0")
        run(*inside, "link", "set", "br0", "up")
        run("ip", "link", "add", self.uplink, "type", "veth", "peer", "name", "uplink", "netns", self.switch)
        run(*inside, "link", "set", "uplink", "master", "br0", "up")
        run("ip", "addr", "add", f"{self.subnet}.254/24", "dev", self.uplink)
        run("ip", "link", "set", self.uplink, "up")

    def join(self, subnet: str) -> None:
        """Another network, which the switch routes to and from."""
        inside = ("ip", "-n", self.switch)
        run(*inside, "addr", "add", f"{subnet}.1/24", "dev", "br0")
        for name in ("ip_forward=1", "conf.all.send_redirects=0", "conf.br0.send_redirects=0"):
            run("ip", "netns", "exec", self.switch, "sysctl", "-qw", f"net.ipv4.{name}")
        run("ip", "route", "add", f"{subnet}.0/24", "via", f"{self.subnet}.1", "dev", self.uplink)

    def announce(self, prefix: str, server: str) -> None:
        """Let the switch know that a prefix is behind a server."""
        run("ip", "-n", self.switch, "route", "replace", prefix, "via", self.servers[server].address)

    def close_in(self, bastion: str, here: str, there: str) -> None:
        """From now on this machine reaches the servers only by ssh to the bastion; the two addresses are theirs."""
        run("ip", "link", "del", self.uplink)
        run("ip", "route", "add", "unreachable", f"{self.subnet}.0/24")  # not by this machine's default route
        namespace = f"{self.name}-{bastion}"
        run("ip", "link", "add", self.uplink, "type", "veth", "peer", "name", "outside", "netns", namespace)
        run("ip", "addr", "add", f"{here}/30", "dev", self.uplink)
        run("ip", "link", "set", self.uplink, "up")
        run("ip", "-n", namespace, "addr", "add", f"{there}/30", "dev", "outside")
        run("ip", "-n", namespace, "link", "set", "outside", "up")
        public = self.servers[bastion].shell("cat /etc/ssh/ssh_host_ed25519_key.pub")
        with self.known_hosts.open("a") as known:
            known.write(f"{there} {public}")

    def add(
        self,
        name: str,
        number: int,
        subnet: str = "",
        sudoers: str = NO_PASSWORD,
        services: bool = False,
        binds: Sequence[str] = (),
        prepare: Callable[[Path], None] = lambda _: None,
    ) -> Server:
        """A running server at .number, of another subnet where that is given.

        prepare gets what the server has over its image before it boots; binds: directories of this machine that it
        sees, too.
        """
        subnet = subnet or self.subnet
        directory, address = self.directory / name, f"{subnet}.{number}"
        for part in ("upper", "work", "root", "system"):
            (directory / part).mkdir(parents=True)
        upper, system = directory / "upper", directory / "system"
        lower = ":".join(map(str, server_image(services)))
        run("mount", "-t", "overlay", "-o", f"lowerdir={lower}", f"{self.name}-{name}", system)
        self._fill(upper, name, address, sudoers)
        prepare(upper)
        spec = {
            "name": name,
            "namespace": f"{self.name}-{name}",
            "switch": self.switch,
            "port": name[:15],
            "address": f"{address}/24",
            "gateway": f"{subnet}.1",
            "image": str(system),
            "binds": list(binds),
        }
        (directory / "node.json").write_text(json.dumps(spec))
        with (directory / "console.log").open("wb") as console:
            process = subprocess.Popen(
                [sys.executable, str(SUPERVISOR), str(directory)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={"PATH": os.environ["PATH"]},
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        server = self.servers[name] = Server(name, address, directory, process)
        listens = ["ip", "netns", "exec", self.switch, "bash", "-c", f"</dev/tcp/{address}/22"]
        eventually(lambda: process.poll() is not None or answers(listens), f"{name} boots")
        assert process.poll() is None, (directory / "console.log").read_text()
        # What it is like then is compared later.
        server.shell("systemctl is-system-running --wait; true")
        eventually(lambda: "tentative" not in server.shell("ip addr"), f"{name} has its addresses for itself")
        return server

    def _fill(self, upper: Path, name: str, address: str, sudoers: str) -> None:
        for directory, mode in (("etc/ssh", 0o755), ("etc/sudoers.d", 0o750), (f"home/{USER}", 0o700)):
            (upper / directory).mkdir(parents=True)
            (upper / directory).chmod(mode)
        host_key, home = upper / "etc/ssh/ssh_host_ed25519_key", upper / "home" / USER
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", host_key)
        with self.known_hosts.open("a") as known:
            known.write(f"{address} {host_key.with_suffix('.pub').read_text()}")
        (upper / "etc/hostname").write_text(f"{name}\n")
        (upper / "etc/hosts").write_text(f"127.0.0.1\tlocalhost\n{address}\t{name}\n")
        (upper / "etc/resolv.conf").write_text(f"nameserver {self.subnet}.1\n")
        (upper / "etc/sudoers.d/owner").write_text(sudoers)
        (upper / "etc/sudoers.d/owner").chmod(0o440)
        (home / ".ssh").mkdir(mode=0o700)
        shutil.copy(self.key.with_suffix(".pub"), home / ".ssh/authorized_keys")
        for path in (home, home / ".ssh", home / ".ssh/authorized_keys"):
            os.chown(path, 1000, 1000)

    def remove(self, name: str) -> None:
        """End a server and remove what it wrote."""
        server = self.servers.pop(name)
        server.supervisor.send_signal(signal.SIGTERM)
        server.supervisor.wait()
        run("umount", server.directory / "system")
        shutil.rmtree(server.directory)

    def inventory(self, controller: str, *computes: str, **of_all: object) -> Path:
        """Write an inventory of some of the servers; returns its path."""
        hosts = {name: {"ansible_host": self.servers[name].address} for name in dict.fromkeys((controller, *computes))}
        common = {"ansible_user": USER, "ansible_ssh_private_key_file": str(self.key), **of_all}
        groups = {"controller": {"hosts": {controller: hosts[controller]}}}
        groups["compute"] = {"hosts": {name: hosts[name] for name in computes}}
        path = self.directory / "inventory.yml"
        path.write_text(json.dumps({"all": {"vars": common, "children": groups}}, indent=2))
        return path

    def close(self) -> None:
        """End all of it."""
        for name in list(self.servers):
            self.remove(name)
        remove_leftovers(self)


@dataclass
class Static:
    """Servers, and the installer for them."""

    lab: Lab
    setup: Setup


def remove_leftovers(lab: Lab) -> None:
    """Take away what a lab of that name is or was, also one of a run that was killed."""
    for namespace in run("ip", "netns", "list").split():
        if namespace.startswith(f"{lab.name}-"):
            # What then still waits for a neighbour would be answered for from this machine's own namespace.
            run("ip", "-n", namespace, "link", "set", "group", "default", "down", check=False)
            for pid in run("ip", "netns", "pids", namespace).split():
                with suppress(ProcessLookupError):  # it has ended with another
                    os.kill(int(pid), signal.SIGKILL)
            eventually(lambda name=namespace: not run("ip", "netns", "pids", name).strip(), "its processes end")  # type: ignore[misc]
            run("ip", "netns", "del", namespace)
    run("ip", "link", "del", lab.uplink, check=False)
    run("ip", "route", "del", "unreachable", f"{lab.subnet}.0/24", check=False)
    for mounted in (*lab.directory.glob("*/root"), *lab.directory.glob("*/system")):
        while mounted.is_mount():
            run("umount", mounted)
    shutil.rmtree(lab.directory, ignore_errors=True)
