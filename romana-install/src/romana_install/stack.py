"""A stack that exists: its nodes, its state directory, and how to reach both.

Everything romana-setup keeps of a stack is one directory, $XDG_STATE_HOME/romana-setup/<stack_name>/, readable by
its owner only. `stack.json` in it says what the stack is made of; the inventory plugin reads the same file.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from romana_install.errors import SetupError, UsageError
from romana_install.files import write_json
from romana_install.invocation import PROGRAM, command
from romana_install.machine import leads_into

if TYPE_CHECKING:
    from romana.client import Client

API_PORT = 9600
STATE = ".local/state"  # of a user, when XDG_STATE_HOME does not say
INTERFACE_NAME = 15  # longest name of a network interface
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
    """How a server of the target static is reached, as its owner says.

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

    network: CIDR of the nodes' own addresses; plan: the address plan's variables it was made with; leaving: nodes
    that are to be removed and may still be there, so that a removal that was cut short is finished by the next run;
    served: whether there has been a romana-server on it; cloud: who has it (aws: region, profile, zones; vagrant:
    provider); release, git_base: that of OpenStack, and where its repositories come from if not from the release's own
    base, with the engine devstack; identity: where Keystone is on the controller, less its version; reach: how servers
    are reached (static), by node; jump: by which bastion; known_hosts: the file that has their host keys, empty for the
    user's own; become_password: what sudo asks for there, empty when it asks for nothing; it is never written down.
    """

    name: str
    directory: Path
    nodes: tuple[Node, ...]
    target: str = "local"
    engine: str = "none"
    leaving: tuple[Node, ...] = ()
    network: str = ""
    server_port: int = API_PORT
    plan: dict[str, Any] = field(default_factory=dict)
    config_digest: str = ""
    served: bool = False
    cloud: dict[str, Any] = field(default_factory=dict)
    release: str = ""
    git_base: str = ""
    identity: str = ":5000"
    reach: dict[str, Reach] = field(default_factory=dict)
    jump: str = ""
    known_hosts: str = ""
    become_password: str = field(default="", repr=False, compare=False)

    @classmethod
    def load(cls, name: str) -> Stack:
        """Read a stack from its state directory. Raises StackError when there is none or its file is damaged."""
        return cls.read(state_directory(name))

    @classmethod
    def read(cls, directory: Path) -> Stack:
        """Read the stack kept in `directory`. Raises StackError as `load` does."""
        path = directory / STACK_FILE
        try:
            data = json.loads(path.read_text())
            nodes, leaving = (tuple(Node(**node) for node in data.pop(key)) for key in ("nodes", "leaving"))
            reach = {name: Reach(**one) for name, one in data.pop("reach", {}).items()}
            return cls(directory=directory, nodes=nodes, leaving=leaving, reach=reach, **data)
        except FileNotFoundError:
            owner = stack_of_another(directory.name)
            text = f"{owner}; or make one of yours" if owner else "make it"
            raise StackError(
                f"there is no stack {directory.name} ({path} does not exist); {text} with: {command('install')}"
            ) from None
        except (ValueError, TypeError, KeyError) as error:
            raise StackError(f"{path} is damaged ({error}); remove it and run {command('install')} again") from None

    def save(self) -> None:
        """Write stack.json."""
        data = asdict(self)
        del data["directory"], data["become_password"]
        write_json(self.directory / STACK_FILE, data)

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
    def by_ssh(self) -> bool:
        """Whether nothing but ssh is sure to lead from this machine to the nodes' own addresses."""
        reach = self.reach.get(self.controller.name)
        return self.target == "aws" or (reach is not None and bool(reach.host))

    @property
    def demo_key(self) -> Path:
        """The private key for instances; the public one beside it is the cloud's key pair `demo`."""
        return self.directory / "ssh" / "demo"

    @property
    def api_url(self) -> str:
        """Where romana-server listens."""
        return f"https://{self.controller.address}:{self.server_port}"

    def ssh_command(self, node_name: str, *argv: str, sudo: str = "") -> list[str]:
        """Arguments that run `argv` as root on a node (a shell there when empty). Raises UnknownNodeError.

        sudo: how root is reached where it takes that; empty: without a question, or with the password on its input.
        """
        node = self.node(node_name)
        reach = self.reach.get(node.name)
        if reach is None or not reach.becomes:
            return self.login_command(node_name, *argv)
        sudo = sudo or (SUDO_READS if self.become_password else SUDO_ASKS_NOTHING)
        shell = f"sh -c {shlex.quote(' '.join(argv))}" if argv else "-i"
        return self.login_command(node_name, f"{sudo} {'-- ' if argv else ''}{shell}")

    def login_command(self, node_name: str, *argv: str) -> list[str]:
        """Arguments that run `argv` on a node as whoever may log in there. Raises UnknownNodeError."""
        node = self.node(node_name)
        if node.name in self.reach and not self.reach[node.name].host:
            return ["sh", "-c", " ".join(argv)] if argv else ["sh", "-i"]
        destination = self.reach[node.name].destination if node.name in self.reach else ""
        return ["ssh", "-F", str(self.directory / "ssh_config"), destination or node.name, *argv]

    def secrets(self) -> dict[str, Any]:
        """What secrets.json holds. Raises StackError when it is missing or damaged."""
        path = self.directory / SECRETS_FILE
        try:
            return dict(json.loads(path.read_text()))
        except (OSError, ValueError) as error:
            raise StackError(f"{path} cannot be read ({error}); run {command('install')} again") from None

    @contextmanager
    def client(self) -> Iterator[Client]:
        """An API client with the stack's admin token and its certificate authority. Raises StackError.

        On AWS it goes to the controller's public address, to servers by ssh.
        """
        from romana.client import Client  # slow to import, and most actions do without it

        if self.target == "aws":
            url = f"https://{self.public_address(self.controller)}:{self.server_port}"
            client = Client(url, self._authority, self.secrets()["tokens"]["admin"], server_name=self.controller.name)
            with client:
                yield client
            return
        with self.forwarded(self.server_port) as sockets:
            socket = sockets.get(self.server_port)
            with Client(self.api_url, self._authority, self.secrets()["tokens"]["admin"], socket=socket) as client:
                yield client

    @contextmanager
    def forwarded(self, *ports: int) -> Iterator[dict[int, Path]]:
        """Sockets here that lead to TCP ports of the controller, by port; none where it is reached without ssh.

        Nothing but ssh has to lead to a server, or to an instance of EC2. To nodes on a network of this machine's own
        there is a way only while it is there: else what is sent, passwords included, would go to whoever has that
        address beyond this machine's default route. Raises StackError.
        """
        from romana_install.forward import forwarded

        if not self.by_ssh:
            self._check_network()
            yield {}
            return
        with forwarded(self, self.controller, ports) as sockets:
            yield sockets

    def _check_network(self) -> None:
        """Raise StackError when this machine has no way of its own to the nodes that it has itself."""
        interface = uplink(self.name) if self.target == "local" else ""
        if self.target in ("local", "vagrant") and not leads_into(IPv4Network(self.network), interface):
            by = f" by {interface}" if interface else ""
            raise StackError(
                f"the network of stack {self.name} is not there (no route to {self.network}{by}), as after a reboot of"
                f" this machine; bring its nodes back with: {command('install')}"
            )

    @property
    def _authority(self) -> str:
        return str(self.directory / "pki" / "ca.pem")

    def public_address(self, node: Node) -> str:
        """Where a node in a cloud is reached from outside. Raises StackError when it has no such address."""
        path = self.directory / ADDRESSES_FILE
        words = path.read_text().split() if path.is_file() else []
        if node.name in words:
            return words[words.index("HostName", words.index(node.name)) + 1]
        raise StackError(f"{node.name} has no public address; have it started with: {command('provision')}")


def uplink(stack_name: str) -> str:
    """The name of the interface by which this machine is in the network of a local stack's nodes."""
    return f"ro-{stack_name}"[:INTERFACE_NAME]


def state_home() -> Path:
    """The directory all stacks are kept in."""
    return _xdg("XDG_STATE_HOME", STATE)


def cache_home() -> Path:
    """Where things that can be made again are kept: images, releases."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def state_directory(name: str) -> Path:
    """The directory of one stack; it need not exist."""
    return state_home() / name


def stack_of_another(name: str) -> str:
    """That another user of this machine has a stack of that name, and how to work on it; empty when none is seen."""
    if Path("/run/netns", f"{name}-switch").exists() and os.geteuid() != 0:
        return f"root has a local one of that name on this machine; put sudo before {PROGRAM}"
    user = os.environ.get("SUDO_USER", "")
    if os.geteuid() == 0 and user not in ("", "root") and _home_of(user, name).is_file():
        return f"{user} has one of that name; run {PROGRAM} without sudo"
    return ""


def _home_of(user: str, name: str) -> Path:
    return Path(f"~{user}").expanduser() / STATE / "romana-setup" / name / STACK_FILE


def existing_stacks() -> list[Stack]:
    """All stacks of this user that can be read, by name."""
    stacks = []
    for path in sorted(state_home().glob(f"*/{STACK_FILE}")):
        try:
            stacks.append(Stack.read(path.parent))
        except StackError:
            continue  # a damaged neighbour is reported when somebody uses it
    return stacks


def _xdg(variable: str, default: str) -> Path:
    # The standard says to ignore relative paths.
    value = os.environ.get(variable, "")
    base = Path(value) if value.startswith("/") else Path.home() / default
    return base / "romana-setup"
