"""The line format of the audit trail: a JSON object with a hash that covers it and, by `previous`, all before it.

    {"chain":"main","sequence":7,"previous":"<64 hex>","record":{...},"hash":"<64 hex>"}

`hash` is SHA-256 over the bytes of the line that stand before `,"hash":`, so that a line can be checked without
knowing JSON. `record` leaves out what is empty. Everything outside printable ASCII is escaped: no name, however
chosen, can begin a line of its own or move a terminal's cursor.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from kmip_core.classes import frozen
from kmip_core.enums import Operation, ResultReason
from kmip_core.ports.audit import AuditRecord

BEFORE_THE_FIRST: Final = "0" * 64
"""What the first line of a chain names as the hash before it."""

TEXT_LENGTH: Final = 1_024  # characters of one text; a request may carry a megabyte, the trail need not
REMEMBERED_LENGTH: Final = 64  # characters of a text that is kept for the next record
KNOWN_CLIENTS: Final = 256  # clients whose part of a record is kept for the next one
IDENTIFIERS: Final = 1_000  # identifiers in one record


@frozen
class Head:
    """The end of a chain: kept elsewhere, it shows later whether anything up to it was cut off or rewritten."""

    sequence: int = 0
    hash: str = BEFORE_THE_FIRST


@frozen(kw_only=True)
class Line:
    """One line read back; `is_intact` says whether its own hash fits."""

    chain: str
    sequence: int
    previous: str
    record: dict[str, Any]
    hash: str
    is_intact: bool


def write_line(chain: str, sequence: int, previous: str, record: AuditRecord) -> tuple[bytes, str]:
    """Return the line that is the chain's `sequence`-th, with its newline, and its hash.

    previous: the hash of the line before.
    """
    begin = f'{{"chain":{_remembered_quote(chain)},"sequence":{sequence},"previous":"{previous}","record":'
    text = begin + record_text(record)
    digest = sha256(text.encode("ascii")).hexdigest()
    return f'{text},"hash":"{digest}"}}\n'.encode("ascii"), digest


def read_line(line: bytes) -> Line:
    """Return what a line says.  line: without its newline.  Raises ValueError if it is not of this format."""
    body, mark, tail = line.rpartition(b',"hash":"')
    fields = json.loads(line)
    try:
        return Line(
            chain=str(fields["chain"]),
            sequence=int(fields["sequence"]),
            previous=str(fields["previous"]),
            record=dict(fields["record"]),
            hash=str(fields["hash"]),
            is_intact=bool(mark) and tail == sha256(body).hexdigest().encode("ascii") + b'"}',
        )
    except (KeyError, TypeError) as error:
        raise ValueError("not a record of the audit trail") from error


_quote: Final = encode_basestring_ascii  # as json.dumps does, without its two calls in Python; all but " " to "~"

_OPERATIONS: Final[Mapping[Operation | None, str]] = {
    None: "",
    **{operation: f',"operation":"{operation.name}"' for operation in Operation},
}
_EVENTS: Final = {operation: f',"event":"{operation.name}","operation":"{operation.name}"' for operation in Operation}
_RESULTS: Final = {reason: f',"result":"{reason.name}"' for reason in ResultReason}


def record_text(record: AuditRecord) -> str:
    """Return a record as JSON in printable ASCII.

    Written out by hand: this runs for every batch item, and json.dumps of a dict takes far longer.
    """
    client = record.principal, record.source, record.address, record.certificate_serial, record.certificate_issuer
    who = _known_clients.get(client) or _remember_who(client)
    operation = record.operation
    if operation is not None and record.event == operation._name_:  # as nearly always; its `name` is two calls
        what = _EVENTS[operation]
    else:
        what = f',"event":{_clipped(record.event)}{_OPERATIONS[operation]}'
    text = f'{{"record_id":{_quote(record.record_id)},"time":{record.time:d}{who}{what}'
    identifiers = record.unique_identifiers
    if identifiers:
        if len(identifiers) == 1 and len(identifiers[0]) <= REMEMBERED_LENGTH:  # as nearly always
            text += f',"unique_identifiers":[{_quote(identifiers[0])}]'  # to look whether it is kept would take longer
        else:
            text += f',"unique_identifiers":[{_identifiers_text(identifiers)}]'
    if record.result is not None:
        text += _RESULTS[record.result]
    if record.message:
        text += f',"message":{_clipped(record.message)}'
    if record.client_correlation_value:
        text += f',"client_correlation_value":{_clipped(record.client_correlation_value)}'
    if record.server_correlation_value:
        text += f',"server_correlation_value":{_clipped(record.server_correlation_value)}'
    return text + "}"


def _who(principal: str, source: str, address: str, certificate_serial: str, certificate_issuer: str) -> str:
    """Return the part of a record that is the same for all requests of one connection."""
    text = f',"principal":{_clipped(principal)}'
    if source:
        text += f',"source":{_clipped(source)}'
    if address:
        text += f',"address":{_clipped(address)}'
    if certificate_serial:
        text += f',"certificate_serial":{_clipped(certificate_serial)}'
    if certificate_issuer:
        text += f',"certificate_issuer":{_clipped(certificate_issuer)}'
    return text


def _remember_who(client: tuple[str, str, str, str, str]) -> str:
    """Return `_who`, kept for the next record unless it is long: the length of a name is a client's choice."""
    text = _who(*client)
    if sum(map(len, client)) <= 2 * REMEMBERED_LENGTH:
        if len(_known_clients) >= KNOWN_CLIENTS:
            _known_clients.clear()
        _known_clients[client] = text
    return text


_known_clients: Final[dict[tuple[str, str, str, str, str], str]] = {}


def _identifiers_text(identifiers: tuple[str, ...]) -> str:
    if len(identifiers) > IDENTIFIERS:
        identifiers = (*identifiers[:IDENTIFIERS], f"... and {len(identifiers) - IDENTIFIERS} more")
    return ",".join(map(_clipped, identifiers))


def _clipped(text: str) -> str:
    if len(text) <= REMEMBERED_LENGTH:
        return _remembered_quote(text)
    if len(text) > TEXT_LENGTH:
        text = f"{text[:TEXT_LENGTH]} ... ({len(text)} characters)"
    return _quote(text)


_remembered_quote: Final = lru_cache(1_024)(_quote)
"""Names, addresses and events come again and again. Long texts are a client's choice, and would stay in memory."""
