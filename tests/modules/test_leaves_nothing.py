"""The check that a run of all tests leaves nothing on the machine, on a machine of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import leaves_nothing
import pytest

# What others do meanwhile is in other namespaces and places: what they need would be removed as left, too.
APART = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
OWN = f"for place in /run {leaves_nothing.CGROUPS}; do mount -t tmpfs tmpfs $place; done"
PROGRAM = """
import sys
from pathlib import Path
import leaves_nothing
leaves_nothing.PLACES = (Path("/run"), Path("/run/netns"))
sys.exit(leaves_nothing.main())
"""


def left_by(script: str) -> tuple[int, list[str]]:
    """The exit status after a shell script, and what it is said to have left."""
    check = [*APART, "sh", "-ec", f'{OWN}; exec "$@"', "sh", sys.executable, "-c", PROGRAM, "sh", "-ec", script]
    environment = {**os.environ, "PYTHONPATH": str(Path(leaves_nothing.__file__).parent)}
    done = subprocess.run(check, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, [line.removeprefix("left behind: ") for line in done.stderr.splitlines()]


def test_what_others_make_meanwhile_stays() -> None:
    theirs = Path(tempfile.gettempdir()) / f"romana-{uuid.uuid4().hex[:8]}"
    try:
        assert left_by(f"mkdir {theirs}") == (0, [])
        assert theirs.exists()
    finally:
        theirs.rmdir()


def test_nothing_is_said_when_nothing_is_left() -> None:
    assert left_by("ip link add name x type bridge; ip link del x; true & wait") == (0, [])


def test_exit_status_is_the_commands() -> None:
    assert left_by("exit 7") == (7, [])


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ("setsid sleep 4711 & exit 0", "sleep 4711"),
        ("mkdir /run/romana-x; mount -t tmpfs tmpfs /run/romana-x", "mounts: /run/romana-x"),
        ("mkdir /sys/fs/cgroup/x", "cgroups: /sys/fs/cgroup/x"),
        ("touch /run/romana-x", "files: /run/romana-x"),
        ("ip netns add x", "namespaces: x"),
        ("ip link add name x type bridge", "links: "),
        ("ip link set lo up", "addresses: "),
        ("nft add table inet x", "nft: table inet x {"),
        ("sysctl -qw net.ipv4.ip_forward=1", "sysctls: net.ipv4.ip_forward = 1"),
        ("ip rule add pref 7 table 7", "rules: 7:"),
        ("ip link set lo up; ip route add 192.0.2.0/24 dev lo table 7", "routes: 192.0.2.0/24 dev lo table 7"),
    ],
)
def test_what_is_left_is_said(script: str, what: str) -> None:
    status, lines = left_by(script)
    assert status == 1
    assert [line for line in lines if what in line] != []


def test_what_killed_runs_leave_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaves_nothing, "PLACES", (tmp_path,))
    before = leaves_nothing.state()
    (tmp_path / "pytest-of-somebody" / "pytest-0").mkdir(parents=True)
    (tmp_path / f"mitogen_unix_{uuid.uuid4()}.sock").touch()
    (tmp_path / "romana-ab_12xyz").mkdir()
    (tmp_path / "romana-other").touch()
    leaves_nothing.sweep(before)
    assert [path.name for path in tmp_path.iterdir()] == ["romana-other"]
