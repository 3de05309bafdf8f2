"""The server that tests start: everything a test says to it goes through here."""

import ssl
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self, cast

from attrs import evolve

from kmip_adapters.audit.memory import MemoryTrail
from kmip_adapters.system.clock import MovableClock
from kmip_adapters.transport.client import TlsTtlvClient
from kmip_adapters.ttlv.failure_injection import PlannedFailures
from kmip_app import logs
from kmip_app.configuration import checks
from kmip_app.configuration.addresses import REACHED_AT
from kmip_app.configuration.config import Configuration
from kmip_app.configuration.loading import choose
from kmip_app.configuration.settings import SETTINGS
from kmip_app.container import empty, planned_codec, planned_key_values
from kmip_app.pki.authority import Pki
from kmip_app.server import Server
from kmip_app.testing import seeding
from kmip_app.testing.clients import ClientCertificate, certificate_for, make_pki
from kmip_app.testing.failing import Drop, injected_failure
from kmip_app.testing.seeding import Objects
from kmip_app.words import member
from kmip_core.enums import Operation, ResultReason, State
from kmip_core.ports.audit import AuditRecord
from kmip_core.subscriptions import OWN, Subscription

CLIENT: Final = "client"


class KmipTestServer:
    """A KMIP server on a free port of 127.0.0.1, in a thread, that forgets everything; a context manager.

    own_ca: with a CA of its own; otherwise the servers of one process share theirs, as those of a cluster do.
    settings: any of docs/configuration.md by its name, for example `tls_cipher_suites=["AES128-SHA256"]`, or
        `ephemeral=False` for a store on disk that outlives `stop` and `start`. Files and environment are not read.
    """

    def __init__(self, *, own_ca: bool = False, **settings: Any) -> None:
        unknown = sorted(settings.keys() - SETTINGS.keys())
        if unknown:
            raise TypeError(f"a server has no setting {', '.join(unknown)}; docs/configuration.md lists them")
        self._own_ca = own_ca
        self._settings = settings
        self._files: tempfile.TemporaryDirectory[str] | None = None
        self._running: tuple[Server, ExitStack] | None = None
        self._configuration: Configuration | None = None
        self._pki: Pki

    # From start to end

    def start(self) -> Self:
        """Serve, and return when clients may come.  After `stop`: on the same port, with the same certificates.

        Raises StartError for settings that cannot be served, with what to do about it.
        """
        if self._running is not None:
            raise RuntimeError("the server has been started already")
        if self._files is None:
            self._prepare()
        configuration = self._prepared
        with ExitStack() as resources:
            if configuration.log_path is not None:
                resources.callback(logs.attach(configuration))
            server = resources.enter_context(Server(configuration))
            resources.callback(server.container.failures().clear)  # no late answer delays the end
            self._running = server, resources.pop_all()
        self._pki = server.pki
        self._configuration = evolve(configuration, port=server.port)
        return self

    def stop(self) -> None:
        """End all connections and serve no more; `start` begins again."""
        if self._running is not None:
            (_, resources), self._running = self._running, None
            resources.close()

    def close(self) -> None:
        """Stop, and remove the certificates and whatever else was on disk."""
        self.stop()
        self._configuration = None
        if self._files is not None:
            self._files.cleanup()
            self._files = None

    def __enter__(self) -> Self:
        """Start, unless it has been started."""
        return self if self._running is not None else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # How clients reach it

    @property
    def host(self) -> str:
        """The address; the server's certificate is also good for `localhost`."""
        hostname = self._prepared.hostname
        return REACHED_AT.get(hostname, hostname)

    @property
    def port(self) -> int:
        """The port, also of a server that is stopped."""
        return self._prepared.port

    @property
    def https_port(self) -> int | None:
        """The port for KMIP over HTTPS, where the settings have one; None without."""
        return self._server.https_port

    @property
    def ca(self) -> str:
        """PEM file of what clients are to trust."""
        configuration = self._prepared
        if configuration.certificate_path is not None:  # the usual CA for both sides, else the certificate itself
            return str(configuration.ca_path or configuration.certificate_path)
        return str(self._pki.ca.certificate)

    @property
    def cert(self) -> str:
        """PEM file of the default client's certificate; its name is `client`."""
        return self.client_certificate().cert

    @property
    def key(self) -> str:
        """PEM file of the default client's private key."""
        return self.client_certificate().key

    @property
    def pem(self) -> str:
        """PEM file of both, as MongoDB's drivers want them (`tlsCertificateKeyFile`)."""
        return self.client_certificate().pem

    def client_certificate(self, name: str = CLIENT) -> ClientCertificate:
        """Return the certificate of the client that the server knows as `name`; the same one for the same name.

        Raises PkiError for a name that no certificate or file can have, RuntimeError where `ca_path` vouches for
        clients.
        """
        if self._prepared.ca_path is not None:
            raise RuntimeError("ca_path says who vouches for clients; take a certificate of that CA")
        return certificate_for(self._pki, name, self.ca)

    def exchange(self, message: bytes, client: str = CLIENT) -> bytes:
        """Send one TTLV message over TLS as `client` and return the whole answer: for clients without a network part.

        Raises ConnectionError if the server closes instead.
        """
        files = self.client_certificate(client)
        with TlsTtlvClient(self.host, self.port, Path(files.ca), Path(files.cert), Path(files.key)) as connection:
            return connection.exchange(message)

    # What it holds, what time it has, what it was asked

    def seed(
        self,
        objects: Objects,
        *,
        state: State | str = State.PRE_ACTIVE,
        owner: str | None = None,
        names: Iterable[str] = (),
    ) -> list[str]:
        """Put objects into the store and return their Unique Identifiers.

        objects: of `kmip_core.objects`: one, several, or a mapping of identifiers that are wished to objects.
        state: what they have come to; the dates say that it came to pass now.
        owner: the name of a client; the default one if not given.  names: of each object, beside its constructor's.
        Raises KmipError (Object Already Exists) for an identifier that is taken; ValueError for what cannot be.
        """
        return seeding.seed(
            self._server.container,
            objects,
            owner=self._default_owner() if owner is None else owner,
            state=member(State, state),
            names=tuple(names),
        )

    def notify(
        self,
        url: str,
        *,
        client: str = CLIENT,
        notify: Iterable[str] = (OWN,),
        put: Iterable[str] = (),
        own_changes: bool = False,
    ) -> None:
        """Send Notify and Put to a client that listens at "tls://HOST:PORT", from now on.

        client: its name, which is that of the certificate it shows there.  notify, put: the objects it is notified of,
        and that are pushed to it: `own`, `group:NAME`, `object:ID`.  own_changes: also what it does itself.
        """
        container = self._server.container
        container.storage().subscribe(
            Subscription(name=client, url=url, notify=tuple(notify), put=tuple(put), own_changes=own_changes)
        )
        container.dispatcher().refresh()

    @property
    def clock(self) -> MovableClock:
        """The server's clock: `advance(days=30)`, `stop()`, `reset()`.  TLS goes by the real time all the same."""
        return cast("MovableClock", self._server.container.clock())

    @property
    def requests(self) -> tuple[AuditRecord, ...]:
        """What clients have asked: a record for each batch item, oldest first, the newest 10,000.

        Each tells the operation, the principal, the unique_identifiers and the result (None for success). Requests that
        were lost on purpose, or could not be read, have none. Raises RuntimeError for a server with a store on disk.
        """
        return tuple(r for r in self._trail().records if r.operation is not None and r.source != seeding.SOURCE.value)

    def reset(self) -> None:
        """Forget all objects, requests and failures to come, and set the clock right; connections go on.

        Raises RuntimeError for a server with a store on disk.
        """
        self._trail()
        self._failures.clear()
        self.clock.reset()
        empty(self._server.container)

    # What goes wrong

    def fail_next(
        self,
        operation: Operation | str,
        reason: ResultReason | str | None = None,
        *,
        message: str = "failed on purpose",
        drop: Drop = False,
        delay: float = 0.0,
        garbage: bool | bytes = False,
        times: int = 1,
    ) -> None:
        """Have the next request for an operation go wrong, from any client; several calls queue up.

        operation, reason: members of the enumerations, or their names ("Get", "Item Not Found").
        reason, message: the batch item fails so, and nothing is done; reasons are written as each version has them.
        drop: the connection ends without an answer. True or "request": nothing is done; "answer": everything is.
        garbage: everything is done, and the answer is 24 bytes of nonsense, or yours; then the connection ends.
        delay: seconds for which the answer, or one of the above, is held back once everything is done.
        times: how many such requests, or items of one, go wrong.
        Raises ValueError for nothing, or too much, at once, and for names that do not exist.
        """
        if times < 1:
            raise ValueError("what goes wrong does so at least one time")
        self._failures.plan(*[injected_failure(operation, reason, message, drop, delay, garbage)] * times)

    # Inside

    @property
    def _server(self) -> Server:
        if self._running is None:
            raise RuntimeError("start() the server first")
        return self._running[0]

    @property
    def _prepared(self) -> Configuration:
        if self._configuration is None:
            raise RuntimeError("start() the server first")
        return self._configuration

    @property
    def _failures(self) -> PlannedFailures:
        failures: PlannedFailures = self._server.container.failures()
        return failures

    def _trail(self) -> MemoryTrail:
        trail: object = self._server.container.audit()
        if not isinstance(trail, MemoryTrail):
            raise RuntimeError("only for servers that keep nothing (ephemeral=True)")
        return trail

    def _default_owner(self) -> str:
        """Return whom the server takes the default client for, whatever `identity_source` says."""
        der = ssl.PEM_cert_to_DER_cert(Path(self.cert).read_text("ascii"))
        name: str = self._server.container.identity()(der, self.host).name
        return name

    def _prepare(self) -> None:
        """Choose, check, and make the certificates while what every server needs is planned."""
        files = tempfile.TemporaryDirectory(prefix="kmipd-test-")
        with ExitStack() as unless_prepared:
            unless_prepared.callback(files.cleanup)
            folder = Path(files.name)
            given = {"hostname": "127.0.0.1", "port": 0, "ephemeral": True, "data_dir": str(folder / "data")}
            choice = choose(given | self._settings, config_path=None, environment={}, check=checks.problems)
            with ThreadPoolExecutor(1) as pool:
                made = pool.submit(make_pki, folder / "pki", own_ca=self._own_ca)
                planned_codec()
                planned_key_values()
                made.result()
            self._configuration = evolve(choice.configuration, rehearses=True, pki_path=folder / "pki")
            self._files = files
            unless_prepared.pop_all()


class KmipServerFactory(Protocol):
    """What the fixture `kmip_server_factory` is."""

    def __call__(self, *, own_ca: bool = False, **settings: Any) -> KmipTestServer:
        """Return a started server, which ends with the test session if it is not closed before."""
        ...
