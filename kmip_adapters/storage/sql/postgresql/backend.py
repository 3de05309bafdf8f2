"""PostgreSQL as a backend, and the engines that speak its protocol (CockroachDB, YugabyteDB).

Only SQL that all of them have is used. Writers are serialized by a row that each of their transactions changes first
(`kmipd_lock`), since advisory locks are PostgreSQL's alone: sequence numbers are in the order of commits, and what a
writer reads is what all earlier ones have left. In the same statement the writer notes the number of its transaction
in a row of its own (`kmipd_writers`): when the answer to a COMMIT is lost with the connection, that row says whether it
was committed, and nothing is written twice.
"""

import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import psycopg
from psycopg import errors, pq
from psycopg.conninfo import conninfo_to_dict

from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.sql.backend import Options
from kmip_adapters.storage.sql.dialects import POSTGRESQL
from kmip_adapters.storage.sql.driver import Connection
from kmip_adapters.storage.sql.migration import History, MakeSealer
from kmip_adapters.storage.sql.postgresql import texts
from kmip_adapters.storage.sql.postgresql.gathered import GatheringConnection
from kmip_adapters.storage.sql.postgresql.loop_reads import LoopReads
from kmip_adapters.storage.sql.postgresql.readers import Reader, Unreachable
from kmip_adapters.storage.sql.postgresql.revision import check_encoding, check_sessions, revision
from kmip_adapters.storage.sql.postgresql.watchdog import Watchdog, WatchedConnection
from kmip_core.ports.storage import TakesLong

PATIENCE: Final = 2.5
"""Seconds for which what fails transiently is tried again. With the last attempt it is below 5 s for the client."""

CONNECT_TIMEOUT: Final = 2
"""Seconds to connect, for each host of the URL; the least that libpq takes."""

STATEMENT_SECONDS: Final = 4.0
"""Seconds without an answer to one statement after which the database is taken for unreachable."""

LONG_STATEMENT_SECONDS: Final = 60.0
"""The same for a Locate that may take as long as it needs."""

PAUSE: Final = 0.02
LONGEST_PAUSE: Final = 0.5
"""Seconds between attempts: about the first, doubled each time up to the second, at random so that nodes differ."""

UNREACHABLE_SECONDS: Final = 1.0
"""How long the database is taken for unreachable after it gave no answer, or no connection: requests fail at once
meanwhile, and do not queue. In the second case only those fail that need a further connection."""

POOL_SIZE: Final = 16
"""Connections for units of work."""

LONGEST_KEY: Final = 2_000
"""Bytes of a text in an index: PostgreSQL takes 2,704 in one entry."""

TRANSIENT: Final = frozenset(
    {
        "40001",  # serialization failure
        "40P01",  # deadlock
        "53300",  # too many connections
        "55P03",  # the lock row was not to be had in time
        "57P01",  # the server is being stopped
        "57P02",  # it crashed
        "57P03",  # it is starting
        "25006",  # it has become a standby
        "25P03",  # this transaction was idle for too long
        "25P04",  # it took too long
        "57P05",  # this session was idle for too long
    }
)
"""SQLSTATEs after which a transaction may succeed when it is run again; so may those of class 08, lost connections."""

_OF_EVERY_SESSION: Final = {
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "lock_timeout": "0",
    "statement_timeout": "0",
    "transaction_timeout": "0",
}
"""Whatever the administrator has set for the role: connections are kept while nothing is asked, and nodes wait for the
one that upgrades the schema. What takes long is ended here (`Watchdog`)."""

_OF_READERS: Final = {
    "idle_in_transaction_session_timeout": "600000",
    "default_transaction_read_only": "on",
}
_OF_WRITERS: Final = {
    # A node that stops in the middle of its transaction must not keep the others from writing.
    "idle_in_transaction_session_timeout": "4000",
    "lock_timeout": "2000",
}

_UNKNOWN: Final = (
    errors.UndefinedObject,
    errors.FeatureNotSupported,
    errors.SyntaxError,
    errors.InvalidParameterValue,
)
"""How engines refuse a setting that they do not have."""

BEGIN_WRITING: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
"""Each statement of a writer sees what is committed before it: with the lock row, all that there is."""

_TAKE_LOCK: Final = (
    "WITH held AS (UPDATE kmipd_lock SET epoch = epoch + 1 WHERE id = 1 RETURNING epoch) "
    "UPDATE kmipd_writers SET epoch = held.epoch FROM held WHERE writer = %s RETURNING kmipd_writers.epoch"
)
_WAIT_FOR_LOCK: Final = "SELECT epoch FROM kmipd_lock WHERE id = 1 FOR UPDATE"
_ADD_WRITER: Final = "INSERT INTO kmipd_writers (writer, epoch, begun_at) VALUES (%s, 0, %s)"
_EPOCH_OF_WRITER: Final = "SELECT epoch FROM kmipd_writers WHERE writer = %s"
_FORGET_WRITERS: Final = "DELETE FROM kmipd_writers WHERE writer = %s OR begun_at < %s"
_NO_EPOCH: Final = -1  # of a transaction whose number is not known yet, so that it cannot have been committed
_WRITER_DAYS: Final = 30  # a writer that has run longer adds its row anew


class PostgresBackend:
    """One database, on one or several hosts of which one takes writes.

    url: as SQLAlchemy or libpq write it, "postgresql+psycopg://user@host1,host2/database?sslmode=verify-full".
    Raises StorageUnusable for a URL that libpq does not take.
    """

    blocking = True
    tells_state = False
    path = None
    longest_key = LONGEST_KEY
    dialect = POSTGRESQL
    errors: tuple[type[Exception], ...] = (psycopg.Error,)

    def __init__(self, url: str, options: Options) -> None:
        self._parameters = _parameters(url)
        self._read_password = options.read_password
        self.name = f"{self._parameters.get('dbname', '')} on {self._parameters.get('host') or 'this machine'}"
        self.pool_size = options.pool_size or POOL_SIZE
        self._watchdog = Watchdog(self._note_unreachable)
        self._unreachable_until = 0.0  # for all that is asked
        self._refuses_until = 0.0  # for connections that are to be made
        self._has_refused = False  # whether the last attempt to connect has failed
        self._writer = secrets.token_hex(16)
        self._writer_epoch: int | None = None  # of its last transaction; None: it has no row yet
        self._unknown_settings: set[str] = set()
        self.loop_reads = LoopReads(self)

    # --- connections ------------------------------------------------------------------------------------------------

    def revision(self, history: History) -> str | None:
        """Return the revision of the tables."""
        with closing(self.connect(limit=LONG_STATEMENT_SECONDS)) as connection:
            return revision(connection, history)

    def open_schema(self, history: History, *, may_upgrade: bool, make_sealer: MakeSealer | None) -> None:
        """Create or upgrade the tables, one statement a transaction, while a row keeps other nodes from doing so."""
        connect = partial(self.connect, limit=LONG_STATEMENT_SECONDS)
        with closing(connect()) as connection:
            check_encoding(connection)
            with closing(connect()) as other:
                check_sessions(connection, other)
            if revision(connection, history) == history.revision:
                return
        from kmip_adapters.storage.sql.postgresql import schema  # loads SQLAlchemy

        schema.open_schema(connect, history, may_upgrade, make_sealer)

    def open_reader(self) -> Reader:
        """Return a connection for units of work."""
        return Reader(self.open_again(), self)

    def open_again(self) -> WatchedConnection:
        """Return the connection behind a reader."""
        return self.connect(_OF_READERS)

    def open_for_loop(self, milliseconds: int, lock_milliseconds: int) -> WatchedConnection:
        """Return a connection for the reads of an event loop."""
        limits = {"statement_timeout": f"{milliseconds:d}", "lock_timeout": f"{lock_milliseconds:d}"}
        return self.connect({**_OF_READERS, **limits})

    def open_writer(self) -> GatheringConnection:
        """Return the writer's connection; the writer has its row."""
        connection = self.connect(_OF_WRITERS)
        if self._writer_epoch is None:
            try:
                connection.execute(_ADD_WRITER, (self._writer, int(time.time())))
                self._writer_epoch = 0
            except BaseException:
                connection.close()
                raise
        return GatheringConnection(connection)

    def connect(
        self, settings: Mapping[str, str] = MappingProxyType({}), limit: float = STATEMENT_SECONDS
    ) -> WatchedConnection:
        """Return a new connection in autocommit mode.

        settings: of the session, in milliseconds where they are times.
        Raises psycopg.Error: Unreachable at once if attempts were given up less than a second ago.
        """
        if self._is_unreachable() or time.monotonic() < self._refuses_until:
            raise Unreachable("the database could not be reached")
        parameters = dict(self._parameters)
        if self._read_password is not None:
            try:
                parameters["password"] = self._read_password()  # read again each time: it may have been changed
            except (OSError, ValueError) as error:
                why = str(getattr(error, "strerror", None) or error).lower()
                raise psycopg.OperationalError(f"the database's password cannot be read: {why}") from error
        try:
            raw = psycopg.connect(**parameters, autocommit=True)
        except psycopg.Error:
            self._has_refused = True
            raise
        self._has_refused = False
        texts.register(raw)
        connection = WatchedConnection(raw, self._watchdog, limit)
        try:
            self._set(connection, {**_OF_EVERY_SESSION, **settings})
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Take the writer's row back, and end the watchdog."""
        self.loop_reads.close()
        try:
            if self._writer_epoch is not None:
                with closing(self.connect()) as connection:
                    connection.execute(_FORGET_WRITERS, (self._writer, int(time.time()) - _WRITER_DAYS * 86_400))
        except psycopg.Error:
            pass  # the row does no harm, and is removed by a later node
        finally:
            self._watchdog.close()

    def _set(self, connection: WatchedConnection, settings: Mapping[str, str]) -> None:
        """Set something for a session; what this engine does not know is left out from then on."""
        statements = [f"SET {name} = {value}" for name, value in settings.items() if name not in self._unknown_settings]
        try:
            connection.execute_several("; ".join(statements))
            return
        except _UNKNOWN:
            pass  # nothing of it holds
        for name, value in settings.items():
            try:
                connection.execute(f"SET {name} = {value}")
            except _UNKNOWN:
                self._unknown_settings.add(name)

    def check_wait(self) -> None:
        """Raise TakesLong on the thread of an event loop, but for work that may take long there."""
        if not self.loop_reads.may_wait:
            raise TakesLong("the database must be waited for")

    # --- transactions -----------------------------------------------------------------------------------------------

    def state(self) -> None:
        """None: to ask for it would be the round trip that an object costs."""

    def commits_between(self, before: bytes, after: bytes) -> int:
        """Raise LookupError: there are no states."""
        raise LookupError("the database tells no states")

    def begin_reading(self, connection: Any, *, is_long: bool) -> None:
        """Begin a snapshot: its transaction at once for one of many statements, else with the second statement."""
        if self._is_unreachable():
            raise Unreachable("the database could not be reached")
        if is_long:
            connection.begin()

    def end_reading(self, connection: Any) -> None:
        """End a snapshot; after an error too."""
        connection.end()

    def turn(self) -> AbstractContextManager[bool]:
        """Need none: transactions of all nodes wait for one row."""
        return nullcontext(False)

    def begin_writing(self, cursor: Any) -> None:
        """Begin a transaction with the lock row, before what it runs first."""
        self._writer_epoch = _NO_EPOCH
        cursor.forget()
        cursor.keep(BEGIN_WRITING)
        self._taken = cursor.keep(_TAKE_LOCK, (self._writer,))

    def gathering(self, cursor: Any) -> AbstractContextManager[None]:
        """Send what is looked at late together."""
        return cursor.gathering()  # type: ignore[no-any-return]  # the port has any driver's cursor

    def commit(self, cursor: Any) -> None:
        """Note the transaction's number, and return when the database has it on stable storage."""
        rows = cursor.rows_of(self._taken)
        if not rows:  # another node has removed the writer as old
            cursor.execute(_ADD_WRITER, (self._writer, int(time.time())))
            rows = cursor.execute(_TAKE_LOCK, (self._writer,)).fetchall()
        self._writer_epoch = rows[0][0]
        if cursor.execute("COMMIT").statusmessage != "COMMIT":  # an aborted transaction ends so without an error
            raise psycopg.OperationalError("the transaction was rolled back")

    def in_transaction(self, connection: Any) -> bool:
        """Whether a transaction is open on a connection that is."""
        status: pq.TransactionStatus = connection.transaction_status
        return status in (pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR)

    def is_transient(self, error: BaseException) -> bool:
        """Whether it was a conflict, or the connection was lost, and the database is not known to be unreachable."""
        if isinstance(error, Unreachable) or not isinstance(error, psycopg.Error):
            return False
        state = error.sqlstate
        if state is None:  # libpq's own: it could not connect, or the connection has ended
            return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return state in TRANSIENT or state.startswith("08")

    def was_committed(self, connection: Connection) -> bool:
        """Whether the writer's last transaction is there, once its session on the database has ended."""
        connection.execute("BEGIN")
        connection.execute(_WAIT_FOR_LOCK)  # until then the transaction may still be going on
        row = connection.execute(_EPOCH_OF_WRITER, (self._writer,)).fetchone()
        connection.execute("ROLLBACK")
        return row is not None and row[0] == self._writer_epoch

    def pauses(self, since: float | None = None) -> Iterator[float]:
        """Give pauses for some seconds; then make no connection for a moment, if there was none to be had."""
        deadline = (time.monotonic() if since is None else since) + PATIENCE
        pause = PAUSE
        while time.monotonic() < deadline:
            yield pause * random.uniform(0.5, 1.5)  # noqa: S311  no secret
            pause = min(2 * pause, LONGEST_PAUSE)
        if self._has_refused:
            self._refuses_until = time.monotonic() + UNREACHABLE_SECONDS

    def _is_unreachable(self) -> bool:
        return time.monotonic() < self._unreachable_until

    def _note_unreachable(self) -> None:
        self._unreachable_until = time.monotonic() + UNREACHABLE_SECONDS

    @contextmanager
    def within(self, connection: Any, milliseconds: int | None) -> Iterator[None]:
        """Have a read that takes longer raise TakesLong."""
        if milliseconds is None:
            connection.limit = LONG_STATEMENT_SECONDS
            try:
                yield
            finally:
                connection.limit = None
            return
        try:
            with connection.within(milliseconds):
                yield
        except errors.QueryCanceled as error:
            self.end_reading(connection)  # it is aborted; what is read after this belongs to another attempt
            raise TakesLong(f"more than {milliseconds} ms of reading") from error

    # --- maintenance ------------------------------------------------------------------------------------------------

    def clean_up(self, connection: Connection) -> bool:
        """Nothing: what is deleted stays in the database's files until its own vacuum and log recycling."""
        return True

    def faults(self, read: Callable[..., list[Any]]) -> Iterator[str]:
        """Nothing: the database's own tools check its files (pg_amcheck)."""
        return iter(())


def _parameters(url: str) -> dict[str, Any]:
    """Return what libpq needs to connect.  Raises StorageUnusable."""
    scheme, separator, rest = url.partition("://")
    if scheme not in ("postgresql+psycopg", "postgresql") or not separator:
        raise StorageUnusable(f"{scheme}: write postgresql+psycopg://user@host/database")
    try:
        given = conninfo_to_dict(f"postgresql://{rest}")
    except psycopg.Error as error:
        raise StorageUnusable(f"the database's URL: {str(error).strip()}") from None
    defaults = {
        "connect_timeout": CONNECT_TIMEOUT,
        "application_name": "kmipd",
        "target_session_attrs": "read-write",  # a standby may be behind: what was revoked would be used there
        "tcp_user_timeout": int(STATEMENT_SECONDS * 1000),
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
    }
    return defaults | given | {"client_encoding": "UTF8"}
