"""Ends connections whose database gives no answer: a statement would wait for ever on a stopped process.

libpq notices a machine that is gone, but not a server that has only stopped; it is the client that must give up.
"""

import os
import socket
import threading
import time
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import psycopg
from psycopg import pq

INTERVAL: Final = 0.25
"""Seconds between two looks at the connections."""


class Watchdog:
    """Looks at connections in a thread of its own, which begins with the first.

    on_hang: called when one has been ended.
    """

    def __init__(self, on_hang: Callable[[], None]) -> None:
        self._on_hang = on_hang
        self._connections: weakref.WeakSet[WatchedConnection] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, connection: "WatchedConnection") -> None:
        """Look at a connection from now on."""
        with self._lock:
            self._connections.add(connection)
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="kmipd-database-watchdog", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(INTERVAL):
            with self._lock:
                connections = tuple(self._connections)
            now = time.monotonic()
            ended = [connection for connection in connections if connection.end_if_overdue(now)]
            if ended:
                self._on_hang()


class WatchedConnection:
    """A connection of psycopg whose statements have an end.

    limit: seconds for each of them; after that its socket is shut down, and the statement raises OperationalError.
    """

    def __init__(self, connection: psycopg.Connection[Any], watchdog: Watchdog, limit: float) -> None:
        self._connection = connection
        self.limit = limit
        self._lock = threading.Lock()
        self._deadline: float | None = None  # of the statement that runs
        watchdog.watch(self)

    @property
    def driver_connection(self) -> psycopg.Connection[Any]:
        """The connection of psycopg, for users whose statements have no end."""
        return self._connection

    @property
    def transaction_status(self) -> pq.TransactionStatus:
        """Whether a transaction is open; UNKNOWN for a connection that has ended."""
        return self._connection.info.transaction_status

    def execute(self, sql: str, values: Any = None) -> psycopg.Cursor[Any]:
        """Run one statement, and return its cursor."""
        return self.run(self._connection.execute, sql, values)  # type: ignore[no-any-return]

    def execute_several(self, sql: str) -> None:
        """Run statements without values in one round trip."""
        self.run(partial(self._connection.execute, prepare=False), sql, None)

    def close(self) -> None:
        """End the session."""
        self._connection.close()

    def run(self, call: Callable[..., Any], sql: str, values: Any) -> Any:
        """Call a method of psycopg that sends a statement."""
        with self._lock:
            self._deadline = time.monotonic() + self.limit
        try:
            return call(sql, values)
        finally:
            with self._lock:
                self._deadline = None

    def waits(self) -> None:
        """Begin to wait for what was sent without `run`, anew if that is waited for already."""
        with self._lock:
            self._deadline = time.monotonic() + self.limit

    def waits_no_more(self) -> None:
        """Say that all of it was answered."""
        with self._lock:
            self._deadline = None

    def end_if_overdue(self, now: float) -> bool:
        """Shut the socket down if a statement has had its time."""
        with self._lock:  # the statement, and with it the connection, cannot end meanwhile
            if self._deadline is None or now < self._deadline:
                return False
            self._deadline = None
            try:
                with socket.socket(fileno=os.dup(self._connection.fileno())) as its_socket:
                    its_socket.shutdown(socket.SHUT_RDWR)
            except (OSError, psycopg.Error):
                return False  # it has ended by itself
            return True
