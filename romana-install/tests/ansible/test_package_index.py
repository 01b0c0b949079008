"""pip's configuration in uv's words."""

from __future__ import annotations

import pytest

from romana_install.ansible.package_index import pip_environment, reachable, translate


@pytest.mark.parametrize(
    ("pip_config", "environment", "expected"),
    [
        ("", {}, {}),
        ("global.timeout='60'\n", {}, {}),
        ("global.index-url='https://index.example/simple'\n", {}, {"UV_DEFAULT_INDEX": "https://index.example/simple"}),
        (
            "global.index-url='https://a.example/simple'\n:env:.index-url='https://b.example/simple'\n",
            {},
            {"UV_DEFAULT_INDEX": "https://b.example/simple"},
        ),
        (
            "global.extra-index-url='https://a.example\\nhttps://b.example'\n",
            {},
            {"UV_INDEX": "https://a.example https://b.example", "UV_INDEX_STRATEGY": "unsafe-best-match"},
        ),
        ("install.find-links='/usr /etc'\n", {}, {"UV_FIND_LINKS": "/usr,/etc"}),
        (
            "install.find-links='/nonexistent file:///usr https://a.example/x'\n",
            {},
            {"UV_FIND_LINKS": "file:///usr,https://a.example/x"},
        ),
        ("install.find-links='/nonexistent file:///nonexistent'\n", {}, {}),
        ("global.no-index='true'\nglobal.proxy='http://p:1'\n", {}, {"UV_NO_INDEX": "true", "ALL_PROXY": "http://p:1"}),
        ("", {"REQUESTS_CA_BUNDLE": "/a.pem", "CURL_CA_BUNDLE": "/b.pem"}, {"SSL_CERT_FILE": "/a.pem"}),
        ("global.cert='/etc/ca.pem'\n", {"CURL_CA_BUNDLE": "/b.pem"}, {"SSL_CERT_FILE": "/etc/ca.pem"}),
        ("global.cert='/etc/ca.pem'\n", {}, {"SSL_CERT_FILE": "/etc/ca.pem"}),
        ("global.index-url='https://a.example'\n", {"UV_DEFAULT_INDEX": "https://mine.example"}, {}),
        ("freeze.timeout='10'\ndownload.index-url='https://a.example'\n", {}, {}),
    ],
)
def test_translation(pip_config: str, environment: dict[str, str], expected: dict[str, str]) -> None:
    assert translate(pip_config, environment) == expected


def test_what_other_machines_can_use() -> None:
    pip_config = "global.cert='/etc/ca.pem'\nglobal.extra-index-url='file:///srv/a https://pypi.example/b'\n"
    pip_config += (
        "global.find-links='/wheels'\nglobal.index-url='file:///srv/pypi'\ninstall.trusted-host='pypi.example'\n"
    )
    assert reachable(pip_config) == {"extra-index-url": "https://pypi.example/b", "trusted-host": "pypi.example"}


def test_pip_obeys_its_configuration_about_the_index_alone() -> None:
    pip_config = "global.index-url='https://a.example'\ninstall.user='1'\nglobal.extra-index-url='https://b.example'\n"
    assert pip_environment(pip_config) == {
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_INDEX_URL": "https://a.example",
        "PIP_EXTRA_INDEX_URL": "https://b.example",
    }
