"""Every linter is quiet on every file that git tracks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PYTHON = Path(sys.executable).parent
GUEST = "roles/guest_image/files/guest"
SHELL = [
    *(
        "romana-setup",
        "run-tests",
        "launcher/venv.sh",
        "launcher/apart.sh",
        "launcher/owner.sh",
        "requirements/lock",
        ".ci/run",
    ),
    *(f"{GUEST}/usr/libexec/guest/{name}" for name in ("boot", "configure", "console", "lease", "metadata", "page")),
    *(f"{GUEST}/usr/bin/{name}" for name in ("curl", "lsblk", "sudo")),
    f"{GUEST}/etc/acpi/PWRF/00000080",
    *(
        f"networking-romana/devstack/{name}"
        for name in ("override-defaults", "plugin.sh", "python2", "qemu-img", "settings")
    ),
    *(f"roles/devstack/files/python2/{name}" for name in ("add-debian-11", "build-wheels")),
    *(f"networking-romana/tests/legacy/{name}" for name in ("install-neutron", "run-inside")),
    "tests/e2e/static/logins.sh",
    "tests/unit/devstack/devstack.bash",
    "tests/support/make-layer",
    "tests/e2e/vagrant/customize-box",
    "roles/nova/files/nova-has-failed-builds",
    "roles/libvirt/files/hook",
    "roles/packages/files/patient-apt",
    "romana-install/src/romana_install/verify/health.sh",
    "romana-install/src/romana_install/targets/static/facts.sh",
    "roles/nova_compute/files/end-instances",
    "roles/nova_compute/files/remove-unused-taps",
    *(
        f"roles/openstack_service/files/schemas/{name}"
        for name in ("glance", "keystone", "neutron", "nova", "placement")
    ),
]

LINTERS = {
    "ruff": ["ruff", "check", "--no-cache", "."],
    "ruff-format": ["ruff", "format", "--no-cache", "--check", "."],
    "mypy": ["mypy", "romana-core/src", "romana-install/src", "plugins", "networking-romana/src"],
    "ansible-lint": ["python", "tests/lint/ansible_lint.py", "--offline", "--strict", "-q", "--nocolor"],
    "yamllint": ["yamllint", "--strict", "."],
    "shellcheck": ["shellcheck", "--external-sources", *SHELL],
}


@pytest.mark.parametrize("name", LINTERS)
def test_linter_finds_nothing(name: str, tmp_path: Path) -> None:
    program, *arguments = LINTERS[name]
    environment = {
        **os.environ,
        "PATH": f"{PYTHON}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".venv" / "collections"),
        "TMPDIR": str(tmp_path),  # ansible-lint leaves files there
        "ANSIBLE_HOME": str(tmp_path),  # ansible-lint keeps a copy of the collection there, which would be found later
    }
    done = subprocess.run(
        [PYTHON / program, *arguments], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_shell_script_is_checked() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    scripts = [
        name
        for name in tracked.splitlines()
        # What a template becomes is no script before it is filled in.
        if (PROJECT / name).is_file()
        and not name.endswith(".j2")
        and (PROJECT / name).read_bytes()[:32].startswith((b"#!/bin/sh", b"#!/bin/bash"))
    ]
    assert set(scripts) <= set(SHELL)
