"""ML2 mechanism driver `romana`: binds a port to a tap on the host that its address belongs to.

A bound port is DOWN until the host's agent has put it in place; `follow` hears of that and makes it ACTIVE.
"""

from __future__ import absolute_import

from oslo_log import log as logging

from networking_romana import address, network
from networking_romana import port as ports
from networking_romana.client import romana
from networking_romana.compat import before_port_update, ml2_api, portbindings
from networking_romana.errors import RomanaUnavailable
from networking_romana.readdress import before_update, check_number

LOG = logging.getLogger(__name__)

IN_PLACE = "active"  # an endpoint's status when its agent has applied it


class RomanaMechanismDriver(ml2_api.MechanismDriver):
    """Entry point of the driver."""

    def initialize(self):
        """Have a say in updates before Neutron's transaction begins."""
        self._receiver = before_port_update(before_update)

    @property
    def connectivity(self):
        """Ports reach each other by routing only."""
        return portbindings.CONNECTIVITY_L3

    def create_network_precommit(self, context):
        """Refuse what Neutron would take and no host would do. Raises RomanaInvalid."""
        network.check_external(context.current)
        network.check_type(context.network_segments)

    def update_network_precommit(self, context):
        """Refuse to make a network external; one that is, from before, may change otherwise. Raises RomanaInvalid."""
        if not context.original.get(network.EXTERNAL):
            network.check_external(context.current)

    def create_port_precommit(self, context):
        """Refuse several addresses. Raises RomanaInvalid."""
        check_number(context.current["fixed_ips"])

    def bind_port(self, context):
        """Bind, where the port's address is one of the host; leave it unbound otherwise.

        Live migration ends here: an instance that runs on keeps its address, which is none of the other host.
        """
        port = ports.read(context.current)
        if context.current.get(portbindings.VNIC_TYPE) != portbindings.VNIC_NORMAL or not context.segments_to_bind:
            return
        endpoint = _endpoint(port)
        if endpoint is None:
            LOG.error("Port %s is not bound: romana-server knows no address of it; give it a new one", port.id)
            return
        if endpoint["host"] != context.host:
            LOG.error(
                "Port %s is not bound to host %s: its address %s belongs to host %s. Live migration is not possible;"
                " migrate the instance cold",
                port.id,
                context.host,
                endpoint["address"],
                endpoint["host"],
            )
            return
        if endpoint["mac"] != port.mac.lower():
            endpoint = romana().update_endpoint(endpoint["id"], {"mac": port.mac.lower()})
        status = ports.ACTIVE if endpoint["status"] == IN_PLACE else ports.DOWN
        context.set_binding(
            context.segments_to_bind[0][ml2_api.ID],
            ports.TAP,
            {portbindings.CAP_PORT_FILTER: True},
            status=status,
        )

    def update_port_postcommit(self, context):
        """Give the addresses back that the port had before."""
        before, after = ports.read(context.original), ports.read(context.current)
        gone = [one for one in before.addresses if one not in after.addresses]
        if gone:
            _release(after.id, gone)

    def delete_port_postcommit(self, context):
        """Give the port's address back."""
        _release(context.current["id"])


def _endpoint(port):
    return address.find(port.id, port.addresses[0]) if port.addresses else None


def _release(port_id, addresses=None):
    """The port is gone already: what cannot be given back now, the follower gives back later."""
    try:
        address.release(port_id, addresses)
    except RomanaUnavailable as error:
        LOG.warning("The addresses of port %s are given back later: %s", port_id, error)
