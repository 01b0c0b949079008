"""The certificates, as openssl sees them."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from romana_install.state import pki

NAMES = ["controller", "192.168.99.10", "localhost"]


def openssl(*arguments: object) -> str:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def verify(directory: Path, *options: str) -> str:
    return openssl("verify", "-x509_strict", *options, "-CAfile", directory / "ca.pem", directory / "server.pem")


@pytest.mark.parametrize(
    "options",
    [
        ["-purpose", "sslserver", "-verify_hostname", "controller"],
        ["-purpose", "sslserver", "-verify_hostname", "localhost"],
        ["-purpose", "sslserver", "-verify_ip", "192.168.99.10"],
    ],
)
def test_certificate_is_good_for_its_names(tmp_path: Path, options: list[str]) -> None:
    assert pki.ensure(tmp_path, "romana", NAMES)
    assert verify(tmp_path, *options).endswith(": OK\n")


def test_certificate_is_good_for_no_other_name(tmp_path: Path) -> None:
    pki.ensure(tmp_path, "romana", NAMES)
    assert "hostname mismatch" in verify(tmp_path, "-verify_hostname", "compute01").lower()


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    pki.ensure(tmp_path / "pki", "romana", NAMES)
    assert {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "pki").iterdir()} == dict.fromkeys(
        ("ca.pem", "ca.key", "server.pem", "server.key"), 0o600
    )
    assert (tmp_path / "pki").stat().st_mode & 0o777 == 0o700


def test_nothing_is_made_twice(tmp_path: Path) -> None:
    pki.ensure(tmp_path, "romana", NAMES)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert not pki.ensure(tmp_path, "romana", NAMES)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_new_names_need_a_new_certificate_of_the_same_authority(tmp_path: Path) -> None:
    pki.ensure(tmp_path, "romana", NAMES)
    authority = (tmp_path / "ca.pem").read_bytes()
    assert pki.ensure(tmp_path, "romana", [*NAMES, "192.168.98.10"])
    assert (tmp_path / "ca.pem").read_bytes() == authority
    assert verify(tmp_path, "-verify_ip", "192.168.98.10").endswith(": OK\n")


@pytest.mark.parametrize(
    ("days", "renewed"),
    [
        (0, set()),
        (pki.SERVER_DAYS - pki.RENEW_SERVER_DAYS - 1, set()),
        (pki.SERVER_DAYS - pki.RENEW_SERVER_DAYS + 1, {"server"}),
        (pki.AUTHORITY_DAYS - pki.RENEW_AUTHORITY_DAYS + 1, {"ca", "server"}),
    ],
)
def test_renewal_in_time(tmp_path: Path, days: int, renewed: set[str]) -> None:
    start = datetime.now(UTC)
    pki.ensure(tmp_path, "romana", NAMES, start)
    before = {name: (tmp_path / f"{name}.pem").read_bytes() for name in ("ca", "server")}
    later = start + timedelta(days=days)
    assert pki.ensure(tmp_path, "romana", NAMES, later) == bool(renewed)
    changed = {name for name, content in before.items() if (tmp_path / f"{name}.pem").read_bytes() != content}
    assert changed == renewed
    assert verify(tmp_path, "-attime", str(int(later.timestamp()))).endswith(": OK\n")


@pytest.mark.parametrize("victim", ["ca.pem", "ca.key", "server.pem", "server.key"])
@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\n"])
def test_damage_is_repaired(tmp_path: Path, victim: str, content: bytes | None) -> None:
    pki.ensure(tmp_path, "romana", NAMES)
    if content is None:
        (tmp_path / victim).unlink()
    else:
        (tmp_path / victim).write_bytes(content)
    assert pki.ensure(tmp_path, "romana", NAMES)
    assert verify(tmp_path).endswith(": OK\n")


def test_days_left_are_those_of_the_servers_certificate(tmp_path: Path) -> None:
    assert pki.days_left(tmp_path) is None
    now = datetime.now(UTC).replace(microsecond=0)  # which no certificate has
    pki.ensure(tmp_path, "romana", NAMES, now)
    assert pki.days_left(tmp_path, now) == pki.SERVER_DAYS
    assert pki.days_left(tmp_path, now + timedelta(days=pki.SERVER_DAYS + 1)) == -1
