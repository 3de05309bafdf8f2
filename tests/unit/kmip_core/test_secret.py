"""Values with key material or a password: never shown, never pickled, never copied."""

import copy
import pickle
import traceback
from typing import Any

import attrs
import pytest

from kmip_core import messages, objects, structures
from kmip_core.enums import CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType, SecretDataType
from kmip_core.objects import KeyBlock, KeyValue, OpaqueObject, SecretData, SymmetricKey
from kmip_core.secret import Secret

PLAIN = b"0123456789abcdef"
SHOWN = (PLAIN.decode(), PLAIN.hex(), repr(PLAIN))

KEY = SymmetricKey(CryptographicAlgorithm.AES, 128, PLAIN, [CryptographicUsageMask.ENCRYPT], "a key")
HOLDERS: list[Any] = [
    KEY,
    KEY.key_block,
    KEY.key_block.key_value,
    SecretData(PLAIN, SecretDataType.PASSWORD),
    OpaqueObject(PLAIN),
    structures.TransparentSymmetricKey(key=PLAIN),
    KeyBlock(key_format_type=KeyFormatType.RAW, key_value=KeyValue(key_material=PLAIN)),
    messages.UsernameAndPassword(username="alice", password=PLAIN.decode()),
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_a_secret_is_not_shown(holder: Any) -> None:
    for text in (repr(holder), str(holder), f"{holder}", f"{[holder]}"):
        assert not any(secret in text for secret in SHOWN)


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_a_secret_is_not_in_a_traceback_with_its_locals(holder: Any) -> None:
    def fail(held: Any) -> None:
        raise ZeroDivisionError

    try:
        fail(holder)
    except ZeroDivisionError as error:
        told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())

    assert "held = " in told
    assert not any(secret in told for secret in SHOWN)


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_not_pickled(holder: Any, protocol: int) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps({"kept": [holder]}, protocol)


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_a_copy_holds_the_same_bytes_and_not_a_second_time(holder: Any) -> None:
    for made in (copy.copy(holder), copy.deepcopy(holder)):
        assert made == holder
    value = copy.deepcopy(KEY).key_block.key_value
    assert value is KEY.key_block.key_value


@pytest.mark.parametrize("module", [objects, structures, messages], ids=lambda module: module.__name__)
def test_every_value_that_hides_a_field_is_a_secret(module: Any) -> None:
    hiding = [
        cls
        for cls in vars(module).values()
        if isinstance(cls, type) and attrs.has(cls) and cls.__module__ == module.__name__
        if any(not field.repr for field in attrs.fields(cls))
    ]

    assert hiding
    assert [cls.__name__ for cls in hiding if not issubclass(cls, Secret)] == []
