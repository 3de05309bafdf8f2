"""Takes up new certificates, keys, CAs and revocation lists while the server runs (R-TLS-4, R-TLS-5).

A certificate and its key are two files, and an operator replaces them one after the other: what does not fit yet is
reported and not used, the old ones stay in force, and the next change is looked at again.
"""

import logging
import re
import ssl
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from cryptography import x509

LOG: Final = logging.getLogger("kmip_app")

LOOK_EVERY: Final = 1.0  # seconds

_PEM_CRL: Final = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)

Stamp = tuple[int, int, int]


def revoked_by(crl: Path | None) -> Callable[[bytes], bool]:
    """Return what tells whether a certificate, in DER, is on the revocation lists of `crl`."""
    lists = [] if crl is None else _revocation_lists(crl)
    revoked = {(one.issuer, entry.serial_number) for one in lists for entry in one}

    def is_revoked(der: bytes) -> bool:
        certificate = x509.load_der_x509_certificate(der)
        return (certificate.issuer, certificate.serial_number) in revoked

    return is_revoked


class RevokedCertificates:
    """The certificates on the revocation lists that are in force, by issuer and serial number. Re-entrant.

    find_lists: returns the file of the lists, None where there are none.
    """

    def __init__(self, find_lists: Callable[[], Path | None]) -> None:
        self._find_lists = find_lists
        self._revoked: frozenset[tuple[str, str]] = frozenset()

    def read(self) -> None:
        """Take up the lists as they are now.  Raises ValueError or OSError; what was there before stays in force."""
        path = self._find_lists()
        lists = [] if path is None or not path.exists() else _revocation_lists(path)
        self._revoked = frozenset(
            (one.issuer.rfc4514_string(), f"{entry.serial_number:x}") for one in lists for entry in one
        )

    def has(self, issuer: str, serial: str) -> bool:
        """Return whether a certificate is revoked.  issuer: by RFC 4514.  serial: hexadecimal."""
        return (issuer, serial) in self._revoked


def _revocation_lists(path: Path) -> list[x509.CertificateRevocationList]:
    blocks = _PEM_CRL.findall(path.read_bytes())
    return [x509.load_pem_x509_crl(block) for block in blocks]


class CertificateWatch:
    """Looks at files until `close`, in a thread of its own once started.

    build: makes a context of the files as they are now; raises ValueError or OSError where they do not fit.
    use: takes the context for connections to come.
    """

    def __init__(
        self, paths: Iterable[Path], build: Callable[[], ssl.SSLContext], use: Callable[[ssl.SSLContext], None]
    ) -> None:
        self._paths = tuple(dict.fromkeys(paths))
        self._build = build
        self._use = use
        self._stamps = self._look_at_files()
        self._looking = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="kmip-certificates", daemon=True)

    def start(self) -> None:
        """Begin to look, every second."""
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self, *, is_asked: bool = False) -> bool:
        """Look once; return whether new files were taken up.

        is_asked: take up the files even if nothing tells that they have changed; from any thread.
        """
        with self._looking:
            return self._look(is_asked)

    def _look(self, is_asked: bool) -> bool:
        stamps = self._look_at_files()
        changed = [str(path) for path, old, new in zip(self._paths, self._stamps, stamps, strict=True) if old != new]
        if not changed and not is_asked:
            return False
        self._stamps = stamps
        files = ", ".join(changed)
        try:
            self._use(self._build())
        except Exception as error:  # whatever a file did to a parser, later ones must still be looked at (R-TLS-4)
            files = files or ", ".join(map(str, self._paths))
            LOG.error("%s changed, but not used: %s; what was there before stays in force", files, error)
            return False
        if changed:
            LOG.info("%s changed and used from the next connection on", files)
        return True

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_EVERY):
            self.look()

    def _look_at_files(self) -> tuple[Stamp, ...]:
        return tuple(_stamp(path) for path in self._paths)


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
