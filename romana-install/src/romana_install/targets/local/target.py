"""The target local."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from romana_install.ansible.package_index import pip_options
from romana_install.ansible.run import Watch
from romana_install.base import machine
from romana_install.base.findings import Finding
from romana_install.base.machine import MachineNetwork
from romana_install.config.options import Options
from romana_install.config.read import Draft
from romana_install.config.settings import Config
from romana_install.state import ssh
from romana_install.state.stack import Node, Stack
from romana_install.targets import checks
from romana_install.targets.external import LONGEST
from romana_install.targets.local import preflight, remains, supervisors
from romana_install.targets.local.uplink import interface_name, uplink_wanted
from romana_install.targets.machines import Machines, check_route
from romana_install.targets.target import Intent


@dataclass(frozen=True)
class Local(Machines):
    """Containers on this machine, in a network of their own.

    The address plan lives only inside the nodes' network namespaces, whose one route and no resolver come from
    local_network. So the plan is held against local_network, and local_network against this machine's own routes and
    resolvers; a resolver of this machine inside the plan is no conflict.
    """

    name: ClassVar[str] = "local"
    default_engine: ClassVar[str] = "packages"
    network_key: ClassVar[str] = "local_network"
    on_this_machine: ClassVar[bool] = True

    @classmethod
    def asked(cls, _options: Options, _config: Config, _existing: Stack | None) -> Self:
        """Nothing of it is asked for."""
        return cls()

    def check(self, draft: Draft, existing: Stack | None, here: MachineNetwork) -> Iterator[Finding]:
        """The nodes' network, and their way out."""
        if draft.usable("local_network"):
            yield from checks.nodes_network(draft, "local_network", existing, here)
        if not draft.usable("openstack_engine", "local_uplink"):
            return
        engine = checks.engine(draft, self, existing)
        wanted = uplink_wanted(draft.config.local_uplink, engine)
        if wanted and not here.resolvers:
            yield Finding("/etc/resolv.conf", "names no IPv4 name server that nodes could ask; add one (local_uplink)")
        if not wanted and engine == "devstack":
            text = "is false, and DevStack installs packages on nodes; leave it empty"
            yield Finding(draft.where("local_uplink"), text)

    def external_cidr(self, config: Config) -> str:
        """The third quarter of the nodes' network, unless the network is so small that nodes are there."""
        network = self.network(config)
        quarter = list(network.subnets(prefixlen_diff=2))[2]
        return str(quarter) if quarter.prefixlen <= LONGEST else ""

    def preflight(self, intent: Intent) -> list[Finding]:
        """Whether this machine can carry it."""
        return preflight.findings(intent)

    def clashes(self, stack: Stack, others: Sequence[Stack]) -> Iterable[Finding]:
        """Its network, and the name of its interface."""
        return preflight.other_stacks(stack, others)

    def variables(self, config: Config, stack: Stack) -> dict[str, Any]:
        """What of this machine it uses: its interface in the nodes' network, and how it finds others."""
        return {
            "local_uplink": uplink_wanted(config.local_uplink, stack.engine),
            "local_interface": interface_name(stack.name),
            "local_resolvers": [str(address) for address in machine.observe().resolvers],
            "local_pip": pip_options(),
        }

    def reference(self) -> dict[str, Any]:
        """What playbooks do otherwise with containers."""
        return {"nodes_are_containers": True, "nodes_have_guest": True}

    def watch(self, stack: Stack) -> Watch:
        """Supervisors that end."""
        return supervisors.Watch(stack.directory)

    def ssh_config(self, stack: Stack, _level: str) -> str:
        """By this machine's interface in the nodes' network, or not at all."""
        return ssh.config_of_machines(stack, interface=interface_name(stack.name))

    def check_way(self, stack: Stack) -> None:
        """That interface has a route there."""
        check_route(stack, interface_name(stack.name))

    def ended(self, stack: Stack, node: Node) -> str:
        """Its supervisor has."""
        return supervisors.problem(stack.directory, node.name)

    def left(self, stack: Stack, _given: Config) -> list[str]:
        """Containers, networks, mounts, files."""
        return list(remains.left(stack))


TARGET = Local
