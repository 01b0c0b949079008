"""A project's things on a stack's cloud, by what others automate OpenStack with; both run on the controller."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from romana_setup import Setup

PLAYBOOK = Path(__file__).with_name("project.yml")
PROGRAM = Path(__file__).with_name("sdk_project.py")
# Nothing of the project's own: who has a cloud of ours has Ansible of theirs.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


def play(stack: Setup, directory: Path, **variables: str) -> int:
    """How many things the playbook changes, run as the user demo. directory: where Ansible keeps its files."""
    configuration = directory / "ansible.cfg"
    configuration.touch()
    done = subprocess.run(
        [
            Path(sys.executable).with_name("ansible-playbook"),
            *("-i", "controller,", f"--ssh-common-args=-F {stack.directory / 'ssh_config'}"),
            *("-e", json.dumps({"cloud": f"{stack.name}-demo", **variables})),
            PLAYBOOK,
        ],
        env=ENVIRONMENT | {"HOME": str(directory), "ANSIBLE_CONFIG": str(configuration)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (changed,) = re.findall(r"^controller .* changed=(\d+)", done.stdout, re.MULTILINE)
    return int(changed)


def describe(stack: Setup, image: str) -> dict[str, Any]:
    """What the program says that makes all and removes it again, as the user demo."""
    done = subprocess.run(
        [
            *("ssh", "-F", str(stack.directory / "ssh_config"), "controller"),
            shlex.join(["python3", "-", f"{stack.name}-demo", image]),
        ],
        input=PROGRAM.read_text(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said
