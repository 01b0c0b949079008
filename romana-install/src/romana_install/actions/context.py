"""What an action works on: the options it was given, the configuration, and the stack as it is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from romana_install import targets
from romana_install.ansible.progress import install_phases
from romana_install.base import machine
from romana_install.base.findings import FindingsError
from romana_install.base.invocation import PROJECT, name_stack
from romana_install.config.address_plan import PLAN_KEYS
from romana_install.config.options import Options
from romana_install.config.read import Draft, digest, read
from romana_install.config.settings import Config
from romana_install.state import ssh
from romana_install.state.journal import Journal
from romana_install.state.stack import JOURNAL_FILE, Node, Stack, StackError, state_directory
from romana_install.targets import checks, stacks
from romana_install.targets.nodes import Change, change
from romana_install.targets.target import Intent, Target


@dataclass(frozen=True)
class Wanted:
    """A configuration that passed all checks, and what it means.

    existing: the stack of that name, None when there is none; served: whether there has been a romana-server on it;
    release: what DevStack installs; git_base: from where; become_password: what sudo asks for on nodes.
    """

    config: Config
    digest: str
    target: Target
    engine: str
    existing: Stack | None
    nodes: tuple[Node, ...]
    change: Change
    served: bool = False
    release: str = ""
    git_base: str = ""
    become_password: str = field(default="", repr=False)

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
            network=getattr(self.config, self.target.network_key) if self.target.network_key else "",
            server_port=self.config.romana_server_port,
            plan={key: getattr(self.config, key) for key in PLAN_KEYS},
            config_digest=self.digest,
            served=self.served,
            **(self._devstack if self.engine == "devstack" else {}),
            become_password=self.become_password,
        )

    @property
    def intent(self) -> Intent:
        """What its installation is to do."""
        return Intent(self.config, self.stack, self.change, self.existing, stacks.existing())

    @property
    def _devstack(self) -> dict[str, str]:
        identity = self.config.devstack_releases[self.release].identity
        return {"release": self.release, "git_base": self.git_base, "identity": identity}


def wanted(options: Options) -> Wanted:
    """Read and check everything. Raises FindingsError with all that is wrong."""
    draft = given_configuration(options)
    existing = None
    if draft.usable("stack_name"):
        try:
            existing = stacks.load(draft.config.stack_name)
        except StackError:
            existing = None  # none yet, or damaged: made again
    kind = targets.named(options.target) if options.target else type(existing.target) if existing else None
    target = (kind or targets.named(targets.DEFAULT)).asked(options, draft.config, existing)
    found = checks.findings(draft, target, existing, machine.observe())
    if found:
        raise FindingsError(found)
    nodes = target.nodes(draft.config)
    settled = {
        "local_debian_release": checks.debian_release(draft, target, existing),
        "openstack_external_cidr": checks.external_cidr(draft, target, existing),
    }
    return Wanted(
        config=draft.config.model_copy(update=settled),
        digest=digest(draft.config),
        target=target,
        engine=checks.engine(draft, target, existing),
        existing=existing,
        nodes=nodes,
        change=change(nodes, existing),
        served=existing is not None and _served(existing),
        release=checks.devstack_release(draft, existing),
        git_base=checks.devstack_git_base(draft, existing),
        become_password=options.become_password,
    )


def _served(existing: Stack) -> bool:
    # Noted in the stack as well, because the journal forgets what is long ago.
    return existing.served or Journal(existing.directory / JOURNAL_FILE).has_done("romana")


def given_configuration(options: Options) -> Draft:
    """The configuration of the files and of the command line, right or not; commands then name its stack."""
    draft = read(PROJECT / "group_vars" / "all", options.extra_vars, options.answers)
    name_stack(draft.naming)
    return draft


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


def existing_stack(options: Options) -> Stack:
    """The stack an action is about. Raises FindingsError, and StackError when there is none."""
    given = which_stack(options)
    stack = stacks.load(given.stack_name)
    stack.target.check_is_meant(stack.name, options, given)
    ssh.ensure_control_directory(stack.directory)
    return replace(stack, become_password=options.become_password)
