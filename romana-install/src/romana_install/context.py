"""What an action works on: the options it was given, the configuration, and the stack as it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from romana_install import checks, config, machine, ssh
from romana_install.errors import UsageError
from romana_install.findings import FindingsError
from romana_install.options import Options
from romana_install.plan import Change, change, nodes
from romana_install.progress import install_phases
from romana_install.settings import Config
from romana_install.stack import Node, Stack, StackError, state_directory

PROJECT = Path(__file__).resolve().parents[3]
DEFAULT_TARGET = "aws"


@dataclass(frozen=True)
class Wanted:
    """A configuration that passed all checks, and what it means.

    existing: the stack of that name, None when there is none; name_given: whether its name is not the one in the files.
    """

    config: Config
    digest: str
    target: str
    engine: str
    existing: Stack | None
    name_given: bool
    nodes: tuple[Node, ...]
    change: Change

    def command(self, action: str) -> str:
        """The command of another action on the same stack."""
        named = f" -e stack_name={self.config.stack_name}" if self.name_given else ""
        return f"./romana-setup{named} {action}"

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
            network=self.config.local_network,
            server_port=self.config.romana_server_port,
            plan={key: getattr(self.config, key) for key in checks.PLAN_KEYS},
            config_digest=self.digest,
        )


def wanted(options: Options) -> Wanted:
    """Read and check everything. Raises FindingsError with all that is wrong."""
    draft = config.read(PROJECT / "group_vars" / "all", options.extra_vars)
    target = options.target or DEFAULT_TARGET
    existing = None
    if draft.usable("stack_name"):
        try:
            existing = Stack.load(draft.config.stack_name)
        except StackError:
            existing = None  # none yet, or damaged: made again
    found = checks.findings(draft, target, existing, machine.observe())
    if found:
        raise FindingsError(found)
    nodes_wanted = nodes(draft.config)
    return Wanted(
        config=draft.config,
        digest=config.digest(draft.config),
        target=target,
        engine=checks.engine(draft, target, existing),
        existing=existing,
        name_given=draft.origin.get("stack_name", "").startswith("-e"),
        nodes=nodes_wanted,
        change=change(nodes_wanted, existing),
    )


def stack_name(options: Options) -> str:
    """The name of the stack an action is about. Raises FindingsError when it is none."""
    draft = config.read(PROJECT / "group_vars" / "all", options.extra_vars)
    found = [finding for finding in draft.findings if finding.where.startswith("-e") or "stack_name" in finding.where]
    if found:
        raise FindingsError(found)
    return draft.config.stack_name


def existing_stack(options: Options) -> Stack:
    """The stack an action is about. Raises FindingsError, and StackError when there is none."""
    stack = Stack.load(stack_name(options))
    if options.target and options.target != stack.target:
        raise UsageError(f"-t {options.target}: stack {stack.name} is on {stack.target}; leave -t out")
    ssh.ensure_control_directory(stack.directory)
    return stack
