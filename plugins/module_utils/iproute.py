"""The kernel's links, addresses and routes through iproute2's JSON output."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .difference import Difference, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible.module_utils.basic import AnsibleModule

# The kernel keeps with each route who made it; this number marks ours (see `ip route show proto 82`).
ROUTE_PROTOCOL = 82

Command = tuple[str, ...]


class IpError(RefusedError):
    """`ip` refused; `reason` is what it said, without its "Error: "."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"cannot {what}: {reason}")
        self.reason = reason


class Ip:
    """Runs `ip`. Raises RefusedError where the machine has none."""

    def __init__(self, module: AnsibleModule) -> None:
        self._run_command = module.run_command
        self._program = module.get_bin_path("ip")
        if self._program is None:
            raise RefusedError("this machine has no `ip` command; install iproute2")

    def show(self, what: str, *arguments: str) -> list[dict[str, Any]]:
        """The JSON answer of `ip <arguments>`, without empty elements. Raises IpError: "cannot <what>: ..."."""
        output = self._run(what, "-json", *arguments)
        # A link without an address of the asked-for family is an empty object.
        return [element for element in json.loads(output or "[]") if element]

    def change(self, what: str, *arguments: str) -> None:
        """Run `ip <arguments>`. Raises IpError: "cannot <what>: ..."."""
        self._run(what, *arguments)

    def _run(self, what: str, *arguments: str) -> str:
        code, output, error = self._run_command([self._program, *arguments])
        if "BusyBox" in error:
            raise IpError(what, f"{self._program} is busybox's, which does not print JSON; install iproute2")
        if code != 0:
            said = (error or output).strip().splitlines() or [f"ip ended with code {code}"]
            raise IpError(what, said[0].removeprefix("Error: ").rstrip("."))
        return str(output)


def run(
    module: AnsibleModule,
    key: str,
    read: Callable[[Ip], Any],
    difference: Callable[[Any], Difference[Command]],
    change: Callable[[Ip, Command], None],
) -> None:
    """Read, work out the difference, apply it unless in check mode, and end the module; `key` names the thing."""
    try:
        ip = Ip(module)
        found = difference(read(ip))
        if not module.check_mode:
            for step in found.steps:
                change(ip, step)
    except RefusedError as error:
        module.fail_json(msg=str(error))
    if found.warning:
        module.warn(found.warning)
    module.exit_json(**found.result(), **{key: found.after})
