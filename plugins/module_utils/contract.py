"""What romana-server and its clients agree on: where things are, how they are named, and what an answer means.

This is the one source. It is here because Ansible takes only what is in module_utils to a node; romana-core and
networking-romana have a link to it, and what is built of them has the file. So it runs on Python 2.7 and 3, with their
standard library. It sends nothing: that is for romana.client (command line, installer), romana.agent.api,
networking_romana.client, and api.py beside this.
"""

from __future__ import absolute_import

import errno
import io
import json
import re
import socket
import ssl
import string

API_PORT = 9600  # TCP
NAME = "[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?"  # a regular expression, for all of a name
NAME_RULE = "1 to 64 of letters, digits, '.', '_' and '-', with a letter or digit at both ends"
LARGEST_RATE = 100 * 1000 * 1000  # kbit/s of a bandwidth limit
LARGEST_BURST = 10 * 1000 * 1000  # kbit

HOSTS = "/v1/hosts"
HOST = "/v1/hosts/{}"
APPLIED = "/v1/hosts/{}/applied"
CHANGES = "/v1/hosts/{}/changes"
TENANTS = "/v1/tenants"
TENANT = "/v1/tenants/{}"
SEGMENTS = "/v1/tenants/{}/segments"
SEGMENT = "/v1/tenants/{}/segments/{}"
ALL_SEGMENTS = "/v1/segments"
ENDPOINTS = "/v1/endpoints"
ENDPOINT = "/v1/endpoints/{}"
STATUSES = "/v1/statuses"
GROUPS = "/v1/groups"
GROUP = "/v1/groups/{}"
POLICIES = "/v1/policies"
POLICY = "/v1/policies/{}"
ROUTERS = "/v1/routers"
ROUTER = "/v1/routers/{}"
FLOATING_IPS = "/v1/floating-ips"
FLOATING_IP = "/v1/floating-ips/{}"
PLAN = "/v1/plan"
IPAM = "/v1/ipam"
IPAM_CHECK = "/v1/ipam/check"
EXPLAIN = "/v1/explain/{}"

# Codes of refusals that clients tell apart; all of them, and their statuses: romana.models and romana.server.errors.
UNAUTHENTICATED = "unauthenticated"
FORBIDDEN = "forbidden"
NOT_FOUND = "not_found"
UNAVAILABLE = "unavailable"
INTERNAL = "internal"
NO_CONTENT = 204  # HTTP
# What to do, where romana-server's own sentence does not say it: only a client knows what its settings are called.
ADVICE = {
    UNAUTHENTICATED: "put a valid token into {token}",
    FORBIDDEN: "put a token of the role {role} into {token}",
    UNAVAILABLE: "see journalctl -u romana-server on the controller",
}
URL = re.compile(
    r"(https://(\[[0-9A-Fa-f:.]+\]|[\w.-]+)|http://(localhost|127(\.[0-9]+){1,3}|\[::1\]))(:[1-9][0-9]{0,4})?(/[!-~]*)?\Z"
)
TOKEN = re.compile(r"[!-~]+\Z")
PLAIN = string.ascii_letters + string.digits + "-._~"  # in a path
# Why there is no answer, by what an exception of ssl or socket has: the numbers of <openssl/x509_vfy.h> in verify_code.
# Python 2.7 does not have them.
_NAME = "its name is not known; use the controller's address or add the name to /etc/hosts"
_ROUTE = "there is no route to it; check the address in {url}, and `ip route get` with it"
_TLS = "what listens there does not speak TLS; check the port in {url}"
_ADDRESS = "its certificate is not for this address ({said}); use a name or address it was made for in {url}"
SILENCES = {
    ("verify_code", 9): "its certificate is not valid yet, so this machine's clock is behind, or the one where it was"
    " made is ahead: compare `date` on both, and set the wrong one",
    ("verify_code", 10): "its certificate has expired; renew it: ./romana-setup install, where the stack was installed"
    " from (or this machine's clock is ahead: see `date`)",
    ("verify_code", 62): _ADDRESS,
    ("verify_code", 64): _ADDRESS,
    ("reason", "CERTIFICATE_VERIFY_FAILED"): "its certificate is of an authority that is not trusted ({said}); {ca}"
    " must be the controller's /etc/romana/ca.pem",
    ("reason", "WRONG_VERSION_NUMBER"): _TLS,
    ("reason", "RECORD_LAYER_FAILURE"): _TLS,
    ("errno", socket.EAI_AGAIN): _NAME,
    ("errno", socket.EAI_NONAME): _NAME,
    ("errno", errno.ECONNREFUSED): "connection refused; is romana-server running there (systemctl status"
    " romana-server)?",
    ("errno", errno.EHOSTUNREACH): _ROUTE,
    ("errno", errno.ENETUNREACH): _ROUTE,
}
LATE = "it accepted the request and then timed out; see journalctl -u romana-server on the controller"
NOT_THERE = "connecting timed out; check the address in {url} and firewalls on the way"
ENDED = "the connection was closed without an answer ({said}); is {url} right (https, port) and the server healthy?"


class ClientError(Exception):
    """A request was not answered as asked; the text says why and what to do, in one line.

    lasting: asked again, it will be the same until somebody does something.
    """

    lasting = True


class ConfigError(ClientError):
    """What the client was given (URL, CA file, token) cannot be used."""


class Unreachable(ClientError):  # noqa: N818 - the state of the server, as in "host unreachable"
    """There was no answer."""

    lasting = False


class AnswerError(ClientError):
    """Something answered, but not as this version's romana-server does."""


class ApiError(ClientError):
    """romana-server refused.

    Attributes: code (str, a value of romana.models.ErrorCode, or one of a later version) and details (dict; what is in
    it depends on the code).
    """

    def __init__(self, message, code, details):
        # type: (str, str, dict[str, object]) -> None
        super(ApiError, self).__init__(message)
        self.code = code
        self.details = details
        self.lasting = code not in (UNAVAILABLE, INTERNAL)


def path(route, *names):
    # type: (str, str) -> str
    """A route with names filled in. Raises ConfigError for a name that would lead elsewhere."""
    for name in names:
        if name in ("", ".", "..") or "/" in name:  # servers take %2F for a slash, too
            raise ConfigError("'{}' is not a name; give the name of what is meant".format(name))
    return route.format(*["".join(map(_quoted, bytearray(name.encode("utf-8")))) for name in names])


def _quoted(byte):
    # type: (int) -> str
    return chr(byte) if chr(byte) in PLAIN else "%{:02X}".format(byte)


def read_token(token_file):
    # type: (object) -> str
    """The token in a file. Raises ConfigError."""
    try:
        with io.open(str(token_file), encoding="latin-1") as file:  # check_token refuses what no token has
            return str(check_token(file.read().strip()))
    except EnvironmentError as error:
        raise ConfigError(
            "token_file {} cannot be read ({}); check its path, and that this user may read it".format(
                token_file, error.strerror
            )
        )


def check_token(token):
    # type: (str) -> str
    """The token. Raises ConfigError for what cannot be one, without showing it."""
    if not TOKEN.match(token):
        raise ConfigError("the token is empty or has characters a token never has; write it again from its source")
    return token


class Caller(object):
    """Who asks: where, and what its settings are called when it is told about them."""

    def __init__(self, url, token, role, url_key="url", ca_key="ca_file", advice=None):
        # type: (str, str, str, str, str, dict[str, str] | None) -> None
        """Keep what messages need; nothing is checked yet.

        Args:
            url: where romana-server listens.
            token: name of the setting, or of the file, that has the token.
            role: that the token needs.
            url_key: name of the setting that has the URL.
            ca_key: name of the setting that has the CA file.
            advice: as ADVICE, for this client alone.
        """
        self.url = url.rstrip("/")
        self._advice = dict(ADVICE, **(advice or {}))
        self._keys = {"url": url_key, "ca": ca_key, "token": token, "role": role}

    def check_url(self):
        # type: () -> None
        """Raise ConfigError for what is no URL, or one by which the token would travel in clear."""
        if not URL.match(self.url):
            raise ConfigError(
                "{url} '{}' is not valid; write it like https://192.168.99.10:9600 (http only on this machine: the"
                " token would travel in clear)".format(self.url, **self._keys)
            )

    def trust(self, ca_file):
        # type: (object) -> ssl.SSLContext
        """The TLS context in which its certificates are checked; None: by the system. Raises ConfigError."""
        try:
            return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        except EnvironmentError as error:
            none = isinstance(error, ssl.SSLError)
            wrong = "holds no PEM certificate" if none else "cannot be read ({})".format(error.strerror)
            raise ConfigError(
                "{ca} {} {}; copy the controller's /etc/romana/ca.pem".format(ca_file, wrong, **self._keys)
            )

    def no_answer(self, error, connected):
        # type: (BaseException, bool) -> Unreachable
        """Why there is none, from the exception of an HTTP library; connected: whether the server was reached."""
        sentence, said = _why(_causes(error), connected)
        why = sentence.format(said=" ".join(said.split()).rstrip("."), **self._keys)
        return Unreachable("no answer from romana-server at {}: {}".format(self.url, why))

    def check(self, status, content):
        # type: (int, bytes) -> None
        """Raise what an answer means that is no success: ApiError, or AnswerError when it is not romana-server's."""
        if 200 <= status < 300:
            return
        try:
            error = json.loads(content.decode("utf-8"))["error"]
            code, said, details = error["code"], [error["message"]], dict(error.get("details") or {})
            if code in self._advice:
                said.append(self._advice[code].format(**self._keys))
            raise ApiError("; ".join(said), code, details)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise self.unknown("HTTP {}".format(status))

    def read(self, status, content):
        # type: (int, bytes) -> object
        """What an answer says, from its JSON; None when it has nothing to say. Raises as `check` does."""
        self.check(status, content)
        try:
            return None if status == NO_CONTENT else json.loads(content.decode("utf-8"))
        except ValueError:
            raise self.unknown("HTTP {}, and no JSON".format(status))

    def unknown(self, what):
        # type: (str) -> AnswerError
        """The answer is not one that this version knows; what: is wrong with it."""
        return AnswerError(
            "what answers at {} is not romana-server, or not of this version ({}); correct {url}, or install the same"
            " version on both sides".format(self.url, what, **self._keys)
        )


def _why(causes, connected):
    # type: (list[BaseException], bool) -> tuple[str, str]
    """The sentence, and what the last word on it was."""
    for cause in causes:
        for name in ("verify_code", "reason", "errno"):
            sentence = SILENCES.get((name, getattr(cause, name, None)))
            if sentence:
                return sentence, getattr(cause, "verify_message", str(cause))
    if any("timeout" in type(cause).__name__.lower() for cause in causes):
        return LATE if connected else NOT_THERE, ""
    last = causes[-1]
    return ENDED, getattr(last, "strerror", None) or str(last) or type(last).__name__


def _causes(error):
    # type: (object) -> list[BaseException]
    """An exception and what it comes from, outermost first: requests keeps that in args, urllib in reason."""
    found = []  # type: list[BaseException]
    while isinstance(error, BaseException) and error not in found:
        found.append(error)
        inner = [getattr(error, "__cause__", None), getattr(error, "reason", None)] + list(error.args)
        error = next((one for one in inner if isinstance(one, BaseException)), getattr(error, "__context__", None))
    return found
