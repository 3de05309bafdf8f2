"""Plays one official case against a server: fills in placeholders, sends, compares, stops at the first difference."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from kmip_adapters.ttlv.encodings import items
from kmip_adapters.ttlv.encodings.encoding import BINARY, JSON, Encoding
from kmip_adapters.ttlv.encodings.items import RESPONSE_LIMITS, DecodingError, Item, Value
from kmip_app.conformance.cases import Case, offset_from_now, placeholder
from kmip_app.conformance.comparison import BATCH_ITEM, OPERATION, TIME_STAMP, Difference, Known, compare, learn_request
from kmip_app.conformance.corrections import corrected
from kmip_app.conformance.https import Post
from kmip_app.conformance.settings import predecessor_of
from kmip_core.enums import ItemType, Operation

Exchange = Callable[[bytes], bytes]
ExchangeOf = Callable[[str], Exchange]
"""Returns what carries the frames of a client that a case names, over a connection of its own."""

# What a server sends to a client. KMIP 1.4 §5.
SERVER_TO_CLIENT: Final = frozenset({Operation.NOTIFY, Operation.PUT})

# Families whose messages travel by HTTPS, and their encoding; without such a carriage the case fails.
CARRIAGES: Final[Mapping[str, Encoding]] = {"MSGENC-JSON": JSON, "MSGENC-HTTPS": BINARY}


class CaseFailed(AssertionError):
    """A response that is not as the case expects, or a case that cannot be played."""


def play(case: Case, exchange: Exchange, post: Post | None = None, others: ExchangeOf | None = None) -> None:
    """Play `case` through `exchange` (frame -> frame).  Raises CaseFailed with every difference of a response.

    others: for the second and further clients of a case; None plays all of them over one connection.
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
    for number, ((request, expected), client) in enumerate(zip(exchanges, case.clients, strict=True), 1):
        if others is not None and client != first and case.family not in CARRIAGES:
            carry = others(client)
        elif case.family not in CARRIAGES:
            carry = exchange
        where = f"{case.id}, exchange {number}"
        if _operations(request) & SERVER_TO_CLIENT:
            raise CaseFailed(f"{where}: the server must call the client")
        sent = filled_in(corrected(request, case), known, where)
        learn_request(sent, known)
        try:
            actual = encoding.decode(carry(encoding.encode(sent)), RESPONSE_LIMITS)
        except (OSError, DecodingError) as error:
            raise CaseFailed(f"{where}: no usable response: {error}") from error
        known.now = int(time.time())
        found = compare(corrected(expected, case), actual, sent, known)
        if found:
            raise CaseFailed(described(where, found, actual))


def _posted(post: Post, encoding: Encoding, message: bytes) -> bytes:
    return post(message, encoding.content_type)


def play_in_order(case: Case, exchange: Exchange, post: Post | None = None, others: ExchangeOf | None = None) -> None:
    """Play `case`, and before it the one it goes on from.  Raises CaseFailed."""
    before = predecessor_of(case)
    if before is not None:
        play_in_order(before, exchange, post, others)
    play(case, exchange, post, others)


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


def described(where: str, found: list[Difference], actual: Item) -> str:
    """Return the differences and the whole response for people."""
    return "\n  ".join([f"{where}: the response differs", *map(str, found)]) + "\n" + items.describe(actual)


def _operations(message: Item) -> set[Value]:
    return {
        operation.value
        for batch_item in items.all(message, BATCH_ITEM)
        if (operation := items.first(batch_item, OPERATION))
    }
