"""Ansible's strategy plugin: Mitogen's, which keeps one Python on each node for the whole run.

Mitogen ties each process of a run to one processor, and what tasks start on this machine inherits that: the containers
of a local stack would share a single one for their lives. Here every process may use all of them.

And it takes what comes on ssh's standard error for ssh's own words, also when a login shell's start-up file prints it.
Our sessions are asked nothing (BatchMode), and ssh ends when it is not let in: then what it said is shown.
"""

from __future__ import annotations

import ansible_mitogen.affinity
import mitogen.ssh
from ansible_mitogen.plugins.strategy.mitogen_linear import StrategyModule

__all__ = ["StrategyModule"]  # the name that Ansible looks for
ansible_mitogen.affinity.policy = ansible_mitogen.affinity.Policy()  # one that assigns nothing
mitogen.ssh.SetupProtocol.PATTERNS = []
mitogen.ssh.SetupProtocol.PARTIAL_PATTERNS = []
