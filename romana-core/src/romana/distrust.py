"""Why a server's certificate is refused, in words and with what to do about it."""

import ssl

# Why OpenSSL refuses a certificate: numbers of <openssl/x509_vfy.h>.
NOT_YET_VALID = 9
EXPIRED = 10
WRONG_NAME = (62, 64)  # of a host, of an address


def why_refused(error: ssl.SSLCertVerificationError) -> str:
    """One line for people, which goes on from 'the server: '. Pure."""
    said = error.verify_message.removesuffix(".")
    if error.verify_code == EXPIRED:
        return (
            "its certificate has expired; renew it: ./romana-setup install, where the stack was installed from"
            " (or this machine's clock is ahead: see `date`)"
        )
    if error.verify_code == NOT_YET_VALID:
        return (
            "its certificate is not valid yet, so this machine's clock is behind, or the one where it was made is"
            " ahead: compare `date` on both, and set the wrong one"
        )
    if error.verify_code in WRONG_NAME:
        return f"its certificate is not for this address ({said}); use a name or address it was made for in url"
    return (
        f"its certificate is of an authority that is not trusted ({said}); ca_file must be the controller's"
        " /etc/romana/ca.pem"
    )
