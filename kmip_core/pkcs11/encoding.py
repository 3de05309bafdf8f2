"""How PKCS#11 parameters are bytes. KMIP Profiles 2.1 §5.18.1.

CK_BYTE is one byte, CK_ULONG and what is made of it eight, big-endian; a count or length of an array has four and goes
before the array. A buffer for output is a byte that says whether there is one, and its size. An attribute is its type,
a byte for "has a value", a byte for "has a count", the count if its value is an array, and the value. A mechanism is
its type, a byte for "has a parameter", and the parameter with its length in bytes before it.
"""

import enum
from typing import Final

from attrs import field

from kmip_core.classes import define, frozen
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError

MAXIMUM_ATTRIBUTES: Final = 64  # of one template


class Kind(enum.Enum):
    """How the value of an attribute is encoded."""

    ULONG = "eight bytes"
    BOOL = "one byte"
    DATE = "year, month and day as eight digits"
    BYTES = "an array of bytes"
    ULONGS = "an array of eight bytes each"
    TEMPLATE = "an array of attributes"


@frozen
class Output:
    """The buffer of a client.  exists: False where it asks for the length alone.  size: bytes or elements."""

    exists: bool
    size: int


@frozen
class Attribute:
    """One attribute of a template.  value: None where only a length, or nothing, was given.

    size: elements that the client has room for; None where it asks for the length.
    """

    number: int
    value: "int | bool | bytes | None" = field(default=None, repr=False)
    size: int | None = None


@frozen
class MechanismBytes:
    """A mechanism as it came.  parameter: None where it has none."""

    number: int
    parameter: bytes | None


@define
class Reader:
    """Reads parameters in order.  Every method raises KmipError (PKCS#11 Codec Error) where bytes are missing."""

    data: bytes = field(repr=False)
    position: int = 0

    def take(self, length: int) -> bytes:
        """Return the next bytes."""
        end = self.position + length
        if end > len(self.data):
            raise codec_error("the parameters end too early")
        taken = self.data[self.position : end]
        self.position = end
        return taken

    def byte(self) -> int:
        """Return a CK_BYTE."""
        return self.take(1)[0]

    def flag(self) -> bool:
        """Return a CK_BBOOL: 0 or 1."""
        value = self.byte()
        if value > 1:
            raise codec_error("a truth value is 0 or 1")
        return value == 1

    def ulong(self) -> int:
        """Return a CK_ULONG."""
        return int.from_bytes(self.take(8))

    def count(self) -> int:
        """Return a count or length."""
        return int.from_bytes(self.take(4))

    def array(self) -> bytes:
        """Return an array of bytes, which follows its length."""
        return self.take(self.count())

    def output(self) -> Output:
        """Return what is said of an output buffer."""
        return Output(self.flag(), self.count())

    def template(self, *, values: bool) -> tuple[Attribute, ...]:
        """Return the attributes of a template.  values: False where the client asks for them."""
        number = self.count()
        if number > MAXIMUM_ATTRIBUTES:
            raise codec_error(f"a template has at most {MAXIMUM_ATTRIBUTES} attributes")
        return tuple(self._attribute(values=values) for _ in range(number))

    def mechanism(self) -> MechanismBytes:
        """Return a mechanism."""
        number = self.ulong()
        return MechanismBytes(number, self.array() if self.flag() else None)

    def rest(self) -> int:
        """Return how many bytes are left."""
        return len(self.data) - self.position

    def end(self) -> None:
        """Refuse bytes that are left."""
        if self.rest():
            raise codec_error("bytes follow the parameters")

    def _attribute(self, *, values: bool) -> Attribute:
        number, has_value, has_count = self.ulong(), self.flag(), self.flag()
        kind = KINDS.get(number, Kind.BYTES)
        size = None
        if has_count:
            size = self.count() if kind in _ARRAYS else 1
        if not has_value:
            return Attribute(number, None, size)
        if not values:
            raise codec_error("an attribute that is asked for has no value")
        return Attribute(number, self._value(kind, size or 0), size)

    def _value(self, kind: Kind, size: int) -> int | bool | bytes:
        match kind:
            case Kind.ULONG:
                return self.ulong()
            case Kind.BOOL:
                return self.flag()
            case Kind.DATE:
                return self.take(8)
            case Kind.BYTES:
                return self.take(size)
            case Kind.ULONGS:
                return self.take(8 * size)
            case _:
                raise codec_error("templates inside of templates are not read here")


def ulong(value: int) -> bytes:
    """Encode a CK_ULONG."""
    return value.to_bytes(8)


def count(value: int) -> bytes:
    """Encode a count or length."""
    return value.to_bytes(4)


def padded(text: str, length: int) -> bytes:
    """Encode a text that is padded with blanks."""
    return text.encode("utf-8")[:length].ljust(length)


def returned(data: bytes) -> bytes:
    """Encode what is put into a buffer of the client."""
    return b"\x01" + count(len(data)) + data


def length_only(length: int) -> bytes:
    """Encode the length of what would be put into a buffer."""
    return b"\x00" + count(length)


def attribute(number: int, value: int | bool | bytes) -> bytes:
    """Encode an attribute with its value."""
    return ulong(number) + b"\x01\x01" + _encoded(KINDS.get(number, Kind.BYTES), value)


def attribute_length(number: int, value: int | bool | bytes) -> bytes:
    """Encode an attribute with the length of its value alone."""
    kind = KINDS.get(number, Kind.BYTES)
    return ulong(number) + b"\x00\x01" + (count(len(bytes(value))) if kind is Kind.BYTES else b"")


def is_array(number: int) -> bool:
    """Whether the value of an attribute is an array, for which a client says how much room it has."""
    return KINDS.get(number, Kind.BYTES) in _ARRAYS


def attribute_without_value(number: int) -> bytes:
    """Encode an attribute that has no value, or none that may be returned."""
    return ulong(number) + b"\x00\x00"


def _encoded(kind: Kind, value: int | bool | bytes) -> bytes:
    if kind is Kind.ULONG:
        return ulong(int(value))
    if kind is Kind.BOOL:
        return b"\x01" if value else b"\x00"
    return bytes(value) if kind is Kind.DATE else count(len(bytes(value))) + bytes(value)


def codec_error(message: str) -> KmipError:
    """Return the refusal of parameters that cannot be read. KMIP 2.1 §11.46."""
    return KmipError(ResultReason.PKCS_11_CODEC_ERROR, message)


_ARRAYS: Final = frozenset({Kind.BYTES, Kind.ULONGS, Kind.TEMPLATE})


class Cka(enum.IntEnum):
    """The attributes of PKCS#11 3.0 §4 that this server knows."""

    CLASS = 0x00000000
    TOKEN = 0x00000001
    PRIVATE = 0x00000002
    LABEL = 0x00000003
    UNIQUE_ID = 0x00000004
    APPLICATION = 0x00000010
    VALUE = 0x00000011
    CERTIFICATE_TYPE = 0x00000080
    ISSUER = 0x00000081
    SERIAL_NUMBER = 0x00000082
    KEY_TYPE = 0x00000100
    SUBJECT = 0x00000101
    ID = 0x00000102
    SENSITIVE = 0x00000103
    ENCRYPT = 0x00000104
    DECRYPT = 0x00000105
    WRAP = 0x00000106
    UNWRAP = 0x00000107
    SIGN = 0x00000108
    VERIFY = 0x0000010A
    DERIVE = 0x0000010C
    START_DATE = 0x00000110
    END_DATE = 0x00000111
    MODULUS = 0x00000120
    MODULUS_BITS = 0x00000121
    PUBLIC_EXPONENT = 0x00000122
    PRIVATE_EXPONENT = 0x00000123
    PRIME_1 = 0x00000124
    PRIME_2 = 0x00000125
    EXPONENT_1 = 0x00000126
    EXPONENT_2 = 0x00000127
    COEFFICIENT = 0x00000128
    VALUE_LEN = 0x00000161
    EXTRACTABLE = 0x00000162
    LOCAL = 0x00000163
    NEVER_EXTRACTABLE = 0x00000164
    ALWAYS_SENSITIVE = 0x00000165
    MODIFIABLE = 0x00000170
    COPYABLE = 0x00000171
    DESTROYABLE = 0x00000172
    EC_PARAMS = 0x00000180
    EC_POINT = 0x00000181


_ULONGS: Final = (Cka.CLASS, Cka.CERTIFICATE_TYPE, Cka.KEY_TYPE, Cka.MODULUS_BITS, Cka.VALUE_LEN)
_BOOLS: Final = (
    *(Cka.TOKEN, Cka.PRIVATE, Cka.SENSITIVE, Cka.ENCRYPT, Cka.DECRYPT, Cka.WRAP, Cka.UNWRAP, Cka.SIGN, Cka.VERIFY),
    *(Cka.DERIVE, Cka.EXTRACTABLE, Cka.LOCAL, Cka.NEVER_EXTRACTABLE, Cka.ALWAYS_SENSITIVE, Cka.MODIFIABLE),
    *(Cka.COPYABLE, Cka.DESTROYABLE),
)
_OTHERS: Final = {
    **dict.fromkeys((0x86, 0x109, 0x10B, 0x202, 0x210), Kind.BOOL),  # such as CKA_TRUSTED and CKA_SIGN_RECOVER
    **dict.fromkeys((0x87, 0x88, 0x8C, 0x133, 0x134, 0x160, 0x166, 0x500, 0x601), Kind.ULONG),  # such as CKA_PRIME_BITS
    0x40000600: Kind.ULONGS,  # CKA_ALLOWED_MECHANISMS
    **dict.fromkeys((0x40000211, 0x40000212, 0x40000213), Kind.TEMPLATE),  # such as CKA_WRAP_TEMPLATE
}
KINDS: Final[dict[int, Kind]] = {
    **_OTHERS,
    **{int(each): Kind.ULONG for each in _ULONGS},
    **{int(each): Kind.BOOL for each in _BOOLS},
    int(Cka.START_DATE): Kind.DATE,
    int(Cka.END_DATE): Kind.DATE,
}
"""How the values of attributes are encoded; an attribute that is not here is an array of bytes."""
