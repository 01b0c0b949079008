"""The action `status`: is every node there, does every service run, has every agent applied what it should."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from romana.contract import ClientError
from romana.models import Host
from romana.systemd import AGENT, SERVER
from romana_install.actions.context import existing_stack
from romana_install.base.invocation import command
from romana_install.base.terminal import table
from romana_install.config.options import Options
from romana_install.state import pki
from romana_install.state.journal import Journal
from romana_install.state.stack import JOURNAL_FILE, Node, Stack, StackError
from romana_install.verify.nodes import Answer, ask_nodes


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
        there_to_come = pool.submit(stack.target.status, stack)
        hosts_to_come = pool.submit(_hosts, stack)
        answers = ask_nodes(stack)
        hosts, api_problem = hosts_to_come.result()
        there = there_to_come.result()
    found = [judge(node, answer, hosts.get(node.name), api_problem) for node, answer in answers.items()]
    stopped = stopped_in(Journal(stack.directory / JOURNAL_FILE))
    days = pki.days_left(stack.directory / "pki")
    expired = days is not None and days < 0
    ok = not any(node.problem for node in found) and not (there and there.problem) and not stopped and not expired
    if options.format == "json":
        more: dict[str, object] = {**there.facts} if there else {}
        more |= {"stopped": stopped} if stopped else {}
        more |= {} if days is None else {"certificate_days": days}
        print(json.dumps({"ok": ok, "stack": stack.name, "nodes": [asdict(node) for node in found], **more}, indent=2))
    else:
        _print(found, ok, stack)
        if stopped:
            print(f"the last {stopped['action']} stopped in phase {stopped['phase']}; to go on: {stopped['command']}")
        if days is not None and days < pki.RENEW_SERVER_DAYS:
            print(certificate_text(days))
        if there:
            print(there.text)
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
    print(f"stack {stack.name} on {stack.target.name}, engine {stack.engine}: {'healthy' if ok else 'NOT healthy'}")
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
