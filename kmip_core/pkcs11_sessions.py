"""The state of PKCS#11 applications whose functions arrive as KMIP messages: sessions, handles, operations under way.

An application begins with C_Initialize, whose answer carries the Correlation Value that its later requests send. The
state belongs to this process and to one principal, is bounded in number and time, and holds no key. A session is a
value: a request that succeeds puts a new one in its place, so that an attempt that is repeated begins as the first did.
KMIP 2.1 §6.1.37, PKCS#11 3.0 §5.6.
"""

import enum
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import evolve, field

from kmip_core.classes import define, frozen
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError

MAXIMUM_APPLICATIONS: Final = 1_000
MAXIMUM_PER_PRINCIPAL: Final = 8
MAXIMUM_SESSIONS: Final = 64  # of one application
MAXIMUM_HANDLES: Final = 20_000  # of one application
MAXIMUM_HANDLES_OF_ONE: Final = 50_000  # of one principal, in all its applications
MAXIMUM_HANDLES_IN_ALL: Final = 200_000  # some 160 bytes each
MAXIMUM_WAITING: Final = 50_000  # handles that C_FindObjects has not returned yet, of one application
MAXIMUM_KEPT: Final = 4 * 1024 * 1024  # bytes of results that wait for larger buffers, of one principal
MAXIMUM_KEPT_IN_ALL: Final = 64 * 1024 * 1024
LIFETIME: Final = 3_600  # seconds from one request of an application to the next


class Use(enum.Enum):
    """What a session does with a key or a mechanism; one operation of each may be under way in a session."""

    ENCRYPT = "encrypt"
    DECRYPT = "decrypt"
    DIGEST = "digest"
    SIGN = "sign"
    VERIFY = "verify"
    WRAP = "wrap"
    UNWRAP = "unwrap"
    DERIVE = "derive"
    GENERATE = "generate"
    GENERATE_PAIR = "generate pair"

    __hash__ = object.__hash__


@frozen(kw_only=True)
class Active:
    """An operation under way in a session.

    mechanism: the row of `pkcs11.mechanisms`, with its parameter in `parameter`.
    key: the identifier of the key; empty for a digest.
    key_length: bits.
    correlation_value: of the parts that the server has taken, once there are some.
    held: cipher text that is kept back, because its end may be the tag.
    answer: a digest of the call, and its result, where that did not fit into the buffer of the client.
    """

    mechanism: Any
    parameter: Any
    key: str = ""
    key_length: int = 0
    correlation_value: bytes | None = None
    held: bytes = field(default=b"", repr=False)
    answer: tuple[bytes, bytes] | None = field(default=None, repr=False)


@frozen(kw_only=True)
class Session:
    """One session.  is_logged_in: after C_Login.  found: handles that C_FindObjects has not returned yet, or None."""

    is_read_write: bool
    is_logged_in: bool = False
    found: tuple[int, ...] | None = None
    active: Mapping[Use, Active] = field(factory=dict)

    @property
    def kept(self) -> int:
        """Bytes of results that wait for larger buffers."""
        return sum(len(active.answer[1]) for active in self.active.values() if active.answer is not None)

    def doing(self, use: Use, active: Active | None) -> "Session":
        """Return the session with another operation under way, or none, for this use."""
        others = {each: value for each, value in self.active.items() if each is not use}
        return evolve(self, active=others if active is None else {**others, use: active})


@define(kw_only=True)
class Application:
    """One application: its sessions by handle, and the objects that it has handles of.

    together: all applications of this process, whose handles and results are limited together.
    """

    principal: str
    expires: int
    sessions: dict[int, Session] = field(factory=dict)
    together: Mapping[bytes, "Application"] = field(factory=dict, repr=False)
    _kept: int = 0  # bytes of results that wait
    _objects: dict[int, str] = field(factory=dict, repr=False)
    _handles: dict[str, int] = field(factory=dict, repr=False)
    _numbers: Iterator[int] = field(factory=lambda: itertools.count(1), repr=False)

    def new_number(self) -> int:
        """Return a number that no session of this application has had."""
        return next(self._numbers)

    def check_room(self, answer: bytes) -> None:
        """Raise KmipError (Server Limit Exceeded) if no more results can be kept."""
        of_one, in_all = self._sums(lambda application: application._kept)
        if len(answer) + of_one > MAXIMUM_KEPT or len(answer) + in_all > MAXIMUM_KEPT_IN_ALL:
            raise _too_many("too many results wait for larger buffers")

    def check_waiting(self, number: int) -> None:
        """Raise KmipError (Server Limit Exceeded) if so many handles more cannot wait for C_FindObjects."""
        if number + sum(len(session.found or ()) for session in list(self.sessions.values())) > MAXIMUM_WAITING:
            raise _too_many("too many searches are under way; end some with C_FindObjectsFinal")

    def settle(self, changed: Mapping[int, Session | None]) -> None:
        """Put sessions into their new state; None ends one."""
        for handle, session in changed.items():
            if session is None:
                self.sessions.pop(handle, None)
            else:
                self.sessions[handle] = session
        self._kept = sum(session.kept for session in list(self.sessions.values()))

    def handle_of(self, unique_identifier: str) -> int:
        """Return the handle of an object.  Raises KmipError (Server Limit Exceeded) if there are too many."""
        return self.handles_of((unique_identifier,))[0]

    def handles_of(self, unique_identifiers: Sequence[str]) -> tuple[int, ...]:
        """Return the handles of objects.  Raises KmipError (Server Limit Exceeded) if there are too many."""
        new = sum(identifier not in self._handles for identifier in unique_identifiers)
        if new and len(self._handles) + new > MAXIMUM_HANDLES:
            raise _too_many(f"an application has at most {MAXIMUM_HANDLES} handles; begin a new one")
        if new:
            of_one, in_all = self._sums(lambda application: len(application._handles))
            if new + of_one > MAXIMUM_HANDLES_OF_ONE or new + in_all > MAXIMUM_HANDLES_IN_ALL:
                raise _too_many("too many handles are in use; end applications with C_Finalize")
        return tuple(map(self._handle_of, unique_identifiers))

    def _handle_of(self, unique_identifier: str) -> int:
        handle = self._handles.get(unique_identifier)
        if handle is None:
            handle = self._handles.setdefault(unique_identifier, self.new_number())
            self._objects[handle] = unique_identifier
        return handle

    def _sums(self, amount: Callable[["Application"], int]) -> tuple[int, int]:
        """Return what the applications of the principal have together, and what all have."""
        amounts = [(each.principal, amount(each)) for each in list(self.together.values())]
        return sum(each for name, each in amounts if name == self.principal), sum(each for _, each in amounts)

    def object_of(self, handle: int) -> str | None:
        """Return the identifier of the object, None for a handle that was never returned."""
        return self._objects.get(handle)


@define(kw_only=True)
class Applications:
    """All applications of this process, by the Correlation Value that their requests carry."""

    _by_value: dict[bytes, Application] = field(factory=dict, init=False, repr=False)

    def begin(self, correlation_value: bytes, principal: str, now: int) -> None:
        """Begin an application.  Raises KmipError (Server Limit Exceeded) if the principal or the server has too many.

        The oldest application of a principal that has too many gives way: a client that crashed cannot end its own.
        """
        for value, application in list(self._by_value.items()):
            if application.expires <= now:
                self._by_value.pop(value, None)
        own = [value for value, application in self._by_value.items() if application.principal == principal]
        for value in own[: max(0, len(own) - MAXIMUM_PER_PRINCIPAL + 1)]:
            self._by_value.pop(value, None)
        if len(self._by_value) >= MAXIMUM_APPLICATIONS:
            raise _too_many("too many PKCS#11 applications are under way")
        self._by_value[correlation_value] = Application(
            principal=principal, expires=now + LIFETIME, together=self._by_value
        )

    def find(self, correlation_value: bytes | None, principal: str, now: int) -> Application | None:
        """Return an application of the principal; None if it is missing, has ended, or is another's."""
        application = self._by_value.get(correlation_value or b"")
        if application is None or application.principal != principal or application.expires <= now:
            return None
        application.expires = now + LIFETIME
        return application

    def end(self, correlation_value: bytes) -> None:
        """Forget an application; nothing happens if it is not there."""
        self._by_value.pop(correlation_value, None)


def _too_many(message: str) -> KmipError:
    return KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, message)
