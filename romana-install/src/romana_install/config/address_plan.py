"""The address plan that a configuration asks for."""

from __future__ import annotations

from romana.addressing import AddressPlan
from romana_install.config.settings import Config


def address_plan(config: Config) -> AddressPlan:
    """The address plan of a checked configuration."""
    return AddressPlan(
        config.romana_cidr,
        config.romana_host_bits,
        config.romana_tenant_bits,
        config.romana_segment_bits,
        config.romana_endpoint_bits,
    )
