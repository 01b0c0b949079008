"""A database as the release before security groups left it, at its migration 0003."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, MetaData, create_engine, insert

from romana.models import Plan
from romana.store import migrations

REVISION = "0003"
BEFORE_FORWARDINGS = "0008"
BEFORE_DELIVERY = "0009"
GENERATION = 40  # of everything in it
TENANT = "admin"
SEGMENTS = ("s1", "s2")


@dataclass(frozen=True)
class OldEndpoint:
    """An endpoint; its host is a number from 0, its segment one from 1."""

    host: int
    segment: int
    number: int
    mac: str
    interface: str

    @property
    def id(self) -> str:
        return f"00000000-0000-4000-8000-{self.host:04x}{self.segment:04x}{self.number:04x}"

    @property
    def key(self) -> str:
        return f"key of {self.id}"

    @property
    def address(self) -> IPv4Address:
        return Plan().address_plan().address(self.host, 1, self.segment, self.number)


def fill(url: URL, hosts: dict[str, str], endpoints: list[OldEndpoint]) -> None:
    """Make it: hosts with these addresses, a tenant with two segments, a policy from the first to the second."""
    engine = create_engine(url)
    with engine.begin() as connection:
        _upgrade(connection, REVISION)
    with engine.begin() as connection:
        _insert(connection, hosts, endpoints)
    engine.dispose()


def add_floating_ips(url: URL, owners: dict[str, OldEndpoint]) -> None:
    """Bring it to the last migration before floating IPs could be forwarded, with floating IPs of endpoints."""
    values = [
        {"address": int(IPv4Address(address)), "endpoint_id": owner.id, "generation": GENERATION}
        for address, owner in owners.items()
    ]
    _bring(url, BEFORE_FORWARDINGS, {"floating_ips": values})


def add_forwarding(url: URL, address: str, owner: OldEndpoint) -> None:
    """Bring it to the last migration before floating IPs could be delivered to one host only, with tcp/80 forwarded."""
    number = int(IPv4Address(address))
    forwarding = {"address": number, "protocol": "tcp", "port": 80, "endpoint_id": owner.id, "endpoint_port": 8080}
    floating = {"address": number, "endpoint_id": None, "generation": GENERATION}
    _bring(url, BEFORE_DELIVERY, {"floating_ips": [floating], "forwardings": [forwarding]})


def _bring(url: URL, revision: str, rows: dict[str, list[dict[str, object]]]) -> None:
    """Bring it to a migration, and insert rows there, by table."""
    engine = create_engine(url)
    with engine.begin() as connection:
        _upgrade(connection, revision)
    there = MetaData()
    with engine.begin() as connection:
        there.reflect(connection)
        for table, values in rows.items():
            connection.execute(insert(there.tables[table]), values)
    engine.dispose()


def _upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(next(iter(migrations.__path__)))))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _insert(connection: Connection, hosts: dict[str, str], endpoints: list[OldEndpoint]) -> None:
    there = MetaData()
    there.reflect(connection)

    def add(table: str, **values: object) -> None:
        connection.execute(insert(there.tables[table]).values(**values))

    add("meta", id=1, generation=GENERATION, **Plan().model_dump())
    for number, (name, address) in enumerate(hosts.items()):
        add("hosts", id=number + 1, name=name, number=number, address=int(IPv4Address(address)), generation=GENERATION,
            applied_errors=0)  # fmt: skip
    add("tenants", id=1, name=TENANT, number=1, generation=GENERATION)
    for number, name in enumerate(SEGMENTS, 1):
        add("segments", id=number, tenant_id=1, name=name, number=number, generation=GENERATION)
    for one in endpoints:
        request = _digest(list(hosts)[one.host], one)
        add("endpoints", id=one.id, host_id=one.host + 1, segment_id=one.segment, number=one.number,
            address=int(one.address), mac=one.mac, interface=one.interface, status="active", generation=GENERATION,
            status_generation=GENERATION, idempotency_key=one.key, request_hash=request)  # fmt: skip
    add("policies", id=1, name="web", source_tenant_id=1, source_segment_id=1, target_tenant_id=1, target_segment_id=2,
        protocol="tcp", ports='["80"]', generation=GENERATION)  # fmt: skip


def _digest(host: str, one: OldEndpoint) -> str:
    """Of a request, as that release wrote it."""
    request = {
        "host": host, "tenant": TENANT, "segment": SEGMENTS[one.segment - 1], "mac": one.mac,
        "interface": one.interface, "name": None, "address": None,
    }  # fmt: skip
    return hashlib.sha256(json.dumps(request, separators=(",", ":")).encode()).hexdigest()
