"""What we start gets our environment, whatever the shell that starts us has in its own."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PROJECT = Path(__file__).parents[2]
NOWHERE = "/nonexistent"
# What people's shells, continuous integrations and other tools set, with a value that does harm.
HARMFUL = {
    # Python, pip, uv
    "PYTHONPATH": NOWHERE,
    "PYTHONHOME": NOWHERE,
    "PYTHONSTARTUP": NOWHERE,
    "PYTHONWARNINGS": "error",
    "PYTHONOPTIMIZE": "2",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPYCACHEPREFIX": NOWHERE,
    "PYTHONIOENCODING": "ascii",
    "PYTHONINSPECT": "1",
    "PYTHONVERBOSE": "1",
    "PYTHONUSERBASE": NOWHERE,
    "PIP_USER": "1",
    "PIP_TARGET": NOWHERE,
    "PIP_PREFIX": NOWHERE,
    "PIP_REQUIRE_VIRTUALENV": "1",
    "PIP_DRY_RUN": "1",
    "PIP_CONSTRAINT": NOWHERE,
    "UV_NO_BINARY": "1",
    "UV_PYTHON": "3.6",
    "UV_OFFLINE": "1",
    "UV_SYSTEM_PYTHON": "1",
    "VIRTUAL_ENV": NOWHERE,
    "CONDA_PREFIX": NOWHERE,
    "PYENV_VERSION": "2.7.18",
    # Ansible
    "ANSIBLE_CONFIG": NOWHERE,
    "ANSIBLE_HOME": NOWHERE,
    "ANSIBLE_COLLECTIONS_PATH": NOWHERE,
    "ANSIBLE_VAULT_PASSWORD_FILE": NOWHERE,
    "ANSIBLE_BECOME": "1",
    "ANSIBLE_RUN_TAGS": "web",
    "ANSIBLE_SKIP_TAGS": "always",
    "ANSIBLE_TRANSPORT": "local",
    "ANSIBLE_REMOTE_USER": "nobody",
    "ANSIBLE_REMOTE_PORT": "1",
    "ANSIBLE_REMOTE_TEMP": NOWHERE,
    "ANSIBLE_CONNECTION_PLUGINS": NOWHERE,
    "ANSIBLE_CONNECTION_PATH": NOWHERE,
    "ANSIBLE_BECOME_METHOD": "su",
    "ANSIBLE_BECOME_USER": "nobody",
    "ANSIBLE_PRIVATE_KEY_FILE": NOWHERE,
    "ANSIBLE_SSH_EXECUTABLE": "/bin/false",
    "ANSIBLE_SSH_ARGS": "-F /nonexistent",
    "ANSIBLE_SSH_COMMON_ARGS": "-F /nonexistent",
    "ANSIBLE_PYTHON_INTERPRETER": "/bin/false",
    "ANSIBLE_STRATEGY": "linear",
    "ANSIBLE_STDOUT_CALLBACK": "minimal",
    "ANSIBLE_INVENTORY_ENABLED": "ini",
    "ANSIBLE_CHECK_MODE_MARKERS": "1",
    # Vagrant, VirtualBox, libvirt
    "VAGRANT_CWD": NOWHERE,
    "VAGRANT_DOTFILE_PATH": NOWHERE,
    "VAGRANT_VAGRANTFILE": "Other",
    "VAGRANT_DEFAULT_PROVIDER": "docker",
    "VAGRANT_LOG": "debug",
    "LIBVIRT_DEFAULT_URI": "qemu+ssh://elsewhere/system",
    "BASH_FUNC_env%%": "() { echo wrong; }",
    "BASH_FUNC_dirname%%": "() { echo wrong; }",
    # The shell, the locale, the loader, the temporary directory
    "LC_ALL": "C",
    "LANG": "xx_XX.UTF-8",
    "LANGUAGE": "de",
    "LC_NUMERIC": "de_DE.UTF-8",
    "LD_LIBRARY_PATH": NOWHERE,
    "BASH_ENV": NOWHERE,
    "ENV": NOWHERE,
    "IFS": "/",
    "CDPATH": "/usr:/etc",
    "SHELL": "/bin/false",
    "TMPDIR": NOWHERE,
    "COLUMNS": "7",
    "GREP_OPTIONS": "-v",
    "POSIXLY_CORRECT": "1",
    "TZ": "Pacific/Kiritimati",
    "LINES": "a value\nof more lines\nHOME=/nonexistent\nLD_PRELOAD=x",
    # Other programs that are started
    "GIT_DIR": NOWHERE,
    "GIT_SSH_COMMAND": "false",
    "APT_CONFIG": NOWHERE,
    "DEBIAN_FRONTEND": "readline",
    "SSH_ASKPASS": "/bin/false",
    "SYSTEMD_NSPAWN_LOCK": "0",
    "OS_CLOUD": "another",
    "EC2_URL": "http://elsewhere.invalid",
    "AWS_ACCESS_KEY": "legacy",
    "OPENSSL_CONF": NOWHERE,
    "ROMANA_STACK_DIR": NOWHERE,
}
SETS = st.sets(st.sampled_from(sorted(HARMFUL)), min_size=1)
QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
CLEAN = {"PATH": "/usr/bin:/bin", "HOME": "/root", "TERM": "dumb"}


def of_a_child(environment: dict[str, str], umask: int = 0o022, *shell: str) -> dict[str, str]:
    """The environment, and umask, of what a launcher starts. shell: what reads the launcher, /bin/sh if not given."""
    script = 'root=$1; . "$root/launcher/environment.sh"; umask; exec env -0'
    done = subprocess.run(
        [*(shell or ("/bin/sh",)), "-euc", script, "sh", str(PROJECT)],
        env=environment,
        umask=umask,
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    mask, _, found = done.stdout.decode().partition("\n")
    return dict(entry.split("=", 1) for entry in found.split("\0") if entry) | {"umask": mask}


# Of a network that nobody has.
SETTINGS = json.dumps({"openstack_engine": "none", "local_network": "192.168.213.0/24"})
PLAN = [str(PROJECT / "romana-setup"), "-t", "local", "-e", SETTINGS, "plan"]


def plan(environment: dict[str, str], state: Path, umask: int = 0o022) -> dict[str, object]:
    """What `plan` says from a shell with this environment."""
    done = subprocess.run(
        [*PLAN, "--format", "json"],
        env={**environment, "XDG_STATE_HOME": str(state)},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def chosen(names: set[str]) -> dict[str, str]:
    return {name: HARMFUL[name] for name in names}


@settings(max_examples=60, **QUIET)
@given(names=SETS, umask=st.sampled_from([0o022, 0o027, 0o077, 0o000]))
def test_child_sees_nothing_of_the_callers(names: set[str], umask: int) -> None:
    assert of_a_child({**CLEAN, **chosen(names)}, umask) == of_a_child(CLEAN)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    """A state directory, and what `plan` says with it from a shell with nothing in it."""
    state = tmp_path_factory.mktemp("state")
    return state, plan(CLEAN, state)


@settings(max_examples=6, **QUIET)
@given(names=SETS)
def test_plan_is_the_same_from_every_shell(usual: tuple[Path, dict[str, object]], names: set[str]) -> None:
    state, expected = usual
    assert plan({**CLEAN, **chosen(names)}, state, 0o077) == expected


def test_plan_is_the_same_with_all_of_it(usual: tuple[Path, dict[str, object]]) -> None:
    state, expected = usual
    assert plan({**CLEAN, **HARMFUL}, state, 0o077) == expected


@pytest.mark.parametrize(
    "name",
    [
        *("HOME", "XDG_STATE_HOME", "SSH_AUTH_SOCK", "TERM", "NO_COLOR", "SUDO_USER", "https_proxy", "no_proxy"),
        *("PIP_CONFIG_FILE", "PIP_INDEX_URL", "PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        *("AWS_CA_BUNDLE", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_REGION", "VAGRANT_HOME"),
        "ROMANA_TEST_AWS_REGION",
    ],
)
def test_what_says_who_and_where_and_how_to_get_outside_is_kept(name: str) -> None:
    assert of_a_child({**CLEAN, name: "a b\nc"})[name] == "a b\nc"


def test_nothing_is_kept_that_is_called_harmful() -> None:
    ours = {"PATH", "LC_ALL", "ANSIBLE_CONFIG", "ANSIBLE_HOME", "PWD", "umask"}
    ours |= {"PYTHONNOUSERSITE", "PYTHONSAFEPATH", "UV_NO_CONFIG"}
    assert set(of_a_child({**CLEAN, **HARMFUL})) == ours | set(CLEAN)


def test_a_bash_that_is_sh_takes_no_functions_along() -> None:
    found = of_a_child({**CLEAN, **HARMFUL}, 0o022, "/bin/bash", "--posix")
    assert {**found, "_": ""} == {**of_a_child(CLEAN, 0o022, "/bin/bash", "--posix"), "_": ""}


def test_administrators_programs_are_found_after_the_users_own() -> None:
    path = of_a_child({**CLEAN, "PATH": "/home/somebody/bin:/usr/bin"})["PATH"].split(":")
    assert path[0] == "/home/somebody/bin"
    assert "/usr/sbin" in path


def test_modules_of_the_current_directory_are_not_ours(tmp_path: Path) -> None:
    (tmp_path / "yaml.py").write_text("raise SystemExit('the wrong yaml')\n")
    command = [PROJECT / "romana-setup", "--version"]
    done = subprocess.run(command, cwd=tmp_path, env=CLEAN, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_link_to_the_launcher_starts_it_and_cdpath_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "romana-setup").symlink_to(PROJECT / "romana-setup")
    (tmp_path / "trap" / "bin").mkdir(parents=True)
    done = subprocess.run(
        ["sh", "bin/romana-setup", "--version"],
        cwd=tmp_path,
        env={**CLEAN, "CDPATH": str(tmp_path / "trap")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def reading(tmp_path: Path) -> list[str | Path]:
    """A command that has Ansible read an inventory."""
    inventory = tmp_path / "servers.yml"
    inventory.write_text("controller: {hosts: {alpha: {ansible_host: 192.0.2.10}}}\ncompute: {hosts: {alpha: {}}}\n")
    return [PROJECT / "romana-setup", "-i", inventory, "-e", "openstack_engine=none", "validate"]


def test_an_inventory_is_read_the_same_from_every_shell(tmp_path: Path, reading: list[str | Path]) -> None:
    environment = {**CLEAN, **HARMFUL, "XDG_STATE_HOME": str(tmp_path)}
    done = subprocess.run(reading, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_standard_stream_is_one_that_leads_nowhere(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "plan.txt"
    environment = {**CLEAN, "XDG_STATE_HOME": str(tmp_path)}
    code = f"{shlex.join(PLAN)} >{shlex.quote(str(path))} {closed}; exit $?"
    done = subprocess.run(["bash", "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(path.read_text()) == (">&-" not in closed.split())


def test_streams_that_do_not_wait_are_made_to(tmp_path: Path, reading: list[str | Path]) -> None:
    """As another program's end may leave a terminal; Ansible, which reads the inventory, refuses such streams."""
    reader, writer = os.pipe()
    for descriptor in (reader, writer):
        os.set_blocking(descriptor, False)
    with os.fdopen(reader, "rb") as stdin, os.fdopen(writer, "wb"):
        environment = {**CLEAN, "XDG_STATE_HOME": str(tmp_path)}
        done = subprocess.run(reading, env=environment, stdin=stdin, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
