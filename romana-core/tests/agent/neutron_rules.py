"""Neutron's own conversion of security groups, by its iptables firewall. Runs in Neutron's Python.

Reads lines of JSON: {"ports": [...], "groups": {id: [rule, ...]}, "members": {id: [address, ...]}}, ports and rules as
Neutron's agents get them. Writes for each the input of iptables-restore, as a line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any
from unittest import mock

from neutron.agent.linux import iptables_firewall, iptables_manager
from neutron.conf.agent import common, securitygroups_rpc
from oslo_config import cfg

EMPTY = {
    "filter": [":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]"],
    "raw": [":PREROUTING ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]"],
}


def converted(ports: list[Any], groups: dict[str, Any], members: dict[str, list[str]]) -> str:
    """The tables that Neutron's firewall makes of ports and groups."""
    driver = iptables_firewall.IptablesFirewallDriver()
    driver.iptables.defer_apply_on()  # it is to tell what it would do
    for name, rules in groups.items():
        driver.update_security_group_rules(name, rules)
    for name, addresses in members.items():
        driver.update_security_group_members(name, {"IPv4": [(one, None) for one in addresses]})
    for port in ports:
        driver.prepare_port_filter(port)
    lines = []
    for table, chains in EMPTY.items():
        wanted = driver.iptables.ipv4[table]
        lines += driver.iptables._modify_rules(["# by Neutron", f"*{table}", *chains, "COMMIT"], wanted, table)
    # A chain without a policy, as iptables-restore has it.
    return "\n".join([f"{line} - [0:0]" if line[:1] == ":" and " " not in line else line for line in [*lines, ""]])


def main() -> None:
    """Answer each line."""
    securitygroups_rpc.register_securitygroups_opts()
    common.register_iptables_opts(cfg.CONF)
    common.register_root_helper(cfg.CONF)
    cfg.CONF([])
    cfg.CONF.set_override("enable_ipset", False, "SECURITYGROUP")
    no_zones_yet = mock.patch.object(iptables_manager.IptablesManager, "get_rules_for_table", return_value=[])
    no_warnings = mock.patch.object(iptables_firewall.IptablesFirewallDriver, "_check_netfilter_for_bridges")
    with no_zones_yet, no_warnings:
        for line in sys.stdin:
            print(json.dumps(converted(**json.loads(line))), flush=True)
    os._exit(0)  # a thread of each driver waits for connections to end, for ever


if __name__ == "__main__":
    main()
