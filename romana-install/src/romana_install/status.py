"""The action `status`: is every node there, does every service run, has every agent applied what it should."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

import yaml

from romana.client import ClientError
from romana.models import Host
from romana_install import health, login, pki, supervisors
from romana_install.context import PROJECT, existing_stack
from romana_install.invocation import command
from romana_install.journal import Journal
from romana_install.options import Options
from romana_install.stack import JOURNAL_FILE, Node, Stack, StackError
from romana_install.terminal import table

if TYPE_CHECKING:
    from romana_install.aws.status import CloudStatus

PATIENCE = 25  # seconds for a node to answer: ssh gives up before, and says why
SERVER, AGENT = "romana-server", "romana-agent"
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
        return [
            *([self.silence] if self.silence else []),
            *(f"{unit} is {word}; see: journalctl -u {unit}" for unit, word in self.units.items() if word != "active"),
            *self.faults,
        ]


@dataclass(frozen=True)
class NodeStatus:
    """One node. system, server, agent: systemd's words; desired, applied: generations; problem: empty when healthy.

    openstack: systemd's words for the services of OpenStack that the node should run. hypervisor: kvm, qemu or nothing.
    """

    name: str
    address: str
    system: str
    server: str
    agent: str
    desired: int | None
    applied: int | None
    openstack: dict[str, str]
    problem: str
    hypervisor: str = ""


def status(options: Options) -> int:
    """Print the state of the stack; returns 0 when all is well, else 1."""
    stack = existing_stack(options)
    with ThreadPoolExecutor() as pool:
        cloud_to_come = pool.submit(_cloud, stack) if stack.target == "aws" else None
        hosts_to_come = pool.submit(_hosts, stack)
        answers = ask_nodes(stack)
        hosts, api_problem = hosts_to_come.result()
        cloud = cloud_to_come.result() if cloud_to_come else None
    found = [judge(node, answer, hosts.get(node.name), api_problem) for node, answer in answers.items()]
    stopped = stopped_in(Journal(stack.directory / JOURNAL_FILE))
    days = pki.days_left(stack.directory / "pki")
    expired = days is not None and days < 0
    ok = not any(node.problem for node in found) and not (cloud and cloud.problem) and not stopped and not expired
    if options.format == "json":
        more: dict[str, object] = {"aws": asdict(cloud)} if cloud else {}
        more |= {"stopped": stopped} if stopped else {}
        more |= {} if days is None else {"certificate_days": days}
        print(json.dumps({"ok": ok, "stack": stack.name, "nodes": [asdict(node) for node in found], **more}, indent=2))
    else:
        _print(found, ok, stack)
        if stopped:
            print(f"the last {stopped['action']} stopped in phase {stopped['phase']}; to go on: {stopped['command']}")
        if days is not None and days < pki.RENEW_SERVER_DAYS:
            print(certificate_text(days))
        if cloud:
            print(_cloud_text(cloud))
    return 0 if ok else 1


def certificate_text(days: int) -> str:
    """What is to be done about romana-server's certificate, which ends in some days, or has. Pure."""
    what = "has expired: no agent hears from it" if days < 0 else f"expires in {days} days"
    return f"romana-server's certificate {what}; renew it with: {command('install')}"


def stopped_in(journal: Journal) -> dict[str, str]:
    """Where the last run stopped that was to make something of the stack, and what goes on; empty when it did not."""
    run = journal.stopped()
    if run is None:
        return {}
    phase = next((phase.name for phase in run.phases if not phase.ok), "start")
    return {"action": run.action, "phase": phase, "command": run.command}


def _cloud(stack: Stack) -> CloudStatus:
    from romana_install.aws.status import ask  # slow to import, and other targets do without it

    return ask(stack)


def _cloud_text(cloud: CloudStatus) -> str:
    from romana_install.aws.status import text

    return text(cloud)


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
    return list(variables["openstack_controller_units"])


def judge(node: Node, answer: Answer, host: Host | None, api_problem: str) -> NodeStatus:
    """What a node's answer and its host's record mean. Pure."""
    problems = answer.problems
    if api_problem:
        problems += [api_problem] if node.controller else []
    elif host is None:
        problems.append(f"not known to romana-server; run {command('install')} again")
    elif host.applied is None or host.applied < host.generation:
        problems.append(f"has applied generation {host.applied} of {host.generation}; see: journalctl -u romana-agent")
    elif host.errors:
        problems.append(f"{host.errors} errors in the agent's last report; see: journalctl -u romana-agent")
    return NodeStatus(
        name=node.name,
        address=node.address,
        system=answer.system,
        server=answer.units.get(SERVER, ""),
        agent=answer.units.get(AGENT, ""),
        desired=host.generation if host else None,
        applied=host.applied if host else None,
        openstack={unit: word for unit, word in answer.units.items() if unit not in (SERVER, AGENT)},
        problem="; ".join(problems),
        hypervisor=answer.hypervisor,
    )


def ask_nodes(stack: Stack) -> dict[Node, Answer]:
    """What each node says of itself."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(stack.nodes, pool.map(lambda node: _ask(stack, node), stack.nodes), strict=True))


def _ask(stack: Stack, node: Node) -> Answer:
    if stack.target == "local" and (ended := supervisors.problem(stack.directory, node.name)):
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


def _hosts(stack: Stack) -> tuple[dict[str, Host], str]:
    """The hosts romana-server knows, by name, or why it cannot be asked."""
    try:
        with stack.client() as client:
            return {host.name: host for host in client.hosts()}, ""
    except (ClientError, StackError) as error:
        return {}, str(error)


def _print(found: list[NodeStatus], ok: bool, stack: Stack) -> None:
    columns = ["node", "address", "system", SERVER, AGENT, "applied/desired"]
    columns += ["OpenStack"] if stack.has_openstack else []
    print(f"stack {stack.name} on {stack.target}, engine {stack.engine}: {'healthy' if ok else 'NOT healthy'}")
    print(table(columns, [_row(node)[: len(columns)] for node in found]))
    for node in found:
        if node.problem:
            print(f"{node.name}: {node.problem}")


def _row(node: NodeStatus) -> list[str]:
    applied, desired = ("-" if generation is None else str(generation) for generation in (node.applied, node.desired))
    active = sum(word == "active" for word in node.openstack.values())
    services = f"{active} of {len(node.openstack)} active" if node.openstack else "-"
    services += f", instances by {node.hypervisor}" if node.hypervisor else ""
    states = [word or "-" for word in (node.system, node.server, node.agent)]
    return [node.name, node.address, *states, f"{applied}/{desired}", services]
