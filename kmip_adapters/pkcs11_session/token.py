"""A token as the server sees it: calls that end in time, whatever the vendor's library does.

A call goes to a free worker process, waits at most its deadline, and kills the worker that does not answer; the next
call starts another one. A wrong PIN is tried once, until another one stands in its place: a further try could lock the
token. A token that cannot be opened for another reason is looked for again by the next call after `retry_seconds`.
"""

import contextlib
import logging
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from kmip_adapters.pkcs11_session import messages
from kmip_adapters.pkcs11_session.refused_pin import RefusedPin
from kmip_core.classes import frozen
from kmip_core.errors import Unusable, anew

_log = logging.getLogger(__name__)

CALL_SECONDS: Final = 15.0
"""How long a call may take."""
GENERATION_SECONDS: Final = 120.0
"""How long the generation of a key pair may take."""
OPENING_SECONDS: Final = 30.0
"""How long a worker may take to load the library and log in."""
RETRY_SECONDS: Final = 5.0
"""How long a token that could not be opened is left alone, so that requests fail at once meanwhile."""

PIN_FAULTS: Final = frozenset({"PinIncorrect", "PinInvalid", "PinLenRange"})
"""Errors after which the same PIN is not tried again: each try brings the token nearer to locking it."""
GONE: Final = frozenset({"DeviceRemoved", "TokenNotPresent", "TokenNotRecognised", "SlotIDInvalid", "DeviceError"})
STALE: Final = frozenset(
    {"SessionHandleInvalid", "SessionClosed", "UserNotLoggedIn", "GeneralError", "OperationActive"} | GONE
)
"""Errors after which a session is not used again: the next call opens another one."""


class TokenError(Exception):
    """A call that came to nothing.

    kind: the name of the PKCS#11 error as python-pkcs11 has it, `Timeout`, or `Unavailable`.
    remedy: what an operator can do; empty where the request alone is at fault.
    """

    def __init__(self, kind: str, text: str, remedy: str = "") -> None:
        super().__init__(text)
        self.kind = kind
        self.remedy = remedy


class TokenUnusable(Unusable):
    """The token cannot be used at the start; the text is for the operator."""


REMEDIES: Final = {
    "PinIncorrect": "the PIN of the token is wrong; it is not tried again, which could lock the token: "
    "correct it where pkcs11_pin says",
    "PinInvalid": "the PIN of the token has characters that the token does not take",
    "PinLenRange": "the PIN of the token has a wrong length",
    "PinLocked": "the PIN of the token is locked; unlock it with the security officer's PIN",
    "PinExpired": "the PIN of the token has expired; set a new one",
    "UserPinNotInitialized": "the token has no user PIN yet; initialize it",
    "TokenNotPresent": "the token is not there; insert it, or correct pkcs11_token",
    "DeviceRemoved": "the token was removed; insert it again",
    "DeviceError": "the token reports a fault of its own; look at it",
    "DeviceMemory": "the token is full; remove keys that are not needed",
    "SessionCount": "the token has no session left; close other programs that use it",
    "TokenWriteProtected": "the token is write-protected",
    "Timeout": "the token did not answer in time; its library was stopped and is started again by the next request",
    "Ended": "the token's library ended its process; it is started again by the next request",
}


@frozen(kw_only=True)
class TokenSettings:
    """Which token, and how it is reached.

    module: path of the vendor's library.  label, serial: of the token; at least one.
    read_pin: gives the PIN, called at every start of a worker; None for a token without one.
    workers: processes, each with a session of its own: a slow call does not hold up the others.
    refused_pin: what other processes of the server know of a PIN that was refused; None for a server of one process.
    """

    module: Path
    label: str | None = None
    serial: str | None = None
    read_pin: Callable[[], bytes] | None = None
    workers: int = 2
    environment: tuple[tuple[str, str], ...] = ()
    retry_seconds: float = RETRY_SECONDS
    refused_pin: RefusedPin | None = None


class _Process:
    """One worker process and the socket to it."""

    def __init__(self, settings: TokenSettings, pin: bytes | None) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  our own module; nothing of a client is in it
                [sys.executable, "-m", "kmip_adapters.pkcs11_session.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, **dict(settings.environment), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        self._connection = ours
        opening = {
            "module": str(settings.module),
            "label": settings.label,
            "serial": settings.serial,
            "pin": pin,
        }
        try:
            self.ask(opening, OPENING_SECONDS)
        except BaseException:
            self.close()
            raise

    def ask(self, message: dict[str, Any], seconds: float) -> Any:
        """Send a message and return the result.  Raises TokenError."""
        try:
            self._connection.settimeout(seconds)
            messages.send(self._connection, message)
            answer = messages.receive(self._connection)
        except TimeoutError:
            raise TokenError("Timeout", REMEDIES["Timeout"], REMEDIES["Timeout"]) from None
        except OSError:
            answer = None
        if answer is None:
            raise TokenError("Ended", REMEDIES["Ended"], REMEDIES["Ended"])
        if "error" in answer:
            kind = answer["error"]
            raise TokenError(kind, answer["text"] or kind, REMEDIES.get(kind, ""))
        return answer["result"]

    def close(self) -> None:
        """End the process, gently if it listens."""
        self._connection.close()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Token:
    """A token behind its workers.  Re-entrant; every method may wait, so none belongs on an event loop."""

    def __init__(self, settings: TokenSettings) -> None:
        """Note which token it is; nothing is started yet.  Raises TokenUnusable if python-pkcs11 is not installed."""
        if find_spec("pkcs11") is None:
            raise TokenUnusable("PKCS#11 tokens need python-pkcs11: pip install 'kmipd[hsm]'")
        self._settings = settings
        self._free: queue.LifoQueue[_Process | None] = queue.LifoQueue()
        for _ in range(settings.workers):
            self._free.put(None)
        self._lock = threading.Lock()
        self._counting = threading.Lock()
        self._pin_fault: TokenError | None = None
        self._refused_pin: bytes | None = None
        self._away_until = 0.0
        self._away: TokenError | None = None
        self._is_closed = False
        self._failures: Counter[str] = Counter()

    def failures(self) -> Mapping[str, int]:
        """Return how many calls failed, by the kind of their TokenError; also those that requests caused."""
        with self._counting:
            return dict(self._failures)

    def call(self, name: str, *, seconds: float = CALL_SECONDS, **arguments: Any) -> Any:
        """Have a worker do a call and return its result.

        Raises TokenError: of the token's own kind; `Timeout` if it does not answer within `seconds`; `Unavailable` if
        every worker is busy for as long.
        """
        with self._worker(seconds) as process:
            return process.ask({"call": name, **arguments}, seconds)

    def open(self) -> dict[str, Any]:
        """Log in and return what the token is and can do.  Raises TokenUnusable for what an operator must mend."""
        try:
            description: dict[str, Any] = self.call("describe", seconds=OPENING_SECONDS)
        except TokenError as error:
            raise TokenUnusable(
                f"PKCS#11 token {self._settings.label or self._settings.serial!r} by {self._settings.module}: "
                f"{error.remedy or error}"
            ) from None
        return description

    @property
    def fault(self) -> str | None:
        """Why the token cannot be used now, or None."""
        fault = self._pin_fault or (self._away if time.monotonic() < self._away_until else None)
        return None if fault is None else fault.remedy or str(fault)

    def close(self) -> None:
        """End the workers that are free; the others end with their calls."""
        self._is_closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                process = self._free.get_nowait()
                if process is not None:
                    process.close()

    @contextlib.contextmanager
    def _worker(self, seconds: float) -> Iterator[_Process]:
        try:
            process = self._free.get(timeout=seconds)
        except queue.Empty:
            busy = TokenError("Unavailable", "the token is busy with other calls", "")
            self._note(busy)
            raise busy from None
        try:
            if process is None:
                process = self._started()
            yield process
        except TokenError as error:
            self._note(error)
            if process is not None and (error.kind in STALE or error.kind in {"Timeout", "Ended"}):
                process.close()
                process = None
            raise
        except BaseException:
            if process is not None:
                process.close()
                process = None
            raise
        finally:
            if self._is_closed and process is not None:
                process.close()
                process = None
            self._free.put(process)

    def _started(self) -> _Process:
        with self._lock:  # one login at a time: a wrong PIN must not be tried by every worker
            if self._away is not None and time.monotonic() < self._away_until:
                raise anew(self._away)
            pin = None if self._settings.read_pin is None else self._settings.read_pin()
            if self._pin_fault is not None and pin == self._refused_pin:
                raise anew(self._pin_fault)
            try:
                process = self._logged_in(pin)
            except TokenError as error:
                if error.kind in PIN_FAULTS:
                    self._pin_fault, self._refused_pin = error, pin
                else:
                    self._away, self._away_until = error, time.monotonic() + self._settings.retry_seconds
                raise
            if self._away is not None or self._pin_fault is not None:
                _log.warning("the PKCS#11 token answers again")
            self._away = self._pin_fault = self._refused_pin = None
            return process

    def _logged_in(self, pin: bytes | None) -> _Process:
        shared = self._settings.refused_pin
        if shared is None or pin is None:
            return _Process(self._settings, pin)
        try:
            with shared.login(pin) as login:
                if login.refused is not None:
                    raise TokenError(login.refused, REMEDIES.get(login.refused, ""), REMEDIES.get(login.refused, ""))
                try:
                    process = _Process(self._settings, pin)
                except TokenError as error:
                    if error.kind in PIN_FAULTS:
                        login.note(error.kind)
                    raise
                login.forget()
                return process
        except OSError as error:
            text = f"{shared.path} cannot be written, so that the PIN is not tried: {error.strerror}"
            raise TokenError("Unavailable", text, text) from None

    def _note(self, error: TokenError) -> None:
        with self._counting:
            self._failures[error.kind] += 1
        if error.remedy:
            _log.error("PKCS#11 token: %s (%s)", error.remedy, error.kind)
