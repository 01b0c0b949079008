"""Instances of a verification: booted by users through the API, looked at from inside, and removed again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from romana.client import Client
from romana_install.state.stack import Stack
from romana_install.verify.cloud import Cloud, CloudError
from romana_install.verify.findings import Findings
from romana_install.verify.group_trial import GroupTrial
from romana_install.verify.guests import ECHOES, Instance, answers, hops, inside, missing_markers, questions, row
from romana_install.verify.outside_trial import OutsideTrial

PREFIX = "romana-verify-"
BOOT_WITHIN = 600.0  # seconds until an instance runs and its guest is ready; without hardware virtualization
FAULT_WITHIN = 10.0
GONE_WITHIN = 180.0
LOOK = 0.5  # seconds between two looks: Nova tells nobody outside
# Seconds to which that grows: each look is work of several services, on the processors that instances are to boot on.
LONGEST_LOOK = 2.0


@dataclass(frozen=True)
class Wanted:
    """Instances to be booted by one request, on different hosts if there are as many.

    network: its name; group: the name of their security group, if it is not the default one.
    """

    project: str
    segment: str
    count: int = 1
    network: str = "romana"
    group: str = ""

    @property
    def name(self) -> str:
        """Unique within a verification. Nova appends a number, where there are several."""
        return f"{PREFIX}{self.project}-{self.segment.removeprefix(PREFIX)}"


def all_wanted(own: Wanted | None) -> list[Wanted]:
    """One segment on two hosts, another of its project, and the first one's namesake in another project. Pure.

    own: for the other segment of the project, where that is a network of its own.
    """
    return [Wanted("demo", "s1", 2), own or Wanted("demo", "s2"), Wanted("admin", "s1")]


class Trial:
    """The instances of one verification."""

    def __init__(self, stack: Stack, clouds: Mapping[str, Cloud], client: Client, findings: Findings) -> None:
        """clouds: by project, each with a user of it."""
        self._stack = stack
        self._clouds = clouds
        self._client = client
        self._findings = findings
        self._groups = GroupTrial(clouds["demo"], f"{PREFIX}group", self._reaches, findings)
        self._outside = OutsideTrial(stack, clouds["demo"], f"{PREFIX}own", client, findings)

    def run(self, hosts: int) -> None:
        """Boot, look, remove; what is found is in the findings.

        hosts: how many there are for instances.

        Raises:
            CloudError: the cloud refuses what is asked of it.
            ClientError: romana-server does.
        """
        self.remove()
        instances: list[Instance] = []
        try:
            own = self._own_network()
            instances = self._boot(all_wanted(own), self._group() if hosts > 1 else None)
            if instances:
                self._check_addresses(instances)
                self._look(instances)
            for one in instances:
                if own and one.scope == (own.project, own.segment):
                    self._outside.run(one)
        finally:
            self._check_removed(instances)

    def remove(self) -> None:
        """Delete this verification's instances, and what a killed one left. Raises CloudError."""
        ours = self._servers()
        for project, server in ours:
            self._clouds[project].delete("compute", f"/servers/{server['id']}")
        names = {server["name"] for _, server in ours}
        _wait(lambda: names.isdisjoint(self._names()), GONE_WITHIN)
        for cloud in self._clouds.values():
            for group in cloud.list("compute", "/os-server-groups", "server_groups"):
                if group["name"].startswith(PREFIX):
                    cloud.delete("compute", f"/os-server-groups/{group['id']}")
        self._groups.remove()
        self._outside.remove()

    def _own_network(self) -> Wanted | None:
        """An instance on a network that leads outside; None where nothing does."""
        segment = self._outside.prepare("demo")
        return Wanted("demo", segment, network=self._outside.name, group=self._outside.name) if segment else None

    def _servers(self) -> list[tuple[str, dict[str, Any]]]:
        """Of this verification, or of one that was killed: project, and what Nova shows."""
        return [
            (project, server)
            for project, cloud in self._clouds.items()
            for server in cloud.list("compute", "/servers/detail", "servers")
            if server["name"].startswith(PREFIX)
        ]

    def _names(self, status: str = "") -> list[str]:
        """Theirs, of all or of those in a state: what Nova can say without asking Neutron each time, as for details."""
        query = f"?status={status}" if status else ""
        listed = (
            server for cloud in self._clouds.values() for server in cloud.list("compute", f"/servers{query}", "servers")
        )
        return [server["name"] for server in listed if server["name"].startswith(PREFIX)]

    def _not_active(self, those: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        """What Nova shows of each such instance by itself: its list lacks the reasons of those that found no host."""

        def ask() -> list[dict[str, Any]]:
            answers = [
                self._clouds[project].get("compute", f"/servers/{one['id']}")
                for project, one in those
                if one["status"] != "ACTIVE"
            ]
            return [answer["server"] for answer in answers if answer]  # but those that somebody has deleted meanwhile

        # Nova tells why something failed a moment after that it did.
        _wait(lambda: all("fault" in one or one["status"] != "ERROR" for one in ask()), FAULT_WITHIN)
        return ask()

    def _group(self) -> str:
        """Of instances that shall be on different hosts."""
        body = {"server_group": {"name": f"{PREFIX}apart", "policies": ["anti-affinity"]}}
        return str(self._clouds["demo"].post("compute", "/os-server-groups", body)["server_group"]["id"])

    def _boot(self, those: Sequence[Wanted], group: str | None) -> list[Instance]:
        begun = time.monotonic()
        for wanted in those:
            self._create(wanted, group if wanted.count > 1 else None)
        _wait(lambda: not self._names("BUILD"), BOOT_WITHIN)
        seconds = time.monotonic() - begun
        shown = self._servers()
        problems = [
            f"{one['name']} is {one['status']}: {one.get('fault', {}).get('message', 'no reason is told').strip()};"
            " see: journalctl -u nova-conductor on the controller, nova-compute on the others"
            for one in self._not_active(shown)
        ]
        missing = sum(wanted.count for wanted in those) - len(shown)
        problems += [f"{missing} are not there any more"] if missing else []
        self._findings.note("instances", problems, f"{len(shown)} ACTIVE after {seconds:.1f} s")
        return [self._instance(project, one) for project, one in shown if one["status"] == "ACTIVE"]

    def _create(self, wanted: Wanted, group: str | None) -> None:
        cloud = self._clouds[wanted.project]
        server = {
            "name": wanted.name,
            "imageRef": cloud.named("image", "/v2/images", "tiny"),
            "flavorRef": cloud.named("compute", "/flavors", "tiny"),
            "networks": [{"uuid": cloud.named("network", "/v2.0/networks", wanted.network)}],
            **({"security_groups": [{"name": wanted.group}]} if wanted.group else {}),
            "key_name": "demo",
            "metadata": {"romanaSegment": wanted.segment},
            "min_count": wanted.count,
        }
        body = {"server": server, "os:scheduler_hints": {"group": group} if group else {}}
        cloud.post("compute", "/servers", body)

    def _instance(self, project: str, shown: dict[str, Any]) -> Instance:
        address = str(next(iter(shown["addresses"].values()))[0]["addr"])
        host = self._client.plan().address_plan().locate(address).host
        node = next((one.name for one in self._stack.nodes if one.index == host), "")
        return Instance(shown["name"], shown["id"], project, shown["metadata"]["romanaSegment"], address, node)

    def _check_addresses(self, instances: Sequence[Instance]) -> None:
        """Whether romana-server gave each address to whom it says, and where it says."""
        wrong = []
        endpoints = {str(one.address): one for one in self._client.endpoints()}
        for one in instances:
            found = endpoints.get(one.address)
            if found is None or (found.host, found.tenant, found.segment) != (one.node, *one.scope):
                given = f"{found.tenant}/{found.segment} on {found.host}" if found else "nobody"
                wrong.append(f"{one.name} has {one.address}, which romana-server gave to {given}")
        self._findings.note("addresses", wrong, "host, project and segment are in each")

    def _look(self, instances: Sequence[Instance]) -> None:
        begun = time.monotonic()
        for one in instances:
            _wait(partial(self._is_well, one), BOOT_WITHIN)
        silent = [
            f"{one.name} does not say {', '.join(missing)}; see: openstack console log show {one.name}"
            for one in instances
            if (missing := missing_markers(self._console(one)))
        ]
        seconds = time.monotonic() - begun
        self._findings.note("serial console, DHCP, metadata", silent, f"guests are ready after {seconds:.1f} s")
        with ThreadPoolExecutor(len(instances)) as pool:
            rows = list(pool.map(partial(self._row, instances), instances))
        self._findings.matrix([cell for row in rows for cell in row], 0)
        pair = [one for one in instances if one.scope == ("demo", "s1")]
        if len(pair) > 1:
            self._trace(*pair)
            self._spoof(*pair)
            self._groups.run(*pair)

    def _is_well(self, instance: Instance) -> bool:
        return not missing_markers(self._console(instance))

    def _console(self, instance: Instance) -> str:
        path = f"/servers/{instance.id}/action"
        return str(self._clouds[instance.project].post("compute", path, {"os-getConsoleOutput": {}})["output"])

    def _row(self, instances: Sequence[Instance], source: Instance) -> list[Any]:
        targets = [one for one in instances if one != source]
        return row(source, targets, answers(inside(self._stack, source, questions(targets))))

    def _trace(self, source: Instance, target: Instance) -> None:
        """From one host to the other: the gateway, a hop that does not answer, the target."""
        plan = self._client.plan().address_plan()
        gateway = str(plan.gateway(plan.locate(source.address).host))
        wanted = [gateway, *(["*"] if target.node != source.node else []), target.address]
        for wait in (1, 3):  # seconds; with more patience before silence is a fault
            seen = hops(inside(self._stack, source, f"traceroute -n -q 1 -w {wait} -m 5 {target.address}"))
            if seen == wanted:
                break
        wrong = [f"{source.name} to {target.name} goes by {' '.join(seen)}, not {' '.join(wanted)}"]
        self._findings.note("traceroute", wrong if seen != wanted else [], " ".join(wanted))

    def _reaches(self, source: Instance, target: Instance) -> bool:
        said = inside(self._stack, source, f"ping -c 1 -W 1 {target.address} >/dev/null 2>&1; echo $?")
        return said.strip() == "0"

    def _spoof(self, source: Instance, target: Instance) -> None:
        """A packet from an address that is not the instance's own, but of its segment, must not arrive."""
        plan = self._client.plan().address_plan()
        own = plan.locate(source.address)
        false = plan.address(own.host, own.tenant, own.segment, plan.endpoints[-1])
        command = (
            f"ping -c 1 -W 2 {target.address} >/dev/null; ip address add {false}/32 dev eth0;"
            f" ping -c 2 -W 1 -I {false} {target.address} >/dev/null; ip address del {false}/32 dev eth0"
        )
        before = inside(self._stack, target, ECHOES).strip()
        inside(self._stack, source, command)
        after = inside(self._stack, target, ECHOES).strip()
        if not before.isdigit() or not after.isdigit():
            wrong = [f"{target.name} cannot be asked over ssh"]
        elif (arrived := int(after) - int(before)) != 1:
            wrong = [f"{arrived} of one true and two false pings arrived; see: nft list ruleset on {source.node}"]
        else:
            wrong = []
        self._findings.note("spoofing", wrong, "a false source address is dropped")

    def _check_removed(self, instances: Sequence[Instance]) -> None:
        """Only of what was made here: others use the cloud meanwhile."""
        try:
            self.remove()
        except CloudError as error:
            self._findings.note("deletion", [str(error)], "")
            return
        addresses = {one.address for one in instances}

        def left() -> list[str]:
            return [
                *(f"instance {name}" for name in self._names()),
                *(f"address {one.address}" for one in self._client.endpoints() if str(one.address) in addresses),
            ]

        _wait(lambda: not left(), GONE_WITHIN)
        good = f"{len(instances)} instances and their addresses are gone"
        self._findings.note("deletion", [f"{name} is still there" for name in left()], good)
        self._findings.note("ipam after it", self._client.ipam_check().findings, "the store is consistent")


def _wait(look: Callable[[], bool], seconds: float) -> None:
    """Until it is so, or the time is over: what is missing then is found by whoever looks next."""
    end = time.monotonic() + seconds
    pause = LOOK
    while time.monotonic() < end:
        try:
            if look():
                return
        except CloudError:
            pass  # a console that is not there yet, a service that starts again
        time.sleep(pause)
        pause = min(pause * 1.3, LONGEST_LOOK)
