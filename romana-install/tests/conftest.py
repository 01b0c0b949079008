"""What all tests of the installer take for granted."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _not_by_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests by sudo would be shown commands with it."""
    monkeypatch.delenv("SUDO_UID", raising=False)
