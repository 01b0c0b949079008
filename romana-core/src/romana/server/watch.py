"""Tells long polls when what they wait for has changed, whichever server process changed it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

from romana.store.errors import UnavailableError
from romana.store.store import Store

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.15  # how late a change by another process is seen
REST_SECONDS = 0.01  # between two looks, however much this process writes

T = TypeVar("T")


@dataclass(eq=False)
class _Waiter(Generic[T]):
    is_news: Callable[[T], bool]
    woken: asyncio.Future[bool]


class Watcher(Generic[T]):
    """Looks with one query for all who wait, only while somebody waits. Belongs to one event loop.

    Args:
        store: where others write.
        look: the query; it raises UnavailableError.
    """

    def __init__(self, store: Store, look: Callable[[Store], T]) -> None:
        self._store = store
        self._look_at = look
        self._waiters: set[_Waiter[T]] = set()
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

    async def changed(self, is_news: Callable[[T], bool], seconds: float) -> bool:
        """Whether a look finds what `is_news` says is new, within that time. Raises UnavailableError."""
        assert self._loop is not None, "start() first"
        waiter = _Waiter(is_news, self._loop.create_future())
        # It waits before it looks, so it misses no change in between.
        self._waiters.add(waiter)
        try:
            if is_news(await run_in_threadpool(self._look_at, self._store)):
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
                found = await run_in_threadpool(self._look_at, self._store)
            except UnavailableError as error:
                log.warning("%s; whoever waits for a change goes on waiting", error.message)
            else:
                for waiter in there:
                    if waiter.is_news(found):
                        _wake(waiter, True)
            await asyncio.sleep(REST_SECONDS)
            try:
                await asyncio.wait_for(self._poked.wait(), LOOK_SECONDS)
            except TimeoutError:
                continue


def _wake(waiter: _Waiter[T], changed: bool) -> None:
    if not waiter.woken.done():
        waiter.woken.set_result(changed)
