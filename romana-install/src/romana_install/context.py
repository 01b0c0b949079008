"""What an action works on: the options it was given, the configuration, and the stack as it is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from romana_install import checks, config, machine, ssh
from romana_install.aws import account
from romana_install.errors import UsageError
from romana_install.findings import Finding, FindingsError
from romana_install.invocation import program
from romana_install.journal import Journal
from romana_install.options import Options
from romana_install.plan import Change, change, network_key, nodes
from romana_install.progress import install_phases
from romana_install.settings import Config
from romana_install.stack import JOURNAL_FILE, Node, Reach, Stack, StackError, state_directory
from romana_install.static import checks as static_checks
from romana_install.static import inventory

PROJECT = Path(__file__).resolve().parents[3]
DEFAULT_TARGET = "aws"


@dataclass(frozen=True)
class Wanted:
    """A configuration that passed all checks, and what it means.

    existing: the stack of that name, None when there is none; name_given: whether its name is not the one in the files;
    served: whether there has been a romana-server on it; release: what DevStack installs; git_base: from where; reach:
    how servers are reached; become_password: what sudo asks for there; aws_account: the number of the one it is in,
    once AWS has said it.
    """

    config: Config
    digest: str
    target: str
    engine: str
    existing: Stack | None
    name_given: bool
    nodes: tuple[Node, ...]
    change: Change
    served: bool = False
    release: str = ""
    git_base: str = ""
    reach: dict[str, Reach] = field(default_factory=dict)
    become_password: str = field(default="", repr=False)
    aws_account: str = ""

    def command(self, action: str) -> str:
        """The command of another action on the same stack."""
        named = f" -e stack_name={self.config.stack_name}" if self.name_given else ""
        return f"{program()}{named} {action}"

    @property
    def kept(self) -> str:
        """What becomes of the nodes that are there: they are kept, or made whole that never were."""
        if self.existing and Journal(self.existing.directory / JOURNAL_FILE).was_never_finished():
            return "finish"
        return "keep"

    @property
    def warning(self) -> tuple[str, ...]:
        """What a new stack of a release that nobody maintains means, and what there is instead."""
        releases = self.config.devstack_releases
        if self.engine != "devstack" or self.served or releases[self.release].maintained:
            return ()
        good = " or ".join(name for name, one in releases.items() if one.maintained)
        return (
            f"{self.release} is not maintained: nobody repairs its known faults, nor those of Python"
            f" {releases[self.release].python}; keep it from networks that you do not trust",
            f"a maintained release instead: -e devstack_release={good}",
        )

    @property
    def phases(self) -> list[str]:
        """The phases of its installation."""
        return install_phases(self.stack.has_openstack, self.config.openstack_demo)

    @property
    def stack(self) -> Stack:
        """The stack as it will be."""
        return Stack(
            name=self.config.stack_name,
            directory=state_directory(self.config.stack_name),
            nodes=self.nodes,
            target=self.target,
            engine=self.engine,
            leaving=self.change.remove,
            network="" if self.target == "static" else getattr(self.config, network_key(self.target)),
            server_port=self.config.romana_server_port,
            plan={key: getattr(self.config, key) for key in checks.PLAN_KEYS},
            config_digest=self.digest,
            served=self.served,
            cloud=self._cloud,
            **(self._devstack if self.engine == "devstack" else {}),
            reach=self.reach,
            jump=self.config.ssh_jump if self.target == "static" else "",
            known_hosts=self.config.ssh_known_hosts if self.target == "static" else "",
            become_password=self.become_password,
        )

    @property
    def _devstack(self) -> dict[str, str]:
        identity = self.config.devstack_releases[self.release].identity
        return {"release": self.release, "git_base": self.git_base, "identity": identity}

    @property
    def _cloud(self) -> dict[str, Any]:
        if self.target == "aws":
            found = account.of_stack(self.config, self.existing)
            return {**found, "account": self.aws_account or found["account"]}
        return {"provider": self.config.vagrant_provider} if self.target == "vagrant" else {}


def wanted(options: Options) -> Wanted:
    """Read and check everything. Raises FindingsError with all that is wrong."""
    draft = given_configuration(options)
    existing = None
    if draft.usable("stack_name"):
        try:
            existing = Stack.load(draft.config.stack_name)
        except StackError:
            existing = None  # none yet, or damaged: made again
    target = options.target or (existing.target if existing else DEFAULT_TARGET)
    servers = _servers(options, existing) if target == "static" else inventory.Servers()
    found = checks.findings(draft, target, existing, machine.observe())
    if target == "static":
        found += static_checks.findings(draft, servers, existing)
    if found:
        raise FindingsError(found)
    nodes_wanted = servers.nodes if target == "static" else nodes(draft.config, target)
    changed = change(nodes_wanted, existing)
    staying = {node.name: existing.reach[node.name] for node in changed.remove if existing and existing.reach}
    return Wanted(
        config=draft.config.model_copy(update={"local_debian_release": checks.debian_release(draft, target, existing)}),
        digest=config.digest(draft.config),
        target=target,
        engine=checks.engine(draft, target, existing),
        existing=existing,
        name_given=draft.origin.get("stack_name", "").startswith("-e"),
        nodes=nodes_wanted,
        change=changed,
        served=existing is not None and _served(existing),
        release=checks.devstack_release(draft, existing),
        git_base=checks.devstack_git_base(draft, existing),
        reach={**staying, **servers.reach},
        become_password=options.become_password,
    )


def _servers(options: Options, existing: Stack | None) -> inventory.Servers:
    """The servers that the inventory names, or those of the last run."""
    if options.inventory is not None:
        return inventory.read(options.inventory, existing)
    if existing is None or not existing.reach:
        text = f"the target static needs an inventory of your servers, given with -i; begin with {inventory.EXAMPLE}"
        return inventory.Servers(findings=(Finding("-t static", text),))
    return inventory.Servers(existing.nodes, existing.reach)


def _served(existing: Stack) -> bool:
    # Noted in the stack as well, because the journal forgets what is long ago.
    return existing.served or Journal(existing.directory / JOURNAL_FILE).has_done("romana")


def given_configuration(options: Options) -> config.Draft:
    """The configuration of the files and of the command line, right or not."""
    return config.read(PROJECT / "group_vars" / "all", options.extra_vars, options.answers)


# What tells a stack from others, and how servers are reached and given back.
WHICH_STACK = ("stack_name", "region", "aws_profile", "static_forget", "static_remove_packages")


def which_stack(options: Options) -> Config:
    """A configuration that only says which stack an action is about. Raises FindingsError when that is not right."""
    draft = given_configuration(options)
    found = [
        finding
        for finding in draft.findings
        if finding.where.startswith("-e") or finding.where.rsplit(":", 1)[-1] in WHICH_STACK
    ]
    if found:
        raise FindingsError(found)
    return draft.config


def check_is_meant(stack: Stack, options: Options, given: Config) -> None:
    """Raise UsageError when target or region of the command line are not those of the stack."""
    if options.target and options.target != stack.target:
        raise UsageError(f"-t {options.target}: stack {stack.name} is on {stack.target}; leave -t out")
    if given.region and stack.target == "aws" and given.region != stack.cloud.get("region"):
        raise UsageError(f"region {given.region}: stack {stack.name} is in {stack.cloud.get('region')}; leave it out")


def existing_stack(options: Options) -> Stack:
    """The stack an action is about. Raises FindingsError, and StackError when there is none."""
    given = which_stack(options)
    stack = Stack.load(given.stack_name)
    check_is_meant(stack, options, given)
    ssh.ensure_control_directory(stack.directory)
    return replace(stack, become_password=options.become_password)
