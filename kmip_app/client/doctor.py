"""A connection to a KMIP server, examined step by step: what works, what does not, why, and what to do about it.

The steps follow a client's way: its own files, the name, TCP, TLS, the server's certificate, the client's certificate,
the protocol version, clocks, and what the server lets this client do. A step that fails ends the examination where the
next ones could only fail with it. Nothing in the server is changed. It works against any vendor's server.
"""

import contextlib
import datetime as dt
import socket
import ssl
import stat
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from kmip_app.client.blocking import KmipClient
from kmip_app.client.errors import ClientError, NoCommonVersion, OperationFailed, ServerUnreachable, UnreadableAnswer
from kmip_app.connection_errors import remedy_of_tls
from kmip_app.system_errors import reason_of
from kmip_core.classes import frozen
from kmip_core.enums import QueryFunction

OK: Final = "ok"
WARNING: Final = "warning"
FAILED: Final = "failed"

SOON: Final = dt.timedelta(days=30)
SKEW: Final = 5  # seconds between the clocks of two machines that are kept by NTP, at most


@frozen(kw_only=True)
class Finding:
    """One step.  result: OK, WARNING or FAILED.  remedy: what to do; "" where nothing is to be done."""

    check: str
    result: str
    text: str
    remedy: str = ""


@frozen(kw_only=True)
class Patient:
    """The connection to examine; fields as `KmipClient` takes them."""

    host: str
    port: int
    cert: Path | None = None
    key: Path | None = None
    ca: Path | None = None
    server_name: str | None = None
    version: str | None = None
    timeout: float = 10.0

    @property
    def name(self) -> str:
        """The name that the server's certificate must have."""
        return self.server_name or self.host


class _End(Exception):
    """The steps that would follow could only fail."""


def examine(patient: Patient) -> Iterator[Finding]:
    """Yield what each step finds, as it finds it."""
    with contextlib.suppress(_End):
        for step in (_own_files, _address, _tcp, _tls, _server_certificate, _kmip):
            yield from step(patient)


# --- this client's files --------------------------------------------------------------------------------------------


def _own_files(patient: Patient) -> Iterator[Finding]:
    if patient.ca is None:
        text = "none is named; the CAs of this system are trusted"
        yield Finding(check="CA", result=OK, text=text)
    else:
        yield from _need(_ca_file(patient.ca))
    if patient.cert is None:
        yield Finding(
            check="client certificate",
            result=WARNING,
            text="none is named",
            remedy="most KMIP servers want one: --cert FILE --key FILE",
        )
        return
    yield from _need(_certificate_file(patient.cert, patient.key))
    if patient.key is not None and patient.key.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        remedy = f"chmod 600 {patient.key}"
        yield Finding(check="private key", result=WARNING, text=f"others can read {patient.key}", remedy=remedy)


def _ca_file(path: Path) -> Iterator[Finding]:
    try:
        certificates = _load_bundle(path)
    except (OSError, ValueError) as error:
        remedy = "name a PEM file with the CA that has issued the server's certificate"
        yield _failed("CA", f"{path}: {reason_of(error)}", remedy)
        return
    now = dt.datetime.now(dt.UTC)
    valid = [one for one in certificates if one.not_valid_before_utc <= now <= one.not_valid_after_utc]
    if not valid:
        names = "; ".join(f"{one.subject.rfc4514_string()}, {_period(one)}" for one in certificates[:_NAMED])
        yield _failed("CA", f"{path}: not valid now ({names}; {_now(now)})", _CLOCK_OR_RENEW)
    elif len(certificates) > _NAMED:
        yield Finding(check="CA", result=OK, text=f"{path} has {len(valid)} that are valid")
    else:
        names = "; ".join(
            f"{one.subject.rfc4514_string()}, valid until {one.not_valid_after_utc:%Y-%m-%d}" for one in valid
        )
        yield Finding(check="CA", result=OK, text=names)


_NAMED: Final = 3
"""CAs that are listed by name."""


def _load_bundle(path: Path) -> list[x509.Certificate]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old roots of a system's bundle have odd serial numbers
        return x509.load_pem_x509_certificates(path.read_bytes())


def _certificate_file(cert: Path, key: Path | None) -> Iterator[Finding]:
    check = "client certificate"
    try:
        certificate = x509.load_pem_x509_certificate(cert.read_bytes())
    except (OSError, ValueError) as error:
        yield _failed(check, f"{cert}: {reason_of(error)}", "name a PEM file with this client's certificate")
        return
    yield from _private_key(certificate, key or cert, cert)
    yield from _validity(check, certificate, "have it renewed (kmipd client-cert makes new ones for kmipd)")
    if _is_over(certificate):
        return
    usages = _extended_usages(certificate)
    if usages is None:
        text = "has no Extended Key Usage; PyKMIP's server, by its default, wants clientAuth"
        yield Finding(check=check, result=OK, text=f"{certificate.subject.rfc4514_string()}; it {text}")
    elif not usages & {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}:
        text = f"{cert} is not for TLS clients: its Extended Key Usage lacks clientAuth"
        yield _failed(check, text, "have one issued with Extended Key Usage clientAuth")
    else:
        yield Finding(check=check, result=OK, text=f"{certificate.subject.rfc4514_string()}, for TLS clients")


def _private_key(certificate: x509.Certificate, path: Path, cert: Path) -> Iterator[Finding]:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        yield _failed(
            "private key", f"{path}: {reason_of(error)}", "name a PEM file with the private key, without a passphrase"
        )
        return
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        yield _failed("private key", f"{path} is not the key of {cert}", "name the certificate and the key of one pair")
    else:
        yield Finding(check="private key", result=OK, text="belongs to the certificate")


def _is_over(certificate: x509.Certificate) -> bool:
    return not certificate.not_valid_before_utc <= dt.datetime.now(dt.UTC) <= certificate.not_valid_after_utc


def _validity(check: str, certificate: x509.Certificate, remedy: str) -> Iterator[Finding]:
    now = dt.datetime.now(dt.UTC)
    if now < certificate.not_valid_before_utc:
        yield _failed(
            check, f"is not valid yet ({_period(certificate)}; {_now(now)})", "set the clock of this machine, or wait"
        )
    elif now > certificate.not_valid_after_utc:
        yield _failed(check, f"has expired ({_period(certificate)}; {_now(now)})", remedy)
    elif certificate.not_valid_after_utc - now < SOON:
        days = (certificate.not_valid_after_utc - now).days
        yield Finding(check=check, result=WARNING, text=f"expires in {days} days", remedy=remedy)


# --- the way to the server ------------------------------------------------------------------------------------------


def _address(patient: Patient) -> Iterator[Finding]:
    try:
        found = socket.getaddrinfo(patient.host, patient.port, type=socket.SOCK_STREAM)
    except OSError as error:
        remedy = "check the spelling of the host, and this machine's name service"
        yield _failed("address", f"{patient.host}: {reason_of(error)}", remedy)
        raise _End from None
    addresses = ", ".join(dict.fromkeys(str(entry[4][0]) for entry in found))
    yield Finding(check="address", result=OK, text=f"{patient.host} is {addresses}")


def _tcp(patient: Patient) -> Iterator[Finding]:
    try:
        socket.create_connection((patient.host, patient.port), patient.timeout).close()
    except OSError as error:
        yield _failed("TCP", f"{patient.host}:{patient.port}: {reason_of(error)}", _remedy_of_tcp(error))
        raise _End from None
    yield Finding(check="TCP", result=OK, text=f"{patient.host}:{patient.port} accepts connections")


def _remedy_of_tcp(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "a firewall may drop the packets; check it, the host and the port"
    return "nothing listens there: start the server, or check its port (5696 is KMIP's) and the address it listens on"


def _tls(patient: Patient) -> Iterator[Finding]:
    """Shake hands without judging the server's certificate: suites and versions."""
    try:
        with _handshake(patient, _context(patient)) as connection:
            version, (suite, _, _) = connection.version(), connection.cipher() or ("", "", 0)
    except OSError as error:
        yield _failed("TLS", reason_of(error), _remedy_of_tls(error))
        if "WRONG_VERSION_NUMBER" not in str(error) and not isinstance(error, TimeoutError):
            offered = [label for label, context in _trials(patient) if _succeeds(patient, context)]
            taken = ", ".join(offered) or "none of TLS 1.3, TLS 1.2, or TLS 1.2 with old suites"
            remedy = "settle on a protocol and suites that both sides have" if offered else ""
            yield _failed("TLS versions and suites", f"the server takes {taken}", remedy)
        raise _End from None
    yield Finding(check="TLS", result=OK, text=f"{version} with {suite}")


def _trials(patient: Patient) -> Iterator[tuple[str, ssl.SSLContext]]:
    for label, version, suites in _TRIALS:
        context = _context(patient)
        context.minimum_version = context.maximum_version = version
        if suites:
            context.set_ciphers(suites)
        yield label, context


_TRIALS: Final = (
    ("TLS 1.3", ssl.TLSVersion.TLSv1_3, ""),
    ("TLS 1.2 with modern suites", ssl.TLSVersion.TLSv1_2, ""),
    ("TLS 1.2 with old suites (CBC, RSA key exchange)", ssl.TLSVersion.TLSv1_2, "ALL:@SECLEVEL=0"),
)


def _succeeds(patient: Patient, context: ssl.SSLContext) -> bool:
    try:
        with _handshake(patient, context):
            return True
    except OSError:
        return False


# --- the server's certificate ---------------------------------------------------------------------------------------


def _server_certificate(patient: Patient) -> Iterator[Finding]:
    check = "server certificate"
    with _handshake(patient, _context(patient)) as connection:
        der = connection.getpeercert(binary_form=True)
    certificate = x509.load_der_x509_certificate(der) if der else None
    if certificate is None:
        yield _failed(check, "the server shows none", "configure one in the server")
        raise _End
    yield from _need(_validity(check, certificate, "have it renewed in the server"))
    context = _context(patient, verifies=True)
    try:
        with _handshake(patient, context):
            pass
    except ssl.SSLCertVerificationError as error:
        issuer = certificate.issuer.rfc4514_string()
        trusted = patient.ca or "the system's CAs"
        text = f"{error.verify_message}: it was issued by {issuer}; trusted is {trusted}"
        yield _failed(check, text, "name the CA of the server with --ca (its operator has it)")
        raise _End from None
    yield Finding(check=check, result=OK, text=f"issued by {certificate.issuer.rfc4514_string()}, which is trusted")
    context.check_hostname = True
    try:
        with _handshake(patient, context):
            pass
    except ssl.SSLCertVerificationError:
        names = ", ".join(_names(certificate)) or "no name at all"
        text = f"the certificate is not for {patient.name}; it has {names}"
        yield _failed("server name", text, "connect by one of these names, or name one with --server-name")
        raise _End from None
    yield Finding(check="server name", result=OK, text=f"the certificate is for {patient.name}")


# --- KMIP -----------------------------------------------------------------------------------------------------------


def _kmip(patient: Patient) -> Iterator[Finding]:
    try:
        client = KmipClient(
            patient.host,
            patient.port,
            patient.cert,
            patient.key,
            patient.ca,
            server_name=patient.server_name,
            version=patient.version,
            timeout=patient.timeout,
            retries=0,
        )
    except ValueError as error:
        yield _failed("KMIP version", str(error), "write one of these with --kmip-version, or none")
        return
    with contextlib.closing(client):
        try:
            client.open()
            yield from _versions(client, patient)
            yield from _clock(client)
            yield from _rights(client)
        except ServerUnreachable as error:
            lost = error.failures[0].error
            yield _failed("client authentication", reason_of(lost), _remedy_of_tls(lost))
        except (NoCommonVersion, UnreadableAnswer) as error:
            yield _failed("KMIP version", str(error), "write a version that the server speaks with --kmip-version")
        except OperationFailed as error:
            yield _refusal(error)
        except ClientError as error:
            cause: BaseException = error.__cause__ or error
            remedy = _remedy_of_tls(cause) if isinstance(cause, OSError) else ""
            yield _failed("client authentication", reason_of(cause), remedy)


def _versions(client: KmipClient, patient: Patient) -> Iterator[Finding]:
    """Ask something that every server answers: with a chosen version nothing has been said yet."""
    answer = client.query(query_functions=[QueryFunction.QUERY_OPERATIONS])
    yield Finding(check="client authentication", result=OK, text="the server takes this client")
    said = f"KMIP {client.protocol_version}"
    yield Finding(check="KMIP version", result=OK, text=f"{said}; {len(answer.operations)} operations")


def _clock(client: KmipClient) -> Iterator[Finding]:
    stamp = client.time_stamp
    if stamp is None:
        return
    skew = stamp - int(time.time())
    if abs(skew) > SKEW:
        text = f"the server's is {abs(skew)} seconds {'ahead' if skew > 0 else 'behind'}"
        yield _failed("clocks", text, "keep both by NTP: dates of keys and certificates are judged by them")
    else:
        yield Finding(check="clocks", result=OK, text="the server's agrees with that of this machine")


def _rights(client: KmipClient) -> Iterator[Finding]:
    found = client.locate(maximum_items=1)
    seen = "at least one object" if found.unique_identifiers else "no object yet"
    yield Finding(check="policy", result=OK, text=f"this client may use Locate, and sees {seen}")


def _refusal(error: OperationFailed) -> Finding:
    name = "" if error.reason is None else error.reason.name
    check, remedy = _REFUSALS.get(name, ("KMIP", "the server's log says more"))
    return _failed(check, str(error), remedy)


_REFUSALS: Final = {
    "AUTHENTICATION_NOT_SUCCESSFUL": (
        "client authentication",
        "the server does not know the identity in the certificate, or wants Extended Key Usage clientAuth in it",
    ),
    "PERMISSION_DENIED": ("policy", "have the server's operator give this identity rights (kmipd policy explain)"),
    "INVALID_MESSAGE": ("KMIP version", "write a version that the server speaks with --kmip-version"),
    "UNSUPPORTED_PROTOCOL_VERSION": ("KMIP version", "write a version that the server speaks with --kmip-version"),
}

# --- TLS ------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _handshake(patient: Patient, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    with (
        socket.create_connection((patient.host, patient.port), patient.timeout) as plain,
        context.wrap_socket(plain, server_hostname=patient.name) as connection,
    ):
        yield connection


def _context(patient: Patient, *, verifies: bool = False) -> ssl.SSLContext:
    """Return a context that shows the client's certificate.  verifies: judges the server's chain, not its name."""
    context = ssl.create_default_context(cafile=patient.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    if not verifies:
        context.verify_mode = ssl.CERT_NONE  # nothing secret is sent over such a connection
    if patient.cert is not None:
        context.load_cert_chain(patient.cert, patient.key)
    return context


def _remedy_of_tls(error: BaseException) -> str:
    return remedy_of_tls(error) or "the server's log says more"


_CLOCK_OR_RENEW: Final = "set the clock of this machine, or have the certificate renewed"

# --- words ----------------------------------------------------------------------------------------------------------


def _need(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yield all findings, and end the examination if one of them has failed."""
    has_failed = False
    for finding in findings:
        has_failed |= finding.result == FAILED
        yield finding
    if has_failed:
        raise _End


def _failed(check: str, text: str, remedy: str) -> Finding:
    return Finding(check=check, result=FAILED, text=text, remedy=remedy)


def _period(certificate: x509.Certificate) -> str:
    return f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} to {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"


def _now(now: dt.datetime) -> str:
    return f"this machine has {now:%Y-%m-%d %H:%M}"


def _extended_usages(certificate: x509.Certificate) -> set[Any] | None:
    try:
        return set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except (x509.ExtensionNotFound, ValueError):
        return None


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [str(name.value) for name in names]
