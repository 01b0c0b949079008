"""How a user reaches the cloud: the files that OpenStack's clients read, for the administrator and for the user demo.

They are in the stack's state directory, for its owner only, as they hold passwords.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from urllib.parse import urlsplit

import yaml

from romana_install.base.files import write_private
from romana_install.config.settings import Config
from romana_install.state.stack import Stack

CLOUDS_FILE = "clouds.yaml"
DOMAIN = "Default"
# TCP ports of the controller at which a cloud is: Horizon and what of DevStack's is beside it, Keystone, noVNC, Nova,
# Placement, Glance, Neutron.
PORTS = (80, 5000, 6080, 8774, 8778, 9292, 9696)
HERE = "127.0.0.1"  # where `tunnel` brings them on this machine
NO_URLS: Mapping[str, str] = {}
NO_OVERRIDES: Mapping[str, Mapping[str, str]] = {}


def auth_url(stack: Stack) -> str:
    """Where Keystone is."""
    return f"http://{stack.controller.address}{stack.identity}/v3"


def dashboard_url(stack: Stack) -> str:
    """Where Horizon is."""
    return f"http://{stack.controller.address}/{'dashboard' if stack.engine == 'devstack' else 'horizon'}/"


def local_port(port: int) -> int:
    """The port of this machine to which `tunnel` brings one of the controller's. Pure."""
    return 8080 if port == 80 else port  # what only root may use here


def here(url: str) -> str:
    """The same by the tunnel. Pure."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{HERE}:{local_port(parts.port or 80)}").geturl()


def overrides(urls: Mapping[str, str]) -> dict[str, str]:
    """Where clients find the services of a catalogue by the tunnel, by type. Pure."""
    return {service: here(url) for service, url in urls.items()}


def tunnelled_name(stack: Stack, user: str) -> str:
    """What clouds.yaml calls the cloud as `user` sees it by the tunnel; plain where nothing else leads there."""
    return cloud_name(stack, user) + ("" if stack.target.by_tunnel else "-tunnel")


def users(config: Config) -> tuple[str, ...]:
    """The users a person may be; each has a project of the same name."""
    return ("admin", "demo") if config.openstack_demo else ("admin",)


def cloud_name(stack: Stack, user: str) -> str:
    """What clouds.yaml calls the cloud as `user` sees it."""
    return stack.name if user == "admin" else f"{stack.name}-{user}"


def openrc_names(user: str) -> tuple[str, str]:
    """The names of the file a shell sources to be `user`: OpenStack's own, and the one that Packstack's users know."""
    return f"{user}-openrc", f"keystonerc_{user}"


def write(
    stack: Stack,
    config: Config,
    passwords: Mapping[str, str],
    tunnelled: Mapping[str, Mapping[str, str]] = NO_OVERRIDES,
) -> None:
    """Write clouds.yaml and, for each user, what a shell sources; a file of a user that is no longer one of ours goes.

    Args:
        stack: gets them into its directory.
        config: its configuration.
        passwords: by name, those of the users among them.
        tunnelled: where services are by the tunnel, by type, by user; none, where no tunnel is needed.
    """
    # Not where the user's own network may have such an address: whoever has it would be sent passwords.
    found = {} if stack.target.by_tunnel else _direct(stack, config, passwords)
    found |= _by_tunnel(stack, config, passwords, tunnelled)
    write_private(stack.directory / CLOUDS_FILE, _text(found))
    ours = users(config)
    for user in ours:
        for name in openrc_names(user):
            text = openrc(stack, config, user, passwords[user], tunnelled.get(user, {}))
            write_private(stack.directory / name, text)
    kept = {name for user in ours for name in openrc_names(user)}
    for pattern in openrc_names("*"):
        for path in stack.directory.glob(pattern):
            if path.name not in kept:
                path.unlink()


def clouds(stack: Stack, config: Config, passwords: Mapping[str, str]) -> str:
    """The text of clouds.yaml where the controller's address leads to it."""
    return _text(_direct(stack, config, passwords))


def _text(found: Mapping[str, object]) -> str:
    return "# Written by romana-setup.\n" + yaml.safe_dump({"clouds": dict(found)}, sort_keys=False)


def _direct(stack: Stack, config: Config, passwords: Mapping[str, str]) -> dict[str, object]:
    return {cloud_name(stack, user): _cloud(config, user, passwords[user], auth_url(stack)) for user in users(config)}


def _by_tunnel(
    stack: Stack, config: Config, passwords: Mapping[str, str], tunnelled: Mapping[str, Mapping[str, str]]
) -> dict[str, object]:
    return {
        tunnelled_name(stack, user): {
            **_cloud(config, user, passwords[user], here(auth_url(stack))),
            **{f"{_key(service)}_endpoint_override": url for service, url in urls.items()},
        }
        for user, urls in tunnelled.items()
    }


def _cloud(config: Config, user: str, password: str, url: str) -> dict[str, object]:
    return {
        "auth": {
            "auth_url": url,
            "username": user,
            "password": password,
            "project_name": user,
            "user_domain_name": DOMAIN,
            "project_domain_name": DOMAIN,
        },
        "region_name": config.openstack_region,
        "interface": "public",
        "identity_api_version": "3",
    }


def _key(service: str) -> str:
    return service.replace("-", "_")


def openrc(stack: Stack, config: Config, user: str, password: str, tunnelled: Mapping[str, str] = NO_URLS) -> str:
    """The text of a file that makes a shell's OpenStack clients be `user`. tunnelled: as in `write`, of that user.

    Where addresses of the nodes lead elsewhere from here, it is for the tunnel.
    """
    by_tunnel = stack.target.by_tunnel
    variables = {
        "OS_AUTH_URL": here(auth_url(stack)) if by_tunnel else auth_url(stack),
        "OS_USERNAME": user,
        "OS_PASSWORD": password,
        "OS_PROJECT_NAME": user,
        "OS_USER_DOMAIN_NAME": DOMAIN,
        "OS_PROJECT_DOMAIN_NAME": DOMAIN,
        "OS_REGION_NAME": config.openstack_region,
        "OS_INTERFACE": "public",
        "OS_IDENTITY_API_VERSION": "3",
    }
    if by_tunnel:
        variables |= {f"OS_{_key(service).upper()}_ENDPOINT_OVERRIDE": url for service, url in tunnelled.items()}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    # A proxy of this shell's knows no way to the nodes.
    address = HERE if by_tunnel else stack.controller.address
    lines += [f'export {name}="${{{name}:+${name},}}{address}"' for name in ("no_proxy", "NO_PROXY")]
    # A cloud chosen by name would win over all of these.
    return "\n".join(
        ["# Written by romana-setup; use it with: . ./" + openrc_names(user)[0], "unset OS_CLOUD", *lines, ""]
    )
