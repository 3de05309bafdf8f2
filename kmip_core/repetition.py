"""Units of work that are run again after a conflict: what has been computed is kept, so that conflicts cost no work.

A client that keeps changing the base of a heavy derivation would otherwise have the server derive again and again.
"""

from collections.abc import Callable, Set
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

from attrs import evolve

from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.operation import Cost
from kmip_core.ports.steps import SLOWER, MoveTo, Pace, Step, Steps, Wait
from kmip_core.ports.storage import ConcurrentChange, Read, ReadBegun, Storage, TakesLong, UnitOfWork
from kmip_core.services import EngineServices

T = TypeVar("T")

ATTEMPTS: Final = 200
"""How often a unit of work is run again after another request changed its object; then the client is asked to retry.
More than the requests that wait for a commit at once: each round one of them succeeds."""

COMPUTATIONS: Final = 3
"""How often the same heavy work is computed at most, because what it computes with has changed or cannot be kept."""

_HEAVY: Final = frozenset({Cost.WORKS, Cost.COMPUTES})

KEPT: Final = frozenset(
    {
        "make_key_pair",
        "convert",
        "encrypt",
        "decrypt",
        "sign",
        "verify",
        "mac",
        "verify_mac",
        "derive",
        "split_secret",
        "join_secret",
        "read_container",
        "write_container",
    }
)
"""Methods of the ports, and of `OnePart`, that take time and have no effect but their result."""


def read(storage: Storage, look: Callable[[UnitOfWork], T], pace: Pace = Pace.SLOW, begun: Read | None = None) -> T:
    """Return what `look` finds in a unit of work that changes nothing; again where the store cannot read on.

    begun: what an earlier attempt has begun to read, which is done.
    Raises KmipError (Server Limit Exceeded) if it never can, and TakesLong as units of work do.
    """
    for _ in range(ATTEMPTS):
        with suppress(ConcurrentChange), (begun or storage).unit_of_work(pace) as work:
            return look(work)
        begun = None
    raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "the store is busy; try again")


def reading(storage: Storage, look: Callable[[UnitOfWork], T], pace: Pace) -> Steps[T]:
    """Give what `look` finds in a unit of work that changes nothing; in a thread where it takes long.

    Raises KmipError as `read` does.
    """
    begun: Read | None = None
    has_thread = not storage.blocking  # or needs none
    while True:
        try:
            return read(storage, look, pace, begun)
        except ReadBegun as waiting:
            begun = waiting.read
            following: Step = Wait(begun)
        except TakesLong:
            begun = None
            if has_thread:
                pace = SLOWER[pace]
            has_thread = True
            following = MoveTo(pace)
        yield following


class Repetition:
    """How one unit of work is repeated.  services: what each attempt is run with."""

    def __init__(self, services: EngineServices, costs: Set[Cost | None]) -> None:
        """Begin with the first attempt.  costs: of the items in the unit of work; None for one that is refused."""
        self.services = services
        self._is_heavy = not _HEAVY.isdisjoint(costs)
        self._attempts = 1
        self._computed: list[_Kept] = []

    def may_go_on(self) -> bool:
        """Return whether there may be another attempt after a conflict; the results of the last one are kept.

        Keys that a token holds are given back when an attempt fails, so its results are not kept.
        """
        self._attempts += 1
        if not self._is_heavy:
            return self._attempts <= ATTEMPTS
        if self.services.crypto.capabilities.holds_keys:
            return self._attempts <= COMPUTATIONS
        if not self._computed:  # the first conflict: work that never meets one pays nothing for this
            crypto: Any = _Kept(self.services.crypto)
            one_part: Any = _Kept(self.services.one_part)
            key_forms: Any = _Kept(self.services.key_forms)
            self._computed = [crypto, one_part, key_forms]
            self.services = evolve(self.services, crypto=crypto, one_part=one_part, key_forms=key_forms)
            return True
        fresh = [kept.start_over() for kept in self._computed]
        return self._attempts <= ATTEMPTS and max(fresh) < COMPUTATIONS - 1


class _Kept:
    """A port whose heavy methods answer what they have answered before, each result once per attempt."""

    def __init__(self, port: Any) -> None:
        self._port = port
        self._results: list[tuple[Any, Any]] = []
        self._unused: list[tuple[Any, Any]] = []
        self._is_fresh = False
        self._times = 0

    def start_over(self) -> int:
        """Begin an attempt; return in how many attempts something had to be computed."""
        self._times += self._is_fresh
        self._is_fresh = False
        self._unused = list(self._results)
        return self._times

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._port, name)
        return partial(self._call, name, value) if name in KEPT else value

    def _call(self, name: str, function: Callable[..., Any], *values: Any, **more: Any) -> Any:
        asked = (name, values, more)
        for place, (known, result) in enumerate(self._unused):
            if known == asked:
                del self._unused[place]  # a second call with the same values, as for another key, has its own result
                return result
        result = function(*values, **more)
        self._results.append((asked, result))
        self._is_fresh = True
        return result
