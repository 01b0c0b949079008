"""The address plan that is pinned in the store: whoever opens it has to mean the same."""

from __future__ import annotations

from sqlalchemy import Connection, select

from romana.models import Plan
from romana.store.schema import META_ROW, meta


class NotReadyError(Exception):
    """The store cannot be used as it is; the text says what to do."""


def check_plan(pinned: Plan, wanted: Plan) -> None:
    """Raises NotReadyError, naming each difference, when the two are not the same."""
    differences = [
        f"{name} is {ours!r} in the store and {wish!r} in the configuration"
        for (name, ours), (_, wish) in zip(pinned, wanted, strict=True)
        if ours != wish
    ]
    if differences:
        raise NotReadyError(
            f"the address plan cannot change while addresses of it are in use: {', '.join(differences)};"
            " set [plan] back, or start with an empty store"
        )


def pinned_plan(connection: Connection) -> Plan | None:
    """The plan all addresses of the store are made by; None: not yet chosen."""
    columns = (meta.c.cidr, meta.c.host_bits, meta.c.tenant_bits, meta.c.segment_bits, meta.c.endpoint_bits)
    row = connection.execute(select(*columns).where(meta.c.id == META_ROW)).mappings().one_or_none()
    return Plan.model_validate(dict(row)) if row else None
