"""A rule of policy that refuses with a sentence: without it, a user reads which rules of a policy were not met.

Entry point of oslo.policy's checks, for `romana:<what>` in a policy file. It never allows anything, so it stands last
in a rule, behind those who may: "rule:admin_only or romana:fixed_address". Neutron and Nova both load it.
"""

from __future__ import absolute_import

from oslo_policy import policy


class Refusal(policy.Check):
    """What it refuses is its match, a key of REFUSALS."""

    def __call__(self, *_request):
        """Raise the service's own exception for a request that is forbidden."""
        raise REFUSALS[self.match]()


def _forbidden(reason):
    def refuse():
        from networking_romana.errors import RomanaForbidden

        return RomanaForbidden(reason=reason)

    return refuse


def _live_migration():
    from nova.exception import Forbidden

    return Forbidden(
        "Live migration is not possible on the Romana network: the running guest would keep its address, which belongs"
        " to its host. Migrate cold instead: openstack server migrate without --live-migration"
    )


REFUSALS = {
    "address_pairs": _forbidden(
        "only administrators give a port further addresses (allowed address pairs), as all guests are in one routed"
        " network; leave them out"
    ),
    "external_access": _forbidden(
        "only administrators make a network external, and give access to it as such; share the network"
        " (access_as_shared), or take an external one of the cloud's"
    ),
    "fixed_address": _forbidden(
        "only administrators choose a port's address; leave it out, and the port gets one with its host"
    ),
    "live_migration": _live_migration,
    "mac_address": _forbidden("only administrators choose a port's MAC address; leave it out, and the port gets one"),
    "port_security": _forbidden(
        "only administrators say whether ports have port security, as all guests are in one routed network; let the"
        " rules of a security group pass what is needed"
    ),
    "subnet": _forbidden(
        "only its project makes a subnet of a network; make a network of your own (openstack network create), and its"
        " subnet from the default pool (openstack subnet create --use-default-subnet-pool)"
    ),
}
