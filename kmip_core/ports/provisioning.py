"""Credentials of clients on the link level, which is TLS: who gives them out, and takes them back."""

from typing import Protocol


class Provisioning(Protocol):
    """Gives clients new certificates in the place of old ones. Re-entrant; may read and write files.

    serial: that of the certificate with which a client has come, in hexadecimal.
    Each raises KmipError: Permission Denied where that certificate is not one of those that are given out here, or is
    revoked or over.
    """

    def certify(self, serial: str, request: bytes) -> bytes:
        """Return a certificate (DER) for the key of a PKCS#10 request (DER), with the identity of the old one.

        Raises KmipError (Invalid CSR) for a request that is broken, or a key that is not taken.
        """
        ...

    def certify_key(self, serial: str, public_key: bytes) -> bytes:
        """Return a certificate (DER) for a public key (X.509, DER), with the identity of the old one."""
        ...

    def check(self, serial: str, certificate: bytes) -> None:
        """Raise KmipError (Invalid Field) unless a certificate (DER) is good for a client of the same identity.

        It must come from the authority of clients, be valid now, and not be revoked, nor be the old one.
        """
        ...

    def replace(self, serial: str, certificate: bytes) -> None:
        """Take note of the new certificate, and make the old one invalid: no later request is made with it."""
        ...
