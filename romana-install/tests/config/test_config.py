"""The configuration as a user writes it: what is accepted, and what is said about the rest."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from romana_install import targets
from romana_install.base.machine import MachineNetwork, Route, parse_resolvers, parse_routes
from romana_install.config.address_plan import PLAN_KEYS
from romana_install.config.options import Options
from romana_install.config.read import read
from romana_install.state.stack import Stack
from romana_install.targets import checks
from romana_install.targets.local.uplink import uplink_wanted

GROUP_VARS = Path(__file__).parents[3] / "group_vars" / "all"
NONE = "openstack_engine=none"
LOCAL = targets.named("local")()


def findings(
    *extra: str,
    target: str = "local",
    existing: Stack | None = None,
    machine: MachineNetwork | None = None,
    group_vars: Path = GROUP_VARS,
) -> list[str]:
    draft = read(group_vars, extra)
    asked = targets.named(target).asked(Options(), draft.config, existing)
    return [str(finding) for finding in checks.findings(draft, asked, existing, machine or MachineNetwork())]


def test_the_files_as_they_are_make_a_stack() -> None:
    assert findings(NONE) == []


def test_missing_file_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "stack.yml").write_text("stack_name: romana\n")
    found = findings(NONE, group_vars=tmp_path)
    assert [line.partition(":")[0].rpartition("/")[2] for line in found] == [
        "romana.yml",
        "openstack.yml",
        "devstack.yml",
        "local.yml",
        "static.yml",
        "aws.yml",
        "vagrant.yml",
    ]


@pytest.mark.parametrize(
    ("extra", "key", "value"),
    [
        (["devstack_compute_node=3"], "devstack_compute_node", 3),
        (["controller_is_compute=false"], "controller_is_compute", False),
        (["controller_is_compute=no"], "controller_is_compute", False),
        (["stack_name=demo devstack_compute_node=2"], "devstack_compute_node", 2),
        (["openstack_engine="], "openstack_engine", None),
        (['{"romana_tenants": [{"name": "blue"}]}'], "romana_tenants", [{"name": "blue", "segments": ["default"]}]),
        (["stack_name=a", "stack_name=b"], "stack_name", "b"),
        (["local_cache_dir='/a b'"], "local_cache_dir", "/a b"),
        (["openstack_passwords={}"], "openstack_passwords", {}),
        (['{"openstack_passwords": {"demo": "a.b_c~d-9"}}'], "openstack_passwords", {"demo": "a.b_c~d-9"}),
        (["openstack_cpu_mode=none"], "openstack_cpu_mode", "none"),
        (["devstack_release=2026.1"], "devstack_release", "2026.1"),
        (["devstack_git_base=file:///srv/git"], "devstack_git_base", "file:///srv/git"),
    ],
)
def test_value_of_extra_variable(extra: list[str], key: str, value: object) -> None:
    draft = read(GROUP_VARS, extra)
    assert draft.findings == []
    assert draft.config.model_dump()[key] == value


def test_extra_variables_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text("devstack_compute_node: 4\n")
    assert read(GROUP_VARS, [f"@{path}"]).config.devstack_compute_node == 4


@pytest.mark.parametrize(
    ("extra", "where", "text"),
    [
        ("devstack_compute_node=-1", "-e:devstack_compute_node", "is -1; give a whole number of nodes, 0 or more"),
        ("devstack_compute_node=two", "-e:devstack_compute_node", "is 'two'; give a whole number"),
        ("devstack_compute_node=1.5", "-e:devstack_compute_node", "is 1.5; give a whole number"),
        ("devstack_compute_node=true", "-e:devstack_compute_node", "is True; give a whole number"),
        ("devstack_compute_node=300", "-e:devstack_compute_node", "192.168.99.0/24 (local_network) holds up to 244"),
        ("devstack_compute_node=300", "-e:devstack_compute_node", "8 host bits (romana_host_bits) hold up to 255"),
        ("devstack_compute_nodes=2", "-e:devstack_compute_nodes", "did you mean devstack_compute_node?"),
        ("colour=red", "-e:colour", "unknown variable; a variable of a role goes after --"),
        ("'stack_name=a b'", "-e:stack_name", "is 'a b'; give 1 to 20 lower-case letters"),
        ("stack_name=" + "x" * 300, "-e:stack_name", "(300 characters); give 1 to 20 lower-case letters"),
        ("stack_name=", "-e:stack_name", "is ''; give 1 to 20 lower-case letters"),
        ("stack_name=../etc", "-e:stack_name", "give 1 to 20 lower-case letters"),
        ("openstack_engine=devstck", "-e:openstack_engine", "is 'devstck'; give none, packages or devstack"),
        ("romana_cidr=10.0.0.0/9", "-e:romana_cidr", "= 33 bits, not 32; take away 1"),
        ("romana_host_bits=7", "-e:romana_host_bits", "= 31 bits, not 32; add 1"),
        ("romana_host_bits=-1", "-e:romana_host_bits", "host_bits is -1; it must be at least 0"),
        ("romana_cidr=10.0.0.1/8", "-e:romana_cidr", "is not an IPv4 network"),
        ("romana_cidr=224.0.0.0/8", "-e:romana_cidr", "multicast"),
        ("romana_cidr=192.0.0.0/8", "-e:romana_cidr", "overlaps the nodes' own network 192.168.99.0/24"),
        ("local_network=10.1.2.0/24", "group_vars/all/romana.yml:romana_cidr", "overlaps the nodes' own network"),
        ("local_network=fd00::/64", "-e:local_network", "is not an IPv4 network; write it like 192.168.99.0/24"),
        ("local_network=192.168.99.0/28", "-e:local_network", None),
        ("local_network=192.168.99.0/29", "-e:local_network", "is too small: the controller is .10"),
        ("local_mirror=ftp://mirror", "-e:local_mirror", "give an http:// or https:// URL"),
        ("local_cache_dir=here", "-e:local_cache_dir", "give an absolute path"),
        ("local_debian_release=sid", "-e:local_debian_release", "give bookworm (12) or trixie (13)"),
        ("romana_server_port=80", "-e:romana_server_port", "give a port from 1024 to 65535"),
        ("romana_tenants=red", "-e:romana_tenants", "is 'red'; give a list like"),
        ('{"romana_tenants": [{"name": "a b"}]}', "-e:romana_tenants", "[0].name is 'a b'; give a list like"),
        ('{"romana_tenants": [{"segments": ["a"]}]}', "-e:romana_tenants", "[0].name is missing"),
        ('{"romana_tenants": [{"name": "a", "sgments": []}]}', "-e:romana_tenants", "[0].sgments is unknown"),
        ('{"romana_tenants": [{"name": "a"}, {"name": "a"}]}', "-e:romana_tenants", "tenants: a is there twice"),
        ('{"romana_tenants": [{"name": "a", "segments": ["x", "x"]}]}', "-e:romana_tenants", "x is there twice"),
        ("romana_host_owners=red", "-e:romana_host_owners", "is 'red'; give names of nodes with their tenants, like {"),
        ('{"romana_host_owners": {"controller": "demo"}}', "-e:romana_host_owners", "controller is no compute node of"),
        ('{"romana_host_owners": {"compute02": "demo"}}', "-e:romana_host_owners", "compute02 is no compute node of"),
        ('{"romana_host_owners": {"compute1": "demo"}}', "-e:romana_host_owners", "compute1 is no compute node of"),
        (
            '{"romana_host_owners": {"compute01": "dmeo"}}',
            "-e:romana_host_owners",
            "no tenant dmeo (did you mean demo?)",
        ),
        ('{"romana_host_owners": {"compute01": "demo"}}', "-e:romana_host_owners", None),
        (
            '{"romana_host_owners": {"compute01": "demo"}, "openstack_engine": "packages"}',
            "-e:romana_host_owners",
            "a node with OpenStack holds passwords of the whole cloud, so it can be no tenant's own; leave it",
        ),
        ("openstack_passwords=hunter", "-e:openstack_passwords", "is not right; give a mapping like {admin: my-pass"),
        ('{"openstack_passwords": {"admin": "short"}}', "-e:openstack_passwords", "admin is not right; give a mapping"),
        ('{"openstack_passwords": {"admin": "with blank"}}', "-e:openstack_passwords", "passwords of 8 to 64 letters"),
        ('{"openstack_passwords": {"admin": 12345678}}', "-e:openstack_passwords", "admin is not right; give"),
        (
            '{"openstack_passwords": {"root": "password"}}',
            "-e:openstack_passwords",
            "'root' is unknown; give a mapping",
        ),
        ("openstack_region=", "-e:openstack_region", "is ''; give a name of 1 to 64"),
        ("openstack_api_workers=0", "-e:openstack_api_workers", "is 0; give a whole number of processes"),
        ("openstack_virt_type=xen", "-e:openstack_virt_type", "is 'xen'; give kvm or qemu, or leave it empty"),
        ("openstack_cpu_mode=custom", "-e:openstack_cpu_mode", "is 'custom'; give host-model, host-passthrough or"),
        ("openstack_demo=1", "-e:openstack_demo", "is 1; give true or false"),
        ("devstack_release=libety", "-e:devstack_release", "liberty, 2026.1 (did you mean liberty?)"),
        ('{"devstack_release": 2026.1}', "-e:devstack_release", "is 2026.1; give the name of a release in quotes"),
        ("devstack_git_base=git://opendev.org", "-e:devstack_git_base", "give an https:// or file:/// URL without a"),
        ("devstack_git_base=https://opendev.org/", "-e:devstack_git_base", "give an https:// or file:/// URL without"),
        ('{"devstack_releases": {"x": {"git_base": "http://a"}}}', "-e:devstack_releases", "x.git_base is 'http://a'"),
        ('{"devstack_releases": {"x": {"python": "3.13"}}}', "-e:devstack_releases", "x.git_base is missing"),
        ("devstack_compute_node=0 controller_is_compute=false", "-e:devstack_compute_node", "no compute node at all"),
        ("nonsense", "-e", "'nonsense' is not key=value, nor @file, nor a JSON object"),
        ("=1", "-e", "is not key=value"),
        ("'open", "-e", "has no closing quotation"),
        ("@/nonexistent.yml", "-e @/nonexistent.yml", "cannot be read: no such file or directory"),
        ('{"stack_name": ', "-e", "is not YAML"),
    ],
)
def test_finding(extra: str, where: str, text: str | None) -> None:
    found = findings(*([extra] if "openstack_engine" in extra else [NONE, extra]))
    if text is None:
        assert found == []
    else:
        assert any(line.startswith(f"{where}: ") and text in line for line in found), found


@pytest.mark.parametrize("value", ["hunter2", "a hunter2 of blanks"])
def test_wrong_password_is_not_shown(value: str) -> None:
    (found,) = findings(NONE, f'{{"openstack_passwords": {{"admin": "{value}"}}}}')
    assert "hunter2" not in found


def test_too_many_tenants_for_the_bits() -> None:
    tenants = ", ".join(f'{{"name": "t{number}"}}' for number in range(16))
    found = findings(NONE, f'{{"romana_tenants": [{tenants}]}}')
    assert found == ["-e:romana_tenants: tenants: 16 do not fit 4 bits, up to 15 do; raise romana_tenant_bits"]


def test_all_findings_at_once() -> None:
    found = findings(
        "openstack_engine=x devstack_compute_node=two stack_name=A romana_host_bits=9 local_network=1 colour=red",
        "junk",
    )
    named = {line.split(": ")[0] for line in found}
    assert named == {
        "-e",
        "-e:colour",
        *(f"-e:{key}" for key in ("openstack_engine", "devstack_compute_node", "stack_name", "romana_host_bits")),
        "-e:local_network",
    }


def test_findings_are_one_line_each() -> None:
    found = findings("stack_name='a\nb'", "@/dev/null", '{"x\ny": 1}')
    assert len(found) == 2
    assert [line for line in found if "\n" in line] == []


def test_key_in_two_files_is_a_finding(tmp_path: Path) -> None:
    for path in GROUP_VARS.glob("*.yml"):
        (tmp_path / path.name).write_text(path.read_text())
    with (tmp_path / "stack.yml").open("a") as file:
        file.write("local_network: 192.168.98.0/24\n")
    (found,) = findings(NONE, group_vars=tmp_path)
    assert "stack.yml:local_network" in found
    assert "local.yml too; keep one of them" in found


def test_broken_yaml_is_a_finding_with_its_line(tmp_path: Path) -> None:
    for path in GROUP_VARS.glob("*.yml"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "local.yml").write_text("---\nlocal_network: [\n")
    (found,) = findings(NONE, group_vars=tmp_path)
    assert "local.yml: is not YAML in line" in found


def test_release_without_a_suitable_openstack() -> None:
    (found,) = findings("local_debian_release=bookworm")
    assert found.startswith("-e:local_debian_release: is bookworm, whose OpenStack")
    assert findings(NONE, "local_debian_release=bookworm") == []


@pytest.mark.parametrize(
    ("machine", "text"),
    [
        (MachineNetwork(routes=(Route(IPv4Network("192.168.0.0/16"), "eth0"),)), "route 192.168.0.0/16 (eth0)"),
        (MachineNetwork(routes=(Route(IPv4Network("192.168.99.7/32"), "tun0"),)), "route 192.168.99.7/32 (tun0)"),
        (MachineNetwork(resolvers=(IPv4Address("192.168.99.1"),)), "holds this machine's name server 192.168.99.1"),
    ],
)
def test_network_that_this_machine_uses(machine: MachineNetwork, text: str) -> None:
    (found,) = findings(NONE, machine=machine)
    assert found.startswith("group_vars/all/local.yml:local_network: ")
    assert text in found


def test_resolver_inside_the_plan_is_no_conflict() -> None:
    machine = MachineNetwork(
        resolvers=(IPv4Address("10.255.255.53"),), routes=(Route(IPv4Network("10.9.0.0/16"), "x"),)
    )
    assert findings(NONE, machine=machine) == []


def existing_stack(**changed: object) -> Stack:
    draft = read(GROUP_VARS, [NONE])
    values: dict[str, object] = {
        "name": "romana",
        "directory": Path("/nowhere"),
        "nodes": LOCAL.nodes(draft.config),
        "target": LOCAL,
        "network": "192.168.99.0/24",
        "plan": {key: getattr(draft.config, key) for key in PLAN_KEYS},
        **changed,
    }
    return Stack(**values)  # type: ignore[arg-type]


def test_the_stacks_own_route_is_no_conflict() -> None:
    machine = MachineNetwork(routes=(Route(IPv4Network("192.168.99.0/24"), "ro-romana"),))
    assert findings(existing=existing_stack(), machine=machine) == []


@pytest.mark.parametrize("engine", ["none", "packages"])
def test_existing_stack_keeps_its_engine(engine: str) -> None:
    existing = existing_stack(engine=engine)
    draft = read(GROUP_VARS, [])
    assert checks.findings(draft, LOCAL, existing, MachineNetwork()) == []
    assert checks.engine(draft, LOCAL, existing) == engine


def test_engine_of_a_new_stack() -> None:
    draft = read(GROUP_VARS, [])
    assert checks.findings(draft, LOCAL, None, MachineNetwork()) == []
    assert checks.engine(draft, LOCAL, None) == "packages"


@pytest.mark.parametrize(("made", "wanted"), [("none", "packages"), ("packages", "none")])
def test_engine_of_an_existing_stack_cannot_change(made: str, wanted: str) -> None:
    (found,) = findings(f"openstack_engine={wanted}", existing=existing_stack(engine=made))
    assert found.startswith(f"-e:openstack_engine: is {wanted}, but stack romana was made with {made}")
    assert "database" in found


@pytest.mark.parametrize(
    ("extra", "where"),
    [
        ("local_network=192.168.98.0/24", "-e:local_network"),
        ("romana_cidr=11.0.0.0/8", "-e:romana_cidr"),
        ("romana_server_port=9700", "-e:romana_server_port"),
    ],
)
def test_what_an_existing_stack_cannot_change(extra: str, where: str) -> None:
    (found,) = findings(extra, existing=existing_stack())
    assert found.startswith(f"{where}: is ")
    assert "stack romana was made with" in found


def test_parse_routes() -> None:
    text = """[{"dst": "default", "gateway": "192.0.2.1", "dev": "eth0"},
               {"dst": "192.0.2.0/24", "dev": "eth0"},
               {"type": "blackhole", "dst": "10.9.9.9"}]"""
    assert parse_routes(text) == (
        Route(IPv4Network("192.0.2.0/24"), "eth0"),
        Route(IPv4Network("10.9.9.9/32"), "blackhole"),
    )


def test_parse_resolvers() -> None:
    text = "# comment\nnameserver 127.0.0.53\nnameserver 10.255.255.53\nnameserver fd00::1\nsearch x\nnameserver\n"
    assert parse_resolvers(text) == (IPv4Address("10.255.255.53"),)


DEVSTACK = ("openstack_engine=devstack", "devstack_release=2026.1")
RESOLVED = MachineNetwork(resolvers=(IPv4Address("192.0.2.53"),))


def test_devstack_with_a_maintained_release() -> None:
    assert findings(*DEVSTACK, machine=RESOLVED) == []


@pytest.mark.parametrize(
    ("extra", "where", "text"),
    [
        ("local_uplink=false", "-e:local_uplink", "is false, and DevStack installs packages on nodes"),
        (
            "local_debian_release=bookworm",
            "-e:local_debian_release",
            "is bookworm; 2026.1 by DevStack needs trixie; leave",
        ),
    ],
)
def test_what_devstack_needs(extra: str, where: str, text: str) -> None:
    (found,) = findings(*DEVSTACK, extra, machine=RESOLVED)
    assert found.startswith(f"{where}: {text}")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([NONE], "trixie"),
        ([NONE, "local_debian_release=bookworm"], "bookworm"),
        (["openstack_engine=devstack", "devstack_release=liberty"], "bookworm"),
        (["openstack_engine=devstack"], "bookworm"),
        (["openstack_engine=devstack", "devstack_release=2026.1"], "trixie"),
    ],
)
def test_debian_is_what_the_release_needs(words: list[str], expected: str) -> None:
    draft = read(GROUP_VARS, words)
    assert [one for one in checks.findings(draft, LOCAL, None, RESOLVED) if "local_debian" in one.where] == []
    assert checks.debian_release(draft, LOCAL, None) == expected


def test_way_out_needs_a_name_server() -> None:
    for words in (DEVSTACK, (NONE, "local_uplink=true")):
        (found,) = findings(*words)
        assert found.startswith("/etc/resolv.conf: names no IPv4 name server")


def test_stack_keeps_its_release() -> None:
    existing = existing_stack(engine="devstack", release="2026.1")
    draft = read(GROUP_VARS, [])
    assert checks.findings(draft, LOCAL, existing, RESOLVED) == []
    assert checks.devstack_release(draft, existing) == "2026.1"
    found = findings("devstack_release=liberty", existing=existing, machine=RESOLVED)
    assert any(
        line.startswith("-e:devstack_release: is liberty, but stack romana was made with 2026.1") for line in found
    )


def test_stack_keeps_where_its_repositories_come_from() -> None:
    existing = existing_stack(engine="devstack", release="2026.1", git_base="file:///srv/git")
    for words, base in (([], "file:///srv/git"), (["devstack_git_base=https://example.org"], "https://example.org")):
        assert checks.devstack_git_base(read(GROUP_VARS, words), existing) == base


@pytest.mark.parametrize(
    ("configured", "engine", "wanted"),
    [(None, "packages", False), (None, "devstack", True), (True, "none", True), (False, "devstack", False)],
)
def test_when_nodes_have_a_way_out(configured: bool | None, engine: str, wanted: bool) -> None:
    assert uplink_wanted(configured, engine) == wanted
