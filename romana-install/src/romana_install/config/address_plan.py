"""The address plan that a configuration asks for."""

from __future__ import annotations

from dataclasses import fields

from romana.addressing import AddressPlan
from romana_install.config.settings import Config

PLAN_KEYS = tuple(f"romana_{field.name}" for field in fields(AddressPlan))


def address_plan(config: Config) -> AddressPlan:
    """The address plan of a checked configuration."""
    return AddressPlan(*(getattr(config, key) for key in PLAN_KEYS))
