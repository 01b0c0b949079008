"""What the release before security groups left is taken over: nobody notices but by what is new."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest
from sqlalchemy import URL

from romana.agent.desired import desired
from romana.agent.membership import updated
from romana.models import (
    Bandwidth,
    EndpointCreate,
    EndpointUpdate,
    GroupPut,
    HostUpdate,
    Lease,
    Permissions,
    Plan,
    Protocol,
)
from romana.store.allocation import create_endpoint
from romana.store.endpoints import list_endpoints, update_endpoint
from romana.store.floating_ips import list_floating_ips, put_floating_ip
from romana.store.groups import list_groups, put_group
from romana.store.hosts import list_hosts, update_host
from romana.store.ipam import check
from romana.store.migrate import init
from romana.store.plan import NotReadyError
from romana.store.routers import list_routers
from romana.store.segments import list_all_segments
from romana.store.state import host_changes, host_generations, host_state
from romana.store.store import Store, open_store

from .. import earlier_store
from ..earlier_store import GENERATION, OldEndpoint
from . import given

HOSTS = {"a": "192.0.2.1", "b": "192.0.2.2"}
ENDPOINTS = [
    OldEndpoint(host, segment, number, f"fa:16:3e:0{host}:0{segment}:0{number}", f"tap{host}{segment}{number}")
    for host, segment, number in ((0, 1, 3), (0, 1, 4), (0, 2, 3), (1, 2, 3))
]


@pytest.fixture
def old(url: URL) -> URL:
    earlier_store.fill(url, HOSTS, ENDPOINTS)
    return url


@pytest.fixture
def store(old: URL) -> Iterator[Store]:
    assert init(old, Plan())
    opened = open_store(old, Plan())
    yield opened
    opened.database.close()


def test_it_does_not_open_before_it_is_migrated(old: URL) -> None:
    with pytest.raises(NotReadyError, match="made by an older version; run romana-manage init"):
        open_store(old, Plan())


def test_everything_is_as_it_was(store: Store) -> None:
    found = list_endpoints(store, {})
    assert [(one.id, one.address, one.mac, one.interface, one.generation) for one in found] == [
        (one.id, one.address, one.mac, one.interface, GENERATION) for one in ENDPOINTS
    ]
    assert all((one.permissions, one.lease, one.bandwidth) == (Permissions(), Lease(), Bandwidth()) for one in found)
    assert list_groups(store) == []
    assert list_routers(store) == []
    assert list_floating_ips(store) == []
    assert [(one.tenant, one.name, one.network_id) for one in list_all_segments(store)] == [
        (earlier_store.TENANT, name, None) for name in earlier_store.SEGMENTS
    ]
    assert check(store).findings == []
    assert {one.state for one in host_generations(store).values()} == {GENERATION}


def test_a_host_has_what_it_had_and_groups_have_no_say(store: Store) -> None:
    changes = host_changes(store, "a", None, None)
    assert changes.state is not None
    assert changes.members is not None
    assert (changes.members.whole, changes.members.groups) == (True, [])
    assert changes.state.floating == []
    assert [(rule.protocol, rule.ports) for rule in changes.state.rules] == [(Protocol.TCP, [(80, 80)])]
    wanted = desired(changes.state, updated({}, changes.members))
    assert wanted.traffic.pairs == {("10.0.17.0", "10.0.17.0"), ("10.0.18.0", "10.0.18.0")}
    assert wanted.traffic.flows == {("10.0.17.0", "10.0.18.0", "6", "80")}
    assert wanted.groups.free == {(str(one.address),) for one in ENDPOINTS if one.host == 0}
    assert not any((wanted.groups.egress, wanted.groups.ingress, wanted.groups.near, wanted.groups.far))


def test_a_request_of_then_still_gives_its_endpoint(store: Store) -> None:
    one = ENDPOINTS[0]
    wanted = EndpointCreate(host="a", tenant="admin", segment="s1", mac=one.mac, interface=one.interface)
    endpoint, new = create_endpoint(store, wanted, one.key)
    assert (endpoint.id, new) == (one.id, False)
    endpoint, new = create_endpoint(store, wanted, "another key")
    assert (str(endpoint.address), new) == ("10.0.17.5", True)


def test_its_endpoints_can_join_groups(store: Store) -> None:
    put_group(store, "g", GroupPut(), None)
    update_endpoint(store, ENDPOINTS[0].id, EndpointUpdate(permissions=Permissions(groups=["g"])), None)
    assert [group.endpoints for group in list_groups(store)] == [1]
    assert check(store).findings == []


def test_floating_ips_of_before_forwardings_stay_their_endpoints(url: URL) -> None:
    earlier_store.fill(url, HOSTS, ENDPOINTS)
    earlier_store.add_floating_ips(url, {"203.0.113.5": ENDPOINTS[0], "203.0.113.6": ENDPOINTS[3]})
    assert init(url, Plan())
    store = open_store(url, Plan())
    found = {
        str(one.address): (one.endpoint, one.endpoint_address, one.forwardings) for one in list_floating_ips(store)
    }
    assert found == {
        "203.0.113.5": (ENDPOINTS[0].id, ENDPOINTS[0].address, []),
        "203.0.113.6": (ENDPOINTS[3].id, ENDPOINTS[3].address, []),
    }
    assert check(store).findings == []
    forwarded = given.forwarded(f"tcp/2222={ENDPOINTS[0].id}:22", f"tcp/2223={ENDPOINTS[3].id}:22")
    put_floating_ip(store, IPv4Address("203.0.113.6"), forwarded, None)
    assert [len(host_state(store, name).forwarding) for name in HOSTS] == [2, 1]
    store.database.close()


def test_floating_ips_of_before_still_reach_all_hosts(url: URL) -> None:
    earlier_store.fill(url, HOSTS, ENDPOINTS)
    earlier_store.add_floating_ips(url, {"203.0.113.5": ENDPOINTS[0]})
    earlier_store.add_forwarding(url, "203.0.113.6", ENDPOINTS[3])
    assert init(url, Plan())
    store = open_store(url, Plan())
    assert [(host.name, str(host.address), host.floating_ips) for host in list_hosts(store)] == [
        (name, address, []) for name, address in HOSTS.items()
    ]
    assert [(str(one.address), one.endpoint, len(one.forwardings)) for one in list_floating_ips(store)] == [
        ("203.0.113.5", ENDPOINTS[0].id, 0),
        ("203.0.113.6", None, 1),
    ]
    there = [IPv4Address("203.0.113.5")]
    assert update_host(store, "a", HostUpdate(floating_ips=there), None).floating_ips == there
    assert check(store).findings == []
    store.database.close()
