"""Neutron's API and our follower as processes, over a database in a file, to be killed and started again."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import requests

from .server import environment, token_file

SECONDS = 120  # that something may take
CONFIGURATION = """
[DEFAULT]
core_plugin = ml2
service_plugins = segments,romana_qos,romana_l3,romana_port_forwarding
ipam_driver = romana
auth_strategy = noauth
transport_url = fake://
api_paste_config = {prefix}/etc/neutron/api-paste.ini
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
dhcp_agent_notification = false
state_path = {directory}
[database]
connection = sqlite:///{directory}/neutron.db
[ml2]
type_drivers = local
tenant_network_types = local
mechanism_drivers = romana
extension_drivers = port_security,qos
[oslo_concurrency]
lock_path = {directory}/lock
[romana]
url = {url}
ca_file = {ca_file}
token_file = {token_file}
sync_interval = 1
"""
TABLES = """
import sys
from neutron.db.migration.models import head
import sqlalchemy
head.get_metadata().create_all(sqlalchemy.create_engine(sys.argv[1]))
"""


def until(condition, what):
    """Wait until `condition` is true."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "not within {} s: {}".format(SECONDS, what)
        time.sleep(0.05)


class Neutron:
    """Both processes; `start` and `kill` as often as wanted."""

    def __init__(self, directory, port):
        self._directory = Path(directory)
        self._port = port
        self._processes = []
        self._config = self._directory / "neutron.conf"
        self._config.write_text(
            CONFIGURATION.format(
                directory=directory,
                prefix=sys.prefix,
                url=environment("URL"),
                ca_file=environment("CA_FILE"),
                token_file=token_file("neutron"),
            )
        )
        # It is for Neutron's tests alone.
        self._environment = {name: value for name, value in os.environ.items() if name != "EVENTLET_MONKEYPATCH"}
        self._environment["OS_NEUTRON_CONFIG_FILES"] = str(self._config)
        database = "sqlite:///{}/neutron.db".format(directory)
        subprocess.run([sys.executable, "-c", TABLES, database], env=self._environment, check=True)

    def start(self):
        """Start both, and wait until the API answers."""
        api = Path(sys.executable).with_name("neutron-api")
        options = ("--config-file", self._config)
        self._run("api", api, "--host", "127.0.0.1", "--port", str(self._port), "--", *options)
        self._run("follower", "-m", "networking_romana.follow", *options)
        until(self._answers, "neutron-api answers; see " + str(self._directory))

    def kill(self):
        """Kill -9."""
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes.clear()

    def ask(self, method, path, values=None):
        """What a request is answered; raises requests' exceptions, HTTPError for a refusal."""
        url = "http://127.0.0.1:{}/v2.0/{}".format(self._port, path)
        answer = requests.request(method, url, json=values, timeout=SECONDS)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def _answers(self):
        assert all(process.poll() is None for process in self._processes), "a process ended by itself"
        try:
            return self.ask("GET", "networks") is not None
        except requests.ConnectionError:
            return False

    def _run(self, name, *arguments):
        with (self._directory / name).open("ab") as log:
            command = [sys.executable, "-W", "ignore", *arguments]
            process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        self._processes.append(process)


@contextmanager
def running(directory, port):
    """A Neutron that runs."""
    neutron = Neutron(directory, port)
    try:
        neutron.start()
        yield neutron
    finally:
        neutron.kill()
