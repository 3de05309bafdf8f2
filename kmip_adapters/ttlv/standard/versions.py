"""The protocol versions: one row each, from which every choice that depends on the version is read.

A field, a tag or an enumeration value belongs to the versions that the tables give it (`tables`); a field that is not
called like its tag is a row of `spellings`; a refusal that has another reason is a row of `reasons`. What is left is
here. A new version is a row, and a module of forms if it writes attributes in a new way.
"""

import enum
from collections.abc import Mapping
from typing import Final

from attrs import evolve

from kmip_core.classes import frozen
from kmip_core.enums import ItemType, KeyFormatType, ResultReason
from kmip_core.structures import ProtocolVersion


class AttributeForm(enum.Enum):
    """How attributes are written; `converter.FORMS` names the modules."""

    NAMED = "Attribute with its name, index and value, inside a Template-Attribute"
    TAGGED = "each attribute under its own tag, inside Attributes"
    LINKED = "as TAGGED, and each kind of link is an attribute"


class BatchItemIds(enum.Enum):
    """Which items of a batch of several have a Unique Batch Item ID."""

    ALL_OR_NONE = "every item one of its own, or no item any"
    NONE = "no item: answers stand in the order of the request"


@frozen(kw_only=True)
class VersionFacts:
    """One protocol version.

    attribute_form: how attributes are written.
    batch_order: Batch Order Option where a header does not have it. KMIP 1.4 §6.12, 2.1 §9.8.
    batch_item_ids: the rule for Unique Batch Item IDs (RULINGS 14).
    asynchronous_indicator: its item type. KMIP 1.4 §6.7, 2.1 §9.2.
    ephemeral: the item type of Ephemeral, where a version has it. KMIP 2.1 §8.3.
    extension_type: the item type of Extension Type, which became an enumeration without a new tag.
    identifiers: item types of an identifier, which is written as the first of them.
    object_references: item types that name an object in a request. KMIP 2.1 §4.58.
    names_are_text: whether a Name is a Text String, and no structure of a value and its type.
    targets_are_named: whether a request must name its object, if only as the ID Placeholder
        (`spellings.TARGETS_TO_NAME`).
    newest_item_type: item types with higher codes are unknown to the version.
    misplaced_tag: the reason for a known tag that stands where it has no meaning. KMIP 1.4 §11.1, 2.1 §11.46.
    bare_key_values: formats whose Key Value is the Byte String itself (TC-PKCS12-1-14, TC-PKCS12-2-14).
    counts_items: whether the answer to Maximum Items has the number of all Located Items. KMIP 1.3 §4.9.
    prefers_transparent_keys: whether EC and DSA keys that were made here are given in transparent formats where none is
        asked for. KMIP 2.0, 2.1 §4.26, Table 81.
    always_compromises: whether Revoke compromises an object whatever its reason. KMIP 3.0 §6.1.49.
    repeats_correlation_value: whether every answer of PKCS#11 has the Correlation Value (PKCS11-M-1-30), or only the
        first (PKCS11-M-1-20, -21).
    has_system_objects: whether users, groups and credentials are objects, which its Baseline Server must have.
        KMIP 3.0 §2.1.
    writes_index_0: whether an Attribute Index of 0 is written, which PyKMIP's client needs.
    key_value_is_optional: whether a Key Block may come without its Key Value. KMIP 1.0, 1.1 §2.1.3, 1.2 §2.1.3.
    """

    version: ProtocolVersion
    attribute_form: AttributeForm
    batch_order: bool
    batch_item_ids: BatchItemIds
    asynchronous_indicator: ItemType
    ephemeral: ItemType
    extension_type: ItemType
    identifiers: tuple[ItemType, ...]
    object_references: frozenset[ItemType]
    names_are_text: bool
    targets_are_named: bool
    newest_item_type: ItemType
    misplaced_tag: ResultReason
    bare_key_values: frozenset[KeyFormatType]
    key_value_is_optional: bool
    counts_items: bool
    prefers_transparent_keys: bool
    always_compromises: bool = False
    repeats_correlation_value: bool = False
    has_system_objects: bool = False
    writes_index_0: bool = False


KMIP_1_0: Final = VersionFacts(
    version=ProtocolVersion(1, 0),
    attribute_form=AttributeForm.NAMED,
    batch_order=False,
    batch_item_ids=BatchItemIds.ALL_OR_NONE,
    asynchronous_indicator=ItemType.BOOLEAN,
    ephemeral=ItemType.BOOLEAN,
    extension_type=ItemType.INTEGER,
    identifiers=(ItemType.TEXT_STRING,),
    object_references=frozenset({ItemType.TEXT_STRING}),
    names_are_text=False,
    targets_are_named=False,
    newest_item_type=ItemType.INTERVAL,
    misplaced_tag=ResultReason.INVALID_FIELD,
    bare_key_values=frozenset({KeyFormatType.PKCS_12}),
    key_value_is_optional=False,
    counts_items=False,
    prefers_transparent_keys=False,
)
KMIP_1_2: Final = evolve(KMIP_1_0, version=ProtocolVersion(1, 2), key_value_is_optional=True)
KMIP_1_3: Final = evolve(KMIP_1_2, version=ProtocolVersion(1, 3), counts_items=True)
KMIP_2_0: Final = evolve(
    KMIP_1_0,
    version=ProtocolVersion(2, 0),
    attribute_form=AttributeForm.TAGGED,
    batch_order=True,
    asynchronous_indicator=ItemType.ENUMERATION,
    extension_type=ItemType.ENUMERATION,
    object_references=frozenset({ItemType.TEXT_STRING, ItemType.ENUMERATION, ItemType.INTEGER}),
    newest_item_type=ItemType.DATE_TIME_EXTENDED,
    misplaced_tag=ResultReason.INVALID_MESSAGE,
    bare_key_values=frozenset(),
    key_value_is_optional=True,
    counts_items=True,
    prefers_transparent_keys=True,
)
KMIP_3_0: Final = evolve(
    KMIP_2_0,
    version=ProtocolVersion(3, 0),
    attribute_form=AttributeForm.LINKED,
    batch_item_ids=BatchItemIds.NONE,
    ephemeral=ItemType.ENUMERATION,
    identifiers=(ItemType.IDENTIFIER, ItemType.REFERENCE),
    object_references=frozenset(
        {
            ItemType.IDENTIFIER,
            ItemType.REFERENCE,
            ItemType.NAME_REFERENCE,
            ItemType.ENUMERATION,
            ItemType.INTEGER,
        }
    ),
    names_are_text=True,
    targets_are_named=True,
    newest_item_type=ItemType.NAME_REFERENCE,
    always_compromises=True,
    repeats_correlation_value=True,
    has_system_objects=True,
)

FACTS: Final[Mapping[ProtocolVersion, VersionFacts]] = {
    facts.version: facts
    for facts in (
        KMIP_1_0,
        evolve(KMIP_1_0, version=ProtocolVersion(1, 1)),
        KMIP_1_2,
        KMIP_1_3,
        evolve(KMIP_1_3, version=ProtocolVersion(1, 4)),
        KMIP_2_0,
        evolve(KMIP_2_0, version=ProtocolVersion(2, 1)),
        KMIP_3_0,
    )
}
"""The rows, oldest version first."""

VERSIONS: Final = tuple(FACTS)
"""The protocol versions, oldest first: the order of the letters of a presence in the tables."""

OF_SINGLE_OPERATIONS: Final = ProtocolVersion(2, 1)
"""What an operation as JSON without a message is of (`encodings.operation_json`): it does not say it."""
