#!/usr/bin/python
# Copyright: the Romana authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

DOCUMENTATION = r"""
module: local_stack
short_description: Manages the nodes of a stack as containers on this machine
version_added: 1.0.0
description:
  - Creates a switch (a network namespace with a bridge and no uplink) and one systemd-nspawn container per node on it,
    each in its own network namespace, with an overlay over a shared root file system.
  - Waits until every node that it started answers ssh.
  - A supervisor restarts a node that reboots or dies. Nodes that are not listed are removed.
  - Runs on the machine that hosts the containers, as root. It needs C(systemd-nspawn), C(ip) and C(nsenter).
options:
  name:
    description: Name of the stack; namespaces and containers are named after it.
    type: str
    required: true
  directory:
    description: Directory for the files that the stack's nodes write.
    type: path
    required: true
  state:
    description: V(absent) removes every node and the switch.
    type: str
    choices: [present, absent]
    default: present
  image:
    description: Root file system that all nodes share, read-only. Required when O(state=present).
    type: path
  network:
    description:
      - The network of the nodes. The switch, which is the nodes' default gateway, has its first address; this machine
        has its last one.
    type: str
    default: 192.168.99.0/24
  nodes:
    description: Addresses of the nodes in O(network), by host name.
    type: dict
    default: {}
  uplink:
    description:
      - Whether this machine is the nodes' default gateway, instead of the switch. The module
        P(romana.openstack.local_uplink#module) then forwards their traffic.
    type: bool
    default: false
  kvm:
    description: Whether the nodes get this machine's C(/dev/kvm), so that their guests can use hardware virtualization.
    type: bool
    default: false
  binds:
    description: Directories of this machine that are mounted read-only in the nodes, at the same path.
    type: list
    elements: path
    default: []
  supervisor:
    description: The program that runs one node, and ends what is left of one.
    type: path
    required: true
  authorized_key:
    description: Public key that can log in as root. Required when O(state=present).
    type: path
  host_keys:
    description: Directory with the nodes' ssh host keys, C(<node>) and C(<node>.pub). Required when O(state=present).
    type: path
attributes:
  check_mode:
    support: full
    description: Reports what it would change, and changes nothing.
  diff_mode:
    support: full
    description: Lists the nodes before and after.
author:
  - The Romana authors
"""

EXAMPLES = r"""
- name: Run two nodes
  romana.openstack.local_stack:
    name: romana
    directory: /var/lib/romana-stack/nodes
    image: /var/cache/romana/image
    supervisor: /usr/local/sbin/supervise-node
    authorized_key: /root/.ssh/id_ed25519.pub
    host_keys: /var/lib/romana-stack/host_keys
    nodes:
      controller: 192.168.99.10
      compute01: 192.168.99.11
"""

RETURN = r"""
started:
  description: Names of nodes that were created or restarted.
  returned: always
  type: list
  elements: str
removed:
  description: Names of nodes that were removed.
  returned: always
  type: list
  elements: str
"""

import fcntl
import ipaddress
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.files import make_directory, write_file

BRIDGE = "br0"
SSH_PORT = 22
STOPPING = "stopping"  # a node's file while its supervisor is told to end
PRIVATE = 0o700
# What a node's own layer begins with; the first is its root directory.
DIRECTORIES = {"": 0o755, "etc": 0o755, "etc/ssh": 0o755, "root": PRIVATE, "root/.ssh": PRIVATE}
BOOT_SECONDS = 60  # a node boots in one or two; longer than this means that it does not


class LocalStack:
    """The switch and the nodes of one stack."""

    def __init__(self, params: dict[str, Any]) -> None:
        self.name = params["name"]
        self.directory = Path(params["directory"])
        self.network = ipaddress.IPv4Network(params["network"])
        self.image = params["image"]
        self.gateway = self.network[-2 if params["uplink"] else 1]
        self.binds = params["binds"]
        self.kvm = params["kvm"]
        self.supervisor = params["supervisor"]
        self.authorized_key = params["authorized_key"]
        self.host_keys = params["host_keys"]
        self.switch = f"{self.name}-switch"
        self.uplink = f"ro-{self.name}"[:15]

    def spec(self, name: str, address: str) -> dict[str, Any]:
        """What the supervisor is told of a node; a node whose spec differs is started again with the new one."""
        return {
            "name": name,
            "namespace": f"{self.name}-{name}",
            "switch": self.switch,
            "port": name[:15],
            "address": f"{address}/{self.network.prefixlen}",
            "gateway": str(self.gateway),
            "image": self.image,
            "binds": self.binds,
            **({"devices": ["/dev/kvm"]} if self.kvm else {}),  # a node that has none keeps its spec
        }

    # --- observe

    def existing(self) -> dict[str, Any]:
        """Specs of the nodes that are there, by name; None for one that was left half-made."""
        found = {}
        for path in sorted(self.directory.iterdir()) if self.directory.is_dir() else []:
            spec = path / "node.json"
            whole = spec.exists() and is_open(path / "upper")
            found[path.name] = json.loads(spec.read_text()) if whole else None
        return found

    def has_switch(self) -> bool:
        """Whether the switch and this machine's link to it are complete."""
        return (
            Path("/run/netns", self.switch).exists()
            and Path("/sys/class/net", self.uplink).exists()
            and run(["ip", "-n", self.switch, "link", "show", BRIDGE], check=False).returncode == 0
            and str(self.network[-2]) in run(["ip", "-4", "addr", "show", "dev", self.uplink]).stdout
        )

    def supervisor_pid(self, name: str) -> int | None:
        """Process id of a node's supervisor; None when none runs. A supervisor holds the lock of its directory."""
        path = self.directory / name / "supervisor.pid"
        if not path.exists():
            return None
        with path.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read())
        return None

    # --- apply

    def make_switch(self) -> None:
        """A bridge in a namespace that forwards nothing, so that the nodes' default route leads nowhere."""
        self.remove_switch()
        inside = ["ip", "-n", self.switch]
        run(["ip", "netns", "add", self.switch])
        # Not by sysctl, which a minimal system lacks.
        run(["ip", "netns", "exec", self.switch, "sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward"])
        run([*inside, "link", "add", BRIDGE, "type", "bridge"])
        run([*inside, "addr", "add", f"{self.network[1]}/{self.network.prefixlen}", "dev", BRIDGE])
        run([*inside, "link", "set", BRIDGE, "up"])
        run(["ip", "link", "add", self.uplink, "type", "veth", "peer", "name", "uplink", "netns", self.switch])
        run([*inside, "link", "set", "uplink", "master", BRIDGE, "up"])
        run(["ip", "addr", "add", f"{self.network[-2]}/{self.network.prefixlen}", "dev", self.uplink])
        run(["ip", "link", "set", self.uplink, "up"])

    def remove_switch(self) -> None:
        """Remove the switch and this machine's link to it, as far as they are there."""
        run(["ip", "link", "del", self.uplink], check=False)
        run(["ip", "netns", "del", self.switch], check=False)

    def make_node(self, name: str, spec: dict[str, Any]) -> None:
        """The files a node needs before its first start; an existing node keeps what it has written."""
        directory = self.directory / name
        make_directory(directory, PRIVATE)
        make_directory(directory / "work", PRIVATE)
        make_directory(directory / "root", 0o755)  # the node's own may still be mounted there
        upper = directory / "upper"
        for part, mode in DIRECTORIES.items():
            make_directory(upper / part, mode)
        files = {
            "etc/hostname": (f"{name}\n", 0o644),
            "root/.ssh/authorized_keys": (Path(self.authorized_key).read_text(), 0o600),
            "etc/ssh/ssh_host_ed25519_key": (Path(self.host_keys, name).read_text(), 0o600),
            "etc/ssh/ssh_host_ed25519_key.pub": (Path(self.host_keys, f"{name}.pub").read_text(), 0o644),
        }
        for file, (content, mode) in files.items():
            write_file(upper / file, content, mode)
        write_file(directory / "node.json", json.dumps(spec, indent=1), 0o600)

    def start_node(self, name: str) -> None:
        """Start the supervisor of a node and leave it running."""
        directory = self.directory / name
        lock = (directory / "supervisor.pid").open("a+")
        fcntl.flock(lock, fcntl.LOCK_EX)
        (directory / STOPPING).unlink(missing_ok=True)
        command = [sys.executable, str(self.supervisor), str(directory)]
        if Path("/run/systemd/system").is_dir():
            unit = f"romana-{self.name}-{name}"
            # Of a supervisor that was killed, whose node goes on.
            run(["systemctl", "stop", f"{unit}.scope"], check=False)
            run(["systemctl", "reset-failed", f"{unit}.scope"], check=False)
            command = ["systemd-run", "--quiet", "--scope", "--property=Delegate=yes", f"--unit={unit}", *command]
        with (directory / "console.log").open("ab") as console:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                cwd="/",
                env={"PATH": os.environ.get("PATH", os.defpath)},  # nothing of the run that happens to start it
                start_new_session=True,
                pass_fds=[lock.fileno()],  # the lock lives as long as the supervisor
            )
        lock.truncate(0)
        lock.write(str(process.pid))
        lock.close()

    def wait_for_ssh(self, name: str, address: str) -> None:
        """Return once a node answers to ssh.

        Raises TimeoutError, and ChildProcessError as soon as its supervisor has ended, with what its console said last.
        """
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline:
            if self.supervisor_pid(name) is None:
                raise ChildProcessError(f"the supervisor of {name} has ended; its console: {self.last_words(name)}")
            try:
                with socket.create_connection((address, SSH_PORT), timeout=1) as connection:
                    if connection.recv(1):  # the server's greeting
                        return
            except OSError:
                time.sleep(0.05)  # nobody tells us when a socket in another namespace begins to listen
        raise TimeoutError(
            f"{name} does not answer to ssh after {BOOT_SECONDS} s; its console: {self.last_words(name)}"
        )

    def last_words(self, name: str) -> str:
        """What a node's console said last."""
        lines = (self.directory / name / "console.log").read_text(errors="replace").splitlines()
        return " / ".join(lines[-3:])

    def stop_nodes(self, names: Iterable[str]) -> None:
        """Stop nodes' supervisors, and with them the nodes; returns once all are gone."""
        running = {name: pid for name in names if (pid := self.supervisor_pid(name)) is not None}
        for name, pid in running.items():
            (self.directory / name / STOPPING).touch()  # whoever watches it knows that it does not die
            os.kill(pid, signal.SIGTERM)
        for name in running:
            with (self.directory / name / "supervisor.pid").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH)

    def remove_node(self, name: str) -> None:
        """Remove a stopped node, also one that has outlived its supervisor, and what it wrote."""
        directory = self.directory / name
        if (directory / "node.json").exists():  # else it never ran
            run([sys.executable, str(self.supervisor), "--clean", str(directory)])
        (directory / "supervisor.pid").unlink(missing_ok=True)  # before what says that it was told to end
        shutil.rmtree(directory)


def run(command: list[str], check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program; raises CalledProcessError."""
    return subprocess.run(command, check=check, capture_output=True, text=True)


def is_open(upper: Path) -> bool:
    """Whether the users of a node can reach what is theirs there: somebody's umask may have closed its directories."""
    needed = {upper / part: mode for part, mode in DIRECTORIES.items() if mode != PRIVATE}
    return all(path.is_dir() and path.stat().st_mode & mode == mode for path, mode in needed.items())


@dataclass(frozen=True)
class Difference:
    """What has to happen; nodes that are in no list are not touched. switch: whether it is to be made or removed."""

    remove: list[str]
    make: list[str]
    start: list[str]
    switch: bool


def difference(
    wanted: dict[str, Any], existing: dict[str, Any], running: Collection[str], has_switch: bool
) -> Difference:
    """What has to happen. wanted, existing: specs of the nodes, by name; running: names of those that run. Pure."""
    make = [name for name, spec in wanted.items() if existing.get(name) != spec]
    return Difference(
        remove=[name for name in existing if name not in wanted],
        make=make,
        # With the switch go the ports of all nodes.
        start=[name for name in wanted if not has_switch or name in make or name not in running],
        switch=has_switch != bool(wanted),
    )


def apply(stack: LocalStack, wanted: dict[str, Any], todo: Difference) -> None:
    """Carry out the difference."""
    stack.stop_nodes({*todo.remove, *todo.start})
    for name in todo.remove:
        stack.remove_node(name)
    if wanted and todo.switch:
        stack.make_switch()
    for name in todo.make:
        stack.make_node(name, wanted[name])
    for name in todo.start:
        stack.start_node(name)
    for name in todo.start:
        stack.wait_for_ssh(name, wanted[name]["address"].partition("/")[0])
    if not wanted:
        stack.remove_switch()
        shutil.rmtree(stack.directory, ignore_errors=True)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "directory": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "image": {"type": "path"},
            "network": {"type": "str", "default": "192.168.99.0/24"},
            "nodes": {"type": "dict", "default": {}},
            "uplink": {"type": "bool", "default": False},
            "kvm": {"type": "bool", "default": False},
            "binds": {"type": "list", "elements": "path", "default": []},
            "supervisor": {"type": "path", "required": True},
            "authorized_key": {"type": "path"},
            "host_keys": {"type": "path", "no_log": False},
        },
        required_if=[("state", "present", ("image", "nodes", "authorized_key", "host_keys"))],
        supports_check_mode=True,
    )
    stack = LocalStack(module.params)
    nodes = module.params["nodes"] if module.params["state"] == "present" else {}
    wanted = {name: stack.spec(name, address) for name, address in nodes.items()}
    existing = stack.existing()
    running = [name for name in existing if stack.supervisor_pid(name) is not None]
    todo = difference(wanted, existing, running, stack.has_switch())
    changed = any(asdict(todo).values())
    if changed and not module.check_mode:
        try:
            apply(stack, wanted, todo)
        except subprocess.CalledProcessError as error:
            module.fail_json(
                msg=f"cannot change the containers of {stack.name}: {' '.join(error.cmd)}: {error.stderr.strip()}"
            )
        except OSError as error:
            module.fail_json(msg=f"cannot change the containers of {stack.name}: {error}")
    module.exit_json(
        changed=changed,
        started=todo.start,
        removed=todo.remove,
        diff={"before": {"nodes": sorted(existing)}, "after": {"nodes": sorted(wanted)}},
    )


if __name__ == "__main__":
    main()
