"""PyKMIP's client and wrapped keys: what it asks for, what it is refused, and what it registers.

PyKMIP writes and reads wrapped bytes as the Key Material of a Key Value. The standard, and the official case TC-141,
have them in place of the Key Value (KMIP 1.4 §2.1.4), and so this server answers. The client asks here as it always
does; its answer is heard where it arrives, and read by our own codec.
With the setting `wrapped_key_structure` the answer is what the client expects.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define
from cryptography.hazmat.primitives import keywrap
from kmip.core import enums
from kmip.core.exceptions import ReadValueError
from kmip.pie import exceptions, objects
from kmip.pie.client import ProxyKmipClient

from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.key_values import TtlvKeyValues
from kmip_core.enums import EncodingOption, KeyFormatType, WrappingMethod
from kmip_core.objects import KeyBlock, KeyValue
from kmip_core.operations import CATALOGUE
from kmip_core.structures import ProtocolVersion
from tests.interop.pykmip.test_pykmip_client import pykmip
from tests.server import StartedServer, running

VERSIONS: Final = {
    enums.KMIPVersion.KMIP_1_2: ProtocolVersion(1, 2),
    enums.KMIPVersion.KMIP_1_4: ProtocolVersion(1, 4),
    enums.KMIPVersion.KMIP_2_0: ProtocolVersion(2, 0),
}
"""1.0 has no Encoding Option, without which PyKMIP's server refuses to wrap."""
AES: Final = enums.CryptographicAlgorithm.AES
Mask: Final = enums.CryptographicUsageMask
Reason: Final = enums.ResultReason
NIST_KEY_WRAP: Final = {"block_cipher_mode": enums.BlockCipherMode.NIST_KEY_WRAP}

KEK: Final = bytes(range(16))  # RFC 3394 §4.1
DEK: Final = bytes.fromhex("00112233445566778899aabbccddeeff")
WRAPPED: Final = bytes.fromhex("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5")


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def version(request: pytest.FixtureRequest) -> enums.KMIPVersion:
    return request.param


@pytest.fixture
def client(ephemeral: StartedServer, version: enums.KMIPVersion) -> Iterator[ProxyKmipClient]:
    with pykmip(ephemeral, version) as connected:
        yield connected


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec(CATALOGUE)


def registered(client: ProxyKmipClient, value: bytes, *masks: enums.CryptographicUsageMask, active: bool = True) -> str:
    """Register an AES key and return its identifier."""
    identifier: str = client.register(objects.SymmetricKey(AES, 8 * len(value), value, list(masks)))
    if active:
        client.activate(identifier)
    return identifier


def specification(key: str, **fields: Any) -> dict[str, Any]:
    """Return a specification as PyKMIP's document spells it: NIST key wrap without encoding, unless told otherwise."""
    given = {
        "wrapping_method": enums.WrappingMethod.ENCRYPT,
        "encryption_key_information": {"unique_identifier": key, "cryptographic_parameters": NIST_KEY_WRAP},
        "encoding_option": enums.EncodingOption.NO_ENCODING,
        **fields,
    }
    return {name: value for name, value in given.items() if value is not None}


# --- wrapped by the server --------------------------------------------------------------------------------------------


@define
class Overheard:
    """The connection of PyKMIP's client, with the last answer kept as it arrived."""

    protocol: Any
    answer: bytes = b""

    def write(self, data: bytes) -> None:
        """Send a request."""
        self.protocol.write(data)

    def read(self) -> Any:
        """Return an answer for the client to read."""
        stream = self.protocol.read()
        self.answer = bytes(stream.buffer)
        return stream


@contextmanager
def overheard(client: ProxyKmipClient) -> Iterator[Overheard]:
    """Listen to what the client is answered."""
    own = client.proxy.protocol
    client.proxy.protocol = Overheard(own)
    try:
        yield client.proxy.protocol
    finally:
        client.proxy.protocol = own


def wrapped(client: ProxyKmipClient, codec: Codec, identifier: str, wanted: dict[str, Any]) -> KeyBlock:
    """Return the key block that the client is answered."""
    with overheard(client) as connection, pytest.raises(ReadValueError, match="expected 1, received 8"):
        client.get(identifier, key_wrapping_specification=wanted)
    (item,) = codec.decode_response(connection.answer).batch_items
    assert item.payload is not None, item.result_message
    block: KeyBlock = item.payload.managed_object.key_block
    return block


def test_a_key_comes_wrapped_and_is_unwrapped_by_its_receiver(client: ProxyKmipClient, codec: Codec) -> None:
    kek = registered(client, KEK, Mask.WRAP_KEY)
    block = wrapped(client, codec, registered(client, DEK, Mask.ENCRYPT), specification(kek))

    assert isinstance(block.key_value, bytes)
    assert block.key_value == WRAPPED
    assert keywrap.aes_key_unwrap(KEK, block.key_value) == DEK
    assert (block.key_format_type, block.cryptographic_length) == (KeyFormatType.RAW, 128)
    told = block.key_wrapping_data
    assert told is not None
    assert told.encryption_key_information is not None
    assert (told.wrapping_method, told.encoding_option, told.encryption_key_information.unique_identifier) == (
        WrappingMethod.ENCRYPT,
        EncodingOption.NO_ENCODING,
        kek,
    )


def test_a_key_made_here_comes_wrapped_as_it_comes_in_the_clear(client: ProxyKmipClient, codec: Codec) -> None:
    kek = registered(client, KEK, Mask.WRAP_KEY)
    made = client.create(AES, 256, cryptographic_usage_mask=[Mask.ENCRYPT, Mask.DECRYPT])

    block = wrapped(client, codec, made, specification(kek))

    assert isinstance(block.key_value, bytes)
    assert keywrap.aes_key_unwrap(KEK, block.key_value) == client.get(made).value


def test_pykmips_client_reads_a_wrapped_key_where_the_setting_suits_it(
    version: enums.KMIPVersion, tmp_path: Path
) -> None:
    with running(tmp_path, "--ephemeral", "--wrapped-key-structure") as server, pykmip(server, version) as client:
        kek = registered(client, KEK, Mask.WRAP_KEY)
        got = client.get(registered(client, DEK, Mask.ENCRYPT), key_wrapping_specification=specification(kek))

    assert got.value == WRAPPED
    assert got.key_wrapping_data["wrapping_method"] is enums.WrappingMethod.ENCRYPT


@pytest.mark.parametrize("names", [None, ["Cryptographic Usage Mask"]], ids=["alone", "attributes"])
def test_ttlv_encoding_that_pykmips_server_refused_is_given(
    client: ProxyKmipClient, codec: Codec, version: enums.KMIPVersion, names: list[str] | None
) -> None:
    kek = registered(client, KEK, Mask.WRAP_KEY)
    wanted = specification(kek, encoding_option=enums.EncodingOption.TTLV_ENCODING, attribute_names=names)

    block = wrapped(client, codec, registered(client, DEK, Mask.ENCRYPT), wanted)

    assert isinstance(block.key_value, bytes)
    inside = keywrap.aes_key_unwrap(KEK, block.key_value)
    value: KeyValue = TtlvKeyValues().decode_key_value(inside, KeyFormatType.RAW, VERSIONS[version])
    assert value.key_material == DEK
    found = None if value.attributes is None else value.attributes.cryptographic_usage_mask
    assert found == (None if names is None else int(Mask.ENCRYPT.value))


# --- refusals ---------------------------------------------------------------------------------------------------------


def refusal(client: ProxyKmipClient, identifier: str, wanted: dict[str, Any]) -> enums.ResultReason:
    with pytest.raises(exceptions.KmipOperationFailure) as refused:
        client.get(identifier, key_wrapping_specification=wanted)
    return refused.value.reason


def test_a_wrapping_key_that_is_unknown_is_not_found(client: ProxyKmipClient) -> None:
    dek = registered(client, DEK, Mask.ENCRYPT)

    assert refusal(client, dek, specification("9999")) is Reason.ITEM_NOT_FOUND


def test_a_wrapping_key_must_be_active_and_have_the_bit(client: ProxyKmipClient) -> None:
    dek = registered(client, DEK, Mask.ENCRYPT)
    idle = registered(client, KEK, Mask.WRAP_KEY, active=False)
    other = registered(client, KEK, Mask.ENCRYPT, Mask.UNWRAP_KEY)

    assert refusal(client, dek, specification(idle)) is Reason.PERMISSION_DENIED
    assert refusal(client, dek, specification(other)) is Reason.PERMISSION_DENIED


def test_an_object_that_is_not_a_key_neither_wraps_nor_is_wrapped(
    client: ProxyKmipClient, version: enums.KMIPVersion
) -> None:
    wanted = Reason.ILLEGAL_OPERATION if VERSIONS[version] < ProtocolVersion(2, 0) else Reason.INVALID_OBJECT_TYPE
    kek, dek = registered(client, KEK, Mask.WRAP_KEY), registered(client, DEK, Mask.ENCRYPT)
    secret = client.register(objects.SecretData(KEK, enums.SecretDataType.PASSWORD))
    client.activate(secret)
    opaque = client.register(objects.OpaqueObject(KEK, enums.OpaqueDataType.NONE))

    assert refusal(client, dek, specification(secret)) is wanted
    assert refusal(client, dek, specification(opaque)) is wanted
    assert refusal(client, opaque, specification(kek)) is wanted


INFORMATION: Final = "encryption_key_information"
REFUSED: Final[dict[str, tuple[dict[str, Any], enums.ResultReason]]] = {
    "no key information": ({INFORMATION: None}, Reason.PERMISSION_DENIED),
    "a MAC without its key": ({"wrapping_method": enums.WrappingMethod.MAC_SIGN}, Reason.PERMISSION_DENIED),
    "one key too many": ({"mac_signature_key_information": {"unique_identifier": "1"}}, Reason.PERMISSION_DENIED),
    "attributes without encoding": ({"attribute_names": ["Name"]}, Reason.ENCODING_OPTION_ERROR),
    "a method that is not there": ({"wrapping_method": enums.WrappingMethod.TR_31}, Reason.FEATURE_NOT_SUPPORTED),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_specification_that_cannot_be_is_refused(client: ProxyKmipClient, case: str) -> None:
    fields, reason = REFUSED[case]
    kek, dek = registered(client, KEK, Mask.WRAP_KEY), registered(client, DEK, Mask.ENCRYPT)

    assert refusal(client, dek, specification(kek, **fields)) is reason


@pytest.mark.parametrize("mode", [enums.BlockCipherMode.CMAC, enums.BlockCipherMode.X9_102_AKW1], ids=lambda m: m.name)
def test_a_mode_that_does_not_wrap_is_refused(client: ProxyKmipClient, mode: enums.BlockCipherMode) -> None:
    kek, dek = registered(client, KEK, Mask.WRAP_KEY), registered(client, DEK, Mask.ENCRYPT)
    information = {"unique_identifier": kek, "cryptographic_parameters": {"block_cipher_mode": mode}}

    is_2x = client.kmip_version is enums.KMIPVersion.KMIP_2_0
    reason = Reason.BAD_CRYPTOGRAPHIC_PARAMETERS if is_2x else Reason.INVALID_FIELD
    assert refusal(client, dek, specification(kek, **{INFORMATION: information})) is reason


# --- wrapped by the client --------------------------------------------------------------------------------------------


def test_a_wrapped_key_comes_back_as_it_was_registered(client: ProxyKmipClient) -> None:
    kek = registered(client, KEK, Mask.WRAP_KEY, Mask.UNWRAP_KEY)
    given = objects.SymmetricKey(AES, 128, WRAPPED, [Mask.ENCRYPT], key_wrapping_data=specification(kek))

    got = client.get(client.register(given))

    assert (got.value, got.key_wrapping_data) == (WRAPPED, given.key_wrapping_data)
    assert keywrap.aes_key_unwrap(KEK, got.value) == DEK


def test_a_wrapped_key_is_wrapped_anew_only_where_it_may_be_unwrapped_and_never_used(
    client: ProxyKmipClient, version: enums.KMIPVersion
) -> None:
    kek = registered(client, KEK, Mask.WRAP_KEY)
    given = objects.SymmetricKey(AES, 128, WRAPPED, [Mask.ENCRYPT], key_wrapping_data=specification(kek))
    identifier = client.register(given)
    client.activate(identifier)

    below = VERSIONS[version] < ProtocolVersion(2, 0)
    wanted = Reason.FEATURE_NOT_SUPPORTED if below else Reason.KEY_WRAP_TYPE_NOT_SUPPORTED
    assert refusal(client, identifier, specification(kek)) is Reason.PERMISSION_DENIED  # the first key lacks Unwrap
    parameters = {"block_cipher_mode": enums.BlockCipherMode.ECB, "padding_method": enums.PaddingMethod.NONE}
    with pytest.raises(exceptions.KmipOperationFailure) as refused:
        client.encrypt(bytes(16), identifier, parameters)
    assert refused.value.reason is wanted
