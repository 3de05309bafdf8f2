"""A pool of child processes, each with one job at a time, a limit of processor time for a job and one of memory.

Not `multiprocessing`: that imports the main module of the embedding program again, or copies a process that has threads
and keys, and none of its pools ends one job and keeps the others (ADR 0120).
"""

import json
import logging
import os
import selectors
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

from kmip_adapters.crypto.processes.pickles import Outcome, dumps, loads_answer
from kmip_adapters.crypto.processes.worker import HEADER
from kmip_adapters.crypto.refusals import cryptographic_failure
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.steps import Pace, TakesLong

LOG: Final = logging.getLogger("kmipd.crypto")
T = TypeVar("T")

JOB_SECONDS: Final = 10.0
"""Processor time of a job: at least twice what the heaviest work within the limits takes."""

PATIENCE: Final = 10.0
"""Time by the clock, in times of the processor time, after which a child that does not run is ended."""

JOB_MEMORY: Final = 256 * 1024 * 1024
"""Bytes of address space for jobs, over what the child has when it starts."""

MAXIMUM_WAITING: Final = 64
"""Jobs that wait for a process; more are refused."""

JOBS_OF_A_WORKER: Final = 1_000
"""Then it is replaced: memory that jobs have used, and what they left in it, goes with the process."""

_START: Final = (
    "import sys, json; sys.path[:] = json.loads(sys.stdin.buffer.readline()); "
    "from kmip_adapters.crypto.processes.worker import serve; serve(*map(int, sys.argv[1:]))"
)


class Runner(Protocol):
    """What runs long jobs."""

    def run(self, function: Callable[..., T], *arguments: Any, seconds: float = JOB_SECONDS) -> T:
        """Return what the function of a module returns; arguments and result are values of the core.

        seconds: processor time that it may use.

        Raises KmipError as the function does, and Cryptographic Failure if the job used up its time or memory, Server
        Limit Exceeded if too many wait; TakesLong unless `may_wait`.
        """
        ...

    @property
    def may_wait(self) -> bool:
        """Whether the work under way was begun at a pace that may wait for a job."""
        ...

    @property
    def may_compute(self) -> bool:
        """Whether the work under way may take milliseconds, because it is not on an event loop."""
        ...


class InThisProcess:
    """Runs jobs where they come from: for commands and tests, which have no clients."""

    may_wait = True
    may_compute = True

    def run(self, function: Callable[..., T], *arguments: Any, seconds: float = JOB_SECONDS) -> T:
        """Call the function."""
        return function(*arguments)


class ProcessPool:
    """Up to `size` child processes; none before the first job."""

    def __init__(self, size: int, *, memory: int = JOB_MEMORY) -> None:
        self._memory = memory
        self._places = threading.BoundedSemaphore(size)
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._all: set[_Child] = set()
        self._waiting = 0
        self._is_closed = False
        self._under_way = _UnderWay()

    def run(self, function: Callable[..., T], *arguments: Any, seconds: float = JOB_SECONDS) -> T:
        """Run a job in a child; waits for one. See `Runner`."""
        if not self.may_wait:
            raise TakesLong
        with self._lock:
            if self._waiting >= MAXIMUM_WAITING:
                raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "the server is busy; try again later")
            self._waiting += 1
        try:
            with self._places:
                result: T = self._run(dumps((seconds, function, arguments)), seconds * PATIENCE)
                return result
        finally:
            with self._lock:
                self._waiting -= 1

    def at(self, pace: Pace, call: Callable[..., T], /, *arguments: Any) -> T:
        """Return what a call returns, at a pace that is known meanwhile; an `AtPace`."""
        under_way = self._under_way
        before, under_way.pace = under_way.pace, pace
        try:
            return call(*arguments)
        finally:
            under_way.pace = before

    @property
    def may_wait(self) -> bool:
        """Whether the work under way may take seconds; True where no pace is known, as in commands."""
        return self._under_way.pace not in _FAST

    @property
    def may_compute(self) -> bool:
        """Whether the work under way may take milliseconds; True where no pace is known, as in commands."""
        return self._under_way.pace not in _ON_EVENT_LOOPS

    def close(self) -> None:
        """End the children, whatever they are doing; jobs that wait are refused."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
            for child in self._all:
                child.kill()  # the caller that waits for its answer takes it away
        for child in idle:
            self._drop(child)

    def pids(self) -> list[int]:
        """Return the identifiers of the children that run."""
        with self._lock:
            return [child.pid for child in self._all]

    def _run(self, job: bytes, wait: float) -> Any:
        child = self._take()
        try:
            outcome, value = child.run(job, wait)
        except _HasEnded as ended:
            self._drop(child)
            LOG.warning("a job for cryptography was ended: %s", ended)
            raise _limit_met() from None
        except BaseException:
            self._drop(child)
            raise
        self._give_back(child)
        match outcome:
            case Outcome.RESULT:
                return value
            case Outcome.REFUSED:
                reason, text = value
                raise KmipError(ResultReason(reason), text)
            case Outcome.EXHAUSTED:
                LOG.warning("a job for cryptography wanted more than %d bytes of memory", self._memory)
                raise _limit_met()
            case _:
                raise RuntimeError(f"a job for cryptography failed: {value}")

    def _take(self) -> "_Child":
        """Return an idle child that lives, or a new one."""
        while True:
            with self._lock:
                if self._is_closed:
                    raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "the server is stopping")
                if not self._idle:
                    try:
                        child = _Child(self._memory)
                    except OSError as error:  # no memory, or too many processes or files
                        LOG.error(
                            "no process can be started for cryptography: %s", (error.strerror or str(error)).lower()
                        )
                        raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "the server is busy") from None
                    self._all.add(child)
                    return child
                child = self._idle.pop()
            if child.is_alive:
                return child
            self._drop(child)

    def _give_back(self, child: "_Child") -> None:
        with self._lock:
            if child.jobs < JOBS_OF_A_WORKER and not self._is_closed:
                self._idle.append(child)
                return
        self._drop(child)

    def _drop(self, child: "_Child") -> None:
        child.kill()
        child.bury()
        with self._lock:
            self._all.discard(child)


_ON_EVENT_LOOPS: Final = frozenset({Pace.QUICK, Pace.COMMITS})
_FAST: Final = _ON_EVENT_LOOPS | {Pace.BRIEF}


def _limit_met() -> KmipError:
    return cryptographic_failure("the work takes more time or memory than one request may have")


class _HasEnded(Exception):
    """A child ended, or was ended, before it answered."""


class _Child:
    """One child process."""

    def __init__(self, memory: int) -> None:
        # Of its two ends the child holds one; the other closes with this process, however that ends.
        if not sys.executable:
            raise OSError("this program runs without an interpreter of its own")
        lifeline, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603  of our own code, no argument is a client's
                # -I: neither PYTHON* of the environment nor the working directory say what is imported.
                [sys.executable, "-I", "-c", _START, str(lifeline), str(memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(lifeline,),
                bufsize=0,
            )
        except OSError:
            os.close(self._lifeline)
            raise
        finally:
            os.close(lifeline)
        self.jobs = 0
        self._wants_path = True

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def run(self, job: bytes, wait: float) -> tuple[Outcome, Any]:
        """Return the answer to a job, which is waited for so many seconds.  Raises _HasEnded."""
        self.jobs += 1
        try:
            if self._wants_path:
                self._write(json.dumps(sys.path).encode() + b"\n")
                self._wants_path = False
            self._write(len(job).to_bytes(HEADER) + job)
            answer = self._read(int.from_bytes(self._read(HEADER, wait)), wait)
        except OSError as error:
            raise _HasEnded(error.strerror or str(error)) from None
        loaded: tuple[Outcome, Any] = loads_answer(answer)
        return loaded

    def kill(self) -> None:
        """End the process; from any thread."""
        self._process.kill()

    def bury(self) -> None:
        """Wait for the end of a killed process, which is at once, and close the pipes; from its last user's thread."""
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101  for the type
        view = memoryview(data)
        while view:
            view = view[self._process.stdin.write(view) :]

    def _read(self, length: int, wait: float) -> bytes:
        assert self._process.stdout is not None  # noqa: S101  for the type
        parts = []
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while length:
                if not selector.select(wait):
                    raise _HasEnded(f"no answer within {wait:.0f} s")
                part = os.read(self._process.stdout.fileno(), length)
                if not part:
                    raise _HasEnded(f"exit status {self._process.wait()}")
                parts.append(part)
                length -= len(part)
        return b"".join(parts)


class _UnderWay(threading.local):
    """What the work under way in a thread knows of its pace: no call that is at one waits for anything but jobs."""

    pace: Pace | None = None
