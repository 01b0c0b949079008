"""Runs files of tests, each in a process of its own that begins with Neutron imported, which is done once.

A program. It reads the names of files, one a line, and writes a line of JSON for each: {"status": pytest's exit
status, "output": what it said}. It ends with its input.
"""

import gc
import json
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


def run(file):
    """Run the tests of a file; its exit status and what it said. The process that runs them leaves with SystemExit."""
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        child = os.fork()
        if not child:
            for stream in (1, 2):
                os.dup2(output.fileno(), stream)
            sys.exit(pytest.main([*OPTIONS, str(TESTS / file)]))
        _, status = os.waitpid(child, 0)
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read()


def main():
    assert test_plugin  # imported for the processes to come
    gc.freeze()  # nor need they look through it for garbage
    for line in sys.stdin:
        status, output = run(line.rstrip("\n"))
        print(json.dumps({"status": status, "output": output}), flush=True)


if __name__ == "__main__":
    main()
