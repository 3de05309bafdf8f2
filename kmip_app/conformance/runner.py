"""Plays one official case against a server: fills in placeholders, sends, compares, stops at the first difference."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Protocol

from kmip_adapters.ttlv.encodings import items
from kmip_adapters.ttlv.encodings.encoding import BINARY, JSON, Encoding
from kmip_adapters.ttlv.encodings.items import RESPONSE_LIMITS, DecodingError, Item, Value
from kmip_app.conformance.cases import Case, offset_from_now, placeholder
from kmip_app.conformance.comparison import (
    TIME_STAMP,
    Difference,
    Known,
    compare,
    compare_call,
    learn_request,
)
from kmip_app.conformance.corrections import corrected
from kmip_app.conformance.https import Post
from kmip_app.conformance.listening import Call, succeeded, unique_identifier
from kmip_app.conformance.settings import predecessor_of
from kmip_app.system_errors import reason_of
from kmip_core.enums import ItemType

Exchange = Callable[[bytes], bytes]
ExchangeOf = Callable[[str], Exchange]
"""Returns what carries the frames of a client that a case names, over a connection of its own."""

# Families whose messages travel by HTTPS, and their encoding; without such a carriage the case fails.
CARRIAGES: Final[Mapping[str, Encoding]] = {"MSGENC-JSON": JSON, "MSGENC-HTTPS": BINARY}


class Calls(Protocol):
    """What the server sends to the client of a case: `kmip_app.conformance.listening`."""

    def begin(self, version: str) -> None:
        """Keep what the server sends from now on; the client speaks this version."""
        ...

    def take(self) -> Call:
        """Return the next request.  Raises TimeoutError."""
        ...

    def end(self) -> None:
        """Keep nothing any more."""
        ...


class CaseFailed(AssertionError):
    """A response that is not as the case expects, or a case that cannot be played."""


def play(
    case: Case,
    exchange: Exchange,
    post: Post | None = None,
    others: ExchangeOf | None = None,
    calls: Calls | None = None,
) -> None:
    """Play `case` through `exchange` (frame -> frame).  Raises CaseFailed with every difference of a response.

    others: for the second and further clients of a case; None plays all of them over one connection.
    calls: what the server sends to the client; without, a case in which it does so fails.
    """
    encoding = CARRIAGES.get(case.family)
    if encoding is None:
        encoding, carry = BINARY, exchange
    elif post is None:
        raise CaseFailed(f"needs carriage of {encoding.name} over HTTPS")
    else:
        carry = partial(_posted, post, encoding)
    try:
        exchanges = case.exchanges
    except DecodingError as error:
        raise CaseFailed(f"the case cannot be read: {error}") from error
    started_at = int(time.time())
    known = Known(started_at=started_at, now=started_at)
    first = case.clients[0] if case.clients else ""
    if calls is not None:
        calls.begin(case.version)
    try:
        for number, ((request, expected), client) in enumerate(zip(exchanges, case.clients, strict=True), 1):
            if others is not None and client != first and case.family not in CARRIAGES:
                carry = others(client)
            elif case.family not in CARRIAGES:
                carry = exchange
            where = f"{case.id}, exchange {number}"
            if case.calls[number - 1]:
                _be_called(case, calls, request, expected, known, where)
                continue
            sent = filled_in(corrected(request, case), known, where)
            learn_request(sent, known)
            try:
                actual = encoding.decode(carry(encoding.encode(sent)), RESPONSE_LIMITS)
            except (OSError, DecodingError) as error:
                raise CaseFailed(f"{where}: no usable response: {reason_of(error)}") from error
            known.now = int(time.time())
            found = compare(corrected(expected, case), actual, sent, known)
            if found:
                raise CaseFailed(described(where, found, actual))
    finally:
        if calls is not None:
            calls.end()


def _be_called(case: Case, calls: Calls | None, expected: Item, response: Item, known: Known, where: str) -> None:
    """Take the server's request, compare it, and give the response of the case.  Raises CaseFailed."""
    if calls is None:
        raise CaseFailed(f"{where}: the server must call the client, and the client does not listen")
    named = unique_identifier(expected)
    try:
        call = calls.take()
        while named in known.captured and call.unique_identifier not in known.captured.values():
            call.answer(succeeded(call.request))  # left from a run before, of the same client
            call = calls.take()
    except TimeoutError as error:
        raise CaseFailed(f"{where}: the server must call the client: {error}") from error
    known.now = int(time.time())
    found = compare_call(corrected(expected, case), call.request, known)
    if found:
        call.answer(succeeded(call.request))  # else the server would wait, and the end of the case with it
        raise CaseFailed(described(where, found, call.request, "request"))
    call.answer(filled_in(corrected(response, case), known, where))


def _posted(post: Post, encoding: Encoding, message: bytes) -> bytes:
    return post(message, encoding.content_type)


def play_in_order(
    case: Case,
    exchange: Exchange,
    post: Post | None = None,
    others: ExchangeOf | None = None,
    calls: Calls | None = None,
) -> None:
    """Play `case`, and before it the one it goes on from.  Raises CaseFailed."""
    before = predecessor_of(case)
    if before is not None:
        play_in_order(before, exchange, post, others, calls)
    play(case, exchange, post, others, calls)


def filled_in(request: Item, known: Known, where: str = "request") -> Item:
    """Return `request` with captured and computed values for its placeholders; `known` remembers the dates it sets."""
    if isinstance(request.value, tuple):
        return request._replace(value=tuple(filled_in(child, known, where) for child in request.value))
    return request._replace(value=_filled_in(request, known, where))


def _filled_in(item: Item, known: Known, where: str) -> Value:
    value = item.value
    if item.type is ItemType.DATE_TIME and isinstance(value, int):
        offset = offset_from_now(value)
        date = value if offset is None else known.started_at + offset
        if item.tag != TIME_STAMP:
            known.sent_dates.add(date)
        return date
    if isinstance(value, str | bytes):
        if value in known.captured:
            return known.captured[value]
        if name := placeholder(value):
            if item.tag not in known.last_seen:
                raise CaseFailed(f"{where}: no response has shown {name}")
            return known.last_seen[item.tag]
    return value


def described(where: str, found: list[Difference], actual: Item, what: str = "response") -> str:
    """Return the differences and the whole message for people."""
    return "\n  ".join([f"{where}: the {what} differs", *map(str, found)]) + "\n" + items.describe(actual)
