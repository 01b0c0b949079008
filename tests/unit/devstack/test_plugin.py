"""The DevStack plugin: its phases, run by a bash that knows DevStack's functions."""

from __future__ import annotations

import configparser
import json
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
            "service_plugins": "segments,romana_qos,romana_l3,romana_port_forwarding",
        },
        "romana": {
            "url": "https://192.168.99.10:9600",
            "ca_file": f"{devstack.state}/ca.pem",
            "token_file": f"{devstack.state}/token",
        },
    }
    assert devstack.ini("neutron/plugins/ml2/ml2_conf.ini") == {
        "ml2": {
            "mechanism_drivers": "romana",
            "type_drivers": "local,flat",
            "extension_drivers": "port_security,qos",
        }
    }
    assert (devstack.state / "data" / "neutron").is_dir()
    etc = devstack.state / "etc"
    rules = (etc / "neutron" / "policy.d" / "90-romana.yaml").read_text()
    assert "romana:fixed_address" in rules
    assert (
        '"create_port:port_security_enabled": "rule:admin_only or rule:service_api or romana:port_security"\n' in rules
    )
    assert "romana:live_migration" in (etc / "nova" / "policy.d" / "90-romana.yaml").read_text()


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
        "Q_ML2_PLUGIN_EXT_DRIVERS=qos,uplink_status_propagation",
        "NEUTRON_CREATE_INITIAL_NETWORKS=True",
        "ROMANA_SERVER_URL=https://192.168.99.20:9601",
        "ROMANA_NOVA_URL=http://192.168.99.10:8774/v2.1",
    )
    devstack.stack()
    ml2 = devstack.ini("neutron/plugins/ml2/ml2_conf.ini")["ml2"]
    assert ml2["mechanism_drivers"] == "logger,romana"
    assert ml2["extension_drivers"] == "qos,uplink_status_propagation"
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
    assert list(devstack.state.rglob("90-romana.yaml")) == []


def test_clean_without_a_stack(devstack: DevStack) -> None:
    devstack.stack("unstack", "clean")


def test_liberty_gets_what_it_has(liberty: DevStack) -> None:
    liberty.stack(*STACK[:-1])  # it has no phase test-config
    assert liberty.ini("neutron/neutron.conf")["DEFAULT"] == {
        "core_plugin": "ml2",
        "ipam_driver": "romana",
        "dhcp_agent_notification": "False",
        "allow_overlapping_ips": "True",
    }
    assert liberty.ini("neutron/plugins/ml2/ml2_conf.ini")["ml2"]["extension_drivers"] == "port_security"
    assert liberty.variables["Q_AGENT"] == "openvswitch"
    rules = json.loads((liberty.state / "etc" / "neutron" / "policy.d" / "90-romana.yaml").read_text())
    assert rules["create_port:mac_address"] == "rule:admin_only or rule:context_is_advsvc"
    assert len(rules) == 8


def test_liberty_keeps_the_functions_of_its_agent(liberty: DevStack) -> None:
    (liberty.state / "after").write_text("if type -t is_neutron_ovs_base_plugin; then exit 1; fi\n")
    liberty.stack()


@pytest.fixture
def python2(liberty: DevStack) -> DevStack:
    """Liberty as the role configures it, with the part of Nova that is changed."""
    driver = liberty.state / "nova" / "nova" / "virt" / "libvirt" / "driver.py"
    driver.parent.mkdir(parents=True)
    driver.write_text("    if True:\n        guest.cputune.shares = 1024 * guest.vcpus\n\n        more = 1\n")
    liberty.localrc("ROMANA_PYTHON=2.7", 'HOME="$STATE"', "DATABASE_USER=root", "DATABASE_PASSWORD=p DATABASE_HOST=::1")
    return liberty


def after(devstack: DevStack, *lines: str) -> list[str]:
    """What these lines of a DevStack that has read the plugin do to the machine."""
    (devstack.state / "after").write_text("\n".join([*lines, ""]))
    devstack.stack("stack test-config")
    return devstack.calls


def test_python_2_is_read_about_only_where_it_is_needed(devstack: DevStack) -> None:
    after(devstack, "if type -t name_package; then exit 1; fi")


@pytest.mark.parametrize(
    ("asked", "calls"),
    [
        ("qemu-kvm libguestfs0", ["install qemu-system-x86"]),
        ("libvirt-bin libvirt-dev", ["install libvirt-daemon-system libvirt-clients"]),
        ("mysql-server", ["install mariadb-server"]),
        ("python-dev python-mysqldb libmysqlclient-dev", []),
        ("apache2 libapache2-mod-wsgi screen", ["install apache2 screen"]),
    ],
)
def test_packages_have_their_names_of_today(python2: DevStack, asked: str, calls: list[str]) -> None:
    assert after(python2, f"install_package {asked}") == calls


def test_only_what_is_installed_is_uninstalled(python2: DevStack) -> None:
    assert after(python2, "uninstall_package python-pip apache2") == ["apt_get purge apache2"]


def test_services_have_their_names_of_today(python2: DevStack) -> None:
    calls = after(python2, "stop_service libvirt-bin", "start_service libvirt-bin", "restart_service apache2")
    assert calls == [f"sudo systemctl {words}" for words in ("stop libvirtd", "start libvirtd", "restart apache2")]


def test_processes_are_units(python2: DevStack) -> None:
    calls = after(
        python2,
        "run_process n-cpu '/usr/local/bin/nova-compute --config-file /etc/nova.conf' libvirt",
        "run_process n-net /usr/local/bin/nova-network",
        "stop_process n-net",
    )
    assert calls == [
        "sudo tee /etc/systemd/system/devstack@n-cpu.service",
        "sudo systemctl daemon-reload",
        "sudo systemctl enable --now devstack@n-cpu.service",
    ]
    unit = (python2.state / "devstack@n-cpu.service").read_text().splitlines()
    assert "ExecStart=/usr/local/bin/nova-compute --config-file /etc/nova.conf" in unit
    assert "SupplementaryGroups=libvirt" in unit


def test_python_packages_are_those_that_pip_finds(python2: DevStack) -> None:
    calls = after(
        python2,
        "pip_install -U os-testr",
        "pip_install",
        "install_infra",
        "setup_package_with_constraints_edit /opt/stack/nova -e",
    )
    pip = "sudo -H SETUPTOOLS_SYS_PATH_TECHNIQUE=rewrite /usr/local/bin/pip install"
    assert calls == [f"{pip} -U os-testr", f"{pip} pbr", "setup_package /opt/stack/nova -e"]


def test_database_lets_devstack_in(python2: DevStack) -> None:
    calls = after(python2, "install_database_mysql")
    assert calls == ["install mariadb-server", "sudo mysql --no-defaults"]
    assert (python2.state / "--no-defaults").read_text().endswith("mysql_native_password USING PASSWORD('p')\n")
    assert (python2.state / ".my.cnf").stat().st_mode & 0o077 == 0


def test_apache_has_python_2(python2: DevStack) -> None:
    calls = after(python2, "install_apache_wsgi >/dev/null")
    assert calls[-2:] == ["sudo tee /etc/apache2/mods-available/wsgi.load", "sudo a2enmod wsgi"]
    assert (python2.state / "wsgi.load").read_text().startswith("LoadModule wsgi_module /usr/local/lib/python2.7/")


def test_old_nova_gets_along_with_qemu_and_control_groups_of_today(python2: DevStack) -> None:
    python2.localrc("ENABLED_SERVICES=n-cpu,neutron")
    python2.stack("stack install", "stack post-config")
    assert python2.calls == [f"sudo install -m 0755 {DRIVERS}/devstack/qemu-img /usr/local/bin/qemu-img"]
    changed = (python2.state / "nova" / "nova" / "virt" / "libvirt" / "driver.py").read_text()
    assert changed == "    if True:\n        pass\n\n        more = 1\n"
    assert python2.ini("nova.conf") == {"libvirt": {"images_type": "raw"}}
    python2.stack("clean")
    assert python2.calls[-1] == "sudo rm -f /usr/local/bin/qemu-img"


def test_old_horizon_asks_for_the_segment(python2: DevStack) -> None:
    example = python2.state / "horizon" / "openstack_dashboard" / "local" / "local_settings.py.example"
    example.parent.mkdir(parents=True)
    example.write_text("HORIZON_CONFIG = {}\n")
    (python2.state / "data").mkdir()
    python2.localrc("ENABLED_SERVICES=horizon")
    (python2.state / "after").write_text('cp "$HORIZON_SETTINGS" "$STATE/settings.py"\n')
    python2.stack("stack install")
    settings: dict[str, dict[str, str]] = {}
    exec((python2.state / "settings.py").read_text(), settings)  # noqa: S102 - as Django does
    assert settings["HORIZON_CONFIG"] == {"customization_module": "openstack_dashboard.local.horizon_segment"}
    assert (example.parent / "horizon_segment.py").is_file()


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
