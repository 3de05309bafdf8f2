"""Functions that make, wrap, unwrap and derive keys, and random bytes. PKCS#11 3.0 §5.18 - 5.19."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve

from kmip_core.attributes import Attributes
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    DerivationMethod,
    EncodingOption,
    KeyFormatType,
    KeyWrapType,
    ObjectType,
    Operation,
    WrappingMethod,
)
from kmip_core.enums import PKCS11ReturnCode as ReturnCode
from kmip_core.objects import KeyBlock, PrivateKey, SymmetricKey
from kmip_core.pkcs11 import object_attributes
from kmip_core.pkcs11.calls import Call, fill
from kmip_core.pkcs11.encoding import Cka, length_only, ulong
from kmip_core.pkcs11.failures import Failure
from kmip_core.pkcs11.mechanisms import Mechanism, Parameter, mechanism_of
from kmip_core.pkcs11.object_attributes import ALGORITHMS
from kmip_core.pkcs11.objects import curve_of, need
from kmip_core.pkcs11_sessions import Use
from kmip_core.structures import (
    CryptographicDomainParameters,
    DerivationParameters,
    EncryptionKeyInformation,
    KeyWrappingData,
    KeyWrappingSpecification,
)

_A, _M, _O = CryptographicAlgorithm, CryptographicUsageMask, ObjectType

MAXIMUM_RANDOM: Final = 65_536


def generate_random(call: Call) -> bytes:
    """C_GenerateRandom: bytes without a length before them, for the client has said how many."""
    call.session()
    length = call.reader.count()
    if call.reader.rest() == length:  # some clients send the buffer as it is
        call.reader.take(length)
    call.end()
    if not 0 < length <= MAXIMUM_RANDOM:
        raise Failure(ReturnCode.ARGUMENTS_BAD)
    data: bytes = call.do(Operation.RNG_RETRIEVE, data_length=length).data
    return data


def seed_random(call: Call) -> None:
    """C_SeedRandom: as RNG Seed takes it."""
    call.session()
    seed = call.reader.array()
    call.end()
    call.do(Operation.RNG_SEED, data=seed)


def generate_key(call: Call) -> bytes:
    """C_GenerateKey: a secret key.  Raises Failure (CKR_TEMPLATE_INCOMPLETE) without a length where one is needed."""
    call.session()
    mechanism, _ = _mechanism(call, Use.GENERATE)
    values = object_attributes.values_of(call.reader.template(values=True))
    call.end()
    _agree(values, object_attributes.SECRET, mechanism)
    length = 24 if mechanism.algorithm is _A.TRIPLE_DES else need(values, Cka.VALUE_LEN)
    answer = call.do(
        Operation.CREATE,
        object_type=_O.SYMMETRIC_KEY,
        attributes=_secret(call, values, mechanism.algorithm, length),
    )
    return ulong(call.application.handle_of(answer.unique_identifier))


def generate_key_pair(call: Call) -> bytes:
    """C_GenerateKeyPair: the handles of the public and the private key."""
    call.session()
    mechanism, _ = _mechanism(call, Use.GENERATE_PAIR)
    public = object_attributes.values_of(call.reader.template(values=True))
    private = object_attributes.values_of(call.reader.template(values=True))
    call.end()
    _agree(public, object_attributes.PUBLIC, mechanism)
    _agree(private, object_attributes.PRIVATE, mechanism)
    if public.get(Cka.PUBLIC_EXPONENT, b"\x01\x00\x01").lstrip(b"\0") != b"\x01\x00\x01":
        raise Failure(ReturnCode.ATTRIBUTE_VALUE_INVALID)
    if mechanism.algorithm is _A.RSA:
        common = Attributes(cryptographic_algorithm=_A.RSA, cryptographic_length=need(public, Cka.MODULUS_BITS))
    else:
        domain = CryptographicDomainParameters(recommended_curve=curve_of(public))
        common = Attributes(cryptographic_algorithm=mechanism.algorithm, cryptographic_domain_parameters=domain)
    answer = call.do(
        Operation.CREATE_KEY_PAIR,
        common_attributes=common,
        public_key_attributes=object_attributes.wanted(public, _O.PUBLIC_KEY, call.scope.now),
        private_key_attributes=object_attributes.wanted(private, _O.PRIVATE_KEY, call.scope.now),
    )
    identifiers = answer.public_key_unique_identifier, answer.private_key_unique_identifier
    return b"".join(map(ulong, call.application.handles_of(identifiers)))


def wrap_key(call: Call) -> bytes:
    """C_WrapKey: a key, encrypted by another one."""
    call.session()
    _, parameter = _mechanism(call, Use.WRAP)
    wrapping, key = call.identifier(ReturnCode.KEY_HANDLE_INVALID), call.identifier(ReturnCode.KEY_HANDLE_INVALID)
    output = call.reader.output()
    call.end()
    specification = KeyWrappingSpecification(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=_by(wrapping, parameter),
        encoding_option=EncodingOption.NO_ENCODING,
    )
    answer = call.do(Operation.GET, Use.WRAP, unique_identifier=key, key_wrapping_specification=specification)
    wrapped: bytes = answer.managed_object.key_block.key_value
    if not output.exists:
        return length_only(len(wrapped))
    filled = fill(output, wrapped)
    if filled is None:
        raise Failure(ReturnCode.BUFFER_TOO_SMALL, length_only(len(wrapped)))
    return filled


def unwrap_key(call: Call) -> bytes:
    """C_UnwrapKey: a new key from its encrypted form."""
    call.session()
    _, parameter = _mechanism(call, Use.UNWRAP)
    wrapping, wrapped = call.identifier(ReturnCode.KEY_HANDLE_INVALID), call.reader.array()
    values = object_attributes.values_of(call.reader.template(values=True))
    call.end()
    algorithm = ALGORITHMS.get(need(values, Cka.KEY_TYPE))
    is_secret = need(values, Cka.CLASS) == object_attributes.SECRET
    if algorithm is None or not (is_secret or values[Cka.CLASS] == object_attributes.PRIVATE):
        raise Failure(ReturnCode.TEMPLATE_INCONSISTENT)
    is_exact = parameter.cryptographic_parameters.block_cipher_mode is BlockCipherMode.NIST_KEY_WRAP
    length = 8 * (len(wrapped) - 8) if is_secret and is_exact and len(wrapped) > 8 else None
    block = KeyBlock(
        key_format_type=KeyFormatType.RAW if is_secret else KeyFormatType.PKCS_8,
        key_value=wrapped,
        cryptographic_algorithm=algorithm,
        key_wrapping_data=KeyWrappingData(
            wrapping_method=WrappingMethod.ENCRYPT,
            encryption_key_information=_by(wrapping, parameter),
            encoding_option=EncodingOption.NO_ENCODING,
        ),
    )
    content = SymmetricKey(key_block=block) if is_secret else PrivateKey(key_block=block)
    answer = call.do(
        Operation.IMPORT,
        Use.UNWRAP,
        unique_identifier=call.scope.services.identifiers.new(),
        object_type=content.object_type,
        key_wrap_type=KeyWrapType.NOT_WRAPPED,
        attributes=evolve(
            object_attributes.wanted(values, content.object_type, call.scope.now),
            cryptographic_algorithm=algorithm,
            cryptographic_length=length,
        ),
        managed_object=content,
    )
    return ulong(call.application.handle_of(answer.unique_identifier))


def derive_key(call: Call) -> bytes:
    """C_DeriveKey: a secret key from the hash of another, or from data that another encrypts."""
    call.session()
    mechanism, parameter = _mechanism(call, Use.DERIVE)
    base = call.identifier(ReturnCode.KEY_HANDLE_INVALID)
    values = object_attributes.values_of(call.reader.template(values=True))
    call.end()
    _agree(values, object_attributes.SECRET, None)
    is_hash = mechanism.meaning.hashing_algorithm is not None
    answer = call.do(
        Operation.DERIVE_KEY,
        Use.DERIVE,
        object_type=_O.SYMMETRIC_KEY,
        unique_identifiers=(base,),
        derivation_method=DerivationMethod.HASH if is_hash else DerivationMethod.ENCRYPT,
        derivation_parameters=DerivationParameters(
            cryptographic_parameters=parameter.cryptographic_parameters,
            initialization_vector=parameter.iv,
            derivation_data=parameter.data,
        ),
        attributes=_secret(call, values, ALGORITHMS.get(need(values, Cka.KEY_TYPE)), need(values, Cka.VALUE_LEN)),
    )
    return ulong(call.application.handle_of(answer.unique_identifier))


def _mechanism(call: Call, use: Use) -> tuple[Mechanism, Parameter]:
    given = call.reader.mechanism()
    mechanism = mechanism_of(given.number, use, call.scope.services.crypto.capabilities)
    return mechanism, mechanism.parameter(given.parameter)


def _by(identifier: str, parameter: Parameter) -> EncryptionKeyInformation:
    return EncryptionKeyInformation(
        unique_identifier=identifier, cryptographic_parameters=parameter.cryptographic_parameters
    )


def _agree(values: Mapping[int, Any], object_class: int, mechanism: Mechanism | None) -> None:
    """Refuse a template whose class or key type is not the mechanism's.  Raises Failure (CKR_TEMPLATE_INCONSISTENT)."""
    key_type = values.get(Cka.KEY_TYPE)
    algorithm = None if mechanism is None else mechanism.algorithm
    if values.get(Cka.CLASS, object_class) != object_class or (
        None not in (key_type, algorithm) and ALGORITHMS.get(key_type or 0) is not algorithm
    ):
        raise Failure(ReturnCode.TEMPLATE_INCONSISTENT)


def _secret(call: Call, values: Mapping[int, Any], algorithm: CryptographicAlgorithm | None, length: int) -> Attributes:
    """Return the attributes of a new secret key.  length: bytes, at most 4,096."""
    if algorithm is None or not 0 < length <= 4_096:
        raise Failure(ReturnCode.ATTRIBUTE_VALUE_INVALID)
    attributes = object_attributes.wanted(values, _O.SYMMETRIC_KEY, call.scope.now)
    return evolve(attributes, cryptographic_algorithm=algorithm, cryptographic_length=8 * length)
