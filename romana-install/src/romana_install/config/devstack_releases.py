"""What the table of DevStack's releases in group_vars/all/devstack.yml holds."""

from __future__ import annotations

from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter

from romana_install.base.invocation import PROJECT

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
    """The releases of group_vars/all/devstack.yml, by name."""
    text = (PROJECT / "group_vars" / "all" / "devstack.yml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, DevstackRelease]).validate_python(yaml.safe_load(text)["devstack_releases"])
