"""Groups' rules that cannot be put in place here; of such a group only what passed before still passes. Pure.

A rule cannot be put in place when a newer server sends it in words that this version does not know, or when nft refuses
what it becomes. One group must not keep the others' rules from changing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ConfigDict, Field, ValidationError

from romana.models import Changes, GroupId, GroupRule, HostState, Model, StateGroup
from romana.verdict import describe

LONGEST = 200  # characters of a rule that nobody here knows the words of
CHECKS = 200  # how often nft is asked which rules it refuses; those that it was not asked about are held back


class Fault(Model):
    """A group with rules that are not in force. rule: the first of them; more: how many others there are."""

    model_config = ConfigDict(frozen=True)

    group: GroupId
    rule: str
    why: str
    more: int = 0

    @property
    def subject(self) -> str:
        """What it is called in reports."""
        return subject_of(self.group)

    @property
    def message(self) -> str:
        """One sentence, with what to do."""
        what = f"{self.rule} and {self.more} more are" if self.more else f"{self.rule} is"
        return f"the rule {what} not in force, and of the group nothing passes that did not before: {self.why}"


def subject_of(group: str) -> str:
    """What a group is called in reports."""
    return f"group {group}"


class Received(Changes):
    """What the server has said, as far as it can be read; also what the agent keeps of it."""

    faults: list[Fault] = Field(default=[])


class Ruling(NamedTuple):
    """A rule of a group, as JSON: rules themselves cannot be in sets."""

    group: str
    rule: str


def read(document: bytes) -> Received:
    """What a document of changes says, without the groups' rules that cannot be read.

    Raises ValidationError when it is something else that this version does not know.
    """
    try:
        return Received.model_validate_json(document)
    except ValidationError as error:
        findings = error.errors(include_url=False)
        if any(finding["type"] == "json_invalid" for finding in findings):
            raise
    content = json.loads(document)
    faults = _leave_out(content, findings)
    received = Received.model_validate_json(json.dumps(content))
    received.faults += faults
    return received


def _leave_out(content: Any, findings: Iterable[Any]) -> list[Fault]:
    """Take the rules out of a document that the findings are about, or all of a group where it is about the group."""
    unread: dict[int, dict[int | None, str]] = defaultdict(dict)
    for finding in findings:
        match finding["loc"]:
            case ("state", "groups", int(group), "rules", int(rule), *place):
                unread[group].setdefault(rule, _why(place, finding["msg"]))
            case ("state", "groups", int(group), *place):
                unread[group].setdefault(None, _why(place, finding["msg"]))
    faults = []
    for number, rules in unread.items():
        group = content["state"]["groups"][number]
        if not isinstance(group, dict) or not isinstance(group.get("id"), str):
            continue  # nobody could say of which group it is
        first, why = next(iter(rules.items()))
        said = group if first is None else group["rules"][first]
        faults.append(Fault(group=group["id"], rule=_in_short(said), why=why, more=len(rules) - 1))
        kept = [] if None in rules else [one for place, one in enumerate(group["rules"]) if place not in rules]
        content["state"]["groups"][number] = {"id": group["id"], "rules": kept}
    return faults


def _why(place: Iterable[object], message: str) -> str:
    where = ".".join(map(str, place))
    return f"this version does not know it ({where}: {message}); install the same release on controller and host"


def _in_short(said: object) -> str:
    text = json.dumps(said, sort_keys=True)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def rulings(state: HostState) -> list[Ruling]:
    """All rules of all groups."""
    return [Ruling(group.id, _as_json(rule)) for group in state.groups for rule in group.rules]


def only(state: HostState, kept: Collection[Ruling]) -> HostState:
    """The state with just these rules of groups."""
    groups = [
        StateGroup(id=group.id, rules=[rule for rule in group.rules if Ruling(group.id, _as_json(rule)) in kept])
        for group in state.groups
    ]
    return state.model_copy(update={"groups": groups})


def restrained(state: HostState, faults: Iterable[Fault], refused: Collection[Ruling], before: HostState) -> HostState:
    """The state without refused rules; of faulty groups it has only those rules that were there before, too."""
    faulty = {fault.group for fault in faults}
    if not faulty:
        return state
    there = set(rulings(before))
    return only(
        state,
        {one for one in rulings(state) if one not in refused and (one.group not in faulty or one in there)},
    )


def faults_of(state: HostState, refused: Mapping[Ruling, str]) -> list[Fault]:
    """The groups of a state that have refused rules. refused: why, by rule."""
    by_group: dict[str, list[Ruling]] = defaultdict(list)
    for ruling in rulings(state):
        if ruling in refused:
            by_group[ruling.group].append(ruling)
    return [
        Fault(
            group=group,
            rule=describe(GroupRule.model_validate_json(found[0].rule), {}),
            why=f"nft refuses it: {refused[found[0]]}; restart romana-agent once nft does not, to try again",
            more=len(found) - 1,
        )
        for group, found in by_group.items()
    ]


def culprits(suspects: Sequence[Ruling], refusal: Callable[[Collection[Ruling]], str]) -> dict[Ruling, str]:
    """The rules that nft refuses, with why; nothing when it is not about rules.

    refusal: why nft refuses a state that has these rules of groups and no others; empty when it does not.
    """
    if not suspects or refusal(()):
        return {}
    found: dict[Ruling, str] = {}
    asked = 0
    parts = [suspects]
    while parts:
        part = parts.pop()
        asked += 1
        reason = refusal(part) if asked <= CHECKS else "it was not asked about so many rules one by one"
        if not reason:
            continue
        if len(part) == 1 or asked > CHECKS:
            found |= dict.fromkeys(part, reason)
        else:
            parts += [part[: len(part) // 2], part[len(part) // 2 :]]
    return found


def _as_json(rule: GroupRule) -> str:
    return rule.model_dump_json(exclude_defaults=True)
