"""What an Ansible run tells while it runs, as facts: phase, task, failures, what changed. Pure.

A play is named "<phase>: <what>"; consecutive plays of one phase are one phase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

CAUSE_LINES = 6
CAUSE_WIDTH = 800  # characters of one of them
CUT = " ... "


@dataclass(frozen=True)
class Failure:
    """A task that failed on a host, and why, in a few lines."""

    phase: str
    host: str
    task: str
    cause: str


@dataclass
class AnsibleRun:
    """The state of a run, fed with the events of ansible-runner in their order."""

    phase: str = ""
    task: str = ""
    host: str = ""
    changed: int = 0
    tail: list[str] = field(default_factory=list)
    _play: str = ""
    _failures: list[tuple[str, Failure]] = field(default_factory=list)
    _told: dict[str, str] = field(default_factory=dict)

    def feed(self, event: dict[str, Any]) -> None:
        """Take one event in."""
        data = event.get("event_data") or {}
        match event.get("event"):
            case "playbook_on_play_start":
                self._play = str(data.get("name", "")).partition(":")[0].strip().lower()
            case "playbook_on_task_start" | "playbook_on_handler_task_start":
                # A play that finds no hosts, as that of an engine the stack does not have, has no task and is no phase.
                self.phase = self._play
                self.task, self.host = _task(data), ""
            case "runner_on_start" | "runner_on_ok" | "runner_on_skipped":
                self.host = str(data.get("host", ""))
            case "runner_on_failed" | "runner_on_unreachable":
                if not data.get("ignore_errors"):
                    failure = Failure(self.phase, str(data.get("host", "")), _task(data), cause(data.get("res") or {}))
                    self._failures.append((str(data.get("task_uuid", "")), failure))
            case "playbook_on_stats":
                self.changed = sum((data.get("changed") or {}).values())
            case "verbose" | "error" | "warning":
                self.tail = [*self.tail, *str(event.get("stdout", "")).splitlines()][-20:]

    def announcement(self, event: dict[str, Any]) -> str:
        """What a user is told meanwhile: what the module debug says, and what a task that follows a program sees it
        say; else empty.
        """
        data = event.get("event_data") or {}
        told = {"runner_on_ok": "msg", "runner_retry": "stdout"}.get(str(event.get("event")))
        if told is None or (told == "msg" and not str(data.get("task_action", "")).endswith("debug")):
            return ""
        return self._said(str(data.get("host", "")), str((data.get("res") or {}).get(told, "")))

    def _said(self, host: str, line: str) -> str:
        """A line of a host's, the first time."""
        if not line or self._told.get(host) == line:
            return ""
        self._told[host] = line
        return f"  {'this machine' if host == 'localhost' else host}: {line}"

    @property
    def failures(self) -> list[Failure]:
        """What ended a run that failed: the failures of its last failed task (earlier ones were rescued)."""
        if not self._failures:
            return []
        last = self._failures[-1][0]
        return [failure for task, failure in self._failures if task == last]


def cause(result: dict[str, Any]) -> str:
    """Why a task failed, from its result: a few lines."""
    failed = [item for item in result.get("results") or [] if isinstance(item, dict) and item.get("failed")]
    if failed:
        item = failed[0].get("_ansible_item_label", failed[0].get("item"))
        prefix = f"{item}: " if isinstance(item, str) else ""
        return prefix + cause(failed[0])
    if "censored" in result:
        return "its output is hidden, as it may hold secrets"
    message = str(result.get("msg") or "")
    output = str(result.get("stderr") or result.get("module_stderr") or result.get("stdout") or "")
    # A command's message says only that it failed; what it printed says why.
    if output.strip() and ("non-zero return code" in message or not message):
        lines = _lines(output)[-CAUSE_LINES:]  # a program says at its end why it ended
    else:
        lines = first_lines(_lines(message))
    return "\n".join(map(shortened, lines)) or "no reason given"


def first_lines(lines: Sequence[str]) -> list[str]:
    """As many of a message's lines as are shown. It begins with what was to be done. Pure."""
    more = len(lines) - CAUSE_LINES
    return [*lines[:CAUSE_LINES], *([f"... {more} more lines, in the log"] if more > 0 else [])]


def shortened(line: str) -> str:
    """A line as far as it is shown: where a sentence is too long, neither what nor why is left out. Pure."""
    if len(line) <= CAUSE_WIDTH:
        return line
    return f"{line[: CAUSE_WIDTH * 2 // 3 - len(CUT)]}{CUT}{line[-CAUSE_WIDTH // 3 :]}"


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _task(data: dict[str, Any]) -> str:
    return str(data.get("task") or data.get("name") or "")
