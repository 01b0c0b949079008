"""What a target is: everything that differs between the places where a stack can be."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from romana_install.ansible.release import NODE_PYTHON
from romana_install.ansible.run import Watch, nothing
from romana_install.base.errors import UsageError
from romana_install.base.findings import Finding
from romana_install.base.machine import MachineNetwork
from romana_install.config.options import Options
from romana_install.config.read import Draft
from romana_install.config.settings import Config
from romana_install.state import forward, ssh, ssh_errors
from romana_install.state.stack import Node, Reach, Stack
from romana_install.targets.nodes import Change

if TYPE_CHECKING:
    from romana.client import Client

TRANSIENT = {"transient": True}  # metadata of a target's field that is not written down


@dataclass(frozen=True)
class Intent:
    """What an installation is to do.

    change: what is done to the nodes; existing: the stack as it is, None when there is none; others: all stacks of this
    user.
    """

    config: Config
    stack: Stack
    change: Change
    existing: Stack | None
    others: Sequence[Stack]


@dataclass(frozen=True)
class Aspect:
    """What a target tells of a stack beside what every target has: facts as `--format json` has them, and for people.

    problem: what is wrong with it; empty for nothing.
    """

    facts: dict[str, Any]
    text: str
    problem: str = ""


@dataclass(frozen=True)
class Target(ABC):
    """A target. Its fields are what is kept of a stack that nobody else understands.

    name: as -t names it; default_engine: of OpenStack, when nobody says; network_key: the variable that says which
    network its nodes are in, empty where they have addresses of their own; floating_key: the one that says how many
    floating IPs each node has of its own, empty where the network leads each to any node; makes_machines: whether the
    nodes are made for the stack, or were there before; on_this_machine: whether the nodes' network is this machine's;
    by_tunnel: whether the nodes' addresses may be somebody else's here, so that nothing is sent to them but by ssh;
    ready: what `check` says, when all is well, beside that this machine is ready; next_steps: actions to try, and what
    they do.
    """

    name: ClassVar[str]
    default_engine: ClassVar[str]
    network_key: ClassVar[str] = ""
    floating_key: ClassVar[str] = ""
    makes_machines: ClassVar[bool] = True
    on_this_machine: ClassVar[bool] = False
    by_tunnel: ClassVar[bool] = False
    ready: ClassVar[str] = ""
    next_steps: ClassVar[tuple[tuple[str, str], ...]] = ()

    # --- what is kept

    @classmethod
    def of_notes(cls, kept: Mapping[str, Any]) -> Self:
        """From what `notes` said. Raises TypeError when it is nothing of the kind."""
        return cls(**kept)

    def notes(self) -> dict[str, Any]:
        """What is written down of it."""
        transient = {field.name for field in fields(self) if field.metadata.get("transient")}
        return {key: value for key, value in asdict(self).items() if key not in transient}

    # --- from a configuration to a stack

    @classmethod
    @abstractmethod
    def asked(cls, options: Options, config: Config, existing: Stack | None) -> Self:
        """What a command line and a configuration, which may be wrong, make of it.

        existing: the stack as it is.
        """

    @abstractmethod
    def nodes(self, config: Config) -> tuple[Node, ...]:
        """The nodes that a checked configuration asks for, the controller first."""

    def check(self, draft: Draft, existing: Stack | None, machine: MachineNetwork) -> Iterable[Finding]:
        """What is wrong with the configuration, here. machine: this one's network."""
        return ()

    def check_fixed(self, draft: Draft, existing: Stack) -> Iterable[Finding]:
        """What is configured otherwise than the existing stack of this target has it, and cannot be changed."""
        return ()

    def external_cidr(self, config: Config) -> str:
        """The external network of a stack for which none is configured; empty for none."""
        return ""

    def external_problems(self, config: Config, network: IPv4Network) -> Iterable[str]:
        """What is wrong with an external network here: how sentences go on that begin with it."""
        return ()

    def floating_ips(self, config: Config) -> dict[str, list[str]]:
        """The floating IPs that the network delivers to one node only, by the node's name."""
        return {}

    def floating_text(self, config: Config, stack: Stack) -> str:
        """What floating IPs there are, as a sentence goes on that begins with "floating"; empty for none."""
        cidr = config.openstack_external_cidr
        return f"IPs in {cidr}, the network public" if cidr else ""

    def floating_problems(self, config: Config) -> Iterable[str]:
        """What is wrong with `floating_key`: how sentences go on that begin with it. For a plan that may be used."""
        return ()

    @abstractmethod
    def preflight(self, intent: Intent) -> list[Finding]:
        """Everything that stands in the way of installing it. Nothing is made."""

    def clashes(self, stack: Stack, others: Sequence[Stack]) -> Iterable[Finding]:
        """Stacks of this user that have what this one would have."""
        return ()

    def settled(self, intent: Intent) -> Self:
        """The same, with what is settled once and stays, asked of whoever has it. Raises PreflightError."""
        return self

    # --- Ansible

    def variables(self, config: Config, stack: Stack) -> dict[str, Any]:
        """What an installation's playbooks are given beside what `ansible.variables` gives them, or instead of it."""
        return {}

    def reference(self) -> dict[str, Any]:
        """What each playbook is given, a removal's too: where the stack is."""
        return {}

    def node_python(self, config: Config, stack: Stack) -> str:
        """The version of the nodes' Python. What else has to be known of them before Ansible runs is asked, too."""
        return NODE_PYTHON[config.local_debian_release]

    def watch(self, stack: Stack) -> Watch:
        """What is asked during a run for trouble that ends it."""
        return nothing

    # --- how it is reached

    def reach_of(self, node: str) -> Reach | None:
        """How a node is reached, by its name, whose owner says it; None for one that is made for the stack."""
        return None

    def ssh_config(self, stack: Stack, level: str) -> str:
        """The text of the stack's ssh_config. level: how much ssh says of its way to servers, as its LogLevel."""
        return ssh.config_of_machines(stack)

    def by_ssh(self, stack: Stack) -> bool:
        """Whether nothing but ssh is sure to lead from this machine to the nodes' own addresses."""
        return self.by_tunnel

    def user(self, node: Node) -> str:
        """Who logs in to a node."""
        return "root"

    def silence(self, stack: Stack, node: Node, said: str) -> str:
        """Why ssh does not get into a node, and what to do. said: what it printed."""
        return f"cannot be reached: {ssh_errors.last_words(said)}"

    def by_hand(self, stack: Stack, node: Node) -> str:
        """How to try to log in to a node without us; empty where that would tell no more."""
        return ""

    def check_way(self, stack: Stack) -> None:
        """Raise StackError when this machine has no way of its own to the nodes that it has itself.

        Else what is sent, passwords included, would go to whoever has that address beyond its default route.
        """

    @contextmanager
    def forwarded(self, stack: Stack, *ports: int) -> Iterator[dict[int, Path]]:
        """Sockets here that lead to TCP ports of the controller, by port; none where its address is reached itself.

        Raises StackError.
        """
        if self.by_ssh(stack):
            with forward.forwarded(stack, stack.controller, ports) as sockets:
                yield sockets
        else:
            self.check_way(stack)
            yield {}

    @contextmanager
    def client(self, stack: Stack) -> Iterator[Client]:
        """An API client with the stack's admin token. Raises StackError."""
        from romana.client import Client  # slow to import, and most actions do without it

        with self.forwarded(stack, stack.server_port) as sockets:
            token, socket = stack.secrets()["tokens"]["admin"], sockets.get(stack.server_port)
            with Client(stack.api_url, stack.authority, token, socket=socket) as client:
                yield client

    # --- what is told of it

    def plan(self, config: Config, stack: Stack) -> Aspect | None:
        """What `plan` shows beside the nodes; None for nothing."""
        return None

    def status(self, stack: Stack) -> Aspect | None:
        """What `status` shows beside the nodes; None for nothing."""
        return None

    def ended(self, stack: Stack, node: Node) -> str:
        """That a node does not run, and what to do, as far as it shows from outside of it; empty when it runs."""
        return ""

    def advice(self, stack: Stack) -> list[str]:
        """What the summary of an installation says at its end: lines."""
        return []

    def growth(self, command: str) -> list[str]:
        """How there get to be more or fewer nodes: lines. command: the one that installed the stack."""
        where = "change devstack_compute_node in group_vars/all/stack.yml and run again:"
        return [f"More or fewer compute nodes: {where}", f"  {command}"]

    # --- what becomes of it

    def check_is_meant(self, stack: str, options: Options, _given: Config) -> None:
        """Raise UsageError when the command line names another place than the stack's. stack: its name."""
        if options.target not in (None, self.name):
            raise UsageError(f"-t {options.target}: stack {stack} is on {self.name}; leave -t out")

    @classmethod
    def is_seen_without_notes(cls, options: Options) -> bool:
        """Whether a stack can be found there whose own notes are lost."""
        return False

    @classmethod
    def without_notes(cls, options: Options, given: Config, directory: Path) -> Stack:
        """A stack whose own notes are lost, as far as it has to be known for its removal.

        Raises StackError, and FindingsError.
        """
        target = cls.asked(options, given, None)
        return Stack(given.stack_name, directory, target.nodes(Config(stack_name=given.stack_name)), target)

    def nothing_there(self, stack: Stack) -> str:
        """What is said when nothing of it is seen, and there are no notes of it."""
        return f"there is nothing of stack {stack.name}"

    def going(self, stack: Stack) -> list[str]:
        """What an uninstallation removes: lines. Raises PreflightError when that cannot be asked."""
        return [f"the nodes {', '.join(node.name for node in stack.nodes)} with everything on them"]

    def is_there(self, stack: Stack, given: Config) -> bool:
        """Whether anything of it is seen. Raises PreflightError when that cannot be asked."""
        return bool(self.left(stack, given))

    @abstractmethod
    def left(self, stack: Stack, given: Config) -> list[str]:
        """What of a stack is still there after its removal, as seen where it was: one sentence each.

        Empty only when all is seen to be gone, whatever Ansible said of its own work. Raises PreflightError.
        """

    # --- actions that not every target has

    @classmethod
    def permissions(cls, given: Config) -> dict[str, Any]:
        """The permissions that its user needs, as a document for whoever grants them. Raises UsageError."""
        raise UsageError("--iam-policy is about AWS; leave -t out")

    def own_actions(self) -> Mapping[str, Callable[[Stack, Options], int]]:
        """Actions that it takes a stack for which is there, by name."""
        from romana_install.targets.tunnel import tunnel  # slow to import, and most actions do without it

        return {"tunnel": tunnel}
