"""What all tests of the installer take for granted."""

from __future__ import annotations

import pytest

from romana_install.base import invocation
from romana_install.targets.aws import account


@pytest.fixture(autouse=True)
def _not_by_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests by sudo would be shown commands with it."""
    monkeypatch.delenv("SUDO_UID", raising=False)


@pytest.fixture(autouse=True)
def _stack_is_not_named() -> None:
    """What an earlier test has given is not what the user has."""
    invocation.name_stack(())


@pytest.fixture(autouse=True)
def _no_account_is_known() -> None:
    """Nor are an earlier test's credentials."""
    account.session_of.cache_clear()
    account.client_of.cache_clear()
