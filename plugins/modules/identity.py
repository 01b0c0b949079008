#!/usr/bin/python
"""Ansible module: projects, users and the catalogue of an OpenStack cloud."""

from __future__ import annotations

DOCUMENTATION = """
---
module: identity
short_description: Manages projects, users and the catalogue of an OpenStack cloud
version_added: 1.0.0
description:
  - Creates and updates regions, roles, projects, users with their roles, and services with their endpoints, all in
    the default domain. Resources that are not given are not changed.
options:
  region:
    description: Region of the endpoints.
    type: str
    required: true
  roles:
    description: Names of roles.
    type: list
    elements: str
    default: []
  projects:
    description: Names of projects.
    type: list
    elements: str
    default: []
  users:
    description: Users. They are enabled.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the user.
        type: str
        required: true
      password:
        description: Password of the user. The module logs in with it to test whether it is set.
        type: str
        required: true
      grants:
        description: Roles of the user in projects. The first project is the user's default.
        type: list
        elements: dict
        required: true
        suboptions:
          project:
            description: Name of the project.
            type: str
            required: true
          roles:
            description: Names of the user's roles in the project.
            type: list
            elements: str
            required: true
  services:
    description: Services, one of each type. The public, internal and admin endpoints have the same URL.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the service.
        type: str
        required: true
      type:
        description: Type of the service, like V(compute).
        type: str
        required: true
      url:
        description: URL of the service.
        type: str
        required: true
extends_documentation_fragment:
  - romana.openstack.openstack
  - romana.openstack.attributes
seealso:
  - module: romana.openstack.cloud_resources
"""

EXAMPLES = """
- name: Create Nova's user and its entry in the catalogue
  romana.openstack.identity:
    auth:
      auth_url: http://controller:5000/v3
      username: admin
      password: "{{ admin_password }}"
      project_name: admin
    region: RegionOne
    projects: [service]
    users:
      - name: nova
        password: "{{ nova_password }}"
        grants:
          - project: service
            roles: [admin]
    services:
      - name: nova
        type: compute
        url: http://controller:8774/v2.1
"""

RETURN = """
projects:
  description: Ids of the given projects, by name; in check mode without those that would be created.
  returned: success
  type: dict
  sample:
    service: 5c1a6f0b6d8e4b0ea3d4f1f7f0a2c3b4
changes:
  description: What was changed, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [make project service, make user nova]
"""

from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.difference import Difference, RefusedError
from ..module_utils.openstack import AUTH, Cloud, Ref, Step, at_once, finish, work

LAST = 3  # the stage after all others
INTERFACES = ("public", "internal", "admin")
LISTS = {
    "regions": "/regions",
    "roles": "/roles",
    "projects": "/projects?domain_id=default",
    "users": "/users?domain_id=default",
    "services": "/services",
    "endpoints": "/endpoints",
    "role_assignments": "/role_assignments",
}


@dataclass
class Found:
    """What Keystone has.

    ids of roles, projects, users (by name) and services (by type); users: their "default_project_id" and "enabled", by
    name; passwords: names of users that have the given ones; grants: (user, project, role) by name; services: names by
    type; endpoints: "id" and "url" by (service's id, region, interface).
    """

    ids: dict[Ref, str] = field(default_factory=dict)
    regions: set[str] = field(default_factory=set)
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    passwords: set[str] = field(default_factory=set)
    grants: set[tuple[str, str, str]] = field(default_factory=set)
    services: dict[str, str] = field(default_factory=dict)
    endpoints: dict[tuple[str, str, str], dict[str, str]] = field(default_factory=dict)


def understand(lists: dict[str, list[dict[str, Any]]], passwords: set[str]) -> Found:
    """What Keystone has, from what its API lists. Pure."""
    names = {kind: {each["id"]: each["name"] for each in lists[f"{kind}s"]} for kind in ("project", "user")}
    # Keystone's database does not tell cases apart, and old releases of DevStack write Member.
    names["role"] = {each["id"]: each["name"].lower() for each in lists["roles"]}
    found = Found(passwords=passwords, regions={each["id"] for each in lists["regions"]})
    found.ids = {Ref(kind, name): id_ for kind, by_id in names.items() for id_, name in by_id.items()}
    found.ids |= {Ref("service", each["type"]): each["id"] for each in lists["services"]}
    found.users = {each["name"]: each for each in lists["users"]}
    found.services = {each["type"]: each["name"] for each in lists["services"]}
    for each in lists["endpoints"]:
        found.endpoints[each["service_id"], each["region_id"], each["interface"]] = each
    for each in lists["role_assignments"]:
        user, project = each.get("user", {}).get("id"), each["scope"].get("project", {}).get("id")
        if user in names["user"] and project in names["project"] and each["role"]["id"] in names["role"]:
            found.grants.add((names["user"][user], names["project"][project], names["role"][each["role"]["id"]]))
    return found


def read(cloud: Cloud, users: list[dict[str, Any]]) -> Found:
    """What Keystone has. Raises RefusedError."""
    answers = at_once(lambda name: cloud.list(f"list the {name}", "identity", LISTS[name], name), LISTS)
    lists = dict(zip(LISTS, answers, strict=True))
    there = {user["name"] for user in lists["users"]}
    known = [user for user in users if user["name"] in there]
    accepted = at_once(lambda user: cloud.accepts(user["name"], user["password"]), known)
    return understand(lists, {user["name"] for user, yes in zip(known, accepted, strict=True) if yes})


def check(params: dict[str, Any], found: Found) -> None:
    """Raises RefusedError for a grant of what is neither there nor given."""
    for user in params["users"]:
        for grant in user["grants"]:
            for kind, names in (("project", [grant["project"]]), ("role", grant["roles"])):
                for name in names:
                    if name not in params[f"{kind}s"] and Ref(kind, name) not in found.ids:
                        raise RefusedError(
                            f"cannot give user {user['name']} its grants: there is no {kind} {name}; add it to {kind}s"
                        )


def plain_steps(params: dict[str, Any], found: Found) -> list[Step]:
    """What makes the things that need no other."""
    steps = []
    if params["region"] not in found.regions:
        body = {"region": {"id": params["region"]}}
        steps.append(Step(0, f"make region {params['region']}", "identity", "POST", ("regions",), body))
    for kind in ("role", "project"):
        for name in params[f"{kind}s"]:
            if Ref(kind, name) not in found.ids:
                body = {kind: {"name": name} | ({"domain_id": "default"} if kind == "project" else {})}
                steps.append(
                    Step(0, f"make {kind} {name}", "identity", "POST", (f"{kind}s",), body, makes=Ref(kind, name))
                )
    return steps


def user_steps(user: dict[str, Any], found: Found, own: str) -> list[Step]:
    """What makes a user as given, with its grants.

    own: the name of the user that asks for it all. It is changed when nothing else is asked for: Keystone looks at it
    for each request, and one that looked before and noted that afterwards would leave what it was in Keystone's cache.
    """
    name, grants = user["name"], user["grants"]
    ref = Ref("user", name)
    had = found.users.get(name)
    default = {"default_project_id": Ref("project", grants[0]["project"])} if grants else {}
    steps = []
    if had is None:
        body = {"name": name, "domain_id": "default", "password": user["password"], **default}
        steps.append(Step(1, f"make user {name}", "identity", "POST", ("users",), {"user": body}, makes=ref))
    else:
        body = {"password": user["password"]} if name not in found.passwords else {}
        body |= {} if had["enabled"] else {"enabled": True}
        if default and had.get("default_project_id") != found.ids.get(default["default_project_id"], ""):
            body |= default
        if body:
            what = f"change {', '.join(sorted(body))} of user {name}"
            stage = LAST if name == own else 1
            steps.append(Step(stage, what, "identity", "PATCH", ("users", ref), {"user": body}))
    for grant in grants:
        for role in grant["roles"]:
            if (name, grant["project"], role) not in found.grants:
                path = ("projects", Ref("project", grant["project"]), "users", ref, "roles", Ref("role", role))
                what = f"give user {name} role {role} in project {grant['project']}"
                steps.append(Step(2, what, "identity", "PUT", path))
    return steps


def service_steps(service: dict[str, Any], region: str, found: Found) -> list[Step]:
    """What makes a service as given, with its endpoints."""
    ref = Ref("service", service["type"])
    steps = []
    if service["type"] not in found.services:
        body = {"service": {"type": service["type"], "name": service["name"]}}
        steps.append(Step(0, f"make service {service['name']}", "identity", "POST", ("services",), body, makes=ref))
    elif found.services[service["type"]] != service["name"]:
        body = {"service": {"name": service["name"]}}
        steps.append(Step(0, f"rename service {service['name']}", "identity", "PATCH", ("services", ref), body))
    for interface in INTERFACES:
        had = found.endpoints.get((found.ids.get(ref, ""), region, interface))
        url = {"url": service["url"]}
        what = f"{interface} endpoint of service {service['name']}"
        if had is None:
            body = {"endpoint": {"service_id": ref, "region_id": region, "interface": interface, **url}}
            steps.append(Step(1, f"make {what}", "identity", "POST", ("endpoints",), body))
        elif had["url"] != service["url"]:
            path = ("endpoints", had["id"])
            steps.append(Step(1, f"change {what}", "identity", "PATCH", path, {"endpoint": url}))
    return steps


def summary(params: dict[str, Any], found: Found) -> dict[str, Any]:
    """Of what is given, what there is; a password only as whether it is the given one."""
    names = {name: id_ for (kind, name), id_ in found.ids.items() if kind == "project"}
    projects = {id_: name for name, id_ in names.items()}
    result: dict[str, Any] = {
        "roles": [name for name in params["roles"] if Ref("role", name) in found.ids],
        "projects": [name for name in params["projects"] if name in names],
        "users": {},
        "services": {},
    }
    for name in (user["name"] for user in params["users"] if user["name"] in found.users):
        user = found.users[name]
        result["users"][name] = {
            "enabled": user["enabled"],
            "password": "the given one" if name in found.passwords else "another one",
            "default_project": projects.get(user.get("default_project_id") or ""),
            "grants": sorted(f"{role} in {project}" for who, project, role in found.grants if who == name),
        }
    for kind in (each["type"] for each in params["services"] if each["type"] in found.services):
        id_ = found.ids[Ref("service", kind)]
        urls = {key[2]: each["url"] for key, each in found.endpoints.items() if key[:2] == (id_, params["region"])}
        result["services"][kind] = {"name": found.services[kind], "endpoints": urls}
    return result


def goal(params: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """What `summary` will say afterwards."""
    result: dict[str, Any] = {"roles": params["roles"], "projects": params["projects"], "users": {}, "services": {}}
    for user in params["users"]:
        had = before["users"].get(user["name"], {"grants": [], "default_project": None})
        grants = {f"{role} in {grant['project']}" for grant in user["grants"] for role in grant["roles"]}
        result["users"][user["name"]] = {
            "enabled": True,
            "password": "the given one",
            "default_project": user["grants"][0]["project"] if user["grants"] else had["default_project"],
            "grants": sorted(grants.union(had["grants"])),
        }
    for service in params["services"]:
        urls = dict.fromkeys(INTERFACES, service["url"])
        result["services"][service["type"]] = {"name": service["name"], "endpoints": urls}
    return result


def difference(params: dict[str, Any], found: Found) -> Difference[Step]:
    """From what Keystone has to what the task says."""
    steps = plain_steps(params, found)
    for user in params["users"]:
        steps += user_steps(user, found, params["auth"]["username"])
    for service in params["services"]:
        steps += service_steps(service, params["region"], found)
    before = summary(params, found)
    return Difference(before, goal(params, before), tuple(steps))


def main() -> None:
    """Entry point."""
    name = {"type": "str", "required": True}
    names = {"type": "list", "elements": "str"}
    grant = {"project": name, "roles": {**names, "required": True}}
    user = {
        "name": name,
        "password": {"type": "str", "required": True, "no_log": True},
        "grants": {"type": "list", "elements": "dict", "required": True, "options": grant},
    }
    service = {"name": name, "type": name, "url": name}
    module = AnsibleModule(
        argument_spec={
            "auth": AUTH,
            "region": name,
            "roles": {**names, "default": []},
            "projects": {**names, "default": []},
            "users": {"type": "list", "elements": "dict", "default": [], "options": user},
            "services": {"type": "list", "elements": "dict", "default": [], "options": service},
        },
        supports_check_mode=True,
    )
    params = module.params
    ids: dict[Ref, str] = {}

    def look(cloud: Cloud) -> Found:
        found = read(cloud, params["users"])
        check(params, found)
        ids.update(found.ids)
        return found

    todo = work(module, look, Found(), lambda found: difference(params, found), ids)
    projects = {name: ids[Ref("project", name)] for name in params["projects"] if Ref("project", name) in ids}
    finish(module, todo, projects=projects)


if __name__ == "__main__":
    main()
