"""The order in which threads get the lock."""

from __future__ import annotations

import os
import threading

from romana.store.turns import Turns

from ..server.romana_server import wait_until

THREADS = 8


def test_threads_get_it_in_the_order_in_which_they_asked() -> None:
    turns = Turns()
    order: list[int] = []

    def take(number: int) -> None:
        with turns:
            order.append(number)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(THREADS)]
    with turns:
        for number, thread in enumerate(threads):
            thread.start()
            wait_until(lambda waiting=number + 1: len(turns._waiting) == waiting, f"thread {number} waits")
    with turns:  # behind all of them
        order.append(THREADS)
    for thread in threads:
        thread.join()
    assert order == list(range(THREADS + 1))


def test_one_at_a_time_has_it() -> None:
    turns = Turns()
    inside: list[int] = []
    most: list[int] = []

    def take(number: int) -> None:
        for _ in range(200):
            with turns:
                inside.append(number)
                os.sched_yield()  # lets the others in, if they can
                most.append(len(inside))
                inside.remove(number)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * (200 * THREADS)
