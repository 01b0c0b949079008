"""The way to an instance, by its address; names are Nova's to know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from romana_install.base.errors import UsageError
from romana_install.config.address_plan import PLAN_KEYS
from romana_install.config.settings import Config
from romana_install.state.stack import Reach, Stack
from romana_install.targets.local.target import Local
from romana_install.targets.static.target import Static
from romana_install.verify.guest_login import login


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    config = Config()
    plan = {key: getattr(config, key) for key in PLAN_KEYS}
    return Stack("romana", tmp_path / "a b%", Local().nodes(config), Local(), "packages", plan=plan)


@pytest.mark.parametrize(
    ("guest", "destination", "node"),
    [
        ("10.1.18.3", "root@10.1.18.3", "compute01"),
        ("debian@10.0.18.3", "debian@10.0.18.3", "controller"),
    ],
)
def test_an_instance_is_reached_by_the_node_that_its_address_says(
    stack: Stack, guest: str, destination: str, node: str
) -> None:
    command = login(stack, guest, "uname", "-a")
    assert command[:4] == ["ssh", "-q", "-F", "none"]
    assert command[-3:] == [destination, "uname", "-a"]
    (proxy,) = (word for word in command if word.startswith("ProxyCommand="))
    assert proxy == (
        f"ProxyCommand=ssh -W {destination.partition('@')[2]}:22 -F '{stack.directory}/ssh_config' {node}".replace(
            "%", "%%"
        )
    )
    assert f'IdentityFile="{stack.demo_key}"'.replace("%", "%%") in command


def test_on_the_machine_itself_there_is_no_way_to_go(stack: Stack) -> None:
    alone = replace(stack, target=Static({"controller": Reach("", "root")}))
    assert not any(word.startswith("ProxyCommand") for word in login(alone, "10.0.18.3"))


@pytest.mark.parametrize(
    ("guest", "said"),
    [
        ("192.0.2.1", "192.0.2.1 is outside 10.0.0.0/8: no instance of stack romana has it"),
        ("10.9.18.3", "10.9.18.3 belongs to host 9, which stack romana does not have"),
    ],
)
def test_an_address_that_no_instance_has_is_said_to_be(stack: Stack, guest: str, said: str) -> None:
    with pytest.raises(UsageError) as refusal:
        login(stack, guest)
    assert str(refusal.value) == said
