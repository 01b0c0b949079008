"""What all tests need."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import layers
import places
import pytest
import run_cache
import timetable
from hypothesis import settings

sys.path.insert(
    0, str(Path(__file__).parent)
)  # the collection's plugins are importable as `plugins`, as mypy sees them

TESTS = [Path(__file__).parent / folder for folder in ("tests", "romana-core/tests", "networking-romana/tests")]
BY_NAME = 3 * 3600  # seconds for a test of a layer that runs only by name, and all that is made for it
HELD = pytest.StashKey[int]()
LEFT_OUT = pytest.StashKey[set[str]]()
# What tests share asserts, too: show values there as well.
pytest.register_assert_rewrite(*{path.stem for tests in TESTS for path in tests.rglob("*.py")} - sys.modules.keys())


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take what is ours on the command line."""
    parser.addoption(
        "--long",
        choices=("without", "also", "only"),
        default="without",
        help="whether to run cases that are marked long",
    )
    parser.addoption("--timetable", type=Path, help="write here, as JSON, how long each layer took")


def pytest_configure(config: pytest.Config) -> None:
    """Give Ctrl-C its meaning back: a shell that starts us in the background has it ignored, by our children too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # How long an example takes is the machine's affair.
    settings.register_profile("romana", deadline=None)
    settings.load_profile("romana")
    config.addinivalue_line("markers", "long(why): takes minutes, and runs only with --long=also or only")
    config.stash[LEFT_OUT] = set()
    if not hasattr(config, "workerinput"):
        config.stash[HELD] = places.hold()
    if _begins_with_nothing(config):
        run_cache.begin()


def _begins_with_nothing(config: pytest.Config) -> bool:
    is_worker = hasattr(config, "workerinput")
    return not is_worker and any(layers.layer_of(name) == "first" for name in config.args)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long, unless it is asked for; or all else. Let layers that are named take their time."""
    for item in items:
        layer = layers.layer_of(item.nodeid)
        if layer is not None and layers.LAYERS[layer].by_name:
            item.add_marker(pytest.mark.timeout(BY_NAME))
    if config.option.long == "also":
        return
    only = config.option.long == "only"
    chosen, others = [], []
    for item in items:
        is_long = item.get_closest_marker("long") is not None
        (chosen if is_long == only else others).append(item)
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = chosen
    if not only:
        config.stash[LEFT_OUT].update(item.nodeid for item in others)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that collects the results what was left out here."""
    if hasattr(session.config, "workerinput"):
        session.config.workeroutput["left out"] = sorted(session.config.stash[LEFT_OUT])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear it."""
    node.config.stash[LEFT_OUT].update(getattr(node, "workeroutput", {}).get("left out", ()))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Begin with an unshared standard input: a program that is killed (ssh) leaves the one it shared non-blocking."""
    if not sys.__stdin__ or not sys.__stdin__.isatty():
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing where tests keep what they make; not even the place."""
    if _begins_with_nothing(config):
        run_cache.end()
    if not hasattr(config, "workerinput"):
        places.remove_empty(config.stash[HELD])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show how long each layer took, before pytest's last line."""
    reports = [report for several in terminalreporter.stats.values() for report in several]
    spans = timetable.spans(report for report in reports if isinstance(report, pytest.TestReport))
    if spans:
        terminalreporter.section("layers")
        terminalreporter.write("\n".join([*timetable.lines(spans), ""]))
    if left_out := sorted(config.stash[LEFT_OUT]):
        terminalreporter.section("left out, as it takes long; ./run-tests long runs it")
        terminalreporter.write("\n".join([*left_out, ""]))
    if path := config.option.timetable:
        path.write_text(json.dumps(timetable.rows(spans), indent=1) + "\n")
