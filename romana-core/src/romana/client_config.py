"""client.toml: where the API is and with which token to ask it."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field

from romana.contract import ConfigError
from romana.settings import Settings, SettingsError, load

CONFIG_VARIABLE = "ROMANA_CONFIG"
SYSTEM_CONFIG = Path("/etc/romana/client.toml")


class ClientConfig(Settings):
    """The keys of client.toml."""

    url: str = Field(description="where romana-server is, like https://192.168.99.10:9600")
    ca_file: Path | None = Field(default=None, description="PEM file of the authority that signed its certificate")
    token_file: Path = Field(description="file that holds the token")


def find_config() -> Path:
    """The client.toml to use: $ROMANA_CONFIG, else the user's own, else the system's. Raises ConfigError."""
    if chosen := os.environ.get(CONFIG_VARIABLE):
        return Path(chosen)
    own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "romana" / "client.toml"
    for path in (own, SYSTEM_CONFIG):
        try:
            if path.exists():
                return path
        except PermissionError:
            return path  # it may be there; reading it will say what is missing
    raise ConfigError(
        f"no configuration: neither {own} nor {SYSTEM_CONFIG} exists; run this on the controller,"
        f" set ${CONFIG_VARIABLE}, or give --url, --ca-file and --token-file"
    )


def read_config(path: Path) -> ClientConfig:
    """Read and validate a client.toml. Raises ConfigError with every finding."""
    try:
        return load(path, ClientConfig)
    except SettingsError as error:
        raise ConfigError("; ".join(error.findings)) from None
