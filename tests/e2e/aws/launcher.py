"""Machines for moto's instances: what moto says at once comes true in time, and is only then said."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fabric import Fabric, run
from metadata import Metadata, Told
from moto_vpc import interface, is_plugged_in, told, vpc
from vpc import MTU

RUN = Path(__file__).with_name("run_instance.py")
LOOK = 0.1  # seconds between two looks at what machines do
PATIENCE = 30.0  # seconds until a machine that was told to shut down is ended
STATES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
# What moto says once an order is given, and what is so until it is carried out.
MEANWHILE = {"running": "pending", "stopped": "stopping", "terminated": "shutting-down"}


class Machine:
    """What an instance is while it is not stopped.

    Args:
        image: what it boots, at its first start.
        switch: the namespace of the network that it is plugged into.
        binds: directories of this machine's that it sees.
    """

    def __init__(self, instance: Any, directory: Path, image: Path, switch: str, binds: Sequence[str]) -> None:
        self.directory = directory
        for part in ("upper/etc", "work", "root"):
            (directory / part).mkdir(parents=True, exist_ok=True)
        resolv = directory / "upper" / "etc" / "resolv.conf"
        if not resolv.is_symlink():  # in a layer it is that of the machine that makes it
            resolv.symlink_to("../run/systemd/resolve/stub-resolv.conf")
        port = interface(instance)
        spec = {
            "name": instance.private_dns_name.partition(".")[0],
            "namespace": f"ec2-{instance.id[-11:]}",
            "switch": switch,
            "bridge": port.bridge,
            "port": port.port,
            "mac": port.mac,
            "mtu": MTU,
            "image": str(image),
            "binds": list(binds),
        }
        (directory / "node.json").write_text(json.dumps(spec))
        self.console = directory / "console.log"
        self.deadline = float("inf")
        with self.console.open("wb") as console:
            self.process = subprocess.Popen(
                [sys.executable, str(RUN), str(directory)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={"PATH": os.environ["PATH"]},
                start_new_session=True,
            )

    @property
    def is_on(self) -> bool:
        """Whether it boots, or more."""
        return b"started, pid" in self.console.read_bytes()

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def shut_down(self) -> None:
        """Press the power button; the second time, when that has not helped, pull the plug."""
        now = time.monotonic()
        if self.deadline == float("inf") and self.is_on:
            self.process.send_signal(signal.SIGUSR1)
            self.deadline = now + PATIENCE
        elif now > self.deadline:
            self.end()

    def end(self) -> None:
        """At once."""
        self.process.terminate()
        self.process.wait()


class Launcher:
    """Between moto and whoever asks it: a WSGI application, and what carries out the orders that pass it.

    Args:
        image: the root file system of every machine.
        fabric: the network, which is made when this is started.
        binds: directories of this machine's that every machine sees.
    """

    def __init__(
        self, moto: Any, backends: Any, directory: Path, image: Path, fabric: Fabric, binds: Sequence[str] = ()
    ) -> None:
        self.moto = moto
        self.backends = backends
        self.directory = directory
        self.image = image
        self.fabric = fabric
        self.binds = binds
        self.machines: dict[str, Machine] = {}
        self.lock = threading.RLock()

    @property
    def backend(self) -> Any:
        """What moto has; another one after a reset."""
        return self.backends()

    def start(self) -> None:
        """Begin to do what is ordered."""
        self.fabric.make()
        service = Metadata(f"/run/netns/{self.fabric.namespace}", self.told)
        threading.Thread(target=service.serve_forever, daemon=True).start()
        threading.Thread(target=self._work, daemon=True).start()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Have moto carry out a call; nobody sees what it says before it is so."""
        with self.lock:
            answer = list(self.moto(environ, start_response))
            self._defer()
            return answer

    def told(self, address: str) -> Told | None:
        """What the instance is told whose packets come from there: its own, or of what is routed to it."""
        with self.lock:
            for instance in self.backend.all_instances():
                if is_plugged_in(instance) and instance.private_ip == address:
                    return told(self.backend, instance)
        return None

    def _defer(self) -> None:
        for instance in self.backend.all_instances():
            if instance.state in MEANWHILE and not self._is_so(instance):
                put(instance, MEANWHILE[instance.state])

    def _is_so(self, instance: Any) -> bool:
        """Whether an instance is in the state that moto says it is in. One that ends takes what it had along."""
        machine = self.machines.get(instance.id)
        if instance.state == "running":
            return machine is not None and machine.is_on
        return machine is None and not (instance.state == "terminated" and (self.directory / instance.id).exists())

    def _work(self) -> None:
        while True:
            try:
                with self.lock:
                    self._look()
            except Exception:
                # The rest goes on; what fails is read in the log.
                traceback.print_exc()
            time.sleep(LOOK)

    def _look(self) -> None:
        self._defer()  # what has been ended by no call
        self.fabric.apply(vpc(self.backend))
        for instance in self.backend.all_instances():
            self._advance(instance)

    def _advance(self, instance: Any) -> None:
        """Do for an instance what is to be done next."""
        machine = self.machines.get(instance.id)
        if machine and machine.has_ended:
            self._note_end(instance)
        elif instance.state == "pending" and not machine:
            directory = self.directory / instance.id
            self.machines[instance.id] = Machine(instance, directory, self.image, self.fabric.namespace, self.binds)
        elif instance.state == "pending" and machine and machine.is_on:
            put(instance, "running")
        elif instance.state == "stopping" and machine:
            machine.shut_down()
        elif instance.state == "shutting-down":
            if machine:
                machine.end()
            self._note_end(instance)

    def _note_end(self, instance: Any) -> None:
        """Also of one that has shut itself down."""
        self.machines.pop(instance.id, None)
        if instance.state in ("running", "pending"):
            instance.stop() if instance.instance_initiated_shutdown_behavior == "stop" else instance.terminate()
        elif instance.state == "stopping":
            put(instance, "stopped")
        elif instance.state == "shutting-down":
            put(instance, "terminated")
        if instance.state == "terminated":
            shutil.rmtree(self.directory / instance.id, ignore_errors=True)

    def close(self) -> None:
        """End all machines."""
        with self.lock:
            for machine in self.machines.values():
                with contextlib.suppress(ProcessLookupError):
                    machine.end()
            self.fabric.remove()


def put(instance: Any, state: str) -> None:
    """Have moto say that an instance is in a state."""
    instance._state.name, instance._state.code = state, STATES[state]


def mount(layers: list[str], directory: Path) -> Path:
    """An image of several directories as one."""
    image = directory / "system"
    image.mkdir()
    run("mount", "-t", "overlay", "-o", f"lowerdir={':'.join(layers)}", "ec2", image)
    return image
