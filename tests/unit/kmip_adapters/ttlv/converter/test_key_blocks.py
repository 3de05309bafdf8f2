"""Key Blocks with and without their Key Value, in the versions that allow either."""

import pytest

from kmip_adapters.ttlv.standard.tables import VERSIONS
from kmip_core.enums import CryptographicAlgorithm, KeyFormatType, ObjectType, ResultReason
from kmip_core.errors import KmipError
from kmip_core.objects import KeyBlock, SymmetricKey
from kmip_core.operations import get, register
from kmip_core.structures import ProtocolVersion
from tests.unit.kmip_adapters.ttlv.builders import CONVERTERS, over_the_wire

WITHOUT = SymmetricKey(
    key_block=KeyBlock(
        key_format_type=KeyFormatType.RAW,
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=128,
    )
)
REGISTER = register.Request(object_type=ObjectType.SYMMETRIC_KEY, managed_object=WITHOUT)
GOT = get.Response(object_type=ObjectType.SYMMETRIC_KEY, unique_identifier="1", managed_object=WITHOUT)
OLD = [version for version in VERSIONS if version < ProtocolVersion(1, 2)]


@pytest.mark.parametrize("version", [version for version in VERSIONS if version not in OLD], ids=str)
def test_a_key_block_may_come_without_its_value_from_1_2_on(version: ProtocolVersion) -> None:
    assert over_the_wire(REGISTER, version) == REGISTER
    assert over_the_wire(GOT, version) == GOT


@pytest.mark.parametrize("version", OLD, ids=str)
def test_before_it_is_an_invalid_message(version: ProtocolVersion) -> None:
    # This part of Register is written in one way in every 1.x version; 2.x has another form of attributes.
    items = CONVERTERS[ProtocolVersion(1, 2)].get_unstructure_hook(register.Request)(REGISTER)

    with pytest.raises(KmipError) as refused:
        CONVERTERS[version].get_structure_hook(register.Request)(items, register.Request)
    assert refused.value.reason is ResultReason.INVALID_MESSAGE


@pytest.mark.parametrize("version", OLD, ids=str)
def test_an_older_client_is_refused_what_it_could_not_read(version: ProtocolVersion) -> None:
    with pytest.raises(KmipError) as refused:
        CONVERTERS[version].get_unstructure_hook(get.Response)(GOT)
    assert refused.value.reason is ResultReason.KEY_VALUE_NOT_PRESENT
