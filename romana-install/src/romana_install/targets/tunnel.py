"""The action `tunnel`: a cloud to whose addresses nothing but ssh leads, on this machine, for as long as it runs."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Mapping
from typing import NoReturn

from romana_install.base.errors import UsageError
from romana_install.config.options import Options
from romana_install.config.settings import Config
from romana_install.state import access, forward
from romana_install.state.login import become
from romana_install.state.stack import Stack, StackError
from romana_install.verify.cloud import Cloud, CloudError


def overrides(stack: Stack, config: Config, passwords: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Where each user's clients find the services by the tunnel: URLs by type, by user. passwords: by name.

    Raises:
        StackError: ssh does not lead to Keystone, or that cannot be asked.
    """
    found = {}
    with stack.forwarded(*access.PORTS) as sockets:
        for user in access.users(config):
            try:
                with Cloud(access.auth_url(stack), user, passwords[user], user, sockets) as cloud:
                    found[user] = access.overrides(cloud.urls)
            except CloudError as error:
                raise StackError(f"where the cloud's services are cannot be asked: {error}") from None
    return found


def tunnel(stack: Stack, _options: Options) -> NoReturn:
    """Become ssh that forwards; never returns.

    Raises:
        UsageError: there is nothing to forward, or a port of this machine is taken.
        StackError: ssh does not get there.
    """
    if not stack.target.by_ssh(stack):
        raise UsageError(f"stack {stack.name} needs no tunnel: this machine reaches {stack.controller.address} itself")
    if not stack.has_openstack:
        raise UsageError(f"stack {stack.name} has no OpenStack to lead to")
    if taken := [port for port in map(access.local_port, access.PORTS) if not _is_free(port)]:
        ports = ", ".join(map(str, taken))
        raise UsageError(f"taken on this machine: TCP {ports} of {access.HERE}; end what listens there (ss -ltnp)")
    if refused := forward.refusal(stack, stack.controller, access.PORTS[0]):
        raise StackError(f"ssh does not lead to {stack.controller.name}: {refused}")
    print(told(stack), flush=True)
    become(command(stack))


def command(stack: Stack) -> list[str]:
    """Arguments of the ssh that forwards all ports of the cloud, at addresses of this machine alone. Pure."""
    program, *rest = stack.login_command(stack.controller.name)
    options = ["ClearAllForwardings=no", "ExitOnForwardFailure=yes", "ControlPath=none", "ServerAliveInterval=15"]
    forwards = [f"{access.HERE}:{access.local_port(port)}:{stack.controller.address}:{port}" for port in access.PORTS]
    return [
        *(program, "-N"),
        *(word for option in options for word in ("-o", option)),
        *(word for one in forwards for word in ("-L", one)),
        *rest,
    ]


def told(stack: Stack) -> str:
    """What there is while it runs. Pure."""
    clouds = shlex.quote(str(stack.directory / access.CLOUDS_FILE))
    return "\n".join(
        [
            f"stack {stack.name} is at {access.HERE} until Ctrl-C:",
            f"  Horizon   {access.here(access.dashboard_url(stack))}",
            f"  Keystone  {access.here(access.auth_url(stack))}",
            "The cloud, with OpenStack's client, in another terminal:",
            f"  export OS_CLIENT_CONFIG_FILE={clouds}",
            f"  openstack --os-cloud {access.tunnelled_name(stack, 'admin')} server list --all-projects",
        ]
    )


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((access.HERE, port))
        except OSError:
            return False
    return True
