"""What the modules need of romana-server's API, with nothing but Ansible's own HTTP client."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode

from ansible.module_utils.urls import ConnectionError as TlsError
from ansible.module_utils.urls import open_url

from .difference import Difference, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible.module_utils.basic import AnsibleModule

ARGUMENTS: dict[str, dict[str, Any]] = {
    "api_url": {"type": "str", "required": True},
    "api_token": {"type": "str", "required": True, "no_log": True},
    "api_ca_path": {"type": "path"},
    "api_timeout": {"type": "int", "default": 10},
}
STATE = {"type": "str", "choices": ["present", "absent"], "default": "present"}
NAME = {"type": "str", "required": True}


class ApiError(RefusedError):
    """romana-server refused; `status` is the HTTP status, 0 where there was no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Request:
    """One change to ask for. `what` completes the sentence "cannot ..."; `fallback` is asked for when it fails."""

    what: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    fallback: Request | None = None


def path(*parts: str) -> str:
    """Where a resource is below /v1, with names quoted: "hosts", "a b" give "/hosts/a%20b"."""
    return "".join("/" + quote(part, safe="") for part in parts)


class Api:
    """Asks romana-server, as the parameters of `ARGUMENTS` say."""

    def __init__(self, params: dict[str, Any]) -> None:
        """Raises RefusedError for a URL or file that can't be one."""
        self._url = params["api_url"].rstrip("/")
        self._token = params["api_token"]
        self._ca_path = params["api_ca_path"]
        self._timeout = params["api_timeout"]
        if not self._url.startswith(("https://", "http://")):
            raise RefusedError(f"api_url {self._url!r} is no URL; write it like https://controller:9600")
        if self._ca_path is not None and not Path(self._ca_path).is_file():
            raise RefusedError(
                f"api_ca_path {self._ca_path!r} is no file on this machine; copy the server's ca.pem there"
            )

    def get(self, what: str, *parts: str, **query: str | None) -> Any:
        """What there is at the path; filters that are None don't count. Raises ApiError: "cannot <what>: ..."."""
        asked = urlencode({key: value for key, value in query.items() if value is not None})
        return self.ask(Request(what, "GET", path(*parts) + ("?" + asked if asked else "")))

    def find(self, what: str, *parts: str) -> Any:
        """What there is at the path, or None when there is nothing. Raises ApiError: "cannot <what>: ..."."""
        try:
            return self.get(what, *parts)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def ask(self, request: Request) -> Any:
        """The answer's JSON, None when it has no body. Raises ApiError: "cannot <what>: ..."."""
        try:
            return self._send(request)
        except HTTPError as error:
            message = f"cannot {request.what}: {_message(error)}"
            raise ApiError(message, error.code) from error
        except (OSError, HTTPException, TlsError) as error:
            reason = error.reason if isinstance(error, URLError) else error
            reason = getattr(reason, "strerror", None) or reason
            message = f"cannot {request.what}: romana-server at {self._url} does not answer: {reason}"
            raise ApiError(message) from error
        except ValueError as error:
            message = f"cannot {request.what}: what answers at {self._url} is not romana-server; correct api_url"
            raise ApiError(message) from error

    def _send(self, request: Request) -> Any:
        with open_url(
            f"{self._url}/v1{request.path}",
            method=request.method,
            data=None if request.body is None else json.dumps(request.body),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
            ca_path=self._ca_path,
            timeout=self._timeout,
            # The token goes to the server that was named, past no proxy, redirect or .netrc.
            use_proxy=False,
            follow_redirects="none",
            use_netrc=False,
        ) as answer:
            text = answer.read()
        return json.loads(text) if text else None


def _message(error: HTTPError) -> str:
    """The API's own message, or the status for an answer that isn't the API's."""
    try:
        return str(json.loads(error.read())["error"]["message"])
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return f"the server answers {error.code} {error.reason}; is api_url that of romana-server?"


def run(
    module: AnsibleModule,
    key: str,
    read: Callable[[Api], Any],
    difference: Callable[[dict[str, Any]], Difference[Request]],
) -> None:
    """Read, work out the difference, apply it unless in check mode, and end the module; `key` names the thing."""
    try:
        api = Api(module.params)
        current = read(api) or {}
        found = difference(current)
        if found.steps and not module.check_mode:
            for step in found.steps:
                _apply(api, step)
            # Numbers and prefixes are given out by the server.
            current = read(api) or {}
        elif found.steps:
            current = {**current, **found.after} if found.after else {}
    except RefusedError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**found.result(), **{key: current})


def _apply(api: Api, step: Request) -> None:
    try:
        api.ask(step)
    except ApiError:
        if step.fallback:
            api.ask(step.fallback)
        raise


def list_or_one(api: Api, collection: str, name: str | None) -> list[Any]:
    """Every resource of the collection, or only the named one; empty when there is none. Raises ApiError."""
    if name is None:
        return list(api.get(f"list the {collection}", collection))
    found = api.find(f"read {collection} {name}", collection, name)
    return [] if found is None else [found]


def run_info(module: AnsibleModule, key: str, read: Callable[[Api], list[Any]]) -> None:
    """Read, and end the module; `key` names the list."""
    try:
        found = read(Api(module.params))
    except RefusedError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **{key: found})
