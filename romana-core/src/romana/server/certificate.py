"""The certificate that the server shows: loaded, looked at, and read anew while the server serves."""

from __future__ import annotations

import logging
import ssl
from datetime import UTC, datetime
from pathlib import Path

from romana.server.failure import ServingError

log = logging.getLogger(__name__)

# Tags of DER (ITU-T X.690) that are met on the way to a certificate's validity (RFC 5280, 4.1).
VERSION = 0xA0
UTC_TIME = 0x17


class Certificate:
    """A certificate and its key, PEM files, as TLS 1.2 or newer shows them. Raises ServingError.

    Attributes:
        context: what connections are made with; it stays the same object, whatever is read anew.
        expires_at: when what it shows ends, seconds of the epoch.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self.context = _context(certificate, key)
        self.expires_at = _expires_at(certificate)

    def reload(self) -> None:
        """Show new connections what the files have now. What cannot be used is said, and the one before stays."""
        try:
            expires_at = _expires_at(self._files[0])
            _context(*self._files)  # a certificate without its key must not get into the one that is in use
        except ServingError as error:
            log.error("the certificate is not renewed: %s; then: systemctl reload romana-server", error)
            return
        self.context.load_cert_chain(*self._files)
        self.expires_at = expires_at
        log.info("the certificate is read anew; it ends %s", datetime.fromtimestamp(expires_at, UTC))


def not_after(pem: str) -> float:
    """When the first certificate in a PEM text ends, seconds of the epoch. Raises ValueError. Pure."""
    begin, end = pem.index(ssl.PEM_HEADER), pem.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)
    der = ssl.PEM_cert_to_DER_cert(pem[begin:end])
    _, signed, _ = _element(_element(der)[1])
    tag, _, rest = _element(signed)
    if tag == VERSION:
        _, _, rest = _element(rest)
    for _ in ("algorithm", "issuer"):  # the serial number is taken already
        _, _, rest = _element(rest)
    _, validity, _ = _element(rest)
    _, _, rest = _element(validity)
    tag, text, _ = _element(rest)
    # Years of two digits are those from 1950 to 2049 (RFC 5280, 4.1.2.5.1).
    century = "" if tag != UTC_TIME else "20" if text[:2] < b"50" else "19"
    return datetime.strptime(century + text.decode("ascii"), "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """The first element's tag and content, and what follows it."""
    if len(data) < 2:
        raise ValueError("the certificate ends too early")
    length, at = data[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(data[2:at])
    return data[0], data[at : at + length], data[at + length :]


def _expires_at(certificate: Path) -> float:
    try:
        return not_after(certificate.read_text())
    except OSError as error:
        raise _unreadable("tls_cert", certificate, error) from None
    except ValueError:
        raise ServingError(f"tls_cert {certificate} is no certificate in PEM; install it anew") from None


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    for name, path in (("tls_cert", certificate), ("tls_key", key)):
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            raise _unreadable(name, path, error) from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        raise ServingError(
            f"tls_cert {certificate} and tls_key {key} are no certificate and its key in PEM"
            f" ({error.reason}); install both anew"
        ) from None
    return context


def _unreadable(name: str, path: Path, error: OSError) -> ServingError:
    return ServingError(f"{name} {path} cannot be read ({error.strerror}); check the path and its owner")
