"""What the module `local_stack` makes of a node whose supervisor cannot run it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plugins.modules.local_stack import Difference, LocalStack, difference

PARAMS: dict[str, Any] = {
    "name": "unmade",
    "network": "192.168.99.0/24",
    "image": "/nowhere",
    "uplink": False,
    "binds": [],
    "kvm": False,
    "authorized_key": "",
    "host_keys": "",
}


def stack(directory: Path, supervisor: str, **more: object) -> LocalStack:
    """A stack with the directory of one node, compute01, and nothing that runs."""
    program = directory / "supervise"
    program.write_text(supervisor)
    (directory / "nodes" / "compute01").mkdir(parents=True)
    return LocalStack({**PARAMS, "directory": str(directory / "nodes"), "supervisor": str(program), **more})


def test_supervisor_that_dies_is_noticed_before_the_node_has_had_its_time(tmp_path: Path) -> None:
    made = stack(tmp_path, 'import sys; sys.exit("no such image")')
    made.start_node("compute01")
    with pytest.raises(ChildProcessError, match="the supervisor of compute01 has ended; its console: no such image"):
        made.wait_for_ssh("compute01", "127.0.0.1")


def test_supervisor_that_is_told_to_end_is_known_to_be(tmp_path: Path) -> None:
    made = stack(tmp_path, "import time; time.sleep(600)")
    made.start_node("compute01")
    assert made.supervisor_pid("compute01") is not None
    made.stop_nodes(["compute01"])
    assert made.supervisor_pid("compute01") is None
    assert (tmp_path / "nodes" / "compute01" / "stopping").exists()
    made.start_node("compute01")
    assert not (tmp_path / "nodes" / "compute01" / "stopping").exists()
    made.stop_nodes(["compute01"])


def test_node_gets_the_processor_only_where_that_works(tmp_path: Path) -> None:
    without = stack(tmp_path, "").spec("compute01", "192.168.99.11")
    made = LocalStack({**PARAMS, "directory": str(tmp_path), "supervisor": "", "kvm": True})
    assert made.spec("compute01", "192.168.99.11") == {**without, "devices": ["/dev/kvm"]}


OLD, NEW = {"address": "192.0.2.10/24"}, {"address": "192.0.2.11/24"}


@pytest.mark.parametrize(
    ("wanted", "existing", "running", "has_switch", "todo"),
    [
        ({}, {}, [], False, Difference([], [], [], False)),
        ({"a": OLD}, {}, [], False, Difference([], ["a"], ["a"], True)),
        ({"a": OLD}, {"a": OLD}, ["a"], True, Difference([], [], [], False)),
        ({"a": NEW, "b": OLD}, {"a": OLD, "b": OLD}, ["a", "b"], True, Difference([], ["a"], ["a"], False)),
        ({"a": OLD}, {"a": None}, [], True, Difference([], ["a"], ["a"], False)),
        ({"a": OLD, "b": OLD}, {"a": OLD, "b": OLD}, ["b"], True, Difference([], [], ["a"], False)),
        ({"a": OLD, "b": OLD}, {"a": OLD, "b": OLD}, ["a", "b"], False, Difference([], [], ["a", "b"], True)),
        ({"a": OLD}, {"a": OLD, "b": OLD}, ["a", "b"], True, Difference(["b"], [], [], False)),
        ({}, {"a": OLD}, ["a"], True, Difference(["a"], [], [], True)),
    ],
    ids=["none", "new", "same", "other", "half-made", "stopped", "without its switch", "leaves", "absent"],
)
def test_difference(
    wanted: dict[str, Any], existing: dict[str, Any], running: list[str], has_switch: bool, todo: Difference
) -> None:
    assert difference(wanted, existing, running, has_switch) == todo
