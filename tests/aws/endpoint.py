"""AWS for the tests: moto, with every call written down, and calls that fail or stop where a test says so.

usage: endpoint.py PORT DIRECTORY

DIRECTORY/calls has a line of JSON for each call: the access key, service, action, parameters and status.
DIRECTORY/rules.json, read anew for each call, has a list of `rules` and its `number`; with another number all are as
unused. The first rule that is about a call's action and not used up decides on it:
  {"action": ..., "skip": calls let through before, "times": calls it decides on,
   "code": ..., "message": ...}   the call fails
  {"action": ..., "skip": ..., "times": 1, "stop": true}   the call is carried out and never answered
  {"action": "RunInstances", "skip": ..., "end": {"code": ..., "message": ...}}   what is launched ends, for this reason
"""

from __future__ import annotations

import io
import json
import re
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from moto.ec2 import ec2_backends
from moto.ec2.models.instances import StateReason
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, run_simple

CREDENTIAL = re.compile(r"Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/")
ERROR = (
    "<Response><Errors><Error><Code>{}</Code><Message>{}</Message></Error></Errors>"
    "<RequestID>test</RequestID></Response>"
)

REGION = "eu-west-1"
DRY_RUN = {"code": "DryRunOperation", "message": "Request would have succeeded, but DryRun flag is set."}


class Recorder:
    """moto, and between it and its callers whoever writes down and interferes."""

    def __init__(self, directory: Path) -> None:
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.directory = directory
        self.number = 0
        self.seen: dict[int, int] = {}
        self.lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        parameters = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        action = parameters.pop("Action", "")
        if not action:
            return self.moto(environ, start_response)
        rule = self.rule(action, dry=parameters.get("DryRun") == "true")
        status = ""

        def note_status(line: str, headers: Any, *more: Any) -> Any:
            nonlocal status
            status = line
            return start_response(line, headers, *more)

        if rule.get("code") or parameters.get("DryRun") == "true":
            failure = rule if rule.get("code") else DRY_RUN  # moto carries many of them out
            text = ERROR.format(failure["code"], failure["message"]).encode()
            note_status("412 Refused", [("Content-Type", "text/xml"), ("Content-Length", str(len(text)))])
            answer = [text]
        else:
            answer = list(self.moto(environ, note_status))
        signed = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        call = {
            "key": signed and signed[1],
            "service": signed and signed[2],
            "action": action,
            "parameters": parameters,
            "status": int(status[:3]),
        }
        with self.lock, (self.directory / "calls").open("a") as calls:
            calls.write(json.dumps(call) + "\n")
        if rule.get("end"):
            end(answer, rule["end"])
        if rule.get("stop"):
            (self.directory / "stopped").touch()
            threading.Event().wait()
        return answer

    def rule(self, action: str, dry: bool) -> dict[str, Any]:
        """The rule that decides on this call; empty when none does. None stops a call that would change nothing."""
        try:
            given = json.loads((self.directory / "rules.json").read_text())
        except FileNotFoundError:
            return {}
        with self.lock:
            if given["number"] != self.number:
                self.number, self.seen = given["number"], {}
            for place, rule in enumerate(given["rules"]):
                if rule["action"] == action and not (dry and rule.get("stop")):
                    seen = self.seen[place] = self.seen.get(place, 0) + 1
                    if rule.get("skip", 0) < seen <= rule.get("skip", 0) + rule.get("times", 1_000_000):
                        return dict(rule)
        return {}


def end(answer: list[bytes], reason: dict[str, str]) -> None:
    """End the instances that an answer of RunInstances is about, as EC2 does that takes an order first."""
    backend = ec2_backends["123456789012"][REGION]
    for name in re.findall(rb"<instanceId>(i-[0-9a-f]+)</instanceId>", b"".join(answer)):
        instance = backend.get_instance(name.decode())
        instance.terminate()
        instance.state_reason = StateReason(reason["message"], reason["code"])


class Quiet(WSGIRequestHandler):
    """Says nothing of each request."""

    def log_request(self, *_: object) -> None:
        """What is to be known is in `calls`."""


if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), Recorder(Path(sys.argv[2])), threaded=True, request_handler=Quiet)
