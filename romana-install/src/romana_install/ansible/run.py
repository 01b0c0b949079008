"""One run of ansible-playbook: what it is given (pure), and the one place that starts it."""

from __future__ import annotations

import shlex
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from romana_install.ansible import leftovers
from romana_install.base.files import write_json
from romana_install.base.invocation import PROJECT
from romana_install.state.stack import Stack

Watch = Callable[[], tuple[str, str]]
VARS_FILE = "vars.json"
FORKS = 20
# Seconds until a node that answers has let us in and runs our Python, which takes more than a minute where a processor
# is emulated and has other work. ssh itself gives up sooner on a node that is silent from the start.
LET_IN_WITHIN = 300
# ansible-runner reads these from a file only. pexpect_timeout: seconds until a Ctrl-C is noticed during a long task.
_SETTINGS = {"pexpect_timeout": 1, "suppress_output_file": True}


def arguments(stack: Stack, playbook: str, ansible_options: Sequence[str], verbosity: int) -> dict[str, Any]:
    """What ansible_runner.run is called with.

    Args:
        stack: whose state directory has vars.json in it.
        playbook: its path below the project.
        ansible_options: what the user wrote after --.
        verbosity: how many times the user wrote -v: the first shows Ansible's output at all.
    """
    directory = stack.directory
    settings: dict[str, Any] = {
        "private_data_dir": str(directory / "ansible"),
        "artifact_dir": str(directory / "ansible" / "artifacts"),
        "project_dir": str(PROJECT),
        "playbook": str(PROJECT / playbook),
        "inventory": str(PROJECT / "inventory" / "stack.yml"),
        "extravars": str(directory / VARS_FILE),  # a path: secrets stay out of the arguments
        "envvars": environment(directory),
        "forks": FORKS,
        "quiet": True,
        "suppress_env_files": True,  # they would repeat what is here
        "fact_cache_type": "memory",  # of what is in files, Ansible reads all of it again for each task
    }
    if stack.become_password:
        ansible_options = [*ansible_options, "--ask-become-pass"]
        # On the terminal that Ansible asks on.
        settings["passwords"] = {r"BECOME password.*:\s*?$": stack.become_password}
    if ansible_options:
        settings["cmdline"] = shlex.join(ansible_options)
    if verbosity > 1:
        settings["verbosity"] = verbosity - 1
    return settings


def environment(directory: Path) -> dict[str, str]:
    """Ansible's environment, on top of ours and of what ansible.cfg says for those who run playbooks by hand."""
    return {
        "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
        "ANSIBLE_STRATEGY": "mitogen_linear",
        "ANSIBLE_STRATEGY_PLUGINS": str(Path(__file__).parent / "strategy"),
        "ROMANA_STACK_DIR": str(directory),
        leftovers.TAG: str(directory),
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_TIMEOUT": str(LET_IN_WITHIN),
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        "ANSIBLE_DEVEL_WARNING": "False",
        "ANSIBLE_FORCE_COLOR": "False",
        "ANSIBLE_NOCOLOR": "True",
    }


@dataclass(frozen=True)
class Outcome:
    """How a run ended. trouble: what ended it, as its watch said."""

    ok: bool
    interrupted: bool
    trouble: tuple[str, str]


def nothing() -> tuple[str, str]:
    """A watch that sees no trouble."""
    return "", ""


def start(settings: Mapping[str, Any], on_event: Callable[[dict[str, Any]], None], watch: Watch = nothing) -> Outcome:
    """Run Ansible to its end; `on_event` gets each event. A Ctrl-C, or a signal to end, ends Ansible first.

    watch: asked each second for trouble that ends the run, too: the host it is about, and what it is; empty for none.
    """
    import ansible_runner  # slow to import, and most actions do without it

    data = Path(settings["private_data_dir"])
    directory = data.parent
    shutil.rmtree(data, ignore_errors=True)
    write_json(data / "env" / "settings", _SETTINGS)

    def keep_no_file(event: dict[str, Any]) -> bool:
        on_event(event)
        return False

    trouble = watch()

    def is_over() -> bool:
        nonlocal trouble
        trouble = watch()
        return bool(interrupted or any(trouble))

    try:
        with _signals_noted() as interrupted:
            runner = ansible_runner.run(**settings, event_handler=keep_no_file, cancel_callback=is_over)
        if interrupted or any(trouble):
            leftovers.end(directory)  # Ansible's workers are in sessions of their own
        trouble = trouble if any(trouble) else watch()  # it may have failed by it before it was asked
        return Outcome(ok=runner.rc == 0, interrupted=bool(interrupted), trouble=trouble)
    finally:
        shutil.rmtree(data, ignore_errors=True)


@contextmanager
def _signals_noted() -> Iterator[list[int]]:
    """Collect signals instead of dying of them."""
    received: list[int] = []
    ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda number, _frame: received.append(number)) for number in ending}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
