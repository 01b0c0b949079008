"""The loop: observe, compare, apply; whenever something may have changed, and never otherwise.

Order is what keeps traffic safe: a tap is guarded before it gets its route, and loses its route before its guard.
"""

from __future__ import annotations

import dataclasses
import errno
import gc
import logging
import selectors
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from romana import systemd
from romana.addressing import FieldError
from romana.agent import firewall, status
from romana.agent.api import Server
from romana.agent.cache import StateCache
from romana.agent.config import AgentSettings
from romana.agent.desired import Desired, desired
from romana.agent.dhcp import Dhcp, DhcpError
from romana.agent.firewall import Firewall, FirewallError
from romana.agent.follow import Follower, Pauses
from romana.agent.net import Kernel, NetError
from romana.agent.others import Others
from romana.agent.plumbing import HOST, Change, Problem, Sysctl, interesting_sysctls, plan
from romana.agent.report import Reporter
from romana.agent.sysctl import Ledger, restore_tap
from romana.models import HostState

log = logging.getLogger(__name__)

AUDIT = 60.0  # seconds; some parameters of the kernel change without an event
RELOAD = 10  # audits; everything is read anew, should an event ever have told us wrong
PASSES = 8  # a change may make the next one possible: interface, then address, then route


class Agent:
    """One host's agent."""

    def __init__(self, settings: AgentSettings) -> None:
        self._kernel = Kernel()
        self._routers = settings.routers
        self._firewall = Firewall(settings.metadata, settings.consoles, settings.routers)
        self._dhcp = Dhcp(settings.run_dir)
        self._ledger = Ledger(settings.state_dir)
        self._cache = StateCache(settings.state_dir)
        self._reporter = Reporter(Server(settings))
        self._follower = Follower(Server(settings), self._received)
        self._selector = selectors.DefaultSelector()
        self._others = Others()
        self._nft_events = firewall.watch()
        self._watched_dhcp: int | None = None
        self._inbox: HostState | None = None
        self._inbox_lock = threading.Lock()
        self._wake_in, self._wake_out = socket.socketpair()
        self._desired: Desired | None = None
        self._problems: list[Problem] = []  # of the last round
        self._report_due = False
        self._audits = 0
        self._stopping = False
        self._retry = Pauses()

    def run(self) -> None:
        """Until SIGTERM or SIGINT; everything stays in place then."""
        self._listen()
        self._kernel.load()
        state = self._cache.load()
        if state is not None:
            self._accept(state)
            self._reconcile()
        systemd.notify("READY=1")
        gc.collect()  # what has been read stays: the collector need not walk it while a tap waits
        gc.freeze()
        self._follower.start()
        self._reporter.start()
        self._loop()
        self._follower.end()
        self._reporter.end()

    def _loop(self) -> None:
        audit = time.monotonic() + AUDIT
        retry: float | None = time.monotonic()  # what failed with the cached state, if anything
        while not self._stopping:
            now = time.monotonic()
            until = min(audit, retry) if retry is not None else audit
            dirty = False
            ready = self._selector.select(0 if self._report_due else max(0.0, until - now))
            if not ready and self._report_due:  # no hurry: first what there is to do
                self._report()
                continue
            for key, _ in ready:
                handler: Callable[[], bool] = key.data
                dirty = handler() or dirty
            now = time.monotonic()
            if now >= audit:
                audit = now + AUDIT
                dirty = self._audit()
            if retry is not None and now >= retry:
                dirty = True
            if dirty and self._desired is not None:
                failed = self._reconcile()
                retry = time.monotonic() + self._retry.next() if failed else None
                if not failed:
                    self._retry.reset()

    def _listen(self) -> None:
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.set_wakeup_fd(self._wake_out.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._wake_in, selectors.EVENT_READ, self._woken)
        self._selector.register(self._kernel, selectors.EVENT_READ, self._kernel.hear)
        self._selector.register(self._nft_events, selectors.EVENT_READ, self._hear_firewall)

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _received(self, state: HostState) -> None:
        """From the follower's thread."""
        with self._inbox_lock:
            self._inbox = state
        with suppress(BlockingIOError):  # it will wake anyway
            self._wake_out.send(b"s")

    def _woken(self) -> bool:
        with suppress(BlockingIOError):
            self._wake_in.recv(4096)
        with self._inbox_lock:
            state, self._inbox = self._inbox, None
        if state is None:
            return False
        self._reporter.resend()
        if not self._accept(state):
            return False
        try:
            self._cache.store(state)
        except OSError as error:
            log.error("cannot write %s (%s); after a reboot this host would need the server", self._cache.path, error)
        return True

    def _accept(self, state: HostState) -> bool:
        before = self._desired
        try:
            self._desired = desired(state)
        except FieldError as error:
            log.error("the server's state contradicts its address plan (%s); see: romana ipam check", error)
            return False
        if before is not None:
            for name in {item.interface for item in before.endpoints} - {
                item.interface for item in self._desired.endpoints
            }:
                restore_tap(name)
        return True

    def _hear_firewall(self) -> bool:
        touched = False
        while True:
            try:
                data = self._nft_events.recv(1 << 20)
            except BlockingIOError:
                return touched
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._firewall.distrust()
                self._others.distrust()
                touched = True
            else:
                touched = self._firewall.hear(data) or touched
                if self._firewall.others_changed:
                    self._firewall.others_changed = False
                    self._others.distrust()
                    self._report_due = True

    def _dhcp_ended(self) -> bool:
        log.warning("dnsmasq ended; it is started again")
        self._watch_dhcp(None)
        return True

    def _audit(self) -> bool:
        self._audits += 1
        self._others.distrust_unheard()
        if self._audits % RELOAD == 0:
            self._firewall.distrust()
            self._others.distrust()
            self._kernel.load()
        else:
            self._kernel.observed.sysctls.clear()
        return True

    def _reconcile(self) -> bool:
        """Bring what there is to what there must be, and report. Returns whether something is to be tried again."""
        wanted = self._desired
        if wanted is None:
            return False
        started = time.monotonic()
        failures: list[Problem] = []
        self._kernel.hear()
        self._apply_firewall(wanted, failures)
        conflicts = self._apply_network(self._guarded(wanted) if failures else wanted, failures)
        self._apply_dhcp(wanted, failures)
        self._say([*failures, *conflicts])
        self._report_due = True
        log.debug("generation %d compared in %.3f s", wanted.generation, time.monotonic() - started)
        return bool(failures)

    def _report(self) -> None:
        self._report_due = False
        if self._desired is not None:
            report = status.applied(
                self._desired,
                self._kernel.observed,
                self._firewall.elements(),
                self._dhcp.answers,
                self._problems,
                self._routers,
                self._others.look(self._desired),
            )
            self._reporter.submit(report)

    def _apply_firewall(self, wanted: Desired, failures: list[Problem]) -> None:
        try:
            for said in self._firewall.apply(wanted, frozenset(self._kernel.observed.names)):
                log.info(said)
        except FirewallError as error:
            failures.append(Problem("firewall", f"nft refuses: {error}; is another version of nft installed?"))

    def _guarded(self, wanted: Desired) -> Desired:
        """The same with only those endpoints whose taps the firewall guards: the others get no route."""
        guarded = self._firewall.elements().get("taps", frozenset())
        endpoints = tuple(item for item in wanted.endpoints if (item.interface,) in guarded)
        return dataclasses.replace(wanted, endpoints=endpoints)

    def _apply_network(self, wanted: Desired, failures: list[Problem]) -> list[Problem]:
        """Returns what stands in the way."""
        kernel = self._kernel
        failed: dict[Change, str] = {}
        for _ in range(PASSES):
            kernel.hear()
            kernel.read_sysctls(interesting_sysctls(wanted, kernel.observed))
            planned = plan(wanted, kernel.observed, self._routers)
            todo = [change for change in planned.changes if change not in failed]
            for change in todo:
                if reason := self._apply_change(change):
                    failed[change] = reason
            if not todo:
                break
        failures.extend(
            Problem(change.subject, f"{change.text}: {failed[change]}")
            for change in planned.changes
            if change in failed
        )
        return planned.problems

    def _apply_change(self, change: Change) -> str:
        """Returns why it failed; nothing when it did not."""
        started = time.monotonic()
        try:
            if isinstance(change.thing, Sysctl) and change.thing.owner == HOST:
                self._ledger.remember()
            self._kernel.apply(change)
        except (NetError, OSError) as error:
            return str(error)
        log.info("%s: %s (%.4f s)", change.subject, change.text, time.monotonic() - started)
        return ""

    def _apply_dhcp(self, wanted: Desired, failures: list[Problem]) -> None:
        try:
            for said in self._dhcp.apply(wanted):
                log.info("dhcp: %s", said)
        except (DhcpError, OSError) as error:
            failures.append(Problem("dhcp", str(error)))
        self._watch_dhcp(self._dhcp.handle)

    def _watch_dhcp(self, handle: int | None) -> None:
        if self._watched_dhcp == handle:
            return
        if self._watched_dhcp is not None:
            self._selector.unregister(self._watched_dhcp)
        if handle is not None:
            self._selector.register(handle, selectors.EVENT_READ, self._dhcp_ended)
        self._watched_dhcp = handle

    def _say(self, problems: list[Problem]) -> None:
        for problem in problems:
            if problem not in self._problems:
                log.error("%s: %s", problem.subject, problem.message)
        for problem in self._problems:
            if problem not in problems:
                log.info("%s: no longer a problem: %s", problem.subject, problem.message)
        self._problems = problems
