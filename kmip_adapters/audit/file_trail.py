"""The audit trail on disk: `FOLDER/CHAIN.jsonl`, one hash-chained file for each process of the server.

A record has been handed to the operating system when `append` returns, so it outlives the process; it is on the
disk within `SYNC_WITHIN` seconds, so a power cut costs at most that much of what the store's outbox does not hold
anyway. A record that cannot be written is a request that cannot be answered.

Full and old files are set aside as `CHAIN.<first sequence>.jsonl`; the chain goes on over them, and they may be
compressed. What the trail does on its own account (cutting off an unfinished line after a crash, removing old files,
going on after a damaged record) it records in itself.
"""

import errno
import fcntl
import logging
import os
import re
import threading
from pathlib import Path
from typing import Final, Literal

from kmip_adapters.audit import files
from kmip_adapters.audit.lines import Head, read_line, write_line
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError, Unusable
from kmip_core.ports.audit import AuditRecord
from kmip_core.ports.storage import Outbox

SYNC_WITHIN: Final = 0.1  # seconds, RULINGS 17
REPAIRED: Final = "Trail repaired"
SHORTENED: Final = "Trail shortened"
GAP: Final = "Trail gap"
"""The event of a trail that was emptied, cut or edited while no server had it."""

SHORTENED_TEXT: Final = "the trail now begins at sequence "

_SYNC_PAUSE: Final = SYNC_WITHIN / 2  # seconds; the rest is for the disk
_LOOK_BACK: Final = 3_600  # seconds: lines this much older than a pending record are not searched for it
_CHAIN_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,72}")

log = logging.getLogger(__name__)


class UnusableTrail(Unusable):
    """The trail cannot be opened; the text says why and what to do."""


class FileTrail:
    """An append-only file of records, each bound to the one before it by its hash."""

    def __init__(
        self,
        folder: Path,
        chain: str = "main",
        *,
        maximum_size: int | None = None,
        maximum_age: float | None = None,
        keep_files: int | None = None,
        audit_gap: Literal["note", "refuse"] = "refuse",
    ) -> None:
        """Open, or begin, the chain in `folder`, which is made if need be.

        chain: the name of this process; the same after a restart, another one in each process of a server.
        maximum_size: bytes after which a file is set aside; None never does.
        maximum_age: seconds from a file's first record on after which it is set aside; None never does.
        keep_files: how many files that were set aside are kept; None keeps all.
        audit_gap: whether a trail whose last record is damaged is gone on with, which is noted in it, or refused.
        Raises UnusableTrail.
        """
        if _CHAIN_NAME.fullmatch(chain) is None:
            raise UnusableTrail(f"audit chain {chain!r}: use up to 72 letters, digits, '-' and '_'")
        self._folder = folder
        self._chain = chain
        self._path = folder / f"{chain}.jsonl"
        self._maximum_size = maximum_size
        self._maximum_age = maximum_age
        self._keep_files = keep_files
        self._audit_gap = audit_gap
        self.findings: list[str] = []
        """What was wrong with the files when they were opened; each is noted in the trail as well."""
        self._began: int | None = None  # time of the first record in the current file
        self._lock = threading.Lock()
        self._notes: list[tuple[str, str]] = []  # what the trail has to say for itself: event and message
        self._fault: str | None = None  # set for good: nothing can be appended any more
        self._is_torn = False  # the file may end in part of a line
        self._set_aside: list[int] = []  # descriptors that still have to be synced and closed
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._guard = _guard(folder / f"{chain}.lock")
        except OSError as error:
            raise UnusableTrail(f"the audit folder {folder} cannot be used: {error.strerror}") from error
        try:
            self._is_made_here = not self._path.exists()
            self._descriptor = files.open_file(self._path)
            head, self._first, self._size = self._take_up()
        except OSError as error:
            os.close(self._guard)
            remedy = "it must be a file that this user may write"
            raise UnusableTrail(f"{self._path} cannot be opened: {error.strerror}; {remedy}") from error
        except UnusableTrail:
            os.close(self._descriptor)
            os.close(self._guard)
            raise
        self._sequence, self._hash = head.sequence, head.hash  # of the newest line
        self._unsynced = threading.Event()
        self._is_syncer_awake = False  # from the first line that it has not synced, until it begins to
        self._is_closing = threading.Event()
        self._syncer = threading.Thread(target=self._keep_synced, name=f"audit-{chain}", daemon=True)
        self._syncer.start()

    @property
    def chain(self) -> str:
        """The name of the chain."""
        return self._chain

    @property
    def head(self) -> Head:
        """The newest line's sequence and hash; kept elsewhere, it lets `verify` notice what was cut off."""
        with self._lock:
            return self._last()

    @property
    def alarms(self) -> int:
        """How many findings there are."""
        return len(self.findings)

    def report(self, finding: str, kept: Head | None = None) -> None:
        """Note that the trail was found to be damaged.

        kept: a head that it had; the numbers go on from there, so that what is missing stays visible.
        """
        with self._lock:
            self.findings.append(finding)
            self._notes.append((GAP, finding))
            if kept is not None and kept.sequence > self._sequence:
                self._sequence, self._hash = kept.sequence, kept.hash

    @property
    def fault(self) -> str | None:
        """Why nothing can be appended any more, or None."""
        return self._fault

    def append(self, record: AuditRecord) -> None:
        """Return when the record has been handed to the operating system.

        Raises KmipError (General Failure) if it cannot be written.
        """
        with self._lock:
            if self._fault is not None:
                raise _unwritten()
            try:
                self._append(record)
            except OSError as error:
                log.error("the audit trail %s cannot be written: %s", self._path, error.strerror)
                raise _unwritten() from error
        if not self._is_syncer_awake:  # looked at without the event's two calls and its lock
            self._is_syncer_awake = True
            self._unsynced.set()

    def replay(self, outbox: Outbox) -> int:
        """Append the outbox's records that the trail does not hold yet, acknowledge all; return how many were new.

        For the start of a server: a crash may have come between a commit and its line. All chains of the folder
        are looked through, since another process may have written the line.
        """
        pending = outbox.pending_records()
        missing = {record.record_id for record in pending}
        if pending:
            missing -= files.find(self._folder, missing, min(r.time for r in pending) - _LOOK_BACK)
        for record in pending:
            if record.record_id in missing:
                self.append(record)
        self._sync()
        for record in pending:
            outbox.acknowledge(record.record_id)
        return len(missing)

    def close(self) -> None:
        """Make everything durable and let go."""
        with self._lock:
            if self._is_closing.is_set():
                return
            self._is_closing.set()
            self._fault = self._fault or "closed"
        self._unsynced.set()
        self._syncer.join()
        self._sync()
        if (
            self._sequence == 0 and self._is_made_here
        ):  # nothing was recorded: an empty file would look like one that was emptied
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        os.close(self._guard)

    def sync(self) -> Head:
        """Return the head once all up to it is on the disk."""
        with self._lock:
            head = self._last()
        self._sync()
        return head

    def _last(self) -> Head:
        return Head(self._sequence, self._hash)

    def _append(self, record: AuditRecord) -> None:
        if self._is_torn:
            os.ftruncate(self._descriptor, self._size)
            self._is_torn = False
        if self._notes:
            self._write_notes(record.time)
        line, digest = write_line(self._chain, self._sequence + 1, self._hash, record)
        most = self._maximum_size
        is_over = most is not None and 0 < self._size > most - len(line)
        if is_over or (self._maximum_age is not None and self._is_old(record.time)):
            self._turn_over()
            self._shorten(record.time)
            line, digest = write_line(self._chain, self._sequence + 1, self._hash, record)
        self._write(line, digest)
        if self._began is None:
            self._began = record.time

    def _is_old(self, now: int) -> bool:
        if self._maximum_age is None or not self._size or self._began is None:
            return False
        return now - self._began >= self._maximum_age

    def _write(self, line: bytes, digest: str) -> None:
        """Hand one line over whole; a part of it is cut off before the next one."""
        self._is_torn = True
        written = os.write(self._descriptor, line)
        if written != len(line):
            raise OSError(errno.ENOSPC, "no room for a whole record")
        self._is_torn = False
        self._size += written
        self._sequence += 1
        self._hash = digest

    def _write_notes(self, time: int) -> None:
        """Record what the trail did on its own account, before the next record and with its time."""
        while self._notes:
            event, message = self._notes[0]
            note = AuditRecord(
                record_id=f"{self._chain}-{self._sequence + 1}",
                time=time,
                principal="",
                event=event,
                message=message,
            )
            self._write(*write_line(self._chain, self._sequence + 1, self._hash, note))
            del self._notes[0]

    def _turn_over(self) -> None:
        """Set the full file aside and go on in a new one."""
        aside = files.name_aside(self._folder, self._chain, self._first)
        if not aside.exists():  # it does after a turn that failed half way: then only the new file is missing
            self._path.rename(aside)
        descriptor = files.open_file(self._path, is_new=True)
        self._set_aside.append(self._descriptor)
        self._descriptor, self._first, self._size = descriptor, self._sequence + 1, 0
        self._began = None

    def _shorten(self, time: int) -> None:
        """Remove the oldest files beyond those to be kept; the note comes first, so no removal goes unrecorded."""
        aside = files.set_aside(self._folder, self._chain)
        if self._keep_files is None or len(aside) <= self._keep_files:
            return
        keep = len(aside) - self._keep_files
        begins = files.first_sequence(aside[keep]) if self._keep_files else self._first
        self._notes.append((SHORTENED, f"{SHORTENED_TEXT}{begins}"))
        self._write_notes(time)
        for path in aside[:keep]:
            path.unlink()

    def _take_up(self) -> tuple[Head, int, int]:
        """Return the head to go on from, the sequence that the file begins with, and the size of its whole lines."""
        size = os.fstat(self._descriptor).st_size
        last, whole = files.last_line(self._descriptor, size)
        if whole != size:
            os.ftruncate(self._descriptor, whole)
            self._notes.append((REPAIRED, f"{size - whole} bytes of an unfinished record were cut off"))
        if last is not None:
            first_line = files.first_line(self._path)
            first = _sequence_of(first_line)
            self._began = _time_of(first_line)
            head = self._head_in(last)
            return (head, first, whole) if head is not None else self._after_damage(self._path, first)
        for path in reversed(files.set_aside(self._folder, self._chain)):
            head = self._head_in(files.last_line_of(path) or b"")
            return (head, head.sequence + 1, 0) if head is not None else self._after_damage(path, None)
        return Head(), 1, 0

    def _head_in(self, last: bytes) -> Head | None:
        """Return the head that a last line tells, None if the line is damaged."""
        try:
            line = read_line(last)
        except ValueError:
            return None
        return Head(line.sequence, line.hash) if line.is_intact and line.chain == self._chain else None

    def _after_damage(self, path: Path, first: int | None) -> tuple[Head, int, int]:
        """Go on from the last intact record, leaving the damaged ones where `verify` finds them; or refuse to.

        first: the sequence that the current file begins with; None if the damage is in one that was set aside.
        """
        if self._audit_gap == "refuse":
            raise UnusableTrail(
                f"the last record of {path} is damaged: move the files of chain {self._chain} out of"
                f" {self._folder} as evidence and start again, which begins a new chain"
            )
        head = next(
            (
                found
                for one in reversed(files.of_chain(self._folder, self._chain))
                for raw in files.backwards(one)
                if (found := self._head_in(raw)) is not None
            ),
            Head(),
        )
        finding = f"the last records of {path.name} are damaged; the chain goes on from record {head.sequence}"
        self.findings.append(finding)
        self._notes.append((GAP, finding))
        if first is not None:
            aside = files.name_aside(self._folder, self._chain, first)
            while aside.exists():  # its first line is damaged too: any name that sorts before what follows
                first += 1
                aside = files.name_aside(self._folder, self._chain, first)
            self._path.rename(aside)
            os.close(self._descriptor)
            self._descriptor = files.open_file(self._path, is_new=True)
        return head, head.sequence + 1, 0

    def _keep_synced(self) -> None:
        """The syncing thread: one fsync for all that was appended within a pause."""
        while not self._is_closing.is_set():
            self._unsynced.wait()
            self._is_closing.wait(_SYNC_PAUSE)
            # Both before the fsync: what is appended during it waits for the next one. In this order: a line that is
            # appended between the two is covered by this fsync, and must not set an event that is then cleared.
            self._unsynced.clear()
            self._is_syncer_awake = False
            self._sync()

    def _sync(self) -> None:
        with self._lock:
            aside, self._set_aside = self._set_aside, []
            current = self._descriptor
        try:
            for descriptor in (*aside, current):
                os.fsync(descriptor)
        except OSError as error:
            # The kernel may have dropped the pages: nothing appended from here on could be vouched for.
            self._fault = error.strerror or "fsync failed"
            log.critical("the disk lost part of the audit trail %s: %s; mend it and restart", self._path, error)
        finally:
            for descriptor in aside:
                os.close(descriptor)


def _unwritten() -> KmipError:
    return KmipError(ResultReason.GENERAL_FAILURE, "the audit trail cannot be written")


def _guard(path: Path) -> int:
    """Return a locked descriptor: two processes that wrote one chain would break it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise UnusableTrail(f"{path} is held by a running server; stop it, or name another chain") from None
    return descriptor


def _time_of(line: bytes) -> int | None:
    try:
        return int(read_line(line).record["time"])
    except (ValueError, KeyError, TypeError):
        return None


def _sequence_of(line: bytes) -> int:
    try:
        return read_line(line).sequence
    except ValueError:
        return 1  # a damaged first line is for `verify` to report; only the file's later name depends on it
