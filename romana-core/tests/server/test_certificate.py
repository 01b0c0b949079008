"""A renewed certificate is shown without a restart, and no request is lost by that."""

from __future__ import annotations

import os
import signal
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from romana.server.certificate import not_after

from ..cli.certificates import DAY, Authority
from .conftest import StartServer
from .romana_server import Poll, RomanaServer, Site, children, wait_until

CONNECTIONS = 10  # in a row, which of several processes accepts is chance


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "own")


@pytest.fixture
def renewable(sqlite_site: Site, authority: Authority) -> Site:
    """A site with files for its certificate that no other test uses."""
    certificate, key = authority.issue("127.0.0.1")
    site = replace(sqlite_site, certificate=certificate, key=key, ca_file=authority.ca_file)
    site.init()
    return site


def shown(server: RomanaServer) -> set[str]:
    """What new connections are shown."""
    return {ssl.get_server_certificate(("127.0.0.1", server.port)) for _ in range(CONNECTIONS)}


def seconds_left(server: RomanaServer) -> float:
    with server.client() as client:
        lines = client.get("/metrics").text.splitlines()
    (line,) = [one for one in lines if one.startswith("romana_certificate_expiry_seconds ")]
    return float(line.split()[1])


@pytest.mark.parametrize("workers", [1, 2])
def test_a_renewed_certificate_is_shown_and_no_request_is_lost(
    renewable: Site, authority: Authority, start: StartServer, workers: int
) -> None:
    server = start(renewable, workers=workers)
    with server.client() as client:
        client.post("/v1/hosts", json={"name": "a", "address": "192.0.2.1"}).raise_for_status()
        generation = client.get("/v1/hosts/a/state").raise_for_status().json()["generation"]
        poll = Poll(server, "/v1/hosts/a/state", generation, "a")
        poll.wait_until_it_waits()
        renewed = authority.issue("127.0.0.1", ends=8 * DAY)[0].read_text()
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: shown(server) == {renewed}, "all connections are shown the new certificate")
        client.post("/v1/hosts", json={"name": "b", "address": "192.0.2.2"}).raise_for_status()  # by its old connection
    assert poll.answer().status_code == 200
    assert 7 * DAY.total_seconds() < seconds_left(server) <= 8 * DAY.total_seconds()


def test_a_process_that_is_started_later_shows_it_too(
    renewable: Site, authority: Authority, start: StartServer
) -> None:
    server = start(renewable, workers=2)
    renewed = authority.issue("127.0.0.1")[0].read_text()
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: shown(server) == {renewed}, "all connections are shown the new certificate")
    before = children(server)
    for child in before:
        os.kill(child, signal.SIGKILL)
    wait_until(lambda: len(children(server) - before) == 2, "both are replaced")
    server.wait_until_healthy()
    assert shown(server) == {renewed}


def test_a_certificate_that_cannot_be_used_leaves_the_one_before(
    renewable: Site, start: StartServer, tmp_path: Path
) -> None:
    server = start(renewable)
    before = renewable.certificate.read_text()
    other, _ = Authority(tmp_path / "other").issue("127.0.0.1")
    renewable.certificate.write_text(other.read_text())
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "the certificate is not renewed" in server.log, "it says so")
    assert "install both anew" in server.log
    assert shown(server) == {before}


@pytest.mark.parametrize("days", [9, 365 * 40])  # the year has two digits until 2049, then four
def test_the_end_of_a_certificate_is_read(authority: Authority, days: int) -> None:
    pem = authority.issue("127.0.0.1", ends=days * DAY)[0].read_bytes()
    ends = x509.load_pem_x509_certificate(pem).not_valid_after_utc
    assert datetime.fromtimestamp(not_after(f"what it is\n{pem.decode()}"), UTC) == ends


@pytest.mark.parametrize("cut", [0, 1, 5, 40, 100])
def test_a_damaged_certificate_is_an_error(authority: Authority, cut: int) -> None:
    der = x509.load_pem_x509_certificate(authority.ca_file.read_bytes()).public_bytes(serialization.Encoding.DER)
    with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it
        not_after(ssl.DER_cert_to_PEM_cert(der[:cut]))
