"""The target vagrant."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from romana_install.base.findings import Finding
from romana_install.base.machine import MachineNetwork
from romana_install.config.options import Options
from romana_install.config.read import Draft
from romana_install.config.settings import Config
from romana_install.state import ssh
from romana_install.state.stack import Stack
from romana_install.targets import checks
from romana_install.targets.machines import Machines, check_route
from romana_install.targets.target import Intent
from romana_install.targets.vagrant import machines

HOST_ONLY = "vboxnet"  # how the names of VirtualBox's interfaces on this machine begin; it keeps one for new machines
PATIENCE = 30  # seconds; a machine whose processor is emulated takes its time


@dataclass(frozen=True)
class Vagrant(Machines):
    """Virtual machines on this machine, by Vagrant. provider: virtualbox or libvirt."""

    provider: str = ""

    name: ClassVar[str] = "vagrant"
    default_engine: ClassVar[str] = "devstack"
    network_key: ClassVar[str] = "vagrant_network"
    on_this_machine: ClassVar[bool] = True
    next_steps: ClassVar[tuple[tuple[str, str], ...]] = (("snapshot save good", "keep the machines as they are"),)

    @classmethod
    def asked(cls, _options: Options, config: Config, _existing: Stack | None) -> Self:
        """By the provider that is configured."""
        return cls(config.vagrant_provider)

    def check(self, draft: Draft, existing: Stack | None, here: MachineNetwork) -> Iterator[Finding]:
        """The networks."""
        if draft.usable("vagrant_network"):
            yield from checks.nodes_network(draft, "vagrant_network", existing, here, kept=HOST_ONLY)
        for key in ("vagrant_network", "romana_cidr"):
            network = checks.parsed_network(getattr(draft.config, key))
            if draft.usable(key) and network and network.overlaps(machines.WAY_OUT):
                text = f"{network} overlaps {machines.WAY_OUT}, by which Vagrant and its machines reach each other"
                yield Finding(draft.where(key), f"{text}; choose another")

    def check_fixed(self, draft: Draft, existing: Stack) -> Iterator[Finding]:
        """The provider."""
        made = existing.target
        if isinstance(made, Vagrant) and draft.usable("vagrant_provider") and self.provider != made.provider:
            yield Finding(
                draft.where("vagrant_provider"),
                f"is {self.provider}, but the machines of stack {existing.name} are {made.provider}'s;"
                " put that back, uninstall first, or choose another stack_name",
            )

    # What looks at Vagrant imports its library, which says at once on standard error when there is no Vagrant.

    def preflight(self, intent: Intent) -> list[Finding]:
        """Whether this machine has Vagrant, and can carry the machines."""
        from romana_install.targets.vagrant import preflight

        return preflight.findings(intent)

    def clashes(self, stack: Stack, others: Sequence[Stack]) -> Iterable[Finding]:
        """Its network."""
        from romana_install.targets.vagrant import preflight

        return preflight.other_stacks(stack, others)

    def variables(self, config: Config, stack: Stack) -> dict[str, Any]:
        """Box, size and network of each machine."""
        return machines.variables(config, stack)

    def reference(self) -> dict[str, Any]:
        """Whose machines they are."""
        return {"vagrant_provider": self.provider}

    def ssh_config(self, stack: Stack, _level: str) -> str:
        """At addresses that the provider has given."""
        return ssh.config_of_machines(stack, assigned=True, timeout=PATIENCE)

    def check_way(self, stack: Stack) -> None:
        """There is a route to the machines."""
        check_route(stack)

    def advice(self, stack: Stack) -> list[str]:
        """What else to do with the machines."""
        steps = [
            f"cd {shlex.quote(str(stack.directory))}",
            "vagrant status",
            f"vagrant ssh {stack.controller.name}",
            "vagrant halt; vagrant up",
        ]
        return ["The machines, with Vagrant, whose Vagrantfile has a part of yours:", *(f"  {step}" for step in steps)]

    def left(self, stack: Stack, _given: Config) -> list[str]:
        """Machines."""
        from romana_install.targets.vagrant import remains

        return remains.left(stack, self.provider)

    def own_actions(self) -> Mapping[str, Callable[[Stack, Options], int]]:
        """Snapshots, too."""
        from romana_install.targets.vagrant.snapshot import snapshot  # slow to import

        return {**super().own_actions(), "snapshot": snapshot}


TARGET = Vagrant
