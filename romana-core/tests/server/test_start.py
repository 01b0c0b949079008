"""Starting, not starting, and the database going away and coming back."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import httpx
import pytest

from ..agent.starting import MANAGE, SERVER
from ..mariadb import MariaDb, fastest_place
from .conftest import MakeSite, StartServer
from .romana_server import Site, wait_until, wanted_tokens


def refused(site: Site, code: int, program: tuple[str, ...] = SERVER, *arguments: str, **values: object) -> list[str]:
    """The lines on standard error of a program that has to end with that code."""
    done = site.run(program, site.config(**values), *arguments)  # type: ignore[arg-type]
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()


def test_a_port_that_is_taken_is_said(sqlite_site: Site) -> None:
    sqlite_site.init()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (line,) = refused(sqlite_site, 1, port=port)
    assert line.startswith(f"romana-server: cannot listen on 127.0.0.1 port {port}: the port is taken")


def test_an_address_that_is_elsewhere_is_said(sqlite_site: Site) -> None:
    sqlite_site.init()
    (line,) = refused(sqlite_site, 1, listen="192.0.2.1")
    assert "this machine does not have that address" in line


def test_a_store_that_is_not_made_is_said(site: Site) -> None:
    (line,) = refused(site, 1)
    assert line.endswith("run romana-manage init")


def test_a_store_of_another_plan_is_said(site: Site) -> None:
    site.init()
    (line,) = refused(site, 1, plan={"host_bits": 7, "tenant_bits": 5})
    assert "host_bits is 8 in the store and 7 in the configuration" in line


def test_a_database_that_is_away_is_said(make_site: MakeSite) -> None:
    with MariaDb(fastest_place()) as database, database.database() as url:
        away = make_site(url)
        away.init()
        database.stop()
        (line,) = refused(away, 1)
        database.start()
    assert "the database does not serve" in line


@pytest.mark.parametrize("name", ["tls_cert", "tls_key"])
def test_a_certificate_that_cannot_be_used_is_said(sqlite_site: Site, name: str) -> None:
    sqlite_site.init()
    (line,) = refused(sqlite_site, 1, **{name: "/nowhere.pem"})
    assert f"{name} /nowhere.pem cannot be read" in line
    (line,) = refused(sqlite_site, 1, **{name: str(sqlite_site.ca_file)})
    assert "no certificate and its key" in line


def test_all_findings_about_the_configuration_come_at_once(sqlite_site: Site) -> None:
    lines = refused(sqlite_site, 2, database_url="oracle://x", listen="everywhere", workers=0, prot=1)
    assert [one.split(": ")[2].split()[0] for one in lines] == ["database_url", "listen", "workers", "prot"]


def test_tokens_do_not_travel_in_clear(sqlite_site: Site) -> None:
    sqlite_site.init()
    config = sqlite_site.config(listen="0.0.0.0")  # noqa: S104 - it has to be refused
    config.write_text("".join(one for one in config.read_text().splitlines(keepends=True) if "tls_" not in one))
    done = sqlite_site.run(SERVER, config)
    assert done.returncode == 2
    assert "tls_cert" in done.stderr


def test_init_says_whether_it_changed_anything(site: Site) -> None:
    assert json.loads(site.manage("init")) == {"changed": True}
    assert json.loads(site.manage("init")) == {"changed": False}


def test_init_with_another_plan_is_refused_once_there_is_a_host(site: Site, start: StartServer) -> None:
    site.init()
    with start(site).client() as client:
        client.post("/v1/hosts", json={"name": "a", "address": "192.0.2.1"}).raise_for_status()
    (line,) = refused(site, 1, MANAGE, "init", plan={"host_bits": 7, "tenant_bits": 5})
    assert "the address plan cannot change" in line


def test_an_impossible_plan_is_refused(sqlite_site: Site) -> None:
    (line,) = refused(sqlite_site, 2, MANAGE, "init", plan={"host_bits": 9})
    assert "33 bits, not 32; take away 1" in line


def test_ensured_tokens_are_said_to_change_once(site: Site) -> None:
    site.manage("init")
    wanted = wanted_tokens()
    for arguments, changed in (
        (("--check",), True),
        ((), True),
        (("--check",), False),
        ((), False),
    ):
        assert json.loads(site.manage("tokens", "ensure", *arguments, fed=wanted)) == {"changed": changed}


@pytest.mark.parametrize(
    "fed", ["", "garbage", "{}", "[1]", '[{"name": "a", "role": "admin", "token": "s3cret"}]', "\x00"]
)
def test_tokens_that_cannot_be_are_refused_without_repeating_them(sqlite_site: Site, fed: str) -> None:
    sqlite_site.init()
    done = sqlite_site.run(MANAGE, sqlite_site.config(), "tokens", "ensure", fed=fed)
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr


def test_tokens_are_listed_without_their_secrets(sqlite_site: Site) -> None:
    sqlite_site.init()
    token = sqlite_site.manage("token", "create", "mine", "--role", "reader").strip()
    listed = sqlite_site.manage("token", "list")
    assert [one.split()[0] for one in listed.splitlines()] == [
        "name",
        *sorted(("a", "admin", "b", "expired", "mine", "neutron", "reader")),
    ]
    assert token not in listed
    (line,) = refused(sqlite_site, 1, MANAGE, "token", "create", "mine", "--role", "reader")
    assert "there is a token mine already" in line
    sqlite_site.manage("token", "revoke", "mine")
    (line,) = refused(sqlite_site, 1, MANAGE, "token", "revoke", "mine")
    assert "there is no token mine" in line


def test_the_database_file_is_for_its_owner_only(sqlite_site: Site) -> None:
    sqlite_site.manage("init")
    directory = Path(str(sqlite_site.url.database)).parent
    found = {path.name: path.stat().st_mode & 0o077 for path in directory.iterdir()}
    assert found
    assert set(found.values()) == {0}, found


def test_while_the_database_is_away_requests_are_refused_and_then_served_again(
    make_site: MakeSite, start: StartServer
) -> None:
    with MariaDb(fastest_place()) as database, database.database() as url:
        site = make_site(url)
        site.init()
        server = start(site)
        with server.client() as client:
            client.post("/v1/tenants", json={"name": "before"}).raise_for_status()
            database.stop()
            for answer in (
                client.get("/healthz"),
                client.get("/v1/tenants"),
                client.post("/v1/tenants", json={"name": "lost"}),
                client.get("/v1/plan"),
            ):
                assert answer.status_code in (httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.OK)
                if answer.request.url.path != "/v1/plan":
                    assert answer.json()["error"]["code"] == "unavailable", answer.text
            database.start()
            wait_until(lambda: client.get("/healthz").is_success, "the server serves again")
            assert [one["name"] for one in client.get("/v1/tenants").json()] == ["before"]
            client.post("/v1/tenants", json={"name": "after"}).raise_for_status()
        assert server.terminate() == 0
        assert "Traceback" not in server.log


def test_who_keeps_a_connection_keeps_no_server_from_its_end(sqlite_site: Site, start: StartServer) -> None:
    sqlite_site.init()
    server = start(sqlite_site)
    with server.client() as client:
        client.get("/v1/tenants").raise_for_status()
        assert server.terminate() == 0
    assert "exceeded" not in server.log, "it has waited for all the time that it gives to requests"
