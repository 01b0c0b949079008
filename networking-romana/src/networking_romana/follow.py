"""The program that keeps Neutron and romana-server at one: python3 -m networking_romana.follow --config-file FILE.

It follows the endpoints' statuses and makes ports ACTIVE; now and then it compares everything, and then also
- gives addresses back that no port has (what a process left that was killed in the middle of a request),
- makes the endpoint of a bound port anew that romana-server has lost,
- passes on what ports may do, are told and are limited to, and security groups, where romana-server has not heard it,
- the same with routers and floating IPs; a floating IP is ACTIVE when romana-server has it,
- gives the segments of networks back that are not there any more,
- deletes the tenant of a project that Keystone has no more.
One such process is enough for a cloud; several do no harm. It keeps nothing: it may be restarted at any time.
"""

from __future__ import absolute_import

import sys
import time

from oslo_db import exception as db_exceptions
from oslo_log import log as logging
from oslo_utils import timeutils

from networking_romana import address, cloud, floating_ips, groups, in_step, own_network, routers
from networking_romana import port as ports
from networking_romana.client import romana
from networking_romana.compat import core_plugin, exceptions, get_admin_context, load_plugins
from networking_romana.config import settings
from networking_romana.errors import RomanaInvalid, RomanaRefused, RomanaUnavailable
from networking_romana.port_status import at_once, in_the_end
from networking_romana.strays import Strays

LOG = logging.getLogger(__name__)

LONGEST_WAIT = 60  # seconds that romana-server lets a request wait
PAUSE = 1  # seconds before the next attempt when something does not answer


class Follower(object):
    """Follows romana-server for Neutron."""

    def __init__(self, client, plugin, options):
        """Args: client: RomanaClient; plugin: ML2's; options: the section [romana]."""
        self._client = client
        self._plugin = plugin
        self._interval = options.sync_interval
        self._strays = Strays(options.grace)

    def run(self):
        """Never returns. What does not answer is asked again; everything else is a bug, and ends the process."""
        while True:
            try:
                self.follow(self.synchronize())
            except (RomanaUnavailable, db_exceptions.DBError) as error:
                LOG.warning("Ports do not become ACTIVE for now: %s", error)
                time.sleep(PAUSE)

    def synchronize(self):
        """Compare everything; returns the generation up to which all is known."""
        answer = self._client.statuses()
        known = [ports.read(port) for port in self._plugin.get_ports(get_admin_context())]
        endpoints = {}  # type: dict[str, list[object]]
        for one in answer["endpoints"]:
            endpoints.setdefault(one["name"], []).append(one)
        for port in known:
            here = endpoints.get(port.id, [])
            self._set_status(port, in_the_end(port, here))
            if not here:
                self._restore(port)
        groups.synchronize(known)
        in_step.synchronize(known)
        addresses = dict((port.id, port.addresses) for port in known)
        for stray in self._strays.due(answer["endpoints"], addresses, timeutils.now()):
            LOG.warning("Address %s is given back: port %s does not have it", stray["address"], stray["name"])
            self._client.delete_endpoint(stray["id"])
        own_network.forget_deleted()
        routers.synchronize()
        floating_ips.synchronize()
        self._delete_tenants()
        return answer["generation"]

    def follow(self, generation):
        """Pass on what changes, until it is time to compare everything again."""
        end = timeutils.now() + self._interval
        while timeutils.now() < end:
            answer = self._client.statuses(generation, min(LONGEST_WAIT, max(0, end - timeutils.now())))
            if answer is None:
                continue
            for endpoint in answer["endpoints"]:
                self._hear(endpoint)
            generation = answer["generation"]

    def _hear(self, endpoint):
        if endpoint["status"] == "error":
            LOG.error("Address %s is not in place on %s: %s", endpoint["address"], endpoint["host"], endpoint["detail"])
        try:
            port = ports.read(self._plugin.get_port(get_admin_context(), endpoint["name"] or ""))
        except exceptions.PortNotFound:
            return
        self._set_status(port, at_once(port, endpoint))

    def _set_status(self, port, status):
        if status is not None:
            LOG.info("Port %s is %s on %s", port.id, status, port.host)
            self._plugin.update_port_status(get_admin_context(), port.id, status, port.host)
        if status == ports.ACTIVE:
            self._have_nova_look(port)

    def _have_nova_look(self, port):
        """Have Nova note that a port is ACTIVE.

        It noted what there was before the instance was made. Before it makes the instance anew, as for a rebuild, it
        would wait for news of a port that it does not know to be ACTIVE, and our ports stay so.
        """
        notifier = getattr(self._plugin, "nova_notifier", None)  # none where Neutron is not to tell Nova anything
        if notifier and port.device_owner.startswith(ports.INSTANCES):
            event = {"name": "network-changed", "server_uuid": port.device_id, "tag": port.id}
            notifier.batch_notifier.queue_event(event)

    def _restore(self, port):
        if port.vif_type != ports.TAP:
            return
        for one in port.addresses:
            if address.find(port.id, one):
                continue  # made since the comparison began
            try:
                address.claim(get_admin_context(), port, one)
                LOG.warning("Address %s of port %s was unknown to romana-server; it is known again", one, port.id)
            except RomanaRefused as refusal:
                if "hosts" in refusal.details:
                    LOG.warning(
                        "Address %s of port %s is known to romana-server again later: %s", one, port.id, refusal
                    )
                else:
                    self._cannot_keep(port, one, refusal)
            except RomanaInvalid as error:
                self._cannot_keep(port, one, error)
            except exceptions.NetworkNotFound:
                return  # deleted since the comparison began, and the port with it

    def _cannot_keep(self, port, one, error):
        LOG.error("Port %s cannot keep its address %s: %s; make another port", port.id, one, error)

    def _delete_tenants(self):
        if not cloud.can_be_asked():
            return
        for tenant in self._client.tenants():
            if tenant["project_id"] and not tenant["endpoints"] and cloud.project(tenant["project_id"]) is None:
                try:
                    self._client.delete_tenant(tenant["name"])
                    LOG.info("Tenant %s is deleted: its project is gone", tenant["name"])
                except RomanaRefused as refusal:
                    LOG.warning("Tenant %s, whose project is gone, stays: %s", tenant["name"], refusal)


def main():
    """Run until it is stopped by a signal."""
    load_plugins(sys.argv[1:])
    Follower(romana(), core_plugin(), settings()).run()


if __name__ == "__main__":
    main()
