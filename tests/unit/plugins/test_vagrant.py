"""What Vagrant says, understood; and what the modules that drive it would change."""

from __future__ import annotations

import pytest
from plugins.module_utils.difference import Difference, RefusedError
from plugins.module_utils.vagrant import parse_snapshots, parse_ssh_config, pattern, plain, sentence, without_steering
from plugins.modules import vagrant_machines, vagrant_snapshot

BOX = """\
==> controller: Box 'debian/trixie64' could not be found. Attempting to find and install...
    controller: Box Provider: virtualbox
The box 'debian/trixie64' could not be found or
could not be accessed in the remote catalog. If this is a private
box on HashiCorp's Vagrant Cloud, please verify you're logged in.
"""
NO_SSH = """\
==> controller: Waiting for machine to boot. This may take a few minutes...
    controller: SSH address: 127.0.0.1:2222
Timed out while waiting for the machine to boot. This means that
Vagrant was unable to communicate with the guest machine within
the configured ("config.vm.boot_timeout" value) time period.
"""
FULL = """\
There was an error while executing `VBoxManage`, a CLI used by Vagrant
for controlling VirtualBox. The command and stderr is shown below.

Command: ["import", "/box.ovf"]

Stderr: VBoxManage: error: VERR_DISK_FULL
"""
NETWORK = "The IP address configured for the host-only network is not within the\nallowed ranges. Please update"
LOCKED = "Vagrant can't use the requested machine because it is locked! This\nmeans that another Vagrant process"
USABLE = "'controller' is reporting that it isn't usable on this system. The\nreason is shown below:"
PROVIDER = "The provider 'libvirt' could not be found, but was requested to\nback the machine 'controller'."
LIBVIRT = "Error while connecting to Libvirt: Call to virConnectOpen failed: Failed to connect socket to"
TAKEN = "Name `romana-a-controller` of domain about to create is already taken. Please try to run"


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        (BOX, "vagrant box add"),
        (NO_SSH, "vagrant_boot_timeout"),
        (FULL, "the disk is full"),
        (NETWORK, "/etc/vbox/networks.conf"),
        (LOCKED, "another Vagrant"),
        (USABLE, "not usable"),
        (PROVIDER, "does not have that provider"),
        (LIBVIRT, "start libvirtd"),
        (TAKEN, "stack_name"),
        ("==> a: fine\n    a: fine\nSomething nobody\nhas seen.\n", "Something nobody has seen"),
        ("==> a: fine\n", "it gave no reason"),
    ],
)
def test_a_failure_is_one_line_that_says_what_to_do(said: str, meaning: str) -> None:
    assert meaning in sentence(said)
    assert "\n" not in sentence(said)


def test_errors_in_machine_readable_output_are_text() -> None:
    output = "17,,ui,info,x\n17,,error-exit,Vagrant::Errors::X,One line%!(VAGRANT_COMMA)\\nanother, too\n"
    assert plain(output) == "One line,\nanother, too\n"


def test_addresses_are_read_from_ssh_config() -> None:
    first = "Host controller\n  HostName 127.0.0.1\n  User vagrant\n  Port 2222\n"
    assert parse_ssh_config(first + "\nHost compute01\n  HostName 192.0.2.7\n  Port 22\n") == {
        "controller": {"host": "127.0.0.1", "port": 2222},
        "compute01": {"host": "192.0.2.7", "port": 22},
    }


def test_snapshots_are_read_for_each_machine() -> None:
    none = "==> compute01: No snapshots have been taken yet!"
    advice = "    compute01: You can take a snapshot using `vagrant snapshot save`."
    lines = ["==> controller: ", "good", "better", none, advice, ""]
    assert parse_snapshots(lines) == {"controller": ["good", "better"], "compute01": []}


def test_several_machines_are_one_pattern() -> None:
    assert pattern(["controller", "compute01"]) == "/^(controller|compute01)$/"


@pytest.mark.parametrize(
    ("states", "steps"),
    [
        ({}, (("up", ["a", "b"]),)),
        ({"a": "running", "b": "running", "theirs": "poweroff"}, ()),
        ({"a": "running", "b": "not_created"}, (("up", ["b"]),)),
        ({"a": "running", "b": "poweroff"}, (("up", ["b"]),)),
        ({"a": "running", "b": "half made"}, (("destroy", ["b"]), ("up", ["b"]))),
    ],
)
def test_machines_are_made_started_or_made_again(states: dict[str, str], steps: tuple[object, ...]) -> None:
    assert vagrant_machines.difference(["a", "b"], states, "present").steps == steps


def test_only_machines_that_are_there_are_removed() -> None:
    states = {"a": "running", "b": "not_created", "c": "half made", "theirs": "running"}
    change = vagrant_machines.difference(["a", "b", "c"], states, "absent")
    assert change == Difference({"a": "running", "c": "half made"}, {}, (("destroy", ["a", "c"]),))


def test_a_snapshot_is_saved_once() -> None:
    there = {"a": ["good"], "b": ["good"]}
    assert vagrant_snapshot.difference("good", ["a", "b"], there, "present").steps == ()
    assert vagrant_snapshot.difference("better", ["a", "b"], there, "present").steps == ("save",)
    assert vagrant_snapshot.difference("good", ["a", "b", "c"], there, "present").steps == ("save",)


def test_a_snapshot_that_not_all_machines_have_is_not_restored() -> None:
    with pytest.raises(RefusedError, match="no snapshot good of b; there are: good"):
        vagrant_snapshot.difference("good", ["a", "b"], {"a": ["good"], "b": []}, "restored")


def test_only_where_the_boxes_are_is_taken_from_the_environment() -> None:
    theirs = {"VAGRANT_CWD": "/theirs", "VAGRANT_DOTFILE_PATH": "/theirs/.vagrant"}
    assert without_steering({**theirs, "VAGRANT_HOME": "/b", "HOME": "/h"}) == {"VAGRANT_HOME": "/b", "HOME": "/h"}
