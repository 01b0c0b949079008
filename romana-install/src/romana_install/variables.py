"""The variables the playbooks are given."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from romana_install import access, machine
from romana_install.aws.network import subnet_of, subnets
from romana_install.checks import uplink_wanted
from romana_install.package_index import pip_options
from romana_install.settings import Config
from romana_install.stack import Stack, cache_home, uplink
from romana_install.vagrant import machines

NODE_PYTHON = {"bookworm": "3.11", "trixie": "3.13"}


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
        **(_of_instances(config, stack) if stack.target == "aws" else {}),
        **(_of_machine(config, stack) if stack.target == "local" else {}),
        **(machines.variables(config, stack) if stack.target == "vagrant" else {}),
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
        "stack_console_address": access.HERE if stack.target == "aws" else stack.controller.address,
    }


def _of_machine(config: Config, stack: Stack) -> dict[str, Any]:
    """What of this machine the target local uses: its interface in the nodes' network, and how it finds others."""
    return {
        "local_uplink": uplink_wanted(config.local_uplink, stack.engine),
        "local_interface": uplink(stack.name),
        "local_resolvers": [str(address) for address in machine.observe().resolvers],
        "local_pip": pip_options(),
    }


def _of_instances(config: Config, stack: Stack) -> dict[str, Any]:
    """What the target aws makes of the nodes: subnets and instances."""
    return {
        "stack_subnets": [{"network": str(part.network), "zone": part.zone} for part in subnets(config)],
        "stack_instances": [
            {
                "name": node.name,
                "address": node.address,
                "controller": node.controller,
                "type": config.aws_instance_type_controller if node.controller else config.aws_instance_type_compute,
                "network": str(subnet_of(config, node.index).network),
            }
            for node in stack.nodes
        ],
    }


def of_removal(config: Config) -> dict[str, Any]:
    """What giving servers back needs of the configuration."""
    return {"static_forget": config.static_forget, "static_remove_packages": config.static_remove_packages}


def of_stack(stack: Stack) -> dict[str, Any]:
    """What every playbook needs."""
    return {
        "stack_name": stack.name,
        "stack_dir": str(stack.directory),
        "target": stack.target,
        "openstack_engine": stack.engine,
        "stack_nodes": [asdict(node) for node in stack.nodes],
        "stack_leaving": [node.name for node in stack.leaving],
        "stack_served": stack.served,
        **({"region": stack.cloud["region"], "aws_profile": stack.cloud["profile"]} if stack.target == "aws" else {}),
        **({"vagrant_provider": stack.cloud["provider"]} if stack.target == "vagrant" else {}),
    }
