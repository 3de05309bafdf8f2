"""Obtain Lease."""

import pytest

from kmip_core.enums import Operation, ResultReason, State
from kmip_core.errors import KmipError
from kmip_core.operations import obtain_lease
from kmip_core.settings import Settings
from tests.builders import NOW, a_symmetric_key, an_engine, perform

REQUEST = obtain_lease.Request(unique_identifier="key")


def test_obtain_lease_grants_the_lease_time_of_the_object() -> None:
    engine = an_engine(a_symmetric_key(lease_time=60))

    assert perform(engine, Operation.OBTAIN_LEASE, REQUEST) == obtain_lease.Response(
        unique_identifier="key", lease_time=60, last_change_date=NOW - 1_000
    )


def test_obtain_lease_grants_the_server_s_time_where_the_object_has_none() -> None:
    engine = an_engine(a_symmetric_key(lease_time=None), settings=Settings(lease_time=5))

    assert perform(engine, Operation.OBTAIN_LEASE, REQUEST).lease_time == 5


def test_obtain_lease_refuses_a_destroyed_object() -> None:
    with pytest.raises(KmipError) as refused:
        perform(an_engine(a_symmetric_key(state=State.DESTROYED)), Operation.OBTAIN_LEASE, REQUEST)

    assert refused.value.reason is ResultReason.OBJECT_DESTROYED
