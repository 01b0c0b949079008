"""The cloud of a stack, as its users see it: OpenStack's APIs with the credentials in the stack's clouds.yaml."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from keystoneauth1 import exceptions
from keystoneauth1.adapter import Adapter
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

NOVA = "2.96"  # microversion: hosts can be asked for, migrations need no confirmation of a host
BOOT_WITHIN = 600.0  # seconds; some seconds when the machine is idle
# Seconds between two looks at an instance, as Nova tells nobody outside: the first, and the longest. Each is work of
# several services, on the processors on which the instance is to boot.
LOOK, LONGEST_LOOK = 0.5, 3.0
TASK = "OS-EXT-STS:task_state"
READY = "romana-guest: ready"
BLANK = "blank"  # an image with nothing on it: its instances are Nova's and Neutron's work alone, and no guest boots


@dataclass(frozen=True)
class Server:
    """An instance: as Nova shows it."""

    shown: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.shown["id"])

    @property
    def name(self) -> str:
        return str(self.shown["name"])

    @property
    def status(self) -> str:
        return str(self.shown["status"])

    @property
    def host(self) -> str:
        return str(self.shown["OS-EXT-SRV-ATTR:host"])

    @property
    def addresses(self) -> list[str]:
        return [one["addr"] for network in self.shown["addresses"].values() for one in network]

    @property
    def address(self) -> str:
        """That of its first card."""
        return self.addresses[0]

    @property
    def fault(self) -> str:
        return str(self.shown.get("fault", {}).get("message", ""))


def account(directory: Path, name: str) -> dict[str, str]:
    """How the user of a cloud in clouds.yaml logs in."""
    auth: dict[str, str] = yaml.safe_load((directory / "clouds.yaml").read_text())["clouds"][name]["auth"]
    return auth


class Cloud:
    """One user in one project."""

    def __init__(self, directory: Path, name: str, project: str | None = None) -> None:
        self._directory = directory
        auth = account(directory, name) | ({"project_name": project} if project else {})
        self._session = Session(v3.Password(**auth))
        self.nova = Adapter(self._session, service_type="compute", default_microversion=NOVA)
        self.neutron = Adapter(self._session, service_type="network", endpoint_override=self._neutron_url())
        self.glance = Adapter(self._session, service_type="image")
        self.keystone = Adapter(self._session, service_type="identity", version="3")

    def _neutron_url(self) -> str:
        return f"{self._session.get_endpoint(service_type='network')}/v2.0"

    @property
    def project(self) -> str:
        return str(self._session.get_project_id())

    def join(self, project: str) -> None:
        """Give this user, an administrator, the role admin in another project."""
        to = self._id(self.keystone, f"/projects?name={project}", "projects")
        role = self._id(self.keystone, "/roles?name=admin", "roles")
        self.keystone.put(f"/projects/{to}/users/{self._session.get_user_id()}/roles/{role}")

    def url(self, service: str) -> str:
        """Where the catalogue says that an API is."""
        return str(self._session.get_endpoint(service_type=service))

    # --- instances

    def boot(
        self, name: str, host: str | None = None, segment: str | None = None, image: str = "tiny", **more: Any
    ) -> str:
        """Ask for an instance; returns its id."""
        body = {
            "name": name,
            "imageRef": self._id(self.glance, f"/v2/images?name={image}", "images"),
            "flavorRef": self.flavor("tiny"),
            "networks": [{"uuid": self.network()}],
            "key_name": "demo",
        }
        body |= {"host": host} if host else {}
        body |= {"metadata": {"romanaSegment": segment}} if segment else {}
        return str(self.nova.post("/servers", json={"server": body | more}).json()["server"]["id"])

    def server(self, identifier: str) -> Server:
        return Server(self.nova.get(f"/servers/{identifier}").json()["server"])

    def servers(self) -> list[Server]:
        return [Server(one) for one in self.nova.get("/servers/detail").json()["servers"]]

    def act(self, identifier: str, action: str, value: Any = None) -> None:
        self.nova.post(f"/servers/{identifier}/action", json={action: value})

    def settled(self, identifiers: Iterable[str], *statuses: str) -> list[Server]:
        """The instances once all of them are in one of the statuses (ACTIVE or ERROR, if none is given)."""
        wanted = statuses or ("ACTIVE", "ERROR")
        identifiers = list(identifiers)

        def look() -> bool:
            idle = {one.id for one in self.servers() if one.status in wanted and not one.shown[TASK]}
            return idle.issuperset(identifiers)

        wait_for(look, f"instances are {' or '.join(wanted)}")
        return [self.server(one) for one in identifiers]  # the list lacks the reasons of those that found no host

    def active(self, *identifiers: str) -> list[Server]:
        """The instances once all of them run; a fault is shown."""
        servers = self.settled(identifiers)
        assert [(one.name, one.fault) for one in servers if one.status != "ACTIVE"] == []
        return servers

    def console(self, identifier: str) -> str:
        answer = self.nova.post(f"/servers/{identifier}/action", json={"os-getConsoleOutput": {}})
        return str(answer.json()["output"])

    def ready(self, *identifiers: str, times: int = 1) -> None:
        """Wait until the guests say that they are, for the so manieth time."""
        for one in identifiers:
            wait_for(lambda one=one: self.console(one).count(READY) >= times, f"guest {one} is ready")

    def delete(self, *identifiers: str) -> None:
        """Delete instances and wait until they are gone."""
        for one in identifiers:
            self.nova.delete(f"/servers/{one}")
        wait_for(lambda: not {one.id for one in self.servers()} & set(identifiers), "instances are gone")

    def run(self, server: Server, command: str, key: Path | None = None, code: int = 0) -> str:
        """Run a command inside an instance, over ssh through its node."""
        config = self._directory / "ssh_config"
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes"]
        done = subprocess.run(
            [
                "ssh",
                *(word for option in options for word in ("-o", option)),
                *("-o", f"ProxyCommand=ssh -F {config} -W %h:%p {server.host}"),
                *("-i", str(key or self._directory / "ssh" / "demo"), f"root@{server.address}", command),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{server.name}: {command}: exit {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def add_image(self, name: str, content: bytes, **properties: str) -> str:
        """Give everybody an image, a raw disk; returns its id."""
        body = {"name": name, "disk_format": "raw", "container_format": "bare", "visibility": "public"} | properties
        image = str(self.glance.post("/v2/images", json=body).json()["id"])
        self.glance.put(f"/v2/images/{image}/file", data=content, headers={"Content-Type": "application/octet-stream"})
        return image

    # --- networks

    def network(self, name: str = "romana") -> str:
        return self._id(self.neutron, f"/networks?name={name}", "networks")

    def make_network(self, name: str) -> str:
        """Make a network of the project's own, with a subnet of the default pool; returns its id."""
        network = self.neutron.post("/networks", json={"network": {"name": name}}).json()["network"]
        subnet = {"network_id": network["id"], "ip_version": 4, "use_default_subnetpool": True}
        self.neutron.post("/subnets", json={"subnet": subnet})
        return str(network["id"])

    def port(self, **body: Any) -> dict[str, Any]:
        """Make a port on the network romana."""
        answer = self.neutron.post("/ports", json={"port": {"network_id": self.network(), **body}})
        made: dict[str, Any] = answer.json()["port"]
        return made

    def ports(self, instance: str = "") -> list[dict[str, Any]]:
        """All ports, or those of an instance."""
        query = f"?device_id={instance}" if instance else ""
        found: list[dict[str, Any]] = self.neutron.get(f"/ports{query}").json()["ports"]
        return found

    def flavor(self, name: str) -> str:
        """The id of a flavor."""
        flavors = self.nova.get("/flavors").json()["flavors"]
        return next(str(one["id"]) for one in flavors if one["name"] == name)

    @staticmethod
    def _id(adapter: Adapter, path: str, key: str) -> str:
        (one,) = adapter.get(path).json()[key]
        return str(one["id"])


def wait_for(look: Any, what: str, deadline: float = BOOT_WITHIN) -> Any:
    """The first true result of `look`. A service that is being started again answers with errors for a while."""
    end = time.monotonic() + deadline
    pause = LOOK
    while True:
        try:
            if result := look():
                return result
            last = ""
        except (exceptions.ConnectFailure, exceptions.HttpServerError, exceptions.Conflict, exceptions.NotFound) as e:
            last = f": {e}"
        assert time.monotonic() < end, f"not within {deadline} s: {what}{last}"
        time.sleep(pause)
        pause = min(pause * 1.3, LONGEST_LOOK)
