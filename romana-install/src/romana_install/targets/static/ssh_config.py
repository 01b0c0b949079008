"""How ssh gets to servers: as their owner says, and for all that he does not say, as his own configuration has it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from romana_install.state.ssh import control_path, quoted
from romana_install.state.stack import Stack

if TYPE_CHECKING:
    from romana_install.targets.static.target import Static

USERS_CONFIG = "~/.ssh/config /etc/ssh/ssh_config"  # as ssh reads them, in this order
# Of the user's configuration our sessions take what says how to get there. Whatever else they could find in it is said
# before, as the first that says something is heard; a test compares this with all that ssh knows.
OURS = (
    "AddKeysToAgent no",
    "BatchMode yes",
    "ClearAllForwardings yes",
    "ConnectTimeout 10",
    "ConnectionAttempts 1",
    "ControlMaster no",  # but a connection that the user keeps open to a bastion is made use of
    "ControlPersist no",
    "EnableEscapeCommandline no",
    "EscapeChar ~",
    "ExitOnForwardFailure no",
    "ForkAfterAuthentication no",
    "ForwardAgent no",
    "ForwardX11 no",
    "ForwardX11Trusted no",
    "GSSAPIDelegateCredentials no",
    "GatewayPorts no",
    "HashKnownHosts no",
    "LogVerbose none",
    "PermitLocalCommand no",
    "RemoteCommand none",
    "RequestTTY auto",
    "ServerAliveCountMax 3",
    "ServerAliveInterval 10",
    "SessionType default",
    "SetEnv LC_ALL=C.UTF-8",
    "StdinNull no",
    "StrictHostKeyChecking yes",
    "Tunnel no",
    "UpdateHostKeys no",
    "VisualHostKey no",
)


def ssh_config(stack: Stack, target: Static, level: str) -> str:
    """What leads to servers as their owner says; what he does not say is as in his own configuration of ssh."""
    lines = [
        f"# Written by romana-setup: ssh -F {shlex.quote(f'{stack.directory}/ssh_config')} {stack.controller.name}",
        "IgnoreUnknown *",  # what the user's ssh knows, and what ours below does not know yet
    ]
    jump = target.jump.rpartition("@")[2].partition(":")[0]
    keys = {name: quoted(Path(reach.key)) for name, reach in target.reach.items() if reach.key}
    for node in stack.present:
        reach = target.reach[node.name]
        if not reach.host:
            continue
        lines += [
            # By its host all that the user says of that applies, an alias or a pattern of addresses; who asks for the
            # node's name gets there, too.
            *([f"Host {node.name}", f"    HostName {reach.host}"] if node.name != reach.host else []),
            f"Host {' '.join(dict.fromkeys((node.name, reach.destination or node.name)))}",
            f"    User {reach.user}",
            f"    Port {reach.port}",
            *([f"    IdentityFile {keys[node.name]}", "    IdentitiesOnly yes"] if node.name in keys else []),
            # The bastion has to say first that it does not answer.
            *([f"    ProxyCommand {_by_jump(stack, target)}", "    ConnectTimeout 20"] if jump else []),
            "    ControlMaster auto",
            "    ControlPersist 60",
            f"    ControlPath {quoted(control_path(stack, node))}",
        ]
    if jump:
        lines += [f"Host {jump}", *(f"    IdentityFile {key}" for key in dict.fromkeys(keys.values()))]
    lines += [
        "Host *",
        *([f"    UserKnownHostsFile {quoted(Path(target.known_hosts))}"] if target.known_hosts else []),
        f"    LogLevel {level}",
        *(f"    {line}" for line in OURS),
        f"    Include {USERS_CONFIG}",
        "    SendEnv -*",  # only here it takes back what was said before
    ]
    return "\n".join(lines) + "\n"


def _by_jump(stack: Stack, target: Static) -> str:
    """What ProxyJump means; its own command has the configuration's path without quotes."""
    path = shlex.quote(str(stack.directory / "ssh_config")).replace("%", "%%")
    return f"ssh -F {path} -W [%h]:%p ssh://{target.jump}"
