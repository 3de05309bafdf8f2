"""The container: every port with the adapters that can stand behind it, wired once from a `Configuration`.

The only place that knows dependency-injector. A `Selector` per port lists its adapters by name; the contract suites
run over the same lists, so an adapter cannot be registered untested. Everything is built before the server listens,
since a wrong wire would otherwise fail at the first request that touches it (DESIGN 5.11).
"""

import logging
from typing import Any, Final, cast

from dependency_injector import containers, providers

from kmip_adapters.asynchronous.runner import ThreadedRunner
from kmip_adapters.audit.memory import MemoryTrail
from kmip_adapters.crypto.processes import ProcessPool
from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_adapters.crypto.software.certificates import SoftwareCertificates
from kmip_adapters.crypto.software.key_forms import SoftwareKeyForms
from kmip_adapters.identity.certificate import CertificateIdentity
from kmip_adapters.identity.password_hashing import Argon2Hashing
from kmip_adapters.identity.stored_users import StoredUsers
from kmip_adapters.policy.json_files import JsonPolicies
from kmip_adapters.policy.static import StaticPolicies
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.system.clock import MovableClock, SystemClock
from kmip_adapters.system.delays import ThreadedDelays
from kmip_adapters.system.faults import LoggedFaults
from kmip_adapters.system.identifiers import RandomIdentifiers
from kmip_adapters.transport.server import TlsTtlvServer
from kmip_adapters.ttlv.failure_injection import FailingService, PlannedFailures
from kmip_adapters.ttlv.kept_items import TtlvKeptItems
from kmip_adapters.ttlv.service import TtlvService, in_every_encoding
from kmip_app.capabilities import capabilities_of
from kmip_app.configuration.config import Configuration
from kmip_app.factories.evidence import (
    make_sinks,
    make_tap,
    make_telemetry,
    open_file_trail,
    tap_every_encoding,
    tap_service,
    trace_engine,
    trace_every_encoding,
    trace_service,
    tracing_of,
)
from kmip_app.factories.keys import make_hsm_stub, open_pkcs11, put_beside, restrict
from kmip_app.factories.messages import (
    fail_every_encoding,
    make_framers,
    new_answer_framer,
    planned_call_codec,
    planned_codec,
    planned_key_values,
)
from kmip_app.factories.principals import (
    make_attestations,
    make_authentication,
    make_client_realm,
    make_groups,
    make_identity,
)
from kmip_app.factories.serving import choose_loop, make_announcer, make_dispatcher
from kmip_app.factories.store import make_quotas, make_runner, make_streams, name_holder, open_sql_storage
from kmip_app.factories.tls import find_tls_files, make_pki, make_provisioning, make_revoked, make_ssl_context
from kmip_app.monitoring.clients import SeenClients
from kmip_app.monitoring.evidence import ObservedTrail
from kmip_app.monitoring.observation import Durations, ObservedEngine, RequestNumbers
from kmip_app.monitoring.remarks import LoggedRemarks
from kmip_app.parts import Parts
from kmip_app.refusal_evidence import RefusalEvidence
from kmip_app.root_keys import root_key_source
from kmip_core.engine import Engine
from kmip_core.errors import KmipError
from kmip_core.operations import offered
from kmip_core.ports.steps import run_blocking
from kmip_core.rotation import Rotation
from kmip_core.services import EngineServices

LOG: Final = logging.getLogger("kmip_app")


def _is_set(setting: int | None) -> bool:
    return setting is not None


def _note_failed_rotation(identifier: str, error: KmipError) -> None:
    LOG.warning("%s is due for rotation and cannot be rotated: %s", identifier, error.message)


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
    groups = providers.Singleton(make_groups, configuration)
    quotas = providers.Singleton(make_quotas, configuration, groups)
    storage = providers.Selector(
        configuration.provided.storage,
        memory=providers.Singleton(MemoryStorage, quotas.provided.of_store),
        sql=providers.Singleton(open_sql_storage, configuration, root_key, quotas.provided.of_store),
    )
    # As many as threads for slow work, by whose shares they are divided: more would never be asked for.
    processes = providers.Singleton(ProcessPool, configuration.provided.limits.slow_threads)
    token = providers.Selector(
        configuration.provided.crypto,
        software=providers.Object(None),
        hsm_stub=providers.Singleton(make_hsm_stub, configuration),
        pkcs11=providers.Singleton(open_pkcs11, configuration, processes.provider),
    )
    software = providers.Singleton(SoftwareCrypto, processes)
    keys = providers.Singleton(put_beside, software, token, configuration.provided.token_keys)
    crypto = providers.Singleton(restrict, settings.profile, keys)
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
        file=providers.Singleton(open_file_trail, configuration),
    )
    audit_appends = providers.Singleton(Durations)
    audit_sinks = providers.Singleton(make_sinks, configuration)
    telemetry = providers.Singleton(make_telemetry, configuration)
    tracing = providers.Callable(tracing_of, telemetry)
    evidence = providers.Singleton(ObservedTrail, audit, audit_appends, audit_sinks, tracing)
    by_certificate = providers.Singleton(
        CertificateIdentity,
        source=configuration.provided.identity_source,
        require_client_auth_eku=configuration.provided.enable_tls_client_auth,
    )
    identity = providers.Singleton(make_identity, configuration, by_certificate)
    clients = providers.Singleton(SeenClients, identity)

    password_hashing = providers.Singleton(Argon2Hashing)
    stored_users = providers.Singleton(StoredUsers, storage=storage, hashing=password_hashing)
    pki = providers.Singleton(make_pki, configuration)
    tls_files = providers.Singleton(find_tls_files, configuration, pki.provider)
    client_realm = providers.Singleton(make_client_realm, configuration, storage, by_certificate, tls_files.provider)
    revoked = providers.Singleton(make_revoked, tls_files.provider)
    authentication = providers.Singleton(
        make_authentication,
        configuration,
        groups,
        storage,
        stored_users,
        revoked,
    )

    announcer = providers.Singleton(make_announcer, configuration, settings)
    catalogue = providers.Singleton(offered, settings)
    codec = providers.Callable(planned_codec, configuration.provided.versions, settings.pykmip_compatible)
    delays = providers.Singleton(ThreadedDelays)
    runner = providers.Singleton(make_runner, configuration, storage, clock, delays, faults, identifiers)
    services = providers.Singleton(
        EngineServices,
        authentication=authentication,
        attestations=providers.Singleton(make_attestations, configuration, storage),
        streams=providers.Singleton(make_streams, configuration),
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
        provisioning=providers.Callable(make_provisioning, configuration, pki.provider),
        runner=runner,
        tracing=tracing,
    )
    engine = providers.Singleton(Engine, catalogue=catalogue, services=services)
    refusal_evidence = providers.Singleton(RefusalEvidence, audit.provider, clock, identifiers)
    dispatcher = providers.Singleton(
        make_dispatcher,
        configuration,
        storage=storage,
        engine=engine,
        announcer=announcer,
        codec=providers.Callable(planned_call_codec, configuration.provided.versions),
        identify=clients,
        files=tls_files.provider,
        holder=providers.Callable(name_holder, configuration, identifiers),
        record=refusal_evidence,
    )
    rotation = providers.Singleton(
        Rotation,
        engine=engine,
        schedule=storage,
        leases=storage,
        holder=providers.Callable(name_holder, configuration, identifiers),
        note_failure=providers.Object(_note_failed_rotation),
    )
    request_numbers = providers.Singleton(RequestNumbers)
    traced_engine = providers.Singleton(trace_engine, engine, tracing)
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
        rehearsing=providers.Singleton(fail_every_encoding, plain_service, failures),
    )

    tap = providers.Singleton(make_tap, configuration)
    tapped_service = providers.Singleton(tap_service, tap, service, clock)
    tapped_https_services = providers.Singleton(tap_every_encoding, tap, https_services, clock)

    traced_service = providers.Singleton(trace_service, tapped_service, tracing)
    traced_https_services = providers.Singleton(trace_every_encoding, tapped_https_services, tracing)

    ssl_context = providers.Factory(make_ssl_context, configuration, tls_files)  # made anew when files change
    transport = providers.Singleton(
        TlsTtlvServer,
        service=traced_service,
        new_framer=providers.Callable(make_framers, configuration),
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
        new_loop=providers.Object(choose_loop()),
        on_peer=dispatcher.provided.take,
        new_answer_framer=providers.Object(new_answer_framer),
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
    "planned_call_codec",
    "planned_codec",
    "planned_key_values",
    "run_submissions",
]
