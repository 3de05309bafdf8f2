"""The figures of several processes as one server's."""

from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily

from kmip_app.workers.sums import added, joined_health, joined_status, totals


def counter(name: str, **values: float) -> CounterMetricFamily:
    family = CounterMetricFamily(name, "text", labels=["which"])
    for label, value in values.items():
        family.add_metric([label], value)
    return family


def values(families: list[Any]) -> dict[tuple[str, ...], float]:
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_counters_are_added_by_their_labels() -> None:
    found = added([counter("a", x=1.0, y=2.0), counter("a", y=3.0, z=4.0), counter("b", x=5.0)])

    assert [family.name for family in found] == ["a", "b"]
    assert values(found) == {
        ("a_total", "x"): 1.0, ("a_total", "y"): 5.0, ("a_total", "z"): 4.0, ("b_total", "x"): 5.0,
    }  # fmt: skip


def test_histograms_are_added_bucket_by_bucket() -> None:
    families = []
    for count in (1.0, 2.0):
        family = HistogramMetricFamily("h", "text")
        family.add_metric([], [("0.5", count), ("+Inf", count + 1)], 10.0)
        families.append(family)

    assert values(added(families)) == {
        ("h_bucket", "0.5"): 3.0, ("h_bucket", "+Inf"): 5.0, ("h_count",): 5.0, ("h_sum",): 20.0,
    }  # fmt: skip


def test_of_some_gauges_the_worst_counts_and_others_are_added() -> None:
    names = {"kmipd_ready": 1.0, "kmipd_loop_lag_seconds": 4.0, "kmipd_connections": 5.0}
    families = [GaugeMetricFamily(name, "text", value=value) for name in names for value in (1.0, 4.0)]

    assert values(added(families)) == {(name,): value for name, value in names.items()}


def test_an_info_metric_of_several_workers_is_reported_once() -> None:
    families = []
    for _ in range(2):
        family = InfoMetricFamily("kmipd_build", "text")
        family.add_metric([], {"version": "1"})
        families.append(family)

    assert values(added(families)) == {("kmipd_build_info", "1"): 1.0}


def test_workers_that_have_ended_leave_their_totals() -> None:
    assert [family.name for family in totals([counter("a", x=1.0), GaugeMetricFamily("g", "text", value=1.0)])] == ["a"]


OK = {"status": "ok"}


def test_a_check_fails_if_it_does_in_any_worker() -> None:
    failed = {"status": "failed", "reason": "no room"}

    assert joined_health({1: {"store": OK}, 2: {"store": OK}}, {"workers": OK})["status"] == "ok"
    assert joined_health({1: {"store": OK}, 2: {"store": failed}, 3: {"store": OK}}, {"workers": OK}) == {
        "status": "unavailable",
        "checks": {"workers": OK, "store": {"status": "failed", "reason": "worker 2: no room"}},
    }


def test_nothing_but_health_is_there_if_no_worker_answers() -> None:
    assert joined_status({}, {"workers": {"status": "failed", "reason": "none"}}).keys() == {"health"}


def a_status(number: int, last_seen: str) -> dict[str, Any]:
    return {
        "health": {"checks": {"serving": OK}},
        "connections": number,
        "queues": {"slow": number},
        "backlog": None if number == 1 else {"notices": {"waiting": 7, "retried": 0}},
        "requests": {"success": number, "refused": 0},
        "loop_lag_seconds": {"last": number / 10, "highest": 1 / number},
        "audit_alarms": number,
        "certificates": ["the same"],
        "clients": [{"name": "alice", "serial": "1", "address": f"worker {number}", "last_seen": last_seen}],
    }


def test_the_states_of_workers_are_one() -> None:
    found = joined_status({1: a_status(1, "10:01"), 2: a_status(2, "10:00")}, {"workers": OK})

    assert (found["connections"], found["queues"], found["audit_alarms"]) == (3, {"slow": 3}, 3)
    assert found["backlog"] == {"notices": {"waiting": 7, "retried": 0}}, "all see the same store"
    assert found["requests"] == {"success": 3, "refused": 0}
    assert found["loop_lag_seconds"] == {"last": 0.2, "highest": 1.0}
    assert found["certificates"] == ["the same"]
    assert [client["address"] for client in found["clients"]] == ["worker 1"]
    assert found["health"]["checks"] == {"workers": OK, "serving": OK}
