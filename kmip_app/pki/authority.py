"""The built-in PKI: a CA, server and client certificates, so that the first start needs no openssl.

    pki/  ca.crt ca.key  server-rsa.crt server-rsa.key  server-ec.crt server-ec.key  client.crt client.key

Rules: private keys are born with mode 0600 and appear under their name only when whole and on disk; whatever
an interrupted start leaves behind is completed or made anew by the next one; certificates about to expire
are too.
"""

import contextlib
import datetime as dt
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kmip_app.pki.own_names import general_name
from kmip_core.classes import frozen
from kmip_core.errors import Unusable

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

CA_LIFETIME: Final = dt.timedelta(days=3_652)
LEAF_LIFETIME: Final = dt.timedelta(days=825)  # what the strictest platforms accept from a private CA
RENEW_BEFORE: Final = dt.timedelta(days=30)
BACKDATE: Final = dt.timedelta(hours=1)  # for clients whose clocks are behind
BITS_OF_CA: Final = 3_072
NAME_LENGTH: Final = 64  # bytes of a common name: X.520's upper bound as pyca counts it
HOSTNAMES: Final = ("localhost", "127.0.0.1", "::1")
MINIMUM_RSA: Final = 2_048
MAXIMUM_RSA: Final = 8_192
"""Bits of keys that others bring: each check of their signatures costs what they have."""
TEMPORARY: Final = ".new-"  # prefix of files that are being written


class PkiError(Unusable):
    """The PKI directory cannot be used as it is; the message says what to do."""


@frozen(kw_only=True)
class Bundle:
    """A certificate and its private key, as PEM files."""

    certificate: Path
    key: Path

    @property
    def pem(self) -> Path:
        """Where both are in one file, if there is one."""
        return self.certificate.with_suffix(".pem")


@frozen(kw_only=True)
class Pki:
    """Where everything lies."""

    directory: Path
    ca: Bundle
    servers: tuple[Bundle, ...]
    client: Bundle


def ensure_pki(
    directory: Path,
    *,
    hostnames: Iterable[str] | None = HOSTNAMES,
    now: dt.datetime | None = None,
    ca_key_bits: int = BITS_OF_CA,
    is_early: bool = False,
) -> Pki:
    """Return the PKI in `directory`, after making what is missing, does not fit together or will soon expire.

    hostnames: server certificates are issued anew when they have others; None leaves those that are there, for callers
        that do not know what the server is called. now: aware; None means the system's clock.
    ca_key_bits: of a CA that is made now.
    is_early: renew server certificates when a third of their life is left, as a server does for itself.
    Others that do the same at the same time wait. Raises PkiError, OSError.
    """
    now = now or dt.datetime.now(dt.UTC)
    names = [_general_name(name) for name in (HOSTNAMES if hostnames is None else hostnames)]
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with alone_in(directory):
        return _ensure(directory, names, now, ca_key_bits, any_names=hostnames is None, is_early=is_early)


def _ensure(
    directory: Path,
    names: list[x509.GeneralName],
    now: dt.datetime,
    ca_key_bits: int,
    *,
    any_names: bool,
    is_early: bool,
) -> Pki:
    for left_over in directory.glob(f"{TEMPORARY}*"):
        left_over.unlink(missing_ok=True)
    ca = _bundle(directory, "ca")
    servers = (_bundle(directory, "server-rsa"), _bundle(directory, "server-ec"))
    client = _bundle(directory, "client")
    pki = Pki(directory=directory, ca=ca, servers=servers, client=client)

    # RSA takes its time and needs no interpreter lock: the keys of a first start are made side by side.
    with ThreadPoolExecutor(4) as pool:
        server_keys = [pool.submit(_key_for, servers[0], _rsa_2048), pool.submit(_key_for, servers[1], _p256)]
        client_key = pool.submit(_key_for, client, _rsa_2048)
        ca_key = pool.submit(_ca_key, ca, ca_key_bits).result()
        issuer = _ca_certificate(ca, ca_key, now)
        for server, key in zip(servers, server_keys, strict=True):
            has = None if any_names else names
            _ensure_leaf(
                server, key.result(), issuer, ca_key, "kmipd server", names, now, wanted=has, is_early=is_early
            )
        _ensure_leaf(client, client_key.result(), issuer, ca_key, "client", [], now, wanted=[])
    return pki


def issue_client(
    pki: Pki,
    name: str,
    out: Path,
    *,
    now: dt.datetime | None = None,
    lifetime: dt.timedelta | None = None,
    listens_on: str | None = None,
) -> Bundle:
    """Write NAME.crt, NAME.key and ca.crt into `out` for a new client whose identity is `name`.

    lifetime: at most and by default that of every leaf.  listens_on: the host where it listens for this server.

    Raises PkiError for a name that cannot be one, or that `out` already holds: a key in use is never
    overwritten.
    """
    check_client_name(name)
    now = now or dt.datetime.now(dt.UTC)
    issuer, ca_key = issuer_of(pki)
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    bundle = _bundle(out, name)
    for path in (bundle.certificate, bundle.key):
        if path.exists():
            raise PkiError(f"{path}: exists; choose another directory or remove it")
    key = _rsa_2048()
    names = [] if listens_on is None else [_general_name(listens_on)]
    write_file(bundle.key, _key_pem(key), 0o600)
    certificate = _pem(_leaf(key.public_key(), issuer, ca_key, name, names, now, lifetime or LEAF_LIFETIME))
    write_file(bundle.certificate, certificate, 0o644)
    if out.resolve() != pki.directory.resolve():
        write_file(out / "ca.crt", pki.ca.certificate.read_bytes(), 0o644)
    return bundle


def write_pem(bundle: Bundle) -> None:
    """Write certificate and key into one file as well, as MongoDB's drivers want them."""
    both = bundle.certificate.read_bytes() + bundle.key.read_bytes()
    if bundle.pem.exists() and bundle.pem.read_bytes() == both:
        return
    with alone_in(bundle.pem.parent):  # `ensure_pki` in another thread removes files that are being written
        write_file(bundle.pem, both, 0o600)


# What is there already


def _ca_key(ca: Bundle, bits: int) -> PrivateKey:
    key = _load_key(ca.key)
    if key is not None:
        return key
    if ca.certificate.exists():  # the key is written first, so this is no interrupted start
        raise PkiError(f"{ca.key}: missing although {ca.certificate.name} is there; put it back, or remove the folder")
    # RSA, since this one signature is checked by every client, and some appliances know nothing else.
    key = rsa.generate_private_key(public_exponent=65_537, key_size=bits)
    write_file(ca.key, _key_pem(key), 0o600)
    return key


def _ca_certificate(ca: Bundle, key: PrivateKey, now: dt.datetime) -> x509.Certificate:
    """Return the CA's certificate; a missing one is made again from the key, and leaves stay valid."""
    certificate = _load_certificate(ca.certificate)
    if certificate is None:
        certificate = _self_signed(key, now)
        write_file(ca.certificate, _pem(certificate), 0o644)
    elif certificate.public_key() != key.public_key():
        raise PkiError(f"{ca.key} does not belong to {ca.certificate.name}; put the right one back")
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begins <= now < ends:
        raise PkiError(
            f"{ca.certificate} holds from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} UTC, and the clock says"
            f" {now:%Y-%m-%d %H:%M}: set the clock, or run kmipd pki renew-ca, which keeps the key"
        )
    return certificate


def renew_ca(directory: Path, *, now: dt.datetime | None = None) -> x509.Certificate:
    """Make the CA's certificate anew with the same key, and trust the one before it until its end.

    Certificates that were issued stay valid; clients that have the old file trust this server until its end.
    Raises PkiError, OSError.
    """
    now = now or dt.datetime.now(dt.UTC)
    ca = _bundle(directory, "ca")
    with alone_in(directory):
        key = _load_key(ca.key)
        if key is None:
            raise PkiError(f"{ca.key}: missing; put it back, or start the server for a new PKI")
        old = [
            one for one in x509.load_pem_x509_certificates(ca.certificate.read_bytes()) if one.not_valid_after_utc > now
        ]
        new = _self_signed(key, now)
        write_file(ca.certificate, b"".join(map(_pem, [new, *old[:1]])), 0o644)
    return new


def issuer_of(pki: Pki) -> tuple[x509.Certificate, PrivateKey]:
    """Return the CA's certificate and key.  Raises PkiError."""
    key = _load_key(pki.ca.key)
    if key is None:
        raise PkiError(f"{pki.ca.key}: missing; start the server once, or put the CA's key back")
    issuer = _load_certificate(pki.ca.certificate)
    if issuer is None:
        raise PkiError(f"{pki.ca.certificate}: missing; start the server once, it is made again from the key")
    return issuer, key


def issue_for(
    pki: Pki,
    public_key: Any,
    name: str,
    *,
    lifetime: dt.timedelta | None = None,
    now: dt.datetime | None = None,
    replaced: x509.Certificate | None = None,
) -> x509.Certificate:
    """Return a client's certificate for a key that this server does not have.

    lifetime: at most and by default that of every leaf.  replaced: one that this CA has issued to the client; if it is
    good for listening somewhere, so is the new one.  Raises PkiError.
    """
    check_client_name(name)
    check_key(public_key)
    issuer, key = issuer_of(pki)
    names = [] if replaced is None else _listens_on(replaced)
    return _leaf(public_key, issuer, key, name, names, now or dt.datetime.now(dt.UTC), lifetime or LEAF_LIFETIME)


def _listens_on(certificate: x509.Certificate) -> list[x509.GeneralName]:
    """Return the names of hosts in a certificate that is good for servers."""
    extensions = certificate.extensions
    try:
        usages = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    if ExtendedKeyUsageOID.SERVER_AUTH not in usages:
        return []
    return [name for name in names if isinstance(name, x509.DNSName | x509.IPAddress)]


def check_key(public_key: Any) -> None:
    """Check that a certificate can be issued for a key.  Raises PkiError."""
    if isinstance(public_key, rsa.RSAPublicKey):
        if not MINIMUM_RSA <= public_key.key_size <= MAXIMUM_RSA:
            raise PkiError(f"the key has {public_key.key_size} bits; {MINIMUM_RSA} to {MAXIMUM_RSA} are taken")
    elif not isinstance(public_key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        raise PkiError("the key is neither RSA, EC nor Ed25519")


def _key_for(bundle: Bundle, generate: Callable[[], PrivateKey]) -> PrivateKey:
    """Return the key of a bundle that is whole, or a new one that is not yet written."""
    key = _load_key(bundle.key)
    certificate = _load_certificate(bundle.certificate)
    if key is not None and certificate is not None and certificate.public_key() == key.public_key():
        return key
    return generate()


def _ensure_leaf(
    bundle: Bundle,
    key: PrivateKey,
    issuer: x509.Certificate,
    ca_key: PrivateKey,
    name: str,
    names: list[x509.GeneralName],
    now: dt.datetime,
    *,
    wanted: list[x509.GeneralName] | None,
    is_early: bool = False,
) -> None:
    """Make a leaf unless a good one is there.  wanted: the names that it must have then; None for any."""
    certificate = _load_certificate(bundle.certificate)
    if certificate is not None and _is_good(certificate, key, issuer, wanted, now, is_early=is_early):
        return
    if wanted is None and certificate is not None:
        names = _names_of(certificate) or names
    write_file(bundle.key, _key_pem(key), 0o600)
    write_file(bundle.certificate, _pem(_leaf(key.public_key(), issuer, ca_key, name, names, now)), 0o644)


def _is_good(
    certificate: x509.Certificate,
    key: PrivateKey,
    issuer: x509.Certificate,
    wanted: list[x509.GeneralName] | None,
    now: dt.datetime,
    *,
    is_early: bool,
) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return (
        certificate.public_key() == key.public_key()
        and certificate.not_valid_after_utc - now > _renew_before(certificate, is_early=is_early)
        and certificate.not_valid_before_utc <= now
        and wanted in (None, _names_of(certificate))
    )


def _renew_before(certificate: x509.Certificate, *, is_early: bool) -> dt.timedelta:
    """Return how long before its end a certificate is made anew."""
    if not is_early:
        return RENEW_BEFORE
    return (certificate.not_valid_after_utc - certificate.not_valid_before_utc) / 3


def _names_of(certificate: x509.Certificate) -> list[x509.GeneralName]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []


# Certificates


def _self_signed(key: PrivateKey, now: dt.datetime) -> x509.Certificate:
    # Named after its key, so that two of them can be distinguished and one that was lost can be made again.
    digest = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"kmipd CA {digest[:4].hex()}")])
    return (
        _builder(key.public_key(), subject, subject, now, CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    key: Any,
    issuer: x509.Certificate,
    ca_key: PrivateKey,
    common_name: str,
    names: list[x509.GeneralName],
    now: dt.datetime,
    lifetime: dt.timedelta = LEAF_LIFETIME,
) -> x509.Certificate:
    """Return a certificate for a server as well if it has `names`, else for a client alone."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    lifetime = min(lifetime, LEAF_LIFETIME, issuer.not_valid_after_utc - now)
    # A server is a client of those that listen for it, and they are its servers.
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if names else [])]
    issuer_key_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(key, subject, issuer.subject, now, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        # RSA key exchange (TLS 1.2 suites that old clients pin) needs keyEncipherment.
        .add_extension(_key_usage(key_encipherment=isinstance(key, rsa.RSAPublicKey)), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key_id), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(ca_key, hashes.SHA256())


def _builder(
    key: Any, subject: x509.Name, issuer: x509.Name, now: dt.datetime, lifetime: dt.timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, key_encipherment: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not key_cert_sign,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _rsa_2048() -> PrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def _p256() -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _general_name(hostname: str) -> x509.GeneralName:
    try:
        return general_name(hostname)
    except ValueError as error:
        raise PkiError(str(error)) from error


def check_client_name(name: str) -> None:
    """Raise PkiError for a name that no client can have."""
    if not name.isprintable() or name != name.strip():
        raise PkiError("a client's name has no control characters and no space at its ends")
    if not 1 <= len(name.encode()) <= NAME_LENGTH:
        raise PkiError(f"a client's name has 1 to {NAME_LENGTH} bytes in UTF-8")
    if "/" in name or "\\" in name or name.startswith("."):
        raise PkiError("a client's name becomes a file name: no slashes, no dot at the start")
    if name == "ca":
        raise PkiError("ca is the name of the CA's own files; choose another")


# Files


def _bundle(directory: Path, name: str) -> Bundle:
    return Bundle(certificate=directory / f"{name}.crt", key=directory / f"{name}.key")


@contextlib.contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Keep out others that make a PKI here: a CA of one and a key of the other would be of no use to anybody."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_file(path: Path, content: bytes, mode: int) -> None:
    """Put `content` at `path` whole or not at all, with `mode` from its first byte, and on disk on return."""
    descriptor, name = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)  # O_EXCL, mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _load_key(path: Path) -> PrivateKey | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        # Checking an RSA key's primes takes longer than all else at a start; this file is ours.
        key = serialization.load_pem_private_key(content, None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError) as error:
        raise PkiError(f"{path}: not an unencrypted private key in PEM; {_remedy(path)}") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise PkiError(f"{path}: neither an RSA nor an EC key; {_remedy(path)}")
    return key


def _load_certificate(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise PkiError(f"{path}: not a certificate in PEM; {_remedy(path)}") from error


def _remedy(path: Path) -> str:
    """Return what to do about a file that holds something else: all can be made anew but the CA's key."""
    return "put the right one back" if path.name == "ca.key" else "put the right one back, or remove it for a new one"


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
