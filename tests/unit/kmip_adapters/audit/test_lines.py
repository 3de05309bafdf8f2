"""The line format: everything told, nothing smuggled, hash over what stands before it."""

import json
import tracemalloc
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmip_adapters.audit.lines import BEFORE_THE_FIRST, read_line, write_line
from kmip_core.enums import Operation, ResultReason
from kmip_core.ports.audit import AuditRecord


def test_a_line_is_one_json_object_with_all_that_the_record_says() -> None:
    record = AuditRecord(
        record_id="r-1",
        time=1_800_000_000,
        principal="alice",
        source="certificate",
        address="192.0.2.1",
        certificate_serial="0a",
        certificate_issuer="CN=One",
        event="Get",
        operation=Operation.GET,
        unique_identifiers=("1", "2"),
        result=ResultReason.PERMISSION_DENIED,
        message="may not",
        client_correlation_value="theirs",
        server_correlation_value="ours",
    )
    line, digest = write_line("main", 1, BEFORE_THE_FIRST, record)
    told = json.loads(line)

    assert told == {
        "chain": "main",
        "sequence": 1,
        "previous": BEFORE_THE_FIRST,
        "record": {
            "record_id": "r-1",
            "time": 1_800_000_000,
            "principal": "alice",
            "source": "certificate",
            "address": "192.0.2.1",
            "certificate_serial": "0a",
            "certificate_issuer": "CN=One",
            "event": "Get",
            "operation": "GET",
            "unique_identifiers": ["1", "2"],
            "result": "PERMISSION_DENIED",
            "message": "may not",
            "client_correlation_value": "theirs",
            "server_correlation_value": "ours",
        },
        "hash": digest,
    }
    assert sha256(line.split(b',"hash":')[0]).hexdigest() == digest


def test_empty_fields_are_left_out() -> None:
    line, _ = write_line("main", 1, BEFORE_THE_FIRST, AuditRecord(record_id="r", time=1, principal="", event="Start"))

    assert json.loads(line)["record"] == {"record_id": "r", "time": 1, "principal": "", "event": "Start"}


def test_each_line_names_the_hash_and_sequence_of_the_one_before() -> None:
    record = AuditRecord(record_id="r", time=1, principal="a", event="Get")
    _, first = write_line("main", 1, BEFORE_THE_FIRST, record)
    line, second = write_line("main", 2, first, record)

    assert json.loads(line)["previous"] == first
    assert json.loads(line)["sequence"] == 2
    assert second != first


@given(st.text(), st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_no_text_leaves_its_line_or_its_place(name: str, event: str, message: str, identifiers: list[str]) -> None:
    record = AuditRecord(
        record_id="r", time=1, principal=name, event=event, message=message, unique_identifiers=tuple(identifiers)
    )
    line, digest = write_line("main", 1, BEFORE_THE_FIRST, record)
    told = read_line(line[:-1])

    assert all(0x20 <= byte < 0x7F for byte in line[:-1])
    assert line[-1:] == b"\n"
    assert told.is_intact
    assert told.hash == digest
    assert told.record["principal"] == name
    assert told.record["event"] == event
    assert told.record.get("message", "") == message
    assert told.record.get("unique_identifiers", []) == identifiers


def test_long_texts_and_many_identifiers_are_cut_and_say_so() -> None:
    record = AuditRecord(
        record_id="r",
        time=1,
        principal="a" * 100_000,
        event="Get",
        unique_identifiers=tuple(str(n) for n in range(50_000)),
    )
    line, _ = write_line("main", 1, BEFORE_THE_FIRST, record)
    told = json.loads(line)["record"]

    assert len(line) < 16_384
    assert told["principal"] == "a" * 1_024 + " ... (100000 characters)"
    assert told["unique_identifiers"][999:] == ["999", "... and 49000 more"]


@pytest.mark.parametrize(
    "line",
    [b"", b"[]", b"3", b"{}", b'{"chain":"a"}', b"not json", b"\xff", b'{"chain":1,"sequence":"x"}'],
    ids=repr,
)
def test_text_that_is_no_line_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        read_line(line)


def test_a_changed_line_is_not_intact() -> None:
    record = AuditRecord(record_id="r", time=1, principal="alice", event="Get")
    line, _ = write_line("main", 1, BEFORE_THE_FIRST, record)

    assert read_line(line[:-1]).is_intact
    assert not read_line(line[:-1].replace(b"alice", b"mallory")).is_intact


def test_long_texts_of_clients_are_not_kept_in_memory() -> None:
    """A text of a request may have a megabyte; a thousand of them would be the server's memory."""
    tracemalloc.start()
    for number in range(30):
        text = f"{number}" * 500_000
        record = AuditRecord(record_id="1", time=0, principal="alice", event="Log", message=text)
        write_line("main", 1, BEFORE_THE_FIRST, record)
    del record, text
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert kept < 1_000_000
