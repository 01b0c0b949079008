"""The collection as its users get it: what the archive holds, and that every plugin has documentation."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from .conftest import Server

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

# What a user of the collection gets; a new part of the repository is none of it, unless it is named here.
TOP = ["CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md", "docs", "meta", "playbooks", "plugins", "roles"]
PLUGINS = sorted(
    (path.parent.name.removesuffix("s") if path.parent.name == "modules" else path.parent.name, path.stem)
    for kind, suffix in (("modules", "py"), ("filter", "yml"), ("inventory", "py"))
    for path in (ROOT / "plugins" / kind).glob(f"*.{suffix}")
)


def ansible(program: str, *arguments: str, collections: Path | None = None) -> str:
    """What a program of Ansible prints, away from the project's ansible.cfg. Asserts that it succeeds."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "romana-core" / "src")}
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(collections or os.devnull)
    command = [str(BIN / program), *arguments]
    process = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd="/")
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built collection."""
    path = tmp_path_factory.mktemp("archive")
    ansible("ansible-galaxy", "collection", "build", "--output-path", str(path), str(ROOT))
    return path / "romana-openstack-1.0.0.tar.gz"


def test_archive_holds_exactly_the_collection(archive: Path) -> None:
    with tarfile.open(archive) as opened:
        held = {member.name for member in opened if member.isfile()}
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *TOP],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    ).stdout.split()
    assert held - {"MANIFEST.json", "FILES.json"} == {name for name in tracked if (ROOT / name).is_file()}


def test_what_the_collection_is_made_of_is_there() -> None:
    assert [name for name in TOP if not (ROOT / name).exists()] == []
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    kept_out = [name for name in galaxy["build_ignore"] if "*" not in name and name != "__pycache__"]
    assert [name for name in kept_out if not (ROOT / name).exists()] == []


def test_license_is_the_one_that_is_declared() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert ("Apache License" in text, "Version 2.0, January 2004" in text) == (True, True)
    declared = yaml.safe_load((ROOT / "galaxy.yml").read_text())["license"]
    for project in sorted(ROOT.glob("*/pyproject.toml")):
        declared.append(tomllib.loads(project.read_text())["project"]["license"])
    assert declared == ["Apache-2.0"] * 4


@pytest.mark.parametrize("name", [name for kind, name in PLUGINS if kind in ("module", "filter")])
def test_plugin_is_listed_for_users(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "reference" / "modules.md").read_text()


def test_archive_installs_and_its_modules_run(archive: Path, tmp_path: Path) -> None:
    ansible("ansible-galaxy", "collection", "install", "--offline", "-p", str(tmp_path), str(archive))
    arguments = "name=romana-none state=absent"
    output = ansible("ansible", "localhost", "-m", "romana.openstack.gateway", "-a", arguments, collections=tmp_path)
    assert '"changed": false' in output


@pytest.fixture(scope="module")
def documentation(collections: Path) -> dict[str, dict[str, Any]]:
    """What ansible-doc says of every plugin, by kind and name."""
    return {
        kind: json.loads(ansible("ansible-doc", "--json", "-t", kind, *names, collections=collections))
        for kind in sorted({kind for kind, _ in PLUGINS})
        if (names := [f"romana.openstack.{name}" for of, name in PLUGINS if of == kind])
    }


@pytest.mark.parametrize(("kind", "name"), PLUGINS)
def test_plugin_is_documented(documentation: dict[str, dict[str, Any]], kind: str, name: str) -> None:
    shown = documentation[kind][f"romana.openstack.{name}"]
    assert shown["doc"]["short_description"]
    assert shown["doc"]["version_added"] == "1.0.0"  # of which all are, until there is another
    assert all(option["description"] for option in shown["doc"].get("options", {}).values())
    if kind == "module":
        assert shown["doc"]["author"]
        assert shown["examples"]
        assert shown["return"]
        assert shown["doc"]["attributes"]["check_mode"]["support"] == "full"


class ArgumentsSeenError(Exception):
    """Ends a module where it would begin to work."""


@pytest.mark.parametrize("name", [name for kind, name in PLUGINS if kind == "module"])
def test_documented_options_are_the_modules_arguments(
    documentation: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.syspath_prepend(ROOT)
    module = importlib.import_module(f"plugins.modules.{name}")
    seen: dict[str, Any] = {}

    def see(**given: Any) -> None:
        seen.update(given)
        raise ArgumentsSeenError

    if hasattr(module, "AnsibleAWSModule"):
        monkeypatch.setitem(module.AnsibleAWSModule.default_settings, "module_class", see)
    else:
        monkeypatch.setattr(module, "AnsibleModule", see)
    with pytest.raises(ArgumentsSeenError):
        module.main()
    assert seen["supports_check_mode"]
    documented = documentation["module"][f"romana.openstack.{name}"]["doc"].get("options", {})
    assert outline(seen["argument_spec"], "options") == outline(documented, "suboptions")


def outline(options: dict[str, dict[str, Any]], below: str) -> dict[str, Any]:
    """What argument specification and documentation must have in common."""
    return {
        name: {
            "type": option.get("type", "str"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "choices": option.get("choices"),
            "elements": option.get("elements"),
            "options": outline(option.get(below, {}), below),
        }
        for name, option in options.items()
    }


def test_every_module_of_the_api_is_in_its_action_group(documentation: dict[str, dict[str, Any]]) -> None:
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]
    with_api = [
        name.rsplit(".", 1)[1]
        for name, shown in documentation["module"].items()
        if "api_url" in shown["doc"].get("options", {})
    ]
    assert groups["api"] == sorted(with_api)


def test_filters_work_in_a_template(collections: Path) -> None:
    message = "{{ 1 | romana.openstack.romana_gateway }} {{ ('10.0.18.3' | romana.openstack.romana_locate).segment }}"
    output = ansible("ansible", "localhost", "-m", "debug", "-a", f"msg='{message}'", collections=collections)
    assert '"msg": "10.1.0.1/16 2"' in output


PLAY = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/romana.openstack.api:
      api_url: "{{ lookup('env', 'ROMANA_TEST_URL') }}"
      api_token: "{{ lookup('env', 'ROMANA_TEST_TOKEN') }}"
      api_ca_path: "{{ lookup('env', 'ROMANA_TEST_CA') }}"
  tasks:
    - romana.openstack.host: {name: compute01, address: 192.168.99.11}
    - romana.openstack.tenant: {name: demo, segments: [default, s1]}
    - romana.openstack.segment: {tenant: demo, name: s2}
    - romana.openstack.policy: {name: p, source: {tenant: demo, segment: s1}, target: {tenant: demo, segment: s2}}
    - romana.openstack.host_info:
    - romana.openstack.tenant_info:
    - romana.openstack.policy_info:
    - romana.openstack.endpoint_info:
"""


def test_play_sets_the_server_once_for_all_modules(
    server: Server, collections: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "play.yml").write_text(PLAY)
    monkeypatch.setenv("ROMANA_TEST_URL", server.url)
    monkeypatch.setenv("ROMANA_TEST_TOKEN", server.tokens["admin"])
    monkeypatch.setenv("ROMANA_TEST_CA", str(server.ca))
    play = ["-i", "localhost,", "-c", "local", "-e", json.dumps({"ansible_python_interpreter": sys.executable})]
    play += ["-vv", "--diff", str(tmp_path / "play.yml")]
    checked = ansible("ansible-playbook", "--check", *play, collections=collections)
    assert "changed=4" in checked
    assert '+    "address": "192.168.99.11"' in checked
    assert server.client.hosts() == []
    first = ansible("ansible-playbook", *play, collections=collections)
    assert "changed=4" in first
    assert "changed=0" in ansible("ansible-playbook", *play, collections=collections)
    assert server.tokens["admin"] not in checked + first
