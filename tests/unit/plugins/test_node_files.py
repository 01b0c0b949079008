"""What a node begins with can be read by its users, whatever the umask of who makes it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from plugins.modules.local_stack import LocalStack


@pytest.fixture
def closed() -> Iterator[None]:
    """The umask of who lets nobody else read anything."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture
def stack(tmp_path: Path) -> LocalStack:
    (tmp_path / "key.pub").write_text("key")
    (tmp_path / "host_keys").mkdir()
    for name in ("one", "one.pub"):
        (tmp_path / "host_keys" / name).write_text(name)
    paths = {"directory": "nodes", "authorized_key": "key.pub", "host_keys": "host_keys"}
    return LocalStack(
        {
            "name": "blue",
            "network": "192.0.2.0/24",
            "image": "/nowhere",
            "uplink": False,
            "binds": [],
            "kvm": False,
            "supervisor": "",
            **{key: str(tmp_path / path) for key, path in paths.items()},
        }
    )


def modes(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): oct(stat.S_IMODE(path.stat().st_mode))
        for path in (directory, *sorted(directory.rglob("*")))
    }


@pytest.mark.usefixtures("closed")
def test_a_nodes_own_files_have_their_modes(stack: LocalStack) -> None:
    stack.make_node("one", stack.spec("one", "192.0.2.10"))
    assert modes(stack.directory / "one" / "upper") == {
        ".": "0o755",
        "etc": "0o755",
        "etc/hostname": "0o644",
        "etc/ssh": "0o755",
        "etc/ssh/ssh_host_ed25519_key": "0o600",
        "etc/ssh/ssh_host_ed25519_key.pub": "0o644",
        "root": "0o700",
        "root/.ssh": "0o700",
        "root/.ssh/authorized_keys": "0o600",
    }
    assert stat.S_IMODE((stack.directory / "one").stat().st_mode) == 0o700


@pytest.mark.parametrize("part", ["", "etc", "etc/ssh"])
def test_a_node_that_was_made_closed_is_made_again(stack: LocalStack, part: str) -> None:
    stack.make_node("one", stack.spec("one", "192.0.2.10"))
    assert stack.existing() == {"one": stack.spec("one", "192.0.2.10")}
    (stack.directory / "one" / "upper" / part).chmod(0o700)
    assert stack.existing() == {"one": None}
    stack.make_node("one", stack.spec("one", "192.0.2.10"))
    assert stack.existing() == {"one": stack.spec("one", "192.0.2.10")}
