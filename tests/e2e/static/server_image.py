"""The root file system of a server: what nodes' image holds, and what a server has beside it.

The packages that Romana and OpenStack need are there already, as these servers have no way to a mirror; but busybox can
be taken off a server, to be installed from a mirror of the server's own.
"""

from __future__ import annotations

from pathlib import Path

from image_layer import layer
from node_image import node_image

# For what somebody takes off a server: apt asks nobody else.
MIRRORED = "busybox python3-apt python-apt-common distro-info-data"
MIRROR = f"""
mkdir /srv/packages && cd /srv/packages && apt-get -qq download {MIRRORED}
for name in *%3a*; do mv "$name" "${{name%%_*}}_${{name#*%3a}}"; done # as Filename has it: without the epoch
apt-cache show --no-all-versions {MIRRORED} | sed 's,^Filename: .*/,Filename: ./,' >Packages
rm -f /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/srv/packages ./' >/etc/apt/sources.list
"""
SERVER = """
apt-get -qq install sudo fish tcsh
useradd --create-home --shell /bin/bash debian
"""
# As the package leaves them: what a cloud needs in its databases is made on the server.
EMPTY_DATABASES = """
rm -r /var/lib/romana-openstack /var/lib/mysql
mariadb-install-db --user=mysql --skip-test-db >/dev/null
"""


def server_image(services: bool = False) -> list[Path]:
    """The directories that the image consists of, each laid over the next; they are not to be written to.

    Args:
        services: whether it has OpenStack's packages.
    """
    base = node_image("packages" if services else "none")
    return [layer("server", base, SERVER + (EMPTY_DATABASES if services else MIRROR)), base]
