"""The file of quotas by identity and group."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from kmip_adapters.transport.rates import Allowance
from kmip_app.configuration.quotas import LOOK_EVERY, Quotas, UnusableQuotas, read_quotas

DEFAULT = Allowance(requests_per_second=100, slow_seconds_per_minute=60)


def a_file(folder: Path, content: Any) -> Path:
    path = folder / "quotas.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_without_a_file_all_have_the_default() -> None:
    assert Quotas(DEFAULT).of("alice") == DEFAULT


def test_an_identity_counts_before_its_groups_and_these_before_the_default(tmp_path: Path) -> None:
    content = {
        "identities": {"alice": {"requests_per_second": 5}},
        "groups": {
            "batch": {"requests_per_second": 50, "slow_seconds_per_minute": 600},
            "more": {"requests_per_second": 70},
        },
    }
    groups = {"alice": frozenset({"batch"}), "bob": frozenset({"batch", "more"}), "carol": frozenset({"unknown"})}
    quotas = Quotas(DEFAULT, a_file(tmp_path, content), lambda name: groups.get(name, frozenset()))

    assert quotas.of("alice") == Allowance(requests_per_second=5, slow_seconds_per_minute=600)
    assert quotas.of("bob") == Allowance(requests_per_second=70, slow_seconds_per_minute=600)
    assert quotas.of("carol") == quotas.of("dave") == DEFAULT


def test_changes_are_taken_up_and_a_broken_file_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    times = [0.0]
    path = a_file(tmp_path, {"identities": {"alice": {"requests_per_second": 5}}})
    quotas = Quotas(DEFAULT, path, now=lambda: times[0])
    for content, expected in (({"identities": {"alice": {"requests_per_second": 77}}}, 77), ("{broken", 77)):
        a_file(tmp_path, content)
        times[0] += LOOK_EVERY + 1.0
        with caplog.at_level(logging.ERROR, "kmip_app"):
            assert quotas.of("alice").requests_per_second == expected

    assert "is not JSON" in caplog.text


@pytest.mark.parametrize(
    "content",
    [
        "{broken",
        "[]",
        {"users": {}},
        {"identities": []},
        {"identities": {"alice": 5}},
        {"identities": {"alice": {"objects_per_moon": 5}}},
        {"groups": {"batch": {"requests_per_second": 0}}},
        {"groups": {"batch": {"requests_per_second": True}}},
        {"groups": {"batch": {"requests_per_second": "many"}}},
    ],
)
def test_an_unusable_file_is_refused_with_its_place(tmp_path: Path, content: Any) -> None:
    with pytest.raises(UnusableQuotas, match=r"quotas\.json"):
        read_quotas(a_file(tmp_path, content))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableQuotas, match="cannot be read"):
        read_quotas(tmp_path / "none.json")
