"""Submissions in an SQL store: sealed, sealed anew, and refused when their rows were changed."""

import functools
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.sql.maintenance import rotate_data_key, verify
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.testing.contracts.samples import NOW
from kmip_app.testing.contracts.submissions import a_submission
from kmip_core.enums import ResultReason, ResultStatus
from kmip_core.errors import KmipError
from kmip_core.submissions import Outcome, Submission

SECRET = b"a secret to register"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStorage]:
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(tmp_path / "root.key"))
    opened = SqlStorage(f"sqlite:///{tmp_path}/kmipd.db", make_sealer)
    with opened.unit_of_work() as work:
        work.save_submission(a_submission(b"1", request=SECRET))
        work.save_submission(
            a_submission(b"2", request=b"", outcome=Outcome(result_status=ResultStatus.SUCCESS, payload=SECRET))
        )
        work.commit()
    yield opened
    opened.close()


def find(store: SqlStorage, value: bytes = b"1") -> Submission | None:
    with store.unit_of_work() as work:
        return work.submission(value)


def change(tmp_path: Path, statement: str, *values: Any) -> None:
    with sqlite3.connect(tmp_path / "kmipd.db") as connection:
        assert connection.execute(statement, values).rowcount == 1
    connection.close()


def test_neither_request_nor_answer_can_be_read_in_the_database(store: SqlStorage, tmp_path: Path) -> None:
    store.close()
    octets = b"".join(path.read_bytes() for path in tmp_path.glob("kmipd.db*"))

    assert SECRET not in octets
    assert b"alice" in octets  # the owner is a column, to find its submissions


def test_a_rotation_of_the_data_key_seals_submissions_anew(store: SqlStorage) -> None:
    before = [find(store, value) for value in (b"1", b"2")]
    rotate_data_key(store, lambda done, in_all: None)

    assert [find(store, value) for value in (b"1", b"2")] == before
    assert len(store.data_keys.load()) == 1
    found = before[0]
    assert found is not None
    with store.unit_of_work() as work:  # the version is the one that was read before
        work.save_submission(evolve(found, is_processed=True))
        work.commit()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("owner", "bob"),
        ("batch", "another"),
        ("position", 3),
        ("due_at", 0),
        ("expires_at", NOW + 1_000_000),
        ("has_ended", 1),
        ("is_delivered", 1),
        ("size", 0),
        ("version", 2),
        ("sealed", b"\x01" * 60),
    ],
)
def test_a_row_that_was_changed_is_refused(store: SqlStorage, tmp_path: Path, column: str, value: Any) -> None:
    change(tmp_path, f"UPDATE submissions SET {column} = ? WHERE correlation_value = ?", value, b"1")

    with pytest.raises(KmipError) as refused:
        find(store)
    assert refused.value.reason is ResultReason.GENERAL_FAILURE
    assert store.refused_rows == 1
    assert [damage.what for damage in verify(store, lambda done, in_all: None) if "submission" in damage.what]


def test_a_row_that_was_put_under_another_value_is_refused(store: SqlStorage, tmp_path: Path) -> None:
    change(tmp_path, "DELETE FROM submissions WHERE correlation_value = ?", b"2")
    change(tmp_path, "UPDATE submissions SET correlation_value = ? WHERE correlation_value = ?", b"2", b"1")

    with pytest.raises(KmipError):
        find(store, b"2")


def test_a_store_whose_submissions_are_whole_has_no_damage(store: SqlStorage) -> None:
    assert verify(store, lambda done, in_all: None) == ()


def test_a_claim_is_not_sealed(store: SqlStorage, tmp_path: Path) -> None:
    change(tmp_path, "UPDATE submissions SET claimed_until = ? WHERE correlation_value = ?", NOW + 9, b"1")
    found = find(store)

    assert found is not None
    assert found.claimed_until == NOW + 9
