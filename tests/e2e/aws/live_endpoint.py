"""AWS for the tests, whose instances are machines. It runs in a world of its own.

DIRECTORY/<instance>/console.log has what a machine says at its boots.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from endpoint import REGION, Quiet, Recorder
from fabric import Fabric
from launcher import Launcher, mount
from moto.ec2 import ec2_backends
from werkzeug.serving import run_simple

ACCOUNT = "123456789012"
NAMESPACE = "vpc"


def arguments() -> argparse.Namespace:
    """What it is told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("directory", type=Path, help="as for endpoint.py")
    parser.add_argument("image", nargs="+", help="directories of the root file system, each laid over the next")
    parser.add_argument("--bind", action="append", default=[], help="a directory of this machine's that machines see")
    parser.add_argument("--resolver", action="append", default=[], help="a name server of the uplink")
    return parser.parse_args()


def main() -> None:
    """Serve until SIGTERM."""
    given = arguments()
    recorder = Recorder(given.directory)
    launcher = Launcher(
        recorder.moto,
        lambda: ec2_backends[ACCOUNT][REGION],
        given.directory,
        mount(given.image, given.directory),
        Fabric(NAMESPACE, given.directory, resolvers=given.resolver),
        given.bind,
    )
    recorder.moto = launcher
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    launcher.start()
    try:
        run_simple("127.0.0.1", given.port, recorder, threaded=True, request_handler=Quiet)
    finally:
        launcher.close()


if __name__ == "__main__":
    main()
