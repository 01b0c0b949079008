"""The servers that a user's inventory names, read by Ansible itself, and what is wrong with it."""

from __future__ import annotations

import getpass
import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from typing import Any

import yaml

from romana_install.base.findings import Finding, did_you_mean, shown
from romana_install.state import ssh
from romana_install.state.stack import Node, Reach, Stack

GROUPS = ("controller", "compute")
EXAMPLE = "inventory/static.example.yml"
HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# What our own connections understand, too; ssh's configuration has all the rest.
UNDERSTOOD = {
    "ansible_host",
    "ansible_user",
    "ansible_port",
    "ansible_ssh_private_key_file",
    "ansible_private_key_file",
    "ansible_connection",
    "ansible_become",
    "ansible_become_method",
    "ansible_python_interpreter",
}
_UNHEARD = re.compile(r"\[WARNING\]: +(Skipping .*|.*nexpected.*|.*[Ii]nvalid.*)")


@dataclass(frozen=True)
class Servers:
    """What an inventory says. reach: how each node is reached, by its name; findings: what is wrong."""

    nodes: tuple[Node, ...] = ()
    reach: dict[str, Reach] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def read(path: str, existing: Stack | None) -> Servers:
    """The servers that an inventory names.

    Args:
        path: of a file, or of a directory as Ansible takes it.
        existing: the stack as it is; its nodes keep their numbers.
    """
    place = Path(path).expanduser()
    if not place.exists():
        return Servers(findings=(Finding(f"-i {path}", f"is not there; begin with: cp {EXAMPLE} {path}"),))
    lines = Lines(path, place)
    if lines.problem is not None:
        return Servers(findings=(lines.problem,))
    listing, complaints = _ask_ansible(place)
    if listing is None:
        return Servers(findings=tuple(Finding(path, text) for text in complaints))
    hosts = {name: _groups_of(name, listing) for name in _all_hosts(listing)}
    variables: dict[str, dict[str, Any]] = listing["_meta"]["hostvars"]
    findings = [Finding(path, text) for text in complaints]
    findings += _group_findings(hosts, listing, lines)
    for name in hosts:
        findings += _host_findings(name, variables.get(name, {}), lines)
    ours = {name: groups for name, groups in hosts.items() if not set(GROUPS).isdisjoint(groups)}
    addresses = {name: address for name in ours if (address := address_of(name, variables.get(name, {})))}
    findings += _twice(addresses, lines)
    findings += _moved(addresses, existing, lines)
    if findings:
        return Servers(findings=tuple(findings))
    indexes = numbered(ours, existing)
    nodes = (
        Node(name, addresses[name], indexes[name], "controller" in groups, "compute" in groups)
        for name, groups in ours.items()
    )
    reach = {name: _reach(name, variables.get(name, {}), place.parent) for name in ours}
    at = Counter(one.host for one in reach.values())
    reach = {name: replace(one, destination=one.host if at[one.host] == 1 else "") for name, one in reach.items()}
    return Servers(tuple(sorted(nodes, key=lambda node: node.index)), reach)


def numbered(hosts: Mapping[str, Iterable[str]], existing: Stack | None) -> dict[str, int]:
    """A number for each host: that which it has, 0 for the controller, else the lowest that nobody has. Pure.

    Those that are about to leave keep theirs until they have left.
    """
    there = {} if existing is None else {node.name: node.index for node in existing.present}
    found = {name: there[name] for name in hosts if name in there}
    taken = {0, *there.values()}
    for name, groups in hosts.items():
        if name in found:
            continue
        if "controller" in groups:
            found[name] = 0
            continue
        found[name] = next(number for number in range(len(taken) + 1) if number not in taken)
        taken.add(found[name])
    return found


def address_of(name: str, variables: Mapping[str, Any]) -> str:
    """The address by which other nodes reach a host; empty when the inventory does not say. Pure."""
    for value in (variables.get("node_address"), variables.get("ansible_host"), name):
        if value is not None:
            return str(value) if _is_address(value) else ""
    return ""


class Lines:
    """Where things are in the text of an inventory that is one file of YAML; others have no lines to tell."""

    def __init__(self, shown_path: str, place: Path) -> None:
        self._path = shown_path
        self._document: yaml.Node | None = None
        self.problem: Finding | None = None
        if place.is_file() and place.suffix in (".yml", ".yaml"):
            try:
                self._document = yaml.compose(place.read_text(), Loader=yaml.SafeLoader)
            except yaml.YAMLError as error:
                mark = getattr(error, "problem_mark", None)
                line = f":{mark.line + 1}" if mark else ""
                problem = getattr(error, "problem", None) or "not readable"
                self.problem = Finding(f"{shown_path}{line}", f"is not YAML: {problem}")

    def where(self, kind: str, name: str) -> str:
        """How a finding about one of the `hosts` or `children` begins: at its last place, which Ansible heeds."""
        found = list(_keys(self._document, kind, name)) if self._document else []
        return f"{self._path}:{found[-1]}" if found else self._path


def _keys(node: yaml.Node | None, kind: str, name: str) -> Iterator[int]:
    """The lines of the keys called `name` directly below keys called `kind`."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if key.value == kind and isinstance(value, yaml.MappingNode):
            yield from (inner.start_mark.line + 1 for inner, _ in value.value if inner.value == name)
        yield from _keys(value, kind, name)


def _ask_ansible(place: Path) -> tuple[dict[str, Any] | None, list[str]]:
    """What Ansible reads, None when it can't, and what it complains about."""
    environment = {
        **os.environ,
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True",
        "ANSIBLE_NOCOLOR": "True",
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        "COLUMNS": "1000",
    }
    # Beside the working directory it would find other variables than those beside the inventory.
    done = subprocess.run(
        ["ansible-inventory", "-i", str(place.resolve()), "--list"],
        cwd="/",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        errors = [line.removeprefix("[ERROR]: ") for line in said if line.startswith("[ERROR]")]
        return None, [f"Ansible cannot read it: {(errors or said)[-1]}"]
    return json.loads(done.stdout), [match.group(1) for match in _UNHEARD.finditer(done.stderr)]


def _all_hosts(listing: Mapping[str, Any]) -> list[str]:
    """All hosts, those of the controller first, else in the order of the groups."""
    order = [*GROUPS, *(group for group in listing if group not in ("_meta", *GROUPS))]
    return list(dict.fromkeys(name for group in order for name in _members(group, listing)))


def _members(group: str, listing: Mapping[str, Any]) -> list[str]:
    """The hosts of a group and of the groups in it."""
    entry = listing.get(group, {})
    below = [name for child in entry.get("children", []) for name in _members(child, listing)]
    return [*entry.get("hosts", []), *below]


def _groups_of(name: str, listing: Mapping[str, Any]) -> list[str]:
    return [group for group in listing if group not in ("_meta", "all") and name in _members(group, listing)]


def _group_findings(hosts: Mapping[str, list[str]], listing: Mapping[str, Any], lines: Lines) -> Iterator[Finding]:
    controllers = [name for name, groups in hosts.items() if "controller" in groups]
    unknown = [group for group in listing if group not in ("_meta", "all", "ungrouped", *GROUPS)]
    if not controllers:
        yield Finding(lines.where("children", "controller"), "no controller; put one server into the group controller")
    if len(controllers) > 1:
        names = ", ".join(controllers)
        yield Finding(lines.where("children", "controller"), f"{names} are controllers; leave one in that group")
    if not any("compute" in groups for groups in hosts.values()):
        text = "no compute node; put hosts into the group compute, the controller too if it is to be one"
        yield Finding(lines.where("children", "compute"), text)
    for name, groups in hosts.items():
        if set(GROUPS).isdisjoint(groups):
            said = [group for group in groups if group in unknown]
            hint = did_you_mean(said[0], GROUPS) if said else ""
            text = f"{name} is in {said[0] if said else 'no group'}{hint}; put it into controller or compute"
            yield Finding(lines.where("hosts", name), text)


def _host_findings(name: str, variables: Mapping[str, Any], lines: Lines) -> Iterator[Finding]:
    where = lines.where("hosts", name)
    if not HOST_NAME.fullmatch(name):
        text = f"{shown(name)} is no host name; use letters a-z, digits and '-', and give the address as ansible_host"
        yield Finding(where, text)
    connection = variables.get("ansible_connection", "ssh")
    if connection not in ("ssh", "local"):
        yield Finding(where, f"{name}: ansible_connection is {shown(connection)}; give ssh, or local on this machine")
    if not address_of(name, variables) and HOST_NAME.fullmatch(name):
        said = variables.get("node_address", variables.get("ansible_host"))
        text = f"{shown(said)} is no IPv4 address" if said is not None else "no address"
        yield Finding(where, f"{name}: {text}; give node_address, by which the other nodes reach it")
    port = variables.get("ansible_port", 22)
    if not str(port).isdigit() or not 0 < int(port) < 65536:
        yield Finding(where, f"{name}: ansible_port is {shown(port)}; give a number from 1 to 65535")
    for key in sorted(variables):
        if key.startswith("ansible_") and key not in UNDERSTOOD:
            text = f"{name}: {key} is not supported; {_instead(key)}"
            yield Finding(where, text)
    if variables.get("ansible_become_method", "sudo") != "sudo":
        yield Finding(
            where, f"{name}: ansible_become_method is not sudo, which is what there is; log in as root instead"
        )


def _instead(key: str) -> str:
    if "pass" in key:
        return "passwords belong into no file: use a key for ssh, and -K for sudo"
    return "say it in ~/.ssh/config, or leave it out"


def _by_ssh(host: str) -> dict[str, str]:
    """What ssh's own configuration says of a host that an inventory can say, too."""
    said = ssh.effective(host)
    return {f"ansible_{key}": said[key][0] for key in ("user", "port") if key in said}


def _twice(addresses: Mapping[str, str], lines: Lines) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for name, address in addresses.items():
        if address in first:
            text = f"{name} and {first[address]} have the same address {address}; give each its own"
            yield Finding(lines.where("hosts", name), text)
        first.setdefault(address, name)


def _moved(addresses: Mapping[str, str], existing: Stack | None, lines: Lines) -> Iterator[Finding]:
    for node in existing.nodes if existing else ():
        address = addresses.get(node.name, node.address)
        if address != node.address:
            yield Finding(
                lines.where("hosts", node.name),
                f"{node.name} is {address}, but stack {existing.name if existing else ''} has it at {node.address}; put"
                " that back, or take it out, run again, and then give it its new address",
            )


def _is_address(value: Any) -> bool:
    try:
        IPv4Address(str(value))
    except AddressValueError:
        return False
    return True


def _reach(name: str, variables: Mapping[str, Any], beside: Path) -> Reach:
    key = variables.get("ansible_ssh_private_key_file", variables.get("ansible_private_key_file", ""))
    local = variables.get("ansible_connection") == "local"
    host = "" if local else str(variables.get("ansible_host", name))
    said = {"ansible_user": getpass.getuser(), "ansible_port": "22", **({} if local else _by_ssh(host)), **variables}
    return Reach(
        host=host,
        user=getpass.getuser() if local else str(said["ansible_user"]),
        port=int(said["ansible_port"]),
        # A path is meant as it is read where the inventory is.
        key=str(beside.resolve() / Path(str(key)).expanduser()) if key else "",
    )
