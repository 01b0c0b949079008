"""Why a server did not answer, in words and with what to do about it."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from romana.distrust import why_refused


def describe(error: httpx.TransportError, url: str) -> str:
    """One line for people about why `url` gave no answer; the cause is looked for behind httpx's own exception."""
    host = urlsplit(url).hostname
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return why_refused(cause)
        if isinstance(cause, ssl.SSLError) and cause.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
            return "what listens there does not speak TLS; check the port in url"
        if isinstance(cause, socket.gaierror):
            return f"the name {host} is not known; use the controller's address or add the name to /etc/hosts"
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused; is romana-server running there (systemctl status romana-server)?"
        if isinstance(cause, OSError) and cause.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
            return f"there is no route to {host}; check the address in url and `ip route get {host}`"
    if isinstance(error, httpx.ConnectTimeout):
        return "connecting timed out; check the address in url and firewalls on the way"
    if isinstance(error, httpx.TimeoutException):
        return "it accepted the request and then timed out; see journalctl -u romana-server on the controller"
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError):
        return "the connection was closed without an answer; is url right (https, port) and the server healthy?"
    return str(error) or type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it was raised from, outermost first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
