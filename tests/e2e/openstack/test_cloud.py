"""A cloud from the distribution's packages, its instances and their network, as users see them."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import commands
import pytest
import tempest_cloud
from automation import describe, play
from cloud_client import BLANK, Cloud, Server, account, wait_for
from console import greeting
from dashboard import Dashboard
from keystoneauth1 import exceptions
from outside import logged_in, mirror
from refusal import PATHS, refusal
from romana_setup import Setup, kill
from walk import Walks

from romana_install import verify
from romana_install.config.settings import Config
from romana_install.state.stack import Reach
from romana_install.targets import stacks, tunnel
from romana_install.targets.static.target import Static
from romana_install.verify.instances import PREFIX

REFUSED = 40  # times; what the kernel reset without an answer was every second to eighth
OUTAGE = 3  # seconds for which a service is gone
# Where, what. The first two lose builds for good, and it takes the longest until that is seen.
SERVICES = [
    ("controller", "mariadb"),
    ("controller", "nova-conductor"),
    ("controller", "keystone"),
    ("controller", "glance-api"),
    ("controller", "placement-api"),
    ("controller", "nova-api"),
    ("controller", "nova-scheduler"),
    ("controller", "neutron-api"),
    ("controller", "neutron-rpc-server"),
    ("controller", "neutron-romana"),
    ("controller", "rabbitmq-server"),
    ("controller", "romana-server"),
    ("compute01", "romana-agent"),  # and its dnsmasq
    ("compute01", "libvirtd"),
    ("compute01", "nova-compute"),
]


def reaches(cloud: Cloud, source: Server, target: Server) -> bool:
    """Whether ping and TCP get from one instance to another; both or none."""
    web = f"timeout 5 wget -q -O /dev/null http://{target.address}/"
    both = f"(ping -c 1 -W 3 {target.address} >/dev/null; echo $? >/tmp/ping) & {web}; tcp=$?; wait"
    ping, tcp = (int(word) == 0 for word in cloud.run(source, f"{both}; cat /tmp/ping; echo $tcp").split())
    assert ping == tcp, f"{source.name} to {target.name}: ping {ping}, TCP {tcp}"
    return ping


def test_second_run_changes_nothing(stack: Setup) -> None:
    assert "changed=0" in stack.run()


def test_installation_was_verified(stack: Setup) -> None:
    first = next(run for run in stack.journal() if run["kind"] == "first")
    assert {phase["name"]: phase["ok"] for phase in first["phases"]}["verify"], first
    log = "".join(path.read_text() for path in (stack.directory / "logs").glob("*-install.log"))
    assert re.search(f"ok +router and floating IP +{PREFIX}demo-own answers this machine by ", log)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.long("verifies the cloud twice; the installation itself is verified in every run")
def test_what_a_killed_verification_leaves_is_removed_by_the_next(stack: Setup, admin: Cloud) -> None:
    begun = stack.start("verify")
    try:
        own = f"{PREFIX}demo-own"
        wait_for(lambda: own in [one.name for one in admin.servers()], "the verification has an instance")
    finally:
        kill(begun)
    assert len(verifications_things(admin)) > 1
    checks = {check["name"]: check["detail"] for check in stack.verify()["checks"]}
    assert re.fullmatch(f"{own} answers this machine by [0-9.]+", checks["router and floating IP"])
    assert verifications_things(admin) == []
    assert (stack.romana("router", "list"), stack.romana("floating-ip", "list")) == ([], [])


def verifications_things(admin: Cloud) -> list[str]:
    """What there is in demo of a verification's: instances, and what Neutron has, by name or by description."""
    names = [one.name for one in admin.servers()]
    for kind in ("networks", "subnets", "routers", "floatingips", "security-groups"):
        (listed,) = admin.neutron.get(f"/{kind}?project_id={admin.project}").json().values()
        names += [one.get("name") or one["description"] for one in listed]
    return [name for name in names if name.startswith(PREFIX)]


def test_status_shows_every_service_as_active(stack: Setup) -> None:
    nodes = json.loads(stack.run("status", "--format", "json"))["nodes"]
    assert [node["name"] for node in nodes] == [node["name"] for node in nodes if node["openstack"]]
    assert {state for node in nodes for state in node["openstack"].values()} == {"active"}
    assert {node["problem"] for node in nodes} == {""}


# What is done to the controller, what takes it back, and what is said of it then.
ALARM = "rabbitmqctl -q set_vm_memory_high_watermark"
IMAGES = "/var/lib/glance/images"
SIGNAL = "systemctl kill --signal"
FAULTS = {
    "memory": (f"{ALARM} 0.000001", f"{ALARM} 0.6", "rabbitmq-server takes no messages: memory alarm;"),
    "disk": (
        "rabbitmqctl -q set_disk_free_limit 1000000000000000",
        "rabbitmqctl -q set_disk_free_limit 50000000",
        "rabbitmq-server takes no messages: free disk space alarm;",
    ),
    "database": (
        "mariadb -e 'SET GLOBAL read_only = 1'",
        "mariadb -e 'SET GLOBAL read_only = 0'",
        "mariadb is read-only;",
    ),
    "cache": (f"{SIGNAL}=STOP memcached", f"{SIGNAL}=CONT memcached", "memcached is active, but does not answer;"),
    "full": (f"mount -t tmpfs -o size=1m none {IMAGES}", f"umount {IMAGES}", f"{IMAGES} is full, with 1 MiB left;"),
    "read-only": (f"mount -t tmpfs -o ro,size=1g none {IMAGES}", f"umount {IMAGES}", f"{IMAGES} is read-only;"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.long("waits for each fault to be seen; the layer unit has what is said of it")
def test_what_runs_but_does_not_work_is_named(stack: Setup, fault: str) -> None:
    done, undone, said = FAULTS[fault]
    stack.ssh("controller", done)
    try:
        status = json.loads(stack.run("status", "--format", "json", code=1))
        assert {node["name"]: said in node["problem"] for node in status["nodes"] if node["problem"]} == {
            "controller": True
        }
        checks = json.loads(stack.run("verify", "--quick", "--format", "json", code=4))["checks"]
        assert said in next(check["detail"] for check in checks if check["name"] == "health")
    finally:
        stack.ssh("controller", undone)
    wait_for(lambda: json.loads(stack.run("status", "--format", "json"))["ok"], "nothing is said any more")
    stack.run("verify", "--quick")


def test_python_is_compiled_once_in_the_nodes_image(stack: Setup) -> None:
    """By one program for all packages, and not their tests; services may write nothing there."""
    assert stack.ssh("compute01", "ls /usr/bin/py3compile*").split() == ["/usr/bin/py3compile"]
    look = "cd /usr/lib/python3/dist-packages; find nova neutron -name '*.{}' -path '{}' | wc -l"
    words = [("py", "*"), ("py", "*/tests/*"), ("pyc", "*"), ("pyc", "*/tests/*")]
    sources, tests, compiled, compiled_tests = (int(stack.ssh("compute01", look.format(*each))) for each in words)
    assert (compiled, compiled_tests) == (sources - tests, 0)


def test_root_on_the_controller_has_the_clouds(stack: Setup) -> None:
    clouds = "/etc/openstack/clouds.yaml"
    assert stack.ssh("controller", "stat", "--format=%a:%U:%G", clouds).strip() == "600:root:root"
    assert stack.ssh("controller", "cat", clouds) == (stack.directory / "clouds.yaml").read_text()
    assert "romana" in stack.ssh("controller", "openstack", "--os-cloud", stack.name, "network", "list")


@pytest.mark.long("gives ninety commands to one instance after the other; lint parses what documentation has of them")
def test_daily_commands_answer_as_the_page_says(stack: Setup) -> None:
    made = commands.page(commands.run(stack.directory / "ssh_config", stack.name))
    assert made.splitlines() == commands.PAGE.read_text().splitlines()


def test_openstacks_own_tests_pass(stack: Setup, tmp_path: Path) -> None:
    outcomes = tempest_cloud.run(stack, tmp_path, tempest_cloud.SUBSET)
    passed = [one.name for one in outcomes if one.outcome == "passed"]
    assert [name for name in tempest_cloud.SUBSET if not any(one.startswith(name) for one in passed)] == []
    assert tempest_cloud.failures(outcomes) == {}


@pytest.fixture(scope="module")
def dashboard(stack: Setup) -> Dashboard:
    """Horizon, as the user demo sees it."""
    return Dashboard(stack.address(10), "demo", account(stack.directory, f"{stack.name}-demo")["password"])


def test_dashboard_lets_a_user_in(dashboard: Dashboard) -> None:
    assert "Sign Out" in dashboard.home or "Log Out" in dashboard.home, dashboard.home
    assert "Instances" in dashboard.page("/horizon/project/instances/")
    # What the page Launch Instance asks for its step Metadata.
    query = {"resource_type": "OS::Nova::Server", "properties_target": "metadata"}
    offered = dashboard.ask("/horizon/api/glance/metadefs/namespaces/", **query).json()
    assert [each["properties"]["romanaSegment"]["title"] for each in offered["items"]] == ["Romana Network Segment"]


def test_dashboard_shows_what_there_is_and_nothing_else(dashboard: Dashboard) -> None:
    assert {path for path in dashboard.menu if re.search("volume|snapshot|container", path)} == set()
    for path in dashboard.menu:
        page = dashboard.page(f"/horizon/{path}")
        assert "alert-danger alert-dismissable" not in page, path
        assert "angular.lowercase =" in page, path  # which the distribution's angular-gettext calls, and lacks


def test_dashboard_says_why_something_is_refused(dashboard: Dashboard, demo: Cloud) -> None:
    wanted: dict[str, object] = {
        "name": "none",
        "source_id": "nothing",
        "flavor_id": "none",
        "key_name": None,
        "user_data": "",
    }
    wanted |= {"security_groups": [], "nics": [{"net-id": demo.network()}]}
    refused = dashboard.tell("/horizon/api/nova/servers/", wanted)
    assert "nothing" in refused.json()
    assert "responseError" in dashboard.home  # what shows it


WALK = pytest.mark.long("looks at all pages of Horizon in a browser, as two users; each is asked for in every run")


@WALK
def test_users_begin_in_their_own_projects(walks: Walks) -> None:
    assert {user: project for user, (project, _) in walks.items()} == {"admin": "admin", "demo": "demo"}


@WALK
def test_no_page_of_the_menu_has_an_error(walks: Walks) -> None:
    errors = {(user, page): said for user, (_, pages) in walks.items() for page, said in pages.items()}
    assert {user for user, _ in errors} == {"admin", "demo"}
    assert {place: said for place, said in errors.items() if said} == {}


@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
@pytest.mark.parametrize("service", PATHS)
def test_a_bad_token_is_refused_whatever_comes_with_it(admin: Cloud, service: str, chunked: bool) -> None:
    url = admin.url(service).removesuffix("/v3") + PATHS[service]
    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(lambda _: refusal(url, chunked), range(REFUSED)))
    assert answers == {401: REFUSED}


def test_no_process_of_an_api_takes_what_is_for_another(stack: Setup) -> None:
    program = shlex.quote(Path(__file__).with_name("waits.py").read_text())
    # A file may be closed just when it is looked at.
    wait_for(lambda: not stack.ssh("controller", "python3", "-c", program), "each waits for its own", deadline=10)


def test_a_cloud_to_which_only_ssh_leads_is_reached_by_it(stack: Setup) -> None:
    near = stacks.read(stack.directory)
    far = replace(near, target=Static({node.name: Reach(node.address, "root") for node in near.nodes}))
    urls = tunnel.overrides(far, Config(), far.secrets()["passwords"])
    assert urls["demo"]["compute"] == "http://127.0.0.1:8774/v2.1"
    assert urls["admin"]["network"] == "http://127.0.0.1:9696"
    assert verify.run(far, quick=True).ok


@pytest.mark.usefixtures("nothing_left")
def test_instances_of_one_segment_reach_each_other_and_no_others(stack: Setup, admin: Cloud) -> None:
    other_project = Cloud(stack.directory, stack.name)
    ours = [
        admin.boot("web1", "compute01", "s1"),
        admin.boot("web2", "compute02", "s1"),
        admin.boot("web3", "compute01", "s1"),
        admin.boot("data", "compute01", "s2"),
    ]
    theirs = other_project.boot("web", "compute02", "s1")
    try:
        web1, web2, web3, data = admin.active(*ours)
        (foreign,) = other_project.active(theirs)
        # Host, tenant (demo is the second), segment (default, s1, s2) and endpoint are in the address.
        assert [one.address for one in (web1, web2, web3)] == ["10.1.34.3", "10.2.34.3", "10.1.34.4"]
        assert [data.address, foreign.address] == ["10.1.35.3", "10.2.18.3"]
        admin.ready(*ours)
        other_project.ready(theirs)
        assert reaches(admin, web1, web2)
        assert reaches(admin, web2, web3)
        assert reaches(admin, web1, web3)
        assert not reaches(admin, web1, data)
        assert not reaches(admin, data, web2)
        assert not reaches(admin, web1, foreign)
        assert not reaches(other_project, foreign, web2)
        assert hops(admin, web1, web3) == ["10.1.0.1", web3.address]
        assert hops(admin, web1, web2) == ["10.1.0.1", "*", web2.address]
        assert admin.run(web1, "hostname").strip() == "web1"
        assert f"lease {web1.address}/16" in admin.console(web1.id)
        assert "metadata ok" in admin.console(web1.id)
        spoofed = f"ip address add 10.1.35.77/32 dev eth0; ping -c 1 -W 2 -I 10.1.35.77 {web2.address}"
        assert "0 packets received" in admin.run(web1, f"{spoofed}; true")
    finally:
        other_project.delete(theirs)


@pytest.mark.usefixtures("nothing_left")
def test_a_projects_own_network_is_a_segment(stack: Setup, admin: Cloud, demo: Cloud) -> None:
    networks = [demo.make_network(name) for name in ("net0", "net1")]
    places = [(networks[0], "compute01"), (networks[0], "compute02"), (networks[1], "compute01")]
    booted: list[str] = []
    try:
        booted = [
            admin.boot(f"own{number}", host, networks=[{"uuid": network}])
            for number, (network, host) in enumerate(places)
        ]
        booted.append(admin.boot("shared", "compute01", "s1"))
        one, two, apart, shared = admin.active(*booted)
        # The tenant has the segments default, s1 and s2 already.
        assert [one.address, two.address, apart.address] == ["10.1.36.3", "10.2.36.3", "10.1.37.3"]
        admin.ready(*booted)
        assert reaches(admin, one, two)
        assert reaches(admin, two, one)
        assert not reaches(admin, one, apart)
        assert not reaches(admin, apart, two)
        assert not reaches(admin, shared, one)
        assert not reaches(admin, two, shared)
        assert hops(admin, one, two) == ["10.1.0.1", "*", two.address]
        assert f"lease {one.address}/16" in admin.console(one.id)
        assert "metadata ok" in admin.console(one.id)
    finally:
        admin.delete(*booted)
        for network in networks:
            demo.neutron.delete(f"/networks/{network}")
    assert [one["name"] for one in stack.romana("segment", "list", "demo")] == ["default", "s1", "s2"]


@pytest.mark.usefixtures("nothing_left")
def test_router_leads_outside_and_floating_ip_inside(stack: Setup, admin: Cloud) -> None:
    """The guide's commands, docs/how-to/external-networks.md; this machine is who is outside."""
    hosts = [stack.address(11), stack.address(12)]
    enter = partial(logged_in, key=stack.directory / "ssh" / "demo", command="hostname")
    address, booted = "", []
    try:
        tell(
            stack,
            "network create lan",
            "subnet create --network lan --use-default-subnet-pool lan",
            "security group create door",
            "security group rule create --protocol tcp --dst-port 22 door",
        )
        door = {"networks": [{"uuid": admin.network("lan")}], "security_groups": [{"name": "door"}]}
        booted = [admin.boot(f"lan{number}", f"compute0{number}", **door) for number in (1, 2)]
        one, two = admin.active(*booted)
        admin.ready(*booted)
        with mirror(stack.address(254)) as page:

            def seen_as(server: Server) -> str:
                """By which address an instance is seen here; empty when it does not get here."""
                return admin.run(server, f"timeout 5 wget -q -O - {page} || true").strip()

            assert seen_as(one) == ""
            tell(stack, "router create out", "router set --external-gateway public out", "router add subnet out lan")
            wait_for(lambda: seen_as(two), "the router leads outside")
            assert [seen_as(one), seen_as(two)] == hosts
            tell(stack, "floating ip create public")
            (made,) = admin.neutron.get(f"/floatingips?project_id={admin.project}").json()["floatingips"]
            address = made["floating_ip_address"]
            assert enter(address) is None
            tell(stack, f"server add floating ip lan1 {address}")
            wait_for(lambda: enter(address) == "lan1", "the floating IP leads to its instance")
            assert [seen_as(one), seen_as(two)] == [address, hosts[1]]
            assert stack.romana("floating-ip", "show", address)["endpoint_address"] == one.address
            with pytest.raises(OSError, match=r"timed out|refused"):
                socket.create_connection((address, 80), timeout=2)  # its security group says nothing of that
            # To another host, whose neighbours are told of it.
            tell(stack, f"server remove floating ip lan1 {address}", f"server add floating ip lan2 {address}")
            wait_for(lambda: enter(address) == "lan2", "the floating IP leads to the other instance")
            assert [seen_as(one), seen_as(two)] == [hosts[0], address]
            # Who is inside asks as whoever is outside; the guest says its name first.
            assert "SSH-2.0" in admin.run(one, f"(sleep 2; echo) | timeout 5 nc {address} 22 | head -n 1")
            tell(stack, f"floating ip unset --port {address}")
            wait_for(lambda: enter(address) is None, "the floating IP leads nowhere")
            # By a port of it for each, whichever hosts they are on; they see who asks.
            doors = {2201: one, 2202: two}
            for port, server in doors.items():
                (card,) = admin.ports(server.id)
                tell(
                    stack,
                    f"floating ip port forwarding create --port {card['id']} --internal-ip-address {server.address}"
                    f" --internal-protocol-port 22 --external-protocol-port {port} --protocol tcp {address}",
                )
            visits = [partial(enter, address, command="hostname; echo $SSH_CONNECTION", port=port) for port in doors]
            wait_for(lambda: all(visit() for visit in visits), "both ports lead to their instances")
            seen = [(visit() or "").split()[:2] for visit in visits]
            assert seen == [["lan1", stack.address(254)], ["lan2", stack.address(254)]]
            assert enter(address) is None
    finally:
        admin.delete(*booted)
        tell(
            stack,
            *([f"floating ip delete {address}"] if address else []),
            "router remove subnet out lan",
            "router delete out",
            "security group delete door",
            "network delete lan",
        )
    assert (stack.romana("router", "list"), stack.romana("floating-ip", "list")) == ([], [])


AUTOMATED = pytest.mark.long("makes by other programs what the guide's commands make in every run")


@AUTOMATED
@pytest.mark.usefixtures("nothing_left", "admin")
def test_a_playbook_of_openstacks_own_modules_changes_nothing_again(stack: Setup, tmp_path: Path) -> None:
    make, remove = (partial(play, stack, tmp_path, state=state, image=BLANK) for state in ("present", "absent"))
    try:
        assert make() > 0
        (floating,) = stack.romana("floating-ip", "list")
        assert make() == 0
        assert stack.romana("floating-ip", "list") == [floating]
    finally:
        remove()
    assert remove() == 0
    assert (stack.romana("router", "list"), stack.romana("floating-ip", "list")) == ([], [])


@AUTOMATED
@pytest.mark.usefixtures("nothing_left", "admin")
def test_what_is_read_back_is_what_was_asked_for(stack: Setup) -> None:
    said = describe(stack, BLANK)
    assert said["drifted"] == []
    assert [kind for kind, _ in said["addresses"]] == ["fixed", "floating"]
    assert said["left"] == []
    assert (stack.romana("router", "list"), stack.romana("floating-ip", "list")) == ([], [])


def tell(stack: Setup, *commands: str) -> None:
    """Give commands to OpenStack's client, as the user demo on the controller: all to one, as to load it takes longest.

    It goes on after one that is refused; what comes of them tells.
    """
    given = f"printf '%s\\n' {shlex.join(commands)}"
    stack.ssh("controller", f"{given} | OS_CLOUD={stack.name}-demo openstack", check=False)


def hops(cloud: Cloud, source: Server, target: Server) -> list[str]:
    """Who answers on the way."""
    trace = cloud.run(source, f"traceroute -n -q 1 -w 3 -m 5 {target.address}")
    return [line.split()[1] for line in trace.splitlines()[1:]]


@pytest.mark.usefixtures("nothing_left")
def test_user_data_is_run_and_the_key_lets_in(stack: Setup, demo: Cloud, admin: Cloud) -> None:
    script = "IyEvYmluL3NoCmVjaG8gcm9tYW5hLXdhcy1oZXJlID4gL3RtcC9zZWVuCg=="  # writes romana-was-here to /tmp/seen
    identifier = demo.boot("data", user_data=script)
    demo.active(identifier)
    demo.ready(identifier)
    server = admin.server(identifier)  # says on which host it runs
    wait_for(lambda: "user-data ended with status 0" in demo.console(identifier), "user data has run")
    assert demo.run(server, "cat /tmp/seen").strip() == "romana-was-here"
    for guest in ("data", server.id, server.address, f"root@{server.address}"):
        assert stack.run("ssh", guest, "--", "hostname; cat /tmp/seen").split() == ["data", "romana-was-here"]
    assert "no running instance named 'nobody'" in stack.run("ssh", "nobody", code=2)


@pytest.mark.usefixtures("nothing_left")
def test_unknown_segment_is_told_in_words(demo: Cloud) -> None:
    identifier = demo.boot("lost", segment="nowhere")
    (server,) = demo.settled([identifier])
    assert server.status == "ERROR"
    assert "no segment nowhere" in server.fault


@pytest.mark.usefixtures("nothing_left")
def test_fixed_address_of_the_right_host_and_segment_is_accepted(admin: Cloud) -> None:
    wanted = admin.port(fixed_ips=[{"ip_address": "10.2.34.77"}])
    identifier = admin.boot("fixed", "compute02", "s1", BLANK, networks=[{"port": wanted["id"]}])
    (server,) = admin.active(identifier)
    assert server.address == "10.2.34.77"


def test_what_is_forbidden_is_told_in_words(admin: Cloud, demo: Cloud, pair: tuple[Server, Server]) -> None:
    with pytest.raises(exceptions.Forbidden) as refusal:
        demo.port(fixed_ips=[{"ip_address": "10.2.34.77"}])
    assert "only administrators choose a port's address" in refusal.value.response.text
    with pytest.raises(exceptions.Forbidden) as refusal:
        admin.act(pair[0].id, "os-migrateLive", {"host": None, "block_migration": "auto"})
    assert "Live migration is not possible on the Romana network" in refusal.value.response.text


def test_subnet_that_is_not_the_plan_is_refused(admin: Cloud) -> None:
    body = {"network_id": admin.network(), "ip_version": 4, "cidr": "172.30.0.0/16"}
    with pytest.raises(exceptions.HttpError) as refusal:
        admin.neutron.post("/subnets", json={"subnet": body})
    assert "10.0.0.0/8" in refusal.value.response.json()["NeutronError"]["message"]


@pytest.mark.usefixtures("nothing_left")
def test_port_is_active_only_after_the_agent_applied_it(stack: Setup, admin: Cloud) -> None:
    stack.ssh("compute01", "systemctl", "stop", "romana-agent")
    try:
        identifier = admin.boot("waiting", "compute01", "s1", BLANK)
        (port,) = wait_for(lambda: admin.ports(identifier), "its port is made")
        tap = f"tap{port['id'][:11]}"
        wait_for(lambda: tap in stack.ssh("compute01", "ip", "-br", "link"), "its tap is there")
        assert admin.server(identifier).status == "BUILD"
        assert [port["status"] for port in admin.ports(identifier)] == ["DOWN"]
    finally:
        stack.ssh("compute01", "systemctl", "start", "romana-agent")
    admin.active(identifier)
    assert [port["status"] for port in admin.ports(identifier)] == ["ACTIVE"]


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.long("kills each service while instances boot, one after the other")
def test_services_killed_during_boots(stack: Setup, admin: Cloud, pair: tuple[Server, Server]) -> None:
    one, two = pair
    amid = []
    admin.run(one, f"ping {two.address} >/tmp/pings 2>&1 & echo $! >/tmp/pid")
    for node, service in SERVICES:
        amid.append(wait_for(partial(admin.boot, f"amid-{service}", "compute01", "s1", BLANK), "Nova takes a request"))
        stack.ssh(node, f"systemctl kill --signal=SIGKILL {service}; sleep {OUTAGE}; systemctl start {service}")
    assert ", 0% packet loss" in admin.run(one, "kill -INT $(cat /tmp/pid); sleep 1; tail -n 2 /tmp/pings")
    assert reaches(admin, one, two)
    ended = admin.settled(amid)
    assert [one.name for one in ended if one.status == "ACTIVE"] != []
    for failed in (one for one in ended if one.status != "ACTIVE"):
        wait_for(lambda failed=failed: admin.server(failed.id).fault, f"{failed.name} says why it failed")
    check = ("controller", "romana", "ipam", "check")
    wait_for(lambda: "no contradictions" in stack.ssh(*check, check=False), "addresses are in order")
    with impatient_follower(stack):
        wait_for(lambda: {port["id"] for port in admin.ports()} == names_of_endpoints(stack), "strays are given back")


def impatient_follower(stack: Setup) -> AbstractContextManager[None]:
    """The follower takes back at once what belongs to no port: no request is under way that could make one."""
    edits = (r"s/^\[romana\]$/&\ngrace = 1\nsync_interval = 1/", "/^grace = 1$/d; /^sync_interval = 1$/d")
    return edited(stack, "/etc/neutron/neutron.conf", "neutron-romana", edits)


@contextmanager
def edited(stack: Setup, file: str, unit: str, edits: tuple[str, str]) -> Iterator[None]:
    """For a while a file of the controller's is another, for the unit that reads it. edits: sed's, there and back."""
    there, back = (f"sed -i '{edit}' {file} && systemctl restart {unit}" for edit in edits)
    stack.ssh("controller", there)
    try:
        yield
    finally:
        stack.ssh("controller", back)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.long("lets tokens expire")
def test_a_command_goes_on_when_its_token_expires(stack: Setup) -> None:
    """A client that is refused for that logs in again; what Nova has others do for it goes on, too."""
    create = ("server", "create", "--wait", "--image", "tiny", "--flavor", "tiny", "--network", "romana", "-f", "json")
    with short_tokens(stack):
        client = ("openstack", "--debug", "--os-cloud", f"{stack.name}-demo", *create, "patient", "2>&1")
        said = stack.ssh("controller", *client)
    assert said.count("Making authentication request") > 1, said
    assert '"status": "ACTIVE"' in said, said


def short_tokens(stack: Setup) -> AbstractContextManager[None]:
    """A token is good for some requests of a command, not for all."""
    edits = (r"s/^\[token\]$/&\nexpiration = 3/", "/^expiration = 3$/d")
    return edited(stack, "/etc/keystone/keystone.conf", "keystone", edits)


def names_of_endpoints(stack: Setup) -> set[str]:
    """Those of Neutron's are named after their ports."""
    return {endpoint["name"] for endpoint in stack.romana("endpoint", "list")}


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.long("waits for the timer that finishes it")
def test_deletion_that_nova_compute_has_forgotten_is_finished(stack: Setup, admin: Cloud) -> None:
    identifier = admin.boot("forgotten", "compute01")
    admin.active(identifier)
    # As a database leaves it that ends between Nova's note of the deletion and the deletion.
    left = "update instances set task_state = 'deleting', updated_at = utc_timestamp() - interval 1 hour"
    stack.ssh("controller", "mariadb", "nova", "--execute", f"\"{left} where uuid = '{identifier}'\"")
    wait_for(lambda: identifier not in {one.id for one in admin.servers()}, "it is deleted")


def test_consoles_are_reached_by_their_proxy_alone(stack: Setup, demo: Cloud, pair: tuple[Server, Server]) -> None:
    body = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    stack.ssh("compute01", "nft", "flush", "ruleset")  # Debian's own nftables.conf begins with it
    wait_for(lambda: "romana" in stack.ssh("compute01", "nft", "list", "tables"), "the agent has its tables again")
    for number, instance in enumerate(pair, 11):
        console = demo.nova.post(f"/servers/{instance.id}/remote-consoles", json=body).json()["remote_console"]
        page = subprocess.run(
            ["curl", "--silent", "--fail", console["url"]], capture_output=True, text=True, check=True
        )
        assert "noVNC" in page.stdout
        assert greeting(console["url"]).startswith("RFB ")
        with pytest.raises(TimeoutError):
            socket.create_connection((stack.address(number), 5900), timeout=1)


@pytest.mark.usefixtures("nothing_left")
def test_an_interface_comes_and_goes_while_an_instance_runs(admin: Cloud, pair: tuple[Server, Server]) -> None:
    one, two = pair
    for wanted in ({"net_id": admin.network()}, {"port_id": admin.port()["id"]}):
        path = f"/servers/{one.id}/os-interface"
        made = admin.nova.post(path, json={"interfaceAttachment": wanted}).json()["interfaceAttachment"]
        identifier = made["port_id"]
        wait_for(partial(active_port, admin, identifier), "the new interface is in place")
        assert len(admin.server(one.id).addresses) == 2
        assert made["mac_addr"] in admin.run(one, "cat /sys/class/net/*/address")
        admin.nova.delete(f"{path}/{identifier}")
        wait_for(lambda: len(admin.server(one.id).addresses) == 1, "it is gone")
    assert reaches(admin, two, one)


@pytest.mark.usefixtures("nothing_left")
def test_an_instance_with_two_ports_answers_on_both(admin: Cloud, pair: tuple[Server, Server]) -> None:
    identifier = admin.boot("both", segment="s1", networks=[{"uuid": admin.network()}] * 2)
    (server,) = admin.active(identifier)
    wait_for(lambda: admin.console(identifier).count("romana-guest: lease ") == 2, "both have a lease")
    admin.ready(identifier)
    assert len(set(server.addresses)) == 2
    for address in server.addresses:
        admin.run(pair[1], f"ping -c 1 -W 3 {address} && wget -q -O /dev/null http://{address}/")
    asked = "wget -q -O - http://169.254.169.254/latest/meta-data/local-ipv4"
    for card in ("eth0", "eth1"):
        gateway = f"$(ip route | grep '^default .* {card} ' | cut -d ' ' -f 3)"
        by_it = f"ip route replace 169.254.169.254 via {gateway} dev {card} onlink"
        assert admin.run(server, f"{by_it} && ip route get 169.254.169.254 && {asked}").split()[-1] == server.address


def active_port(cloud: Cloud, identifier: str) -> bool:
    return any(port["id"] == identifier and port["status"] == "ACTIVE" for port in cloud.ports())


@pytest.mark.usefixtures("nothing_left")
def test_rebuild_and_hard_reboot_keep_the_network(admin: Cloud, pair: tuple[Server, Server]) -> None:
    mover, peer = pair
    # First what Nova knows least for: it has not looked at the network again since the instance was made.
    for action, value in (("rebuild", {"imageRef": mover.shown["image"]["id"]}), ("reboot", {"type": "HARD"})):
        admin.act(mover.id, action, value)
        admin.active(mover.id)
        admin.ready(mover.id)
        assert reaches(admin, peer, mover)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.long("boots twenty emulated machines")
def test_twenty_instances_at_once(admin: Cloud) -> None:
    images = ["tiny", *[BLANK] * 18, "tiny"]
    identifiers = [admin.boot(f"many{number}", None, "s1", image) for number, image in enumerate(images)]
    servers = admin.active(*identifiers)
    assert len({one.address for one in servers}) == len(servers)
    assert {one.name: one.address.split(".")[1] for one in servers} == {
        one.name: str(["controller", "compute01", "compute02"].index(one.host)) for one in servers
    }
    first, last = servers[0], servers[-1]  # on which hosts is for Nova to say
    admin.ready(first.id, last.id)
    assert reaches(admin, first, last)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.long("boots an emulated machine twice; the layer drivers moves ports, and here one is rebuilt")
def test_cold_migration_gives_an_address_of_the_new_host(admin: Cloud, pair: tuple[Server, Server]) -> None:
    peer, _ = pair  # the other has 10.2.34.3
    (mover,) = admin.active(admin.boot("mover", "compute01", "s1"))
    admin.ready(mover.id)
    assert reaches(admin, peer, mover)
    admin.act(mover.id, "migrate", {"host": "compute02"})
    admin.settled([mover.id], "VERIFY_RESIZE", "ERROR")
    admin.act(mover.id, "confirmResize")
    (moved,) = admin.active(mover.id)
    assert (moved.host, moved.address) == ("compute02", "10.2.34.4")
    wait_for(lambda: f"lease {moved.address}/16" in admin.console(moved.id), "the guest has its new address")
    admin.ready(moved.id)
    assert reaches(admin, peer, moved)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.long("resizes an emulated machine")
def test_resize_works_where_one_node_runs_instances(admin: Cloud) -> None:
    (before,) = admin.active(admin.boot("grows", "compute01"))
    services = admin.nova.get("/os-services?binary=nova-compute").json()["services"]
    others = [service["id"] for service in services if service["host"] != "compute01"]
    try:
        for service in others:
            admin.nova.put(f"/os-services/{service}", json={"status": "disabled"})
        admin.act(before.id, "resize", {"flavorRef": admin.flavor("small")})
        admin.settled([before.id], "VERIFY_RESIZE", "ACTIVE", "ERROR")
        admin.act(before.id, "confirmResize")
        (after,) = admin.active(before.id)
    finally:
        for service in others:
            admin.nova.put(f"/os-services/{service}", json={"status": "enabled"})
    assert (after.host, after.address, after.shown["flavor"]["ram"]) == ("compute01", before.address, 512)


def reboot(stack: Setup, node: str) -> None:
    """Have a node shut down and boot; returns when it is reached again."""
    started = ("systemctl", "show", "--property", "UserspaceTimestampMonotonic")
    before = stack.ssh(node, *started)
    stack.ssh(node, "systemctl", "reboot", check=False)
    wait_for(lambda: stack.ssh(node, *started, check=False) not in ("", before), f"{node} has booted")


@pytest.mark.usefixtures("nothing_left")
def test_reboot_of_a_compute_node(stack: Setup, admin: Cloud, pair: tuple[Server, Server]) -> None:
    there, peer = pair
    reboot(stack, "compute01")
    web = f"timeout 5 wget -q -O /dev/null http://{there.address}/; echo $?"  # the last that comes up in the guest
    wait_for(lambda: admin.run(peer, web).strip() == "0", "the instance runs and has its network again")
    assert reaches(admin, there, peer)
    admin.active(there.id)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.long("boots all of OpenStack again; a compute node is rebooted in every run")
def test_reboot_of_the_controller_without_ipv6(stack: Setup, admin: Cloud, pair: tuple[Server, Server]) -> None:
    one, two = pair
    for part in ("all", "default"):
        stack.ssh("controller", f"echo net.ipv6.conf.{part}.disable_ipv6=1 >>/etc/sysctl.d/90-without-ipv6.conf")
    reboot(stack, "controller")
    assert reaches(admin, one, two)
    assert stack.ssh("controller", "systemctl", "is-system-running", "--wait", check=False).strip() == "running"
    stack.run("status")
    later = admin.boot("later", "compute02", "s1")
    (three,) = admin.active(later)
    admin.ready(later)
    assert reaches(admin, one, three)
