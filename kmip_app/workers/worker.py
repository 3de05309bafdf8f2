"""The process of a worker: a server over sockets that it was given, which does what its supervisor asks.

Signals are the supervisor's; SIGTERM, which service managers send to all processes, ends the worker like a request to
drain.
"""

import logging
import signal
import socket
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any, Final

from kmip_app import logs, process
from kmip_app.configuration import secret_places
from kmip_app.configuration.config import StartError
from kmip_app.server import Server
from kmip_app.service_manager import ServiceManager
from kmip_app.workers.messages import Answer, Failed, Order, Pulse, Ready, Request

LOG: Final = logging.getLogger("kmip_app")

EVERY: Final = 1.0  # seconds between signs of life
FAILED: Final = 2  # exit code


def run(order: Order, channel: Connection, listening: Mapping[str, Sequence[socket.socket]], lock: Connection) -> int:
    """Serve until the supervisor says that it is enough, or is gone; return the exit code.

    lock: of the data directory, which is kept as long as it is open.
    """
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    secret_places.take(order.secrets)
    detach = logs.attach(order.configuration)
    if not order.configuration.allow_core_dumps:
        process.forbid_core_dumps()
    try:
        return _serve(order, channel, listening)
    finally:
        detach()
        lock.close()


def _serve(order: Order, channel: Connection, listening: Mapping[str, Sequence[socket.socket]]) -> int:
    sockets = {name: list(of_name) for name, of_name in listening.items()}
    server = Server(order.configuration, sockets=sockets, manager=ServiceManager({}))
    orders = Orders(server, channel)
    signal.signal(signal.SIGTERM, orders.terminate)
    threading.Thread(target=orders.obey, name="kmip-orders", daemon=True).start()
    try:
        server.start()
    except StartError as error:
        orders.say(Failed(str(error), error.exit_code))
        return FAILED
    process.settle_in()
    orders.begin()
    server.serve_forever()
    orders.end()
    return 0


class Orders:
    """What the supervisor may ask of this worker: the methods that are named in its requests."""

    def __init__(self, server: Server, channel: Connection) -> None:
        self._server = server
        self._channel = channel
        self._sending = threading.Lock()
        self._state = threading.Lock()
        self._has_begun = False
        self._drain_within: float | None = None
        self._over = threading.Event()

    def begin(self) -> None:
        """Say that the server is ready, and give signs of life from now on."""
        with self._state:
            self._has_begun = True
            if self._drain_within is not None:
                self._server.request_stop(self._drain_within)
        self.say(Ready(self._server.ready()))
        threading.Thread(target=self._beat, name="kmip-pulse", daemon=True).start()

    def end(self) -> None:
        """Give no more signs of life."""
        self._over.set()

    def say(self, message: object) -> None:
        """Send something to the supervisor; one that is gone is noticed by `obey`."""
        with self._sending:
            try:
                self._channel.send(message)
            except OSError:
                LOG.debug("the supervisor is gone")

    def obey(self) -> None:
        """In a thread: do what the supervisor asks until it is gone, and end then."""
        while True:
            try:
                request: Request = self._channel.recv()
            except (EOFError, OSError):
                break
            threading.Thread(target=self._do, args=(request,), name=f"kmip-{request.name}", daemon=True).start()
        if not self._over.is_set() and self._drain_within is None:
            LOG.error("the supervisor is gone; this worker finishes its requests and ends")
            self.drain(GRACE_WITHOUT)

    def terminate(self, number: int, frame: FrameType | None) -> None:
        """Begin to drain at the first SIGTERM."""
        if self._drain_within is None:
            threading.Thread(target=self.drain, args=(GRACE,), daemon=True).start()

    # Requests

    def drain(self, seconds: float) -> None:
        """Accept no more connections, finish requests in progress for so long, and end."""
        with self._state:
            self._drain_within = seconds
            if self._has_begun:
                self._server.request_stop(seconds)

    def reload(self, level: str) -> None:
        """Read files again, and log from this level on."""
        logs.set_level(level)
        self._server.reload()

    def reopen_logs(self) -> None:
        """Open the log files by their names again."""
        self._server.reopen_logs()

    def observe(self, with_metrics: bool, with_objects: bool) -> Any:
        """Return the figures of this worker."""
        return self._server.monitoring.observe(with_metrics=with_metrics, with_objects=with_objects)

    def _do(self, request: Request) -> None:
        value: Any = None
        try:
            value = getattr(self, request.name)(*request.arguments)
        except Exception:  # the worker goes on serving
            LOG.exception("the supervisor asked for %s, which failed", request.name)
        self.say(Answer(request.number, value))

    def _beat(self) -> None:
        while not self._over.wait(EVERY):
            self.say(Pulse(self._server.monitoring.lag))


GRACE: Final = 10.0
"""Seconds for requests in progress where nothing else is said."""
GRACE_WITHOUT: Final = 2.0
"""The same where the supervisor is gone: another one may wait for the data directory."""
