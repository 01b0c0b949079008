"""The nodes of a stack, seen through romana-probe: one session a node, all probes asked at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from romana.models import Endpoint
from romana_install.verify.expect import Question
from romana_install.verify.session import ProbeError, Session

PROGRAM = "/opt/romana/current/bin/romana-probe"
ANSWER_WITHIN = 20.0  # seconds on top of what a request itself may take; a node that needs more is not well
SESSIONS_AT_ONCE = 16
MOST_HOPS = 4
NOTHING_CAME_BACK = {"outcome": "timeout"}


class Network:
    """Sessions to some of the nodes and the probes on them; methods block and may be called by several threads.

    What nodes fail to do is collected, see `take_problems`.
    """

    def __init__(self, ssh_command: Callable[..., list[str]], password: str = "") -> None:
        """password: what a command reads first, for sudo; empty for nothing."""
        self._password = password
        self._problems: list[str] = []
        self._ssh_command = ssh_command
        self._sessions: dict[str, Session] = {}

    def connect(self, nodes: Sequence[str]) -> None:
        """Start romana-probe on the nodes; does not wait for it."""
        for node in nodes:
            session = self._open(node)
            if session is not None:
                self._sessions[node] = session

    def close(self) -> None:
        """End all sessions; with them go all probes."""
        with ThreadPoolExecutor(SESSIONS_AT_ONCE) as pool:
            list(pool.map(Session.close, self._sessions.values()))

    def take_problems(self) -> list[str]:
        """What nodes failed to do since the last call, one line each."""
        taken, self._problems = self._problems, []
        return taken

    def ready(self) -> list[str]:
        """The nodes on which romana-probe answers; the others are among the problems."""
        answers = {node: session.send("facts") for node, session in self._sessions.items()}
        return [node for node, answer in answers.items() if self._result(answer) is not None]

    def attach(self, endpoints: Sequence[Endpoint], ports: Sequence[int]) -> list[Endpoint]:
        """Put a probe behind each endpoint, listening on TCP `ports`; the endpoints that have one then."""
        asked = []
        for endpoint in endpoints:
            attaching = self._send(endpoint, "attach", interface=endpoint.interface, mac=endpoint.mac)
            listening = self._send(endpoint, "listen", tcp=list(ports), udp=[])
            asked.append((endpoint, attaching, listening))
        return [
            endpoint
            for endpoint, attaching, listening in asked
            if self._result(attaching) is not None and self._result(listening) is not None
        ]

    def leases(self, endpoints: Sequence[Endpoint], timeout: float) -> list[dict[str, Any] | None]:
        """What DHCP gives each probe within `timeout` seconds; None (and a problem) where it gives nothing."""
        answers = [self._send(endpoint, "lease", timeout=timeout) for endpoint in endpoints]
        return [self._result(answer, timeout) for answer in answers]

    def ask(self, questions: Sequence[Question], timeout: float) -> list[dict[str, Any]]:
        """Put all questions at once, each may take `timeout` seconds; `reach` results in the same order."""
        by_source: dict[str, list[int]] = {}
        for number, question in enumerate(questions):
            by_source.setdefault(question.source.id, []).append(number)
        answers = []
        for numbers in by_source.values():
            targets = [questions[number].as_target() for number in numbers]
            answers.append(self._send(questions[numbers[0]].source, "reach", targets=targets, timeout=timeout))
        results: list[dict[str, Any]] = [NOTHING_CAME_BACK] * len(questions)
        for numbers, answer in zip(by_source.values(), answers, strict=True):
            for number, result in zip(numbers, self._result(answer, timeout) or [], strict=False):
                results[number] = result
        return results

    def trace(self, source: Endpoint, target: Endpoint, timeout: float) -> list[str | None]:
        """Who answers on the way from one probe to another, hop by hop."""
        answer = self._send(source, "traceroute", to=str(target.address), hops=MOST_HOPS, timeout=timeout)
        return self._result(answer, timeout) or []

    def ping_from_nodes(self, endpoints: Sequence[Endpoint], timeout: float) -> list[bool]:
        """Ping each endpoint from its own node; whether it answered."""
        answers = [self._ping(endpoint.host, str(endpoint.address), timeout) for endpoint in endpoints]
        return [self._has_answered(answer, timeout) for answer in answers]

    def ping(self, node: str, address: str, timeout: float) -> bool:
        """Ping an address from a node; whether it answered."""
        return self._has_answered(self._ping(node, address, timeout), timeout)

    def _ping(self, node: str, address: str, timeout: float) -> Future[Any]:
        return self._sessions[node].send("ping", to=address, count=1, timeout=timeout)

    def _has_answered(self, answer: Future[Any], timeout: float) -> bool:
        return bool((self._result(answer, timeout) or [NOTHING_CAME_BACK])[0]["outcome"] == "reply")

    def facts(self, nodes: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The facts of the nodes that tell them; a node without a session gets one for as long as it takes."""
        with ThreadPoolExecutor(SESSIONS_AT_ONCE) as pool:
            found = dict(zip(nodes, pool.map(self._facts_of, nodes), strict=True))
        return {node: facts for node, facts in found.items() if facts is not None}

    def _facts_of(self, node: str) -> Any:
        if node in self._sessions:
            return self._result(self._sessions[node].send("facts"))
        session = self._open(node)
        if session is None:
            return None
        try:
            return self._result(session.send("facts"))
        finally:
            session.close()

    def _open(self, node: str) -> Session | None:
        try:
            return Session(node, self._ssh_command(node, PROGRAM), self._password)
        except ProbeError as error:
            self._problems.append(str(error))
            return None

    def _send(self, endpoint: Endpoint, do: str, **fields: object) -> Future[Any]:
        return self._sessions[endpoint.host].send(do, probe=endpoint.name, **fields)

    def _result(self, answer: Future[Any], timeout: float = 0) -> Any:
        """The answer; None, and a problem noted, when there is none."""
        try:
            return answer.result(timeout + ANSWER_WITHIN)
        except ProbeError as error:
            self._problems.append(str(error))
        except TimeoutError:
            self._problems.append(f"no answer from romana-probe within {timeout + ANSWER_WITHIN:g} s")
        return None
