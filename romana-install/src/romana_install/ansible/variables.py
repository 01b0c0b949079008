"""The variables the playbooks are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from romana_install.config.settings import Config
from romana_install.state import access
from romana_install.state.stack import Stack, cache_home

# How playbooks treat nodes; a target says where its own are different.
TRAITS: Mapping[str, Any] = {
    "nodes_are_given_back": False,  # they were there before, and are left as they were
    "nodes_are_containers": False,  # on this machine: what they write has to survive no failure of its own
    "nodes_have_guest": False,  # their image has the guest's files
    "nodes_await_cloud_init": False,
    "nodes_are_routed": False,  # routers between them know each host's prefix
    "nodes_have_floating_ips": False,  # that the network delivers to one of them only
    "local_uplink": False,
}


def of_install(
    config: Config, stack: Stack, release_path: str, release_digest: str, secrets: dict[str, Any]
) -> dict[str, Any]:
    """Everything site.yml needs: the whole configuration, and what the installer has made for it.

    secrets: as `secrets.ensure` returns them; passwords that the configuration has are among them.
    """
    tokens = secrets["tokens"]
    return {
        **config.model_dump(exclude={"openstack_passwords"}),
        **of_stack(stack),
        **stack.target.variables(config, stack),
        "devstack_release": stack.release,
        "devstack_git_base": stack.git_base,
        "local_cache_dir": config.local_cache_dir or str(cache_home()),
        "romana_release": release_path,
        "romana_release_digest": release_digest,
        "romana_tokens": {**tokens, "agents": {node.name: tokens["agents"][node.name] for node in stack.nodes}},
        **(_of_openstack(config, stack, secrets["passwords"]) if stack.has_openstack else {}),
    }


def _of_openstack(config: Config, stack: Stack, passwords: dict[str, str]) -> dict[str, Any]:
    return {
        "openstack_secrets": passwords,
        "openstack_clouds": access.clouds(stack, config, passwords),
        "stack_demo_key": str(stack.demo_key.with_suffix(".pub")),
        "stack_console_address": access.HERE if stack.target.by_tunnel else stack.controller.address,
    }


def of_removal(config: Config) -> dict[str, Any]:
    """What giving servers back needs of the configuration."""
    return {"static_forget": config.static_forget, "static_remove_packages": config.static_remove_packages}


def of_stack(stack: Stack) -> dict[str, Any]:
    """What every playbook needs."""
    return {
        "stack_name": stack.name,
        "stack_dir": str(stack.directory),
        "target": stack.target.name,
        "openstack_engine": stack.engine,
        "stack_nodes": [asdict(node) for node in stack.nodes],
        "stack_leaving": [node.name for node in stack.leaving],
        "stack_served": stack.served,
        "stack_floating_ips": {},
        "stack_external_subnets": [],
        **TRAITS,
        **stack.target.reference(),
    }
