"""Where Python packages come from: pip's own configuration, said in uv's words.

Who has configured an index for pip expects it to be used; uv does not read pip's configuration. Only the standard
library is imported here: the launcher runs this before anything is installed.
"""

from __future__ import annotations

import ast
import os
import shlex
import subprocess
import sys

_UV_VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}
# pip: environment over `install` section over `global` section.
_SECTIONS = ("global", "install", ":env:")


def uv_environment() -> dict[str, str]:
    """Environment variables that make uv use what pip is configured to use; those the user has set already win."""
    return translate(_pip_config(), os.environ)


def translate(pip_config: str, environment: os._Environ[str] | dict[str, str]) -> dict[str, str]:
    """Variables of uv for the output of `pip config list`, without those set in `environment`."""
    settings = {_UV_VARIABLES[option]: value for option, value in merged(pip_config).items()}
    if "UV_INDEX" in settings:
        # pip looks at all indexes; uv stops at the first that has the name. The lock's hashes make looking at all safe.
        settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if "UV_FIND_LINKS" in settings:
        settings["UV_FIND_LINKS"] = settings["UV_FIND_LINKS"].replace(" ", ",")
    return {name: value for name, value in settings.items() if name not in environment}


def pip_options() -> dict[str, str]:
    """Of pip's configuration on this machine what other machines can use."""
    return reachable(_pip_config())


def reachable(pip_config: str) -> dict[str, str]:
    """The options of `pip config list` that name indexes which are reached by the network."""
    return {
        option: addresses
        for option, value in merged(pip_config).items()
        if option in ("index-url", "extra-index-url", "trusted-host")
        and (addresses := " ".join(word for word in value.split() if not word.startswith("file:")))
    }


def merged(pip_config: str) -> dict[str, str]:
    """The options of `pip config list` about where packages come from, each as it counts in the end."""
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in pip_config.splitlines():
        key, _, value = line.partition("=")
        section, _, option = key.rpartition(".")
        if section in found and option in _UV_VARIABLES:
            found[section][option] = " ".join(str(ast.literal_eval(value)).split())
    return {option: value for section in _SECTIONS for option, value in found[section].items()}


def _pip_config() -> str:
    for pip in ([sys.executable, "-m", "pip"], ["pip3"], ["pip"]):
        try:
            return subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            continue
    return ""  # nobody has pip, so nobody has configured it


if __name__ == "__main__":
    for _name, _value in uv_environment().items():
        print(f"export {_name}={shlex.quote(_value)}")
