"""The stack's certificate authority and the certificate of romana-server.

The authority signs nothing but this one certificate and its key never leaves this machine. Both are made anew when
they are near their end, and the server's also when it would not fit its names or its authority.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from romana_install.base.files import write_private

AUTHORITY_DAYS = 3650
SERVER_DAYS = 397  # more is refused by some TLS clients
RENEW_AUTHORITY_DAYS = 730  # always longer than what it signs
RENEW_SERVER_DAYS = 90
AUTHORITY_NAME = "Romana stack "  # and its name
CLOCK_SKEW = timedelta(days=1)


def ensure(directory: Path, stack_name: str, names: Sequence[str], now: datetime | None = None) -> bool:
    """Make ca.pem, ca.key, server.pem and server.key in `directory` good for `names`; True when something was made.

    Args:
        directory: made when missing; all files are 0600.
        stack_name: goes into the authority's name.
        names: DNS names and IP addresses of the server; the first is its common name.
        now: the time, UTC; default the clock's.
    """
    now = now or datetime.now(UTC)
    authority = _load(directory, "ca")
    made = False
    if authority is None or authority[0].not_valid_after_utc < now + timedelta(days=RENEW_AUTHORITY_DAYS):
        authority = _make_authority(stack_name, now)
        _store(directory, "ca", *authority)
        made = True
    server = _load(directory, "server")
    if server is None or not _is_good(server[0], authority[0], names, now):
        _store(directory, "server", *_make_server(authority, names, now))
        made = True
    return made


def days_left(directory: Path, now: datetime | None = None) -> int | None:
    """Whole days for which the server's certificate is still valid, negative once it is not; None: there is none."""
    server = _load(directory, "server")
    return (server[0].not_valid_after_utc - (now or datetime.now(UTC))).days if server else None


_Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def stack_of(authority: str) -> str:
    """The name of the stack that an authority's certificate, as PEM, is of; empty when it does not say."""
    try:
        subject = x509.load_pem_x509_certificate(authority.encode()).subject
    except ValueError:
        return ""
    names = [str(name.value) for name in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return next((name.removeprefix(AUTHORITY_NAME) for name in names if name.startswith(AUTHORITY_NAME)), "")


def _make_authority(stack_name: str, now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"{AUTHORITY_NAME}{stack_name}")
    usage = _key_usage(key_cert_sign=True, crl_sign=True)
    builder = _builder(name, name, key, now, AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage, critical=True)
    return builder.sign(key, hashes.SHA256()), key


def _make_server(authority: _Pair, names: Sequence[str], now: datetime) -> _Pair:
    certificate, authority_key = authority
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    builder = _builder(_name(names[0]), certificate.subject, key, now, SERVER_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(digital_signature=True), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
    builder = builder.add_extension(identifier, critical=False)
    return builder.sign(authority_key, hashes.SHA256()), key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - CLOCK_SKEW).not_valid_after(now + timedelta(days=days))
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _is_good(certificate: x509.Certificate, authority: x509.Certificate, names: Sequence[str], now: datetime) -> bool:
    if certificate.not_valid_after_utc < now + timedelta(days=RENEW_SERVER_DAYS):
        return False
    try:
        certificate.verify_directly_issued_by(authority)
        wanted = x509.SubjectAlternativeName(_general_names(names))
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == wanted
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_names(names: Sequence[str]) -> list[x509.GeneralName]:
    general: list[x509.GeneralName] = []
    for name in names:
        try:
            general.append(x509.IPAddress(ip_address(name)))
        except ValueError:
            general.append(x509.DNSName(name))
    return general


def _key_usage(digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _store(directory: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(directory / f"{name}.key", private)
    write_private(directory / f"{name}.pem", certificate.public_bytes(serialization.Encoding.PEM))


def _load(directory: Path, name: str) -> _Pair | None:
    """Certificate and key of that name; None when one is missing, damaged or they do not belong together."""
    try:
        certificate = x509.load_pem_x509_certificate((directory / f"{name}.pem").read_bytes())
        key = serialization.load_pem_private_key((directory / f"{name}.key").read_bytes(), password=None)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        return None
    return certificate, key
