"""OpenStack's own tests, tempest, of a stack: what they are told of it, and what came of them.

Makes docs/reference/tempest.md by running all of them on a stack of three nodes, in three quarters of an hour:

    .venv/bin/python tests/e2e/openstack/tempest_cloud.py ~/.local/state romana >docs/reference/tempest.md
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from apart import python_apart
from cloud_client import Cloud, account
from romana_setup import Setup

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "tempest.md"
# What has its instances on networks of their projects' own, with routers and floating IPs.
OWN_NETWORKS = (
    "tempest.api.compute.floating_ips",
    "tempest.api.network",
    "tempest.scenario.test_minimum_basic",
    "tempest.scenario.test_network_advanced_server_ops",
    "tempest.scenario.test_network_basic_ops",
    "tempest.scenario.test_security_groups_basic_ops",
    "tempest.scenario.test_server_basic_ops",
)
# What has them on the network that everybody shares.
SHARED_NETWORK = ("tempest.api.compute", "tempest.api.identity", "tempest.api.image")
# What needs no instance. The rest is in the layer tempest, and what it is about in other tests of the layer openstack.
SUBSET = (
    "tempest.api.compute.keypairs",
    "tempest.api.identity.v3.test_tokens",
    "tempest.api.image.v2.test_images.BasicOperationsImagesTest",
    "tempest.api.network.test_security_groups.SecGroupTest",
    "tempest.api.network.test_security_groups_negative.NegativeSecGroupTest",
)
# What cannot pass, by why: tests, or classes of them.
IMPOSSIBLE = {
    "it makes networks or subnets with addresses of its own choice, which are refused: all have the address plan's": (
        "tempest.api.compute.servers.test_create_server_multi_nic.ServersTestMultiNic",
        "tempest.api.network.test_networks.BulkNetworkOpsTest.test_bulk_create_delete_subnet",
        "tempest.api.network.test_networks.NetworksTest.test_create_delete_subnet_with_allocation_pools",
        "tempest.api.network.test_networks.NetworksTest.test_create_delete_subnet_with_gw_and_allocation_pools",
        "tempest.api.network.test_networks.NetworksTest.test_update_subnet_gw_dns_host_routes_dhcp",
        "tempest.api.network.test_routers.RoutersTest.test_add_multiple_router_interfaces",
        "tempest.api.network.test_routers_negative.RoutersNegativeTest"
        ".test_router_add_gateway_net_not_external_returns_400",
    ),
    "it makes a second subnet on a network, which is refused: each network has the whole address plan": (
        "tempest.api.network.test_ports.PortsTestJSON.test_create_update_port_with_second_ip",
        "tempest.api.network.test_ports.PortsTestJSON.test_update_port_with_security_group_and_extra_attributes",
        "tempest.api.network.test_ports.PortsTestJSON.test_update_port_with_two_security_groups_and_extra_attributes",
    ),
    "it wants an address for a port that is on no host; an address follows from its port's host": (
        "tempest.api.network.admin.test_floating_ips_admin_actions.FloatingIPAdminTestJSON"
        ".test_create_list_show_floating_ip_with_tenant_id_by_admin",
        "tempest.api.network.test_floating_ips.FloatingIPTestJSON",
        "tempest.api.network.test_floating_ips_negative.FloatingIPNegativeTestJSON",
        "tempest.api.network.test_ports.PortsTestJSON.test_create_port_in_allowed_allocation_pools",
        "tempest.api.network.test_ports.PortsTestJSON.test_port_list_filter_by_ip",
        "tempest.api.network.test_ports.PortsTestJSON.test_port_list_filter_by_ip_substr",
    ),
    "it wants members to say from which addresses a guest sends, which administrators alone do": (
        "tempest.api.network.test_allowed_address_pair.AllowedAddressPairTestJSON",
        "tempest.api.network.test_ports.PortsTestJSON.test_create_show_delete_port_user_defined_mac",
        "tempest.scenario.test_network_basic_ops.TestNetworkBasicOps.test_port_security_macspoofing_port",
        "tempest.scenario.test_security_groups_basic_ops.TestSecurityGroupsBasicOps"
        ".test_boot_into_disabled_port_security_network_without_secgroup",
        "tempest.scenario.test_security_groups_basic_ops.TestSecurityGroupsBasicOps"
        ".test_port_security_disable_security_group",
    ),
    "it gives an external network the address plan, which is refused: outside are other addresses": (
        "tempest.api.network.admin.test_external_network_extension.ExternalNetworksTestJSON"
        ".test_delete_external_networks_with_floating_ip",
        "tempest.api.network.admin.test_routers.RoutersAdminTest.test_create_router_set_gateway_with_fixed_ip",
    ),
    "it makes a port on an external network, which is refused: no instance is there": (
        "tempest.api.network.admin.test_routers_negative.RoutersAdminNegativeTest"
        ".test_router_set_gateway_used_ip_returns_409",
    ),
    "it makes a router's gateway without source NAT, which is refused: outside nobody knows a way to the plan": (
        "tempest.api.network.admin.test_routers.RoutersAdminTest.test_create_router_with_snat_explicit",
        "tempest.api.network.admin.test_routers.RoutersAdminTest.test_update_router_reset_gateway_without_snat",
        "tempest.api.network.admin.test_routers.RoutersAdminTest.test_update_router_set_gateway_without_snat",
    ),
    "it gives the DHCP option server-ip-address, which is refused: who serves is the host": (
        "tempest.api.network.test_extra_dhcp_options.ExtraDHCPOptionsTestJSON",
    ),
    "it wants networks of one range to be refused in one router; all have the address plan's": (
        "tempest.api.network.test_routers_negative.RoutersNegativeTest"
        ".test_add_router_interfaces_on_overlapping_subnets_returns_400",
    ),
}
LEFT_OUT = {name: why for why, names in IMPOSSIBLE.items() for name in names}
INTRODUCTION = """# OpenStack's own tests

What tempest {version} says of a stack of the target `local` with the engine `packages` and three nodes, by
`./run-tests tempest`; a part of it is in the layer `openstack`, which belongs to all tests. Instances are the tiny
guest, and logins to them by ssh are part of the tests. {passed} tests pass, none fails, {skipped} are skipped, or
classes of them, for the reasons below.

| tests | passed | skipped |
|---|---|---|
{parts}
Instances of `compute` are on the network that everybody shares, but for `compute.floating_ips`. Those and the scenarios
have networks of their projects' own, each with a router to the network `public`, and are reached by floating IPs.

What cannot pass has its reason in `tests/e2e/openstack/tempest_cloud.py`; the other reasons are tempest's. Two steps
of scenarios are not as they come: they ask all instances on a network, and not its router, whose address is on no wire;
and they leave a subnet's range to the default pool, where they would choose one that the project has not used yet.

| reason | skipped |
|---|---|
"""
RUNNER = Path(__file__).with_name("run_tempest.py")
VARYING = re.compile(r"\[?\{.*|[0-9a-f]{8}-[0-9a-f-]{27}")  # of a reason: what is another in each cloud
PATIENCE = "900"  # seconds: processors may be emulated, and have other work
MACHINE = ".254"  # how this machine's address on the nodes' network ends
ALTERNATIVE = "tempest"  # the second image and flavor
GUEST = ("kernel_id", "ramdisk_id", "os_command_line")  # what makes an image the tiny guest


@dataclass(frozen=True)
class Outcome:
    """What came of a test, or of a class that was skipped whole. outcome: passed, skipped or failed."""

    name: str
    outcome: str
    why: str
    seconds: float


def run_whole(stack: Setup, directory: Path) -> list[Outcome]:
    """Run all of them. directory: a new one, for what tempest writes."""
    parts = {"shared": (SHARED_NETWORK, False), "own": (OWN_NETWORKS, True)}
    outcomes = []
    for name, (names, own_networks) in parts.items():
        (directory / name).mkdir()
        outcomes += run(stack, directory / name, names, own_networks=own_networks)
    return outcomes


def run(stack: Setup, directory: Path, names: Sequence[str], *, own_networks: bool = False) -> list[Outcome]:
    """Run the tests whose names begin with one of these.

    Args:
        stack: whose cloud it is.
        directory: a new one, for what tempest writes.
        names: of OWN_NETWORKS, or all else.
        own_networks: whether projects have networks of their own, with a router, and are reached by floating IPs.
    """
    cloud = Cloud(stack.directory, stack.name)
    settings = _config(directory, account(stack.directory, stack.name), _compute(cloud))
    for section, values in (_own(cloud) if own_networks else _shared()).items():
        settings[section] = settings.get(section, {}) | values
    config = ConfigParser(interpolation=None)
    config.read_dict(settings)
    with (directory / "tempest.conf").open("w") as file:
        config.write(file)
    hosts = stack.romana("host", "list")
    left_out = [*LEFT_OUT, *(() if own_networks else OWN_NETWORKS)]
    told = {
        "ssh_config": str(stack.directory / "ssh_config"),
        "prefixes": {host["prefix"]: host["name"] for host in hosts},
        "left_out": [name for name in left_out if name.startswith(tuple(names))],
    }
    (directory / "told.json").write_text(json.dumps(told))
    command = [python_apart("tempest"), RUNNER, directory, *names]
    lines = directory / "outcomes"  # tells how far they are, too
    with lines.open("w") as file:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": file, "stderr": subprocess.PIPE}
        done = subprocess.run(command, cwd=directory, text=True, check=False, **pipes)
    assert done.returncode == 0, done.stderr
    return [
        *(Outcome(**json.loads(line)) for line in lines.read_text().splitlines()),
        *(Outcome(name, "skipped", why, 0.0) for name, why in LEFT_OUT.items() if name.startswith(tuple(names))),
    ]


def version() -> str:
    """That of tempest."""
    lock = Path(__file__).parents[3] / "requirements" / "tempest.lock"
    (found,) = re.findall(r"^tempest==(\S+)", lock.read_text(), re.MULTILINE)
    return str(found)


def page(outcomes: Sequence[Outcome]) -> str:
    """What came of all of them, for readers."""
    numbers = Counter(one.outcome for one in outcomes)
    by_part = Counter((_part(one.name), one.outcome) for one in outcomes)
    parts = "".join(
        f"| `{part}` | {by_part[part, 'passed']} | {by_part[part, 'skipped']} |\n"
        for part in sorted({part for part, _ in by_part})
    )
    by_reason: dict[str, list[str]] = {}
    for one in outcomes:
        if one.outcome == "skipped":
            reason = VARYING.sub("...", one.why.replace(one.name.rpartition(".")[2], "").strip())
            by_reason.setdefault(reason, []).append(_short(one.name))
    rows = [f"| {reason} | {'<br>'.join(sorted(by_reason[reason]))} |\n" for reason in sorted(by_reason)]
    said = {"version": version(), "passed": numbers["passed"], "skipped": numbers["skipped"], "parts": parts}
    return INTRODUCTION.format(**said) + "".join(rows)


def _short(name: str) -> str:
    return name.removeprefix("tempest.").removeprefix("api.")


def _part(name: str) -> str:
    """What a test is of: an API, or scenarios."""
    return _short(name).partition(".")[0]


def failures(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """Why tests failed, by name."""
    return {one.name: one.why for one in outcomes if one.outcome == "failed"}


def _compute(cloud: Cloud) -> dict[str, str]:
    """Images and flavors, two of each, of which the tiny guest can run, the second made; and what Nova understands."""
    images = {image["name"]: image for image in cloud.glance.get("/v2/images").json()["images"]}
    properties = {key: images["tiny"][key] for key in GUEST}
    alternative = images.get(ALTERNATIVE) or {"id": cloud.add_image(ALTERNATIVE, bytes(1 << 20), **properties)}
    return {
        "image_ref": images["tiny"]["id"],
        "image_ref_alt": alternative["id"],
        "max_microversion": cloud.nova.get("/").json()["version"]["version"],
        "flavor_ref": cloud.flavor("tiny"),
        "flavor_ref_alt": _second_flavor(cloud),
    }


def _second_flavor(cloud: Cloud) -> str:
    flavor = {"name": ALTERNATIVE, "ram": 112, "vcpus": 1, "disk": 1}
    if ALTERNATIVE not in {one["name"] for one in cloud.nova.get("/flavors").json()["flavors"]}:
        cloud.nova.post("/flavors", json={"flavor": flavor})
    return cloud.flavor(ALTERNATIVE)


def _config(directory: Path, admin: dict[str, str], compute: dict[str, str]) -> dict[str, dict[str, str]]:
    """tempest.conf: what there is, what there is not, and how to log in."""
    return {
        "DEFAULT": {"log_dir": str(directory), "log_file": "tempest.log"},
        "oslo_concurrency": {"lock_path": str(directory / "lock")},
        "auth": {
            "use_dynamic_credentials": "true",
            "admin_username": admin["username"],
            "admin_password": admin["password"],
            "admin_project_name": admin["project_name"],
            "admin_domain_name": admin["project_domain_name"],
        },
        "identity": {"auth_version": "v3", "uri_v3": admin["auth_url"], "v3_endpoint_type": "publicURL"},
        "identity-feature-enabled": {"application_credentials": "true", "access_rules": "true"},
        "compute": {
            **compute,
            "min_compute_nodes": "2",
            "build_interval": "1",
            "ready_wait": "0",
        },
        "compute-feature-enabled": {
            "resize": "true",
            "vnc_console": "true",
            "stable_rescue": "true",
            "scheduler_enabled_filters": "all",
            "config_drive": "false",  # the tiny guest has no file system for it
            "live_migration": "false",  # an address belongs to a host
            "attach_encrypted_volume": "false",
        },
        "network-feature-enabled": {"ipv6": "false", "port_security": "true"},
        "validation": {
            "run_validation": "true",
            "image_ssh_user": "root",
            "ssh_key_type": "ecdsa",
            "auth_timeout": "60",
        },
        "service_available": {"cinder": "false", "swift": "false"},
    }


def _shared() -> dict[str, dict[str, str]]:
    """What tempest.conf has of the network that everybody shares."""
    return {
        "auth": {"create_isolated_networks": "false"},
        "compute": {"fixed_network_name": "romana"},
        "network-feature-enabled": {"floating_ips": "false"},
        "validation": {"connect_method": "fixed", "network_for_ssh": "romana"},
    }


def _own(cloud: Cloud) -> dict[str, dict[str, str]]:
    """What tempest.conf has of projects' own networks: each is the address plan, and has a router to `public`."""
    (plan,) = {one["cidr"] for one in cloud.neutron.get(f"/subnets?network_id={cloud.network()}").json()["subnets"]}
    extensions = cloud.neutron.get("/extensions").json()["extensions"]
    (outside,) = cloud.neutron.get(f"/subnets?network_id={cloud.network('public')}").json()["subnets"]
    controller = str(urlsplit(cloud.url("network")).hostname)
    machine = controller.rpartition(".")[0] + MACHINE  # what instances are to reach outside
    cloud.neutron.put(f"/subnets/{outside['id']}", json={"subnet": {"gateway_ip": machine}})
    return {
        "auth": {"create_isolated_networks": "true"},
        "compute": {"build_timeout": PATIENCE},
        "compute-feature-enabled": {"metadata_service": "false"},  # the tiny guest's curl asks, and sends nothing
        "network": {
            "project_network_cidr": plan,
            "project_network_mask_bits": plan.partition("/")[2],
            "public_network_id": cloud.network("public"),
            "floating_network_name": "public",
            "build_timeout": PATIENCE,
        },
        "network-feature-enabled": {
            "floating_ips": "true",
            "api_extensions": ",".join(sorted(one["alias"] for one in extensions)),
        },
        "service-clients": {"http_timeout": PATIENCE},
        "scenario": {"dhcp_client": ""},  # the tiny guest's hears no signal to ask again
        "validation": {"connect_method": "floating", "ssh_timeout": PATIENCE},
    }


def main() -> None:
    """Print the page about a stack that is named by where its state is, and its name."""
    state, name = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        outcomes = run_whole(Setup(Path(state), name, ""), Path(directory))
    print(page(outcomes), end="")


if __name__ == "__main__":
    main()
