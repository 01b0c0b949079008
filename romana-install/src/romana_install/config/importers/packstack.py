"""Answer files of Packstack, the installer of RDO: `packstack --gen-answer-file`. Pure.

Its keys are those of https://github.com/redhat-openstack/packstack, packstack/plugins.
"""

from __future__ import annotations

import configparser

from romana_install.base.errors import UsageError
from romana_install.config.importers.takeover import Keys, Takeover, flag, number

ELSEWHERE = "the services of this stack do not include it"
ROUTED = "Romana routes between hosts: no overlay, no bridge, no agent but its own"
REASONS = (
    (r"CONFIG_(CINDER|SWIFT|HEAT|MANILA|CEILOMETER|AODH|PANKO|GNOCCHI|SAHARA|TROVE|IRONIC|MAGNUM)", ELSEWHERE),
    (r"CONFIG_(NAGIOS|TEMPEST|PROVISION_TEMPEST|REDIS|MONGODB|VCENTER|ENABLE_RDO_TESTING)", ELSEWHERE),
    (r"CONFIG_NEUTRON_(FWAAS|LBAAS|VPNAAS|METERING)", ELSEWHERE),
    (r"CONFIG_(NEUTRON|LBAAS|FWAAS|OVN)_?(L2|L3|ML2|OVS|OVN|METADATA|AGENT|CORE|$)|CONFIG_LBAAS", ROUTED),
    (r"CONFIG_PROVISION_(OVS|DEMO_FLOAT|ALL_IN_ONE)|CONFIG_(NETWORK_HOSTS|OVN)|CONFIG_NOVA_NETWORK", ROUTED),
    (r"CONFIG_NEUTRON_", ROUTED),
    (r"CONFIG_(CONTROLLER|STORAGE|SAHARA)_HOST|CONFIG_.*_HOST$", "each node has an address in the target's network"),
    (r"CONFIG_(REPO|RH_|SATELLITE|EPEL|UPDATE_|USE_EPEL|RDO)", "packages come from the nodes' own distribution"),
    (r"CONFIG_SSL|CONFIG_.*_(SSL|CERT|CACERT|KEY)", "certificates are made for each stack, for romana-server alone"),
    (r"CONFIG_SSH_KEY", "a stack has a key of its own"),
    (r"CONFIG_NTP", "clocks are the nodes' own business"),
    (r"CONFIG_PROVISION_(IMAGE|UEC|DEMO_)", "the demo comes with a tiny image, flavors and the network romana"),
    (r"CONFIG_MARIADB_(USER|PW)", "MariaDB's root has no password: only the machine's own root is let in"),
    (r"CONFIG_.*_DB_PURGE", "nothing is purged"),
    (r"CONFIG_.*_PW$|CONFIG_ADMIN_PASSWORD|CONFIG_DEFAULT_PASSWORD", "each account has a password of its own"),
)
KEYS = Keys(
    accounts={
        "CONFIG_KEYSTONE_ADMIN_PW": ["admin"],
        "CONFIG_KEYSTONE_DEMO_PW": ["demo"],
        "CONFIG_AMQP_AUTH_PASSWORD": ["rabbitmq"],
        "CONFIG_KEYSTONE_DB_PW": ["keystone_db"],
        "CONFIG_GLANCE_DB_PW": ["glance_db"],
        "CONFIG_PLACEMENT_DB_PW": ["placement_db"],
        "CONFIG_NOVA_DB_PW": ["nova_db"],
        "CONFIG_NEUTRON_DB_PW": ["neutron_db"],
        "CONFIG_GLANCE_KS_PW": ["glance"],
        "CONFIG_PLACEMENT_KS_PW": ["placement"],
        "CONFIG_NOVA_KS_PW": ["nova"],
        "CONFIG_NEUTRON_KS_PW": ["neutron"],
    },
    variables={
        "CONFIG_KEYSTONE_REGION": ("openstack_region", str),
        "CONFIG_SERVICE_WORKERS": ("openstack_api_workers", number),
        "CONFIG_NOVA_LIBVIRT_VIRT_TYPE": ("openstack_virt_type", str),
        "CONFIG_PROVISION_DEMO": ("openstack_demo", flag),
    },
    reasons=REASONS,
)


def take_over(text: str) -> Takeover:
    """What an answer file says. Raises UsageError when it is none."""
    answers = _read(text)
    found = Takeover(KEYS)
    for key, value in answers.items():
        if key == "CONFIG_COMPUTE_HOSTS":
            _computes(found, value, answers.get("CONFIG_CONTROLLER_HOST", ""))
        else:
            found.take(key, value)
    return found


def _read(text: str) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise UsageError(f"that is no answer file of Packstack: {' '.join(str(error).split())}") from error
    if not parser.has_section("general"):
        raise UsageError("that is no answer file of Packstack: it has no [general]")
    return dict(parser.items("general"))


def _computes(found: Takeover, value: str, controller: str) -> None:
    """Their hosts have addresses; of ours, those that are no controller are counted."""
    hosts = {host.strip() for host in value.split(",") if host.strip()}
    found.let("CONFIG_COMPUTE_HOSTS", "devstack_compute_node", len(hosts - {controller}))
    found.values["controller_is_compute"] = controller in hosts
