#!/usr/bin/python
"""Ansible module: what users are offered as metadata of their instances."""

from __future__ import annotations

DOCUMENTATION = """
---
module: instance_metadata
short_description: Manages the metadata that users can choose for instances
version_added: 1.0.0
description:
  - Creates a public namespace of Glance's metadata definitions. Horizon shows it in the step I(Metadata) when an
    instance is launched.
  - A namespace that differs is replaced; instances keep their metadata.
options:
  namespace:
    description: Name of the namespace.
    type: str
    required: true
  description:
    description: Description of the namespace.
    type: str
    required: true
  properties:
    description: Properties that users can choose; values are text.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Key in the metadata.
        type: str
        required: true
      title:
        description: Title of the key.
        type: str
        required: true
      description:
        description: Purpose of the key.
        type: str
        required: true
extends_documentation_fragment:
  - romana.openstack.openstack
  - romana.openstack.attributes
"""

EXAMPLES = """
- name: Offer the segment where instances are launched
  romana.openstack.instance_metadata:
    auth:
      auth_url: http://controller:5000/v3
      username: admin
      password: "{{ admin_password }}"
      project_name: admin
    namespace: Romana
    description: Where in the Romana network an instance is.
    properties:
      - name: romanaSegment
        title: Romana Network Segment
        description: Name of the segment.
"""

RETURN = """
changes:
  description: What was done, or would be in check mode.
  returned: success
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.difference import Difference
from ..module_utils.openstack import AUTH, Cloud, Step, finish, work

NAMESPACES = "/metadefs/namespaces"
INSTANCE = {"name": "OS::Nova::Server", "properties_target": "metadata"}


def wanted(params: dict[str, Any]) -> dict[str, Any]:
    """The namespace as Glance takes it. Pure."""
    return {
        "namespace": params["namespace"],
        "display_name": params["namespace"],
        "description": params["description"],
        "visibility": "public",
        "resource_type_associations": [INSTANCE],
        "properties": {
            each["name"]: {"type": "string", "title": each["title"], "description": each["description"]}
            for each in params["properties"]
        },
    }


def comparable(there: dict[str, Any]) -> dict[str, Any]:
    """Of a namespace as Glance shows it, what `wanted` says. Pure."""
    types = there.get("resource_type_associations", [])
    return {
        **{key: there.get(key) for key in ("namespace", "display_name", "description", "visibility")},
        "resource_type_associations": [{key: each.get(key) for key in INSTANCE} for each in types],
        "properties": {
            name: {key: each.get(key) for key in ("type", "title", "description")}
            for name, each in there.get("properties", {}).items()
        },
    }


def difference(want: dict[str, Any], there: dict[str, Any] | None) -> Difference[Step]:
    """What makes the namespace as it is wanted. Pure. there: as Glance shows it, None when it has none."""
    name, before = want["namespace"], comparable(there) if there else {}
    steps = []
    if before != want:
        if there:
            path = ("metadefs", "namespaces", name)
            steps.append(Step(0, f"remove metadata definitions {name}, to make them anew", "image", "DELETE", path))
        make = f"make metadata definitions {name}"
        steps.append(Step(1, make, "image", "POST", ("metadefs", "namespaces"), want))
    return Difference(before=before, after=want, steps=tuple(steps))


def read(cloud: Cloud, name: str) -> dict[str, Any] | None:
    """The namespace of that name, with what is in it. Raises RefusedError."""
    what = "list the metadata definitions"
    listed = cloud.list(what, "image", f"{NAMESPACES}?limit=1000", "namespaces")
    if name not in (each["namespace"] for each in listed):
        return None
    return cloud.get(f"look at metadata definitions {name}", "image", f"{NAMESPACES}/{name}")


def main() -> None:
    """Entry point."""
    text = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "auth": AUTH,
            "namespace": text,
            "description": text,
            "properties": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {"name": text, "title": text, "description": text},
            },
        },
        supports_check_mode=True,
    )
    todo = work(
        module,
        lambda cloud: read(cloud, module.params["namespace"]),
        None,
        lambda there: difference(wanted(module.params), there),
        {},
    )
    finish(module, todo)


if __name__ == "__main__":
    main()
