"""The newest versions that a process has seen: what is older, and how much is remembered."""

import pytest

from kmip_adapters.storage.sql import versions
from kmip_adapters.storage.sql.versions import NewestVersions


def test_a_version_that_was_read_makes_those_before_it_old() -> None:
    seen = NewestVersions()

    assert [seen.is_older("key", 1, version) for version in (2, 2, 1, 3, 2)] == [False, False, True, False, True]
    assert seen.newest("key", 1) == 3


def test_a_version_that_was_written_makes_those_before_it_old() -> None:
    seen = NewestVersions()
    seen.note("key", 1, 5)
    seen.note("key", 1, 4)  # two commits may be noted in either order

    assert seen.newest("key", 1) == 5
    assert seen.is_older("key", 1, 4)


def test_an_object_that_was_made_again_is_another_one() -> None:
    seen = NewestVersions()
    seen.note("key", 1, 5)

    assert seen.newest("key", 2) == 0
    assert not seen.is_older("key", 2, 1)
    assert (seen.newest("key", 2), seen.newest("key", 1)) == (1, 0)

    seen.note("key", 3, 1)
    assert seen.newest("key", 3) == 1


def test_an_object_that_was_never_seen_has_no_version() -> None:
    assert NewestVersions().newest("key", 1) == 0


def test_the_object_that_was_noted_longest_ago_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "MAXIMUM", 3)
    seen = NewestVersions()
    for name in ("a", "b", "c", "a", "d"):
        seen.note(name, 1, 2)

    assert [seen.newest(name, 1) for name in ("a", "b", "c", "d")] == [2, 0, 2, 2]
    assert len(seen._newest) == 3
