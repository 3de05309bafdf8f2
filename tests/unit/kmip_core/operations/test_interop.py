"""Interop, which production servers must not offer."""

import pytest

from kmip_adapters.audit.memory import MemoryTrail
from kmip_core.enums import InteropFunction, Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.operations import interop, offered
from kmip_core.settings import Settings
from tests.builders import an_engine, perform

TESTING = Settings(interop=True)


def a_request(function: InteropFunction) -> interop.Request:
    return interop.Request(interop_function=function, interop_identifier="BL-M-1-21")


def test_interop_is_not_offered_by_default() -> None:
    assert Operation.INTEROP not in offered(Settings())

    with pytest.raises(KmipError) as refused:
        perform(an_engine(catalogue=offered(Settings())), Operation.INTEROP, a_request(InteropFunction.BEGIN))

    assert refused.value.reason is ResultReason.OPERATION_NOT_SUPPORTED


@pytest.mark.parametrize("function", [InteropFunction.BEGIN, InteropFunction.END])
def test_interop_takes_note_of_a_test(function: InteropFunction) -> None:
    audit = MemoryTrail()
    engine = an_engine(catalogue=offered(TESTING), settings=TESTING, audit=audit)

    assert perform(engine, Operation.INTEROP, a_request(function)) == interop.Response()
    assert audit.records[-1].message == f"{function.name} BL-M-1-21"


def test_interop_resets_nothing() -> None:
    with pytest.raises(KmipError) as refused:
        perform(an_engine(catalogue=offered(TESTING)), Operation.INTEROP, a_request(InteropFunction.RESET))

    assert refused.value.reason is ResultReason.FEATURE_NOT_SUPPORTED
