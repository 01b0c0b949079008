"""Arguments are checked before anything is sent."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from ipaddress import IPv4Network

import pytest

from romana.cli import arguments
from romana.cli.cells import peer_in_words
from romana.cli.find_endpoint import matching
from romana.models import Endpoint, EndpointStatus, Peer


@pytest.mark.parametrize(
    ("text", "peer"),
    [
        ("admin", Peer(tenant="admin")),
        ("admin/s1", Peer(tenant="admin", segment="s1")),
        ("192.0.2.0/24", Peer(cidr=IPv4Network("192.0.2.0/24"))),
        ("0.0.0.0/0", Peer(cidr=IPv4Network("0.0.0.0/0"))),
        ("192.0.2.7", Peer(cidr=IPv4Network("192.0.2.7/32"))),
        ("10.1", Peer(tenant="10.1")),
    ],
)
def test_peer(text: str, peer: Peer) -> None:
    assert arguments.peer(text) == peer
    assert arguments.peer(peer_in_words(peer)) == peer


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (arguments.peer, "192.0.2.1/24", "has host bits set"),
        (arguments.peer, "192.0.2.0/33", "not a network"),
        (arguments.peer, "a/b/c", "not a name"),
        (arguments.peer, "/s1", "not a name"),
        (arguments.peer, "", "not a name"),
        (arguments.place, "admin", "tenant/segment, like admin/s1"),
        (arguments.place, "admin/", "not a name"),
        (arguments.name, "two words", "1 to 64 letters"),
        (arguments.name, "x" * 300, "(300 characters)"),
        (arguments.name, "..", "not a name"),
        (arguments.name, "a\n", "not a name"),
        (arguments.name, "gr\u00fcn", "not a name"),
        (arguments.address, "10.0.18", "like 10.0.18.5"),
        (arguments.address, "10.0.18.256", "like 10.0.18.5"),
        (arguments.address, "fe80::1", "like 10.0.18.5"),
        (arguments.mac, "01:00:5e:00:00:01", "of one interface"),
        (arguments.mac, "fa:16:3e:00:00", "like fa:16:3e"),
        (arguments.interface, "sixteencharacter", "1 to 15"),
        (arguments.interface, "a/b", "1 to 15"),
        (arguments.port, "http", "80, or a range"),
        (arguments.port, "80:90", "80, or a range"),
        (arguments.index, "-1", "0, 1, 2"),
        (arguments.index, "one", "0, 1, 2"),
    ],
)
def test_refused_with_what_is_right(kind: Callable[[str], object], text: str, said: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        kind(text)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 200


def endpoint(endpoint_id: str, name: str | None) -> Endpoint:
    return Endpoint.model_validate(
        {
            "id": endpoint_id,
            "name": name,
            "host": "h",
            "tenant": "t",
            "segment": "s",
            "address": "10.0.17.3",
            "mac": "fa:16:3e:00:00:01",
            "interface": "tap0",
            "status": EndpointStatus.PENDING,
            "generation": 1,
        }
    )


ENDPOINTS = [
    endpoint("aaa1", "web"),
    endpoint("aab2", "web"),
    endpoint("web", None),
    endpoint("aaa", "b"),
    endpoint("b1", None),
]


@pytest.mark.parametrize(
    ("reference", "ids"),
    [
        ("aaa1", ["aaa1"]),
        ("aab", ["aab2"]),
        ("aa", ["aaa1", "aab2", "aaa"]),
        ("aaa", ["aaa"]),  # a whole id is not also the beginning of another
        ("web", ["web"]),  # an id wins over names
        ("b", ["aaa"]),  # a name wins over beginnings of ids
        ("c", []),
        ("", []),
    ],
)
def test_which_endpoint_is_meant(reference: str, ids: list[str]) -> None:
    assert [found.id for found in matching(ENDPOINTS, reference)] == ids
