"""Every variable a user can set: its type, its default, and the sentence that explains it.

There is one model per file in group_vars/all; docs/reference/configuration.md is generated from them. `expects` in a
field describes the allowed values: it ends the finding about a value that is not allowed.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from romana.contract import API_PORT, NAME, NAME_RULE
from romana_install.config.devstack_releases import GIT_URL, DevstackRelease, known_releases

STACK_NAME = r"^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$"

NO_EXTERNAL = "none"  # value of openstack_external_cidr

INSTANCE_TYPE = r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$"

Engine = Literal["none", "packages", "devstack"]
Release = Literal["bookworm", "trixie"]
Provider = Literal["virtualbox", "libvirt"]
Zone = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z0-9]+)+-[0-9]+[a-z]$")]

Port = Annotated[int, Field(ge=1, le=65535)]

PASSWORD_NAMES = (
    "admin",
    "demo",
    "rabbitmq",
    "keystone_db",
    "glance_db",
    "placement_db",
    "nova_db",
    "neutron_db",
    "romana_db",
    "glance",
    "placement",
    "nova",
    "neutron",
    "database",
    "service",
    "token",
)


def setting(
    default: Any, description: str, expects: str, unit: str = "", secret: bool = False, **constraints: Any
) -> Any:
    """A documented field. secret: its values are never shown, not even in a finding."""
    extra: JsonDict = {"expects": expects, "unit": unit, "secret": secret}
    return Field(default, description=description, json_schema_extra=extra, **constraints)


class Settings(BaseModel):
    """Base of the models: unknown keys are errors, and types are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class StackSettings(Settings):
    """The stack: its name, its OpenStack engine and its nodes."""

    stack_name: str = setting(
        "romana",
        "Name of the stack. Stacks with different names and networks can exist side by side.",
        "give 1 to 20 lower-case letters, digits and '-', beginning with a letter",
        pattern=STACK_NAME,
    )
    openstack_engine: Engine | None = setting(
        None,
        "How OpenStack is installed: `none` (only the Romana network), `packages` (from the distribution's packages) "
        "or `devstack`. Empty: the engine the stack has; for a new stack, the default of its target.",
        "give none, packages or devstack, or leave it empty",
    )
    devstack_compute_node: int = setting(
        1,
        "Number of compute nodes besides the controller. Change it and run romana-setup again to add nodes, or to "
        "remove them from the highest number down; the other nodes are not touched.",
        "give a whole number of nodes, 0 or more",
        unit="nodes",
        ge=0,
    )
    controller_is_compute: bool = setting(True, "Whether the controller is also a compute node.", "give true or false")


Name = Annotated[str, StringConstraints(pattern=f"^{NAME}$")]


class TenantSettings(Settings):
    """A tenant that the installation creates."""

    name: Name
    segments: list[Name] = Field(default=["default"], min_length=1)


def default_tenants() -> list[TenantSettings]:
    """The tenants of a new stack."""
    return [TenantSettings(name=name, segments=["default", "s1", "s2"]) for name in ("admin", "demo")]


class RomanaSettings(Settings):
    """The Romana network. The prefix length of romana_cidr and the four numbers of bits add up to 32."""

    romana_cidr: str = setting(
        "10.0.0.0/8", "Network that all endpoint addresses are allocated from.", "give an IPv4 network, like 10.0.0.0/8"
    )
    romana_host_bits: int = setting(
        8, "Bits of an address for the host: 8 allows 256 hosts.", "give a whole number", unit="bits"
    )
    romana_tenant_bits: int = setting(
        4, "Bits of an address for the tenant: 4 allows 15 tenants.", "give a whole number", unit="bits"
    )
    romana_segment_bits: int = setting(
        4,
        "Bits of an address for the segment: 4 allows 15 segments in each tenant.",
        "give a whole number",
        unit="bits",
    )
    romana_endpoint_bits: int = setting(
        8,
        "Bits of an address for the endpoint: 8 allows 252 endpoints in each segment on each host.",
        "give a whole number",
        unit="bits",
    )
    romana_server_port: int = setting(
        API_PORT,
        "TCP port of romana-server on the controller.",
        "give a port from 1024 to 65535",
        unit="port",
        ge=1024,
        le=65535,
    )
    romana_masquerade: bool = setting(
        True,
        "Whether endpoints reach what is outside of romana_cidr with their host's address, as far as policies allow "
        "it. Without it, the network around the hosts has to know the way back to the endpoints.",
        "give true or false",
    )
    romana_tenants: list[TenantSettings] = Field(
        default_factory=default_tenants,
        description="Tenants that the installation creates, each with its segments, numbered in this order. "
        "Tenants created in other ways are not changed.",
        json_schema_extra={
            "expects": f"give a list like [{{name: admin, segments: [default, s1]}}], names of {NAME_RULE}",
            "unit": "",
            "secret": False,
        },
    )
    romana_host_owners: dict[Name, Name] = setting(
        {},
        "Nodes that are a tenant's own machines, each with its tenant: they get endpoints of that tenant only, and "
        "the other nodes accept no other tenant's addresses from them. See docs/how-to/bare-metal.md. Owners set in "
        "other ways are not changed.",
        "give names of nodes with their tenants, like {compute02: demo}",
    )


PasswordName = Annotated[str, StringConstraints(pattern=f"^({'|'.join(PASSWORD_NAMES)})$")]
# They are written into URLs and ini files, where none of these characters needs quoting.
Password = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._~-]{8,64}$")]


def given(passwords: Any) -> Any:
    """The passwords without the names left empty, as in an answers file: those passwords are generated."""
    if not isinstance(passwords, dict):
        return passwords
    return {name: password for name, password in passwords.items() if password is not None}


Passwords = Annotated[dict[PasswordName, Password], BeforeValidator(given)]


class OpenstackSettings(Settings):
    """OpenStack installed by the engine `packages`."""

    openstack_passwords: Passwords = setting(
        {},
        "Passwords to set yourself, by name; the others are generated, once per stack, and kept in `secrets.json` in "
        "its state directory. Names: the users `admin` and `demo`; the services `glance`, `placement`, `nova` and "
        "`neutron`; the database accounts `keystone_db`, `glance_db`, `placement_db`, `nova_db`, `neutron_db` and "
        "`romana_db`; the message queue, `rabbitmq`. The engine `devstack` has one password for all databases, "
        "`database`, and one for all service users, `service`.",
        f"give a mapping like {{admin: my-password}}, with names of {', '.join(PASSWORD_NAMES)}, and passwords of 8 to "
        "64 letters, digits, '-', '.', '_' and '~'",
        secret=True,
    )
    openstack_region: str = setting(
        "RegionOne", "Name of the region in the catalogue.", f"give a name of {NAME_RULE}", pattern=f"^{NAME}$"
    )
    openstack_api_workers: int = setting(
        2,
        "Number of processes of each OpenStack API. Each uses about 100 MB of the controller's memory.",
        "give a whole number of processes from 1 to 64",
        unit="processes",
        ge=1,
        le=64,
    )
    openstack_virt_type: str = setting(
        "",
        "Hypervisor of the instances: `kvm` (hardware virtualization) or `qemu` (software emulation, slow). Empty: "
        "kvm on nodes where a test guest runs with it, else qemu.",
        "give kvm or qemu, or leave it empty",
        pattern=r"^(kvm|qemu)?$",
    )
    openstack_cpu_mode: str = setting(
        "",
        "CPU model of the instances: `host-model`, `host-passthrough`, or `none` (the hypervisor's default). Empty: "
        "host-model with kvm, none with qemu.",
        "give host-model, host-passthrough or none, or leave it empty",
        pattern=r"^(host-model|host-passthrough|none)?$",
    )
    openstack_demo: bool = setting(
        True,
        "Whether the installation creates demo resources: the project and user `demo`, a tiny image, flavors, a key "
        "pair, and the network `romana`, shared by all projects.",
        "give true or false",
    )
    openstack_external_cidr: str = setting(
        "",
        "Addresses of floating IPs: an IPv4 network whose addresses are free on the nodes' own network, where each "
        "host answers for the floating IPs of its instances. The installation makes the network `public` of them, "
        "with the demo resources. Empty: with the target `local`, the third quarter of `local_network`, like "
        "192.168.99.128/26; else none. `none`: no such network.",
        "give an IPv4 network like 192.168.99.128/26, or none, or leave it empty",
    )


class DevstackSettings(Settings):
    """OpenStack installed by the engine `devstack`."""

    devstack_release: str | None = setting(
        None,
        "Release of OpenStack: one of those in `devstack_releases`. `liberty` has had no fixes since 2016; `2026.1` is "
        "maintained. In a file, write it in quotes. Empty: the release the stack has; `liberty` for a new stack.",
        'give the name of a release in quotes, like "2026.1", or leave it empty',
    )
    devstack_git_base: str = setting(
        "",
        "Base URL of the git repositories. DevStack itself is at openstack/devstack.git below it. Empty: the URL the "
        "stack has; the release's `git_base` for a new stack.",
        "give an https:// or file:/// URL without a slash at its end, or leave it empty",
        unit="URL",
        pattern=f"^({GIT_URL})?$",
    )
    devstack_local_conf_extra: str = setting(
        "",
        "Lines for DevStack's local.conf, which override the generated ones. A line like `[[post-config|$NOVA_CONF]]` "
        "begins a section; lines before the first section are variables.",
        "give lines of local.conf, or leave it empty",
    )
    devstack_replace_stack: bool = setting(
        False,
        "Whether a changed local.conf may replace the OpenStack that is there although it has instances. They are "
        "lost, and so are all databases.",
        "give true or false",
    )
    devstack_releases: dict[str, DevstackRelease] = Field(
        default_factory=known_releases,
        description="The releases, by name; more can be added in the file. For each: `git_base`, the base URL of the "
        "git repositories; `devstack`, the branch or tag of DevStack itself; `projects`, the branch or tag of every "
        "other project, by its name in DevStack's variables, like NOVA in NOVA_BRANCH; `debian`, the Debian release "
        "of the nodes; `python`, the Python version OpenStack runs on; `lock`, the file in `requirements/` that lists "
        "all its Python packages, which are then built once, or empty if each node installs them from the index; "
        "`identity`, where Keystone is on the controller, `:5000` or `/identity`; `cells`, whether Nova has cells of "
        "compute nodes; `services`, the services on `controller` and `compute`, as in ENABLED_SERVICES; `settings`, "
        "further DevStack variables.",
        json_schema_extra={
            "expects": "give for each release every key that the releases in group_vars/all/devstack.yml have",
            "unit": "",
            "secret": False,
        },
    )


class LocalSettings(Settings):
    """The target `local`: nodes are containers on this machine."""

    local_network: str = setting(
        "192.168.99.0/24",
        "Network of the nodes: the controller is .10, compute nodes are .11 and up, this machine has the last address.",
        "give an IPv4 network that nothing else uses, like 192.168.99.0/24",
    )
    local_debian_release: Release | Literal[""] = setting(
        "",
        "Debian release of the nodes. Empty: with the engine `devstack`, the one its release needs; else `trixie`.",
        "give bookworm (12) or trixie (13), or leave it empty",
    )
    local_uplink: bool | None = setting(
        None,
        "Whether the nodes have an uplink through this machine (masqueraded) to name servers and to TCP ports 80 and "
        "443. All other traffic, and every connection to the nodes from outside, is blocked. Empty: true with the "
        "engine `devstack`, which installs packages on the nodes; else false.",
        "give true or false, or leave it empty",
    )
    local_mirror: str = setting(
        "",
        "URL of the Debian mirror for the nodes' packages. Empty: the mirror this machine uses.",
        "give an http:// or https:// URL, or leave it empty",
        unit="URL",
        pattern=r"^(https?://[^\s]+)?$",
    )
    local_cache_dir: str = setting(
        "",
        "Cache directory for node images and Romana's own packages. Empty: romana-setup in $XDG_CACHE_HOME, usually "
        "~/.cache/romana-setup.",
        "give an absolute path, or leave it empty",
        unit="path",
        pattern=r"^(/.*)?$",
    )


class StaticSettings(Settings):
    """The target `static`: nodes are existing servers."""

    ssh_jump: str = setting(
        "",
        "Bastion through which ssh reaches the servers. The servers' keys are tried there, too. Empty: none.",
        "give [user@]host[:port], or leave it empty",
        pattern=r"^(([A-Za-z0-9._-]+@)?[A-Za-z0-9._-]+(:[0-9]{1,5})?)?$",
    )
    ssh_known_hosts: str = setting(
        "",
        "File with the servers' host keys, in ssh's known_hosts format. A server whose key is missing is refused. "
        "Empty: ~/.ssh/known_hosts.",
        "give an absolute path, or leave it empty",
        unit="path",
        pattern=r"^(/.*)?$",
    )
    static_routes_announced: bool = setting(
        False,
        "Whether the routers between the servers' networks know each host's prefix. Needed only if servers are in "
        "different networks; servers in one network do not need it.",
        "give true or false",
    )
    static_forget: list[Name] = setting(
        [],
        "Servers that no longer exist: they leave the stack, or the stack is uninstalled, without connecting to them.",
        "give a list of names, like [server3], or leave it empty",
    )
    static_remove_packages: bool = setting(
        False,
        "Whether uninstall also removes the distribution packages that the installation added.",
        "give true or false",
    )


class AwsSettings(Settings):
    """The target `aws`: nodes are EC2 instances."""

    region: str = setting(
        "",
        "Region of the instances. Empty: AWS_REGION, AWS_DEFAULT_REGION, or the region of the profile.",
        "give a region like eu-west-1, or leave it empty",
        pattern=r"^([a-z]{2}(-[a-z]+)+-[0-9]+)?$",
    )
    aws_profile: str = setting(
        "",
        "Profile in ~/.aws/config and ~/.aws/credentials; it overrides keys in the environment. Empty: the credentials "
        "boto3 finds (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else AWS_DEFAULT_PROFILE or AWS_PROFILE, SSO).",
        "give the name of a profile, or leave it empty",
        pattern=r"^[^\s]*$",
    )
    aws_network: str = setting(
        "192.168.99.0/24",
        "Network of the VPC and its nodes: the controller is .10, compute nodes are .11 and up.",
        "give a private IPv4 network, /16 to /27, like 192.168.99.0/24",
    )
    aws_availability_zones: list[Zone] = setting(
        [],
        "Availability zones of the nodes. The network is split into one subnet per zone (two halves, or quarters for "
        "up to four zones), and the nodes are distributed in turn. More than one zone requires aws_routes. Empty: one "
        "subnet, in a zone that has the instance types.",
        "give up to 4 different zones, like [eu-west-1a, eu-west-1b], or leave it empty",
        max_length=4,
    )
    aws_routes: bool = setting(
        False,
        "Whether the VPC routes each host's prefix to its instance; required for hosts in several subnets. A route "
        "table holds 500 routes, unless your quota is another.",
        "give true or false",
    )
    aws_instance_type_controller: str = setting(
        "t3.large", "Instance type of the controller.", "give an instance type like t3.large", pattern=INSTANCE_TYPE
    )
    aws_instance_type_compute: str = setting(
        "t3.large", "Instance type of the compute nodes.", "give an instance type like t3.large", pattern=INSTANCE_TYPE
    )
    aws_image: str = setting(
        "",
        "Image (AMI) of the nodes: Debian with cloud-init. Empty: the newest image of `local_debian_release` that "
        "Debian has published in the region.",
        "give an image like ami-0123456789abcdef0, or leave it empty",
        pattern=r"^(ami-[0-9a-f]{8,17})?$",
    )
    aws_volume_size: int = setting(
        40,
        "Size of each node's volume, which is encrypted and of type gp3.",
        "give a whole number from 8 to 16384",
        unit="GiB",
        ge=8,
        le=16384,
    )
    aws_key_name: str = setting(
        "",
        "Name of your key pair in the region, which can then log in, too. Empty: only the stack's own key.",
        "give the name of a key pair, or leave it empty",
        pattern=r"^([!-~]([ -~]{0,253}[!-~])?)?$",
    )
    aws_allowed_cidrs: list[str] = setting(
        [],
        "Networks that can reach the nodes. Empty: only the public address of this machine.",
        "give a list of IPv4 networks, like [203.0.113.0/24], or leave it empty",
    )
    aws_floating_ips: int = setting(
        0,
        "How many floating IPs the instances on each node may have. Each is a further private address of the node with "
        "an elastic IP, and a node that has such addresses has an elastic IP of its own, too. AWS allows 5 elastic IPs "
        "in a region unless you ask for more, and bills each. Requires an OpenStack with routers.",
        "give a whole number from 0 to 8",
        ge=0,
        le=8,
    )
    aws_floating_ports: list[Port] = setting(
        [],
        "TCP ports of floating IPs that aws_allowed_cidrs reach, beside 22 and romana_server_port. EC2 has one list "
        "for all addresses of a node: what the nodes themselves have at these ports is reached, too.",
        "give a list of TCP ports, like [80, 443], or leave it empty",
    )
    aws_tags: dict[str, str] = setting(
        {},
        "Tags of everything that is made on AWS, beside the program's own (`Name` and `romana:...`). What is changed "
        "here changes what is there in the next run; tags that others have added stay.",
        'give each tag a text, like {cost-center: "42"}, numbers in quotes',
    )
    aws_replace_changed: bool = setting(
        False,
        "Whether changes are applied to existing nodes, one after the other. For a new instance type a node stops for "
        "some minutes. For a new aws_image a compute node is replaced, and its data is lost; the controller, which "
        "has the databases, keeps its image. The volume size applies to new nodes only.",
        "give true or false",
    )
    ttl_hours: int = setting(
        0,
        "Hours after their start at which instances stop themselves. 0: never. An instance keeps the value it was "
        "created with.",
        "give a whole number of hours, 0 to 8760",
        unit="hours",
        ge=0,
        le=8760,
    )


class VagrantSettings(Settings):
    """The target `vagrant`: nodes are virtual machines on this machine, created by Vagrant."""

    vagrant_provider: Provider = setting(
        "virtualbox",
        "Provider of the machines: `virtualbox`, or `libvirt` (with Vagrant's plugin vagrant-libvirt).",
        "give virtualbox or libvirt",
    )
    vagrant_network: str = setting(
        "192.168.99.0/24",
        "Network of the nodes: the controller is .10, compute nodes are .11 and up, this machine is .1.",
        "give an IPv4 network that nothing else uses, like 192.168.99.0/24",
    )
    vagrant_controller_memory: int = setting(
        4096, "Memory of the controller.", "give a whole number from 512", unit="MB", ge=512
    )
    vagrant_compute_memory: int = setting(
        2048, "Memory of each compute node.", "give a whole number from 512", unit="MB", ge=512
    )
    vagrant_controller_cpus: int = setting(
        2, "Number of processors of the controller.", "give a whole number from 1 to 64", unit="processors", ge=1, le=64
    )
    vagrant_compute_cpus: int = setting(
        2,
        "Number of processors of each compute node.",
        "give a whole number from 1 to 64",
        unit="processors",
        ge=1,
        le=64,
    )
    vagrant_box: str = setting(
        "",
        "Box of the machines: Debian of the release `local_debian_release`. Empty: `debian/bookworm64`, "
        "`debian/trixie64` (libvirt) or `bento/debian-13` (virtualbox).",
        "give the name of a box like debian/trixie64, or leave it empty",
        pattern=r"^([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?)?$",
    )
    vagrant_box_url: str = setting(
        "",
        "File or URL of the box, used if Vagrant does not have it yet. Empty: Vagrant's catalogue.",
        "give an absolute path or a URL, or leave it empty",
        pattern=r"""^((https?|file)://[^\s"#\\]+|/[^\n"#\\]+)?$""",
    )
    vagrant_boot_timeout: int = setting(
        300,
        "Time a machine has until it must answer ssh.",
        "give a whole number from 30 to 3600",
        unit="seconds",
        ge=30,
        le=3600,
    )
    vagrant_libvirt_driver: str = setting(
        "",
        "Hypervisor of the machines with libvirt: `kvm` (hardware virtualization) or `qemu` (software emulation, "
        "slow). Empty: kvm if a test guest runs with it, else qemu.",
        "give kvm or qemu, or leave it empty",
        pattern=r"^(kvm|qemu)?$",
    )


class Config(
    StackSettings,
    RomanaSettings,
    OpenstackSettings,
    DevstackSettings,
    LocalSettings,
    VagrantSettings,
    StaticSettings,
    AwsSettings,
):
    """All settings together."""


FILES: dict[str, type[Settings]] = {
    "stack.yml": StackSettings,
    "romana.yml": RomanaSettings,
    "openstack.yml": OpenstackSettings,
    "devstack.yml": DevstackSettings,
    "local.yml": LocalSettings,
    "static.yml": StaticSettings,
    "aws.yml": AwsSettings,
    "vagrant.yml": VagrantSettings,
}
