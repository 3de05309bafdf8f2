"""What a database engine must provide so that the store runs on it: connections, transactions, errors, its schema.

Everything else in this room is written once for all engines. A new engine is a module with this protocol, its line in
`backends.py`, and what is peculiar to its statements in `dialects.py`.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from kmip_adapters.storage.sql.dialects import Dialect
from kmip_adapters.storage.sql.driver import Connection, Cursor, Row
from kmip_adapters.storage.sql.migration import History, MakeSealer
from kmip_core.classes import frozen
from kmip_core.ports.steps import Pending


@frozen(kw_only=True)
class Options:
    """What a backend is given besides its URL.

    read_password: reads the password that is not in the URL.  pool_size: connections for units of work.
    is_shared: whether several processes of one server write to the same file, which then take turns.
    """

    read_password: Callable[[], str] | None = None
    pool_size: int | None = None
    is_shared: bool = False


class LoopRead(Pending, Protocol):
    """Statements of one unit of work that were sent without a thread: SQL, values, and whether it is a search."""

    statements: tuple[tuple[str, tuple[Any, ...], bool], ...]

    def rows(self, sql: str, values: tuple[Any, ...]) -> list[Row] | None:
        """Return what a statement has found, None for one that was not sent.  Raises TakesLong if the read failed."""
        ...


class LoopReads(Protocol):
    """Reads for threads that run an event loop, which must not wait."""

    def begin(self, statements: tuple[tuple[str, tuple[Any, ...], bool], ...]) -> LoopRead | None:
        """Send statements that all see one instant; None if this thread runs no event loop.

        Raises TakesLong if another thread must read.
        """
        ...

    def leave_to_threads(self, sql: str, values: tuple[Any, ...]) -> None:
        """Have `begin` raise TakesLong for a statement for some seconds: its row is large."""
        ...

    def begin_long(self) -> Callable[[], None]:
        """Let this thread wait, whatever it runs, until what is returned is called, by any thread."""
        ...


class Backend(Protocol):
    """One database of one engine. Re-entrant; connections are used by one thread at a time."""

    @property
    def dialect(self) -> Dialect:
        """How the engine takes statements."""
        ...

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What connections, cursors and `open_reader` may raise."""
        ...

    @property
    def name(self) -> str:
        """Which database it is, for the operator: its file or its servers, never a password."""
        ...

    @property
    def path(self) -> Path | None:
        """The database file; None where a server of its own keeps the database."""
        ...

    @property
    def blocking(self) -> bool:
        """True if a statement may wait for another machine, so that it must not run on an event loop."""
        ...

    @property
    def loop_reads(self) -> LoopReads | None:
        """Reads without waiting; None where every thread may read."""
        ...

    def check_wait(self) -> None:
        """Raise TakesLong if this thread must not wait for the database."""
        ...

    @property
    def pool_size(self) -> int | None:
        """How many units of work may have a connection at once; None: as many as there are."""
        ...

    @property
    def longest_key(self) -> int | None:
        """Bytes that a text in an index may have (identifier, owner, policy); None: as many as a request holds."""
        ...

    def revision(self, history: History) -> str | None:
        """Return the revision of the tables, None if there are none; changes nothing.  Raises as `open_schema` does."""
        ...

    def open_schema(self, history: History, *, may_upgrade: bool, make_sealer: MakeSealer | None) -> None:
        """Create the tables of a new database, or upgrade an older one.

        make_sealer: gives the steps of an upgrade what they need to seal, over the data keys in this database.

        Raises StorageUnusable for a database of a newer release, of another program, or that must not be upgraded;
        one of `errors` if the database cannot be reached.
        """
        ...

    def open_reader(self) -> Connection:
        """Return a connection that cannot write."""
        ...

    def open_writer(self) -> Connection:
        """Return the connection of the writer."""
        ...

    def begin_reading(self, connection: Connection, *, is_long: bool) -> None:
        """Begin a transaction whose statements all see one instant.

        is_long: whether there will be many statements; else a statement may fail transiently that cannot be answered
        from the same instant as the first.
        """
        ...

    def end_reading(self, connection: Connection) -> None:
        """End that transaction."""
        ...

    @property
    def tells_state(self) -> bool:
        """Whether `state` tells it: not where asking for it would cost what reading an object does."""
        ...

    def state(self) -> bytes | None:
        """Return the state of the database: another one than before if anything was committed since, by any program.

        None where it cannot be told, be it only at this moment.
        """
        ...

    def commits_between(self, before: bytes, after: bytes) -> int:
        """Return how many transactions, of whatever program, were committed and have changed something between states.

        The first that follows a state asked for inside a transaction of the writer is that transaction.
        """
        ...

    def turn(self) -> AbstractContextManager[bool]:
        """Wait until this process may write, and keep other processes of the server from it inside the context.

        Gives whether it had to wait.  Raises one of `errors` after a while.
        """
        ...

    def begin_writing(self, cursor: Cursor) -> None:
        """Begin a transaction that sees all earlier ones and keeps every other writer out until it ends."""
        ...

    def gathering(self, cursor: Cursor) -> AbstractContextManager[None]:
        """Let statements on the cursor inside the context run later than they are given, in their order.

        All have been run once their rows or their number is looked at, and at the end of the context.
        """
        ...

    def commit(self, cursor: Cursor) -> None:
        """Return when the writer's transaction is on stable storage.  Raises one of `errors` if it is not."""
        ...

    def in_transaction(self, connection: Connection) -> bool:
        """Whether a transaction is open, even a failed one; False if the engine has ended it by itself."""
        ...

    def is_transient(self, error: BaseException) -> bool:
        """Whether a transaction that failed so may succeed when it is run again from its beginning.

        So are conflicts with another transaction and connections that were lost.
        """
        ...

    def was_committed(self, connection: Connection) -> bool:
        """Whether the writer's last transaction was committed, although its connection was lost before it said so.

        connection: a new one of the writer.  Raises one of `errors`.
        """
        ...

    def pauses(self, since: float | None = None) -> Iterator[float]:
        """Give the seconds to wait before each further attempt of what has failed with a transient error.

        It ends when a client that has waited since then must get an answer.  since: as time.monotonic() gives it;
        None for now.
        """
        ...

    def within(self, connection: Connection, milliseconds: int | None) -> AbstractContextManager[None]:
        """Have a read inside the context that takes longer raise TakesLong; None for one that may take long."""
        ...

    def clean_up(self, connection: Connection) -> bool:
        """Remove what erased values have left outside of their tables, while no change waits.

        False if that could not be finished, so that it must be tried again soon.
        """
        ...

    def faults(self, read: Callable[..., list[Any]]) -> Iterator[str]:
        """Yield what is wrong with the files of the database, in words for the operator.

        read: runs a `Prepared` in a snapshot.
        """
        ...

    def close(self) -> None:
        """Release what the engine holds; connections have been closed before."""
        ...
