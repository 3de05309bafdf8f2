"""Objects survive the way to bytes and back, whatever they hold."""

import importlib.util
import json
import sys
from base64 import b64encode
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from attrs import Factory, evolve, frozen
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip_adapters.storage import record_readers, record_writers, records
from kmip_adapters.storage.sql.rows import UNREADABLE
from kmip_app.testing.contracts.samples import ATTRIBUTES, SAMPLES, TEXTS, a_key, content, strategy
from kmip_core.attributes import FIELDS, MULTIPLE, Attributes
from kmip_core.creation_rules import Constraint, ObjectDefaults
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ItemType,
    KeyFormatType,
    ObjectType,
    State,
    WrappingMethod,
)
from kmip_core.objects import (
    CONTENT_CLASSES,
    Content,
    KeyBlock,
    KeyValue,
    PrivateKey,
    PublicKey,
    SecretData,
    SymmetricKey,
)
from kmip_core.ports.audit import AuditRecord
from kmip_core.structures import CustomAttribute, KeyWrappingData, TransparentRSAPublicKey, TypedValue
from tests.rounds import rounds

CONTENTS: st.SearchStrategy[Content] = st.one_of(
    [strategy(content_class) for content_class in CONTENT_CLASSES.values()]
)


def types_of(value: object) -> object:
    """Equality is blind to enumerations become numbers; their types are not."""
    if isinstance(value, tuple):
        return (type(value), *map(types_of, value))
    names = getattr(type(value), "__attrs_attrs__", ())
    return (type(value), *(types_of(getattr(value, a.name)) for a in names))


@settings(max_examples=rounds(75, nightly=300), deadline=None)
@given(ATTRIBUTES)
def test_attributes_come_back_as_they_were(attributes: Attributes) -> None:
    decoded = records.decode_attributes(records.encode_attributes(attributes))

    assert attributes == decoded
    assert types_of(attributes) == types_of(decoded)


@pytest.mark.parametrize("attribute", FIELDS)
def test_every_attribute_comes_back(attribute: str) -> None:
    fields: dict[str, Any] = {attribute: (SAMPLES[attribute],) if attribute in MULTIPLE else SAMPLES[attribute]}
    attributes = Attributes(**fields)

    decoded = records.decode_attributes(records.encode_attributes(attributes))

    assert attributes == decoded
    assert types_of(attributes) == types_of(decoded)


@settings(max_examples=rounds(75, nightly=300), deadline=None)
@given(CONTENTS)
def test_content_comes_back_as_it_was(content: Content) -> None:
    decoded = records.decode_content(records.encode_content(content))

    assert content == decoded
    assert types_of(content) == types_of(decoded)


@settings(max_examples=rounds(50, nightly=500), deadline=None)
@given(ATTRIBUTES)
def test_a_record_comes_back_from_its_two_parts_and_only_one_has_digests(attributes: Attributes) -> None:
    """A password can be found by its digest: the part that has them is encrypted at rest."""
    stored, hidden = records.encode_record(attributes)

    assert records.decode_record(stored, hidden) == attributes
    assert "digests" not in records.read_json(stored)
    assert (hidden != b"") is (attributes.digests != ())
    assert records.decode_record(stored, b"") == attributes.but(digests=())


@given(strategy(AuditRecord))
def test_audit_records_come_back_as_they_were(record: AuditRecord) -> None:
    assert record == records.decode_audit_record(records.encode_audit_record(record))


def test_unknown_fields_of_a_newer_release_are_skipped() -> None:
    stored = json.dumps({"state": 2, "names": [{"name_value": "n", "shade": 3}], "colour": "red"}).encode()

    attributes = records.decode_attributes(stored)

    assert State.ACTIVE is attributes.state
    assert attributes.names[0].name_value == "n"


def test_numbers_longer_than_python_prints_come_back() -> None:
    key = TransparentRSAPublicKey(modulus=(1 << 16_384) - 1, public_exponent=65_537)
    told = content().key_block
    block = KeyBlock(key_format_type=told.key_format_type, key_value=KeyValue(key_material=key))
    made = CONTENT_CLASSES[ObjectType.PUBLIC_KEY](key_block=block)  # type: ignore[call-arg]

    assert made == records.decode_content(records.encode_content(made))


def test_combined_bits_of_a_mask_come_back() -> None:
    mask = CryptographicUsageMask(0x0080_020D)

    decoded = records.decode_attributes(records.encode_attributes(Attributes(cryptographic_usage_mask=mask)))

    assert mask == decoded.cryptographic_usage_mask
    assert isinstance(decoded.cryptographic_usage_mask, CryptographicUsageMask)


@given(strategy(str), strategy(str), strategy(str), strategy(str))
def test_associated_data_distinguishes_objects(identifier: str, owner: str, identifier2: str, owner2: str) -> None:
    one, other = (
        records.associated_data(a_key(name, owner=who)) for name, who in ((identifier, owner), (identifier2, owner2))
    )

    assert (one == other) == ((identifier, owner) == (identifier2, owner2))


# --- with and without the extra `fast` ------------------------------------------------------------------------------


def _without_orjson() -> ModuleType:
    """Return a second copy of the module, as it is where orjson is not installed."""
    spec = importlib.util.spec_from_file_location("records_without_orjson", records.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "orjson", None)
        spec.loader.exec_module(module)
    return module


PLAIN = _without_orjson()


def test_both_ways_to_write_json_are_there() -> None:
    assert records._to_json.__module__ == "orjson"
    assert PLAIN._to_json.__module__ == "records_without_orjson"


@settings(max_examples=rounds(75, nightly=300), deadline=None)
@given(ATTRIBUTES, CONTENTS, strategy(AuditRecord))
def test_stored_bytes_are_the_same_with_and_without_orjson(
    attributes: Attributes, content: Content, record: AuditRecord
) -> None:
    assert records.encode_attributes(attributes) == PLAIN.encode_attributes(attributes)
    assert records.encode_content(content) == PLAIN.encode_content(content)
    assert records.encode_audit_record(record) == PLAIN.encode_audit_record(record)
    assert PLAIN.decode_attributes(records.encode_attributes(attributes)) == attributes
    assert PLAIN.decode_content(records.encode_content(content)) == content


# --- keys of a kind -------------------------------------------------------------------------------------------------

BLOCK = KeyBlock(
    key_format_type=KeyFormatType.RAW,
    key_value=KeyValue(key_material=b"material"),
    cryptographic_algorithm=CryptographicAlgorithm.AES,
    cryptographic_length=64,
)
WRAPPED = evolve(BLOCK, key_wrapping_data=KeyWrappingData(wrapping_method=WrappingMethod.ENCRYPT))
INSIDE = evolve(BLOCK, key_value=KeyValue(key_material=b"material", attributes=Attributes(comment="inside")))
OF_SOME_KIND: dict[str, Content] = {
    "a key": SymmetricKey(key_block=BLOCK),
    "a public key": PublicKey(key_block=BLOCK),
    "a private key": PrivateKey(key_block=BLOCK),
    "without algorithm": SymmetricKey(key_block=evolve(BLOCK, cryptographic_algorithm=None, cryptographic_length=None)),
    "without material": SymmetricKey(key_block=evolve(BLOCK, key_value=KeyValue(key_material=b""))),
    "wrapped": SymmetricKey(key_block=WRAPPED),
    "with attributes inside": SymmetricKey(key_block=INSIDE),
    "with attributes beside": SymmetricKey(key_block=BLOCK, attributes=Attributes(comment="beside")),
    "secret data": SecretData(b"material"),
}
USUAL = {"a key", "a public key", "a private key", "without algorithm", "without material"}


@pytest.mark.parametrize("name", OF_SOME_KIND)
def test_keys_of_a_kind_differ_in_their_material_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_kinds", {})
    monkeypatch.setattr(records, "_written_around", {})
    key: Any = OF_SOME_KIND[name]
    for material in (b"first", b"second", b'"key_material":"', b""):
        block: KeyBlock = evolve(key.key_block, key_value=evolve(key.key_block.key_value, key_material=material))
        of_kind = evolve(key, key_block=block)

        assert records.encode_content(of_kind) == records._encode_content(of_kind)
        assert records.decode_content(records.encode_content(of_kind)) == of_kind
        kept = [*records._kinds, *map(b"".join, records._written_around.values())]
        assert not any(material and b64encode(material) in around for around in kept)
    assert bool(records._kinds) is bool(records._written_around) is (name in USUAL)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="none"),
        pytest.param(b"an encoded key value", id="encoded"),
        pytest.param(KeyValue(key_material=TransparentRSAPublicKey(modulus=3, public_exponent=5)), id="transparent"),
    ],
)
def test_a_key_without_octets_as_its_material_comes_back(value: KeyValue | bytes | None) -> None:
    """As one that was registered without its Key Value, or as a client has wrapped and encoded it."""
    key = PublicKey(key_block=evolve(BLOCK, key_value=value))
    for _ in range(2):  # the second time whatever is kept of its kind is there
        assert records.encode_content(key) == records._encode_content(key)
        assert records.decode_content(records.encode_content(key)) == key


def test_kinds_of_keys_are_kept_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_kinds", {})
    monkeypatch.setattr(records, "_written_around", {})
    for length in range(records._MOST_KINDS + 2):
        key = SymmetricKey(key_block=evolve(BLOCK, cryptographic_length=length))
        assert records.decode_content(records.encode_content(key)) == key

    assert len(records._kinds) == len(records._written_around) == 2


def test_what_is_long_around_the_material_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_kinds", {})
    plain = records.encode_content(OF_SOME_KIND["a key"])
    longer = plain[:-1] + b',"of a later version":"' + 512 * b"x" + b'"}'

    assert records.decode_content(longer) == OF_SOME_KIND["a key"]
    assert not records._kinds


# --- the generated writers -------------------------------------------------------------------------------------------


def _by_cattrs() -> ModuleType:
    """Return a second copy of the module whose values are written and read by the functions that cattrs makes."""
    spec = importlib.util.spec_from_file_location("records_by_cattrs", records.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    by_cattrs = partial(make_dict_unstructure_fn, _cattrs_omit_if_default=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_writers, "writer_of", by_cattrs)
        patch.setattr(record_readers, "reader_of", partial(make_dict_structure_fn, _cattrs_detailed_validation=False))
        spec.loader.exec_module(module)
    return module


BY_CATTRS = _by_cattrs()


def test_values_are_written_by_generated_functions() -> None:
    assert records._hook_of(Attributes).__name__ == "write_Attributes"
    assert BY_CATTRS._hook_of(Attributes).__name__ == "unstructure_Attributes"


@settings(max_examples=rounds(75, nightly=300), deadline=None)
@given(ATTRIBUTES, CONTENTS, strategy(AuditRecord), st.lists(strategy(ObjectType)), st.lists(TEXTS))
def test_stored_bytes_are_those_that_cattrs_writes(
    attributes: Attributes, content: Content, record: AuditRecord, types: list[ObjectType], groups: list[str]
) -> None:
    concerned: dict[str, Any] = {"object_types": tuple(types), "object_groups": tuple(groups)}
    rules = (Constraint(attributes=attributes, **concerned), ObjectDefaults(attributes=attributes, **concerned))

    assert records.encode_attributes(attributes) == BY_CATTRS.encode_attributes(attributes)
    assert records.encode_record(attributes) == BY_CATTRS.encode_record(attributes)
    assert records.encode_content(content) == BY_CATTRS.encode_content(content)
    assert records.encode_audit_record(record) == BY_CATTRS.encode_audit_record(record)
    assert records.encode_rules(rules) == BY_CATTRS.encode_rules(rules)
    for instance in attributes.instances():
        assert records.canonical_value(instance.value) == BY_CATTRS.canonical_value(instance.value)


def test_values_are_read_by_generated_functions() -> None:
    assert records._reader_of(Attributes).__name__ == "read_Attributes"
    assert BY_CATTRS._reader_of(Attributes).__name__ == "structure_Attributes"


@settings(max_examples=rounds(75, nightly=300), deadline=None)
@given(ATTRIBUTES, CONTENTS, strategy(AuditRecord))
def test_values_are_those_that_cattrs_reads(attributes: Attributes, content: Content, record: AuditRecord) -> None:
    stored, hidden = records.encode_record(attributes)
    plain, kept = records.encode_content(content), records.encode_audit_record(record)

    for read, by_cattrs in (
        (records.decode_record(stored, hidden), BY_CATTRS.decode_record(stored, hidden)),
        (records.decode_content(plain), BY_CATTRS.decode_content(plain)),
        (records.decode_audit_record(kept), BY_CATTRS.decode_audit_record(kept)),
    ):
        assert read == by_cattrs
        assert types_of(read) == types_of(by_cattrs)


@pytest.mark.parametrize(
    "stored",
    [
        b"[]",
        b'{"key_block":{},"type":2}',
        b'{"type":2}',
        b'{"key_block":{"key_format_type":99},"type":2}',
        b'{"key_block":{"key_format_type":1,"cryptographic_length":"x"},"type":2}',
        b'{"key_block":{"key_format_type":1,"key_value":{"key_material":"A"}},"type":2}',
    ],
)
def test_what_cattrs_cannot_read_is_refused_as_well(stored: bytes) -> None:
    for decode in (records.decode_content, BY_CATTRS.decode_content):
        with pytest.raises(UNREADABLE):
            decode(stored)


def test_fields_that_are_not_known_are_skipped() -> None:
    assert records.decode_attributes(b'{"state":1,"of a later version":[1]}') == Attributes(state=State.PRE_ACTIVE)


@frozen(kw_only=True)
class Unusual:
    """What the stored classes do not have today: defaults that are made, and one of a type that may be None."""

    made: tuple[int, ...] = Factory(lambda: (1,))
    other: int | None = 5
    large: tuple[int, ...] = ()


@pytest.mark.parametrize("value", [Unusual(), Unusual(made=(), other=6, large=(1 << 64,))])
def test_defaults_that_are_made_are_left_out_as_well(value: Unusual) -> None:
    assert records.canonical_value(value) == BY_CATTRS.canonical_value(value)


def test_the_deepest_custom_attribute_is_written() -> None:
    """A message nests 32 structures, and each is three lists of JSON."""
    value = TypedValue(ItemType.TEXT_STRING, "deep")
    for tag in range(40):
        value = TypedValue(ItemType.STRUCTURE, ((0x540001 + tag, value),))
    custom = CustomAttribute(vendor_identification="x", attribute_name="nest", attribute_value=value)
    attributes = Attributes(custom_attributes=(custom,))

    assert records.decode_attributes(records.encode_attributes(attributes)) == attributes
