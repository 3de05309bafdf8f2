"""The generated enumerations: names people write, codes the standard fixes."""

import enum
import inspect

import pytest

from kmip_core import enums


def enumerations() -> list[type[enum.IntEnum] | type[enum.IntFlag]]:
    return [
        item
        for _, item in inspect.getmembers(enums, inspect.isclass)
        if issubclass(item, enum.IntEnum | enum.IntFlag)
        and item.__module__.startswith("kmip_core")
        and item is not enums.ExtensibleEnum
    ]


@pytest.mark.parametrize(
    ("member", "code"),
    [
        (enums.CryptographicAlgorithm.AES, 0x03),
        (enums.CryptographicAlgorithm.RSA, 0x04),
        (enums.CryptographicAlgorithm.TRIPLE_DES, 0x02),
        (enums.CryptographicAlgorithm.HMAC_SHA256, 0x09),
        (enums.CryptographicAlgorithm.ML_KEM_768, 0x3A),
        (enums.KeyFormatType.X_509, 0x05),
        (enums.KeyFormatType.PKCS_8, 0x04),
        (enums.HashingAlgorithm.SHA_256, 0x06),
        (enums.BlockCipherMode.NIST_KEY_WRAP, 0x0D),
        (enums.SecretDataType.PASSWORD, 0x01),
        (enums.OpaqueDataType.NONE, 0x80000000),
        (enums.Operation.GET_ATTRIBUTE_LIST, 0x0C),
        (enums.Operation.RE_KEY, 0x04),
        (enums.ObjectType.TEMPLATE, 0x06),
        (enums.State.PRE_ACTIVE, 0x01),
        (enums.RevocationReasonCode.CESSATION_OF_OPERATION, 0x06),
        (enums.MaskGenerator.MGF1, 0x01),
        (enums.ItemType.DATE_TIME_EXTENDED, 0x0B),
        (enums.ResultReason.GENERAL_FAILURE, 0x100),
        (enums.PKCS11Function.C_CLOSESESSION, 0x0E),
        (enums.CryptographicUsageMask.DERIVE_KEY, 0x200),
        (enums.StorageStatusMask.ARCHIVAL_STORAGE, 0x02),
        (enums.ProtectionStorageMask.SOFTWARE, 0x01),
    ],
    ids=str,
)
def test_a_member_has_the_code_of_the_standard(member: int, code: int) -> None:
    assert member == code


@pytest.mark.parametrize("enumeration", enumerations(), ids=lambda item: item.__name__)
def test_names_are_upper_case_identifiers_and_each_code_has_one(enumeration: type[enum.Enum]) -> None:
    names = list(enumeration.__members__)

    assert names
    assert all(name.isidentifier() and name == name.upper() for name in names)
    assert len(names) == len(list(enumeration))  # an alias would be a second name for one code


def test_values_withdrawn_in_later_versions_remain_while_never_defined_ones_are_absent() -> None:
    assert enums.ResultReason.ILLEGAL_OPERATION == 0x0B
    assert 0x27 not in {reason.value for reason in enums.ResultReason}


def test_an_extension_of_an_extensible_enumeration_is_a_value_that_is_not_remembered() -> None:
    extension = enums.OpaqueDataType(0x80000001)

    assert extension == 0x80000001
    assert isinstance(extension, enums.OpaqueDataType)
    assert extension not in list(enums.OpaqueDataType)


def test_a_value_outside_of_the_extensions_stays_unknown() -> None:
    with pytest.raises(ValueError, match="not a valid"):
        enums.OpaqueDataType(0x00000001)
