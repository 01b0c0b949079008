"""Which endpoints belong to no port of Neutron, and since when. Pure."""

from __future__ import absolute_import

import re

NEUTRON_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


class Strays(object):
    """Remembers for how long an endpoint has been astray: a port whose making is under way is not in Neutron yet."""

    def __init__(self, grace):
        """Args: grace: how long to wait, in seconds."""
        self._grace = grace
        self._since = {}

    def due(self, endpoints, addresses, now):
        """The endpoints to be given back.

        Args:
            endpoints: all of romana-server; those whose name is no port's id are others' business.
            addresses: dict from a port's id to its addresses (of str), of all ports; read after the endpoints were.
            now: seconds, of a clock that only goes forward.
        """
        astray = [
            one
            for one in endpoints
            if NEUTRON_ID.match(one["name"] or "") and one["address"] not in addresses.get(one["name"], ())
        ]
        self._since = dict((one["id"], self._since.get(one["id"], now)) for one in astray)
        return [one for one in astray if now - self._since[one["id"]] >= self._grace]
