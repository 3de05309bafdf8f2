"""Functions of slots, tokens and sessions. PKCS#11 3.0 §5.4 - 5.6.

Who the user is, the TLS connection and the message have said already: C_Login changes what a session reports, and its
PIN is not read.
"""

from typing import Final

from attrs import evolve

from kmip_core.enums import PKCS11ReturnCode as ReturnCode
from kmip_core.pkcs11.calls import SLOT, Call
from kmip_core.pkcs11.encoding import codec_error, count, length_only, padded, ulong
from kmip_core.pkcs11.failures import Failure
from kmip_core.pkcs11.mechanisms import MECHANISMS
from kmip_core.pkcs11_sessions import MAXIMUM_SESSIONS, Session, Use

CRYPTOKI_VERSION: Final = b"\x02\x28"  # 2.40, as the official cases PKCS11-M-1 have it
LIBRARY_VERSION: Final = b"\x01\x00"
PROFILE_VERSION: Final = 1
"""Of the encoding, which C_Initialize names."""

TOKEN_PRESENT: Final = 0x1
TOKEN_FLAGS: Final = 0x1 | 0x400  # CKF_RNG, CKF_TOKEN_INITIALIZED
SERIAL_SESSION, RW_SESSION = 0x4, 0x2
RO_PUBLIC, RO_USER, RW_PUBLIC, RW_USER = 0, 1, 2, 3  # CKS_...
UNAVAILABLE: Final = 2**64 - 1
USER: Final = 1  # CKU_USER

FLAGS: Final = {
    Use.ENCRYPT: 0x100,
    Use.DECRYPT: 0x200,
    Use.DIGEST: 0x400,
    Use.SIGN: 0x800,
    Use.VERIFY: 0x2000,
    Use.GENERATE: 0x8000,
    Use.GENERATE_PAIR: 0x10000,
    Use.WRAP: 0x20000,
    Use.UNWRAP: 0x40000,
    Use.DERIVE: 0x80000,
}
"""CKF_ of CK_MECHANISM_INFO."""


def get_info(call: Call) -> bytes:
    """C_GetInfo: version of Cryptoki, manufacturer, flags, description and version of the library."""
    settings = call.scope.services.settings
    information = settings.server_information
    product = None if information is None else information.product_name
    return (
        CRYPTOKI_VERSION
        + padded(settings.vendor_identification, 32)
        + ulong(0)
        + padded(product or "", 32)
        + LIBRARY_VERSION
    )


def get_slot_list(call: Call) -> bytes:
    """C_GetSlotList: the one slot."""
    call.reader.flag()  # whether a token must be present, as it always is
    output = call.reader.output()
    call.end()
    if not output.exists:
        return length_only(1)
    if output.size < 1:
        raise Failure(ReturnCode.BUFFER_TOO_SMALL, length_only(1))
    return b"\x01" + count(1) + ulong(SLOT)


def get_slot_info(call: Call) -> bytes:
    """C_GetSlotInfo: description, manufacturer, flags, versions."""
    call.slot()
    call.end()
    manufacturer = padded(call.scope.services.settings.vendor_identification, 32)
    return padded("KMIP server", 64) + manufacturer + ulong(TOKEN_PRESENT) + 2 * LIBRARY_VERSION


def get_token_info(call: Call) -> bytes:
    """C_GetTokenInfo: label, manufacturer, model, serial number, flags, numbers of sessions, memory, versions, time."""
    call.slot()
    call.end()
    sessions = call.application.sessions.values()
    numbers = (
        TOKEN_FLAGS,
        MAXIMUM_SESSIONS,
        len(sessions),
        MAXIMUM_SESSIONS,
        sum(session.is_read_write for session in sessions),
        255,  # the longest PIN
        0,
        *[UNAVAILABLE] * 4,
    )
    return (
        padded("kmipd", 32)
        + padded(call.scope.services.settings.vendor_identification, 32)
        + padded("KMIP", 16)
        + padded("1", 16)
        + b"".join(map(ulong, numbers))
        + 2 * LIBRARY_VERSION
        + padded("", 16)
    )


def get_mechanism_list(call: Call) -> bytes:
    """C_GetMechanismList: what the crypto adapter can do."""
    call.slot()
    output = call.reader.output()
    call.end()
    can = call.scope.services.crypto.capabilities
    numbers = [number for number, mechanism in MECHANISMS.items() if mechanism.is_possible(can)]
    if not output.exists:
        return length_only(len(numbers))
    if output.size < len(numbers):
        raise Failure(ReturnCode.BUFFER_TOO_SMALL, length_only(len(numbers)))
    return b"\x01" + count(len(numbers)) + b"".join(map(ulong, numbers))


def get_mechanism_info(call: Call) -> bytes:
    """C_GetMechanismInfo: the lengths of keys, and what the mechanism is used for."""
    call.slot()
    mechanism = MECHANISMS.get(call.reader.ulong())
    call.end()
    if mechanism is None or not mechanism.is_possible(call.scope.services.crypto.capabilities):
        raise Failure(ReturnCode.MECHANISM_INVALID)
    flags = sum(FLAGS[use] for use in mechanism.uses)
    return b"".join(map(ulong, (*mechanism.key_lengths, flags)))


def open_session(call: Call) -> bytes:
    """C_OpenSession: the handle of a new session.  Raises Failure (CKR_ARGUMENTS_BAD) for a parallel one."""
    call.slot()
    flags = call.reader.ulong()
    call.end()
    if not flags & SERIAL_SESSION:
        raise Failure(ReturnCode.ARGUMENTS_BAD)
    if len(call.application.sessions) >= MAXIMUM_SESSIONS:
        raise Failure(ReturnCode.HOST_MEMORY)
    logged_in = any(session.is_logged_in for session in call.application.sessions.values())
    handle = call.application.new_number()
    call.sessions[handle] = Session(is_read_write=bool(flags & RW_SESSION), is_logged_in=logged_in)
    return ulong(handle)


def close_session(call: Call) -> None:
    """C_CloseSession."""
    handle, _ = call.session()
    call.end()
    call.sessions[handle] = None


def close_all_sessions(call: Call) -> None:
    """C_CloseAllSessions of the slot."""
    call.slot()
    call.end()
    call.sessions.update(dict.fromkeys(call.application.sessions))


def get_session_info(call: Call) -> bytes:
    """C_GetSessionInfo: slot, state, flags, error of the device."""
    _, session = call.session()
    call.end()
    states = {(False, False): RO_PUBLIC, (False, True): RO_USER, (True, False): RW_PUBLIC, (True, True): RW_USER}
    flags = SERIAL_SESSION | (RW_SESSION if session.is_read_write else 0)
    return b"".join(map(ulong, (SLOT, states[session.is_read_write, session.is_logged_in], flags, 0)))


def login(call: Call) -> None:
    """C_Login of the user, who is the principal of the request; the PIN is not read.

    Raises Failure (CKR_FUNCTION_NOT_SUPPORTED) for the security officer: administration is not done by PKCS#11.
    """
    call.session()
    user = call.reader.ulong()
    call.reader.array()
    call.end()
    if user != USER:
        raise Failure(ReturnCode.FUNCTION_NOT_SUPPORTED)
    _log(call, is_in=True)


def logout(call: Call) -> None:
    """C_Logout of all sessions of the application.  Raises Failure (CKR_USER_NOT_LOGGED_IN)."""
    _, session = call.session()
    call.end()
    if not session.is_logged_in:
        raise Failure(ReturnCode.USER_NOT_LOGGED_IN)
    _log(call, is_in=False)


def _log(call: Call, *, is_in: bool) -> None:
    for handle, session in call.application.sessions.items():
        call.sessions[handle] = evolve(session, is_logged_in=is_in)


def check_initialization(call: Call) -> None:
    """Read what C_Initialize sends: the version of the encoding.  Raises KmipError (PKCS#11 Codec Error)."""
    if call.reader.byte() != PROFILE_VERSION:
        raise codec_error(f"the encoding of parameters has version {PROFILE_VERSION}")
    call.end()
