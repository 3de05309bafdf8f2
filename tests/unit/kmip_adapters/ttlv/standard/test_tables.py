"""The tables answer for every tag, value and version; names are found in all spellings."""

import csv
import enum
import inspect
from pathlib import Path

import pytest

from kmip_adapters.ttlv.standard import tables
from kmip_adapters.ttlv.standard.tables import VERSIONS
from kmip_core import enums
from kmip_core.structures import ProtocolVersion

V1_0, V1_4, V2_0, V2_1 = VERSIONS[0], VERSIONS[4], VERSIONS[5], VERSIONS[6]


def test_versions_are_in_order() -> None:
    assert list(VERSIONS) == sorted(VERSIONS)
    assert [str(v) for v in VERSIONS] == ["1.0", "1.1", "1.2", "1.3", "1.4", "2.0", "2.1", "3.0"]


@pytest.mark.parametrize(
    ("field_name", "code"),
    [
        ("unique_identifier", 0x420094),
        ("cryptographic_usage_mask", 0x42002C),
        ("iv_counter_nonce", 0x42003D),
        ("pkcs_11_function", 0x42015A),
        ("x_509_certificate_subject", 0x4200B7),
        ("mac_signature", 0x42004D),
        ("compromise_date", 0x420020),
        ("p", 0x42005E),
    ],
)
def test_a_field_name_finds_its_tag(field_name: str, code: int) -> None:
    tag = tables.tag_for_field(field_name)

    assert tag is not None
    assert tag.code == code
    assert tables.tag_by_code(code) is tag
    assert tables.tag_by_xml_name(tag.xml_name) is tag
    assert tables.tag_by_name(tag.name) is tag


def test_no_two_tags_share_a_squashed_name() -> None:
    codes = tables.enumeration(tables.TAG_ENUMERATION)
    assert codes is not None
    for code in codes.presence_by_value:
        tag = tables.tag_by_code(code)
        assert tag is not None
        assert tables.tag_for_field(tag.name) is tag


def test_unknown_names_find_nothing() -> None:
    assert tables.tag_for_field("no_such_field") is None
    assert tables.tag_by_code(0x540001) is None
    assert tables.enumeration("NoSuchEnumeration") is None
    assert tables.value_of_xml_name("State", "NoSuchState") is None
    assert tables.enumeration_values("NoSuchEnumeration", V1_0) == frozenset()


@pytest.mark.parametrize(
    ("field_name", "versions"),
    [
        ("template_attribute", VERSIONS[:5]),
        ("attributes", VERSIONS[5:]),
        ("certificate_identifier", VERSIONS[:5]),  # deprecated from 1.1 on, but still there
        ("device_identifier", VERSIONS[1:]),
        ("rotate_name", VERSIONS[6:]),
        ("certificate_link", VERSIONS[7:]),
        ("batch_count", VERSIONS[:7]),
    ],
)
def test_a_tag_is_in_its_versions(field_name: str, versions: tuple[ProtocolVersion, ...]) -> None:
    tag = tables.tag_for_field(field_name)

    assert tag is not None
    assert tuple(v for v in VERSIONS if tag.is_in(v)) == versions


def test_values_are_gated_by_version() -> None:
    operations = {version: tables.enumeration_values("Operation", version) for version in VERSIONS}

    assert enums.Operation.ENCRYPT not in operations[VERSIONS[1]]
    assert enums.Operation.ENCRYPT in operations[VERSIONS[2]]
    assert enums.Operation.PING not in operations[V2_0]
    assert enums.Operation.PING in operations[V2_1]
    assert enums.Operation.DEACTIVATE not in operations[V2_1]
    assert enums.ObjectType.TEMPLATE in tables.enumeration_values("ObjectType", V1_4)
    assert enums.ObjectType.TEMPLATE not in tables.enumeration_values("ObjectType", V2_0)
    assert tables.enumeration_values("Operation", ProtocolVersion(9, 9)) == frozenset()


@pytest.mark.parametrize(
    ("field_name", "enumeration"),
    [
        ("cryptographic_algorithm", "CryptographicAlgorithm"),
        ("cryptographic_usage_mask", "CryptographicUsageMask"),
        ("mask_generator_hashing_algorithm", "HashingAlgorithm"),
        ("attribute_reference", "Tag"),
        ("extension_type", "ItemType"),
        ("pkcs_11_return_code", "PKCS11ReturnCode"),
        ("linked_object_identifier", "UniqueIdentifier"),
        ("attribute_value", None),
        ("cryptographic_length", None),
    ],
)
def test_a_tag_knows_its_enumeration(field_name: str, enumeration: str | None) -> None:
    tag = tables.tag_for_field(field_name)

    assert tag is not None
    assert tables.enumeration_of_tag(tag) == enumeration


def test_every_tag_that_is_only_an_enumeration_has_one() -> None:
    codes = tables.enumeration(tables.TAG_ENUMERATION)
    assert codes is not None
    found = [tables.tag_by_code(code) for code in codes.presence_by_value]

    assert [tag.name for tag in found if tag and tag.item_types == ("Enumeration",) and not tag.enumeration] == []


@pytest.mark.parametrize(
    ("enumeration", "names", "value"),
    [
        ("CryptographicAlgorithm", ["DES3"], 2),
        ("MaskGenerator", ["MGF1", "MFG1"], 1),
        ("ResultReason", ["NotAuthorised", "NotAuthorized"], 0x39),
        ("DigitalSignatureAlgorithm", ["MD2WithRSAEncryption", "MD2WithRSAEncryptionPKCS_1V1_5"], 1),
        ("CryptographicUsageMask", ["ContentCommitmentNonRepudiation", "ContentCommitment"], 0x400),
        ("PKCS11Function", ["C_Initialize"], 1),
        ("Tag", ["UniqueIdentifier"], 0x420094),
    ],
)
def test_all_spellings_of_a_value_are_read_and_the_first_is_written(
    enumeration: str, names: list[str], value: int
) -> None:
    assert {tables.value_of_xml_name(enumeration, name) for name in names} == {value}
    assert tables.xml_name_of_value(enumeration, value) == names[0]


def test_the_tables_and_the_enumerations_of_the_core_have_the_same_values() -> None:
    for name, item in inspect.getmembers(enums, inspect.isclass):
        if issubclass(item, enum.Enum) and item.__module__.startswith("kmip_core") and item is not enums.ExtensibleEnum:
            table = tables.enumeration(name)
            assert table is not None, name
            assert issubclass(item, enum.IntFlag) == table.is_mask
            assert {member.value for member in item} == set(table.name_by_value)


@pytest.mark.parametrize("name", ["enumerations.csv", "tags.csv"])
def test_the_rows_of_a_table_are_those_that_csv_reads(name: str) -> None:
    lines = Path(tables.__file__).with_name("data").joinpath(name).read_text("utf-8").splitlines()

    assert tables._rows(name) == list(csv.DictReader(line for line in lines if not line.startswith("#")))
