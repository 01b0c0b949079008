"""client.toml: where the API is and with which token to ask it."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from romana.client import ConfigError

CONFIG_VARIABLE = "ROMANA_CONFIG"
SYSTEM_CONFIG = Path("/etc/romana/client.toml")


class ClientConfig(BaseModel):
    """The keys of client.toml; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid")

    url: str
    ca_file: Path | None = None
    token_file: Path


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
        return ClientConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None
    except ValidationError as error:
        findings = (f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise ConfigError(f"{path}: {'; '.join(findings)}") from None


def read_token(path: Path) -> str:
    """The bearer token in a file. Raises ConfigError."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"token_file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"token_file {path} holds no token but binary data") from None
