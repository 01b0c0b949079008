"""The image of the nodes of a local stack, from which servers, boxes and labs of other tests are made, too."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from romana_install.ansible.variables import TRAITS
from romana_install.config.settings import Config
from romana_install.state.stack import cache_home
from romana_install.targets.checks import OPENSTACK_RELEASE
from romana_install.targets.local.target import Local

PROJECT = Path(__file__).parents[2]
PLAYBOOK = Path(__file__).with_name("node_image.yml")


@functools.cache
def node_image(engine: str, debian: str = OPENSTACK_RELEASE) -> Path:
    """The image for an engine, built if no installation has done that yet; it is not to be written to."""
    config = Config(openstack_engine=engine, local_debian_release=debian)
    with tempfile.TemporaryDirectory(prefix="romana-node-image-") as directory:
        answer = Path(directory) / "path"
        variables = {
            **config.model_dump(include={"openstack_engine", "local_debian_release", "local_mirror"}),
            **TRAITS,
            **Local().reference(),
            "stack_name": "tests",
            "local_cache_dir": str(cache_home()),
            "node_image_answer": str(answer),
        }
        done = subprocess.run(
            [
                Path(sys.executable).with_name("ansible-playbook"),
                "-i",
                os.devnull,  # Ansible's own localhost, which it reaches without ssh
                "-e",
                json.dumps(variables),
                PLAYBOOK,
            ],
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".venv" / "collections"), "LC_ALL": "C.UTF-8"},
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return Path(answer.read_text())
