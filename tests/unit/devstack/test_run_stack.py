"""The program that runs stack.sh: when it does, and what it says. What it starts are scripts of ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from processes import alive
from waiting import eventually

PROGRAM = Path(__file__).parents[3] / "roles" / "devstack" / "files" / "run_stack.py"

STACK = """#!/bin/bash
echo stack >>$STATE/calls
[ ! -e $STATE/marker ] || echo 'marker is there' >>$STATE/calls
echo 'devstack@q-svc.service loaded active running' >$STATE/units
[ ! -e $STATE/trace ] || cat $STATE/trace >$STATE/logs/stack.sh.log.2026-11-21-140000
touch $STATE/logs/stack.sh.log.summary.2026-11-21-140000
echo 'Installing package prerequisites'
[ ! -e $STATE/sleep ] || { echo $$ >$STATE/pid; exec sleep 60; }
exit $(cat $STATE/status 2>/dev/null || echo 0)
"""
UNSTACK = """#!/bin/bash
echo unstack >>$STATE/calls
[ -e $STATE/stubborn ] || : >$STATE/units
[ ! -e $STATE/sleep ] || { echo $$ >$STATE/pid; exec sleep 60; }
exit 1 # as real ones may
"""
SYSTEMCTL = '#!/bin/bash\n[ "$1 ${!#}" != "list-units devstack@*" ] || cat $STATE/units 2>/dev/null\n'
SCREEN = "#!/bin/bash\ncat $STATE/sessions 2>/dev/null\nexit 1\n"

MAINTAINED_TRACE = """\
2026-11-21 14:00:01.000 | + lib/neutron:start_neutron:640             :   echo 'Waiting for Neutron to start...'
2026-11-21 14:00:01.100 | Waiting for Neutron to start...
2026-11-21 14:01:01.200 | + functions:test_with_retry:500              :   die 500 'Neutron did not start'
2026-11-21 14:01:01.300 | + functions-common:die:264                   :   local exitcode=0
2026-11-21 14:01:01.400 | + functions-common:die:265                   :   set +o xtrace
2026-11-21 14:01:01.500 | [Call Trace]
2026-11-21 14:01:01.600 | ./stack.sh:1301:start_neutron_service_and_check
2026-11-21 14:01:01.700 | [ERROR] /opt/stack/devstack/functions:500 Neutron did not start
2026-11-21 14:01:02.800 | + ./stack.sh:exit_trap:521                   :   local r=1
2026-11-21 14:01:02.900 | Error on exit
"""
LIBERTY_TRACE = """\
2026-11-21 14:00:01.000 | + sudo -H pip install -U os-testr
2026-11-21 14:00:02.000 | Collecting os-testr
2026-11-21 14:00:03.000 | \x1b[31mNo matching distribution found for os-testr\x1b[0m
2026-11-21 14:00:03.100 | ++ err_trap
2026-11-21 14:00:03.200 | ++ local r=1
2026-11-21 14:00:03.300 | stack.sh failed: full log in /opt/stack/logs/stack.sh.log.2026-11-21-140000
"""
SUBSHELL_TRACE = """\
2026-11-21 14:00:01.000 | + lib/keystone:create_accounts:120           :   local id
2026-11-21 14:00:01.100 | +++ functions-common:get_id:900              :   id=
2026-11-21 14:00:01.200 | ++ functions-common:get_id:901               :   openstack project show admin
2026-11-21 14:00:02.000 | Missing value auth-url
2026-11-21 14:00:02.100 | + lib/keystone:create_accounts:121           :   id=
2026-11-21 14:00:02.200 | + ./stack.sh:exit_trap:521                   :   local r=1
"""


@dataclass
class Node:
    """A node with a DevStack of ours in `state`."""

    state: Path

    @property
    def environment(self) -> dict[str, str]:
        """The program's; it finds our systemctl and screen first."""
        return {**os.environ, "PATH": f"{self.state}/bin:{os.environ['PATH']}", "STATE": str(self.state)}

    @property
    def command(self) -> list[str]:
        """What the role starts."""
        inputs = [self.state / "devstack" / "local.conf", self.state / "plugin"]
        return [
            *(sys.executable, str(PROGRAM), "--devstack", f"{self.state}/devstack", "--marker", f"{self.state}/marker"),
            *("--log", f"{self.state}/logs/stack.sh.log"),
            *(word for path in inputs for word in ("--input", str(path))),
        ]

    def run(self, *more: str) -> subprocess.CompletedProcess[str]:
        """Run the program."""
        return subprocess.run([*self.command, *more], env=self.environment, capture_output=True, text=True, check=False)

    def succeed(self, *more: str) -> str:
        """Run it; it has to succeed, and says this."""
        done = self.run(*more)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def fail(self) -> list[str]:
        """Run it; it has to fail, and says these lines."""
        done = self.run()
        assert (done.returncode, done.stdout) == (1, "")
        return done.stderr.splitlines()

    def write(self, name: str, text: str = "") -> None:
        """Write a file, executable when it is a script."""
        path = self.state / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if text.startswith("#!"):
            path.chmod(0o755)

    def commit(self) -> None:
        """Have another commit of DevStack."""
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", f"{self.state}/devstack"]
        subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", "x"], check=True)

    def calls(self) -> list[str]:
        """Which of DevStack's scripts have run since this was asked last."""
        path = self.state / "calls"
        found = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return found


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A node on which nothing has been stacked."""
    made = Node(tmp_path)
    for name, text in {
        "devstack/stack.sh": STACK,
        "devstack/unstack.sh": UNSTACK,
        "devstack/local.conf": "[[local|localrc]]\n",
        "plugin/plugin.sh": "true\n",
        "bin/systemctl": SYSTEMCTL,
        "bin/screen": SCREEN,
    }.items():
        made.write(name, text)
    subprocess.run(["git", "init", "--quiet", tmp_path / "devstack"], check=True)
    made.commit()
    return made


def test_first_run_stacks(node: Node) -> None:
    assert node.succeed().startswith("stacked in ")
    assert node.calls() == ["stack"]


def test_second_run_touches_nothing(node: Node) -> None:
    node.succeed()
    node.calls()
    assert node.succeed() == "unchanged"
    assert node.calls() == []


@pytest.mark.parametrize("change", ["local.conf", "plugin", "new file of the plugin", "commit"])
def test_what_makes_a_stack_changes_it(node: Node, change: str) -> None:
    node.succeed()
    node.calls()
    if change == "local.conf":
        node.write("devstack/local.conf", "[[local|localrc]]\nA=1\n")
    elif change == "commit":
        node.commit()
    else:
        node.write("plugin/plugin.sh" if change == "plugin" else "plugin/settings", "A=1\n")
    node.succeed()
    assert node.calls() == ["unstack", "stack"]


def test_outlook_says_what_a_run_would_do_and_does_nothing(node: Node) -> None:
    assert node.succeed("--outlook") == "stack"
    assert node.calls() == []
    node.succeed()
    node.calls()
    assert node.succeed("--outlook") == "keep"
    node.write("devstack/local.conf", "changed\n")
    assert node.succeed("--outlook") == "replace"
    assert node.calls() == []
    assert node.succeed().startswith("stacked in ")  # the marker was left as it was
    node.write("devstack/local.conf", "changed again\n")
    node.write("status", "1")
    node.fail()
    assert node.succeed("--outlook") == "stack"  # there is nothing left to lose


def test_failed_run_is_run_again_after_unstacking(node: Node) -> None:
    node.write("status", "1")
    node.fail()
    assert node.calls() == ["stack"]
    node.write("status", "0")
    node.succeed()
    assert node.calls() == ["unstack", "stack"]


def test_run_over_a_stack_that_was_made_by_hand_unstacks(node: Node) -> None:
    node.write("units", "devstack@n-api.service loaded active running\n")
    node.succeed()
    assert node.calls() == ["unstack", "stack"]


def test_screen_session_of_an_old_release_is_a_stack(node: Node) -> None:
    (node.state / "bin" / "systemctl").unlink()
    node.write("bin/systemctl", "#!/bin/bash\nexit 1\n")
    node.write("sessions", "There is a screen on:\n\t4711.stack\t(Detached)\n")
    assert "unstack.sh left services running" in node.fail()[0]
    assert node.calls() == ["unstack"]


def test_marker_is_away_during_a_run_and_after_a_failure(node: Node) -> None:
    node.succeed()
    node.calls()
    node.write("devstack/local.conf", "changed\n")
    node.write("status", "3")
    node.fail()
    assert node.calls() == ["unstack", "stack"]  # and not 'marker is there'
    assert not (node.state / "marker").exists()


def test_services_that_stay_are_a_failure(node: Node) -> None:
    node.write("units", "devstack@n-api.service loaded active running\n")
    node.write("stubborn")
    assert node.fail() == ["unstack.sh left services running", f"  log: {node.state}/logs/unstack.sh.out"]
    assert node.calls() == ["unstack"]


def test_failing_command_and_log_are_said(node: Node) -> None:
    node.write("status", "1")
    node.write("trace", MAINTAINED_TRACE)
    first, *others = node.fail()
    assert first.startswith("stack.sh failed after ")
    assert first.endswith(" s: exit status 1")
    assert others == [
        "  at: functions:test_with_retry:500: die 500 'Neutron did not start'",
        "  [ERROR] /opt/stack/devstack/functions:500 Neutron did not start",
        f"  log: {node.state}/logs/stack.sh.log.2026-11-21-140000",
    ]


def test_failing_command_of_an_old_release(node: Node) -> None:
    node.write("status", "1")
    node.write("trace", LIBERTY_TRACE)
    assert node.fail()[1:-1] == [
        "  at: sudo -H pip install -U os-testr",
        "  Collecting os-testr",
        "  No matching distribution found for os-testr",
    ]


def test_command_in_an_assignment_is_what_failed(node: Node) -> None:
    node.write("status", "1")
    node.write("trace", SUBSHELL_TRACE)
    assert node.fail()[1:-1] == [
        "  at: functions-common:get_id:901: openstack project show admin",
        "  Missing value auth-url",
    ]


def test_failure_before_there_is_a_log(node: Node) -> None:
    node.write("logs/stack.sh.log.2026-11-20-140000", "+ an older run\n")
    os.utime(node.state / "logs" / "stack.sh.log.2026-11-20-140000", (0, 0))
    node.write("status", "1")
    assert node.fail()[1:] == [
        "  Installing package prerequisites",
        f"  log: {node.state}/logs/stack.sh.out",
    ]


def test_no_checkout_is_said(node: Node) -> None:
    (node.state / "devstack" / ".git").rename(node.state / "git")
    assert "is no checkout of DevStack" in node.fail()[0]


def start(node: Node) -> tuple[subprocess.Popen[str], int]:
    """The program, with scripts that take their time; and the process id of the one that runs."""
    node.write("sleep")
    process = subprocess.Popen(node.command, env=node.environment, stderr=subprocess.PIPE, text=True)
    path = node.state / "pid"
    eventually(lambda: path.exists() and path.read_text().strip() != "", "the script runs")
    return process, int(path.read_text())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_interrupted_run_ends_its_script_and_is_run_again(node: Node, number: signal.Signals) -> None:
    process, script = start(node)
    process.send_signal(number)
    process.communicate()
    eventually(lambda: not alive(script), "the script has ended")
    (node.state / "sleep").unlink()
    node.calls()
    node.succeed()
    assert node.calls() == ["unstack", "stack"]


def test_killed_script_is_a_failure(node: Node) -> None:
    process, script = start(node)
    os.kill(script, signal.SIGKILL)
    assert "ended by signal 9" in process.communicate()[1]
    assert process.returncode == 1
    assert not (node.state / "marker").exists()


def test_two_runs_at_once_are_refused(node: Node) -> None:
    process, _ = start(node)
    assert node.fail() == ["stack.sh is already being run here; wait for it, or end it"]
    process.terminate()
    process.communicate()


def test_what_it_says_can_be_followed(node: Node) -> None:
    assert node.succeed("--follow") == ""
    process, script = start(node)
    assert node.succeed("--follow") == "Installing package prerequisites"
    os.kill(script, signal.SIGKILL)
    process.communicate()
    assert node.succeed("--follow") == ""


def test_unstacking_can_be_followed(node: Node) -> None:
    node.succeed()
    node.write("devstack/local.conf", "changed\n")
    process, _ = start(node)
    assert node.succeed("--follow") == "unstack.sh takes down the stack that is there"
    process.terminate()
    process.communicate()
    assert (node.state / "logs" / "stack.sh.out").stat().st_mode & 0o077 == 0
