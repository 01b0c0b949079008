"""Routers and floating IPs: made, shown with what they are of, explained, and deleted."""

from __future__ import annotations

import pytest

from romana import models
from romana.cli import exit_codes

from .conftest import Romana, Server

ADDRESS = "10.1.18.3"  # web1
FLOATING, OUTSIDE = "203.0.113.5", "198.51.100.7"


@pytest.mark.usefixtures("network")
def test_a_router_is_made_shown_explained_and_deleted(romana: Romana) -> None:
    arguments = ("router", "create", "r1", "--segment", "admin/s1", "--segment", "admin/s2", "--outside")
    made = romana(*arguments, "-f", "json").json()
    assert (made["id"], made["outside"]) == ("r1", True)
    assert romana(*arguments, "-f", "json").json() == made
    assert romana("router", "show", "r1", "-f", "json").json() == made
    (listed,) = romana("router", "list", "-f", "json").json()
    assert listed["segments"] == [{"tenant": "admin", "segment": "s1"}, {"tenant": "admin", "segment": "s2"}]
    assert "admin/s1, admin/s2" in romana("router", "list").out
    explained = romana("explain", "web1", OUTSIDE, "tcp/80")
    assert f"router r1 lets admin/s1 ask {OUTSIDE}" in explained.out
    assert explained.code == exit_codes.OK
    assert romana("router", "delete", "r1").out == "router r1 deleted\n"
    assert romana("explain", "web1", OUTSIDE, "tcp/80").code == exit_codes.FAILED
    assert romana("router", "show", "r1").code == exit_codes.FAILED
    twice = romana("router", "create", "r1", "--segment", "admin/s1", "--segment", "admin/s1")
    assert (twice.code, "is listed twice" in twice.err) == (exit_codes.USAGE, True)


def test_a_floating_ip_is_given_shown_explained_and_taken_away(romana: Romana, network: Server) -> None:
    made = romana("floating-ip", "create", FLOATING, "--endpoint", "web1", "-f", "json").json()
    assert (made["address"], made["endpoint_address"], made["host"]) == (FLOATING, ADDRESS, "compute01")
    assert romana("floating-ip", "show", FLOATING, "-f", "json").json() == made
    (listed,) = romana("floating-ip", "list", "-f", "json").json()
    assert listed["address"] == FLOATING
    assert romana("endpoint", "show", "web1", "-f", "json").json()["floating_ip"] == FLOATING
    there = {one["name"]: one["floating_ip"] for one in romana("endpoint", "list", "-f", "json").json()}
    assert there.pop("web1") == FLOATING
    assert set(there.values()) <= {None}
    explained = romana("explain", OUTSIDE, FLOATING, "tcp/22")
    assert explained.out.startswith(f"tcp/22 from {OUTSIDE} to {FLOATING} (web1) passes\n")
    with network.client() as api:
        api.put_group("shut", models.GroupPut())
        permissions = models.Permissions(groups=["shut"])
        api.update_endpoint(made["endpoint"], models.EndpointUpdate(permissions=permissions))
    assert romana("explain", OUTSIDE, FLOATING, "tcp/22").code == exit_codes.FAILED
    with network.client() as api:
        api.update_endpoint(made["endpoint"], models.EndpointUpdate(permissions=models.Permissions()))
        api.delete_group("shut")
    inside = romana("explain", "web0", FLOATING, "tcp/22")
    assert f"no policy and no router lets admin/s1 ask {FLOATING}" in inside.out
    romana("router", "create", "r1", "--segment", "admin/s1", "--outside")
    inside = romana("explain", "web0", FLOATING, "tcp/22")
    assert (inside.code, f"router r1 lets admin/s1 ask {FLOATING}" in inside.out) == (exit_codes.OK, True)
    romana("router", "delete", "r1")
    assert romana("floating-ip", "delete", FLOATING).out == f"floating IP {FLOATING} deleted\n"
    assert romana("floating-ip", "list", "-f", "json").json() == []


def test_ports_of_a_floating_ip_are_forwarded_shown_and_explained(romana: Romana, network: Server) -> None:
    ports = ("--forward", "tcp/2222=web1:22", "--forward", "udp/53=web0:5353")
    made = romana("floating-ip", "create", FLOATING, *ports, "-f", "json").json()
    assert (made["endpoint"], made["endpoint_address"]) == (None, None)
    assert [(one["protocol"], one["port"], one["endpoint_port"]) for one in made["forwardings"]] == [
        ("tcp", 2222, 22), ("udp", 53, 5353)
    ]  # fmt: skip
    assert made["forwardings"][0]["endpoint_address"] == ADDRESS
    assert romana("floating-ip", "create", FLOATING, *ports, "-f", "json").json() == made
    assert romana("floating-ip", "show", FLOATING, "-f", "json").json() == made
    assert f"tcp/2222 to {ADDRESS}:22, udp/53 to " in romana("floating-ip", "list").out
    assert romana("endpoint", "show", "web1", "-f", "json").json()["floating_ip"] is None
    explained = romana("explain", OUTSIDE, FLOATING, "tcp/2222")
    assert explained.out.startswith(f"tcp/2222 from {OUTSIDE} to {FLOATING} (web1:22) passes\n")
    for service in ("tcp/22", "udp/2222", "icmp"):
        explained = romana("explain", OUTSIDE, FLOATING, service)
        assert (explained.code, f"no port of floating IP {FLOATING} that leads" in explained.out) == (
            exit_codes.FAILED, True
        )  # fmt: skip
    with network.client() as api:
        rule = models.GroupRule(direction=models.Direction.INGRESS, protocol=6, ports="22")
        api.put_group("ssh", models.GroupPut(rules=[rule]))
        permissions = models.Permissions(groups=["ssh"])
        api.update_endpoint(made["forwardings"][0]["endpoint"], models.EndpointUpdate(permissions=permissions))
    assert romana("explain", OUTSIDE, FLOATING, "tcp/2222").code == exit_codes.OK
    with network.client() as api:
        api.put_group("ssh", models.GroupPut(rules=[rule.model_copy(update={"ports": "2222"})]))
    assert romana("explain", OUTSIDE, FLOATING, "tcp/2222").code == exit_codes.FAILED
    with network.client() as api:
        api.update_endpoint(made["forwardings"][0]["endpoint"], models.EndpointUpdate(permissions=models.Permissions()))
        api.delete_group("ssh")
    romana("floating-ip", "delete", FLOATING)


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give either --endpoint or --forward"),
        (("--endpoint", "web1", "--forward", "tcp/1=web1:1"), "give either --endpoint or --forward"),
        (("--forward", "icmp/1=web1:1"), "is not a port that leads to an endpoint (like tcp/2222=web1:22)"),
        (("--forward", "tcp/0=web1:1"), "is not a port that leads to an endpoint"),
        (("--forward", "tcp/1=web1:1", "--forward", "tcp/1=web0:1"), "tcp/1 is forwarded twice; list it once"),
    ],
)
def test_what_cannot_be_forwarded_is_said_before_anything_is_sent(
    romana: Romana, arguments: tuple[str, ...], said: str
) -> None:
    done = romana("floating-ip", "create", FLOATING, *arguments)
    assert (done.code, said in done.err) == (exit_codes.USAGE, True), done.err
