"""How the nodes are reached: one key for the stack, a host key for each node that we know before it boots.

Because the host keys are made here, nothing is ever accepted at first sight: known_hosts is complete from the start.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from romana_install.files import PRIVATE_DIRECTORY, private_directory, write_private
from romana_install.stack import ADDRESSES_FILE, Node, Stack, uplink

CONFIG_FILE = "ssh_config"
USERS_CONFIG = "~/.ssh/config /etc/ssh/ssh_config"  # as ssh reads them, in this order
SOCKET_PATH = 107  # longest path the kernel binds a socket to
CONNECT_TIMEOUT = {"vagrant": 30}  # seconds; a machine whose processor is emulated takes its time
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
SOCKET_NAME = len("/65535") + len(".0123456789abcdef")  # ssh binds to a temporary name first


def ensure(stack: Stack) -> None:
    """Make ssh/id_ed25519, ssh/host_keys/<node> (each with .pub), ssh/known_hosts and ssh_config.

    With OpenStack also ssh/demo, the key for instances, and ssh/nova, by which compute nodes reach each other. Servers
    that were there before have host keys of their own, and their owner's key.
    """
    ensure_control_directory(stack.directory)
    directory = stack.directory / "ssh"
    if stack.has_openstack:
        _ensure_key(stack.demo_key, f"demo {stack.name}")
        _ensure_key(directory / "nova", f"nova {stack.name}")
    if not stack.reach:
        _ensure_key(directory / "id_ed25519", f"romana-setup {stack.name}")
        _ensure_host_keys(stack)
    write_private(stack.directory / CONFIG_FILE, config(stack))


def effective(host: str, file: Path | None = None) -> dict[str, list[str]]:
    """What ssh would do to get to a host: values by keyword in lower case; nothing where it cannot say.

    file: the configuration; None for the user's own.
    """
    command = ["ssh", "-G", *(["-F", str(file)] if file else []), "--", host]
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    except FileNotFoundError:
        return {}
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        keyword, _, value = line.partition(" ")
        found.setdefault(keyword.lower(), []).append(value)
    return found


def _ensure_host_keys(stack: Stack) -> None:
    directory = stack.directory / "ssh"
    known_hosts = ""
    for node in stack.present:
        public = _ensure_key(directory / "host_keys" / node.name, node.name)
        known_hosts += f"{node.name},{node.address} {public.rsplit(' ', 1)[0]}\n"
    write_private(directory / "known_hosts", known_hosts)
    names = {node.name for node in stack.present}
    for path in (directory / "host_keys").iterdir():
        if path.name.removesuffix(".pub") not in names:
            path.unlink()  # a node of that name, added again later, is another machine


def config(stack: Stack, level: str = "ERROR") -> str:
    """The text of the stack's ssh_config. Nodes answer to their names and to their addresses.

    level: how much ssh says of its way to servers, as its LogLevel.
    """
    if stack.reach:
        return _config_of_servers(stack, level)
    directory = stack.directory
    lines = [f"# Written by romana-setup: ssh -F {shlex.quote(f'{directory}/ssh_config')} {stack.controller.name}"]
    assigned = stack.target in ("aws", "vagrant")
    if assigned:
        lines.append(f"Include {_pattern(directory / ADDRESSES_FILE)}")  # the first that says something is heard
    for node in stack.present:
        # Without an address it was given a node is not reached: its private one may be another machine's, here.
        host = f"{node.name}.has-no-public-address.invalid" if assigned else node.address
        lines += [f"Host {node.name} {node.address}", f"    HostName {host}"]
        lines.append(f"    ControlPath {quoted(control_path(stack, node))}")
    lines += [
        "Host *",
        "    User root",
        f"    IdentityFile {quoted(directory / 'ssh' / 'id_ed25519')}",
        "    IdentitiesOnly yes",
        "    PreferredAuthentications publickey",
        f"    UserKnownHostsFile {quoted(directory / 'ssh' / 'known_hosts')}",
        "    GlobalKnownHostsFile /dev/null",
        "    StrictHostKeyChecking yes",
        # Without that interface ssh fails, instead of trying the address beyond this machine's default route.
        *([f"    BindInterface {uplink(stack.name)}"] if stack.target == "local" else []),
        f"    ConnectTimeout {CONNECT_TIMEOUT.get(stack.target, 10)}",
        "    ServerAliveInterval 10",
        "    ServerAliveCountMax 3",
        "    ControlMaster auto",
        "    ControlPersist 60",
        "    LogLevel ERROR",
    ]
    return "\n".join(lines) + "\n"


def _config_of_servers(stack: Stack, level: str) -> str:
    """What leads to servers as their owner says; what he does not say is as in his own configuration of ssh."""
    lines = [
        f"# Written by romana-setup: ssh -F {shlex.quote(f'{stack.directory}/ssh_config')} {stack.controller.name}",
        "IgnoreUnknown *",  # what the user's ssh knows, and what ours below does not know yet
    ]
    jump = stack.jump.rpartition("@")[2].partition(":")[0]
    keys = {name: quoted(Path(reach.key)) for name, reach in stack.reach.items() if reach.key}
    for node in stack.present:
        reach = stack.reach[node.name]
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
            *([f"    ProxyCommand {_by_jump(stack)}", "    ConnectTimeout 20"] if jump else []),
            "    ControlMaster auto",
            "    ControlPersist 60",
            f"    ControlPath {quoted(control_path(stack, node))}",
        ]
    if jump:
        lines += [f"Host {jump}", *(f"    IdentityFile {key}" for key in dict.fromkeys(keys.values()))]
    lines += [
        "Host *",
        *([f"    UserKnownHostsFile {quoted(Path(stack.known_hosts))}"] if stack.known_hosts else []),
        f"    LogLevel {level}",
        *(f"    {line}" for line in OURS),
        f"    Include {USERS_CONFIG}",
        "    SendEnv -*",  # only here it takes back what was said before
    ]
    return "\n".join(lines) + "\n"


def control_path(stack: Stack, node: Node) -> Path:
    """The socket of a running connection to a node."""
    # Several machines may be at one address, on different ports.
    return control_directory(stack.directory) / str(node.index)


def control_directory(stack_directory: Path) -> Path:
    """Where the sockets of running connections are: with the stack, or in a short place when that path is too long."""
    path = stack_directory / "run"
    if len(str(path)) + SOCKET_NAME <= SOCKET_PATH:
        return path
    mark = hashlib.sha256(str(stack_directory).encode()).hexdigest()[:8]
    return Path(tempfile.gettempdir()) / f"romana-setup-{os.geteuid()}" / mark


def ensure_control_directory(stack_directory: Path) -> None:
    """Make it, for its owner only. Raises PermissionError when somebody else's directory is in its place."""
    path = control_directory(stack_directory)
    private_directory(path.parent)
    # In a directory all can write to, somebody may have been there first.
    if path.parent.is_symlink() or path.parent.stat().st_uid != os.geteuid():
        raise PermissionError(f"{path.parent} belongs to somebody else; remove it")
    path.parent.chmod(PRIVATE_DIRECTORY)
    private_directory(path)


def quoted(path: Path) -> str:
    """A path as ssh_config has it, where % begins a token."""
    return _in_quotes(str(path).replace("%", "%%"))


def _pattern(path: Path) -> str:
    """A path as Include has it, which takes patterns.

    Since OpenSSH 10 it takes tokens and variables, too, and writes a % as two; a ? stands for that in all versions.
    """
    return _in_quotes(re.sub(r"[%$]", "?", re.sub(r"([*?\[\\])", r"\\\1", str(path))))


def _in_quotes(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _by_jump(stack: Stack) -> str:
    """What ProxyJump means; its own command has the configuration's path without quotes."""
    path = shlex.quote(str(stack.directory / "ssh_config")).replace("%", "%%")
    return f"ssh -F {path} -W [%h]:%p ssh://{stack.jump}"


def _ensure_key(path: Path, comment: str) -> str:
    """Make an Ed25519 key pair at `path` unless there is one; returns the line of its public half."""
    try:
        key = load_ssh_private_key(path.read_bytes(), password=None)
    except (FileNotFoundError, ValueError):
        key = Ed25519PrivateKey.generate()
        write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() + f" {comment}"
    write_private(path.with_name(f"{path.name}.pub"), public + "\n")
    return public
