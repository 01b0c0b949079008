"""The guest that the installer brings, booted for real."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from image_layer import APART
from node_image import node_image
from waiting import eventually

from .machine import ADDRESS, GATEWAY, GUEST, PATIENCE, SECOND_ADDRESS, Guest, Network

USER_DATA = "#!/bin/sh\necho made by user data >/tmp/made\nexit 7\n"


def test_it_is_not_built_again_from_the_same(tmp_path: Path) -> None:
    script = (
        'mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"; chroot "$2/root" $3'
    )
    for name in ("upper", "work", "root"):
        (tmp_path / name).mkdir()
    builder = f"/usr/local/lib/romana/guest-image/build-guest-image /{GUEST}"
    command = [*APART, "sh", "-ec", script, "sh", node_image("packages"), tmp_path, builder]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "up to date\n"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key; its public half has .pub behind."""
    path = tmp_path_factory.mktemp("key") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@pytest.fixture(scope="module")
def guest(usual_network: Network, image: Path, key: Path) -> Guest:
    """A guest with all that OpenStack gives an instance, up. Tests share it: an emulated processor boots for long."""
    usual_network.dhcp(f"--dhcp-option=option:router,{GATEWAY}", "--dhcp-option=option:dns-server,192.0.2.53")
    usual_network.metadata(
        {
            "meta-data/hostname": "web-1.example.org",
            "meta-data/public-keys/0/openssh-key": key.with_suffix(".pub").read_text(),
            "user-data": USER_DATA,
        }
    )
    guest = usual_network.boot(image)
    guest.wait_for("user-data ended")
    guest.wait_for("\n")
    return guest


def ssh(network: Network, key: Path, command: str) -> str:
    """What the command prints in the guest."""
    options = ["-F", "none", "-i", str(key), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"]
    files = ["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    return network.run("ssh", *options, *files, f"root@{ADDRESS}", command)


def test_guest_becomes_what_its_metadata_says(guest: Guest, usual_network: Network, key: Path) -> None:
    steps = ["booted", f"lease {ADDRESS}/16", "metadata ok", "ready"]
    assert [marker for marker in guest.markers() if marker in steps] == steps
    assert ssh(usual_network, key, "hostname; hostname -f").split() == ["web-1", "web-1.example.org"]
    assert ssh(usual_network, key, "cat /etc/resolv.conf") == "nameserver 192.0.2.53\n"
    assert ssh(usual_network, key, "ip route show default").split()[:5] == ["default", "via", GATEWAY, "dev", "eth0"]
    assert usual_network.run("busybox", "wget", "-q", "-O", "-", f"http://{ADDRESS}/") == f"web-1 {ADDRESS}/16\n"


def test_what_instructions_for_other_images_begin_with_is_there(
    guest: Guest, usual_network: Network, key: Path
) -> None:
    assert guest.process.poll() is None
    assert (
        ssh(usual_network, key, "sudo curl -s http://169.254.169.254/latest/meta-data/hostname") == "web-1.example.org"
    )
    assert [line.split()[0] for line in ssh(usual_network, key, "lsblk -b --nodeps").splitlines()] == ["NAME"]


def test_a_shell_on_the_screen_takes_keys(guest: Guest, usual_network: Network) -> None:
    def until(text: str) -> None:
        eventually(lambda: text in usual_network.screen(), f"the screen shows {text}", PATIENCE)

    assert guest.process.poll() is None
    until("press Enter for a shell")
    usual_network.press("ret")
    until("~#")
    usual_network.press(*"uname")
    until("~# uname")


def test_user_data_runs(guest: Guest, usual_network: Network, key: Path) -> None:
    guest.wait_for("romana-guest: user-data ended with status 7")
    assert ssh(usual_network, key, "cat /tmp/made") == "made by user data\n"


def test_console_has_a_shell_for_who_presses_enter(guest: Guest) -> None:
    guest.type("\n")
    guest.wait_for("web-1:")
    guest.type("echo $((6 * 7)) is the answer\n")
    guest.wait_for("42 is the answer")
    guest.type("exit\n")
    guest.wait_for("press Enter", after="42 is the answer")
    guest.type("\ntty\n")
    guest.wait_for("/dev/ttyS0")


# The last of those that share it.
def test_power_button_stops_the_guest(guest: Guest, usual_network: Network) -> None:
    usual_network.press_power_button()
    guest.wait_for("The system is going down")
    assert guest.process.wait(PATIENCE) == 0


def test_guest_takes_routes_to_a_gateway_outside_its_own_prefix(network: Network, image: Path) -> None:
    routes = f"--dhcp-option-force=option:classless-static-route,{GATEWAY}/32,0.0.0.0,0.0.0.0/0,{GATEWAY}"
    network.dhcp("--dhcp-option-force=option:netmask,255.255.255.255", routes)
    network.metadata({})
    guest = network.boot(image)
    guest.wait_for("romana-guest: ready")
    assert f"lease {ADDRESS}/32" in guest.markers()
    network.run("busybox", "ping", "-c", "1", "-W", str(PATIENCE), ADDRESS)


def test_each_of_two_cards_answers_by_itself(network: Network, image: Path) -> None:
    network.plug_second()
    network.dhcp(f"--dhcp-option=option:router,{GATEWAY}")
    network.metadata({})
    guest = network.boot(image)
    for address in (ADDRESS, SECOND_ADDRESS):
        guest.wait_for(f"romana-guest: lease {address}/16")
        network.run("busybox", "ping", "-c", "1", "-W", str(PATIENCE), address)


def test_guest_without_key_lets_nobody_in(network: Network, image: Path) -> None:
    network.dhcp()
    network.metadata({"meta-data/hostname": "alone"})
    network.boot(image).wait_for("romana-guest: ready")
    assert network.run("busybox", "wget", "-q", "-O", "-", f"http://{ADDRESS}/") == f"alone {ADDRESS}/16\n"
    with pytest.raises(subprocess.CalledProcessError) as refused:
        network.run("busybox", "nc", "-w", "5", ADDRESS, "22")
    assert "refused" in refused.value.stderr


def test_guest_waits_for_its_lease_and_says_why_it_has_no_metadata(network: Network, image: Path) -> None:
    guest = network.boot(image)
    guest.wait_for("romana-guest: no lease on eth0 yet")
    network.dhcp(f"--dhcp-option=option:router,{GATEWAY}")
    guest.wait_for("romana-guest: ready")
    refused = "no metadata: can't connect to remote host (169.254.169.254): Connection refused"
    assert guest.markers()[-3:] == [f"lease {ADDRESS}/16", refused, "ready"]
