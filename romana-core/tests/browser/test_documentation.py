"""/docs in a browser: it asks nobody else, and works with a token that is typed there."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import element_to_be_clickable, visibility_of_element_located
from selenium.webdriver.support.wait import WebDriverWait

from romana.models import Plan

from ..server.conftest import StartServer
from ..server.romana_server import DEADLINE_SECONDS, TOKENS, Site

LIST_HOSTS = "#operations-hosts-list_hosts_v1_hosts_get"


class Page:
    """What a person does with a page."""

    def __init__(self, browser: Chrome) -> None:
        self._wait = WebDriverWait(browser, DEADLINE_SECONDS, poll_frequency=0.05)

    def press(self, selector: str) -> None:
        self._wait.until(element_to_be_clickable((By.CSS_SELECTOR, selector))).click()

    def type(self, selector: str, text: str) -> None:
        self._wait.until(element_to_be_clickable((By.CSS_SELECTOR, selector))).send_keys(text)

    def read(self, selector: str) -> str:
        text: str = self._wait.until(visibility_of_element_located((By.CSS_SELECTOR, selector))).text
        return text


def test_a_request_is_tried_with_a_token_and_nobody_else_is_asked(
    sqlite_site: Site, start: StartServer, browser: Chrome
) -> None:
    sqlite_site.init(Plan())
    server = start(sqlite_site)
    with server.client() as api:
        api.post("/v1/hosts", json={"name": "a", "address": "192.0.2.1"}).raise_for_status()
    browser.get(f"{server.url}/docs")
    page = Page(browser)
    page.press(f"{LIST_HOSTS} .opblock-summary-control")
    page.press(f"{LIST_HOSTS} .try-out__btn")
    page.press(f"{LIST_HOSTS} .execute")
    assert "unauthenticated" in page.read(f"{LIST_HOSTS} .live-responses-table .response")
    page.press(".auth-wrapper .authorize")
    page.type(".modal-ux input", TOKENS["reader"])
    page.press(".modal-ux .authorize")
    page.press(".modal-ux .btn-done")
    page.press(f"{LIST_HOSTS} .btn-clear")
    page.press(f"{LIST_HOSTS} .execute")
    assert '"192.0.2.1"' in page.read(f"{LIST_HOSTS} .live-responses-table .response")
    asked = {urlsplit(url).netloc for url in _asked_for(browser)}
    assert asked == {urlsplit(server.url).netloc}
    complaints = [entry["message"] for entry in browser.get_log("browser") if " 401 " not in entry["message"]]
    assert complaints == []


def _asked_for(browser: Chrome) -> list[str]:
    """All that the browser wanted something of, but for data in the page and the browser's own pages."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [one["params"]["request"]["url"] for one in events if one["method"] == "Network.requestWillBeSent"]
    return [url for url in urls if not url.startswith(("data:", "chrome:"))]
