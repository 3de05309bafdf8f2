"""What a handler may use."""

import pytest
from attrs import evolve

from kmip_core.enums import ObjectType, Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.operations import validate
from tests.builders import RememberedFaults, a_symmetric_key, an_engine, perform


def test_a_store_that_mixes_up_contents_is_at_fault_and_not_the_client() -> None:
    faults = RememberedFaults()
    record, key = a_symmetric_key("certificate")
    engine = an_engine((evolve(record, object_type=ObjectType.CERTIFICATE), key), faults=faults)

    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.VALIDATE, validate.Request(unique_identifiers=("certificate",)))

    assert refused.value.reason is ResultReason.GENERAL_FAILURE
    assert [str(error) for error in faults.errors] == ["the CERTIFICATE holds a SymmetricKey"]
