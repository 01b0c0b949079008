"""What stands in the way on this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from romana_install.config.settings import Config
from romana_install.state.stack import Stack
from romana_install.targets import preflight
from romana_install.targets.local.target import Local
from romana_install.targets.local.uplink import interface_name
from romana_install.targets.nodes import Change
from romana_install.targets.target import Intent

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts and interfaces need root")


def found(
    config: Config, directory: Path, others: list[Stack] | None = None, is_new: bool = True, engine: str = "none"
) -> list[str]:
    target = Local()
    nodes = target.nodes(config)
    stack = Stack(config.stack_name, directory, nodes, target, engine, network=config.local_network)
    change = Change(add=nodes, remove=(), keep=()) if is_new else Change(add=(), remove=(), keep=nodes)
    intent = Intent(config, stack, change, None if is_new else stack, others or [])
    return [str(finding) for finding in target.preflight(intent)]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(stack_name="preflight", local_cache_dir=str(tmp_path / "cache"))


@contextmanager
def disk(path: Path, size: str) -> Iterator[None]:
    """Another disk at `path`."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "romana-test", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=True)


@pytest.fixture(autouse=True)
def _space(tmp_path: Path) -> Iterator[None]:
    """Enough of it, however little there is where temporary files are."""
    with disk(tmp_path, "8g") if os.geteuid() == 0 else nullcontext():
        yield


@needs_root
def test_nothing_on_a_good_machine(config: Config, tmp_path: Path) -> None:
    assert found(config, tmp_path / "not" / "there" / "yet") == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "small"
    path.mkdir()
    with disk(path, "1m"):
        yield path


@needs_root
def test_too_little_space_is_found_in_each_place(config: Config, small_disk: Path, tmp_path: Path) -> None:
    (state,) = found(config, small_disk / "stack")
    assert state.startswith(f"disk space in {small_disk}/stack (state): 0.0 GiB are free, 2 GiB are needed")
    assert state.endswith("set XDG_STATE_HOME")
    (state,) = found(config, small_disk / "stack", engine="packages")
    assert "4 GiB are needed" in state
    there = Config(stack_name="preflight", local_cache_dir=str(small_disk / "cache"))
    (cache,) = found(there, tmp_path, is_new=False)
    assert "0.0 GiB are free, 0.25 GiB are needed" in cache
    assert cache.endswith("set local_cache_dir")


@needs_root
def test_interface_of_another(config: Config, tmp_path: Path) -> None:
    name = interface_name(config.stack_name)
    assert name == "ro-preflight"
    subprocess.run(["ip", "link", "add", name, "type", "bridge"], check=True)
    try:
        (finding,) = found(config, tmp_path)
        assert finding.startswith(f"interface {name}: is there without its stack")
        assert found(config, tmp_path, is_new=False) == []
    finally:
        subprocess.run(["ip", "link", "del", name], check=True)


def test_not_root(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "user: the target local makes network namespaces and mounts, which needs root; use sudo" in found(
        config, tmp_path
    )


def test_other_stacks(config: Config, tmp_path: Path) -> None:
    same_network = Stack("blue", tmp_path, (), Local(), network="192.168.0.0/16")
    same_interface = Stack("preflight", tmp_path, (), Local(), network="192.168.99.0/24")  # itself
    assert any("192.168.99.0/24 is used by stack blue" in line for line in found(config, tmp_path, [same_network]))
    assert not any("preflight" in line for line in found(config, tmp_path, [same_interface], is_new=False))
    long = Config(stack_name="a-very-long-name-1", local_cache_dir=config.local_cache_dir)
    other = Stack("a-very-long-name-2", tmp_path, (), Local(), network="192.168.98.0/24")
    assert any("differ within the first 12 letters" in line for line in found(long, tmp_path, [other]))


@pytest.mark.parametrize("name", ['a "b"', "a:b"])
def test_cache_that_apt_cannot_read(config: Config, tmp_path: Path, name: str) -> None:
    odd = config.model_copy(update={"local_cache_dir": str(tmp_path / name)})
    assert any(f"{name} has a double quote or a colon in its name" in line for line in found(odd, tmp_path))


def test_programs_without_a_way_to_install_them(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(tmp_path))
        lines = found(config, tmp_path)
    assert any("ip, ssh, systemd-nspawn, mmdebstrap not found" in line for line in lines)


def test_nodes_with_endpoints_cannot_be_removed() -> None:
    (finding,) = preflight.occupied(["compute02", "compute03"], {"compute02": 3, "compute01": 9})
    assert str(finding).startswith("compute02: is to be removed but has 3 endpoints")


@pytest.mark.parametrize(
    ("engine", "computes", "available", "fits"),
    [
        ("packages", 1, 4.6, True),
        ("packages", 1, 4.4, False),
        ("packages", 4, 6.1, True),
        ("packages", 4, 5.9, False),
        ("devstack", 1, 7.1, True),
        ("devstack", 1, 6.9, False),
    ],
)
def test_memory_of_new_nodes(engine: str, computes: int, available: float, fits: bool) -> None:
    made = Local().nodes(Config(devstack_compute_node=computes))
    controller = preflight.MEMORY_CONTROLLER[engine]
    findings = [str(finding) for finding in preflight.memory(made, controller, int(available * preflight.GIB))]
    said = [line.partition(",")[0] for line in findings]
    assert said == ([] if fits else [f"memory: {available} GiB are available"])


def test_memory_of_a_stack_that_is_there() -> None:
    assert list(preflight.memory([], preflight.GIB, 0)) == []


def test_available_memory_is_less_than_there_is() -> None:
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    swap = sum(int(line.split()[2]) * 1024 for line in Path("/proc/swaps").read_text().splitlines()[1:])
    assert physical // 1000 < preflight.available_memory() <= physical + swap
