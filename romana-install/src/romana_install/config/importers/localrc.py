"""DevStack's localrc, or the part [[local|localrc]] of its local.conf. Pure.

Its variables are those of https://docs.openstack.org/devstack/latest/configuration.html.
"""

from __future__ import annotations

import re
import shlex

from romana_install.config.importers.takeover import Keys, Takeover, number

OUR_ADDRESSES = "addresses of endpoints come from romana_cidr, by host, tenant and segment"
REASONS = (
    (r"(SWIFT_HASH|.*_PASSWORD)", "nothing here has that secret"),
    (r"(FIXED_RANGE|FIXED_NETWORK_SIZE|NETWORK_GATEWAY|IPV4_ADDRS_SAFE_TO_USE|SUBNETPOOL_.*)", OUR_ADDRESSES),
    (
        r"(FLOATING_RANGE|PUBLIC_.*|Q_FLOATING_.*)",
        "floating IPs are free addresses of the nodes' own network: openstack_external_cidr",
    ),
    (
        r"(FLAT_INTERFACE|FLAT_NETWORK_BRIDGE|VLAN_INTERFACE|OVS_.*|.*_BRIDGE)",
        "hosts are joined by routes, no bridge",
    ),
    (r"(HOST_IP|SERVICE_HOST|MYSQL_HOST|RABBIT_HOST|.*_HOST)", "each node has an address in the target's network"),
    (r"(MULTI_HOST|NETWORK_MANAGER|Q_.*|ML2_.*|ENABLE_TENANT_.*)", "Romana's drivers are Neutron's plugin here"),
    (r"(enable_service|disable_service|ENABLED_SERVICES)", "the services of a stack are fixed"),
    (r"(enable_plugin|.*_REPO|.*_BRANCH|GIT_BASE|RECLONE|OFFLINE)", "services come from the distribution's packages"),
    (
        r"(LOG.*|SCREEN.*|VERBOSE|DEST|DATA_DIR|SYSLOG.*)",
        "logs and data are where the packages have them",
    ),
    (
        r"(IMAGE_URLS|DOWNLOAD_DEFAULT_IMAGES)",
        "the demo has an image; add others with: openstack image create",
    ),
)
KEYS = Keys(
    accounts={
        "ADMIN_PASSWORD": ["admin", "demo"],
        "RABBIT_PASSWORD": ["rabbitmq"],
        "SERVICE_PASSWORD": ["glance", "placement", "nova", "neutron", "service"],
        "DATABASE_PASSWORD": ["database"],
        "MYSQL_PASSWORD": ["database"],
        "SERVICE_TOKEN": ["token"],
    },
    variables={
        "REGION_NAME": ("openstack_region", str),
        "API_WORKERS": ("openstack_api_workers", number),
        "LIBVIRT_TYPE": ("openstack_virt_type", str),
        "LIBVIRT_CPU_MODE": ("openstack_cpu_mode", str),
    },
    reasons=REASONS,
)
ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")


def take_over(text: str) -> Takeover:
    """What a localrc says."""
    found = Takeover(KEYS)
    for line in _own_lines(text, found):
        assignment = ASSIGNMENT.fullmatch(line)
        if assignment:
            _take(found, assignment[1], assignment[2])
        else:
            found.leave(line.split()[0])
    return found


def _own_lines(text: str, found: Takeover) -> list[str]:
    """The lines that say something, less the parts of a local.conf that are for other files."""
    ours, lines = True, []
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[["):
            ours = line == "[[local|localrc]]"
            if not ours:
                found.left[line] = "such a part is for a file that DevStack writes"
        elif ours and line and not line.startswith("#"):
            lines.append(line)
    return lines


def _take(found: Takeover, key: str, text: str) -> None:
    try:
        value = "".join(shlex.split(text, comments=True))
    except ValueError:
        found.left[key] = "a quotation in it is not closed"
        return
    if "$" in value or "`" in value:
        found.left[key] = "only a shell can tell its value"
    else:
        found.take(key, value)
