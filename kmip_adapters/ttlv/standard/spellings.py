"""Where the wire deviates from the rule that a field's name is its tag: data only; `fields` and the planner act on it.

The rule: a field name without underscores is a tag's name, in the singular for a repeated field; the versions that
have the tag are the versions that have the field; fields stand in the order of the class. What is declared here is
keyed `module.Class.field` (the class's module without its package), or by the type of a field.
"""

import enum
from collections.abc import Mapping
from typing import Any, Final, get_args

from kmip_core import attributes, messages, objects, operation, structures
from kmip_core.enums import CredentialType, NameType, RotateNameType
from kmip_core.structures import ProtocolVersion


class Form(enum.Enum):
    """How a field is written where the rule does not say it."""

    TAGGED_CONTENT = "an object under the tag of its type"
    KEY_VALUE = "bytes or a structure, read by the key block's format"
    KEY_MATERIAL = "bytes or a transparent key"
    DESCRIBED = "left out of a key block that describes itself, where the version cannot name its algorithm"
    ATTRIBUTES = "Template-Attribute (1.x) or Attributes (2.x)"
    BARE_ATTRIBUTES = "repeated Attribute with indices (1.x) or Attributes (2.x)"
    CRITERIA = "repeated Attribute (1.x) or the members of Attributes (2.x)"
    ATTRIBUTE = "Attribute (1.x) or Current/New Attribute (2.x)"
    REFERENCES = "repeated Attribute Name (1.x) or Attribute Reference (2.x)"
    CHANGED = "as the one before it; in 1.x read together with deleted ones"
    DELETED = "repeated Attribute without a value (1.x) or Attribute Reference (2.x)"
    REFERENCE = "Attribute Name and Attribute Index (1.x) or Attribute Reference (2.x)"
    OBJECT_REFERENCE = "text, enumeration or index"
    WRAPPED = "one structure around repeated items"
    ANY = "a value that says its own type"
    ABSENT = "never on the wire"
    KEPT = "never on the wire; the server sets it"
    FACT = "never on the wire; what `VersionFacts` says under the field's name"


FORMS: Final[Mapping[str, Form]] = {
    "objects.KeyBlock.key_value": Form.KEY_VALUE,
    "objects.KeyBlock.cryptographic_algorithm": Form.DESCRIBED,
    "objects.KeyBlock.cryptographic_length": Form.DESCRIBED,
    "objects.KeyValue.key_material": Form.KEY_MATERIAL,
    "objects.KeyValue.attributes": Form.BARE_ATTRIBUTES,
    "objects.Template.template_attributes": Form.BARE_ATTRIBUTES,
    "get_attributes.Response.attributes": Form.BARE_ATTRIBUTES,
    "import_.Request.attributes": Form.BARE_ATTRIBUTES,
    "notify.Request.attributes": Form.CHANGED,
    "notify.Request.deleted": Form.DELETED,
    "put.Request.attributes": Form.BARE_ATTRIBUTES,
    "export.Response.attributes": Form.BARE_ATTRIBUTES,
    "query.Request.object_groups": Form.WRAPPED,
    "query_asynchronous_requests.Request.operations": Form.WRAPPED,
    "set_constraints.Request.constraints": Form.WRAPPED,
    "get_constraints.Response.constraints": Form.WRAPPED,
    "creation_rules.Constraint.object_types": Form.WRAPPED,
    "creation_rules.Constraint.object_groups": Form.WRAPPED,
    "creation_rules.ObjectDefaults.object_types": Form.WRAPPED,
    "creation_rules.ObjectDefaults.object_groups": Form.WRAPPED,
    "locate.Request.counts_items": Form.FACT,
    "query.Request.has_system_objects": Form.FACT,
    "get.Request.prefers_transparent_keys": Form.FACT,
    "export.Request.prefers_transparent_keys": Form.FACT,
    "revoke.Request.always_compromises": Form.FACT,
    "pkcs_11.Request.repeats_correlation_value": Form.FACT,
    "objects.SplitKey.split_key_polynomial": Form.KEPT,  # an attribute, KMIP 3.0 §4.63
    "objects.PasswordCredential.password_hash": Form.KEPT,
    "objects.HashedPasswordCredential.last_timestamp": Form.KEPT,
    **{
        f"objects.{content.__name__}.attributes": Form.ABSENT
        for content in (*objects.CONTENT_CLASSES.values(), objects.X509Certificate)
    },
}
"""Single fields."""

FORM_BY_TYPE: Final[Mapping[Any, Form]] = {
    attributes.Attributes: Form.ATTRIBUTES,
    attributes.AttributeInstance: Form.ATTRIBUTE,
    attributes.AttributeReference: Form.REFERENCE,
    structures.TypedValue: Form.ANY,
}
"""Fields of these types, wherever they stand; `tuple[...]` of an instance or a reference is the repeated form."""

FORM_BY_UNION: Final[Mapping[frozenset[Any], Form]] = {
    frozenset(get_args(objects.Content)): Form.TAGGED_CONTENT,
    frozenset(get_args(operation.ObjectReference)): Form.OBJECT_REFERENCE,
}
"""Fields of one of several types."""

WRAPPED_FIELDS: Final = frozenset(
    {
        "protection_storage_masks",
        "common_protection_storage_masks",
        "private_protection_storage_masks",
        "public_protection_storage_masks",
        "asynchronous_correlation_values",
    }
)
"""Repeated fields whose plural is itself a tag, of a structure around them."""

WRAPPED_MEMBERS: Final[Mapping[str, str]] = {
    "common_protection_storage_masks": "protection_storage_mask",
    "private_protection_storage_masks": "protection_storage_mask",
    "public_protection_storage_masks": "protection_storage_mask",
}
"""What stands inside, where it is not the singular."""

ANY_VERSION_FIELDS: Final = frozenset({"locate.Request.offset_items", "locate.Response.located_items"})
"""Spoken in every version although their tag is younger: Percona Server pages through its keys with them at 1.0."""

APPENDED_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "encrypt.Response": ("data", "authenticated_encryption_tag"),
}
"""Responses whose second field is written at the end of the first where the version has no tag for it: below 1.4 the
cipher text carries its authentication tag, which Decrypt takes from there (OpenBao relies on it)."""

FIRST_VERSIONS_OF_FIELDS: Final[Mapping[str, ProtocolVersion]] = {
    "structures.Digest.key_format_type": ProtocolVersion(1, 1),
}
"""Fields that a structure had not when their tag was there already. KMIP 1.1 §3.17."""

RENAMED_FROM: Final[Mapping[str, tuple[ProtocolVersion, str]]] = {
    "re_key_key_pair.Request.private_key_unique_identifier": (ProtocolVersion(3, 0), "unique_identifier"),
}
"""References to objects that have another name from a version on. KMIP 3.0 §6.1.52."""

OPTIONAL_FROM: Final[Mapping[str, ProtocolVersion]] = {
    "revoke.Request.revocation_reason": ProtocolVersion(3, 0),
}
"""Fields that a message must have in older versions."""

TARGETS_TO_NAME: Final = frozenset(
    f"{module}.Request.unique_identifier"
    for module in (
        "activate",
        "add_attribute",
        "adjust_attribute",
        "archive",
        "check",
        "deactivate",
        "decapsulate",
        "decrypt",
        "delete_attribute",
        "destroy",
        "encapsulate",
        "encrypt",
        "export",
        "get",
        "get_attribute_list",
        "get_attributes",
        "get_usage_allocation",
        "mac",
        "mac_verify",
        "modify_attribute",
        "obliterate",
        "obtain_lease",
        "re_certify",
        "re_key",
        "recover",
        "revoke",
        "set_attribute",
        "sign",
        "signature_verify",
    )
) | {"re_key_key_pair.Request.private_key_unique_identifier"}
"""Fields that a request must have where no version's ID Placeholder stands for a missing one. KMIP 3.0 §6.1."""

FIRST_VERSIONS: Final[Mapping[str, ProtocolVersion]] = {
    "key_format_type": ProtocolVersion(2, 0),
    "opaque_data_type": ProtocolVersion(2, 0),
    "credential_type": ProtocolVersion(3, 0),
    "split_key_parts": ProtocolVersion(3, 0),
    "key_part_identifier": ProtocolVersion(3, 0),
    "split_key_threshold": ProtocolVersion(3, 0),
    "split_key_method": ProtocolVersion(3, 0),
}
"""Attributes that are younger than their tag, which others use."""

ATTRIBUTE_NAMES: Final[Mapping[str, str]] = {"CompromiseDate": "Compromise Date"}
"""Names of attributes in 1.x that the tag table spells otherwise."""

FLATTENED: Final = "certificate_attributes"
"""The attribute that has no item of its own: each of its fields is an attribute on the wire. KMIP 2.1 §4.5."""

SUCCESSORS: Final[Mapping[str, str]] = {"Object Group": "Group Link"}
"""Tags whose text a younger tag holds where a version no longer has them: a group is then linked by its name."""

NAMES: Final[Mapping[type, tuple[str, Mapping[str, Any]]]] = {
    structures.Name: ("name_value", {"name_type": NameType.UNINTERPRETED_TEXT_STRING}),
    structures.RotateName: ("rotate_name_value", {"rotate_name_type": RotateNameType.UNINTERPRETED_TEXT_STRING}),
}
"""Names: the field that is their text, and what the others are where a version has the text alone."""

CUSTOM_PREFIXES: Final[Mapping[str, str]] = {
    "x-": structures.CLIENT_VENDOR,
    "y-": structures.SERVER_VENDOR,
}
"""What a custom attribute's name begins with in 1.x, and the vendor that stands for it."""

CREDENTIAL_VALUES: Final[Mapping[CredentialType, type]] = {
    CredentialType.USERNAME_AND_PASSWORD: messages.UsernameAndPassword,
    CredentialType.DEVICE: messages.DeviceCredential,
    CredentialType.ATTESTATION: messages.Attestation,
    CredentialType.ONE_TIME_PASSWORD: messages.OneTimePassword,
    CredentialType.HASHED_PASSWORD: messages.HashedPassword,
    CredentialType.TICKET: messages.Ticket,
}
"""What Credential Value holds; other types are carried without it."""
