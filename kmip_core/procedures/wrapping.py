"""Key wrapping: a key value encrypted, authenticated, or both, under other keys.

Get and Export wrap, Get (Key Wrap Type) and Import unwrap. The keys that wrap are admitted like any other: state,
dates, usage mask and policy. The work is the crypto port's Cipher, Authenticator and Signer.
KMIP 2.1 §3.3, §7.18, 1.4 §2.1.5, §2.1.6.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from attrs import asdict, evolve

from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import (
    EncodingOption,
    LinkType,
    ObjectType,
    ResultReason,
    ValidityIndicator,
    WrappingMethod,
)
from kmip_core.errors import KmipError, not_supported
from kmip_core.objects import Content, KeyBlock, KeyValue, key_block_of
from kmip_core.operation import Scope, Target
from kmip_core.ports.crypto import Encrypted, Encryption, Key
from kmip_core.procedures import custody, key_use, protection_counts, usage_limits
from kmip_core.rules import Admitted, Purpose
from kmip_core.structures import (
    CryptographicParameters,
    EncryptionKeyInformation,
    KeyWrappingData,
    KeyWrappingSpecification,
    MACSignatureKeyInformation,
    ObjectReference,
)

WRAPPING_REASONS: Final[Mapping[ResultReason, ResultReason]] = {
    ResultReason.OBJECT_NOT_FOUND: ResultReason.WRAPPING_OBJECT_NOT_FOUND,
    ResultReason.OBJECT_ARCHIVED: ResultReason.WRAPPING_OBJECT_ARCHIVED,
    ResultReason.OBJECT_DESTROYED: ResultReason.WRAPPING_OBJECT_DESTROYED,
}
"""Reasons for a wrapping key, instead of those for the key that is wrapped. KMIP 2.1 §6.1.19."""

ENCRYPTION_KEY: Final = Target(
    field="key_wrapping_specification.encryption_key_information.unique_identifier",
    purpose=Purpose.WRAP,
    optional=True,
    object_types=frozenset({ObjectType.SYMMETRIC_KEY, ObjectType.PUBLIC_KEY}),
    reasons=WRAPPING_REASONS,
)
"""The target that Get and Export declare for a Key Wrapping Specification."""


@frozen
class _Steps:
    """What a wrapping method does.  authenticates: "before" encryption, "after" it, or not at all."""

    encrypts: bool
    authenticates: str | None


METHODS: Final[Mapping[WrappingMethod, _Steps]] = {
    WrappingMethod.ENCRYPT: _Steps(True, None),
    WrappingMethod.MAC_SIGN: _Steps(False, "before"),
    WrappingMethod.ENCRYPT_THEN_MAC_SIGN: _Steps(True, "after"),
    WrappingMethod.MAC_SIGN_THEN_ENCRYPT: _Steps(True, "before"),
}
"""Wrapping methods that this server has; TR-31 it has not."""


def hides(specification: KeyWrappingSpecification) -> bool:
    """Return whether a key wrapped so is secret: a MAC alone hides nothing (Sensitive, KMIP 2.1 §4.55)."""
    return _steps(specification.wrapping_method).encrypts


def wrap(
    scope: Scope,
    block: KeyBlock,
    attributes: Attributes,
    specification: KeyWrappingSpecification,
    key: Admitted | None,
    held: Key | None = None,
) -> KeyBlock:
    """Return the key block with its value wrapped.

    attributes: of the object, from which the specification chooses those to wrap inside.
    key: the admitted encryption key, None where the specification names none.
    held: the key to wrap, where a token holds it: wrapped there if the token can, otherwise given out by it first.
    Raises KmipError: Permission Denied for a specification that lacks a key, or has one too many (PyKMIP's reason);
    Encoding Option Error; Bad Cryptographic Parameters; Key Wrap Type Not Supported for what is wrapped already.
    """
    steps = _steps(specification.wrapping_method)
    encryption, authentication = (
        specification.encryption_key_information,
        specification.mac_signature_key_information,
    )
    _check_keys(steps, encryption, authentication)
    wrapping_data = KeyWrappingData(
        wrapping_method=specification.wrapping_method, encoding_option=specification.encoding_option
    )
    in_token = None
    if held is not None and encryption is not None and key is not None and _is_bare(specification, steps):
        in_token = _wrap_in_token(scope, held, encryption, key, wrapping_data)
    if in_token is not None:
        data, wrapping_data = in_token
    else:
        if held is not None:
            block = key_block_of(custody.give_out(scope, held)) or block
        data = _encode(scope, block, attributes, specification)
        if authentication is not None and steps.authenticates == "before":
            wrapping_data = _authenticate(scope, data, authentication, wrapping_data)
        if encryption is not None and key is not None:
            data, wrapping_data = _encrypt(scope, data, encryption, key, wrapping_data)
    if authentication is not None and steps.authenticates == "after":
        wrapping_data = _authenticate(scope, data, authentication, wrapping_data)
    # KMIP 1.4 §2.1.4: the wrapped bytes take the place of the Key Value. PyKMIP's client looks for them inside one.
    settings = scope.services.settings
    inside = settings.wrapped_key_structure or settings.pykmip_compatible
    return evolve(block, key_value=KeyValue(key_material=data) if inside else data, key_wrapping_data=wrapping_data)


def unwrap(scope: Scope, block: KeyBlock) -> KeyBlock:
    """Return the key block with its value in the clear.

    Raises KmipError: Wrapping Object Not Found, and the like, for keys that are not here; Cryptographic Failure for a
    value that was not wrapped so; Encoding Option Error.
    """
    wrapping_data, wrapped = block.key_wrapping_data, block.key_value
    # PyKMIP's clients register the wrapped bytes as the Key Material of a Key Value, not in place of the Key Value.
    data = wrapped.key_material if isinstance(wrapped, KeyValue) else wrapped
    if wrapping_data is None or not isinstance(data, bytes):
        return block
    steps = _steps(wrapping_data.wrapping_method)
    encryption, authentication = wrapping_data.encryption_key_information, wrapping_data.mac_signature_key_information
    _check_keys(steps, encryption, authentication)
    if authentication is not None and steps.authenticates == "after":
        _verify(scope, data, authentication, wrapping_data.mac_signature)
    if encryption is not None:
        data = _decrypt(scope, data, encryption, wrapping_data.iv_counter_nonce)
    if authentication is not None and steps.authenticates == "before":
        _verify(scope, data, authentication, wrapping_data.mac_signature)
    if wrapping_data.encoding_option is EncodingOption.NO_ENCODING:
        key_value = KeyValue(key_material=data)
    else:
        key_value = scope.services.key_values.decode_key_value(data, block.key_format_type, scope.protocol_version)
    if key_value.attributes is None and isinstance(wrapped, KeyValue):
        key_value = evolve(key_value, attributes=wrapped.attributes)
    return evolve(block, key_value=key_value, key_wrapping_data=None)


def unwrap_content(scope: Scope, content: Content) -> Content:
    """Return the content with its value in the clear; nothing happens to what is not wrapped.  Raises as `unwrap`."""
    block = key_block_of(content)
    return content if block is None else with_block(content, unwrap(scope, block))


def with_block(content: Any, block: KeyBlock) -> Content:
    """Return content of a type that has a key block with another one."""
    changed: Content = content if content.key_block is block else evolve(content, key_block=block)
    return changed


# --- steps ------------------------------------------------------------------------------------------------------------


def _steps(method: WrappingMethod) -> _Steps:
    steps = METHODS.get(method)
    if steps is None:
        raise not_supported("the wrapping method is not known here; use Encrypt, MAC/sign, or both")
    return steps


def _check_keys(
    steps: _Steps, encryption: EncryptionKeyInformation | None, authentication: MACSignatureKeyInformation | None
) -> None:
    if (encryption is not None, authentication is not None) != (steps.encrypts, steps.authenticates is not None):
        names = ("Encryption Key Information", steps.encrypts), ("MAC/Signature Key Information", steps.authenticates)
        wanted = " and ".join(name for name, needed in names if needed)
        raise KmipError(ResultReason.PERMISSION_DENIED, f"the wrapping method needs {wanted}, and no other key")


def _encode(scope: Scope, block: KeyBlock, attributes: Attributes, specification: KeyWrappingSpecification) -> bytes:
    """Return what is to be wrapped."""
    value = block.key_value
    if block.is_wrapped or not isinstance(value, KeyValue):
        raise KmipError(ResultReason.KEY_WRAP_TYPE_NOT_SUPPORTED, "the key is kept wrapped; it is not wrapped again")
    if specification.encoding_option is EncodingOption.NO_ENCODING:
        if specification.attribute_names:
            raise _encoding_error("attributes are wrapped with TTLV Encoding only")
        if not isinstance(value.key_material, bytes):
            raise _encoding_error("No Encoding is for Key Material that is a Byte String; use TTLV Encoding")
        return value.key_material
    if specification.attribute_names:
        value = evolve(value, attributes=_chosen(scope, attributes, specification.attribute_names))
    return scope.services.key_values.encode_key_value(value, scope.protocol_version)


def _chosen(scope: Scope, attributes: Attributes, names: tuple[str, ...]) -> Attributes:
    """Return the attributes of these names; those that the object does not have are left out."""
    chosen = Attributes()
    for name in dict.fromkeys(names):
        reference = scope.services.key_values.attribute_reference(name)
        values = attributes.values_of(reference)
        if values:
            chosen = chosen.with_values(reference, values, attributes.indices_of(reference))
    return chosen


def _is_bare(specification: KeyWrappingSpecification, steps: _Steps) -> bool:
    """Return whether the material alone is encrypted, and nothing needs it in the clear."""
    is_raw = specification.encoding_option is EncodingOption.NO_ENCODING and not specification.attribute_names
    return is_raw and steps.authenticates != "before"


def _wrap_in_token(
    scope: Scope, held: Key, information: EncryptionKeyInformation, key: Admitted, wrapping_data: KeyWrappingData
) -> tuple[bytes, KeyWrappingData] | None:
    """Return the key as the token wraps it, or None if it must be given out for that."""
    parameters = _parameters(information.cryptographic_parameters, key.attributes)
    made = scope.services.crypto.wrap_key(Encryption(key_use.key_of(scope, key), parameters), held)
    if made is None:
        return None
    usage_limits.charge(scope, key, 1, len(made.data))
    protection_counts.count_encryption(scope, key, parameters)
    return _wrapped_by(information, key, parameters, made, wrapping_data)


def _encrypt(
    scope: Scope, data: bytes, information: EncryptionKeyInformation, key: Admitted, wrapping_data: KeyWrappingData
) -> tuple[bytes, KeyWrappingData]:
    parameters = _parameters(information.cryptographic_parameters, key.attributes)
    usage_limits.charge(scope, key, 1, len(data))
    protection_counts.count_encryption(scope, key, parameters)
    made = scope.services.one_part.encrypt(Encryption(key_use.key_of(scope, key), parameters), data)
    return _wrapped_by(information, key, parameters, made, wrapping_data)


def _wrapped_by(
    information: EncryptionKeyInformation,
    key: Admitted,
    parameters: CryptographicParameters,
    made: Encrypted,
    wrapping_data: KeyWrappingData,
) -> tuple[bytes, KeyWrappingData]:
    information = evolve(
        information,
        unique_identifier=key.unique_identifier,
        cryptographic_parameters=information.cryptographic_parameters or parameters,
    )
    wrapping_data = evolve(
        wrapping_data, encryption_key_information=information, iv_counter_nonce=made.iv_counter_nonce
    )
    # Key Wrapping Data has no field for the tag of an authenticated mode: it stands at the end.
    return made.data + (made.authenticated_encryption_tag or b""), wrapping_data


def _decrypt(scope: Scope, data: bytes, information: EncryptionKeyInformation, iv: bytes | None) -> bytes:
    key = _admitted(
        scope,
        information.unique_identifier,
        {ObjectType.SYMMETRIC_KEY: Purpose.UNWRAP, ObjectType.PRIVATE_KEY: Purpose.UNWRAP},
    )
    parameters = key_use.parameters_of(information.cryptographic_parameters, key.attributes)
    encryption = Encryption(key_use.key_of(scope, key), parameters, iv_counter_nonce=iv)
    unwrap = partial(scope.services.one_part.decrypt, encryption, data)
    return protection_counts.slow_failures(scope, key, unwrap)


def _authenticate(
    scope: Scope, data: bytes, information: MACSignatureKeyInformation, wrapping_data: KeyWrappingData
) -> KeyWrappingData:
    key = _admitted(
        scope,
        information.unique_identifier,
        {ObjectType.SYMMETRIC_KEY: Purpose.MAC_GENERATE, ObjectType.PRIVATE_KEY: Purpose.SIGN},
    )
    parameters = _parameters(information.cryptographic_parameters, key.attributes)
    usage_limits.charge(scope, key, 1, len(data))
    material = key_use.key_of(scope, key)
    if key.managed_object.object_type is ObjectType.PRIVATE_KEY:
        code = scope.services.crypto.sign(material, parameters, data)
    else:
        code = scope.services.one_part.mac(material, parameters, data)
    information = evolve(information, cryptographic_parameters=information.cryptographic_parameters or parameters)
    return evolve(wrapping_data, mac_signature_key_information=information, mac_signature=code)


def _verify(scope: Scope, data: bytes, information: MACSignatureKeyInformation, code: bytes | None) -> None:
    key = _admitted(
        scope,
        information.unique_identifier,
        {ObjectType.SYMMETRIC_KEY: Purpose.MAC_VERIFY, ObjectType.PUBLIC_KEY: Purpose.VERIFY},
    )
    parameters = key_use.parameters_of(information.cryptographic_parameters, key.attributes)
    material = key_use.key_of(scope, key)
    if key.managed_object.object_type is ObjectType.PUBLIC_KEY:
        found = scope.services.crypto.verify(material, parameters, data, code or b"")
    else:
        found = scope.services.one_part.verify_mac(material, parameters, data, code or b"")
    if found is not ValidityIndicator.VALID:
        raise KmipError(ResultReason.CRYPTOGRAPHIC_FAILURE, "the MAC or signature of the wrapped key is not right")


# --- keys and parameters ----------------------------------------------------------------------------------------------

_OTHER_HALF: Final = {
    ObjectType.PUBLIC_KEY: (ObjectType.PRIVATE_KEY, LinkType.PRIVATE_KEY_LINK),
    ObjectType.PRIVATE_KEY: (ObjectType.PUBLIC_KEY, LinkType.PUBLIC_KEY_LINK),
}


def _admitted(scope: Scope, identifier: ObjectReference, purposes: Mapping[ObjectType, Purpose]) -> Admitted:
    """Return a key admitted for what its type is used for; the half of a pair that is named stands for the other.

    KMIP 1.4 §2.1.5: "of the Private Key (or its corresponding Public Key) used to sign".
    """
    try:
        named = scope.admit(identifier, Purpose.READ_ATTRIBUTES)
        object_type = named.managed_object.object_type
        if object_type not in purposes and object_type in _OTHER_HALF:
            object_type, link_type = _OTHER_HALF[object_type]
            links = named.attributes.links_of(link_type)
            identifier = scope.admit.linked(links[0]) if links else identifier
        purpose = purposes.get(object_type, Purpose.READ_CONTENT)
        return scope.admit(identifier, purpose, object_types=frozenset(purposes))
    except KmipError as error:
        raise KmipError(WRAPPING_REASONS.get(error.reason, error.reason), error.message) from error


def _parameters(given: CryptographicParameters | None, attributes: Attributes) -> CryptographicParameters:
    """Return the parameters to wrap with: the key's first, or those of the key's that the given ones are part of.

    A key that has none is used with what is given, as PyKMIP's clients do; the standard would refuse (1.4 §2.1.6).
    Raises KmipError (Bad Cryptographic Parameters).
    """
    own = attributes.cryptographic_parameters
    if given is None:
        if not own:
            raise _bad_parameters("the key has no Cryptographic Parameters, so the specification must give them")
        return own[0]
    if not own:
        return given
    wanted = _given_fields(given)
    for candidate in own:
        if wanted.items() <= _given_fields(candidate).items():
            return candidate
    raise _bad_parameters("the Cryptographic Parameters are none of those that the key has")


def _given_fields(parameters: CryptographicParameters) -> dict[str, Any]:
    return {name: value for name, value in asdict(parameters).items() if value is not None}


def _bad_parameters(message: str) -> KmipError:
    return KmipError(ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, message)


def _encoding_error(message: str) -> KmipError:
    return KmipError(ResultReason.ENCODING_OPTION_ERROR, message)
