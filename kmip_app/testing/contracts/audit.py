"""What every audit trail promises (`kmip_core.ports.audit`); wanted: a fixture `opened`, a trail and its `Held`."""

import threading
from collections.abc import Callable
from typing import TypeAlias

import pytest

from kmip_core.enums import Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.audit import AuditRecord, AuditTrail

Held: TypeAlias = Callable[[], list[str]]
"""Tells the record identifiers that the trail holds, in their order."""


def a_record(record_id: str) -> AuditRecord:
    return AuditRecord(
        record_id=record_id,
        time=1_800_000_000,
        principal="alice",
        event="Get",
        operation=Operation.GET,
        unique_identifiers=("1",),
        result=ResultReason.PERMISSION_DENIED,
        message="may not",
    )


def test_records_are_held_as_soon_as_append_returns_in_their_order(opened: tuple[AuditTrail, Held]) -> None:
    trail, held = opened
    for number in range(5):
        trail.append(a_record(str(number)))

        assert held() == [str(n) for n in range(number + 1)]


def test_append_is_reentrant_and_loses_nothing(opened: tuple[AuditTrail, Held]) -> None:
    trail, held = opened

    def work(worker: int) -> None:
        for number in range(50):
            trail.append(a_record(f"{worker}-{number}"))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert sorted(held()) == sorted(f"{w}-{n}" for w in range(4) for n in range(50))


def test_a_closed_trail_refuses_records(opened: tuple[AuditTrail, Held]) -> None:
    trail, _ = opened
    trail.close()
    with pytest.raises(KmipError) as refused:
        trail.append(a_record("late"))

    assert refused.value.reason is ResultReason.GENERAL_FAILURE


def test_closing_twice_does_no_harm(opened: tuple[AuditTrail, Held]) -> None:
    trail, held = opened
    trail.append(a_record("1"))
    trail.close()
    trail.close()

    assert held() == ["1"]
