"""Who may do what: every route with every role, and nothing without a valid token."""

from __future__ import annotations

from http.client import HTTPSConnection

import httpx
import pytest

from .romana_server import TOKENS, RomanaServer, wait_until

EVERYONE = frozenset({"admin", "neutron", "reader", "a", "b"})
READERS = frozenset({"admin", "neutron", "reader"})
WRITERS = frozenset({"admin", "neutron"})
ADMIN = frozenset({"admin"})
ONE = "00000000-0000-0000-0000-000000000000"
# (method, path as documented, path that is asked, who may). Nothing that is asked for exists, but for host a.
ROUTES = [
    ("GET", "/metrics", "/metrics", EVERYONE),
    ("GET", "/v1/plan", "/v1/plan", READERS),
    ("GET", "/v1/hosts", "/v1/hosts", READERS),
    ("POST", "/v1/hosts", "/v1/hosts", ADMIN),
    ("GET", "/v1/hosts/{name}", "/v1/hosts/a", READERS),
    ("PATCH", "/v1/hosts/{name}", "/v1/hosts/none", ADMIN),
    ("DELETE", "/v1/hosts/{name}", "/v1/hosts/none", ADMIN),
    ("GET", "/v1/hosts/{name}/state", "/v1/hosts/a/state", READERS | {"a"}),
    ("GET", "/v1/hosts/{name}/changes", "/v1/hosts/a/changes", READERS | {"a"}),
    ("GET", "/v1/hosts/{name}/applied", "/v1/hosts/a/applied", READERS),
    ("PUT", "/v1/hosts/{name}/applied", "/v1/hosts/a/applied", ADMIN | {"a"}),
    ("GET", "/v1/tenants", "/v1/tenants", READERS),
    ("POST", "/v1/tenants", "/v1/tenants", WRITERS),
    ("GET", "/v1/tenants/{tenant}", "/v1/tenants/none", READERS),
    ("PATCH", "/v1/tenants/{tenant}", "/v1/tenants/none", WRITERS),
    ("DELETE", "/v1/tenants/{tenant}", "/v1/tenants/none", WRITERS),
    ("GET", "/v1/tenants/{tenant}/segments", "/v1/tenants/none/segments", READERS),
    ("POST", "/v1/tenants/{tenant}/segments", "/v1/tenants/none/segments", WRITERS),
    ("GET", "/v1/tenants/{tenant}/segments/{segment}", "/v1/tenants/none/segments/none", READERS),
    ("DELETE", "/v1/tenants/{tenant}/segments/{segment}", "/v1/tenants/none/segments/none", WRITERS),
    ("GET", "/v1/segments", "/v1/segments", READERS),
    ("GET", "/v1/endpoints", "/v1/endpoints", READERS),
    ("POST", "/v1/endpoints", "/v1/endpoints", WRITERS),
    ("GET", "/v1/endpoints/{identifier}", f"/v1/endpoints/{ONE}", READERS),
    ("PATCH", "/v1/endpoints/{identifier}", f"/v1/endpoints/{ONE}", WRITERS),
    ("DELETE", "/v1/endpoints/{identifier}", f"/v1/endpoints/{ONE}", WRITERS),
    ("GET", "/v1/statuses", "/v1/statuses", READERS),
    ("GET", "/v1/groups", "/v1/groups", READERS),
    ("GET", "/v1/groups/{identifier}", "/v1/groups/none", READERS),
    ("PUT", "/v1/groups/{identifier}", "/v1/groups/g", WRITERS),
    ("DELETE", "/v1/groups/{identifier}", "/v1/groups/none", WRITERS),
    ("GET", "/v1/policies", "/v1/policies", READERS),
    ("POST", "/v1/policies", "/v1/policies", ADMIN),
    ("GET", "/v1/policies/{name}", "/v1/policies/none", READERS),
    ("DELETE", "/v1/policies/{name}", "/v1/policies/none", ADMIN),
    ("GET", "/v1/routers", "/v1/routers", READERS),
    ("GET", "/v1/routers/{identifier}", "/v1/routers/none", READERS),
    ("PUT", "/v1/routers/{identifier}", "/v1/routers/r", WRITERS),
    ("DELETE", "/v1/routers/{identifier}", "/v1/routers/none", WRITERS),
    ("GET", "/v1/floating-ips", "/v1/floating-ips", READERS),
    ("GET", "/v1/floating-ips/{address}", "/v1/floating-ips/203.0.113.5", READERS),
    ("PUT", "/v1/floating-ips/{address}", "/v1/floating-ips/203.0.113.5", WRITERS),
    ("DELETE", "/v1/floating-ips/{address}", "/v1/floating-ips/203.0.113.5", WRITERS),
    ("GET", "/v1/ipam", "/v1/ipam", READERS),
    ("GET", "/v1/ipam/check", "/v1/ipam/check", READERS),
    ("GET", "/v1/explain/{address}", "/v1/explain/10.0.17.3", READERS),
]
DESCRIPTIONS = ["/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/openapi.json"]
NO_ROUTES = ["/", "/v1", "/v1/nothing", "/healthz/", "/healthz/..", "//healthz", "/redoc", "/v1/hosts/a/state/"]
NO_ROUTES += ["/docs/", "/docs/nothing", "/docs/redoc.standalone.js", "/docs/../v1/hosts", "/openapi.json/"]


def test_the_table_has_every_route(server: RomanaServer) -> None:
    with server.client(None) as client:
        paths = client.get("/openapi.json").raise_for_status().json()["paths"]
    served = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert served == {(method, path) for method, path, _, _ in ROUTES} | {("GET", "/healthz")}


def test_every_role_may_just_what_the_table_says(server: RomanaServer) -> None:
    for role in sorted(EVERYONE):
        with server.client(role) as client:
            for method, _, path, may in ROUTES:
                answer = client.request(method, path, json={} if method in ("POST", "PUT", "PATCH") else None)
                where = (role, method, path, answer.text)
                assert (answer.status_code != httpx.codes.FORBIDDEN) == (role in may), where
                assert answer.status_code != httpx.codes.UNAUTHORIZED, where
                assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR, where
                if role not in may:
                    assert answer.json()["error"]["code"] == "forbidden"


def test_the_description_is_for_everyone_and_lets_a_browser_ask_nobody_else(server: RomanaServer) -> None:
    with server.client(None) as anybody:
        assert [anybody.get(path).status_code for path in DESCRIPTIONS] == [httpx.codes.OK] * len(DESCRIPTIONS)
        page = anybody.get("/docs")
    assert "://" not in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "://" not in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/b/state",
        "/a/../b/state",
        "/a%2f..%2fb/state",
        "/A/state",
        "/aa/state",
        "/b/state?name=a",
        "/a/state/../../b/state",
    ],
)
def test_an_agent_gets_the_state_of_no_other_host_however_it_is_spelled(server: RomanaServer, path: str) -> None:
    # http.client sends a path as it is; others tidy it up.
    connection = HTTPSConnection("127.0.0.1", server.port, context=server.site.trust, timeout=30)
    try:
        connection.request("GET", f"/v1/hosts{path}", headers={"Authorization": f"Bearer {TOKENS['a']}"})
        assert connection.getresponse().status == httpx.codes.FORBIDDEN
    finally:
        connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer garbage"},
        {"Authorization": TOKENS["admin"]},
        {"Authorization": f"Basic {TOKENS['admin']}"},
        {"Authorization": f"Bearer {TOKENS['admin']}x"},
        {"Authorization": f"Bearer {TOKENS['admin'][:-1]}"},
        {"Authorization": f"Bearer {TOKENS['admin'].upper()}"},
        {"Authorization": f"Bearer {TOKENS['expired']}"},
        {"Authorization": b"Bearer \xff\xfe\xe9" + b"x" * 30},
        {"Authorization": "Bearer " + "x" * 8000},
        {"X-Auth-Token": TOKENS["admin"]},
    ],
    ids=lambda headers: str(headers)[:60],
)
def test_nothing_is_served_without_a_valid_token(server: RomanaServer, headers: dict[str, str | bytes]) -> None:
    asked = [*((method, path) for method, _, path, _ in ROUTES), *(("GET", path) for path in NO_ROUTES)]
    with server.client(None) as client:
        for method, path in asked:
            answer = client.request(method, path, headers=headers)  # type: ignore[arg-type]
            assert answer.status_code == httpx.codes.UNAUTHORIZED, (method, path, answer.text)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert list(answer.json()) == ["error"]
            assert answer.json()["error"]["code"] == "unauthenticated"
            assert "\n" not in answer.json()["error"]["message"]


def test_health_needs_no_token_and_says_nothing_else(server: RomanaServer) -> None:
    with server.client(None) as client:
        assert client.get("/healthz").json() == {"status": "ok"}


def test_an_expired_token_is_told_apart_from_a_wrong_one(server: RomanaServer) -> None:
    with server.client("expired") as client:
        assert "the token expired expired at" in client.get("/v1/plan").json()["error"]["message"]


def test_a_revoked_token_is_refused_soon(server: RomanaServer) -> None:
    token = server.site.manage("token", "create", "short-lived", "--role", "reader").strip()
    with server.client(None) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        assert client.get("/v1/plan").is_success
        server.site.manage("token", "revoke", "short-lived")
        wait_until(lambda: client.get("/v1/plan").status_code == httpx.codes.UNAUTHORIZED, "the token is refused")


def test_no_token_reaches_the_log(server: RomanaServer) -> None:
    with server.client() as client:
        client.get("/v1/plan").raise_for_status()
    assert not [name for name, token in TOKENS.items() if token in server.log]


def test_plain_http_is_not_served(server: RomanaServer) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{server.port}/healthz")


def test_who_does_not_know_the_authority_does_not_connect(server: RomanaServer) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{server.url}/healthz")
