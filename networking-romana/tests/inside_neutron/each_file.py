"""Runs files of tests, each in a process of its own that begins with a Neutron that runs, which is made once.

A program. It reads the names of files, one a line, and writes a line of JSON for each: {"status": pytest's exit
status, "output": what it said}. It ends with its input.
"""

import gc
import json
import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

import pytest
from neutron.tests.unit.plugins.ml2 import test_plugin

TESTS = Path(__file__).parent
OPTIONS = (
    *("--quiet", "--import-mode=importlib", "-p", "no:cacheprovider"),
    *("-c", os.devnull, "--rootdir", str(TESTS), "--confcutdir", str(TESTS)),
    *("-W", "ignore", "-W", "error::pytest.PytestUnraisableExceptionWarning"),
)
COMMON = "test_port_forwarding", "ForwardingTestCase"  # the tests of most files begin with this, or with a part of it
# Their tests need a Neutron with other plugins, or one each, or none: it is only imported where they begin.
APART = frozenset(("test_ipam.py", "test_neutrons_alone.py", "test_neutrons_own.py", "test_no_routers.py"))


def main():
    assert test_plugin  # imported for the processes to come
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is printed otherwise is no answer
    gc.freeze()  # nor need the processes look through it for garbage
    others = None
    for line in sys.stdin:
        file = line.rstrip("\n")
        if file in APART:
            status, output = run(file, sys.exit)
        else:
            others = others or begin()
            others.send(file)
            status, output = others.recv()
        print(json.dumps({"status": status, "output": output}), file=answers, flush=True)
    if others:
        others.close()
        os.wait()


def run(file, leave):
    """Run the tests of a file; pytest's exit status and what it said. The process that runs them leaves by `leave`."""
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        child = os.fork()
        if not child:
            for stream in (1, 2):
                os.dup2(output.fileno(), stream)
            status = pytest.main([*OPTIONS, str(TESTS / file)])
            sys.stdout.flush()
            leave(status)
        _, status = os.waitpid(child, 0)
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read()


def begin():
    """Start a process in which Neutron runs; a connection to it, which takes files and gives what `run` returns."""
    here, there = multiprocessing.Pipe()
    if not os.fork():
        here.close()
        serve(there)
        sys.exit()
    there.close()
    return here


def serve(connection):
    """What `begin` starts."""
    module, kind = COMMON
    # This imports it with pytest's assertions.
    status = pytest.main([*OPTIONS, "--quiet", "--collect-only", str(TESTS / (module + ".py"))])
    assert status == pytest.ExitCode.OK, "cannot import " + module
    beginning = sys.modules["inside_neutron.beginning"]
    beginning.of(getattr(sys.modules["inside_neutron." + module], kind))
    beginning.survive_forks()
    gc.freeze()
    try:
        while True:
            # Nothing of what the process finds is to be ended by it.
            done = run(connection.recv(), os._exit)
            beginning.romana_before_all().put_back()
            connection.send(done)
    except EOFError:
        return


if __name__ == "__main__":
    main()
