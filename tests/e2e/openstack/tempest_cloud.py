"""OpenStack's own tests, tempest, of a stack: what they are told of it, and what came of them.

Makes docs/reference/tempest.md by running all of WHOLE, which takes most of an hour, on a stack that has three nodes:

    .venv/bin/python tests/e2e/openstack/tempest_cloud.py ~/.local/state romana >docs/reference/tempest.md
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

from apart import python_apart
from cloud_client import Cloud, account
from romana_setup import Setup

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "tempest.md"
WHOLE = ("tempest.api.compute", "tempest.api.identity", "tempest.api.image")
# What needs no instance. The rest is in WHOLE, and what it is about in other tests of the layer openstack.
SUBSET = (
    "tempest.api.compute.keypairs",
    "tempest.api.identity.v3.test_tokens",
    "tempest.api.image.v2.test_images.BasicOperationsImagesTest",
    "tempest.api.network.test_security_groups.SecGroupTest",
    "tempest.api.network.test_security_groups_negative.NegativeSecGroupTest",
)
# Of WHOLE, what cannot pass, by class.
LEFT_OUT = {
    "tempest.api.compute.servers.test_create_server_multi_nic.ServersTestMultiNic": (
        "it makes networks with addresses of its own choice, which are refused: all have the address plan's"
    )
}
INTRODUCTION = """# OpenStack's own tests

What tempest {version} says of a stack of the target `local` with the engine `packages` and three nodes, by
`./run-tests tempest`; a part of it is in the layer `openstack`, which belongs to all tests. Instances are the tiny
guest, and logins to them by ssh are part of the tests. {passed} tests pass, none fails, {skipped} are skipped, or
classes of them, for these reasons.

| reason | skipped |
|---|---|
"""
RUNNER = Path(__file__).with_name("run_tempest.py")
VARYING = re.compile(r"\[?\{.*|[0-9a-f]{8}-[0-9a-f-]{27}")  # of a reason: what is another in each cloud
ALTERNATIVE = "tempest"  # the second image and flavor
GUEST = ("kernel_id", "ramdisk_id", "os_command_line")  # what makes an image the tiny guest


@dataclass(frozen=True)
class Outcome:
    """What came of a test, or of a class that was skipped whole. outcome: passed, skipped or failed."""

    name: str
    outcome: str
    why: str
    seconds: float


def run(stack: Setup, directory: Path, names: Sequence[str]) -> list[Outcome]:
    """Run the tests whose names begin with one of these. directory: a new one, for what tempest writes."""
    cloud = Cloud(stack.directory, stack.name)
    config = ConfigParser(interpolation=None)
    config.read_dict(_config(directory, account(stack.directory, stack.name), _compute(cloud)))
    with (directory / "tempest.conf").open("w") as file:
        config.write(file)
    hosts = stack.romana("host", "list")
    told = {
        "ssh_config": str(stack.directory / "ssh_config"),
        "prefixes": {host["prefix"]: host["name"] for host in hosts},
        "left_out": list(LEFT_OUT),
    }
    (directory / "told.json").write_text(json.dumps(told))
    command = [python_apart("tempest"), RUNNER, directory, *names]
    done = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [
        *(Outcome(**json.loads(line)) for line in done.stdout.splitlines()),
        *(Outcome(name, "skipped", why, 0.0) for name, why in LEFT_OUT.items() if name.startswith(tuple(names))),
    ]


def version() -> str:
    """That of tempest."""
    lock = Path(__file__).parents[3] / "requirements" / "tempest.lock"
    (found,) = re.findall(r"^tempest==(\S+)", lock.read_text(), re.MULTILINE)
    return str(found)


def page(outcomes: Sequence[Outcome]) -> str:
    """What came of all of them, for readers."""
    numbers = Counter(one.outcome for one in outcomes)
    by_reason: dict[str, list[str]] = {}
    for one in outcomes:
        if one.outcome == "skipped":
            reason = VARYING.sub("...", one.why.replace(one.name.rpartition(".")[2], "").strip())
            by_reason.setdefault(reason, []).append(one.name.removeprefix("tempest.api."))
    rows = [f"| {reason} | {'<br>'.join(sorted(by_reason[reason]))} |\n" for reason in sorted(by_reason)]
    return INTRODUCTION.format(version=version(), passed=numbers["passed"], skipped=numbers["skipped"]) + "".join(rows)


def failures(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """Why tests failed, by name."""
    return {one.name: one.why for one in outcomes if one.outcome == "failed"}


def _compute(cloud: Cloud) -> dict[str, str]:
    """Images and flavors, two of each, of which the tiny guest can run, the second made; and what Nova understands."""
    (tiny,) = cloud.glance.get("/v2/images?name=tiny").json()["images"]
    properties = {key: tiny[key] for key in GUEST}
    flavor = {"name": ALTERNATIVE, "ram": 112, "vcpus": 1, "disk": 1}
    return {
        "image_ref": tiny["id"],
        "image_ref_alt": cloud.add_image(ALTERNATIVE, bytes(1 << 20), **properties),
        "max_microversion": cloud.nova.get("/").json()["version"]["version"],
        "flavor_ref": cloud.flavor("tiny"),
        "flavor_ref_alt": cloud.nova.post("/flavors", json={"flavor": flavor}).json()["flavor"]["id"],
    }


def _config(directory: Path, admin: dict[str, str], compute: dict[str, str]) -> dict[str, dict[str, str]]:
    """tempest.conf: what there is, what there is not, and how to log in."""
    return {
        "DEFAULT": {"log_dir": str(directory), "log_file": "tempest.log"},
        "oslo_concurrency": {"lock_path": str(directory / "lock")},
        "auth": {
            "use_dynamic_credentials": "true",
            "create_isolated_networks": "false",  # all instances are on the one network
            "admin_username": admin["username"],
            "admin_password": admin["password"],
            "admin_project_name": admin["project_name"],
            "admin_domain_name": admin["project_domain_name"],
        },
        "identity": {"auth_version": "v3", "uri_v3": admin["auth_url"], "v3_endpoint_type": "publicURL"},
        "identity-feature-enabled": {"application_credentials": "true", "access_rules": "true"},
        "compute": {
            **compute,
            "fixed_network_name": "romana",
            "min_compute_nodes": "2",
            "build_interval": "1",
            "ready_wait": "0",
        },
        "compute-feature-enabled": {
            "resize": "true",
            "vnc_console": "true",
            "stable_rescue": "true",
            "scheduler_enabled_filters": "all",
            "config_drive": "false",  # the tiny guest has no file system for it
            "live_migration": "false",  # an address belongs to a host
            "attach_encrypted_volume": "false",
        },
        "network-feature-enabled": {"floating_ips": "false", "ipv6": "false", "port_security": "true"},
        "validation": {
            "run_validation": "true",
            "connect_method": "fixed",
            "network_for_ssh": "romana",
            "image_ssh_user": "root",
            "ssh_key_type": "ecdsa",
            "auth_timeout": "60",
        },
        "service_available": {"cinder": "false", "swift": "false"},
    }


def main() -> None:
    """Print the page about a stack that is named by where its state is, and its name."""
    state, name = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        outcomes = run(Setup(Path(state), name, ""), Path(directory), WHOLE)
    print(page(outcomes), end="")


if __name__ == "__main__":
    main()
