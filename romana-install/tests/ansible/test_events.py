"""What a run's events mean: tables of results, and a recorded run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from romana_install.ansible.events import AnsibleRun, Failure, cause
from romana_install.ansible.session import _last_words

RECORDED = json.loads((Path(__file__).parent / "recorded_events.json").read_text())


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({}, "no reason given"),
        ({"msg": "name 'x' is already taken"}, "name 'x' is already taken"),
        ({"msg": "non-zero return code", "stderr": "\n".join("12345678")}, "3\n4\n5\n6\n7\n8"),
        ({"msg": "non-zero return code", "stderr": "", "stdout": "said here"}, "said here"),
        ({"msg": "non-zero return code"}, "non-zero return code"),
        ({"msg": "Unable to start", "stderr": "noise"}, "Unable to start"),
        ({"msg": "MODULE FAILURE", "module_stderr": "Traceback"}, "MODULE FAILURE"),
        (
            {"censored": "hidden"},
            "its output is hidden, as it may hold secrets",
        ),
        ({"msg": "One or more items failed", "results": [{"failed": True, "item": "a", "msg": "bad"}]}, "a: bad"),
        ({"results": [{"failed": False}, {"failed": True, "item": {"k": 1}, "msg": "bad"}]}, "bad"),
        ({"results": [{"failed": True, "_ansible_item_label": "blue", "item": {}, "msg": "bad"}]}, "blue: bad"),
    ],
)
def test_cause(result: dict[str, Any], expected: str) -> None:
    assert cause(result) == expected


def test_cause_is_never_longer_than_a_few_lines() -> None:
    assert len(cause({"msg": "x" * 10_000})) <= 800


def test_cause_is_not_cut_at_its_front() -> None:
    said = cause({"msg": f"cannot read {'long/' * 400}: permission denied"})
    assert said.startswith("cannot read long/")
    assert said.endswith("long/: permission denied")
    said = cause({"msg": "\n".join(f"service{number} does not run: why" for number in range(20))})
    assert said.splitlines()[0] == "service0 does not run: why"
    assert said.splitlines()[-1] == "... 14 more lines, in the log"


def test_of_a_programs_output_the_end_is_told() -> None:
    said = cause({"msg": "non-zero return code", "stderr": "\n".join(map(str, range(20)))})
    assert said.splitlines() == ["14", "15", "16", "17", "18", "19"]


def test_error_that_ansible_breaks_into_lines_is_told_from_its_beginning() -> None:
    run = AnsibleRun()
    for line in ("[WARNING]: something", "[ERROR]: first", "[ERROR]: the file", "'/a b/c' could not", "be found"):
        run.feed({"event": "error", "stdout": line})
    assert _last_words(run) == "[ERROR]: the file\n'/a b/c' could not\nbe found"


def test_recorded_run() -> None:
    """A run with two phases, whose last task failed on both items of its loop."""
    run = AnsibleRun()
    seen = []
    for event in RECORDED:
        run.feed(event)
        seen.append((run.phase, run.task))
    assert [step for step, before in zip(seen, [("", ""), *seen], strict=False) if step != before] == [
        ("provision", "Wait"),
        ("provision", "Install foo"),
        ("romana", "Fail"),
    ]
    assert run.failures == [Failure("romana", "localhost", "Fail", "a: bad thing")]
    assert run.changed == 2


def test_play_that_finds_no_hosts_is_no_phase() -> None:
    run = AnsibleRun()
    for event, data in (
        ("playbook_on_play_start", {"name": "Prepare: nodes"}),
        ("playbook_on_task_start", {"name": "Wait"}),
        ("playbook_on_play_start", {"name": "Openstack: controller"}),
    ):
        run.feed({"event": event, "event_data": data})
        assert run.phase in ("", "prepare")
    assert (run.phase, run.task) == ("prepare", "Wait")


def failed(host: str, task: str, **more: Any) -> dict[str, Any]:
    data = {"host": host, "task": task, "task_uuid": task, "res": {"msg": "bad"}, **more}
    return {"event": "runner_on_failed", "event_data": data}


def test_all_hosts_of_the_task_that_ended_the_run() -> None:
    run = AnsibleRun()
    for event in (failed("controller", "rescued"), failed("compute01", "last"), failed("compute02", "last")):
        run.feed(event)
    assert [failure.host for failure in run.failures] == ["compute01", "compute02"]


def test_ignored_failure_is_none() -> None:
    run = AnsibleRun()
    run.feed(failed("controller", "a", ignore_errors=True))
    assert run.failures == []


def test_unreachable_host() -> None:
    run = AnsibleRun()
    run.feed(
        {"event": "runner_on_unreachable", "event_data": {"host": "compute01", "task": "t", "res": {"msg": "gone"}}}
    )
    assert run.failures == [Failure("", "compute01", "t", "gone")]


def test_what_a_followed_program_says_is_told_once() -> None:
    run = AnsibleRun()
    said = ["Starting Keystone", "Starting Keystone", "Starting Nova", ""]
    events = [{"event": "runner_retry", "event_data": {"host": "controller", "res": {"stdout": line}}} for line in said]
    assert [run.announcement(event) for event in events] == [
        "  controller: Starting Keystone",
        "",
        "  controller: Starting Nova",
        "",
    ]


def test_what_playbooks_say_is_told_once() -> None:
    run = AnsibleRun()
    said = {"msg": "instances are run by qemu"}
    data = {"host": "compute01", "task": "Any name", "task_action": "ansible.builtin.debug", "res": said}
    event = {"event": "runner_on_ok", "event_data": data}
    assert run.announcement(event) == "  compute01: instances are run by qemu"
    assert run.announcement(event) == ""
    assert run.announcement({**event, "event_data": {**data, "host": "localhost"}}).startswith("  this machine: ")


def test_what_other_tasks_return_is_not_told() -> None:
    data = {"host": "compute01", "task": "Show it", "task_action": "ansible.builtin.apt", "res": {"msg": "no"}}
    assert AnsibleRun().announcement({"event": "runner_on_ok", "event_data": data}) == ""
