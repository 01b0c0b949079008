"""What it takes to open pages of a romana-server in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chromium import chromium
from selenium.webdriver import Chrome

from ..server.conftest import make_site, sqlite_site, start  # noqa: F401 - fixtures


@pytest.fixture
def browser() -> Iterator[Chrome]:
    """A new Chromium."""
    with chromium() as chrome:
        yield chrome
