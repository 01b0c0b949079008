"""local.conf, for each release and kind of node: read as DevStack reads it, by sections and by a shell."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

PROJECT = Path(__file__).parents[3]
TEMPLATES = PROJECT / "roles" / "devstack" / "templates"
RELEASES: dict[str, Any] = yaml.safe_load((PROJECT / "group_vars" / "all" / "devstack.yml").read_text())[
    "devstack_releases"
]
PASSWORDS = {name: f"{name}.~1" for name in ("admin", "database", "rabbitmq", "service", "token")}
NODES = ("controller", "compute")
WHEELS = "/var/lib/romana-python2/0123456789abcdef"
EVERY = [(release, node) for release in RELEASES for node in NODES]

DEAD = (
    "git://",  # nobody serves it any more
    "git.openstack.org",
    "pypi.python.org",
    "http://download.cirros-cloud.net",
    "stable/liberty",
    "kanaka",
    "master",
)
SOURCES = {
    "key": "KEYSTONE",
    "g": "GLANCE",
    "n": "NOVA",
    "q": "NEUTRON",
    "placement": "PLACEMENT",
    "horizon": "HORIZON",
}
DISTRIBUTION = ("rabbit", "mysql")


def render(release: str, node: str, row: dict[str, Any] | None = None, **variables: Any) -> str:
    """The file, as the role's template task makes it."""
    row = row or RELEASES[release]
    environment = jinja2.Environment(  # noqa: S701 - not HTML
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    given = {
        "devstack_row": row,
        "devstack_wheels": WHEELS,
        "devstack_node": node,
        "devstack_is_compute": True,
        "node_address": "192.168.99.10" if node == "controller" else "192.168.99.11",
        "openstack_controller": "192.168.99.10",
        "stack_console_address": "192.168.99.10",
        "openstack_region": "RegionOne",
        "openstack_secrets": PASSWORDS,
        "devstack_base": row["git_base"],
        "devstack_romana_url": "https://192.168.99.10:9600",
        "devstack_kind": "qemu",
        "devstack_cpu": "none",
        "openstack_api_workers": 2,
        "devstack_log": "/opt/stack/logs/stack.sh.log",
        "devstack_local_conf_extra": "",
        **variables,
    }
    return environment.get_template("local.conf.j2").render(given)


def sections(text: str) -> dict[str, list[str]]:
    """The lines of each section, by what stands between [[ and ]]."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        header = re.fullmatch(r"\[\[(.+\|.*)\]\]", line)
        if header:
            name = header[1]
            assert name not in found
            found[name] = []
        elif name:
            found[name].append(line)
    return found


def variables(text: str) -> dict[str, str]:
    """What a shell makes of the section localrc; plugins are in PLUGINS."""
    script = 'enable_plugin() { PLUGINS="$1 $2"; }\nset -o errexit -o nounset -o allexport\n'
    script += "\n".join(sections(text)["local|localrc"]) + "\nexec env -0\n"
    done = subprocess.run(
        ["/bin/bash", "-c", script], env={"HOME": "/root"}, cwd="/", capture_output=True, text=True, check=True
    )
    return dict(item.split("=", 1) for item in done.stdout.rstrip("\0").split("\0"))


@pytest.mark.parametrize(("release", "node"), EVERY)
def test_nothing_dead_is_referred_to(release: str, node: str) -> None:
    text = render(release, node)
    assert [word for word in DEAD if word in text] == []


@pytest.mark.parametrize(("release", "node"), EVERY)
def test_nothing_is_asked_for(release: str, node: str) -> None:
    found = variables(render(release, node))
    passwords = {"ADMIN": "admin", "DATABASE": "database", "RABBIT": "rabbitmq", "SERVICE": "service"}
    for name, key in passwords.items():
        assert found[f"{name}_PASSWORD"] == PASSWORDS[key]
    assert found.get("SERVICE_TOKEN") == (PASSWORDS["token"] if release == "liberty" else None)


@pytest.mark.parametrize(("release", "node"), EVERY)
def test_every_project_has_its_ref(release: str, node: str) -> None:
    found = variables(render(release, node))
    refs = {name: value for name, value in found.items() if name.endswith("_BRANCH") and name != "NOVNC_BRANCH"}
    assert set(refs.values()) == {RELEASES[release]["devstack"]}
    services = [name for name in found["ENABLED_SERVICES"].split(",") if name not in DISTRIBUTION]
    needed = {SOURCES[name.split("-")[0]] for name in services if name != "neutron"} | {"NEUTRON", "REQUIREMENTS"}
    assert {f"{name}_BRANCH" for name in needed} <= set(refs)


@pytest.mark.parametrize("release", RELEASES)
def test_services_of_the_controller(release: str) -> None:
    found = variables(render(release, "controller"))["ENABLED_SERVICES"].split(",")
    common = ["rabbit", "mysql", "key", "g-api", "n-api", "n-cond", "n-sch", "n-cpu", "n-novnc", "q-svc", "horizon"]
    own = {"liberty": "g-reg n-crt n-cauth neutron", "2026.1": "placement-api placement-client n-api-meta"}[release]
    assert sorted(found) == sorted([*common, *own.split()])


@pytest.mark.parametrize(
    ("release", "services"), [("liberty", "n-cpu,neutron"), ("2026.1", "n-cpu,placement-client,neutron")]
)
def test_services_of_a_compute_node(release: str, services: str) -> None:
    assert variables(render(release, "compute"))["ENABLED_SERVICES"] == services


@pytest.mark.parametrize("release", RELEASES)
def test_controller_that_runs_no_instances(release: str) -> None:
    found = variables(render(release, "controller", devstack_is_compute=False))["ENABLED_SERVICES"].split(",")
    assert "n-cpu" not in found
    assert "n-api" in found


@pytest.mark.parametrize(("release", "node"), EVERY)
def test_neutron_has_our_drivers_and_no_others(release: str, node: str) -> None:
    found = variables(render(release, node))
    assert found["Q_PLUGIN"] == "ml2"
    assert found["Q_ML2_PLUGIN_MECHANISM_DRIVERS"] == "romana"
    assert found["Q_ML2_TENANT_NETWORK_TYPE"] == "local"
    assert found["ENABLE_TENANT_TUNNELS"] == "False"
    assert found["NEUTRON_CREATE_INITIAL_NETWORKS"] == "False"
    assert found["PLUGINS"] == "networking-romana file:///opt/stack/networking-romana"
    assert found["ROMANA_SERVER_URL"] == "https://192.168.99.10:9600"
    # Liberty takes functions of its default agent.
    assert found.get("Q_AGENT") == (None if release == "liberty" else "romana")


@pytest.mark.parametrize("release", RELEASES)
def test_compute_node_finds_the_controller(release: str) -> None:
    found = variables(render(release, "compute"))
    assert found["HOST_IP"] == found["VNCSERVER_PROXYCLIENT_ADDRESS"] == "192.168.99.11"
    for name in ("SERVICE", "MYSQL", "RABBIT", "Q", "KEYSTONE_SERVICE"):
        assert found[f"{name}_HOST"] == "192.168.99.10"
    assert found["GLANCE_HOSTPORT"] == "192.168.99.10:9292"
    assert found["NOVNCPROXY_URL"].startswith("http://192.168.99.10:6080/")
    assert found["DATABASE_TYPE"] == "mysql"


@pytest.mark.parametrize(("release", "node"), EVERY)
def test_no_image_is_fetched(release: str, node: str) -> None:
    found = variables(render(release, node))
    assert found["DOWNLOAD_DEFAULT_IMAGES"] == "False"
    assert found["IMAGE_URLS"] == ""


@pytest.mark.parametrize("release", RELEASES)
def test_repositories_come_from_one_place(release: str) -> None:
    assert variables(render(release, "controller"))["GIT_BASE"] == "https://opendev.org"


@pytest.mark.parametrize(("release", "node"), EVERY)
def test_lines_of_the_user_come_last(release: str, node: str) -> None:
    extra = "API_WORKERS=7\n\n[[post-config|$NOVA_CONF]]\n[DEFAULT]\ndebug = false\n"
    text = render(release, node, devstack_local_conf_extra=extra)
    assert variables(text)["API_WORKERS"] == "7"
    assert sections(text)["post-config|$NOVA_CONF"] == ["[DEFAULT]", "debug = false"]


def test_another_release_needs_no_other_template() -> None:
    row = {**RELEASES["2026.1"], "projects": {"NOVA": "stable/2026.2"}}
    found = variables(render("2026.2", "controller", row))
    assert {name: value for name, value in found.items() if name.endswith("_BRANCH")} == {
        "NOVA_BRANCH": "stable/2026.2"
    }


def test_python_packages_of_a_release_that_has_a_list_come_from_nowhere_else() -> None:
    found = variables(render("liberty", "compute"))
    assert (found["PIP_NO_INDEX"], found["PIP_FIND_LINKS"], found["ROMANA_PYTHON"]) == ("1", WHEELS, "2.7")
    found = variables(render("2026.1", "compute"))
    assert [name for name in found if name.startswith("PIP_")] == []


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://opendev.org", "https://github.com/novnc/noVNC.git"),
        ("file:///srv/git", "file:///srv/git/novnc/noVNC.git"),
    ],
)
def test_consoles_of_an_old_release_come_from_where_they_are_or_from_the_mirror(base: str, expected: str) -> None:
    found = variables(render("liberty", "controller", devstack_base=base))
    assert found["NOVNC_REPO"] == expected
    assert found.get("NOVNC_FROM_PACKAGE") is None
