#!/usr/bin/python
"""Ansible module: systemd units that run with what is configured now."""

from __future__ import annotations

DOCUMENTATION = """
---
module: units
short_description: Runs systemd units with their current configuration
version_added: 1.0.0
description:
  - Enables units, starts those that do not run, and restarts those whose unit file or drop-in is newer than the
    running process. A unit that contains the digest of its service's configuration is therefore restarted when the
    configuration changes, even if an earlier run was interrupted in between.
  - All units are started at once, so that systemd can order them and start independent ones in parallel.
  - For each unit that does not run, shows the last lines of its journal.
options:
  names:
    description: Names of the units.
    type: list
    elements: str
    required: true
  wait:
    description: Whether to wait until the units are up.
    type: bool
    default: true
extends_documentation_fragment:
  - romana.openstack.attributes
"""

EXAMPLES = """
- name: Run the services
  romana.openstack.units:
    names: [keystone, glance-api]
"""

RETURN = """
started:
  description: Units that did not run and were started.
  returned: success
  type: list
  elements: str
restarted:
  description: Units that ran with an older configuration.
  returned: success
  type: list
  elements: str
enabled:
  description: Units that will now start with the machine.
  returned: success
  type: list
  elements: str
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

SHOWN = (
    *("Id", "LoadState", "ActiveState", "SubState", "NeedDaemonReload", "UnitFileState", "InvocationID"),
    *("InactiveExitTimestampMonotonic", "FragmentPath", "DropInPaths"),
)
SYSTEMD_SAYS = re.compile(r"(Starting|Stopped|Stopping|Started|Failed to start|Scheduled restart) |\S+\.service: ")
SYSTEMD_REASON = re.compile(r"\S+\.service: (Failed (?!with result)|Unable to )")
LINES = "40"  # of a journal, which hold more than the last words of a program


@dataclass(frozen=True)
class Plan:
    """What has to be done to which units. `missing`: units systemd does not know."""

    missing: tuple[str, ...]
    reload: bool
    enable: tuple[str, ...]
    start: tuple[str, ...]
    restart: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether anything has to be done."""
        return bool(self.reload or self.enable or self.start or self.restart)


def runs(unit: dict[str, str]) -> bool:
    """Whether a unit runs or is on its way; one that is started over and over is not."""
    return unit["ActiveState"] in ("active", "reloading", "activating") and unit["SubState"] != "auto-restart"


def is_outdated(unit: dict[str, str]) -> bool:
    """Whether a unit's files are newer than its start. systemd itself forgets that when it reloads for another unit."""
    paths = [Path(path) for path in (unit["FragmentPath"], *unit["DropInPaths"].split()) if path]
    newest = max((path.stat().st_mtime for path in paths if path.exists()), default=0.0)
    age = time.monotonic() - int(unit["InactiveExitTimestampMonotonic"] or 0) / 1e6  # seconds since it was started
    return newest > time.time() - age


def parse(text: str) -> list[dict[str, str]]:
    """What `systemctl show` prints for several units: blocks of key=value, one empty line between."""
    return [dict(line.split("=", 1) for line in block.splitlines()) for block in text.strip().split("\n\n")]


def plan(names: list[str], shown: list[dict[str, str]]) -> Plan:
    """From what systemd knows of the units, in the order of their names, to what has to be done."""
    units = dict(zip(names, shown, strict=True))
    unread = [name for name, unit in units.items() if unit["NeedDaemonReload"] == "yes"]
    stale = [*unread, *(name for name, unit in units.items() if is_outdated(unit))]
    running = [name for name, unit in units.items() if runs(unit)]
    return Plan(
        missing=tuple(name for name, unit in units.items() if unit["LoadState"] in ("not-found", "masked")),
        reload=bool(unread),
        enable=tuple(name for name, unit in units.items() if unit["UnitFileState"] == "disabled"),
        start=tuple(name for name in units if name not in running),
        restart=tuple(name for name in running if name in stale),
    )


def last_words(journal: str) -> str:
    """The last thing a program said itself before it ended, or else why systemd could not run it."""
    lines = [line.strip() for line in journal.splitlines() if line.strip()]
    own = [line for line in lines if not SYSTEMD_SAYS.match(line)]
    reasons = [line for line in lines if SYSTEMD_REASON.search(line)]
    return (own or reasons or lines or ["it said nothing"])[-1]


def of_start(invocation: str) -> list[str]:
    """What journalctl takes for the lines of one start: the program's own, and systemd's about it. Pure."""
    return [f"_SYSTEMD_INVOCATION_ID={invocation}", "+", f"INVOCATION_ID={invocation}"]


class Systemd:
    """systemctl and journalctl, as the module runs them."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module

    def show(self, names: list[str]) -> list[dict[str, str]]:
        """The properties of units, in their order."""
        properties = f"--property={','.join(SHOWN)}"
        return parse(self._module.run_command(["systemctl", "show", properties, "--", *names], check_rc=True)[1])

    def control(self, verb: str, *names: str, wait: bool = True) -> None:
        """One systemctl command, whose failures show in the units' states later."""
        flags = ["--quiet"] if wait else ["--quiet", "--no-block"]
        self._module.run_command(["systemctl", *flags, verb, "--", *names])

    def failed(self, names: list[str]) -> dict[str, str]:
        """Units that don't run, each with why."""
        states = zip(names, self.show(names), strict=True)
        return {name: self._why(unit["InvocationID"]) for name, unit in states if not runs(unit)}

    def _why(self, invocation: str) -> str:
        if not invocation:
            return "systemd has not started it; see: systemctl list-dependencies"
        command = ["journalctl", "--lines", LINES, "--output", "cat", "--no-pager", *of_start(invocation)]
        return last_words(self._module.run_command(command)[1])


def apply(module: AnsibleModule, systemd: Systemd, todo: Plan) -> None:
    """Do it, and fail with every unit that does not run."""
    if todo.reload:
        systemd.control("daemon-reload")
    if todo.enable:
        systemd.control("enable", *todo.enable)
    if todo.start or todo.restart:
        systemd.control("restart", *todo.start, *todo.restart, wait=module.params["wait"])
    if module.params["wait"]:
        failed = systemd.failed(module.params["names"])
        if failed:
            module.fail_json(msg="\n".join(f"{name} does not run: {why}" for name, why in failed.items()))


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "wait": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    systemd = Systemd(module)
    names: list[str] = module.params["names"]
    todo = plan(names, systemd.show(names))
    if todo.missing and not module.check_mode:
        module.fail_json(msg=f"systemd has no unit {', '.join(todo.missing)}; are the packages installed?")
    result: dict[str, Any] = {
        "changed": todo.changes,
        "started": list(todo.start),
        "restarted": list(todo.restart),
        "enabled": list(todo.enable),
    }
    before = dict.fromkeys(todo.restart, "running") | dict.fromkeys(todo.start, "stopped")
    result["diff"] = {"before": before, "after": dict.fromkeys(before, "running, as configured")}
    if not module.check_mode:
        apply(module, systemd, todo)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
