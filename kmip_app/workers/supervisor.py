"""The supervisor: starts the workers, starts those anew that end, and speaks for all of them.

It binds the sockets and owns the data directory, and serves no client itself. All workers accept on the same sockets:
what waits in the queue of a worker that has ended is taken by the others. The first worker starts alone, so that keys,
certificates, tables and what a crash has left are settled by one process; the others follow. A worker that ends by
itself is started again, after a pause that doubles each time it does not live for long.
"""

import json
import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from http import HTTPStatus
from multiprocessing.connection import Connection
from typing import Any, Final

from attrs import evolve

from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.transport.sockets import listen
from kmip_app import logs
from kmip_app.configuration import secret_places
from kmip_app.configuration.addresses import REACHED_AT, Address, listens_at
from kmip_app.configuration.config import Configuration, StartError
from kmip_app.configuration.settings import SETTINGS, changed_settings
from kmip_app.files import owned, private_files, write_atomically
from kmip_app.monitoring.admin import AdminListener, Answer, bound, json_answer
from kmip_app.monitoring.health import STUCK
from kmip_app.monitoring.observations import Observation, metrics_answer
from kmip_app.process import DRAIN_SECONDS
from kmip_app.service_manager import ServiceManager
from kmip_app.system_errors import described
from kmip_app.version import VERSION
from kmip_app.workers.messages import Failed, Order, Ready
from kmip_app.workers.processes import WorkerProcess

LOG: Final = logging.getLogger("kmip.server")

TICK: Final = 0.5  # seconds between two looks at what is due
FIRST_PAUSE: Final = 0.1  # seconds before a worker that has ended is started again
LONGEST_PAUSE: Final = 30.0
LIVED_LONG: Final = 60.0  # seconds after which the next pause is the first again
KILLED_AFTER: Final = 30.0  # seconds without a sign of life after which a worker is ended
START_SECONDS: Final = 120.0  # that a worker may take to start
ANSWER_SECONDS: Final = 5.0
RELOAD_SECONDS: Final = 30.0
LEAVE_SECONDS: Final = 15.0  # beyond the drain, for the last commits and syncs


class Supervisor:
    """Several workers that look like one server; runs once.  See `kmip_app.server.Server` for its methods."""

    def __init__(
        self,
        configuration: Configuration,
        read: Callable[[], Configuration] | None = None,
        sockets: Mapping[str, list[socket.socket]] | None = None,
        manager: ServiceManager | None = None,
    ) -> None:
        """Note the choices; nothing is begun.  Arguments as for `Server`."""
        self.configuration = configuration
        self._read = read
        self._sockets: dict[str, list[socket.socket]] = dict(sockets or {})
        self._manager = manager or ServiceManager({})
        self._resources = ExitStack()
        self._events: queue.SimpleQueue[tuple[WorkerProcess | None, Any]] = queue.SimpleQueue()
        self._workers: dict[int, WorkerProcess] = {}
        self._due: dict[int, float] = {}  # when the workers that have ended are started again
        self._pauses: dict[int, float] = {}
        self._restarts = 0
        self._ended_totals: list[Any] = []  # families that ended workers have left
        self._last_families: dict[int, list[Any]] = {}
        self._totals_lock = threading.Lock()
        self._facts: dict[str, Any] = {}
        self._listener: AdminListener | None = None
        self._lock: Connection
        self._stop_is_asked = False
        self._must_hurry = False
        self._is_started = False
        self._begun = time.time()

    # What a server shows

    @property
    def port(self) -> int:
        """The port that is bound, once started."""
        kmip = self._sockets.get("kmip")
        return int(kmip[0].getsockname()[1]) if kmip else self.configuration.port

    @property
    def address(self) -> str:
        """Host and port as one word."""
        return listens_at(self.configuration.hostname, int(self._facts.get("port", 0)) or self.port)

    def ready(self) -> dict[str, object]:
        """Return what a client needs to know, as the ready file has it."""
        facts = {name: value for name, value in self._facts.items() if name not in {"admin", "pid", "version"}}
        enrol = facts.pop("enrol", None)
        if self._listener is not None:
            wanted = self.configuration.admin_address
            host = "" if wanted is None else wanted.host
            facts["admin"] = str(Address(REACHED_AT.get(host, host), self._listener.port))
        if enrol is not None:
            facts["enrol"] = enrol
        return facts | {"pid": os.getpid(), "version": VERSION}

    def summary(self) -> dict[str, object]:
        """Return the state of the server: that of all workers together."""
        statuses = {number: one.status for number, one in self._observations(with_metrics=False).items()}
        from kmip_app.workers.sums import joined_status

        return {
            "pid": os.getpid(),
            "address": self.address,
            "version": VERSION,
            "uptime_seconds": round(time.time() - self._begun),
            "is_stopping": self._stop_is_asked,
            "workers": [
                {
                    "number": number,
                    "state": state,
                    "pid": None if worker is None else worker.pid,
                    "connections": statuses.get(number, {}).get("connections"),
                }
                for number, state, worker in self._states()
            ],
            "worker_restarts": self._restarts,
            **joined_status(statuses, self._checks()),
        }

    def is_alive(self) -> bool:
        """Return whether the event loops of all workers that serve turn."""
        return all(worker.silent < STUCK for worker in tuple(self._workers.values()) if worker.is_ready)

    # What signals do: see `kmip_app.signals`

    def stop_at_signal(self) -> None:
        """Have all workers drain, and end; the second time, not wait for requests in progress."""
        self._must_hurry, self._stop_is_asked = self._stop_is_asked, True
        if not self._is_started:
            raise KeyboardInterrupt
        self._events.put((None, None))

    def reload(self) -> None:
        """Have all workers read again what may have changed."""
        if not self._is_started:
            return
        self._manager.reloading()
        logs.reopen()
        self._reload_configuration()
        self._wait_for([worker.tell("reload", self.configuration.logging_level) for worker in self._serving()])
        LOG.info("reloaded")
        self._manager.ready(self._serves)

    def reopen_logs(self) -> None:
        """Open the log files by their names again, here and in all workers."""
        logs.reopen()
        self._wait_for([worker.tell("reopen_logs") for worker in self._serving()])

    def log_summary(self) -> None:
        """Write the server's state to the log, as one line."""
        LOG.info("state: %s", json.dumps(self.summary()))

    # From start to end

    def start(self) -> None:
        """Start all workers and write the ready file.  Raises StartError; no worker is left then."""
        try:
            with private_files():
                self._open()
            self._is_started = True
            if self._stop_is_asked:
                raise KeyboardInterrupt
        except (StorageUnusable, ValueError) as error:
            self._close()
            raise StartError.of(error) from error
        except OSError as error:
            self._close()
            raise StartError(described(error)) from error
        except BaseException:
            self._close()
            raise

    def serve_forever(self) -> None:
        """Watch over the workers until asked to stop; then have them drain, and release everything."""
        self._manager.ready(self._serves)
        self._manager.watch(self.is_alive)
        try:
            while not self._stop_is_asked:
                self._take_event(TICK)
                self._start_due()
                self._end_stuck()
                logs.rotate()
            self._manager.stopping()
            self._drain()
        finally:
            self._manager.close()
            self._close()

    @property
    def _serves(self) -> str:
        return f"serves KMIP on {self.address} with {self.configuration.workers} workers"

    def _open(self) -> None:
        configuration = self.configuration
        descriptor = self._resources.enter_context(owned(configuration.data_directory))
        self._lock = Connection(os.dup(descriptor))  # in the form in which it can be handed on
        self._resources.callback(self._lock.close)
        _read_once(configuration)
        limits = configuration.limits
        if not self._sockets.get("kmip"):
            self._sockets["kmip"] = listen(configuration.hostname, configuration.port, backlog=limits.backlog)
        if configuration.https_port is not None and not self._sockets.get("https"):
            self._sockets["https"] = listen(configuration.hostname, configuration.https_port, backlog=limits.backlog)
        enrol = configuration.enrol_address
        if enrol is not None and configuration.ca_path is None and not self._sockets.get("enrol"):
            self._sockets["enrol"] = [bound(enrol.host, enrol.port, "enrol_address")]
        admin_sockets = self._sockets.pop("admin", [])
        self._begin(1, takes_over=True)
        self._wait_until_ready([1])
        others = range(2, configuration.workers + 1)
        for number in others:
            self._begin(number)
        self._wait_until_ready(others)
        self._listen_for_admins(admin_sockets)
        LOG.info("%d workers serve on %s", configuration.workers, self.address)
        if configuration.ready_file is not None:
            write_atomically(configuration.ready_file, json.dumps(self.ready()) + "\n")
            self._resources.callback(configuration.ready_file.unlink, missing_ok=True)

    def _listen_for_admins(self, sockets: list[socket.socket]) -> None:
        wanted = self.configuration.admin_address
        if wanted is None and not sockets:
            return
        pages = {"/livez": self._livez, "/readyz": self._readyz, "/metrics": self._metrics, "/status": self._status}
        wanted = wanted or Address("", 0)
        self._listener = AdminListener(wanted.host, wanted.port, pages, sockets)
        self._resources.callback(self._listener.close)
        self._listener.start()

    def _begin(self, number: int, *, takes_over: bool = False) -> None:
        """Start a worker.  takes_over: no other one runs.  Raises OSError."""
        configuration = evolve(
            self.configuration,
            worker=number,
            takes_over=takes_over,
            ready_file=None,
            admin_address=None,
            enrol_address=self.configuration.enrol_address if number == 1 else None,
        )
        sockets = {name: of_name for name, of_name in self._sockets.items() if name != "enrol" or number == 1}
        order = Order(configuration=configuration, secrets=secret_places.taken())
        self._workers[number] = WorkerProcess(
            order, sockets, self._lock, lambda worker, message: self._events.put((worker, message))
        )

    def _wait_until_ready(self, numbers: Iterable[int]) -> None:
        """Return when these workers serve.  Raises StartError with the reason of one that does not."""
        give_up = time.monotonic() + START_SECONDS
        while any(not self._workers[number].is_ready for number in numbers):
            if time.monotonic() > give_up:
                raise StartError(f"the workers did not start within {START_SECONDS:g} s; the log may say why")
            worker, message = self._next_event(TICK)
            if isinstance(message, Failed):
                failure = StartError(message.reason)
                failure.exit_code = message.exit_code
                raise failure
            if worker is not None and message is None:
                code = worker.wait(LEAVE_SECONDS)
                raise StartError(
                    f"worker {worker.number} has ended ({_ending(code)}) while it started; the log may say why"
                )
            self._note(worker, message)

    def _take_event(self, seconds: float) -> None:
        self._note(*self._next_event(seconds))

    def _next_event(self, seconds: float) -> tuple[WorkerProcess | None, Any]:
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return None, None

    def _note(self, worker: WorkerProcess | None, message: Any) -> None:
        match message:
            case Ready(facts) if worker is not None:
                worker.is_ready = True
                if worker.number == 1:
                    self._facts = facts
            case Failed(reason, _) if worker is not None:
                LOG.error("worker %d cannot start: %s", worker.number, reason)
            case None if worker is not None:
                self._note_end(worker)

    def _note_end(self, worker: WorkerProcess) -> None:
        """Have a worker that has ended started again, unless all are to end."""
        number = worker.number
        if self._workers.get(number) is not worker:
            return
        del self._workers[number]
        with self._totals_lock:
            from kmip_app.workers.sums import added, totals

            self._ended_totals = added([*self._ended_totals, *totals(self._last_families.pop(number, []))])
        try:
            code = worker.wait(LEAVE_SECONDS)
        except TimeoutError:  # it has closed its channel and does not end
            worker.kill()
            code = worker.wait()
        if self._stop_is_asked:
            return
        has_lived_long = worker.is_ready and time.monotonic() - worker.begun > LIVED_LONG
        pause = FIRST_PAUSE if has_lived_long else self._pauses.get(number, FIRST_PAUSE)
        self._pauses[number] = min(2 * pause, LONGEST_PAUSE)
        self._due[number] = time.monotonic() + pause
        self._restarts += 1
        LOG.error(
            "worker %d (process %d) has ended: %s; it is started again in %g s",
            number,
            worker.pid,
            _ending(code),
            pause,
        )

    def _start_due(self) -> None:
        for number, due in list(self._due.items()):
            if due <= time.monotonic():
                del self._due[number]
                try:
                    self._begin(number)
                except OSError as error:
                    LOG.error("worker %d cannot be started: %s", number, error.strerror)
                    self._due[number] = time.monotonic() + LONGEST_PAUSE

    def _end_stuck(self) -> None:
        for worker in list(self._workers.values()):
            if worker.is_ready and worker.silent > KILLED_AFTER:
                LOG.critical("worker %d gives no sign of life and is ended", worker.number)
                worker.kill()
            elif not worker.is_ready and time.monotonic() - worker.begun > START_SECONDS:
                LOG.critical("worker %d does not get ready and is ended", worker.number)
                worker.kill()

    def _drain(self) -> None:
        """Have all workers finish and end; those that do not are killed."""
        self._close_sockets()
        has_hurried = self._must_hurry
        self._tell_to_drain(0.0 if has_hurried else DRAIN_SECONDS)
        give_up = time.monotonic() + DRAIN_SECONDS + LEAVE_SECONDS
        while self._workers:
            if self._must_hurry and not has_hurried:
                has_hurried = True
                self._tell_to_drain(0.0)
            if time.monotonic() > give_up:
                LOG.error("%d workers have not ended in time and are killed", len(self._workers))
                return
            self._take_event(TICK)

    def _tell_to_drain(self, seconds: float) -> None:
        for worker in self._workers.values():
            worker.tell("drain", seconds)

    def _close(self) -> None:
        for worker in self._workers.values():
            worker.kill()
            worker.wait()
        self._workers.clear()
        self._close_sockets()
        self._resources.close()

    def _close_sockets(self) -> None:
        for sock in (sock for of_name in self._sockets.values() for sock in of_name):
            sock.close()
        self._sockets.clear()

    def _reload_configuration(self) -> None:
        if self._read is None:
            return
        try:
            new = self._read()
        except StartError as error:
            LOG.error("the configuration is not used, what was there before stays in force: %s", error)
            return
        logs.set_level(new.logging_level)
        self.configuration = evolve(self.configuration, logging_level=new.logging_level)
        changed = changed_settings(self.configuration, new)
        if changed:
            LOG.warning("changed, but used from the next start on: %s", ", ".join(sorted(changed)))

    # What all workers say

    def _serving(self) -> list[WorkerProcess]:
        return [worker for worker in tuple(self._workers.values()) if worker.is_ready]

    def _states(self) -> list[tuple[int, str, WorkerProcess | None]]:
        found: list[tuple[int, str, WorkerProcess | None]] = []
        for number in range(1, self.configuration.workers + 1):
            worker = self._workers.get(number)
            state = "waiting" if worker is None else "serving" if worker.is_ready else "starting"
            found.append((number, state, worker))
        return found

    def _wait_for(self, futures: list["Future[Any]"], seconds: float = RELOAD_SECONDS) -> None:
        give_up = time.monotonic() + seconds
        for future in futures:
            try:
                future.result(max(0.0, give_up - time.monotonic()))
            except ConnectionError:  # it has ended, and reads everything when it is started again
                continue
            except TimeoutError:
                LOG.error("a worker has not answered within %g s", seconds)

    def _observations(self, *, with_metrics: bool) -> dict[int, Observation]:
        """Return what the workers that answer in time have to show."""
        serving = self._serving()
        asked = {worker.number: worker.tell("observe", with_metrics, worker is serving[0]) for worker in serving}
        found: dict[int, Observation] = {}
        give_up = time.monotonic() + ANSWER_SECONDS
        for number, future in asked.items():
            try:
                answer = future.result(max(0.0, give_up - time.monotonic()))
            except (ConnectionError, TimeoutError):
                continue
            if answer is not None:
                found[number] = answer
        return found

    def _checks(self) -> dict[str, dict[str, str]]:
        if self._stop_is_asked:
            return {"workers": {"status": "failed", "reason": "the server was asked to end"}}
        if not self._serving():
            return {"workers": {"status": "failed", "reason": "no worker serves; the log says why"}}
        return {"workers": {"status": "ok"}}

    def _livez(self, headers: Mapping[str, str]) -> Answer:
        stuck = [worker for worker in self._serving() if worker.silent >= STUCK]
        if not stuck:
            return json_answer({"status": "ok"})
        reason = f"worker {stuck[0].number} has given no sign of life for {stuck[0].silent:.0f} seconds"
        return json_answer({"status": "stuck", "reason": reason}, HTTPStatus.SERVICE_UNAVAILABLE)

    def _readyz(self, headers: Mapping[str, str]) -> Answer:
        health: Any = self.summary()["health"]
        return json_answer(health, HTTPStatus.OK if health["status"] == "ok" else HTTPStatus.SERVICE_UNAVAILABLE)

    def _status(self, headers: Mapping[str, str]) -> Answer:
        return json_answer(self.summary())

    def _metrics(self, headers: Mapping[str, str]) -> Answer:
        from prometheus_client import CollectorRegistry
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
        from prometheus_client.registry import Collector

        from kmip_app.monitoring.exposition import FAMILIES
        from kmip_app.workers.sums import added

        observed = self._observations(with_metrics=True)
        states = GaugeMetricFamily("kmipd_workers", FAMILIES["kmipd_workers"], labels=["state"])
        for state in ("starting", "waiting"):
            states.add_metric([state], float(sum(1 for _, found, _ in self._states() if found == state)))
        restarts = CounterMetricFamily("kmipd_worker_restarts", FAMILIES["kmipd_worker_restarts"])
        restarts.add_metric([], float(self._restarts))
        with self._totals_lock:
            for number, one in observed.items():
                if number in self._workers:
                    self._last_families[number] = list(one.families)
            before = list(self._ended_totals)
        families = added([*(family for one in observed.values() for family in one.families), *before, states, restarts])

        class Sums(Collector):
            def collect(self) -> Iterable[Any]:
                return families

        registry = CollectorRegistry(auto_describe=False)
        registry.register(Sums())
        return metrics_answer(registry, headers)


def _ending(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


def _read_once(configuration: Configuration) -> None:
    """Read secrets that only this process can read, so that the workers know them.  Raises ValueError."""
    for setting in SETTINGS.values():
        value = setting.value_in(configuration) if setting.is_secret else None
        if isinstance(value, secret_places.SecretPlace) and value.is_descriptor:
            value.read()
