"""Commands that are shown are about the stack that the user has named, in the way that it was named."""

from __future__ import annotations

from pathlib import Path

import pytest

from romana_install.actions.context import given_configuration, wanted
from romana_install.ansible import session
from romana_install.ansible.session import RunFailedError
from romana_install.base.errors import SetupError
from romana_install.base.invocation import command
from romana_install.cli import main as cli

YAML = "stack_name: blue\n"


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my file.yml").write_text(YAML)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], ""),
        (["-e", "stack_name=blue openstack_engine=none"], "-e stack_name=blue "),
        (["-e", '{"stack_name": "blue"}'], "-e stack_name=blue "),
        (["-e", "@my file.yml"], "-e '@my file.yml' "),
        (["-a", "my file.yml"], "-a 'my file.yml' "),
        (["-a", "my file.yml", "-e", "stack_name=green"], "-e stack_name=green "),
        (["-e", "openstack_engine=none"], ""),
    ],
)
def test_commands_name_the_stack_as_the_user_did(words: list[str], named: str) -> None:
    given_configuration(cli.parse(["status", *words]))
    assert command("install") == f"./romana-setup {named}install"
    assert command("uninstall", stack="other") == "./romana-setup -e stack_name=other uninstall"
    given_configuration(cli.parse(["status"]))
    assert command("install") == "./romana-setup install"


@pytest.mark.parametrize("words", ["status", "verify", "ssh controller", "tunnel", "snapshot save x", "rotate tokens"])
def test_advice_of_each_action_names_the_stack(words: str) -> None:
    options = cli.parse([*words.split(), "-e", "stack_name=blue"])
    with pytest.raises(SetupError, match=r"; make it with: \./romana-setup -e stack_name=blue install$"):
        cli._action(options.action)(options)


@pytest.mark.parametrize("action", ["install", "provision"])
def test_command_that_resumes_names_the_stack(action: str, tmp_path: Path) -> None:
    argv = ["-t", "local", action, "-e", "local_network=192.168.213.0/24", "-e", "stack_name=blue"]
    options = cli.parse(argv)
    want = wanted(options)
    with (
        pytest.raises(SetupError, match=r"resume  \./romana-setup -t local .* -e stack_name=blue$"),
        session.opened(tmp_path, action, "first", want.digest, ["provision"], options),
    ):
        raise RunFailedError("release", [])
