"""Sessions on nodes by ssh: a shell script that is run there, and of all that comes back what the script printed.

What a login shell, its start-up files and sshd print around that is theirs, and is not read.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO, NoReturn

from romana_install.state import ssh_errors
from romana_install.state.stack import Node, Stack, StackError

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
        raise SilentError(stack.target.silence(stack, node, said))
    if f"\n{BEGIN}\n" in output:
        raise SilentError(f"has ended in the middle of its answer (exit code {done.returncode}){_telling(said)}")
    raise SilentError(runs_nothing(done.returncode, f"{said}\n{output}", stack.target.user(node)))


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


def read(messages: IO[bytes]) -> str:
    """All that a program has printed into a file."""
    messages.seek(0)
    return messages.read().decode(errors="replace")


def _by_hand(stack: Stack, node: Node) -> str:
    way = stack.target.by_hand(stack, node)
    return f"; try: {way}" if way else ""


def become(arguments: list[str]) -> NoReturn:
    """Let a program, as ssh, take the place of this process; raises OSError when it cannot be started."""
    sys.stdout.flush()
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # among them the launcher's hold on .venv
    os.execvp(arguments[0], arguments)  # noqa: S606 - no shell is wanted
