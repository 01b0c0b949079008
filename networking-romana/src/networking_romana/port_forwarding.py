"""Neutron's service plugin for forwarding ports of floating IPs: `service_plugins = romana_port_forwarding`.

Hosts translate by themselves, so no agent is told: see floating_ips. Neutron's own plugin does the rest. Ranges of
ports are not offered: a host would have to know each port of them.
"""

from __future__ import absolute_import

from networking_romana import delivery, floating_ips
from networking_romana import port as ports
from networking_romana.compat import events, port_forwarding_base, router_plugin
from networking_romana.errors import RomanaInvalid

PORT_FORWARDING = "port_forwarding"
PROTOCOLS = ("tcp", "udp")
# Of ranges.
WITHOUT_EFFECT = frozenset(
    (
        "floating-ip-port-forwarding-port-ranges",
    )
)  # fmt: skip
Base = port_forwarding_base()


class Plugin(Base):  # type: ignore[misc, valid-type] # which it is, is not known before
    """Entry point of the plugin."""

    required_service_plugins = ("romana_l3",)
    supported_extension_aliases = sorted(set(Base.supported_extension_aliases) - WITHOUT_EFFECT)
    # Neutron looks for these by the name of the class itself.
    __native_pagination_support = True
    __native_sorting_support = True
    __filter_validation_support = True
    _rpc_notifications_required = False

    def create_floatingip_port_forwarding(self, context, floatingip_id, port_forwarding):
        """Forward a port.

        Raises RomanaInvalid (no host forwards the protocol), RomanaRefused (the floating IP does not reach the port's
        host) and RomanaUnavailable, while nothing has changed.
        """
        _check(context, floatingip_id, port_forwarding[PORT_FORWARDING])
        made = super(Plugin, self).create_floatingip_port_forwarding(context, floatingip_id, port_forwarding)
        _keep(made)
        return made

    def update_floatingip_port_forwarding(self, context, id, floatingip_id, port_forwarding):  # noqa: A002 - its name
        """Forward another port, or elsewhere. Raises as `create_floatingip_port_forwarding` does."""
        _check(context, floatingip_id, port_forwarding[PORT_FORWARDING])
        changed = super(Plugin, self).update_floatingip_port_forwarding(context, id, floatingip_id, port_forwarding)
        _keep(changed)
        return changed

    def delete_floatingip_port_forwarding(self, context, id, floatingip_id):  # noqa: A002 - its name
        """Do not forward a port any more."""
        gone = self.get_floatingip_port_forwarding(context, id, floatingip_id)
        super(Plugin, self).delete_floatingip_port_forwarding(context, id, floatingip_id)
        _keep(gone)

    def _process_port_request(self, event, context, port):
        """Take away what leads to a port that is about to be deleted, in Neutron's transaction, or to other addresses.

        romana-server takes it away with the port's endpoint.
        """
        before = floating_ips.forwarded_to(context, port["id"])
        super(Plugin, self)._process_port_request(event, context, port)
        if event == events.PRECOMMIT_DELETE:
            _set_down(context.elevated(), before)
        elif floating_ips.forwarded_to(context, port["id"]) != before:
            floating_ips.keep(*before)


# Neutron takes what any base of a plugin supports for supported.
Base.supported_extension_aliases = Plugin.supported_extension_aliases


def _check(context, floatingip_id, wanted):
    protocol = wanted.get("protocol")
    if protocol is not None and protocol not in PROTOCOLS:
        raise RomanaInvalid(reason="ports of {} are not forwarded; take tcp or udp".format(protocol))
    if wanted.get("internal_port_id"):
        delivery.check(context, floatingip_id, wanted["internal_port_id"])


def _keep(forwarding):
    floating_ips.keep(str(forwarding["floating_ip_address"]))


def _set_down(context, those):
    """Those floating IPs are DOWN of which nothing is forwarded any more; in Neutron's transaction."""
    for one in router_plugin().get_floatingips(context, {"floating_ip_address": those}) if those else []:
        if not one.get(floating_ips.FORWARDINGS):
            router_plugin().update_floatingip_status(context, one["id"], ports.DOWN)
