"""The table of DevStack's releases and their differences. Pure data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

# The URLs are written into local.conf, which a shell reads.
GIT_URL = r"(https|file)://[A-Za-z0-9._~:/@%+-]*[A-Za-z0-9_~]"
GitUrl = Annotated[str, StringConstraints(pattern=f"^{GIT_URL}$")]
Ref = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
Service = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\n]*$")]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+$")]
Lock = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*\.lock)?$")]


class _Strict(BaseModel):
    """Unknown keys are errors, and types are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Services(_Strict):
    """The services on each kind of node, as in DevStack's ENABLED_SERVICES."""

    controller: list[Service]
    compute: list[Service]


class DevstackRelease(_Strict):
    """A release of OpenStack, as DevStack installs it.

    projects: branch or tag of each project, by its name in DevStack's variables; debian: the nodes' release; lock: file
    in requirements/ that lists all its Python packages, which are built once; empty if each node installs them from the
    index; identity: where Keystone is on the controller, without its version; cells: whether Nova has to map compute
    nodes into a cell; settings: further DevStack variables.
    """

    git_base: GitUrl
    devstack: Ref
    projects: dict[Variable, Ref]
    debian: Literal["bookworm", "trixie"]
    python: Version
    lock: Lock
    identity: Literal[":5000", "/identity"]
    cells: bool
    services: Services
    settings: dict[Variable, Line]

    @property
    def maintained(self) -> bool:
        """Whether the Python it runs on still gets fixes; Python 2 does not."""
        return not self.python.startswith("2.")


def known_releases() -> dict[str, DevstackRelease]:
    """The releases that this version supports without configuration."""
    return {"liberty": _liberty(), "2026.1": _maintained("2026.1", python="3.13", debian="trixie")}


def _liberty() -> DevstackRelease:
    names = "CINDER GLANCE HEAT HORIZON IRONIC KEYSTONE NEUTRON NEUTRON_FWAAS NEUTRON_LBAAS NEUTRON_VPNAAS NOVA"
    services = "rabbit mysql key g-api g-reg n-api n-cond n-sch n-crt n-cauth n-novnc n-cpu neutron q-svc horizon"
    return DevstackRelease(
        git_base="https://opendev.org",
        devstack="liberty-eol",
        projects=dict.fromkeys([*names.split(), "REQUIREMENTS", "SWIFT"], "liberty-eol"),
        debian="bookworm",
        python="2.7",
        lock="liberty.lock",
        identity=":5000",
        cells=False,
        services=Services(controller=services.split(), compute=["n-cpu", "neutron"]),
        settings={
            "FORCE": "yes",  # it supports Debian, but no release this new
            # The distribution's noVNC supports current proxies only.
            "NOVNC_REPO": "${GIT_BASE/opendev.org/github.com}/novnc/noVNC.git",
            "NOVNC_BRANCH": "v0.6.2",
            "NOVNCPROXY_URL": "http://$CONSOLE_HOST:6080/vnc_auto.html",
        },
    )


def _maintained(series: str, python: str, debian: Literal["bookworm", "trixie"]) -> DevstackRelease:
    branch = f"stable/{series}"
    projects = ("GLANCE", "HORIZON", "KEYSTONE", "NEUTRON", "NOVA", "PLACEMENT", "REQUIREMENTS")
    services = "rabbit mysql key g-api placement-api placement-client n-api n-api-meta n-cond n-sch n-novnc n-cpu q-svc"
    return DevstackRelease(
        git_base="https://opendev.org",
        devstack=branch,
        projects=dict.fromkeys(projects, branch),
        debian=debian,
        python=python,
        lock="",
        identity="/identity",
        cells=True,
        services=Services(
            controller=[*services.split(), "horizon"],
            # No process is named neutron: the name lets QEMU open /dev/net/tun, which taps need.
            compute=["n-cpu", "placement-client", "neutron"],
        ),
        settings={
            "NOVNC_FROM_PACKAGE": "True",
            "NOVNCPROXY_URL": "http://$CONSOLE_HOST:6080/vnc_lite.html",
            "Q_AGENT": "romana",
        },
    )
