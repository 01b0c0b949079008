"""romana-agent: command line of the agent."""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from romana.agent.agent import Agent
from romana.agent.config import AgentSettings
from romana.agent.firewall import FirewallError
from romana.agent.net import NetError
from romana.agent.remove import remove
from romana.settings import SettingsError, load

LOCK = "agent.lock"


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0 ended as asked, 1 failed, 2 wrong usage or configuration."""
    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("romana").setLevel(logging.DEBUG if options.verbose else logging.INFO)
    try:
        settings = load(options.config, AgentSettings)
    except SettingsError as error:
        for finding in error.findings:
            print(f"romana-agent: {finding}", file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("romana-agent: must run as root, it changes the host's network", file=sys.stderr)
        return 1
    try:
        settings.run_dir.mkdir(parents=True, exist_ok=True, mode=0o755)
        with alone(settings.run_dir):
            if options.remove:
                remove(settings)
            else:
                settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
                Agent(settings).run()
        if options.remove:
            (settings.run_dir / LOCK).unlink(missing_ok=True)
            with suppress(OSError):  # others keep files there
                settings.run_dir.rmdir()
    except BlockingIOError:
        print(
            "romana-agent: another one runs on this host; stop it first: systemctl stop romana-agent", file=sys.stderr
        )
        return 1
    except FileNotFoundError as error:
        print(f"romana-agent: {_missing(error)}", file=sys.stderr)
        return 1
    except (NetError, FirewallError, OSError) as error:
        print(f"romana-agent: {error}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def alone(run_dir: Path) -> Iterator[None]:
    """Nobody else does anything here meanwhile. Raises BlockingIOError when somebody does."""
    with (run_dir / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="romana-agent", description="Keeps this host's network as Romana wants it.")
    parser.add_argument("--config", type=Path, default=Path("/etc/romana/agent.toml"), help="default: %(default)s")
    parser.add_argument("--remove", action="store_true", help="take everything of the agent's off this host, and end")
    parser.add_argument("--verbose", action="store_true", help="log every comparison")
    return parser.parse_args(arguments)


def _missing(error: FileNotFoundError) -> str:
    if error.filename == "nft":
        return "nft is not installed; install the package nftables"
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
