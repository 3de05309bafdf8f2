"""Keys that are written by what a key of their kind looked like are written as ever."""

from typing import Any

import pytest
from attrs import evolve, fields

from kmip_adapters.ttlv.converter import key_templates, make_converter_and_direct
from kmip_adapters.ttlv.converter.key_templates import MOST, filled
from kmip_adapters.ttlv.encodings import binary
from kmip_core.attributes import Attributes
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import KeyCompressionType, KeyFormatType, WrappingMethod
from kmip_core.objects import Content, KeyBlock, KeyValue, PrivateKey, PublicKey, SecretData, SymmetricKey
from kmip_core.operations import get
from kmip_core.structures import KeyWrappingData, ProtocolVersion, TransparentSymmetricKey

CONVERTER, DIRECT = make_converter_and_direct(ProtocolVersion(1, 4))
RAW = KeyBlock(
    key_format_type=KeyFormatType.RAW,
    key_value=KeyValue(key_material=b"one"),
    cryptographic_algorithm=Algorithm.AES,
    cryptographic_length=24,
)


def with_value(value: Any, **more: Any) -> KeyBlock:
    return evolve(RAW, key_value=value, **more)


KEYS: dict[str, Content] = {
    "a key": SymmetricKey(key_block=RAW),
    "another key": SymmetricKey(key_block=with_value(KeyValue(key_material=b"two"))),
    "a longer key": SymmetricKey(key_block=with_value(KeyValue(key_material=b"three"))),
    "no material": SymmetricKey(key_block=with_value(KeyValue(key_material=b""))),
    "no value": SymmetricKey(key_block=with_value(None)),
    "another length": SymmetricKey(key_block=evolve(RAW, cryptographic_length=25)),
    "another algorithm": SymmetricKey(key_block=evolve(RAW, cryptographic_algorithm=Algorithm.CAMELLIA)),
    "no algorithm": SymmetricKey(key_block=evolve(RAW, cryptographic_algorithm=None, cryptographic_length=None)),
    "another format": SymmetricKey(key_block=evolve(RAW, key_format_type=KeyFormatType.OPAQUE)),
    "compressed": SymmetricKey(
        key_block=evolve(RAW, key_compression_type=KeyCompressionType.EC_PUBLIC_KEY_TYPE_UNCOMPRESSED)
    ),
    "attributes inside": SymmetricKey(
        key_block=with_value(KeyValue(key_material=b"one", attributes=Attributes(cryptographic_length=24)))
    ),
    "wrapped": SymmetricKey(
        key_block=evolve(RAW, key_wrapping_data=KeyWrappingData(wrapping_method=WrappingMethod.ENCRYPT))
    ),
    "wrapped as it is encoded": SymmetricKey(
        key_block=with_value(b"one", key_wrapping_data=KeyWrappingData(wrapping_method=WrappingMethod.ENCRYPT))
    ),
    "transparent": SymmetricKey(
        key_block=with_value(
            KeyValue(key_material=TransparentSymmetricKey(key=b"one")),
            key_format_type=KeyFormatType.TRANSPARENT_SYMMETRIC_KEY,
        )
    ),
    "a public key": PublicKey(key_block=RAW),
    "a private key": PrivateKey(key_block=RAW),
    "secret data": SecretData(b"one"),
}


def test_each_key_is_written_as_its_items_are() -> None:
    to_items, append = CONVERTER.get_unstructure_hook(get.Response), DIRECT.writer(get.Response)
    for _ in range(2):  # what the first of a kind has left serves the second
        for name, key in KEYS.items():
            response = get.Response(object_type=key.object_type, unique_identifier="1", managed_object=key)
            out = bytearray()
            append(response, out)
            assert bytes(out) == b"".join(map(binary.encode, to_items(response))), name


def test_keys_of_a_kind_are_written_from_the_first_one_without_their_material() -> None:
    written: list[bytes] = []

    def append(content: Any, out: bytearray) -> None:
        written.append(content.key_block.key_value.key_material)
        out += b"before" + written[-1] + b"after"

    append_filled = filled(append)
    for material in (b"abc", b"xyz"):
        out = bytearray()
        append_filled(SymmetricKey(key_block=with_value(KeyValue(key_material=material))), out)
        assert out == b"before" + material + b"after"

    assert written == [bytes(3), b"\xff" * 3]


def test_each_field_of_a_key_block_tells_kinds_apart_or_makes_it_unusual() -> None:
    telling = {"key_format_type", "key_compression_type", "cryptographic_algorithm", "cryptographic_length"}

    assert {field.name for field in fields(KeyBlock)} == telling | {"key_value", "key_wrapping_data"}
    assert {field.name for field in fields(KeyValue)} == {"key_material", "attributes"}
    assert {field.name for cls in (SymmetricKey, PublicKey, PrivateKey) for field in fields(cls)} == {
        "key_block",
        "attributes",  # never written
    }


def test_material_that_stands_more_than_once_is_no_template() -> None:
    def append(content: Any, out: bytearray) -> None:
        out += 2 * content.key_block.key_value.key_material

    with pytest.raises(ValueError, match="more than once"):
        filled(append)(KEYS["a key"], bytearray())


def test_kinds_are_remembered_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    around = key_templates._around
    monkeypatch.setattr(key_templates, "_around", lambda *values: made.append(values[-1]) or around(*values))
    append_filled = filled(DIRECT.writer(SymmetricKey))

    for length in [*range(1, MOST + 2), 1]:
        append_filled(SymmetricKey(key_block=with_value(KeyValue(key_material=bytes(length)))), bytearray())

    assert made.count(1) == 2
