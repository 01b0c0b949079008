"""AWS for the tests, whose instances are machines. It runs in a world of its own.

usage: live_endpoint.py PORT DIRECTORY IMAGE ...

As endpoint.py; IMAGE: the directories that instances' root file system consists of, each laid over the next.
DIRECTORY/<instance>/console.log has what a machine says at its boots.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from endpoint import REGION, Quiet, Recorder
from launcher import Launcher, mount
from moto.ec2 import ec2_backends
from werkzeug.serving import run_simple

ACCOUNT = "123456789012"
NAMESPACE = "vpc"


def main() -> None:
    """Serve until SIGTERM."""
    port, directory, image = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    recorder = Recorder(directory)
    launcher = Launcher(
        recorder.moto, lambda: ec2_backends[ACCOUNT][REGION], directory, mount(image, directory), NAMESPACE
    )
    recorder.moto = launcher
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    launcher.start()
    try:
        run_simple("127.0.0.1", port, recorder, threaded=True, request_handler=Quiet)
    finally:
        launcher.close()


if __name__ == "__main__":
    main()
