"""Turns between the processes of one server that write to one file: fair, bounded, and let go by whatever ends one.

Two locks of the operating system, one behind the other: a process takes the first to stand at the gate, the second to
pass, and frees the first as it passes. One that has just written and comes again finds another process at the gate, so
none can write twice while another waits. SQLite's own lock has no queue: it is asked again after pauses of up to 0.1 s,
and the process that has just had it is the likeliest to have it again (ADR 0190).
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PATIENCE: Final = 5.0
"""Seconds that a process waits for its turn: as long as for SQLite's lock."""


class NoTurn(Exception):
    """Another process of the server has kept the others from writing for too long."""


class Turnstile:
    """The turns of this process; for one thread. Two files are made beside the database.

    patience: seconds.  Raises OSError.
    """

    def __init__(self, database: Path, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._gate = _open(database.with_name(f"{database.name}.gate"))
        self._passage = _open(database.with_name(f"{database.name}.turn"))
        self._changed = threading.Condition()
        self._is_wanted = False  # by a caller, who waits
        self._is_waiting = False  # the thread of ours, for the locks
        self._is_reached = False
        self._is_closed = False
        self._thread: threading.Thread | None = None

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Have a turn inside the context; gives whether it was waited for.  Raises NoTurn."""
        has_waited = not self._take_at_once()
        if has_waited:
            self._wait()
        try:
            yield has_waited
        finally:
            fcntl.flock(self._passage, fcntl.LOCK_UN)

    def close(self) -> None:
        """Take no more turns.  A thread that still waits for one ends with the process."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if self._thread is not None and not self._is_waiting:
            self._thread.join()
        if not self._is_waiting:
            os.close(self._gate)
            os.close(self._passage)

    def _take_at_once(self) -> bool:
        if self._is_waiting:  # for a caller who gave up
            return False
        try:
            fcntl.flock(self._gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        try:
            fcntl.flock(self._passage, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False  # and stand at the gate: the thread of ours goes on from there
        fcntl.flock(self._gate, fcntl.LOCK_UN)
        return True

    def _wait(self) -> None:
        """Have a thread wait for the locks, which know no time limit, and wait for it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="kmipd-turns", daemon=True)
            self._thread.start()
        with self._changed:
            self._is_wanted, self._is_waiting = True, True
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: self._is_reached, self._patience):
                self._is_wanted = False
                raise NoTurn(f"another process of this server has kept the store for more than {self._patience:g} s")
            self._is_reached = False

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_waiting or self._is_closed)
                if self._is_closed:
                    return
            fcntl.flock(self._gate, fcntl.LOCK_EX)
            fcntl.flock(self._passage, fcntl.LOCK_EX)
            fcntl.flock(self._gate, fcntl.LOCK_UN)
            with self._changed:
                self._is_waiting = False
                if self._is_wanted:
                    self._is_wanted, self._is_reached = False, True
                    self._changed.notify_all()
                else:
                    fcntl.flock(self._passage, fcntl.LOCK_UN)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
