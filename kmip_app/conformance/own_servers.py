"""Servers of this process to play cases against: one for each set of options, a fresh identity for each case."""

import datetime as dt
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kmip_adapters.transport.client import TlsTtlvClient, client_context
from kmip_app.conformance.cases import Case
from kmip_app.conformance.connections import OtherClients
from kmip_app.conformance.https import poster
from kmip_app.conformance.listening import Listener
from kmip_app.conformance.runner import play_in_order
from kmip_app.conformance.settings import options_for
from kmip_app.testing import KmipTestServer
from kmip_core.subscriptions import OWN

LIFETIME: Final = dt.timedelta(days=1)
USAGES: Final = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)  # a client may listen, too


class OwnServers:
    """Starts servers when a case first needs them, and ends them with the block.

    A case comes with a client certificate of its own, so that it cannot see the objects of another.
    """

    def __init__(self) -> None:
        self._resources = ExitStack()
        self._folder = Path()
        self._started: dict[tuple[str, ...], tuple[KmipTestServer, Callable[[str], Path]]] = {}

    def play(self, case: Case) -> None:
        """Play `case` over TLS.  Raises CaseFailed."""
        server, certificate = self._server(options_for(case))
        key = self._folder / "client.key"
        context = client_context(ca=Path(server.ca), cert=certificate(case.id), key=key)
        post = None if server.https_port is None else poster(server.host, server.https_port, context)

        def connect(name: str) -> TlsTtlvClient:
            identity = f"{case.id} {name}" if case.has_credentials else case.id
            own = client_context(ca=Path(server.ca), cert=certificate(identity), key=key)
            return TlsTtlvClient(server.host, server.port, context=own)

        with (
            TlsTtlvClient(server.host, server.port, context=context) as client,
            OtherClients(connect) as others,
            ExitStack() as listening,
        ):
            calls = None
            if case.has_calls:
                calls = listening.enter_context(Listener(ca=Path(server.ca), cert=certificate(case.id), key=key))
                url = f"tls://127.0.0.1:{calls.port}"
                server.notify(url, client=case.id, put=[OWN], own_changes=True)
            play_in_order(case, client.exchange, post, others.exchange_of, calls)

    def _server(self, options: tuple[str, ...]) -> tuple[KmipTestServer, Callable[[str], Path]]:
        if options not in self._started:
            server = self._resources.enter_context(KmipTestServer(**settings_from(options)))
            self._started[options] = server, issuer(Path(server.ca), self._folder)
        return self._started[options]

    def __enter__(self) -> Self:
        self._folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="kmipd-conformance-")))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._resources.close()


def settings_from(options: tuple[str, ...]) -> dict[str, Any]:
    """Return options of `kmipd serve` as settings by their names; one without a value is a switch that is on."""
    settings: dict[str, Any] = {}
    name = ""
    for word in options:
        if word.startswith("--"):
            name = word.removeprefix("--").replace("-", "_")
            settings[name] = True
        else:
            settings[name] = word
    return settings


def issuer(ca: Path, folder: Path) -> Callable[[str], Path]:
    """Return what issues a certificate for any identity; one key, client.key in the folder, does for all of them.

    ca: its certificate; its key is in a file beside it, of the same name with the ending `key`.
    """
    authority_certificate = x509.load_pem_x509_certificate(ca.read_bytes())
    ca_key = serialization.load_pem_private_key(ca.with_suffix(".key").read_bytes(), None)
    if not isinstance(ca_key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise TypeError(f"{ca.with_suffix('.key')} cannot sign certificates")
    key_file = folder / "client.key"
    if not key_file.exists():
        key_file.touch(0o600)
        form = serialization.PrivateFormat.PKCS8
        made = ec.generate_private_key(ec.SECP256R1())
        key_file.write_bytes(made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    key = serialization.load_pem_private_key(key_file.read_bytes(), None)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())

    def certificate(name: str) -> Path:
        now = dt.datetime.now(dt.UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority_certificate.subject)
            .public_key(key.public_key())  # type: ignore[arg-type]  # of an EC key
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - LIFETIME)
            .not_valid_after(now + LIFETIME)
            .add_extension(x509.ExtendedKeyUsage(USAGES), critical=False)
            .add_extension(authority, critical=False)
        )
        path = folder / f"{name.replace('/', '-')}.crt"
        path.write_bytes(builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return path

    return certificate
