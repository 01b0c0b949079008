"""ML2 mechanism driver `romana`: binds a port to a tap on the host that its address belongs to.

A bound port is DOWN until the host's agent has put it in place; `follow` hears of that and makes it ACTIVE.
"""

from __future__ import absolute_import

from functools import partial

from oslo_log import log as logging

from networking_romana import address, external_ipam, groups, in_step, l3, network, own_network, subnet
from networking_romana import place as places
from networking_romana import port as ports
from networking_romana.client import romana
from networking_romana.compat import before_port_update, before_subnet_create, ml2_api, portbindings, request_context
from networking_romana.errors import RomanaUnavailable
from networking_romana.readdress import before_update, check_number

LOG = logging.getLogger(__name__)

# There are no agents of Neutron's that could be scheduled or be in zones, no addresses beside the plan, no physical
# segments, no devices to be near to; and connections are always tracked.
WITHOUT_EFFECT = frozenset(
    (
        "address-scope",
        "availability_zone",
        "availability_zone_filter",
        "dhcp_agent_scheduler",
        "multi-provider",
        "network_availability_zone",
        "port-device-profile",
        "port-numa-affinity-policy",
        "port-numa-affinity-policy-socket",
        "rbac-address-scope",
        "rbac-subnetpool",
        "stateful-security-group",
        "subnet_onboard",
        "subnetpool-prefix-ops",
    )
)
IN_PLACE = "active"  # an endpoint's status when its agent has applied it


class RomanaMechanismDriver(ml2_api.MechanismDriver):
    """Entry point of the driver."""

    def initialize(self):
        """Have a say before Neutron's transactions begin, and hear of security groups."""
        self._receivers = [
            before_port_update(before_update),
            before_subnet_create(_before_subnet),
            groups.follow_changes(),
        ]

    @property
    def connectivity(self):
        """Ports reach each other by routing only."""
        return portbindings.CONNECTIVITY_L3

    def create_network_precommit(self, context):
        """Refuse what Neutron would take and no host would do. Raises RomanaInvalid."""
        network.check_external(context.current, l3.offered())
        network.check_type(context.network_segments)

    def update_network_precommit(self, context):
        """Refuse to make a network external that may not be, or to put its ports elsewhere. Raises RomanaInvalid."""
        if not context.original.get(network.EXTERNAL):
            network.check_external(context.current, l3.offered())
        asked = partial(own_network.has_ports, request_context(context), context.current["id"])
        network.check_change_to_external(
            context.original, context.current, lambda: bool(context.current["subnets"]) or asked()
        )
        if not context.current.get(network.EXTERNAL):
            network.check_sharing(context.original, context.current, asked)

    def create_subnet_precommit(self, context):
        """Refuse what Neutron would take and no host would do. Raises RomanaInvalid."""
        subnet.check_segment(context.current)

    def update_subnet_precommit(self, context):
        """As `create_subnet_precommit`; one that is so, from before, may change otherwise. Raises RomanaInvalid."""
        if not context.original.get(subnet.SEGMENT):
            subnet.check_segment(context.current)

    def create_subnet_postcommit(self, context):
        """Make the segment that the network is; what is refused here, Neutron makes undone."""
        if context.network.current.get(network.EXTERNAL):
            return
        places.of_network(request_context(context), context.current["network_id"])

    def delete_network_postcommit(self, context):
        """Give the network's segment back."""
        own_network.forget(context.current["id"])

    def create_port_precommit(self, context):
        """Refuse what no host would do. Raises RomanaInvalid."""
        check_number(context.current["fixed_ips"])
        port = ports.read(context.current)
        network.check_external_port(context.network.current, port.device_owner)
        ports.check(port)

    def update_port_precommit(self, context):
        """Refuse what no host would do, unless the port had it before. Raises RomanaInvalid."""
        after = ports.read(context.current)
        if ports.demands(after) != ports.demands(ports.read(context.original)):
            ports.check(after)

    def supported_extensions(self, extensions):
        """What Neutron's API offers: without that of which nothing would come here."""
        return set(extensions) - WITHOUT_EFFECT

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

    def update_network_postcommit(self, context):
        """A network that is set down takes its ports with it; guests are told its MTU, and have its QoS policy.

        One that everybody shares from now on, or that is external, is no segment.
        """
        if any(context.current.get(key) and not context.original.get(key) for key in ("shared", network.EXTERNAL)):
            own_network.forget(context.current["id"])
        if any(
            context.current.get(key) != context.original.get(key)
            for key in ("admin_state_up", "mtu", "dns_domain", "qos_policy_id")
        ):
            in_step.keep_all({"network_id": [context.current["id"]]})

    def update_subnet_postcommit(self, context):
        """Tell guests by DHCP what is new."""
        in_step.keep_all({"network_id": [context.current["network_id"]]})

    def create_port_postcommit(self, context):
        """Let the port do what its groups say, within the limits of its QoS policy."""
        port = ports.read(context.current)
        if not port.device_owner.startswith(ports.SERVICES):  # none of those that are made so has an endpoint
            in_step.keep(port)

    def update_port_postcommit(self, context):
        """Give the addresses back that the port had before, and let it do what its groups say."""
        before, after = ports.read(context.original), ports.read(context.current)
        if after.device_owner in network.EXTERNAL_OWNERS:
            return
        gone = [one for one in before.addresses if one not in after.addresses]
        if gone:
            _release(after.id, gone)
        if not in_step.are_told_alike(before, after):
            in_step.keep(after)

    def delete_port_postcommit(self, context):
        """Give the port's address back."""
        if context.current["device_owner"] not in network.EXTERNAL_OWNERS:
            _release(context.current["id"])


def _before_subnet(context, given):
    """A network outside has a gateway; who routes within are hosts."""
    if not external_ipam.is_external(context, given["network_id"]):
        subnet.without_gateway(given)


def _endpoint(port):
    return address.find(port.id, port.addresses[0]) if port.addresses else None


def _release(port_id, addresses=None):
    """The port is gone already: what cannot be given back now, the follower gives back later."""
    try:
        address.release(port_id, addresses)
    except RomanaUnavailable as error:
        LOG.warning("The addresses of port %s are given back later: %s", port_id, error)
