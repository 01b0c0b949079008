"""What it takes to open pages of a romana-server in a browser."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from ..server.conftest import make_site, sqlite_site, start  # noqa: F401 - fixtures

OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # it does not start as root with one
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--window-size=1200,1600",
)


@pytest.fixture
def browser() -> Iterator[Chrome]:
    """A new Chromium that finds no host but this machine, and notes what it asks for and complains of."""
    driver = shutil.which("chromedriver")
    if driver is None:
        pytest.skip("chromedriver is not installed: apt-get install chromium-driver")
    # Not below pytest's directory: the path of a socket must be shorter than 108 bytes.
    with tempfile.TemporaryDirectory(prefix="romana-browser-") as directory:
        options = ChromeOptions()
        for option in (*OPTIONS, f"--user-data-dir={directory}/profile"):
            options.add_argument(option)
        options.accept_insecure_certs = True  # it knows the system's authorities, not the tests'
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        private = {"PATH": os.environ["PATH"], "HOME": directory, "TMPDIR": directory}
        chrome = Chrome(options, Service(driver, env=private))
        try:
            yield chrome
        finally:
            chrome.quit()
