"""The target aws."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Any, ClassVar, Self

from romana_install.base.errors import UsageError
from romana_install.base.findings import Finding, PreflightError
from romana_install.base.invocation import command
from romana_install.base.machine import MachineNetwork
from romana_install.config.options import Options
from romana_install.config.read import Draft
from romana_install.config.settings import Config
from romana_install.state import ssh
from romana_install.state.stack import ADDRESSES_FILE, Node, Stack, StackError
from romana_install.targets.aws import checks, network
from romana_install.targets.aws.account import Account, usual_region
from romana_install.targets.machines import FIRST_NODE, Machines
from romana_install.targets.target import Aspect, Intent

if TYPE_CHECKING:
    from romana.client import Client

ELASTIC_FILE = "elastic_ips.json"  # in a stack's directory: the elastic IP of each address that has one


@dataclass(frozen=True)
class Aws(Machines):
    """Instances of EC2, each reached at the public address that EC2 gives it.

    So their own network is held against the address plan only.

    region: empty where none is known; zones: those that were asked for; account: the number of the one it is in, empty
    before AWS has said it; zone: the one that was chosen where none was asked for; put: key and value of each of
    aws_tags that any run may have put somewhere, for those that are to go some day.
    """

    region: str = ""
    profile: str = ""
    zones: list[str] = field(default_factory=list)
    account: str = ""
    zone: str = ""
    put: list[list[str]] = field(default_factory=list)

    name: ClassVar[str] = "aws"
    default_engine: ClassVar[str] = "devstack"
    network_key: ClassVar[str] = "aws_network"
    floating_key: ClassVar[str] = "aws_floating_ips"
    by_tunnel: ClassVar[bool] = True
    ready: ClassVar[str] = ", and so is AWS"

    @classmethod
    def asked(cls, _options: Options, config: Config, existing: Stack | None) -> Self:
        """As configured, else where it was made, else where boto3 would look."""
        made = existing.target if existing is not None and isinstance(existing.target, cls) else cls()
        profile = config.aws_profile or made.profile
        region = config.region or made.region or usual_region(profile, os.environ)
        return cls(region, profile, config.aws_availability_zones, made.account, made.zone, made.put)

    @property
    def of(self) -> Account:
        """The account that it is in."""
        return Account(self.region, self.profile, self.account)

    def address(self, config: Config, index: int) -> IPv4Address:
        """A node's address in its own zone's part of the network."""
        return network.address(config, index, FIRST_NODE)

    def capacity(self, config: Config) -> int:
        """How many compute nodes the zones' parts of the network hold."""
        floating = config.aws_floating_ips > 0
        fit = network.capacity(self.network(config), len(config.aws_availability_zones), FIRST_NODE, floating)
        return max(fit - 1, 0)

    def check(self, draft: Draft, _existing: Stack | None, _here: MachineNetwork) -> Iterator[Finding]:
        """What can be told without asking AWS."""
        return checks.findings(draft)

    def check_fixed(self, draft: Draft, existing: Stack) -> Iterator[Finding]:
        """Region and zones."""
        made = existing.target
        if isinstance(made, Aws):
            has = {"region": made.region, "aws_availability_zones": made.zones}
            yield from checks.fixed(draft, existing.name, has)

    def external_problems(self, _config: Config, _network: IPv4Network) -> Iterator[str]:
        """None can be chosen."""
        yield (
            "cannot be used on aws: EC2 delivers packets only to addresses that it has given an interface itself;"
            f" leave it empty, and say by {self.floating_key} how many floating IPs each node is to have"
        )

    def floating_ips(self, config: Config) -> dict[str, list[str]]:
        """Of each node, further addresses of its interface."""
        return {node.name: list(map(str, network.floating_ips(config, node.index))) for node in self.nodes(config)}

    def floating_text(self, config: Config, stack: Stack) -> str:
        """Those of each node, with the elastic IPs that were noted."""
        path = stack.directory / ELASTIC_FILE
        noted = json.loads(path.read_text()) if path.is_file() else {}
        own = [
            f"{name} {', '.join(one + (f' ({noted[one]})' if one in noted else '') for one in several)}"
            for name, several in self.floating_ips(config).items()
            if several
        ]
        return f"IPs of each node, with their elastic IPs, in the network public: {'; '.join(own)}" if own else ""

    def floating_problems(self, config: Config) -> Iterator[str]:
        """The addresses of routers may be those of endpoints."""
        if IPv4Network(config.romana_cidr, strict=False).overlaps(network.OF_ROUTERS):
            yield (
                f"needs {network.OF_ROUTERS} for addresses of routers, and romana_cidr, {config.romana_cidr}, overlaps"
                " it; choose another romana_cidr, or set it to 0"
            )

    # What asks AWS imports what is slow to import, and is imported only then.

    def preflight(self, intent: Intent) -> list[Finding]:
        """Whether AWS takes it."""
        from romana_install.targets.aws import preflight

        return preflight.findings(intent, self.of)

    def settled(self, intent: Intent) -> Self:
        """With its account, so that another's is not taken for it later; the zone of a new stack that names none; and
        the tags that this run puts.

        AWS would choose a zone that may not have the instance types. Raises PreflightError.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        from romana_install.targets.aws import errors, zones

        types = {network.instance_type(intent.config, node) for node in intent.stack.nodes}
        try:
            zone = self.zone
            if intent.existing is None and not self.zones:
                zone = zones.with_all(zones.offering(self.of.client("ec2"), types))[0]
            put = sorted({*map(tuple, self.put), *intent.config.aws_tags.items()})
            return replace(self, account=self.of.number(), zone=zone, put=[list(pair) for pair in put])
        except (BotoCoreError, ClientError) as error:
            raise PreflightError([errors.finding(error, "asking AWS who we are")]) from None

    def variables(self, config: Config, stack: Stack) -> dict[str, Any]:
        """Subnets and instances."""
        return {
            "nodes_are_routed": config.aws_routes,
            "stack_dropped_tags": [{"key": key, "value": value} for key, value in self._dropped(config)],
            "stack_subnets": [
                {"network": str(part.network), "zone": part.zone or self.zone} for part in network.subnets(config)
            ],
            "nodes_have_floating_ips": config.aws_floating_ips > 0,
            "stack_floating_ips": self.floating_ips(config),
            "stack_elastic_ips": {
                node.name: [node.address, *map(str, network.floating_ips(config, node.index))]
                for node in stack.nodes
                if config.aws_floating_ips
            },
            "stack_external_subnets": network.external_subnets(config, stack.nodes),
            "stack_instances": [
                {
                    "name": node.name,
                    "address": node.address,
                    "controller": node.controller,
                    "type": network.instance_type(config, node),
                    "network": str(network.subnet_of(config, node.index).network),
                }
                for node in stack.nodes
            ],
        }

    def reference(self) -> dict[str, Any]:
        """Where to look for it."""
        return {"region": self.region, "aws_profile": self.profile, "nodes_await_cloud_init": True}

    def ssh_config(self, stack: Stack, _level: str) -> str:
        """At addresses that EC2 has given."""
        return ssh.config_of_machines(stack, assigned=True)

    def silence(self, stack: Stack, node: Node, said: str) -> str:
        """By what ssh said, and what EC2 says of the instance."""
        from romana_install.targets.aws import silence

        why = silence.reason(self.of, stack.name, node.name, _noted_address(stack, node))
        return "; ".join(filter(None, [super().silence(stack, node, said), why]))

    @contextmanager
    def client(self, stack: Stack) -> Iterator[Client]:
        """To the controller's public address. Raises StackError."""
        from romana.client import Client

        url = f"https://{_public_address(stack, stack.controller)}:{stack.server_port}"
        token = stack.secrets()["tokens"]["admin"]
        with Client(url, stack.authority, token, server_name=stack.controller.name) as client:
            yield client

    def plan(self, config: Config, stack: Stack) -> Aspect:
        """What would be made, and what it costs."""
        from romana_install.targets.aws import show

        found = show.plan(self.of, config, stack, self._dropped(config))
        return Aspect(found, show.text(found))

    def _dropped(self, config: Config) -> list[tuple[str, str]]:
        """The tags that were put and are configured no more, but for keys that have another value now."""
        return [(key, value) for key, value in self.put if key not in config.aws_tags]

    def status(self, stack: Stack) -> Aspect:
        """Instances, the time they have left, what they have cost."""
        from romana_install.targets.aws import status

        found = status.ask(self.of, stack.name, {node.name: _noted_address(stack, node) for node in stack.nodes})
        return Aspect({self.name: asdict(found)}, status.text(found), found.problem)

    def check_is_meant(self, stack: str, options: Options, given: Config) -> None:
        """Raise UsageError when the command line names another place, or region."""
        super().check_is_meant(stack, options, given)
        if given.region and given.region != self.region:
            raise UsageError(f"region {given.region}: stack {stack} is in {self.region}; leave it out")

    @classmethod
    def is_seen_without_notes(cls, _options: Options) -> bool:
        """By its tags."""
        return True

    def nothing_there(self, stack: Stack) -> str:
        """Where it was looked for."""
        return f"there is nothing of stack {stack.name} in {self.region}"

    def going(self, stack: Stack) -> list[str]:
        """What AWS has of it. Raises PreflightError when it cannot be asked."""
        from romana_install.targets.aws import removal

        return [*removal.lines(removal.there(self.of, stack.name)), "with everything on them"]

    def is_there(self, stack: Stack, _given: Config) -> bool:
        """By its tags. Raises PreflightError when AWS cannot be asked."""
        from romana_install.targets.aws import removal

        return bool(removal.there(self.of, stack.name))

    def left(self, stack: Stack, _given: Config) -> list[str]:
        """What AWS still has. Raises PreflightError when it cannot be asked."""
        from romana_install.targets.aws import removal

        return removal.left(self.of, stack.name)

    @classmethod
    def permissions(cls, given: Config) -> dict[str, Any]:
        """A policy for IAM; where AWS can be asked, with what the account's own key for volumes takes."""
        from botocore.exceptions import BotoCoreError, ClientError

        from romana_install.targets.aws import keys, policy

        region = given.region or usual_region(given.aws_profile, os.environ)
        try:
            key = keys.default(Account(region, given.aws_profile).client("ec2")) if region else ""
        except (BotoCoreError, ClientError):
            key = ""
        return policy.document(region, key)


def _public_address(stack: Stack, node: Node) -> str:
    """Where a node is reached from outside. Raises StackError when it has no such address."""
    if address := _noted_address(stack, node):
        return address
    raise StackError(f"{node.name} has no public address; have it started with: {command('provision')}")


def _noted_address(stack: Stack, node: Node) -> str:
    """The public address that a node had when addresses were last written down; empty without one."""
    path = stack.directory / ADDRESSES_FILE
    words = path.read_text().split() if path.is_file() else []
    return words[words.index("HostName", words.index(node.name)) + 1] if node.name in words else ""


TARGET = Aws
