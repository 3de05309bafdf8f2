"""Managed objects as bytes and back: the form in which every store keeps them.

The form is compact JSON: the fields that are not at their default, enumerations and masks as numbers, bytes as base64,
integers of more than 64 bits as hexadecimal text. Fields that this version does not know are skipped, so an older
server can read what a newer one wrote. Fields may be added; renaming one needs a migration.
"""

import enum
import functools
import json
import struct
import typing
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Mapping
from json.encoder import encode_basestring_ascii
from typing import Any, Final

import attrs
from attrs import evolve
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from kmip_adapters.storage.record_readers import enumeration_reader, from_base64, from_integer, reader_of, unchanged
from kmip_adapters.storage.record_writers import INT64_MAX, INT64_MIN, to_base64, to_integer, to_number, writer_of
from kmip_core import enums
from kmip_core.attributes import Attributes
from kmip_core.creation_rules import Rule
from kmip_core.makers import maker_of
from kmip_core.objects import (
    CONTENT_CLASSES,
    NO_ATTRIBUTES,
    Content,
    KeyBlock,
    KeyValue,
    ManagedObject,
    OpaqueObject,
    PrivateKey,
    PublicKey,
    SymmetricKey,
)
from kmip_core.ports.audit import AuditRecord
from kmip_core.structures import (
    TRANSPARENT_KEYS,
    KeyHandle,
    KeyMaterial,
    NameReference,
    ObjectReference,
    TransparentKey,
    TypedValue,
)
from kmip_core.submissions import Submission
from kmip_core.tickets import StoredTicket


def encode_attributes(attributes: Attributes) -> bytes:
    """Return the stored form of attributes."""
    return _to_json(_hook_of(Attributes)(attributes))


def decode_attributes(stored: bytes) -> Attributes:
    """Return the attributes that `encode_attributes` was given."""
    attributes: Attributes = _reader_of(Attributes)(read_json(stored), Attributes)
    return attributes


def encode_record(attributes: Attributes) -> tuple[bytes, bytes]:
    """Return the stored form of attributes in two parts: what may be read at rest, and what must be encrypted there.

    The digests are hidden: a password can be found by its digest.  b"" stands for none.
    """
    record = record_of(attributes)
    return joined_record(record, record.pop(_HIDDEN, None))


def record_of(attributes: Attributes) -> dict[str, Any]:
    """Return what `encode_record` writes, before it is JSON: the fields in their order, each as `written_value`."""
    record: dict[str, Any] = _hook_of(Attributes)(attributes)
    return record


def joined_record(record: dict[str, Any], digests: list[Any] | None) -> tuple[bytes, bytes]:
    """Return both parts of a record as they are stored.  digests: as `record_of` has them, None for none."""
    return _to_json(record), b"" if digests is None else _to_json(digests)


def written_value(value: Any) -> Any:
    """Return what stands in a record for one value of an attribute that is a structure."""
    kind: Any = type(value)
    return _hook_of(kind)(value)


def decode_record(stored: bytes, hidden: bytes) -> Attributes:
    """Return the attributes that `encode_record` was given."""
    record = read_json(stored)
    if hidden:
        record[_HIDDEN] = read_json(hidden)
    attributes: Attributes = _reader_of(Attributes)(record, Attributes)
    return attributes


def encode_content(content: Content) -> bytes:
    """Return the plain form of an object's secret part; it must be sealed before it is stored.

    What stands before and after the material of a key is the same for keys of a kind, as `decode_content` knows, too.
    """
    kind = _kind_to_write(content)
    if kind is None:
        return _encode_content(content)
    around = _written_around.get(kind)
    if around is None:
        around = _split_at_material(_encode_content(_key_of_kind(kind, _SAMPLE)))
        if len(_written_around) >= _MOST_KINDS:
            _written_around.clear()
        _written_around[kind] = around
    before, after = around
    return before + b2a_base64(_material_of(content), newline=False) + after


def _kind_to_write(content: Any) -> tuple[Any, ...] | None:
    """Return what `_key_of_kind` makes such a key of; None if there is more about it, or anything unusual."""
    cls = type(content)
    if cls not in _KEYS or content.attributes is not NO_ATTRIBUTES:
        return None
    block = content.key_block
    value = block.key_value
    if block.key_wrapping_data is not None or type(value) is not KeyValue or value.attributes is not None:
        return None
    if type(value.key_material) is not bytes:
        return None
    return (
        cls,
        block.key_format_type,
        block.key_compression_type,
        block.cryptographic_algorithm,
        block.cryptographic_length,
    )


def _material_of(content: Any) -> bytes:
    material: bytes = content.key_block.key_value.key_material
    return material


def _split_at_material(plain: bytes) -> tuple[bytes, bytes]:
    begin = plain.index(_MATERIAL) + len(_MATERIAL)
    return plain[:begin], plain[plain.index(b'"', begin) :]


def _encode_content(content: Content) -> bytes:
    content_class: Any = CONTENT_CLASSES[content.object_type]
    record = _hook_of(content_class)(content)
    record[_TYPE] = int(content.object_type)
    return _to_json(record)


def decode_content(plain: bytes) -> Content:
    """Return the content that `encode_content` was given; a subclass comes back as the class of its object type.

    All that stands around the material of a key is the same for keys of a kind, and is read once: what is kept of it
    tells format, algorithm and length.
    """
    begin = plain.find(_MATERIAL) + len(_MATERIAL)
    if begin < len(_MATERIAL):  # it is not there
        return _decode_content(plain)
    end = plain.index(b'"', begin)
    around = plain[:begin] + plain[end:]
    kind = _kinds.get(around)
    if kind is None:
        content = _decode_content(plain)
        if len(around) <= _LONGEST_AROUND:
            _learn_kind(around, begin)
        return content
    return _key_of_kind(kind, a2b_base64(plain[begin:end]))


def _key_of_kind(kind: tuple[Any, ...], material: bytes) -> Content:
    cls, key_format_type, key_compression_type, algorithm, length = kind
    block = _make_block(
        key_format_type=key_format_type,
        key_compression_type=key_compression_type,
        key_value=_make_value(key_material=material),
        cryptographic_algorithm=algorithm,
        cryptographic_length=length,
    )
    key: Content = _MAKERS[cls](key_block=block)
    return key


_make_block: Final = maker_of(KeyBlock)
_make_value: Final = maker_of(KeyValue)
_MAKERS: Final[Mapping[type, Any]] = {cls: maker_of(cls) for cls in (SymmetricKey, PublicKey, PrivateKey)}


def _decode_content(plain: bytes) -> Content:
    record = read_json(plain)
    content_class: Any = _CONTENT_CLASSES[record[_TYPE]]
    content: Content = _reader_of(content_class)(record, content_class)
    return content


_MATERIAL: Final = b'"key_material":"'
_LONGEST_AROUND: Final = 512  # bytes around the material of a key whose kind is kept
_MOST_KINDS: Final = 256
_kinds: Final[dict[bytes, tuple[Any, ...]]] = {}
_written_around: Final[dict[tuple[Any, ...], tuple[bytes, bytes]]] = {}
_KEYS: Final = frozenset({SymmetricKey, PublicKey, PrivateKey})


def _learn_kind(around: bytes, begin: int) -> None:
    """Keep of what kind a key is, if there is nothing about it but its Key Block, and in that nothing but the usual.

    around: all of it but the material, which stands at `begin`.
    """
    content = _decode_content(around[:begin] + to_base64(_SAMPLE).encode() + around[begin:])
    if not isinstance(content, SymmetricKey | PublicKey | PrivateKey):
        return
    block = content.key_block
    kind = (
        type(content),
        block.key_format_type,
        block.key_compression_type,
        block.cryptographic_algorithm,
        block.cryptographic_length,
    )
    if _key_of_kind(kind, _SAMPLE) == content:  # else there is more about it
        if len(_kinds) >= _MOST_KINDS:
            _kinds.clear()
        _kinds[around] = kind


_SAMPLE: Final = b"sample"


def encode_audit_record(record: AuditRecord) -> bytes:
    """Return the stored form of an audit record."""
    return _to_json(_hook_of(AuditRecord)(record))


def decode_audit_record(stored: bytes) -> AuditRecord:
    """Return the audit record that `encode_audit_record` was given."""
    return _CONVERTER.structure(read_json(stored), AuditRecord)


def encode_submission(submission: Submission) -> bytes:
    """Return the plain form of a submission; it must be sealed before it is stored.

    What the store itself knows of it, its version and its claim, is not in it.
    """
    return _to_json(_hook_of(Submission)(evolve(submission, version=0, claimed_until=None, claims=0)))


def decode_submission(plain: bytes) -> Submission:
    """Return the submission that `encode_submission` was given."""
    submission: Submission = _reader_of(Submission)(read_json(plain), Submission)
    return submission


def encode_rules(rules: tuple[Any, ...]) -> str:
    """Return the stored form of rules for new objects."""
    return _to_json([_CONVERTER.unstructure(rule) for rule in rules]).decode()


def decode_rules(stored: str, kind: type[Rule]) -> tuple[Rule, ...]:
    """Return the rules that `encode_rules` was given."""
    return tuple(_CONVERTER.structure(record, kind) for record in json.loads(stored))


def encode_ticket(ticket: StoredTicket) -> bytes:
    """Return the plain form of a ticket; it must be sealed before it is stored."""
    return _to_json(_CONVERTER.unstructure(ticket))


def decode_ticket(stored: bytes) -> StoredTicket:
    """Return the ticket that `encode_ticket` was given."""
    return _CONVERTER.structure(json.loads(stored), StoredTicket)


def canonical_value(value: Any) -> bytes:
    """Return bytes that are equal exactly when two attribute values are equal.  For indexes."""
    kind: Any = type(value)
    if kind is str:
        return encode_basestring_ascii(value).encode()  # as `canonical_record` does, without a call in Python
    if kind is bytes:  # likewise: nothing in base64 needs an escape
        return b'"%b"' % b2a_base64(value, newline=False)
    return canonical_record(_hook_of(kind)(value))


def canonical_record(record: Any) -> bytes:
    """Return `canonical_value` of what `written_value` has written.

    That is what the canonical encoder makes of it, which would make an encoder in C for each.
    """
    if type(record) is str:
        return encode_basestring_ascii(record).encode()
    return "".join(_canonical_parts(record, 0)).encode()


def associated_data(managed_object: ManagedObject) -> bytes:
    """Return what sealed content is bound to: identifier, type and owner, unambiguously.  None of them ever changes."""
    identifier = managed_object.unique_identifier.encode()
    return (
        struct.pack(">BIH", 1, managed_object.object_type, len(identifier)) + identifier + managed_object.owner.encode()
    )


# --- the converter --------------------------------------------------------------------------------------------------

_canonical_encoder: Final = json.JSONEncoder(separators=(",", ":"), sort_keys=True)
_compact_json: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_make_encoder: Final[Any] = getattr(json.encoder, "c_make_encoder", None)  # of CPython
_canonical_parts: Final[Callable[[Any, int], Iterable[str]]] = (
    (lambda record, _: _canonical_encoder.iterencode(record))
    if _make_encoder is None
    else _make_encoder(None, _canonical_encoder.default, encode_basestring_ascii, None, ":", ",", True, False, True)
)
_read_json: Final = json.JSONDecoder().decode
"""Made once: `json.dumps` makes an encoder at every call that differs from its defaults."""

_to_json: Callable[[Any], bytes]
read_json: Callable[[bytes], Any]
try:  # the extra `fast`: the same bytes, in a fifth of the time
    from orjson import dumps as _to_json
    from orjson import loads as read_json
except ImportError:

    def _to_json(record: Any) -> bytes:
        return _compact_json(record).encode()

    def read_json(stored: bytes) -> Any:
        return _read_json(stored.decode())  # `json.loads` would guess the encoding first


_TYPE: Final = "type"
_HIDDEN: Final = "digests"
_TRANSPARENT: Final = {cls.__name__: cls for cls in TRANSPARENT_KEYS.values()}


def _enumeration_hook(cls: type[enum.Enum]) -> Callable[[Any, Any], Any]:
    # A dictionary answers ten times faster than calling the enumeration; combined flags are not in it at first.
    return enumeration_reader(cls._value2member_map_, cls)


def _unstructure_typed(value: TypedValue) -> list[Any]:
    inner = value.value
    match inner:
        case tuple():
            return [int(value.item_type), [[tag, _unstructure_typed(item)] for tag, item in inner]]
        case bytes():
            return [int(value.item_type), {"b": to_base64(inner)}]
        case bool() | str():
            return [int(value.item_type), inner]
        case _:
            small = INT64_MIN <= inner <= INT64_MAX
            return [int(value.item_type), inner if small else {"i": hex(inner)}]


def _structure_typed(stored: list[Any], _: Any = None) -> TypedValue:
    item_type, inner = stored
    match inner:
        case list():
            value: Any = tuple((tag, _structure_typed(item)) for tag, item in inner)
        case {"b": text}:
            value = a2b_base64(text)
        case {"i": text}:
            value = int(text, 16)
        case _:
            value = inner
    return TypedValue(_ITEM_TYPE(item_type, None), value)


def _unstructure_material(material: KeyMaterial) -> Any:
    if isinstance(material, bytes):
        return to_base64(material)
    record = _CONVERTER.unstructure(material, type(material))
    record[_TYPE] = type(material).__name__
    return record


def _structure_material(stored: Any, _: Any = None) -> KeyMaterial:
    if isinstance(stored, str):
        return a2b_base64(stored)
    name = stored[_TYPE]
    cls = KeyHandle if name == KeyHandle.__name__ else _TRANSPARENT[name]
    material: KeyMaterial = _CONVERTER.structure(stored, cls)
    return material


def _unstructure_reference(value: Any) -> Any:
    return value if isinstance(value, str) else {"name": value.name}  # requests' other forms are never stored


def _structure_reference(stored: Any, _: Any = None) -> str | NameReference:
    return stored if isinstance(stored, str) else NameReference(stored["name"])


def _unstructure_key_value(value: KeyValue | bytes | None) -> Any:
    if isinstance(value, KeyValue):
        return _hook_of(KeyValue)(value)
    return None if value is None else to_base64(value)


def _structure_key_value(stored: Any, _: Any = None) -> KeyValue | bytes | None:
    if isinstance(stored, dict):
        key_value: KeyValue = _reader_of(KeyValue)(stored, KeyValue)
        return key_value
    return None if stored is None else a2b_base64(stored)


def _make_converter() -> Converter:
    converter = Converter(omit_if_default=True, detailed_validation=False)
    converter.register_unstructure_hook_factory(attrs.has, lambda cls: writer_of(cls, converter))
    converter.register_unstructure_hook(bytes, to_base64)
    converter.register_structure_hook_factory(attrs.has, lambda cls: reader_of(cls, converter))
    converter.register_structure_hook(bytes, from_base64)
    converter.register_unstructure_hook(int, to_integer)
    converter.register_structure_hook(int, from_integer)
    converter.register_structure_hook(str, unchanged)
    converter.register_structure_hook(bool, unchanged)
    converter.register_structure_hook_factory(_is_optional, lambda cls: converter.get_structure_hook(_present(cls)))
    converter.register_unstructure_hook_factory(_is_optional, lambda cls: converter.get_unstructure_hook(_present(cls)))
    for cls in _enumerations():  # each by name: they are integers too, and the hook of int would catch them
        converter.register_structure_hook(cls, _enumeration_hook(cls))
        converter.register_unstructure_hook(cls, to_number)
    converter.register_unstructure_hook_func(_is_frozenset, sorted)
    converter.register_unstructure_hook(TypedValue, _unstructure_typed)
    converter.register_structure_hook(TypedValue, _structure_typed)
    for material in (KeyMaterial, TransparentKey):
        converter.register_unstructure_hook_func(_is_exactly(material), _unstructure_material)
        converter.register_structure_hook_func(_is_exactly(material), _structure_material)
    key_value = KeyValue | bytes | None
    converter.register_unstructure_hook_func(_is_exactly(key_value), _unstructure_key_value)
    converter.register_structure_hook_func(_is_exactly(key_value), _structure_key_value)
    converter.register_unstructure_hook_func(_is_exactly(ObjectReference), _unstructure_reference)
    converter.register_structure_hook_func(_is_exactly(ObjectReference), _structure_reference)
    # Its constructor would make attributes up if it were given none.
    converter.register_unstructure_hook_factory(
        lambda cls: cls is OpaqueObject,
        lambda cls: make_dict_unstructure_fn(
            cls, converter, _cattrs_omit_if_default=True, attributes=override(omit_if_default=False)
        ),
    )
    return converter


def _enumerations() -> list[type[enum.Enum]]:
    return [cls for cls in vars(enums).values() if isinstance(cls, type) and issubclass(cls, enum.Enum)]


def _is_optional(cls: Any) -> bool:
    """Whether None is the only alternative; as a default it is never stored, so the other type's plan will do."""
    members = typing.get_args(cls)
    return len(members) == 2 and type(None) in members


def _is_frozenset(cls: Any) -> bool:
    origin: Any = typing.get_origin(cls)
    return origin is frozenset


def _present(cls: Any) -> Any:
    return next(member for member in typing.get_args(cls) if member is not type(None))


def _is_exactly(union: Any) -> Callable[[Any], bool]:
    members = set(typing.get_args(union))
    return lambda cls: typing.get_origin(cls) is not None and set(typing.get_args(cls)) == members


_CONVERTER: Final = _make_converter()
# Looked up once: what the converter has planned is called without its dispatch.
_ITEM_TYPE: Final = _enumeration_hook(typing.get_type_hints(TypedValue)["item_type"])
_CONTENT_CLASSES: Final = {int(object_type): content_class for object_type, content_class in CONTENT_CLASSES.items()}


# Found once, and planned by the first value of its class: to plan all of them took a tenth of the time of all imports.
@functools.cache
def _hook_of(cls: Any) -> Callable[[Any], Any]:
    """Return how values of a class are written, without the converter's dispatch."""
    hook: Callable[[Any], Any] = _CONVERTER.get_unstructure_hook(cls)
    return hook


def reader_of_value(kind: type) -> Callable[[Any, Any], Any]:
    """Return what reads one value of an attribute that is a structure, as `written_value` has written it."""
    return _reader_of(kind)


@functools.cache
def _reader_of(cls: Any) -> Callable[[Any, Any], Any]:
    """Return how values of a class are read, likewise."""
    hook: Callable[[Any, Any], Any] = _CONVERTER.get_structure_hook(cls)
    return hook
