"""Chains of others on this host that drop what endpoints need: looked at anew when somebody has changed one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path

from romana.agent.desired import Desired
from romana.filters.barriers import Barrier, barriers, dhcp_and_forward
from romana.filters.listing import listed
from romana.models import AppliedBarrier

LEGACY_TABLES = Path("/proc/net/ip_tables_names")
log = logging.getLogger(__name__)


class Others:
    """What stands in the way, as last seen."""

    def __init__(self) -> None:
        self._stale = True
        self._plan: IPv4Network | None = None
        self._found: list[Barrier] = []

    def distrust(self) -> None:
        """Look again when asked next."""
        self._stale = True

    def distrust_unheard(self) -> None:
        """Look again when asked next if there may be changes that nobody tells of: those of iptables-legacy."""
        with suppress(OSError):
            self._stale = self._stale or bool(LEGACY_TABLES.read_text())

    def look(self, wanted: Desired) -> list[Barrier]:
        """The barriers there are now; the log tells of each when it comes and when it goes."""
        plan = IPv4Network(wanted.plan.cidr)
        if self._stale or plan != self._plan:
            before, self._found = self._found, barriers(listed(), dhcp_and_forward(plan))
            self._stale, self._plan = False, plan
            _tell(before, self._found)
        return self._found


def reported(found: Sequence[Barrier]) -> list[AppliedBarrier]:
    """As the server is told. Pure."""
    return [
        AppliedBarrier(chain=one.chain, certain=one.certain, what=one.in_words(), message=str(one)) for one in found
    ]


def _tell(before: list[Barrier], found: list[Barrier]) -> None:
    for item in found:
        if item not in before:
            log.log(logging.ERROR if item.certain else logging.WARNING, "%s", item)
    for item in before:
        if item not in found:
            log.info("no longer in the way: chain %s (%s)", item.chain, item.how)
