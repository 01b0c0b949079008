"""The layers of the tests, from the bottom up: where each is, and what it needs of the distribution."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

# What the tests of all layers start for real, beside what the installer itself installs.
PACKAGES = ("git", "iproute2", "iptables", "nftables", "openssh-client", "openssl", "procps")
# And those of most layers: whose network, database, container or guest is a real one.
PROGRAMS = (
    *("busybox", "curl", "debian-archive-keyring", "dnsmasq-base", "mariadb-client-core", "mariadb-server-core"),
    *("mmdebstrap", "qemu-system-x86", "seabios", "systemd-container"),
)
BROWSER = ("chromium", "chromium-driver")
# Also libvirtd itself, without its service: the tests start it in a place of its own.
VAGRANT = (
    *("e2fsprogs", "libvirt-clients", "libvirt-daemon", "libvirt-daemon-driver-qemu", "qemu-utils"),
    *("vagrant", "vagrant-libvirt"),
)


@dataclass(frozen=True)
class Layer:
    """A layer.

    Args:
        folders: where its tests are, folders or files below the project's directory.
        packages: distribution packages that it needs, and not each layer does.
        by_name: it runs only where it is named: it takes too long for every run, or costs money.
    """

    folders: tuple[str, ...]
    packages: tuple[str, ...] = PROGRAMS
    by_name: bool = False


# Three files run at a time, as each waits now and then, begun in this order: the last are many that are short.
LAYERS = {
    # Begins with no cache; what it leaves there, images above all, is what the others work with.
    "first": Layer(("tests/fresh/test_debian12.py",)),
    "lint": Layer(("tests/lint",)),
    "unit": Layer(("romana-core/tests/unit", "romana-install/tests", "tests/unit"), packages=()),
    "launcher": Layer(("tests/launcher",), packages=()),
    "api": Layer(("romana-core/tests/store", "romana-core/tests/server", "romana-core/tests/cli")),
    "browser": Layer(("romana-core/tests/browser",), BROWSER),
    "drivers": Layer(("networking-romana/tests/drivers",)),
    "legacy": Layer(("networking-romana/tests/legacy",)),
    "vagrant": Layer(
        ("tests/e2e/vagrant/test_stack.py", "tests/e2e/vagrant/test_virtualbox.py"), (*PROGRAMS, *VAGRANT)
    ),
    "openstack": Layer(("tests/e2e/openstack/test_cloud.py",), (*PROGRAMS, *BROWSER)),
    # Waits more than it works, beside two that work all the time.
    "agent": Layer(("romana-core/tests/agent", "romana-core/tests/probe", "tests/network")),
    "systems": Layer(("tests/fresh/test_sudo.py",)),
    "guest": Layer(("tests/guest",)),
    "roles": Layer(("tests/roles",)),
    "static": Layer(("tests/e2e/static",)),
    "local": Layer(("tests/e2e/local",)),
    "aws": Layer(("tests/e2e/aws",)),
    "modules": Layer(("tests/modules",)),
    "tempest": Layer(("tests/e2e/openstack/test_tempest.py",), (*PROGRAMS, *BROWSER, "iputils-ping"), by_name=True),
    "vagrant-openstack": Layer(("tests/e2e/vagrant/test_openstack.py",), (*PROGRAMS, *VAGRANT), by_name=True),
    "aws-liberty": Layer(("tests/e2e/aws/devstack",), by_name=True),
    "aws-real": Layer(("tests/e2e/aws/real",), packages=(), by_name=True),
}
SETS = {
    "quick": ("lint", "unit", "api", "modules"),
    "fresh": ("first", "systems"),
    # Those that have cases marked long; run-tests adds --long=only, and for everything --long=also.
    "long": ("api", "drivers", "legacy", "agent", "vagrant", "openstack", "systems", "static", "local", "aws", "roles"),
    "everything": tuple(name for name, layer in LAYERS.items() if not layer.by_name),
}


class UnknownLayerError(ValueError):
    """A name that is no layer's."""


def chosen(names: Iterable[str]) -> list[str]:
    """The layers that are meant, in their order; without names, all but those by name. Raises UnknownLayerError."""
    wanted: set[str] = set()
    for name in names:
        if name not in LAYERS and name not in SETS:
            raise UnknownLayerError(f"no layer is named '{name}'; there are: {' '.join([*LAYERS, *SETS])}")
        wanted.update(SETS.get(name, (name,)))
    return [name for name, layer in LAYERS.items() if name in wanted or not (wanted or layer.by_name)]


def layer_of(test: str) -> str | None:
    """The layer of a test, by its node id or path; None when it is in none.

    What is in folders of two, one in the other, is of the inner one's.
    """
    path = PurePosixPath(test.partition("::")[0])
    folders = {folder: name for name, layer in LAYERS.items() for folder in layer.folders}
    return folders.get(max(filter(path.is_relative_to, folders), key=len, default=""))


def main() -> int:
    """Print the folders or packages of layers. usage: layers.py folders|packages [LAYER ...]; returns 2 if misused."""
    what, *names = sys.argv[1:]
    try:
        layers = [LAYERS[name] for name in chosen(names)]
    except UnknownLayerError as error:
        print(f"run-tests: {error}", file=sys.stderr)
        return 2
    found = {
        "folders": [folder for layer in layers for folder in layer.folders],
        "packages": dict.fromkeys([*PACKAGES, *(package for layer in layers for package in layer.packages)]),
    }
    print(*found[what])
    return 0


if __name__ == "__main__":
    sys.exit(main())
