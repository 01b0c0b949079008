"""Tokens and passwords are made once and kept."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from romana_install.config.settings import PASSWORD_NAMES, OpenstackSettings
from romana_install.state import secrets

HOSTS = ["controller", "compute01"]


def test_secrets_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = secrets.ensure(path, HOSTS, PASSWORD_NAMES, {})
    assert secrets.ensure(path, HOSTS, PASSWORD_NAMES, {}) == first
    assert path.stat().st_mode & 0o777 == 0o600


def test_secrets_are_all_different_and_long(tmp_path: Path) -> None:
    made = secrets.ensure(tmp_path / "secrets.json", HOSTS, PASSWORD_NAMES, {})
    values = secrets.values(made)
    assert len(set(values)) == len(values) == 4 + len(PASSWORD_NAMES)
    assert min(map(len, values)) >= 32  # 24 bytes in base64
    assert re.fullmatch(r"[A-Za-z0-9_-]+", "".join(values))
    OpenstackSettings(openstack_passwords=made["passwords"])  # what is made may also be given


def test_nodes_come_and_go(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    one = secrets.ensure(path, ["controller"], (), {})["tokens"]
    two = secrets.ensure(path, HOSTS, (), {})["tokens"]
    assert two["agents"]["controller"] == one["agents"]["controller"]
    assert two["admin"] == one["admin"]
    back = secrets.ensure(path, ["controller"], (), {})["tokens"]
    assert back == one
    assert secrets.ensure(path, HOSTS, (), {})["tokens"]["agents"] != two["agents"]


def test_given_password_wins_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    before = secrets.ensure(path, HOSTS, PASSWORD_NAMES, {})["passwords"]
    after = secrets.ensure(path, HOSTS, PASSWORD_NAMES, {"admin": "correct-horse"})["passwords"]
    assert after == before | {"admin": "correct-horse"}
    assert secrets.ensure(path, HOSTS, PASSWORD_NAMES, {})["passwords"] == after


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"tokens": 1}', '{"tokens": {"agents": []}}', '{"passwords": ["admin"]}']
)
def test_damaged_file_is_made_anew(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secrets.json"
    path.write_text(content)
    assert len(secrets.values(secrets.ensure(path, ["controller"], ["admin", "demo"], {}))) == 5


def test_tokens_are_rotated_for_the_same_and_passwords_stay(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    made = secrets.ensure(path, HOSTS, PASSWORD_NAMES, {})
    old, new = secrets.prepare_tokens(path)
    assert old == made["tokens"]
    assert new.keys() == old.keys()
    assert new["agents"].keys() == old["agents"].keys()
    assert not set(secrets.token_values(old)) & set(secrets.token_values(new))
    assert secrets.prepare_tokens(path) == (old, new), "what was interrupted goes on with the same"
    assert json.loads(path.read_text())["tokens"] == old, "they are in use until all have the new ones"
    secrets.take_tokens(path)
    assert secrets.ensure(path, HOSTS, PASSWORD_NAMES, {}) == {"tokens": new, "passwords": made["passwords"]}
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_installation_ends_a_rotation_that_was_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    old = secrets.ensure(path, HOSTS, (), {})
    _, interrupted = secrets.prepare_tokens(path)
    assert secrets.ensure(path, HOSTS, (), {}) == old
    assert secrets.prepare_tokens(path)[1] != interrupted
