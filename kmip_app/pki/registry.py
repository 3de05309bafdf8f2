"""Which client certificates the built-in CA has issued, which are revoked, and who may ask for one.

`clients/clients.json`, beside the PKI's folder, is the list; `clients/ca.crl` the revocation list that the server
checks, made at the first revocation and followed while it runs. Commands and the server may change both at the same
time: each change is made alone.
"""

import datetime as dt
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from attrs import asdict, evolve, field
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from kmip_app.pki import authority
from kmip_app.pki.authority import CA_LIFETIME, Pki, PkiError, alone_in, write_file
from kmip_core.classes import define, frozen

FOLDER: Final = "clients"
LIST: Final = "clients.json"
CRL: Final = "ca.crl"
SEEN: Final = "seen.json"

VALID: Final = "valid"
REVOKED: Final = "revoked"

PENDING_LIMIT: Final = 100
"""Requests that may wait for approval: any client that reaches the enrolment listener with a token can add one."""

TOKEN_BYTES: Final = 24


@frozen(kw_only=True)
class IssuedCertificate:
    """One certificate.  serial: hexadecimal.  Times are seconds since 1970-01-01 UTC."""

    name: str
    serial: str
    not_before: int
    not_after: int
    pem: str = field(repr=False)
    state: str = VALID
    revoked_at: int = 0


@frozen(kw_only=True)
class Token:
    """A right to ask for a certificate.  digest: SHA-256 of the token, which is not kept.

    name: the identity it is for; empty for the one that the request names.  needs_approval: the request waits.
    """

    digest: str
    name: str = ""
    expires: int
    uses: int = 1
    needs_approval: bool = False


@frozen(kw_only=True)
class PendingRequest:
    """A signing request that waits for approval.  request_id: under which its sender asks again."""

    request_id: str
    name: str
    csr: str = field(repr=False)
    time: int
    address: str = ""


@define(kw_only=True)
class _Content:
    issued: list[IssuedCertificate] = field(factory=list)
    tokens: list[Token] = field(factory=list)
    pending: list[PendingRequest] = field(factory=list)
    answered: dict[str, str] = field(factory=dict)  # request_id -> serial of its certificate


class Registry:
    """The clients of one built-in PKI."""

    def __init__(self, pki: Pki) -> None:
        self._pki = pki
        self._folder = pki.directory.parent / FOLDER
        self._path = self._folder / LIST
        self._kept: tuple[tuple[int, int, int], _Content] | None = None  # of the file of these numbers

    @property
    def crl(self) -> Path:
        """Where the revocation list is, once there is one."""
        return self._folder / CRL

    def authority(self) -> bytes:
        """Return the CA's certificate in PEM, with the one before it while that is trusted."""
        return self._pki.ca.certificate.read_bytes()

    def issued(self) -> list[IssuedCertificate]:
        """Return all certificates, and that of the first client.  Raises PkiError."""
        content = self._read()
        return self._with_first_client(content.issued)

    def pending(self) -> list[PendingRequest]:
        """Return the requests that wait."""
        return self._read().pending

    def note(self, certificate: x509.Certificate, name: str) -> None:
        """Add a certificate that was issued."""
        with self._changed() as content:
            content.issued.append(_issued(certificate, name))

    def find(self, name: str) -> IssuedCertificate:
        """Return the newest valid certificate of a client.  Raises PkiError."""
        found = [one for one in self.issued() if one.name == name and one.state == VALID]
        if not found:
            raise PkiError(f"no valid certificate was issued to {name!r}; kmipd client list shows those that were")
        return max(found, key=lambda one: one.not_before)

    def revoke(self, name: str, serial: str | None = None) -> list[IssuedCertificate]:
        """Revoke the certificates of a client, or one of them; running servers end their sessions.  Raises PkiError."""
        now = int(_now().timestamp())
        with self._changed() as content:
            content.issued = self._with_first_client(content.issued)
            revoked = []
            for place, one in enumerate(content.issued):
                if one.name == name and serial in (None, one.serial) and one.state == VALID:
                    content.issued[place] = evolve(one, state=REVOKED, revoked_at=now)
                    revoked.append(content.issued[place])
            if not revoked:
                raise PkiError(f"no valid certificate of {name!r} is known here; kmipd client list shows what there is")
            self._write_crl(content)
        return revoked

    def replace(self, serial: str, certificate: x509.Certificate) -> None:
        """Add a certificate that takes the place of another one, which is revoked.  Raises PkiError.

        One that is in the list already, as a client may bring it, is not added again.
        """
        new = f"{certificate.serial_number:x}"
        with self._changed() as content:
            content.issued = self._with_first_client(content.issued)
            places = {one.serial: place for place, one in enumerate(content.issued)}
            if serial not in places:
                raise PkiError(f"no certificate {serial} is known here")
            old = content.issued[places[serial]]
            if old.state == VALID:
                content.issued[places[serial]] = evolve(old, state=REVOKED, revoked_at=int(_now().timestamp()))
            if new not in places:
                content.issued.append(_issued(certificate, old.name))
            self._write_crl(content)

    def remove(self, name: str) -> int:
        """Revoke what is valid of a client and leave it out of the list; revoked certificates stay revoked."""
        with self._changed() as content:
            content.issued = self._with_first_client(content.issued)
            now = int(_now().timestamp())
            kept, removed = [], 0
            for one in content.issued:
                if one.name == name:
                    removed += 1
                    one = evolve(one, name="", state=REVOKED, revoked_at=one.revoked_at or now)
                kept.append(one)
            if not removed:
                raise PkiError(f"{name!r} is not known here; kmipd client list shows what there is")
            content.issued = kept
            self._write_crl(content)
        return removed

    # Signing requests

    def sign(self, csr: bytes, name: str | None = None, lifetime: dt.timedelta | None = None) -> x509.Certificate:
        """Issue a certificate for a signing request in PEM.  Raises PkiError.

        name: instead of the common name in it.  lifetime: at most that of every certificate.
        """
        request = read_request(csr)
        identity = name or name_in(request)
        certificate = authority.issue_for(self._pki, request.public_key(), identity, lifetime=lifetime)
        self.note(certificate, identity)
        return certificate

    def renew(self, name: str, lifetime: dt.timedelta | None = None) -> x509.Certificate:
        """Issue a new certificate for the same key.  Raises PkiError."""
        old = x509.load_pem_x509_certificate(self.find(name).pem.encode())
        certificate = authority.issue_for(self._pki, old.public_key(), name, lifetime=lifetime, replaced=old)
        self.note(certificate, name)
        return certificate

    # Tokens

    def make_token(self, name: str, lifetime: int, uses: int, *, needs_approval: bool) -> str:
        """Return a new token.  name: empty for any.  lifetime: seconds."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = int(_now().timestamp())
        made = Token(digest=_digest(token), name=name, expires=now + lifetime, uses=uses, needs_approval=needs_approval)
        with self._changed() as content:
            content.tokens = [one for one in content.tokens if one.expires > now and one.uses > 0]
            content.tokens.append(made)
        return token

    def redeem(self, token: str, csr: bytes, address: str) -> x509.Certificate | PendingRequest:
        """Issue a certificate to a client that has a token, or have the request wait.  Raises PkiError."""
        now = int(_now().timestamp())
        with self._changed() as content:
            found = next(
                (
                    (place, one)
                    for place, one in enumerate(content.tokens)
                    if hmac.compare_digest(one.digest, _digest(token))
                ),
                None,
            )
            if found is None or found[1].expires <= now or found[1].uses < 1:
                raise PkiError("the token is not known, used up or over; ask the operator for another one")
            place, right = found
            request = read_request(csr)  # not before the token was seen: what it costs is the sender's choice
            name = right.name or name_in(request)
            authority.check_client_name(name)  # now: one that waits is shown to operators, and stands in the trail
            if any(one.name == name and one.state == VALID for one in self._with_first_client(content.issued)):
                raise PkiError("a client of this name has a certificate already; ask the operator to renew it")
            if right.needs_approval and len(content.pending) >= PENDING_LIMIT:
                raise PkiError("too many requests wait for approval; try again later")
            content.tokens[place] = evolve(right, uses=right.uses - 1)
            if right.needs_approval:
                waiting = PendingRequest(
                    request_id=secrets.token_urlsafe(TOKEN_BYTES),
                    name=name,
                    csr=csr.decode("ascii", errors="replace"),
                    time=now,
                    address=address,
                )
                content.pending.append(waiting)
                return waiting
            certificate = authority.issue_for(self._pki, request.public_key(), name)
            content.issued.append(_issued(certificate, name))
        return certificate

    def approve(self, request_id: str) -> x509.Certificate:
        """Issue the certificate that a request waits for.  request_id: or its beginning.  Raises PkiError."""
        with self._changed() as content:
            found = [one for one in content.pending if one.request_id.startswith(request_id)]
            if len(found) != 1 or not request_id:
                raise PkiError(
                    f"{len(found)} requests begin with {request_id!r}; kmipd client list shows those waiting"
                )
            waiting = found[0]
            request = read_request(waiting.csr.encode("ascii"))
            certificate = authority.issue_for(self._pki, request.public_key(), waiting.name)
            issued = _issued(certificate, waiting.name)
            content.issued.append(issued)
            content.pending.remove(waiting)
            content.answered[waiting.request_id] = issued.serial
        return certificate

    def answer_to(self, request_id: str) -> str | None:
        """Return the certificate in PEM of a request that was approved, None while it waits.  Raises PkiError."""
        content, asked = self._read(), request_id.encode("utf-8", errors="replace")
        for known, serial in content.answered.items():
            if hmac.compare_digest(known.encode(), asked):
                return next((one.pem for one in content.issued if one.serial == serial), None)
        if any(hmac.compare_digest(one.request_id.encode(), asked) for one in content.pending):
            return None
        raise PkiError("no such request")

    # Last seen

    def note_seen(self, seen: dict[str, int]) -> None:
        """Keep when certificates, by serial, were last used; for a server, now and then."""
        with self._alone():
            kept = self.seen() | seen
            write_file(self._folder / SEEN, json.dumps(kept).encode(), 0o600)

    def seen(self) -> dict[str, int]:
        """Return when certificates, by serial, were last used."""
        try:
            found = json.loads((self._folder / SEEN).read_text())
        except (OSError, ValueError):
            return {}
        return {str(serial): int(time) for serial, time in found.items()} if isinstance(found, dict) else {}

    # Inside

    def _read(self) -> _Content:
        """Return the content, which the caller may change.

        A file that is the one of before is not parsed again: whoever reaches the enrolment listener can have it read,
        and parsing ten thousand certificates holds the interpreter's lock for a tenth of a second.
        """
        try:
            status = self._path.stat()
            identity = (status.st_ino, status.st_mtime_ns, status.st_size)
            kept = self._kept
            if kept is None or kept[0] != identity:
                kept = self._kept = (identity, self._parse())
            content = kept[1]
            return _Content(
                issued=list(content.issued),
                tokens=list(content.tokens),
                pending=list(content.pending),
                answered=dict(content.answered),
            )
        except FileNotFoundError:
            return _Content()
        except (ValueError, TypeError, AttributeError) as error:
            raise PkiError(f"{self._path}: not a list of clients; put the right one back") from error

    def _parse(self) -> _Content:
        content: dict[str, Any] = json.loads(self._path.read_text())
        return _Content(
            issued=[IssuedCertificate(**one) for one in content.get("issued", [])],
            tokens=[Token(**one) for one in content.get("tokens", [])],
            pending=[PendingRequest(**one) for one in content.get("pending", [])],
            answered=dict(content.get("answered", {})),
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with alone_in(self._folder):
            yield

    @contextmanager
    def _changed(self) -> Iterator[_Content]:
        """Give the content, and write it unless the block raises; alone."""
        with self._alone():
            content = self._read()
            yield content
            write_file(self._path, json.dumps(asdict(content), indent=1).encode(), 0o600)

    def _with_first_client(self, issued: list[IssuedCertificate]) -> list[IssuedCertificate]:
        """Return the list with the certificate that was made at the first start."""
        try:
            certificate = x509.load_pem_x509_certificate(self._pki.client.certificate.read_bytes())
        except (OSError, ValueError):
            return issued
        first = _issued(certificate, self._pki.client.certificate.stem)
        return issued if any(one.serial == first.serial for one in issued) else [first, *issued]

    def _write_crl(self, content: _Content) -> None:
        issuer, key = authority.issuer_of(self._pki)
        now = _now()
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.subject)
            .last_update(now - authority.BACKDATE)
            .next_update(now + CA_LIFETIME)  # it is made anew with each revocation, and need not end by itself
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        )
        for one in content.issued:
            if one.state == REVOKED and one.not_after > now.timestamp():
                builder = builder.add_revoked_certificate(
                    x509.RevokedCertificateBuilder()
                    .serial_number(int(one.serial, 16))
                    .revocation_date(dt.datetime.fromtimestamp(one.revoked_at, dt.UTC))
                    .build()
                )
        write_file(self.crl, builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM), 0o644)


def read_request(csr: bytes) -> x509.CertificateSigningRequest:
    """Return a signing request in PEM whose signature fits.  Raises PkiError."""
    try:
        request = x509.load_pem_x509_csr(csr)
        authority.check_key(request.public_key())
        is_valid = request.is_signature_valid
    except PkiError:
        raise
    except Exception as error:  # whatever a parser finds in what a client sent
        raise PkiError("this is no certificate signing request in PEM") from error
    if not is_valid:
        raise PkiError("the signature of the signing request does not fit its key")
    return request


def name_in(request: x509.CertificateSigningRequest) -> str:
    """Return the one common name that a request asks for.  Raises PkiError."""
    names = request.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    if len(names) != 1 or not isinstance(names[0].value, str):
        raise PkiError(f"the request names {len(names)} common names; it needs one, which is the client's identity")
    return names[0].value


def name_in_certificate(certificate: x509.Certificate) -> str:
    """Return the one common name of a certificate; empty if it has none, or several."""
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""


def _issued(certificate: x509.Certificate, name: str) -> IssuedCertificate:
    return IssuedCertificate(
        name=name,
        serial=f"{certificate.serial_number:x}",
        not_before=int(certificate.not_valid_before_utc.timestamp()),
        not_after=int(certificate.not_valid_after_utc.timestamp()),
        pem=certificate.public_bytes(Encoding.PEM).decode("ascii"),
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", errors="replace")).hexdigest()


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
