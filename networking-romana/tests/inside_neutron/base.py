"""Neutron with our drivers, as its own tests run it: its API in this process, SQLite, and a live romana-server."""

import functools
import shutil
import tempfile
import uuid
from pathlib import Path

import testtools
from neutron.common import test_lib
from neutron.services.auto_allocate import plugin as auto_allocate
from neutron.tests.unit.plugins.ml2 import test_plugin
from neutron_lib import context
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins import directory
from oslo_config import cfg
from oslo_serialization import jsonutils

from networking_romana import client

from . import beginning
from .server import HOST, environment, token_file
from .services import Services

PLAN = "10.0.0.0/8"
CONFIGURATION = """
[DEFAULT]
ipam_driver = romana
[ml2]
type_drivers = local,flat,vlan
tenant_network_types = local
extension_drivers = port_security,qos
[romana]
url = {url}
ca_file = {ca_file}
token_file = {token_file}
[oslo_policy]
policy_dirs = {policies}
[nova]
auth_type = v3password
auth_url = {keystone}/v3
username = neutron
password = secret
project_name = service
user_domain_id = default
project_domain_id = default
"""


class FreshTestCase(test_plugin.Ml2PluginV2TestCase):
    """A Neutron of its own for each test. romana-server has the hosts HOST and OTHER_HOST, and nothing else."""

    _mechanism_drivers = ("romana",)
    l3_plugin = "romana_l3"

    def get_additional_service_plugins(self):
        """The last one Neutron always has, but not in its tests."""
        return {
            "segments": "segments",
            "tags": "tag",
            "qos": "romana_qos",
            "topologies": "auto_allocate",
            "forwardings": "romana_port_forwarding",
        }

    def setUp(self):
        self.make_neutron()
        self.addCleanup(beginning.romana_before_all().put_back)

    def make_neutron(self):
        """Have Neutron run, until the end of the test."""
        beginning.forget_connections()
        auto_allocate.Plugin._instance = None  # one of an earlier Neutron would hear of nothing
        self.services = services()
        self.services.reset()
        super().setUp()
        self.project = uuid.uuid4().hex

    def setup_config(self):
        test_lib.test_config["config_files"] = [configuration()]
        super().setup_config()

    @functools.cached_property
    def romana(self):
        """An administrator's client."""
        return client.RomanaClient(environment("URL"), environment("CA_FILE"), token_file("admin"), 10)

    @functools.cached_property
    def network_id(self):
        return self.make("networks", {"name": "romana", "shared": True})["id"]

    def make(self, collection, values, status=201):
        """POST; the resource, or the error's text when another status is expected."""
        body = {_single(collection): dict({"tenant_id": self.project}, **values)}
        request = self.new_create_request(collection, body, as_admin=True)
        return self._content(request, collection, status)

    def change(self, collection, identifier, values, status=200):
        """PUT; as `make`."""
        request = self.new_update_request(collection, {_single(collection): values}, identifier, as_admin=True)
        return self._content(request, collection, status)

    def delete(self, collection, identifier, status=204):
        """DELETE; the error's text when another status is expected."""
        request = self.new_delete_request(collection, identifier, as_admin=True)
        return self._content(request, collection, status)

    def read(self, collection, identifier):
        """GET."""
        return self._content(self.new_show_request(collection, identifier, as_admin=True), collection, 200)

    def make_subnet(self, **values):
        """The subnet as it has to be, but for what is given."""
        wanted = {"network_id": self.network_id, "cidr": PLAN, "ip_version": 4, "gateway_ip": None}
        status = values.pop("status", 201)
        return self.make("subnets", dict(wanted, **values), status)

    def make_port(self, status=201, **values):
        return self.make("ports", dict({"network_id": self.network_id}, **values), status)

    def make_bound_port(self, host=HOST, **values):
        """A port as Nova makes it: without a host, then with one."""
        port = self.make_port()
        return self.bind(port["id"], host, **values)

    def bind(self, port_id, host=HOST, status=200, **values):
        """What Nova changes of an instance's port when it starts on a host."""
        owner = {"device_id": str(uuid.uuid4()), "device_owner": "compute:nova", portbindings.HOST_ID: host}
        return self.change("ports", port_id, dict(owner, **values), status)

    def tag(self, port_id, tag):
        directory.get_plugin("TAG").update_tag(self.context, "ports", port_id, tag)

    def endpoints(self):
        """All endpoints: (port's id, host, tenant's segment, address)."""
        return [(one["name"], one["host"], one["segment"], one["address"]) for one in self.romana.endpoints()]

    def tenant(self):
        """The name of the project's tenant, which gets the segments s1 and s2 beside default."""
        name = "tenant-" + self.project[:8]
        self.romana.create_tenant(name, self.project)
        for segment in ("default", "s1", "s2"):
            self.romana.create_segment(name, segment)
        return name

    def _content(self, request, collection, status):
        answer = request.get_response(self.api)
        content = jsonutils.loads(answer.body) if answer.body else {}
        assert status == answer.status_int, content
        if answer.status_int >= 300:
            return content["NeutronError"]["message"]
        return content.get(_single(collection))


class RomanaTestCase(FreshTestCase):
    """A network `romana` without a subnet yet, in a Neutron that is made once for all.

    What tests of a class begin with, beside what those of the class above do, is made by its `begin`, once: each test
    gets the databases as they were then, and what `begin` has set of `self`. That is not to be changed.
    """

    OF_NEUTRON = ("l3_plugin", "get_additional_service_plugins", "_mechanism_drivers")  # another one has others
    OF_EACH_TEST = ("romana",)  # attributes: this one has a connection

    def begin(self):
        """Make what there is before each test."""
        self.make_neutron()

    def setUp(self):
        # Not Neutron's, which begins anew; nor is its cleanup needed, which ends all that has begun.
        testtools.TestCase.setUp(self)
        testtools.TestCase.addCleanup(self, beginning.forget_connections)
        beginning.of(type(self)).give(self)
        self.context = context.get_admin_context()  # it keeps what it has read

    def override(self, name, value, group=None):
        """Have a setting of neutron.conf have a value for this test."""
        cfg.CONF.set_override(name, value, group)
        self.addCleanup(cfg.CONF.clear_override, name, group)


def _single(collection):
    """What one of a collection is called in a body."""
    return collection[:-1].replace("-", "_")


@functools.lru_cache
def services():
    """One for all tests."""
    return Services(tempfile.mkdtemp(dir=environment("TOKENS")))


@functools.lru_cache
def configuration():
    """A file with what neutron.conf has beside Neutron's defaults, the same for all tests."""
    directory = Path(tempfile.mkdtemp(dir=environment("TOKENS")))
    policies = directory / "policy.d"
    policies.mkdir()
    shutil.copy(Path(client.__file__).with_name("policy.yaml"), policies / "90-romana.yaml")
    path = directory / "neutron.conf"
    path.write_text(
        CONFIGURATION.format(
            url=environment("URL"),
            ca_file=environment("CA_FILE"),
            token_file=token_file("neutron"),
            keystone=services().url,
            policies=policies,
        )
    )
    return str(path)
