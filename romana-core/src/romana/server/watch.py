"""Tells long polls when their host's desired state has changed, whichever server process changed it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from romana.store.errors import UnavailableError
from romana.store.state import host_generations
from romana.store.store import Store

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.15  # how late a change by another process is seen
REST_SECONDS = 0.01  # between two looks, however much this process writes


@dataclass(eq=False)
class _Waiter:
    host: str
    after: int
    woken: asyncio.Future[bool]


class Watcher:
    """Looks at the generations of all hosts with one query, only while somebody waits. Belongs to one event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiters: set[_Waiter] = set()
        self._poked = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._stopped = False
        self._loop: asyncio.AbstractEventLoop | None = None
        store.database.on_write(self._poke)

    def start(self) -> None:
        """Belong to the running event loop."""
        self._loop = asyncio.get_running_loop()

    def stop(self) -> None:
        """Let everyone go who waits, now and from now on."""
        self._stopped = True
        for waiter in self._waiters:
            _wake(waiter, False)

    async def changed(self, host: str, after: int, seconds: float) -> bool:
        """Whether the host's generation is another than `after`, within that time. Raises UnavailableError.

        Another, not only a higher one: a database that was set back has to be followed, too. A host that does not
        exist has no generation, so it counts as changed.
        """
        assert self._loop is not None, "start() first"
        waiter = _Waiter(host, after, self._loop.create_future())
        # It waits before it looks, so it misses no change in between.
        self._waiters.add(waiter)
        try:
            generations = await run_in_threadpool(host_generations, self._store)
            if generations.get(host) != after:
                return True
            if self._stopped or seconds <= 0:
                return False
            if self._looking is None or self._looking.done():
                self._looking = self._loop.create_task(self._look())
            return await asyncio.wait_for(waiter.woken, seconds)
        except TimeoutError:
            return False
        finally:
            self._waiters.discard(waiter)

    def _poke(self) -> None:
        """This process has written something. Called in any thread."""
        if self._loop is not None and self._waiters:
            self._loop.call_soon_threadsafe(self._poked.set)

    async def _look(self) -> None:
        while self._waiters and not self._stopped:
            self._poked.clear()
            there = tuple(self._waiters)  # whoever comes while the query runs has seen something newer
            try:
                generations = await run_in_threadpool(host_generations, self._store)
            except UnavailableError as error:
                log.warning("%s; whoever waits for a change goes on waiting", error.message)
            else:
                _wake_changed(there, generations)
            await asyncio.sleep(REST_SECONDS)
            try:
                await asyncio.wait_for(self._poked.wait(), LOOK_SECONDS)
            except TimeoutError:
                continue


def _wake_changed(waiters: tuple[_Waiter, ...], generations: Mapping[str, int]) -> None:
    for waiter in waiters:
        if generations.get(waiter.host) != waiter.after:
            _wake(waiter, True)


def _wake(waiter: _Waiter, changed: bool) -> None:
    if not waiter.woken.done():
        waiter.woken.set_result(changed)
