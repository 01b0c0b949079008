"""What the drivers and romana-server have agreed on, and what is said when it is otherwise."""

from __future__ import absolute_import

import os
import socket
import threading
import unittest
from contextlib import closing

import pytest
import requests

from networking_romana.client import RomanaClient
from networking_romana.contract import ConfigError
from networking_romana.errors import RomanaRefused, RomanaUnavailable

from .server import HOST, environment, token_file


def listening():
    """A socket that takes connections, for a `with`."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    return closing(server)


def started(target, *arguments):
    """A thread that is at work, and does not keep the tests from ending."""
    thread = threading.Thread(target=target, args=arguments)
    thread.daemon = True
    thread.start()
    return thread


class TestClient(unittest.TestCase):
    def setUp(self):
        self.client = self.make_client()
        self.addCleanup(self._forget)

    def _forget(self):
        for endpoint in self.client.endpoints():
            self.client.delete_endpoint(endpoint["id"])
        for tenant in self.client.tenants():
            self.client.delete_tenant(tenant["name"])

    def make_client(self, **values):
        known = {
            "url": environment("URL"),
            "ca_file": environment("CA_FILE"),
            "token_file": token_file("neutron"),
            "timeout": 10,
        }
        return RomanaClient(**dict(known, **values))

    def make_endpoint(self, key="k"):
        self.client.create_tenant("blue", "p1")
        self.client.create_segment("blue", "default")
        wanted = {"host": HOST, "tenant": "blue", "segment": "default", "mac": "02:00:00:00:00:01", "interface": "tap0"}
        return self.client.create_endpoint(wanted, key)

    def unavailable(self, client):
        with pytest.raises(RomanaUnavailable) as caught:
            client.plan()
        return str(caught.value)

    def test_plan_has_a_cidr(self):
        assert self.client.plan()["cidr"] == "10.0.0.0/8"

    def test_tenants_are_found_by_their_project(self):
        self.client.create_tenant("blue", "p1")
        self.client.create_tenant("red", "p2")
        assert [one["name"] for one in self.client.tenants(project_id="p2")] == ["red"]
        assert self.client.tenants(project_id="p3") == []

    def test_tenant_is_made_once(self):
        first = self.client.create_tenant("blue", "p1")
        assert self.client.create_tenant("blue", "p1")["number"] == first["number"]
        with pytest.raises(RomanaRefused, match="exists with other values"):
            self.client.create_tenant("blue", "p2")

    def test_segment_is_found_by_its_network_and_may_be_deleted_twice(self):
        self.client.create_tenant("blue", "p1")
        self.client.create_segment("blue", "default")
        made = self.client.create_segment("blue", "net0", "n1")
        assert self.client.create_segment("blue", "net0", "n1") == made
        assert self.client.all_segments(network_id="n1") == [made]
        assert [one["network_id"] for one in self.client.all_segments()] == [None, "n1"]
        self.client.delete_segment("blue", "net0", made["generation"])
        self.client.delete_segment("blue", "net0", made["generation"])
        assert self.client.all_segments(network_id="n1") == []

    def test_endpoint_is_made_once_for_a_key(self):
        assert self.make_endpoint()["id"] == self.make_endpoint()["id"]
        assert len(self.client.endpoints(host=HOST)) == 1

    def test_endpoint_may_be_deleted_twice(self):
        endpoint = self.make_endpoint()
        self.client.delete_endpoint(endpoint["id"])
        self.client.delete_endpoint(endpoint["id"])
        assert self.client.endpoints() == []

    def test_changed_mac_makes_an_endpoint_pending(self):
        endpoint = self.client.update_endpoint(self.make_endpoint()["id"], {"mac": "02:00:00:00:00:02"})
        assert (endpoint["mac"], endpoint["status"]) == ("02:00:00:00:00:02", "pending")

    def test_explain_names_whose_an_address_is(self):
        endpoint = self.make_endpoint()
        place = self.client.explain(endpoint["address"])
        assert (place["host"], place["tenant"], place["segment"]) == (HOST, "blue", "default")
        assert place["endpoint"]["id"] == endpoint["id"]

    def test_all_statuses_and_then_none_newer(self):
        endpoint = self.make_endpoint()
        everything = self.client.statuses()
        assert [one["id"] for one in everything["endpoints"]] == [endpoint["id"]]
        keys = {"id", "name", "host", "address", "interface", "status", "detail"}
        assert keys <= set(everything["endpoints"][0])
        assert self.client.statuses(everything["generation"], 0) is None

    def test_refusal_has_code_and_reason(self):
        with pytest.raises(RomanaRefused) as caught:
            self.client.delete_tenant("blue is no name")
        assert caught.value.code == "invalid_request"
        assert "name" in str(caught.value)

    def test_server_that_is_not_there(self):
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            url = "https://127.0.0.1:{}".format(probe.getsockname()[1])
            said = self.unavailable(self.make_client(url=url))
        assert said.startswith("no answer from romana-server at {}: ".format(url))
        assert "refused" in said

    def test_server_that_is_not_there_by_requests_of_liberty(self):
        """Which has some of its exceptions in their own module only."""
        beside = vars(requests).pop("ConnectTimeout", requests.exceptions.ConnectTimeout)
        self.addCleanup(setattr, requests, "ConnectTimeout", beside)
        self.test_server_that_is_not_there()

    def test_server_that_does_not_answer(self):
        with listening() as silent:
            url = "https://127.0.0.1:{}".format(silent.getsockname()[1])
            assert "then timed out" in self.unavailable(self.make_client(url=url, timeout=0.3))

    def test_server_of_another_authority(self):
        said = self.unavailable(self.make_client(ca_file=environment("OTHER_CA_FILE")))
        assert said.endswith("ca_file must be the controller's /etc/romana/ca.pem")

    def test_server_of_another_name(self):
        """The same address spelled otherwise, which needs nobody to tell what a name means."""
        said = self.unavailable(self.make_client(url=environment("URL").replace("127.0.0.1", "127.1")))
        assert "match" in said

    def test_authority_that_is_missing(self):
        assert "/nowhere/ca.pem" in self.unavailable(self.make_client(ca_file="/nowhere/ca.pem"))

    def test_token_that_is_missing(self):
        said = self.unavailable(self.make_client(token_file="/nowhere/token"))  # noqa: S106 - a path
        assert "/nowhere/token" in said

    def with_token(self, text):
        path = os.path.join(environment("TOKENS"), "other.token")
        with open(path, "w") as file:
            file.write(text)
        return path

    def test_token_that_is_unknown(self):
        path = self.with_token("unknown")
        said = self.unavailable(self.make_client(token_file=path))
        assert said.startswith("romana-server: the token is not known")
        assert said.endswith("; put a valid token into " + path)

    def test_token_that_is_none_is_not_shown(self):
        said = self.unavailable(self.make_client(token_file=self.with_token("two\nlines")))
        assert said.startswith("the token is empty or has characters a token never has")

    def test_token_does_not_travel_in_clear(self):
        assert "in clear" in self.unavailable(self.make_client(url="http://192.0.2.1:9600", timeout=0.3))

    def test_name_that_would_lead_elsewhere_is_refused(self):
        self.client.create_tenant("blue", "p1")
        self.client.create_segment("blue", "default")
        with pytest.raises(ConfigError):
            self.client.delete_tenant("blue/segments/default")
        assert [one["name"] for one in self.client.segments("blue")] == ["default"]

    def test_request_is_sent_again_when_its_connection_is_closed_without_an_answer(self):
        """As a server does that is restarted."""
        with listening() as server:
            serving = started(self._answer_the_second, server)
            url = "http://127.0.0.1:{}".format(server.getsockname()[1])
            assert self.make_client(url=url).plan() == {"cidr": "10.0.0.0/8"}
            serving.join()

    def _answer_the_second(self, server):
        with closing(server.accept()[0]) as first:
            first.recv(65536)
        with closing(server.accept()[0]) as second:
            second.recv(65536)
            body = b'{"cidr": "10.0.0.0/8"}'
            second.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def test_answer_that_is_none(self):
        with listening() as server:
            url = "http://127.0.0.1:{}".format(server.getsockname()[1])
            serving = started(self._answer_nonsense, server, "200 OK", "hello")
            assert "(HTTP 200, and no JSON)" in self.unavailable(self.make_client(url=url))
            serving.join()

    def test_answer_that_leads_elsewhere_is_none(self):
        with listening() as server:
            url = "http://127.0.0.1:{}".format(server.getsockname()[1])
            serving = started(self._answer_nonsense, server, "302 Found", '{"cidr": "10.0.0.0/8"}')
            assert "(HTTP 302)" in self.unavailable(self.make_client(url=url))
            serving.join()

    def _answer_nonsense(self, server, status, body):
        with closing(server.accept()[0]) as first:
            first.recv(65536)
            answer = "HTTP/1.1 {}\r\nContent-Length: {}\r\n\r\n{}".format(status, len(body), body)
            first.sendall(answer.encode("ascii"))
