"""The container: every port with the adapters that can stand behind it, wired once from a `Configuration`.

The only place that knows dependency-injector. A `Selector` per port lists its adapters by name; the contract suites
run over the same lists, so an adapter cannot be registered untested. Everything is built before the server listens,
since a wrong wire would otherwise fail at the first request that touches it (DESIGN 5.11).
"""

import asyncio
import hashlib
import logging
import ssl
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, cast

from dependency_injector import containers, providers

from kmip_adapters.asynchronous.runner import ThreadedRunner
from kmip_adapters.audit.file_trail import FileTrail
from kmip_adapters.audit.memory import MemoryTrail
from kmip_adapters.audit.sinks import Command, Sink, Syslog
from kmip_adapters.crypto.hsm_stub import HsmStub
from kmip_adapters.crypto.processes import ProcessPool
from kmip_adapters.crypto.profiles import modern
from kmip_adapters.crypto.side_by_side import SideBySide
from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_adapters.crypto.software.certificates import SoftwareCertificates
from kmip_adapters.crypto.software.key_forms import SoftwareKeyForms
from kmip_adapters.identity.attestation_command import CommandVerifier
from kmip_adapters.identity.attestations import VerifiedAttestations
from kmip_adapters.identity.certificate import CertificateIdentity
from kmip_adapters.identity.credentials import CredentialAuthentication
from kmip_adapters.identity.groups import FileGroups, Groups, RememberedGroups
from kmip_adapters.identity.password_hashing import Argon2Hashing
from kmip_adapters.identity.passwords import PasswordFile
from kmip_adapters.identity.remembered_allowances import RememberedAllowances
from kmip_adapters.identity.slugs import SlugsDirectory, SlugsService
from kmip_adapters.identity.stored_users import StoredUsers
from kmip_adapters.identity.table import IdentityTable
from kmip_adapters.identity.throttling import PasswordThrottle
from kmip_adapters.policy.json_files import JsonPolicies
from kmip_adapters.policy.static import StaticPolicies
from kmip_adapters.sealing.deferred import DeferredSealer
from kmip_adapters.sealing.direct import DirectSealer
from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.storage.quotas import QuotaOf
from kmip_adapters.system.clock import MovableClock, SystemClock
from kmip_adapters.system.delays import ThreadedDelays
from kmip_adapters.system.faults import LoggedFaults
from kmip_adapters.system.identifiers import RandomIdentifiers
from kmip_adapters.transport.dialling import dial, dialling_context
from kmip_adapters.transport.server import TlsTtlvServer
from kmip_adapters.transport.shared import Identify
from kmip_adapters.transport.tls.context import build_ssl_context
from kmip_adapters.transport.tls.suites import choose_offer
from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.encodings.framing import RESPONSE_MESSAGE, FrameReader
from kmip_adapters.ttlv.failure_injection import FailingService, PlannedFailures
from kmip_adapters.ttlv.kept_items import TtlvKeptItems
from kmip_adapters.ttlv.key_values import TtlvKeyValues
from kmip_adapters.ttlv.service import Answering, TtlvService, in_every_encoding
from kmip_adapters.ttlv.standard.versions import VERSIONS
from kmip_app.capabilities import capabilities_of
from kmip_app.configuration.config import Configuration, TokenKeys
from kmip_app.configuration.quotas import Quotas
from kmip_app.configuration.root_keys import OUTSIDE
from kmip_app.configuration.telemetry import read_headers
from kmip_app.maintenance.node_names import names_of_node, node_name
from kmip_app.monitoring.clients import SeenClients
from kmip_app.monitoring.evidence import ObservedTrail
from kmip_app.monitoring.observation import Durations, ObservedEngine, RequestNumbers
from kmip_app.monitoring.remarks import LoggedRemarks
from kmip_app.parts import Parts
from kmip_app.pki.authority import Bundle, Pki, ensure_pki
from kmip_app.pki.certificate_watch import RevokedCertificates
from kmip_app.pki.own_names import certificate_names
from kmip_app.pki.provisioning import RegistryProvisioning
from kmip_app.pki.registry import Registry
from kmip_app.pki.tls_files import TlsFiles
from kmip_app.pushing.dispatcher import Dispatcher, Store
from kmip_app.refusal_evidence import RefusalEvidence
from kmip_app.root_keys import root_key_source, token
from kmip_core.calls import CATALOGUE as CALLS
from kmip_core.engine import Engine
from kmip_core.errors import KmipError
from kmip_core.operations import CATALOGUE, offered
from kmip_core.ports.allowances import Allowances
from kmip_core.ports.crypto import Crypto
from kmip_core.ports.sealing import RootKeySource
from kmip_core.ports.steps import run_blocking
from kmip_core.ports.storage import Storage
from kmip_core.ports.submissions import SubmissionStore
from kmip_core.ports.system import Clock, Delays, FaultLog, Identifiers
from kmip_core.ports.transport import Peer, PeerLost, Service
from kmip_core.rotation import Rotation
from kmip_core.services import EngineServices
from kmip_core.settings import Profile, Settings
from kmip_core.streams import Streams
from kmip_core.structures import ProtocolVersion
from kmip_core.subscriptions import Announcer, Subscription

if TYPE_CHECKING:
    from kmip_adapters.crypto.pkcs11 import Pkcs11Crypto
    from kmip_adapters.storage.sql.storage import SqlStorage
    from kmip_app.inspection.tap import Tap
    from kmip_app.monitoring.otlp import Telemetry
    from kmip_app.monitoring.tracing import RequestTracing

LOG: Final = logging.getLogger("kmip_app")


def _pki(configuration: Configuration) -> Pki:
    """Return the built-in PKI, or one made of the operator's own files."""
    folder = configuration.pki_path or configuration.data_directory / "pki"
    names = certificate_names(configuration.hostname, configuration.certificate_names)
    return ensure_pki(folder, hostnames=names, is_early=True)


def _tls_files(configuration: Configuration, pki: Any) -> TlsFiles:
    if configuration.certificate_path is None:
        servers: tuple[Bundle, ...] = pki().servers
    else:
        key = configuration.key_path or configuration.certificate_path  # one PEM may hold both
        servers = (Bundle(certificate=configuration.certificate_path, key=key),)
    if configuration.ca_path is not None:
        return TlsFiles(servers=servers, ca=configuration.ca_path, crl=configuration.crl_path)
    return TlsFiles(servers=servers, ca=pki().ca.certificate, crl=configuration.crl_path or Registry(pki()).crl)


def _ssl_context(configuration: Configuration, files: TlsFiles) -> ssl.SSLContext:
    offer = choose_offer(configuration.auth_suite, configuration.tls_cipher_suites)
    return build_ssl_context(
        server_certificates=[(s.certificate, s.key) for s in files.servers],
        key_passphrase=_key_passphrase(configuration),
        client_ca=files.ca,
        client_crl=files.crl if files.crl is not None and files.crl.exists() else None,
        ciphers=offer.ciphers,
        minimum_version=offer.minimum_version,
        maximum_version=offer.maximum_version,
    )


def _key_passphrase(configuration: Configuration) -> bytes:
    """Return the passphrase of the server's own key; empty where it is not encrypted."""
    return b"" if configuration.key_passphrase is None else configuration.key_passphrase.read()


def _sql_storage(configuration: Configuration, root_key: RootKeySource, quota_of: QuotaOf) -> "SqlStorage":
    # Imported when it is wanted: SQLAlchemy is a third of the time that a test's server takes to start.
    from kmip_adapters.storage.sql.backend import Options
    from kmip_adapters.storage.sql.storage import SqlStorage

    has_password = configuration.database_password_file is not None
    may_be_sealed = configuration.may_start_sealed and configuration.root_key in OUTSIDE
    return SqlStorage(
        configuration.database_url,
        partial(DeferredSealer.over, root_key) if may_be_sealed else partial(EnvelopeSealer, root_key),
        may_upgrade=configuration.may_upgrade,
        node=node_name(configuration),
        takes_over=names_of_node(configuration) if configuration.takes_over else lambda node: False,
        options=Options(
            is_shared=configuration.worker is not None,
            read_password=configuration.read_database_password if has_password else None,
            pool_size=configuration.pool_size,
        ),
        quota_of=quota_of,
        seals_attributes=configuration.seal_attributes,
    )


def _file_trail(configuration: Configuration) -> FileTrail:
    return FileTrail(
        configuration.data_directory / "audit",
        node_name(configuration),
        maximum_size=configuration.audit_file_size or None,
        maximum_age=configuration.audit_file_age,
        keep_files=configuration.audit_keep_files or None,
        audit_gap=configuration.audit_gap,
    )


def _telemetry(configuration: Configuration) -> "Telemetry | None":
    """Return what sends traces and metrics; None where no collector is named, and nothing of it is loaded then."""
    if configuration.otel_endpoint is None:
        return None
    from kmip_app.monitoring.otlp import Telemetry

    return Telemetry(configuration.otel_endpoint, read_headers(configuration.otel_headers), node_name(configuration))


def _tracing(telemetry: "Telemetry | None") -> "RequestTracing | None":
    return None if telemetry is None else telemetry.tracing


def _traced_engine(engine: Engine, tracing: "RequestTracing | None") -> Answering:
    if tracing is None:
        return engine
    from kmip_app.monitoring.tracing import TracedEngine

    return TracedEngine(engine, tracing)


def _traced(service: Service, tracing: "RequestTracing | None") -> Service:
    if tracing is None:
        return service
    from kmip_app.monitoring.tracing import TracedService

    return TracedService(service, tracing)


def _traced_in_every_encoding(
    services: Mapping[str, Service], tracing: "RequestTracing | None"
) -> Mapping[str, Service]:
    return {name: _traced(service, tracing) for name, service in services.items()}


def _streams(configuration: Configuration) -> Streams:
    """Return the streams of this process; clients see a digest of its name, not the name."""
    return Streams(mark=hashlib.sha256(node_name(configuration).encode()).hexdigest()[:8].encode())


def _sinks(configuration: Configuration) -> tuple[Sink, ...]:
    """Return what gets the records besides the trail."""
    sinks = []
    if configuration.audit_syslog is not None:
        sinks.append(Sink(configuration.audit_syslog, Syslog(configuration.audit_syslog)))
    if configuration.audit_command is not None:
        sinks.append(Sink(configuration.audit_command, Command(configuration.audit_command)))
    return tuple(sinks)


def _identity(configuration: Configuration) -> CertificateIdentity | IdentityTable:
    by_certificate = CertificateIdentity(
        source=configuration.identity_source,
        require_client_auth_eku=configuration.enable_tls_client_auth,
        with_issuer=configuration.identity_with_issuer,
    )
    table = configuration.identities_path
    return by_certificate if table is None else IdentityTable(table, by_certificate)


def _groups(configuration: Configuration) -> Groups | None:
    if configuration.slugs:
        ask = SlugsDirectory(tuple(SlugsService(s.url, s.timeout) for s in configuration.slugs))
        return RememberedGroups(ask, configuration.groups_cache, ask.timeout)
    return None if configuration.groups_path is None else FileGroups(configuration.groups_path)


def _authentication(
    configuration: Configuration,
    groups: Groups | None,
    storage: Storage,
    users: StoredUsers,
    revoked: RevokedCertificates,
) -> CredentialAuthentication:
    """Return what settles principals."""
    ticket_use = configuration.core.tickets
    return CredentialAuthentication(
        users=users,
        groups=groups,
        passwords=None if configuration.passwords_path is None else PasswordFile(configuration.passwords_path),
        password_identity=configuration.password_identity,
        ticket_use=ticket_use,
        storage=storage,
        throttle=PasswordThrottle(_allowances(configuration, storage)),
        is_revoked=revoked.has,
    )


def _attestations(configuration: Configuration, storage: Storage) -> VerifiedAttestations | None:
    """Return what verifies attestations; None where no verifier is named."""
    if configuration.attestation_verifier is None:
        return None
    key: Callable[[], bytes] = partial(getattr, configuration, "common_secret")
    allowances: Allowances = RememberedAllowances()
    if configuration.storage == "sql":
        stored = cast("SqlStorage", storage)
        key, allowances = stored.open_index_key, stored.allowances  # a nonce, and that it was used, outlive a start
    return VerifiedAttestations(
        types=configuration.attestation_types,
        verifier=CommandVerifier(configuration.attestation_verifier, configuration.attestation_timeout),
        key=key,
        allowances=allowances,
    )


def _revoked(files: Callable[[], TlsFiles]) -> RevokedCertificates:
    return RevokedCertificates(lambda: files().crl)


def _allowances(configuration: Configuration, storage: Storage) -> Allowances:
    """Return where wrong passwords are counted: in the store where it has, or may have, several processes."""
    if configuration.workers == 1 and not storage.blocking:
        return RememberedAllowances()
    from kmip_adapters.storage.sql.storage import SqlStorage

    return storage.allowances if isinstance(storage, SqlStorage) else RememberedAllowances()


def _new_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the event loop: uvloop's where the extra `fast` is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    new_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return new_loop


def _new_framer(configuration: Configuration) -> "partial[FrameReader]":
    return partial(FrameReader, configuration.maximum_request_size)


def _hsm_stub(configuration: Configuration) -> HsmStub:
    if configuration.ephemeral:
        return HsmStub()
    # A key file of its own, as a token has its own keys: rotating the store's root key leaves it alone.
    folder = configuration.data_directory
    return HsmStub(folder / "hsm_stub.sealed", DirectSealer(KeyFile(folder / "hsm_stub.key")))


def _pkcs11(configuration: Configuration, processes: Callable[[], ProcessPool]) -> "Pkcs11Crypto":
    from kmip_adapters.crypto.pkcs11 import Pkcs11Crypto

    def may_wait() -> bool:
        return processes().may_wait  # asked anew each time: it depends on the work under way

    if configuration.ephemeral:
        return Pkcs11Crypto(token(configuration), may_wait=may_wait)
    folder = configuration.data_directory
    journal = folder / ("pkcs11.journal" if configuration.leads else f"pkcs11-w{configuration.worker}.journal")
    # Journals are of one process each. The first one of a server starts alone, and takes over what others have left.
    left_by = sorted(folder.glob("pkcs11-w*.journal")) if configuration.takes_over else ()
    return Pkcs11Crypto(token(configuration), journal=journal, left_by=left_by, may_wait=may_wait)


@cache
def planned_codec(versions: tuple[ProtocolVersion, ...] = VERSIONS, pykmip_compatible: bool = False) -> Codec:
    """Return the codec of all servers of this process that speak these versions: to plan one takes long."""
    return Codec(CATALOGUE, versions, pykmip_compatible=pykmip_compatible)


@cache
def planned_key_values() -> TtlvKeyValues:
    """Return what writes key values, for the same reason only once."""
    return TtlvKeyValues()


def _beside(software: Crypto, token: Crypto | None, token_keys: TokenKeys) -> Crypto:
    return software if token is None else SideBySide(software, token, token_by_default=token_keys is TokenKeys.ALL)


def _within(profile: Profile, crypto: Crypto) -> Crypto:
    return modern(crypto) if profile is Profile.MODERN else crypto


def _quotas(configuration: Configuration, groups: Groups | None) -> Quotas:
    def groups_of(name: str) -> frozenset[str]:
        try:
            return (None if groups is None else groups.remembered(name)) or frozenset()
        except KmipError:
            return frozenset()

    return Quotas(configuration.allowance, configuration.quotas_path, groups_of, quota=configuration.quota)


ANSWER_SIZE: Final = 65_536  # bytes: a client's answers say which operations it has, or nothing


def _answer_framer() -> FrameReader:
    return FrameReader(ANSWER_SIZE, RESPONSE_MESSAGE)


@cache
def planned_call_codec(versions: tuple[ProtocolVersion, ...] = VERSIONS) -> Codec:
    """Return the codec of what servers of these versions ask of clients."""
    return Codec(CALLS, versions)


def _provisioning(configuration: Configuration, pki: Callable[[], Pki]) -> RegistryProvisioning | None:
    return RegistryProvisioning(pki) if configuration.gives_out_certificates else None


def _is_set(setting: int | None) -> bool:
    return setting is not None


def _announcer(configuration: Configuration, settings: Settings) -> Announcer | None:
    return Announcer(limit=configuration.notices.queue) if settings.server_to_client else None


def _dispatcher(
    configuration: Configuration,
    *,
    storage: Store,
    engine: Engine,
    announcer: Announcer | None,
    codec: Codec,
    identify: Identify,
    files: Callable[[], TlsFiles],
    holder: str,
) -> Dispatcher:
    def connect(subscription: Subscription) -> Peer:
        found = files()
        try:
            context = dialling_context(
                server_certificates=[(s.certificate, s.key) for s in found.servers],
                key_passphrase=_key_passphrase(configuration),
                client_ca=found.ca,
                client_crl=found.crl if found.crl is not None and found.crl.exists() else None,
                ciphers=choose_offer(configuration.auth_suite, configuration.tls_cipher_suites).ciphers,
            )
        except OSError as error:
            raise PeerLost(f"the certificates of this server cannot be used: {error.strerror}") from error
        seconds = configuration.notices.answer
        return dial(subscription.url or "", subscription.name, context, identify, _answer_framer(), seconds)

    return Dispatcher(
        store=storage,
        engine=engine,
        announcer=announcer or Announcer(),
        codec=codec,
        dial=connect,
        holder=holder,
        limits=configuration.notices,
    )


def _holder(configuration: Configuration, identifiers: Identifiers) -> str:
    """Return the name of this start of this node, for leases."""
    return f"{node_name(configuration)} {identifiers.new()}"


def _runner(
    configuration: Configuration,
    store: SubmissionStore,
    clock: Clock,
    delays: Delays,
    faults: FaultLog,
    identifiers: Identifiers,
) -> ThreadedRunner | None:
    """Return what runs operations that are answered later; None where the settings allow none."""
    if configuration.core.asynchronous_requests == 0:
        return None
    return ThreadedRunner(
        store=store,
        clock=clock,
        delays=delays,
        faults=faults,
        identifiers=identifiers,
        name=_holder(configuration, identifiers),
        workers=configuration.limits.slow_threads,
    )


def _note_failed_rotation(identifier: str, error: KmipError) -> None:
    LOG.warning("%s is due for rotation and cannot be rotated: %s", identifier, error.message)


def _tap(configuration: Configuration) -> "Tap | None":
    if configuration.tap is None:
        return None
    from kmip_app.inspection.tap import Tap  # with the client for Python programs, whose methods are 2,000 lines

    return Tap(configuration.tap)


def _tapped(tap: "Tap | None", service: Service, clock: Clock) -> Service:
    if tap is None:
        return service
    from kmip_app.inspection.tap import TappedService

    return TappedService(service, tap, clock)


def _tapped_in_every_encoding(
    tap: "Tap | None", services: Mapping[str, Service], clock: Clock
) -> Mapping[str, Service]:
    return {name: _tapped(tap, service, clock) for name, service in services.items()}


def _rehearsing_in_every_encoding(service: TtlvService, failures: PlannedFailures) -> Mapping[str, FailingService]:
    return {name: FailingService(one, failures) for name, one in in_every_encoding(service).items()}


class Container(containers.DeclarativeContainer):
    """Build with `Container(configuration=providers.Object(configuration))`, or call `build`."""

    configuration = providers.Dependency(instance_of=Configuration)
    settings = configuration.provided.core

    clock = providers.Selector(
        configuration.provided.clock,
        system=providers.Singleton(SystemClock),
        movable=providers.Singleton(MovableClock),
    )
    identifiers = providers.Singleton(RandomIdentifiers)
    faults = providers.Singleton(LoggedFaults)

    root_key = providers.Singleton(root_key_source, configuration)
    groups = providers.Singleton(_groups, configuration)
    quotas = providers.Singleton(_quotas, configuration, groups)
    storage = providers.Selector(
        configuration.provided.storage,
        memory=providers.Singleton(MemoryStorage, quotas.provided.of_store),
        sql=providers.Singleton(_sql_storage, configuration, root_key, quotas.provided.of_store),
    )
    # As many as threads for slow work, by whose shares they are divided: more would never be asked for.
    processes = providers.Singleton(ProcessPool, configuration.provided.limits.slow_threads)
    token = providers.Selector(
        configuration.provided.crypto,
        software=providers.Object(None),
        hsm_stub=providers.Singleton(_hsm_stub, configuration),
        pkcs11=providers.Singleton(_pkcs11, configuration, processes.provider),
    )
    software = providers.Singleton(SoftwareCrypto, processes)
    keys = providers.Singleton(_beside, software, token, configuration.provided.token_keys)
    crypto = providers.Singleton(_within, settings.profile, keys)
    policy = providers.Selector(
        configuration.provided.policies,
        static=providers.Singleton(StaticPolicies),
        files=providers.Singleton(
            JsonPolicies, configuration.provided.policy_path, is_live=configuration.provided.live_policies
        ),
    )
    audit = providers.Selector(
        configuration.provided.audit,
        memory=providers.Singleton(MemoryTrail),
        file=providers.Singleton(_file_trail, configuration),
    )
    audit_appends = providers.Singleton(Durations)
    audit_sinks = providers.Singleton(_sinks, configuration)
    telemetry = providers.Singleton(_telemetry, configuration)
    tracing = providers.Callable(_tracing, telemetry)
    evidence = providers.Singleton(ObservedTrail, audit, audit_appends, audit_sinks, tracing)
    identity = providers.Singleton(_identity, configuration)
    clients = providers.Singleton(SeenClients, identity)

    password_hashing = providers.Singleton(Argon2Hashing)
    stored_users = providers.Singleton(StoredUsers, storage=storage, hashing=password_hashing)
    pki = providers.Singleton(_pki, configuration)
    tls_files = providers.Singleton(_tls_files, configuration, pki.provider)
    revoked = providers.Singleton(_revoked, tls_files.provider)
    authentication = providers.Singleton(
        _authentication,
        configuration,
        groups,
        storage,
        stored_users,
        revoked,
    )

    announcer = providers.Singleton(_announcer, configuration, settings)
    catalogue = providers.Singleton(offered, settings)
    codec = providers.Callable(planned_codec, configuration.provided.versions, settings.pykmip_compatible)
    delays = providers.Singleton(ThreadedDelays)
    runner = providers.Singleton(_runner, configuration, storage, clock, delays, faults, identifiers)
    services = providers.Singleton(
        EngineServices,
        authentication=authentication,
        attestations=providers.Singleton(_attestations, configuration, storage),
        streams=providers.Singleton(_streams, configuration),
        storage=storage,
        outbox=storage,
        policy=policy,
        crypto=crypto,
        certificates=providers.Singleton(SoftwareCertificates, processes),
        key_forms=providers.Singleton(SoftwareKeyForms, processes),
        key_values=providers.Callable(planned_key_values),
        passwords=password_hashing,
        kept_items=providers.Singleton(TtlvKeptItems, codec),
        audit=evidence,
        clock=clock,
        identifiers=identifiers,
        faults=faults,
        remarks=providers.Singleton(LoggedRemarks),
        settings=settings,
        capabilities=providers.Singleton(
            capabilities_of,
            catalogue,
            crypto,
            configuration.provided.versions,
            gives_out_certificates=configuration.provided.gives_out_certificates,
            sends_requests=settings.provided.server_to_client,
            attestation_types=configuration.provided.attestation_types,
            has_administrators=providers.Callable(bool, settings.provided.administrators),
            has_https=providers.Callable(_is_set, configuration.provided.https_port),
        ),
        delays=delays,
        at_pace=processes.provided.at,
        announcer=announcer,
        provisioning=providers.Callable(_provisioning, configuration, pki.provider),
        runner=runner,
        tracing=tracing,
    )
    engine = providers.Singleton(Engine, catalogue=catalogue, services=services)
    dispatcher = providers.Singleton(
        _dispatcher,
        configuration,
        storage=storage,
        engine=engine,
        announcer=announcer,
        codec=providers.Callable(planned_call_codec, configuration.provided.versions),
        identify=clients,
        files=tls_files.provider,
        holder=providers.Callable(_holder, configuration, identifiers),
    )
    rotation = providers.Singleton(
        Rotation,
        engine=engine,
        schedule=storage,
        leases=storage,
        holder=providers.Callable(_holder, configuration, identifiers),
        note_failure=providers.Object(_note_failed_rotation),
    )
    request_numbers = providers.Singleton(RequestNumbers)
    traced_engine = providers.Singleton(_traced_engine, engine, tracing)
    observed = providers.Singleton(
        ObservedEngine, traced_engine, request_numbers, slow=configuration.provided.slow_request
    )
    plain_service = providers.Singleton(
        TtlvService,
        engine=observed,
        codec=codec,
        clock=clock,
        identifiers=identifiers,
        faults=faults,
        maximum_response_size=settings.maximum_response_size,
        swaps_roles=settings.server_to_client,
    )
    failures = providers.Singleton(PlannedFailures)
    service = providers.Selector(
        configuration.provided.service,
        plain=plain_service,
        rehearsing=providers.Singleton(FailingService, plain_service, failures),
    )
    https_services = providers.Selector(
        configuration.provided.service,
        plain=providers.Singleton(in_every_encoding, plain_service),
        rehearsing=providers.Singleton(_rehearsing_in_every_encoding, plain_service, failures),
    )

    tap = providers.Singleton(_tap, configuration)
    tapped_service = providers.Singleton(_tapped, tap, service, clock)
    tapped_https_services = providers.Singleton(_tapped_in_every_encoding, tap, https_services, clock)

    traced_service = providers.Singleton(_traced, tapped_service, tracing)
    traced_https_services = providers.Singleton(_traced_in_every_encoding, tapped_https_services, tracing)

    ssl_context = providers.Factory(_ssl_context, configuration, tls_files)  # made anew when files change
    refusal_evidence = providers.Singleton(RefusalEvidence, audit.provider, clock, identifiers)
    transport = providers.Singleton(
        TlsTtlvServer,
        service=traced_service,
        new_framer=providers.Callable(_new_framer, configuration),
        identify=clients,
        ssl_context=ssl_context,
        host=configuration.provided.hostname,
        port=configuration.provided.port,
        https_port=configuration.provided.https_port,
        https_services=traced_https_services,
        maximum_https_body=configuration.provided.maximum_request_size,
        limits=configuration.provided.limits,
        allowance_of=quotas.provided.of,
        record=refusal_evidence,
        new_loop=providers.Object(_new_loop()),
        on_peer=dispatcher.provided.take,
        new_answer_framer=providers.Object(_answer_framer),
    )


def build(configuration: Configuration) -> Parts:
    """Return a wired container."""
    return cast(Parts, Container(configuration=providers.Object(configuration)))


def run_submissions(container: Any) -> None:
    """Begin to run operations that are answered later, also those that were submitted before this start."""
    runner: ThreadedRunner | None = container.runner()
    if runner is not None:
        engine: Engine = container.engine()
        runner.start(lambda batch: run_blocking(engine.run_submitted(batch)))


def empty(container: Any) -> None:
    """Have a rehearsing server that keeps nothing forget everything, while its connections go on."""
    runner: ThreadedRunner | None = container.runner()
    if runner is not None:
        runner.close()
    for forgetful in (container.storage, container.audit):
        forgetful.providers["memory"].reset()
    for name in (
        "runner",
        "evidence",
        "stored_users",
        "authentication",
        "services",
        "engine",
        "rotation",
        "traced_engine",
        "observed",
        "plain_service",
    ):
        getattr(container, name).reset()
    run_submissions(container)
    container.service().service = plain = container.plain_service()
    dispatcher = container.dispatcher()
    dispatcher.store, dispatcher.engine = container.storage(), container.engine()
    for content_type, service in in_every_encoding(plain).items():
        container.https_services()[content_type].service = service


__all__ = [
    "Container",
    "build",
    "empty",
    "planned_codec",
    "planned_key_values",
    "run_submissions",
]
