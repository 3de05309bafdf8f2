"""Groups of users: from a file, or from a directory whose answers are remembered for a while.

A directory is asked in threads of its own, once for each name however many requests wait for it, and anew before an
answer grows too old. Without a fresh answer a request is refused: groups decide what a client may do.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import Final, Protocol

from attrs import field

from kmip_core.classes import define, frozen
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError, Unusable, anew

LOG: Final = logging.getLogger("kmipd.identity")

NO_GROUP: Final = frozenset({""})
"""Groups of a user whom a directory knows to be in none: policies' presets are for users that it does not know."""

REMEMBERED: Final = 4_096  # names; those of valid certificates, so this bounds a mistake rather than an attack
FAILURE_SECONDS: Final = 5.0  # a refusal is believed so long, so that a silent service is not asked by every request
FILE_SIZE: Final = 16 * 1024 * 1024  # bytes


class Groups(Protocol):
    """Knows who belongs to which groups. Re-entrant."""

    def remembered(self, name: str) -> frozenset[str] | None:
        """Return the groups if that takes no waiting, else None.  Raises KmipError (Authentication Not Successful)."""
        ...

    def of(self, name: str) -> frozenset[str]:
        """Return the groups, waiting if need be.  Raises KmipError (Authentication Not Successful)."""
        ...


class UnusableGroups(Unusable):
    """The file of groups cannot be read; the text says why and what to do."""


class FileGroups:
    """Groups from a JSON file: user name -> list of groups. Changes are taken up; a broken file changes nothing."""

    def __init__(self, path: Path) -> None:
        """Read the file.  Raises UnusableGroups."""
        self._path = path
        self._stamp = _stamp(path)
        self._groups = read_groups(path)

    def remembered(self, name: str) -> frozenset[str]:
        """Return the groups; who is not in the file is in none and judged by policies' presets."""
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._groups = read_groups(self._path)
            except UnusableGroups as error:
                LOG.error("%s; what the file said before stays in force", error)
        return self._groups.get(name, frozenset())

    of = remembered


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def read_groups(path: Path) -> Mapping[str, frozenset[str]]:
    """Return user names and their groups.  Raises UnusableGroups."""
    try:
        with path.open("rb") as file:
            groups_of = json.loads(file.read(FILE_SIZE))
    except OSError as error:
        raise UnusableGroups(f"groups of {path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UnusableGroups(f"{path} is not JSON: {error}; write user names with lists of groups") from error
    if not isinstance(groups_of, dict) or not all(_are_names(groups) for groups in groups_of.values()):
        raise UnusableGroups(f'{path}: must map user names to lists of groups: {{"alice": ["auditors"]}}')
    return {name: frozenset(groups) or NO_GROUP for name, groups in groups_of.items()}


def _are_names(groups: object) -> bool:
    return isinstance(groups, list) and all(isinstance(group, str) for group in groups)


@frozen
class _Answer:
    """What a directory said.  expires: by the clock of `RememberedGroups`."""

    groups: frozenset[str] | KmipError
    expires: float


@define(eq=False)
class RememberedGroups:
    """Groups from a slow directory.

    ask: returns a user's groups within `timeout` seconds, or raises KmipError, which is what the client gets.
    seconds: how long an answer is believed; when half of that has passed, it is fetched anew in the background.
    """

    ask: Callable[[str], frozenset[str]]
    seconds: float = 60.0
    timeout: float = 10.0
    now: Callable[[], float] = time.monotonic
    _answers: dict[str, _Answer] = field(factory=dict, init=False)
    _asked: "dict[str, Future[_Answer]]" = field(factory=dict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _workers: ThreadPoolExecutor = field(
        factory=lambda: ThreadPoolExecutor(4, thread_name_prefix="kmip-groups"), init=False
    )

    def remembered(self, name: str) -> frozenset[str] | None:
        """Return the groups if a fresh answer is there, else None.  Raises KmipError for a fresh refusal."""
        answer = self._answers.get(name)
        left = -1.0 if answer is None else answer.expires - self.now()
        if answer is None or left <= 0:
            return None
        if isinstance(answer.groups, KmipError):
            raise anew(answer.groups)
        if left < self.seconds / 2:
            self._request(name)
        return answer.groups

    def of(self, name: str) -> frozenset[str]:
        """Return the groups, asking if need be.  Raises KmipError (Authentication Not Successful)."""
        groups = self.remembered(name)
        if groups is not None:
            return groups
        try:
            answer = self._request(name, unless_fresh=True).result(self.timeout)
        except FutureTimeout:
            late = _Answer(refused("the group service did not answer in time"), self.now() + FAILURE_SECONDS)
            with self._lock:  # the next request of this client need not wait as long again
                before = self._answers.get(name)
                if before is None or before.expires <= self.now():
                    self._answers[name] = late
            raise refused("the group service did not answer in time") from None
        if isinstance(answer.groups, KmipError):
            raise anew(answer.groups)
        return answer.groups

    def close(self) -> None:
        """Ask nothing more."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _request(self, name: str, *, unless_fresh: bool = False) -> "Future[_Answer]":
        """Return the answer to be, one question at a time for each name."""
        with self._lock:
            asked = self._asked.get(name)
            answer = self._answers.get(name)
            if unless_fresh and asked is None and answer is not None and answer.expires > self.now():
                asked = Future()  # it came while we were looking
                asked.set_result(answer)
            elif asked is None:
                asked = self._asked[name] = self._workers.submit(self._fetch, name)
            return asked

    def _fetch(self, name: str) -> _Answer:
        try:
            answer = _Answer(self.ask(name) or NO_GROUP, self.now() + self.seconds)
        except KmipError as error:
            answer = _Answer(error, self.now() + min(FAILURE_SECONDS, self.seconds))
        except Exception:  # a bug in an adapter of a directory must not leave requests waiting
            LOG.exception("asking for the groups of %s failed", name)
            answer = _Answer(refused("the group service cannot be asked"), self.now() + FAILURE_SECONDS)
        with self._lock:
            self._asked.pop(name, None)
            if len(self._answers) >= REMEMBERED:
                self._answers.clear()  # rare enough that a cleverer choice would not pay
            before = self._answers.get(name)
            is_worse = isinstance(answer.groups, KmipError) and answer.groups.message == UNREACHABLE
            if not (is_worse and before is not None and before.expires > self.now()):
                self._answers[name] = answer  # while an answer is fresh, a failed refresh does not end it
        return answer


UNREACHABLE: Final = "no group service could be asked; see the server's log"


def refused(message: str) -> KmipError:
    """Return the refusal of a client whose groups are not known."""
    return KmipError(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, message)
