"""What Ansible is given, and real runs of it: shown by phase, logged without secrets, ended when told to."""

from __future__ import annotations

import io
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from processes import alive
from waiting import eventually

from romana_install.ansible import leftovers, run
from romana_install.ansible.events import AnsibleRun
from romana_install.ansible.session import opened
from romana_install.base.errors import SetupError
from romana_install.base.files import write_json
from romana_install.base.invocation import PROJECT
from romana_install.config.options import Options
from romana_install.state.journal import Journal
from romana_install.state.stack import Stack
from romana_install.targets.local.target import Local
from romana_install.targets.vagrant.target import PATIENCE

PLAYBOOK = """
- name: "Provision: machines"
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Write a file
      ansible.builtin.copy:
        content: hello
        dest: "{{ stack_dir }}/made"
        mode: "0600"
    - name: Fail and be rescued
      block:
        - name: Fail softly
          ansible.builtin.fail:
            msg: not this one
      rescue:
        - name: Say the secret
          ansible.builtin.debug:
            msg: "the token is {{ token }}"
- name: "Romana: server"
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Do what the test says
      ansible.builtin.command:
        argv: "{{ last }}"
      changed_when: false
"""

ANSIBLE = {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "ANSIBLE_CONFIG": "/dev/null",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", ANSIBLE["PATH"])


def python(directory: Path) -> Path:
    """A path of our Python that is not one word to a shell."""
    directory.mkdir(exist_ok=True)
    path = directory / "python"
    if not path.exists():
        path.symlink_to(sys.executable)
    return path


def settings(directory: Path, last: list[str], playbook: str = PLAYBOOK) -> dict[str, Any]:
    """Like those of an installation, but for another playbook and inventory."""
    (directory / "site.yml").write_text(playbook)
    interpreter = {"ansible_python_interpreter": str(python(directory / "a user's clone"))}
    write_json(directory / "vars.json", {"last": last, "stack_dir": str(directory), "token": "s3cret", **interpreter})
    made = run.arguments(Stack("t", directory, (), Local()), "playbooks/site.yml", [], 0)
    made["playbook"] = str(directory / "site.yml")
    made["inventory"] = "localhost,"
    return made


def test_arguments() -> None:
    made = run.arguments(Stack("t", Path("/s"), (), Local()), "playbooks/site.yml", ["--tags", "a b"], 3)
    assert made["playbook"] == f"{PROJECT}/playbooks/site.yml"
    assert made["inventory"] == f"{PROJECT}/inventory/stack.yml"
    assert made["cmdline"] == "--tags 'a b'"
    assert made["verbosity"] == 2
    assert made["extravars"] == "/s/vars.json"
    assert made["envvars"]["ROMANA_STACK_DIR"] == "/s"
    assert made["envvars"]["ANSIBLE_HOST_KEY_CHECKING"] == "True"


def test_a_node_that_is_slow_to_let_us_in_is_waited_for_far_longer_than_a_silent_one() -> None:
    assert int(run.environment(Path("/x"))["ANSIBLE_TIMEOUT"]) >= 10 * PATIENCE


def test_arguments_without_options_have_none() -> None:
    made = run.arguments(Stack("t", Path("/s"), (), Local()), "playbooks/site.yml", [], 1)
    assert "cmdline" not in made
    assert "verbosity" not in made


def play(
    directory: Path,
    last: list[str],
    capsys: pytest.CaptureFixture[str],
    watch: run.Watch = run.nothing,
    **given: Any,
) -> tuple[str, str, int]:
    """Run it; returns what was shown, the error, and how many things changed."""
    options = Options(argv=("-t", "local"), **given)
    error, changed = "", 0
    try:
        with opened(directory, "install", "first", "digest", ["provision", "romana", "verify"], options) as session:
            session.log.hide(["s3cret"])
            session.play(settings(directory, last), options.verbosity > 0, watch)
            session.completed()
            changed = session.changed
    except SetupError as raised:
        error = str(raised)
    return capsys.readouterr().out, error, changed


def test_run_that_succeeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown, error, changed = play(tmp_path, ["true"], capsys)
    assert error == ""
    assert changed == 1
    said, first, second = shown.splitlines()
    assert said == "  this machine: the token is s3cret"  # what a playbook says, users get to read
    assert first.startswith("[1/3] provision ")
    assert first.endswith("[ DONE ]")
    assert second.startswith("[2/3] romana ")
    (recorded,) = Journal(tmp_path / "journal.json").runs
    assert [(phase.name, phase.ok) for phase in recorded.phases] == [("provision", True), ("romana", True)]
    assert recorded.ok
    assert play(tmp_path, ["true"], capsys)[2] == 0  # nothing is left to change


def test_log_has_what_ansible_said_but_no_secrets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play(tmp_path, ["true"], capsys)
    (log,) = (tmp_path / "logs").iterdir()
    text = log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert "TASK [Write a file]" in text
    assert "the token is (secret)" in text
    assert "s3cret" not in text
    assert "\x1b" not in text
    assert not (tmp_path / "ansible").exists()


def test_verbose_run_shows_ansibles_own_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown, _, _ = play(tmp_path, ["true"], capsys, verbosity=1)
    assert "TASK [Write a file]" in shown
    assert "PLAY RECAP" in shown


def test_run_ends_when_its_watch_sees_trouble(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begun = tmp_path / "begun"

    def watch() -> tuple[str, str]:
        return ("compute01", "its supervisor has ended") if begun.exists() else ("", "")

    shown, error, _ = play(tmp_path, ["sh", "-c", f"touch '{begun}'; sleep 3600"], capsys, watch)
    assert shown.splitlines()[-1].endswith("[ FAILED ]")
    assert "on      compute01" in error
    assert "cause   its supervisor has ended" in error


def test_run_that_fails_says_what_and_how_to_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown, error, _ = play(tmp_path, ["sh", "-c", "echo first; echo the disk is full >&2; exit 3"], capsys)
    assert shown.splitlines()[-1].endswith("[ FAILED ]")
    (log,) = (tmp_path / "logs").iterdir()
    assert error.splitlines() == [
        "failed in phase romana (2/3)",
        "  on      localhost",
        "  task    Do what the test says",
        "  cause   the disk is full",
        f"  log     {log}",
        "  resume  ./romana-setup -t local",
    ]
    (recorded,) = Journal(tmp_path / "journal.json").runs
    assert [(phase.name, phase.ok) for phase in recorded.phases] == [("provision", True), ("romana", False)]
    assert not recorded.ok


def test_playbook_that_ansible_cannot_read(tmp_path: Path) -> None:
    state = AnsibleRun()
    outcome = run.start(settings(tmp_path, [], playbook="- hosts: [\n"), state.feed)
    assert not outcome.ok
    assert state.failures == []
    assert "ERROR" in "\n".join(state.tail)


RUNNER = """
import json, sys
from romana_install.ansible import run
settings = json.loads(sys.stdin.read())
outcome = run.start(settings, lambda event: None)
print("interrupted" if outcome.interrupted else "not", flush=True)
"""


def start_runner(directory: Path) -> subprocess.Popen[str]:
    task = ["sh", "-c", f"echo $$ > {directory}/task.pid; exec sleep 600"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert runner.stdin is not None
    runner.stdin.write(json.dumps(settings(directory, task)))
    runner.stdin.close()
    file = directory / "task.pid"
    eventually(lambda: file.exists() and file.read_text(), "the task runs")
    return runner


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_run_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    with start_runner(tmp_path) as runner:
        task = int((tmp_path / "task.pid").read_text())
        assert alive(task)
        runner.send_signal(number)
        assert runner.stdout is not None
        assert runner.stdout.read() == "interrupted\n"
        assert not alive(task)
    assert not (tmp_path / "ansible").exists()


def test_next_run_ends_what_a_killed_one_has_left(tmp_path: Path) -> None:
    with start_runner(tmp_path) as runner:
        task = int((tmp_path / "task.pid").read_text())
        runner.kill()
        runner.wait()
        assert alive(task)
        assert leftovers.end(tmp_path)
        assert not alive(task)
        assert not leftovers.end(tmp_path)


def test_what_is_started_while_it_is_ended_is_ended_too(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = f"trap 'setsid sleep 600 & exit' TERM; touch {shlex.quote(str(ready))}; while :; do sleep 1; done"
    with subprocess.Popen(["sh", "-c", script], env={**os.environ, leftovers.TAG: str(tmp_path)}):
        eventually(ready.exists, "the script runs")
        assert leftovers.end(tmp_path)
    assert not leftovers.end(tmp_path)


def test_what_begins_another_program_at_that_moment_is_ended(tmp_path: Path) -> None:
    script = tmp_path / "again"
    script.write_text('#!/bin/sh\nexec "$0"\n')
    script.chmod(0o755)
    for _ in range(20):
        with subprocess.Popen([script], env={**os.environ, leftovers.TAG: str(tmp_path)}) as process:
            try:
                assert leftovers.end(tmp_path)
                assert process.wait(10) == -signal.SIGTERM
            finally:
                process.kill()


def test_other_stacks_are_left_alone(tmp_path: Path) -> None:
    environment = {**os.environ, leftovers.TAG: str(tmp_path / "blue")}
    with subprocess.Popen(["sleep", "600"], env=environment) as other:
        try:
            assert not leftovers.end(tmp_path / "blu")
            assert not leftovers.end(tmp_path)
            assert other.poll() is None
        finally:
            other.kill()


def test_package_manager_is_let_finish_but_not_when_it_builds_an_image() -> None:
    process = leftovers.Process
    processes = {
        10: process(1, "python3"),
        11: process(10, "apt-get"),
        12: process(11, "dpkg"),
        13: process(12, "sh"),
        20: process(1, "mmdebstrap"),
        21: process(20, "apt-get"),
        30: process(1, "dpkg"),
    }
    assert sorted(leftovers.finishing(processes)) == [11, 12, 13, 30]


def test_plain_lines_when_piped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    with opened(tmp_path, "install", "first", "digest", ["release"], Options()) as session:
        session.note("a note")
        with session.phase("release"):
            pass
    note, phase = out.getvalue().splitlines()
    assert note == "a note"
    assert phase.startswith("[1/1] release ")
    assert "\x1b" not in phase


def test_what_tasks_start_may_use_all_processors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = f"import os, pathlib; pathlib.Path({str(tmp_path / 'seen')!r}).write_text(str(os.sched_getaffinity(0)))"
    assert play(tmp_path, [sys.executable, "-c", program], capsys)[1] == ""
    assert (tmp_path / "seen").read_text() == str(os.sched_getaffinity(0))
