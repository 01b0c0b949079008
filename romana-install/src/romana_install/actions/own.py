"""Actions that a stack's target may have or not."""

from __future__ import annotations

from romana_install.actions.context import existing_stack
from romana_install.base.errors import UsageError
from romana_install.config.options import Options


def own(options: Options) -> int:
    """Let the target do it; returns the exit code. Raises UsageError when that has no such action."""
    stack = existing_stack(options)
    do = stack.target.own_actions().get(options.action)
    if do is None:
        raise UsageError(f"stack {stack.name} is on {stack.target.name}, for which there is no {options.action}")
    return do(stack, options)
