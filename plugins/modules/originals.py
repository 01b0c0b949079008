#!/usr/bin/python
"""Ansible module: what a machine was like before, kept, and put back."""

from __future__ import annotations

DOCUMENTATION = """
---
module: originals
short_description: Records and restores the original files and units of a machine
version_added: 1.0.0
description:
  - With O(state=kept), records the current state of files and units. Only the first recording of each counts.
  - With O(state=restored), restores everything recorded and deletes the records. What did not exist is removed.
options:
  state:
    description: Whether to record or to restore.
    type: str
    choices: [kept, restored]
    default: kept
  paths:
    description:
      - Files, links and directories that are about to be changed or created.
      - An existing directory is not changed later; a new one is removed with its contents.
    type: list
    elements: path
    default: []
  contents:
    description: Directories whose later contents are removed again; their current contents are not recorded.
    type: list
    elements: path
    default: []
  units:
    description: Systemd units that are about to be enabled or started.
    type: list
    elements: str
    default: []
  directory:
    description: Directory of the records.
    type: path
    default: /var/lib/romana-originals
extends_documentation_fragment:
  - romana.openstack.attributes
"""

EXAMPLES = """
- name: Record what is changed
  romana.openstack.originals:
    paths: [/etc/keystone/keystone.conf]
    units: [keystone]

- name: Restore it
  romana.openstack.originals:
    state: restored
"""

RETURN = """
names:
  description: Paths and units that were recorded or restored.
  returned: success
  type: list
  elements: str
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.files import make_directory, write_file

INDEX = "index.json"


class Originals:
    """The originals that are kept in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._index = directory / INDEX
        self.known: dict[str, dict[str, Any]] = {"paths": {}, "contents": {}, "units": {}}
        if self._index.exists():
            self.known = json.loads(self._index.read_text())

    def missing(self, wanted: dict[str, list[str]]) -> dict[str, list[str]]:
        """What of it has not been written down."""
        return {kind: [name for name in names if name not in self.known[kind]] for kind, names in wanted.items()}

    def keep(self, names: dict[str, list[str]]) -> None:
        """Write down what they are like now."""
        make_directory(self.directory, 0o700)
        for path in names["paths"]:
            self.known["paths"][path] = self._describe(Path(path))
        for path in names["contents"]:
            there = Path(path)
            self.known["contents"][path] = sorted(entry.name for entry in there.iterdir()) if there.is_dir() else None
        for unit in names["units"]:
            enabled, active = systemctl("is-enabled", unit), systemctl("is-active", unit)
            self.known["units"][unit] = {"enabled": enabled, "active": active}
        write_file(self._index, json.dumps(self.known), 0o600)

    def restore(self) -> list[str]:
        """Make everything what it was; returns the names. Can be run again when it was cut short."""
        units = self.known["units"]
        idle = [name for name, was in units.items() if was["active"] != "active"]
        unused = [name for name, was in units.items() if was["enabled"] != "enabled"]
        busy = [name for name in units if name not in idle]
        if idle:
            systemctl("stop", *idle)  # all at once: some take their time
        self._enable("disable", unused)
        for path in sorted(self.known["paths"], reverse=True):  # what is in a directory comes before it
            self._put_back(Path(path), self.known["paths"][path])
        for path, entries in self.known["contents"].items():
            remove_new(Path(path), entries)
        if units:
            systemctl("daemon-reload")
        self._enable("enable", [name for name in units if name not in unused])
        if busy:
            systemctl("restart", *busy)
        if units:
            systemctl("reset-failed", *units)
        if self.directory.exists():
            shutil.rmtree(self.directory)
        return [*self.known["paths"], *self.known["contents"], *units]

    def _enable(self, verb: str, names: list[str]) -> None:
        """Enable or disable units that are not what they were."""
        # One after the other: a unit that is not there would keep systemd from the rest.
        for name in names:
            if systemctl("is-enabled", name) != self.known["units"][name]["enabled"]:
                systemctl("--no-reload", verb, name)

    def _describe(self, path: Path) -> dict[str, Any]:
        if path.is_symlink():
            return {"kind": "link", "target": str(path.readlink())}
        if path.is_dir():
            return {"kind": "directory"}
        if not path.exists():
            return {"kind": "absent"}
        status = path.stat()
        copy = str(len(self.known["paths"]))
        shutil.copy2(path, self.directory / copy)
        (self.directory / copy).chmod(0o600)
        return {"kind": "file", "copy": copy, "owner": [status.st_uid, status.st_gid], "mode": status.st_mode & 0o7777}

    def _put_back(self, path: Path, was: dict[str, Any]) -> None:
        if was["kind"] == "directory":
            return
        if was["kind"] == "file" and path.is_file() and not path.is_symlink():
            if path.read_bytes() != (self.directory / was["copy"]).read_bytes():
                shutil.copy2(self.directory / was["copy"], path)
        else:
            remove(path)
            if was["kind"] == "file":
                shutil.copy2(self.directory / was["copy"], path)
            if was["kind"] == "link":
                path.symlink_to(was["target"])
        if was["kind"] == "file":
            os.chown(path, *was["owner"])
            path.chmod(was["mode"])


def remove_new(directory: Path, entries: list[str] | None) -> None:
    """Remove what was not in a directory; entries: what was, None when it was not there itself."""
    if entries is None:
        remove(directory)
        return
    for path in directory.iterdir() if directory.is_dir() else []:
        if path.name not in entries:
            remove(path)


def remove(path: Path) -> None:
    """Remove whatever is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def systemctl(*words: str) -> str:
    """What systemctl says, in one word."""
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["kept", "restored"], "default": "kept"},
            "paths": {"type": "list", "elements": "path", "default": []},
            "contents": {"type": "list", "elements": "path", "default": []},
            "units": {"type": "list", "elements": "str", "default": []},
            "directory": {"type": "path", "default": "/var/lib/romana-originals"},
        },
        supports_check_mode=True,
    )
    parameters = module.params
    originals = Originals(Path(parameters["directory"]))
    try:
        if parameters["state"] == "restored":
            names = [name for kind in originals.known.values() for name in kind]
            if names and not module.check_mode:
                originals.restore()
        else:
            new = originals.missing({kind: parameters[kind] for kind in ("paths", "contents", "units")})
            names = [name for kind in new.values() for name in kind]
            if names and not module.check_mode:
                originals.keep(new)
    except OSError as error:
        module.fail_json(msg=f"cannot {'put back' if parameters['state'] == 'restored' else 'keep'} what was: {error}")
    diff = {"before": "", "after": "".join(f"{name}\n" for name in names)}
    module.exit_json(changed=bool(names), names=names, diff=diff)


if __name__ == "__main__":
    main()
