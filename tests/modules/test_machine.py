"""What is asked of the kernel about this machine's network."""

from __future__ import annotations

import subprocess
import sys

ASK = "from romana_install.base.machine import has_interface; print(*map(has_interface, ['lo', 'eth0', 'nobody']))"


def test_interfaces_are_those_of_the_network_it_runs_in() -> None:
    """In a network of its own there is lo alone, while /sys still shows the network that it came from."""
    alone = ["unshare", "--net", sys.executable, "-c", ASK]
    assert subprocess.run(alone, check=True, capture_output=True, text=True).stdout.split() == [
        "True",
        "False",
        "False",
    ]


def test_a_network_is_there_while_a_route_of_its_own_leads_into_it() -> None:
    """An interface that is down still has its address; what is sent to its network would leave by the default route."""
    program = (
        "from ipaddress import IPv4Network; from romana_install.base.machine import leads_into as leads;"
        " net = IPv4Network('192.168.213.0/24'); print(leads(net), leads(net, 'ro-x'), leads(net, 'ro-y'))"
    )
    ask = f'"{sys.executable}" -c "{program}"'
    script = f"""
        ip link add way-out type bridge && ip addr add 192.0.2.1/24 dev way-out && ip link set way-out up
        ip route add default via 192.0.2.2
        ip link add ro-x type bridge && ip addr add 192.168.213.254/24 dev ro-x
        {ask}
        ip link set ro-x up
        {ask}
        ip link set ro-x down
        {ask}
    """
    alone = ["unshare", "--net", "sh", "-euc", script]
    said = subprocess.run(alone, check=True, capture_output=True, text=True).stdout.splitlines()
    assert said == ["False False False", "True True False", "False False False"]
