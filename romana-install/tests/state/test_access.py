"""The files that OpenStack's clients read."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from romana_install.config.settings import Config
from romana_install.state import access
from romana_install.state.stack import Stack
from romana_install.targets.local.target import Local

PASSWORDS = {"admin": "s3cret-admin", "demo": "s3cret~demo", "nova": "s3cret-nova"}


def written(directory: Path, **settings: Any) -> Path:
    config = Config(stack_name="blue", **settings)
    access.write(Stack("blue", directory, Local().nodes(config), Local(), "packages"), config, PASSWORDS)
    return directory


def test_clouds(tmp_path: Path) -> None:
    written(tmp_path, openstack_region="west")
    clouds = yaml.safe_load((tmp_path / "clouds.yaml").read_text())["clouds"]
    assert list(clouds) == ["blue", "blue-demo"]
    assert clouds["blue-demo"]["auth"] == {
        "auth_url": "http://192.168.99.10:5000/v3",
        "username": "demo",
        "password": "s3cret~demo",
        "project_name": "demo",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }
    assert {cloud["region_name"] for cloud in clouds.values()} == {"west"}
    assert clouds["blue"]["auth"]["username"] == "admin"


@pytest.mark.parametrize("user", ["admin", "demo"])
def test_shell_is_the_user_and_no_other(user: str, tmp_path: Path) -> None:
    name = access.openrc_names(user)[0]
    program = '. "./$1" && exec python3 -c "import json, os; print(json.dumps(dict(os.environ)))"'
    done = subprocess.run(
        ["sh", "-euc", program, "sh", name],
        cwd=written(tmp_path),
        env={"PATH": "/usr/bin:/bin", "OS_CLOUD": "another"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = {key: value for key, value in json.loads(done.stdout).items() if key.startswith("OS_")}
    assert (found["OS_USERNAME"], found["OS_PROJECT_NAME"], found["OS_PASSWORD"]) == (user, user, PASSWORDS[user])
    assert found["OS_AUTH_URL"] == "http://192.168.99.10:5000/v3"
    assert "OS_CLOUD" not in found


@pytest.mark.parametrize(("before", "after"), [("", "192.168.99.10"), ("a.example", "a.example,192.168.99.10")])
def test_a_proxy_of_the_shell_is_not_asked_for_the_controller(before: str, after: str, tmp_path: Path) -> None:
    program = '. ./admin-openrc; printf "%s %s" "$no_proxy" "$NO_PROXY"'
    environment = {"PATH": "/usr/bin:/bin", "https_proxy": "http://proxy.example:1"}
    environment |= {"no_proxy": before, "NO_PROXY": before} if before else {}
    done = subprocess.run(
        ["sh", "-euc", program], cwd=written(tmp_path), env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{after} {after}"


def test_whatever_is_in_a_password_reaches_the_client(tmp_path: Path) -> None:
    config = Config()
    text = access.openrc(Stack("blue", tmp_path, Local().nodes(config), Local()), config, "admin", "a'b $(c) \"d")
    done = subprocess.run(
        ["sh", "-euc", f'{text}\nprintf %s "$OS_PASSWORD"'], capture_output=True, text=True, check=True
    )
    assert done.stdout == "a'b $(c) \"d"


def test_files_are_for_their_owner_and_without_other_passwords(tmp_path: Path) -> None:
    paths = sorted(written(tmp_path).iterdir())
    assert [path.name for path in paths] == [
        "admin-openrc",
        "clouds.yaml",
        "demo-openrc",
        "keystonerc_admin",
        "keystonerc_demo",
    ]
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    assert not any("s3cret-nova" in path.read_text() for path in paths)


def test_without_demo_its_files_go(tmp_path: Path) -> None:
    written(tmp_path)
    written(tmp_path, openstack_demo=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["admin-openrc", "clouds.yaml", "keystonerc_admin"]
    assert "demo" not in (tmp_path / "clouds.yaml").read_text()


@pytest.mark.parametrize(
    ("engine", "identity", "horizon"),
    [
        ("packages", ":5000", "/horizon/"),
        ("devstack", "/identity", "/dashboard/"),
        ("devstack", ":5000", "/dashboard/"),
    ],
)
def test_places_of_the_engines(engine: str, identity: str, horizon: str, tmp_path: Path) -> None:
    stack = Stack("blue", tmp_path, Local().nodes(Config()), Local(), engine, identity=identity)
    assert access.auth_url(stack) == f"http://192.168.99.10{identity}/v3"
    assert access.dashboard_url(stack) == f"http://192.168.99.10{horizon}"
