"""The DevStack plugin: its phases, run by a bash that knows DevStack's functions."""

from __future__ import annotations

import configparser
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
DRIVERS = PROJECT / "networking-romana"
DEVSTACK = Path(__file__).parent / "devstack.bash"
STACK = tuple(f"stack {phase}" for phase in ("pre-install", "install", "post-config", "extra", "test-config"))
HOOKS = (
    "neutron_plugin_check_adv_test_requirements",
    "neutron_plugin_configure_dhcp_agent",
    "neutron_plugin_configure_l3_agent",
    "neutron_plugin_configure_plugin_agent",
    "neutron_plugin_create_nova_conf",
    "neutron_plugin_install_agent_packages",
    "neutron_plugin_setup_interface_driver",
)


@dataclass
class DevStack:
    """A DevStack of some release that has the plugin; `state` is all it may write to."""

    top: Path
    state: Path

    def localrc(self, *lines: str) -> None:
        """Add lines to what the user says in local.conf."""
        with (self.state / "localrc").open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    def run(self, *phases: str) -> subprocess.CompletedProcess[str]:
        """Read the plugin's files and run these phases."""
        return subprocess.run(
            ["bash", DEVSTACK, DRIVERS / "devstack", *phases],
            env={"PATH": "/usr/bin:/bin", "TOP_DIR": str(self.top), "STATE": str(self.state)},
            capture_output=True,
            text=True,
            check=False,
        )

    def stack(self, *phases: str) -> None:
        """The same, which has to succeed."""
        done = self.run(*(phases or STACK))
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""

    @property
    def calls(self) -> list[str]:
        """What it would have done to the machine."""
        path = self.state / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def ini(self, name: str) -> dict[str, dict[str, str]]:
        """A file that it wrote below etc."""
        parser = configparser.RawConfigParser(strict=False, default_section="none")
        parser.read(self.state / "etc" / name)
        return {section: dict(parser[section]) for section in parser.sections()}

    @property
    def variables(self) -> dict[str, str]:
        """Variables at the end."""
        lines = (self.state / "variables").read_text().splitlines()
        pairs = (line.removeprefix("declare -- ").split("=", 1) for line in lines)
        return {name: value.strip('"') for name, value in pairs}


def make_devstack(directory: Path) -> DevStack:
    """A DevStack without agents or Neutron, and a user who has said where the token is."""
    devstack = DevStack(directory / "devstack", directory / "state")
    (devstack.top / "lib" / "neutron_plugins").mkdir(parents=True)
    (devstack.state / "etc").mkdir(parents=True)
    for name in ("ca.pem", "token"):
        (devstack.state / name).touch()
    devstack.localrc(f"ROMANA_SERVER_CA={devstack.state}/ca.pem", f"ROMANA_TOKEN_FILE={devstack.state}/token")
    return devstack


@pytest.fixture
def devstack(tmp_path: Path) -> DevStack:
    """A maintained release."""
    made = make_devstack(tmp_path)
    (made.top / "lib" / "neutron_plugins" / "ovn_agent").touch()
    neutron = made.state / "neutron" / "neutron"
    (neutron / "services" / "segments").mkdir(parents=True)
    (neutron / "conf" / "policies").mkdir(parents=True)
    (neutron / "conf" / "policies" / "base.py").write_text("SERVICE = 'rule:service_api'\n")
    return made


@pytest.fixture
def liberty(tmp_path: Path) -> DevStack:
    """Liberty: no OVN, no segments, policies in one file."""
    return make_devstack(tmp_path)


def test_neutron_has_the_drivers(devstack: DevStack) -> None:
    devstack.stack()
    assert devstack.ini("neutron/neutron.conf") == {
        "DEFAULT": {
            "core_plugin": "ml2",
            "ipam_driver": "romana",
            "dhcp_agent_notification": "False",
            "service_plugins": "segments",
        },
        "romana": {
            "url": "https://192.168.99.10:9600",
            "ca_file": f"{devstack.state}/ca.pem",
            "token_file": f"{devstack.state}/token",
        },
    }
    assert devstack.ini("neutron/plugins/ml2/ml2_conf.ini") == {
        "ml2": {"mechanism_drivers": "romana", "type_drivers": "local,flat"}
    }
    assert (devstack.state / "data" / "neutron").is_dir()
    assert "binding:profile" in (devstack.state / "etc" / "neutron" / "policy.d" / "90-romana.yaml").read_text()


def test_nova_has_a_process_more_than_neutron(devstack: DevStack) -> None:
    devstack.stack()
    assert devstack.ini("nova-api-uwsgi.ini") == {"uwsgi": {"processes": "3"}}


def test_drivers_are_installed_and_the_follower_runs(devstack: DevStack) -> None:
    devstack.stack()
    etc = devstack.state / "etc" / "neutron"
    assert devstack.calls == [
        f"pip_install -e {DRIVERS}",
        "run_process neutron-romana /usr/local/bin/neutron-romana"
        f" --config-file {etc}/neutron.conf --config-file {etc}/plugins/ml2/ml2_conf.ini",
    ]


def test_no_agents_are_enabled(devstack: DevStack) -> None:
    devstack.stack()
    assert devstack.variables["ENABLED_SERVICES"] == "rabbit,mysql,key,n-api,n-cpu,g-api,q-svc,horizon,neutron-romana"
    assert devstack.variables["Q_AGENT"] == "romana"
    assert devstack.variables["NEUTRON_CREATE_INITIAL_NETWORKS"] == "False"


def test_what_the_user_says_wins(devstack: DevStack) -> None:
    devstack.localrc(
        "Q_ML2_PLUGIN_MECHANISM_DRIVERS=logger,romana",
        "NEUTRON_CREATE_INITIAL_NETWORKS=True",
        "ROMANA_SERVER_URL=https://192.168.99.20:9601",
        "ROMANA_NOVA_URL=http://192.168.99.10:8774/v2.1",
    )
    devstack.stack()
    assert devstack.ini("neutron/plugins/ml2/ml2_conf.ini")["ml2"]["mechanism_drivers"] == "logger,romana"
    assert devstack.variables["NEUTRON_CREATE_INITIAL_NETWORKS"] == "True"
    romana = devstack.ini("neutron/neutron.conf")["romana"]
    assert romana["url"] == "https://192.168.99.20:9601"
    assert romana["nova_url"] == "http://192.168.99.10:8774/v2.1"


def test_stacking_again_changes_nothing(devstack: DevStack) -> None:
    names = ("neutron/neutron.conf", "neutron/plugins/ml2/ml2_conf.ini", "nova-api-uwsgi.ini")
    devstack.stack()
    first = [devstack.ini(name) for name in names]
    devstack.stack()
    assert [devstack.ini(name) for name in names] == first


def test_compute_node_gets_no_drivers(devstack: DevStack) -> None:
    devstack.localrc("ENABLED_SERVICES=n-cpu,placement-client,neutron", "Q_AGENT=romana")
    devstack.stack("stack pre-install", "stack install", "stack extra", "unstack", "clean")
    assert devstack.calls == []
    assert devstack.variables["ENABLED_SERVICES"] == "n-cpu,placement-client,neutron"


def test_devstack_finds_the_functions_of_an_agent(devstack: DevStack) -> None:
    (devstack.state / "after").write_text("".join(f"{hook} /etc/nova/nova.conf\n" for hook in HOOKS))
    devstack.stack()


def test_no_bridge_is_looked_for(devstack: DevStack) -> None:
    (devstack.state / "after").write_text("if is_neutron_ovs_base_plugin; then exit 1; fi\n")
    devstack.stack()


@pytest.mark.parametrize("name", ["ca.pem", "token"])
def test_missing_file_is_said_before_anything_is_done(devstack: DevStack, name: str) -> None:
    (devstack.state / name).unlink()
    done = devstack.run(*STACK)
    assert done.returncode == 1
    assert f"{devstack.state}/{name} is missing" in done.stderr
    assert devstack.calls == []


def test_mechanism_drivers_without_ours_are_refused(devstack: DevStack) -> None:
    devstack.localrc("Q_ML2_PLUGIN_MECHANISM_DRIVERS=openvswitch")
    done = devstack.run(*STACK)
    assert done.returncode == 1
    assert "Q_ML2_PLUGIN_MECHANISM_DRIVERS is openvswitch; have romana in it" in done.stderr


def test_tempest_expects_no_floating_addresses(devstack: DevStack) -> None:
    devstack.localrc("ENABLED_SERVICES+=,tempest")
    devstack.stack()
    assert devstack.ini("tempest.conf") == {
        "network-feature-enabled": {"floating_ips": "False"},
        "validation": {"connect_method": "fixed"},
    }


def test_unstack_stops_and_clean_removes(devstack: DevStack) -> None:
    devstack.stack()
    before = len(devstack.calls)
    devstack.stack("unstack", "clean")
    assert devstack.calls[before:] == ["stop_process neutron-romana"]
    assert not (devstack.state / "etc" / "neutron" / "policy.d" / "90-romana.yaml").exists()


def test_clean_without_a_stack(devstack: DevStack) -> None:
    devstack.stack("unstack", "clean")


def test_liberty_gets_what_it_has(liberty: DevStack) -> None:
    liberty.stack(*STACK[:-1])  # it has no phase test-config
    assert liberty.ini("neutron/neutron.conf")["DEFAULT"] == {
        "core_plugin": "ml2",
        "ipam_driver": "romana",
        "dhcp_agent_notification": "False",
    }
    assert liberty.variables["Q_AGENT"] == "openvswitch"
    assert not (liberty.state / "etc" / "neutron" / "policy.d").exists()


def test_liberty_keeps_the_functions_of_its_agent(liberty: DevStack) -> None:
    (liberty.state / "after").write_text("if type -t is_neutron_ovs_base_plugin; then exit 1; fi\n")
    liberty.stack()


def test_old_and_new_metadata_agree() -> None:
    old = configparser.RawConfigParser()
    old.read(DRIVERS / "setup.cfg")
    new = tomllib.loads((DRIVERS / "pyproject.toml").read_text())["project"]
    assert dict(old["metadata"]) == {key: new[key] for key in old["metadata"]}
    points = {"console_scripts": new["scripts"], **new["entry-points"]}
    assert {
        group: dict(line.split(" = ") for line in text.split("\n") if line)
        for group, text in old["options.entry_points"].items()
    } == points
