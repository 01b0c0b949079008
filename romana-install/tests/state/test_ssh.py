"""Keys and ssh_config, as OpenSSH sees them."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from users_ssh import HARMFUL

from romana_install.config.settings import Config
from romana_install.state import ssh
from romana_install.state.stack import ADDRESSES_FILE, Node, Reach, Stack, UnknownNodeError
from romana_install.targets.aws.target import Aws
from romana_install.targets.local.target import Local
from romana_install.targets.static import ssh_config
from romana_install.targets.static.target import Static
from romana_install.targets.target import Target
from romana_install.targets.vagrant.target import Vagrant


def stack(directory: Path, computes: int = 1) -> Stack:
    return Stack("romana", directory, Local().nodes(Config(devstack_compute_node=computes)), Local())


def output(*command: object) -> str:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout


def effective(directory: Path, host: str) -> dict[str, str]:
    lines = output("ssh", "-G", "-F", directory / "ssh_config", host).splitlines()
    return dict(line.split(" ", 1) for line in lines if " " in line)


@pytest.fixture(autouse=True)
def _sockets_go_away(tmp_path: Path) -> Iterator[None]:
    # Paths of tests are so long (and tmp_path has been made by now) that sockets go to the temporary directory.
    assert tmp_path.exists()
    with tempfile.TemporaryDirectory(prefix="ssh") as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", directory)
        yield


@pytest.fixture
def made(tmp_path: Path) -> Stack:
    made = stack(tmp_path)
    ssh.ensure(made)
    return made


def test_keys_are_pairs(made: Stack) -> None:
    keys = [made.directory / "ssh" / "id_ed25519", *(made.directory / "ssh/host_keys" / n.name for n in made.nodes)]
    for key in keys:
        assert key.stat().st_mode & 0o777 == 0o600
        public = key.with_name(f"{key.name}.pub").read_text().split()
        assert output("ssh-keygen", "-y", "-P", "", "-f", key).split()[:2] == public[:2]


@pytest.mark.parametrize("host", ["controller", "192.168.99.10", "compute01", "192.168.99.11"])
def test_host_keys_are_known_by_name_and_address(made: Stack, host: str) -> None:
    name = {"192.168.99.10": "controller", "192.168.99.11": "compute01"}.get(host, host)
    found = output("ssh-keygen", "-F", host, "-f", made.directory / "ssh" / "known_hosts")
    assert (made.directory / "ssh/host_keys" / f"{name}.pub").read_text().split()[1] in found


@pytest.mark.parametrize("host", ["compute01", "192.168.99.11"])
def test_what_ssh_makes_of_the_configuration(made: Stack, host: str) -> None:
    found = effective(made.directory, host)
    assert found["hostname"] == "192.168.99.11"
    assert found["user"] == "root"
    assert found["stricthostkeychecking"] in ("true", "yes")
    assert found["userknownhostsfile"] == str(made.directory / "ssh" / "known_hosts")
    assert found["identityfile"] == str(made.directory / "ssh" / "id_ed25519")
    assert found["controlmaster"] == "auto"
    assert found["controlpath"] == str(ssh.control_path(made, made.node("compute01")))


ODD = "a b'\"$x%h#ü\\[c]*;-"  # what a path may have that ssh and shells take for something else


def test_paths_may_have_any_characters(tmp_path: Path) -> None:
    made = stack(tmp_path / ODD)
    ssh.ensure(made)
    found = effective(made.directory, "controller")
    assert found["identityfile"].replace("%%", "%") == str(made.directory / "ssh" / "id_ed25519")
    assert found["userknownhostsfile"] == str(made.directory / "ssh" / "known_hosts")


def test_addresses_that_are_included_are_found_on_any_path(tmp_path: Path) -> None:
    made = replace(stack(tmp_path / ODD), target=Vagrant("libvirt"))
    ssh.ensure(made)
    (made.directory / ADDRESSES_FILE).write_text("Host controller\n    HostName 127.0.0.1\n")
    assert effective(made.directory, "controller")["hostname"] == "127.0.0.1"


def test_bastion_is_reached_with_the_same_configuration_on_any_path(tmp_path: Path) -> None:
    directory = tmp_path / ODD
    made = stack(directory)
    made = replace(made, target=Static({node.name: Reach(node.address, "me") for node in made.nodes}, "you@gate:2200"))
    ssh.ensure(made)
    command = effective(directory, "controller")["proxycommand"].replace("%%", "%")
    words = output("sh", "-c", f"printf '%s\\n' {command}").splitlines()
    assert words == ["ssh", "-F", str(directory / "ssh_config"), "-W", "[%h]:%p", "ssh://you@gate:2200"]
    assert effective(directory, "ssh://you@gate:2200")["hostname"] == "gate"


def test_socket_path_is_short_enough_for_the_kernel(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / ("long" * 40)):
        assert len(str(ssh.control_directory(directory))) + ssh.SOCKET_NAME <= ssh.SOCKET_PATH


def test_two_stacks_with_long_paths_have_sockets_of_their_own(tmp_path: Path) -> None:
    long = tmp_path / ("long" * 40)
    assert ssh.control_directory(long / "a") != ssh.control_directory(long / "b")


def test_keys_are_kept_and_those_of_removed_nodes_are_not(tmp_path: Path) -> None:
    ssh.ensure(stack(tmp_path, 2))
    keys = tmp_path / "ssh/host_keys"
    before = {path.name: path.read_text() for path in keys.iterdir()}
    ssh.ensure(stack(tmp_path, 1))
    assert {path.name: path.read_text() for path in keys.iterdir()} == {
        name: text for name, text in before.items() if not name.startswith("compute02")
    }
    ssh.ensure(stack(tmp_path, 2))
    assert (keys / "compute02").read_text() != before["compute02"]


def test_node_that_is_leaving_keeps_its_key(tmp_path: Path) -> None:
    two = stack(tmp_path, 2)
    ssh.ensure(two)
    key = (tmp_path / "ssh/host_keys/compute02").read_text()
    ssh.ensure(replace(stack(tmp_path, 1), leaving=two.nodes[2:]))
    assert (tmp_path / "ssh/host_keys/compute02").read_text() == key
    assert effective(tmp_path, "compute02")["hostname"] == "192.168.99.12"


def test_command_to_a_node(made: Stack) -> None:
    config = str(made.directory / "ssh_config")
    assert made.ssh_command("compute01", "ip", "route") == ["ssh", "-F", config, "compute01", "ip", "route"]


def test_unknown_node_lists_the_nodes(made: Stack) -> None:
    with pytest.raises(UnknownNodeError, match="no node named 'compute02'; it has: controller, compute01"):
        made.ssh_command("compute02")


def test_machines_of_vagrant_are_told_by_number_not_by_address(tmp_path: Path) -> None:
    made = replace(stack(tmp_path), target=Vagrant("libvirt"))
    ssh.ensure(made)
    (tmp_path / ADDRESSES_FILE).write_text(
        "Host controller 192.168.99.10\n    HostName 127.0.0.1\n    Port 2222\n    HostKeyAlias controller\n"
    )
    found = effective(tmp_path, "controller")
    assert (found["hostname"], found["port"]) == ("127.0.0.1", "2222")
    for node in made.nodes:  # as uninstallation and snapshots close them
        assert effective(tmp_path, node.name)["controlpath"] == str(ssh.control_path(made, node))
    assert effective(tmp_path, "compute01")["hostname"].endswith(".invalid")


SERVERS = ("alpha", "192.0.2.10"), ("beta", "mine"), ("gamma", "192.0.2.12")
# Options of ssh that say how to get somewhere, and as whom: what the user's configuration says of them is heard.
THE_WAY = """
    host user hostname port addressfamily bindaddress bindinterface canonicaldomains canonicalizefallbacklocal
    canonicalizehostname canonicalizemaxdots canonicalizepermittedcnames casignaturealgorithms certificatefile
    checkhostip ciphers compression controlpath enablesshkeysign fingerprinthash globalknownhostsfile
    gssapiauthentication gssapiclientidentity gssapikexalgorithms gssapikeyexchange gssapirenewalforcesrekey
    gssapiserveridentity gssapitrustdns hostbasedacceptedalgorithms hostbasedauthentication hostkeyalgorithms
    hostkeyalias identitiesonly identityagent identityfile ignoreunknown ipqos kbdinteractiveauthentication
    kbdinteractivedevices kexalgorithms knownhostscommand macs nohostauthenticationforlocalhost
    passwordauthentication pkcs11provider preferredauthentications proxycommand proxyjump proxyusefdpass
    pubkeyacceptedalgorithms pubkeyauthentication rekeylimit requiredrsasize revokedhostkeys securitykeyprovider
    tcpkeepalive userknownhostsfile verifyhostkeydns obscurekeystroketiming versionaddendum warnweakcrypto
"""
# What has no effect while what it belongs to is off.
WITHOUT_EFFECT = """
    forwardx11timeout xauthlocation permitremoteopen streamlocalbindmask streamlocalbindunlink syslogfacility
    tunneldevice localcommand localforward remoteforward dynamicforward numberofpasswordprompts tag refuseconnection
    channeltimeout
"""
LEADING = """Host 192.0.2.1?
    ProxyJump me@gate
    Ciphers aes256-ctr
Host mine
    HostName 198.51.100.7
    IdentityFile ~/.ssh/mine
    HostKeyAlias it
Host gate
    HostName 198.51.100.1
    Port 2200
"""


def servers(directory: Path, users: str, jump: str = "") -> Stack:
    """A stack on servers, with a user whose configuration of ssh is this."""
    nodes = tuple(Node(name, f"192.0.2.{10 + n}", n, n == 0, True) for n, (name, _) in enumerate(SERVERS))
    reach = {name: Reach(host, "me", destination=host) for name, host in SERVERS[:2]} | {"gamma": Reach("mine", "me")}
    made = Stack("romana", directory, nodes, Static(reach, jump))
    ssh.ensure(made)
    (directory / "users").write_text(users)
    config = directory / ssh.CONFIG_FILE
    config.write_text(config.read_text().replace(f"Include {ssh_config.USERS_CONFIG}", f'Include "{directory}/users"'))
    return made


def everything(stack: Stack, host: str) -> set[str]:
    return set(output("ssh", "-G", "-F", stack.directory / ssh.CONFIG_FILE, host).splitlines())


@pytest.mark.parametrize("jump", ["", "you@gate"])
@pytest.mark.parametrize("host", ["192.0.2.10", "mine", "gamma", "gate"])
def test_the_users_configuration_changes_nothing_but_the_way(tmp_path: Path, host: str, jump: str) -> None:
    with_it, without = (everything(servers(tmp_path, users, jump), host) for users in (HARMFUL, ""))
    changed = {line.split()[0] for line in with_it ^ without}
    # For a bastion a connection is made use of that the user keeps open.
    assert changed <= set(WITHOUT_EFFECT.split()) | ({"controlpath"} if host == "gate" else set())
    assert "clearallforwardings yes" in with_it
    assert not any(line.startswith(("sendenv ", "remotecommand ")) for line in with_it)


def test_every_option_of_this_ssh_is_judged(tmp_path: Path) -> None:
    """So that one that a later ssh knows is not overlooked."""
    said = {line.split()[0].lower() for line in everything(servers(tmp_path, HARMFUL + LEADING), "192.0.2.10")}
    ours = {line.split()[0].lower() for line in ssh_config.OURS} | {"loglevel"}
    others = {*THE_WAY.split(), *WITHOUT_EFFECT.split()}
    assert not ours & others
    assert said <= ours | others


def test_the_users_configuration_says_how_to_get_there(tmp_path: Path) -> None:
    made = servers(tmp_path, LEADING + HARMFUL)
    assert made.login_command("alpha")[-1] == "192.0.2.10"
    by_pattern, by_alias, gate = (effective(tmp_path, host) for host in ("192.0.2.10", "mine", "gate"))
    assert (by_pattern["proxyjump"], by_pattern["ciphers"]) == ("me@gate", "aes256-ctr")
    assert (by_alias["hostname"], by_alias["hostkeyalias"]) == ("198.51.100.7", "it")
    assert (gate["hostname"], gate["port"]) == ("198.51.100.1", "2200")


def test_servers_are_also_reached_by_their_names(tmp_path: Path) -> None:
    servers(tmp_path, "")
    assert effective(tmp_path, "alpha")["hostname"] == "192.0.2.10"
    assert effective(tmp_path, "alpha")["user"] == "me"


@pytest.mark.parametrize("target", [Local(), Aws(), Vagrant()])
def test_what_we_make_is_reached_without_the_users_configuration(tmp_path: Path, target: Target) -> None:
    made = replace(stack(tmp_path), target=target)
    includes = [
        line for line in made.target.ssh_config(made, "ERROR").splitlines() if line.strip().startswith("Include")
    ]
    assert not any("~" in line or "/etc" in line for line in includes)
    assert made.login_command("controller")[:3] == ["ssh", "-F", str(tmp_path / ssh.CONFIG_FILE)]
