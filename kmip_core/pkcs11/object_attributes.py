"""Attributes of PKCS#11 as those of KMIP, in both directions.

An object of the token is an object of this server: CKA_LABEL is its first Name, CKA_ID a vendor attribute or else the
identifier, CKA_ENCRYPT and its like are bits of the usage mask, dates are the days of Activation and Deactivation Date.
PKCS#11 3.0 §4.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from kmip_core.attributes import AttributeInstance, AttributeReference, Attributes
from kmip_core.classes import frozen
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ItemType,
    KeyFormatType,
    ObjectType,
    Operation,
    RecommendedCurve,
)
from kmip_core.enums import PKCS11ReturnCode as ReturnCode
from kmip_core.objects import Content, key_block_of
from kmip_core.pkcs11 import days
from kmip_core.pkcs11.calls import Call
from kmip_core.pkcs11.encoding import Attribute, Cka
from kmip_core.pkcs11.failures import Failure
from kmip_core.structures import (
    CustomAttribute,
    Name,
    TransparentECPublicKey,
    TypedValue,
)

_A, _M, _O = CryptographicAlgorithm, CryptographicUsageMask, ObjectType

VENDOR: Final = "x"
IDENTIFIER: Final = "pkcs11-id"
"""The vendor attribute that holds CKA_ID."""

CERTIFICATE, PUBLIC, PRIVATE, SECRET, DATA = 1, 2, 3, 4, 0  # CKO_...

CLASSES: Final = {
    _O.CERTIFICATE: CERTIFICATE,
    _O.PUBLIC_KEY: PUBLIC,
    _O.PRIVATE_KEY: PRIVATE,
    _O.SYMMETRIC_KEY: SECRET,
    _O.SECRET_DATA: DATA,
    _O.OPAQUE_OBJECT: DATA,
}
"""Object types that a token shows; the others have no class in PKCS#11."""

KEY_TYPES: Final = {
    _A.RSA: 0x00,
    _A.DSA: 0x01,
    _A.DH: 0x02,
    _A.ECDSA: 0x03,
    _A.EC: 0x03,
    _A.ECDH: 0x03,
    _A.TRIPLE_DES: 0x15,
    _A.AES: 0x1F,
    _A.HMAC_SHA1: 0x10,
    _A.HMAC_SHA224: 0x10,
    _A.HMAC_SHA256: 0x10,
    _A.HMAC_SHA384: 0x10,
    _A.HMAC_SHA512: 0x10,
}
"""CKK_ numbers; several algorithms share the generic secret, whose first one here is not the one that is made."""

ALGORITHMS: Final = {0x00: _A.RSA, 0x03: _A.ECDSA, 0x15: _A.TRIPLE_DES, 0x1F: _A.AES, 0x10: _A.HMAC_SHA256}
"""What a key of each type becomes."""

USES: Final = {
    Cka.ENCRYPT: _M.ENCRYPT,
    Cka.DECRYPT: _M.DECRYPT,
    Cka.WRAP: _M.WRAP_KEY,
    Cka.UNWRAP: _M.UNWRAP_KEY,
    Cka.SIGN: _M.SIGN,
    Cka.VERIFY: _M.VERIFY,
    Cka.DERIVE: _M.DERIVE_KEY,
}
"""What an attribute lets be done; for a secret key CKA_SIGN and CKA_VERIFY mean codes as well."""

AUTHENTICATIONS: Final = {Cka.SIGN: _M.MAC_GENERATE, Cka.VERIFY: _M.MAC_VERIFY}

CURVES: Final = {
    bytes.fromhex("06052b81040021"): RecommendedCurve.P_224,
    bytes.fromhex("06082a8648ce3d030107"): RecommendedCurve.P_256,
    bytes.fromhex("06052b81040022"): RecommendedCurve.P_384,
    bytes.fromhex("06052b81040023"): RecommendedCurve.P_521,
    bytes.fromhex("06052b8104000a"): RecommendedCurve.SECP256K1,
}
"""CKA_EC_PARAMS, the DER of a curve's object identifier."""

FIXED: Final = {Cka.TOKEN: True, Cka.MODIFIABLE: True, Cka.COPYABLE: False, Cka.DESTROYABLE: True}
"""What is the same for every object."""

DAY: Final = 86_400


def values_of(template: Iterable[Attribute]) -> dict[int, Any]:
    """Return a template by number.  Raises Failure (CKR_TEMPLATE_INCONSISTENT) for an attribute given twice.

    Raises Failure (CKR_ATTRIBUTE_VALUE_INVALID) for one without a value; an empty array is one.
    """
    values: dict[int, Any] = {}
    for each in template:
        if each.number in values:
            raise Failure(ReturnCode.TEMPLATE_INCONSISTENT)
        if each.value is None and each.size not in (None, 0):
            raise Failure(ReturnCode.ATTRIBUTE_VALUE_INVALID)
        values[each.number] = b"" if each.value is None else each.value
    return values


def wanted(values: Mapping[int, Any], object_type: ObjectType, now: int) -> Attributes:
    """Return the attributes of a new object: active from now on unless the template says a later day.

    Raises Failure: CKR_ATTRIBUTE_TYPE_INVALID for an attribute that cannot be given, CKR_TEMPLATE_INCONSISTENT for one
    that is different here, CKR_ATTRIBUTE_VALUE_INVALID for a date or text that is none.
    """
    for number, value in values.items():
        if number not in _GIVEN:
            raise Failure(ReturnCode.ATTRIBUTE_TYPE_INVALID)
        if number in FIXED and value != FIXED[Cka(number)]:
            raise Failure(ReturnCode.TEMPLATE_INCONSISTENT)
    mask = _mask(values, object_type)
    label, identifier = _text(values.get(Cka.LABEL, b"")), values.get(Cka.ID, b"")
    start, end = _date(values.get(Cka.START_DATE)), _date(values.get(Cka.END_DATE))
    is_key = object_type in _KEYS
    return Attributes(
        names=(Name(name_value=label),) if label else (),
        cryptographic_usage_mask=mask if is_key else None,
        activation_date=(now if start is None else start) if is_key else None,
        deactivation_date=None if end is None or not is_key else end + DAY - 1,
        sensitive=values.get(Cka.SENSITIVE),
        extractable=values.get(Cka.EXTRACTABLE),
        custom_attributes=(custom_identifier(identifier),) if identifier else (),
    )


def custom_identifier(identifier: bytes) -> CustomAttribute:
    """Return CKA_ID as a vendor attribute."""
    value = TypedValue(ItemType.BYTE_STRING, identifier)
    return CustomAttribute(vendor_identification=VENDOR, attribute_name=IDENTIFIER, attribute_value=value)


@frozen
class Search:
    """A search template: what Locate is asked for, and what is compared object by object after it.

    criteria: several lists where one of them suffices.
    """

    criteria: tuple[tuple[AttributeInstance, ...], ...]
    compared: Mapping[int, Any]


def search_of(values: Mapping[int, Any]) -> Search:
    """Return a search template; without criteria where no object of this server can match."""
    criteria: list[AttributeInstance] = []
    compared: dict[int, Any] = {}
    for number, value in values.items():
        if number in FIXED:
            if value != FIXED[Cka(number)]:
                return Search((), {})
        elif number == Cka.LABEL:
            criteria.append(_criterion("names", Name(name_value=_text(value))))
        elif number == Cka.UNIQUE_ID:
            criteria.append(_criterion("unique_identifier", _text(value)))
        elif number != Cka.ID:
            found = _located_by(number, value)
            if found is None:
                compared[number] = value
            else:
                criteria.append(found)
    if Cka.ID not in values:
        return Search((tuple(criteria),), compared)
    identifier = values[Cka.ID]
    custom = _criterion(IDENTIFIER, TypedValue(ItemType.BYTE_STRING, identifier), VENDOR)
    alternatives = [(*criteria, custom)]
    if identifier.isascii() and identifier:
        alternatives.append((*criteria, _criterion("unique_identifier", _text(identifier))))
        compared[Cka.ID] = identifier
    return Search(tuple(alternatives), compared)


def _located_by(number: int, value: Any) -> AttributeInstance | None:
    """Return the criterion for an attribute that means the same to Locate; None for one that does not."""
    if number == Cka.CLASS:
        types = [each for each, class_number in CLASSES.items() if class_number == value]
        return _criterion("object_type", types[0]) if len(types) == 1 else None
    if number == Cka.KEY_TYPE:
        algorithms = [each for each, key_type in KEY_TYPES.items() if key_type == value]
        return _criterion("cryptographic_algorithm", algorithms[0]) if len(algorithms) == 1 else None
    if number in USES and number not in AUTHENTICATIONS and value is True:
        return _criterion("cryptographic_usage_mask", USES[Cka(number)])
    return None


def _criterion(name: str, value: Any, vendor: str | None = None) -> AttributeInstance:
    return AttributeInstance(reference=AttributeReference(attribute=name, vendor_identification=vendor), value=value)


class Seen:
    """One object as an application sees it; its value is fetched only if it is asked for."""

    def __init__(self, call: Call, identifier: str) -> None:
        """Read the attributes.  Raises Failure (CKR_OBJECT_HANDLE_INVALID) for what the principal cannot see."""
        self._call = call
        self._contents: dict[KeyFormatType | None, Content] = {}
        self.identifier = identifier
        self.attributes: Attributes = call.do(Operation.GET_ATTRIBUTES, unique_identifier=identifier).attributes
        object_type = self.attributes.object_type
        if object_type not in CLASSES:
            raise Failure(ReturnCode.OBJECT_HANDLE_INVALID)
        self.object_type: ObjectType = object_type

    def value(self, number: int) -> int | bool | bytes:
        """Return the value of an attribute; empty bytes for a date that the object does not have.

        Raises Failure: CKR_ATTRIBUTE_TYPE_INVALID for an attribute that such an object does not have,
        CKR_ATTRIBUTE_SENSITIVE for a value that does not leave the server.
        """
        if number in FIXED:
            return FIXED[Cka(number)]
        read = _READ.get(number)
        if read is None:
            raise Failure(ReturnCode.ATTRIBUTE_TYPE_INVALID)
        found: int | bool | bytes = read(self)
        return found

    def content(self, key_format_type: KeyFormatType | None = None) -> Content:
        """Return the object itself, in a format."""
        if key_format_type not in self._contents:
            answer = self._call.do(Operation.GET, unique_identifier=self.identifier, key_format_type=key_format_type)
            self._contents[key_format_type] = answer.managed_object
        return self._contents[key_format_type]

    def transparent(self, key_format_type: KeyFormatType) -> Any:
        """Return the numbers of a key."""
        block = key_block_of(self.content(key_format_type))
        return None if block is None else block.clear_material

    @property
    def algorithm(self) -> CryptographicAlgorithm | None:
        """The algorithm of a key."""
        return self.attributes.cryptographic_algorithm


def _key_type(seen: Seen) -> int:
    if seen.object_type not in _KEYS or seen.algorithm not in KEY_TYPES:
        raise Failure(ReturnCode.ATTRIBUTE_TYPE_INVALID)
    return KEY_TYPES[seen.algorithm]


def _label(seen: Seen) -> bytes:
    return seen.attributes.names[0].name_value.encode() if seen.attributes.names else b""


def _id(seen: Seen) -> bytes:
    for custom in seen.attributes.custom_attributes:
        if (custom.vendor_identification, custom.attribute_name) == (VENDOR, IDENTIFIER):
            value = custom.attribute_value.value
            return value if isinstance(value, bytes) else b""
    return seen.identifier.encode()


def _value(seen: Seen) -> bytes:
    """CKA_VALUE of secrets, data and certificates; a private key shows none of its numbers."""
    if seen.object_type is _O.PRIVATE_KEY:
        raise Failure(ReturnCode.ATTRIBUTE_SENSITIVE)
    if seen.object_type is _O.PUBLIC_KEY:
        raise Failure(ReturnCode.ATTRIBUTE_TYPE_INVALID)
    raw = KeyFormatType.RAW if seen.object_type is _O.SYMMETRIC_KEY else None
    content: Any = seen.content(raw)
    if seen.object_type is _O.CERTIFICATE:
        return bytes(content.certificate_value)
    if seen.object_type is _O.OPAQUE_OBJECT:
        return bytes(content.opaque_data_value)
    material = content.key_block.clear_material
    if not isinstance(material, bytes):  # wrapped by the client, or not here
        raise Failure(ReturnCode.ATTRIBUTE_SENSITIVE)
    return material


def _value_length(seen: Seen) -> int:
    if seen.object_type is not _O.SYMMETRIC_KEY:
        raise Failure(ReturnCode.ATTRIBUTE_TYPE_INVALID)
    length = seen.attributes.cryptographic_length
    return len(_value(seen)) if length is None else length // 8


def _rsa_number(name: str) -> Callable[[Seen], bytes]:
    def read(seen: Seen) -> bytes:
        if seen.object_type is not _O.PUBLIC_KEY or seen.algorithm is not _A.RSA:
            raise Failure(ReturnCode.ATTRIBUTE_TYPE_INVALID)
        material = seen.transparent(KeyFormatType.TRANSPARENT_RSA_PUBLIC_KEY)
        number: int = getattr(material, name)
        return number.to_bytes((number.bit_length() + 7) // 8)

    return read


def _modulus_bits(seen: Seen) -> int:
    return int.from_bytes(_rsa_number("modulus")(seen)).bit_length()


def _curve(seen: Seen) -> bytes:
    domain = seen.attributes.cryptographic_domain_parameters
    curve = None if domain is None else domain.recommended_curve
    if curve is None and seen.object_type is _O.PUBLIC_KEY and KEY_TYPES.get(seen.algorithm or _A.AES) == 0x03:
        curve = _point_of(seen).recommended_curve
    for der, known in CURVES.items():
        if known is curve:
            return der
    raise Failure(ReturnCode.ATTRIBUTE_TYPE_INVALID)


def _point(seen: Seen) -> bytes:
    """CKA_EC_POINT: the DER of an octet string that holds the point."""
    if seen.object_type is not _O.PUBLIC_KEY or KEY_TYPES.get(seen.algorithm or _A.AES) != 0x03:
        raise Failure(ReturnCode.ATTRIBUTE_TYPE_INVALID)
    point = _point_of(seen).q_string
    length = bytes([len(point)]) if len(point) < 0x80 else bytes([0x81, len(point)])
    return b"\x04" + length + point


def _point_of(seen: Seen) -> TransparentECPublicKey:
    material: TransparentECPublicKey = seen.transparent(KeyFormatType.TRANSPARENT_EC_PUBLIC_KEY)
    return material


def _day_of(name: str) -> Callable[[Seen], bytes]:
    def read(seen: Seen) -> bytes:
        date: int | None = getattr(seen.attributes, name)
        return b"" if date is None else days.written(date // DAY)

    return read


def _allows(use: Cka) -> Callable[[Seen], bool]:
    def read(seen: Seen) -> bool:
        if seen.object_type not in _KEYS:
            raise Failure(ReturnCode.ATTRIBUTE_TYPE_INVALID)
        mask = seen.attributes.cryptographic_usage_mask or _M(0)
        return bool(mask & (USES[use] | AUTHENTICATIONS.get(use, _M(0))))

    return read


def _truth(name: str) -> Callable[[Seen], bool]:
    def read(seen: Seen) -> bool:
        if seen.object_type not in (_O.SYMMETRIC_KEY, _O.PRIVATE_KEY):
            raise Failure(ReturnCode.ATTRIBUTE_TYPE_INVALID)
        return bool(getattr(seen.attributes, name))

    return read


def _of_certificate(structure: str, name: str) -> Callable[[Seen], bytes]:
    def read(seen: Seen) -> bytes:
        found = getattr(seen.attributes, structure)
        if seen.object_type is not _O.CERTIFICATE or found is None:
            raise Failure(ReturnCode.ATTRIBUTE_TYPE_INVALID)
        return bytes(getattr(found, name))

    return read


def _certificate_type(seen: Seen) -> int:
    if seen.object_type is not _O.CERTIFICATE:
        raise Failure(ReturnCode.ATTRIBUTE_TYPE_INVALID)
    return 0  # CKC_X_509


_KEYS: Final = frozenset({_O.SYMMETRIC_KEY, _O.PUBLIC_KEY, _O.PRIVATE_KEY})

_READ: Final[dict[int, Callable[[Seen], Any]]] = {
    Cka.CLASS: lambda seen: CLASSES[seen.object_type],
    Cka.PRIVATE: lambda seen: seen.object_type not in (_O.PUBLIC_KEY, _O.CERTIFICATE),
    Cka.LABEL: _label,
    Cka.UNIQUE_ID: lambda seen: seen.identifier.encode(),
    Cka.ID: _id,
    Cka.VALUE: _value,
    Cka.VALUE_LEN: _value_length,
    Cka.KEY_TYPE: _key_type,
    Cka.CERTIFICATE_TYPE: _certificate_type,
    Cka.SUBJECT: _of_certificate("x_509_certificate_subject", "subject_distinguished_name"),
    Cka.ISSUER: _of_certificate("x_509_certificate_issuer", "issuer_distinguished_name"),
    Cka.SERIAL_NUMBER: _of_certificate("x_509_certificate_identifier", "certificate_serial_number"),
    Cka.SENSITIVE: _truth("sensitive"),
    Cka.ALWAYS_SENSITIVE: _truth("always_sensitive"),
    Cka.EXTRACTABLE: _truth("extractable"),
    Cka.NEVER_EXTRACTABLE: _truth("never_extractable"),
    Cka.START_DATE: _day_of("activation_date"),
    Cka.END_DATE: _day_of("deactivation_date"),
    Cka.MODULUS: _rsa_number("modulus"),
    Cka.PUBLIC_EXPONENT: _rsa_number("public_exponent"),
    Cka.MODULUS_BITS: _modulus_bits,
    Cka.EC_PARAMS: _curve,
    Cka.EC_POINT: _point,
    **{use: _allows(use) for use in USES},
}
"""How each attribute is read."""

_GIVEN: Final = frozenset(
    {
        *FIXED,
        *USES,
        *(Cka.CLASS, Cka.KEY_TYPE, Cka.PRIVATE, Cka.LABEL, Cka.ID, Cka.VALUE, Cka.VALUE_LEN, Cka.SENSITIVE),
        *(Cka.EXTRACTABLE, Cka.START_DATE, Cka.END_DATE, Cka.MODULUS, Cka.MODULUS_BITS, Cka.PUBLIC_EXPONENT),
        *(Cka.EC_PARAMS, Cka.EC_POINT, Cka.CERTIFICATE_TYPE, Cka.SUBJECT, Cka.ISSUER, Cka.SERIAL_NUMBER),
        *(Cka.PRIVATE_EXPONENT, Cka.PRIME_1, Cka.PRIME_2, Cka.EXPONENT_1, Cka.EXPONENT_2, Cka.COEFFICIENT),
        *(0x109, 0x10B, Cka.APPLICATION),
    }
)
"""What a template for a new object may hold."""


def matches(seen: Seen, values: Mapping[int, Any]) -> bool:
    """Whether an object has these values; one that does not have the attribute does not match."""
    for number, value in values.items():
        try:
            if seen.value(number) != value:
                return False
        except Failure:
            return False
    return True


def _mask(values: Mapping[int, Any], object_type: ObjectType) -> CryptographicUsageMask:
    mask = _M(0)
    for number, meaning in USES.items():
        if values.get(number) is True:
            mask |= meaning
            if object_type is _O.SYMMETRIC_KEY and number in AUTHENTICATIONS:
                mask |= AUTHENTICATIONS[number]
    return mask


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Failure(ReturnCode.ATTRIBUTE_VALUE_INVALID) from error


def _date(value: bytes | None) -> int | None:
    """Return the first second of a day, None for an empty date."""
    if not value:
        return None
    day = days.read(value)
    if day is None:
        raise Failure(ReturnCode.ATTRIBUTE_VALUE_INVALID)
    return day * DAY
