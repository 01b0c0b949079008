"""./romana-setup on an AWS of the tests' own, in a network namespace that has nothing but loopback."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[3]
HERE = Path(__file__).parent
PORT = 4566  # none of those at which a tunnel has the APIs of a cloud
CLONE_NEWNET = 0x40000000
DEADLINE = 180.0  # seconds until something that was to happen counts as not happening
REGION = "eu-west-1"
ALLOWED = "203.0.113.7/32"
KEY, PROFILES_KEY, OUR_KEY = "AKIAROMANATESTSONLY0", "AKIAROMANATESTSPROF0", "AKIAROMANATESTSASKS0"
SECRET = "the-secret-key-of-romanas-own-tests"  # noqa: S105 - nothing takes it but moto, which takes any
CREDENTIALS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
PROFILE = "other"
# Everything an installation with routes changes, in its order; and an uninstallation.
CHANGES = [
    "CreateVpc",
    "ModifyVpcAttribute",
    "CreateInternetGateway",
    "AttachInternetGateway",
    "CreateSubnet",
    "CreateSecurityGroup",
    "AuthorizeSecurityGroupIngress",
    "ImportKeyPair",
    "RunInstances",
    "ModifyInstanceAttribute",
    "CreateRoute",
]
REMOVALS = [
    "TerminateInstances",
    "DeleteKeyPair",
    "DeleteSubnet",
    "DeleteSecurityGroup",
    "DetachInternetGateway",
    "DeleteInternetGateway",
    "DeleteVpc",
]
# Every kind of thing that a stack has, with the action that lists them and the name of their ids.
KINDS = {
    "instance": ("describe_instances", "InstanceId"),
    "volume": ("describe_volumes", "VolumeId"),
    "interface": ("describe_network_interfaces", "NetworkInterfaceId"),
    "VPC": ("describe_vpcs", "VpcId"),
    "subnet": ("describe_subnets", "SubnetId"),
    "gateway": ("describe_internet_gateways", "InternetGatewayId"),
    "table": ("describe_route_tables", "RouteTableId"),
    "group": ("describe_security_groups", "GroupId"),
    "ACL": ("describe_network_acls", "NetworkAclId"),
    "key pair": ("describe_key_pairs", "KeyPairId"),
    "elastic IP": ("describe_addresses", "AllocationId"),
}
IMAGE = {
    "state": "available",
    "public": True,
    "virtualization_type": "hvm",
    "architecture": "x86_64",
    "image_type": "machine",
    "image_location": "debian",
    "root_device_type": "ebs",
    "root_device_name": "/dev/xvda",
    "sriov": "simple",
    "hypervisor": "xen",
}


def eventually(look: Any, what: str) -> Any:
    """The first true result of `look`, which is tried until the deadline."""
    end = time.monotonic() + DEADLINE
    while not (result := look()):
        assert time.monotonic() < end, f"not within {DEADLINE} s: {what}"
        time.sleep(0.05)
    return result


class Cloud:
    """An AWS: its processes, what was asked of it, and a client."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.namespace = f"romana-aws-{os.getpid()}"
        self.server: subprocess.Popen[bytes] | None = None
        self._inside = ThreadPoolExecutor(max_workers=1, initializer=self._enter)
        self._clients: dict[str, Any] = {}

    def __enter__(self) -> Cloud:
        self._make_place()
        images = [{**IMAGE, **image} for image in json.loads((HERE / "images.json").read_text())]
        (self.directory / "images.json").write_text(json.dumps(images))
        environment = {
            **os.environ,
            # Python is told not to look beside a program; what this one imports is there.
            "PYTHONPATH": os.pathsep.join(map(str, (HERE, HERE.parent / "support"))),
            "MOTO_AMIS_PATH": str(self.directory / "images.json"),
            # What AWS checks always, moto does only when it is told to.
            "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION": "1",
            "MOTO_ENABLE_KEYPAIR_VALIDATION": "1",
            "MOTO_ENABLE_AMI_VALIDATION": "1",
        }
        with (self.directory / "log").open("wb") as log:
            self.server = subprocess.Popen(
                [*self.inside, sys.executable, *self.program],
                env=environment,
                stdout=log,
                stderr=log,
            )
        eventually(self._answers, f"the server answers; see {self.directory / 'log'}")
        return self

    def __exit__(self, *_: object) -> None:
        if self.server:
            self._end_server(self.server)
            self.server.wait()
        self._inside.shutdown()
        self._remove_place()

    @property
    def inside(self) -> list[str]:
        """What begins a command that runs in the namespace."""
        return ["ip", "netns", "exec", self.namespace]

    @property
    def network_file(self) -> Path:
        """The namespace, as a thread enters it."""
        return Path(f"/run/netns/{self.namespace}")

    @property
    def program(self) -> list[str]:
        """The server, and what it is told."""
        return [str(HERE / "endpoint.py"), str(PORT), str(self.directory)]

    def _make_place(self) -> None:
        subprocess.run(["ip", "netns", "add", self.namespace], check=True)
        subprocess.run(["ip", "-n", self.namespace, "link", "set", "lo", "up"], check=True)

    def _remove_place(self) -> None:
        subprocess.run(["ip", "netns", "del", self.namespace], check=True)

    def _end_server(self, server: subprocess.Popen[bytes]) -> None:
        server.kill()

    def _enter(self) -> None:
        with self.network_file.open() as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")

    def _answers(self) -> bool:
        assert self.server is not None
        assert self.server.poll() is None, (self.directory / "log").read_text()
        command = [*self.inside, "curl", "--silent", "--output", "/dev/null", f"http://127.0.0.1:{PORT}/moto-api/"]
        return subprocess.run(command, check=False).returncode == 0

    def reset(self) -> None:
        """As at the beginning: nothing there, nothing written down, no rules."""
        command = [*self.inside, "curl", "--silent", "--fail", "--output", "/dev/null", "--request", "POST"]
        subprocess.run([*command, f"http://127.0.0.1:{PORT}/moto-api/reset"], check=True)
        for name in ("calls", "rules.json", "stopped"):
            (self.directory / name).unlink(missing_ok=True)

    def ask(self, action: str, service: str = "ec2", **parameters: Any) -> dict[str, Any]:
        """What an action answers, of EC2 or of another service."""

        def call() -> dict[str, Any]:
            if service not in self._clients:  # a quarter of a second for EC2's, which reads all that EC2 can
                import boto3

                session = boto3.Session(OUR_KEY, SECRET, region_name=REGION)
                self._clients[service] = session.client(service, endpoint_url=f"http://127.0.0.1:{PORT}")
            answer: dict[str, Any] = getattr(self._clients[service], action)(**parameters)
            return answer

        return self._inside.submit(call).result()

    def own_key(self) -> str:
        """Have the account encrypt volumes with a key of its own; returns its ARN."""
        key = self.ask("create_key", "kms")["KeyMetadata"]["Arn"]
        return str(self.ask("modify_ebs_default_kms_key_id", KmsKeyId=key)["KmsKeyId"])

    def rules(self, *rules: dict[str, Any]) -> None:
        """How calls are answered from now on."""
        (self.directory / "rules.json").unlink(missing_ok=True)
        (self.directory / "stopped").unlink(missing_ok=True)
        if rules:
            text = json.dumps({"number": time.monotonic_ns(), "rules": rules})
            (self.directory / "rules.new").write_text(text)
            (self.directory / "rules.new").rename(self.directory / "rules.json")

    def stopped(self) -> bool:
        """Whether a rule has stopped a call."""
        return (self.directory / "stopped").exists()

    def calls(self) -> list[dict[str, Any]]:
        """All that was asked of it, but for what `ask` did."""
        with contextlib.suppress(FileNotFoundError):
            lines = (self.directory / "calls").read_text().splitlines()
            return [call for call in map(json.loads, lines) if call["key"] != OUR_KEY]
        return []

    def changes(self) -> list[dict[str, Any]]:
        """Those of the calls that changed something, or tried to."""
        return [
            call
            for call in self.calls()
            if not call["action"].startswith(("Describe", "Get", "List")) and call["parameters"].get("DryRun") != "true"
        ]

    def instances(self) -> dict[str, dict[str, Any]]:
        """The instances that are not terminated, by node; each node has one."""
        states = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
        reservations = self.ask("describe_instances", Filters=states)["Reservations"]
        found = [instance for reservation in reservations for instance in reservation["Instances"]]
        by_node = {tags(instance)["romana:node"]: instance for instance in found}
        assert len(by_node) == len(found), "a node is there twice"
        return by_node

    def leftovers(self) -> dict[str, list[str]]:
        """What there is beside what an account has from the start, by kind."""
        ours = [vpc["VpcId"] for vpc in self.ask("describe_vpcs")["Vpcs"] if not vpc["IsDefault"]]
        in_ours = [{"Name": "vpc-id", "Values": ours or ["vpc-none"]}]
        found = {
            "vpcs": ours,
            "instances": list(self.instances()),
            "key pairs": [pair["KeyName"] for pair in self.ask("describe_key_pairs")["KeyPairs"]],
            "subnets": [item["SubnetId"] for item in self.ask("describe_subnets", Filters=in_ours)["Subnets"]],
            "interfaces": [
                item["NetworkInterfaceId"]
                for item in self.ask("describe_network_interfaces", Filters=in_ours)["NetworkInterfaces"]
            ],
            "gateways": [
                item["InternetGatewayId"] for item in self.ask("describe_internet_gateways")["InternetGateways"]
            ],
            "elastic IPs": [item["PublicIp"] for item in self.ask("describe_addresses")["Addresses"]],
            "volumes": [item["VolumeId"] for item in self.ask("describe_volumes")["Volumes"]],
            "tables": [
                item["RouteTableId"] for item in self.ask("describe_route_tables", Filters=in_ours)["RouteTables"]
            ],
            "groups": [
                item["GroupId"] for item in self.ask("describe_security_groups", Filters=in_ours)["SecurityGroups"]
            ],
        }
        return {kind: names for kind, names in found.items() if names}


def profiles(directory: Path) -> dict[str, str]:
    """The variables that lead to files with a profile, which has keys of its own."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "profiles"
    file.write_text(f"[{PROFILE}]\naws_access_key_id = {PROFILES_KEY}\naws_secret_access_key = {SECRET}\n")
    return {"AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_CONFIG_FILE": os.devnull}


def tags(resource: dict[str, Any]) -> dict[str, str]:
    """The tags of a resource, by name."""
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags", resource.get("TagSet", []))}


@dataclass
class Setup:
    """./romana-setup on one stack.

    variables: of the environment, beside or instead of the usual ones; an empty one is not set at all.
    """

    cloud: Cloud
    state: Path
    name: str = "demo"
    settings: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        return self.state / "romana-setup" / self.name

    def command(self, action: str, *words: str, **settings: Any) -> list[str]:
        values = {
            "stack_name": self.name,
            "region": REGION,
            "openstack_engine": "none",
            "aws_allowed_cidrs": [ALLOWED],
            **self.settings,
            **settings,
        }
        return [
            *self.cloud.inside,
            str(PROJECT / "romana-setup"),
            "-t",
            "aws",
            action,
            "-e",
            json.dumps(values),
            *words,
        ]

    @property
    def environment(self) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        whole = {
            **ours,
            **CREDENTIALS,
            "HOME": str(self.state),
            "XDG_STATE_HOME": str(self.state),
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{PORT}",
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.variables,
        }
        return {name: value for name, value in whole.items() if value}

    def start(self, action: str, *words: str, **settings: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(action, *words, **settings),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, action: str, *words: str, code: int = 0, **settings: Any) -> str:
        """Run an action, expect its exit code; returns what it printed."""
        process = self.start(action, *words, **settings)
        output, _ = process.communicate()
        assert process.returncode == code, f"exit {process.returncode}, not {code}\n{output}"
        assert "Traceback" not in output
        return output

    def provision(self, computes: int, *words: str, **settings: Any) -> int:
        """Have the machines; returns how much that changed."""
        output = self.run("provision", *words, devstack_compute_node=computes, **settings)
        return int(output.rpartition("changed=")[2].split()[0].rstrip("),;"))


@dataclass(frozen=True)
class Step:
    """A run of `provision`: how much it says it has changed, its changes as AWS saw them, and what there was then."""

    changed: int
    changes: list[dict[str, Any]]
    instances: dict[str, dict[str, Any]]
    routes: dict[str, str]

    @property
    def actions(self) -> list[str]:
        """The changes by name, in their order."""
        return [call["action"] for call in self.changes]

    @property
    def identities(self) -> dict[str, str]:
        """The instances' ids by node."""
        return {name: item["InstanceId"] for name, item in self.instances.items()}

    @property
    def addresses(self) -> dict[str, str]:
        """The instances' addresses by node."""
        return {name: item["PrivateIpAddress"] for name, item in self.instances.items()}


def step(stack: Setup, computes: int, **settings: Any) -> Step:
    """Have the machines, and note what that did."""
    begun = len(stack.cloud.changes())
    changed = stack.provision(computes, **settings)
    return Step(changed, stack.cloud.changes()[begun:], stack.cloud.instances(), routes(stack.cloud))


def everything(cloud: Cloud) -> dict[tuple[str, str], dict[str, Any]]:
    """What there is of a stack, by kind and id: all but what an account has by itself."""
    (vpc,) = (item["VpcId"] for item in cloud.ask("describe_vpcs")["Vpcs"] if not item["IsDefault"])
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for kind, (action, identity) in KINDS.items():
        if kind == "instance":
            items = list(cloud.instances().values())
        else:
            (items,) = (
                value for key, value in cloud.ask(action).items() if key not in ("ResponseMetadata", "NextToken")
            )
        found |= {(kind, item[identity]): item for item in items if item.get("VpcId", vpc) == vpc}
    return found


def routes(cloud: Cloud) -> dict[str, str]:
    """The interface behind each network that is routed to one."""
    return {
        route["DestinationCidrBlock"]: route["NetworkInterfaceId"]
        for table in cloud.ask("describe_route_tables")["RouteTables"]
        for route in table["Routes"]
        if route.get("NetworkInterfaceId")
    }


def sources(cloud: Cloud, instance: dict[str, Any]) -> set[str]:
    """The networks from which an instance lets something in."""
    ids = [group["GroupId"] for group in instance["SecurityGroups"]]
    groups = cloud.ask("describe_security_groups", GroupIds=ids)["SecurityGroups"]
    return {item["CidrIp"] for group in groups for rule in group["IpPermissions"] for item in rule["IpRanges"]}


def interrupt(stack: Setup, change: str, action: str, *words: str, before: Sequence[dict[str, Any]] = ()) -> None:
    """Kill romana-setup once AWS has made a change and before it is told so. before: the rules that come before."""
    cloud = stack.cloud
    cloud.rules(*before, {"action": change, "times": 1, "stop": True})
    process = stack.start(action, *words, devstack_compute_node=1, aws_routes=True)
    try:
        eventually(lambda: cloud.stopped() or process.poll() is not None, f"{change} is asked for")
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
    finally:
        kill(process)
        cloud.rules()


def kill(process: subprocess.Popen[str]) -> None:
    """End a process with SIGKILL and take its status. What it has started lives on."""
    process.send_signal(signal.SIGKILL)
    process.wait()
