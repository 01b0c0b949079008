"""A VPC that packets pass: a network namespace with a bridge for each subnet, routes, filters, DHCP."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from vpc import INTERNET, MTU, UPLINK, Interface, Vpc, bridge, resolver, router, ruleset

METADATA = "169.254.169.254"
# Users are at USER, in no network of the VPC's; a public address of EC2 is behind OUTSIDE.
USER, OUTSIDE = "203.0.113.7", "203.0.113.1"
PUBLIC = "54.214.0.0/16"  # where moto's public addresses are from
# With an uplink, this machine is at MACHINE, and the VPC at HERE.
MACHINE, HERE = "198.51.100.1", "198.51.100.2"
TABLE = "100"  # of what comes from interfaces
SETTINGS = {
    "net.ipv4.ip_forward": "1",
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.conf.default.send_redirects": "0",
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
    "net.ipv6.conf.default.disable_ipv6": "1",
    # What security groups do to what passes a bridge needs the state of connections.
    "net.bridge.bridge-nf-call-iptables": "1",
}


def run(*command: str | Path, text: str | None = None) -> str:
    """What a program prints; raises AssertionError when it fails."""
    done = subprocess.run(list(map(str, command)), input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}\n{text or ''}"
    return done.stdout


def plug_uplink(namespace: str, outside: Sequence[str] = ()) -> None:
    """Configure the VPC's end of the uplink, whose other end is this machine's.

    Args:
        namespace: the VPC's.
        outside: as for `Fabric`.
    """
    for command in (
        f"address add {HERE}/30 dev {UPLINK}",
        f"link set {UPLINK} up",
        f"route add default via {MACHINE}",
    ):
        run(*outside, "ip", "-n", namespace, *command.split())


class Fabric:
    """The VPC in a namespace of its own, and the user's link to it."""

    def __init__(
        self, namespace: str, directory: Path, outside: Sequence[str] = (), resolvers: Sequence[str] = ()
    ) -> None:
        """An empty one.

        Args:
            namespace: name of the network namespace.
            directory: for what it runs.
            outside: what begins a command where the user is, if that is not here.
            resolvers: name servers that are asked by the uplink (see `plug_uplink`); empty: it has none.
        """
        self.namespace = namespace
        self.outside = list(outside)
        self.directory = directory
        self.resolvers = list(resolvers)
        self.shown = Vpc()
        self.dnsmasq: subprocess.Popen[bytes] | None = None

    @property
    def inside(self) -> list[str]:
        """What begins a command that runs in it."""
        return [*self.outside, "ip", "netns", "exec", self.namespace]

    def make(self) -> None:
        """An empty one."""
        run(*self.outside, "ip", "netns", "add", self.namespace)
        run(*self.inside, "sysctl", "-qw", *(f"{name}={value}" for name, value in SETTINGS.items()))
        run(
            *self.outside,
            "ip",
            "link",
            "add",
            INTERNET,
            "type",
            "veth",
            "peer",
            "name",
            INTERNET,
            "netns",
            self.namespace,
        )
        run(*self.outside, "ip", "address", "add", f"{USER}/24", "dev", INTERNET)
        run(*self.outside, "ip", "link", "set", INTERNET, "up")
        run(*self.outside, "ip", "route", "add", PUBLIC, "via", OUTSIDE)
        for command in (
            "link set lo up",
            f"address add {METADATA}/32 dev lo",
            f"address add {OUTSIDE}/24 dev {INTERNET}",
            f"link set {INTERNET} up",
        ):
            self._ip(command)
        self._filter(self.shown)

    def apply(self, vpc: Vpc) -> None:
        """Have what a VPC has now. Interfaces are plugged in by whoever runs their machines."""
        if vpc == self.shown:
            return
        for subnet in sorted(set(vpc.subnets) - set(self.shown.subnets)):
            self._add(subnet)
        self._filter(vpc)
        for subnet in sorted(set(self.shown.subnets) - set(vpc.subnets)):
            self._ip(f"rule del iif {bridge(subnet)}")
            self._ip(f"link del {bridge(subnet)}")
        self._route(vpc)
        if _leases(vpc) != _leases(self.shown):
            self._lease(vpc)
        self.shown = vpc

    def remove(self) -> None:
        """All of it."""
        self._end_leases()
        run(*self.outside, "ip", "netns", "del", self.namespace)

    def _ip(self, command: str) -> None:
        run(*self.outside, "ip", "-n", self.namespace, *command.split())

    def _filter(self, vpc: Vpc) -> None:
        run(*self.inside, "nft", "-f", "-", text=ruleset(vpc))

    def _add(self, subnet: str) -> None:
        name = bridge(subnet)
        for command in (
            f"link add {name} mtu {MTU} type bridge",
            f"address add {router(subnet)} dev {name}",
            f"address add {resolver(subnet)}/32 dev {name}",
            f"link set {name} up",
            f"rule add iif {name} lookup {TABLE}",
        ):
            self._ip(command)

    def _route(self, vpc: Vpc) -> None:
        subnets = {interface.address: interface.subnet for interface in vpc.interfaces}
        routes = [f"{subnet} dev {bridge(subnet)}" for subnet in vpc.subnets]
        routes += [
            f"{network} via {address} dev {bridge(subnets[address])} onlink"
            for network, address in vpc.routes.items()
            if address in subnets
        ]
        if vpc.open and self.resolvers:
            routes += [f"{USER} dev {INTERNET}", f"default via {MACHINE} dev {UPLINK}"]
        elif vpc.open:
            routes += [f"default via {USER} dev {INTERNET}"]
        text = "\n".join([f"route flush table {TABLE}", *(f"route add {route} table {TABLE}" for route in routes)])
        run(*self.outside, "ip", "-n", self.namespace, "-force", "-batch", "-", text=text)

    def _lease(self, vpc: Vpc) -> None:
        """Leases are kept by nobody: a server that is started anew gives what is asked for again."""
        self._end_leases()
        configuration = self.directory / "dnsmasq.conf"
        configuration.write_text("\n".join([*_names(self.resolvers), *_leases(vpc)]) + "\n")
        command = [*self.inside, "dnsmasq", "--keep-in-foreground", f"--conf-file={configuration}"]
        with (self.directory / "dnsmasq.log").open("ab") as log:
            self.dnsmasq = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _end_leases(self) -> None:
        if self.dnsmasq:
            # By the namespace, in which nothing else runs: what was started may only be what entered it.
            run(*self.outside, "sh", "-c", f"kill -KILL $(ip netns pids {self.namespace})")
            self.dnsmasq.wait()


def _names(resolvers: Sequence[str]) -> list[str]:
    """The lines of dnsmasq's configuration about names: whom it asks; without an uplink, nobody."""
    return [f"server={address}" for address in resolvers] or ["local=/#/"]


def _leases(vpc: Vpc) -> list[str]:
    """The lines about everything else."""
    common = ["user=root", "log-facility=-", "leasefile-ro", "dhcp-authoritative", "no-ping", "no-hosts", "no-resolv"]
    common += ["pid-file", "bind-dynamic", *(f"except-interface={link}" for link in ("lo", INTERNET, UPLINK))]
    return [
        *common,
        f"dhcp-option=option:mtu,{MTU}",
        *(line for subnet in vpc.subnets for line in _of_subnet(subnet)),
        *(_of_interface(interface) for interface in vpc.interfaces),
    ]


def _of_subnet(subnet: str) -> list[str]:
    name, address = bridge(subnet), router(subnet).partition("/")[0]
    return [
        f"dhcp-range=set:{name},{subnet.partition('/')[0]},static,1h",
        f"dhcp-option=tag:{name},option:router,{address}",
        f"dhcp-option=tag:{name},option:dns-server,{resolver(subnet)}",
    ]


def _of_interface(interface: Interface) -> str:
    return f"dhcp-host={interface.mac},{interface.address}"
