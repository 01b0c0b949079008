"""Requests that don't fit: one line that says why, status 422 (or what HTTP has for it), and never a traceback."""

from __future__ import annotations

import httpx
import pytest

from .romana_server import RomanaServer

# They are refused before any database: one is enough.
pytestmark = pytest.mark.parametrize("server", ["sqlite"], indirect=True, scope="session")
ENDPOINT = {"host": "a", "tenant": "t", "segment": "s", "mac": "fa:16:3e:00:00:01", "interface": "tap1"}
INVALID = httpx.codes.UNPROCESSABLE_ENTITY


def _refused(answer: httpx.Response, status: int = INVALID) -> str:
    """The message of an answer that has to be a refusal in our shape."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "details"}
    message: str = error["message"]
    assert message.isprintable(), message
    assert "Traceback" not in answer.text
    return message


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"garbage", b"\xff\xfe\x00", b"null", b"[]", b'"text"', b"1" * 5000, b"[" * 5000, b'{"name": "x"'],
    ids=lambda body: repr(body[:12]),
)
@pytest.mark.parametrize("path", ["/v1/hosts", "/v1/tenants", "/v1/endpoints", "/v1/policies"])
def test_a_body_that_is_no_object_in_json_is_refused(server: RomanaServer, path: str, body: bytes) -> None:
    with server.client() as client:
        answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert len(_refused(answer)) < 1000


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_a_body_of_another_type_is_refused(server: RomanaServer, content_type: str) -> None:
    with server.client() as client:
        answer = client.post("/v1/tenants", content=b'{"name": "x"}', headers={"Content-Type": content_type})
        _refused(answer)
        assert client.get("/v1/tenants/x").status_code == httpx.codes.NOT_FOUND


@pytest.mark.parametrize(
    ("path", "length"), [("/v1/tenants", 1), ("/v1/hosts/a/applied", 16)], ids=["usual", "an agent's report"]
)
def test_a_body_that_is_too_long_is_not_kept(server: RomanaServer, path: str, length: int) -> None:
    with server.client() as client:
        content = b'{"name": "' + b"x" * (length << 20) + b'"}'
        answer = client.request("PUT" if "applied" in path else "POST", path, content=content)
        message = _refused(answer, httpx.codes.REQUEST_ENTITY_TOO_LARGE)
    assert f"longer than {length << 20} bytes" in message


@pytest.mark.parametrize("value", [b"[]", b"{}", b"0", b"[[0]]"], ids=["lists", "objects", "numbers", "lists in lists"])
def test_a_body_of_too_many_values_is_not_read(server: RomanaServer, value: bytes) -> None:
    """Each costs time, however short it is, and meanwhile everybody waits."""
    many = 1024 * 1024 // (1 + value.count(b"["))
    content = b'{"generation": 1, "errors": [' + b",".join([value] * many) + b"]}"
    with server.client() as client:
        answer = client.put("/v1/hosts/a/applied", content=content, headers={"Content-Type": "application/json"})
    assert "has more than 1048576 values" in _refused(answer, httpx.codes.REQUEST_ENTITY_TOO_LARGE)


def test_a_report_whose_lists_are_as_long_as_they_may_be_is_taken(server: RomanaServer) -> None:
    endpoint = {"id": "x" * 36, "status": "active", "detail": None, "route": True, "lease": True, "firewall": True}
    lists = {"endpoints": [endpoint], "routes": ["10.1.0.0/16"], "pairs": [["10.0.1.0", "10.0.1.0"]]}
    errors = {"errors": [{"subject": "dhcp", "message": "no dnsmasq"}]}
    report = {"generation": 1} | {name: one * 65_536 for name, one in (lists | errors).items()}
    with server.client() as client:
        assert client.put("/v1/hosts/b/applied", json=report).status_code == httpx.codes.NO_CONTENT
        client.put("/v1/hosts/b/applied", json={"generation": 1}).raise_for_status()


REPORT = {"generation": 1}
POLICY = {"name": "p", "source": {"tenant": "a"}, "target": {"tenant": "b"}, "protocol": "tcp"}


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/v1/hosts/a/applied", {**REPORT, "pairs": [["x", "y"]] * 300_000}, "body.pairs.0.0: "),
        ("/v1/hosts/a/applied", {**REPORT, "pairs": [["10.0.1.0", "10.0.1.0"]] * 300_000}, "at most 65536 items"),
        ("/v1/hosts/a/applied", {**REPORT, "routes": ["10.1.0.0/16"] * 300_000}, "at most 65536 items"),
        ("/v1/policies", {**POLICY, "ports": ["80"] * 1001}, "at most 1000 items"),
        ("/v1/policies", {**POLICY, "ports": ["x"] * 1000}, "and 950 more"),
    ],
    ids=["wrong pairs", "pairs", "routes", "ports", "wrong ports"],
)
def test_lists_have_an_end(server: RomanaServer, path: str, body: dict[str, object], said: str) -> None:
    """What one token may send does not keep the server from others."""
    with server.client() as client:
        message = _refused(client.request("PUT" if "applied" in path else "POST", path, json=body))
    assert said in message
    assert len(message) < 10_000


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/v1/hosts/a/applied", REPORT, "body: has 300001 keys"),
        ("/v1/tenants", {"name": "x"}, "body: has 50001 keys"),
    ],
    ids=["an agent's report", "usual"],
)
def test_unknown_keys_are_not_told_one_by_one_without_an_end(
    server: RomanaServer, path: str, body: dict[str, object], said: str
) -> None:
    more = 300_000 if "applied" in path else 50_000
    with server.client() as client:
        answer = client.request(
            "PUT" if "applied" in path else "POST", path, json=body | {f"{number:x}": 0 for number in range(more)}
        )
    assert said in _refused(answer)


@pytest.mark.parametrize("key", ["a\nb", "\x00", "\u00e9", "k" * 500_000], ids=lambda key: ascii(key)[:12])
def test_an_unknown_key_is_told_in_a_short_line(server: RomanaServer, key: str) -> None:
    with server.client() as client:
        assert len(_refused(client.post("/v1/tenants", json={"name": "x", key: 1}))) < 1000


def test_a_value_that_is_told_again_leaves_the_message_one_line(server: RomanaServer) -> None:
    with server.client() as client:
        client.post("/v1/tenants", json={"name": "odd", "project_id": "a\nb"}).raise_for_status()
        answer = client.post("/v1/tenants", json={"name": "odd2", "project_id": "a\nb"})
        assert "project a\\nb" in _refused(answer, httpx.codes.CONFLICT)
        client.delete("/v1/tenants/odd").raise_for_status()


@pytest.mark.parametrize(
    "body",
    [
        rb'{"generation": 1, "errors": [{"subject": "dhcp", "message": "\ud800"}]}',
        rb'{"generation": 1, "endpoints": [{"id": "\udfff", "status": "active"}]}',
        rb'{"generation": 1, "\ud800": 1}',
        b'{"generation": NaN}',
        b'{"generation": Infinity}',
        b'\xef\xbb\xbf{"generation": 1}',
        '{"generation": 1}'.encode("utf-16"),
    ],
    ids=["half a pair", "half a pair of an id", "half a pair of a key", "NaN", "Infinity", "mark", "UTF-16"],
)
def test_what_only_python_takes_for_json_is_refused(server: RomanaServer, body: bytes) -> None:
    with server.client() as client:
        answer = client.put("/v1/hosts/a/applied", content=body, headers={"Content-Type": "application/json"})
    assert _refused(answer).startswith("body: not JSON (")


REPORTED = {"id": "x", "status": "active", "route": True, "lease": True, "firewall": True}
PEERS = {"source": {"tenant": "t"}, "target": {"tenant": "t"}}


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("/v1/hosts", {"name": "x", "address": 3221225993}, "body.address"),
        ("/v1/hosts", {"name": "x", "address": True}, "body.address"),
        ("/v1/hosts", {"name": "x", "address": "192.0.2.9", "index": "5"}, "body.index"),
        ("/v1/hosts", {"name": "x", "address": "192.0.2.9", "index": True}, "body.index"),
        ("/v1/endpoints", {**ENDPOINT, "address": 167776259}, "body.address"),
        ("/v1/policies", {"name": "x", **PEERS, "source": {"cidr": 5}}, "body.source.cidr"),
        ("/v1/policies", {"name": "x", **PEERS, "target": {"cidr": True}}, "body.target.cidr"),
        ("/v1/hosts/a/applied", {"generation": "1"}, "body.generation"),
        ("/v1/hosts/a/applied", {"generation": 1, "routes": [5]}, "body.routes.0"),
        ("/v1/hosts/a/applied", {"generation": 1, "pairs": [[1, 2]]}, "body.pairs.0.0"),
        (
            "/v1/hosts/a/applied",
            {"generation": 1, "endpoints": [{**REPORTED, "route": "off"}]},
            "body.endpoints.0.route",
        ),
        ("/v1/hosts/a/applied", {"generation": 1, "endpoints": [{**REPORTED, "lease": 1}]}, "body.endpoints.0.lease"),
    ],
    ids=lambda value: str(value)[-30:],
)
def test_a_value_of_another_type_is_not_taken_for_one(
    server: RomanaServer, path: str, body: dict[str, object], where: str
) -> None:
    """A number is no address: `true` would be 0.0.0.1, and a policy for it would let nobody pass who is meant."""
    with server.client() as client:
        answer = client.request("PUT" if "applied" in path else "POST", path, json=body)
    assert _refused(answer).startswith(f"{where}: ")


BAD_NAMES = [
    "",
    " ",
    "with space",
    "x" * 65,
    "x" * 300,
    "-x",
    "x-",
    "x/y",
    "x\ny",
    "x\n",
    "\u00e9",
    "x\x00",
    "'; DROP TABLE hosts",
]


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: ascii(name)[:20])
def test_a_name_that_cannot_be_is_refused(server: RomanaServer, name: str) -> None:
    peers = {"source": {"tenant": "t"}, "target": {"tenant": "t"}}
    with server.client() as client:
        for path, body in (
            ("/v1/hosts", {"name": name, "address": "192.0.2.9"}),
            ("/v1/tenants", {"name": name}),
            ("/v1/tenants/t/segments", {"name": name}),
            ("/v1/endpoints", {**ENDPOINT, "name": name}),
            ("/v1/policies", {"name": name, **peers}),
        ):
            message = _refused(client.post(path, json=body))
            assert message.startswith("body.name: ")
            assert len(message) < 400


@pytest.mark.parametrize("name", ["with space", "x" * 300, "x\ny", "\u00e9"], ids=lambda name: ascii(name)[:20])
def test_a_name_in_the_path_that_cannot_be_is_refused(server: RomanaServer, name: str) -> None:
    with server.client() as client:
        for start in ("/v1/hosts/", "/v1/tenants/", "/v1/policies/"):
            _refused(client.get(start + httpx.URL("", params={"x": name}).query.decode()[2:].replace("+", "%20")))


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/v1/hosts", {"name": "x"}, "body.address"),
        ("/v1/hosts", {"name": "x", "address": "192.0.2"}, "body.address"),
        ("/v1/hosts", {"name": "x", "address": "fe80::1"}, "body.address"),
        ("/v1/hosts", {"name": "x", "address": "192.0.2.9", "index": -1}, "body.index"),
        ("/v1/hosts", {"name": "x", "address": "192.0.2.9", "index": "two"}, "body.index"),
        ("/v1/hosts", {"name": "x", "address": "192.0.2.9", "index": 10**30}, ""),
        ("/v1/hosts", {"name": "x", "address": "192.0.2.9", "more": 1}, "body.more"),
        ("/v1/hosts", {"name": "x", "address": "10.0.0.9"}, "inside the address plan"),
        ("/v1/tenants", {"name": 5}, "body.name"),
        ("/v1/tenants", {"name": "x", "project_id": "p" * 65}, "body.project_id"),
        ("/v1/endpoints", {}, "body.host"),
        ("/v1/endpoints", {**ENDPOINT, "mac": "01:00:5e:00:00:01"}, "body.mac"),
        ("/v1/endpoints", {**ENDPOINT, "mac": "fa163e000001"}, "body.mac"),
        ("/v1/endpoints", {**ENDPOINT, "interface": "x" * 16}, "body.interface"),
        ("/v1/endpoints", {**ENDPOINT, "interface": "../x"}, "body.interface"),
        ("/v1/endpoints", {**ENDPOINT, "address": "300.0.0.1"}, "body.address"),
        ("/v1/policies", {"name": "x", "source": {}, "target": {"tenant": "t"}}, "give either tenant"),
        ("/v1/policies", {"name": "x", "source": {"cidr": "10.0.0.0/8"}, "target": {"tenant": "t"}}, "overlaps"),
        ("/v1/policies", {"name": "x", "source": {"cidr": "192.0.2.1/24"}, "target": {"tenant": "t"}}, "body.source"),
        (
            "/v1/policies",
            {"name": "x", "source": {"tenant": "t"}, "target": {"tenant": "t"}, "protocol": "gre"},
            "body.protocol",
        ),
        (
            "/v1/policies",
            {"name": "x", "source": {"tenant": "t"}, "target": {"tenant": "t"}, "protocol": "tcp", "ports": ["0"]},
            "port range '0'",
        ),
        (
            "/v1/policies",
            {"name": "x", "source": {"tenant": "t"}, "target": {"tenant": "t"}, "ports": ["80"]},
            "ports need protocol",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_value_that_cannot_be_is_named(server: RomanaServer, path: str, body: dict[str, object], said: str) -> None:
    with server.client() as client:
        assert said in _refused(client.post(path, json=body))


def test_all_findings_come_at_once(server: RomanaServer) -> None:
    with server.client() as client:
        answer = client.post("/v1/endpoints", json={**ENDPOINT, "mac": "x", "interface": "", "more": 1})
    findings = answer.json()["error"]["details"]["findings"]
    assert [one.partition(":")[0] for one in findings] == ["body.mac", "body.interface", "body.more"]


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/v1/hosts/a/state", {"after": "x"}),
        ("/v1/hosts/a/state", {"after": -1}),
        ("/v1/hosts/a/state", {"after": 2**64}),
        ("/v1/hosts/a/state", {"wait": -1}),
        ("/v1/hosts/a/state", {"wait": 61}),
        ("/v1/hosts/a/state", {"wait": "nan"}),
        ("/v1/endpoints", {"address": "x"}),
        ("/v1/endpoints", {"host": "with space"}),
        ("/v1/explain/x", {}),
        ("/v1/explain/192.0.2.1", {}),
        ("/v1/explain/fe80::1", {}),
    ],
)
def test_a_parameter_that_cannot_be_is_refused(server: RomanaServer, path: str, parameters: dict[str, str]) -> None:
    with server.client() as client:
        _refused(client.get(path, params=parameters))


@pytest.mark.parametrize(
    "headers",
    [
        {"Idempotency-Key": ""},
        {"Idempotency-Key": "x" * 256},
        {"Idempotency-Key": b"\xe9\xff"},
    ],
    ids=lambda headers: str(headers)[:40],
)
def test_an_idempotency_key_that_cannot_be_is_refused(server: RomanaServer, headers: dict[str, str | bytes]) -> None:
    with server.client() as client:
        _refused(client.post("/v1/endpoints", json=ENDPOINT, headers=headers))  # type: ignore[arg-type]


@pytest.mark.parametrize("generation", ["x", "-1", '"', "9" * 30, "1, 2", "*"])
def test_an_if_match_that_is_no_generation_is_refused(server: RomanaServer, generation: str) -> None:
    with server.client() as client:
        _refused(client.delete("/v1/hosts/b", headers={"If-Match": generation}))


def test_what_is_nowhere_is_not_found_and_other_methods_are_not_allowed(server: RomanaServer) -> None:
    with server.client() as client:
        assert "there is nothing at /v1/nothing" in _refused(client.get("/v1/nothing"), httpx.codes.NOT_FOUND)
        for path, methods in (("/v1/hosts", "GET, POST"), ("/v1/hosts/a", "DELETE, GET, PATCH"), ("/docs", "GET")):
            answer = client.put(path, json={})
            _refused(answer, httpx.codes.METHOD_NOT_ALLOWED)
            assert answer.headers["Allow"] == methods
