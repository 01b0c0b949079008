"""The action `status`: is every node there, does every service run, has every agent applied what it should."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from romana.client import ClientError
from romana.models import Host
from romana_install.context import existing_stack
from romana_install.options import Options
from romana_install.stack import Node, Stack
from romana_install.terminal import table

PATIENCE = 10  # seconds for a node to answer
PROBE = "systemctl is-system-running; systemctl is-active romana-server; systemctl is-active romana-agent"


@dataclass(frozen=True)
class NodeStatus:
    """One node. system, server, agent: systemd's words; desired, applied: generations; problem: empty when healthy."""

    name: str
    address: str
    system: str
    server: str
    agent: str
    desired: int | None
    applied: int | None
    problem: str


def status(options: Options) -> int:
    """Print the state of the stack; returns 0 when all is well, else 1."""
    stack = existing_stack(options)
    with ThreadPoolExecutor() as pool:
        hosts_to_come = pool.submit(_hosts, stack)
        answers = dict(zip(stack.nodes, pool.map(lambda node: _ask(stack, node), stack.nodes), strict=True))
        hosts, api_problem = hosts_to_come.result()
    found = [judge(node, answer, hosts.get(node.name), api_problem) for node, answer in answers.items()]
    ok = not any(node.problem for node in found)
    if options.format == "json":
        print(json.dumps({"ok": ok, "stack": stack.name, "nodes": [asdict(node) for node in found]}, indent=2))
    else:
        _print(found, ok, stack)
    return 0 if ok else 1


def judge(node: Node, answer: tuple[list[str], str], host: Host | None, api_problem: str) -> NodeStatus:
    """What a node's answer (its services' words, or why there are none) and its host's record mean. Pure."""
    words, silence = answer
    system, server, agent = words if len(words) == 3 else ("", "", "")
    problems = []
    if silence:
        problems.append(silence)
    else:
        if node.controller and server != "active":
            problems.append(f"romana-server is {server}; see: journalctl -u romana-server")
        if agent != "active":
            problems.append(f"romana-agent is {agent}; see: journalctl -u romana-agent")
    if api_problem:
        problems += [api_problem] if node.controller else []
    elif host is None:
        problems.append("not known to romana-server; run ./romana-setup install again")
    elif host.applied is None or host.applied < host.generation:
        problems.append(f"has applied generation {host.applied} of {host.generation}; see: journalctl -u romana-agent")
    elif host.errors:
        problems.append(f"{host.errors} errors in the agent's last report; see: journalctl -u romana-agent")
    return NodeStatus(
        name=node.name,
        address=node.address,
        system=system,
        server=server if node.controller else "",
        agent=agent,
        desired=host.generation if host else None,
        applied=host.applied if host else None,
        problem="; ".join(problems),
    )


def _ask(stack: Stack, node: Node) -> tuple[list[str], str]:
    """The words of the node's services, or why there are none."""
    command = stack.ssh_command(node.name, PROBE)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return [], f"no answer within {PATIENCE} s"
    except FileNotFoundError:
        return [], "ssh is not installed here"
    words = done.stdout.split()
    if len(words) != 3:
        reason = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        return [], f"cannot be reached: {reason}"
    return words, ""


def _hosts(stack: Stack) -> tuple[dict[str, Host], str]:
    """The hosts romana-server knows, by name, or why it cannot be asked."""
    try:
        with stack.client() as client:
            return {host.name: host for host in client.hosts()}, ""
    except ClientError as error:
        return {}, str(error)


def _print(found: list[NodeStatus], ok: bool, stack: Stack) -> None:
    rows = [
        (
            node.name,
            node.address,
            node.system or "-",
            node.server or "-",
            node.agent or "-",
            f"{'-' if node.applied is None else node.applied}/{'-' if node.desired is None else node.desired}",
        )
        for node in found
    ]
    print(f"stack {stack.name} on {stack.target}, engine {stack.engine}: {'healthy' if ok else 'NOT healthy'}")
    print(table(("node", "address", "system", "romana-server", "romana-agent", "applied/desired"), rows))
    for node in found:
        if node.problem:
            print(f"{node.name}: {node.problem}")
