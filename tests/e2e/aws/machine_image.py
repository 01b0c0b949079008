"""The root file system of an instance: a node's packages, and of what Debian's image for EC2 has what boots it there.

That is cloud-init, netplan, systemd's network and name services, and unattended-upgrades. Three things differ here:

- A container is no Xen machine, by whose number cloud-init tells EC2 from other clouds before it asks for a token, and
  cloud-init believes no DMI data in a container. So it reads the number from a file of the image instead of
  /sys/hypervisor/uuid; this line is all that is changed in it.
- Netplan's files for networkd match an interface's permanent address, which a veth does not have; so they are changed
  to match its address.
- No udev runs in a container, whose rules for interfaces that are plugged in later cloud-init would have read anew:
  without them it has failed. It configures the network at each boot instead, as images may have it do: so what an
  interface has got since the first boot would be configured, too.

What is installed is started at boot as presets say, of which an image with services has one that disables all.
"""

from __future__ import annotations

from pathlib import Path

from image_layer import layer
from node_image import node_image
from server_image import EMPTY_DATABASES
from uplink import trust

CLOUD_INIT = """
mkdir -p /etc/systemd/system-preset
printf 'enable %s\n' 'cloud-*' 'systemd-networkd*' systemd-resolved.service unattended-upgrades.service 'apt-daily*' \
    >/etc/systemd/system-preset/00-aws.preset
apt-get -qq install --no-install-recommends cloud-init libnss-myhostname libnss-resolve netplan.io polkitd sudo \
    systemd-resolved unattended-upgrades
echo ec2e1916-9099-7caf-fd21-012345abcdef >/etc/hypervisor-uuid
source=/usr/lib/python3/dist-packages/cloudinit/sources/DataSourceEc2.py
grep -q '"/sys/hypervisor/uuid"' "$source"
sed -i 's,"/sys/hypervisor/uuid","/etc/hypervisor-uuid",' "$source"
python3 -m py_compile "$source"
cat >/etc/cloud/cloud.cfg.d/90_container.cfg <<END
datasource_list: [Ec2]
updates: {network: {when: [boot-new-instance, boot]}}
END
systemctl enable systemd-networkd
generate=/usr/libexec/netplan/generate
mv "$generate" "$generate.netplan"
cat >"$generate" <<'END'
#!/bin/bash
(exec -a "$0" /usr/libexec/netplan/generate.netplan "$@") || exit
sed -i s/^PermanentMACAddress=/MACAddress=/ /run/systemd/network/*-netplan-*.network 2>/dev/null || true
END
chmod 755 "$generate"
"""


# What Debian 12 needs beside that: its image has a locale, and its cloud-init fails where no udev can be asked.
# And what a machine can do, and a container cannot: stack.sh starts iSCSI, and has the kernel merge pages of memory.
STACKABLE = """
echo LANG=C.UTF-8 >/etc/default/locale
printf '#!/bin/sh\\n' >/usr/local/bin/udevadm
chmod 755 /usr/local/bin/udevadm
printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/true\\n' >/etc/systemd/system/iscsid.service
printf '[Mount]\\nWhat=tmpfs\\nWhere=/sys/kernel/mm/ksm\\nType=tmpfs\\n[Install]\\nWantedBy=local-fs.target\\n' \\
    >/etc/systemd/system/sys-kernel-mm-ksm.mount
systemctl enable sys-kernel-mm-ksm.mount
"""


def machine_image(services: bool = False) -> list[Path]:
    """The directories that the image consists of, each laid over the next; they are not to be written to.

    Args:
        services: whether it has OpenStack's packages, as there is no mirror.
    """
    base = node_image("packages" if services else "none")
    return [layer("aws", base, CLOUD_INIT + (EMPTY_DATABASES if services else "")), base]


def plain_image(debian: str) -> list[Path]:
    """The same of an image with an uplink, by which packages are installed. debian: its release."""
    base = node_image("none", debian)
    return [layer("aws", base, trust() + CLOUD_INIT + STACKABLE), base]
