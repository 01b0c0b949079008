"""Ansible's strategy plugin: Mitogen's, which keeps one Python on each node for the whole run.

Mitogen ties each process of a run to one processor, and what tasks start on this machine inherits that: the containers
of a local stack would share a single one for their lives. Here every process may use all of them.
"""

from __future__ import annotations

import ansible_mitogen.affinity
from ansible_mitogen.plugins.strategy.mitogen_linear import StrategyModule

__all__ = ["StrategyModule"]  # the name that Ansible looks for
ansible_mitogen.affinity.policy = ansible_mitogen.affinity.Policy()  # one that assigns nothing
