"""A Neutron of old in this process: its API, ML2 with our drivers, SQLite, and a live romana-server."""

from __future__ import absolute_import

import json
import os
import tempfile
import unittest
import uuid

import webob
from neutron.api import extensions
from neutron.api.v2 import router
from neutron.common import config as neutron_config
from neutron.common import rpc
from neutron.db.migration.models import head
from oslo_config import cfg

from networking_romana import client, follow
from networking_romana.compat import core_plugin, get_admin_context

from .server import HOST, environment, forget_all, token_file

CONFIGURATION = """
[DEFAULT]
core_plugin = ml2
ipam_driver = romana
service_plugins =
transport_url = fake://
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
dhcp_agent_notification = false
allow_overlapping_ips = true
[database]
connection = sqlite:///{directory}/neutron.db
[ml2]
type_drivers = local
tenant_network_types = local
mechanism_drivers = romana
extension_drivers = port_security
[quotas]
quota_security_group = -1
quota_port = -1
[romana]
url = {url}
ca_file = {ca_file}
token_file = {token_file}
[oslo_policy]
policy_file = {policy_file}
"""
SUBNET = {"cidr": "10.0.0.0/8", "ip_version": 4, "gateway_ip": None}
API = []  # one for all tests: Neutron loads its plugins once


def api():
    """What answers requests, as `neutron-server` has it."""
    if not API:
        directory = tempfile.mkdtemp()
        policy = os.path.join(directory, "policy.json")
        with open(policy, "w") as file:
            file.write("{}")
        path = os.path.join(directory, "neutron.conf")
        values = {"url": environment("URL"), "ca_file": environment("CA_FILE"), "token_file": token_file("neutron")}
        with open(path, "w") as file:
            file.write(CONFIGURATION.format(directory=directory, policy_file=policy, **values))
        neutron_config.init(["--config-file", path])
        rpc.init(cfg.CONF)
        head.get_metadata().create_all(get_admin_context().session.get_bind())
        application = router.APIRouter()
        API.append(extensions.plugin_aware_extension_middleware_factory({})(application))
    return API[0]


class OldNeutronTestCase(unittest.TestCase):
    """A network that all share, with its subnet, and a project of its own."""

    def setUp(self):
        self.api = api()
        client._client = None
        self.romana = client.RomanaClient(environment("URL"), environment("CA_FILE"), token_file("admin"), 10)
        self.project = uuid.uuid4().hex
        self.addCleanup(self._forget)
        self.network = self.make("network", name="romana", shared=True)["id"]
        self.subnet = self.make("subnet", network_id=self.network, **SUBNET)["id"]

    def _forget(self):
        for kind in ("port", "subnet", "network", "security-group"):
            for one in self.ask("GET", kind):
                if one["tenant_id"] == self.project and one["name"] != "default":
                    self.remove(kind, one["id"])
        forget_all(self.romana)

    def make(self, kind, status=201, **values):
        """POST; what was made, or the error's text when another status is expected."""
        return self.ask("POST", kind, None, status, dict(values, tenant_id=self.project))

    def change(self, kind, identifier, status=200, **values):
        """PUT; as `make`."""
        return self.ask("PUT", kind, identifier, status, values)

    def remove(self, kind, identifier):
        """DELETE."""
        self.ask("DELETE", kind, identifier, 204)

    def ask(self, method, kind, identifier=None, status=200, values=None):
        """One request; what is in the answer."""
        path = "/" + "/".join(part for part in (kind + "s", identifier) if part) + ".json"
        single = kind.replace("-", "_")
        request = webob.Request.blank(path, method=method, content_type="application/json")
        if values is not None:
            request.body = json.dumps({single: values}).encode("ascii")
        request.environ["neutron.context"] = get_admin_context()
        answer = request.get_response(self.api)
        assert answer.status_int == status, answer.body
        content = json.loads(answer.body.decode("utf-8")) if answer.body else {}
        if status >= 300:
            return content["NeutronError"]["message"]
        return content.get(single, content.get(single + "s"))

    def make_port(self, **values):
        """A port as Nova makes it."""
        owner = {"device_id": str(uuid.uuid4()), "device_owner": "compute:nova", "binding:host_id": HOST}
        return self.make("port", **dict(dict(owner, network_id=self.network), **values))

    def follow_once(self):
        follow.Follower(client.romana(), core_plugin(), cfg.CONF.romana).synchronize()
