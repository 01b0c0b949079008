"""When the playbooks that make a stack end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

PLAYBOOKS = Path(__file__).parents[3] / "playbooks"
PHASES = ("boot", "prepare", "openstack", "devstack", "romana", "tenants")
# Without the second, Ansible goes on with hosts of other plays when a host is lost.
ENDS = {"any_errors_fatal": True, "max_fail_percentage": 0}
ANSIBLE = Path(sys.executable).with_name("ansible-playbook")
LOST = {"ansible_host": "127.0.0.1", "ansible_port": 1}
HERE = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}


@pytest.mark.parametrize("phase", PHASES)
def test_each_play_of_several_nodes_says_when(phase: str) -> None:
    for play in yaml.safe_load((PLAYBOOKS / f"{phase}.yml").read_text()):
        is_of_several = not play["hosts"].startswith("controller")
        assert {key: play[key] for key in ENDS if key in play} == (ENDS if is_of_several else {}), play["name"]


def test_a_lost_node_ends_all(tmp_path: Path) -> None:
    tasks: list[dict[str, Any]] = [{"ansible.builtin.ping": {}}]
    plays = [{"hosts": hosts, "gather_facts": False, "tasks": tasks, **ENDS} for hosts in ("compute", "controller")]
    (tmp_path / "play.yml").write_text(json.dumps(plays))
    hosts = {"compute": {"hosts": {"compute01": LOST}}, "controller": {"hosts": {"controller": HERE}}}
    (tmp_path / "hosts.json").write_text(json.dumps(hosts))
    command = [ANSIBLE, "-i", tmp_path / "hosts.json", tmp_path / "play.yml"]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "UNREACHABLE" in done.stdout
    assert "PLAY [controller]" not in done.stdout
    assert done.returncode != 0
