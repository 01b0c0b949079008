"""The table of DevStack's releases: what is different between them. Pure data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

# Git's URLs stand in local.conf, which a shell reads.
GIT_URL = r"(https|file)://[A-Za-z0-9._~:/@%+-]*[A-Za-z0-9_~]"
GitUrl = Annotated[str, StringConstraints(pattern=f"^{GIT_URL}$")]
Ref = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
Service = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\n]*$")]
Origin = Annotated[str, StringConstraints(pattern=r"^(distribution|[0-9]+(\.[0-9]+)+)$")]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+$")]


class _Strict(BaseModel):
    """Nothing is guessed, neither keys nor types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Services(_Strict):
    """What runs where, as in DevStack's ENABLED_SERVICES."""

    controller: list[Service]
    compute: list[Service]


class Images(_Strict):
    """Operating system of the nodes, for each target that makes them: an AMI's name, a box, a release's code name."""

    aws: str
    vagrant: str
    local: str


class DevstackRelease(_Strict):
    """A release of OpenStack, as DevStack installs it.

    projects: branch or tag of each project, by its name in DevStack's variables; pip, dnsmasq: `distribution`, or the
    version that is brought to the nodes; settings: more of DevStack's variables.
    """

    git_base: GitUrl
    devstack: Ref
    projects: dict[Variable, Ref]
    images: Images
    python: Version
    pip: Origin
    firewall: Literal["nftables", "iptables"]
    dnsmasq: Origin
    services: Services
    settings: dict[Variable, Line]


def known_releases() -> dict[str, DevstackRelease]:
    """The releases this version comes with."""
    return {"liberty": _liberty(), "2026.1": _maintained("2026.1", python="3.13", debian=13, code_name="trixie")}


def _liberty() -> DevstackRelease:
    names = "CINDER GLANCE HEAT HORIZON IRONIC KEYSTONE NEUTRON NEUTRON_FWAAS NEUTRON_LBAAS NEUTRON_VPNAAS NOVA"
    services = "rabbit mysql key g-api g-reg n-api n-cond n-sch n-crt n-cauth n-novnc n-cpu neutron q-svc horizon"
    return DevstackRelease(
        git_base="https://opendev.org",
        devstack="liberty-eol",
        projects=dict.fromkeys([*names.split(), "REQUIREMENTS", "SWIFT"], "liberty-eol"),
        images=Images(
            aws="ubuntu/images/hvm-ssd/ubuntu-trusty-14.04-amd64-server-*", vagrant="ubuntu/trusty64", local="trusty"
        ),
        python="2.7",
        pip="9.0.3",
        firewall="iptables",
        dnsmasq="2.76",
        services=Services(controller=services.split(), compute=["n-cpu", "neutron"]),
        settings={"NOVNCPROXY_URL": "http://$SERVICE_HOST:6080/vnc_auto.html"},
    )


def _maintained(series: str, python: str, debian: int, code_name: str) -> DevstackRelease:
    branch = f"stable/{series}"
    projects = ("GLANCE", "HORIZON", "KEYSTONE", "NEUTRON", "NOVA", "PLACEMENT", "REQUIREMENTS")
    services = "rabbit mysql key g-api placement-api placement-client n-api n-api-meta n-cond n-sch n-novnc n-cpu q-svc"
    return DevstackRelease(
        git_base="https://opendev.org",
        devstack=branch,
        projects=dict.fromkeys(projects, branch),
        images=Images(aws=f"debian-{debian}-amd64-*", vagrant=f"bento/debian-{debian}", local=code_name),
        python=python,
        pip="distribution",
        firewall="nftables",
        dnsmasq="distribution",
        services=Services(
            controller=[*services.split(), "horizon"],
            # No process is named neutron: it lets QEMU open /dev/net/tun, which taps need.
            compute=["n-cpu", "placement-client", "neutron"],
        ),
        settings={"NOVNCPROXY_URL": "http://$SERVICE_HOST:6080/vnc_lite.html", "Q_AGENT": "romana"},
    )
