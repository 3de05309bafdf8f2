"""Care of the store by commands: what is beside a running server, what needs the data directory alone, and the records
of both in the audit trail.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

from attrs import evolve, field

from kmip_adapters.audit.file_trail import FileTrail
from kmip_adapters.storage.archive import Entry
from kmip_adapters.storage.errors import StorageUnreachable, StorageUnusable
from kmip_adapters.storage.lock import directory_lock
from kmip_adapters.storage.sql import maintenance
from kmip_adapters.storage.sql.backend import Backend, Options
from kmip_adapters.storage.sql.backends import open_backend
from kmip_adapters.storage.sql.backup import schema_of
from kmip_adapters.storage.sql.maintenance import Damage
from kmip_adapters.storage.sql.migration import HISTORY
from kmip_adapters.storage.sql.sqlite_files import copy_database, put_in_place
from kmip_app.configuration.config import Configuration, StartError
from kmip_app.container import build
from kmip_app.maintenance.opening import UNUSABLE, opened
from kmip_app.parts import Parts, sql_storage_of
from kmip_core.classes import define
from kmip_core.errors import KmipError
from kmip_core.ports.audit import AuditRecord

CHAIN: Final = "care"
"""The audit chain of commands that run beside a server, which keeps its own."""

TOGETHER: Final = 200  # objects in one commit


@contextmanager
def for_operators() -> Iterator[None]:
    """Turn what goes wrong with a store or an archive into a StartError."""
    try:
        yield
    except (*UNUSABLE, KmipError) as error:
        raise StartError.of(error) from error


@contextmanager
def backend(url: str, read_password: Callable[[], str] | None) -> Iterator[Backend]:
    """Open a database by its URL, apart from any configuration.  Raises StartError."""
    opened_backend = open_backend(url, Options(read_password=read_password))
    try:
        yield opened_backend
    except opened_backend.errors as error:
        unusable = StorageUnreachable if opened_backend.is_transient(error) else StorageUnusable
        raise StartError.of(unusable(f"{opened_backend.name}: {' '.join(str(error).split())}")) from error
    finally:
        opened_backend.close()


def schema_revision(configuration: Configuration) -> str | None:
    """Return the revision of the store's tables, None if it has none yet.

    Raises StartError, or StorageUnusable for a database that this release cannot work with.
    """
    path = configuration.sqlite_path
    if path is not None and not path.exists():
        return None
    with backend(configuration.database_url, configuration.read_database_password) as opened_backend:
        return opened_backend.revision(HISTORY)


@contextmanager
def beside(configuration: Configuration, event: str) -> Iterator[Any]:
    """Open the store beside a server that may be running; yield the container; record what was done.

    Raises StartError.
    """
    with beside_with_trail(configuration) as (container, trail):
        yield container
        trail.append(_event(container, event))


@contextmanager
def beside_with_trail(configuration: Configuration) -> Iterator[tuple[Any, FileTrail]]:
    """The same for a command that makes its own records: yield the container and the trail.  Raises StartError."""
    with opened(configuration) as container, for_operators():
        trail = FileTrail(configuration.data_directory / "audit", CHAIN)
        try:
            yield container, trail
        finally:
            trail.close()


def restore(
    configuration: Configuration, file: Path, *, replace: bool, progress: Callable[[int, int], None]
) -> tuple[Damage, ...]:
    """Put a backup in the place of the store, once all of it has been opened; return what is wrong with it.

    replace: put a store that is there aside.  Raises StartError; the store that was there is as it was then.
    """
    database = configuration.sqlite_path
    if database is None:
        raise StartError("--database names no file; restore with the tools of that database")
    if configuration.ephemeral:
        raise StartError("an ephemeral server keeps nothing; leave --ephemeral out and name the data directory")
    if file.resolve() == database.resolve():
        raise StartError(f"{file} is the store itself; name a backup of it")
    aside = database.with_name(f"{database.name}.before-restore")
    configuration.data_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with for_operators(), directory_lock(configuration.data_directory):
        if database.exists() and not replace:
            raise StartError(f"{database} exists; with --replace it is put aside as {aside.name}")
        if aside.exists():
            raise StartError(f"{aside} exists from an earlier restore; move it away or remove it")
        new = database.with_name(f"{database.name}.restored")
        new.unlink(missing_ok=True)
        schema_of(file)
        copy_database(file, new)
        try:
            damages = _damages(configuration, new, progress)
            if not damages:
                put_in_place(new, database, aside)
        finally:
            for end in ("", "-wal", "-shm"):
                new.with_name(new.name + end).unlink(missing_ok=True)
    if not damages:
        with opened(configuration, alone=True) as container:
            container.audit().append(_event(container, "Restored from a backup"))
    return damages


def _damages(configuration: Configuration, database: Path, progress: Callable[[int, int], None]) -> tuple[Damage, ...]:
    """Open every object of a copy, with the root key that the server will have."""
    wanted = schema_of(database)
    storage = sql_storage_of(build(evolve(configuration, database=None, database_path=database)))
    try:
        return maintenance.verify(storage, progress)
    finally:
        storage.close()
        copy = database.with_name(f"{database.name}.schema-{wanted}")  # of an upgrade; the backup itself is one
        copy.unlink(missing_ok=True)


@define(kw_only=True)
class Imported:
    """What became of an archive.

    taken: objects by type.  present: how many were there already.  not_taken: (object, why).
    """

    taken: Counter[str] = field(factory=Counter)
    present: int = 0
    not_taken: list[tuple[str, str]] = field(factory=list)


def import_entries(
    container: Parts, entries: Iterable[Entry], progress: Callable[[int, int], None], in_all: int
) -> Imported:
    """Add what is not there yet to the container's store, some objects at a time."""
    imported = Imported()
    rows = iter(entries)
    done = 0
    while group := list(islice(rows, TOGETHER)):
        _import_group(container, group, imported)
        done += len(group)
        progress(done, in_all)
    return imported


def _import_group(container: Parts, group: list[Entry], imported: Imported) -> None:
    storage = container.storage()
    with storage.unit_of_work() as work:
        added: list[str] = []
        for managed_object, content in group:
            identifier = managed_object.unique_identifier
            try:
                present = work.find(identifier)
            except KmipError as error:  # a damaged row is no reason to leave the others out
                reason = f"another object of this store has its identifier, and cannot be read: {error.message}"
                imported.not_taken.append((identifier, reason))
                continue
            if present is None:
                work.add(managed_object, content)
                added.append(identifier)
                imported.taken[managed_object.object_type.name] += 1
            elif (present.owner, present.object_type) == (managed_object.owner, managed_object.object_type):
                imported.present += 1
            else:
                imported.not_taken.append((identifier, "another object of this store has its identifier"))
        if not added:
            return
        record = _event(container, "Imported from an archive", tuple(added))
        work.record(record)
        work.commit()
    container.audit().append(record)
    storage.acknowledge(record.record_id)


def _event(container: Parts, event: str, identifiers: tuple[str, ...] = ()) -> AuditRecord:
    return AuditRecord(
        record_id=container.identifiers().new(),
        time=container.clock().now(),
        principal="",
        event=event,
        unique_identifiers=identifiers,
    )
