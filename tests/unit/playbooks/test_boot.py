"""What is made of cloud-init's end: it warns of much that keeps no node from its work. It is a program of ours here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
WARNED = """status: done
extended_status: degraded done
boot_status_code: enabled-by-generator
detail: DataSourceEc2Local
errors: []
recoverable_errors:
DEPRECATED:
- Key 'lists' is deprecated in 22.2
"""
ANSIBLE = Path(sys.executable).with_name("ansible-playbook")


def booted(tmp_path: Path, code: int, said: str) -> subprocess.CompletedProcess[str]:
    """Run the playbook on this machine, in the place of a node."""
    program = tmp_path / "cloud-init"
    program.write_text(f"#!/bin/sh\ncat <<'end'\n{said}end\nexit {code}\n")
    program.chmod(0o755)
    node = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = {"romana": {"hosts": {"alpha": node}}, "unmade": {}}
    (tmp_path / "hosts.json").write_text(json.dumps(inventory))
    command = [ANSIBLE, "-i", tmp_path / "hosts.json", PROJECT / "playbooks" / "boot.yml"]
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"}
    return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (1, 2), (2, 0)])
def test_what_counts_as_booted(tmp_path: Path, code: int, ends: int) -> None:
    assert booted(tmp_path, code, "status: done\n").returncode == ends


def test_what_it_warns_of_is_shown(tmp_path: Path) -> None:
    said = booted(tmp_path, 2, WARNED).stdout
    assert "cloud-init on alpha warns:" in said
    assert "Key 'lists' is deprecated in 22.2" in said
