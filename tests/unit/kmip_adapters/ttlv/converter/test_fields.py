"""What annotations say of a field, and which form it has."""

import pytest
from attrs import frozen

from kmip_adapters.ttlv.converter.fields import form_of, members
from kmip_core.structures import ProtocolVersion


@frozen(kw_only=True)
class Undeclared:
    """A field of one of two types that no spelling declares."""

    data: int | bytes


def test_a_field_of_several_types_needs_a_declared_form() -> None:
    (member,) = members(Undeclared)

    assert member.kinds == (int, bytes)
    with pytest.raises(TypeError, match=r"test_fields\.Undeclared\.data"):
        form_of(member)


def test_a_protocol_version_has_fields_like_a_record() -> None:
    assert [(m.key, m.kinds, m.required) for m in members(ProtocolVersion)] == [
        ("structures.ProtocolVersion.protocol_version_major", (int,), True),
        ("structures.ProtocolVersion.protocol_version_minor", (int,), True),
    ]
