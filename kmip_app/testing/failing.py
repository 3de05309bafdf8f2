"""The arguments of `KmipTestServer.fail_next` as an injected failure."""

from typing import Literal, TypeAlias

from kmip_adapters.ttlv.failure_injection import GARBAGE, InjectedFailure, Lost
from kmip_app.words import member
from kmip_core.enums import Operation, ResultReason
from kmip_core.errors import KmipError

Drop: TypeAlias = bool | Literal["request", "answer"]


def injected_failure(
    operation: Operation | str,
    reason: ResultReason | str | None,
    message: str,
    drop: Drop,
    delay: float,
    garbage: bool | bytes,
) -> InjectedFailure:
    """Return the failure.  Raises ValueError for nothing, or too much, at once, and for names that do not exist."""
    if (reason is not None) + bool(drop) + (garbage is not False) > 1:
        raise ValueError("reason, drop and garbage exclude each other; a delay goes with any of them")
    if reason is None and not drop and garbage is False and delay == 0:
        raise ValueError("say what is to go wrong: a reason, drop, delay or garbage")
    if delay < 0:
        raise ValueError("a delay is not negative")
    if garbage == b"":
        raise ValueError("garbage has bytes; drop sends none")
    if drop not in (True, False, *(one.value for one in Lost)):
        raise ValueError(f"drop is True, 'request' or 'answer', not {drop!r}")
    lost = Lost.REQUEST if drop is True else Lost(drop) if drop else None
    return InjectedFailure(
        operation=member(Operation, operation),
        refusal=None if reason is None else KmipError(member(ResultReason, reason), message),
        lost=lost,
        garbage=GARBAGE if garbage is True else garbage or None,
        delay=delay,
    )
