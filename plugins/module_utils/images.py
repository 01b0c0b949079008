"""Images of Glance: what a module is given of them, what there is, and the steps from one to the other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .difference import RefusedError
from .openstack import Cloud, Ref, Step, at_once

OPTIONS: dict[str, Any] = {
    "options": {
        "name": {"type": "str", "required": True},
        "file": {"type": "path"},
        "disk_format": {"type": "str"},
        "kernel": {"type": "path"},
        "ramdisk": {"type": "path"},
        "cmdline": {"type": "str"},
        "properties": {"type": "dict", "default": {}},
    },
    "required_one_of": [["file", "kernel"]],
    "mutually_exclusive": [["file", "kernel"]],
    "required_together": [["file", "disk_format"], ["kernel", "ramdisk", "cmdline"]],
}
EMPTY_DISK = bytes(1 << 20)  # Nova wants a root disk, and a kernel with its own file system doesn't
PATCH = "application/openstack-images-v2.1-json-patch"


@dataclass(frozen=True)
class Image:
    """One image of Glance: a file, or bytes, with its formats and properties, whose values may be references."""

    name: str
    data: Path | bytes
    disk_format: str
    container_format: str
    properties: dict[str, Any]


@dataclass(frozen=True)
class Images:
    """What there is: images as the API has them, by name; `same`: ids of those whose data is what is given."""

    named: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    same: set[str] = field(default_factory=set)


def wanted(given: list[dict[str, Any]]) -> list[Image]:
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


def read(cloud: Cloud, images: list[Image]) -> Images:
    """Look for the images that are wanted, whose names may be those of several. Raises RefusedError."""

    def of_name(image: Image) -> list[dict[str, Any]]:
        # Old releases of Glance know no list of names here.
        path = f"/images?limit=1000&visibility=public&name={quote(image.name)}"
        return cloud.list("list the images", "image", path, "images")

    named = {image.name: there for image, there in zip(images, at_once(of_name, images), strict=True)}
    same = {each["id"] for image in images for each in named[image.name] if has_data(each, image.data)}
    return Images(named, same)


def steps(images: list[Image], found: Images, ids: dict[Ref, str]) -> list[Step]:
    """What makes the images; `ids` comes to know those that are there and stay.

    New ones are made, filled, and only then take the place of the old ones.
    """
    result = []
    for image in images:
        ref = Ref("image", image.name)
        there = found.named.get(image.name, [])
        kept = next((each for each in there if is_current(each, image, found, ids)), None)
        if kept:
            ids[ref] = kept["id"]
        else:
            result += make(image, ref)
        for old in there:
            if old is not kept:
                result.append(retire(old))
    return result


def is_current(there: dict[str, Any], image: Image, found: Images, ids: dict[Ref, str]) -> bool:
    """Whether this is the image; one that names an image which is yet to be made isn't."""
    properties = {key: ids.get(value) if isinstance(value, Ref) else value for key, value in image.properties.items()}
    wanted = {"disk_format": image.disk_format, "container_format": image.container_format, **properties}
    same = all(there.get(key) == value and value is not None for key, value in wanted.items())
    return same and there["id"] in found.same and there["status"] == "active"


def make(image: Image, ref: Ref) -> list[Step]:
    """What makes an image: first those that others name."""
    names_others = any(isinstance(value, Ref) for value in image.properties.values())
    formats = {"disk_format": image.disk_format, "container_format": image.container_format}
    body = {"name": image.name, "visibility": "public", **formats, **image.properties}
    what = f"make image {image.name}"
    fill, path = f"fill image {image.name}", ("images", ref, "file")
    content = "application/octet-stream"
    return [
        Step(1 if names_others else 0, what, "image", "POST", ("images",), body, makes=ref),
        Step(2, fill, "image", "PUT", path, data=image.data, content_type=content),
    ]


def retire(old: dict[str, Any]) -> Step:
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


def summary(images: list[Image], found: Images) -> dict[str, Any]:
    """Of what is given, what there is, by name."""
    return {
        image.name: {"content": "as given" if there["id"] in found.same else "another"}
        | {key: there.get(key) for key in ("disk_format", *_plain(image))}
        for image in images
        for there in found.named.get(image.name, [])
    }


def goal(images: list[Image]) -> dict[str, Any]:
    """What `summary` will say afterwards."""
    return {image.name: {"content": "as given", "disk_format": image.disk_format, **_plain(image)} for image in images}


def _plain(image: Image) -> dict[str, Any]:
    """Its properties that are no references."""
    return {key: value for key, value in image.properties.items() if not isinstance(value, Ref)}
