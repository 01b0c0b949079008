"""Instances of a verification: booted through the API, looked at from inside, and removed again."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from romana.client import Client
from romana_install.stack import Stack
from romana_install.verify.cloud import Cloud, CloudError
from romana_install.verify.findings import Findings
from romana_install.verify.report import REACHABLE, UNREACHABLE, Cell

PREFIX = "romana-verify-"
PROJECT, SEGMENTS = "demo", ("s1", "s2")
BOOT_WITHIN = 240.0  # seconds until an instance runs and its guest is ready; without hardware virtualization
GONE_WITHIN = 60.0
LOOK = 0.5  # seconds between two looks: Nova tells nobody outside
MARKERS = ("metadata ok", "ready")  # what the guest says on its console, after its name
LEASE = "lease "


@dataclass(frozen=True)
class Place:
    """Where an instance shall be, and its name."""

    host: str
    segment: str

    @property
    def name(self) -> str:
        """Unique within a verification."""
        return f"{PREFIX}{self.segment}-{self.host}"


@dataclass(frozen=True)
class Instance:
    """One that runs."""

    place: Place
    id: str
    address: str


def places(hosts: Sequence[str]) -> list[Place]:
    """One segment on two hosts (twice on one, if there is no other), another one on the first. Pure."""
    first, second = hosts[0], hosts[1 % len(hosts)]
    wanted = [Place(first, SEGMENTS[0]), Place(second, SEGMENTS[0]), Place(first, SEGMENTS[1])]
    return list(dict.fromkeys(wanted))


def hops(trace: str) -> list[str]:
    """Who answered, by hop, in what busybox's `traceroute -n` prints. Pure."""
    return [line.split()[1] for line in trace.splitlines() if line.strip()[:1].isdigit()]


def missing_markers(console: str) -> list[str]:
    """What a guest that is well says on its console and this one does not. Pure."""
    said = [line.partition("romana-guest: ")[2].strip() for line in console.splitlines() if "romana-guest: " in line]
    wanted = [marker for marker in MARKERS if marker not in said]
    return wanted if any(line.startswith(LEASE) for line in said) else [*wanted, LEASE.strip()]


def row(source: Place, targets: Sequence[Place], answers: Sequence[str]) -> list[Cell]:
    """One instance's part of the matrix. Pure.

    answers: for each target the exit codes of ping and of TCP, in that order; fewer of them when nobody could ask.
    """
    asked = [(target, protocol) for target in targets for protocol in ("icmp", "tcp")]
    told = [*answers, *[None] * (len(asked) - len(answers))]
    cells = []
    for (target, protocol), answer in zip(asked, told, strict=True):
        expected = REACHABLE if source.segment == target.segment else UNREACHABLE
        observed = "not asked, as ssh into it fails" if answer is None else REACHABLE if answer == "0" else UNREACHABLE
        cells.append(Cell(source.name, target.name, protocol, expected, observed))
    return cells


class Trial:
    """The instances of one verification."""

    def __init__(self, stack: Stack, cloud: Cloud, client: Client, findings: Findings) -> None:
        self._stack = stack
        self._cloud = cloud
        self._client = client
        self._findings = findings

    def run(self, hosts: Sequence[str]) -> None:
        """Boot, look, remove; what is found is in the findings. Raises CloudError."""
        self.remove()
        instances: list[Instance] = []
        ports: set[str] = set()
        try:
            instances = self._boot(places(hosts))
            ports = self._ports(instances)
            if instances:
                self._check_addresses(instances)
                self._look(instances)
        finally:
            self.remove()
            self._check_removed(instances, ports)

    def remove(self) -> None:
        """Delete this verification's instances, and what a killed one left. Raises CloudError."""
        ours = self._ours()
        for one in ours:
            self._cloud.delete("compute", f"/servers/{one['id']}")
        for one in ours:
            _wait(partial(self._is_gone, one["id"]), GONE_WITHIN)

    def _ours(self) -> list[dict[str, Any]]:
        found = self._cloud.get("compute", "/servers/detail")["servers"]
        return [one for one in found if one["name"].startswith(PREFIX)]

    def _ports(self, instances: Sequence[Instance]) -> set[str]:
        ids = {one.id for one in instances}
        found = self._cloud.get("network", "/v2.0/ports")["ports"]
        return {str(one["id"]) for one in found if one["device_id"] in ids}

    def _boot(self, wanted: Sequence[Place]) -> list[Instance]:
        begun = time.monotonic()
        (image,) = self._cloud.get("image", "/v2/images?name=tiny")["images"]
        (network,) = self._cloud.get("network", "/v2.0/networks?name=romana")["networks"]
        flavors = self._cloud.get("compute", "/flavors")["flavors"]
        flavor = next(one for one in flavors if one["name"] == "tiny")
        ids = {}
        for place in wanted:
            body = {
                "name": place.name,
                "imageRef": image["id"],
                "flavorRef": flavor["id"],
                "networks": [{"uuid": network["id"]}],
                "key_name": "demo",
                "host": place.host,
                "metadata": {"romanaSegment": place.segment},
            }
            ids[place] = self._cloud.post("compute", "/servers", {"server": body})["server"]["id"]
        for identifier in ids.values():
            _wait(partial(self._is_settled, identifier), BOOT_WITHIN)
        shown = {place: self._server(identifier) for place, identifier in ids.items()}
        problems = [
            f"{place.name} is {one['status']}: {one.get('fault', {}).get('message', 'no fault told')};"
            f" see: journalctl -u nova-compute on {place.host}"
            for place, one in shown.items()
            if one["status"] != "ACTIVE"
        ]
        self._findings.note("instances", problems, f"{len(shown)} ACTIVE after {time.monotonic() - begun:.1f} s")
        return [
            Instance(place, one["id"], next(iter(one["addresses"].values()))[0]["addr"])
            for place, one in shown.items()
            if one["status"] == "ACTIVE"
        ]

    def _server(self, identifier: str) -> dict[str, Any]:
        found = self._cloud.get("compute", f"/servers/{identifier}")
        return dict(found["server"]) if found else {"id": identifier, "status": "gone"}

    def _is_gone(self, identifier: str) -> bool:
        return self._cloud.get("compute", f"/servers/{identifier}") is None

    def _is_settled(self, identifier: str) -> bool:
        return self._server(identifier)["status"] in ("ACTIVE", "ERROR", "gone")

    def _is_well(self, instance: Instance) -> bool:
        return not missing_markers(self._console(instance))

    def _console(self, instance: Instance) -> str:
        path = f"/servers/{instance.id}/action"
        return str(self._cloud.post("compute", path, {"os-getConsoleOutput": {}})["output"])

    def _check_addresses(self, instances: Sequence[Instance]) -> None:
        """Whether each address says where its instance is, and whose it is."""
        plan = self._client.plan().address_plan()
        hosts = {one.name: one.index for one in self._client.hosts()}
        tenant = next((one for one in self._client.tenants() if one.name == PROJECT), None)
        numbers = {one.name: one.number for one in self._client.segments(PROJECT)} if tenant else {}
        wrong = []
        for one in instances:
            seen = plan.locate(one.address)
            wanted = (hosts.get(one.place.host), tenant and tenant.number, numbers.get(one.place.segment))
            if (seen.host, seen.tenant, seen.segment) != wanted:
                wrong.append(f"{one.place.name} has {one.address}; see: romana explain {one.address}")
        self._findings.note("addresses", wrong, "host, tenant and segment are in each")

    def _look(self, instances: Sequence[Instance]) -> None:
        begun = time.monotonic()
        for one in instances:
            _wait(partial(self._is_well, one), BOOT_WITHIN)
        silent = [
            f"{one.place.name} does not say {', '.join(missing)}; see: openstack console log show {one.place.name}"
            for one in instances
            if (missing := missing_markers(self._console(one)))
        ]
        seconds = time.monotonic() - begun
        self._findings.note("serial console, DHCP, metadata", silent, f"guests are ready after {seconds:.1f} s")
        with ThreadPoolExecutor(len(instances)) as pool:
            rows = list(pool.map(lambda one: self._row(one, instances), instances))
        self._findings.matrix([cell for row in rows for cell in row], 0)
        self._trace(instances)

    def _row(self, source: Instance, instances: Sequence[Instance]) -> list[Cell]:
        """What one instance reaches, by ICMP and TCP."""
        targets = [one for one in instances if one != source]
        questions = [
            question
            for one in targets
            for question in (
                f"ping -c 1 -W 2 {one.address} >/dev/null 2>&1",
                f"wget -T 2 -q -O /dev/null http://{one.address}/ 2>/dev/null",
            )
        ]
        answers = self._inside(source, "; ".join(f"{question}; echo $?" for question in questions)).split()
        return row(source.place, [one.place for one in targets], answers)

    def _trace(self, instances: Sequence[Instance]) -> None:
        """From the first to its segment's on the other host: its gateway, a hop that does not answer, the target."""
        source, plan = instances[0], self._client.plan().address_plan()
        peers = [one for one in instances[1:] if one.place.segment == source.place.segment]
        for target in peers:
            seen = hops(self._inside(source, f"traceroute -n -q 1 -w 1 -m 5 {target.address}"))
            gateway = str(plan.gateway(plan.locate(source.address).host))
            between = ["*"] if target.place.host != source.place.host else []
            wanted = [gateway, *between, target.address]
            wrong = [f"{source.place.name} to {target.place.name} goes by {' '.join(seen)}, not {' '.join(wanted)}"]
            self._findings.note("traceroute", wrong if seen != wanted else [], " ".join(wanted))

    def _inside(self, instance: Instance, command: str) -> str:
        """What a command prints inside an instance, over ssh by its node; empty when that does not work."""
        way = shlex.join(self._stack.ssh_command(instance.place.host, "busybox", "nc", instance.address, "22"))
        options = (
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "BatchMode=yes",
            "ConnectTimeout=10",
            f"ProxyCommand={way}",
        )
        words = [word for option in options for word in ("-o", option)]
        ssh = ["ssh", "-q", *words, "-i", str(self._stack.demo_key), f"root@{instance.address}", command]
        return subprocess.run(ssh, capture_output=True, text=True, check=False).stdout

    def _check_removed(self, instances: Sequence[Instance], ports: set[str]) -> None:
        """Only of what was made here: others use the cloud meanwhile."""

        def left() -> list[str]:
            return [
                *(f"instance {one['name']}" for one in self._ours()),
                *(f"port {one}" for one in self._ports(instances)),
                *(f"endpoint {one.id} ({one.interface})" for one in self._client.endpoints() if one.name in ports),
            ]

        _wait(lambda: not left(), GONE_WITHIN)
        good = f"{len(instances)} instances and {len(ports)} ports and endpoints are gone"
        self._findings.note("deletion", [f"{name} is still there" for name in left()], good)


def look_at_services(cloud: Cloud, findings: Findings) -> list[str]:
    """Whether compute services are up; returns the hosts of those that are. Raises CloudError."""
    services = cloud.get("compute", "/os-services?binary=nova-compute")["services"]
    down = [
        f"nova-compute on {one['host']} is down; see: journalctl -u nova-compute there"
        for one in services
        if one["state"] != "up"
    ]
    up = sorted(one["host"] for one in services if one["state"] == "up" and one["status"] == "enabled")
    findings.note("compute services", down or ([] if up else ["there is none"]), f"up on {', '.join(up)}")
    return up


def look_at_apis(cloud: Cloud, findings: Findings) -> None:
    """A round trip through Neutron's API, without booting anything. Raises CloudError."""
    (network,) = cloud.get("network", "/v2.0/networks?name=romana")["networks"]
    port = cloud.post("network", "/v2.0/ports", {"port": {"network_id": network["id"], "name": f"{PREFIX}port"}})[
        "port"
    ]
    cloud.delete("network", f"/v2.0/ports/{port['id']}")
    images = cloud.get("image", "/v2/images?name=tiny")["images"]
    findings.note("APIs", [] if images else ["the image tiny is missing; run ./romana-setup again"], "a port was made")


def _wait(look: Callable[[], bool], seconds: float) -> None:
    """Until it is so, or the time is over: what is missing then is found by whoever looks next."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if look():
                return
        except CloudError:
            pass  # a console that is not there yet, a service that starts again
        time.sleep(LOOK)
