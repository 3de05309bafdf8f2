"""Keys go in and come out the same: every type, format and way of wrapping, in every version, through the codec.

What is expected is made by `cryptography` alone, and what comes out wrapped is unwrapped by it.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import pytest
from attrs import frozen
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.standard.tables import VERSIONS, enumeration_values
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    EncodingOption,
    HashingAlgorithm,
    KeyFormatType,
    KeyWrapType,
    Operation,
    PaddingMethod,
    RecommendedCurve,
    ResultReason,
    SecretDataType,
    WrappingMethod,
)
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.objects import Content, KeyBlock, KeyValue, PrivateKey, PublicKey, SecretData, SymmetricKey
from kmip_core.operations import CATALOGUE, get, register
from kmip_core.structures import (
    CryptographicParameters,
    EncryptionKeyInformation,
    KeyMaterial,
    KeyWrappingData,
    KeyWrappingSpecification,
    ProtocolVersion,
    TransparentDSAPrivateKey,
    TransparentDSAPublicKey,
    TransparentECPrivateKey,
    TransparentECPublicKey,
    TransparentRSAPrivateKey,
    TransparentRSAPublicKey,
    TransparentSymmetricKey,
)
from tests.builders import ALICE, KEY_VALUES, NOW, an_engine, the_only
from tests.rounds import rounds

CODEC: Final = Codec(CATALOGUE)
V1_1, V1_4 = ProtocolVersion(1, 1), ProtocolVersion(1, 4)
Format: Final = KeyFormatType
Mask: Final = CryptographicUsageMask

# --- keys and their formats -------------------------------------------------------------------------------------------

EC_PRIVATE: Final = (Format.TRANSPARENT_EC_PRIVATE_KEY, Format.TRANSPARENT_ECDSA_PRIVATE_KEY)
EC_PUBLIC: Final = (Format.TRANSPARENT_EC_PUBLIC_KEY, Format.TRANSPARENT_ECDSA_PUBLIC_KEY)
FORMATS: Final[Mapping[str, tuple[KeyFormatType, ...]]] = {
    "AES": (Format.RAW, Format.TRANSPARENT_SYMMETRIC_KEY),
    "HMAC": (Format.RAW, Format.TRANSPARENT_SYMMETRIC_KEY),
    "password": (Format.RAW, Format.OPAQUE),
    "RSA private": (Format.PKCS_1, Format.PKCS_8, Format.TRANSPARENT_RSA_PRIVATE_KEY),
    "RSA public": (Format.PKCS_1, Format.X_509, Format.TRANSPARENT_RSA_PUBLIC_KEY),
    "EC private": (Format.EC_PRIVATE_KEY, Format.PKCS_8, *EC_PRIVATE),
    "EC public": (Format.X_509, *EC_PUBLIC),
    "DSA private": (Format.PKCS_8, Format.TRANSPARENT_DSA_PRIVATE_KEY),
    "DSA public": (Format.X_509, Format.TRANSPARENT_DSA_PUBLIC_KEY),
    "Ed25519 private": (Format.RAW, Format.PKCS_8),
    "Ed25519 public": (Format.RAW, Format.X_509),
}
ALGORITHMS: Final[Mapping[str, tuple[CryptographicAlgorithm | None, int | None]]] = {
    "AES": (CryptographicAlgorithm.AES, 256),
    "HMAC": (CryptographicAlgorithm.HMAC_SHA1, 160),
    "password": (None, None),
    "RSA": (CryptographicAlgorithm.RSA, 2048),
    "EC": (CryptographicAlgorithm.ECDSA, 256),
    "DSA": (CryptographicAlgorithm.DSA, 1024),
    "Ed25519": (CryptographicAlgorithm.ED25519, 256),
}


@cache
def materials() -> Mapping[str, Mapping[KeyFormatType, KeyMaterial]]:
    """Return one key of each kind in all of its formats."""
    aes, hmac, password = bytes(range(32)), bytes(range(20)), b"correct horse battery staple"
    return {
        "AES": {Format.RAW: aes, Format.TRANSPARENT_SYMMETRIC_KEY: TransparentSymmetricKey(key=aes)},
        "HMAC": {Format.RAW: hmac, Format.TRANSPARENT_SYMMETRIC_KEY: TransparentSymmetricKey(key=hmac)},
        "password": {Format.RAW: password, Format.OPAQUE: password},
        **_rsa(rsa.generate_private_key(65537, 2048)),
        **_ec(ec.generate_private_key(ec.SECP256R1())),
        **_dsa(dsa.generate_private_key(1024)),
        **_ed25519(ed25519.Ed25519PrivateKey.generate()),
    }


def _rsa(key: rsa.RSAPrivateKey) -> dict[str, dict[KeyFormatType, KeyMaterial]]:
    numbers = key.private_numbers()
    n, e = numbers.public_numbers.n, numbers.public_numbers.e
    private = TransparentRSAPrivateKey(
        modulus=n,
        private_exponent=numbers.d,
        public_exponent=e,
        p=numbers.p,
        q=numbers.q,
        prime_exponent_p=numbers.dmp1,
        prime_exponent_q=numbers.dmq1,
        crt_coefficient=numbers.iqmp,
    )
    return {
        "RSA private": {
            Format.PKCS_1: _private(key, PrivateFormat.TraditionalOpenSSL),
            Format.PKCS_8: _private(key),
            Format.TRANSPARENT_RSA_PRIVATE_KEY: private,
        },
        "RSA public": {
            Format.PKCS_1: key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1),
            Format.X_509: _public(key),
            Format.TRANSPARENT_RSA_PUBLIC_KEY: TransparentRSAPublicKey(modulus=n, public_exponent=e),
        },
    }


def _ec(key: ec.EllipticCurvePrivateKey) -> dict[str, dict[KeyFormatType, KeyMaterial]]:
    curve, d = RecommendedCurve.P_256, key.private_numbers().private_value
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {
        "EC private": {
            Format.EC_PRIVATE_KEY: _private(key, PrivateFormat.TraditionalOpenSSL),
            Format.PKCS_8: _private(key),
            **dict.fromkeys(EC_PRIVATE, TransparentECPrivateKey(recommended_curve=curve, d=d)),
        },
        "EC public": {
            Format.X_509: _public(key),
            **dict.fromkeys(EC_PUBLIC, TransparentECPublicKey(recommended_curve=curve, q_string=point)),
        },
    }


def _dsa(key: dsa.DSAPrivateKey) -> dict[str, dict[KeyFormatType, KeyMaterial]]:
    numbers = key.private_numbers()
    group = numbers.public_numbers.parameter_numbers
    private = TransparentDSAPrivateKey(p=group.p, q=group.q, g=group.g, x=numbers.x)
    public = TransparentDSAPublicKey(p=group.p, q=group.q, g=group.g, y=numbers.public_numbers.y)
    return {
        "DSA private": {Format.PKCS_8: _private(key), Format.TRANSPARENT_DSA_PRIVATE_KEY: private},
        "DSA public": {Format.X_509: _public(key), Format.TRANSPARENT_DSA_PUBLIC_KEY: public},
    }


def _ed25519(key: ed25519.Ed25519PrivateKey) -> dict[str, dict[KeyFormatType, KeyMaterial]]:
    return {
        "Ed25519 private": {Format.RAW: key.private_bytes_raw(), Format.PKCS_8: _private(key)},
        "Ed25519 public": {Format.RAW: key.public_key().public_bytes_raw(), Format.X_509: _public(key)},
    }


def _private(key: Any, wanted: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return bytes(key.private_bytes(Encoding.DER, wanted, NoEncryption()))


def _public(key: Any) -> bytes:
    return bytes(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def content_of(
    kind: str, key_format_type: KeyFormatType, key_value: KeyValue | bytes, wrapping: KeyWrappingData | None = None
) -> Content:
    """Return the object to register."""
    algorithm, length = ALGORITHMS[kind.split()[0]]
    block = KeyBlock(
        key_format_type=key_format_type,
        key_value=key_value,
        cryptographic_algorithm=algorithm,
        cryptographic_length=length,
        key_wrapping_data=wrapping,
    )
    if kind == "password":
        return SecretData(secret_data_type=SecretDataType.PASSWORD, key_block=block)
    if kind.endswith("private"):
        return PrivateKey(key_block=block)
    return PublicKey(key_block=block) if kind.endswith("public") else SymmetricKey(key_block=block)


def key_value_of(kind: str, key_format_type: KeyFormatType) -> KeyValue:
    """Return the key value that is right in this format."""
    return KeyValue(key_material=materials()[kind][key_format_type])


# --- wrapping ---------------------------------------------------------------------------------------------------------

KEK: Final = bytes(range(100, 116))
OAEP: Final = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
OAEP_MOST: Final = 2048 // 8 - 2 * 32 - 2  # bytes, RFC 8017 §7.1.1


@cache
def oaep_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _cbc(iv: bytes) -> Cipher[modes.CBC]:
    return Cipher(algorithms.AES(KEK), modes.CBC(iv))


def _wrap_cbc(data: bytes, iv: bytes) -> bytes:
    padder, encryptor = PKCS7(128).padder(), _cbc(iv).encryptor()
    return encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()


def _unwrap_cbc(data: bytes, iv: bytes) -> bytes:
    unpadder, decryptor = PKCS7(128).unpadder(), _cbc(iv).decryptor()
    return unpadder.update(decryptor.update(data) + decryptor.finalize()) + unpadder.finalize()


@frozen(kw_only=True)
class Way:
    """A way of wrapping, done by `cryptography`.  takes: what it can wrap.  iv: its length in bytes, 0 for none."""

    parameters: CryptographicParameters
    wrap: Callable[[bytes, bytes], bytes]
    unwrap: Callable[[bytes, bytes], bytes]
    takes: Callable[[bytes], bool] = lambda data: True
    iv: int = 0
    wrapping_key: str = "kek"
    unwrapping_key: str = "kek"


WAYS: Final[Mapping[str, Way]] = {
    "NIST key wrap": Way(
        parameters=CryptographicParameters(block_cipher_mode=BlockCipherMode.NIST_KEY_WRAP),
        wrap=lambda data, _: keywrap.aes_key_wrap(KEK, data),
        unwrap=lambda data, _: keywrap.aes_key_unwrap(KEK, data),
        takes=lambda data: len(data) >= 16 and len(data) % 8 == 0,  # RFC 3394 §2
    ),
    "with padding": Way(
        parameters=CryptographicParameters(block_cipher_mode=BlockCipherMode.AES_KEY_WRAP_PADDING),
        wrap=lambda data, _: keywrap.aes_key_wrap_with_padding(KEK, data),
        unwrap=lambda data, _: keywrap.aes_key_unwrap_with_padding(KEK, data),
    ),
    "CBC": Way(
        parameters=CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5),
        wrap=_wrap_cbc,
        unwrap=_unwrap_cbc,
        iv=16,
    ),
    "GCM": Way(
        parameters=CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM),
        wrap=lambda data, iv: AESGCM(KEK).encrypt(iv, data, None),
        unwrap=lambda data, iv: AESGCM(KEK).decrypt(iv, data, None),
        iv=12,
    ),
    "RSA-OAEP": Way(
        parameters=CryptographicParameters(
            padding_method=PaddingMethod.OAEP, hashing_algorithm=HashingAlgorithm.SHA_256
        ),
        wrap=lambda data, _: oaep_key().public_key().encrypt(data, OAEP),
        unwrap=lambda data, _: oaep_key().decrypt(data, OAEP),
        takes=lambda data: len(data) <= OAEP_MOST,
        wrapping_key="oaep",
        unwrapping_key="oaep private",
    ),
}


# --- a server ---------------------------------------------------------------------------------------------------------


@frozen
class Server:
    """An engine behind the codec, spoken to in one version.  keys: identifiers of those that wrap."""

    engine: Engine
    version: ProtocolVersion
    keys: dict[str, str]

    def register(self, content: Content, mask: CryptographicUsageMask = Mask.EXPORT, **attributes: Any) -> str:
        """Register and return the identifier."""
        given = Attributes(cryptographic_usage_mask=mask, **attributes)
        request = register.Request(object_type=content.object_type, attributes=given, managed_object=content)
        identifier: str = self._perform(Operation.REGISTER, request).unique_identifier
        return identifier

    def get(self, identifier: str, **form: Any) -> KeyBlock:
        """Return the key block in this form."""
        found = self._perform(Operation.GET, get.Request(unique_identifier=identifier, **form))
        block: KeyBlock = found.managed_object.key_block
        return block

    def _perform(self, operation: Operation, payload: Any) -> Any:
        header = RequestHeader(protocol_version=self.version)
        message = RequestMessage(header=header, batch_items=(RequestBatchItem(operation=operation, payload=payload),))
        answer = self.engine.handle(CODEC.decode_request(CODEC.encode_request(message)), ALICE)
        item = the_only(CODEC.decode_response(CODEC.encode_response(answer)))
        if item.payload is None:
            assert item.result_reason is not None
            raise KmipError(item.result_reason, item.result_message or "")
        return item.payload


def a_server(version: ProtocolVersion) -> Server:
    server = Server(an_engine(), version, {})
    private = KeyValue(key_material=_private(oaep_key()))
    public = KeyValue(key_material=_public(oaep_key()))
    both = Mask.WRAP_KEY | Mask.UNWRAP_KEY
    for name, content in (
        ("kek", SymmetricKey(CryptographicAlgorithm.AES, 128, KEK)),
        ("oaep", content_of("RSA public", Format.X_509, public)),
        ("oaep private", content_of("RSA private", Format.PKCS_8, private)),
    ):
        server.keys[name] = server.register(content, both, activation_date=NOW - 1)
    return server


@frozen(kw_only=True)
class Journey:
    """registered, wanted: formats.  way: None for in the clear."""

    version: ProtocolVersion
    kind: str
    registered: KeyFormatType
    wanted: KeyFormatType
    way: str | None
    encoding: EncodingOption | None
    seed: bytes

    def encoded(self, key_format_type: KeyFormatType) -> bytes | None:
        """Return what is to be wrapped of the key in this format; None where it has no such bytes."""
        value = key_value_of(self.kind, key_format_type)
        if self.encoding is EncodingOption.NO_ENCODING:
            return value.key_material if isinstance(value.key_material, bytes) else None
        return KEY_VALUES.encode_key_value(value, self.version)

    def decoded(self, data: bytes, key_format_type: KeyFormatType) -> KeyValue:
        """Return the key value of unwrapped bytes."""
        if self.encoding is EncodingOption.NO_ENCODING:
            return KeyValue(key_material=data)
        return KEY_VALUES.decode_key_value(data, key_format_type, self.version)


@st.composite
def journeys(draw: st.DrawFn, ways: tuple[str | None, ...]) -> Journey:
    """Return a key that goes in and comes out as its version can say it."""
    version = draw(st.sampled_from(VERSIONS))
    known = enumeration_values("CryptographicAlgorithm", version)
    algorithms_of = {kind: ALGORITHMS[kind.split()[0]][0] for kind in FORMATS}
    kinds = [kind for kind, algorithm in algorithms_of.items() if algorithm is None or int(algorithm) in known]
    kind = draw(st.sampled_from(kinds))
    formats = st.sampled_from([f for f in FORMATS[kind] if int(f) in enumeration_values("KeyFormatType", version)])
    # 1.0 has no Encoding Option: what is wrapped is TTLV.
    encodings = (None, *EncodingOption) if version >= V1_1 else (None,)
    return Journey(
        version=version,
        kind=kind,
        registered=draw(formats),
        wanted=draw(formats),
        way=draw(st.sampled_from(ways)),
        encoding=draw(st.sampled_from(encodings)),
        seed=draw(st.binary(min_size=16, max_size=16)),
    )


# --- round trips ------------------------------------------------------------------------------------------------------


@settings(max_examples=rounds(50, nightly=200), deadline=None)
@given(journeys((None, *WAYS)))
def test_a_key_comes_out_in_any_form_and_goes_back(journey: Journey) -> None:
    server = a_server(journey.version)
    given_value = key_value_of(journey.kind, journey.registered)
    identifier = server.register(content_of(journey.kind, journey.registered, given_value))

    if journey.way is None:
        block = server.get(identifier, key_format_type=journey.wanted)
        value = block.key_value
        assert block.key_wrapping_data is None
    else:
        found = _fetched_wrapped(server, identifier, journey, WAYS[journey.way])
        if found is None:
            return
        block, value = found

    assert block.key_format_type is journey.wanted
    assert isinstance(value, KeyValue)
    assert value == key_value_of(journey.kind, journey.wanted)
    again = server.register(content_of(journey.kind, journey.wanted, value))
    assert server.get(again, key_format_type=journey.registered).key_value == given_value


def _fetched_wrapped(server: Server, identifier: str, journey: Journey, way: Way) -> tuple[KeyBlock, KeyValue] | None:
    """Return the block as it comes, and its value unwrapped; None where it is refused, and rightly so."""
    specification = KeyWrappingSpecification(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=EncryptionKeyInformation(
            unique_identifier=server.keys[way.wrapping_key], cryptographic_parameters=way.parameters
        ),
        encoding_option=journey.encoding,
    )
    form = {"key_format_type": journey.wanted, "key_wrapping_specification": specification}
    inside = journey.encoded(journey.wanted)
    if inside is None or not way.takes(inside):
        with pytest.raises(KmipError) as refused:
            server.get(identifier, **form)
        wanted = ResultReason.ENCODING_OPTION_ERROR if inside is None else ResultReason.INVALID_FIELD
        assert refused.value.reason is wanted
        return None
    block = server.get(identifier, **form)
    assert isinstance(block.key_value, bytes)
    told = block.key_wrapping_data
    assert told is not None
    assert told.encoding_option is journey.encoding
    assert len(told.iv_counter_nonce or b"") == way.iv
    unwrapped = way.unwrap(block.key_value, told.iv_counter_nonce or b"")
    assert unwrapped == inside
    return block, journey.decoded(unwrapped, journey.wanted)


@settings(max_examples=rounds(30, nightly=120), deadline=None)
@given(journeys(tuple(WAYS)))
def test_a_key_that_comes_wrapped_is_kept_so_and_unwrapped_when_asked(journey: Journey) -> None:
    assert journey.way is not None
    server, way = a_server(journey.version), WAYS[journey.way]
    inside = journey.encoded(journey.registered)
    assume(inside is not None and way.takes(inside))
    assert inside is not None
    iv = journey.seed[: way.iv]
    told = KeyWrappingData(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=EncryptionKeyInformation(
            unique_identifier=server.keys[way.unwrapping_key], cryptographic_parameters=way.parameters
        ),
        iv_counter_nonce=iv or None,
        encoding_option=journey.encoding,
    )
    given_content: Any = content_of(journey.kind, journey.registered, way.wrap(inside, iv), told)
    identifier = server.register(given_content)

    assert server.get(identifier) == given_content.key_block
    if journey.version >= V1_4:  # the first that has Key Wrap Type
        plain = server.get(identifier, key_wrap_type=KeyWrapType.NOT_WRAPPED)
        assert plain.key_wrapping_data is None
        assert plain.key_value == key_value_of(journey.kind, journey.registered)


def test_every_kind_is_made_in_each_of_its_formats() -> None:
    assert {kind: tuple(made) for kind, made in materials().items()} == dict(FORMATS)
    assert all(kind.split()[0] in ALGORITHMS for kind in FORMATS)
