"""A stack: its nodes, its state directory, and the commands that lead to its nodes.

Everything romana-setup keeps of a stack is one directory, $XDG_STATE_HOME/romana-setup/<stack_name>/, readable by
its owner only. `targets.stacks` reads and writes what the stack is made of.
"""

from __future__ import annotations

import json
import os
import shlex
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from romana.contract import API_PORT
from romana_install.base.errors import SetupError, UsageError
from romana_install.base.invocation import command

if TYPE_CHECKING:
    from romana.client import Client
    from romana_install.targets.target import Target

STATE = ".local/state"  # of a user, when XDG_STATE_HOME does not say
STACK_FILE = "stack.json"
SECRETS_FILE = "secrets.json"
ADDRESSES_FILE = "ssh_addresses"  # part of ssh_config: the addresses that a cloud has given
JOURNAL_FILE = "journal.json"
SUDO_ASKS_NOTHING = "sudo -n"
SUDO_READS = "sudo -S -p ''"
SUDO_ASKS = "sudo"


class StackError(SetupError):
    """A stack that is not there or cannot be read; the text is one sentence with the fix."""


class UnknownNodeError(UsageError):
    """A node name the stack does not have; the text lists the names it has."""


@dataclass(frozen=True)
class Node:
    """One machine of the stack. index: its host number in the address plan, 0 for the controller."""

    name: str
    address: str
    index: int
    controller: bool
    compute: bool


@dataclass(frozen=True)
class Reach:
    """How a server is reached, as its owner says.

    host: name or address for ssh; empty when this machine is the server; key: path of a private key, empty for what
    ssh finds itself; destination: what ssh is asked for, its host, or empty for the node's name where several servers
    are at one host.
    """

    host: str
    user: str
    port: int = 22
    key: str = ""
    destination: str = field(default="", compare=False)

    @property
    def becomes(self) -> bool:
        """Whether root is reached by sudo."""
        return self.user != "root"


@dataclass(frozen=True)
class Stack:
    """What a stack is made of.

    target: where it is, with what is kept of a stack there; network: CIDR of the nodes' own addresses; plan: the
    address plan's variables it was made with; leaving: nodes that are to be removed and may still be there, so that a
    removal that was cut short is finished by the next run; served: whether there has been a romana-server on it;
    release, git_base: that of OpenStack, and where its repositories come from if not from the release's own base, with
    the engine devstack; identity: where Keystone is on the controller, less its version; become_password: what sudo
    asks for on nodes, empty when it asks for nothing; it is never written down.
    """

    name: str
    directory: Path
    nodes: tuple[Node, ...]
    target: Target
    engine: str = "none"
    leaving: tuple[Node, ...] = ()
    network: str = ""
    server_port: int = API_PORT
    plan: dict[str, Any] = field(default_factory=dict)
    config_digest: str = ""
    served: bool = False
    release: str = ""
    git_base: str = ""
    identity: str = ":5000"
    become_password: str = field(default="", repr=False, compare=False)

    @property
    def present(self) -> tuple[Node, ...]:
        """All nodes that may be there: the wanted ones, and those that are leaving."""
        return (*self.nodes, *self.leaving)

    @property
    def controller(self) -> Node:
        """The node that runs romana-server."""
        return next(node for node in self.nodes if node.controller)

    def node(self, name: str) -> Node:
        """The node of that name. Raises UnknownNodeError."""
        for node in self.present:
            if node.name == name:
                return node
        if name == "controller":
            return self.controller  # whatever its owner calls it
        names = ", ".join(node.name for node in self.nodes)
        raise UnknownNodeError(f"stack {self.name} has no node named {name!r}; it has: {names}")

    @property
    def has_openstack(self) -> bool:
        """Whether there is an OpenStack on it that the installer has made."""
        return self.engine != "none"

    @property
    def demo_key(self) -> Path:
        """The private key for instances; the public one beside it is the cloud's key pair `demo`."""
        return self.directory / "ssh" / "demo"

    @property
    def authority(self) -> str:
        """The path of the certificate that proves romana-server's."""
        return str(self.directory / "pki" / "ca.pem")

    @property
    def api_url(self) -> str:
        """Where romana-server listens."""
        return f"https://{self.controller.address}:{self.server_port}"

    def sudo(self, node: Node) -> str:
        """What goes before a command to run it as root on a node: no question is asked. Empty where root logs in."""
        reach = self.target.reach_of(node.name)
        if reach is None or not reach.becomes:
            return ""
        return SUDO_READS if self.become_password else SUDO_ASKS_NOTHING

    def ssh_command(self, node_name: str, *argv: str, sudo: str = "") -> list[str]:
        """Arguments that run `argv` as root on a node (a shell there when empty). Raises UnknownNodeError.

        sudo: how root is reached where it takes that; empty: without a question, or with the password on its input.
        """
        usual = self.sudo(self.node(node_name))
        if not usual:
            return self.login_command(node_name, *argv)
        shell = f"sh -c {shlex.quote(' '.join(argv))}" if argv else "-i"
        return self.login_command(node_name, f"{sudo or usual} {'-- ' if argv else ''}{shell}")

    def login_command(self, node_name: str, *argv: str) -> list[str]:
        """Arguments that run `argv` on a node as whoever may log in there. Raises UnknownNodeError."""
        node = self.node(node_name)
        reach = self.target.reach_of(node.name)
        if reach is not None and not reach.host:
            return ["sh", "-c", " ".join(argv)] if argv else ["sh", "-i"]
        destination = reach.destination if reach is not None else ""
        return ["ssh", "-F", str(self.directory / "ssh_config"), destination or node.name, *argv]

    def secrets(self) -> dict[str, Any]:
        """What secrets.json holds. Raises StackError when it is missing or damaged."""
        path = self.directory / SECRETS_FILE
        try:
            return dict(json.loads(path.read_text()))
        except (OSError, ValueError) as error:
            raise StackError(f"{path} cannot be read ({error}); run {command('install')} again") from None

    def client(self) -> AbstractContextManager[Client]:
        """An API client with the stack's admin token and its certificate authority. Raises StackError."""
        return self.target.client(self)

    def forwarded(self, *ports: int) -> AbstractContextManager[dict[int, Path]]:
        """Sockets here that lead to TCP ports of the controller, by port; none where its address is reached itself.

        Raises StackError.
        """
        return self.target.forwarded(self, *ports)


def state_home() -> Path:
    """The directory all stacks are kept in."""
    return _xdg("XDG_STATE_HOME", STATE)


def cache_home() -> Path:
    """Where things that can be made again are kept: images, releases."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def state_directory(name: str) -> Path:
    """The directory of one stack; it need not exist."""
    return state_home() / name


def _xdg(variable: str, default: str) -> Path:
    # The standard says to ignore relative paths.
    value = os.environ.get(variable, "")
    base = Path(value) if value.startswith("/") else Path.home() / default
    return base / "romana-setup"
