"""The API's statuses: 201 made, 200 there already, 409 with the reason, 204 gone, 404 unknown, 507 full."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from romana.models import Plan

from .conftest import StartServer
from .romana_server import Site

SMALL = {"cidr": "10.0.0.0/27", "host_bits": 0, "tenant_bits": 1, "segment_bits": 1, "endpoint_bits": 3}
HOST = {"name": "a", "address": "192.0.2.1"}
LONG = pytest.mark.long("is the same on the other database, on which `tests/store` has what is below it")
pytestmark = pytest.mark.parametrize("site", ["mariadb", pytest.param("sqlite", marks=LONG)], indirect=True)
ENDPOINT = {"host": "a", "tenant": "t", "segment": "s", "mac": "fa:16:3e:00:00:01", "interface": "tap1"}


@pytest.fixture
def api(site: Site, start: StartServer) -> Iterator[httpx.Client]:
    """An admin of an empty store with room for one host, tenant and segment, and four endpoints."""
    site.init(Plan.model_validate(SMALL))
    with start(site, plan=SMALL).client() as client:
        yield client


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def fill(api: httpx.Client) -> None:
    api.post("/v1/hosts", json=HOST).raise_for_status()
    api.post("/v1/tenants", json={"name": "t"}).raise_for_status()
    api.post("/v1/tenants/t/segments", json={"name": "s"}).raise_for_status()


def test_everything_is_made_once_shown_and_taken_away(api: httpx.Client) -> None:
    policy = {"name": "p", "source": {"tenant": "t"}, "target": {"cidr": "192.0.2.0/24"}}
    for path, body, one in (
        ("/v1/hosts", HOST, "/v1/hosts/a"),
        ("/v1/tenants", {"name": "t"}, "/v1/tenants/t"),
        ("/v1/tenants/t/segments", {"name": "s"}, "/v1/tenants/t/segments/s"),
        ("/v1/policies", policy, "/v1/policies/p"),
    ):
        assert api.get(path).json() == []
        made = api.post(path, json=body)
        again = api.post(path, json=body)
        assert (made.status_code, again.status_code) == (httpx.codes.CREATED, httpx.codes.OK)
        assert made.json() == again.json()
        assert made.json().items() >= {key: value for key, value in body.items() if not isinstance(value, dict)}.items()
        assert [item["name"] for item in api.get(path).json()] == [body["name"]]
        assert api.get(one).json()["name"] == body["name"]
    for one in ("/v1/policies/p", "/v1/tenants/t/segments/s", "/v1/tenants/t", "/v1/hosts/a"):
        gone = api.delete(one)
        assert (gone.status_code, gone.content) == (httpx.codes.NO_CONTENT, b"")
        assert code(api.delete(one)) == (404, "not_found")
        assert code(api.get(one)) == (404, "not_found")


def test_other_values_are_a_conflict(api: httpx.Client) -> None:
    fill(api)
    api.post(
        "/v1/policies", json={"name": "p", "source": {"tenant": "t"}, "target": {"tenant": "t"}}
    ).raise_for_status()
    for path, body in (
        ("/v1/hosts", {**HOST, "address": "192.0.2.9"}),
        ("/v1/tenants", {"name": "t", "project_id": "p1"}),
        ("/v1/policies", {"name": "p", "source": {"tenant": "t"}, "target": {"cidr": "192.0.2.0/24"}}),
    ):
        assert code(api.post(path, json=body)) == (409, "conflict")


def test_what_is_full_says_so_with_its_capacity(api: httpx.Client) -> None:
    fill(api)
    for _ in range(4):
        api.post("/v1/endpoints", json=ENDPOINT).raise_for_status()
    for path, body, kind, capacity in (
        ("/v1/hosts", {"name": "more", "address": "192.0.2.9"}, "hosts_exhausted", 1),
        ("/v1/tenants", {"name": "more"}, "tenants_exhausted", 1),
        ("/v1/tenants/t/segments", {"name": "more"}, "segments_exhausted", 1),
        ("/v1/endpoints", ENDPOINT, "endpoints_exhausted", 4),
    ):
        answer = api.post(path, json=body)
        assert code(answer) == (507, kind)
        assert answer.json()["error"]["details"]["capacity"] == capacity
    full = answer.json()["error"]
    assert full["details"] == {"host": "a", "tenant": "t", "segment": "s", "capacity": 4}
    assert all(named in full["message"] for named in ("host a", "tenant t", "segment s", "4"))


def test_an_idempotency_key_gives_the_same_endpoint_until_it_is_deleted(api: httpx.Client) -> None:
    fill(api)
    key = {"Idempotency-Key": "port 1"}
    made = api.post("/v1/endpoints", json=ENDPOINT, headers=key)
    again = api.post("/v1/endpoints", json=ENDPOINT, headers=key)
    assert (made.status_code, again.status_code) == (httpx.codes.CREATED, httpx.codes.OK)
    assert made.json() == again.json()
    other = {**ENDPOINT, "interface": "tap2"}
    assert code(api.post("/v1/endpoints", json=other, headers=key)) == (409, "idempotency_mismatch")
    api.delete(f"/v1/endpoints/{made.json()['id']}").raise_for_status()
    fresh = api.post("/v1/endpoints", json=other, headers=key)
    assert fresh.status_code == httpx.codes.CREATED
    assert fresh.json()["address"] == made.json()["address"]


def test_an_endpoint_gets_changes_and_loses_bandwidth_limits(api: httpx.Client) -> None:
    fill(api)
    assert api.post("/v1/endpoints", json=ENDPOINT).json()["bandwidth"] == {"egress": None, "ingress": None}
    limit = {"rate": 1000, "burst": 0}
    made = api.post("/v1/endpoints", json={**ENDPOINT, "bandwidth": {"egress": {"rate": 1000}}}).json()
    one = f"/v1/endpoints/{made['id']}"
    assert made["bandwidth"] == api.get(one).json()["bandwidth"] == {"egress": limit, "ingress": None}
    both = {"egress": limit, "ingress": {"rate": 1, "burst": 800}}
    changed = api.patch(one, json={"bandwidth": both}).raise_for_status().json()
    assert (changed["bandwidth"], changed["status"]) == (both, made["status"])
    state = api.get("/v1/hosts/a/state").json()
    assert state["generation"] == changed["generation"] > made["generation"]
    assert [item["bandwidth"] for item in state["endpoints"] if item["id"] == made["id"]] == [both]
    assert api.patch(one, json={"name": "web", "bandwidth": None}).json()["bandwidth"] == both
    assert api.patch(one, json={"bandwidth": {}}).json()["bandwidth"] == {"egress": None, "ingress": None}
    for wrong in (0, 100_000_001, "1000", None):
        answer = api.patch(one, json={"bandwidth": {"egress": {"rate": wrong}}})
        assert code(answer) == (422, "invalid_request"), wrong
    assert code(api.patch(one, json={"bandwidth": {"egress": {"rate": 1, "burst": -1}}})) == (422, "invalid_request")


def test_an_address_that_is_asked_for_is_given_or_refused(api: httpx.Client) -> None:
    fill(api)
    assert api.post("/v1/endpoints", json={**ENDPOINT, "address": "10.0.0.29"}).json()["address"] == "10.0.0.29"
    for address, kind in (("10.0.0.29", "address_in_use"), ("10.0.0.3", "address_mismatch")):
        assert code(api.post("/v1/endpoints", json={**ENDPOINT, "address": address})) == (409, kind)


def test_what_is_in_use_stays(api: httpx.Client) -> None:
    fill(api)
    made = api.post("/v1/endpoints", json=ENDPOINT).json()
    for path in ("/v1/hosts/a", "/v1/tenants/t", "/v1/tenants/t/segments/s"):
        assert code(api.delete(path)) == (409, "in_use")
    api.delete(f"/v1/endpoints/{made['id']}").raise_for_status()
    for path in ("/v1/tenants/t/segments/s", "/v1/tenants/t", "/v1/hosts/a"):
        assert api.delete(path).status_code == httpx.codes.NO_CONTENT


def test_a_change_upon_an_old_generation_is_refused(api: httpx.Client) -> None:
    fill(api)
    made = api.post("/v1/endpoints", json=ENDPOINT).json()
    host = api.get("/v1/hosts/a").json()
    for method, path, seen, body in (
        ("PATCH", f"/v1/endpoints/{made['id']}", made, {"interface": "tap2"}),
        ("DELETE", f"/v1/endpoints/{made['id']}", made, None),
        ("PATCH", "/v1/hosts/a", host, {"address": "192.0.2.9"}),
        ("DELETE", "/v1/hosts/a", host, None),
        ("PATCH", "/v1/tenants/t", api.get("/v1/tenants/t").json(), {"project_id": "p1"}),
        ("DELETE", "/v1/tenants/t", api.get("/v1/tenants/t").json(), None),
        ("DELETE", "/v1/tenants/t/segments/s", api.get("/v1/tenants/t/segments/s").json(), None),
    ):
        for old in (f"{seen['generation'] - 1}", f'"{seen["generation"] - 1}"'):
            answer = api.request(method, path, json=body, headers={"If-Match": old})
            assert code(answer) == (409, "generation_conflict"), path
    current = {"If-Match": f'"{made["generation"]}"'}
    assert api.delete(f"/v1/endpoints/{made['id']}", headers=current).status_code == httpx.codes.NO_CONTENT


def test_a_report_sets_the_status_and_explains_the_address(api: httpx.Client) -> None:
    fill(api)
    made = api.post("/v1/endpoints", json=ENDPOINT).json()
    assert made["status"] == "pending"
    assert code(api.get("/v1/hosts/a/applied")) == (404, "not_found")
    there = {"id": made["id"], "status": "active", "route": True, "lease": True, "firewall": True}
    report = {"generation": made["generation"], "endpoints": [there], "pairs": [["10.0.0.24", "10.0.0.24"]]}
    with_agent = api.put("/v1/hosts/a/applied", json=report)
    assert with_agent.status_code == httpx.codes.NO_CONTENT
    assert api.get(f"/v1/endpoints/{made['id']}").json()["status"] == "active"
    told = api.get(f"/v1/explain/{made['address']}").json()
    assert (told["host"], told["tenant"], told["segment"], told["role"]) == ("a", "t", "s", "endpoint")
    assert {one["ok"] for one in told["checks"]} == {True}


def test_plan_and_usage_are_shown(api: httpx.Client) -> None:
    fill(api)
    api.post("/v1/endpoints", json=ENDPOINT).raise_for_status()
    assert api.get("/v1/plan").json() == SMALL
    place = {"host": "a", "tenant": "t", "segment": "s", "network": "10.0.0.24/29", "used": 1, "capacity": 4}
    assert api.get("/v1/ipam").json() == [place]
    assert api.get("/v1/ipam/check").json() == {"ok": True, "findings": []}


def test_endpoints_are_filtered(api: httpx.Client) -> None:
    fill(api)
    api.post("/v1/endpoints", json=ENDPOINT).raise_for_status()
    for name, value in (*ENDPOINT.items(), ("address", "10.0.0.27")):
        if name != "mac":
            assert len(api.get("/v1/endpoints", params={name: value}).json()) == 1, name
            other = "10.0.0.28" if name == "address" else "other"
            assert api.get("/v1/endpoints", params={name: other}).json() == [], name


def test_a_tenant_gets_and_loses_its_project_and_is_found_by_it(api: httpx.Client) -> None:
    fill(api)
    given = api.patch("/v1/tenants/t", json={"project_id": "p1"}).raise_for_status().json()
    assert given["project_id"] == "p1"
    assert api.get("/v1/tenants", params={"project_id": "p1"}).json() == [given]
    assert api.get("/v1/tenants", params={"project_id": "p2"}).json() == []
    assert api.patch("/v1/tenants/t", json={"project_id": None}).json()["project_id"] is None
    assert api.get("/v1/tenants", params={"project_id": "p1"}).json() == []
    for body in ({}, {"project_id": ""}, {"project_id": "p1", "name": "u"}):
        assert code(api.patch("/v1/tenants/t", json=body)) == (422, "invalid_request")


def test_a_host_gets_and_loses_its_owner(site: Site, start: StartServer) -> None:
    site.init(Plan())
    with start(site).client() as api:
        fill(api)
        api.post("/v1/tenants", json={"name": "u"}).raise_for_status()
        assert api.patch("/v1/hosts/a", json={"owner": "u"}).raise_for_status().json()["owner"] == "u"
        assert code(api.post("/v1/endpoints", json=ENDPOINT)) == (409, "host_restricted")
        assert api.get("/v1/hosts/a/state").json()["segments"] == []
        assert code(api.delete("/v1/tenants/u")) == (409, "in_use")
        assert code(api.patch("/v1/hosts/a", json={"owner": "none"})) == (404, "not_found")
        assert api.patch("/v1/hosts/a", json={"address": "192.0.2.9"}).json()["owner"] == "u"
        assert api.patch("/v1/hosts/a", json={"owner": None}).json()["owner"] is None
        api.post("/v1/endpoints", json=ENDPOINT).raise_for_status()
        assert code(api.patch("/v1/hosts/a", json={"owner": "u"})) == (409, "in_use")
        for body in ({}, {"owner": ""}, {"owner": "u", "index": 3}):
            assert code(api.patch("/v1/hosts/a", json=body)) == (422, "invalid_request")


def test_floating_ips_are_delivered_to_a_host_only(site: Site, start: StartServer) -> None:
    site.init(Plan())
    there = ["203.0.113.5", "203.0.113.6"]
    with start(site).client() as api:
        fill(api)
        assert api.get("/v1/hosts/a").json()["floating_ips"] == []
        set_to = {"floating_ips": there[::-1]}
        assert api.patch("/v1/hosts/a", json=set_to).raise_for_status().json()["floating_ips"] == there
        assert api.get("/v1/hosts").json()[0]["floating_ips"] == there
        assert api.patch("/v1/hosts/a", json={"address": "192.0.2.9"}).json()["floating_ips"] == there
        assert api.patch("/v1/hosts/a", json={"floating_ips": None}).json()["floating_ips"] == there
        other = {"name": "b", "address": "192.0.2.8", "floating_ips": there[:1]}
        assert code(api.post("/v1/hosts", json=other)) == (409, "conflict")
        made = api.post("/v1/hosts", json=other | {"floating_ips": ["203.0.113.7"]})
        assert (made.status_code, made.json()["floating_ips"]) == (201, ["203.0.113.7"])
        endpoint = api.post("/v1/endpoints", json=ENDPOINT).raise_for_status().json()["id"]
        assert code(api.put("/v1/floating-ips/203.0.113.7", json={"endpoint": endpoint})) == (409, "conflict")
        assert api.put("/v1/floating-ips/203.0.113.5", json={"endpoint": endpoint}).status_code == 201
        assert code(api.patch("/v1/hosts/b", json={"floating_ips": [*there, "203.0.113.7"]})) == (409, "conflict")
        for wrong in (["10.0.17.9"], [there[0], there[0]], [5], "203.0.113.5"):
            assert code(api.patch("/v1/hosts/a", json={"floating_ips": wrong})) == (422, "invalid_request")
        assert api.patch("/v1/hosts/a", json={"floating_ips": []}).json()["floating_ips"] == []


def test_routers_and_floating_ips_are_put_whole(api: httpx.Client) -> None:
    fill(api)
    endpoint = api.post("/v1/endpoints", json=ENDPOINT).json()
    router = {"name": "r one", "project_id": "p", "segments": [{"tenant": "t", "segment": "s"}], "outside": True}
    forwarding = {"protocol": "tcp", "port": 2222, "endpoint": endpoint["id"], "endpoint_port": 22}
    for path, body, shown in (
        ("/v1/routers/r", router, {"id": "r", **router}),
        (
            "/v1/floating-ips/203.0.113.5",
            {"endpoint": endpoint["id"], "project_id": None},
            {
                "address": "203.0.113.5",
                "endpoint": endpoint["id"],
                "endpoint_address": endpoint["address"],
                "host": "a",
                "project_id": None,
                "forwardings": [],
            },
        ),
        (
            "/v1/floating-ips/203.0.113.6",
            {"forwardings": [forwarding], "project_id": "p"},
            {
                "address": "203.0.113.6",
                "endpoint": None,
                "endpoint_address": None,
                "host": "a",
                "project_id": "p",
                "forwardings": [{**forwarding, "endpoint_address": endpoint["address"], "host": "a"}],
            },
        ),
    ):
        made = api.put(path, json=body)
        again = api.put(path, json=body)
        assert (made.status_code, again.status_code) == (httpx.codes.CREATED, httpx.codes.OK)
        assert made.json() == again.json() == api.get(path).json() == shown | {"generation": made.json()["generation"]}
        assert api.get(path.rpartition("/")[0]).json() == [made.json()]
        stale = {"If-Match": str(made.json()["generation"] - 1)}
        assert code(api.delete(path, headers=stale)) == (409, "generation_conflict")
        assert api.delete(path).status_code == httpx.codes.NO_CONTENT
        assert code(api.get(path)) == code(api.delete(path)) == (404, "not_found")
    assert code(api.put("/v1/routers/r", json={"segments": [{"tenant": "t", "segment": "none"}]})) == (404, "not_found")
    assert code(api.put("/v1/floating-ips/10.0.0.9", json={"endpoint": endpoint["id"]})) == (422, "invalid_request")
    assert code(api.put("/v1/floating-ips/203.0.113.5", json={"endpoint": "none"})) == (404, "not_found")
    refused = api.put("/v1/floating-ips/203.0.113.5", json={"endpoint": endpoint["id"], "forwardings": [forwarding]})
    assert code(refused) == (422, "invalid_request")
    assert "give either endpoint or forwardings" in refused.json()["error"]["message"]


def test_metrics_count_the_network_and_the_requests(api: httpx.Client) -> None:
    fill(api)
    made = [api.post("/v1/endpoints", json=ENDPOINT).json() for _ in range(2)]
    api.delete(f"/v1/endpoints/{made[0]['id']}").raise_for_status()
    for group in ("one", "two", "empty"):
        api.put(f"/v1/groups/{group}", json={}).raise_for_status()
    joined = {"permissions": {"groups": ["one", "two"], "address_pairs": [{"network": "192.0.2.0/24"}]}}
    api.patch(f"/v1/endpoints/{made[1]['id']}", json=joined).raise_for_status()
    api.put("/v1/routers/r", json={}).raise_for_status()
    api.put("/v1/floating-ips/203.0.113.5", json={"endpoint": made[1]["id"]}).raise_for_status()
    forwarding = {"protocol": "udp", "port": 53, "endpoint": made[1]["id"], "endpoint_port": 5353}
    api.put("/v1/floating-ips/203.0.113.6", json={"forwardings": [forwarding]}).raise_for_status()
    report = {"generation": 1, "groups": 2, "group_members": 7}
    api.put("/v1/hosts/a/applied", json=report).raise_for_status()
    lines = api.get("/metrics").text.splitlines()
    assert set(lines) >= {
        "romana_allocations_total 2.0",
        "romana_releases_total 1.0",
        "romana_database_up 1.0",
        "romana_hosts 1.0",
        "romana_hosts_behind 1.0",
        "romana_agent_errors 0.0",
        "romana_tenants 1.0",
        "romana_segments 1.0",
        "romana_policies 0.0",
        "romana_routers 1.0",
        "romana_floating_ips 2.0",
        "romana_forwardings 1.0",
        "romana_groups 3.0",
        "romana_group_members 2.0",
        "romana_agent_groups 2.0",
        "romana_agent_group_members 7.0",
        'romana_endpoints{status="pending"} 1.0',
        'romana_request_seconds_count{method="POST",route="/v1/endpoints",status="201"} 2.0',
        'romana_request_seconds_count{method="DELETE",route="/v1/endpoints/{identifier}",status="204"} 1.0',
    }
    assert any(line.startswith("romana_generation ") for line in lines)
    assert not [line for line in lines if made[0]["id"] in line]
