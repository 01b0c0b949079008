"""Commands that change the network, each undone again."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from romana.cli import exit_codes
from romana.models import Bandwidth, BandwidthLimit, EndpointUpdate

from .conftest import Romana, Server

pytestmark = pytest.mark.usefixtures("network")


@pytest.fixture
def tenant(romana: Romana) -> Iterator[str]:
    """A tenant of the test's own, with a segment `s1`; gone afterwards with all that is in it."""
    name = f"t-{secrets.token_hex(4)}"
    assert romana("tenant", "create", name).code == 0
    assert romana("segment", "create", name, "s1").code == 0
    yield name
    for policy in romana("policy", "list", "-f", "json").json():
        if name in (policy["source"]["tenant"], policy["target"]["tenant"]):
            romana("policy", "delete", policy["name"])
    for endpoint in romana("endpoint", "list", "--tenant", name, "-f", "json").json():
        romana("endpoint", "delete", endpoint["id"])
    assert romana("tenant", "delete", name).code == 0


@pytest.fixture
def host(romana: Romana) -> Iterator[str]:
    """A host of the test's own; gone afterwards with its endpoints."""
    name = f"h-{secrets.token_hex(4)}"
    address = f"192.168.{secrets.randbelow(90)}.{secrets.randbelow(250) + 1}"
    assert romana("host", "create", name, address).code == 0
    yield name
    for endpoint in romana("endpoint", "list", "--host", name, "-f", "json").json():
        romana("endpoint", "delete", endpoint["id"])
    assert romana("host", "delete", name).code == 0


def create_endpoint(romana: Romana, tenant: str, host: str, *more: str) -> dict[str, str]:
    done = romana(
        *("endpoint", "create", f"{tenant}/s1", "--host", host, "--interface", f"tap{secrets.token_hex(4)}"),
        *("--mac", "fa:16:3e:" + ":".join(secrets.token_hex(1) for _ in range(3)), "-f", "json", *more),
    )
    assert (done.code, done.err) == (0, "")
    created: dict[str, str] = done.json()
    return created


def test_host_is_added_shown_and_removed(romana: Romana) -> None:
    name = f"h-{secrets.token_hex(4)}"
    added = romana("add-host", name, "192.168.98.1", "--index", "77", "-f", "json")
    assert added.code == 0
    assert (added.json()["prefix"], added.json()["gateway"]) == ("10.77.0.0/16", "10.77.0.1")
    assert romana("host", "create", name, "192.168.98.1", "--index", "77").code == 0  # the same again
    other = romana("host", "create", name, "192.168.98.2")
    assert other.code == exit_codes.FAILED
    shown = romana("host", "show", name, "-f", "json").json()
    assert (shown["status"], shown["reported"]) == ("never reported", [])
    removed = romana("remove-host", name)
    assert (removed.code, removed.out) == (0, f"host {name} deleted\n")
    assert romana("host", "show", name).code == exit_codes.FAILED


def test_host_of_a_tenant_gets_its_endpoints_only_until_it_is_everybodys(
    romana: Romana, tenant: str, host: str
) -> None:
    assert romana("host", "set", host, "--owner", tenant, "-f", "json").json()["owner"] == tenant
    address = romana("host", "show", host, "-f", "json").json()["address"]
    assert romana("host", "create", host, address, "--owner", tenant).code == 0  # the same again
    assert "exists with other values" in romana("host", "create", host, address, "--owner", "demo").err
    create_endpoint(romana, tenant, host)
    wanted = ("--host", host, "--interface", "tap-x", "--mac", "fa:16:3e:00:00:99")
    refused = romana("endpoint", "create", "demo/s1", *wanted)
    assert (refused.code, refused.out) == (exit_codes.FAILED, "")
    assert refused.err == f"romana: host {host} belongs to another tenant than demo; use another host\n"
    other = romana("host", "set", host, "--owner", "demo")
    assert other.code == exit_codes.FAILED
    assert f"it has endpoints of tenant {tenant}; delete them first" in other.err
    assert f"romana host set {host} --no-owner" in romana("tenant", "delete", tenant).err
    moved = romana("host", "set", host, "--no-owner", "--address", "192.168.97.1", "-f", "json").json()
    assert (moved["owner"], moved["address"]) == (None, "192.168.97.1")
    for nothing in ((), ("--owner", tenant, "--no-owner")):
        assert romana("host", "set", host, *nothing).code == exit_codes.USAGE


def test_tenant_and_segment_by_the_original_names(romana: Romana) -> None:
    name = f"t-{secrets.token_hex(4)}"
    assert romana("create-tenant", name).code == 0
    assert romana("add-segment", name, "blue").code == 0
    assert romana("tenant", "show", name, "-f", "json").json()["segments"] == ["blue"]
    assert romana("remove-segment", name, "blue").out == f"segment {name}/blue deleted\n"
    assert romana("delete-tenant", name).out == f"tenant {name} deleted\n"
    assert name not in romana("show-tenant").out


@pytest.mark.parametrize("how", ["id", "beginning of id", "name", "address"])
def test_endpoint_is_found(romana: Romana, tenant: str, host: str, how: str) -> None:
    name = f"e-{secrets.token_hex(4)}"
    created = create_endpoint(romana, tenant, host, "--name", name)
    reference = {
        "id": created["id"],
        "beginning of id": created["id"][:-2],
        "name": name,
        "address": created["address"],
    }[how]
    assert romana("endpoint", "show", reference, "-f", "json").json() == created
    deleted = romana("endpoint", "delete", reference)
    assert (deleted.code, deleted.out) == (0, f"endpoint {created['id']} ({created['address']}) deleted\n")
    assert romana("endpoint", "show", reference).code == exit_codes.FAILED


def test_bandwidth_limits_are_shown(romana: Romana, server: Server, tenant: str, host: str) -> None:
    created = create_endpoint(romana, tenant, host)
    limits = Bandwidth(egress=BandwidthLimit(rate=1000, burst=800), ingress=BandwidthLimit(rate=20))
    with server.client() as api:
        api.update_endpoint(created["id"], EndpointUpdate(bandwidth=limits))
    shown = romana("endpoint", "show", created["id"]).out
    assert "egress: 1000 kbit/s, burst 800 kbit; ingress: 20 kbit/s" in shown
    assert romana("endpoint", "show", created["id"], "-f", "json").json()["bandwidth"] == limits.model_dump()


def test_name_of_two_endpoints_names_both(romana: Romana, tenant: str, host: str) -> None:
    name = f"e-{secrets.token_hex(4)}"
    both = [create_endpoint(romana, tenant, host, "--name", name) for _ in range(2)]
    done = romana("endpoint", "delete", name)
    assert done.code == exit_codes.FAILED
    assert all(endpoint["id"] in done.err and endpoint["address"] in done.err for endpoint in both)


def test_same_key_gives_the_same_endpoint(romana: Romana, tenant: str, host: str) -> None:
    arguments = (
        *("endpoint", "create", f"{tenant}/s1", "--host", host, "--interface", "tap9"),
        *("--mac", "fa:16:3e:99:99:99", "--key", f"{tenant}-key", "-f", "json"),
    )
    assert romana(*arguments).json() == romana(*arguments).json()


def test_wrong_column_is_refused_before_anything_is_made(romana: Romana) -> None:
    name = f"t-{secrets.token_hex(4)}"
    done = romana("tenant", "create", name, "-c", "nmae")
    assert done.code == exit_codes.USAGE
    assert "there is no column 'nmae'; there are name, number" in done.err
    assert romana("tenant", "show", name).code == exit_codes.FAILED


def test_policy_is_created_and_deleted(romana: Romana, tenant: str) -> None:
    name = f"p-{secrets.token_hex(4)}"
    done = romana(
        *("policy", "create", name, "--from", "192.0.2.0/24", "--to", f"{tenant}/s1"),
        *("--protocol", "udp", "--port", "53", "--port", "5000-5010", "-f", "json"),
    )
    assert done.code == 0
    assert done.json()["ports"] == ["53", "5000-5010"]
    assert done.json()["source"]["cidr"] == "192.0.2.0/24"
    assert romana("policy", "delete", name).out == f"policy {name} deleted\n"
    assert romana("policy", "show", name).code == exit_codes.FAILED


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "192.0.2.0/24", "--to", "198.51.100.0/24"), "source and target are both CIDRs"),
        (("--from", "admin", "--to", "demo", "--port", "80"), "ports need protocol tcp or udp"),
        (("--from", "admin", "--to", "demo", "--protocol", "tcp", "--port", "90-80"), "'90-80' is not within 1-65535"),
        (("--from", "admin", "--to", "demo", "--protocol", "tcp", "--port", "70000"), "not within 1-65535"),
        (("--from", "admin", "--to", "demo", "--protocol", "sctp"), "invalid choice"),
        (
            (
                "--from",
                "admin",
            ),
            "required: --to",
        ),
    ],
)
def test_policy_that_makes_no_sense(romana: Romana, arguments: tuple[str, ...], said: str) -> None:
    done = romana("policy", "create", "nonsense", *arguments)
    assert done.code == exit_codes.USAGE
    assert said in done.err
    assert done.err.count("\n") == 1


def test_host_in_use_is_refused_with_what_to_remove_first(romana: Romana, host: str, tenant: str) -> None:
    endpoint = create_endpoint(romana, tenant, host)
    done = romana("host", "delete", host)
    assert done.code == exit_codes.FAILED
    assert f"romana endpoint delete {endpoint['address']}" in done.err
    assert done.err.count("\n") == 1
    assert romana("endpoint", "delete", endpoint["address"]).code == 0
    # the fixture's end shows that it can now be removed


@pytest.mark.parametrize("what", ["tenant delete {0}", "segment delete {0} s1"])
def test_tenant_and_segment_in_use_are_refused_with_what_to_remove_first(
    romana: Romana, host: str, tenant: str, what: str
) -> None:
    endpoints = [create_endpoint(romana, tenant, host) for _ in range(4)]
    done = romana(*what.format(tenant).split())
    assert done.code == exit_codes.FAILED
    assert sum(f"romana endpoint delete {endpoint['address']}" in done.err for endpoint in endpoints) == 3
    assert "and 1 more" in done.err
    for endpoint in endpoints:
        romana("endpoint", "delete", endpoint["id"])


def test_tenant_of_a_policy_is_refused_with_the_policy(romana: Romana, tenant: str) -> None:
    policy = f"p-{secrets.token_hex(4)}"
    assert romana("policy", "create", policy, "--from", tenant, "--to", "admin").code == 0
    done = romana("tenant", "delete", tenant)
    assert done.code == exit_codes.FAILED
    assert f"romana policy delete {policy}" in done.err


def test_reader_may_look_and_not_change(run: Romana, network: Server) -> None:
    assert run("host", "list", *network.options("reader")).code == 0
    done = run("tenant", "create", "never", *network.options("reader"))
    assert done.code == exit_codes.FAILED
    assert "--token-file" in done.err


def test_floating_ips_are_delivered_to_a_host_shown_and_taken_away(romana: Romana) -> None:
    host, one, two = f"h-{secrets.token_hex(4)}", "203.0.113.105", "203.0.113.106"
    floating = ("--floating-ip", two, "--floating-ip", one)
    made = romana("host", "create", host, "192.168.97.7", *floating, "-f", "json").json()
    assert made["floating_ips"] == [one, two]
    assert romana("host", "create", host, "192.168.97.7", "-f", "json").json() == made
    assert romana("host", "show", host, "-f", "json").json()["floating_ips"] == [one, two]
    assert f"{one}, {two}" in romana("host", "show", host).out
    assert romana("host", "set", host, "--floating-ip", two, "-f", "json").json()["floating_ips"] == [two]
    assert romana("host", "set", host, "--address", "192.168.97.8", "-f", "json").json()["floating_ips"] == [two]
    twice = romana("host", "set", host, "--floating-ip", two, "--floating-ip", two)
    assert (twice.code, f"{two} is listed twice; list it once" in twice.err) == (exit_codes.USAGE, True)
    both = romana("host", "set", host, "--floating-ip", two, "--no-floating-ip")
    assert (both.code, "not allowed with" in both.err) == (exit_codes.USAGE, True)
    assert romana("host", "set", host, "--no-floating-ip", "-f", "json").json()["floating_ips"] == []
    romana("host", "delete", host)
