"""The figures of several processes as those of one server: what is added, and what is not."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from prometheus_client.core import Metric
from prometheus_client.samples import Sample

ADDED: Final = ("counter", "histogram")

SMALLEST: Final = {
    "kmipd_ready",
    "kmipd_start_time_seconds",
    "kmipd_certificate_days_left",
    "kmipd_client_certificate_days_left",
    "kmipd_disk_free_bytes",
    "process_max_fds",
    "process_start_time_seconds",
}
"""Gauges of which the smallest counts."""

LARGEST: Final = {
    "kmipd_loop_lag_seconds",
    "kmipd_loop_lag_highest_seconds",
    "kmipd_database_read_seconds",
}
"""Gauges of which the largest counts; all others are added, and of what only informs the first is taken."""


def added(families: Iterable[Metric]) -> list[Metric]:
    """Return families with one of each name."""
    merged: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], Sample]] = {}
    for family in families:
        if family.name not in merged:
            merged[family.name] = Metric(family.name, family.documentation, family.type, family.unit)
        samples = values.setdefault(family.name, {})
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            known = samples.get(key)
            value = sample.value if known is None else _joined(family, known.value, sample.value)
            samples[key] = Sample(sample.name, sample.labels, value)
    for name, family in merged.items():
        family.samples = list(values[name].values())
    return list(merged.values())


def totals(families: Iterable[Metric]) -> list[Metric]:
    """Return those families that only grow: what a process that has ended leaves."""
    return [family for family in families if family.type in ADDED]


def _joined(family: Metric, one: float, other: float) -> float:
    if family.type == "info":
        return one
    if family.name in SMALLEST:
        return min(one, other)
    return max(one, other) if family.name in LARGEST else one + other


def joined_status(statuses: Mapping[int, Mapping[str, Any]], checks: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state of a server from those of its workers, by their numbers.

    checks: of the server as a whole.  Nothing but health is there if no worker has answered.
    """
    found: dict[str, Any] = {
        "health": joined_health({n: one["health"]["checks"] for n, one in statuses.items()}, checks)
    }
    every = list(statuses.values())
    if not every:
        return found
    lags = [one["loop_lag_seconds"] for one in every]
    return {
        "connections": sum(one["connections"] for one in every),
        "queues": _sums([one["queues"] for one in every]),
        "backlog": next((one["backlog"] for one in every if one["backlog"] is not None), None),  # of the one store
        "requests": _sums([one["requests"] for one in every]),
        "loop_lag_seconds": {name: max(lag[name] for lag in lags) for name in ("last", "highest")},
        "audit_alarms": sum(one["audit_alarms"] for one in every),
        "certificates": every[0]["certificates"],
        "clients": _latest([client for one in every for client in one["clients"]]),
        **found,
    }


def joined_health(checks: Mapping[int, Mapping[str, Any]], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the health of a server: a check has failed if it has in any worker.

    checks: of each worker, by its number.  own: of the server as a whole.
    """
    joined: dict[str, Any] = dict(own)
    for number, of_worker in checks.items():
        for name, check in of_worker.items():
            if check["status"] == "ok":
                joined.setdefault(name, check)
            elif joined.get(name, {}).get("status") != "failed":
                joined[name] = {"status": "failed", "reason": f"worker {number}: {check['reason']}"}
    is_good = all(check["status"] == "ok" for check in joined.values())
    return {"status": "ok" if is_good else "unavailable", "checks": joined}


def _sums(numbers: Sequence[Mapping[str, int]]) -> dict[str, int]:
    names = dict.fromkeys(name for one in numbers for name in one)
    return {name: sum(one.get(name, 0) for one in numbers) for name in names}


def _latest(clients: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return each client once, as it was seen last; the latest at the end."""
    latest: dict[tuple[str, str], Mapping[str, Any]] = {}
    for client in sorted(clients, key=lambda client: str(client["last_seen"])):
        latest[client["name"], client["serial"]] = client
    return sorted(latest.values(), key=lambda client: str(client["last_seen"]))
