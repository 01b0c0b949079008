"""From the global options and client.toml to a client."""

from __future__ import annotations

import argparse

from romana.client import Client
from romana.client_config import ClientConfig, find_config, read_config
from romana.contract import read_token


def connect(options: argparse.Namespace) -> Client:
    """Make the client; options win over the configuration file, which is not needed when they say all.

    Raises ConfigError.
    """
    if options.url and options.token_file:
        config = ClientConfig(url=options.url, ca_file=options.ca_file, token_file=options.token_file)
    else:
        config = read_config(find_config())
    return Client(
        options.url or config.url,
        options.ca_file or config.ca_file,
        read_token(options.token_file or config.token_file),
    )
