"""The attributes of an object: reading, replacing, collecting and merging them."""

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmip_core import enums
from kmip_core.attributes import (
    CUSTOM,
    FIELDS,
    MULTIPLE,
    AttributeInstance,
    AttributeReference,
    Attributes,
    collect,
    custom_reference,
    merge,
    title,
)
from kmip_core.enums import CryptographicAlgorithm, ResultReason
from kmip_core.errors import KmipError
from kmip_core.structures import CertificateAttributes, CustomAttribute, Name, TypedValue

NAMES = AttributeReference(attribute="names")
A, B, C = (Name(name_value=text) for text in "abc")


def text(value: str) -> TypedValue:
    return TypedValue(enums.ItemType.TEXT_STRING, value)


def a_custom(value: str, name: str = "rack", vendor: str = "x") -> CustomAttribute:
    return CustomAttribute(vendor_identification=vendor, attribute_name=name, attribute_value=text(value))


def test_every_field_is_an_attribute_or_one_of_the_three_beside_them() -> None:
    beside = {CUSTOM, "sparse_indices", "template_names"}

    assert {a.name for a in attrs.fields(Attributes)} == set(FIELDS) | beside
    assert set(FIELDS) >= MULTIPLE
    assert not beside & set(FIELDS)


def test_only_attributes_that_there_are_can_be_changed() -> None:
    with pytest.raises(TypeError, match="no such attribute: length"):
        Attributes().but(length=128)


def test_multiple_fields_are_those_that_begin_empty() -> None:
    empty = Attributes()

    assert {name for name in FIELDS if getattr(empty, name) == ()} == MULTIPLE
    assert all(getattr(empty, name) is None for name in set(FIELDS) - MULTIPLE)


def test_titles_are_the_standards_and_no_two_are_the_same() -> None:
    titles = [title(name) for name in FIELDS]

    assert len(set(titles)) == len(titles)
    assert title("cryptographic_usage_mask") == "Cryptographic Usage Mask"
    assert title("x_509_certificate_issuer") == "X.509 Certificate Issuer"
    assert title("object_groups") == "Object Group"
    assert title("rack") == "Rack"


def test_repr_shows_only_what_is_set() -> None:
    assert repr(Attributes()) == "Attributes()"
    assert repr(Attributes(comment="None", state=enums.State.ACTIVE)) == (
        "Attributes(state=<State.ACTIVE: 2>, comment='None')"
    )


def test_instances_come_in_the_order_of_the_fields_with_their_indices() -> None:
    attributes = Attributes(
        comment="c",
        names=(A, B),
        custom_attributes=(a_custom("1"), a_custom("2", vendor="y"), a_custom("3")),
    )

    assert [
        (i.reference.vendor_identification, i.reference.attribute, i.reference.attribute_index, i.value)
        for i in attributes.instances()
    ] == [
        (None, "names", 0, A),
        (None, "names", 1, B),
        (None, "comment", 0, "c"),
        ("x", "rack", 0, text("1")),
        ("x", "rack", 1, text("3")),
        ("y", "rack", 0, text("2")),
    ]


def test_values_that_are_false_are_values() -> None:
    attributes = Attributes(sensitive=False, cryptographic_length=0, comment="")

    assert [i.reference.attribute for i in attributes.instances()] == ["cryptographic_length", "comment", "sensitive"]


@pytest.mark.parametrize(
    ("reference", "values"),
    [
        (NAMES, (A, B)),
        (AttributeReference(attribute="names", attribute_index=1), (A, B)),  # whatever the index
        (AttributeReference(attribute="comment"), ("c",)),
        (AttributeReference(attribute="description"), ()),
        (AttributeReference(attribute="links"), ()),
        (AttributeReference(attribute="frobnication"), ()),
        (AttributeReference(attribute="custom_attributes"), ()),
        (AttributeReference(attribute="rack", vendor_identification="x"), (text("1"),)),
        (AttributeReference(attribute="rack", vendor_identification="Acme"), ()),
        (AttributeReference(attribute="names", vendor_identification="x"), ()),
    ],
    ids=str,
)
def test_values_of_one_attribute(reference: AttributeReference, values: tuple[Any, ...]) -> None:
    attributes = Attributes(names=(A, B), comment="c", custom_attributes=(a_custom("1"),))

    assert attributes.values_of(reference) == values


def test_values_are_replaced_and_removed() -> None:
    attributes = Attributes(names=(A,), comment="c")

    assert attributes.with_values(NAMES, (B, C)).names == (B, C)
    assert attributes.with_values(NAMES, ()).names == ()
    assert attributes.with_values(AttributeReference(attribute="comment"), ("d",)).comment == "d"
    assert attributes.with_values(AttributeReference(attribute="comment"), ()).comment is None


def test_custom_values_are_replaced_beside_others() -> None:
    attributes = Attributes(custom_attributes=(a_custom("1"), a_custom("2", name="row"), a_custom("3")))
    rack = custom_reference(a_custom(""))

    assert attributes.with_values(rack, (text("4"),)).custom_attributes == (a_custom("2", name="row"), a_custom("4"))
    assert attributes.with_values(rack, ()).custom_attributes == (a_custom("2", name="row"),)


@pytest.mark.parametrize("reference", [NAMES, custom_reference(a_custom(""))], ids=["standard", "custom"])
def test_instances_keep_their_numbers_when_others_go(reference: AttributeReference) -> None:
    values = (A, B, C) if reference == NAMES else (text("1"), text("2"), text("3"))
    whole = Attributes().with_values(reference, values)
    rest = whole.with_values(reference, values[1:], (1, 2))
    numbered = attrs.evolve(reference, attribute_index=2)

    assert whole.indices_of(reference) == (0, 1, 2)
    assert rest.indices_of(reference) == rest.indices_of(numbered) == (1, 2)
    assert [(i.reference.attribute_index, i.value) for i in rest.instances()] == [(1, values[1]), (2, values[2])]
    assert "sparse" not in repr(rest)


def test_numbers_without_gaps_are_not_kept() -> None:
    sparse = Attributes().with_values(NAMES, (A,), (3,))

    assert sparse.sparse_indices == ((NAMES, (3,)),)
    assert sparse.with_values(NAMES, (A, B), (0, 1)).sparse_indices == ()
    assert sparse.with_values(NAMES, (B,)).sparse_indices == ()
    other = AttributeReference(attribute="comment")
    assert sparse.with_values(other, ("c",)).sparse_indices == sparse.sparse_indices
    assert sparse.with_values(other, ("c",)).indices_of(other) == (0,)


def test_collecting_gives_back_what_was_listed() -> None:
    attributes = Attributes(
        names=(A, B), comment="c", cryptographic_length=256, custom_attributes=(a_custom("1"), a_custom("2"))
    )

    assert collect(attributes.instances()) == attributes
    assert collect((), (A,)) == Attributes(template_names=(A,))


@given(
    st.builds(
        Attributes,
        names=st.lists(st.sampled_from([A, B, C])).map(tuple),
        object_groups=st.lists(st.text(max_size=3)).map(tuple),
        comment=st.none() | st.text(),
        sensitive=st.none() | st.booleans(),
        custom_attributes=st.lists(st.builds(a_custom, st.text(max_size=3)), max_size=4).map(tuple),
    )
)
def test_instances_and_collect_are_inverse(attributes: Attributes) -> None:
    assert collect(attributes.instances()) == attributes


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ([("frobnication", "a")], "frobnication is not an attribute of the standard"),
        ([("custom_attributes", ())], "custom_attributes is not an attribute of the standard"),
        ([("sparse_indices", ())], "sparse_indices is not an attribute of the standard"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_collecting_refuses_the_unknown(listed: list[tuple[str, Any]], told: str) -> None:
    instances = [AttributeInstance(reference=AttributeReference(attribute=n), value=v) for n, v in listed]
    with pytest.raises(KmipError) as refused:
        collect(instances)

    assert refused.value.reason is ResultReason.INVALID_ATTRIBUTE
    assert refused.value.message == told


def test_collecting_refuses_a_second_value() -> None:
    comments = [AttributeInstance(reference=AttributeReference(attribute="comment"), value=v) for v in "ab"]
    with pytest.raises(KmipError, match="Comment can have only one value") as refused:
        collect(comments)

    assert refused.value.reason is ResultReason.ATTRIBUTE_SINGLE_VALUED


def test_merging_replaces_single_values_and_adds_multiple_ones_once() -> None:
    base = Attributes(
        comment="a",
        cryptographic_length=128,
        names=(A, B),
        custom_attributes=(a_custom("1"),),
        template_names=(A,),
    )
    more = Attributes(
        comment="b",
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        sensitive=False,
        names=(B, C),
        custom_attributes=(a_custom("1"), a_custom("2")),
        template_names=(B,),
    )

    assert merge(base, more) == Attributes(
        comment="b",
        cryptographic_length=128,
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        sensitive=False,
        names=(A, B, C),
        custom_attributes=(a_custom("1"), a_custom("2")),
        template_names=(A, B),
    )


def test_merging_nothing_changes_nothing() -> None:
    base = Attributes(comment="a", names=(A,))

    assert merge(base, Attributes()) == base
    assert merge(Attributes(), base) == base


CERTIFICATE = Attributes(
    certificate_length=9,
    certificate_attributes=CertificateAttributes(certificate_subject_cn="EE", certificate_issuer_cn="CA"),
)


def test_a_part_of_certificate_attributes_has_a_value_of_its_own() -> None:
    subject = AttributeReference(attribute="certificate_subject_cn")

    assert CERTIFICATE.values_of(subject) == (CertificateAttributes(certificate_subject_cn="EE"),)
    assert CERTIFICATE.values_of(AttributeReference(attribute="certificate_subject_titles")) == ()
    assert Attributes().values_of(subject) == ()


def test_parts_of_certificate_attributes_are_put_together_again() -> None:
    chosen = Attributes()
    for name in ("certificate_subject_cn", "certificate_issuer_cn"):
        reference = AttributeReference(attribute=name)
        chosen = chosen.with_values(reference, CERTIFICATE.values_of(reference))

    assert chosen.certificate_attributes == CERTIFICATE.certificate_attributes


def test_the_last_part_that_goes_takes_certificate_attributes_with_it() -> None:
    without = CERTIFICATE
    for name in ("certificate_subject_cn", "certificate_issuer_cn"):
        without = without.with_values(AttributeReference(attribute=name), ())

    assert without == Attributes(certificate_length=9)


def test_references_name_every_attribute_once_and_every_part() -> None:
    custom = CustomAttribute(
        vendor_identification="x", attribute_name="a", attribute_value=TypedValue(enums.ItemType.BOOLEAN, True)
    )
    attributes = attrs.evolve(
        CERTIFICATE, names=(Name(name_value="a"), Name(name_value="b")), custom_attributes=(custom, custom)
    )

    assert attributes.references() == (
        AttributeReference(attribute="names"),
        AttributeReference(attribute="certificate_length"),
        AttributeReference(attribute="certificate_subject_cn"),
        AttributeReference(attribute="certificate_issuer_cn"),
        AttributeReference(attribute="a", vendor_identification="x"),
    )


def test_instances_are_counted_as_they_are_yielded() -> None:
    several = Attributes(
        names=(Name(name_value="a"), Name(name_value="b")),
        comment="c",
        sensitive=False,
        custom_attributes=(
            CustomAttribute(
                vendor_identification="x",
                attribute_name="Rack",
                attribute_value=TypedValue(enums.ItemType.TEXT_STRING, "7"),
            ),
        ),
        template_names=(Name(name_value="t"),),
    )

    assert len(list(several.instances())) == 5
    assert several.has_more_instances_than(4)
    assert not several.has_more_instances_than(5)
    assert not Attributes().has_more_instances_than(0)
    many = Attributes(object_groups=tuple(map(str, range(1_000))), comment="one more")
    assert many.has_more_instances_than(1_000)
    assert not many.has_more_instances_than(1_001)
