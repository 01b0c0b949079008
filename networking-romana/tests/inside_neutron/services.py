"""Keystone and Nova, as much of them as the drivers ask: over HTTP, with Keystone's own shape of a token.

A process of its own, as Neutron's tests patch the standard library for eventlet. What it knows lies in a directory:
services.json, {"projects": {id: name}, "metadata": {instance: {}}, "token": bool}; `asked` has the paths it was asked.
"""

import atexit
import copy
import json
import pathlib
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from keystoneauth1 import fixture

KNOWN = "services.json"
ASKED = "asked"


class Services:
    """The process, seen from a test. It ends with the tests."""

    def __init__(self, directory):
        self._directory = pathlib.Path(directory)
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(directory)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        atexit.register(self._end)
        self.url = self._process.stdout.readline().strip()

    def reset(self):
        """Know nothing, and have a token for everybody."""
        self.put_back({"projects": {}, "metadata": {}, "token": True})

    def copy(self):
        """What is known, for `put_back`."""
        return copy.deepcopy(self._known)

    def put_back(self, known):
        """Know what was known then, and have been asked nothing."""
        self._known = copy.deepcopy(known)
        self._save()
        (self._directory / ASKED).write_text("")

    def add_project(self, identifier, name):
        self._known["projects"][identifier] = name
        self._save()

    def remove_project(self, identifier):
        del self._known["projects"][identifier]
        self._save()

    def set_metadata(self, instance, **metadata):
        self._known["metadata"][instance] = metadata
        self._save()

    def give_no_token(self):
        self._known["token"] = False
        self._save()

    @property
    def asked(self):
        return (self._directory / ASKED).read_text().split()

    def _save(self):
        (self._directory / KNOWN).write_text(json.dumps(self._known))

    def _end(self):
        self._process.terminate()
        self._process.wait()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        with (self.server.directory / ASKED).open("a") as asked:
            asked.write(self.path + "\n")
        content = self._answer(*self.path.removeprefix("/own").split("/")[2:])
        self._send(200 if content is not None else 404, content or {}, {})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/os-server-external-events"):
            self._send(200, {"events": []}, {})  # what Neutron tells Nova of by itself
        elif self._known()["token"]:
            self._send(201, self._token(), {"X-Subject-Token": "a-token"})
        else:
            self._send(401, {"error": {"message": "wrong password"}}, {})

    def _answer(self, kind=None, identifier=None, part=None):
        """The JSON of a GET of /<version>/<kind>/<identifier>/<part>; None: there is no such thing."""
        known = self._known()
        if kind is None:
            return {"version": fixture.V3Discovery(self.server.url + "/v3")}
        if kind == "projects" and identifier in known["projects"]:
            return {"project": {"id": identifier, "name": known["projects"][identifier]}}
        if kind == "servers" and part == "metadata" and identifier in known["metadata"]:
            return {"metadata": known["metadata"][identifier]}
        return None

    def _known(self):
        return json.loads((self.server.directory / KNOWN).read_text())

    def _token(self):
        token = fixture.V3Token()
        token.set_project_scope()
        for kind, path in (("identity", "/v3"), ("compute", "/v2.1")):
            token.add_service(kind).add_standard_endpoints(public=self.server.url + path, region="RegionOne")
        return token

    def _send(self, status, content, headers):
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": len(body)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Quiet."""


def main(directory):
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.directory = pathlib.Path(directory)
    server.url = "http://127.0.0.1:{}".format(server.server_port)
    print(server.url, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
