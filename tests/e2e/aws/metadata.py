"""EC2's metadata service (IMDSv2): what an instance is told of itself, at 169.254.169.254."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any

from fabric import METADATA
from pyroute2 import netns

PORT = 80
TTL, TOKEN = "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"
LONGEST = 21600  # seconds that a token lasts at most
Tree = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What one instance is told.

    others: further addresses of its interface; hops: how far an answer with a token may come; keys: public keys by
    their names; user_data: as it was given.
    """

    instance: str
    image: str
    type: str
    zone: str
    address: str
    public: str
    mac: str
    interface: str
    subnet: str
    user_data: bytes
    keys: dict[str, str]
    hops: int
    others: Sequence[str] = ()


def tree(told: Told) -> Tree:
    """The documents below a version, by path."""
    region, name = told.zone[:-1], f"ip-{told.address.replace('.', '-')}.{told.zone[:-1]}.compute.internal"
    interface = {
        "device-number": "0",
        "interface-id": told.interface,
        "local-hostname": name,
        "local-ipv4s": "\n".join([told.address, *told.others]),
        "mac": told.mac,
        "subnet-ipv4-cidr-block": told.subnet,
        "vpc-id": "vpc-0",
        **({"public-ipv4s": told.public} if told.public else {}),
    }
    identity = {"instanceId": told.instance, "region": region, "availabilityZone": told.zone, "imageId": told.image}
    return {
        "user-data": told.user_data,
        "meta-data": {
            "ami-id": told.image,
            "ami-launch-index": "0",
            "hostname": name,
            "instance-id": told.instance,
            "instance-type": told.type,
            "local-hostname": name,
            "local-ipv4": told.address,
            "mac": told.mac,
            "network": {"interfaces": {"macs": {told.mac: interface}}},
            "placement": {"availability-zone": told.zone, "region": region},
            "public-keys": {
                f"{index}={key}": {"openssh-key": text} for index, (key, text) in enumerate(told.keys.items())
            },
            **({"public-ipv4": told.public} if told.public else {}),
        },
        "dynamic": {"instance-identity": {"document": json.dumps(identity)}},
    }


def document(told: Told, path: str) -> bytes | None:
    """What is at a path, its version first; a listing where that is a directory; None when nothing is."""
    found: Any = tree(told)
    for name in [part for part in path.split("/") if part][1:]:
        if not isinstance(found, dict):
            return None
        # A key is listed with its name, and found by its number.
        found = next((value for key, value in found.items() if name in (key, key.partition("=")[0])), None)
    if isinstance(found, dict):
        names = (name + "/" if isinstance(value, dict) and "=" not in name else name for name, value in found.items())
        return "\n".join(names).encode()
    return found.encode() if isinstance(found, str) else found


class Handler(BaseHTTPRequestHandler):
    """One request; `server` is the Metadata that it came to."""

    protocol_version = "HTTP/1.1"
    server: Metadata

    def do_PUT(self) -> None:
        """A token, in an answer that comes no further than the instance lets it."""
        told = self.server.who(self.client_address[0])
        if told is None or self.path != "/latest/api/token":
            return self._answer(404)
        if "X-Forwarded-For" in self.headers:
            return self._answer(403)
        if not 0 < int(self.headers.get(TTL, 0)) <= LONGEST:
            return self._answer(400)
        token = secrets.token_urlsafe(42)
        self.server.tokens[token] = told.instance
        self.connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, told.hops)
        return self._answer(200, token.encode(), {TTL: self.headers[TTL]})

    def do_GET(self) -> None:
        """A document, for who has a token."""
        told = self.server.who(self.client_address[0])
        if told is None or self.server.tokens.get(self.headers.get(TOKEN, "")) != told.instance:
            return self._answer(401)
        found = document(told, self.path)
        return self._answer(404) if found is None else self._answer(200, found)

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class Metadata(ThreadingTCPServer):
    """The service in a VPC. who: what the one that asks from an address is told; None: nothing is there."""

    daemon_threads = True

    def __init__(self, namespace: str, who: Callable[[str], Told | None]) -> None:
        super().__init__((METADATA, PORT), Handler, bind_and_activate=False)
        self.socket.close()
        netns.pushns(namespace)
        try:
            self.socket = socket.create_server((METADATA, PORT))
        finally:
            netns.popns()
        self.who = who
        self.tokens: dict[str, str] = {}
