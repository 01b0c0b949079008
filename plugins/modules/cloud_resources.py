#!/usr/bin/python
"""Ansible module: what users of an OpenStack cloud find in it."""

from __future__ import annotations

DOCUMENTATION = """
---
module: cloud_resources
short_description: Manages flavors, images, networks, a subnet pool and key pairs of an OpenStack cloud
version_added: 1.0.0
description:
  - Creates and updates flavors, images, networks with their subnets, a subnet pool, and key pairs. Resources that are
    not given are not changed.
options:
  flavors:
    description: Flavors. One that differs is replaced; existing instances keep their flavor.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the flavor.
        type: str
        required: true
      ram:
        description: Memory in MiB.
        type: int
        required: true
      vcpus:
        description: Number of processors.
        type: int
        required: true
      disk:
        description: Size of the root disk in GiB.
        type: int
        required: true
  images:
    description:
      - Public images, each either a file or a kernel with its initial file system.
      - An image whose hash or properties differ is replaced. The old image is hidden instead of removed, because
        instances may need it to be rebuilt or moved.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the image.
        type: str
        required: true
      file:
        description: The image's file on the node.
        type: path
      disk_format:
        description: Format of O(images[].file), like V(qcow2).
        type: str
      kernel:
        description:
          - File of a kernel on the node. It becomes image C(NAME-kernel), and O(images[].ramdisk) image C(NAME-initrd).
          - The image NAME itself is then a small empty disk that refers to both.
        type: path
      ramdisk:
        description: The kernel's initial file system, a file on the node.
        type: path
      cmdline:
        description: The kernel's command line.
        type: str
      properties:
        description: Properties of the image, such as C(hw_disk_bus).
        type: dict
        default: {}
  networks:
    description: Networks of the user's project, each with one subnet or several that have no gateway.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the network and of its subnet.
        type: str
        required: true
      shared:
        description: Whether all projects may use it.
        type: bool
        default: false
      external:
        description:
          - Whether it is an external network, whose addresses become routers' and floating IPs, of all projects. The
            others are for instances, and have DHCP. It cannot be changed later.
          - The first one becomes the default one unless there is another, and unless Neutron is too old for that
            (Liberty).
        type: bool
        default: false
      cidr:
        description: Address space of the subnet, all of which is given away. It cannot be changed later.
        type: str
      subnets:
        description: Subnets of an external network, instead of O(networks[].cidr). Others that it has are not changed.
        type: list
        elements: dict
        suboptions:
          cidr:
            description: Address space of the subnet. It cannot be changed later.
            type: str
            required: true
          pools:
            description: Ranges of the addresses that are given away. By default, all.
            type: list
            elements: dict
            suboptions:
              first:
                description: First address of the range.
                type: str
                required: true
              last:
                description: Last address of the range.
                type: str
                required: true
          service_types:
            description: What its addresses are for, like V(network:floatingip). By default, anything.
            type: list
            elements: str
            default: []
  subnet_pool:
    description:
      - The subnet pool of which all projects may make their networks' subnets, each with the whole of it.
      - It becomes the default one unless there is another, and unless Neutron is too old for that (Liberty).
    type: dict
    suboptions:
      name:
        description: Name of the pool.
        type: str
        required: true
      cidr:
        description: Its address space. It cannot be changed later.
        type: str
        required: true
  keypairs:
    description: Public keys of the user in O(auth). One that differs is replaced; existing instances keep their key.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the key pair.
        type: str
        required: true
      public_key:
        description: The key, in OpenSSH's format.
        type: str
        required: true
extends_documentation_fragment:
  - romana.openstack.openstack
  - romana.openstack.attributes
seealso:
  - module: romana.openstack.identity
"""

EXAMPLES = """
- name: Create what is needed to start instances
  romana.openstack.cloud_resources:
    auth: "{{ admin }}"
    flavors:
      - name: tiny
        ram: 96
        vcpus: 1
        disk: 1
    images:
      - name: tiny
        kernel: /var/lib/romana/guest/vmlinuz
        ramdisk: /var/lib/romana/guest/initrd.gz
        cmdline: console=tty0 console=ttyS0 quiet
        properties:
          hw_disk_bus: virtio
          hw_vif_model: virtio
          hw_video_model: none
    networks:
      - name: romana
        shared: true
        cidr: 10.0.0.0/8
      - name: public
        external: true
        cidr: 192.168.99.128/26
    subnet_pool:
      name: romana
      cidr: 10.0.0.0/8

- name: Import the user's key
  romana.openstack.cloud_resources:
    auth: "{{ demo }}"
    keypairs:
      - name: demo
        public_key: "{{ demo_public_key }}"
"""

RETURN = """
changes:
  description: What was changed, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [make flavor tiny, make network romana]
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import images
from ..module_utils.difference import Difference, RefusedError
from ..module_utils.openstack import AUTH, Cloud, Ref, Step, at_once, finish, work

FLAVOR = ("ram", "vcpus", "disk")
DEFAULT = "is_default"
IPV4 = 4
LENGTHS = ("default_prefixlen", "min_prefixlen", "max_prefixlen")
NETWORK = {"shared": "shared", "external": "router:external"}  # what the task says of a network, and Neutron's names


@dataclass
class Found:
    """What there is, flavors, networks and keypairs each by name, as the API has them.

    Each of `networks` has its "subnets"; subnet_pool: the project's own of that name; `default_is_free`: Neutron has
    default subnet pools, and no other is it; `default_external`: the one external network that is it or may become it,
    by its name; None where another is it, or Neutron has none.
    """

    flavors: dict[str, dict[str, Any]] = field(default_factory=dict)
    images: images.Images = field(default_factory=images.Images)
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)
    default_external: str | None = None
    subnet_pool: dict[str, Any] | None = None
    default_is_free: bool = True
    keypairs: dict[str, dict[str, Any]] = field(default_factory=dict)


def read_networks(cloud: Cloud, found: Found) -> None:
    """Look for the networks of the user's project, with their subnets."""
    query = f"?project_id={cloud.project_id}"
    lists = ("networks", "subnets")
    networks, subnets = at_once(lambda name: cloud.list(f"list the {name}", "network", f"/{name}{query}", name), lists)
    for network in networks:
        mine = [subnet for subnet in subnets if subnet["network_id"] == network["id"]]
        found.networks[network["name"]] = {**network, "subnets": mine}


def read_default_external(cloud: Cloud, found: Found, wanted: list[dict[str, Any]]) -> None:
    """Look for what may be the default external network: the first one that is wanted."""
    name = next((network["name"] for network in wanted if network["external"]), None)
    if name is None:
        return
    paths = {"networks": "/networks?router:external=true", "extensions": "/extensions"}
    networks, extensions = at_once(lambda key: cloud.list(f"list the {key}", "network", paths[key], key), list(paths))
    knows_defaults = "auto-allocated-topology" in {extension["alias"] for extension in extensions}
    defaults = {(network["name"], network["tenant_id"]) for network in networks if network.get(DEFAULT)}
    found.default_external = name if knows_defaults and defaults <= {(name, cloud.project_id)} else None


def read_subnet_pool(cloud: Cloud, found: Found, name: str) -> None:
    """Look for the project's subnet pool, whose name others may have, too, and for what may be the default one."""
    pools, extensions = at_once(
        lambda key: cloud.list(f"list the {key}", "network", f"/{key}", key), ("subnetpools", "extensions")
    )
    for pool in pools:
        if (pool["name"], pool["tenant_id"]) == (name, cloud.project_id):
            found.subnet_pool = pool
    others = [pool for pool in pools if pool is not found.subnet_pool and pool["ip_version"] == IPV4]
    knows_defaults = "default-subnetpools" in {extension["alias"] for extension in extensions}
    found.default_is_free = knows_defaults and not any(pool["is_default"] for pool in others)


def read(cloud: Cloud, params: dict[str, Any], found: Found) -> None:
    """Look for what is given. Raises RefusedError."""

    def flavors() -> None:
        listed = cloud.list("list the flavors", "compute", "/flavors/detail?is_public=None", "flavors")
        found.flavors = {each["name"]: each for each in listed}

    def read_images() -> None:
        found.images = images.read(cloud, images.wanted(params["images"]))

    def keypairs() -> None:
        listed = cloud.list("list the key pairs", "compute", "/os-keypairs", "keypairs")
        found.keypairs = {each["keypair"]["name"]: each["keypair"] for each in listed}

    def networks() -> None:
        read_networks(cloud, found)
        read_default_external(cloud, found, params["networks"])

    readers = {
        "flavors": flavors,
        "images": read_images,
        "networks": networks,
        "subnet_pool": lambda: read_subnet_pool(cloud, found, params["subnet_pool"]["name"]),
        "keypairs": keypairs,
    }
    at_once(lambda name: readers[name](), [name for name in readers if params[name]])


def flavor_steps(flavor: dict[str, Any], found: Found) -> list[Step]:
    """What makes a flavor as given."""
    name = flavor["name"]
    had = found.flavors.get(name)
    if had and all(had[key] == flavor[key] for key in FLAVOR):
        return []
    steps = []
    if had:  # flavors can't be changed
        steps.append(Step(0, f"remove flavor {name}, to make it anew", "compute", "DELETE", ("flavors", had["id"])))
    body = {"flavor": {key: flavor[key] for key in ("name", *FLAVOR)}}
    return [*steps, Step(1, f"make flavor {name}", "compute", "POST", ("flavors",), body)]


def keypair_steps(keypair: dict[str, Any], found: Found) -> list[Step]:
    """What makes a key pair as given; the comment of a key doesn't count."""
    name, key = keypair["name"], keypair["public_key"].strip()
    had = found.keypairs.get(name)
    if had and had["public_key"].split()[:2] == key.split()[:2]:
        return []
    steps = []
    if had:
        steps.append(Step(0, f"remove key pair {name}, to make it anew", "compute", "DELETE", ("os-keypairs", name)))
    body = {"keypair": {"name": name, "public_key": key}}
    return [*steps, Step(1, f"make key pair {name}", "compute", "POST", ("os-keypairs",), body)]


def network_attributes(network: dict[str, Any], found: Found) -> dict[str, Any]:
    """What a network has to be like."""
    wanted = {theirs: network[ours] for ours, theirs in NETWORK.items()}
    return wanted | ({DEFAULT: True} if network["name"] == found.default_external else {})


def network_steps(network: dict[str, Any], found: Found) -> list[Step]:
    """What makes a network as given, with its subnets.

    Raises RefusedError for another subnet, and for one that is not external as wanted.
    """
    name, ref = network["name"], Ref("network", network["name"])
    wanted = network_attributes(network, found)
    had = found.networks.get(name)
    steps = []
    if had is None:
        body = {"network": {"name": name, **wanted, "provider:network_type": "local"}}
        steps.append(Step(0, f"make network {name}", "network", "POST", ("networks",), body, makes=ref))
    else:
        steps += network_changes(network, had, wanted)
    there = own_subnets(network, had)
    for subnet in subnets(network):
        steps += subnet_steps(network, subnet, there.get(subnet["cidr"]))
    return steps


def subnets(network: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that the task says a network has."""
    return network["subnets"] or [{"cidr": network["cidr"], "pools": None, "service_types": []}]


def subnet_attributes(network: dict[str, Any], subnet: dict[str, Any]) -> dict[str, Any]:
    """What a subnet has to be like: the hosts themselves lead on, and no guest asks for an address outside."""
    wanted: dict[str, Any] = {"enable_dhcp": not network["external"], "gateway_ip": None}
    if subnet["pools"] is not None:
        ranges = [{"start": pool["first"], "end": pool["last"]} for pool in subnet["pools"]]
        wanted["allocation_pools"] = in_order(ranges)
    if subnet["service_types"]:
        wanted["service_types"] = sorted(subnet["service_types"])
    return wanted


def subnet_has(subnet: dict[str, Any], wanted: Iterable[str]) -> dict[str, Any]:
    """What a subnet has of the attributes that are wanted, lists in an order of their own."""
    has = {key: subnet[key] for key in wanted}
    if "allocation_pools" in has:
        has["allocation_pools"] = in_order(has["allocation_pools"])
    if "service_types" in has:
        has["service_types"] = sorted(has["service_types"])
    return has


def in_order(ranges: list[dict[str, str]]) -> list[dict[str, str]]:
    """Ranges of addresses, by their first ones."""
    return sorted(ranges, key=lambda pool: IPv4Address(pool["start"]))


def subnet_steps(network: dict[str, Any], subnet: dict[str, Any], had: dict[str, Any] | None) -> list[Step]:
    """What makes one subnet of a network as given."""
    name, cidr = network["name"], subnet["cidr"]
    shown = f"{name} {cidr}" if network["subnets"] else name
    attributes = subnet_attributes(network, subnet)
    if had is None:
        body = {"network_id": Ref("network", name), "name": name, "cidr": cidr, "ip_version": 4, **attributes}
        return [Step(1, f"make subnet {shown}", "network", "POST", ("subnets",), {"subnet": body})]
    has = subnet_has(had, attributes)
    differs = {key: value for key, value in attributes.items() if has[key] != value}
    if not differs:
        return []
    return [Step(1, f"change subnet {shown}", "network", "PUT", ("subnets", had["id"]), {"subnet": differs})]


def own_subnets(network: dict[str, Any], had: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """The subnets of the network that are as given, by their address space; none when it has none at all.

    An external network may have more of them. Raises RefusedError for others.
    """
    there = had["subnets"] if had else []
    cidrs = [subnet["cidr"] for subnet in subnets(network)]
    same: dict[str, dict[str, Any]] = {subnet["cidr"]: subnet for subnet in there if subnet["cidr"] in cidrs}
    if there and (not same or (len(there) > 1 and not network["external"])):
        name, has = network["name"], ", ".join(subnet["cidr"] for subnet in there)
        raise RefusedError(
            f"cannot give network {name} the subnet {cidrs[0]}: it has {has};"
            f" delete the network (openstack network delete {name}) and run this again"
        )
    return same


def network_changes(network: dict[str, Any], had: dict[str, Any], wanted: dict[str, Any]) -> list[Step]:
    """What makes the network that is there as given, and as it has to be like. Raises RefusedError."""
    name, external = network["name"], network["external"]
    if had["router:external"] != external:
        kind = "an external network" if external else "a network of instances"
        raise RefusedError(f"cannot make network {name} {kind}: the one there is not; rename it and run this again")
    words = {"shared": "shared" if network["shared"] else "private", DEFAULT: "the default external one"}
    bodies = {key: {key: value} for key, value in wanted.items() if had[key] != value}
    if DEFAULT in bodies:
        bodies[DEFAULT]["router:external"] = True  # else Neutron takes no notice
    path = ("networks", had["id"])
    return [
        Step(0, f"make network {name} {words[key]}", "network", "PUT", path, {"network": body})
        for key, body in bodies.items()
    ]


def pool_attributes(pool: dict[str, Any], found: Found) -> dict[str, Any]:
    """What can be changed of a subnet pool, as it is to be. Neutron has lengths as texts."""
    wanted: dict[str, Any] = dict.fromkeys(LENGTHS, pool["cidr"].split("/")[1])
    return wanted | ({"is_default": True} if found.default_is_free else {})


def subnet_pool_steps(pool: dict[str, Any], found: Found) -> list[Step]:
    """What makes a subnet pool as given. Raises RefusedError for one that is another, or not for all projects."""
    name, cidr = pool["name"], pool["cidr"]
    had, wanted = found.subnet_pool, pool_attributes(pool, found)
    if had is None:
        body = {"subnetpool": {"name": name, "prefixes": [cidr], "shared": True, **wanted}}
        return [Step(0, f"make subnet pool {name}", "network", "POST", ("subnetpools",), body)]
    if had["prefixes"] != [cidr] or not had["shared"]:
        whose = "all projects" if had["shared"] else "one project"
        raise RefusedError(
            f"cannot give all projects the subnet pool {name} of {cidr}: there is one of"
            f" {', '.join(had['prefixes'])} for {whose}; rename it and run this again"
        )
    differs = {key: value for key, value in wanted.items() if had[key] != value}
    if not differs:
        return []
    path = ("subnetpools", had["id"])
    return [Step(0, f"change subnet pool {name}", "network", "PUT", path, {"subnetpool": differs})]


def summary(params: dict[str, Any], found: Found) -> dict[str, Any]:
    """Of what is given, what there is."""
    result: dict[str, Any] = {"flavors": {}, "networks": {}, "subnet_pool": None, "keypairs": {}}
    result["images"] = images.summary(images.wanted(params["images"]), found.images)
    for name in (each["name"] for each in params["flavors"] if each["name"] in found.flavors):
        result["flavors"][name] = {key: found.flavors[name][key] for key in FLAVOR}
    for wanted in (each for each in params["networks"] if each["name"] in found.networks):
        network = found.networks[wanted["name"]]
        there = own_subnets(wanted, network)
        shown = {ours: network[theirs] for ours, theirs in NETWORK.items()}
        shown |= {DEFAULT: network[DEFAULT]} if wanted["name"] == found.default_external else {}
        shown["subnets"] = {
            each["cidr"]: subnet_has(there[each["cidr"]], subnet_attributes(wanted, each))
            for each in subnets(wanted)
            if each["cidr"] in there
        }
        result["networks"][wanted["name"]] = shown
    if params["subnet_pool"] and (pool := found.subnet_pool):
        keys = tuple(pool_attributes(params["subnet_pool"], found))
        result["subnet_pool"] = {"cidr": ", ".join(pool["prefixes"]), **{key: pool[key] for key in keys}}
    for name in (each["name"] for each in params["keypairs"] if each["name"] in found.keypairs):
        result["keypairs"][name] = " ".join(found.keypairs[name]["public_key"].split()[:2])
    return result


def goal(params: dict[str, Any], found: Found) -> dict[str, Any]:
    """What `summary` will say afterwards."""
    pool = params["subnet_pool"]
    return {
        "flavors": {each["name"]: {key: each[key] for key in FLAVOR} for each in params["flavors"]},
        "images": images.goal(images.wanted(params["images"])),
        "networks": {
            each["name"]: {
                **{key: each[key] for key in NETWORK},
                **({DEFAULT: True} if each["name"] == found.default_external else {}),
                "subnets": {subnet["cidr"]: subnet_attributes(each, subnet) for subnet in subnets(each)},
            }
            for each in params["networks"]
        },
        "subnet_pool": {"cidr": pool["cidr"], **pool_attributes(pool, found)} if pool else None,
        "keypairs": {each["name"]: " ".join(each["public_key"].split()[:2]) for each in params["keypairs"]},
    }


def difference(params: dict[str, Any], found: Found, ids: dict[Ref, str]) -> Difference[Step]:
    """From what there is to what the task says; `ids` comes to know what stays. Raises RefusedError."""
    ids |= {Ref("network", name): network["id"] for name, network in found.networks.items()}
    steps = images.steps(images.wanted(params["images"]), found.images, ids)
    for flavor in params["flavors"]:
        steps += flavor_steps(flavor, found)
    for network in params["networks"]:
        steps += network_steps(network, found)
    if params["subnet_pool"]:
        steps += subnet_pool_steps(params["subnet_pool"], found)
    for keypair in params["keypairs"]:
        steps += keypair_steps(keypair, found)
    return Difference(summary(params, found), goal(params, found), tuple(steps))


def arguments() -> dict[str, Any]:
    """The module's options, with those below them."""
    text = {"type": "str", "required": True}
    number = {"type": "int", "required": True}
    switch = {"type": "bool", "default": False}
    things = {"type": "list", "elements": "dict", "default": []}
    subnet = {
        "cidr": text,
        "pools": {"type": "list", "elements": "dict", "options": {"first": text, "last": text}},
        "service_types": {"type": "list", "elements": "str", "default": []},
    }
    return {
        "auth": AUTH,
        "flavors": {**things, "options": {"name": text, "ram": number, "vcpus": number, "disk": number}},
        "images": {**things, **images.OPTIONS},
        "networks": {
            **things,
            "options": {
                "name": text,
                "shared": switch,
                "external": switch,
                "cidr": {"type": "str"},
                "subnets": {"type": "list", "elements": "dict", "options": subnet},
            },
            "required_one_of": [("cidr", "subnets")],
            "mutually_exclusive": [("cidr", "subnets")],
        },
        "subnet_pool": {"type": "dict", "options": {"name": text, "cidr": text}},
        # Nothing about a public key is secret.
        "keypairs": {**things, "no_log": False, "options": {"name": text, "public_key": {**text, "no_log": False}}},
    }


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=arguments(), supports_check_mode=True)
    found = Found()
    ids: dict[Ref, str] = {}

    def look(cloud: Cloud) -> Found:
        if not module.check_mode:  # what is yet to be built can't be there
            images.check_files(images.wanted(module.params["images"]))
        read(cloud, module.params, found)
        return found

    finish(module, work(module, look, found, lambda there: difference(module.params, there, ids), ids))


if __name__ == "__main__":
    main()
