"""The root file system of a plain Debian server that nobody's installer has touched, built once and kept."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import yaml
from debian_mirror import debian_mirror

from romana_install.stack import cache_home

PROJECT = Path(__file__).parents[2]
RELEASE = "trixie"
# A server has sshd, sudo and Python; the others are what Romana installs, as these servers have no way to a mirror.
PACKAGES = (
    *("dbus", "openssh-server", "procps", "python3", "sudo", "systemd", "systemd-sysv", "iputils-ping"),
    *("busybox", "dnsmasq-base", "iproute2", "nftables"),
)
OPTIONS = (
    "--variant=minbase",
    "--mode=root",
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=APT::Install-Recommends "false"',
    "--dpkgopt=force-unsafe-io",
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")),
    '--customize-hook=rm "$1"/etc/ssh/ssh_host_*',
    '--customize-hook=echo uninitialized > "$1"/etc/machine-id',
    # Containers have neither modules to load nor a console to log in at.
    *(
        f'--customize-hook=ln -sf /dev/null "$1"/etc/systemd/system/{name}.service'
        for name in ("systemd-modules-load", "console-getty")
    ),
    '--customize-hook=chroot "$1" useradd --create-home --shell /bin/bash debian',
)


# What the roles would bring from a mirror, and the image that instances boot.
SERVICE_ROLES = (
    *("mariadb", "rabbitmq", "memcached", "keystone", "glance", "placement", "nova", "neutron", "horizon"),
    *("libvirt", "nova_compute"),
)
GUEST = PROJECT / "roles" / "guest_image" / "files"
SERVICE_OPTIONS = (
    # Services that come with an image would run at its first boot; servers on which somebody installs them have none.
    '--customize-hook=mkdir -p "$1"/etc/systemd/system-preset &&'
    " printf '%s\\n' 'enable ssh.service' 'disable *' > \"$1\"/etc/systemd/system-preset/00-test.preset &&"
    ' systemctl --quiet --root="$1" preset-all',
    '--customize-hook=mkdir -p "$1"/usr/local/lib/romana',
    f'--customize-hook=cp -r {GUEST} "$1"/usr/local/lib/romana/guest-image',
    '--customize-hook=chroot "$1" /usr/local/lib/romana/guest-image/build-guest-image /var/lib/romana/guest',
)


# A mirror of its own on the server, for what somebody takes off it: apt asks nobody else.
MIRRORED = ("busybox", "python3-apt", "python-apt-common", "distro-info-data")
MIRROR_OPTIONS = (
    f"""--customize-hook=chroot "$1" sh -ec '
        mkdir /srv/packages && cd /srv/packages && apt-get -qq download {" ".join(MIRRORED)}
        for name in *%3a*; do mv "$name" "${{name%%_*}}_${{name#*%3a}}"; done # as Filename has it: without the epoch
        apt-cache show --no-all-versions {" ".join(MIRRORED)} | sed "s,^Filename: .*/,Filename: ./," >Packages
        rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
        echo "deb [trusted=yes] file:/srv/packages ./" >/etc/apt/sources.list'""",
)


def service_packages() -> set[str]:
    """The packages of OpenStack's roles."""
    defaults = [
        yaml.safe_load((PROJECT / "roles" / role / "defaults/main.yml").read_text()).items() for role in SERVICE_ROLES
    ]
    return {name for items in defaults for key, names in items if key.endswith("_packages") for name in names}


def server_image(services: bool = False) -> str:
    """The path of the image, with OpenStack's packages or without; it is not to be written to."""
    packages = {*PACKAGES, *(service_packages() if services else ())}
    options = [
        *OPTIONS,
        *(SERVICE_OPTIONS if services else MIRROR_OPTIONS),
        f"--include={','.join(sorted(packages))}",
        RELEASE,
    ]
    inputs = [*options, *(path.read_text() for path in sorted(GUEST.rglob("*")) if services and path.is_file())]
    digest = hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:16]
    path = cache_home() / "images" / f"server-{digest}"
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        subprocess.run(["rm", "-rf", "--one-file-system", partial], check=True)
        done = subprocess.run(
            ["mmdebstrap", *options, partial, *debian_mirror()], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]
        partial.rename(path)
    return str(path)
