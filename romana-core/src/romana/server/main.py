"""romana-server: reads server.toml and serves the store."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from romana.server.settings import ServerSettings
from romana.settings import SettingsError, load
from romana.store.errors import StoreError
from romana.store.plan import NotReadyError
from romana.store.store import open_store
from romana.systemd import notify

DEFAULT_CONFIG = Path("/etc/romana/server.toml")
EXIT_FAILED = 1
EXIT_CONFIGURATION = 2


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM. Returns the exit code: 0 ended as told, 1 cannot serve, 2 invalid configuration."""
    parser = argparse.ArgumentParser(prog="romana-server", description=__doc__)
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="default: %(default)s")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for talkative in ("uvicorn", "alembic"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    os.umask(0o077)
    try:
        settings = load(options.config, ServerSettings)
    except SettingsError as error:
        return _say(error.findings, EXIT_CONFIGURATION)
    if settings.workers == 1:
        return _serve(settings)
    with tempfile.TemporaryDirectory(prefix="romana-server-") as directory:
        # Before prometheus_client is imported: then it keeps its counters there, for all processes.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory
        return _serve(settings)


def _serve(settings: ServerSettings) -> int:
    from romana.server.app import create_app
    from romana.server.certificate import Certificate
    from romana.server.failure import ServingError
    from romana.server.serving import bind, serve
    from romana.server.workers import Workers

    certificate: Certificate | None = None

    def work(ready: Callable[[], None]) -> None:
        serve(lambda: create_app(open_store(settings.url, settings.plan), certificate), listener, certificate, ready)

    def ready() -> None:
        notify("READY=1")

    def reload() -> None:
        if certificate is not None:
            certificate.reload()

    try:
        if settings.tls_cert is not None and settings.tls_key is not None:
            certificate = Certificate(settings.tls_cert, settings.tls_key)
        listener = bind(settings)
        # Whether it can be used; connections are each process's own.
        open_store(settings.url, settings.plan).database.close()
        if settings.workers == 1:
            signal.signal(signal.SIGHUP, lambda _number, _frame: reload())
            work(ready)
        else:
            Workers(settings.workers, work, ready, reload).run()
    except (ServingError, NotReadyError, StoreError) as error:
        return _say([str(error)], EXIT_FAILED)
    return 0


def _say(findings: list[str], code: int) -> int:
    for finding in findings:
        print(f"romana-server: {finding}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
