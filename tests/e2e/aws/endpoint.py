"""AWS for the tests: moto, with every call written down, and calls that fail or stop where a test says so.

usage: endpoint.py PORT DIRECTORY

DIRECTORY/calls has a line of JSON for each call: the access key, region, service, action, parameters and status; the
tags that each resource had that its parameters name, by id; and the account's own key for volumes, if it has one.
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

import moto_elastic
from moto.ec2 import ec2_backends
from moto.ec2.models.instances import StateReason
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, run_simple

CREDENTIAL = re.compile(r"Credential=([^/]+)/[^/]+/([^/]+)/([^/]+)/")
RESOURCE = re.compile(r"[a-z]+-[0-9a-f]{8,17}")
INTERFACE = re.compile(r"TagSpecification\.\d+\.ResourceType=network-interface")
ERROR = (
    "<Response><Errors><Error><Code>{}</Code><Message>{}</Message></Error></Errors>"
    "<RequestID>test</RequestID></Response>"
)

# What moto does not have.
DEFAULT_KEY = (
    '<GetEbsDefaultKmsKeyIdResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>test</requestId>'
    "<kmsKeyId>{}</kmsKeyId></GetEbsDefaultKmsKeyIdResponse>"
)
AWS_OWN_KEY = "alias/aws/ebs"

REGION = "eu-west-1"
ACCOUNT = "123456789012"
DRY_RUN = {"code": "DryRunOperation", "message": "Request would have succeeded, but DryRun flag is set."}


class Recorder:
    """moto, and between it and its callers whoever writes down and interferes."""

    def __init__(self, directory: Path) -> None:
        moto_elastic.install()
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.directory = directory
        self.number = 0
        self.seen: dict[int, int] = {}
        self.lock = threading.Lock()
        self.elastic = threading.RLock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        action, parameters, is_json = asked(environ, body)
        if not action:
            return self.moto(environ, start_response)
        tags, key = known(parameters), ec2_backends[ACCOUNT][REGION].default_kms_key_id
        rule = self.rule(action, dry=parameters.get("DryRun") == "true")
        status = ""

        def note_status(line: str, headers: Any, *more: Any) -> Any:
            nonlocal status
            status = line
            return start_response(line, headers, *more)

        if rule.get("code") or parameters.get("DryRun") == "true":
            failure = rule if rule.get("code") else DRY_RUN  # moto carries many of them out
            error = {"__type": failure["code"], "message": failure["message"]}
            text = json.dumps(error) if is_json else ERROR.format(failure["code"], failure["message"])
            answer = written(text, "412 Refused", note_status)
        elif action == "GetEbsDefaultKmsKeyId":
            answer = written(DEFAULT_KEY.format(key or AWS_OWN_KEY), "200 OK", note_status)
        else:
            with self.elastic:
                before = moto_elastic.Before(ec2_backends[ACCOUNT][REGION], action, parameters)
                answer = list(self.moto(environ, note_status))
                if status.startswith("2"):
                    before.restore()
        signed = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        call = {
            "key": signed and signed[1],
            "region": signed and signed[2],
            "service": signed and signed[3],
            "action": action,
            "parameters": parameters,
            "status": int(status[:3]),
            "tags": tags,
            "key_of_volumes": key,
        }
        with self.lock, (self.directory / "calls").open("a") as calls:
            calls.write(json.dumps(call) + "\n")
        if action == "RunInstances":
            complete(answer, parameters)
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


def asked(environ: dict[str, Any], body: bytes) -> tuple[str, dict[str, Any], bool]:
    """The action of a call and its parameters, and whether they are JSON. No action: the call is none of AWS's."""
    if target := environ.get("HTTP_X_AMZ_TARGET", ""):
        return target.rpartition(".")[2], json.loads(body or b"{}"), True
    parameters = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    return parameters.pop("Action", ""), parameters, False


def known(parameters: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The tags of each resource that parameters name."""
    backend = ec2_backends[ACCOUNT][REGION]
    named = {value for value in parameters.values() if isinstance(value, str) and RESOURCE.fullmatch(value)}
    # An association is no resource: it is of an elastic IP.
    of_association = {each.association_id: each.allocation_id for each in backend.addresses}
    named = {of_association.get(name, name) for name in named}
    pair = backend.key_pairs.get(parameters.get("KeyName", ""))
    return {name: dict(backend.tags.get(name, {})) for name in sorted({*named, *([pair.id] if pair else [])})}


def written(text: str, status: str, start_response: Any) -> list[bytes]:
    """A text as the answer."""
    data = text.encode()
    start_response(status, [("Content-Type", "text/xml"), ("Content-Length", str(len(data)))])
    return [data]


def launched(answer: list[bytes]) -> list[Any]:
    """The instances that an answer of RunInstances is about; none where it is a refusal."""
    names = re.findall(rb"<instanceId>(i-[0-9a-f]+)</instanceId>", b"".join(answer))
    return [ec2_backends[ACCOUNT][REGION].get_instance(name.decode()) for name in names]


def complete(answer: list[bytes], parameters: dict[str, str]) -> None:
    """Do at a launch what EC2 does and moto does not: an interface's tags, and its groups as the instance's."""
    of_interface = [name for name, value in parameters.items() if INTERFACE.fullmatch(f"{name}={value}")]
    prefixes = tuple(name.replace("ResourceType", "Tag.") for name in of_interface)
    names = [name for name in parameters if name.startswith(prefixes) and name.endswith(".Key")]
    tags = {parameters[name]: parameters[f"{name.removesuffix('Key')}Value"] for name in names}
    for instance in launched(answer):
        card = instance.nics[0]
        instance.security_groups = card.group_set
        ec2_backends[ACCOUNT][REGION].create_tags([card.id], tags)


def end(answer: list[bytes], reason: dict[str, str]) -> None:
    """End the instances that an answer of RunInstances is about, as EC2 does that takes an order first."""
    for instance in launched(answer):
        instance.terminate()
        instance.state_reason = StateReason(reason["message"], reason["code"])


class Quiet(WSGIRequestHandler):
    """Says nothing of each request."""

    def log_request(self, *_: object) -> None:
        """What is to be known is in `calls`."""


if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), Recorder(Path(sys.argv[2])), threaded=True, request_handler=Quiet)
