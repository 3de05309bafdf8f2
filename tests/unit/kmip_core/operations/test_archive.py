"""Archive and Recover."""

from typing import Any

import pytest

from kmip_core.enums import Operation, ResultReason, State, StorageStatusMask
from kmip_core.errors import KmipError
from kmip_core.operations import archive, destroy, get, get_attributes, locate, recover
from tests.builders import NOW, a_symmetric_key, an_engine, ask, attributes_of, perform, stored

ARCHIVE = (Operation.ARCHIVE, archive.Request(unique_identifier="key"))
RECOVER = (Operation.RECOVER, recover.Request(unique_identifier="key"))


def test_archive_puts_an_object_off_line() -> None:
    engine = an_engine(a_symmetric_key())

    assert perform(engine, *ARCHIVE) == archive.Response(unique_identifier="key")
    assert stored(engine).archived
    assert attributes_of(engine).archive_date == NOW
    assert attributes_of(engine).last_change_date == NOW


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        (Operation.GET, get.Request(unique_identifier="key")),
        (Operation.DESTROY, destroy.Request(unique_identifier="key")),
        ARCHIVE,
    ],
)
def test_an_archived_object_refuses(operation: Operation, request_: Any) -> None:
    engine = an_engine(a_symmetric_key(archived=True))

    with pytest.raises(KmipError) as refused:
        perform(engine, operation, request_)

    assert refused.value.reason is ResultReason.OBJECT_ARCHIVED


def test_an_archived_object_shows_its_attributes() -> None:
    engine = an_engine(a_symmetric_key(archived=True, archive_date=NOW))
    request = get_attributes.Request(unique_identifier="key")

    assert perform(engine, Operation.GET_ATTRIBUTES, request).attributes.archive_date == NOW


def test_an_archived_object_is_found_only_in_the_archive() -> None:
    engine = an_engine(a_symmetric_key(archived=True))
    in_archive = locate.Request(storage_status_mask=StorageStatusMask.ARCHIVAL_STORAGE)

    assert perform(engine, Operation.LOCATE, locate.Request()).unique_identifiers == ()
    assert perform(engine, Operation.LOCATE, in_archive).unique_identifiers == ("key",)


def test_archive_refuses_a_destroyed_object() -> None:
    with pytest.raises(KmipError) as refused:
        perform(an_engine(a_symmetric_key(state=State.DESTROYED)), *ARCHIVE)

    assert refused.value.reason is ResultReason.OBJECT_DESTROYED


def test_recover_puts_an_object_on_line() -> None:
    engine = an_engine(a_symmetric_key(archived=True, archive_date=NOW - 1))

    assert perform(engine, *RECOVER) == recover.Response(unique_identifier="key")
    assert not stored(engine).archived
    assert attributes_of(engine).archive_date is None
    assert attributes_of(engine).last_change_date == NOW


def test_recover_changes_nothing_for_an_object_on_line() -> None:
    engine = an_engine(a_symmetric_key())

    perform(engine, *RECOVER)

    assert attributes_of(engine).last_change_date == NOW - 1_000


def test_recover_sets_the_id_placeholder() -> None:
    engine = an_engine(a_symmetric_key(archived=True))

    _, got = ask(engine, RECOVER, (Operation.GET, get.Request())).batch_items

    assert got.payload.unique_identifier == "key"
