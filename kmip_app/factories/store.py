"""Where objects, submissions and counts are kept, and under which names of this node."""

import hashlib
from functools import partial
from typing import TYPE_CHECKING

from kmip_adapters.asynchronous.runner import ThreadedRunner
from kmip_adapters.identity.groups import Groups
from kmip_adapters.identity.remembered_allowances import RememberedAllowances
from kmip_adapters.sealing.deferred import DeferredSealer
from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.storage.quotas import QuotaOf
from kmip_app.configuration.config import Configuration
from kmip_app.configuration.quotas import Quotas
from kmip_app.configuration.root_keys import OUTSIDE
from kmip_app.imports import undisturbed
from kmip_app.maintenance.node_names import names_of_node, node_name
from kmip_core.errors import KmipError
from kmip_core.ports.allowances import Allowances
from kmip_core.ports.sealing import RootKeySource
from kmip_core.ports.storage import Storage
from kmip_core.ports.submissions import SubmissionStore
from kmip_core.ports.system import Clock, Delays, FaultLog, Identifiers
from kmip_core.streams import Streams

if TYPE_CHECKING:
    from kmip_adapters.storage.sql.storage import SqlStorage


def open_sql_storage(configuration: Configuration, root_key: RootKeySource, quota_of: QuotaOf) -> "SqlStorage":
    """Open the database, sealed or behind a sealer that waits for its root key.  Raises StorageUnusable."""
    # Imported when it is wanted: a server that keeps nothing does without.
    with undisturbed():
        from kmip_adapters.storage.sql.backend import Options
        from kmip_adapters.storage.sql.storage import SqlStorage

    may_be_sealed = configuration.may_start_sealed and configuration.root_key in OUTSIDE
    return SqlStorage(
        configuration.database_url,
        partial(DeferredSealer.over, root_key) if may_be_sealed else partial(EnvelopeSealer, root_key),
        may_upgrade=configuration.may_upgrade,
        node=node_name(configuration),
        takes_over=names_of_node(configuration) if configuration.takes_over else lambda node: False,
        options=Options(
            is_shared=configuration.worker is not None,
            read_password=configuration.read_database_password,
            pool_size=configuration.pool_size,
        ),
        quota_of=quota_of,
        seals_attributes=configuration.seal_attributes,
    )


def choose_allowances(configuration: Configuration, storage: Storage) -> Allowances:
    """Return where wrong passwords are counted: in the store where it has, or may have, several processes."""
    if configuration.workers == 1 and not storage.blocking:
        return RememberedAllowances()
    from kmip_adapters.storage.sql.storage import SqlStorage

    return storage.allowances if isinstance(storage, SqlStorage) else RememberedAllowances()


def make_quotas(configuration: Configuration, groups: Groups | None) -> Quotas:
    """Return the numbers for each identity; where its groups cannot be known, those of no group."""

    def groups_of(name: str) -> frozenset[str]:
        try:
            return (None if groups is None else groups.remembered(name)) or frozenset()
        except KmipError:
            return frozenset()

    return Quotas(configuration.allowance, configuration.quotas_path, groups_of, quota=configuration.quota)


def make_streams(configuration: Configuration) -> Streams:
    """Return the streams of this process; clients see a digest of its name, not the name."""
    return Streams(mark=hashlib.sha256(node_name(configuration).encode()).hexdigest()[:8].encode())


def name_holder(configuration: Configuration, identifiers: Identifiers) -> str:
    """Return the name of this start of this node, for leases."""
    return f"{node_name(configuration)} {identifiers.new()}"


def make_runner(
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
        name=name_holder(configuration, identifiers),
        workers=configuration.limits.slow_threads,
    )
