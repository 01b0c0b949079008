"""What a QoS policy of Neutron's limits, in the words of romana-server's API. Pure."""

from __future__ import absolute_import

from networking_romana.contract import LARGEST_BURST, LARGEST_RATE
from networking_romana.errors import RomanaInvalid

BANDWIDTH_LIMIT = "bandwidth_limit"  # the one type of rule that hosts know
EGRESS, INGRESS = "egress", "ingress"
RATE, BURST = "max_kbps", "max_burst_kbps"
RANGES = {RATE: (1, LARGEST_RATE), BURST: (0, LARGEST_BURST)}


def bandwidth(rules):
    """The bandwidth limits of a port's endpoint.

    Rules that hosts do not know are left out: a policy may have had them before they were refused.

    Args: rules: dictionaries, as Neutron's API shows those of the port's policy.
    """
    found = dict((rule.get("direction", EGRESS), _limit(rule)) for rule in rules if is_possible(rule))
    return {"egress": found.get(EGRESS), "ingress": found.get(INGRESS)}


def is_possible(rule):
    """Whether a rule is one that hosts know."""
    return rule["type"] == BANDWIDTH_LIMIT and all(low <= rule[key] <= high for key, (low, high) in RANGES.items())


def check(kind, values):
    """Refuse a rule that no host would keep.

    Args: kind: the type of the rule; values: what of it is given.

    Raises RomanaInvalid.
    """
    if kind != BANDWIDTH_LIMIT:
        raise RomanaInvalid(
            reason="a QoS rule of type {} is not possible: hosts limit bandwidth, and nothing else; make a bandwidth"
            " limit".format(kind)
        )
    for key, (low, high) in sorted(RANGES.items()):
        if not low <= values.get(key, low) <= high:
            raise RomanaInvalid(
                reason="a bandwidth limit with {} {} is not possible; give {} to {}".format(key, values[key], low, high)
            )


def _limit(rule):
    return {"rate": rule[RATE], "burst": rule[BURST]}
