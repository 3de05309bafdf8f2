"""Monitoring of one server: joins the parts of this room, and is started and ended with it."""

import datetime as dt
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kmip_adapters.audit.file_trail import FileTrail
from kmip_adapters.transport.counters import TransportCounters
from kmip_app.configuration.addresses import Address
from kmip_app.configuration.config import Configuration
from kmip_app.monitoring import health
from kmip_app.monitoring.admin import AdminListener, Answer, json_answer
from kmip_app.monitoring.clients import SeenClients
from kmip_app.monitoring.health import STUCK, Check, Health
from kmip_app.monitoring.loop_lag import LoopLag
from kmip_app.monitoring.observation import SUCCESS, copied
from kmip_app.monitoring.observations import Observation, metrics_answer
from kmip_app.monitoring.room import RoomWatch
from kmip_app.monitoring.sources import Sources
from kmip_app.parts import Parts
from kmip_app.pki.validity import Validity, certificates_of, lists_of
from kmip_app.version import VERSION
from kmip_core.errors import KmipError
from kmip_core.standard_names import standard_name

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class Observable(Protocol):
    """What is needed of a transport."""

    counters: TransportCounters

    def call_soon(self, call: Callable[[], None]) -> bool:
        """Have `call` run on the loop as soon as it can; return False if there is none."""
        ...


class Monitoring:
    """What can be seen of a server from outside, from `start` until `close`.

    container: what the server is wired from.  is_stopping: whether the server was asked to end.
    sockets: for the admin listener, if a service manager has opened them.
    """

    def __init__(
        self,
        configuration: Configuration,
        container: Parts,
        is_stopping: Callable[[], bool],
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        self._sockets = list(sockets)
        self._configuration = configuration
        self._container = container
        transport: Observable = container.transport()
        self._transport = transport
        self._is_stopping = is_stopping
        self._started = time.time()
        self._lag = LoopLag(transport.call_soon)
        self._clients: SeenClients = container.clients()
        self._health = Health(self._checks())
        self._room = RoomWatch(_written_folders(configuration, container.audit()))
        self._sources = Sources(
            requests=container.request_numbers(),
            clients=self._clients,
            lag=self._lag,
            health=self._health,
            transport=transport.counters,
            validities=self.validities,
            rooms=self._room.free,
            census=lambda: container.storage().census(container.clock().now()),
            backlog=lambda: container.storage().backlog(container.clock().now()),
            audit_appends=container.audit_appends(),
            rows_refused=lambda: getattr(container.storage(), "refused_rows", 0),
            quota_refusals=lambda: getattr(container.storage(), "quota_refusals", 0),
            audit_alarms=lambda: getattr(container.audit(), "alarms", 0),
            token_failures=getattr(container.token(), "failures", None),
            token_unsettled=getattr(container.token(), "unsettled", None),
            now=_now,
            started=self._started,
        )
        writer = getattr(container.storage(), "writer", None)
        if writer is not None:
            writer.on_commit = self._note_commit
        self._listener: AdminListener | None = None
        self._counts_objects = True

    @property
    def address(self) -> Address | None:
        """Where the admin listener is reached, None without one."""
        if self._listener is None:
            return None
        wanted = self._configuration.admin_address
        return Address("127.0.0.1" if wanted is None else wanted.host, self._listener.port)

    def start(self) -> None:
        """Measure, and listen where the configuration says.  Raises OSError."""
        self._lag.start()
        if self._configuration.leads:  # of several processes one tells it
            self._room.start()
        wanted = self._configuration.admin_address
        if wanted is not None or self._sockets:
            pages = {"/livez": self._livez, "/readyz": self._readyz, "/metrics": self._metrics, "/status": self._status}
            wanted = wanted or Address("", 0)
            self._listener = AdminListener(wanted.host, wanted.port, pages, self._sockets)
            self._listener.start()

    def close(self) -> None:
        """End it."""
        if self._listener is not None:
            self._listener.close()
        self._lag.close()
        self._room.close()

    @property
    def lag(self) -> float:
        """How late the event loop is, in seconds."""
        return self._lag.seconds

    def observe(self, *, with_metrics: bool, with_objects: bool) -> Observation:
        """Return what there is to see of this process, to be added to that of others.

        with_objects: count the objects, which are the same in all processes.
        """
        if not with_metrics:
            return Observation(status=self.status())
        self._counts_objects = with_objects
        return Observation(status={}, families=tuple(self._registry.collect()))

    def families(self) -> Iterable[Any]:
        """Return the metrics of Prometheus's library; of several processes, the first one counts the objects."""
        return self._registry_to_send.collect()

    def is_alive(self) -> bool:
        """Return whether the event loop turns."""
        return self._lag.seconds < STUCK

    def validities(self) -> list[Validity]:
        """Return the dates of all certificates and lists in use, as the files are now."""
        files = self._container.tls_files()
        found = [one for bundle in files.servers for one in certificates_of(bundle.certificate, "server")]
        found += certificates_of(files.ca, "ca")
        if files.crl is not None and files.crl.exists():
            found += lists_of(files.crl)
        return found

    def status(self) -> dict[str, Any]:
        """Return what `kmipd status` tells and SIGUSR2 writes to the log."""
        counters = self._transport.counters
        requests = self._sources.requests.requests()
        now = _now()
        return {
            "version": VERSION,
            "uptime_seconds": round(time.time() - self._started),
            "is_stopping": self._is_stopping(),
            "health": self._health.report().as_json(),
            "connections": counters.connections_open,
            "queues": copied(counters.queued),
            "backlog": self._backlog(),
            "requests": {
                SUCCESS.lower(): sum(count for (_, _, reason), count in requests.items() if not reason),
                "refused": sum(count for (_, _, reason), count in requests.items() if reason),
            },
            "loop_lag_seconds": {"last": round(self._lag.seconds, 4), "highest": round(self._lag.highest, 4)},
            "audit_alarms": self._sources.audit_alarms(),
            "certificates": [_described(validity, now) for validity in self.validities()],
            "clients": [
                {
                    "name": seen.name,
                    "serial": seen.serial,
                    "address": seen.address,
                    "not_after": _iso(dt.datetime.fromtimestamp(seen.not_after, dt.UTC)),
                    "last_seen": _iso(dt.datetime.fromtimestamp(seen.last_seen, dt.UTC)),
                }
                for seen in self._clients.all()
            ],
        }

    def _backlog(self) -> dict[str, Any] | None:
        """Return what waits in the store; None while it cannot be read."""
        try:
            found = self._sources.backlog()
        except KmipError:
            return None
        return {
            "asynchronous_requests": {standard_name(stage): count for stage, count in found.submissions.items()},
            "notices": {"waiting": found.notices - found.retried, "retried": found.retried},
            "notified_clients": {"reached": found.clients - found.unreachable, "unreachable": found.unreachable},
        }

    # Pages

    def _livez(self, headers: Mapping[str, str]) -> Answer:
        lag = self._lag.seconds
        if lag >= STUCK:
            content = {"status": "stuck", "reason": f"the event loop has not turned for {lag:.0f} seconds"}
            return json_answer(content, HTTPStatus.SERVICE_UNAVAILABLE)
        return json_answer({"status": "ok"})

    def _readyz(self, headers: Mapping[str, str]) -> Answer:
        report = self._health.report()
        status = HTTPStatus.OK if report.is_good else HTTPStatus.SERVICE_UNAVAILABLE
        return json_answer(report.as_json(), status)

    @cached_property
    def _registry(self) -> "CollectorRegistry":
        """What Prometheus's library reads; it is loaded by the first scrape, not by the start of every server."""
        from kmip_app.monitoring.exposition import Metrics, registry

        return registry(Metrics(self._sources, time.monotonic, lambda: self._counts_objects))

    @cached_property
    def _registry_to_send(self) -> "CollectorRegistry":
        from kmip_app.monitoring.exposition import Metrics, registry

        return registry(Metrics(self._sources, time.monotonic, lambda: self._configuration.leads))

    def _metrics(self, headers: Mapping[str, str]) -> Answer:
        return metrics_answer(self._registry, headers)

    def _status(self, headers: Mapping[str, str]) -> Answer:
        return json_answer(self.status())

    # Checks

    def _checks(self) -> dict[str, Check]:
        container, configuration = self._container, self._configuration
        checks: dict[str, Check] = {"serving": self._serving, "certificate": health.are_valid(self.validities, _now)}
        storage = container.storage()
        if not configuration.ephemeral:
            checks["store"] = partial(_store, storage, configuration.sqlite_path)
            checks["root_key"] = partial(_root_key, configuration)
        trail = container.audit()
        if isinstance(trail, FileTrail):
            checks["audit"] = partial(_trail, trail, configuration.data_directory / "audit")
        probe = getattr(container.token(), "probe", None)
        if callable(probe):  # an adapter of a token: returns None, or why it cannot be reached
            checks["hsm"] = probe
        return checks

    def _serving(self) -> str | None:
        if self._is_stopping():
            return "the server was asked to end"
        return "the event loop does not turn" if self._lag.seconds >= STUCK else None

    def _note_commit(self, changes: int, seconds: float) -> None:
        self._sources.group_sizes.add(changes)
        self._sources.syncs.add(seconds)


def _written_folders(configuration: Configuration, trail: object) -> Iterator[Path]:
    """Yield the folders that grow with what clients do."""
    if isinstance(trail, FileTrail):
        yield configuration.data_directory / "audit"
    if not configuration.ephemeral and configuration.sqlite_path is not None:
        yield configuration.sqlite_path.parent


def _store(storage: Any, sqlite: Path | None) -> str | None:
    storage.submit(lambda cursor: None)  # an empty transaction: the writer works and the database takes its lock
    return None if sqlite is None else health.folder_takes_writes(sqlite.parent)


def _root_key(configuration: Configuration) -> str | None:
    if configuration.root_key == "key_file":
        return health.is_readable(configuration.data_directory / "root.key")
    return None  # a passphrase is read once, and a store that was not opened has stopped the start


def _trail(trail: FileTrail, folder: Path) -> str | None:
    return trail.fault or health.folder_takes_writes(folder)


def _described(validity: Validity, now: dt.datetime) -> dict[str, object]:
    days = validity.days_left(now)
    return {
        "kind": validity.kind,
        "path": str(validity.path),
        "name": validity.name,
        "not_after": None if validity.not_after is None else _iso(validity.not_after),
        "days_left": None if days is None else round(days, 1),
        "problem": validity.problem(now) or validity.warning(now),
    }


def _iso(instant: dt.datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
