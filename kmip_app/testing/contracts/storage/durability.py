"""What a durable store keeps when it is opened again, and what is in no file."""

import base64
import os

import pytest

from kmip_app.testing.contracts.samples import (
    a_key,
    a_name,
    admitted,
    content,
    criterion,
    query,
)
from kmip_app.testing.contracts.storage.support import (
    Opener,
    an_audit_record,
    durable,
    located,
    put,
)
from kmip_core.enums import (
    ResultReason,
)
from kmip_core.errors import KmipError

# --- durability -----------------------------------------------------------------------------------------------------


def test_a_durable_store_keeps_everything_when_reopened(opener: Opener) -> None:
    opened = durable(opener)
    put(opened, a_key("k1", names=(a_name("a"),)), a_key("k2"))
    with opened.unit_of_work() as work:
        work.record(an_audit_record(1))
        work.record(an_audit_record(2))
        work.commit()
    opened.acknowledge("record-1")
    opened.close()

    again = opener()
    with again.unit_of_work() as work:
        assert content() == work.content(admitted(work.find("k1")))
    assert located(again, query(criterion("names", a_name("a")))) == ("k1",)
    assert (an_audit_record(2),) == again.pending_records()
    put(again, a_key("k3"))
    assert located(again, query()) == ("k3", "k2", "k1")
    again.close()


def test_a_closed_store_refuses_work(opener: Opener) -> None:
    opened = durable(opener)
    opened.close()

    with pytest.raises(KmipError) as refused:
        put(opened, a_key("k1"))
    assert refused.value.reason == ResultReason.GENERAL_FAILURE
    opened.close()


def test_key_bytes_are_in_no_file(opener: Opener) -> None:
    opened = durable(opener)
    key = os.urandom(32)
    put(opened, a_key("k1"), key=key)
    with opened.unit_of_work() as work:
        work.save(work.find("k1"), content(key[::-1]))
        work.commit()

    def leaks() -> list[str]:
        forms = [form for k in (key, key[::-1]) for form in (k, k.hex().encode(), base64.b64encode(k)[:40])]
        return [
            f"{path.name}: {form!r}"
            for path in opener.directory.rglob("*")
            if path.is_file()
            for form in forms
            if form in path.read_bytes()
        ]

    assert leaks() == []
    opened.close()
    assert leaks() == []
