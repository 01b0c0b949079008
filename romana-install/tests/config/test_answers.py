"""Answers files: made, edited, checked, used; and those of other installers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from romana_install.actions.answers import document
from romana_install.base.errors import UsageError
from romana_install.config import read as config
from romana_install.config.importers import localrc, packstack
from romana_install.config.settings import Config

GROUP_VARS = Path(__file__).parents[3] / "group_vars" / "all"
# As in a guide to DevStack on one machine.
LOCALRC = """
HOST_IP=192.168.1.2
FLAT_INTERFACE=eth0
FIXED_RANGE=10.4.128.0/20
FIXED_NETWORK_SIZE=4096
FLOATING_RANGE=192.168.1.128/25
ADMIN_PASSWORD=supersecret   # the dashboard's, too
DATABASE_PASSWORD="$ADMIN_PASSWORD"
export RABBIT_PASSWORD=flopsymopsy
SERVICE_PASSWORD=short
API_WORKERS=4
enable_service swift
"""
# Keys of which Packstack's generated file has some hundred more.
PACKSTACK = """
[general]
# Path to a public key to install on servers.
CONFIG_SSH_KEY=/root/.ssh/id_rsa.pub
CONFIG_DEFAULT_PASSWORD=
CONFIG_SERVICE_WORKERS=%{::processorcount}
CONFIG_CINDER_INSTALL=y
CONFIG_CONTROLLER_HOST=192.0.2.10
CONFIG_COMPUTE_HOSTS=192.0.2.11,192.0.2.12
CONFIG_NETWORK_HOSTS=192.0.2.13
CONFIG_KEYSTONE_ADMIN_PW=0123456789abcdef
CONFIG_KEYSTONE_DEMO_PW=
CONFIG_KEYSTONE_REGION=RegionTwo
CONFIG_NOVA_DB_PW=b4%d3f0
CONFIG_NEUTRON_ML2_TYPE_DRIVERS=geneve,flat
CONFIG_NEUTRON_OVS_BRIDGE_MAPPINGS=
CONFIG_PROVISION_DEMO=n
CONFIG_NAGIOS_INSTALL=n
CONFIG_AMQP_ENABLE_SSL=n
"""


def setup(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "romana_install", *words], capture_output=True, text=True, check=False)


def read(path: Path, text: str, *extra: str) -> config.Draft:
    path.write_text(text)
    return config.read(GROUP_VARS, extra, str(path))


def test_made_edited_used_and_made_again_is_exact(tmp_path: Path) -> None:
    made = setup("answers", "-e", "stack_name=blue").stdout
    edited = made.replace("\ndevstack_compute_node: 1\n", "\ndevstack_compute_node: 3\n")
    edited = edited.replace("\nopenstack_engine:\n", "\nopenstack_engine: none\n").replace(
        "\n  demo:\n", "\n  demo: a-b.c~d_e\n"
    )
    edited = edited.replace("\naws_allowed_cidrs: []\n", "\naws_allowed_cidrs:\n- 203.0.113.0/24\n")
    assert edited.count("\n") > made.count("\n")
    path = tmp_path / "my answers.yml"
    path.write_text(edited)
    assert setup("answers", "-a", str(path)).stdout == edited
    done = setup("-t", "local", "validate", "-a", str(path), "-e", "local_network=192.168.213.0/24")
    assert (done.returncode, done.stdout) == (0, "the configuration of stack blue is right (4 nodes on local)\n")


def test_every_variable_is_there_with_its_value() -> None:
    values = yaml.safe_load(document(Config()))
    assert Config.model_validate(values) == Config()
    assert set(values) == set(Config.model_fields)


def test_a_password_that_is_left_empty_is_none_of_ours(tmp_path: Path) -> None:
    draft = read(tmp_path / "a.yml", "openstack_passwords:\n  admin: twelve-chars\n  demo:\n")
    assert draft.findings == []
    assert draft.config.openstack_passwords == {"admin": "twelve-chars"}


def test_the_command_line_wins_over_answers_and_these_over_the_files(tmp_path: Path) -> None:
    draft = read(tmp_path / "a.yml", "stack_name: blue\ndevstack_compute_node: 2\n", "stack_name=green")
    assert (draft.config.stack_name, draft.config.devstack_compute_node) == ("green", 2)


def test_all_that_is_wrong_is_said_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    text = """# answers
stack_name: Blue
devstack_compute_nodes: 2
romana_tenants:
  - name: red
    segments:
      - web
      - "no good"
openstack_passwords:
  admin: short
devstack_compute_node: 1
devstack_compute_node: 2
"""
    found = {str(finding).removeprefix(f"{path}:").partition("; ")[0] for finding in read(path, text).findings}
    assert found == {
        "2:stack_name: is 'Blue'",
        "3:devstack_compute_nodes: unknown variable (did you mean devstack_compute_node?)",
        "8:romana_tenants: [0].segments[1] is 'no good'",
        "10:openstack_passwords: admin is not right",
        "12:devstack_compute_node: is set in line 11 too",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stack_name: [", "is not YAML in line "),
        ("- stack_name", "holds ['stack_name']; write `key: value` lines"),
        (None, "cannot be read: no such file or directory"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "a.yml"
    if text is not None:
        path.write_text(text)
    (finding,) = config.read(GROUP_VARS, [], str(path)).findings
    assert str(finding).startswith(f"{path}: {said}")


def test_a_value_of_the_command_line_has_no_line(tmp_path: Path) -> None:
    draft = read(tmp_path / "a.yml", "stack_name: blue\n", "stack_name=Blue")
    assert [finding.where for finding in draft.findings] == ["-e:stack_name"]


def test_localrc_is_taken_over_and_the_rest_explained() -> None:
    found = localrc.take_over(LOCALRC)
    assert found.values == {
        "openstack_passwords": {"admin": "supersecret", "demo": "supersecret", "rabbitmq": "flopsymopsy"},
        "openstack_api_workers": 4,
    }
    assert found.taken == ["ADMIN_PASSWORD", "RABBIT_PASSWORD", "API_WORKERS"]
    assert "8 to 64 letters" in found.left.pop("SERVICE_PASSWORD")
    assert found.left == {
        "HOST_IP": "each node has an address in the target's network",
        "FLAT_INTERFACE": "hosts are joined by routes, no bridge",
        "FIXED_RANGE": "addresses of endpoints come from romana_cidr, by host, tenant and segment",
        "FIXED_NETWORK_SIZE": "addresses of endpoints come from romana_cidr, by host, tenant and segment",
        "FLOATING_RANGE": "floating IPs are free addresses of the nodes' own network: openstack_external_cidr",
        "DATABASE_PASSWORD": "only a shell can tell its value",
        "enable_service": "the services of a stack are fixed",
    }


def test_of_a_local_conf_only_its_localrc_is_read() -> None:
    found = localrc.take_over(
        "[[local|localrc]]\nREGION_NAME=Here\n[[post-config|$NOVA_CONF]]\n[DEFAULT]\nREGION_NAME=There\n"
    )
    assert found.values == {"openstack_region": "Here"}
    assert list(found.left) == ["[[post-config|$NOVA_CONF]]"]


def test_packstacks_answers_are_taken_over_and_the_rest_explained() -> None:
    found = packstack.take_over(PACKSTACK)
    assert found.values == {
        "openstack_passwords": {"admin": "0123456789abcdef"},
        "openstack_region": "RegionTwo",
        "openstack_demo": False,
        "devstack_compute_node": 2,
        "controller_is_compute": False,
    }
    assert found.left["CONFIG_NOVA_DB_PW"].startswith("its value is not right for openstack_passwords")
    assert found.left["CONFIG_SERVICE_WORKERS"].startswith("its value is not right for openstack_api_workers")
    assert found.left["CONFIG_KEYSTONE_DEMO_PW"] == "it is empty; passwords are generated"
    assert found.left["CONFIG_CINDER_INSTALL"] == packstack.ELSEWHERE
    assert {found.left[f"CONFIG_{key}"] for key in ("NETWORK_HOSTS", "NEUTRON_OVS_BRIDGE_MAPPINGS")} == {
        packstack.ROUTED
    }
    keys = {line.partition("=")[0] for line in PACKSTACK.splitlines() if line.startswith("CONFIG_")}
    assert {*found.taken, *found.left} == keys, "nothing is passed over in silence"
    assert "nothing here is like it" not in found.left.values()


@pytest.mark.parametrize("text", ["no = section", "[other]\na=b\n"])
def test_what_is_no_answer_file_of_packstack_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no answer file of Packstack"):
        packstack.take_over(text)


def test_what_was_taken_over_is_an_answers_file_that_says_what_was_not(tmp_path: Path) -> None:
    rc = tmp_path / "localrc"
    rc.write_text(LOCALRC)
    done = setup("answers", "--from-localrc", str(rc))
    assert done.returncode == 0
    assert done.stderr == "romana-setup: 3 taken over, 8 not; why is at the end\n"
    assert "# FIXED_RANGE: addresses of endpoints come from romana_cidr" in done.stdout
    draft = read(tmp_path / "a.yml", done.stdout)
    assert draft.findings == []
    assert draft.config.openstack_api_workers == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["plan", "--from-localrc", "x"], "--from-localrc belongs to answers, not to plan"),
        (["answers", "--from-localrc", "x", "--from-packstack", "y"], "give one of them"),
        (["answers", "-e", "stack_name=Blue"], "-e:stack_name: is 'Blue'"),
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str], said: str) -> None:
    done = setup(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
