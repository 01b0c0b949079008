"""What the commands print about a network, in every format."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
import yaml

from romana.cli.commands import COMMANDS, ORIGINAL_NAMES

from .conftest import Romana, Server

pytestmark = pytest.mark.usefixtures("network")

# command -> a row (or the object) that must be among what it prints
LOOKING: dict[str, dict[str, Any]] = {
    "host list": {"name": "compute01", "index": 1, "prefix": "10.1.0.0/16", "gateway": "10.1.0.1", "endpoints": 1},
    "host list controller": {"name": "controller", "index": 0, "address": "192.168.99.10", "prefix": "10.0.0.0/16"},
    "host show compute01": {"name": "compute01", "address": "192.168.99.11", "endpoints": 1},
    "show-host": {"name": "controller", "gateway": "10.0.0.1"},
    "tenant list": {"name": "demo", "number": 2, "segments": 3, "endpoints": 0, "project_id": None},
    "tenant show admin": {"name": "admin", "number": 1, "segments": ["default", "s1", "s2"], "endpoints": 2},
    "show-tenant": {"name": "admin", "number": 1},
    "segment list": {"tenant": "demo", "name": "s2", "number": 3, "endpoints": 0},
    "segment list admin": {"tenant": "admin", "name": "s1", "number": 2, "endpoints": 2},
    "segment show admin s1": {"tenant": "admin", "name": "s1", "number": 2},
    "endpoint list": {"name": "web1", "address": "10.1.18.3", "host": "compute01", "tenant": "admin", "segment": "s1"},
    "endpoint list --host controller": {"name": "web0", "address": "10.0.18.3", "interface": "tap0"},
    "endpoint show web0": {"name": "web0", "address": "10.0.18.3", "mac": "fa:16:3e:00:00:00"},
    "policy list": {"name": "web", "protocol": "tcp", "ports": ["80", "8000-8010"]},
    "policy show web": {"name": "web", "protocol": "tcp", "ports": ["80", "8000-8010"]},
    "ipam show --host compute01 --tenant admin --segment s1": {
        "host": "compute01",
        "tenant": "admin",
        "segment": "s1",
        "network": "10.1.18.0/24",
        "used": 1,
        "free": 251,
        "capacity": 252,
    },
    "plan show": {"cidr": "10.0.0.0/8", "hosts": 256, "tenants": 15, "segment_mask": "255.0.255.0"},
}


def as_csv(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if value is None else str(value)


@pytest.mark.parametrize("command", LOOKING)
def test_json_of_a_process(forked: Romana, server: Server, command: str) -> None:
    done = forked(*command.split(), "-f", "json", *server.options())
    assert (done.code, done.err) == (0, "")
    wanted = LOOKING[command]
    printed = done.json() if isinstance(done.json(), list) else [done.json()]
    assert wanted in [{key: row[key] for key in wanted} for row in printed]


@pytest.mark.parametrize("command", LOOKING)
def test_yaml_says_the_same_as_json(romana: Romana, command: str) -> None:
    done = romana(*command.split(), "-f", "yaml")
    assert (done.code, done.err) == (0, "")
    assert yaml.safe_load(done.out) == romana(*command.split(), "-f", "json").json()


@pytest.mark.parametrize("command", LOOKING)
def test_csv(romana: Romana, command: str) -> None:
    done = romana(*command.split(), "-f", "csv")
    assert (done.code, done.err) == (0, "")
    wanted = {key: as_csv(value) for key, value in LOOKING[command].items()}
    assert any(wanted.items() <= row.items() for row in csv.DictReader(io.StringIO(done.out)))


@pytest.mark.parametrize("command", LOOKING)
def test_table_is_the_default(romana: Romana, command: str) -> None:
    done = romana(*command.split())
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("+--")
    for value in LOOKING[command].values():
        text = ", ".join(value) if isinstance(value, list) else "-" if value is None else str(value)
        assert f" {text} " in done.out


def test_empty_list_has_a_head(romana: Romana) -> None:
    done = romana("endpoint", "list", "--tenant", "demo")
    assert (done.code, done.err) == (0, "")
    assert "| id | name |" in done.out
    assert romana("endpoint", "list", "--tenant", "demo", "-f", "json").json() == []


def test_columns_can_be_chosen(romana: Romana) -> None:
    done = romana("host", "list", "compute01", "controller", "-c", "name", "-c", "prefix", "-f", "csv")
    assert done.out == "name,prefix\ncompute01,10.1.0.0/16\ncontroller,10.0.0.0/16\n"


def test_policy_sides_are_readable_and_whole(romana: Romana) -> None:
    assert " demo " in romana("policy", "list").out
    assert " admin/s1 " in romana("policy", "list").out
    assert romana("policy", "show", "web", "-f", "json").json()["target"] == {
        "tenant": "admin",
        "segment": "s1",
        "cidr": None,
    }


@pytest.mark.parametrize("old", ORIGINAL_NAMES)
def test_original_name_is_the_same_command(run: Romana, old: str) -> None:
    before, after = run("help", old), run("help", *ORIGINAL_NAMES[old].split())
    assert before.code == after.code == 0
    assert before.out.split("\n\n", 1)[1] == after.out.split("\n\n", 1)[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_that_begins_like_the_command(run: Romana, command: str) -> None:
    for done in (run(*command.split(), "--help"), run("help", *command.split())):
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith(f"usage: romana {command}")
        assert f"example:\n  romana {command}" in done.out


def test_overview_names_every_command(run: Romana) -> None:
    done = run("--help")
    assert done.code == 0
    listed = {line[2:].split("  ")[0] for line in done.out.split("commands (")[1].splitlines()[1:]}
    assert listed == {*COMMANDS, *ORIGINAL_NAMES, "complete"}


def test_completion_is_bash(process: Romana) -> None:
    done = process("complete")
    assert done.code == 0
    assert "complete -F _romana romana" in done.out
    assert "cmds_host='add create delete list remove set show'" in done.out


@pytest.mark.parametrize("place", ["ROMANA_CONFIG", "XDG_CONFIG_HOME"])
def test_configuration_file(
    run: Romana, network: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    config = tmp_path / "romana" / "client.toml"
    config.parent.mkdir()
    config.write_text(
        f'url = "{network.url}"\nca_file = "{network.ca_file}"\ntoken_file = "{network.tokens["reader"]}"\n'
    )
    monkeypatch.setenv("ROMANA_CONFIG", "")
    monkeypatch.setenv(place, str(config if place == "ROMANA_CONFIG" else tmp_path))
    done = run("host", "list", "-f", "json")
    assert (done.code, done.err) == (0, "")
    assert {"controller", "compute01"} <= {host["name"] for host in done.json()}
