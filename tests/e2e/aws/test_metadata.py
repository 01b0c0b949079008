"""The metadata service tells an instance, and nobody behind it, what it is."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator

import pytest
from metadata import TOKEN, TTL, Metadata, Told, document
from places import PLACE
from world import World

TOLD = Told(
    instance="i-0a",
    image="ami-0a",
    type="t3.large",
    zone="eu-west-1a",
    address="192.168.99.10",
    public="54.214.1.10",
    mac="02:00:00:00:00:0a",
    interface="eni-0a",
    subnet="192.168.99.0/24",
    user_data=b"#cloud-config\n{}\n",
    keys={"romana-demo": "ssh-ed25519 AAAA demo"},
    hops=1,
    others=["192.168.99.254"],
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/latest/meta-data/instance-id", b"i-0a"),
        ("/2021-03-23/meta-data/public-keys/", b"0=romana-demo"),
        ("/2021-03-23/meta-data/public-keys/0/openssh-key", b"ssh-ed25519 AAAA demo"),
        ("/latest/meta-data/network/interfaces/macs/", b"02:00:00:00:00:0a/"),
        (
            "/latest/meta-data/network/interfaces/macs/02:00:00:00:00:0a/local-ipv4s",
            b"192.168.99.10\n192.168.99.254",
        ),
        ("/latest/user-data", TOLD.user_data),
        ("/latest/meta-data/tags/", None),
        ("/latest/meta-data/instance-id/more", None),
    ],
)
def test_documents_are_at_their_paths(path: str, expected: bytes | None) -> None:
    assert document(TOLD, path) == expected


def test_the_identity_is_a_document_of_its_own() -> None:
    found = json.loads(document(TOLD, "/latest/dynamic/instance-identity/document") or b"")
    assert (found["instanceId"], found["region"]) == ("i-0a", "eu-west-1")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """The service, an instance, and an endpoint behind that: each a network, in a row."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    with World(PLACE / "aws" / "metadata") as made:
        for script in (
            "ip address add 169.254.169.254/32 dev lo",
            "ip netns add instance && ip netns add endpoint",
            "ip link add south type veth peer name north netns instance",
            "ip -n instance link add south type veth peer name north netns endpoint",
            "ip link set south up && ip -n instance link set north up",
            "ip -n instance link set south up && ip -n endpoint link set north up",
            "ip address add 192.168.99.1/24 dev south",
            "ip -n instance address add 192.168.99.10/24 dev north",
            "ip -n instance address add 10.0.0.1/16 dev south",
            "ip -n endpoint address add 10.0.0.5/16 dev north",
            "ip -n endpoint route add default via 10.0.0.1",
            "ip -n instance route add default via 192.168.99.1",
            "ip route add 10.0.0.0/16 via 192.168.99.10",
            "ip netns exec instance sysctl -qw net.ipv4.ip_forward=1",
        ):
            made.run("sh", "-c", script)
        service = Metadata(f"/proc/{made.pid}/ns/net", lambda _: TOLD)
        threading.Thread(target=service.serve_forever, daemon=True).start()
        try:
            yield made
        finally:
            service.shutdown()
            service.server_close()


def ask(world: World, place: str, path: str, *options: str) -> tuple[int, str]:
    """The exit status of curl at a place, and what it got."""
    command = ["curl", "--silent", "--fail", "--max-time", "2", *options, f"http://169.254.169.254/latest/{path}"]
    done = subprocess.run(
        [*world.inside, "ip", "netns", "exec", place, *command], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def token(world: World, place: str) -> tuple[int, str]:
    return ask(world, place, "api/token", "--request", "PUT", "--header", f"{TTL}: 60")


def test_an_instance_gets_a_token_and_is_told_what_it_is(world: World) -> None:
    status, given = token(world, "instance")
    assert status == 0
    header = ("--header", f"{TOKEN}: {given}")
    assert ask(world, "instance", "meta-data/instance-id", *header) == (0, "i-0a")
    refused = 22
    assert ask(world, "instance", "meta-data/instance-id") == (refused, "")
    assert ask(world, "instance", "meta-data/instance-id", "--header", f"{TOKEN}: other") == (refused, "")


def test_a_token_does_not_come_beyond_the_instance(world: World) -> None:
    timed_out, refused = 28, 22
    assert ask(world, "endpoint", "meta-data/instance-id") == (refused, "")  # it is reached, and refuses
    assert token(world, "endpoint") == (timed_out, "")
