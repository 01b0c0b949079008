"""What nodes say of themselves: whether they run, and each service that should."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import yaml

from romana.systemd import AGENT, SERVER
from romana_install.base.invocation import PROJECT
from romana_install.state import login
from romana_install.state.stack import Node, Stack
from romana_install.verify import health

PATIENCE = 100  # seconds for a node to answer: ssh gives up before, and says why; services have a minute of it
FOUNDATION_UNITS = ("mariadb", "rabbitmq-server", "memcached")  # what OpenStack's services stand on
COMPUTE_UNITS = ("nova-compute",)
DEVSTACK_FOUNDATION = (*FOUNDATION_UNITS, "apache2")
# nova-compute's own configuration is nova-compute.conf, of DevStack nova-cpu.conf.
HYPERVISOR = "sed -n 's/^virt_type *= *//p' /etc/nova/nova-compute.conf /etc/nova/nova-cpu.conf 2>/dev/null"
DEVSTACK_UNITS = "devstack@*"  # those of OpenStack's services, which are what local.conf says


@dataclass(frozen=True)
class Answer:
    """What a node says of itself, in systemd's words. silence: why it says nothing; empty when it does.

    units: the state of each service it should run. hypervisor: what Nova has instances run by; empty for none here.
    faults: what else keeps it from its work, as `health` says it.
    """

    system: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    silence: str = ""
    hypervisor: str = ""
    faults: tuple[str, ...] = ()

    @property
    def problems(self) -> list[str]:
        """What is wrong with the node itself, each with what to do."""
        idle = (f"{unit} is {word}; see: journalctl -u {unit}" for unit, word in self.units.items() if word != "active")
        return [*filter(None, [self.silence]), *idle, *self.faults]

    @property
    def faulty(self) -> list[str]:
        """The same, but for services that do not run."""
        return [*filter(None, [self.silence]), *self.faults]


def units(node: Node, engine: str) -> list[str]:
    """The services a node should run, as far as their names are the same in every stack."""
    wanted = [SERVER, AGENT] if node.controller else [AGENT]
    if engine == "packages" and node.controller:
        wanted += [*FOUNDATION_UNITS, *_controller_units()]
    if engine == "packages" and node.compute:
        wanted += COMPUTE_UNITS
    if engine == "devstack":
        wanted += DEVSTACK_FOUNDATION if node.controller else ["libvirtd"]
    return wanted


def _controller_units() -> list[str]:
    """OpenStack's services on the controller, as the playbooks start them."""
    variables = yaml.safe_load((PROJECT / "playbooks" / "group_vars" / "all.yml").read_text())
    units = itertools.chain.from_iterable(variables["openstack_units"].values())
    return [unit for unit in units if not unit.endswith("-schema")]  # these end when their work is done


def ask_nodes(stack: Stack) -> dict[Node, Answer]:
    """What each node says of itself."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(stack.nodes, pool.map(lambda node: _ask(stack, node), stack.nodes), strict=True))


def _ask(stack: Stack, node: Node) -> Answer:
    if ended := stack.target.ended(stack, node):
        return Answer(silence=ended)
    wanted = units(node, stack.engine)
    begun = time.time()
    try:
        said = login.run(stack, node, f"{health.script(stack, node)}\n{_questions(wanted, stack.engine)}", PATIENCE)
    except login.SilentError as error:
        return Answer(silence=str(error))
    lines = said.splitlines()
    return replace(parse(lines, wanted, stack.engine), faults=health.problems(lines, begun, time.time()))


def _questions(wanted: Iterable[str], engine: str) -> str:
    """The script that asks a node; `parse` understands what it prints."""
    lines = ['echo "system $(systemctl is-system-running)"', f'echo "hypervisor $({HYPERVISOR})"']
    lines += [f'echo "unit {unit} $(systemctl is-active {unit})"' for unit in wanted]
    if engine == "devstack":
        listing = f"systemctl list-units --all --plain --no-legend '{DEVSTACK_UNITS}'"
        lines.append(f'{listing} | while read -r line; do echo "listed $line"; done')
    return "\n".join(lines)


def parse(lines: Iterable[str], wanted: Iterable[str], engine: str) -> Answer:
    """What a node has said. Pure."""
    said = [words for line in lines if (words := line.split())]
    system = next((words[1] for words in said if words[0] == "system" and words[1:]), "")
    states = {words[1]: words[2] for words in said if words[0] == "unit" and words[2:]}
    found = {unit: states.get(unit, "unknown") for unit in wanted}
    listed = parse_listed(" ".join(words[1:]) for words in said if words[0] == "listed")
    if engine == "devstack" and not listed:
        found[DEVSTACK_UNITS] = "missing"
    hypervisor = next((words[1] for words in said if words[0] == "hypervisor" and words[1:]), "")
    return Answer(system, found | listed, hypervisor=hypervisor)


def parse_listed(lines: Iterable[str]) -> dict[str, str]:
    """The state of each unit that `systemctl list-units --plain --no-legend` prints. Pure."""
    columns = (line.split() for line in lines)
    return {words[0].removesuffix(".service"): words[2] for words in columns if words[2:]}
