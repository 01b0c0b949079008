"""What a host must have, put together from what the server says of it as time goes by. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from romana.agent.desired import Desired, desired, host_profiles, known
from romana.agent.faults import Fault, Received, Ruling, culprits, faults_of, only, restrained, rulings
from romana.agent.membership import Membership, updated, whole
from romana.models import HostState


class Wanted:
    """What has come so far, and what follows from it.

    desired: what the host must have; None: nobody has said anything yet.
    members_in_force: generation of the members that the firewall has; None: it is not as it must be.
    """

    def __init__(self) -> None:
        self.desired: Desired | None = None
        self._received: HostState | None = None  # as the server says it, but for what cannot be read
        self._unread: list[Fault] = []
        self._state: HostState | None = None  # as it must be in force
        self._in_force: HostState | None = None
        self._members: Membership = {}
        self._members_generation = 0
        self._desired_members = 0  # generation of those that `desired` has
        self.members_in_force: int | None = None
        self._refused: dict[Ruling, str] = {}  # rules that nft refuses, and why

    def begin(self, kept: Received) -> bool:
        """As `take_in`, with what was in force when it was kept."""
        self._in_force = kept.state
        return self.take_in([kept])

    def take_in(self, inbox: Iterable[Received]) -> bool:
        """Have what has come be what must be. Returns whether it can be that.

        Raises FieldError when a state contradicts the address plan; then all is as it was, but for the members.
        """
        state, unread = self._received, self._unread
        for received in inbox:
            if received.members is not None:
                self._members = updated(self._members, received.members)
                self._members_generation = received.members.generation
            if received.state is not None:
                state, unread = received.state, received.faults
        if state is None:
            return False
        if state is self._received and self._state is not None and self.desired is not None:
            self.desired = dataclasses.replace(
                self.desired,
                groups=host_profiles(self._state, self._members),
                known=known(self._state, self._members),
            )
        else:
            self._accept(state, unread)
        self._desired_members = self._members_generation
        return True

    def settle(self) -> None:
        """What must be is in force now."""
        self._in_force = self._state
        self.members_in_force = self._desired_members

    def unsettle(self) -> None:
        """Something else than what must be is in force."""
        self.members_in_force = None

    def hold_back(self, refusal: Callable[[Desired], str]) -> bool:
        """Let go of the groups' rules that nft refuses. Returns whether there are such.

        refusal: why nft refuses to make a network anew; empty when it does not.
        """
        state = self._state
        if state is None or self._received is None:
            return False
        found = culprits(rulings(state), lambda kept: refusal(desired(only(state, frozenset(kept)), self._members)))
        if found:
            self._refused |= found
            self._accept(self._received, self._unread)
        return bool(found)

    def faults(self) -> list[Fault]:
        """The groups that are not as the server says."""
        refused = [] if self._received is None else faults_of(self._received, self._refused)
        return [*self._unread, *refused]

    def kept(self) -> Received:
        """What a start of the agent begins with."""
        members = whole(self._members_generation, self._members)
        return Received(state=self._state, members=members, faults=self.faults())

    def _accept(self, received: HostState, unread: list[Fault]) -> None:
        faults = [*unread, *faults_of(received, self._refused)]
        # Before the first state nothing was in force.
        before = self._in_force or received.model_copy(update={"groups": []})
        state = restrained(received, faults, self._refused, before)
        self.desired = desired(state, self._members)
        self._received, self._unread, self._state = received, unread, state
