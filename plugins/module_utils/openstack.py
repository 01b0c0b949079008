"""OpenStack's APIs as plain JSON, through the library that its own clients authenticate with."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import quote

from ansible.module_utils.basic import missing_required_lib

try:
    import requests
    from keystoneauth1 import exceptions
    from keystoneauth1.identity import v3
    from keystoneauth1.session import Session
except ImportError:
    exceptions = None  # type: ignore[assignment] # Cloud says what is missing

from .difference import Difference, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ansible.module_utils.basic import AnsibleModule

AUTH = {
    "type": "dict",
    "required": True,
    "options": {
        "auth_url": {"type": "str", "required": True},
        "username": {"type": "str", "required": True},
        "password": {"type": "str", "required": True, "no_log": True},
        "project_name": {"type": "str", "required": True},
        "user_domain_name": {"type": "str", "default": "Default"},
        "project_domain_name": {"type": "str", "default": "Default"},
    },
}
# Placement has none in its address.
VERSIONS = {"compute": "v2.1", "identity": "v3", "image": "v2", "network": "v2.0", "placement": ""}
AT_ONCE = 8  # requests; the services have a few processes each
PATIENCE = 120  # seconds for an answer; an image has to be stored first

_VERSIONED = re.compile(r"(.*?)(?:/v[0-9]+(?:[.][0-9]+)?(/[0-9a-f]{32})?)?")

Input = TypeVar("Input")
Output = TypeVar("Output")
Found = TypeVar("Found")


class AbsentError(RefusedError):
    """What would answer is not there, as before the first installation."""


class Ref(NamedTuple):
    """Stands for the id of a thing that may not be made yet."""

    kind: str
    name: str


@dataclass(frozen=True)
class Step:
    """One change to ask a service for. `what` completes the sentence "cannot ..."; later stages need earlier ones.

    `path` and `body` may hold references; the thing it makes, if any, is known as `makes` from then on. `data` is sent
    instead of `body`: the content of a file, or bytes.
    """

    stage: int
    what: str
    service: str
    method: str
    path: tuple[str | Ref, ...]
    body: Any = None
    makes: Ref | None = None
    data: Path | bytes | None = None
    content_type: str = field(default="application/json", kw_only=True)


def resolve(value: Any, ids: dict[Ref, str]) -> Any:
    """The value with ids in place of references."""
    if isinstance(value, Ref):
        return ids[value]
    if isinstance(value, dict):
        return {key: resolve(each, ids) for key, each in value.items()}
    return [resolve(each, ids) for each in value] if isinstance(value, (list, tuple)) else value


def versioned(url: str, version: str) -> str:
    """Where a service's API of this version is, whether or not its address in the catalogue ends with one.

    That of Nova's old releases has the project's id after it.
    """
    match = _VERSIONED.fullmatch(url.rstrip("/"))
    assert match is not None  # it takes every text
    base, project = match.groups(default="")
    return f"{base}/{version}".rstrip("/") + project


def at_once(function: Callable[[Input], Output], items: Iterable[Input]) -> list[Output]:
    """The function's results, in the order of the items. Raises what the function raises."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(function, items))


class Cloud:
    """An authenticated user of the cloud."""

    def __init__(self, auth: dict[str, str]) -> None:
        """Raises RefusedError for a user that may not in."""
        if exceptions is None:
            raise AbsentError(missing_required_lib("keystoneauth1 (python3-keystoneauth1)"))
        self._auth_url = versioned(auth["auth_url"], VERSIONS["identity"])
        connections = requests.Session()
        connections.trust_env = False  # no proxy of the node's environment stands between its services
        given: dict[str, Any] = {**auth, "auth_url": self._auth_url}
        password = v3.Password(**given)
        self.session = Session(password, session=connections, timeout=PATIENCE)
        # Before threads ask for it, each for itself.
        self.project_id = self._explained(f"log in as {auth['username']}", self.session.get_project_id)

    def list(self, what: str, service: str, path: str, key: str) -> list[dict[str, Any]]:
        """The things at the path. Raises RefusedError: "cannot <what>: ..."."""
        return list(self.get(what, service, path)[key])

    def offers(self, service: str) -> bool:
        """Whether the catalogue has a service. Raises RefusedError."""

        def ask() -> bool:
            try:
                return self.session.get_endpoint(service_type=service) is not None
            except exceptions.EndpointNotFound:
                return False

        return bool(self._explained("read the catalogue", ask))

    def get(self, what: str, service: str, path: str) -> dict[str, Any]:
        """The thing at the path. Raises RefusedError: "cannot <what>: ..."."""
        return dict(self._explained(what, lambda: self.session.get(self._url(service) + path)).json())

    def accepts(self, user: str, password: str) -> bool:
        """Whether a user of the default domain has this password. Raises RefusedError."""
        identity = {"user": {"name": user, "domain": {"id": "default"}, "password": password}}
        body = {"auth": {"identity": {"methods": ["password"], "password": identity}, "scope": "unscoped"}}
        url = f"{self._auth_url}/auth/tokens"
        answer = self._explained(
            f"look whether user {user} has its password",
            # The logs of the library would name it.
            lambda: self.session.post(url, json=body, authenticated=False, log=False, raise_exc=False),
        )
        if answer.status_code not in (201, 401):
            raise RefusedError(f"cannot look whether user {user} has its password: Keystone says {answer.status_code}")
        return bool(answer.status_code == 201)

    def apply(self, steps: Iterable[Step], ids: dict[Ref, str]) -> None:
        """Do the steps, those of a stage at once; `ids` comes to know what they make. Raises RefusedError."""
        remaining = list(steps)
        for stage in sorted({step.stage for step in remaining}):
            todo = [step for step in remaining if step.stage == stage]
            for step, made in zip(todo, at_once(lambda step: self._do(step, ids), todo), strict=True):
                if step.makes:
                    ids[step.makes] = made["id"] if "id" in made else next(iter(made.values()))["id"]

    def _do(self, step: Step, ids: dict[Ref, str]) -> Any:
        url = self._url(step.service) + "".join("/" + quote(part, safe="") for part in resolve(step.path, ids))
        if isinstance(step.data, Path):
            with step.data.open("rb") as file:
                return self._send(step, url, data=file)
        if step.data is not None:
            return self._send(step, url, data=step.data)
        return self._send(step, url, json=resolve(step.body, ids))

    def _send(self, step: Step, url: str, **content: Any) -> Any:
        # Not logged: some bodies hold passwords.
        answer = self._explained(
            step.what,
            lambda: self.session.request(
                url, step.method, headers={"Content-Type": step.content_type}, log=False, **content
            ),
        )
        return answer.json() if step.makes else None

    def _url(self, service: str) -> str:
        if service == "identity":  # it is there before it is in its own catalogue
            return self._auth_url
        endpoint = self._explained(
            f"find the {service} service", lambda: self.session.get_endpoint(service_type=service)
        )
        if endpoint is None:
            raise AbsentError(f"cannot find the {service} service: Keystone's catalogue has none; install it first")
        return versioned(endpoint, VERSIONS[service])

    def _explained(self, what: str, ask: Callable[[], Any]) -> Any:
        """What `ask` returns. Raises RefusedError: "cannot <what>: ..."."""
        try:
            return ask()
        except exceptions.ConnectFailure as error:
            # What follows the address are the names of the library's classes.
            reason = str(error).split(": ")[0]
            raise AbsentError(f"cannot {what}: {reason}; is the service running?") from error
        except exceptions.Unauthorized as error:
            raise RefusedError(f"cannot {what}: Keystone refuses the user or its password; correct auth") from error
        except (exceptions.ClientException, OSError) as error:
            raise RefusedError(f"cannot {what}: {error}") from error


def work(
    module: AnsibleModule,
    look: Callable[[Cloud], Found],
    nothing: Found,
    difference: Callable[[Found], Difference[Step]],
    ids: dict[Ref, str],
) -> Difference[Step]:
    """Look what there is, and make what differs unless in check mode, to which an absent service has `nothing`.

    `ids` comes to know what is made. What is refused ends the module.
    """
    try:
        try:
            cloud = Cloud(module.params["auth"])
            found = look(cloud)
        except AbsentError:
            if not module.check_mode:
                raise
            found = nothing
        todo = difference(found)
        if not module.check_mode:
            cloud.apply(todo.steps, ids)
    except RefusedError as error:
        module.fail_json(msg=str(error))
    return todo


def finish(module: AnsibleModule, found: Difference[Step], **more: Any) -> None:
    """Say what was done, or in check mode would be."""
    module.exit_json(**found.result(), changes=[step.what for step in found.steps], **more)
