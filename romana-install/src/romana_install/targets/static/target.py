"""The target static."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, ClassVar, Self

from romana_install.base.files import write_private
from romana_install.base.findings import Finding
from romana_install.base.machine import MachineNetwork
from romana_install.config.options import Options
from romana_install.config.read import Draft
from romana_install.config.settings import Config
from romana_install.state import ssh_errors
from romana_install.state.stack import Node, Reach, Stack
from romana_install.targets.external import taken
from romana_install.targets.static import checks, inventory, ssh_config
from romana_install.targets.static.inventory import Servers
from romana_install.targets.static.way import way
from romana_install.targets.target import TRANSIENT, Intent, Target


@dataclass(frozen=True)
class Static(Target):
    """Servers that were there before, and are given back as they were.

    reach: how each node is reached; jump: by which bastion; known_hosts: the file that has their host keys, empty for
    the user's own; servers: what the inventory says.
    """

    reach: Mapping[str, Reach] = field(default_factory=dict)
    jump: str = ""
    known_hosts: str = ""
    servers: Servers = field(default=Servers(), repr=False, compare=False, metadata=TRANSIENT)

    name: ClassVar[str] = "static"
    default_engine: ClassVar[str] = "packages"
    makes_machines: ClassVar[bool] = False
    ready: ClassVar[str] = ", and so are the servers"

    @classmethod
    def of_notes(cls, kept: Mapping[str, Any]) -> Self:
        """From what `notes` said."""
        reach = {name: Reach(**one) for name, one in kept["reach"].items()}
        return cls(**{**kept, "reach": reach})

    @classmethod
    def asked(cls, options: Options, config: Config, existing: Stack | None) -> Self:
        """The servers that the inventory names, or those of the last run; and those that are to leave."""
        there = existing.target.reach if existing is not None and isinstance(existing.target, cls) else {}
        if options.inventory is not None:
            servers = inventory.read(options.inventory, existing)
        elif existing is None or not there:
            own = "my-servers.yml"
            text = f"needs an inventory of your servers: cp {inventory.EXAMPLE} {own}, edit it, and add -i {own}"
            servers = Servers(findings=(Finding("-t static", text),))
        else:
            servers = Servers(existing.nodes, dict(there))
        present = {node.name for node in existing.present} if existing is not None else set()
        staying = {name: reach for name, reach in there.items() if name in present}
        return cls({**staying, **servers.reach}, config.ssh_jump, config.ssh_known_hosts, servers)

    def nodes(self, _config: Config) -> tuple[Node, ...]:
        """Those of the inventory."""
        return self.servers.nodes

    def check(self, draft: Draft, existing: Stack | None, _here: MachineNetwork) -> Iterator[Finding]:
        """The inventory, and the configuration with it."""
        return checks.findings(draft, self, existing)

    def external_problems(self, config: Config, network: IPv4Network) -> Iterator[str]:
        """It holds no server."""
        return taken(network, {node.name: node.address for node in self.nodes(config)})

    def preflight(self, intent: Intent) -> list[Finding]:
        """Whether the servers can carry it."""
        from romana_install.targets.static import preflight

        return preflight.findings(intent.config, intent.stack)

    def variables(self, config: Config, _stack: Stack) -> dict[str, Any]:
        """Whether routers know the hosts."""
        return {"nodes_are_routed": config.static_routes_announced}

    def reference(self) -> dict[str, Any]:
        """What playbooks do otherwise with servers."""
        return {"nodes_are_given_back": True}

    def node_python(self, _config: Config, stack: Stack) -> str:
        """As the servers say. Their host keys are written down, too, by which they know each other."""
        from romana_install.targets.static.facts import ask, known_hosts

        answers = ask(stack, stack.nodes)
        write_private(stack.directory / "ssh" / "known_hosts", known_hosts(stack.nodes, answers))
        return answers[stack.controller.name].python

    def ssh_config(self, stack: Stack, level: str) -> str:
        """As their owner says."""
        return ssh_config.ssh_config(stack, self, level)

    def reach_of(self, node: str) -> Reach | None:
        """As the inventory says."""
        return self.reach.get(node)

    def by_ssh(self, stack: Stack) -> bool:
        """Unless the controller is this machine."""
        reach = self.reach.get(stack.controller.name)
        return reach is not None and bool(reach.host)

    def user(self, node: Node) -> str:
        """As their owner says."""
        return self.reach[node.name].user

    def silence(self, stack: Stack, node: Node, said: str) -> str:
        """By what ssh said, and how it went."""
        return ssh_errors.sentence(said, way(stack, self, node, look=ssh_errors.is_denial(said)))

    def by_hand(self, stack: Stack, node: Node) -> str:
        """With the words of the inventory."""
        return way(stack, self, node).by_hand()

    def growth(self, _command: str) -> list[str]:
        """By the inventory."""
        return ["More or fewer servers: change your inventory, and run again with -i and its name."]

    @classmethod
    def is_seen_without_notes(cls, options: Options) -> bool:
        """When they are named."""
        return options.inventory is not None

    @classmethod
    def without_notes(cls, options: Options, given: Config, directory: Path) -> Stack:
        """On the servers that an inventory names. Raises StackError, FindingsError."""
        from romana_install.targets.static.lost import found

        return found(cls.asked(options, given, None), options, given, directory)

    def nothing_there(self, stack: Stack) -> str:
        """Where it was looked for."""
        return f"there is nothing of a stack on {_names(stack)}"

    def going(self, stack: Stack) -> list[str]:
        """What was brought."""
        return [f"everything of it on the servers {_names(stack)}, which are left as they were before"]

    def left(self, stack: Stack, given: Config) -> list[str]:
        """What the servers still have."""
        from romana_install.targets.static import remains

        return remains.left(stack, given.static_forget)


def _names(stack: Stack) -> str:
    return ", ".join(node.name for node in stack.nodes)


TARGET = Static
