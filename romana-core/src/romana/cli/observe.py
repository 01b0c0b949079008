"""What the firewall of this machine has of a conversation, beside what it should have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from romana.agent.config import AgentSettings
from romana.agent.desired import Desired, desired
from romana.agent.firewall import FirewallError, list_table
from romana.agent.lookup import Asked, Found, differences, groups_say, leads, segments_say
from romana.agent.membership import updated
from romana.agent.ruleset import ObservedTable, Table, elements, inet_table
from romana.cli.errors import UsageError
from romana.client import Client
from romana.contract import ClientError
from romana.models import Direction
from romana.settings import SettingsError, load
from romana.verdict import EGRESS, INGRESS, SEGMENTS, Service, Side, Step, seen, together


@dataclass(frozen=True, slots=True)
class Seen:
    """One who has a say, as the kernel has it. passes: None: not looked at, for the reason that `differs` says."""

    step: Step
    host: str | None
    passes: bool | None
    differs: str | None

    @property
    def ok(self) -> bool:
        """Whether it lets pass, and the kernel is not seen to differ."""
        return self.step.passes and (self.passes is None or (self.passes and self.differs is None))


@dataclass(frozen=True, slots=True)
class _Machine:
    """This machine as a host: what its firewall must be, and is."""

    name: str
    wanted: Desired
    table: Table
    must: dict[str, frozenset[tuple[str, ...]]]
    found: ObservedTable | None


def observe(api: Client, config: Path, sides: tuple[Side, Side], service: Service, steps: Sequence[Step]) -> list[Seen]:
    """Each step beside what the kernel says, where this machine is the host that decides it.

    Raises UsageError (this machine's firewall cannot be read) and ClientError.
    """
    machine = _this_machine(api, config)
    asked = Asked.of(service.protocol, service.port, service.kind)
    return [_seen(step, sides, asked, machine) for step in steps]


def _this_machine(api: Client, config: Path) -> _Machine | None:
    """None when this machine is no host."""
    if not config.exists():
        return None
    try:
        own = load(config, AgentSettings)
        found = list_table("inet")
    except SettingsError as error:
        raise UsageError(str(error)) from None
    except (FirewallError, OSError) as error:
        raise ClientError(f"this machine's firewall cannot be read ({error}); run the command as root") from None
    changes = api.changes(own.host)
    if changes.state is None or changes.members is None:
        raise ClientError(f"{api.url} does not say what host {own.host} must have")
    wanted = desired(changes.state, updated({}, changes.members))
    table = inet_table(wanted, own.metadata, own.consoles, routers=own.routers, masquerade=own.masquerade)
    return _Machine(own.host, wanted, table, elements(wanted, (), own.routers)["inet"], found)


def _seen(step: Step, sides: tuple[Side, Side], asked: Asked, machine: _Machine | None) -> Seen:
    host = _who_decides(step, sides)
    if host is None:
        return Seen(step, None, None, None)
    if machine is None or machine.name != host:
        return Seen(step, host, None, f"not looked at: run this command on {host}")
    if machine.found is None:
        return Seen(step, host, True, "; ".join(differences(machine.table, machine.must, None, ())))
    must, there = (_look_up(step, sides, asked, machine, kept) for kept in (machine.must, machine.found.elements))
    differs = differences(machine.table, machine.must, machine.found, must.used | there.used)
    return Seen(step, host, there.passes, "; ".join(differs) or None)


def _who_decides(step: Step, sides: tuple[Side, Side]) -> str | None:
    source, target = (side.endpoint.host if side.endpoint else None for side in sides)
    # What an endpoint asks of a floating IP, it asks of an address outside.
    segments = source or target if sides[1].floating else target or source
    return {SEGMENTS: segments, EGRESS: source, INGRESS: target}.get(step.kind)


def _look_up(
    step: Step,
    sides: tuple[Side, Side],
    asked: Asked,
    machine: _Machine,
    kept: dict[str, frozenset[tuple[str, ...]]],
) -> Found:
    source, target = sides
    asked_as, asker_as = seen(source, target)
    if step.kind == EGRESS:
        return groups_say(kept, source.network[0], asked_as.network, Direction.EGRESS, asked)
    if step.kind == INGRESS:
        return groups_say(kept, target.network[0], asker_as.network, Direction.INGRESS, asked.at(target.port))
    if source.endpoint is None and target.floating is not None:
        return leads(kept, target.floating, target.network[0], target.port, asked)
    judged = target if together(source, target) else asked_as
    return segments_say(kept, machine.wanted.plan, source.network, judged.network, asked)
