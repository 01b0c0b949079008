"""Neutron's service plugin for QoS, as far as hosts can do it: `service_plugins = romana_qos`.

A policy's bandwidth limits reach the endpoints of its ports, and of the ports of its networks; everything else that
Neutron's own plugin knows is neither listed nor taken.
"""

from __future__ import absolute_import

from networking_romana import in_step
from networking_romana.bandwidth import BANDWIDTH_LIMIT, EGRESS, INGRESS, RANGES, check
from networking_romana.compat import QosDriver, QosPlugin, portbindings
from networking_romana.port import TAP

# There are no minima, no limits of packets, and so nothing to ask Placement for.
WITHOUT_EFFECT = frozenset(
    (
        "port-resource-request",
        "port-resource-request-groups",
        "qos-bw-minimum-ingress",
        "qos-pps",
        "qos-pps-minimum",
        "qos-pps-minimum-rule-alias",
    )
)


class Plugin(QosPlugin):
    """Entry point of the plugin."""

    supported_extension_aliases = sorted(set(QosPlugin.supported_extension_aliases) - WITHOUT_EFFECT)
    # Neutron looks for these by the name of the class itself, not of its base.
    __native_pagination_support = True
    __native_sorting_support = True
    __filter_validation_support = True
    # These would ask the database, whenever somebody looks at a port, what the port wants of Placement: nothing.
    _extend_port_resource_request = _extend_port_resource_request_bulk = None

    def __init__(self):
        super(Plugin, self).__init__()
        self.driver_manager.register_driver(Driver())

    def create_policy_rule(self, context, rule_cls, policy_id, rule_data):
        """Make a rule. Raises RomanaInvalid for one that no host would keep."""
        _check(rule_cls, rule_data)
        return super(Plugin, self).create_policy_rule(context, rule_cls, policy_id, rule_data)

    def update_policy_rule(self, context, rule_cls, rule_id, policy_id, rule_data):
        """Change a rule. Raises RomanaInvalid for what no host would keep."""
        _check(rule_cls, rule_data)
        return super(Plugin, self).update_policy_rule(context, rule_cls, rule_id, policy_id, rule_data)


# Neutron takes what any base of a plugin supports for supported.
QosPlugin.supported_extension_aliases = Plugin.supported_extension_aliases


class Driver(QosDriver):
    """What hosts can do, and the way there."""

    def __init__(self):
        ranges = dict((key, {"type:range": list(bounds)}) for key, bounds in RANGES.items())
        rules = {BANDWIDTH_LIMIT: dict(ranges, direction={"type:values": [EGRESS, INGRESS]})}
        super(Driver, self).__init__("romana", [TAP], [portbindings.VNIC_NORMAL], rules)

    def update_policy(self, _context, policy):
        """Have the endpoints of a policy's ports limited as it says now."""
        for key, those in (("id", policy.get_bound_ports()), ("network_id", policy.get_bound_networks())):
            if those:
                in_step.keep_all({key: those})


def _check(rule_cls, rule_data):
    check(rule_cls.rule_type, rule_data[rule_cls.rule_type + "_rule"])
