"""Every variable a user can set: its type, default, and the sentence that explains it.

One model for each file in group_vars/all; docs/reference/configuration.md is made from them. `expects` in a field says
what a right value is: it ends the finding about a wrong one.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from romana.conventions import API_PORT, NAME, NAME_RULE
from romana_install.config.devstack_releases import GIT_URL, DevstackRelease, known_releases

STACK_NAME = r"^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$"

INSTANCE_TYPE = r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$"

Engine = Literal["none", "packages", "devstack"]
Release = Literal["bookworm", "trixie"]
Provider = Literal["virtualbox", "libvirt"]
Zone = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z0-9]+)+-[0-9]+[a-z]$")]

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
    """A documented field. secret: its values are not shown, also when they are wrong."""
    extra: JsonDict = {"expects": expects, "unit": unit, "secret": secret}
    return Field(default, description=description, json_schema_extra=extra, **constraints)


class Settings(BaseModel):
    """Base of the files: nothing is guessed, neither keys nor types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class StackSettings(Settings):
    """What the stack is."""

    stack_name: str = setting(
        "romana",
        "Name of the stack; several stacks of different names and networks can exist side by side.",
        "give 1 to 20 lower-case letters, digits and '-', beginning with a letter",
        pattern=STACK_NAME,
    )
    openstack_engine: Engine | None = setting(
        None,
        "How OpenStack is installed: `none` (the Romana network alone), `packages` (the distribution's), `devstack`. "
        "Empty: what the stack has, and for a new stack what is usual for its target.",
        "give none, packages or devstack, or leave it empty",
    )
    devstack_compute_node: int = setting(
        1,
        "How many compute nodes the stack has beside the controller. Change it and run romana-setup again: nodes are "
        "added, or removed from the highest number down; the others are not touched.",
        "give a whole number of nodes, 0 or more",
        unit="nodes",
        ge=0,
    )
    controller_is_compute: bool = setting(True, "Whether the controller is a compute node too.", "give true or false")


Name = Annotated[str, StringConstraints(pattern=f"^{NAME}$")]


class TenantSettings(Settings):
    """A tenant that exists after the installation."""

    name: Name
    segments: list[Name] = Field(default=["default"], min_length=1)


def default_tenants() -> list[TenantSettings]:
    """The tenants of a new stack."""
    return [TenantSettings(name=name, segments=["default", "s1", "s2"]) for name in ("admin", "demo")]


class RomanaSettings(Settings):
    """The Romana network. Prefix length of romana_cidr and the four numbers of bits add up to 32."""

    romana_cidr: str = setting(
        "10.0.0.0/8", "Network all endpoint addresses are taken from.", "give an IPv4 network, like 10.0.0.0/8"
    )
    romana_host_bits: int = setting(
        8, "Bits of an address that say the host: 8 is up to 256 hosts.", "give a whole number", unit="bits"
    )
    romana_tenant_bits: int = setting(
        4, "Bits of an address that say the tenant: 4 is up to 15 tenants.", "give a whole number", unit="bits"
    )
    romana_segment_bits: int = setting(
        4, "Bits that say the segment: 4 is up to 15 segments in each tenant.", "give a whole number", unit="bits"
    )
    romana_endpoint_bits: int = setting(
        8,
        "Bits that say the endpoint: 8 is up to 252 endpoints in each segment on each host.",
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
    romana_tenants: list[TenantSettings] = Field(
        default_factory=default_tenants,
        description="Tenants made by the installation, each with its segments, numbered in this order. "
        "Those made by hand later are left alone.",
        json_schema_extra={
            "expects": f"give a list like [{{name: admin, segments: [default, s1]}}], names of {NAME_RULE}",
            "unit": "",
            "secret": False,
        },
    )
    romana_host_owners: dict[Name, Name] = setting(
        {},
        "Nodes that are a tenant's own machines, each with that tenant: they get endpoints of that tenant only, and "
        "the other nodes believe them no other. See docs/how-to/bare-metal.md. Those made so by hand are left alone.",
        "give names of nodes with their tenants, like {compute02: demo}",
    )


PasswordName = Annotated[str, StringConstraints(pattern=f"^({'|'.join(PASSWORD_NAMES)})$")]
# They stand in URLs and ini files, where nothing of this has to be quoted.
Password = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._~-]{8,64}$")]


def given(passwords: Any) -> Any:
    """The passwords without the names that are left empty, as in an answers file: theirs are made by chance."""
    if not isinstance(passwords, dict):
        return passwords
    return {name: password for name, password in passwords.items() if password is not None}


Passwords = Annotated[dict[PasswordName, Password], BeforeValidator(given)]


class OpenstackSettings(Settings):
    """OpenStack, with the engine `packages`."""

    openstack_passwords: Passwords = setting(
        {},
        "Passwords that are to be what you say, by name: of the users `admin` and `demo`; of the services `glance`, "
        "`placement`, `nova` and `neutron`; of the database accounts `keystone_db`, `glance_db`, `placement_db`, "
        "`nova_db`, `neutron_db` and `romana_db`; of the message queue, `rabbitmq`. With the engine `devstack`, which "
        "has one for all of them, of the `database` and of the `service` users. The others are made by chance, "
        "once for each stack, and are in `secrets.json` in its state directory.",
        f"give a mapping like {{admin: my-password}}, with names of {', '.join(PASSWORD_NAMES)}, and passwords of 8 to "
        "64 letters, digits, '-', '.', '_' and '~'",
        secret=True,
    )
    openstack_region: str = setting(
        "RegionOne", "Name of the region in the catalogue.", f"give a name of {NAME_RULE}", pattern=f"^{NAME}$"
    )
    openstack_api_workers: int = setting(
        2,
        "Processes of each OpenStack API. Each takes about 100 MB of the controller's memory.",
        "give a whole number of processes from 1 to 64",
        unit="processes",
        ge=1,
        le=64,
    )
    openstack_virt_type: str = setting(
        "",
        "What runs instances: `kvm` (the processor) or `qemu` (a program that does as if, slowly). "
        "Empty: kvm on nodes where a guest really runs by it, which is tried, else qemu.",
        "give kvm or qemu, or leave it empty",
        pattern=r"^(kvm|qemu)?$",
    )
    openstack_cpu_mode: str = setting(
        "",
        "The processor that instances see: `host-model`, `host-passthrough`, or `none` (what the hypervisor has by "
        "itself). Empty: host-model with kvm, none with qemu.",
        "give host-model, host-passthrough or none, or leave it empty",
        pattern=r"^(host-model|host-passthrough|none)?$",
    )
    openstack_demo: bool = setting(
        True,
        "Whether the cloud comes with something to start with: project and user `demo`, a tiny image, flavors, a key "
        "pair, and the network `romana`, which all projects share.",
        "give true or false",
    )


class DevstackSettings(Settings):
    """OpenStack, with the engine `devstack`."""

    devstack_release: str | None = setting(
        None,
        "Release of OpenStack: one of those in `devstack_releases`. `liberty` ended in 2016, and nothing in it has "
        "been repaired since; `2026.1` is maintained. In a file it is written in quotes. Empty: what the stack has, "
        "and `liberty` for a new one.",
        'give the name of a release in quotes, like "2026.1", or leave it empty',
    )
    devstack_git_base: str = setting(
        "",
        "Where git repositories come from. DevStack itself is below it, as openstack/devstack.git. Empty: what the "
        "stack has, and the release's `git_base` for a new one.",
        "give an https:// or file:/// URL without a slash at its end, or leave it empty",
        unit="URL",
        pattern=f"^({GIT_URL})?$",
    )
    devstack_local_conf_extra: str = setting(
        "",
        "Lines for DevStack's local.conf, which win over ours. A line `[[post-config|$NOVA_CONF]]` and the like begins "
        "a section; lines before the first are variables.",
        "give lines of local.conf, or leave it empty",
    )
    devstack_replace_stack: bool = setting(
        False,
        "Whether a changed local.conf may make a new stack although there are instances, which are lost with the "
        "databases of the old one.",
        "give true or false",
    )
    devstack_releases: dict[str, DevstackRelease] = Field(
        default_factory=known_releases,
        description="The releases, by name; more can be added in the file. For each: `git_base`, where git "
        "repositories come from; `devstack`, branch or tag of DevStack itself; `projects`, that of "
        "every other project by its name in DevStack's variables, as NOVA in NOVA_BRANCH; `debian`, "
        "the nodes' Debian release; `python`, the version OpenStack runs on; `lock`, the file in "
        "`requirements/` that has all of its Python packages, which are then built once, empty when "
        "each node gets them by itself; `identity`, where Keystone is on the controller, `:5000` or "
        "`/identity`; `cells`, whether Nova has cells of compute nodes; `services`, what runs on "
        "`controller` and `compute`, as in ENABLED_SERVICES; `settings`, more of DevStack's "
        "variables.",
        json_schema_extra={
            "expects": "give for each release all that those in group_vars/all/devstack.yml have",
            "unit": "",
            "secret": False,
        },
    )


class LocalSettings(Settings):
    """The target `local`: nodes are containers on this machine."""

    local_network: str = setting(
        "192.168.99.0/24",
        "Network of the nodes: the controller is .10, compute nodes .11 and up, this machine its last address.",
        "give an IPv4 network that nothing else uses, like 192.168.99.0/24",
    )
    local_debian_release: Release | Literal[""] = setting(
        "",
        "Debian release of the nodes. Empty: with the engine `devstack` what its release needs, else `trixie`.",
        "give bookworm (12) or trixie (13), or leave it empty",
    )
    local_uplink: bool | None = setting(
        None,
        "Whether nodes can reach name servers, and TCP ports 80 and 443 of others, by this machine and with its "
        "address. Nothing else leaves, and nobody gets in. Empty: with the engine `devstack`, which installs packages "
        "on the nodes.",
        "give true or false, or leave it empty",
    )
    local_mirror: str = setting(
        "",
        "Where the nodes' packages come from: the URL of a Debian mirror. Empty: the mirror this machine uses.",
        "give an http:// or https:// URL, or leave it empty",
        unit="URL",
        pattern=r"^(https?://[^\s]+)?$",
    )
    local_cache_dir: str = setting(
        "",
        "Directory for what can be made again: node images and our own packages. "
        "Empty: romana-setup in $XDG_CACHE_HOME, usually ~/.cache/romana-setup.",
        "give an absolute path, or leave it empty",
        unit="path",
        pattern=r"^(/.*)?$",
    )


class StaticSettings(Settings):
    """The target `static`: nodes are servers that are there already."""

    ssh_jump: str = setting(
        "",
        "Bastion by which ssh reaches the servers. The servers' keys are tried there, too. Empty: none.",
        "give [user@]host[:port], or leave it empty",
        pattern=r"^(([A-Za-z0-9._-]+@)?[A-Za-z0-9._-]+(:[0-9]{1,5})?)?$",
    )
    ssh_known_hosts: str = setting(
        "",
        "File with the servers' host keys, as ssh keeps them. A server whose key is not in it is not talked to. "
        "Empty: ~/.ssh/known_hosts.",
        "give an absolute path, or leave it empty",
        unit="path",
        pattern=r"^(/.*)?$",
    )
    static_routes_announced: bool = setting(
        False,
        "Whether routers between the servers' networks know each host's prefix. Needed only where servers are in "
        "different networks; those in one network reach each other's prefixes without.",
        "give true or false",
    )
    static_forget: list[Name] = setting(
        [],
        "Servers that are gone for good: they leave the stack, or it is uninstalled, without anything done on them.",
        "give a list of names, like [server3], or leave it empty",
    )
    static_remove_packages: bool = setting(
        False,
        "Whether an uninstallation also removes the distribution packages that the installation has brought.",
        "give true or false",
    )


class AwsSettings(Settings):
    """The target `aws`: nodes are EC2 instances."""

    region: str = setting(
        "",
        "Region the instances are in. Empty: AWS_REGION, AWS_DEFAULT_REGION, or what the profile says.",
        "give a region like eu-west-1, or leave it empty",
        pattern=r"^([a-z]{2}(-[a-z]+)+-[0-9]+)?$",
    )
    aws_profile: str = setting(
        "",
        "Profile of ~/.aws/config and ~/.aws/credentials, before all keys in the environment. Empty: what boto3 finds "
        "(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else AWS_DEFAULT_PROFILE or AWS_PROFILE, SSO).",
        "give the name of a profile, or leave it empty",
        pattern=r"^[^\s]*$",
    )
    aws_network: str = setting(
        "192.168.99.0/24",
        "Network of the VPC and its nodes: the controller is .10, compute nodes .11 and up.",
        "give a private IPv4 network, /16 to /27, like 192.168.99.0/24",
    )
    aws_availability_zones: list[Zone] = setting(
        [],
        "Availability zones the nodes are spread over. The network is halved (two zones) or quartered (up to four) "
        "into one subnet for each, and the nodes take turns. More than one needs aws_routes. Empty: one subnet, in "
        "a zone that has the instance types.",
        "give up to 4 different zones, like [eu-west-1a, eu-west-1b], or leave it empty",
        max_length=4,
    )
    aws_routes: bool = setting(
        False,
        "Whether the VPC routes each host's prefix to its instance, which hosts in several subnets need. A route table "
        "holds 50 routes unless AWS has raised that for you.",
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
        "Image (AMI) of the nodes: a Debian that has cloud-init. Empty: the newest image of `local_debian_release` "
        "that Debian has published in the region.",
        "give an image like ami-0123456789abcdef0, or leave it empty",
        pattern=r"^(ami-[0-9a-f]{8,17})?$",
    )
    aws_volume_size: int = setting(
        40,
        "Size of each node's volume; it is encrypted, of type gp3.",
        "give a whole number from 8 to 16384",
        unit="GiB",
        ge=8,
        le=16384,
    )
    aws_key_name: str = setting(
        "",
        "Name of a key pair of yours in the region, which then can log in, too. Empty: the stack's own key alone.",
        "give the name of a key pair, or leave it empty",
        pattern=r"^([!-~]([ -~]{0,253}[!-~])?)?$",
    )
    aws_allowed_cidrs: list[str] = setting(
        [],
        "Networks the nodes can be reached from. Empty: the public address this machine is seen with.",
        "give a list of IPv4 networks, like [203.0.113.0/24], or leave it empty",
    )
    aws_replace_changed: bool = setting(
        False,
        "Whether existing nodes get what has been changed, one after the other. For another instance type a node stops "
        "for some minutes. For another aws_image a compute node is made again, without what was on it; the controller, "
        "which has the databases, keeps its image. The size of volumes is for new nodes only.",
        "give true or false",
    )
    ttl_hours: int = setting(
        0,
        "Hours after which instances stop themselves, counted from their start. 0: never. An instance keeps what it "
        "was made with.",
        "give a whole number of hours, 0 to 8760",
        unit="hours",
        ge=0,
        le=8760,
    )


class VagrantSettings(Settings):
    """The target `vagrant`: nodes are virtual machines on this machine, made by Vagrant."""

    vagrant_provider: Provider = setting(
        "virtualbox",
        "What runs the machines: `virtualbox`, or `libvirt` (with Vagrant's plugin vagrant-libvirt).",
        "give virtualbox or libvirt",
    )
    vagrant_network: str = setting(
        "192.168.99.0/24",
        "Network of the nodes: the controller is .10, compute nodes .11 and up, this machine .1.",
        "give an IPv4 network that nothing else uses, like 192.168.99.0/24",
    )
    vagrant_controller_memory: int = setting(
        4096, "Memory of the controller.", "give a whole number from 512", unit="MB", ge=512
    )
    vagrant_compute_memory: int = setting(
        2048, "Memory of each compute node.", "give a whole number from 512", unit="MB", ge=512
    )
    vagrant_controller_cpus: int = setting(
        2, "Processors of the controller.", "give a whole number from 1 to 64", unit="processors", ge=1, le=64
    )
    vagrant_compute_cpus: int = setting(
        2, "Processors of each compute node.", "give a whole number from 1 to 64", unit="processors", ge=1, le=64
    )
    vagrant_box: str = setting(
        "",
        "Box the machines are made from: a Debian of the release `local_debian_release`. Empty: "
        "`debian/bookworm64`, `debian/trixie64` (libvirt) or `bento/debian-13` (virtualbox).",
        "give the name of a box like debian/trixie64, or leave it empty",
        pattern=r"^([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?)?$",
    )
    vagrant_box_url: str = setting(
        "",
        "Where the box comes from when Vagrant does not have it yet: a file or a URL. Empty: Vagrant's catalogue.",
        "give an absolute path or a URL, or leave it empty",
        pattern=r"""^((https?|file)://[^\s"#\\]+|/[^\n"#\\]+)?$""",
    )
    vagrant_boot_timeout: int = setting(
        300,
        "How long a machine may take until it answers by ssh.",
        "give a whole number from 30 to 3600",
        unit="seconds",
        ge=30,
        le=3600,
    )
    vagrant_libvirt_driver: str = setting(
        "",
        "With libvirt, what runs the machines: `kvm` (the processor) or `qemu` (a program that does as if, slowly). "
        "Empty: kvm where a guest really runs by it, which is tried, else qemu.",
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
    """All of them together."""


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
