"""The action `rotate`: new tokens for all who ask romana-server, while everything goes on."""

from __future__ import annotations

import json

from romana_install.actions.context import existing_stack
from romana_install.ansible import leftovers, run
from romana_install.ansible.session import opened
from romana_install.base.errors import UsageError
from romana_install.base.files import write_json
from romana_install.base.invocation import PROGRAM, command
from romana_install.config.options import Options
from romana_install.state import lock, secrets
from romana_install.state.stack import SECRETS_FILE, Stack, StackError

ACTION = "rotate"
PLAYBOOK = "playbooks/rotate.yml"
WHAT = "tokens"
OLD = "romana_old_tokens"  # the playbook's variable


def rotate(options: Options) -> int:
    """Rotate; returns the exit code. Raises what cli.main knows how to say."""
    if options.words != (WHAT,):
        raise UsageError(f"write: {PROGRAM} {ACTION} {WHAT}")
    if options.passed_on:
        raise UsageError(f"{ACTION} takes nothing for Ansible: whom that left out would be refused from then on")
    stack = existing_stack(options)
    if not stack.served:
        raise StackError(f"stack {stack.name} has no romana-server yet; make it with: {command('install')}")
    stack.secrets()  # a damaged file is said before anything is done
    # A verification asks with the token that it has read at its beginning.
    with lock.held(stack.directory / "lock", ACTION), lock.held(stack.directory / "verify.lock", "verify"):
        leftovers.end(stack.directory)
        _rotate(stack, options)
    print(f"all who ask romana-server have new tokens, and it refuses the old ones; see: {command('status')}")
    return 0


def _rotate(stack: Stack, options: Options) -> None:
    """While it runs, and where it is interrupted, the server takes both, and those that were are still the stack's."""
    path, variables = stack.directory / SECRETS_FILE, stack.directory / run.VARS_FILE
    with opened(stack.directory, ACTION, ACTION, stack.config_digest, [WHAT], options) as session:
        old, new = secrets.prepare_tokens(path)
        session.log.hide([*secrets.token_values(old), *secrets.token_values(new)])
        session.log.hide([stack.become_password] if stack.become_password else [])
        given = {**json.loads(variables.read_text()), "romana_tokens": new}
        given.pop(OLD, None)  # of a rotation that was interrupted
        write_json(variables, {**given, OLD: old})
        session.play(run.arguments(stack, PLAYBOOK, (), options.verbosity), options.verbosity > 0)
        secrets.take_tokens(path)
        write_json(variables, given)
        session.completed()
