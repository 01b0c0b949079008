"""Neutron's service plugin for routers and floating IPs, as hosts do it: `service_plugins = romana_l3`.

Nothing is in a packet's way: a router lets its networks' segments reach each other, and with a gateway what is outside;
a floating IP is translated on the host of its instance. There are no agents, and so nothing to schedule.
"""

from __future__ import absolute_import

from sqlalchemy.orm import configure_mappers

from networking_romana import delivery, external_ipam, floating_ips, network, own_network, router_address, routers
from networking_romana import port as ports
from networking_romana.compat import (
    FloatingIP,
    NetworkRBAC,
    PortForwarding,
    RouterMixin,
    ServicePluginBase,
    after_port_update,
    before_network_policy,
    before_network_policy_ends,
    core_plugin,
    exceptions,
    plugin_utils,
    router_plugin,
    with_port_update,
)
from networking_romana.errors import RomanaForbidden, RomanaInvalid, RomanaRefused

AS_EXTERNAL, AS_SHARED = "access_as_external", "access_as_shared"  # what a policy of access to a network allows
GATEWAY = "external_gateway_info"


class Plugin(ServicePluginBase, RouterMixin):
    """Entry point of the plugin."""

    supported_extension_aliases = ("ext-gw-mode", "router")
    # Neutron looks for these by the name of the class itself.
    __native_pagination_support = True
    __native_sorting_support = True
    __filter_validation_support = True

    def __init__(self):
        super(Plugin, self).__init__()
        # Neutron lists ports by what its tables have only once they are joined. A query does that; in a process whose
        # first request is such a list, none has been made.
        configure_mappers()
        self._receivers = [
            with_port_update(_readdress),
            after_port_update(_move),
            before_network_policy(_before_access),
            before_network_policy_ends(_before_access_ends),
        ]

    @classmethod
    def get_plugin_type(cls):
        """As Neutron calls it."""
        return "L3_ROUTER_NAT"

    def get_plugin_description(self):
        """For lists of plugins."""
        return "Routers and floating IPs of the Romana network"

    # --- routers

    def create_router(self, context, router):
        """Make a router. Raises RomanaInvalid for what no host would do."""
        _check_gateway(router["router"])
        made = super(Plugin, self).create_router(context, router)
        routers.keep(made["id"])
        return made

    def update_router(self, context, identifier, router):
        """Change a router. Raises RomanaInvalid for what no host would do."""
        _check_gateway(router["router"])
        changed = super(Plugin, self).update_router(context, identifier, router)
        routers.keep(identifier)
        if "admin_state_up" in router["router"]:
            floating_ips.keep_those(router_id=identifier)  # set down, it takes them along
        return changed

    def delete_router(self, context, identifier):
        """Delete a router."""
        super(Plugin, self).delete_router(context, identifier)
        routers.keep(identifier)

    def add_router_interface(self, context, router_id, interface_info=None):
        """Have a network in a router, by a subnet or a port; a port without an address gets one.

        Raises RomanaInvalid and RomanaRefused.
        """
        port = self._without_address(context, interface_info or {})
        if port is None:
            added = super(Plugin, self).add_router_interface(context, router_id, interface_info)
        else:
            with plugin_utils.update_port_on_error(core_plugin(), context, port, {"fixed_ips": []}):
                added = super(Plugin, self).add_router_interface(context, router_id, interface_info)
        routers.keep(router_id)
        return added

    def remove_router_interface(self, context, router_id, interface_info):
        """Take a network out of a router."""
        removed = super(Plugin, self).remove_router_interface(context, router_id, interface_info)
        routers.keep(router_id)
        return removed

    # --- floating IPs

    def create_floatingip(self, context, floatingip):
        """Make a floating IP, of a port if one is named: then one that reaches the port's host.

        Raises RomanaRefused (there is none, or the chosen one reaches another host) and RomanaUnavailable.
        """
        create = super(Plugin, self).create_floatingip
        made = delivery.make(
            context, floatingip["floatingip"], lambda wanted: create(context, {"floatingip": wanted}, ports.DOWN)
        )
        floating_ips.keep(made["floating_ip_address"])
        return self.get_floatingip(context, made["id"])

    def update_floatingip(self, context, identifier, floatingip):
        """Give a floating IP to a port, or take it away.

        Raises RomanaRefused (it does not reach the port's host) and RomanaUnavailable, while nothing has changed.
        """
        port_id = floatingip["floatingip"].get("port_id")
        if port_id:
            delivery.check(context, identifier, port_id)
        changed = super(Plugin, self).update_floatingip(context, identifier, floatingip)
        floating_ips.keep(changed["floating_ip_address"])
        return self.get_floatingip(context, identifier)

    def delete_floatingip(self, context, identifier):
        """Delete a floating IP."""
        gone = self.get_floatingip(context, identifier)
        super(Plugin, self).delete_floatingip(context, identifier)
        floating_ips.keep(gone["floating_ip_address"])

    def disassociate_floatingips(self, context, port_id):
        """Take the floating IPs away from a port that is about to be deleted; in Neutron's transaction.

        romana-server takes them away with the port's endpoint.
        """
        those = FloatingIP.get_objects(context.elevated(), fixed_port_id=port_id)
        found = super(Plugin, self).disassociate_floatingips(context, port_id)
        for one in those:
            self.update_floatingip_status(context.elevated(), one.id, ports.DOWN)
        return found

    # --- what Neutron's own plugin does, as far as it is not so here

    @staticmethod
    def _get_enable_snat(_info):
        """Always: an instance without a floating IP goes outside with its host's address."""
        return True

    def _check_for_dup_router_subnets(self, _context, router, new_subnets, _new_device_owner):
        """A network is in a router once. That ranges overlap says nothing: every network has the whole plan."""
        new = set(one["id"] for one in new_subnets)
        there = set(fixed["subnet_id"] for attached in router.attached_ports for fixed in attached.port["fixed_ips"])
        if new & there:
            raise RomanaInvalid(reason="the network is in this router already; there is nothing to add")

    def _raise_on_subnets_overlap(self, _one, _other):
        """Nothing: see above."""

    def _check_router_port(self, context, port_id, device_id):
        """The port that is to be in a router, which may have no address yet."""
        port = core_plugin().get_port(context, port_id)
        if port["device_id"] != device_id:
            raise exceptions.PortInUse(net_id=port["network_id"], port_id=port_id, device_id=port["device_id"])
        return port

    def _add_interface_by_port(self, context, router, port_id, owner):
        _check_port(core_plugin().get_port(context, port_id), context)
        port = core_plugin().update_port(context, port_id, {"port": {"device_id": router.id, "device_owner": owner}})
        if not port["fixed_ips"]:
            subnets = core_plugin().get_subnets_by_network(context, port["network_id"])
            if not subnets:
                raise RomanaInvalid(reason="the port's network has no subnet; make one first")
            wanted = [{"subnet_id": subnets[0]["id"]}]
            core_plugin().update_port(context, port_id, {"port": {"fixed_ips": wanted}})
        return self._validate_router_port_info(context, router, port_id)

    def _add_interface_by_subnet(self, context, router, subnet_id, owner):
        subnet = core_plugin().get_subnet(context, subnet_id)
        _check_network(subnet["network_id"], context)
        _check_owner(context, subnet)
        self._check_for_dup_router_subnets(context, router, [subnet], owner)
        port = {
            "tenant_id": router.tenant_id,
            "network_id": subnet["network_id"],
            "fixed_ips": [{"subnet_id": subnet_id}],
            "admin_state_up": True,
            "device_id": router.id,
            "device_owner": owner,
            "name": "",
        }
        return plugin_utils.create_port(core_plugin(), context, {"port": port}), [subnet], True

    def _check_and_get_fip_assoc(self, context, fip, floatingip_obj):
        """A port has one floating IP: with which one else would it go outside?"""
        found = super(Plugin, self)._check_and_get_fip_assoc(context, fip, floatingip_obj)
        if found[0]:
            for other in FloatingIP.get_objects(context.elevated(), fixed_port_id=found[0]):
                if other.id != floatingip_obj.id:
                    raise RomanaRefused(
                        "port {} has floating IP {}, and a port has one at most; take that away first".format(
                            found[0], other.floating_ip_address
                        )
                    )
        return found

    def _without_address(self, context, interface_info):
        """The id of the port that is to be in a router and has no address; None when it has one, or none is named."""
        port_id = interface_info.get("port_id")
        if not port_id or interface_info.get("subnet_id"):
            return None
        return None if core_plugin().get_port(context, port_id)["fixed_ips"] else port_id


def offered():
    """Whether Neutron has this plugin."""
    return isinstance(router_plugin(), Plugin)


def _check_gateway(router):
    if (router.get(GATEWAY) or {}).get("enable_snat") is False:
        raise RomanaInvalid(
            reason="a gateway without source NAT is not possible: what is outside knows no way to the address plan;"
            " leave --disable-snat out"
        )


def _check_port(port, context):
    """Refuse a port in a router, Neutron's dictionary, that could not get out again. Raises RomanaInvalid."""
    _check_network(port["network_id"], context)
    known = ports.read(port)
    if not (known.port_security or known.device_owner.startswith(ports.SERVICES)):
        raise RomanaInvalid(
            reason="a port without port security that was not made for a router does not become one's; add the"
            " network's subnet to the router, which makes a port"
        )


def _check_network(network_id, context):
    """Refuse a network in a router that is no segment of its own. Raises RomanaInvalid."""
    found = own_network.read(context, network_id)
    if found.get(network.EXTERNAL):
        raise RomanaInvalid(
            reason="an external network is no router's interface but its gateway: openstack router set"
            " --external-gateway"
        )
    if found["shared"]:
        raise router_address.shared()


def _check_owner(context, subnet):
    """Refuse others' networks, unless their owner shares them with this project. Raises RomanaForbidden."""
    if context.is_admin or subnet["tenant_id"] == context.tenant_id:
        return
    shared_with = NetworkRBAC.get_projects(
        context.elevated(), object_id=subnet["network_id"], action=AS_SHARED, target_project=context.tenant_id
    )
    if context.tenant_id not in shared_with:
        raise RomanaForbidden(reason="the network is another project's; take one of your own")


def _readdress(context, before, after):
    """Floating IPs follow their port to another address, as that of another host; in Neutron's transaction.

    Neutron would not forward ports to it any more, once it has told that its address is another one.
    """
    if after["device_owner"].startswith(ports.SERVICES):
        return  # no floating IP leads to it
    if before["fixed_ips"] != after["fixed_ips"] and after["fixed_ips"]:
        (fixed,) = after["fixed_ips"]
        FloatingIP.update_objects(
            context.elevated(), {"fixed_ip_address": fixed["ip_address"]}, fixed_port_id=after["id"]
        )
        if PortForwarding is not None:
            PortForwarding.update_objects(
                context.elevated(), {"internal_ip_address": fixed["ip_address"]}, internal_port_id=after["id"]
            )


def _move(_context, before, after):
    """Before the port's old address is given back, its floating IPs lead to the new one."""
    if before["fixed_ips"] != after["fixed_ips"]:
        floating_ips.keep_port(after["id"])


def _before_access(context, policy):
    """Refuse access to a network as an external one that Neutron would make external for that with all that it has."""
    if policy["action"] != AS_EXTERNAL:
        return
    found = core_plugin().get_network(context, policy["object_id"])
    try:
        network.check_change_to_external(
            found,
            dict(found, **{network.EXTERNAL: True}),
            lambda: bool(found["subnets"]) or own_network.has_ports(context, found["id"]),
        )
    except RomanaInvalid:
        policy["action"] = None  # so Neutron, which is told all the same, does not make it external
        raise


def _before_access_ends(context, policy):
    """Refuse to take the last access to an external network: Neutron would make it another kind of network."""
    if policy["action"] != AS_EXTERNAL:
        return
    subnets = core_plugin().get_subnets_by_network(context.elevated(), policy["object_id"])
    last = NetworkRBAC.count(context.elevated(), object_id=policy["object_id"], action=AS_EXTERNAL) == 1
    if last and any(external_ipam.serves(context, one["id"]) for one in subnets):
        raise RomanaInvalid(reason="without it the network would not be external any more; delete the network instead")
