"""What the modules need of romana-server's API, with nothing but Ansible's own HTTP client."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode

from ansible.module_utils.urls import ConnectionError as TlsError
from ansible.module_utils.urls import open_url

from .contract import NOT_FOUND, ApiError, Caller, ClientError, check_token, path
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


@dataclass(frozen=True)
class Request:
    """One change to ask for. `what` completes the sentence "cannot ..."; `fallback` is asked for when it fails."""

    what: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    fallback: Request | None = None


class Api:
    """Asks romana-server, as the parameters of `ARGUMENTS` say."""

    def __init__(self, params: dict[str, Any]) -> None:
        """Raises ConfigError for a URL, token or file that can't be one."""
        self._caller = Caller(params["api_url"], "api_token", "admin", "api_url", "api_ca_path")
        self._ca_path = params["api_ca_path"]
        self._timeout = params["api_timeout"]
        self._token = check_token(params["api_token"])
        self._caller.check_url()
        self._caller.trust(self._ca_path)

    def get(self, what: str, route: str, *names: str, **query: str | None) -> Any:
        """What there is at the route; filters that are None don't count. Raises RefusedError: "cannot <what>: ..."."""
        asked = urlencode({key: value for key, value in query.items() if value is not None})
        return self.ask(Request(what, "GET", path(route, *names) + ("?" + asked if asked else "")))

    def find(self, what: str, route: str, *names: str) -> Any:
        """What there is at the route, or None when there is nothing. Raises RefusedError: "cannot <what>: ..."."""
        try:
            return self.get(what, route, *names)
        except RefusedError as error:
            if isinstance(error.__cause__, ApiError) and error.__cause__.code == NOT_FOUND:
                return None
            raise

    def ask(self, request: Request) -> Any:
        """The answer's JSON, None when it has no body. Raises RefusedError: "cannot <what>: ..."."""
        try:
            return self._caller.read(*self._send(request))
        except ClientError as error:
            raise RefusedError(f"cannot {request.what}: {error}") from error

    def _send(self, request: Request) -> tuple[int, bytes]:
        try:
            with self._open(request) as answer:
                return answer.code, answer.read()
        except (OSError, HTTPException, TlsError) as error:
            raise self._caller.no_answer(error, not isinstance(error, URLError)) from error

    def _open(self, request: Request) -> Any:
        try:
            return open_url(
                self._caller.url + request.path,
                method=request.method,
                data=None if request.body is None else json.dumps(request.body),
                headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
                ca_path=self._ca_path,
                timeout=self._timeout,
                # The token goes to the server that was named, past no proxy, redirect or .netrc.
                use_proxy=False,
                follow_redirects="none",
                use_netrc=False,
            )
        except HTTPError as answer:
            return answer


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
    except (RefusedError, ClientError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**found.result(), **{key: current})


def _apply(api: Api, step: Request) -> None:
    try:
        api.ask(step)
    except RefusedError:
        if step.fallback:
            api.ask(step.fallback)
        raise


def list_or_one(api: Api, what: str, routes: tuple[str, str], name: str | None) -> list[Any]:
    """Every resource, or only the named one, by the first or second route; empty for none. Raises RefusedError."""
    if name is None:
        return list(api.get(f"list the {what}", routes[0]))
    found = api.find(f"read {what} {name}", routes[1], name)
    return [] if found is None else [found]


def run_info(module: AnsibleModule, key: str, read: Callable[[Api], list[Any]]) -> None:
    """Read, and end the module; `key` names the list."""
    try:
        found = read(Api(module.params))
    except (RefusedError, ClientError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **{key: found})
