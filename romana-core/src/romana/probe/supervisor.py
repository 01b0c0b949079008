"""The process that is spoken to: JSON lines in, JSON lines out, one worker process for each probe.

Request:  {"id": 1, "do": "attach", "probe": "p1", "interface": "tap0123456789a", "mac": "fa:16:3e:00:00:01"}
Answer:   {"id": 1, "ok": true, "result": {...}} or {"id": 1, "ok": false, "error": "one sentence"}
Answers come in the order things finish. Commands without "probe" run in the node's own namespace.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from romana.probe import worker

NODE = ""  # the name of the worker that stays in the node's namespace

Request = dict[str, Any]


@dataclass
class _Child:
    pid: int
    channel: socket.socket
    waiting: set[object] = field(default_factory=set)  # ids of the requests it has not answered
    unfinished: bytes = b""  # the beginning of a line


class Supervisor:
    """Starts, feeds and ends the workers."""

    def __init__(self) -> None:
        self._children: dict[str, _Child] = {}
        self._selector = selectors.PollSelector()  # epoll refuses a file as standard input
        self._unfinished = b""

    def serve(self) -> None:
        """Answer requests until standard input ends. The workers end with this process."""
        self._selector.register(0, selectors.EVENT_READ, None)
        while True:
            for key, _ in self._selector.select():
                if key.data is not None:
                    self._from_child(key.data)
                elif not self._from_input():
                    return

    def _from_input(self) -> bool:
        data = os.read(0, 1 << 16)
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        for line in lines:
            if line.strip():
                self._request(line)
        return bool(data)

    def _request(self, line: bytes) -> None:
        try:
            request = json.loads(line)
            request_id, command = request["id"], request["do"]
            name = str(request.get("probe", NODE))
        except (ValueError, KeyError, TypeError, AttributeError):
            _answer(None, error="a request is one line of JSON: an object with id, do and, for a probe, probe")
            return
        if command == "attach":
            self._attach(request, name)
        elif command == "detach":
            self._detach(request_id, name)
        elif name == NODE and NODE not in self._children:
            self._fork(NODE, None)
            self._forward(request, line)
        elif name in self._children:
            self._forward(request, line)
        else:
            _answer(request_id, error=f"no probe {name!r} is attached")

    def _forward(self, request: Request, line: bytes) -> None:
        child = self._children[str(request.get("probe", NODE))]
        child.waiting.add(request["id"])
        with suppress(OSError):  # when it has ended, reading from it will say so and answer what waits
            child.channel.sendall(line + b"\n")

    def _attach(self, request: Request, name: str) -> None:
        missing = [key for key in ("probe", "interface", "mac") if not request.get(key)]
        if missing:
            _answer(request["id"], error=f"attach needs {' and '.join(missing)}")
        elif name in self._children:
            _answer(request["id"], error=f"probe {name!r} is attached already")
        else:
            self._fork(name, request).waiting.add(request["id"])

    def _detach(self, request_id: object, name: str) -> None:
        if name not in self._children:
            _answer(request_id, error=f"no probe {name!r} is attached")
            return
        self._end(name)
        _answer(request_id, result=None)

    def _fork(self, name: str, attach: Request | None) -> _Child:
        ours, theirs = socket.socketpair()
        parent = os.getpid()
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._leave_to_parent()
            worker.main_of_child(theirs, name or "node", attach, parent)
        theirs.close()
        child = _Child(pid, ours)
        self._children[name] = child
        self._selector.register(ours, selectors.EVENT_READ, name)
        return child

    def _leave_to_parent(self) -> None:
        """In a new worker: give up what is the parent's, so that only the parent keeps it open."""
        self._selector.close()
        for child in self._children.values():
            child.channel.close()
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        os.close(nothing)

    def _from_child(self, name: str) -> None:
        child = self._children.get(name)
        if child is None:  # ended in this very round
            return
        try:
            data = child.channel.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            self._end(name)
            return
        *lines, child.unfinished = (child.unfinished + data).split(b"\n")
        for line in lines:
            child.waiting.discard(json.loads(line)["id"])
            _write(line)

    def _end(self, name: str) -> None:
        """Have the worker end, wait until the kernel has taken its devices away, answer what it left open."""
        child = self._children.pop(name)
        self._selector.unregister(child.channel)
        child.channel.close()
        os.waitpid(child.pid, 0)
        for request_id in child.waiting:
            _answer(request_id, error=f"probe {name!r} has ended")


def _answer(request_id: object, **outcome: object) -> None:
    _write(json.dumps({"id": request_id, "ok": "error" not in outcome} | outcome).encode())


def _write(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def main() -> int:
    """Serve requests on standard input until it ends. Returns the exit code."""
    if len(sys.argv) > 1:
        print("usage: romana-probe   (as root; JSON lines on standard input, see the documentation)", file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("romana-probe: must run as root, it makes network devices", file=sys.stderr)
        return 1
    try:
        Supervisor().serve()
    except (KeyboardInterrupt, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nobody reads any more; be quiet about it at exit
    return 0
