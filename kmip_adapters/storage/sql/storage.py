"""The store itself: opens the database, owns the writer and the readers' connections."""

import contextlib
import functools
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Dialect, Engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.records import decode_audit_record
from kmip_adapters.storage.sql import locate, sqlite
from kmip_adapters.storage.sql.commit import Commit
from kmip_adapters.storage.sql.migration import HISTORY, History, open_schema
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_adapters.storage.sql.rows import OutdatedSeal, RowWrite, Statements
from kmip_adapters.storage.sql.rules import OutdatedRules, RuleStatements, RulesWrite
from kmip_adapters.storage.sql.unit_of_work import SqlUnitOfWork
from kmip_adapters.storage.sql.writer import Handed, Writer
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.audit import AuditRecord
from kmip_core.ports.sealing import DataKeys, StoreSealer, WrappedDataKey
from kmip_core.ports.steps import Pace

T = TypeVar("T")

_IDLE_READERS: Final = 16
"""Connections that are kept for the next reader; each holds a page cache of 2 MiB at most."""

_SHAPES: Final = 512
"""Compiled Locate statements that are kept; clients choose the shapes."""


class SqlStorage:
    """A durable store in an SQL database; also its outbox. Re-entrant.

    url: as SQLAlchemy writes it, "sqlite:////var/lib/kmipd/kmipd.db".
    make_sealer: given the data keys in this database, returns the sealer; raises RootKeyUnavailable if it cannot.
    may_upgrade: False for whoever may be beside a running server, whose database must stay as it knows it.
    Raises StorageUnusable for a database that is newer, or another program's.
    """

    is_durable = True
    blocking = False

    def __init__(
        self,
        url: str,
        make_sealer: Callable[[DataKeys], StoreSealer],
        *,
        may_upgrade: bool = True,
        history: History = HISTORY,
    ) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            raise StorageUnusable(f"databases of kind {parsed.get_backend_name()} are not supported; use sqlite")
        self._engine = sqlite.make_engine(parsed)
        dialect = self._engine.dialect
        # Statements run on the driver, connections are opened by SQLAlchemy; each has its own errors.
        errors: tuple[type[Exception], ...] = (dialect.loaded_dbapi.Error, SQLAlchemyError)
        self.errors = errors
        self.path = Path(str(parsed.database))
        before_upgrade = functools.partial(_copy_before_upgrade, self.path) if may_upgrade else _refuse_upgrade
        try:
            open_schema(self._engine, before_upgrade, history)
        except errors as error:
            reason = getattr(error, "orig", None) or error
            raise StorageUnusable(f"{parsed.database} cannot be opened: {reason}") from error
        self.statements = Statements(dialect)
        self.rule_statements = RuleStatements(dialect)
        self._readers: deque[Any] = deque()
        self._lock = threading.Lock()
        self._acknowledged: set[str] = set()
        self._known_rules: dict[str, str] | None = None
        self._has_erased = False
        self._closed = False
        self.located = functools.lru_cache(_SHAPES)(self._located)
        self.counted = functools.lru_cache(_SHAPES)(self._counted)
        self._writer = Writer(
            functools.partial(sqlite.open_writer, self._engine),
            begin=sqlite.BEGIN_WRITING,
            in_transaction=sqlite.in_transaction,
            errors=errors,
            with_each=self._forget_acknowledged,
            when_idle=self._when_idle,
        )
        try:
            self.data_keys = SqlDataKeys(self)
            self.sealer = make_sealer(self.data_keys)
        except BaseException:
            self.close()
            raise

    @property
    def engine(self) -> Engine:
        """The database, for those who take care of it."""
        return self._engine

    @property
    def dialect(self) -> Dialect:
        """How the database wants its statements."""
        return self._engine.dialect

    @property
    def writer(self) -> Writer:
        """The writer, for those who take care of the store."""
        return self._writer

    def unit_of_work(self, pace: Pace = Pace.SLOW) -> SqlUnitOfWork:
        """Begin a unit of work."""
        return SqlUnitOfWork(self, pace)

    def pending_records(self) -> tuple[AuditRecord, ...]:
        """Return the committed audit records that were not acknowledged, oldest first."""
        rows = self.read(self.statements.pending_records)
        with self._lock:
            return tuple(decode_audit_record(row[1]) for row in rows if row[0] not in self._acknowledged)

    def acknowledge(self, record_id: str) -> None:
        """Note that a record has reached the trail; the next commit deletes it."""
        with self._lock:
            self._acknowledged.add(record_id)

    def close(self) -> None:
        """Finish pending commits, empty the log, let go of everything."""
        if self._closed:
            return
        self._closed = True
        if self._acknowledged:
            with contextlib.suppress(KmipError):  # they would be replayed, which does no harm
                self.submit(lambda cursor: None)
        self._writer.close()
        while self._readers:
            self._readers.pop().close()
        self._engine.dispose()

    # --- for units of work ------------------------------------------------------------------------------------------

    def hand_over(
        self,
        writes: Sequence[RowWrite | RulesWrite],
        records: list[tuple[str, bytes]],
        judged_by: Mapping[str, str] | None = None,
    ) -> Handed[None]:
        """Have all of it written durably, or nothing.  See `Commitment.result` for what that raises.

        judged_by: the rules that must still be those of the database, as `known_rules` gave them; None for no matter.
        """
        return self._writer.hand_over(Commit(self, writes, records, judged_by), self._renew_if_outdated)

    def known_rules(self) -> dict[str, str]:
        """Return the rules for new objects, by name, as they were when somebody last looked."""
        rules = self._known_rules
        if rules is None:
            rules = self._known_rules = dict(self.read(self.rule_statements.all))
        return rules

    def submit(self, change: Callable[[Any], T]) -> T:
        """Have a change written durably, and return what it returned.  Raises as `Writer.submit` does."""
        return self._writer.submit(change)

    def fact(self, name: str) -> str | None:
        """Return what the database says of itself under a name."""
        rows = self.read(self.statements.fact, name=name)
        return rows[0][0] if rows else None

    def set_fact(self, name: str, value: str | None) -> None:
        """Have the database say something of itself, durably; None takes it back."""

        def change(cursor: Any) -> None:
            self.statements.forget_fact.run(cursor, {"of_name": name})
            if value is not None:
                self.statements.add_fact.run(cursor, {"name": name, "value": value})

        self.submit(change)

    def note_erased(self) -> None:
        """For changes: have the log emptied of what they replace or delete, as soon as no reader looks at it."""
        self._has_erased = True

    def take(self) -> Any:
        """Return a reader's connection with a snapshot begun."""
        if self._closed:
            raise KmipError(ResultReason.GENERAL_FAILURE, "the store is closed")
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = sqlite.open_reader(self._engine)
        connection.execute(sqlite.BEGIN_READING)
        return connection

    def give_back(self, connection: Any) -> None:
        """End a snapshot and keep the connection for the next."""
        try:
            connection.execute("COMMIT")
        except self.errors:
            connection.close()
            return
        if self._closed or len(self._readers) >= _IDLE_READERS:
            connection.close()
        else:
            self._readers.append(connection)

    def read(self, statement: Prepared, **values: Any) -> list[Any]:
        """Return all rows of a statement, read on its own."""
        with self.snapshot() as read:
            return read(statement, **values)

    @contextmanager
    def snapshot(self) -> Iterator[Callable[..., list[Any]]]:
        """Give a `read` all of whose statements see one instant.  It holds up the emptying of the log."""
        connection = self.take()

        def read(statement: Prepared, **values: Any) -> list[Any]:
            try:
                rows: list[Any] = connection.execute(statement.sql, statement.values(values)).fetchall()
            except self.errors as error:
                raise KmipError(ResultReason.GENERAL_FAILURE, "the store could not be read") from error
            return rows

        try:
            yield read
        finally:
            self.give_back(connection)

    def _located(self, shape: locate.Shape) -> Prepared:
        return Prepared(locate.identifiers(shape), self._engine.dialect)

    def _counted(self, shape: locate.Shape) -> Prepared:
        return Prepared(locate.count(shape), self._engine.dialect)

    def _renew_if_outdated(self, error: BaseException) -> None:
        """Have whoever tries again seal under the new data key, and judge by the new rules."""
        if isinstance(error, OutdatedSeal):
            self.sealer.renew()
        elif isinstance(error, OutdatedRules):
            self._known_rules = None

    def _forget_acknowledged(self, cursor: Any) -> Callable[[], None]:
        with self._lock:
            acknowledged = tuple(self._acknowledged)
        self.statements.forget_records.run(cursor, [(record_id,) for record_id in acknowledged])

        def forgotten() -> None:
            with self._lock:
                self._acknowledged.difference_update(acknowledged)

        return forgotten

    def _when_idle(self, connection: Any) -> bool:
        if self._has_erased and sqlite.forget_erased(connection):
            self._has_erased = False
        return not self._has_erased


class SqlDataKeys:
    """The data keys in the same database."""

    def __init__(self, storage: SqlStorage) -> None:
        self._storage = storage

    def load(self) -> tuple[WrappedDataKey, ...]:
        """Return all data keys, oldest first."""
        return tuple(
            WrappedDataKey(data_key_id=data_key_id, wrapped=wrapped, root_key_id=root_key_id, uses=uses)
            for data_key_id, wrapped, root_key_id, uses in self._storage.read(self._storage.statements.data_keys)
        )

    def add(self, data_key: WrappedDataKey) -> bool:
        """Keep a new data key, durably; False if the identifier is taken or the root key was rotated."""
        statements = self._storage.statements
        values = {
            "data_key_id": data_key.data_key_id,
            "wrapped": data_key.wrapped,
            "root_key_id": data_key.root_key_id,
            "uses": data_key.uses,
        }

        def change(cursor: Any) -> bool:
            for data_key_id, _, root_key_id, _ in statements.data_keys.run(cursor, {}).fetchall():
                if data_key_id == data_key.data_key_id or root_key_id != data_key.root_key_id:
                    return False
            statements.add_data_key.run(cursor, values)
            return True

        was_added: bool = self._storage.submit(change)
        return was_added

    def reserve(self, data_key_id: int, count: int) -> int | None:
        """Add to the uses of a data key, durably; None if it was retired."""
        values = {"of_data_key": data_key_id, "more": count}
        statement = self._storage.statements.reserve_uses
        row = self._storage.submit(lambda cursor: statement.run(cursor, values).fetchone())
        return None if row is None else int(row[0])

    def retire(self, newest: int) -> int:
        """Delete the older data keys, durably."""
        statements = self._storage.statements

        def change(cursor: Any) -> int:
            if statements.newest_data_key.run(cursor, {}).fetchone()[0] != newest:
                return 0
            self._storage.note_erased()
            retired: int = statements.retire_data_keys.run(cursor, {"newest": newest}).rowcount
            return retired

        were_retired: int = self._storage.submit(change)
        return were_retired

    def rewrap(self, data_keys: tuple[WrappedDataKey, ...]) -> bool:
        """Replace all wrapped forms, durably; False if there are others."""
        statement = self._storage.statements.rewrap_data_key
        given = {key.data_key_id for key in data_keys}

        def change(cursor: Any) -> bool:
            if given != {row[0] for row in self._storage.statements.data_keys.run(cursor, {}).fetchall()}:
                return False
            self._storage.note_erased()
            for key in data_keys:
                values = {"of_data_key": key.data_key_id, "wrapped": key.wrapped, "root_key_id": key.root_key_id}
                statement.run(cursor, values)
            return True

        was_replaced: bool = self._storage.submit(change)
        return was_replaced


def _copy_before_upgrade(path: Path, revision: str) -> None:
    """Keep the database as it was, beside it: an upgrade cannot be undone.

    It is copied over a connection of its own: SQLite copies nothing inside a transaction, and the upgrade's, which has
    not changed anything yet, keeps everybody else from changing anything.
    """
    sqlite.copy_database(path, path.with_name(f"{path.name}.schema-{revision}"))


def _refuse_upgrade(revision: str) -> None:
    raise StorageUnusable(
        f"the database has schema {revision} of an older release; start the server of this release once to upgrade it"
    )
