#!/usr/bin/env python3
"""Runs DevStack's stack.sh when, and only when, what it would make is not there.

That stack.sh has succeeded is known by its exit status alone: its other traces are made early. So a marker, a digest
of everything that goes into a stack, is written after an exit status of 0 and removed before each run. Over a running
stack stack.sh would drop the databases and then fail: unstack.sh goes first.

Run as the user who owns DevStack. It prints `unchanged`, or `stacked in N s`; on failure it says on its standard error
what failed and where the log is, and its exit status is 1. With --follow it runs nothing: it waits some seconds for
another of its kind, and prints what stack.sh said last; nothing, once nobody is at work. With --outlook it runs
nothing either, and prints whether it would `keep` a stack, make one (`stack`), or `replace` one that is complete.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import hashlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

KEEP, STACK, RESTACK = "keep", "stack", "unstack and stack"
PATIENCE = 20  # seconds that stack.sh may take to end when it is told to
GLANCE = 5  # seconds between two looks of who follows
PR_SET_PDEATHSIG = 1  # linux/prctl.h
RUNNING = "active,activating,reloading"

STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \| ")
COLOUR = re.compile(r"\x1b\[[0-9;]*m|\x1b\(B")
# bash's trace: in newer releases with file, function and line before the command.
TRACE = re.compile(r"^(?P<depth>\++) ?(?:(?P<where>[^\s:]+:(?P<function>[^\s:]+):\d+)\s*:\s+)?(?P<command>.*)$")
ASSIGNMENT = re.compile(r"^\w+=\S*$")
CALL = re.compile(r"^\S+:\d+:\S+$")
END = ("err_trap", "exit_trap")
# How DevStack reports, which is not what has failed.
REPORTING = ("die", "err", "backtrace")
REPORTED = re.compile(r"^(local exitcode=|local r=|set \+o xtrace|local line=|shift$)")


class StackError(Exception):
    """The stack could not be made; the text says what failed, in a few lines."""


@dataclass(frozen=True)
class Paths:
    """devstack: the checkout; marker: written on success; log: LOGFILE of local.conf; inputs: what makes the stack."""

    devstack: Path
    marker: Path
    log: Path
    inputs: tuple[Path, ...]


@dataclass
class Failure:
    """What a log says: the last command with its place and depth of subshells, and what was said about it."""

    depth: int = 0
    where: str = ""
    command: str = ""
    messages: list[str] = field(default_factory=list)


def decide(marker: str, wanted: str, running: bool) -> str:
    """What to do. marker: what the last successful run made, empty when there is none; wanted: what there shall be."""
    if marker == wanted:
        return KEEP
    return RESTACK if running else STACK


def digest(commit: str, inputs: Iterable[Path]) -> str:
    """Tells one stack from another: over DevStack's commit and all files of the inputs, with their names."""
    made = hashlib.sha256(commit.encode())
    for path in inputs:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                name = file.relative_to(path.parent)
                made.update(b"\0%s\0" % os.fsencode(name) + hashlib.sha256(file.read_bytes()).digest())
    return made.hexdigest()


def explain(lines: Iterable[str]) -> Failure:
    """What failed, as the trace of a run tells: the last command before DevStack's own traps."""
    failure = Failure()
    for raw in lines:
        line = COLOUR.sub("", STAMP.sub("", raw)).rstrip()
        trace = TRACE.match(line)
        if trace is None:
            if line and line != "[Call Trace]" and not CALL.match(line):
                failure.messages.append(line)
            continue
        function, command, depth = trace["function"], trace["command"], len(trace["depth"])
        if function in END or command.startswith(END):
            break
        if function in REPORTING or REPORTED.match(command):
            continue
        # What fails in x=$(command) is the command, and the assignment comes after it.
        if not (ASSIGNMENT.match(command) and depth < failure.depth):
            failure = Failure(depth, trace["where"] or "", command)
    errors = [message for message in failure.messages if "[ERROR]" in message]
    failure.messages = errors or failure.messages[-3:]
    return failure


def outlook(paths: Paths) -> str:
    """What a run would do, in a word. Raises StackError."""
    marker, wanted = _there(paths), _wanted(paths)
    if marker == wanted:
        return "keep"
    return "replace" if marker else "stack"


def run(paths: Paths) -> str:
    """Have the stack; returns what has been done. Raises StackError."""
    wanted = _wanted(paths)
    decision = decide(_there(paths), wanted, _is_running())
    if decision == KEEP:
        return "unchanged"
    paths.marker.unlink(missing_ok=True)
    started = time.time()
    if decision == RESTACK:
        _unstack(paths)
    status = _start(paths, "stack.sh")
    if status:
        raise StackError(_report(paths, status, started))
    _write(paths.marker, wanted)
    return f"stacked in {time.time() - started:.0f} s"


def _there(paths: Paths) -> str:
    """What the last successful run has made; empty when there is none."""
    return paths.marker.read_text().strip() if paths.marker.exists() else ""


def _wanted(paths: Paths) -> str:
    return digest(_commit(paths.devstack), paths.inputs)


def _commit(devstack: Path) -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=devstack, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StackError(f"{devstack} is no checkout of DevStack: {done.stderr.strip()}")
    return done.stdout.strip()


def _is_running() -> bool:
    """Whether there are processes of a stack: systemd's units, or a screen session in old releases."""
    units = _output("systemctl", "list-units", "--plain", "--no-legend", f"--state={RUNNING}", "devstack@*")
    return bool(units.strip()) or re.search(r"\d\.stack\b", _output("screen", "-ls")) is not None


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""


def _unstack(paths: Paths) -> None:
    # Who follows looks where stack.sh's summary is, and the last one's is still there.
    said = _printed(paths, "stack.sh")
    said.parent.mkdir(parents=True, exist_ok=True)
    with open(said, "w", opener=_private) as file:
        file.write("unstack.sh takes down the stack that is there\n")
    _start(paths, "unstack.sh")
    # Its exit status says nothing: it is that of whatever it looked for last.
    if _is_running():
        raise StackError(f"unstack.sh left services running\n  log: {_printed(paths, 'unstack.sh')}")


def _start(paths: Paths, script: str) -> int:
    """Run one of DevStack's scripts to its end; its exit status, negative for a signal."""
    output = _printed(paths, script)
    output.parent.mkdir(parents=True, exist_ok=True)
    with open(output, "wb", opener=_private) as file:
        process = subprocess.Popen(
            [paths.devstack / script],
            cwd=paths.devstack,
            stdin=subprocess.DEVNULL,  # it asks for what local.conf lacks
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_us,
        )
        try:
            return process.wait()
        finally:
            _end(process)


def _private(path: str, flags: int) -> int:
    """For open(): what a script prints of its variables are also passwords."""
    return os.open(path, flags, 0o600)


def _end_with_us() -> None:
    """Have a script end when we are killed: the next run must not find it at work."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a script that is still running, with what it has started in the foreground."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with contextlib.suppress(OSError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)


def _printed(paths: Paths, script: str) -> Path:
    """Where what a script prints goes: of stack.sh its summary, while the whole is in its log."""
    return paths.log.parent / f"{script}.out"


def _report(paths: Paths, status: int, started: float) -> str:
    log = _log_since(paths, started)
    with log.open(errors="replace") as file:
        failure = explain(file)
    how = f"exit status {status}" if status > 0 else f"ended by signal {-status}"
    lines = [f"stack.sh failed after {time.time() - started:.0f} s: {how}"]
    if failure.command:
        lines.append(f"  at: {failure.where + ': ' if failure.where else ''}{failure.command}")
    lines += [f"  {message}" for message in failure.messages]
    return "\n".join([*lines, f"  log: {log}"])


def _log_since(paths: Paths, started: float) -> Path:
    """The log of this run; what it printed when it did not come to write one."""
    logs = [path for path in paths.log.parent.glob(f"{paths.log.name}.*") if ".summary" not in path.name]
    recent = [path for path in logs if not path.is_symlink() and path.stat().st_mtime >= started - 1]
    return max(recent, key=lambda path: path.stat().st_mtime, default=_printed(paths, "stack.sh"))


def _write(path: Path, text: str) -> None:
    """All of it or nothing, also when the machine fails."""
    unfinished = path.with_name(f"{path.name}.new")
    with unfinished.open("w") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock, with our process id in it. Raises StackError: somebody else does."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError("stack.sh is already being run here; wait for it, or end it") from None
        file.truncate(0)
        file.write(f"{os.getpid()}")
        file.flush()
        yield
        file.truncate(0)


def follow(paths: Paths) -> str:
    """What stack.sh has said last; empty when nobody runs it, or does not any more after a short while."""
    try:
        process = os.pidfd_open(int(_lock(paths).read_text()))
    except (OSError, ValueError):
        return ""
    try:
        over, _, _ = select.select([process], [], [], GLANCE)
    finally:
        os.close(process)
    return "" if over else _last_line(_printed(paths, "stack.sh"))


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    said = (STAMP.sub("", line).strip() for line in reversed(lines) if not TRACE.match(line))
    return next(filter(None, said), "stack.sh begins")


def _lock(paths: Paths) -> Path:
    return paths.marker.with_name(f"{paths.marker.name}.lock")


def _raise_exit(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def main() -> int:
    """The command line; see the top of this file."""
    parser = argparse.ArgumentParser(description="Runs stack.sh unless what it would make is there.")
    parser.add_argument("--devstack", type=Path, required=True, help="checkout of DevStack")
    parser.add_argument("--marker", type=Path, required=True, help="file that says which stack there is")
    parser.add_argument("--log", type=Path, required=True, help="LOGFILE of local.conf")
    parser.add_argument("--input", type=Path, action="append", default=[], help="file or directory that makes a stack")
    parser.add_argument("--follow", action="store_true", help="wait for one that runs, and say what stack.sh said last")
    parser.add_argument("--outlook", action="store_true", help="only say what would be done: keep, stack or replace")
    options = parser.parse_args()
    paths = Paths(options.devstack, options.marker, options.log, tuple(options.input))
    if options.follow:
        print(follow(paths))
        return 0
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _raise_exit)
    try:
        if options.outlook:
            print(outlook(paths))
            return 0
        with _alone(_lock(paths)):
            print(run(paths))
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
