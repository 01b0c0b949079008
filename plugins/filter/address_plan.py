"""Filters over the address plan; romana.addressing computes, these only speak Jinja."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from ansible.errors import AnsibleFilterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from romana.addressing import AddressPlan


Computed = TypeVar("Computed")


LOCATION_KEYS = ("host", "tenant", "segment", "endpoint")


def romana_host_network(host: int, plan: dict[str, Any] | None = None) -> str:
    """The prefix of a host, like 10.1.0.0/16. Raises AnsibleFilterError."""
    return _computed("romana_host_network", plan, lambda addresses: str(addresses.host_network(int(host))))


def romana_gateway(host: int, plan: dict[str, Any] | None = None) -> str:
    """The address of a host's gateway interface with its prefix length, like 10.1.0.1/16. Raises AnsibleFilterError."""

    def compute(addresses: AddressPlan) -> str:
        return f"{addresses.gateway(int(host))}/{addresses.host_prefix_length}"

    return _computed("romana_gateway", plan, compute)


def romana_address(location: dict[str, Any], plan: dict[str, Any] | None = None) -> str:
    """The address of the endpoint at {host, tenant, segment, endpoint}. Raises AnsibleFilterError."""

    def compute(addresses: AddressPlan) -> str:
        if set(location) != set(LOCATION_KEYS):
            raise ValueError(f"the location has the keys {', '.join(location)}; give {', '.join(LOCATION_KEYS)}")
        return str(addresses.address(*(int(location[key]) for key in LOCATION_KEYS)))

    return _computed("romana_address", plan, compute)


def romana_locate(address: str, plan: dict[str, Any] | None = None) -> dict[str, int]:
    """The {host, tenant, segment, endpoint} an address says. Raises AnsibleFilterError."""

    def compute(addresses: AddressPlan) -> dict[str, int]:
        location = addresses.locate(address)
        return {key: getattr(location, key) for key in LOCATION_KEYS}

    return _computed("romana_locate", plan, compute)


def _computed(name: str, plan: dict[str, Any] | None, compute: Callable[[AddressPlan], Computed]) -> Computed:
    try:
        # Not at the top: `ansible-doc` shows these filters where romana-core isn't installed.
        from romana.addressing import AddressPlan
    except ImportError as error:
        raise AnsibleFilterError(
            f"{name}: romana-core is not on Ansible's Python path; run Ansible through ./romana-setup, or"
            " as .venv/bin/ansible-playbook"
        ) from error
    try:
        keys = [field.name for field in fields(AddressPlan)]
        unknown = set(plan or {}) - set(keys)
        if unknown:
            raise ValueError(f"the plan has no {', '.join(sorted(unknown))}; its keys are {', '.join(keys)}")
        return compute(AddressPlan(**(plan or {})))
    except ValueError as error:
        raise AnsibleFilterError(f"{name}: {error}") from error


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters by name."""
        return {
            "romana_address": romana_address,
            "romana_gateway": romana_gateway,
            "romana_host_network": romana_host_network,
            "romana_locate": romana_locate,
        }
