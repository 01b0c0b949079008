"""Ansible's strategy plugin: Mitogen's, which keeps one Python on each node for the whole run.

Mitogen ties each process of a run to one processor, and what tasks start on this machine inherits that: the containers
of a local stack would share a single one for their lives. Here every process may use all of them.

And it takes what comes on ssh's standard error for ssh's own words, also when a login shell's start-up file prints it.
Our sessions are asked nothing (BatchMode), and ssh ends when it is not let in: then what it said is shown.

The process of each task looks for all collections there are, and reads a file of each. Here they are looked for once,
before there is a task. And the modules of a run, which are in one process, share what botocore reads.

Ansible takes ansible_python_interpreter as a path, Mitogen as a command, whose blanks separate words: what is the path
of a file is one here, too.

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
from ansible.collections.list import list_collection_dirs
from ansible_mitogen.plugins.strategy.mitogen_linear import StrategyModule

from romana_install.ansible import aws_models as models

__all__ = ["StrategyModule"]  # the name that Ansible looks for
ansible_mitogen.affinity.policy = ansible_mitogen.affinity.Policy()  # one that assigns nothing
mitogen.ssh.SetupProtocol.PATTERNS = []
mitogen.ssh.SetupProtocol.PARTIAL_PATTERNS = []


_collections = [path.decode() for path in list_collection_dirs()]


def _load_collections(invocation: Any) -> None:
    """Tell a task's module where collections are, as Mitogen's own function does."""
    invocation._extra_sys_paths.update(_collections)
    if invocation.module_name.startswith("amazon.aws."):
        invocation.connection.get_chain().call_no_reply(models.keep)


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
