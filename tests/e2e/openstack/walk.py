"""A walk through Horizon in a browser: each page that the menu leads to, and what the browser complains of there."""

from __future__ import annotations

from urllib.parse import urlsplit

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

# By user: the project in which Horizon lets them begin, and what the browser calls an error, by page.
Walks = dict[str, tuple[str, dict[str, list[str]]]]
PATIENCE = 60.0  # seconds for a page
# A page is there once nothing it asked for is outstanding, by AngularJS or by jQuery.
AT_REST = """
const asking = window.angular && angular.element(document.body).injector();
return document.readyState === "complete"
    && !(window.jQuery && jQuery.active)
    && !(asking && asking.get("$http").pendingRequests.length);
"""


class Walk:
    """One user, logged in."""

    def __init__(self, browser: Chrome, address: str, user: str, password: str) -> None:
        self._browser = browser
        self._wait = WebDriverWait(browser, PATIENCE, poll_frequency=0.1)
        browser.get(f"http://{address}/horizon/auth/login/")
        browser.find_element(By.NAME, "username").send_keys(user)
        browser.find_element(By.NAME, "password").send_keys(password)
        browser.find_element(By.ID, "loginBtn").click()
        self._wait.until(lambda _: browser.find_elements(By.CLASS_NAME, "openstack-panel"))
        self._complaints()  # of the page to log in on

    @property
    def project(self) -> str:
        """The project that Horizon has chosen."""
        return self._browser.find_element(By.CLASS_NAME, "context-project").text

    def pages(self) -> dict[str, list[str]]:
        """What the browser says is an error on each page, by its path."""
        links = self._browser.find_elements(By.CSS_SELECTOR, "a.openstack-panel")
        return {urlsplit(url).path: self._visit(url) for url in [str(link.get_attribute("href")) for link in links]}

    def _visit(self, url: str) -> list[str]:
        self._browser.get(url)
        self._wait.until(lambda browser: browser.execute_script(AT_REST))
        return self._complaints()

    def _complaints(self) -> list[str]:
        return [entry["message"] for entry in self._browser.get_log("browser") if entry["level"] == "SEVERE"]
