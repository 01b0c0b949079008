"""Tokens are made once and kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from romana_install import secrets


def test_tokens_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = secrets.ensure(path, ["controller", "compute01"])
    assert secrets.ensure(path, ["controller", "compute01"]) == first
    assert path.stat().st_mode & 0o777 == 0o600


def test_tokens_are_all_different_and_long(tmp_path: Path) -> None:
    values = secrets.values(secrets.ensure(tmp_path / "secrets.json", ["controller", "compute01"]))
    assert len(set(values)) == len(values) == 4
    assert min(map(len, values)) >= 43  # 32 bytes in base64


def test_nodes_come_and_go(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    one = secrets.ensure(path, ["controller"])["tokens"]
    two = secrets.ensure(path, ["controller", "compute01"])["tokens"]
    assert two["agents"]["controller"] == one["agents"]["controller"]
    assert two["admin"] == one["admin"]
    back = secrets.ensure(path, ["controller"])["tokens"]
    assert back == one
    assert secrets.ensure(path, ["controller", "compute01"])["tokens"]["agents"] != two["agents"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"tokens": 1}', '{"tokens": {"agents": []}}'])
def test_damaged_file_is_made_anew(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secrets.json"
    path.write_text(content)
    assert len(secrets.values(secrets.ensure(path, ["controller"]))) == 3
