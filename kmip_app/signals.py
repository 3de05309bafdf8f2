"""What signals do to a server that runs in this process.

| Signal | What happens |
|---|---|
| SIGTERM, SIGINT | requests in progress are finished, then the server ends; the second one shortens that |
| SIGHUP | certificates, CAs, CRL, policies, users, groups and the log level are read again, log files opened again |
| SIGUSR1 | log files are opened again |
| SIGUSR2 | a summary of the server's state goes to the log |

A handler runs between two instructions of the thread that serves: it only notes the number. The work is done in a
thread of its own, so that neither sessions nor the next signal wait for it.
"""

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from queue import SimpleQueue
from types import FrameType
from typing import Final, Protocol

LOG: Final = logging.getLogger("kmip_app")


class Controlled(Protocol):
    """What signals control: `kmip_app.server.Server`."""

    def stop_at_signal(self) -> None:
        """Drain and end; a second call shortens the drain.  Raises KeyboardInterrupt during the start."""
        ...

    def reload(self) -> None:
        """Read again what may have changed; never raises for what a file says."""
        ...

    def reopen_logs(self) -> None:
        """Open log files by their name again."""
        ...

    def log_summary(self) -> None:
        """Write the state to the log."""
        ...


@contextlib.contextmanager
def obeyed(server: Controlled) -> Iterator[None]:
    """While inside, signals control `server`, in whatever state it is; for main threads."""
    actions: Mapping[int, Callable[[], None]] = {
        signal.SIGHUP: server.reload,
        signal.SIGUSR1: server.reopen_logs,
        signal.SIGUSR2: server.log_summary,
    }
    arrived: SimpleQueue[int] = SimpleQueue()  # its `put` may interrupt another one in the same thread

    def stop(number: int, frame: FrameType | None) -> None:
        server.stop_at_signal()

    def note(number: int, frame: FrameType | None) -> None:
        arrived.put(number)

    def work() -> None:
        while (number := arrived.get()) != _END:
            try:
                actions[number]()
            except Exception:  # the server goes on whatever a reload meets
                LOG.exception("%s could not be carried out", signal.Signals(number).name)

    handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, **dict.fromkeys(actions, note)}
    before = {number: signal.getsignal(number) for number in handlers}
    worker = threading.Thread(target=work, name="kmip-signals", daemon=True)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    worker.start()
    try:
        yield
    finally:
        for number, restored in before.items():
            signal.signal(number, signal.SIG_DFL if restored is None else restored)  # None: not set from Python
        arrived.put(_END)
        worker.join(LEAVE_AFTER)


LEAVE_AFTER: Final = 5.0  # seconds that an action in progress may keep the process


_END: Final = 0  # no signal has this number
