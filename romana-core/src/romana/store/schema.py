"""The tables. The migrations make them; a test compares the two.

Names are compared byte by byte (MariaDB's usual collations would take 'Web' and 'web' for one). Addresses are stored as
integers, so they sort, and times as milliseconds since 1970, which every database keeps alike. With AUTOINCREMENT (in
MariaDB always) an id that was deleted never comes back as something else.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.mysql import LONGTEXT

NAME_LENGTH = 64
KEY_LENGTH = 255
DETAIL_LENGTH = 1000
META_ROW = 1

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(length: int) -> String:
    return String(length).with_variant(String(length, collation="utf8mb4_bin"), "mysql", "mariadb")


_LONG_TEXT = Text().with_variant(LONGTEXT(), "mysql", "mariadb")
_NAME = _text(NAME_LENGTH)

# One row. Whoever changes anything updates it first: its row lock puts all writers, of all processes, in one line.
meta = Table(
    "meta",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("generation", BigInteger, nullable=False),
    Column("cidr", String(18), nullable=False),
    Column("host_bits", Integer, nullable=False),
    Column("tenant_bits", Integer, nullable=False),
    Column("segment_bits", Integer, nullable=False),
    Column("endpoint_bits", Integer, nullable=False),
    CheckConstraint(f"id = {META_ROW}", name="one_row"),
)

hosts = Table(
    "hosts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", _NAME, nullable=False, unique=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("address", BigInteger, nullable=False, unique=True),
    Column("owner_id", Integer, ForeignKey("tenants.id")),
    Column("mac", String(17)),
    Column("generation", BigInteger, nullable=False),
    Column("applied_generation", BigInteger),
    Column("applied_at", BigInteger),
    Column("applied_errors", Integer, nullable=False, default=0),
    Column("applied", _LONG_TEXT),
    # Of the last change of who is in groups that the host's groups name, and of which groups these are.
    Column("members_generation", BigInteger, nullable=False, server_default="0"),
    Column("names_generation", BigInteger, nullable=False, server_default="0"),
    # Of the members that the firewall has; NULL: its agent does not say, or the firewall is not as it must be.
    Column("applied_members", BigInteger),
    Column("applied_groups", Integer, nullable=False, server_default="0"),
    Column("applied_group_members", Integer, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)

tenants = Table(
    "tenants",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", _NAME, nullable=False, unique=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("project_id", _NAME, unique=True),
    Column("generation", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

segments = Table(
    "segments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("name", _NAME, nullable=False),
    Column("number", Integer, nullable=False),
    Column("network_id", _NAME, index=True),  # of one segment each: SQLite takes no new constraint
    Column("generation", BigInteger, nullable=False),
    UniqueConstraint("tenant_id", "name"),
    UniqueConstraint("tenant_id", "number"),
    sqlite_autoincrement=True,
)

endpoints = Table(
    "endpoints",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("host_id", Integer, ForeignKey("hosts.id"), nullable=False),
    Column("segment_id", Integer, ForeignKey("segments.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("address", BigInteger, nullable=False, unique=True),
    Column("mac", String(17), nullable=False),
    Column("interface", _text(15), nullable=False),
    Column("name", _NAME),
    Column("status", String(16), nullable=False),
    Column("detail", String(DETAIL_LENGTH)),
    Column("generation", BigInteger, nullable=False),
    # Of the write that set `status` and `detail`. 0: set before the store kept it.
    Column("status_generation", BigInteger, nullable=False, server_default="0"),
    Column("idempotency_key", _text(KEY_LENGTH), unique=True),
    Column("request_hash", String(64), nullable=False),
    # models.Permissions, models.Lease and models.Bandwidth as JSON; NULL: as they are when nothing is said.
    Column("permissions", _LONG_TEXT),
    Column("lease", _LONG_TEXT),
    Column("bandwidth", _LONG_TEXT),
    UniqueConstraint("host_id", "segment_id", "number"),
    Index(None, "status_generation"),
)

policies = Table(
    "policies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", _NAME, nullable=False, unique=True),
    Column("source_tenant_id", Integer, ForeignKey("tenants.id")),
    Column("source_segment_id", Integer, ForeignKey("segments.id")),
    Column("source_cidr", String(18)),
    Column("target_tenant_id", Integer, ForeignKey("tenants.id")),
    Column("target_segment_id", Integer, ForeignKey("segments.id")),
    Column("target_cidr", String(18)),
    Column("protocol", String(8), nullable=False),
    Column("ports", _LONG_TEXT, nullable=False),
    Column("generation", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

groups = Table(
    "groups",
    metadata,
    Column("id", _NAME, primary_key=True),
    Column("name", _text(KEY_LENGTH)),
    Column("project_id", _NAME),
    Column("rules", _LONG_TEXT, nullable=False),
    Column("generation", BigInteger, nullable=False),
)

# The groups that a group's rules name as the other side; they need not exist.
group_names = Table(
    "group_names",
    metadata,
    Column("group_id", _NAME, ForeignKey("groups.id"), primary_key=True),
    Column("named", _NAME, primary_key=True),
    Index(None, "named"),
)

# Who is in a group: an endpoint, by its address and by the networks of its address pairs. The host is the endpoint's.
memberships = Table(
    "memberships",
    metadata,
    Column("group_id", _NAME, ForeignKey("groups.id"), primary_key=True),
    Column("endpoint_id", String(36), ForeignKey("endpoints.id"), primary_key=True),
    Column("network", String(18), primary_key=True),
    Column("host_id", Integer, ForeignKey("hosts.id"), nullable=False),
    Column("generation", BigInteger, nullable=False),
    Index("ix_memberships_host", "group_id", "host_id"),
    Index("ix_memberships_generation", "group_id", "generation"),
)

# Who was in a group, so that those who follow can be told; only the last ones are kept.
departures = Table(
    "departures",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("group_id", _NAME, nullable=False),
    Column("network", String(18), nullable=False),
    Column("generation", BigInteger, nullable=False),
    # Where the network is one address; it rests for some time.
    Column("address", BigInteger),
    Column("at", BigInteger, nullable=False, server_default="0"),
    Index("ix_departures_generation", "group_id", "generation"),
    Index(None, "address"),
    sqlite_autoincrement=True,
)

routers = Table(
    "routers",
    metadata,
    Column("id", _NAME, primary_key=True),
    Column("name", _text(KEY_LENGTH)),
    Column("project_id", _NAME),
    Column("outside", Boolean(create_constraint=False), nullable=False),
    Column("generation", BigInteger, nullable=False),
)

router_segments = Table(
    "router_segments",
    metadata,
    Column("router_id", _NAME, ForeignKey("routers.id"), primary_key=True),
    Column("segment_id", Integer, ForeignKey("segments.id"), primary_key=True),
)

floating_ips = Table(
    "floating_ips",
    metadata,
    Column("address", BigInteger, primary_key=True, autoincrement=False),
    Column("endpoint_id", String(36), ForeignKey("endpoints.id"), unique=True),  # NULL: it is forwarded port by port
    Column("project_id", _NAME),
    Column("generation", BigInteger, nullable=False),
)

# Addresses that the network delivers to one host only: they are floating IPs of its endpoints, if any.
delivered = Table(
    "delivered",
    metadata,
    Column("address", BigInteger, primary_key=True, autoincrement=False),
    Column("host_id", Integer, ForeignKey("hosts.id"), nullable=False, index=True),
)

# Ports of floating IPs that lead to endpoints.
forwardings = Table(
    "forwardings",
    metadata,
    Column("address", BigInteger, ForeignKey("floating_ips.address"), primary_key=True, autoincrement=False),
    Column("protocol", String(8), primary_key=True),
    Column("port", Integer, primary_key=True, autoincrement=False),
    Column("endpoint_id", String(36), ForeignKey("endpoints.id"), nullable=False, index=True),
    Column("endpoint_port", Integer, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", _NAME, nullable=False, unique=True),
    Column("role", _text(NAME_LENGTH + len("agent:")), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("managed", Boolean(create_constraint=False), nullable=False),
    sqlite_autoincrement=True,
)
