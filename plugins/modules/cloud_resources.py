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
    description: Networks of the user's project, each with one subnet that has no gateway.
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
        type: bool
        default: false
      cidr:
        description: Address space of the subnet. It cannot be changed later.
        type: str
        required: true
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
author:
  - The Romana authors
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

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.difference import Difference, RefusedError
from ..module_utils.openstack import AUTH, AbsentError, Cloud, Ref, Step, at_once, finish

EMPTY_DISK = bytes(1 << 20)  # Nova wants a root disk, and a kernel with its own file system doesn't
PATCH = "application/openstack-images-v2.1-json-patch"
FLAVOR = ("ram", "vcpus", "disk")
IPV4 = 4
LENGTHS = ("default_prefixlen", "min_prefixlen", "max_prefixlen")
NETWORK = {"shared": "shared", "external": "router:external"}  # what the task says of a network, and Neutron's names


@dataclass(frozen=True)
class Image:
    """One image of Glance: a file, or bytes, with its formats and properties, whose values may be references."""

    name: str
    data: Path | bytes
    disk_format: str
    container_format: str
    properties: dict[str, Any]


@dataclass
class Found:
    """What there is, each by name: flavors, images, networks, subnet_pools and keypairs as the API has them.

    `same`: images whose data is what is given; each of `networks` has its "subnets"; `defaults`: Neutron has default
    subnet pools.
    """

    flavors: dict[str, dict[str, Any]] = field(default_factory=dict)
    images: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    same: set[str] = field(default_factory=set)
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)
    subnet_pools: dict[str, dict[str, Any]] = field(default_factory=dict)
    defaults: bool = True
    keypairs: dict[str, dict[str, Any]] = field(default_factory=dict)


def wanted_images(given: list[dict[str, Any]]) -> list[Image]:
    """The images of Glance that make up those given."""
    result = []
    for image in given:
        name = image["name"]
        properties: dict[str, Any] = {key: str(value) for key, value in image["properties"].items()}
        if image["file"]:
            result.append(Image(name, Path(image["file"]), image["disk_format"], "bare", properties))
            continue
        parts = {"kernel_id": Ref("image", f"{name}-kernel"), "ramdisk_id": Ref("image", f"{name}-initrd")}
        properties |= {**parts, "os_command_line": image["cmdline"]}
        result += [
            Image(f"{name}-kernel", Path(image["kernel"]), "aki", "aki", {}),
            Image(f"{name}-initrd", Path(image["ramdisk"]), "ari", "ari", {}),
            Image(name, EMPTY_DISK, "raw", "bare", properties),
        ]
    return result


def has_data(image: dict[str, Any], data: Path | bytes) -> bool:
    """Whether Glance's image has this content, as far as its hash says; one without data has none."""
    # Old releases of Glance have but a checksum.
    algorithm, value = image.get("os_hash_algo") or "md5", image.get("os_hash_value") or image.get("checksum")
    if not value or (isinstance(data, Path) and not data.is_file()):
        return False
    content = data if isinstance(data, bytes) else data.read_bytes()
    return bool(hashlib.new(algorithm, content, usedforsecurity=False).hexdigest() == value)


def read_images(cloud: Cloud, found: Found, wanted: list[Image]) -> None:
    """Look for the images that are wanted, whose names may be those of several."""

    def named(image: Image) -> list[dict[str, Any]]:
        # Old releases of Glance know no list of names here.
        path = f"/images?limit=1000&visibility=public&name={quote(image.name)}"
        return cloud.list("list the images", "image", path, "images")

    found.images |= {image.name: there for image, there in zip(wanted, at_once(named, wanted), strict=True) if there}
    for image in wanted:
        found.same |= {each["id"] for each in found.images.get(image.name, []) if has_data(each, image.data)}


def read_networks(cloud: Cloud, found: Found) -> None:
    """Look for the networks of the user's project, with their subnets."""
    query = f"?project_id={cloud.project_id}"
    lists = ("networks", "subnets")
    networks, subnets = at_once(lambda name: cloud.list(f"list the {name}", "network", f"/{name}{query}", name), lists)
    for network in networks:
        mine = [subnet for subnet in subnets if subnet["network_id"] == network["id"]]
        found.networks[network["name"]] = {**network, "subnets": mine}


def read_subnet_pools(cloud: Cloud, found: Found) -> None:
    """Look for the subnet pools of all projects, and for what Neutron knows of them."""
    pools, extensions = at_once(
        lambda key: cloud.list(f"list the {key}", "network", f"/{key}", key), ("subnetpools", "extensions")
    )
    mine = {pool["name"]: pool for pool in pools if pool["tenant_id"] == cloud.project_id}
    # Others may have the same names.
    found.subnet_pools = {pool["id"]: pool for pool in pools if pool["tenant_id"] != cloud.project_id} | mine
    found.defaults = "default-subnetpools" in {extension["alias"] for extension in extensions}


def read(cloud: Cloud, params: dict[str, Any], found: Found) -> None:
    """Look for what is given. Raises RefusedError."""

    def flavors() -> None:
        listed = cloud.list("list the flavors", "compute", "/flavors/detail?is_public=None", "flavors")
        found.flavors = {each["name"]: each for each in listed}

    def keypairs() -> None:
        listed = cloud.list("list the key pairs", "compute", "/os-keypairs", "keypairs")
        found.keypairs = {each["keypair"]["name"]: each["keypair"] for each in listed}

    readers = {
        "flavors": flavors,
        "images": lambda: read_images(cloud, found, wanted_images(params["images"])),
        "networks": lambda: read_networks(cloud, found),
        "subnet_pool": lambda: read_subnet_pools(cloud, found),
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


def network_attributes(network: dict[str, Any]) -> dict[str, Any]:
    """What a network has to be like."""
    return {theirs: network[ours] for ours, theirs in NETWORK.items()}


def subnet_attributes(network: dict[str, Any]) -> dict[str, Any]:
    """What its subnet has to be like: the hosts themselves lead on, and no guest asks for an address outside."""
    return {"enable_dhcp": not network["external"], "gateway_ip": None}


def network_steps(network: dict[str, Any], found: Found) -> list[Step]:
    """What makes a network as given, with its subnet.

    Raises RefusedError for another subnet, and for one that is not external as wanted.
    """
    name, ref, wanted = network["name"], Ref("network", network["name"]), network_attributes(network)
    had = found.networks.get(name)
    steps = []
    body: dict[str, Any]
    if had is None:
        body = {"network": {"name": name, **wanted, "provider:network_type": "local"}}
        steps.append(Step(0, f"make network {name}", "network", "POST", ("networks",), body, makes=ref))
    else:
        steps += network_changes(network, had)
    subnets = had["subnets"] if had else []
    attributes = subnet_attributes(network)
    if not subnets:
        body = {"network_id": ref, "name": name, "cidr": network["cidr"], "ip_version": 4, **attributes}
        steps.append(Step(1, f"make subnet {name}", "network", "POST", ("subnets",), {"subnet": body}))
        return steps
    if [subnet["cidr"] for subnet in subnets] != [network["cidr"]]:
        cidrs = ", ".join(subnet["cidr"] for subnet in subnets)
        raise RefusedError(
            f"cannot give network {name} the subnet {network['cidr']}: it has {cidrs};"
            " remove the network and run this again"
        )
    differs = {key: value for key, value in attributes.items() if subnets[0][key] != value}
    if differs:
        path = ("subnets", subnets[0]["id"])
        steps.append(Step(1, f"change subnet {name}", "network", "PUT", path, {"subnet": differs}))
    return steps


def network_changes(network: dict[str, Any], had: dict[str, Any]) -> list[Step]:
    """What makes the network that is there as given. Raises RefusedError."""
    name, external, shared = network["name"], network["external"], network["shared"]
    if had["router:external"] != external:
        kind = "an external network" if external else "a network of instances"
        raise RefusedError(f"cannot make network {name} {kind}: the one there is not; rename it and run this again")
    if had["shared"] == shared:
        return []
    what = f"make network {name} {'shared' if shared else 'private'}"
    return [Step(0, what, "network", "PUT", ("networks", had["id"]), {"network": {"shared": shared}})]


def pool_attributes(pool: dict[str, Any], found: Found) -> dict[str, Any]:
    """What can be changed of a subnet pool, as it is to be. Neutron has lengths as texts."""
    wanted: dict[str, Any] = dict.fromkeys(LENGTHS, pool["cidr"].split("/")[1])
    others = (each for name, each in found.subnet_pools.items() if name != pool["name"])
    if found.defaults and not any(each["is_default"] and each["ip_version"] == IPV4 for each in others):
        wanted["is_default"] = True
    return wanted


def subnet_pool_steps(pool: dict[str, Any], found: Found) -> list[Step]:
    """What makes a subnet pool as given. Raises RefusedError for one that is another, or not for all projects."""
    name, cidr = pool["name"], pool["cidr"]
    had, wanted = found.subnet_pools.get(name), pool_attributes(pool, found)
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


def image_steps(images: list[Image], found: Found, ids: dict[Ref, str]) -> list[Step]:
    """What makes the images; `ids` comes to know those that are there and stay.

    New ones are made, filled, and only then take the place of the old ones.
    """
    steps = []
    for image in images:
        ref = Ref("image", image.name)
        there = found.images.get(image.name, [])
        kept = next((each for each in there if is_current(each, image, found, ids)), None)
        if kept:
            ids[ref] = kept["id"]
        else:
            steps += make_image(image, ref)
        for old in there:
            if old is not kept:
                steps.append(retire_image(old))
    return steps


def is_current(there: dict[str, Any], image: Image, found: Found, ids: dict[Ref, str]) -> bool:
    """Whether this is the image; one that names an image which is yet to be made isn't."""
    properties = {key: ids.get(value) if isinstance(value, Ref) else value for key, value in image.properties.items()}
    wanted = {"disk_format": image.disk_format, "container_format": image.container_format, **properties}
    same = all(there.get(key) == value and value is not None for key, value in wanted.items())
    return same and there["id"] in found.same and there["status"] == "active"


def make_image(image: Image, ref: Ref) -> list[Step]:
    """What makes an image: first those that others name."""
    names_others = any(isinstance(value, Ref) for value in image.properties.values())
    formats = {"disk_format": image.disk_format, "container_format": image.container_format}
    body = {"name": image.name, "visibility": "public", **formats, **image.properties}
    make = f"make image {image.name}"
    fill, path = f"fill image {image.name}", ("images", ref, "file")
    content = "application/octet-stream"
    return [
        Step(1 if names_others else 0, make, "image", "POST", ("images",), body, makes=ref),
        Step(2, fill, "image", "PUT", path, data=image.data, content_type=content),
    ]


def retire_image(old: dict[str, Any]) -> Step:
    """What takes an image out of the way."""
    name, path = old["name"], ("images", old["id"])
    if old["status"] != "active":
        return Step(3, f"remove unfinished image {name}", "image", "DELETE", path)
    if "os_hash_value" not in old:  # older ones of Glance can hide none
        return Step(3, f"remove old image {name}", "image", "DELETE", path)
    body = [{"op": "replace", "path": "/os_hidden", "value": True}]
    return Step(3, f"hide old image {name}", "image", "PATCH", path, body, content_type=PATCH)


def check_files(images: list[Image]) -> None:
    """Raises RefusedError for an image without its file."""
    for image in images:
        if isinstance(image.data, Path) and not image.data.is_file():
            raise RefusedError(f"cannot make image {image.name}: there is no file {image.data} on this machine")


def summary(params: dict[str, Any], found: Found) -> dict[str, Any]:
    """Of what is given, what there is."""
    result: dict[str, Any] = {"flavors": {}, "images": {}, "networks": {}, "subnet_pool": None, "keypairs": {}}
    for name in (each["name"] for each in params["flavors"] if each["name"] in found.flavors):
        result["flavors"][name] = {key: found.flavors[name][key] for key in FLAVOR}
    for image in wanted_images(params["images"]):
        for there in found.images.get(image.name, []):
            keys = ("disk_format", *(key for key, value in image.properties.items() if not isinstance(value, Ref)))
            content = "as given" if there["id"] in found.same else "another"
            result["images"][image.name] = {"content": content} | {key: there.get(key) for key in keys}
    for name in (each["name"] for each in params["networks"] if each["name"] in found.networks):
        network = found.networks[name]
        keys = ("cidr", "enable_dhcp", "gateway_ip")
        shown = {key: network["subnets"][0][key] for key in keys} if network["subnets"] else {}
        result["networks"][name] = {ours: network[theirs] for ours, theirs in NETWORK.items()} | shown
    if params["subnet_pool"] and (pool := found.subnet_pools.get(params["subnet_pool"]["name"])):
        keys = tuple(pool_attributes(params["subnet_pool"], found))
        result["subnet_pool"] = {"cidr": ", ".join(pool["prefixes"]), **{key: pool[key] for key in keys}}
    for name in (each["name"] for each in params["keypairs"] if each["name"] in found.keypairs):
        result["keypairs"][name] = " ".join(found.keypairs[name]["public_key"].split()[:2])
    return result


def goal(params: dict[str, Any], found: Found) -> dict[str, Any]:
    """What `summary` will say afterwards."""
    images = {}
    for image in wanted_images(params["images"]):
        properties = {key: value for key, value in image.properties.items() if not isinstance(value, Ref)}
        images[image.name] = {"content": "as given", "disk_format": image.disk_format, **properties}
    pool = params["subnet_pool"]
    return {
        "flavors": {each["name"]: {key: each[key] for key in FLAVOR} for each in params["flavors"]},
        "images": images,
        "networks": {
            each["name"]: {**{key: each[key] for key in (*NETWORK, "cidr")}, **subnet_attributes(each)}
            for each in params["networks"]
        },
        "subnet_pool": {"cidr": pool["cidr"], **pool_attributes(pool, found)} if pool else None,
        "keypairs": {each["name"]: " ".join(each["public_key"].split()[:2]) for each in params["keypairs"]},
    }


def difference(params: dict[str, Any], found: Found, ids: dict[Ref, str]) -> Difference[Step]:
    """From what there is to what the task says; `ids` comes to know what stays. Raises RefusedError."""
    ids |= {Ref("network", name): network["id"] for name, network in found.networks.items()}
    steps = image_steps(wanted_images(params["images"]), found, ids)
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
    path = {"type": "path"}
    switch = {"type": "bool", "default": False}
    image = {
        "name": text,
        "file": path,
        "disk_format": {"type": "str"},
        "kernel": path,
        "ramdisk": path,
        "cmdline": {"type": "str"},
        "properties": {"type": "dict", "default": {}},
    }
    image_rules = {
        "required_one_of": [["file", "kernel"]],
        "mutually_exclusive": [["file", "kernel"]],
        "required_together": [["file", "disk_format"], ["kernel", "ramdisk", "cmdline"]],
    }
    things = {"type": "list", "elements": "dict", "default": []}
    return {
        "auth": AUTH,
        "flavors": {**things, "options": {"name": text, "ram": number, "vcpus": number, "disk": number}},
        "images": {**things, "options": image, **image_rules},
        "networks": {
            **things,
            "options": {"name": text, "shared": switch, "external": switch, "cidr": text},
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
    try:
        if not module.check_mode:  # what is yet to be built can't be there
            check_files(wanted_images(module.params["images"]))
        try:
            cloud = Cloud(module.params["auth"])
            read(cloud, module.params, found)
        except AbsentError:
            if not module.check_mode:
                raise
        todo = difference(module.params, found, ids)
        if not module.check_mode:
            cloud.apply(todo.steps, ids)
    except RefusedError as error:
        module.fail_json(msg=str(error))
    finish(module, todo)


if __name__ == "__main__":
    main()
