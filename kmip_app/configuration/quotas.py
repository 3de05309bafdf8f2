"""The file of quotas: what identities and groups may use, where it differs from the server's settings.

    {"identities": {"alice": {"requests_per_second": 50}},
     "groups": {"batch": {"slow_seconds_per_minute": 600, "objects": 50000}}}

An identity's own entry counts before those of its groups; of several groups, each number is the most generous one.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from attrs import evolve, fields_dict

from kmip_adapters.storage.quotas import Quota
from kmip_adapters.transport.rates import Allowance
from kmip_core.classes import frozen
from kmip_core.errors import Unusable

LOG: Final = logging.getLogger("kmip_app")
FILE_SIZE: Final = 4 * 1024 * 1024  # bytes
LOOK_EVERY: Final = 2.0  # seconds
_OF_REQUESTS: Final = frozenset(fields_dict(Allowance))
NAMES: Final = (*fields_dict(Allowance), *fields_dict(Quota))


class UnusableQuotas(Unusable):
    """The file of quotas cannot be read; the text says why and what to do."""


Numbers = Mapping[str, float]


@frozen
class _Quotas:
    identities: Mapping[str, Numbers]
    groups: Mapping[str, Numbers]


class Quotas:
    """Looks up the allowance and the quota of an identity. Re-entrant.

    Changes of the file are taken up; a broken file changes nothing.
    default, quota: for those that the file does not name.  path: None where all identities have them.
    groups_of: the groups of an identity as far as they are known without waiting.  Raises UnusableQuotas.
    """

    def __init__(
        self,
        default: Allowance,
        path: Path | None = None,
        groups_of: Callable[[str], frozenset[str]] = lambda name: frozenset(),
        now: Callable[[], float] = time.monotonic,
        quota: Quota | None = None,
    ) -> None:
        self._quota = quota or Quota()
        self._default = default
        self._path = path
        self._groups_of = groups_of
        self._now = now
        self._lock = threading.Lock()
        self._looked_at = now()
        self._stamp = None if path is None else _stamp(path)
        self._quotas = _Quotas({}, {}) if path is None else read_quotas(path)

    def of(self, identity: str) -> Allowance:
        """Return what an identity may ask of the server."""
        numbers = self._numbers(identity)
        if not numbers:
            return self._default
        return evolve(self._default, **{name: number for name, number in numbers.items() if name in _OF_REQUESTS})

    def of_store(self, owner: str) -> Quota:
        """Return what an owner may have in the store."""
        numbers = self._numbers(owner)
        if not numbers:
            return self._quota
        return evolve(self._quota, **{name: number for name, number in numbers.items() if name not in _OF_REQUESTS})

    def _numbers(self, identity: str) -> Numbers:
        self._look()
        quotas = self._quotas
        if not quotas.identities and not quotas.groups:
            return {}
        numbers: dict[str, float] = {}
        for group in self._groups_of(identity) if quotas.groups else ():
            for name, number in quotas.groups.get(group, {}).items():
                numbers[name] = max(number, numbers.get(name, 0.0))
        return numbers | dict(quotas.identities.get(identity, {}))

    def _look(self) -> None:
        if self._path is None or self._now() - self._looked_at < LOOK_EVERY:
            return
        with self._lock:
            self._looked_at = self._now()
            stamp = _stamp(self._path)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            try:
                self._quotas = read_quotas(self._path)
            except UnusableQuotas as error:
                LOG.error("%s; what the file said before stays in force", error)


def read_quotas(path: Path) -> _Quotas:
    """Return what a file says.  Raises UnusableQuotas."""
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(FILE_SIZE))
    except OSError as error:
        raise UnusableQuotas(f"quotas of {path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UnusableQuotas(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict) or not content.keys() <= {"identities", "groups"}:
        raise UnusableQuotas(f'{path}: must have "identities" and "groups" and nothing else')
    return _Quotas(*(_entries(path, part, content.get(part, {})) for part in ("identities", "groups")))


def _entries(path: Path, part: str, entries: object) -> Mapping[str, Numbers]:
    if not isinstance(entries, dict):
        raise UnusableQuotas(f"{path}: {part} must map names to numbers")
    for name, numbers in entries.items():
        if not isinstance(numbers, dict) or not numbers.keys() <= set(NAMES):
            raise UnusableQuotas(f"{path}: {part}, {name}: may have {' and '.join(NAMES)}")
        for key, number in numbers.items():
            if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < float("inf"):
                raise UnusableQuotas(f"{path}: {part}, {name}: {key} must be a number above 0")
    return entries


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
