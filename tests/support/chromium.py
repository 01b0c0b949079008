"""Chromium, as a test uses it: it finds no host by name, and notes what it asks for and complains of."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

DRIVER = "/usr/bin/chromedriver"  # with one named, Selenium looks for none elsewhere
OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # it does not start as root with one
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE 192.168.*",
    "--window-size=1200,1600",
)


@contextmanager
def chromium() -> Iterator[Chrome]:
    """A new one, ended at the end."""
    # Not below pytest's directory: the path of a socket must be shorter than 108 bytes.
    with tempfile.TemporaryDirectory(prefix="romana-browser-") as directory:
        options = ChromeOptions()
        for option in (*OPTIONS, f"--user-data-dir={directory}/profile"):
            options.add_argument(option)
        options.accept_insecure_certs = True  # it knows the system's authorities, not the tests'
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        private = {"PATH": os.environ["PATH"], "HOME": directory, "TMPDIR": directory}
        chrome = Chrome(options, Service(DRIVER, env=private))
        try:
            yield chrome
        finally:
            chrome.quit()
