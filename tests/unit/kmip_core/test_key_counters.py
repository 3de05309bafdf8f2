"""What the process remembers of keys in use, and that it stays bounded."""

import pytest

from kmip_core import key_counters
from kmip_core.key_counters import MAXIMUM_DELAY, DecryptionFailures, EncryptionCounts

NOW = 1_800_000_000


def test_encryptions_are_taken_one_by_one_until_none_is_left() -> None:
    counts = EncryptionCounts()
    assert not counts.take("key")
    counts.add("key", 1)
    counts.add("key", 1)

    assert [counts.take("key") for _ in range(3)] == [True, True, False]
    assert not counts.take("other")


def test_failures_are_answered_later_each_time_up_to_a_quarter_of_a_second() -> None:
    failures = DecryptionFailures()
    delays = [failures.note("key", NOW) for _ in range(100)]

    assert delays[:8] == [0] * 8
    assert delays == sorted(delays)
    assert delays[-1] == MAXIMUM_DELAY == 250
    assert failures.note("other", NOW) == 0


def test_failures_are_forgotten_in_time() -> None:
    failures = DecryptionFailures()
    for _ in range(100):
        failures.note("key", NOW)

    assert 0 < failures.note("key", NOW + 180) < 50
    assert failures.note("key", NOW + 3600) == 0


def test_no_more_keys_are_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_counters, "MAXIMUM_KEYS", 2)
    counts, failures = EncryptionCounts(), DecryptionFailures()
    for key in "abc":
        counts.add(key, 5)
        for _ in range(20):
            failures.note(key, NOW)

    assert [counts.take(key) for key in "abc"] == [False, True, True]
    assert failures.note("a", NOW) == 0
    assert failures.note("c", NOW) > 0
