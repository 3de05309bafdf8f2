"""What an object may be used for: permitted states, dates and usage-mask bits, as tables over purposes.

`admit` is the one gate: the engine calls it before a handler runs, and storage hands out content only for the
`Admitted` that it returns. A handler therefore cannot forget a check. KMIP 2.1 §4.17 (mask), §4.57 (states).
"""

import enum
from typing import Final

from attrs import field

from kmip_core.attributes import Attributes
from kmip_core.classes import define
from kmip_core.enums import CryptographicAlgorithm, ObjectType, ResultReason, State
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.errors import KmipError, permission_denied, wrong_state
from kmip_core.lifecycle import GONE, need_state
from kmip_core.objects import ManagedObject
from kmip_core.standard_names import standard_name


class Purpose(enum.Enum):
    """Why a request touches an object; the value completes "state is ...; {value} needs ..."."""

    READ_ATTRIBUTES = "reading attributes"
    READ_CONTENT = "Get"
    CHANGE_ATTRIBUTES = "changing attributes"
    CHANGE_STATE = "changing the state"
    ENCRYPT = "Encrypt"
    DECRYPT = "Decrypt"
    SIGN = "Sign"
    VERIFY = "Signature Verify"
    MAC_GENERATE = "MAC"
    MAC_VERIFY = "MAC Verify"
    WRAP = "key wrapping"
    UNWRAP = "key unwrapping"
    DERIVE = "Derive Key"
    AGREE = "key agreement"
    ENCAPSULATE = "Encapsulate"
    DECAPSULATE = "Decapsulate"
    CERTIFY = "Certify"
    ISSUE = "issuing certificates"
    PASSWORD = "protection by a password"  # noqa: S105  a purpose
    REPLACE = "Re-key"
    CHECK = "Check"
    LEASE = "Obtain Lease"
    ALLOCATE = "Get Usage Allocation"
    RECOVER = "Recover"
    AUTHENTICATE = "authentication"

    __hash__ = object.__hash__  # it is a key in tables that every request looks up; Enum's own runs in Python


CHANGING: Final = frozenset(
    {
        Purpose.CHANGE_ATTRIBUTES,
        Purpose.CHANGE_STATE,
        Purpose.REPLACE,
        Purpose.RECOVER,
        Purpose.ALLOCATE,
        Purpose.CERTIFY,
    }
)
"""Purposes for which an object must be named: it is another one afterwards, or gone."""

_ANY: Final = frozenset(State)
_PRESENT: Final = _ANY - GONE
_ACTIVE: Final = frozenset({State.ACTIVE})
_LIVING: Final = frozenset({State.PRE_ACTIVE, State.ACTIVE, State.DEACTIVATED, State.COMPROMISED})

STATES_FOR: Final[dict[Purpose, frozenset[State]]] = {
    Purpose.READ_ATTRIBUTES: _ANY,
    Purpose.READ_CONTENT: _PRESENT,
    Purpose.CHANGE_ATTRIBUTES: _ANY,
    Purpose.CHANGE_STATE: _ANY,  # the life-cycle table says which change
    Purpose.ENCRYPT: _ACTIVE,
    Purpose.DECRYPT: _ACTIVE,
    Purpose.SIGN: _ACTIVE,
    Purpose.VERIFY: _ACTIVE,
    Purpose.MAC_GENERATE: _ACTIVE,
    Purpose.MAC_VERIFY: _ACTIVE,
    Purpose.WRAP: _ACTIVE,
    Purpose.UNWRAP: _ACTIVE,
    Purpose.DERIVE: _LIVING - {State.COMPROMISED, State.DEACTIVATED},  # PyKMIP and the official cases derive early
    Purpose.AGREE: _ACTIVE,
    Purpose.ENCAPSULATE: _ACTIVE,
    Purpose.DECAPSULATE: _ACTIVE,
    Purpose.CERTIFY: _LIVING,
    Purpose.ISSUE: _ACTIVE,
    Purpose.PASSWORD: _ACTIVE,
    Purpose.REPLACE: _LIVING,
    Purpose.CHECK: _PRESENT,
    Purpose.LEASE: _PRESENT,
    Purpose.ALLOCATE: _ACTIVE,
    Purpose.RECOVER: _ANY,
    Purpose.AUTHENTICATE: frozenset({State.PRE_ACTIVE, State.ACTIVE}),
}
"""The states an object may be in for a purpose."""

AFTER_DEACTIVATION: Final = frozenset(
    {Purpose.DECRYPT, Purpose.VERIFY, Purpose.MAC_VERIFY, Purpose.UNWRAP, Purpose.DECAPSULATE}
)
"""Purposes that only undo earlier protection; `process_after_deactivation` opens two more states (RULINGS 7)."""

USAGE_FOR: Final[dict[Purpose, Mask]] = {
    Purpose.ENCRYPT: Mask.ENCRYPT,
    Purpose.DECRYPT: Mask.DECRYPT,
    Purpose.SIGN: Mask.SIGN,
    Purpose.VERIFY: Mask.VERIFY,
    Purpose.MAC_GENERATE: Mask.MAC_GENERATE,
    Purpose.MAC_VERIFY: Mask.MAC_VERIFY,
    Purpose.WRAP: Mask.WRAP_KEY,
    Purpose.UNWRAP: Mask.UNWRAP_KEY,
    Purpose.DERIVE: Mask.DERIVE_KEY,
    Purpose.AGREE: Mask.KEY_AGREEMENT,
    Purpose.ENCAPSULATE: Mask.KEY_AGREEMENT | Mask.ENCRYPT | Mask.WRAP_KEY,
    Purpose.DECAPSULATE: Mask.KEY_AGREEMENT | Mask.DECRYPT | Mask.UNWRAP_KEY,
    Purpose.ISSUE: Mask.CERTIFICATE_SIGN,
}
"""The Cryptographic Usage Mask bit that a purpose needs, or one of several (RULINGS 50); a purpose that is not here
needs none."""

PROTECTS: Final = frozenset(
    {
        Purpose.ENCRYPT,
        Purpose.SIGN,
        Purpose.MAC_GENERATE,
        Purpose.WRAP,
        Purpose.ISSUE,
        Purpose.ALLOCATE,
        Purpose.ENCAPSULATE,
    }
)
"""Purposes that apply protection: over at the Protect Stop Date. KMIP 2.1 §4.41."""

PROCESSES: Final = AFTER_DEACTIVATION
"""Purposes that process what is protected: not before the Process Start Date. KMIP 2.1 §4.40."""


@define(init=False)
class Admitted:
    """Proof that one object passed `admit` for one purpose; only storage's `content` asks for it.

    Nothing sets a field of it afterwards. It is no frozen class for the reason that `operation.Scope` has.
    attributes: the object's, settled at the time of admission.
    """

    managed_object: ManagedObject
    purpose: Purpose
    unique_identifier: str = field(eq=False, repr=False)
    attributes: Attributes = field(eq=False, repr=False)

    def __init__(self, managed_object: ManagedObject, purpose: Purpose, made_by_admit: object) -> None:
        if made_by_admit is not _SEAL:
            raise TypeError("Admitted is made by rules.admit only")
        self.managed_object, self.purpose = managed_object, purpose
        # Handlers ask for these again and again: a property would be a call each time.
        self.unique_identifier, self.attributes = managed_object.unique_identifier, managed_object.attributes


_SEAL: Final = object()


def admit(
    managed_object: ManagedObject,
    purpose: Purpose,
    now: int,
    *,
    object_types: frozenset[ObjectType] | None = None,
    process_after_deactivation: bool = False,
) -> Admitted:
    """Return the proof that this settled object may be used for `purpose` at `now`.

    The order is type, archive, state, dates, usage mask. Who asks was judged before (policy).
    Raises KmipError: Invalid Object Type; Object Archived; Object Destroyed; Wrong Key Lifecycle State;
    Incompatible Cryptographic Usage Mask.  Raises TypeError for what is no Purpose.
    """
    try:
        permitted = STATES_FOR[purpose]
    except KeyError:
        raise _no_purpose(purpose) from None
    attributes = managed_object.attributes
    kind = managed_object.object_type
    if object_types is not None and kind not in object_types and kind not in _pads(attributes, purpose):
        wanted = " or ".join(sorted(map(standard_name, object_types)))
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, f"{purpose.value} needs an object of type {wanted}")
    if managed_object.archived and purpose not in _WHILE_ARCHIVED:
        raise KmipError(ResultReason.OBJECT_ARCHIVED, "the object is archived; Recover it first")
    if attributes.state not in permitted:  # or has none, and counts as Pre-Active
        _check_state(attributes, purpose, process_after_deactivation)
    if attributes.process_start_date is not None or attributes.protect_stop_date is not None:
        check_dates(attributes, purpose, now)
    needed, mask = USAGE_FOR.get(purpose), attributes.cryptographic_usage_mask
    if needed is not None and (mask is None or not mask._value_ & needed._value_):  # looked at without a call
        check_usage(mask, purpose)
    return Admitted(managed_object, purpose, _SEAL)


def _pads(attributes: Attributes, purpose: Purpose) -> frozenset[ObjectType]:
    """Return the type that encrypts besides: a one-time pad may be Secret Data. KMIP 1.3, 1.4 §9.1.3.2.13."""
    is_pad = attributes.cryptographic_algorithm is CryptographicAlgorithm.ONE_TIME_PAD
    return _SECRET_DATA if is_pad and purpose in (Purpose.ENCRYPT, Purpose.DECRYPT) else _NO_TYPES


_SECRET_DATA: Final = frozenset({ObjectType.SECRET_DATA})
_NO_TYPES: Final[frozenset[ObjectType]] = frozenset()

_WHILE_ARCHIVED: Final = frozenset({Purpose.READ_ATTRIBUTES, Purpose.RECOVER})
"""Everything else is refused, KMIP 1.4 §11; attributes are read all the same, as the official case TC-101 does."""


def check_usage(mask: Mask | None, purpose: Purpose) -> None:
    """Raise KmipError (Incompatible Cryptographic Usage Mask) unless the mask has the bit that `purpose` needs.

    Raises TypeError for what is no Purpose.
    """
    needed = USAGE_FOR.get(purpose)
    if needed is None:
        if not isinstance(purpose, Purpose):  # one that is misspelt must not be found allowed
            raise _no_purpose(purpose)
        return
    # Plain numbers: `&` of two masks makes a third one by five calls in Python.
    if mask is None or not mask._value_ & needed._value_:
        raise KmipError(
            ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK,
            f"{purpose.value} needs the {usage_bits(needed)} bit in the cryptographic usage mask",
        )


def _no_purpose(given: object) -> TypeError:
    return TypeError(f"purpose is {given!r}; write a Purpose, for example Purpose.SIGN")


def usage_bits(mask: Mask) -> str:
    """Return the names of the bits, of which one will do."""
    return " or ".join(standard_name(bit) for bit in Mask if bit & mask)


def check_dates(attributes: Attributes, purpose: Purpose, now: int) -> None:
    """Raise KmipError (Wrong Key Lifecycle State) outside Process Start Date and Protect Stop Date.

    Raises TypeError for what is no Purpose.
    """
    if purpose not in STATES_FOR:
        raise _no_purpose(purpose)
    start, stop = attributes.process_start_date, attributes.protect_stop_date
    if purpose in PROCESSES and start is not None and now < start:
        raise wrong_state(f"the process start date has not come; {purpose.value} is not yet allowed")
    if purpose in PROTECTS and stop is not None and now >= stop:
        raise wrong_state(f"the protect stop date has passed; {purpose.value} is no longer allowed")


def check_content_may_leave(attributes: Attributes, *, wrapped: bool) -> None:
    """Raise KmipError unless key material may leave the server.

    Sensitive: only wrapped.  Extractable false: not at all. KMIP 2.1 §4.55, §4.23.
    """
    if attributes.extractable is False:
        raise KmipError(ResultReason.NOT_EXTRACTABLE, "the object is not extractable")
    if attributes.sensitive and not wrapped:
        raise KmipError(ResultReason.SENSITIVE, "the object is sensitive; it leaves only wrapped")


def _check_state(attributes: Attributes, purpose: Purpose, process_after_deactivation: bool) -> None:
    state = need_state(attributes)
    permitted = STATES_FOR[purpose]
    if process_after_deactivation and purpose in AFTER_DEACTIVATION:
        permitted |= {State.DEACTIVATED, State.COMPROMISED}
    if state in permitted:
        return
    if state in GONE:
        raise KmipError(ResultReason.OBJECT_DESTROYED, "the object has been destroyed; only its attributes are left")
    wanted = " or ".join(standard_name(s) for s in State if s in permitted)
    raise wrong_state(f"state is {standard_name(state)}; {purpose.value} needs {wanted}")


def denied_use(operation: str) -> KmipError:
    """Return the refusal for a principal that holds another grant on the object (RULINGS 1)."""
    return permission_denied(f"the object's policy does not allow {operation} for you")
