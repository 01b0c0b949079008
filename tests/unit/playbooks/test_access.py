"""Every module that asks AWS is given the access to it that the user has named."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]
MODULE = re.compile(r"^ *(?:- )?(amazon\.aws\.\w+|romana\.openstack\.aws_\w+):", re.MULTILINE)
OURS = "romana.openstack."


def test_modules_that_ask_aws_are_in_their_action_group() -> None:
    tasks = [*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/**/*.yml")]
    used = {name.removeprefix(OURS) for file in tasks for name in MODULE.findall(file.read_text())}
    assert len(used) > 20
    assert yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]["aws"] == sorted(used)


def test_plays_with_such_modules_give_them_that_access() -> None:
    playbooks = ["provision_aws.yml", "uninstall_aws.yml", "floating_ips_aws.yml"]
    plays = [play for name in playbooks for play in yaml.safe_load((ROOT / "playbooks" / name).read_text())]
    given = [play["module_defaults"] for play in plays if play.get("hosts") == "localhost"]
    assert given == [{"group/romana.openstack.aws": "{{ aws_access }}"}] * 4
