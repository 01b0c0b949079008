"""Ansible's strategy plugin: Mitogen's, which keeps one Python on each node for the whole run.

Mitogen ties each process of a run to one processor, and what tasks start on this machine inherits that: the containers
of a local stack would share a single one for their lives. Here every process may use all of them.

And it takes what comes on ssh's standard error for ssh's own words, also when a login shell's start-up file prints it.
Our sessions are asked nothing (BatchMode), and ssh ends when it is not let in: then what it said is shown.

The process of each task looks for all collections there are, and reads a file of each. Here they are looked for once,
before there is a task. And the modules of a run, which are in one process, share what botocore reads.
"""

from __future__ import annotations

from typing import Any

import ansible_mitogen.affinity
import ansible_mitogen.planner
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
