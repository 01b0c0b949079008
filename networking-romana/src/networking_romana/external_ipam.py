"""External networks' addresses: Neutron's own, in its database, by its own driver.

They are outside of the address plan. romana-server knows one of them when it is an endpoint's floating IP.
"""

from __future__ import absolute_import

from neutron.ipam.drivers.neutrondb_ipam import db_api, driver

from networking_romana import subnet
from networking_romana.client import romana
from networking_romana.compat import core_plugin, router_plugin
from networking_romana.errors import RomanaForbidden
from networking_romana.network import EXTERNAL


def serves(context, subnet_id):
    """Whether a subnet has its addresses from here; without routers none has."""
    return (
        router_plugin() is not None
        and db_api.IpamSubnetManager.load_by_neutron_subnet_id(context, subnet_id) is not None
    )


def is_external(context, network_id):
    """Whether a network is an external one, beside which there are routers."""
    return router_plugin() is not None and core_plugin()._network_is_external(context.elevated(), network_id)


class ExternalPool(driver.NeutronDbPool):
    """Neutron's own driver, for subnets that fit beside the address plan."""

    def allocate_subnet(self, subnet_request):
        """The subnet.

        Raises RomanaForbidden for all but administrators: hosts answer for what is in it, and an external network may
        belong to a project. Raises RomanaInvalid for one that is not possible, and what Neutron's driver raises.
        """
        if not self._context.is_admin:
            raise RomanaForbidden(reason="only administrators make subnets of external networks")
        made = super(ExternalPool, self).allocate_subnet(subnet_request)
        self._check(made.get_details(), subnet_request.network_id)
        return made  # what is refused, Neutron's transaction makes undone

    def update_subnet(self, subnet_request):
        """The subnet, with what is new. Raises RomanaInvalid."""
        self._check(subnet_request, subnet_request.network_id)
        return super(ExternalPool, self).update_subnet(subnet_request)

    def _check(self, wanted, network_id):
        hosts = dict((host["address"], host["name"]) for host in romana().hosts())
        subnet.check_external(wanted, romana().plan()["cidr"], self._others(network_id), hosts)

    def _others(self, network_id):
        """The ranges of the other external networks."""
        context = self._context.elevated()
        networks = core_plugin().get_networks(context, {EXTERNAL: [True]}, fields=["id"])
        others = [one["id"] for one in networks if one["id"] != network_id]
        return [one["cidr"] for one in core_plugin().get_subnets(context, {"network_id": others})] if others else []
