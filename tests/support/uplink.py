"""The uplink that nodes of the target local get, for a network of a test's own: names, and TCP ports 80 and 443.

What is reached by it is this machine's, so who is there has to trust whom this machine trusts (`trust`).
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

from romana_install.ansible.package_index import pip_options
from romana_install.base.machine import observe

PROJECT = Path(__file__).parents[2]
AUTHORITIES = Path("/usr/local/share/ca-certificates")


def resolvers() -> list[str]:
    """The name servers of this machine."""
    return [str(address) for address in observe().resolvers]


def let_out(name: str, interface: str, network: str, state: str) -> None:
    """Have it, or have it no more.

    Args:
        name: of the filter's table.
        interface: this machine's, towards that network.
        network: whose addresses are masqueraded.
        state: present or absent.
    """
    arguments = {
        "name": name,
        "interface": interface,
        "network": network,
        "resolvers": resolvers(),
        "state": state,
    }
    ansible = [Path(sys.executable).with_name("ansible"), "localhost", "-m", "romana.openstack.local_uplink"]
    interpreter = json.dumps({"ansible_python_interpreter": sys.executable})  # its path may have blanks
    command = [*ansible, "-e", interpreter, "-a", json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
    assert done.returncode == 0, done.stdout + done.stderr


def trust() -> str:
    """The shell script that makes a Debian system trust the authorities that this machine has and use its index."""
    options = {"cert": "/etc/ssl/certs/ca-certificates.crt", **pip_options()}
    files = {
        **{str(path): path.read_text() for path in sorted(AUTHORITIES.glob("*.crt"))},
        "/etc/pip.conf": "".join(["[global]\n", *(f"{name} = {value}\n" for name, value in options.items())]),
    }
    written = [f"cat >{shlex.quote(path)} <<'END'\n{text.rstrip()}\nEND" for path, text in files.items()]
    return "\n".join([f"mkdir -p {AUTHORITIES}", *written, "update-ca-certificates", ""])
