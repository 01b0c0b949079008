"""Takes everything of the agent's off a host, and leaves it as it was."""

from __future__ import annotations

import logging
from contextlib import suppress

from romana.agent import firewall
from romana.agent.cache import StateCache
from romana.agent.config import AgentSettings
from romana.agent.dhcp import Dhcp
from romana.agent.net import Kernel
from romana.agent.observed import PROTOCOL
from romana.agent.plumbing import GATEWAY, GATEWAY_KINDS, Change, Thing
from romana.agent.sysctl import Ledger, restore_tap

log = logging.getLogger(__name__)


def remove(settings: AgentSettings) -> None:
    """Routes first, guards last; can be run again. Raises NetError, FirewallError, OSError."""
    kernel = Kernel()
    kernel.load()
    observed = kernel.observed
    ours: list[Thing] = [route for there in observed.routes.values() for route in there if route.protocol == PROTOCOL]
    ours += [*observed.neighbours.values(), *observed.proxies]
    link = observed.link(GATEWAY)
    for thing in ours:
        kernel.apply(Change("remove", thing, "remove", ""))
    if link is not None and link.kind in GATEWAY_KINDS:
        kernel.remove_link(link)
    Dhcp(settings.run_dir).stop()
    table = firewall.list_table("inet")
    taps = {name for (name,) in table.elements.get("taps", frozenset())} if table else set()
    for name in sorted(taps & observed.names.keys(), key=observed.names.__getitem__):  # in the order they came
        restore_tap(name)
    Ledger(settings.state_dir).restore()
    firewall.remove()
    StateCache(settings.state_dir).path.unlink(missing_ok=True)
    kernel.close()
    with suppress(OSError):  # it is not there, or others keep files there
        settings.state_dir.rmdir()
