"""romana-setup as a process of its own that has its imports behind it: they are most of what a short command takes."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from romana_install.cli.main import main
from romana_install.cli.outlet import keep_going

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([f"romana_install.actions.{name}" for name in ("install", "show", "status", "uninstall")])


def run(words: Sequence[str], environment: Mapping[str, str], text: str = "") -> tuple[int, str, str]:
    """The exit code of a command, what it prints, and what it says of errors. text: its standard input."""
    with tempfile.TemporaryDirectory() as directory:
        files = [Path(directory, name) for name in ("input", "output", "errors")]
        for file, content in zip(files, (text, "", ""), strict=True):
            file.write_text(content)
        process = FORKS.Process(target=_become, args=(list(words), dict(environment), files))
        process.start()
        process.join()
        assert process.exitcode is not None
        return process.exitcode, files[1].read_text(), files[2].read_text()


def _become(words: list[str], environment: dict[str, str], files: list[Path]) -> None:
    """Be what `python -m romana_install` is."""
    os.environ.clear()
    os.environ.update(environment)
    for number, file in enumerate(files):
        stream = os.open(file, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_APPEND)
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.argv = ["romana-setup", *words]
    keep_going()
    sys.exit(main())
