"""Creation: what is digested; what is set implicitly is tested with Create and Register."""

import pytest

from kmip_core.attributes import Attributes
from kmip_core.enums import CryptographicAlgorithm, KeyFormatType
from kmip_core.objects import Content, KeyBlock, KeyValue, SymmetricKey, Template
from kmip_core.procedures.creation import material_bytes
from kmip_core.structures import KeyHandle, TransparentRSAPublicKey


def a_key(material: object) -> SymmetricKey:
    block = KeyBlock(
        key_format_type=KeyFormatType.RAW,
        key_value=KeyValue(key_material=material),  # type: ignore[arg-type]
        cryptographic_algorithm=CryptographicAlgorithm.AES,
    )
    return SymmetricKey(key_block=block)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(a_key(b"material"), b"material", id="ok bytes"),
        pytest.param(a_key(KeyHandle(provider="token", token="1")), None, id="ok behind a handle"),
        pytest.param(a_key(TransparentRSAPublicKey(modulus=1, public_exponent=3)), None, id="ok structure"),
        pytest.param(Template(template_attributes=Attributes()), None, id="ok template"),
    ],
)
def test_only_what_has_bytes_of_its_own_is_digested(content: Content, expected: bytes | None) -> None:
    assert material_bytes(content) == expected
