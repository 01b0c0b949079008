"""Horizon, as a browser asks for it."""

from __future__ import annotations

import re

import requests

MENU = re.compile(r'<a class="openstack-spin list-group-item openstack-panel[^"]*" href="([^"]+)"')
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Dashboard:
    """One who is logged in."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self._base = f"http://{address}"
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy knows a way to the nodes
        login = "/horizon/auth/login/"
        token = TOKEN.search(self.page(login))
        assert token
        form = {"csrfmiddlewaretoken": token[1], "username": user, "password": password, "region": "default"}
        self.home = self._session.post(self._base + login, form, headers={"Referer": self._base + login}).text

    def page(self, path: str) -> str:
        answer = self._session.get(self._base + path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}: {answer.text}"
        return answer.text

    def ask(self, path: str, **query: str) -> requests.Response:
        """The answer to a script of a page."""
        return self._session.get(self._base + path, params=query, headers={"X-Requested-With": "XMLHttpRequest"})

    def tell(self, path: str, body: object) -> requests.Response:
        """The answer to what a script of a page wants done."""
        headers = {"X-Requested-With": "XMLHttpRequest", "X-CSRFToken": self._session.cookies["csrftoken"]}
        return self._session.post(self._base + path, json=body, headers=headers | {"Referer": self._base})

    @property
    def menu(self) -> list[str]:
        """Where the menu leads to, without Horizon's own beginning."""
        return [path.removeprefix("/horizon/") for path in MENU.findall(self.home)]
