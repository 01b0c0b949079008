"""What a user reads at the end."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from romana_install.actions import summary
from romana_install.actions.context import wanted
from romana_install.cli import main as cli

PROJECT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ([], "./romana-setup verify "),
        (["-e", "stack_name=blue"], "./romana-setup -e stack_name=blue verify "),
        (["-e", '{"stack_name": "blue"}'], "./romana-setup -e stack_name=blue verify "),
    ],
)
def test_summary(words: list[str], command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    given = ["-t", "local", "-e", "openstack_engine=none", "-e", "local_network=192.168.213.0/24", *words]
    options = cli.parse(given)
    want = wanted(options)
    text = summary.of_install(options, want, want.stack, 12, 63.2, tmp_path / "log")
    assert f"Stack {want.stack.name} is ready (1:03, changed=12)." in text
    assert [line.split()[:4] for line in text.splitlines() if line.startswith("  co")] == [
        ["controller", "192.168.213.10", "10.0.0.0/16", "10.0.0.1"],
        ["compute01", "192.168.213.11", "10.1.0.0/16", "10.1.0.1"],
    ]
    assert "admin: default, s1, s2; demo: default, s1, s2" in text
    assert f"  {command}" in text
    assert options.command in text
    assert max(map(len, text.replace(str(tmp_path), "").splitlines())) <= 120


def test_summary_is_as_the_tutorial_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    options = cli.parse(["-t", "local", "-e", "local_network=192.168.213.0/24"])
    want = wanted(options)
    text = summary.of_install(options, want, want.stack, 12, 63.2, tmp_path / "log")
    text = text.replace("192.168.213.", "192.168.99.").replace("(1:03, changed=12)", "(TIME, changed=N)")
    printed = [" ".join(line.split()) for line in text.splitlines()]
    page = [" ".join(line.split()) for line in (PROJECT / "docs" / "tutorial.md").read_text().splitlines()]
    begun, ended = (
        next(at for at, line in enumerate(page) if line.startswith(word)) for word in ("Stack ", "Keystone ")
    )
    assert "\n".join(page[begun : ended + 1]) in "\n".join(printed)


@pytest.mark.parametrize("demo", ["true", "false"])
def test_summary_of_a_cloud(demo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "a b"))
    words = ["local_network=192.168.213.0/24", "openstack_engine=packages", "stack_name=blue", f"openstack_demo={demo}"]
    options = cli.parse(["-t", "local", *(part for word in words for part in ("-e", word))])
    want = wanted(options)
    text = summary.of_install(options, want, want.stack, 12, 63.2, tmp_path / "log")
    assert "http://192.168.213.10/horizon/" in text
    assert f"export OS_CLIENT_CONFIG_FILE='{tmp_path}/a b/romana-setup/blue/clouds.yaml'" in text
    assert "openstack --os-cloud blue server list" in text
    assert ("ssh one    # log in to it" in text) == (demo == "true")
    for with_demo in (
        "openstack --os-cloud blue-demo server create",
        "--key-name demo --property romanaSegment=s1 one",
        "Romana Network Segment",
        "demo-openrc",
        "admin and demo;",
    ):
        assert (with_demo in text) == (demo == "true")
    assert ("  floating  IPs in 192.168.213.128/26, the network public" in text) == (demo == "true")
    assert "tunnel" not in text


def test_summary_names_no_segment_that_there_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    words = ["local_network=192.168.213.0/24", '{"romana_tenants": [{"name": "admin"}, {"name": "demo"}]}']
    options = cli.parse(["-t", "local", *(part for word in words for part in ("-e", word))])
    want = wanted(options)
    text = summary.of_install(options, want, want.stack, 12, 63.2, tmp_path / "log")
    assert "    --network romana --key-name demo one\n" in text
    assert "Segment" not in text


def test_summary_of_a_cloud_that_ssh_alone_leads_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    words = ["region=eu-west-1", "openstack_engine=packages", "stack_name=blue"]
    options = cli.parse(["-t", "aws", *(part for word in words for part in ("-e", word))])
    want = wanted(options)
    lines = summary.of_install(options, want, want.stack, 12, 63.2, tmp_path / "log").splitlines()
    tunnel = "./romana-setup -e stack_name=blue tunnel"
    assert f"  Horizon   http://127.0.0.1:8080/horizon/ while this runs: {tunnel}" in lines
    assert f"  Keystone  http://127.0.0.1:5000/v3 while this runs: {tunnel}" in lines
    assert any("OpenStack's client" in line and line.endswith(f"while `{tunnel}` runs:") for line in lines)
    steps = " ".join(lines)
    for step in ("ssh controller -- romana show-host", "ssh controller -- ip route", "ssh one  "):
        assert f"  ./romana-setup -e stack_name=blue {step}" in steps
    assert any(line.strip().startswith("users     admin and demo; their passwords are in") for line in lines)
    assert "romanaSegment=s1 one" in steps


def test_summary_of_a_cloud_on_machines_by_vagrant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    words = ["vagrant_network=192.168.213.0/24", "openstack_engine=packages", "stack_name=blue"]
    options = cli.parse(["-t", "vagrant", *(part for word in words for part in ("-e", word))])
    want = wanted(options)
    lines = summary.of_install(options, want, want.stack, 12, 63.2, tmp_path / "log").splitlines()
    assert "  Horizon   http://192.168.213.10/horizon/" in lines
    for step in (f"cd {tmp_path}/romana-setup/blue", "vagrant status", "vagrant ssh controller"):
        assert f"  {step}" in lines


def test_summary_of_servers_names_the_inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    inventory = tmp_path / "mine.yml"
    inventory.write_text("controller: {hosts: {alpha: {ansible_host: 192.0.2.10}}}\ncompute: {hosts: {alpha: {}}}\n")
    options = cli.parse(["-t", "static", "-i", str(inventory), "-e", "openstack_engine=none"])
    want = wanted(options)
    text = summary.of_install(options, want, want.stack, 12, 63.2, tmp_path / "log")
    assert "change your inventory" in text
    assert "devstack_compute_node" not in text
