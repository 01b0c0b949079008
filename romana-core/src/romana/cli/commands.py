"""Which command is which class; the original's names are second names of the same classes.

A class is imported when its command runs, so a command does not pay for the others.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint

COMMANDS = {
    "host list": "hosts:ListHosts",
    "host show": "hosts:ShowHost",
    "host create": "hosts:CreateHost",
    "host set": "hosts:SetHost",
    "host delete": "hosts:DeleteHost",
    "tenant list": "tenants:ListTenants",
    "tenant show": "tenants:ShowTenant",
    "tenant create": "tenants:CreateTenant",
    "tenant delete": "tenants:DeleteTenant",
    "segment list": "segments:ListSegments",
    "segment show": "segments:ShowSegment",
    "segment create": "segments:CreateSegment",
    "segment delete": "segments:DeleteSegment",
    "endpoint list": "endpoints:ListEndpoints",
    "endpoint show": "endpoints:ShowEndpoint",
    "endpoint create": "endpoints:CreateEndpoint",
    "endpoint delete": "endpoints:DeleteEndpoint",
    "group list": "groups:ListGroups",
    "group show": "groups:ShowGroup",
    "policy list": "policies:ListPolicies",
    "policy show": "policies:ShowPolicy",
    "policy create": "policies:CreatePolicy",
    "policy delete": "policies:DeletePolicy",
    "router list": "routers:ListRouters",
    "router show": "routers:ShowRouter",
    "router create": "routers:CreateRouter",
    "router delete": "routers:DeleteRouter",
    "floating-ip list": "floating_ips:ListFloatingIps",
    "floating-ip show": "floating_ips:ShowFloatingIp",
    "floating-ip create": "floating_ips:CreateFloatingIp",
    "floating-ip delete": "floating_ips:DeleteFloatingIp",
    "ipam show": "addresses:ShowIpam",
    "ipam check": "addresses:CheckIpam",
    "plan show": "addresses:ShowPlan",
    "explain": "explain:ExplainAddress",
    "help": "help:Help",
}

ORIGINAL_NAMES = {
    "show-host": "host list",
    "host add": "host create",
    "add-host": "host create",
    "host remove": "host delete",
    "remove-host": "host delete",
    "show-tenant": "tenant list",
    "create-tenant": "tenant create",
    "delete-tenant": "tenant delete",
    "segment add": "segment create",
    "add-segment": "segment create",
    "segment remove": "segment delete",
    "remove-segment": "segment delete",
}


def entry_points() -> dict[str, EntryPoint]:
    """Every command name with what loads its class."""
    classes = COMMANDS | {old: COMMANDS[new] for old, new in ORIGINAL_NAMES.items()}
    return {name: EntryPoint(name, f"romana.cli.{where}", "romana.cli") for name, where in classes.items()}
