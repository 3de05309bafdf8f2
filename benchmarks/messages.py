"""KMIP 1.2 requests as bytes, and a check of the answers that reads only what a promise hangs on.

Requests are encoded once, before anything is measured. An answer is walked in full the first time; later
answers to the same request pass when they equal the checked one in every byte outside the Time Stamp.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from attrs import Factory, define, frozen

ACTIVATE: Final = 0x12
CREATE: Final = 0x01
DESTROY: Final = 0x14
DISCOVER_VERSIONS: Final = 0x1E
ENCRYPT: Final = 0x1F
GET: Final = 0x0A
LOCATE: Final = 0x08
QUERY: Final = 0x18
REGISTER: Final = 0x03

OPERATION_NAMES: Final = {
    ACTIVATE: "Activate",
    CREATE: "Create",
    DESTROY: "Destroy",
    DISCOVER_VERSIONS: "Discover Versions",
    ENCRYPT: "Encrypt",
    GET: "Get",
    LOCATE: "Locate",
    QUERY: "Query",
    REGISTER: "Register",
}

KEY_SIZE: Final = 32  # bytes of an AES-256 key
DATA_SIZE: Final = 1024  # bytes that Encrypt is given
BLOCK_SIZE: Final = 16  # bytes of an AES block; PKCS5 adds one here
HEADER_SIZE: Final = 8  # tag (3), type (1), length (4)
# Every request made here has the same Request Header, so the Operation stands at the same place: Request
# Message header, Request Header (8 + Protocol Version 40 + Batch Count 16), Batch Item and Operation headers.
OPERATION_AT: Final = slice(8 + 64 + 8 + 8, 8 + 64 + 8 + 8 + 4)

_STRUCTURE, _INTEGER, _ENUMERATION, _TEXT, _BYTES, _DATE_TIME = 0x01, 0x02, 0x05, 0x07, 0x08, 0x09

_ATTRIBUTE, _ATTRIBUTE_NAME, _ATTRIBUTE_VALUE = 0x420008, 0x42000A, 0x42000B
_BATCH_COUNT, _BATCH_ITEM = 0x42000D, 0x42000F
_BLOCK_CIPHER_MODE, _PADDING_METHOD, _CRYPTOGRAPHIC_PARAMETERS = 0x420011, 0x42005F, 0x42002B
_CRYPTOGRAPHIC_ALGORITHM, _CRYPTOGRAPHIC_LENGTH = 0x420028, 0x42002A
_DATA, _IV_COUNTER_NONCE = 0x4200C2, 0x42003D
_KEY_BLOCK, _KEY_FORMAT_TYPE, _KEY_MATERIAL, _KEY_VALUE = 0x420040, 0x420042, 0x420043, 0x420045
_NAME, _NAME_TYPE, _NAME_VALUE = 0x420053, 0x420054, 0x420055
_OBJECT_TYPE, _OPERATION = 0x420057, 0x42005C
_PROTOCOL_VERSION, _MAJOR, _MINOR = 0x420069, 0x42006A, 0x42006B
_QUERY_FUNCTION = 0x420074
_REQUEST_HEADER, _REQUEST_MESSAGE, _REQUEST_PAYLOAD = 0x420077, 0x420078, 0x420079
_RESPONSE_HEADER, _RESPONSE_MESSAGE, _RESPONSE_PAYLOAD = 0x42007A, 0x42007B, 0x42007C
_RESULT_MESSAGE, _RESULT_REASON, _RESULT_STATUS = 0x42007D, 0x42007E, 0x42007F
_SYMMETRIC_KEY, _TEMPLATE_ATTRIBUTE, _TIME_STAMP = 0x42008F, 0x420091, 0x420092
_UNIQUE_BATCH_ITEM_ID, _UNIQUE_IDENTIFIER = 0x420093, 0x420094

_AES, _AES_LENGTH = 0x03, 256
_CBC, _PKCS5 = 0x01, 0x03
_ENCRYPT_DECRYPT = 0x04 | 0x08
_RAW, _UNINTERPRETED_TEXT = 0x01, 0x01
_SYMMETRIC_KEY_TYPE = 0x02
_SUCCESS = 0x00


class WrongAnswer(Exception):
    """An answer that is no success, or is not the answer to its request."""


@define(kw_only=True)
class Exchange:
    """One pre-encoded request and what its answer must hold."""

    request: bytes
    operation: int
    unique_identifier: str | None = (
        None  # the one that Get, Locate and Activate must name; None where the server chooses
    )
    _checked: tuple[bytes, bytes] | None = Factory(lambda: None)

    def check(self, answer: bytes) -> None:
        """Accept `answer`: bytes, everything received for this request.  Raises WrongAnswer."""
        if self._checked is not None:
            before, after = self._checked
            start = len(before)
            if answer[start + 8 :] == after and answer[:start] == before:
                return
        facts = read_answer(answer)
        _need(facts.operation == self.operation, f"is about operation {facts.operation}, not {self.operation}")
        _need(facts.status == _SUCCESS, f"has status {facts.status}, reason {facts.reason}: {facts.message}")
        _PAYLOAD_CHECKS[self.operation](facts)
        if self.unique_identifier is not None:
            _need(self.unique_identifier in facts.unique_identifiers, f"does not name {self.unique_identifier}")
        if facts.time_stamp_at:
            self._checked = answer[: facts.time_stamp_at], answer[facts.time_stamp_at + 8 :]


@define(kw_only=True)
class Facts:
    """What one answer says; values that it does not hold are None or empty."""

    operation: int | None = None
    status: int | None = None
    reason: int | None = None
    message: str = ""
    unique_identifiers: list[str] = Factory(list)
    object_type: int | None = None
    key_material_size: int | None = None  # bytes
    data_size: int | None = None  # bytes
    versions: int = 0  # Protocol Version items in the payload
    operations: int = 0  # Operation items in the payload
    time_stamp_at: int = 0  # place of the 8 bytes of the header's Time Stamp; 0 if there is none


def read_answer(answer: bytes) -> Facts:
    """Walk one Response Message with one batch item.  Raises WrongAnswer where the frame is malformed."""
    _need(len(answer) >= HEADER_SIZE, "is shorter than a header")
    top = list(_items(answer, 0, len(answer)))
    _need([item.tag for item in top] == [_RESPONSE_MESSAGE], "is not one Response Message")
    header, *batch_items = _items(answer, top[0].start, top[0].end)
    _need(header.tag == _RESPONSE_HEADER, "has no Response Header")
    _need([item.tag for item in batch_items] == [_BATCH_ITEM], "has not exactly one Batch Item")
    facts = Facts()
    for item in _items(answer, header.start, header.end):
        if item.tag == _TIME_STAMP:
            facts.time_stamp_at = item.start
        elif item.tag == _BATCH_COUNT:
            _need(_number(answer, item) == 1, "counts more batch items than it was asked")
    for item in _items(answer, batch_items[0].start, batch_items[0].end):
        if item.tag == _OPERATION:
            facts.operation = _number(answer, item)
        elif item.tag == _RESULT_STATUS:
            facts.status = _number(answer, item)
        elif item.tag == _RESULT_REASON:
            facts.reason = _number(answer, item)
        elif item.tag == _RESULT_MESSAGE:
            facts.message = answer[item.start : item.end].decode()
        elif item.tag == _RESPONSE_PAYLOAD:
            _read_payload(answer, item, facts)
    return facts


def activate(unique_identifier: str) -> Exchange:
    payload = _text(_UNIQUE_IDENTIFIER, unique_identifier)
    return _exchange(ACTIVATE, payload, unique_identifier=unique_identifier)


def create(name: str | None = None) -> Exchange:
    """AES-256 for Encrypt and Decrypt; a request without a name may be sent any number of times."""
    return _exchange(
        CREATE,
        _enumeration(_OBJECT_TYPE, _SYMMETRIC_KEY_TYPE) + _structure(_TEMPLATE_ATTRIBUTE, _key_attributes(name)),
    )


def destroy(unique_identifier: str) -> Exchange:
    return _exchange(DESTROY, _text(_UNIQUE_IDENTIFIER, unique_identifier), unique_identifier=unique_identifier)


def discover_versions() -> Exchange:
    return _exchange(DISCOVER_VERSIONS, b"")


def encrypt(unique_identifier: str) -> Exchange:
    """A KiB by AES-CBC under an IV that the client chooses, so that the answer is always the same."""
    parameters = (
        _enumeration(_BLOCK_CIPHER_MODE, _CBC)
        + _enumeration(_PADDING_METHOD, _PKCS5)
        + _enumeration(_CRYPTOGRAPHIC_ALGORITHM, _AES)
    )
    payload = (
        _text(_UNIQUE_IDENTIFIER, unique_identifier)
        + _structure(_CRYPTOGRAPHIC_PARAMETERS, parameters)
        + _item(_DATA, _BYTES, bytes(DATA_SIZE))
        + _item(_IV_COUNTER_NONCE, _BYTES, bytes(BLOCK_SIZE))
    )
    return _exchange(ENCRYPT, payload, unique_identifier=unique_identifier)


def get(unique_identifier: str, number: int | None = None) -> Exchange:
    """Get; number: makes it a request of its own, as its Unique Batch Item ID."""
    payload = _text(_UNIQUE_IDENTIFIER, unique_identifier)
    return _exchange(GET, payload, unique_identifier=unique_identifier, number=number)


def locate(name: str, *, unique_identifier: str) -> Exchange:
    """Locate by name; the answer must hold `unique_identifier`."""
    return _exchange(LOCATE, _name_attribute(name), unique_identifier=unique_identifier)


def query() -> Exchange:
    """Query Operations and Query Objects."""
    return _exchange(QUERY, _enumeration(_QUERY_FUNCTION, 1) + _enumeration(_QUERY_FUNCTION, 2))


def register(key: bytes, name: str | None = None) -> Exchange:
    """Register `key`: bytes, an AES-256 key."""
    payload = (
        _enumeration(_OBJECT_TYPE, _SYMMETRIC_KEY_TYPE)
        + _structure(_TEMPLATE_ATTRIBUTE, _key_attributes(name))
        + _symmetric_key(key)
    )
    return _exchange(REGISTER, payload)


def canned_answers(unique_identifier: str) -> dict[int, bytes]:
    """One successful answer for each operation, as the ceiling sends it."""
    named = _text(_UNIQUE_IDENTIFIER, unique_identifier)
    symmetric_key = _enumeration(_OBJECT_TYPE, _SYMMETRIC_KEY_TYPE)
    versions = b"".join(_version(1, minor) for minor in (4, 3, 2, 1, 0))
    operations = b"".join(_enumeration(_OPERATION, operation) for operation in OPERATION_NAMES)
    payloads = {
        ACTIVATE: named,
        CREATE: symmetric_key + named,
        DISCOVER_VERSIONS: versions,
        ENCRYPT: named + _item(_DATA, _BYTES, bytes(DATA_SIZE + BLOCK_SIZE)),
        GET: symmetric_key + named + _symmetric_key(bytes(range(KEY_SIZE))),
        LOCATE: named,
        QUERY: operations + symmetric_key,
        REGISTER: named,
    }
    return {operation: _response(operation, payload) for operation, payload in payloads.items()}


def failure(operation: int, reason: int, message: str) -> bytes:
    """A refusal, for tests of the check."""
    outcome = _enumeration(_RESULT_STATUS, 1) + _enumeration(_RESULT_REASON, reason) + _text(_RESULT_MESSAGE, message)
    return _response_message(_enumeration(_OPERATION, operation) + outcome)


def _need(fact: bool, otherwise: str) -> None:
    if not fact:
        raise WrongAnswer(f"the answer {otherwise}")


def _check_get(facts: Facts) -> None:
    _need(
        facts.object_type == _SYMMETRIC_KEY_TYPE,
        f"holds object type {facts.object_type}, not a Symmetric Key",
    )
    _need(facts.key_material_size == KEY_SIZE, f"holds {facts.key_material_size} bytes of Key Material")


def _check_encrypted(facts: Facts) -> None:
    _need(facts.data_size == DATA_SIZE + BLOCK_SIZE, f"holds {facts.data_size} bytes of Data")


def _check_named(facts: Facts) -> None:
    _need(bool(facts.unique_identifiers) and all(facts.unique_identifiers), "holds no Unique Identifier")


def _check_versions(facts: Facts) -> None:
    _need(facts.versions > 0, "holds no Protocol Version")


def _check_operations(facts: Facts) -> None:
    _need(facts.operations > 0, "holds no Operation")


_PAYLOAD_CHECKS: Final = {
    ACTIVATE: _check_named,
    CREATE: _check_named,
    DISCOVER_VERSIONS: _check_versions,
    ENCRYPT: _check_encrypted,
    GET: _check_get,
    LOCATE: _check_named,
    QUERY: _check_operations,
    REGISTER: _check_named,
}


@frozen(slots=True)
class _Item:
    tag: int
    type: int
    start: int  # where the value begins
    end: int  # where it ends, padding not counted


_HEAD: Final = struct.Struct(">II")


def _items(data: bytes, start: int, end: int) -> Iterator[_Item]:
    while start < end:
        _need(end - start >= HEADER_SIZE, "ends inside an item header")
        head, length = _HEAD.unpack_from(data, start)
        start += HEADER_SIZE
        padded = length + -length % 8
        _need(start + padded <= end, "holds an item that is longer than its structure")
        yield _Item(head >> 8, head & 0xFF, start, start + length)
        start += padded


def _read_payload(answer: bytes, payload: _Item, facts: Facts) -> None:
    for item in _items(answer, payload.start, payload.end):
        if item.tag == _UNIQUE_IDENTIFIER:
            facts.unique_identifiers.append(answer[item.start : item.end].decode())
        elif item.tag == _OBJECT_TYPE and facts.object_type is None:
            facts.object_type = _number(answer, item)
        elif item.tag == _PROTOCOL_VERSION:
            facts.versions += 1
        elif item.tag == _OPERATION:
            facts.operations += 1
        elif item.tag == _SYMMETRIC_KEY:
            facts.key_material_size = _key_material_size(answer, item)
        elif item.tag == _DATA:
            facts.data_size = item.end - item.start


def _key_material_size(answer: bytes, symmetric_key: _Item) -> int | None:
    place = symmetric_key
    for tag in (_KEY_BLOCK, _KEY_VALUE, _KEY_MATERIAL):
        inner = [item for item in _items(answer, place.start, place.end) if item.tag == tag]
        if len(inner) != 1:
            return None
        place = inner[0]
    return place.end - place.start if place.type == _BYTES else None


def _number(data: bytes, item: _Item) -> int:
    _need(item.end - item.start == 4, "holds a number that is not 4 bytes long")
    return int.from_bytes(data[item.start : item.end], "big")


def _item(tag: int, type_: int, value: bytes) -> bytes:
    return _HEAD.pack(tag << 8 | type_, len(value)) + value + bytes(-len(value) % 8)


def _structure(tag: int, value: bytes) -> bytes:
    return _item(tag, _STRUCTURE, value)


def _integer(tag: int, value: int) -> bytes:
    return _item(tag, _INTEGER, value.to_bytes(4, "big"))


def _enumeration(tag: int, value: int) -> bytes:
    return _item(tag, _ENUMERATION, value.to_bytes(4, "big"))


def _text(tag: int, value: str) -> bytes:
    return _item(tag, _TEXT, value.encode())


def _version(major: int, minor: int) -> bytes:
    return _structure(_PROTOCOL_VERSION, _integer(_MAJOR, major) + _integer(_MINOR, minor))


def _attribute(name: str, value: bytes) -> bytes:
    return _structure(_ATTRIBUTE, _text(_ATTRIBUTE_NAME, name) + value)


def _name_attribute(name: str) -> bytes:
    value = _text(_NAME_VALUE, name) + _enumeration(_NAME_TYPE, _UNINTERPRETED_TEXT)
    return _attribute("Name", _structure(_ATTRIBUTE_VALUE, value))


def _key_attributes(name: str | None) -> bytes:
    return (
        _attribute("Cryptographic Algorithm", _enumeration(_ATTRIBUTE_VALUE, _AES))
        + _attribute("Cryptographic Length", _integer(_ATTRIBUTE_VALUE, _AES_LENGTH))
        + _attribute("Cryptographic Usage Mask", _integer(_ATTRIBUTE_VALUE, _ENCRYPT_DECRYPT))
        + (b"" if name is None else _name_attribute(name))
    )


def _symmetric_key(key: bytes) -> bytes:
    key_block = (
        _enumeration(_KEY_FORMAT_TYPE, _RAW)
        + _structure(_KEY_VALUE, _item(_KEY_MATERIAL, _BYTES, key))
        + _enumeration(_CRYPTOGRAPHIC_ALGORITHM, _AES)
        + _integer(_CRYPTOGRAPHIC_LENGTH, _AES_LENGTH)
    )
    return _structure(_SYMMETRIC_KEY, _structure(_KEY_BLOCK, key_block))


def _exchange(
    operation: int, payload: bytes, *, unique_identifier: str | None = None, number: int | None = None
) -> Exchange:
    header = _structure(_REQUEST_HEADER, _version(1, 2) + _integer(_BATCH_COUNT, 1))
    named = _enumeration(_OPERATION, operation)
    if number is not None:
        named += _item(_UNIQUE_BATCH_ITEM_ID, _BYTES, number.to_bytes(4, "big"))
    batch_item = _structure(_BATCH_ITEM, named + _structure(_REQUEST_PAYLOAD, payload))
    request = _structure(_REQUEST_MESSAGE, header + batch_item)
    return Exchange(request=request, operation=operation, unique_identifier=unique_identifier)


def _response(operation: int, payload: bytes) -> bytes:
    outcome = _enumeration(_RESULT_STATUS, _SUCCESS) + _structure(_RESPONSE_PAYLOAD, payload)
    return _response_message(_enumeration(_OPERATION, operation) + outcome)


def _response_message(batch_item: bytes) -> bytes:
    time_stamp = _item(_TIME_STAMP, _DATE_TIME, (1_700_000_000).to_bytes(8, "big"))
    header = _structure(_RESPONSE_HEADER, _version(1, 2) + time_stamp + _integer(_BATCH_COUNT, 1))
    return _structure(_RESPONSE_MESSAGE, header + _structure(_BATCH_ITEM, batch_item))
