"""The parts of a wired server, by their types: what `container.build` returns."""

import socket
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kmip_adapters.asynchronous.runner import ThreadedRunner
    from kmip_adapters.audit.sinks import Sink
    from kmip_adapters.crypto.processes import ProcessPool
    from kmip_adapters.identity.certificate import CertificateIdentity
    from kmip_adapters.identity.groups import Groups
    from kmip_adapters.identity.table import IdentityTable
    from kmip_adapters.storage.memory import MemoryStorage
    from kmip_adapters.storage.sql.storage import SqlStorage
    from kmip_adapters.transport.server import TlsTtlvServer
    from kmip_adapters.ttlv.codec import Codec
    from kmip_adapters.ttlv.failure_injection import PlannedFailures
    from kmip_app.client_realm import ClientRealm
    from kmip_app.monitoring.clients import SeenClients
    from kmip_app.monitoring.observation import Durations, RequestNumbers
    from kmip_app.monitoring.otlp import Telemetry
    from kmip_app.pki.authority import Pki
    from kmip_app.pki.certificate_watch import RevokedCertificates
    from kmip_app.pki.tls_files import TlsFiles
    from kmip_app.pushing.dispatcher import Dispatcher
    from kmip_app.refusal_evidence import RefusalEvidence
    from kmip_core.engine import Engine
    from kmip_core.ports.audit import AuditTrail
    from kmip_core.ports.crypto import Crypto
    from kmip_core.ports.policy import PolicyDecider
    from kmip_core.ports.sealing import RootKeySource
    from kmip_core.ports.system import Clock, Identifiers
    from kmip_core.ports.transport import Service
    from kmip_core.rotation import Rotation
    from kmip_core.services import EngineServices


class Parts(Protocol):
    """One method for each part; all but `ssl_context` are made at the first call and kept."""

    def audit(self) -> "AuditTrail": ...

    def audit_appends(self) -> "Durations": ...

    def audit_sinks(self) -> "tuple[Sink, ...]": ...

    def client_realm(self) -> "ClientRealm": ...

    def clients(self) -> "SeenClients": ...

    def clock(self) -> "Clock": ...

    def codec(self) -> "Codec": ...

    def crypto(self) -> "Crypto": ...

    def dispatcher(self) -> "Dispatcher": ...

    def engine(self) -> "Engine": ...

    def evidence(self) -> "AuditTrail":
        """Return the audit trail, as its records are written: observed, and copied to the sinks."""
        ...

    def failures(self) -> "PlannedFailures": ...

    def groups(self) -> "Groups | None": ...

    def identifiers(self) -> "Identifiers": ...

    def identity(self) -> "CertificateIdentity | IdentityTable": ...

    def keys(self) -> "Crypto":
        """Return the crypto adapter without the profile's limits."""
        ...

    def pki(self) -> "Pki": ...

    def policy(self) -> "PolicyDecider": ...

    def processes(self) -> "ProcessPool": ...

    def refusal_evidence(self) -> "RefusalEvidence": ...

    def request_numbers(self) -> "RequestNumbers": ...

    def revoked(self) -> "RevokedCertificates": ...

    def root_key(self) -> "RootKeySource": ...

    def rotation(self) -> "Rotation": ...

    def runner(self) -> "ThreadedRunner": ...

    def service(self) -> "Service": ...

    def services(self) -> "EngineServices": ...

    def ssl_context(self) -> ssl.SSLContext:
        """Return a context of the files as they are now."""
        ...

    def storage(self) -> "SqlStorage | MemoryStorage": ...

    def telemetry(self) -> "Telemetry | None":
        """Return what sends traces and metrics, None where no collector is named."""
        ...

    def tls_files(self) -> "TlsFiles": ...

    def token(self) -> "Crypto | None":
        """Return the token behind `crypto`, None where keys are kept in software alone."""
        ...

    def transport(
        self,
        *,
        sockets: Sequence[socket.socket] = (),
        https_sockets: Sequence[socket.socket] = (),
        shares_sockets: bool = False,
    ) -> "TlsTtlvServer":
        """Return the server of the transport; the arguments count at the first call."""
        ...


def sql_storage_of(container: Parts) -> "SqlStorage":
    """Return the store, for work that only the SQL store knows; commands open no other."""
    from kmip_adapters.storage.sql.storage import SqlStorage

    storage = container.storage()
    if not isinstance(storage, SqlStorage):
        raise TypeError("the store in memory keeps nothing that could be maintained")
    return storage
