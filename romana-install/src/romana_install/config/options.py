"""The command line, understood."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from romana_install.base.invocation import again

_CHECK = re.compile(r"--ch(e(ck?)?)?|-[bCDJkKv]*C[bCDJkKv]*")  # long options may be cut, short ones be together


@dataclass(frozen=True)
class Options:
    """The command line. target: None when not given; words: what follows the action; argv: all of it.

    answers, from_packstack, from_localrc, inventory: paths of files; ask_become_password: whether sudo on servers needs
    a password, which is become_password once it has been asked for.
    """

    action: str = "install"
    words: tuple[str, ...] = ()
    target: str | None = None
    extra_vars: tuple[str, ...] = ()
    passed_on: tuple[str, ...] = ()
    verbosity: int = 0
    yes: bool = False
    quick: bool = False
    iam_policy: bool = False
    answers: str | None = None
    from_packstack: str | None = None
    from_localrc: str | None = None
    inventory: str | None = None
    ask_become_password: bool = False
    become_password: str = field(default="", repr=False)
    format: str = "text"
    argv: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """The command that does this again."""
        return again(self.argv)

    @property
    def own_command(self) -> str:
        """The same, without what Ansible is given."""
        return again(self.argv[: self.argv.index("--")] if "--" in self.argv else self.argv)

    @property
    def is_trial(self) -> bool:
        """Whether Ansible is told to change nothing, in any of the ways it takes that."""
        return any(_CHECK.fullmatch(word) for word in self.passed_on)
