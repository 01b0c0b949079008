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
from romana.agent import connections, firewall, floating, status
from romana.agent.api import Server
from romana.agent.cache import StateCache
from romana.agent.config import AgentSettings
from romana.agent.desired import Desired
from romana.agent.dhcp import Dhcp, DhcpError
from romana.agent.faults import Received
from romana.agent.firewall import Firewall, FirewallError, Surroundings
from romana.agent.follow import Follower, Pauses
from romana.agent.net import Kernel, NetError
from romana.agent.others import Others
from romana.agent.plumbing import HOST, Change, Problem, Sysctl, front, interesting_sysctls, needed, plan
from romana.agent.report import Reporter
from romana.agent.sysctl import Ledger, restore_tap
from romana.agent.wanted import Wanted

log = logging.getLogger(__name__)

AUDIT = 60.0  # seconds; some parameters of the kernel change without an event
RELOAD = 10  # audits; everything is read anew, should an event ever have told us wrong
PASSES = 8  # a change may make the next one possible: interface, then address, then route


class Agent:
    """One host's agent."""

    def __init__(self, settings: AgentSettings) -> None:
        self._kernel = Kernel()
        self._routers = settings.routers
        self._firewall = Firewall(settings)
        self._dhcp = Dhcp(settings.run_dir)
        self._ledger = Ledger(settings.state_dir)
        self._cache = StateCache(settings.state_dir)
        self._reporter = Reporter(Server(settings))
        self._follower = Follower(Server(settings), self._received, self._unreadable)
        self._selector = selectors.DefaultSelector()
        self._others = Others()
        self._nft_events = firewall.watch()
        self._watched_dhcp: int | None = None
        self._wanted = Wanted()
        self._inbox: list[Received] = []
        self._unread = ""  # why the server's last answer could not be read
        self._cache_due = False
        self._kept = 0  # generation of the members that a start would begin with
        self._inbox_lock = threading.Lock()
        self._wake_in, self._wake_out = socket.socketpair()
        self._problems: list[Problem] = []  # of the last round
        self._report_due = False
        self._audits = 0
        self._stopping = False
        self._retry = Pauses()

    def run(self) -> None:
        """Until SIGTERM or SIGINT; everything stays in place then."""
        self._listen()
        self._kernel.load()
        kept = self._cache.load()
        if kept is not None and self._take_in(lambda: self._wanted.begin(kept)):
            self._kept = kept.members.generation if kept.members is not None else 0
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
            if dirty and self._wanted.desired is not None:
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

    def _received(self, received: Received) -> None:
        """From the follower's thread."""
        with self._inbox_lock:
            self._inbox.append(received)
            self._unread = ""
        self._wake()

    def _unreadable(self, why: str) -> None:
        """From the follower's thread."""
        with self._inbox_lock:
            self._unread = why
        self._wake()

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # it will wake anyway
            self._wake_out.send(b"s")

    def _woken(self) -> bool:
        with suppress(BlockingIOError):
            self._wake_in.recv(4096)
        with self._inbox_lock:
            inbox, self._inbox = self._inbox, []
            unread = self._unread
        if not inbox:
            return bool(unread)
        if not self._take_in(lambda: self._wanted.take_in(inbox)):
            return False
        self._reporter.resend()
        if any(received.state is not None for received in inbox):
            self._keep()
            return True
        return self._apply_members()

    def _apply_members(self) -> bool:
        """Have the firewall know who is in groups: nothing else depends on that. Returns whether there is more to do.

        Members come and go all the time. They are kept when they are in place: those of before may come back for a
        moment.
        """
        failures: list[Problem] = []
        self._apply_firewall(failures)
        if failures or self._cache_due:  # not as the server says: that is said when all is compared
            return True
        self._keep()
        self._report_due = True
        return False

    def _take_in(self, take: Callable[[], bool]) -> bool:
        """Have what has come be what must be. Returns whether it can be that."""
        before = self._wanted.desired
        try:
            if not take():
                return False
        except FieldError as error:
            log.error("the server's state contradicts its address plan (%s); see: romana ipam check", error)
            return False
        after = self._wanted.desired
        if before is not None and after is not None and before.endpoints is not after.endpoints:
            for name in {item.interface for item in before.endpoints} - {item.interface for item in after.endpoints}:
                restore_tap(name)
        return True

    def _keep(self) -> None:
        """Write down what must be: it is what a start of the agent begins with."""
        self._cache_due = False
        kept = self._wanted.kept()
        try:
            self._cache.store(kept)
            self._kept = kept.members.generation if kept.members is not None else 0
        except OSError as error:
            log.error("cannot write %s (%s); after a reboot this host would need the server", self._cache.path, error)

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
            self._kernel.read_proxies()
        self._kernel.announce_proxies()
        return True

    def _reconcile(self) -> bool:
        """Bring what there is to what there must be, and report. Returns whether something is to be tried again."""
        started = time.monotonic()
        failures: list[Problem] = []
        self._kernel.hear()
        self._apply_firewall(failures)
        wanted = self._wanted.desired
        if wanted is None:
            return False
        conflicts = self._apply_network(self._guarded(wanted) if failures else wanted, failures)
        conflicts += self._apply_dhcp(wanted, failures)
        self._say([*failures, *conflicts, *self._unlike_the_server()])
        self._report_due = True
        if self._cache_due:
            self._keep()
        log.debug("generation %d compared in %.3f s", wanted.generation, time.monotonic() - started)
        return bool(failures)

    def _report(self) -> None:
        self._report_due = False
        wanted = self._wanted.desired
        if wanted is not None:
            report = status.applied(
                wanted,
                self._kernel.observed,
                self._firewall.elements(),
                self._dhcp.answers,
                self._problems,
                self._routers,
                self._others.look(wanted),
                self._lasting_members(),
            )
            self._reporter.submit(report)

    def _lasting_members(self) -> int | None:
        """Generation of the members that are in place, and would be again after a restart; None: of none."""
        there = self._wanted.members_in_force
        return None if there is None else min(there, self._kept)

    def _apply_firewall(self, failures: list[Problem]) -> None:
        try:
            try:
                self._set_firewall()
            except FirewallError:
                if not self._wanted.hold_back(self._firewall.refusal):
                    raise
                self._set_firewall()
                self._cache_due = True
        except FirewallError as error:
            self._wanted.unsettle()
            failures.append(Problem("firewall", f"nft refuses: {error}; is another version of nft installed?"))
        else:
            self._end_connections(failures)

    def _set_firewall(self) -> None:
        """Raises FirewallError."""
        wanted = self._wanted.desired
        if wanted is None:
            return
        observed = self._kernel.observed
        there = Surroundings(
            present=frozenset(observed.names), needed=frozenset(needed(observed)), front=front(wanted, observed)
        )
        for said in self._firewall.apply(wanted, there):
            log.info(said)
        self._wanted.settle()

    def _end_connections(self, failures: list[Problem]) -> None:
        """End those by floating IPs of before.

        The kernel translates a connection as its first packet for as long as it tracks it. Nothing of such a one passes
        any more, so what goes on without a pause would never get anywhere again.
        """
        if not self._firewall.floats_changed:
            return
        now = floating.Translations.of(self._firewall.elements())
        try:
            ended = connections.forget(lambda one: floating.is_outdated(one, now)) if now.known else 0
        except OSError as error:
            failures.append(Problem("floating IPs", f"cannot end connections by those of before: {error.strerror}"))
            return
        self._firewall.floats_changed = False
        if ended:
            log.info("floating IPs: %d connections ended", ended)

    def _unlike_the_server(self) -> list[Problem]:
        """What of the server's is not put in place, and was not even tried."""
        faults = [Problem(fault.subject, fault.message) for fault in self._wanted.faults()]
        return [*faults, Problem("state", self._unread)] if self._unread else faults

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

    def _apply_dhcp(self, wanted: Desired, failures: list[Problem]) -> list[Problem]:
        """Returns what stands in the way."""
        try:
            for said in self._dhcp.apply(wanted):
                log.info("dhcp: %s", said)
        except (DhcpError, OSError) as error:
            failures.append(Problem("dhcp", str(error)))
        self._watch_dhcp(self._dhcp.handle)
        return [
            Problem(
                item.subject, f"its DHCP options are not given, as dnsmasq refuses them: {self._dhcp.refused[item.id]}"
            )
            for item in wanted.endpoints
            if item.id in self._dhcp.refused
        ]

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
