"""Ansible's strategy plugin: Mitogen's, which keeps one Python on each node for the whole run.

Mitogen ties each process of a run to one processor, and what tasks start on this machine inherits that: the containers
of a local stack would share a single one for their lives. Here every process may use all of them.

And it takes what comes on ssh's standard error for ssh's own words, also when a login shell's start-up file prints it.
Our sessions are asked nothing (BatchMode), and ssh ends when it is not let in: then what it said is shown.

The process of each task looks for all collections there are, reads a file of each, and has the process that sends
modules look into each for whatever it imports. That needs none of it: it imports as Ansible does. And the modules of a
run, which are in one process, share their access to AWS.

Ansible takes ansible_python_interpreter as a path, Mitogen as a command, whose blanks separate words: what is the path
of a file is one here, too.

Nor does each load the plugins for itself that nearly all tasks need: they are loaded before, once.

What is loaded by now stays to the end, in this process and in those that it starts for tasks: looking through it for
garbage again and again takes a twelfth of a run's processor time.
"""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import ansible_mitogen.affinity
import ansible_mitogen.planner
import ansible_mitogen.transport_config
import mitogen.ssh
from ansible.plugins.loader import action_loader, connection_loader, filter_loader, test_loader
from ansible_mitogen.plugins.strategy import mitogen_linear

from romana_install.ansible import aws_sessions

ansible_mitogen.affinity.policy = ansible_mitogen.affinity.Policy()  # one that assigns nothing
mitogen.ssh.SetupProtocol.PATTERNS = []
mitogen.ssh.SetupProtocol.PARTIAL_PATTERNS = []


def _load_collections(invocation: Any) -> None:
    """In the place of Mitogen's own, which says where collections are."""
    if invocation.module_name.startswith("amazon.aws."):
        invocation.connection.get_chain().call_no_reply(aws_sessions.keep)


ansible_mitogen.planner._load_collections = _load_collections

gc.freeze()
gc.set_threshold(20_000, 50, 50)

_parse = ansible_mitogen.transport_config.parse_python_path


def _parse_python_path(python: str | None, **rest: Any) -> list[str]:
    """The command that runs Python, from its path or from a command."""
    if python and Path(python).is_file():
        return [python]
    command: list[str] = _parse(python, **rest)
    return command


ansible_mitogen.transport_config.parse_python_path = _parse_python_path


class StrategyModule(mitogen_linear.StrategyModule):  # type: ignore[misc] # Ansible has no types; it looks for this name
    """Mitogen's, whose tasks find loaded what nearly all need."""

    def _queue_task(self, host: Any, task: Any, task_vars: Any, play_context: Any) -> None:
        _load_plugins()
        super()._queue_task(host, task, task_vars, play_context)


def _load_plugins() -> None:
    """Filters and tests of templates, local connections and what runs a module; all but at once when they are loaded.

    A role that brings plugins of its own has Ansible forget them.
    """
    filter_loader.get("default")
    test_loader.get("defined")
    connection_loader.get("local", class_only=True)
    action_loader.get("normal", class_only=True)
