"""Where Python packages come from: pip's own configuration, said in uv's words and in pip's own.

Who has configured an index for pip expects it to be used; uv does not read pip's configuration. What else that says,
as where and how to install, is not for our virtualenv. Only the standard library is imported here: the launcher runs
this before anything is installed.
"""

from __future__ import annotations

import ast
import errno
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

_UV_VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "no-index": "UV_NO_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
}
# pip: environment over `install` section over `global` section.
_SECTIONS = ("global", "install", ":env:")
# pip, but not uv, takes certificates from these, too.
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def uv_environment() -> dict[str, str]:
    """Environment variables that make uv use what pip is configured to use; those the user has set already win."""
    return translate(_pip_config(), os.environ)


def translate(pip_config: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Variables of uv for the output of `pip config list`, without those set in `environment`."""
    options = usable(merged(pip_config))
    settings = {_UV_VARIABLES[option]: value for option, value in options.items()}
    bundles = [environment[name] for name in _CERTIFICATES if environment.get(name)]
    if bundles:
        settings.setdefault("SSL_CERT_FILE", bundles[0])
    if "UV_INDEX" in settings:
        # pip looks at all indexes; uv stops at the first that has the name. The lock's hashes make looking at all safe.
        settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if "UV_FIND_LINKS" in settings:
        settings["UV_FIND_LINKS"] = settings["UV_FIND_LINKS"].replace(" ", ",")
    return {name: value for name, value in settings.items() if name not in environment}


def pip_environment(pip_config: str) -> dict[str, str]:
    """Variables that make pip use that index, and nothing else that its configuration says."""
    configured = merged(pip_config)
    options = {**dict.fromkeys(configured, ""), **usable(configured)}  # an empty one is as if it weren't there
    found = {f"PIP_{option.upper().replace('-', '_')}": value for option, value in options.items()}
    return {"PIP_CONFIG_FILE": os.devnull, **found}


def usable(options: Mapping[str, str]) -> dict[str, str]:
    """The options without directories that are not there: pip warns of them, and uv ends."""
    found = dict(options)
    if "find-links" in found:
        found["find-links"] = " ".join(word for word in found["find-links"].split() if _is_there(word))
    return {option: value for option, value in found.items() if value}


def _is_there(place: str) -> bool:
    """Whether a place of packages, a URL or a path, can be looked into; what is elsewhere is taken to be there."""
    address = urlsplit(place)
    if address.scheme not in ("", "file"):
        return True
    return Path(unquote(address.path) if address.scheme else place).expanduser().exists()


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
    """What `pip config list` prints. Raises OSError when pip cannot read its configuration."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise OSError(errno.EINVAL, f"pip cannot read it: {reason}; find the file with: pip config debug", "pip.conf")
    return done.stdout


def _exports() -> str:
    """Shell commands by which pip and uv come to use the configured index."""
    pip_config = _pip_config()
    variables = {**pip_environment(pip_config), **translate(pip_config, os.environ)}
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())


if __name__ == "__main__":
    try:
        print(_exports())
    except OSError as error:
        sys.exit(f"romana-setup: {error.filename}: {error.strerror}")
