"""A PKCS#11 application for tests: it encodes calls by itself, from KMIP Profiles 2.1 §5.18.1, and carries them."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from attrs import define, field

from kmip_core.enums import Operation
from kmip_core.enums import PKCS11Function as F
from kmip_core.enums import PKCS11ReturnCode as R
from kmip_core.operations import pkcs_11
from kmip_core.principal import Principal
from tests.builders import ALICE, perform

CLASS, TOKEN, PRIVATE, LABEL, UNIQUE_ID, VALUE, CERTIFICATE_TYPE, KEY_TYPE = 0, 1, 2, 3, 4, 0x11, 0x80, 0x100
ID, SENSITIVE, ENCRYPT, DECRYPT, WRAP, UNWRAP, SIGN, VERIFY, DERIVE = 0x102, *range(0x103, 0x109), 0x10A, 0x10C
START_DATE, END_DATE, MODULUS, MODULUS_BITS, PUBLIC_EXPONENT, VALUE_LEN = 0x110, 0x111, 0x120, 0x121, 0x122, 0x161
EXTRACTABLE, EC_PARAMS, EC_POINT = 0x162, 0x180, 0x181

DATA, CERTIFICATE, PUBLIC, PRIVATE_KEY, SECRET = range(5)
RSA, EC, GENERIC, DES3, AES = 0, 3, 0x10, 0x15, 0x1F
P_256: Final = bytes.fromhex("06082a8648ce3d030107")

Value = int | bool | bytes
Template = Sequence[tuple[int, Value]]


class Refused(Exception):
    """A return code that is not CKR_OK."""

    def __init__(self, code: R, output: bytes | None) -> None:
        super().__init__(code.name)
        self.code = code
        self.output = output


def u8(number: int) -> bytes:
    """A CK_ULONG."""
    return number.to_bytes(8)


def u4(number: int) -> bytes:
    """A count."""
    return number.to_bytes(4)


def array(data: bytes) -> bytes:
    """An array of bytes."""
    return u4(len(data)) + data


def mechanism(number: int, parameter: bytes | None = None) -> bytes:
    """A mechanism."""
    return u8(number) + (b"\0" if parameter is None else b"\1" + array(parameter))


def attribute(number: int, value: Value) -> bytes:
    """An attribute with a value."""
    if isinstance(value, bool):
        encoded = bytes([value])
    elif isinstance(value, int):
        encoded = u8(value)
    else:
        encoded = value if number in (START_DATE, END_DATE) else array(value)
    return u8(number) + b"\1\1" + encoded


def template(*attributes: tuple[int, Value]) -> bytes:
    """A template."""
    return u4(len(attributes)) + b"".join(attribute(*each) for each in attributes)


def buffer(size: int | None) -> bytes:
    """An output buffer; None to ask for the length."""
    return b"\0" + u4(0) if size is None else b"\1" + u4(size)


@define
class Application:
    """One application with one session."""

    send: Callable[[pkcs_11.Request], pkcs_11.Response]
    value: bytes | None = None
    session: int = field(default=0)

    def call(self, function: F, parameters: bytes | None = None) -> bytes | None:
        """Return the output of a function.  Raises Refused."""
        response = self.send(
            pkcs_11.Request(
                pkcs_11_function=function, correlation_value=self.value, pkcs_11_input_parameters=parameters
            )
        )
        if response.pkcs_11_return_code is not R.OK:
            raise Refused(response.pkcs_11_return_code, response.pkcs_11_output_parameters)
        if function is F.C_INITIALIZE:
            self.value = response.correlation_value
        return response.pkcs_11_output_parameters

    def in_session(self, function: F, parameters: bytes = b"") -> bytes:
        """Return the output of a function whose first parameter is the session."""
        return self.call(function, u8(self.session) + parameters) or b""

    def begin(self) -> "Application":
        """Initialize, and open a session."""
        self.call(F.C_INITIALIZE, b"\1")
        self.session = int.from_bytes(self.call(F.C_OPENSESSION, u8(1) + u8(6)) or b"")
        return self

    def handle(self, function: F, parameters: bytes) -> int:
        """Return the one handle that a function gives."""
        output = self.in_session(function, parameters)
        assert len(output) == 8
        return int.from_bytes(output)

    def filled(self, function: F, parameters: bytes = b"", size: int = 10_000) -> bytes:
        """Return what a function puts into a buffer."""
        output = self.in_session(function, parameters + buffer(size))
        assert output[:1] == b"\1"
        assert int.from_bytes(output[1:5]) == len(output) - 5
        return output[5:]

    def length(self, function: F, parameters: bytes = b"") -> int:
        """Return the length that a function says its result has at most."""
        output = self.in_session(function, parameters + buffer(None))
        assert output[:1] == b"\0"
        return int.from_bytes(output[1:])

    def key(self, *attributes: tuple[int, Value], number: int = 0x1080, parameter: bytes | None = None) -> int:
        """Generate a secret key."""
        return self.handle(F.C_GENERATEKEY, mechanism(number, parameter) + template(*attributes))

    def pair(self, number: int, public: Template, private: Template) -> tuple[int, int]:
        """Generate a key pair: the handles of the public and the private key."""
        output = self.in_session(F.C_GENERATEKEYPAIR, mechanism(number) + template(*public) + template(*private))
        return int.from_bytes(output[:8]), int.from_bytes(output[8:])

    def get(self, handle: int, *numbers: int) -> dict[int, bytes]:
        """Return attributes, encoded; arrays without their count."""
        asked = b"".join(u8(number) + b"\0\1" + (u4(4_096) if number in ARRAYS else b"") for number in numbers)
        output = self.in_session(F.C_GETATTRIBUTEVALUE, u8(handle) + u4(len(numbers)) + asked)
        return read_attributes(output)

    def find(self, *attributes: tuple[int, Value], most: int = 100) -> list[int]:
        """Return the handles of what is found."""
        self.in_session(F.C_FINDOBJECTSINIT, template(*attributes))
        found = []
        while page := self.in_session(F.C_FINDOBJECTS, u8(most))[4:]:
            found += [int.from_bytes(page[i : i + 8]) for i in range(0, len(page), 8)]
        self.in_session(F.C_FINDOBJECTSFINAL)
        return found


ARRAYS: Final = frozenset(
    {LABEL, UNIQUE_ID, VALUE, ID, MODULUS, PUBLIC_EXPONENT, EC_PARAMS, EC_POINT, 0x81, 0x82, 0x101}
)
ULONGS: Final = frozenset({CLASS, KEY_TYPE, CERTIFICATE_TYPE, MODULUS_BITS, VALUE_LEN})
DATES: Final = frozenset({START_DATE, END_DATE})


def read_attributes(output: bytes) -> dict[int, bytes]:
    """Return the attributes of an answer: the value, or for one that only has a length the length as text."""
    number, position = int.from_bytes(output[:4]), 4
    found: dict[int, bytes] = {}
    for _ in range(number):
        kind = int.from_bytes(output[position : position + 8])
        has_value, has_count = output[position + 8], output[position + 9]
        position += 10
        size = 8 if kind in ULONGS | DATES else 1
        if has_count and kind in ARRAYS:
            size = int.from_bytes(output[position : position + 4])
            position += 4
        if has_value:
            found[kind] = output[position : position + size]
            position += size
        else:
            found[kind] = f"{size} bytes".encode() if has_count else b"nothing"
    assert position == len(output)
    return found


def an_application(engine: Any, principal: Principal = ALICE) -> Application:
    """Return an application in front of an engine."""
    return Application(lambda request: perform(engine, Operation.PKCS_11, request, principal)).begin()
