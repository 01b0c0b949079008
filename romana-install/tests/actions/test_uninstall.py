"""A stack is removed when that has been seen, whatever Ansible was told and said."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from romana_install.cli import main as cli
from romana_install.state import pki
from romana_install.state.stack import Node
from romana_install.targets.static import preflight, remains
from romana_install.targets.static.facts import SCRIPT, Facts, parse

NODE = Node("beta", "192.0.2.11", 1, controller=False, compute=True)


@pytest.mark.parametrize(
    ("passed_on", "expected"),
    [
        (["--check"], True),
        (["--diff", "--chec"], True),
        (["-C"], True),
        (["-DC"], True),
        (["--connection", "ssh"], False),
        (["-D", "--limit", "C"], False),
        (["--check-not"], False),
    ],
)
def test_a_trial_is_told_in_each_way_that_ansible_takes(passed_on: list[str], expected: bool) -> None:
    assert cli.parse(["uninstall", "--", *passed_on]).is_trial is expected


def test_command_that_resumes_has_none_of_what_kept_ansible_from_its_work() -> None:
    options = cli.parse(["-t", "static", "uninstall", "--yes", "--", "--limit", "nobody"])
    assert options.own_command.endswith("./romana-setup -t static uninstall --yes")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts(), []),
        (Facts(left=("/opt/romana", "routes")), ["beta still has /opt/romana, routes"]),
        (
            Facts(silence="Connection refused"),
            ["beta has not said whether it is rid of it: Connection refused"],
        ),
        (
            Facts(sudo="a password is required"),
            [
                "beta has not said whether it is rid of it, as root is not reached there: a password is required",
            ],
        ),
    ],
)
def test_a_server_has_to_say_that_nothing_is_left(facts: Facts, expected: list[str]) -> None:
    assert list(remains.of_node(NODE, facts)) == expected


def test_a_server_says_whose_it_is_and_what_it_has(tmp_path: Path) -> None:
    """Its script, on directories of a server in the place of this machine's."""
    pki.ensure(tmp_path / "pki", "blue", ["controller"])
    authority = tmp_path / "etc/romana/ca.pem"
    authority.parent.mkdir(parents=True)
    authority.write_bytes((tmp_path / "pki/ca.pem").read_bytes())
    (tmp_path / "opt/romana").mkdir(parents=True)
    script = "sudo=\npassword=\n" + SCRIPT.read_text()
    for part in ("/etc/romana", "/opt/romana"):
        script = script.replace(f" {part}", f" {tmp_path}{part}").replace(f"<{part}", f"<{tmp_path}{part}")
    said = subprocess.run(["sh", "-s"], input=script, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said[-1] == "end"
    facts = parse(said, 0.0)
    assert facts.stack == "blue"
    assert {f"{tmp_path}/opt/romana", f"{tmp_path}/etc/romana"} <= set(facts.left)


def test_a_server_of_a_lost_stack_is_told_with_the_command_that_frees_it() -> None:
    assert preflight.taken("blue").endswith("./romana-setup -e stack_name=blue uninstall -i INVENTORY")


def test_a_certificate_of_somebody_else_names_no_stack() -> None:
    assert pki.stack_of("no certificate") == ""
