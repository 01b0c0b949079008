"""What the cloud_resources module would ask for, from what there is and what the task says."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from plugins.module_utils import images
from plugins.module_utils.difference import Difference, RefusedError
from plugins.module_utils.openstack import Ref, Step, resolve, versioned
from plugins.modules import cloud_resources
from plugins.modules.cloud_resources import Found, read_default_external, read_subnet_pool

FLAVOR = {"name": "tiny", "ram": 96, "vcpus": 1, "disk": 1}
NETWORK = {"name": "romana", "shared": True, "external": False, "cidr": "10.0.0.0/8", "subnets": None}
EXTERNAL = {"name": "public", "shared": False, "external": True, "cidr": "192.168.99.128/26", "subnets": None}
TOPOLOGY = "auto-allocated-topology"
KEYPAIR = {"name": "demo", "public_key": "ssh-ed25519 AAAA comment"}
IMAGE = {
    "name": "tiny",
    "file": None,
    "disk_format": None,
    "kernel": "/guest/vmlinuz",
    "ramdisk": "/guest/initrd.gz",
    "cmdline": "console=ttyS0",
    "properties": {"hw_disk_bus": "virtio"},
}


def change(found: Found, **given: Any) -> tuple[Difference[Step], dict[Ref, str]]:
    """What the task would change, and the ids of what stays."""
    ids: dict[Ref, str] = {}
    task = {"flavors": [], "images": [], "networks": [], "subnet_pool": None, "keypairs": []} | given
    return cloud_resources.difference(task, found, ids), ids


def sentences(difference: Difference[Step]) -> list[tuple[int, str]]:
    """What the steps do, with their stages."""
    return [(step.stage, step.what) for step in difference.steps]


def glance(**changes: dict[str, Any]) -> Found:
    """A Glance that has the guest; changes are to its parts, by the ends of their names."""
    there = {"status": "active", "os_hash_value": "given"}
    kernel = {"id": "k", "name": "tiny-kernel", "disk_format": "aki", "container_format": "aki", **there}
    initrd = {"id": "r", "name": "tiny-initrd", "disk_format": "ari", "container_format": "ari", **there}
    names = {"kernel_id": "k", "ramdisk_id": "r", "os_command_line": "console=ttyS0", "hw_disk_bus": "virtio"}
    disk = {"id": "d", "name": "tiny", "disk_format": "raw", "container_format": "bare", **names, **there}
    parts = {"kernel": kernel, "initrd": initrd, "disk": disk}
    listed = [part | changes.get(key, {}) for key, part in parts.items()]
    named = {each["name"]: [each] for each in listed}
    return Found(images=images.Images(named, {each["id"] for each in listed if each["os_hash_value"] == "given"}))


def test_guest_that_is_there_stays() -> None:
    difference, ids = change(glance(), images=[IMAGE])
    assert difference.steps == ()
    assert difference.before == difference.after
    assert ids == {Ref("image", "tiny-kernel"): "k", Ref("image", "tiny-initrd"): "r", Ref("image", "tiny"): "d"}


def test_guest_is_made_of_three_images() -> None:
    difference, _ = change(Found(), images=[IMAGE])
    assert sentences(difference) == [
        (0, "make image tiny-kernel"),
        (2, "fill image tiny-kernel"),
        (0, "make image tiny-initrd"),
        (2, "fill image tiny-initrd"),
        (1, "make image tiny"),
        (2, "fill image tiny"),
    ]
    made, filled = difference.steps[4:]
    ids = {Ref("image", "tiny-kernel"): "k", Ref("image", "tiny-initrd"): "r", Ref("image", "tiny"): "d"}
    assert resolve(made.body, ids) == {
        "name": "tiny",
        "visibility": "public",
        "disk_format": "raw",
        "container_format": "bare",
        "hw_disk_bus": "virtio",
        "kernel_id": "k",
        "ramdisk_id": "r",
        "os_command_line": "console=ttyS0",
    }
    assert resolve(filled.path, ids) == ["images", "d", "file"]
    assert difference.steps[1].data == Path("/guest/vmlinuz")


def test_another_kernel_takes_its_place_with_the_image_that_names_it() -> None:
    difference, _ = change(glance(kernel={"os_hash_value": "old"}), images=[IMAGE])
    assert sentences(difference) == [
        (0, "make image tiny-kernel"),
        (2, "fill image tiny-kernel"),
        (3, "hide old image tiny-kernel"),
        (1, "make image tiny"),
        (2, "fill image tiny"),
        (3, "hide old image tiny"),
    ]


@pytest.mark.parametrize("differing", [{"os_command_line": "quiet"}, {"hw_disk_bus": "ide"}, {"kernel_id": "old"}])
def test_image_whose_properties_differ_is_replaced_alone(differing: dict[str, str]) -> None:
    difference, _ = change(glance(disk=differing), images=[IMAGE])
    assert sentences(difference) == [(1, "make image tiny"), (2, "fill image tiny"), (3, "hide old image tiny")]


def test_image_that_an_interrupted_run_left_unfinished_is_removed() -> None:
    difference, _ = change(glance(initrd={"status": "queued", "os_hash_value": None}), images=[IMAGE])
    assert (3, "remove unfinished image tiny-initrd") in sentences(difference)
    assert (3, "hide old image tiny") in sentences(difference)


def test_image_is_a_file() -> None:
    image = IMAGE | dict.fromkeys(["kernel", "ramdisk", "cmdline"]) | {"file": "/debian.qcow2", "disk_format": "qcow2"}
    difference, _ = change(Found(), images=[image])
    assert sentences(difference) == [(0, "make image tiny"), (2, "fill image tiny")]
    body = {"name": "tiny", "visibility": "public", "disk_format": "qcow2", "container_format": "bare"}
    assert difference.steps[0].body == {**body, "hw_disk_bus": "virtio"}


def test_content_is_compared_by_the_hash_that_glance_keeps(tmp_path: Path) -> None:
    file = tmp_path / "kernel"
    file.write_bytes(b"kernel")
    image = {"os_hash_algo": "sha512", "os_hash_value": hashlib.sha512(b"kernel").hexdigest()}
    assert images.has_data(image, file)
    assert images.has_data(image, b"kernel")
    assert not images.has_data(image, b"another")
    assert not images.has_data({"os_hash_algo": None, "os_hash_value": None}, file)
    assert not images.has_data(image, tmp_path / "missing")


def test_missing_file_is_named() -> None:
    with pytest.raises(RefusedError, match="there is no file /guest/vmlinuz"):
        images.check_files(images.wanted([IMAGE]))


@pytest.mark.parametrize(
    ("there", "steps"),
    [
        ({}, [(1, "make flavor tiny")]),
        ({"tiny": {**FLAVOR, "id": "f"}}, []),
        (
            {"tiny": {**FLAVOR, "id": "f", "ram": 64}},
            [(0, "remove flavor tiny, to make it anew"), (1, "make flavor tiny")],
        ),
    ],
)
def test_flavor_steps(there: dict[str, Any], steps: list[tuple[int, str]]) -> None:
    difference, _ = change(Found(flavors=there), flavors=[FLAVOR])
    assert sentences(difference) == steps
    assert (difference.before == difference.after) == (not steps)


@pytest.mark.parametrize(
    ("public_key", "steps"),
    [
        ("ssh-ed25519 AAAA another comment", []),
        ("ssh-ed25519 BBBB comment", [(0, "remove key pair demo, to make it anew"), (1, "make key pair demo")]),
    ],
)
def test_key_pair_steps(public_key: str, steps: list[tuple[int, str]]) -> None:
    found = Found(keypairs={"demo": {"name": "demo", "public_key": public_key}})
    difference, _ = change(found, keypairs=[KEYPAIR])
    assert sentences(difference) == steps
    assert (difference.before == difference.after) == (not steps)


SUBNET = {"id": "s", "cidr": "10.0.0.0/8", "enable_dhcp": True, "gateway_ip": None}


def test_network_is_made_with_its_subnet() -> None:
    difference, _ = change(Found(), networks=[NETWORK])
    network, subnet = difference.steps
    kind = {"shared": True, "router:external": False, "provider:network_type": "local"}
    assert network.body == {"network": {"name": "romana", **kind}}
    assert network.makes == Ref("network", "romana")
    assert subnet.stage > network.stage
    assert resolve(subnet.body, {Ref("network", "romana"): "n"})["subnet"] == {
        "network_id": "n",
        "name": "romana",
        "cidr": "10.0.0.0/8",
        "ip_version": 4,
        "enable_dhcp": True,
        "gateway_ip": None,
    }


@pytest.mark.parametrize(
    ("network", "subnet", "body"),
    [
        ({}, {}, None),
        ({"shared": False}, {}, {"network": {"shared": True}}),
        ({}, {"gateway_ip": "10.0.0.1"}, {"subnet": {"gateway_ip": None}}),
        ({}, {"enable_dhcp": False}, {"subnet": {"enable_dhcp": True}}),
    ],
)
def test_network_is_changed_where_it_differs(network: dict[str, Any], subnet: dict[str, Any], body: Any) -> None:
    there = {"id": "n", "shared": True, "router:external": False, "subnets": [SUBNET | subnet]} | network
    difference, _ = change(Found(networks={"romana": there}), networks=[NETWORK])
    assert [step.body for step in difference.steps] == ([body] if body else [])
    assert (difference.before == difference.after) == (body is None)


def test_external_network_is_made_without_dhcp() -> None:
    difference, _ = change(Found(), networks=[EXTERNAL])
    network, subnet = difference.steps
    kind = {"shared": False, "router:external": True, "provider:network_type": "local"}
    assert network.body == {"network": {"name": "public", **kind}}
    assert resolve(subnet.body, {Ref("network", "public"): "n"})["subnet"] == {
        "network_id": "n",
        "name": "public",
        "cidr": "192.168.99.128/26",
        "ip_version": 4,
        "enable_dhcp": False,
        "gateway_ip": None,
    }


@pytest.mark.parametrize("others", [[], ["198.51.100.0/24"]])
def test_external_network_that_is_there_stays(others: list[str]) -> None:
    subnets = [SUBNET | {"cidr": cidr, "enable_dhcp": False} for cidr in [*others, "192.168.99.128/26"]]
    there = {"id": "n", "shared": False, "router:external": True, "subnets": subnets}
    difference, _ = change(Found(networks={"public": there}), networks=[EXTERNAL])
    assert difference.steps == ()
    assert difference.before == difference.after


def of_external_networks(networks: list[dict[str, Any]], extensions: Sequence[str] = (TOPOLOGY,)) -> Found:
    """What is found in a Neutron with these, by the project `ours`."""
    extended = [{"alias": alias} for alias in extensions]
    listed = [network | {"name": network.get("name", "other")} for network in networks]
    lists = {"networks": listed, "extensions": extended}
    cloud = SimpleNamespace(project_id="ours", list=lambda *words: lists[words[-1]])
    found = Found(networks={one["name"]: one | {"subnets": []} for one in listed if one["tenant_id"] == "ours"})
    read_default_external(cloud, found, [NETWORK, EXTERNAL])  # type: ignore[arg-type]
    return found


THEIRS = {"id": "t", "shared": False, "router:external": True, "tenant_id": "theirs", "is_default": False}
OURS = THEIRS | {"id": "n", "tenant_id": "ours", "name": "public"}


@pytest.mark.parametrize("others", [[], [THEIRS]])
def test_external_network_becomes_the_default(others: list[dict[str, Any]]) -> None:
    difference, _ = change(of_external_networks(others), networks=[NETWORK, EXTERNAL])
    made = {step.body["network"]["name"]: step.body["network"] for step in difference.steps if "network" in step.body}
    assert {name: network.get("is_default") for name, network in made.items()} == {"romana": None, "public": True}
    assert difference.after["networks"]["public"]["is_default"]
    difference, _ = change(of_external_networks([*others, OURS]), networks=[EXTERNAL])
    assert sentences(difference)[0] == (0, "make network public the default external one")
    assert difference.steps[0].body == {"network": {"is_default": True, "router:external": True}}
    difference, _ = change(of_external_networks([*others, OURS | {"is_default": True}]), networks=[EXTERNAL])
    assert sentences(difference) == [(1, "make subnet public")]


@pytest.mark.parametrize("mine", [[], [OURS]])
@pytest.mark.parametrize("theirs", [{}, {"name": "public"}])
def test_another_external_network_stays_the_default(mine: list[dict[str, Any]], theirs: dict[str, Any]) -> None:
    networks = [*mine, THEIRS | theirs | {"is_default": True}]
    difference, _ = change(of_external_networks(networks), networks=[EXTERNAL])
    assert not any("is_default" in str(step.body) for step in difference.steps)


def test_neutron_without_a_default_external_network_is_not_told_of_one() -> None:
    of_old = {key: value for key, value in OURS.items() if key != "is_default"}
    difference, _ = change(of_external_networks([of_old], extensions=()), networks=[EXTERNAL])
    assert sentences(difference) == [(1, "make subnet public")]


@pytest.mark.parametrize(("wanted", "said"), [(EXTERNAL, "public an external"), (NETWORK, "romana a network of inst")])
def test_network_does_not_become_external_nor_ceases_to_be(wanted: dict[str, Any], said: str) -> None:
    there = {"id": "n", "shared": wanted["shared"], "router:external": not wanted["external"], "subnets": []}
    with pytest.raises(RefusedError, match=f"cannot make network {said}.*: the one there is not; rename it"):
        change(Found(networks={wanted["name"]: there}), networks=[wanted])


def test_network_that_lost_its_subnet_gets_it_back() -> None:
    found = Found(networks={"romana": {"id": "n", "shared": True, "router:external": False, "subnets": []}})
    difference, ids = change(found, networks=[NETWORK])
    assert sentences(difference) == [(1, "make subnet romana")]
    assert resolve(difference.steps[0].body, ids)["subnet"]["network_id"] == "n"


@pytest.mark.parametrize("wanted", [NETWORK, EXTERNAL])
def test_another_subnet_is_refused(wanted: dict[str, Any]) -> None:
    subnets = [SUBNET | {"cidr": "10.1.0.0/16"}]
    there = {"id": "n", "shared": wanted["shared"], "router:external": wanted["external"], "subnets": subnets}
    said = rf"it has 10.1.0.0/16; delete the network \(openstack network delete {wanted['name']}\)"
    with pytest.raises(RefusedError, match=said):
        change(Found(networks={wanted["name"]: there}), networks=[wanted])


POOLS = [{"first": "192.168.99.253", "last": "192.168.99.254"}, {"first": "192.168.99.246", "last": "192.168.99.246"}]
DELIVERED = {"cidr": "192.168.99.0/24", "pools": POOLS, "service_types": ["network:floatingip"]}
OF_ROUTERS = {"cidr": "198.18.0.0/16", "pools": None, "service_types": ["network:router_gateway"]}
SEVERAL = EXTERNAL | {"cidr": None, "subnets": [DELIVERED, OF_ROUTERS]}
RANGES = [{"start": one["first"], "end": one["last"]} for one in reversed(POOLS)]
TYPED = [
    {
        **SUBNET,
        "id": "d",
        "cidr": "192.168.99.0/24",
        "allocation_pools": RANGES,
        "service_types": ["network:floatingip"],
    },
    {
        **SUBNET,
        "id": "r",
        "cidr": "198.18.0.0/16",
        "allocation_pools": [{"start": "198.18.0.1", "end": "198.18.255.254"}],
        "service_types": ["network:router_gateway"],
    },
]


def of_subnets(*there: dict[str, Any]) -> Found:
    subnets = [{**subnet, "enable_dhcp": False} for subnet in there]
    return Found(networks={"public": {"id": "n", "shared": False, "router:external": True, "subnets": subnets}})


def test_subnets_are_made_with_what_their_addresses_are_for() -> None:
    difference, _ = change(Found(), networks=[SEVERAL])
    made = [step.body["subnet"] for step in difference.steps if "subnet" in step.body]
    common = {"network_id": Ref("network", "public"), "name": "public", "ip_version": 4}
    attributes = {"enable_dhcp": False, "gateway_ip": None}
    of_nodes = {"allocation_pools": RANGES, "service_types": ["network:floatingip"]}
    assert made == [
        {**common, "cidr": "192.168.99.0/24", **attributes, **of_nodes},
        {**common, "cidr": "198.18.0.0/16", **attributes, "service_types": ["network:router_gateway"]},
    ]


@pytest.mark.parametrize("order", [1, -1])
def test_subnets_that_are_there_stay(order: int) -> None:
    there = TYPED[0] | {"allocation_pools": RANGES[::order]}
    difference, _ = change(of_subnets(there, TYPED[1], SUBNET | {"cidr": "198.51.100.0/24"}), networks=[SEVERAL])
    assert difference.steps == ()
    assert difference.before == difference.after


def test_pools_change_with_the_nodes() -> None:
    difference, _ = change(of_subnets(TYPED[0] | {"allocation_pools": RANGES[1:]}, TYPED[1]), networks=[SEVERAL])
    (step,) = difference.steps
    assert (step.method, step.path) == ("PUT", ("subnets", "d"))
    assert step.body == {"subnet": {"allocation_pools": RANGES}}


def test_a_subnet_that_a_killed_run_has_not_made_is_made() -> None:
    difference, _ = change(of_subnets(TYPED[0]), networks=[SEVERAL])
    assert sentences(difference) == [(1, "make subnet public 198.18.0.0/16")]


def test_subnets_of_somebody_else_are_refused() -> None:
    with pytest.raises(RefusedError, match=r"cannot give network public the subnet 192.168.99.0/24: it has 10."):
        change(of_subnets(SUBNET), networks=[SEVERAL])


POOL = {"name": "romana", "cidr": "10.0.0.0/8"}
LENGTHS = {"default_prefixlen": "8", "min_prefixlen": "8", "max_prefixlen": "8"}
NO_POOL = {"ip_version": 4, "is_default": False, "prefixes": ["10.0.0.0/8"], "shared": True}
THERE = {**NO_POOL, "id": "p", "is_default": True, **LENGTHS}


def of_pools(pools: list[dict[str, Any]], extensions: Sequence[str] = ("default-subnetpools",)) -> Found:
    """What is found in a Neutron with these, by the project `ours`."""
    lists = {"subnetpools": pools, "extensions": [{"alias": alias} for alias in extensions]}
    cloud = SimpleNamespace(project_id="ours", list=lambda *words: lists[words[-1]])
    read_subnet_pool(cloud, found := Found(), POOL["name"])  # type: ignore[arg-type]
    return found


def test_subnet_pool_is_made_for_all_projects_and_by_default() -> None:
    difference, _ = change(Found(), subnet_pool=POOL)
    assert sentences(difference) == [(0, "make subnet pool romana")]
    wanted = {"name": "romana", "prefixes": ["10.0.0.0/8"], "shared": True, **LENGTHS, "is_default": True}
    assert difference.steps[0].body == {"subnetpool": wanted}
    assert difference.before["subnet_pool"] is None
    assert difference.after["subnet_pool"] == {"cidr": "10.0.0.0/8", **LENGTHS, "is_default": True}


@pytest.mark.parametrize(
    ("differing", "body"),
    [
        ({}, None),
        ({"is_default": False}, {"is_default": True}),
        ({"max_prefixlen": "32"}, {"max_prefixlen": "8"}),
    ],
)
def test_subnet_pool_is_changed_where_it_differs(differing: dict[str, Any], body: Any) -> None:
    difference, _ = change(Found(subnet_pool=THERE | differing), subnet_pool=POOL)
    assert [step.body for step in difference.steps] == ([{"subnetpool": body}] if body else [])
    assert (difference.before == difference.after) == (body is None)


@pytest.mark.parametrize(
    ("other", "is_default"), [({"is_default": True}, False), ({"is_default": True, "ip_version": 6}, True), ({}, True)]
)
def test_subnet_pool_leaves_another_the_default(other: dict[str, Any], is_default: bool) -> None:
    pools = [NO_POOL | {"name": "other", "tenant_id": "ours"} | other]
    difference, _ = change(of_pools(pools), subnet_pool=POOL)
    assert ("is_default" in difference.steps[0].body["subnetpool"]) == is_default
    pools.append(THERE | {"name": "romana", "tenant_id": "ours", "is_default": is_default})
    assert change(of_pools(pools), subnet_pool=POOL)[0].steps == ()


def test_neutron_that_knows_no_default_is_not_told_of_one() -> None:
    of_old = {key: value for key, value in THERE.items() if key != "is_default"} | {"tenant_id": "ours"}
    pools = [of_old | {"name": "other"}]
    difference, _ = change(of_pools(pools, extensions=()), subnet_pool=POOL)
    assert "is_default" not in difference.steps[0].body["subnetpool"]
    pools.append(of_old | {"name": "romana"})
    assert change(of_pools(pools, extensions=()), subnet_pool=POOL)[0].steps == ()


@pytest.mark.parametrize(
    ("differing", "said"),
    [
        ({"prefixes": ["10.0.0.0/16", "192.0.2.0/24"]}, "of 10.0.0.0/16, 192.0.2.0/24 for all projects; rename it"),
        ({"shared": False}, "of 10.0.0.0/8 for one project; rename it"),
    ],
)
def test_another_subnet_pool_is_refused(differing: dict[str, Any], said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        change(Found(subnet_pool=THERE | differing), subnet_pool=POOL)


@pytest.mark.parametrize("url", ["http://controller:8774", "http://controller:8774/", "http://controller:8774/v2.1"])
def test_version_is_in_an_address_once(url: str) -> None:
    assert versioned(url, "v2.1") == "http://controller:8774/v2.1"


def test_project_in_an_address_of_old_releases_stays() -> None:
    project = "0123456789abcdef0123456789abcdef"
    assert versioned(f"http://controller:8774/v2/{project}", "v2.1") == f"http://controller:8774/v2.1/{project}"


def test_content_is_known_by_what_an_old_glance_says() -> None:
    assert images.has_data({"checksum": "900150983cd24fb0d6963f7d28e17f72"}, b"abc")  # RFC 1321's example
    assert not images.has_data({"checksum": "900150983cd24fb0d6963f7d28e17f72"}, b"abd")
    assert not images.has_data({"checksum": None}, b"")


def test_subnet_pools_of_others_may_have_the_same_name() -> None:
    pools = [THERE | {"name": "romana", "id": one, "tenant_id": one} for one in ("theirs", "ours", "others")]
    found = of_pools(pools)
    assert found.subnet_pool == pools[1]
    assert not found.default_is_free
