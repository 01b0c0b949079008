"""Runs one instance: a container whose one interface is plugged into a VPC, until it shuts down.

usage: run_instance.py DIRECTORY

DIRECTORY/node.json says what it is. It is started again when it reboots, and not when it ends. SIGTERM ends it at once;
with SIGUSR1 its power button is pressed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

SUPERVISOR = Path(__file__).parents[3] / "roles" / "local_nodes" / "files" / "supervise-node"
POWER_OFF = signal.SIGRTMIN + 4  # as systemd reads it

loader = SourceFileLoader("supervise_node", str(SUPERVISOR))
supervise_node = module_from_spec(spec_from_loader("supervise_node", loader))  # type: ignore[arg-type]
loader.exec_module(supervise_node)


class Instance(supervise_node.Node):  # type: ignore[misc, name-defined]
    """A node of a local stack, but for its network and its end."""

    def make_network(self) -> None:
        """An interface that is down, without addresses: what runs inside asks for them."""
        self.remove_network()
        spec = self.spec
        here, there = f"eth0 netns {self.namespace} address {spec['mac']}", f"{spec['port']} netns {spec['switch']}"
        supervise_node.ip(
            f"netns add {self.namespace}", f"link add name {here} mtu {spec['mtu']} type veth peer name {there}"
        )
        plug = ["link", "set", spec["port"], "mtu", str(spec["mtu"]), "master", spec["bridge"], "up"]
        subprocess.run(["ip", "-n", spec["switch"], *plug], check=True)
        subprocess.run(["ip", "-n", self.namespace, "link", "set", "lo", "up"], check=True)

    def run(self) -> int:
        """Until it shuts down, or is ended."""
        os.umask(0o022)
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGUSR1, self.power_off)
        self.mount()
        status = supervise_node.REBOOT
        while status == supervise_node.REBOOT and not self.stopping:
            self.enter_cgroup()
            self.start()
            status = self.container.wait()
            supervise_node.log(f"ended with status {status}")
            self.remove_network()
            self.leave_cgroup()
        self.unmount()
        return 0

    def power_off(self, *_: object) -> None:
        """Have what runs inside end by itself."""
        task = Path(f"/proc/{self.container.pid}/task/{self.container.pid}/children")
        for leader in task.read_text().split():
            os.kill(int(leader), POWER_OFF)


if __name__ == "__main__":
    sys.exit(Instance(Path(sys.argv[1])).run())
