"""What long polls wait for: a host's desired state, and what has become of endpoints."""

from __future__ import annotations

from collections.abc import Mapping

from romana.server.watch import Watcher
from romana.store.state import HostGenerations, host_generations
from romana.store.statuses import Newest, newest_status
from romana.store.store import Store


class Watchers:
    """Everything that is watched. Each costs queries only while somebody waits for it."""

    def __init__(self, store: Store) -> None:
        self._hosts: Watcher[Mapping[str, HostGenerations]] = Watcher(store, host_generations)
        self._statuses: Watcher[Newest] = Watcher(store, newest_status)

    def start(self) -> None:
        """Belong to the running event loop."""
        self._hosts.start()
        self._statuses.start()

    def stop(self) -> None:
        """Let everyone go who waits, now and from now on."""
        self._hosts.stop()
        self._statuses.stop()

    async def host_is_not_at(self, host: str, generation: int, seconds: float) -> bool:
        """Whether the host's state has another generation, within that time. Raises UnavailableError.

        A host that does not exist counts as changed.
        """
        return await self._hosts.changed(
            lambda there: host not in there or there[host].has_state_after(generation), seconds
        )

    async def host_has_changes(self, host: str, state: int, members: int, seconds: float) -> bool:
        """As `host_is_not_at`; it is enough when the members of groups that it names have changed."""

        def is_news(there: Mapping[str, HostGenerations]) -> bool:
            known = there.get(host)
            return known is None or known.has_state_after(state) or known.has_members_after(members)

        return await self._hosts.changed(is_news, seconds)

    async def status_is_after(self, generation: int, seconds: float) -> bool:
        """Whether a status was set after that generation, within that time. Raises UnavailableError."""
        return await self._statuses.changed(lambda newest: newest.is_after(generation), seconds)
