"""What leads to a cloud that only ssh leads to."""

from __future__ import annotations

import socket
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
import yaml

from romana_install.actions.own import own
from romana_install.base.errors import UsageError
from romana_install.cli.main import parse
from romana_install.config.options import Options
from romana_install.config.settings import Config
from romana_install.state import access
from romana_install.state.stack import Reach, Stack, StackError
from romana_install.targets import stacks, tunnel
from romana_install.targets.aws.target import Aws
from romana_install.targets.local.target import Local
from romana_install.targets.static.target import Static
from romana_install.targets.target import Target
from romana_install.verify.cloud import CloudError

AWS = Aws("eu-west-1")
PASSWORDS = {"admin": "a", "demo": "d"}
CATALOGUE = {
    "identity": "http://192.168.99.10/identity",
    "compute": "http://192.168.99.10/compute/v2.1",
    "image": "http://192.168.99.10:9292",
    "network": "http://192.168.99.10:9696/networking",
    "key-manager": "http://192.168.99.10/keys",
}


def stack(directory: Path, target: Target = AWS) -> Stack:
    return Stack("blue", directory, AWS.nodes(Config()), target, "packages")


def server(directory: Path) -> Stack:
    return stack(directory, Static({node.name: Reach("203.0.113.5", "debian") for node in AWS.nodes(Config())}))


def test_each_service_is_where_the_tunnel_brings_it() -> None:
    assert access.overrides(CATALOGUE) == {
        "identity": "http://127.0.0.1:8080/identity",
        "compute": "http://127.0.0.1:8080/compute/v2.1",
        "image": "http://127.0.0.1:9292",
        "network": "http://127.0.0.1:9696/networking",
        "key-manager": "http://127.0.0.1:8080/keys",
    }


def test_on_aws_no_file_sends_a_password_to_a_private_address(tmp_path: Path) -> None:
    ways = {user: access.overrides(CATALOGUE) for user in PASSWORDS}
    access.write(stack(tmp_path), Config(stack_name="blue"), PASSWORDS, ways)
    clouds = yaml.safe_load((tmp_path / "clouds.yaml").read_text())["clouds"]
    assert list(clouds) == ["blue", "blue-demo"]
    assert clouds["blue"]["auth"]["auth_url"] == "http://127.0.0.1:5000/v3"
    assert clouds["blue"]["key_manager_endpoint_override"] == "http://127.0.0.1:8080/keys"
    assert "OS_IMAGE_ENDPOINT_OVERRIDE=http://127.0.0.1:9292" in (tmp_path / "demo-openrc").read_text()
    for path in tmp_path.iterdir():
        assert "192.168." not in path.read_text(), path


def test_servers_have_both_ways(tmp_path: Path) -> None:
    ways = {user: access.overrides(CATALOGUE) for user in PASSWORDS}
    access.write(server(tmp_path), Config(stack_name="blue"), PASSWORDS, ways)
    clouds = yaml.safe_load((tmp_path / "clouds.yaml").read_text())["clouds"]
    assert list(clouds) == ["blue", "blue-demo", "blue-tunnel", "blue-demo-tunnel"]
    assert "192.168.99.10" in clouds["blue"]["auth"]["auth_url"]
    assert "127.0.0.1" in clouds["blue-demo-tunnel"]["auth"]["auth_url"]


def test_ssh_forwards_at_addresses_of_this_machine_alone(tmp_path: Path) -> None:
    words = tunnel.command(stack(tmp_path))
    forwards = [words[number + 1] for number, word in enumerate(words) if word == "-L"]
    assert "127.0.0.1:8080:192.168.99.10:80" in forwards
    assert len(forwards) == len(access.PORTS)
    assert all(forward.startswith("127.0.0.1:") for forward in forwards)
    assert words[:2] == ["ssh", "-N"]
    assert words[-1] == "controller"


def saved(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Options:
    """The action on a stack that is there."""
    monkeypatch.setenv("XDG_STATE_HOME", str(stack.directory.parents[1]))
    stack.directory.mkdir(parents=True)
    stacks.save(stack)
    return parse(["tunnel", "-e", f"stack_name={stack.name}"])


def test_what_needs_none_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = saved(stack(tmp_path / "romana-setup/blue", Local()), monkeypatch)
    with pytest.raises(UsageError, match="needs no tunnel"):
        own(options)


def test_a_port_that_is_taken_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = saved(server(tmp_path / "romana-setup/blue"), monkeypatch)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # it is somebody's already
            other.bind((access.HERE, 6080))
            other.listen()
        with pytest.raises(UsageError, match="6080"):
            own(options)


def test_a_keystone_that_refuses_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def __init__(self, *_: object) -> None:
            raise CloudError("no")

    monkeypatch.setattr(tunnel, "Cloud", Refusing)
    monkeypatch.setattr(Stack, "forwarded", lambda *_: nullcontext({}))
    with pytest.raises(StackError, match="cannot be asked: no"):
        tunnel.overrides(server(tmp_path), Config(), PASSWORDS)
