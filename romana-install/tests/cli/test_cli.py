"""romana-setup as a command: what it prints, and its exit codes."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import forked_setup
import pytest

from romana_install.base.errors import UsageError
from romana_install.cli import main as cli
from romana_install.config.address_plan import PLAN_KEYS
from romana_install.config.settings import Config
from romana_install.state.journal import Journal, Phase
from romana_install.state.stack import Stack
from romana_install.targets import stacks
from romana_install.targets.local.target import Local

PROJECT = Path(__file__).parents[3]
NONE = ["-t", "local", "-e", "openstack_engine=none"]
# A network nothing on a test machine uses.
QUIET = [*NONE, "-e", "local_network=192.168.213.0/24"]


class Setup:
    """Runs the command with a state directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.home = directory
        self.environment = {
            **os.environ,
            "XDG_STATE_HOME": str(directory / "state"),
            "XDG_CACHE_HOME": str(directory / "cache"),
            "TMPDIR": str(directory),
        }

    def __call__(self, *words: str, text: str = "") -> tuple[int, str, str]:
        code, output, errors = forked_setup.run(words, self.environment, text)
        assert "Traceback" not in errors
        return code, output, errors

    def stack(self, name: str = "romana", **values: object) -> Stack:
        """A stack as an installation leaves it, but for the nodes themselves."""
        config = Config(stack_name=name, local_network="192.168.213.0/24")
        made = Stack(
            name=name,
            directory=self.home / "state" / "romana-setup" / name,
            nodes=Local().nodes(config),
            target=Local(),
            network=config.local_network,
            plan={key: getattr(config, key) for key in PLAN_KEYS},
            **values,  # type: ignore[arg-type]
        )
        stacks.save(made)
        return made


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(tmp_path)


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["-t", "lcoal"], 2, "unknown target 'lcoal' (did you mean local?); there are: aws, local, static, vagrant"),
        (["-t", "mainframe"], 2, "unknown target 'mainframe'; there are: aws, local, static, vagrant"),
        (["unistall"], 2, "unknown action 'unistall' (did you mean uninstall?)"),
        (["x" * 300], 2, "(300 characters); there are: install"),
        (["status", "--iam-policy"], 2, "--iam-policy belongs to plan, not to status"),
        (["status", "--quick"], 2, "--quick belongs to install and verify, not to status"),
        (["-t", "local", "plan", "--iam-policy"], 2, "--iam-policy is about AWS; leave -t out"),
        ([*NONE, "-e", "devstack_compute_node=two"], 2, "-e:devstack_compute_node: is 'two'"),
        ([*NONE, "validate", "-e", "romana_cdir=10.0.0.0/8"], 2, "did you mean romana_cidr?"),
        (["--tags", "x"], 2, "unrecognized arguments: --tags"),
        (["--targ", "local"], 2, "unrecognized arguments: --targ"),
        (["-e"], 2, "expected one argument"),
        (["install", "now"], 2, "install takes no further word, but got 'now'"),
        (["plan", "--format", "xml"], 2, "plan has no format 'xml'; it has: text, json"),
        (["install", "--format", "json"], 2, "install has no format 'json'; it has: text"),
        (["status"], 1, "there is no stack romana"),
        (["verify", "-e", "stack_name=blue"], 1, "there is no stack blue"),
        (["ssh", "compute01"], 1, "there is no stack romana"),
        (["snapshot", "save", "-good"], 2, "unrecognized arguments: -good"),
        (["snapshot", "save", "good"], 1, "there is no stack romana"),
        (["rotate"], 2, "write: ./romana-setup rotate tokens"),
        (["rotate", "passwords"], 2, "write: ./romana-setup rotate tokens"),
        (["rotate", "tokens", "--", "--limit", "controller"], 2, "rotate takes nothing for Ansible"),
        (["rotate", "tokens"], 1, "there is no stack romana"),
        (["uninstall", "-e", "stack_name=A"], 2, "-e:stack_name: is 'A'"),
    ],
)
def test_what_is_refused(setup: Setup, words: list[str], code: int, error: str) -> None:
    got, _, stderr = setup(*words)
    assert (got, error in stderr) == (code, True), stderr
    assert all(line.startswith(("romana-setup: ", " ")) for line in stderr.splitlines()), stderr


def test_all_findings_in_one_go_and_nothing_made(setup: Setup) -> None:
    words = ["-e", "devstack_compute_node=-1 stack_name=A colour=1", "-e", "local_network=192.168.213.0/24"]
    code, _, stderr = setup("-t", "local", *words)
    assert code == 2
    assert len(stderr.splitlines()) == 3
    assert not (setup.home / "state").exists()


def test_help_and_version(setup: Setup) -> None:
    code, out, _ = setup("--help")
    assert code == 0
    assert all(action in out for action in cli.ACTIONS)
    assert setup("--version")[1].startswith("romana-setup ")


def test_validate(setup: Setup) -> None:
    code, out, _ = setup(*QUIET, "validate")
    assert (code, out) == (0, "the configuration of stack romana is right (2 nodes on local)\n")


def test_plan_of_a_new_stack(setup: Setup) -> None:
    code, out, _ = setup(*QUIET, "plan")
    assert code == 0
    assert [line.split() for line in out.splitlines()[2:5]] == [
        ["change", "name", "address", "prefix", "gateway", "roles"],
        ["add", "controller", "192.168.213.10", "10.0.0.0/16", "10.0.0.1", "controller", "+", "compute"],
        ["add", "compute01", "192.168.213.11", "10.1.0.0/16", "10.1.0.1", "compute"],
    ]
    assert "phases: release, provision, prepare, romana, tenants, verify" in out.splitlines()
    assert "verify makes, and removes again: endpoints" in out.splitlines()
    assert not (setup.home / "state").exists()


def test_plan_is_as_the_tutorial_shows_it(setup: Setup) -> None:
    _, out, _ = setup("-t", "local", "-e", "local_network=192.168.213.0/24", "plan")
    page = [" ".join(line.split()) for line in (PROJECT / "docs" / "tutorial.md").read_text().splitlines()]
    printed = [" ".join(line.split()) for line in out.replace("192.168.213.", "192.168.99.").splitlines()]
    begun = page.index(printed[0])
    assert page[begun : begun + len(printed)] == printed


def test_plan_of_a_cloud(setup: Setup) -> None:
    code, out, _ = setup("-t", "local", "-e", "local_network=192.168.213.0/24", "plan", "--format", "json")
    plan = json.loads(out)
    assert (code, plan["engine"], plan["external"]) == (0, "packages", "192.168.213.128/26")
    assert plan["phases"] == ["release", "provision", "prepare", "openstack", "romana", "tenants", "demo", "verify"]
    assert plan["tried_with"] == ["endpoints", "instances", "a network of its own", "a router", "a floating IP"]


def test_a_release_that_nobody_maintains_is_said_to_be(setup: Setup) -> None:
    devstack = ("-t", "local", "-e", "local_network=192.168.213.0/24", "-e", "openstack_engine=devstack", "plan")
    _, usual, _ = setup(*devstack)
    _, maintained, _ = setup(*devstack, "-e", "devstack_release=2026.1")
    said = [line for line in usual.splitlines() if line not in maintained.splitlines()]
    assert said == [
        "liberty is not maintained: nobody repairs its known faults, nor those of Python 2.7; keep it from networks"
        " that you do not trust",
        "a maintained release instead: -e devstack_release=2026.1",
        "verify makes, and removes again: endpoints, instances; no floating IP, as there is no external network",
    ]


def test_one_machine_is_controller_and_compute_node(setup: Setup) -> None:
    code, out, _ = setup(*QUIET, "plan", "--allinone", "-e", "devstack_compute_node=3", "--format", "json")
    assert (code, [(node["name"], node["roles"]) for node in json.loads(out)["nodes"]]) == (
        0,
        [("controller", "controller + compute")],
    )


def test_plan_of_a_stack_that_exists(setup: Setup) -> None:
    setup.stack()
    words = [*QUIET, "plan", "--format", "json", "-e"]
    changes = {}
    for count in (0, 1, 2):
        code, out, _ = setup(*words, f"devstack_compute_node={count}")
        assert code == 0
        changes[count] = {node["name"]: node["change"] for node in json.loads(out)["nodes"]}
    assert changes == {
        0: {"controller": "keep", "compute01": "remove"},
        1: {"controller": "keep", "compute01": "keep"},
        2: {"controller": "keep", "compute01": "keep", "compute02": "add"},
    }


def test_a_stack_that_was_never_finished_is_not_kept(setup: Setup) -> None:
    journal = Journal(setup.stack().directory / "journal.json")
    command = "./romana-setup -t local -e openstack_engine=none"
    journal.begin("install", "first", "digest", command).phases = [Phase("release", 1.0, ok=True), Phase("provision")]
    journal.save()
    _, out, _ = setup(*QUIET, "plan", "--format", "json")
    assert {node["change"] for node in json.loads(out)["nodes"]} == {"finish"}
    assert "no node is added or removed" not in setup(*QUIET, "plan")[1]
    code, out, _ = setup("status")
    assert code == 1
    assert out.splitlines()[-1] == f"the last install stopped in phase provision; to go on: {command}"
    _, out, _ = setup("status", "--format", "json")
    assert json.loads(out)["stopped"] == {"action": "install", "phase": "provision", "command": command}


def test_check_tells_what_is_in_the_way(setup: Setup) -> None:
    setup.stack("other")
    code, out, _ = setup(*QUIET, "check", "--format", "json")
    found = json.loads(out)
    assert (code, found["ok"]) == (3, False)
    assert any("is used by stack other" in finding["text"] for finding in found["findings"])


def test_install_stops_at_what_is_in_the_way(setup: Setup) -> None:
    setup.stack("other")
    code, _, stderr = setup(*QUIET)
    assert code == 3
    assert (
        "is used by stack other; give another network, or uninstall with: ./romana-setup -e stack_name=other uninstall"
        in stderr
    )
    assert not (setup.home / "state/romana-setup/romana").exists()


def test_damaged_stack_is_said_to_be(setup: Setup) -> None:
    (setup.stack().directory / "stack.json").write_text("{")
    code, _, stderr = setup("status")
    assert code == 1
    assert "stack.json is damaged" in stderr


def test_unknown_node_lists_the_nodes(setup: Setup) -> None:
    setup.stack()
    assert setup("ssh", "compute9")[::2] == (
        2,
        "romana-setup: stack romana has no node named 'compute9'; it has: controller, compute01\n",
    )
    assert setup("ssh")[0] == 2


def test_other_target_than_the_stacks(setup: Setup) -> None:
    setup.stack()
    code, _, stderr = setup("-t", "vagrant", "uninstall", "--yes")
    assert (code, stderr) == (2, "romana-setup: -t vagrant: stack romana is on local; leave -t out\n")


def test_the_target_is_that_of_the_stack_that_is_there(setup: Setup) -> None:
    setup.stack()
    code, out, stderr = setup("plan", "-e", "local_network=192.168.213.0/24", "--format", "json")
    assert (code, stderr) == (0, "")
    assert json.loads(out)["target"] == "local"
    code, _, stderr = setup("-t", "vagrant", "plan")
    assert code == 2
    assert "-t vagrant: stack romana is on local; leave -t out, or choose another stack_name" in stderr


def test_uninstall_of_nothing(setup: Setup) -> None:
    code, out, _ = setup("uninstall")
    assert (code, out) == (0, "there is no stack romana; nothing to do\n")


def test_uninstall_asks_and_needs_somebody_to_ask(setup: Setup) -> None:
    directory = setup.stack().directory
    code, out, stderr = setup("uninstall", text="yes\n")
    assert code == 2
    assert "the nodes controller, compute01" in out
    assert str(directory) in out
    assert "give --yes" in stderr
    assert (directory / "stack.json").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="the playbook that removes nodes needs root")
@pytest.mark.parametrize("made", ["whole", "damaged", "nothing"])
def test_uninstall_of_a_stack_without_nodes(setup: Setup, made: str) -> None:
    directory = setup.stack(name="cli-test").directory
    if made == "damaged":
        (directory / "stack.json").write_text("{")
    if made == "nothing":
        (directory / "stack.json").unlink()
    code, out, stderr = setup("uninstall", "--yes", "-e", "stack_name=cli-test")
    assert (code, stderr) == (0, "")
    assert not directory.exists()
    log = Path(out.split()[-1])
    assert "PLAY RECAP" in log.read_text()
    assert setup("uninstall", "-e", "stack_name=cli-test")[:2] == (0, "there is no stack cli-test; nothing to do\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_nothing_is_removed_below_a_mount(setup: Setup) -> None:
    directory = setup.stack(name="cli-test").directory
    mounted = directory / "mounted"
    mounted.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "romana-test", mounted], check=True)
    try:
        (mounted / "precious").touch()
        code, _, stderr = setup("uninstall", "--yes", "-e", "stack_name=cli-test")
        assert code == 1
        assert f"{mounted} is still mounted" in stderr
        assert (mounted / "precious").exists()
    finally:
        subprocess.run(["umount", mounted], check=True)


def with_reader_gone(setup: Setup, *words: str) -> int:
    """The exit code of a run whose two outputs have lost their reader."""
    command = [sys.executable, "-m", "romana_install", *words]
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        return subprocess.run(command, stdout=pipe, stderr=pipe, env=setup.environment, check=False).returncode


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--help"], 0), ([*QUIET, "plan"], 0), (["-t", "lcoal"], 2), (["status"], 1)],
    ids=["help", "plan", "refused", "failed"],
)
def test_exit_code_is_the_works_when_nobody_reads(setup: Setup, words: list[str], code: int) -> None:
    assert with_reader_gone(setup, *words) == code


@pytest.mark.parametrize("words", [["--help"], [*QUIET, "plan"]], ids=["help", "plan"])
def test_reader_that_has_seen_enough(setup: Setup, words: list[str]) -> None:
    command = f"{shlex.join([sys.executable, '-m', 'romana_install', *words])} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=setup.environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="the playbook that removes nodes needs root")
def test_work_is_done_to_its_end_when_nobody_reads(setup: Setup) -> None:
    directory = setup.stack(name="cli-test").directory
    assert with_reader_gone(setup, "uninstall", "--yes", "-e", "stack_name=cli-test") == 0
    assert not directory.exists()


@pytest.mark.parametrize(
    ("argv", "action", "words", "passed_on"),
    [
        ([], "install", (), ()),
        (["-t", "vagrant", "install", "-e", "stack_name=demo", "--", "--tags", "x"], "install", (), ("--tags", "x")),
        (["ssh", "compute01", "--", "ls", "-l"], "ssh", ("compute01",), ("ls", "-l")),
        (["-v", "ssh", "-e", "stack_name=a", "compute01"], "ssh", ("compute01",), ()),
    ],
)
def test_parse(argv: list[str], action: str, words: tuple[str, ...], passed_on: tuple[str, ...]) -> None:
    options = cli.parse(argv)
    assert (options.action, options.words, options.passed_on) == (action, words, passed_on)


def test_command_that_resumes_is_the_one_given() -> None:
    argv = ["-t", "local", "-e", '{"a": 1}', "--", "--tags", "x y"]
    assert cli.parse(argv).command == """./romana-setup -t local -e '{"a": 1}' -- --tags 'x y'"""


def test_first_double_dash_ends_our_options() -> None:
    with pytest.raises(UsageError):
        cli.parse(["validate", "nonsense", "--", "--"])
