"""Sessions on nodes by ssh: a shell script that is run there, and of all that comes back what the script printed.

What a login shell, its start-up files and sshd print around that is theirs, and is not read.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NoReturn

from romana_install import ssh, ssh_errors
from romana_install.ssh_errors import Hop, Key, Way
from romana_install.stack import Node, Stack, StackError

BEGIN, END = "---- romana: begin ----", "---- romana: end ----"
# Understood by every login shell. What was printed before may have ended within a line.
BEGINNING = f"echo; echo '{BEGIN}'"
NO_LOGIN = 255  # ssh's exit code when it is its own failure
NOT_INSTALLED = "ssh is not installed on this machine; install openssh-client"


class SilentError(StackError):
    """A node that does not say what it was asked; the text is why, and what to do."""


def run(stack: Stack, node: Node, script: str, patience: float, options: Sequence[str] = ()) -> str:
    """What a shell script prints on a node, run by whoever may log in there.

    Args:
        stack: of which the node is one; its ssh_config is there.
        node: which.
        script: for a POSIX shell; it is not to read its standard input.
        patience: seconds for all of it.
        options: more of ssh's.

    Raises:
        SilentError: it has not been run to its end.
    """
    program, *words = stack.login_command(node.name, "sh -s")  # so that no other shell has to understand the script
    by_ssh = program == "ssh"
    with tempfile.TemporaryFile() as messages:  # not a pipe: ssh's master keeps it open
        try:
            done = subprocess.run(
                [program, *(options if by_ssh else ()), *words],
                input=f"{BEGINNING}\n{script}\necho '{END}'\n".encode(),
                stdout=subprocess.PIPE,
                stderr=messages,
                timeout=patience,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SilentError(f"no answer within {patience:g} s{_by_hand(stack, node)}") from None
        except FileNotFoundError:
            raise SilentError(NOT_INSTALLED) from None
        said = read(messages)
    output = done.stdout.decode(errors="replace")
    found = marked(output)
    if found is not None:
        return found
    if by_ssh and done.returncode == NO_LOGIN:
        raise SilentError(why(stack, node, said))
    if f"\n{BEGIN}\n" in output:
        raise SilentError(f"has ended in the middle of its answer (exit code {done.returncode}){_telling(said)}")
    raise SilentError(runs_nothing(done.returncode, f"{said}\n{output}", _user(stack, node)))


def marked(output: str) -> str | None:
    """What a script printed between its marks; None when it has not come to its end. Pure."""
    _, begun, rest = output.partition(f"\n{BEGIN}\n")
    printed, ended, _ = rest.rpartition(f"{END}\n")
    return printed if begun and ended else None


def runs_nothing(code: int, said: str, user: str) -> str:
    """About a login in which nothing was run: a shell like nologin, or start-up files that end it. Pure."""
    return (
        f"{user} may log in, but nothing is run there (exit code {code}){_telling(said)}; see that its login shell is"
        f" one (as root there: chsh -s /bin/sh {user}) and that its start-up files, as ~/.bashrc, do not end it"
    )


def _telling(said: str) -> str:
    words = ssh_errors.last_words(said)
    return "" if words == ssh_errors.NOTHING else f", and says: {words}"


def why(stack: Stack, node: Node, said: str) -> str:
    """Why ssh does not get into a node, and what to do. said: what it printed."""
    if node.name not in stack.reach:
        return f"cannot be reached: {ssh_errors.last_words(said)}"
    return ssh_errors.sentence(said, way(stack, node, look=ssh_errors.is_denial(said)))


def way(stack: Stack, node: Node, look: bool = False) -> Way:
    """How ssh goes to a server. look: whether at its keys, too."""
    reach = stack.reach[node.name]
    said = ssh.effective(reach.destination or node.name, stack.directory / ssh.CONFIG_FILE)
    server = Hop(_one(said, "hostname") or reach.host, _one(said, "user") or reach.user, reach.port)
    jump = stack.jump or _one(said, "proxyjump")
    files = [Path(path).expanduser() for path in ([reach.key] if reach.key else said.get("identityfile", []))]
    return Way(
        server=server,
        keys=_keys(files, bool(reach.key), look),
        known_hosts=stack.known_hosts or "~/.ssh/known_hosts",
        jumps=tuple(Hop.parsed(one) for one in jump.split(",")) if jump else (),
        proxied=bool(jump or _one(said, "proxycommand")),
        own=bool(stack.jump),
        named=bool(reach.key),
        agent=bool(os.environ.get("SSH_AUTH_SOCK")),
    )


def read(messages: IO[bytes]) -> str:
    """All that a program has printed into a file."""
    messages.seek(0)
    return messages.read().decode(errors="replace")


def _one(said: Mapping[str, Sequence[str]], key: str) -> str:
    return next(iter(said.get(key, [])), "")


def _by_hand(stack: Stack, node: Node) -> str:
    return f"; try: {way(stack, node).by_hand()}" if node.name in stack.reach else ""


def _user(stack: Stack, node: Node) -> str:
    return stack.reach[node.name].user if node.name in stack.reach else "root"


def _keys(files: Sequence[Path], named: bool, look: bool) -> tuple[Key, ...]:
    """Those that are there; where the inventory names one, only that. ssh tries its usual ones whether there or not."""
    held = _held() if look else ""
    wanted = files if named else [path for path in files if path.exists()]
    return tuple(Key(str(path), _state(path, held) if look else "") for path in wanted)


def _held() -> str:
    """The fingerprints of the keys that the agent has."""
    return _output("ssh-add", "-l")


def _state(path: Path, held: str) -> str:
    """What keeps ssh from using a key; empty for nothing."""
    if not path.exists():
        return "missing"
    if path.stat().st_mode & 0o077 and path.stat().st_uid == os.geteuid():
        return "open"
    if _output("ssh-keygen", "-y", "-P", "", "-f", str(path)):
        return ""
    if "PRIVATE KEY" not in path.read_text(errors="replace"):
        return "unusable"
    _, fingerprint, *_ = (_output("ssh-keygen", "-l", "-f", str(path)) or "0 none").split()
    return "" if fingerprint in held else "locked"


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False).stdout
    except FileNotFoundError:
        return ""


def become(arguments: list[str]) -> NoReturn:
    """Let a program, as ssh, take the place of this process; raises OSError when it cannot be started."""
    sys.stdout.flush()
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # among them the launcher's hold on .venv
    os.execvp(arguments[0], arguments)  # noqa: S606 - no shell is wanted
