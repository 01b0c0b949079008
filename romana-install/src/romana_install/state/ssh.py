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
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from romana_install.base.files import PRIVATE_DIRECTORY, private_directory, write_private
from romana_install.state.stack import ADDRESSES_FILE, Node, Stack

CONFIG_FILE = "ssh_config"
SOCKET_PATH = 107  # longest path the kernel binds a socket to
LEVEL = "ERROR"  # how much ssh says of its way to servers
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
    if stack.target.makes_machines:
        _ensure_key(directory / "id_ed25519", f"romana-setup {stack.name}")
        _ensure_host_keys(stack)
    write_private(stack.directory / CONFIG_FILE, stack.target.ssh_config(stack, LEVEL))


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


def config_of_machines(stack: Stack, assigned: bool = False, interface: str = "", timeout: int = 10) -> str:
    """The text of the ssh_config of a stack whose machines are made for it. Nodes answer to names and addresses.

    Args:
        stack: of which.
        assigned: whether nodes are reached at addresses that they were given by whoever runs them.
        interface: of this machine, by which they are reached; empty for any.
        timeout: seconds for a node to answer.
    """
    directory = stack.directory
    lines = [f"# Written by romana-setup: ssh -F {shlex.quote(f'{directory}/ssh_config')} {stack.controller.name}"]
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
        *([f"    BindInterface {interface}"] if interface else []),
        f"    ConnectTimeout {timeout}",
        "    ServerAliveInterval 10",
        "    ServerAliveCountMax 3",
        "    ControlMaster auto",
        "    ControlPersist 60",
        "    LogLevel ERROR",
    ]
    return "\n".join(lines) + "\n"


def close_connections(stack: Stack) -> None:
    """End shared connections; their other ends are gone."""
    for node in stack.present:
        if control_path(stack, node).exists():
            with suppress(OSError):
                words = stack.login_command(node.name)
                subprocess.run([*words[:-1], "-O", "exit", words[-1]], capture_output=True, check=False)


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
