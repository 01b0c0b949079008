"""Vagrant, driven for modules: what its machines are, and its failures in one sentence."""

from __future__ import annotations

import os
import re
import subprocess
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .lock import alone

try:
    import vagrant

    IMPORT_ERROR = None
except ImportError:
    IMPORT_ERROR = traceback.format_exc()

# Vagrant asks its makers for new versions of itself and of boxes, unless it is told not to.
QUIET = {"VAGRANT_CHECKPOINT_DISABLE": "1", "VAGRANT_BOX_UPDATE_CHECK_DISABLE": "1", "VAGRANT_NO_COLOR": "1"}
# What its progress looks like; the text of an error has nothing before it.
PROGRESS = re.compile(r"^(==> |    \S+: |Bringing machine |\s*$)")
FIGURES = re.compile(r"(\x1b\[K|\r)+((Progress|Rate)[^\r\n\x1b]*)?")  # of an upload, thousands of them
LONGEST = 400  # characters of what is shown when nothing is known about an error; its reason is at the end
FINISHED = "action_provision"  # the file Vagrant writes for a machine once all provisioners have run
# What to do about errors, by what Vagrant and its providers say. The first that is found is shown.
CAUSES = (
    (r"no space left|not enough (free )?space|disk full|VERR_DISK_FULL|ENOSPC", "the disk is full; make room"),
    (
        r"The box '\S*' could not be found|error occurred while downloading|couldn't be opened or read",
        "the box is not there and cannot be fetched; have it with `vagrant box add`, or set vagrant_box_url",
    ),
    (
        r"Timed out while waiting for the machine to boot|No IP address found|Fog::Errors::TimeoutError",
        "a machine has not answered by ssh in time; look at its console, and raise vagrant_boot_timeout if it is slow",
    ),
    (r"VT-x|AMD-V|VERR_(VMX|SVM)", "the processor's virtualization is off; turn on VT-x or AMD-V in the firmware"),
    (
        r"not within the allowed ranges",
        "VirtualBox does not allow that host-only network; add a line `* NETWORK` to /etc/vbox/networks.conf",
    ),
    (
        r"isn't usable on this system|could not detect VirtualBox",
        "the provider is not usable on this machine; install it, or set vagrant_provider",
    ),
    (
        r"The provider '\S*' could not be found|No usable default provider",
        "Vagrant does not have that provider; install it, or set vagrant_provider",
    ),
    (
        r"Error while connecting to Libvirt",
        "libvirt does not answer; start libvirtd, and see that you may use it",
    ),
    (
        r"because it is locked|another process is already executing an action",
        "another Vagrant is at work on a machine; wait until it has ended, or end it",
    ),
    (
        r"already exists|is already taken|VERR_ALREADY_EXISTS",
        "a machine or disk of that name is there and is not this stack's; remove it, or choose another stack_name",
    ),
)


class VagrantError(Exception):
    """What Vagrant could not do, in one sentence with what to do about it and where its log is."""


class Vagrant:
    """Vagrant in one directory.

    directory: has the Vagrantfile; provider: virtualbox or libvirt; log: gets all that Vagrant prints.
    """

    def __init__(self, directory: str, provider: str, log: str) -> None:
        self.directory = Path(directory)
        self.provider = provider
        self.log = Path(log)
        environment = {**without_steering(os.environ), **QUIET, "VAGRANT_DEFAULT_PROVIDER": provider}
        # Its output goes to the log alone: a failure of python-vagrant's has none of it.
        context = vagrant.make_file_cm(log)
        self._vagrant = vagrant.Vagrant(str(directory), out_cm=context, err_cm=context, env=environment)

    def states(self) -> dict[str, str]:
        """The state of each machine that the Vagrantfile has, in Vagrant's words, as running and not_created."""
        if not (self.directory / "Vagrantfile").is_file():
            return {}
        with self._explained("look at the machines"):
            return {status.name: status.state for status in self._vagrant.status()}

    def finished(self, name: str) -> bool:
        """Whether a machine that is there has been made to its end."""
        return (self.directory / ".vagrant" / "machines" / name / self.provider / FINISHED).exists()

    def up(self, names: Iterable[str]) -> None:
        """Have machines run.

        Of no two stacks at once: what Vagrant downloads of a box, it keeps in one place, whoever else does the same.
        """
        with (
            alone(boxes(os.environ) / "romana-setup.lock", self._note_waiting),
            self._explained(f"start {', '.join(names)}"),
        ):
            self._vagrant.up(vm_name=pattern(names), provider=self.provider)

    def destroy(self, names: Iterable[str]) -> None:
        """Remove machines with their disks."""
        with self._explained(f"remove {', '.join(names)}"):
            self._vagrant.destroy(vm_name=pattern(names))

    def snapshots(self) -> dict[str, list[str]]:
        """The names of the snapshots of each machine that there is."""
        with self._explained("look at the snapshots"):
            return parse_snapshots(self._vagrant.snapshot_list())

    def save(self, snapshot: str) -> None:
        """Keep all machines as they are now."""
        with self._explained(f"save the snapshot {snapshot}"):
            self._vagrant.snapshot_save(snapshot)

    def restore(self, snapshot: str) -> None:
        """Make all machines what they were."""
        with self._explained(f"restore the snapshot {snapshot}"):
            self._vagrant.snapshot_restore(snapshot)

    def addresses(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Where running machines are reached by ssh: `host` and `port` of each."""
        with self._explained("find out how the machines are reached"):
            return parse_ssh_config(self._vagrant.ssh_config(vm_name=pattern(names)))

    def _note_waiting(self, holder: str) -> None:
        with self.log.open("a") as log:
            log.write(f"waiting for {holder}, which starts machines of another stack\n")

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Work of Vagrant's. Raises VagrantError for its failure; what it has said is in the log, legibly."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        errors = None
        try:
            yield
        except subprocess.CalledProcessError as error:
            errors = plain(error.output or "")  # python-vagrant keeps what it has read for itself
        with self.log.open("r+", errors="replace", newline="") as log:
            log.seek(begin)
            said = FIGURES.sub("", log.read()) + (errors or "")
            log.seek(begin)
            log.truncate()
            log.write(said)
        if errors is not None:
            raise VagrantError(f"Vagrant could not {what}: {sentence(said)}; its log: {self.log}")


def boxes(environment: Mapping[str, str]) -> Path:
    """Where Vagrant keeps boxes. Pure."""
    return Path(environment.get("VAGRANT_HOME") or Path.home() / ".vagrant.d")


def without_steering(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what leads Vagrant to another project than that of its directory. Pure.

    VAGRANT_HOME stays: the boxes are there.
    """
    return {
        name: value for name, value in environment.items() if not name.startswith("VAGRANT_") or name == "VAGRANT_HOME"
    }


def pattern(names: Iterable[str]) -> str:
    """How Vagrant is told several machines at once. Pure."""
    return f"/^({'|'.join(map(re.escape, names))})$/"


def parse_ssh_config(text: str) -> dict[str, dict[str, Any]]:
    """`host` and `port` of each machine in what `vagrant ssh-config` prints. Pure."""
    found: dict[str, dict[str, Any]] = {}
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        if key == "Host":
            here = found.setdefault(value, {})
        elif key == "HostName":
            here["host"] = value
        elif key == "Port":
            here["port"] = int(value)
    return found


def parse_snapshots(lines: Iterable[str]) -> dict[str, list[str]]:
    """The snapshots of each machine in what `vagrant snapshot list` prints. Pure."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if machine := re.fullmatch(r"==> (\S+):\s*(.*)", line):
            here = found.setdefault(machine[1], [])
            words = machine[2]
        else:
            words = line.strip()
        if words and " " not in words:  # with blanks: the sentence that there are none
            here.append(words)
    return found


def plain(output: str) -> str:
    """Errors in Vagrant's machine-readable output, as text. Pure."""
    errors = [line.split(",", 4)[-1] for line in output.splitlines() if ",error-exit," in line]
    return "".join(error.replace("%!(VAGRANT_COMMA)", ",").replace("\\n", "\n") + "\n" for error in errors)


def sentence(said: str) -> str:
    """What Vagrant's output means: the cause with its fix where it is one we know, else its own words. Pure."""
    # Vagrant breaks its lines where it likes.
    words = " ".join(" ".join(line for line in said.splitlines() if not PROGRESS.search(line)).split())
    for cause, meaning in CAUSES:
        if re.search(cause, words, re.IGNORECASE):
            return meaning
    return words[-LONGEST:].rstrip(".") or "it gave no reason"
