"""One operation as JSON without a message around it, as Cosmian's clients post it to `/kmip/2_1`.

The object is the request payload under the operation's name, `{"tag": "Create", "value": [...]}`; it is a request of
KMIP 2.1 with one batch item. The answer is the response payload as `CreateResponse`, or, of a failure, a text and
HTTP's status 422. What these clients say beyond KMIP is left out where the server loses nothing by it, and answers
keep to what they can read: numbers for masks and for names that they spell otherwise, one instance of most attributes.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from kmip_adapters.ttlv.encodings import json, text
from kmip_adapters.ttlv.encodings.items import DEFAULT_LIMITS, DecodingError, Item, Limits, children
from kmip_adapters.ttlv.standard import tables
from kmip_adapters.ttlv.standard.versions import OF_SINGLE_OPERATIONS
from kmip_core.enums import ItemType, ResultStatus
from kmip_core.ports.transport import Unprocessed
from kmip_core.structures import ProtocolVersion

LEFT_OUT: Final = frozenset({"Cascade"})
"""Members of payloads: that the other half of a pair is revoked or destroyed, too."""
EXPECTED: Final = "ExpectedObjectType"
"""Member of Destroy: an object of another type is not to be destroyed."""
EMPTY: Final = frozenset({"AuthenticatedEncryptionTag", "IVCounterNonce"})
"""Members of Decrypt that are sent without bytes where a mode has none."""
OF_IMPORT: Final = frozenset({"UniqueIdentifier", "ReplaceExisting"})
"""Members of Import that Register does not have."""
MADE_FROM: Final = frozenset({"Attributes", "CommonAttributes", "PrivateKeyAttributes", "PublicKeyAttributes"})
"""Attributes of what is made, with Object Type among them, which the server sets (KMIP 2.1 §4.37)."""

_OPERATION: Final = 0x42005C
_RESULT_STATUS: Final = 0x42007F
_RESULT_REASON: Final = 0x42007E
_RESULT_MESSAGE: Final = 0x42007D
_PAYLOAD: Final = 0x42007C
_ATTRIBUTES: Final = 0x420125
_REPEATED: Final = frozenset({0x42004A, 0x420053, 0x420008})
"""Link, Name, Attribute: what Cosmian's clients read several of."""
_ROOT: Final = re.compile(rb'\s{0,1000}\{\s{0,1000}"tag"\s{0,100}:\s{0,100}"(\w{1,100})"')


def is_one(data: bytes) -> bool:
    """Whether this is an operation without a message, by the tag of its outermost object, which comes first."""
    found = _ROOT.match(data)
    return found is not None and found[1].decode() in _operations()


def decode(source: bytes, limits: Limits = DEFAULT_LIMITS) -> Item:
    """Return the Request Message item that an operation stands for.  Raises DecodingError as `json.decode`."""
    parsed = json.parse(source, limits)
    if not isinstance(parsed, dict) or not _says(parsed, _operations()):
        raise DecodingError("the tag of the outermost object must be an operation")
    if parsed.get("type", "Structure") != "Structure":
        raise DecodingError("an operation must be a Structure")
    payload = parsed.get("value")
    if isinstance(payload, list):
        payload = [_standard(member) for member in payload if not _says_nothing(member)]
        repeated = _repeated(parsed["tag"], payload)
        payload = [_of_kmip(member, repeated) for member in payload if not _says(member, LEFT_OUT)]
    batch = _batch(parsed["tag"], payload)
    items = [_item(number, operation, members) for number, (operation, members) in enumerate(batch)]
    header = {"tag": "RequestHeader", "value": [_VERSION, _integer("BatchCount", len(items))]}
    return json.item_of({"tag": "RequestMessage", "value": [header, *items]}, limits)


def encode_after(begun: bytes, tag: int, items: Iterable[Item]) -> bytes:
    """Return what answers an operation: the payload of the last batch item, or why it failed.  begun: not shown."""
    *_, item = items
    found = {child.tag: child.value for child in children(item)}
    if found[_RESULT_STATUS] != ResultStatus.SUCCESS:
        reason = _name("ResultReason", found.get(_RESULT_REASON, 0))
        return Unprocessed(f"{reason}: {found.get(_RESULT_MESSAGE, '')!s}\n".encode())
    payload = next((tuple(map(_first_of_each, children(one))) for one in children(item) if one.tag == _PAYLOAD), ())
    return json.encode_as(f"{_name('Operation', found[_OPERATION])}Response", Item(tag, ItemType.STRUCTURE, payload))


def _first_of_each(item: Item) -> Item:
    """Return a member of an answer; attributes without further instances of those of which clients read one."""
    if item.tag != _ATTRIBUTES or not isinstance(item.value, tuple):
        return item
    kept: dict[int, Item] = {}
    for place, one in enumerate(item.value):
        kept.setdefault(-place if one.tag in _REPEATED else one.tag, one)
    return Item(item.tag, item.type, tuple(kept.values()))


def announced_version(data: bytes) -> ProtocolVersion:
    """Return the one version that this form has."""
    return OF_SINGLE_OPERATIONS


def _says(member: Any, tags: Collection[str]) -> bool:
    return isinstance(member, dict) and isinstance(member.get("tag"), str) and member["tag"] in tags


def _standard(member: Any) -> Any:
    """Return a member with enumerations spelt as the standard does, and without empty members that say nothing."""
    if not isinstance(member, dict):
        return member
    value = member.get("value")
    if isinstance(value, list):
        return member | {"value": [_standard(one) for one in value if not _says_nothing(one)]}
    if member.get("type") == "Enumeration" and isinstance(value, str) and isinstance(member.get("tag"), str):
        return member | {"value": _spelt(member["tag"], value)}
    return member


def _spelt(tag_name: str, name: str) -> str:
    """Return the name of an enumeration's value that differs in underscores and capitals at most, else the same."""
    tag = tables.tag_by_xml_name(tag_name)
    if tag is None or tag.enumeration is None:
        return name
    return _spellings(tag.enumeration).get(tables.squashed(name), name)


@cache
def _spellings(enumeration: str) -> Mapping[str, str]:
    return {tables.squashed(name): name for name in _table(enumeration).value_by_name}


def _says_nothing(member: Any) -> bool:
    return _says(member, EMPTY) and member.get("value") == ""


def _repeated(operation: str, payload: Sequence[Any]) -> Callable[[Any], bool]:
    """Return what finds attributes of what is made that the operation has said already, or that the server chooses."""
    if operation == "CreateKeyPair":
        return lambda member: _says(member, {"ObjectType", "KeyFormatType"})
    if operation == "Import" and _wants_identifier(payload):
        return lambda member: _says(member, {"ObjectType", "KeyFormatType", "UniqueIdentifier"})
    said = next((member for member in payload if _says(member, {"ObjectType"})), None)
    return lambda member: operation == "Create" and said is not None and bool(member == said)


def _of_kmip(member: Any, is_repeated: Callable[[Any], bool]) -> Any:
    """Return a member of a payload; attributes of what is made without a repeated Object Type."""
    if not _says(member, MADE_FROM) or not isinstance(member.get("value"), list):
        return member
    return member | {"value": [one for one in member["value"] if not is_repeated(one)]}


def _wants_identifier(payload: Sequence[Any]) -> bool:
    return any(_says(one, {"UniqueIdentifier"}) and one.get("value") == "" for one in payload)


def _batch(operation: str, payload: Any) -> Sequence[tuple[str, Any]]:
    """Return operations and payloads.

    Locate puts what has the type that Destroy expects in the ID Placeholder. What is imported without an identifier is
    registered, since Import needs one.
    """
    if operation == "Import" and isinstance(payload, list) and _wants_identifier(payload):
        rest = [_without_own_attributes(one) for one in payload if not _says(one, OF_IMPORT)]
        return [("Register", rest)]
    expected = [one for one in payload if _says(one, {EXPECTED})] if isinstance(payload, list) else []
    if operation != "Destroy" or not expected:
        return [(operation, payload)]
    rest = [one for one in payload if not _says(one, {EXPECTED})]
    named = [one for one in rest if _says(one, {"UniqueIdentifier"})]
    if not named:  # any object of the type would be found
        return [(operation, rest)]
    criteria = [*named, *(one | {"tag": "ObjectType"} for one in expected)]
    rest = [one for one in rest if not _says(one, {"UniqueIdentifier"})]
    return [("Locate", [{"tag": "Attributes", "value": criteria}]), (operation, rest)]


def _without_own_attributes(member: Any) -> Any:
    """Return an object without attributes in its Key Value, which say again what stands beside the object."""
    if not isinstance(member, dict) or not isinstance(member.get("value"), list):
        return member
    is_value = member.get("tag") == "KeyValue"
    kept = [one for one in member["value"] if not (is_value and _says(one, {"Attributes"}))]
    return member | {"value": [_without_own_attributes(one) for one in kept]}


def _item(number: int, operation: str, payload: Any) -> dict[str, Any]:
    members = [
        {"tag": "Operation", "type": "Enumeration", "value": operation},
        {"tag": "UniqueBatchItemID", "type": "ByteString", "value": f"{number:02X}"},
        {"tag": "RequestPayload", "value": payload},
    ]
    return {"tag": "BatchItem", "value": members}


def _operations() -> Mapping[str, int]:
    return _table("Operation").value_by_name


def _name(enumeration: str, value: Any) -> str:
    return text.write_enumeration(value, _table(enumeration))


def _table(name: str) -> tables.Enumeration:
    found = tables.enumeration(name)
    if found is None:
        raise LookupError(name)
    return found


def _integer(tag: str, value: int) -> dict[str, Any]:
    return {"tag": tag, "type": "Integer", "value": value}


_MAJOR, _MINOR = OF_SINGLE_OPERATIONS
_VERSION: Final[Mapping[str, Any]] = {
    "tag": "ProtocolVersion",
    "value": [
        _integer("ProtocolVersionMajor", _MAJOR),
        _integer("ProtocolVersionMinor", _MINOR),
    ],
}
