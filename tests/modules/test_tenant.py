"""The modules tenant, tenant_info and segment against a real romana-server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from romana import models

if TYPE_CHECKING:
    from .conftest import Server


def segments(server: Server, tenant: str = "demo") -> list[tuple[int, str]]:
    """The tenant's segments by number."""
    return sorted((segment.number, segment.name) for segment in server.client.segments(tenant))


def make_endpoint(server: Server) -> None:
    """An endpoint of demo/s1."""
    server.client.create_host(models.HostCreate.model_validate({"name": "compute01", "address": "192.168.99.11"}))
    server.client.create_endpoint(
        models.EndpointCreate(
            host="compute01", tenant="demo", segment="s1", mac="fa:16:3e:00:00:01", interface="tap0", name="web1"
        ),
        key=None,
    )


def test_name_is_required(server: Server) -> None:
    assert server.module("tenant")["msg"] == "missing required arguments: name"


def test_check_mode_makes_nothing(server: Server) -> None:
    result = server.module("tenant", check=True, name="demo", segments=["default", "s1"])
    after = {"name": "demo", "project_id": None, "segments": ["default", "s1"]}
    assert (result["changed"], result["diff"], result["tenant"]) == (True, {"before": {}, "after": after}, after)
    assert server.client.tenants() == []


def test_tenant_is_made_once_with_its_segments_numbered_in_order(server: Server) -> None:
    wanted: dict[str, Any] = {"name": "demo", "segments": ["default", "s2", "s1"]}
    made = server.module("tenant", **wanted)
    assert (made["changed"], made["tenant"]["segments"], made["tenant"]["number"]) == (True, wanted["segments"], 1)
    assert segments(server) == [(1, "default"), (2, "s2"), (3, "s1")]
    again = server.module("tenant", **wanted)
    assert (again["changed"], again["diff"]["before"]) == (False, again["diff"]["after"])
    assert again["tenant"] == made["tenant"]


def test_segments_are_added_and_others_left(server: Server) -> None:
    server.module("tenant", name="demo", segments=["default", "s1"])
    assert not server.module("tenant", name="demo")["changed"]
    added = server.module("tenant", name="demo", segments=["s2"])
    assert added["diff"]["before"]["segments"] == ["default", "s1"]
    assert added["diff"]["after"]["segments"] == ["default", "s1", "s2"]
    assert segments(server) == [(1, "default"), (2, "s1"), (3, "s2")]


def test_purge_removes_the_others(server: Server) -> None:
    server.module("tenant", name="demo", segments=["default", "s1", "s2"])
    wanted: dict[str, Any] = {"name": "demo", "segments": ["s1", "s3"], "purge_segments": True}
    checked = server.module("tenant", check=True, **wanted)
    assert checked["diff"]["after"]["segments"] == ["s1", "s3"]
    assert len(segments(server)) == 3
    assert server.module("tenant", **wanted)["changed"]
    assert [name for _, name in sorted(segments(server), key=lambda each: each[1])] == ["s1", "s3"]
    assert not server.module("tenant", **wanted)["changed"]
    server.module("tenant", name="demo", segments=[], purge_segments=True)
    assert segments(server) == []


def test_purge_without_segments_is_refused(server: Server) -> None:
    result = server.module("tenant", name="demo", purge_segments=True)
    assert result["msg"] == "purge_segments needs segments: the names of the segments to keep ([] for none)"


def test_project_is_set_later_and_changed_and_kept_when_left_out(server: Server) -> None:
    server.module("tenant", name="demo", segments=["default"])
    before: str | None = None
    for project_id in ("abc", "def"):
        checked = server.module("tenant", check=True, name="demo", project_id=project_id)
        assert server.client.tenant("demo").project_id == before
        given = server.module("tenant", name="demo", project_id=project_id)
        for result in (checked, given):
            assert result["changed"]
            assert [result["diff"][side]["project_id"] for side in ("before", "after")] == [before, project_id]
            assert result["diff"]["after"]["segments"] == ["default"]
        assert given["tenant"]["project_id"] == server.client.tenant("demo").project_id == project_id
        assert not server.module("tenant", name="demo", project_id=project_id)["changed"]
        assert not server.module("tenant", name="demo")["changed"]
        before = project_id


def test_project_comes_with_a_new_tenant(server: Server) -> None:
    made = server.module("tenant", name="demo", project_id="abc")
    assert (made["diff"]["after"]["project_id"], made["tenant"]["project_id"]) == ("abc", "abc")


def test_project_of_another_tenant_is_refused(server: Server) -> None:
    server.module("tenant", name="admin", project_id="abc")
    server.module("tenant", name="demo")
    refused = server.module("tenant", name="demo", project_id="abc")
    assert refused["msg"].startswith("cannot give tenant demo the project abc: ")
    assert "project abc already belongs to tenant admin" in refused["msg"]
    assert server.client.tenant("demo").project_id is None


def test_wrong_name_is_refused(server: Server) -> None:
    for name in ("two words", "-", "x" * 300):
        result = server.module("tenant", name=name)
        assert f"tenant {name}: " in result["msg"]
    assert server.client.tenants() == []


def test_what_has_endpoints_is_not_removed(server: Server) -> None:
    server.module("tenant", name="demo", segments=["s1"])
    make_endpoint(server)
    assert server.module("tenant", name="demo", state="absent")["msg"].startswith("cannot remove tenant demo: ")
    purge = server.module("tenant", name="demo", segments=[], purge_segments=True)
    assert purge["msg"].startswith("cannot remove segment s1 of tenant demo: ")
    segment = server.module("segment", tenant="demo", name="s1", state="absent")
    assert segment["msg"].startswith("cannot remove segment s1 of tenant demo: ")
    assert server.module("host", name="compute01", state="absent")["msg"].startswith("cannot remove host compute01: ")
    assert segments(server) == [(1, "s1")]


def test_tenant_is_removed_once_with_its_segments(server: Server) -> None:
    server.module("tenant", name="demo", segments=["s1"])
    assert server.module("tenant", check=True, name="demo", state="absent")["changed"]
    assert len(server.client.tenants()) == 1
    removed = server.module("tenant", name="demo", state="absent")
    assert removed["diff"] == {"before": {"name": "demo", "project_id": None, "segments": ["s1"]}, "after": {}}
    again = server.module("tenant", name="demo", state="absent")
    assert (again["changed"], again["tenant"]) == (False, {})
    assert server.client.tenants() == []


def test_info_lists_tenants_with_their_segments(server: Server) -> None:
    assert server.module("tenant_info")["tenants"] == []
    server.module("tenant", name="admin")
    server.module("tenant", name="demo", segments=["default", "s1"])
    assert len(server.module("tenant_info")["tenants"]) == 2
    (demo,) = server.module("tenant_info", name="demo")["tenants"]
    assert [(segment["name"], segment["number"]) for segment in demo["segments"]] == [("default", 1), ("s1", 2)]
    assert server.module("tenant_info", name="nobody")["tenants"] == []


def test_segment_is_made_and_removed_once(server: Server) -> None:
    assert server.module("segment", name="s1")["msg"] == "missing required arguments: tenant"
    server.module("tenant", name="demo", segments=["default"])
    wanted: dict[str, Any] = {"tenant": "demo", "name": "s1"}
    checked = server.module("segment", check=True, **wanted)
    assert (checked["changed"], checked["diff"]) == (True, {"before": {}, "after": wanted})
    assert segments(server) == [(1, "default")]
    made = server.module("segment", **wanted)
    assert (made["changed"], made["segment"]["number"]) == (True, 2)
    assert not server.module("segment", **wanted)["changed"]
    assert server.module("segment", check=True, **wanted, state="absent")["changed"]
    assert len(segments(server)) == 2
    removed = server.module("segment", **wanted, state="absent")
    assert removed["diff"] == {"before": wanted, "after": {}}
    assert not server.module("segment", **wanted, state="absent")["changed"]


def test_segment_of_a_tenant_that_is_not_there_yet(server: Server) -> None:
    assert server.module("segment", check=True, tenant="new", name="s1")["changed"]
    refused = server.module("segment", tenant="new", name="s1")
    assert refused["msg"].startswith("cannot make segment s1 of tenant new: ")
    assert not server.module("segment", tenant="new", name="s1", state="absent")["changed"]


def test_endpoint_info_filters(server: Server) -> None:
    assert server.module("endpoint_info")["endpoints"] == []
    server.module("tenant", name="demo", segments=["default", "s1"])
    make_endpoint(server)
    (found,) = server.module("endpoint_info")["endpoints"]
    assert (found["address"], found["interface"]) == ("10.0.18.3", "tap0")
    filters: list[dict[str, Any]] = [
        {"host": "compute01"},
        {"tenant": "demo", "segment": "s1"},
        {"address": "10.0.18.3"},
    ]
    for fits in filters:
        assert len(server.module("endpoint_info", **fits)["endpoints"]) == 1
    assert server.module("endpoint_info", segment="default", tenant="demo")["endpoints"] == []
    assert server.module("endpoint_info", interface="tap1")["endpoints"] == []
    assert server.module("endpoint_info", address="ten")["msg"].startswith("cannot list the endpoints: ")
