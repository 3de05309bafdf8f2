"""A child process: reads jobs from its standard input, runs them within limits, writes answers to its standard output.

A job is `(seconds, function, arguments)`, an answer `(Outcome, value)`; each is a pickle after its length in four
bytes. Secrets travel in these pipes only. The kernel ends the process, whatever it is doing and without the help of the
interpreter, when a job has used its processor time (SIGPROF) or the parent is gone (SIGIO on the lifeline, Linux).
"""

import contextlib
import fcntl
import os
import resource
import signal
import sys
from typing import Any, BinaryIO, Final

from cryptography.exceptions import InternalError

from kmip_adapters.crypto.processes.pickles import Outcome, dumps, loads_job
from kmip_core.errors import KmipError

HEADER: Final = 4  # bytes of a length
NICENESS: Final = 10
"""The server, which answers everything else, comes first."""

PAGES: Final = "/proc/self/statm"


def serve(lifeline: int, memory: int) -> None:
    """Run jobs until standard input ends.  lifeline: a pipe that the parent holds open.  memory: bytes for jobs."""
    # A terminal or a service manager sends these to the whole group: the server ends its children itself, once their
    # jobs are answered.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(NICENESS)
    _die_with_parent(lifeline)
    _limit(memory)
    source, answers = sys.stdin.buffer, sys.stdout.buffer
    while (job := _read(source)) is not None:
        seconds, function, arguments = loads_job(job)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        answer = _run(function, arguments)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(len(answer).to_bytes(HEADER) + answer)
        answers.flush()


def _run(function: Any, arguments: tuple[Any, ...]) -> bytes:
    try:
        return dumps((Outcome.RESULT, function(*arguments)))
    except KmipError as refusal:
        return dumps((Outcome.REFUSED, (int(refusal.reason), refusal.message)))
    except (MemoryError, InternalError):  # the latter is what OpenSSL's failed allocations become
        return dumps((Outcome.EXHAUSTED, None))
    except Exception as fault:
        # Without its arguments, which may show key material.
        trace = fault.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = "" if trace is None else f" at {trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}"
        return dumps((Outcome.FAULT, f"{type(fault).__name__}{place}"))


def _die_with_parent(lifeline: int) -> None:
    with contextlib.suppress(AttributeError, OSError):  # elsewhere the end of standard input and SIGPROF must do
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)


def _limit(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold keys
    with contextlib.suppress(OSError, ValueError):
        with open(PAGES) as statm:
            used = int(statm.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + memory, used + memory))


def _read(source: BinaryIO) -> bytes | None:
    header = source.read(HEADER)
    return source.read(int.from_bytes(header)) if len(header) == HEADER else None
