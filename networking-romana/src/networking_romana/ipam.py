"""IPAM driver `romana`: Neutron's addresses are romana-server's.

Nothing is kept here. What a port is given is an endpoint in romana-server, made while Neutron's transaction is open and
found again when Neutron repeats it. Addresses are given back by the mechanism driver, after the transaction: taken back
inside, an address would be free although the port still has it when the transaction fails. So this driver needs the
mechanism driver `romana` beside it.

External networks are not romana-server's: see external_ipam.
"""

from __future__ import absolute_import

import netaddr
from neutron.ipam import driver, requests, subnet_alloc
from neutron.ipam import exceptions as ipam_exceptions

from networking_romana import address, external_ipam, router_address, subnet
from networking_romana import place as places
from networking_romana import port as ports
from networking_romana.client import romana
from networking_romana.compat import DeferIpam, SubnetGroup, core_plugin
from networking_romana.errors import RomanaInvalid, RomanaRefused


class RomanaSubnetRequestFactory(requests.SubnetRequestFactory):
    """Knows which network a subnet is of."""

    @classmethod
    def get_request(cls, context, subnet, subnetpool):
        """As Neutron's, with the network's id."""
        request = super(RomanaSubnetRequestFactory, cls).get_request(context, subnet, subnetpool)
        request.network_id = subnet.get("network_id")
        return request


class RomanaAnyRequest(requests.AnyAddressRequest):
    """An address of a port's host, project and segment."""

    def __init__(self, context, port):
        super(RomanaAnyRequest, self).__init__()
        self.context = context
        self.port = port

    def allocate(self):
        """The endpoint, a dictionary."""
        return address.allocate(self.port, places.of_port(self.context, self.port))


class RomanaSpecificRequest(requests.SpecificAddressRequest):
    """The address that somebody chose for a port."""

    def __init__(self, context, port, chosen):
        super(RomanaSpecificRequest, self).__init__(chosen)
        self.context = context
        self.port = port

    def allocate(self):
        """The endpoint, a dictionary. Raises IpAddressAlreadyAllocated."""
        try:
            return address.claim(self.context, self.port, str(self.address))
        except RomanaRefused as refusal:
            if refusal.code != "address_in_use":
                raise
            raise ipam_exceptions.IpAddressAlreadyAllocated(ip=self.address, subnet_id=self.port.subnet_id)


class RomanaRouterRequest(requests.AnyAddressRequest):
    """An address of a router's interface."""

    def __init__(self, context, port):
        super(RomanaRouterRequest, self).__init__()
        self.context = context
        self.port = port

    def allocate(self):
        """It is no endpoint's; in a dictionary, as those are."""
        return {"address": router_address.allocate(self.context, self.port.network_id)}


class RomanaAddressRequestFactory(requests.AddressRequestFactory):
    """Knows what a port needs an address for."""

    @classmethod
    def get_request(cls, context, port, ip_dict):
        """The request for one address of a port.

        Raises DeferIpam while the port has no host: Neutron asks again when it gets one. Raises RomanaInvalid for ports
        of Neutron's own services.
        """
        if external_ipam.serves(context, ip_dict["subnet_id"]):
            return super(RomanaAddressRequestFactory, cls).get_request(context, port, ip_dict)
        known = ports.read(port)
        if known.device_owner == ports.ROUTER_INTERFACE and not ip_dict.get("ip_address"):
            return RomanaRouterRequest(context, known)
        if known.device_owner.startswith(ports.SERVICES):
            raise RomanaInvalid(
                reason="a port of kind {} gets no address: hosts route, and answer DHCP, without Neutron".format(
                    known.device_owner
                )
            )
        if ip_dict.get("ip_address"):
            return RomanaSpecificRequest(context, known, ip_dict["ip_address"])
        if not known.host:
            raise DeferIpam()
        return RomanaAnyRequest(context, known)


class RomanaSubnet(driver.Subnet):
    """The subnet."""

    def __init__(self, context, subnet_id, details=None):
        self._context = context
        self._id = subnet_id
        self._details = details

    def allocate(self, address_request):
        """The address of a request of our factory, a str as from Neutron's own driver: Liberty takes nothing else."""
        return str(address_request.allocate()["address"])

    def deallocate(self, address):
        """Nothing: see the module."""

    def get_details(self):
        """What it was made from, a SpecificSubnetRequest."""
        if self._details is None:
            known = core_plugin().get_subnet(self._context, self._id)
            pools = [netaddr.IPRange(pool["start"], pool["end"]) for pool in known["allocation_pools"]]
            self._details = requests.SpecificSubnetRequest(
                known["tenant_id"], self._id, known["cidr"], known["gateway_ip"], pools
            )
        return self._details


class RomanaSubnetGroup(SubnetGroup):
    """The subnets of a network: one."""

    def __init__(self, pool, subnet_ids):
        self._pool = pool
        self._subnet_id = subnet_ids[0]

    def allocate(self, address_request):
        """The address and the subnet's id."""
        return self._pool.get_subnet(self._subnet_id).allocate(address_request), self._subnet_id


class RomanaPool(subnet_alloc.SubnetAllocator):
    """Entry point of the driver."""

    def allocate_subnet(self, subnet_request):
        """Accept the subnet that is the address plan, as it is what a pool gives; for an external network, another.

        Raises RomanaInvalid for every other, and SubnetPoolQuotaExceeded.
        """
        if external_ipam.is_external(self._context, subnet_request.network_id):
            return self._external().allocate_subnet(subnet_request)
        plan = _plan()
        if self._subnetpool:
            subnet.check_pool([prefix.cidr for prefix in self._subnetpool.prefixes], plan)
            self._check_subnetpool_tenant_quota(subnet_request.tenant_id, plan.prefixlen)
        if isinstance(subnet_request, requests.AnySubnetRequest):
            subnet.check_length(subnet_request.prefixlen, plan)
            subnet_request = _specific(subnet_request, plan, [subnet.pool(plan, False)])
        elif subnet_request.allocation_pools is None:  # the range came from a pool, and a gateway by name
            pools = [subnet.pool(plan, subnet_request.gateway_ip is not None)]
            subnet_request = _specific(subnet_request, subnet_request.subnet_cidr, pools)
        return self._checked(subnet_request, plan)

    def update_subnet(self, subnet_request):
        """Accept what is still the address plan. Raises RomanaInvalid."""
        if external_ipam.serves(self._context, subnet_request.subnet_id):
            return self._external().update_subnet(subnet_request)
        return self._checked(subnet_request, _plan())

    def get_subnet(self, subnet_id):
        """The subnet."""
        if external_ipam.serves(self._context, subnet_id):
            return self._external().get_subnet(subnet_id)
        return RomanaSubnet(self._context, subnet_id)

    def remove_subnet(self, subnet_id):
        """Nothing, but for an external network: Neutron has seen to it that no port is left."""
        if external_ipam.serves(self._context, subnet_id):
            self._external().remove_subnet(subnet_id)

    def get_allocator(self, subnet_ids):
        """What gives addresses of a network."""
        if external_ipam.serves(self._context, subnet_ids[0]):
            return self._external().get_allocator(subnet_ids)
        return RomanaSubnetGroup(self, subnet_ids)

    def needs_rollback(self):
        """No: what Neutron takes back is in its own transaction, and what is ours is given back elsewhere."""
        return False

    def get_subnet_request_factory(self):
        """Ours."""
        return RomanaSubnetRequestFactory

    def get_address_request_factory(self):
        """Ours."""
        return RomanaAddressRequestFactory

    def _external(self):
        return external_ipam.ExternalPool(self._subnetpool, self._context)

    def _checked(self, wanted, plan):
        subnet.check(wanted, plan)
        return RomanaSubnet(self._context, wanted.subnet_id, wanted)


def _specific(wanted, cidr, pools):
    return requests.SpecificSubnetRequest(wanted.tenant_id, wanted.subnet_id, cidr, wanted.gateway_ip, pools)


def _plan():
    """The whole address plan, a netaddr.IPNetwork."""
    return netaddr.IPNetwork(romana().plan()["cidr"])
