"""Functions that find, make, describe and destroy objects. PKCS#11 3.0 §5.7."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import evolve

from kmip_core.attributes import AttributeInstance, AttributeReference
from kmip_core.enums import (
    CertificateType,
    KeyFormatType,
    OpaqueDataType,
    Operation,
    ResultReason,
    RevocationReasonCode,
    State,
)
from kmip_core.enums import PKCS11ReturnCode as ReturnCode
from kmip_core.errors import KmipError
from kmip_core.objects import (
    Certificate,
    Content,
    KeyBlock,
    KeyValue,
    OpaqueObject,
    PrivateKey,
    PublicKey,
    SymmetricKey,
)
from kmip_core.pkcs11 import object_attributes
from kmip_core.pkcs11.calls import Call
from kmip_core.pkcs11.encoding import (
    Attribute,
    Cka,
    attribute,
    attribute_length,
    attribute_without_value,
    count,
    is_array,
    ulong,
)
from kmip_core.pkcs11.failures import Failure
from kmip_core.pkcs11.object_attributes import ALGORITHMS, CURVES, Seen
from kmip_core.structures import (
    RevocationReason,
    TransparentECPrivateKey,
    TransparentECPublicKey,
    TransparentRSAPrivateKey,
    TransparentRSAPublicKey,
)

MAXIMUM_FOUND: Final = 10_000
MAXIMUM_COMPARED: Final = 256
"""Objects of a search that are read one by one, because Locate has no word for what the template asks."""


def find_objects_init(call: Call) -> None:
    """C_FindObjectsInit: search at once; C_FindObjects returns what was found.

    Raises Failure (CKR_OPERATION_ACTIVE); KmipError (Server Limit Exceeded) if too many objects match.
    """
    handle, session = call.session()
    values = object_attributes.values_of(call.reader.template(values=True))
    call.end()
    if session.found is not None:
        raise Failure(ReturnCode.OPERATION_ACTIVE)
    search = object_attributes.search_of(values)
    most = MAXIMUM_COMPARED if search.compared else MAXIMUM_FOUND
    found: dict[str, None] = {}
    for criteria in search.criteria:
        answer = call.do(Operation.LOCATE, criteria=criteria, maximum_items=most + 1, counts_items=False)
        found.update(dict.fromkeys(answer.unique_identifiers))
    if len(found) > most:
        message = f"more than {most} objects match; say more of what is wanted, such as CKA_LABEL or CKA_ID"
        raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, message)
    identifiers = [each for each in found if not search.compared or _matches(call, each, search.compared)]
    call.application.check_waiting(len(identifiers))
    handles = call.application.handles_of(identifiers)
    call.sessions[handle] = evolve(session, found=handles)


def _matches(call: Call, identifier: str, values: Mapping[int, Any]) -> bool:
    try:
        seen = Seen(call, identifier)
    except Failure:
        return False
    return object_attributes.matches(seen, values)


def find_objects(call: Call) -> bytes:
    """C_FindObjects: the next handles."""
    handle, session = call.session()
    most = call.reader.ulong()
    call.end()
    if session.found is None:
        raise Failure(ReturnCode.OPERATION_NOT_INITIALIZED)
    page = session.found[:most]
    call.sessions[handle] = evolve(session, found=session.found[len(page) :])
    return count(len(page)) + b"".join(map(ulong, page))


def find_objects_final(call: Call) -> None:
    """C_FindObjectsFinal."""
    handle, session = call.session()
    call.end()
    if session.found is None:
        raise Failure(ReturnCode.OPERATION_NOT_INITIALIZED)
    call.sessions[handle] = evolve(session, found=None)


def get_attribute_value(call: Call) -> bytes:
    """C_GetAttributeValue: every attribute that can be returned, even if another one cannot.

    Raises Failure with the attributes: CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID or CKR_BUFFER_TOO_SMALL;
    KmipError (Response Too Large).
    """
    call.session()
    seen = Seen(call, call.identifier())
    template = call.reader.template(values=False)
    call.end()
    code: ReturnCode | None = None
    parts = [count(len(template))]
    room = call.scope.services.settings.maximum_response_size
    for each in template:
        part, failed = _described(seen, each)
        parts.append(part)
        code = code or failed
        room -= len(part)
        if room < 0:  # a template may ask for one large value many times
            raise KmipError(ResultReason.RESPONSE_TOO_LARGE, "the attributes would exceed the largest answer")
    output = b"".join(parts)
    if code is not None:
        raise Failure(code, output)
    return output


def _described(seen: Seen, wanted: Attribute) -> tuple[bytes, ReturnCode | None]:
    try:
        value = seen.value(wanted.number)
    except Failure as failure:
        return attribute_without_value(wanted.number), failure.code
    if value == b"" and not is_array(wanted.number):  # no date
        return attribute_without_value(wanted.number), None
    if wanted.size is None:
        return attribute_length(wanted.number, value), None
    if isinstance(value, bytes) and is_array(wanted.number) and len(value) > wanted.size:
        return attribute_length(wanted.number, value), ReturnCode.BUFFER_TOO_SMALL
    return attribute(wanted.number, value), None


def set_attribute_value(call: Call) -> None:
    """C_SetAttributeValue: label, CKA_ID, dates, and CKA_SENSITIVE or CKA_EXTRACTABLE in the direction that is allowed.

    Raises Failure (CKR_ATTRIBUTE_READ_ONLY) for the others.
    """
    call.session()
    seen = Seen(call, call.identifier())
    values = object_attributes.values_of(call.reader.template(values=True))
    call.end()
    given = object_attributes.wanted(values, seen.object_type, 0)
    changes: dict[int, tuple[str, str | None, Any]] = {
        Cka.LABEL: ("names", None, given.names[0] if given.names else None),
        Cka.ID: (
            object_attributes.IDENTIFIER,
            object_attributes.VENDOR,
            given.custom_attributes[0].attribute_value if given.custom_attributes else None,
        ),
        Cka.START_DATE: ("activation_date", None, given.activation_date),
        Cka.END_DATE: ("deactivation_date", None, given.deactivation_date),
        Cka.SENSITIVE: ("sensitive", None, given.sensitive),
        Cka.EXTRACTABLE: ("extractable", None, given.extractable),
    }
    if not values.keys() <= changes.keys():
        raise Failure(ReturnCode.ATTRIBUTE_READ_ONLY)
    for number in values:
        name, vendor, value = changes[number]
        if value is None:
            raise Failure(ReturnCode.ATTRIBUTE_VALUE_INVALID)
        reference = AttributeReference(attribute=name, vendor_identification=vendor)
        has_one = bool(seen.attributes.values_of(reference))
        call.do(
            Operation.MODIFY_ATTRIBUTE if has_one else Operation.ADD_ATTRIBUTE,
            unique_identifier=seen.identifier,
            new_attribute=AttributeInstance(reference=reference, value=value),
        )


def destroy_object(call: Call) -> None:
    """C_DestroyObject: an active key is revoked before, with Cessation of Operation."""
    call.session()
    seen = Seen(call, call.identifier())
    call.end()
    if seen.attributes.state is State.ACTIVE:
        reason = RevocationReason(revocation_reason_code=RevocationReasonCode.CESSATION_OF_OPERATION)
        call.do(Operation.REVOKE, unique_identifier=seen.identifier, revocation_reason=reason)
    call.do(Operation.DESTROY, unique_identifier=seen.identifier)


def create_object(call: Call) -> bytes:
    """C_CreateObject: a key, certificate or data that the client has.

    Raises Failure: CKR_TEMPLATE_INCOMPLETE, CKR_TEMPLATE_INCONSISTENT, and as `object_attributes.wanted`.
    """
    call.session()
    values = object_attributes.values_of(call.reader.template(values=True))
    call.end()
    make = _MAKERS.get(need(values, Cka.CLASS))
    if make is None:
        raise Failure(ReturnCode.TEMPLATE_INCONSISTENT)
    content = make(values)
    answer = call.do(
        Operation.REGISTER,
        object_type=content.object_type,
        attributes=object_attributes.wanted(values, content.object_type, call.scope.now),
        managed_object=content,
    )
    return ulong(call.application.handle_of(answer.unique_identifier))


def need(values: Mapping[int, Any], number: int) -> Any:
    """Return a value of a template.  Raises Failure (CKR_TEMPLATE_INCOMPLETE)."""
    if number not in values:
        raise Failure(ReturnCode.TEMPLATE_INCOMPLETE)
    return values[number]


def _secret_key(values: Mapping[int, Any]) -> Content:
    algorithm = ALGORITHMS.get(need(values, Cka.KEY_TYPE))
    value: bytes = need(values, Cka.VALUE)
    if algorithm is None or not value or values.get(Cka.VALUE_LEN, len(value)) != len(value):
        raise Failure(ReturnCode.TEMPLATE_INCONSISTENT)
    return SymmetricKey(
        key_block=KeyBlock(
            key_format_type=KeyFormatType.RAW,
            key_value=KeyValue(key_material=value),
            cryptographic_algorithm=algorithm,
            cryptographic_length=8 * len(value),
        )
    )


def _public_key(values: Mapping[int, Any]) -> Content:
    if need(values, Cka.KEY_TYPE) == _RSA:
        modulus = int.from_bytes(need(values, Cka.MODULUS))
        rsa = TransparentRSAPublicKey(
            modulus=modulus, public_exponent=int.from_bytes(need(values, Cka.PUBLIC_EXPONENT))
        )
        return PublicKey(key_block=_block(_RSA, KeyFormatType.TRANSPARENT_RSA_PUBLIC_KEY, rsa, modulus.bit_length()))
    if values[Cka.KEY_TYPE] != _EC:
        raise Failure(ReturnCode.TEMPLATE_INCONSISTENT)
    point = TransparentECPublicKey(recommended_curve=curve_of(values), q_string=_point(need(values, Cka.EC_POINT)))
    return PublicKey(key_block=_block(_EC, KeyFormatType.TRANSPARENT_EC_PUBLIC_KEY, point, None))


def _private_key(values: Mapping[int, Any]) -> Content:
    if need(values, Cka.KEY_TYPE) == _RSA:
        numbers = {name: int.from_bytes(values[number]) for number, name in _RSA_NUMBERS.items() if number in values}
        modulus = int.from_bytes(need(values, Cka.MODULUS))
        rsa = TransparentRSAPrivateKey(modulus=modulus, **numbers)
        return PrivateKey(key_block=_block(_RSA, KeyFormatType.TRANSPARENT_RSA_PRIVATE_KEY, rsa, modulus.bit_length()))
    if values[Cka.KEY_TYPE] != _EC:
        raise Failure(ReturnCode.TEMPLATE_INCONSISTENT)
    number = TransparentECPrivateKey(recommended_curve=curve_of(values), d=int.from_bytes(need(values, Cka.VALUE)))
    return PrivateKey(key_block=_block(_EC, KeyFormatType.TRANSPARENT_EC_PRIVATE_KEY, number, None))


def _certificate(values: Mapping[int, Any]) -> Content:
    if values.get(Cka.CERTIFICATE_TYPE, 0) != 0:
        raise Failure(ReturnCode.TEMPLATE_INCONSISTENT)
    return Certificate(certificate_type=CertificateType.X_509, certificate_value=need(values, Cka.VALUE))


def _data(values: Mapping[int, Any]) -> Content:
    return OpaqueObject(opaque_data_type=OpaqueDataType.NONE, opaque_data_value=values.get(Cka.VALUE, b""))


def _block(key_type: int, key_format_type: KeyFormatType, material: Any, length: int | None) -> KeyBlock:
    return KeyBlock(
        key_format_type=key_format_type,
        key_value=KeyValue(key_material=material),
        cryptographic_algorithm=ALGORITHMS[key_type],
        cryptographic_length=length,
    )


def curve_of(values: Mapping[int, Any]) -> Any:
    """Return the curve that CKA_EC_PARAMS names.  Raises Failure (CKR_ATTRIBUTE_VALUE_INVALID)."""
    curve = CURVES.get(need(values, Cka.EC_PARAMS))
    if curve is None:
        raise Failure(ReturnCode.ATTRIBUTE_VALUE_INVALID)
    return curve


def _point(value: bytes) -> bytes:
    """Return the point inside the DER of an octet string."""
    header = 3 if value[1:2] == b"\x81" else 2
    if value[:1] != b"\x04" or len(value) <= header or value[header - 1] != len(value) - header:
        raise Failure(ReturnCode.ATTRIBUTE_VALUE_INVALID)
    return value[header:]


_RSA, _EC = 0x00, 0x03

_RSA_NUMBERS: Final = {
    Cka.PUBLIC_EXPONENT: "public_exponent",
    Cka.PRIVATE_EXPONENT: "private_exponent",
    Cka.PRIME_1: "p",
    Cka.PRIME_2: "q",
    Cka.EXPONENT_1: "prime_exponent_p",
    Cka.EXPONENT_2: "prime_exponent_q",
    Cka.COEFFICIENT: "crt_coefficient",
}

_MAKERS: Final[dict[int, Callable[[Mapping[int, Any]], Content]]] = {
    object_attributes.SECRET: _secret_key,
    object_attributes.PUBLIC: _public_key,
    object_attributes.PRIVATE: _private_key,
    object_attributes.CERTIFICATE: _certificate,
    object_attributes.DATA: _data,
}
