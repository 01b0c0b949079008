"""What exists already, and what cannot go because something needs it."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address

import pytest

from romana.models import HostCreate, HostUpdate, TenantCreate
from romana.store.endpoints import delete_endpoint
from romana.store.errors import ConflictError, InUseError, InvalidError, NotFoundError
from romana.store.hosts import create_host, delete_host, get_host, update_host
from romana.store.segments import delete_segment, get_segment, list_segments
from romana.store.store import Store
from romana.store.tenants import create_tenant, delete_tenant, get_tenant, list_tenants

from . import given

ADDRESS, OTHER = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")


@pytest.mark.parametrize(
    ("delete", "said"),
    [
        (lambda store: delete_host(store, "a", None), r"host a is in use: it has 2 endpoint\(s\)"),
        (lambda store: delete_tenant(store, "t", None), r"tenant t is in use: it has 2 endpoint\(s\)"),
        (lambda store: delete_segment(store, "t", "s", None), r"segment t/s is in use: it has 2 endpoint\(s\)"),
    ],
    ids=["host", "tenant", "segment"],
)
def test_what_has_endpoints_goes_only_after_them(store: Store, delete: Callable[[Store], None], said: str) -> None:
    given.network(store)
    made = [given.endpoint(store) for _ in range(2)]
    with pytest.raises(InUseError, match=said) as caught:
        delete(store)
    assert caught.value.details["endpoints"] == 2
    for one in made:
        delete_endpoint(store, one.id, None)
    delete(store)


def test_a_tenant_takes_its_segments_along(store: Store) -> None:
    given.tenant(store, "t", "s", "s2")
    given.tenant(store, "u", "s")
    delete_tenant(store, "t", None)
    assert [one.name for one in list_tenants(store)] == ["u"]
    assert [one.name for one in list_segments(store, "u")] == ["s"]
    given.tenant(store, "t")
    assert list_segments(store, "t") == []


def test_counts_are_shown(store: Store) -> None:
    given.network(store)
    given.segment(store, "t", "s2")
    given.endpoint(store)
    assert get_host(store, "a").endpoints == 1
    assert (get_tenant(store, "t").segments, get_tenant(store, "t").endpoints) == (2, 1)
    assert [one.endpoints for one in list_segments(store, "t")] == [1, 0]


def test_the_same_host_again_is_the_one_there_is(store: Store) -> None:
    first, new = create_host(store, HostCreate(name="a", address=ADDRESS))
    assert new
    for index in (None, first.index):
        assert create_host(store, HostCreate(name="a", address=ADDRESS, index=index)) == (first, False)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (HostCreate(name="a", address=OTHER), "host a exists with other values: address 192.0.2.1, index 0"),
        (HostCreate(name="a", address=ADDRESS, index=1), "host a exists with other values"),
        (HostCreate(name="b", address=ADDRESS), "address 192.0.2.1 already belongs to host a"),
        (HostCreate(name="b", address=OTHER, index=0), "index 0 already belongs to host a"),
    ],
)
def test_a_host_that_differs_from_the_one_there_is_is_refused(store: Store, wanted: HostCreate, said: str) -> None:
    create_host(store, HostCreate(name="a", address=ADDRESS))
    with pytest.raises(ConflictError, match=said.replace(".", r"\.")):
        create_host(store, wanted)


def test_a_host_moves_only_to_a_free_address(store: Store) -> None:
    create_host(store, HostCreate(name="a", address=ADDRESS))
    create_host(store, HostCreate(name="b", address=OTHER))
    with pytest.raises(ConflictError, match="already belongs to host b"):
        update_host(store, "a", HostUpdate(address=OTHER), None)
    assert update_host(store, "a", HostUpdate(address=IPv4Address("192.0.2.3")), None).index == 0


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "10.255.255.255", "127.0.0.1", "224.0.0.1", "0.0.0.1", "255.255.255.255"]
)
def test_an_address_that_no_host_can_have_is_refused(store: Store, address: str) -> None:
    with pytest.raises(InvalidError, match=address.replace(".", r"\.")):
        create_host(store, HostCreate(name="a", address=IPv4Address(address)))
    create_host(store, HostCreate(name="a", address=ADDRESS))
    with pytest.raises(InvalidError):
        update_host(store, "a", HostUpdate(address=IPv4Address(address)), None)


@pytest.mark.parametrize("index", [256, 2**31])
def test_an_index_outside_the_plan_is_refused(store: Store, index: int) -> None:
    with pytest.raises(InvalidError, match=r"outside the address plan's 0\.\.255"):
        create_host(store, HostCreate(name="a", address=ADDRESS, index=index))


def test_a_tenant_and_its_project_belong_together(store: Store) -> None:
    first, new = create_tenant(store, TenantCreate(name="t", project_id="p1"))
    assert new
    assert create_tenant(store, TenantCreate(name="t", project_id="p1")) == (first, False)
    for name, project in (("t", "p2"), ("t", None), ("u", "p1")):
        with pytest.raises(ConflictError):
            create_tenant(store, TenantCreate(name=name, project_id=project))
    assert list_tenants(store) == [first]


def test_names_that_differ_in_case_are_different(store: Store) -> None:
    for name in ("web", "Web", "WEB"):
        given.host(store, name)
        given.tenant(store, name, "s", "S")
    assert [one.number for one in list_tenants(store)] == [1, 2, 3]
    assert get_tenant(store, "Web").name == "Web"
    assert get_segment(store, "WEB", "S").number == 2


@pytest.mark.parametrize(
    "look",
    [
        lambda store: get_host(store, "gone"),
        lambda store: update_host(store, "gone", HostUpdate(address=ADDRESS), None),
        lambda store: delete_host(store, "gone", None),
        lambda store: get_tenant(store, "gone"),
        lambda store: delete_tenant(store, "gone", None),
        lambda store: list_segments(store, "gone"),
        lambda store: given.segment(store, "gone", "s"),
        lambda store: get_segment(store, "gone", "s"),
        lambda store: delete_segment(store, "gone", "s", None),
    ],
)
def test_what_does_not_exist_is_named(store: Store, look: Callable[[Store], object]) -> None:
    with pytest.raises(NotFoundError, match=r"there is no (host|tenant) gone"):
        look(store)
