"""The rule: tags, versions, presence and order of plain fields; and classes that cannot be planned."""

import pytest
from attrs import frozen

from kmip_adapters.ttlv.converter import make_converter
from kmip_adapters.ttlv.converter.elements import UnencodableError
from kmip_adapters.ttlv.encodings.items import Item
from kmip_core.attributes import AttributeInstance, AttributeReference, Attributes
from kmip_core.enums import AdjustmentType, ItemType, ObjectType, Operation
from kmip_core.errors import KmipError
from kmip_core.operations import create, encrypt, get, locate, query
from kmip_core.structures import Link, ProtocolVersion
from tests.unit.kmip_adapters.ttlv.builders import (
    CONVERTERS,
    IDENTIFIER,
    V10,
    V12,
    V13,
    V14,
    V20,
    V21,
    enumerated,
    over_the_wire,
    reason_of_refusal,
    structure,
    structured,
    text,
)

KEY_FORMAT_TYPE = 0x420042
OFFSET_ITEMS = 0x4200D4
QUERY_FUNCTION = 0x420074
KEY_WRAP_TYPE = 0x4200F8

REFUSED = {
    "an item of the wrong type": (get.Request, V12, [Item(IDENTIFIER.tag, ItemType.INTEGER, 1)], "INVALID_MESSAGE"),
    "a single field twice": (get.Request, V12, [IDENTIFIER, IDENTIFIER], "INVALID_MESSAGE"),
    "a required field missing": (create.Response, V12, [IDENTIFIER], "INVALID_MESSAGE"),
    "a tag that the structure does not have": (get.Request, V12, [text(0x42007D, "hello")], "INVALID_FIELD"),
    "a tag that the structure does not have, in 2.x": (get.Request, V20, [text(0x42007D, "hello")], "INVALID_MESSAGE"),
    "a tag that nobody defines": (get.Request, V12, [text(0x54ABCD, "hello")], "UNKNOWN_TAG"),
    "a field of a later version": (get.Request, V12, [enumerated(KEY_WRAP_TYPE, 1)], "UNKNOWN_TAG"),
    "a field of an earlier version": (create.Request, V20, [structure(0x420091)], "UNKNOWN_TAG"),
    "an enumeration value that nobody defines": (
        get.Request,
        V12,
        [enumerated(KEY_FORMAT_TYPE, 99)],
        "UNKNOWN_ENUMERATION",
    ),
    "an enumeration value of a later version": (
        query.Request,
        V10,
        [enumerated(QUERY_FUNCTION, 5)],
        "UNKNOWN_ENUMERATION",
    ),
}


@pytest.mark.parametrize(("cls", "version", "items", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(cls: type, version: ProtocolVersion, items: list[Item], reason: str) -> None:
    assert reason == reason_of_refusal(cls, version, *items)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(KmipError, match="Object Type is missing"):
        structured(create.Response, V12, IDENTIFIER)


def test_items_may_come_in_any_order() -> None:
    ordered = [IDENTIFIER, enumerated(KEY_FORMAT_TYPE, 1)]

    assert structured(get.Request, V12, *ordered) == structured(get.Request, V12, *reversed(ordered))


def test_pages_are_asked_for_and_counted_in_every_version() -> None:
    request = structured(locate.Request, V10, Item(OFFSET_ITEMS, ItemType.INTEGER, 16))
    page = locate.Response(located_items=17, unique_identifiers=("1",))

    assert request.offset_items == 16
    assert over_the_wire(page, V10) == page


def test_query_returns_only_what_the_version_has() -> None:
    response = query.Response(operations=(Operation.CREATE, Operation.ENCRYPT), object_types=(ObjectType.PGP_KEY,))

    items = CONVERTERS[V10].get_unstructure_hook(query.Response)(response)

    assert items == (enumerated(0x42005C, Operation.CREATE),)


def test_a_usage_mask_with_the_highest_bit_is_an_integer_below_zero() -> None:
    mask = Item(0x42008E, ItemType.INTEGER, -(2**31))

    request = structured(locate.Request, V12, mask)

    assert request.storage_status_mask == 2**31
    assert mask in CONVERTERS[V12].get_unstructure_hook(locate.Request)(request)


def test_a_number_that_does_not_fit_is_a_fault_of_ours() -> None:
    with pytest.raises(UnencodableError):
        over_the_wire(locate.Response(located_items=2**31), V14)


@pytest.mark.parametrize("version", [ProtocolVersion(1, 2), ProtocolVersion(2, 1)], ids=str)
def test_a_criterion_need_not_say_all_of_a_structure(version: ProtocolVersion) -> None:
    converter = make_converter(version)
    partial = Link(link_type=None, linked_object_identifier="other")  # type: ignore[arg-type]  # as it is decoded
    request = locate.Request(
        criteria=(AttributeInstance(reference=AttributeReference(attribute="links"), value=partial),)
    )

    items = converter.get_unstructure_hook(locate.Request)(request)
    (criterion,) = converter.get_structure_hook(locate.Request)(items, locate.Request).criteria

    assert (criterion.reference.attribute, criterion.value) == ("links", partial)
    attributes = converter.get_unstructure_hook(create.Request)(
        create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=Attributes(links=(partial,)))
    )
    with pytest.raises(KmipError):  # a new object needs it whole
        converter.get_structure_hook(create.Request)(attributes, create.Request)


# --- a field at the end of another --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "data", "tag"),
    [
        pytest.param(V12, b"cipher text" + b"t" * 16, None, id="1.2: at the end of the data"),
        pytest.param(V13, b"cipher text" + b"t" * 16, None, id="1.3: at the end of the data"),
        pytest.param(V14, b"cipher text", b"t" * 16, id="1.4: in its own field"),
        pytest.param(V21, b"cipher text", b"t" * 16, id="2.1: in its own field"),
    ],
)
def test_the_tag_of_an_encryption_reaches_every_version(
    version: ProtocolVersion, data: bytes, tag: bytes | None
) -> None:
    answer = encrypt.Response(unique_identifier="key", data=b"cipher text", authenticated_encryption_tag=b"t" * 16)

    assert over_the_wire(answer, version) == encrypt.Response(
        unique_identifier="key", data=data, authenticated_encryption_tag=tag
    )


def test_an_encryption_without_a_tag_is_not_touched() -> None:
    answer = encrypt.Response(unique_identifier="key", data=b"cipher text")

    assert over_the_wire(answer, V12) == answer


def test_a_last_part_that_is_nothing_but_a_tag_reaches_old_versions() -> None:
    answer = encrypt.Response(unique_identifier="key", authenticated_encryption_tag=b"t" * 16)

    assert over_the_wire(answer, V12) == encrypt.Response(unique_identifier="key", data=b"t" * 16)


# --- classes that no operation has --------------------------------------------------------------------------------


@frozen(kw_only=True)
class Later:
    """A required field that 1.x cannot say."""

    adjustment_type: AdjustmentType


def test_a_required_field_that_the_version_lacks_cannot_be_read() -> None:
    with pytest.raises(KmipError, match="Adjustment Type is missing"):
        structured(Later, V14)


@frozen(kw_only=True)
class Nameless:
    """A field whose name is no tag's."""

    colour: str


@frozen(kw_only=True)
class Mistyped:
    """A field whose tag cannot hold its type."""

    state: str


@pytest.mark.parametrize("cls", [Nameless, Mistyped])
def test_a_class_that_the_wire_cannot_carry_is_found_when_it_is_planned(cls: type) -> None:
    with pytest.raises(TypeError):
        make_converter(V20).get_structure_hook(cls)
