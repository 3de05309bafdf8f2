"""A table that gives certificates an identity and groups: one set of keys for several certificates, or the reverse.

    [{"fingerprint": "3f:...", "identity": "payments"},
     {"cn": "web01", "issuer": "CN=Corporate CA", "identity": "web", "groups": ["frontend"]},
     {"dns": "web02.example", "identity": "web"}]

Every condition of an entry must hold; the first entry that fits counts; a certificate that fits none is named by
itself. A name that the table gives out belongs to no certificate alone: otherwise a client that gets a certificate
with that common name would own the keys. Changes of the file hold for connections to come; a file that cannot be read
changes nothing.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from kmip_adapters.identity.certificate import NAME_LENGTH, CertificateIdentity, issuer_of, names_of
from kmip_core.classes import frozen
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError, Unusable
from kmip_core.principal import Principal

LOG: Final = logging.getLogger("kmipd.identity")

FILE_SIZE: Final = 16 * 1024 * 1024  # bytes
CONDITIONS: Final = ("cn", "san", "dns", "uri", "email", "subject", "fingerprint", "issuer")
_KEYS: Final = frozenset((*CONDITIONS, "identity", "groups"))


class UnusableIdentities(Unusable):
    """The table cannot be read; the text says why and what to do."""


@frozen(kw_only=True)
class Entry:
    """One row.  conditions: what must hold, by its name."""

    conditions: Mapping[str, str]
    identity: str
    groups: frozenset[str]

    def fits(self, certificate: x509.Certificate) -> bool:
        """Return whether a certificate is meant."""
        return all(value in _values(certificate, name) for name, value in self.conditions.items())


class IdentityTable:
    """Identifies by the table at `path`, and by `otherwise` whom it does not have. Re-entrant."""

    def __init__(self, path: Path, otherwise: CertificateIdentity) -> None:
        """Read the table.  Raises UnusableIdentities."""
        self._path = path
        self._otherwise = otherwise
        self._stamp = _stamp(path)
        self._entries = self._reported = read_table(path)

    def __call__(self, certificate: bytes | None, address: str, chain: tuple[bytes, ...] = ()) -> Principal:
        """Return who presented `certificate`.  Raises KmipError (Authentication Not Successful)."""
        entries = self._current()
        entry = None if certificate is None else _entry_for(certificate, entries)
        if entry is None:
            principal = self._otherwise(certificate, address, chain)
            if any(principal.name == one.identity for one in entries):
                raise KmipError(
                    ResultReason.AUTHENTICATION_NOT_SUCCESSFUL,
                    "the name in the client certificate belongs to an entry of the table of identities",
                )
            return principal
        checked = self._otherwise.checked(certificate or b"")
        return Principal(
            name=entry.identity,
            groups=entry.groups,
            address=address,
            certificate_serial=f"{checked.serial_number:x}",
            certificate_issuer=issuer_of(checked),
            name_kind="table",
            certificate_digest=hashlib.sha256(certificate or b"").digest(),
        )

    def refresh(self) -> bool:
        """Look at the file; return whether its entries are others since the last call."""
        before, self._reported = self._reported, self._current()
        return before != self._reported

    def _current(self) -> tuple[Entry, ...]:
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._entries = read_table(self._path)
            except UnusableIdentities as error:
                LOG.error("%s; what the file said before stays in force", error)
        return self._entries


def read_table(path: Path) -> tuple[Entry, ...]:
    """Return the entries of a file.  Raises UnusableIdentities."""
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(FILE_SIZE))
    except OSError as error:
        raise UnusableIdentities(f"identities of {path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UnusableIdentities(f"{path} is not JSON: {error}; write a list of entries") from error
    if not isinstance(content, list):
        raise UnusableIdentities(f'{path}: must be a list of entries, as [{{"cn": "web01", "identity": "web"}}]')
    return tuple(_entry(path, number, entry) for number, entry in enumerate(content, 1))


def _entry(path: Path, number: int, entry: Any) -> Entry:
    where = f"{path}: entry {number}"
    if not isinstance(entry, dict) or not all(isinstance(entry.get(key, ""), str) for key in _KEYS - {"groups"}):
        raise UnusableIdentities(f'{where} is no object of texts; write for example {{"cn": ..., "identity": ...}}')
    unknown = sorted(entry.keys() - _KEYS)
    if unknown:
        raise UnusableIdentities(f"{where} has {unknown[0]!r}; the keys are {', '.join(sorted(_KEYS))}")
    conditions = {name: _plain(name, entry[name]) for name in CONDITIONS if entry.get(name)}
    identity, groups = entry.get("identity", ""), entry.get("groups", [])
    if not conditions or not 1 <= len(identity) <= NAME_LENGTH or not identity.isprintable():
        raise UnusableIdentities(f"{where} needs an identity and at least one of {', '.join(CONDITIONS)}")
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        raise UnusableIdentities(f"{where}: groups must be a list of names")
    return Entry(conditions=conditions, identity=identity, groups=frozenset(groups))


def _entry_for(certificate: bytes, entries: tuple[Entry, ...]) -> Entry | None:
    try:
        parsed = x509.load_der_x509_certificate(certificate)
        return next((entry for entry in entries if entry.fits(parsed)), None)
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None  # `otherwise` refuses it


def _values(certificate: x509.Certificate, condition: str) -> list[str]:
    if condition == "fingerprint":
        return [certificate.fingerprint(hashes.SHA256()).hex()]
    if condition == "issuer":
        return [certificate.issuer.rfc4514_string()]
    return names_of(certificate, condition)


def _plain(condition: str, value: str) -> str:
    return value.replace(":", "").replace(" ", "").lower() if condition == "fingerprint" else value


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
