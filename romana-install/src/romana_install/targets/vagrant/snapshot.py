"""The action `snapshot`: keeps the machines as they are, and makes them again what they were."""

from __future__ import annotations

import json
import re

from romana_install.ansible import leftovers, run
from romana_install.ansible.session import opened
from romana_install.base.errors import UsageError
from romana_install.base.findings import shown
from romana_install.base.invocation import PROGRAM, command
from romana_install.config.options import Options
from romana_install.state import lock, ssh
from romana_install.state.stack import Stack

ACTION = "snapshot"
PLAYBOOK = "playbooks/snapshot_vagrant.yml"
STATES = {"save": "present", "restore": "restored"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
USAGE = f"write: {PROGRAM} snapshot save NAME, or: snapshot restore NAME"


def snapshot(stack: Stack, options: Options) -> int:
    """Save or restore; returns the exit code. Raises what cli.main knows how to say."""
    if len(options.words) != 2 or options.words[0] not in STATES:
        raise UsageError(USAGE)
    what, name = options.words
    if not NAME.fullmatch(name):
        raise UsageError(f"{shown(name)} is no name of a snapshot; give letters, digits, '.', '_' and '-'")
    directory = stack.directory
    with lock.held(directory / "lock", ACTION):
        leftovers.end(directory)
        chosen = json.dumps({"snapshot_name": name, "snapshot_state": STATES[what]})
        with opened(directory, ACTION, what, stack.config_digest, [ACTION], options) as session:
            passed_on = [*options.passed_on, "-e", chosen]
            ssh.close_connections(stack)  # a machine that is what it was knows nothing of them
            session.play(run.arguments(stack, PLAYBOOK, passed_on, options.verbosity), options.verbosity > 0)
            session.completed()
    if what == "restore":
        print(f"the machines are what they were in {name}; see how they are: {command('status')}")
    else:
        print(f"the snapshot {name} is saved; go back to it: {command('snapshot', 'restore', name)}")
    return 0
