"""The launcher: makes the virtualenv when it has to, only then, and whole or not at all."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from romana_install.ansible.package_index import merged

PROJECT = Path(__file__).parents[2]
NOWHERE = "/nonexistent"
NOBODY = 65534

# Stands for the installer, so that a virtualenv with nothing in it but uv is enough.
INSTALLER = 'import sys\nprint("started", *sys.argv[1:])\n'


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project whose only requirement is uv, with its virtualenv made by the launcher."""
    root = tmp_path_factory.mktemp("project")
    for name in ("launcher", "requirements"):
        shutil.copytree(PROJECT / name, root / name)
    shutil.copy2(PROJECT / "romana-setup", root)
    package = root / "romana-install" / "src" / "romana_install"
    (package / "ansible").mkdir(parents=True)
    index = "ansible/package_index.py"
    shutil.copy2(PROJECT / "romana-install/src/romana_install" / index, package / index)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(INSTALLER)
    for name in ("install", "test"):
        shutil.copy2(root / "requirements/uv.lock", root / f"requirements/{name}.lock")
    done = start(root)
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def project(made_once: Path, tmp_path: Path) -> Path:
    """A copy of that copy; a virtualenv knows its path, but what the launcher does with it stands that."""
    root = tmp_path / "project"
    shutil.copytree(made_once, root, symlinks=True)
    (root / ".venv/root").write_text(f"{root}\n")
    return root


def start(root: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(root / "romana-setup"), *words]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, cwd="/", check=False
    )


def is_whole(root: Path) -> bool:
    lock = root / ".venv/install.lock"
    return lock.is_file() and lock.read_bytes() == (root / "requirements/install.lock").read_bytes()


def test_first_start_makes_the_virtualenv(made_once: Path) -> None:
    assert is_whole(made_once)
    assert (made_once / ".venv/collections/ansible_collections/romana/openstack").resolve() == made_once.resolve()


def test_next_start_makes_nothing(project: Path) -> None:
    done = start(project, "plan", "-e", "a b")
    assert (done.returncode, done.stdout, done.stderr) == (0, "started plan -e a b\n", "")


def test_exit_code_is_the_installers(project: Path) -> None:
    (project / "romana-install/src/romana_install/__main__.py").write_text("raise SystemExit(4)\n")
    assert start(project).returncode == 4


def changed_lock(root: Path) -> None:
    with (root / "requirements/install.lock").open("a") as lock:
        lock.write("# changed\n")


def without_python(root: Path) -> None:
    (root / ".venv/bin/python").unlink()
    (root / ".venv/bin/python").symlink_to("/nonexistent")


def half_unpacked(root: Path) -> None:
    (root / ".venv/install.lock").unlink()
    shutil.rmtree(root / ".venv/lib")


@pytest.mark.parametrize("damage", [changed_lock, without_python, half_unpacked])
def test_virtualenv_is_put_right(project: Path, damage: Callable[[Path], None]) -> None:
    damage(project)
    done = start(project)
    assert (done.returncode, done.stdout) == (0, "started\n"), done.stderr
    assert "preparing .venv" in done.stderr
    assert is_whole(project)
    assert start(project).stderr == ""


def test_virtualenv_that_was_moved_is_made_again(project: Path, tmp_path: Path) -> None:
    moved = tmp_path / "a moved project"
    project.rename(moved)
    done = start(moved, PATH=f"{moved}/.venv/bin:{os.environ['PATH']}")
    assert (done.returncode, done.stdout) == (0, "started\n"), done.stderr
    assert (moved / ".venv/bin/uv").is_file()
    assert start(moved).stderr == ""


def test_pips_configuration_says_where_from_and_not_where_to(project: Path, tmp_path: Path) -> None:
    shutil.rmtree(project / ".venv")
    given = subprocess.run(["pip", "config", "list"], capture_output=True, text=True, check=True).stdout
    lines = [f"{option} = {value}" for option, value in merged(given).items()]
    harm = [f"target = {NOWHERE}", "require-virtualenv = true", "dry-run = true", f"constraint = {NOWHERE}"]
    links = f"find-links = {NOWHERE}/wheels"
    configuration = tmp_path / "pip.conf"
    kept = [line for line in lines if not line.startswith("find-links")]
    configuration.write_text("\n".join(["[global]", *kept, links, "[install]", "user = true", *harm, ""]))
    done = start(project, PIP_CONFIG_FILE=str(configuration), PIP_USER="1", PIP_FIND_LINKS=f"{NOWHERE}/wheels")
    assert (done.returncode, done.stdout) == (0, "started\n"), done.stderr
    assert NOWHERE not in done.stderr


def test_configuration_that_pip_cannot_read_is_named(project: Path, tmp_path: Path) -> None:
    (project / ".venv/install.lock").write_text("another")
    (tmp_path / "pip.conf").write_text("[global\n")
    done = start(project, PIP_CONFIG_FILE=str(tmp_path / "pip.conf"))
    assert done.returncode != 0
    assert "pip.conf: pip cannot read it" in done.stderr
    assert "Traceback" not in done.stderr


def test_virtualenv_of_the_tests_is_kept(project: Path) -> None:
    shutil.move(project / ".venv/install.lock", project / ".venv/test.lock")
    assert start(project).stderr == ""
    with (project / "requirements/test.lock").open("a") as lock:
        lock.write("# changed\n")
    assert start(project).returncode == 0
    assert (project / ".venv/test.lock").read_bytes() == (project / "requirements/test.lock").read_bytes()
    assert not (project / ".venv/install.lock").exists()


def test_failure_leaves_no_virtualenv_that_looks_whole(project: Path) -> None:
    (project / "requirements/install.lock").write_text("uv==0.0.0 --hash=sha256:" + "0" * 64 + "\n")
    assert start(project).returncode != 0
    assert not is_whole(project)


def test_virtualenv_is_made_when_nobody_reads(project: Path) -> None:
    shutil.rmtree(project / ".venv")
    command = f"{shlex.quote(str(project / 'romana-setup'))} 2>&1 | true; exit ${{PIPESTATUS[0]}}"
    subprocess.run(["bash", "-c", command], check=False)
    assert is_whole(project)


def test_concurrent_first_starts(project: Path) -> None:
    shutil.rmtree(project / ".venv")
    command = [str(project / "romana-setup")]
    starts = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ended = [(*process.communicate(), process.returncode) for process in starts]
    assert [(out, code) for out, _, code in ended] == [("started\n", 0)] * 3
    assert sum("preparing" in error for _, error, _ in ended) == 1


def test_virtualenv_is_not_made_anew_under_who_uses_it(project: Path) -> None:
    main = project / "romana-install/src/romana_install/__main__.py"
    main.write_text("print('started', flush=True)\ninput()\n")
    command = [str(project / "romana-setup")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdin is not None
        assert user.stdout is not None
        assert user.stdout.readline() == "started\n"
        changed_lock(project)
        main.write_text(INSTALLER)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            assert other.stderr is not None
            assert "waiting for others who use .venv" in other.stderr.readline()
            assert not is_whole(project)
            user.stdin.close()
            assert other.stdout.read() == "started\n"
    assert is_whole(project)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be in somebody else's clone as if it were its own")
def test_what_root_makes_in_somebodys_clone_is_that_somebodys(project: Path, tmp_path: Path) -> None:
    for path in (project, *project.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    changed_lock(project)
    home = tmp_path / "home"
    assert start(project, HOME=str(home)).returncode == 0
    assert start(project, HOME=str(home)).stdout == "started\n"
    assert is_whole(project)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")  # a run of all layers has one
    compiled = cache / "romana-setup" / "bytecode" / project.relative_to("/")
    assert list(compiled.rglob("romana_install/__init__*.pyc"))
    odd = [path for path in (project, *project.rglob("*")) if path.lstat().st_uid != NOBODY]
    assert odd == []


def test_no_python_and_no_root(project: Path, tmp_path: Path) -> None:
    shutil.rmtree(project / ".venv")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "dirname", "cmp", "flock", "ls", "rm", "apt-get", "readlink", "env", "sed"):
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    (programs / "id").write_text("#!/bin/sh\necho 1000\n")
    (programs / "id").chmod(0o755)
    done = start(project, PATH=str(programs))
    assert done.returncode != 0
    assert "as root: apt-get install python3 python3-venv" in done.stderr


def test_uv_that_starts_is_the_one_that_stays() -> None:
    bootstrap = (PROJECT / "requirements/uv.lock").read_text().split()[0]
    assert f"\n{bootstrap} " in (PROJECT / "requirements/install.lock").read_text()
    assert f"\n{bootstrap} " in (PROJECT / "requirements/test.lock").read_text()
