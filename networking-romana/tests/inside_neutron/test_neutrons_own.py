"""Neutron's own tests of ports and of binding, with our drivers under them, as far as they apply.

Those of what Neutron does alone are in test_neutrons_alone.py.
"""

import contextlib
import re

from neutron.tests.unit.plugins.ml2 import test_plugin

from .base import PLAN, FreshTestCase

HOSTS = ("host1", "fake_host", "newhost", "host", "testhost")  # those of Neutron's tests
NOT_HERE = {
    "there is no IPv6": "v6|slaac|dual_stack|test_create_ports_bulk_ip_allocation_without_mac",
    "routers are another plugin's, and have networks of projects": "router|l3_",
    "there is no DHCP agent": "dhcp_port|dhcp_provisioning_blocks_(inserted_on_(addr|create)|added|removed)|bad_owner",
    "there is one subnet": "subnet_id_not_on_network",
    "a port has one address": "update_ips$|add_additional_ip|fixed_ips_order",
    "a port has an address when it has a host": "port_json|public_network_with_ip|range_allocation|requested_duplicate"
    "|requested_invalid_fixed_ips|requested_subnet_id$|create_resillient|fixed_ip$|fixed_ip_with|fixed_ip_substring"
    "|test_port_vif_details|test_ports_vif_details|stale_subnet",
    "the address is none of a host's segment": "anticipating|wrong_fixed_ips|requested_ips_only|fixed_ip_changed"
    "|update_port_mac_ip|update_port_update_ip|update_resillient",
    "administrators choose MACs": "test_list_ports_with_(pagination|sort)",
    "instances have taps": "bulk_with_portbinding_attrs$",
    "the port is bound here, and keeps its MAC": "test_update_port_mac$",
}
# Of what Neutron does whatever the drivers: reads, refusals that no driver is asked about, steps of binding.
ALONE = re.compile(
    "list_ports|show_port|ports_count|quotas|bad_|invalid_(admin_state|mac)|mac_in_use|mac_used|mac_generation"
    "|wrong_input|incorrect_resource_body|with_empty_|profile_(none|too_big)|None_values|no[tn]_admin|non_existent|dvr"
    "|bulk_emulated$|extra_dhcp_opts|delete_network_port_exists|delete_port_(by_network_owner|public_network)"
    "|ignores_port_not_found|dhcp_provisioning|status_short_id|distributed|concurrent_delete_and_binding"
    "|test__(port_provisioned|validate_port_update|attempt_binding|bind_port|commit_port_binding)"
)


class NeutronTestCase(FreshTestCase):
    """Gives Neutron's tests the one subnet whenever they make one of their own."""

    VIF_TYPE = "tap"
    _mechanism_drivers = ("logger", "romana")
    alone = False  # which of them are run

    def setUp(self):
        name = self.id().rpartition(".")[2]
        if (ALONE.search(name) is not None) is not self.alone:
            self.skipTest("the other file runs it")
        for reason, names in NOT_HERE.items():
            if re.search(names, name):
                self.skipTest(reason)
        super().setUp()
        known = {one["name"] for one in self.romana._get("/v1/hosts")}
        for number, host in enumerate(HOSTS, 100):
            if host not in known:
                self.romana._send("POST", "/v1/hosts", body={"name": host, "address": "192.0.2.{}".format(number)})
        self._one = None

    @contextlib.contextmanager
    def subnet(self, network=None, **kwargs):
        if network is None and self._one is not None:
            yield self._one
            return
        with super().subnet(network, **kwargs) as made:
            self._one = made
            yield made

    def _make_subnet(self, fmt, network, _gateway, _cidr, *args, **kwargs):
        return super()._make_subnet(fmt, network, None, PLAN, *args, **kwargs)


class TestPorts(NeutronTestCase, test_plugin.TestMl2PortsV2):
    pass


class TestBinding(NeutronTestCase, test_plugin.TestMl2PortBinding):
    pass
