"""ansible-lint, which has ansible-playbook look at the syntax of all playbooks and roles in one process.

By itself it starts one for each of them, seventy, which takes three quarters of its time. Where that one process finds
something, ansible-lint looks in its own way, and says what.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from typing import Any

from ansiblelint.__main__ import _run_cli_entrypoint
from ansiblelint.file_utils import Lintable
from ansiblelint.runner import Runner

one_by_one = Runner._map_syntax_check_workers


def at_once(runner: Runner, worker: Any, files: list[Lintable]) -> list[Any]:
    """What is wrong with the syntax of files, by file."""
    return [] if is_right(runner, files) else one_by_one(runner, worker, files)


def is_right(runner: Runner, files: list[Lintable]) -> bool:
    """Whether ansible-playbook finds nothing in any of them."""
    roles = [file.path.expanduser() for file in files if file.kind == "role"]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as playbook:
        plays = [
            {"hosts": "localhost", "tasks": [{"ansible.builtin.import_role": {"name": str(role)}}]} for role in roles
        ]
        json.dump(plays, playbook)
        playbook.flush()
        playbooks = [str(file.path.expanduser()) for file in files if file.kind == "playbook"]
        given = ["--extra-vars", json.dumps(runner.app.options.extra_vars)]
        command = ["ansible-playbook", "--syntax-check", *given, *playbooks, playbook.name]
        # As ansible-lint has it.
        env = {**runner.app.runtime.environ, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "False"}
        return (
            subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
        )


Runner._map_syntax_check_workers = at_once

if __name__ == "__main__":
    sys.exit(_run_cli_entrypoint())
