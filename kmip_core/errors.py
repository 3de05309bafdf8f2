"""Refusals as values: what the core raises when the standard says no.

A `KmipError` names the precise reason; whether an older protocol version knows that reason is the edge's concern
(`kmip_adapters.ttlv`). Everything that is not a `KmipError` is a bug and is answered with General Failure.
"""

from typing import Final, TypeVar

from kmip_core.enums import ResultReason

T = TypeVar("T")
E = TypeVar("E", bound=BaseException)

NOT_FOUND_TEXT: Final = "no such object"
"""One text for missing and for foreign objects, so that clients cannot distinguish the two (RULINGS 1)."""


class KmipError(Exception):
    """A request, or a batch item, that is refused.

    reason: the standard's Result Reason (KMIP 2.1 §11.46, 1.4 §9.1.3.2.29).
    message: for the client: lower case, says what would be accepted, no secrets and no internals.
    """

    def __init__(self, reason: ResultReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __repr__(self) -> str:
        return f"KmipError({self.reason.name}, {self.message!r})"


class Unusable(Exception):
    """What a server or a command is to work with cannot be used; the text is for the operator and names the remedy."""


class DelayedRefusal(KmipError):
    """A refusal whose answer is held back for some milliseconds, without a thread."""

    def __init__(self, reason: ResultReason, message: str, milliseconds: int) -> None:
        super().__init__(reason, message)
        self.milliseconds = milliseconds


class AnsweredRefusal(KmipError):
    """A refusal that the client reads in the payload of an answer whose Result Status is Success; nothing is committed.

    answer: the payload.
    """

    def __init__(self, reason: ResultReason, message: str, answer: object) -> None:
        super().__init__(reason, message)
        self.answer = answer


def anew(error: E) -> E:
    """Return an error that says the same as one that is kept, to be raised in its place.

    Each time that an error is raised its traceback grows, by frames with all that they know: one that is kept, and
    raised again and again, fills the memory.
    """
    copy = type(error).__new__(type(error), *error.args)
    copy.__dict__.update(error.__dict__)
    return copy


def invalid_field(message: str) -> KmipError:
    """Return the refusal of a value that is understood but cannot be accepted."""
    return KmipError(ResultReason.INVALID_FIELD, message)


def invalid_attribute_value(message: str) -> KmipError:
    """Return the refusal of a value that an attribute cannot have."""
    return KmipError(ResultReason.INVALID_ATTRIBUTE_VALUE, message)


def bad_parameters(message: str) -> KmipError:
    """Return the refusal of Cryptographic Parameters that are incomplete, contradictory or out of range."""
    return KmipError(ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, message)


def unsupported_parameters(message: str) -> KmipError:
    """Return the refusal of Cryptographic Parameters that the standard has, and the adapter has not."""
    return KmipError(ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS, message)


def invalid_message(message: str) -> KmipError:
    """Return the refusal of a message or payload whose shape is wrong."""
    return KmipError(ResultReason.INVALID_MESSAGE, message)


def no_key_value() -> KmipError:
    """Return the refusal to use an object that was registered without its Key Value. KMIP 1.4 §11.12."""
    return KmipError(ResultReason.KEY_VALUE_NOT_PRESENT, "the object was registered without its Key Value")


def not_found() -> KmipError:
    """Return the refusal for an object that is missing, or that the principal may not know of."""
    return KmipError(ResultReason.OBJECT_NOT_FOUND, NOT_FOUND_TEXT)


def permission_denied(message: str) -> KmipError:
    """Return the refusal for a principal that may know of the object but not do this to it."""
    return KmipError(ResultReason.PERMISSION_DENIED, message)


def wrong_state(message: str) -> KmipError:
    """Return the refusal for an object whose state does not allow the operation."""
    return KmipError(ResultReason.WRONG_KEY_LIFECYCLE_STATE, message)


def not_supported(message: str) -> KmipError:
    """Return the refusal for what this server, or the adapter behind it, cannot do."""
    return KmipError(ResultReason.FEATURE_NOT_SUPPORTED, message)


def need(value: T | None, name: str) -> T:
    """Return `value`, which must be there.  Raises KmipError (Invalid Field) that names what is missing."""
    if value is None:
        raise invalid_field(f"{name} must be given")
    return value
