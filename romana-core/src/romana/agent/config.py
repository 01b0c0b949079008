"""agent.toml: the agent's configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from romana.agent.consoles import Consoles
from romana.agent.consoles import parse as parse_consoles
from romana.agent.metadata import Metadata
from romana.agent.metadata import parse as parse_metadata
from romana.models import Name
from romana.settings import Settings


class AgentSettings(Settings):
    """The keys of agent.toml."""

    host: Name = Field(description="this host's name in Romana")
    url: str = Field(pattern=r"^https?://[^/]+/?$", description="where romana-server is, https://192.168.99.10:9600")
    ca_file: Path | None = Field(default=None, description="PEM file of the authority that signed its certificate")
    token_file: Path = Field(description="file that holds the agent's token")
    metadata: Annotated[Metadata, BeforeValidator(parse_metadata)] | None = Field(
        default=None, description="address and port of the metadata service that guests find at 169.254.169.254"
    )
    consoles: Annotated[Consoles, BeforeValidator(parse_consoles)] | None = Field(
        default=None, description="who may reach which TCP ports of this host, those of its guests' consoles"
    )
    routers: bool = Field(
        default=False,
        description="whether routers that know all prefixes lead to hosts on other networks",
    )
    masquerade: bool = Field(
        default=False,
        description="whether endpoints reach what is outside the address plan with this host's address",
    )
    state_dir: Path = Field(default=Path("/var/lib/romana/agent"), description="what must outlive a reboot")
    run_dir: Path = Field(default=Path("/run/romana"), description="files of running processes")
