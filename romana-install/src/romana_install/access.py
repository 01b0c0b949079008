"""How a user reaches the cloud: the files that OpenStack's clients read, for the administrator and for the user demo.

They are in the stack's state directory, for its owner only, as they hold passwords.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import yaml

from romana_install.files import write_private
from romana_install.settings import Config
from romana_install.stack import Stack

CLOUDS_FILE = "clouds.yaml"
DOMAIN = "Default"


def auth_url(stack: Stack) -> str:
    """Where Keystone is."""
    return f"http://{stack.controller.address}{stack.identity}/v3"


def dashboard_url(stack: Stack) -> str:
    """Where Horizon is."""
    return f"http://{stack.controller.address}/{'dashboard' if stack.engine == 'devstack' else 'horizon'}/"


def users(config: Config) -> tuple[str, ...]:
    """The users a person may be; each has a project of the same name."""
    return ("admin", "demo") if config.openstack_demo else ("admin",)


def cloud_name(stack: Stack, user: str) -> str:
    """What clouds.yaml calls the cloud as `user` sees it."""
    return stack.name if user == "admin" else f"{stack.name}-{user}"


def openrc_names(user: str) -> tuple[str, str]:
    """The names of the file a shell sources to be `user`: OpenStack's own, and the one that Packstack's users know."""
    return f"{user}-openrc", f"keystonerc_{user}"


def write(stack: Stack, config: Config, passwords: Mapping[str, str]) -> None:
    """Write clouds.yaml and, for each user, what a shell sources; a file of a user that is no longer one of ours goes.

    Args:
        stack: gets them into its directory.
        config: its configuration.
        passwords: by name, those of the users among them.
    """
    write_private(stack.directory / CLOUDS_FILE, clouds(stack, config, passwords))
    ours = users(config)
    for user in ours:
        for name in openrc_names(user):
            write_private(stack.directory / name, openrc(stack, config, user, passwords[user]))
    kept = {name for user in ours for name in openrc_names(user)}
    for pattern in openrc_names("*"):
        for path in stack.directory.glob(pattern):
            if path.name not in kept:
                path.unlink()


def clouds(stack: Stack, config: Config, passwords: Mapping[str, str]) -> str:
    """The text of clouds.yaml."""
    found = {
        cloud_name(stack, user): {
            "auth": {
                "auth_url": auth_url(stack),
                "username": user,
                "password": passwords[user],
                "project_name": user,
                "user_domain_name": DOMAIN,
                "project_domain_name": DOMAIN,
            },
            "region_name": config.openstack_region,
            "interface": "public",
            "identity_api_version": "3",
        }
        for user in users(config)
    }
    return "# Written by romana-setup.\n" + yaml.safe_dump({"clouds": found}, sort_keys=False)


def openrc(stack: Stack, config: Config, user: str, password: str) -> str:
    """The text of a file that makes a shell's OpenStack clients be `user`."""
    variables = {
        "OS_AUTH_URL": auth_url(stack),
        "OS_USERNAME": user,
        "OS_PASSWORD": password,
        "OS_PROJECT_NAME": user,
        "OS_USER_DOMAIN_NAME": DOMAIN,
        "OS_PROJECT_DOMAIN_NAME": DOMAIN,
        "OS_REGION_NAME": config.openstack_region,
        "OS_INTERFACE": "public",
        "OS_IDENTITY_API_VERSION": "3",
    }
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    # A proxy of this shell's knows no way to the nodes.
    address = stack.controller.address
    lines += [f'export {name}="${{{name}:+${name},}}{address}"' for name in ("no_proxy", "NO_PROXY")]
    # A cloud chosen by name would win over all of these.
    return "\n".join(
        ["# Written by romana-setup; use it with: . ./" + openrc_names(user)[0], "unset OS_CLOUD", *lines, ""]
    )
