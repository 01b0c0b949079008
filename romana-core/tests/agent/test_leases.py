"""What DHCP tells each endpoint beside its address."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network

import pytest
from agent_lab import Lab, until

from romana.models import DhcpOption, DhcpRoute, Lease, Permissions

pytestmark = pytest.mark.root


def test_each_is_told_what_is_its_own(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    plain, rich, silent, shut = (lab.guest(0, 1, 1) for _ in range(4))
    rich.lease_terms = Lease(
        host_name="web",
        domain="example.net",
        nameservers=[IPv4Address("192.0.2.53"), IPv4Address("192.0.2.54")],
        routes=[DhcpRoute(destination=IPv4Network("198.51.100.0/24"), via=IPv4Address("10.0.17.9"))],
        options=[DhcpOption(number=42, value="192.0.2.123")],
        mtu=1400,
    )
    silent.lease_terms = Lease(offered=False)
    shut.permissions = Permissions(enabled=False)
    lab.push()
    assert plain.lease() == f"{plain.address}/16 10.0.0.1"
    assert set(plain.told().values()) == {""}
    assert rich.lease() == f"{rich.address}/16 10.0.0.1"
    assert rich.told() == {
        "dns": "192.0.2.53 192.0.2.54",
        "host": "web",
        "domain": "example.net",
        "mtu": "1400",
        "routes": "0.0.0.0/0 10.0.0.1 198.51.100.0/24 10.0.17.9",
        "ntp": "192.0.2.123",
    }
    assert silent.lease() == ""
    assert shut.lease() == ""


def test_options_that_dnsmasq_refuses_are_its_own_endpoints_loss(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    good, bad = (lab.guest(0, 1, 1) for _ in range(2))
    good.lease_terms = Lease(options=[DhcpOption(number=42, value="192.0.2.123")])
    bad.lease_terms = Lease(options=[DhcpOption(number=3, value="nowhere")], mtu=1400)
    lab.push()
    assert good.lease().startswith(good.address)
    assert good.told()["ntp"] == "192.0.2.123"
    assert bad.lease().startswith(bad.address)
    assert bad.told()["mtu"] == "1400"
    said = f"endpoint {bad.id}: its DHCP options are not given, as dnsmasq refuses them: "
    until(lambda: said in lab.nodes[0].log.read_text(), "the agent says so")


def test_the_next_agent_has_the_running_dnsmasq_told_anew(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    changed, other = (lab.guest(0, 1, 1) for _ in range(2))
    other.lease_terms = Lease(mtu=1300)
    lab.push()
    assert changed.lease().startswith(changed.address)
    process = lab.nodes[0].dnsmasqs()
    changed.lease_terms = Lease(host_name="web", mtu=1400)
    lab.push()
    assert changed.lease().startswith(changed.address)
    assert (changed.told()["host"], changed.told()["mtu"]) == ("web", "1400")
    assert other.lease().startswith(other.address)
    assert other.told()["mtu"] == "1300"
    changed.lease_terms = Lease(offered=False)
    lab.push()
    assert changed.lease() == ""
    assert other.lease().startswith(other.address)
    changed.lease_terms = Lease()
    lab.push()
    assert changed.lease().startswith(changed.address)
    assert changed.told()["mtu"] == ""
    assert lab.nodes[0].dnsmasqs() == process
