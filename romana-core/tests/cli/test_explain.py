"""What hosts should have for an address, beside what their agents have applied."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml

from romana import models
from romana.cli import exit_codes

from .conftest import Romana, Server

ADDRESS = "10.1.18.3"  # web1, on compute01: its agent's reports are the test's


def complete(network: Server) -> models.Applied:
    """A report in which everything is in place."""
    with network.client() as api:
        host = api.host("compute01")
        endpoint = api.endpoints(address=ADDRESS)[0]
        keys = [api.plan().address_plan().segment_key(*numbers) for numbers in _segments(network)]
    return models.Applied(
        generation=host.generation,
        endpoints=[
            models.AppliedEndpoint(
                id=endpoint.id, status=models.EndpointStatus.ACTIVE, route=True, lease=True, firewall=True
            )
        ],
        routes=[IPv4Network("10.0.0.0/16")],
        pairs=[(key, key) for key in keys],
    )


def _segments(network: Server) -> list[tuple[int, int]]:
    with network.client() as api:
        return [(tenant.number, segment.number) for tenant in api.tenants() for segment in api.segments(tenant.name)]


def checks(romana: Romana) -> tuple[int, list[dict[str, object]]]:
    done = romana("explain", ADDRESS, "-f", "json")
    assert done.err == ""
    about = [check for check in done.json()["checks"] if check["host"] == "compute01"]
    assert done.json()["ok"] is all(check["ok"] for check in done.json()["checks"])
    assert done.code == (0 if done.json()["ok"] else exit_codes.FAILED)
    return done.code, about


def test_everything_is_in_place(romana: Romana, network: Server) -> None:
    network.report(complete(network), "compute01")
    _, about = checks(romana)
    assert about
    assert all(check["ok"] for check in about), about


@pytest.mark.parametrize("what", ["route", "lease", "firewall"])
def test_missing_part_of_the_endpoint(romana: Romana, network: Server, what: str) -> None:
    report = complete(network)
    report.endpoints = [report.endpoints[0].model_copy(update={what: False})]
    network.report(report, "compute01")
    code, about = checks(romana)
    assert code == exit_codes.FAILED
    assert {check["what"] for check in about if not check["ok"]} == {what}


def test_missing_pair(romana: Romana, network: Server) -> None:
    network.report(complete(network).model_copy(update={"pairs": []}), "compute01")
    code, about = checks(romana)
    assert code == exit_codes.FAILED
    assert {check["what"] for check in about if not check["ok"]} == {"pair"}


def test_agent_is_behind(romana: Romana, network: Server) -> None:
    network.report(complete(network), "compute01")
    assert status(romana) == "applied"
    with network.client() as api:
        api.create_tenant(models.TenantCreate(name="later"))
        api.create_segment("later", models.SegmentCreate(name="s1"))  # every host must let it pass
        api.delete_tenant("later")
    code, about = checks(romana)
    assert code == exit_codes.FAILED
    assert "generation" in {check["what"] for check in about if not check["ok"]}
    assert status(romana) == "behind"


def status(romana: Romana) -> object:
    return romana("host", "show", "compute01", "-f", "json").json()["status"]


def test_error_of_the_agent_is_shown(romana: Romana, network: Server) -> None:
    error = models.AppliedError(subject="dhcp", message="dnsmasq does not start: port 67 is taken")
    network.report(complete(network).model_copy(update={"errors": [error]}), "compute01")
    shown = romana("host", "show", "compute01", "-f", "json").json()
    assert shown["status"] == "1 error"
    assert shown["reported"] == ["dhcp: dnsmasq does not start: port 67 is taken"]


def test_picture_stands_above_the_table(romana: Romana, network: Server) -> None:
    network.report(complete(network), "compute01")
    lines = romana("explain", ADDRESS).out.splitlines()
    assert lines[0].startswith(f"{ADDRESS} is endpoint web1 (id ")
    assert lines[2:5] == [
        "  00001010   | 00000001  | 0001     | 0010      | 00000011",
        "  prefix     | host 1    | tenant 1 | segment 2 | endpoint 3",
        "  10.0.0.0/8 | compute01 | admin    | s1        | web1",
    ]
    assert lines[6].startswith("+--")


def test_formats_agree(romana: Romana, network: Server) -> None:
    network.report(complete(network), "compute01")
    whole = romana("explain", ADDRESS, "-f", "json").json()
    assert yaml.safe_load(romana("explain", ADDRESS, "-f", "yaml").out) == whole
    assert [field["value"] for field in whole["fields"]] == [10, 1, 1, 2, 3]
    rows = romana("explain", ADDRESS, "-f", "csv").out.splitlines()
    assert rows[0] == "host,what,expected,applied,ok"
    assert len(rows) == 1 + len(whole["checks"])


@pytest.mark.parametrize(
    ("address", "role"),
    [("10.0.0.1", "gateway"), ("10.0.18.77", "unallocated"), ("10.0.18.0", "reserved"), ("10.0.18.255", "reserved")],
)
@pytest.mark.usefixtures("network")
def test_address_of_no_endpoint(romana: Romana, address: str, role: str) -> None:
    done = romana("explain", address, "-f", "json")
    assert (done.code, done.err) == (0, "")
    assert done.json()["role"] == role
    assert done.json()["endpoint"] is None
    assert "+--" not in romana("explain", address).out


def test_who_decides_whether_a_conversation_may_begin(romana: Romana, network: Server) -> None:
    rule = {"direction": "ingress", "protocol": 6, "ports": "22"}
    with network.client() as api:
        group = models.GroupPut.model_validate({"name": "ssh only", "rules": [rule]})
        api.put_group("ssh", group)
        (web,) = api.endpoints(address=ADDRESS)
        api.update_endpoint(web.id, models.EndpointUpdate(permissions=models.Permissions(groups=["ssh"])))
        api.create_policy(
            models.PolicyCreate(
                name="in", source=models.Peer(cidr=IPv4Network("192.0.2.0/24")), target=models.Peer(tenant=web.tenant)
            )
        )
    done = romana("explain", "192.0.2.7", ADDRESS, "tcp/22")
    assert done.code == 0
    assert "tcp/22 from 192.0.2.7 to web1 passes" in done.out
    assert "policy in lets 192.0.2.7 ask" in done.out
    assert "group ssh only (ssh): ingress tcp 22 from anywhere" in done.out
    done = romana("explain", "192.0.2.7", "web1", "icmp", "-f", "json")
    assert done.code == exit_codes.FAILED
    assert [step["passes"] for step in done.json()] == [True, False]
    assert romana("group", "show", "ssh").out.count("ingress tcp 22 from anywhere") == 1
    assert "ssh only" in romana("group", "list").out
    assert "groups: ssh" in romana("endpoint", "show", ADDRESS).out
    with network.client() as api:  # others only look at it
        api.update_endpoint(web.id, models.EndpointUpdate(permissions=models.Permissions()))
        api.delete_group("ssh")
        api.delete_policy("in")


@pytest.mark.parametrize("words", [("web1", ADDRESS), ("web1", ADDRESS, "tcp"), ("web1", ADDRESS, "icmp/1/2/3")])
def test_a_service_that_is_none_is_refused(romana: Romana, network: Server, words: tuple[str, ...]) -> None:  # noqa: ARG001
    done = romana("explain", *words)
    assert done.code == exit_codes.USAGE
    assert "tcp/22" in done.err


@pytest.mark.usefixtures("network")
def test_what_another_machine_decides_is_not_observed(romana: Romana, tmp_path: Path) -> None:
    options = ("--observed", "--agent-config", str(tmp_path / "agent.toml"))
    done = romana("explain", ADDRESS, ADDRESS, "tcp/22", *options, "-f", "json")
    assert done.code == int(not all(row["passes"] for row in done.json()))
    assert {row["differs"] for row in done.json()} == {"not looked at: run this command on compute01"}
    assert {row["observed"] for row in done.json()} == {None}
    done = romana("explain", ADDRESS, "--observed")
    assert done.code == exit_codes.USAGE
    assert "--observed needs two sides and a service" in done.err
