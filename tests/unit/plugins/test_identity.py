"""What the identity module would ask Keystone for, from what there is and what the task says."""

from __future__ import annotations

from typing import Any

import pytest
from plugins.module_utils.difference import Difference, RefusedError
from plugins.module_utils.openstack import Ref, Step
from plugins.modules import identity

URL = "http://controller:8774/v2.1"


def task(**arguments: Any) -> dict[str, Any]:
    """The parameters of a task that wants one of each."""
    user = {"name": "nova", "password": "secret", "grants": [{"project": "service", "roles": ["admin", "service"]}]}
    given = {
        "auth": {"username": "admin"},
        "region": "RegionOne",
        "roles": ["admin", "service"],
        "projects": ["service"],
        "users": [user],
        "services": [{"name": "nova", "type": "compute", "url": URL}],
    }
    return given | arguments


def lists(**changes: Any) -> dict[str, list[dict[str, Any]]]:
    """What Keystone's API lists when all of that is there."""
    scope = {"project": {"id": "p1"}}
    endpoint = {"service_id": "s1", "region_id": "RegionOne", "url": URL}
    there = {
        "regions": [{"id": "RegionOne"}],
        "roles": [{"id": "r1", "name": "admin"}, {"id": "r2", "name": "service"}],
        "projects": [{"id": "p1", "name": "service"}, {"id": "p2", "name": "demo"}],
        "users": [{"id": "u1", "name": "nova", "enabled": True, "default_project_id": "p1"}],
        "services": [{"id": "s1", "type": "compute", "name": "nova"}],
        "endpoints": [{**endpoint, "id": f"e-{each}", "interface": each} for each in identity.INTERFACES],
        "role_assignments": [
            {"user": {"id": "u1"}, "role": {"id": "r1"}, "scope": scope},
            {"user": {"id": "u1"}, "role": {"id": "r2"}, "scope": scope},
            {"user": {"id": "u1"}, "role": {"id": "r1"}, "scope": {"system": {"all": True}}},
            {"group": {"id": "g1"}, "role": {"id": "r1"}, "scope": scope},
            {"user": {"id": "of another domain"}, "role": {"id": "r1"}, "scope": scope},
        ],
    }
    return there | changes


def found(passwords: frozenset[str] = frozenset({"nova"}), **changes: Any) -> Difference[Step]:
    """What the task would change in this Keystone."""
    return identity.difference(task(), identity.understand(lists(**changes), set(passwords)))


def asked(difference: Difference[Step]) -> list[tuple[int, str, tuple[str | Ref, ...], Any]]:
    """The steps without their sentences."""
    return [(step.stage, step.method, step.path, step.body) for step in difference.steps]


def test_nothing_is_asked_for_where_all_is_there() -> None:
    identity.check(task(roles=[], projects=[]), identity.understand(lists(), set()))
    difference = found()
    assert difference.steps == ()
    assert difference.before == difference.after


def test_everything_is_made_in_an_empty_keystone() -> None:
    difference = identity.difference(task(), identity.Found())
    user = {"name": "nova", "domain_id": "default", "password": "secret"}
    grant = ("projects", Ref("project", "service"), "users", Ref("user", "nova"), "roles")
    endpoint = {"service_id": Ref("service", "compute"), "region_id": "RegionOne", "url": URL}
    assert asked(difference) == [
        (0, "POST", ("regions",), {"region": {"id": "RegionOne"}}),
        (0, "POST", ("roles",), {"role": {"name": "admin"}}),
        (0, "POST", ("roles",), {"role": {"name": "service"}}),
        (0, "POST", ("projects",), {"project": {"name": "service", "domain_id": "default"}}),
        (1, "POST", ("users",), {"user": {**user, "default_project_id": Ref("project", "service")}}),
        (2, "PUT", (*grant, Ref("role", "admin")), None),
        (2, "PUT", (*grant, Ref("role", "service")), None),
        (0, "POST", ("services",), {"service": {"type": "compute", "name": "nova"}}),
        *[(1, "POST", ("endpoints",), {"endpoint": {**endpoint, "interface": each}}) for each in identity.INTERFACES],
    ]
    assert difference.before == {"roles": [], "projects": [], "users": {}, "services": {}}


def test_what_comes_later_refers_only_to_what_is_made_or_there() -> None:
    made: set[Ref] = set()
    steps = identity.difference(task(), identity.Found()).steps
    assert {step.stage for step in steps} == {0, 1, 2}
    for stage in (0, 1, 2):
        todo = [step for step in steps if step.stage == stage]
        for step in todo:
            values = [*step.path, *next(iter((step.body or {"": {}}).values())).values()]
            assert {value for value in values if isinstance(value, Ref)} <= made
        made |= {step.makes for step in todo if step.makes}


@pytest.mark.parametrize(
    ("user", "passwords", "body"),
    [
        ({}, frozenset(), {"password": "secret"}),
        ({"enabled": False}, frozenset({"nova"}), {"enabled": True}),
        ({"default_project_id": "p2"}, frozenset({"nova"}), {"default_project_id": Ref("project", "service")}),
        ({"default_project_id": None}, frozenset({"nova"}), {"default_project_id": Ref("project", "service")}),
    ],
)
def test_user_is_changed_where_it_differs(user: dict[str, Any], passwords: frozenset[str], body: Any) -> None:
    difference = found(passwords, users=[lists()["users"][0] | user])
    assert asked(difference) == [(1, "PATCH", ("users", Ref("user", "nova")), {"user": body})]
    assert difference.before["users"] != difference.after["users"]


def test_who_asks_is_changed_when_all_else_is_done() -> None:
    params = task(auth={"username": "nova"})
    there = lists(users=[lists()["users"][0] | {"default_project_id": None}], endpoints=[])
    steps = identity.difference(params, identity.understand(there, {"nova"})).steps
    stages = {step.stage for step in steps if step.method != "PATCH"}
    assert [step.stage for step in steps if step.method == "PATCH"] == [identity.LAST]
    assert stages
    assert max(stages) < identity.LAST


def test_passwords_are_in_no_sentence_and_no_diff() -> None:
    for difference in (identity.difference(task(), identity.Found()), found(frozenset())):
        sentences = [step.what for step in difference.steps]
        assert "secret" not in repr((sentences, difference.before, difference.after))


def test_only_the_missing_grant_is_given() -> None:
    difference = found(role_assignments=lists()["role_assignments"][1:])
    path = ("projects", Ref("project", "service"), "users", Ref("user", "nova"), "roles", Ref("role", "admin"))
    assert asked(difference) == [(2, "PUT", path, None)]


def test_grants_that_are_not_given_stay() -> None:
    other = {"user": {"id": "u1"}, "role": {"id": "r1"}, "scope": {"project": {"id": "p2"}}}
    difference = found(role_assignments=[*lists()["role_assignments"], other])
    assert difference.steps == ()
    assert difference.before == difference.after
    assert "admin in demo" in difference.after["users"]["nova"]["grants"]


def test_moved_endpoints_and_renamed_service_are_changed() -> None:
    endpoints = lists()["endpoints"]
    endpoints[1]["url"] = "http://elsewhere"
    difference = found(endpoints=endpoints, services=[{"id": "s1", "type": "compute", "name": "old"}])
    assert asked(difference) == [
        (0, "PATCH", ("services", Ref("service", "compute")), {"service": {"name": "nova"}}),
        (1, "PATCH", ("endpoints", "e-internal"), {"endpoint": {"url": URL}}),
    ]


def test_endpoints_of_another_region_are_not_ours() -> None:
    endpoints = [endpoint | {"region_id": "RegionTwo"} for endpoint in lists()["endpoints"]]
    assert [step.method for step in found(endpoints=endpoints).steps] == ["POST"] * 3


@pytest.mark.parametrize(("kind", "name"), [("project", "nowhere"), ("role", "nobody")])
def test_grant_of_what_is_not_there_is_refused(kind: str, name: str) -> None:
    grant = {"project": "service", "roles": ["admin"]} | ({"project": name} if kind == "project" else {"roles": [name]})
    users = [{"name": "nova", "password": "secret", "grants": [grant]}]
    with pytest.raises(RefusedError, match=f"there is no {kind} {name}; add it to {kind}s"):
        identity.check(task(users=users), identity.understand(lists(), set()))


def test_cases_of_roles_names_make_no_difference() -> None:
    there = lists(roles=[{"id": "r1", "name": "Admin"}, {"id": "r2", "name": "service"}])
    params = task()
    identity.check(params, identity.understand(there, set()))
    assert identity.difference(params, identity.understand(there, {"nova"})).steps == ()
