"""A romana-server of some later release, whose rules of groups and permissions of endpoints may say more."""

from __future__ import annotations

import sys

from romana import models
from romana.models import GroupPut, GroupRule, Permissions

KNOWING_RULES = (models.GroupRule, models.GroupPut, models.Group, models.StateGroup)
KNOWING_PERMISSIONS = (
    models.Permissions,
    models.EndpointCreate,
    models.EndpointUpdate,
    models.Endpoint,
    models.StateEndpoint,
)


class NewerRule(GroupRule):
    log: bool


class NewerGroup(GroupPut):
    rules: list[GroupRule | NewerRule]  # type: ignore[assignment]


class NewerPermissions(Permissions):
    shield: bool


class NewerUpdate(models.EndpointUpdate):
    permissions: NewerPermissions  # type: ignore[assignment]


def main() -> int:
    """Serve."""
    for model in (models.GroupRule, models.Permissions):
        model.model_config["extra"] = "allow"
    for model in (*KNOWING_RULES, *KNOWING_PERMISSIONS, models.HostState, models.Changes):
        model.model_rebuild(force=True)
    from romana.server.main import main as serve

    return serve()


if __name__ == "__main__":
    sys.exit(main())
