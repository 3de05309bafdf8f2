"""What is sent to a client for a notice, and what is noticed because a date has come.

Values are read when a notice is delivered, by requests in the client's name: the policy, the client's groups and the
sensitivity of keys decide then as they would if the client had asked by itself, and the audit trail has the evidence.
ADR 0186.
"""

from typing import Any, Final

from kmip_core import lifecycle
from kmip_core.calls import notify, put
from kmip_core.engine import Engine
from kmip_core.enums import Operation, PutFunction, ResultReason, ResultStatus
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.objects import ManagedObject
from kmip_core.operations import get, get_attributes
from kmip_core.ports.leases import CLOCKS_APART
from kmip_core.ports.notices import NoticeQueue
from kmip_core.ports.schedule import Schedule
from kmip_core.principal import Principal, Source
from kmip_core.structures import ProtocolVersion
from kmip_core.subscriptions import LAST_CHANGE, Announcer, Notice

CORRELATION: Final = "server to client"
"""What the audit trail has as the client's correlation value where the server reads in a client's name."""

PIECE: Final = 200
BY_DATES: Final = Principal(name="", source=Source.SERVER)


def request_for(notice: Notice, engine: Engine, principal: Principal, version: ProtocolVersion) -> Any:
    """Return the payload to send for a notice.

    principal: the client, as its certificate says.  version: the one in which it will be sent.
    Raises KmipError where the client may not read what it would be sent, or nothing is left of it.
    """
    if notice.operation is Operation.PUT:
        return _put(notice, engine, principal, version)
    references = tuple(dict.fromkeys((*notice.changed, LAST_CHANGE))) if notice.changed or notice.deleted else ()
    read = get_attributes.Request(unique_identifier=notice.unique_identifier, references=references)
    attributes = _read(engine, Operation.GET_ATTRIBUTES, read, principal, version).attributes
    return notify.Request(unique_identifier=notice.unique_identifier, attributes=attributes, deleted=notice.deleted)


def _put(notice: Notice, engine: Engine, principal: Principal, version: ProtocolVersion) -> put.Request:
    identifier = notice.unique_identifier
    described = get_attributes.Request(unique_identifier=identifier)  # before the Get, after which it is not Fresh
    attributes = _read(engine, Operation.GET_ATTRIBUTES, described, principal, version).attributes
    content = _read(engine, Operation.GET, get.Request(unique_identifier=identifier), principal, version).managed_object
    return put.Request(
        unique_identifier=identifier,
        put_function=PutFunction.NEW if notice.replaced is None else PutFunction.REPLACE,
        replaced_unique_identifier=notice.replaced,
        managed_object=content,
        attributes=attributes,
    )


def _read(engine: Engine, operation: Operation, request: Any, principal: Principal, version: ProtocolVersion) -> Any:
    header = RequestHeader(protocol_version=version, client_correlation_value=CORRELATION)
    message = RequestMessage(header=header, batch_items=(RequestBatchItem(operation=operation, payload=request),))
    (answer,) = engine.handle(message, principal).batch_items
    if answer.result_status is not ResultStatus.SUCCESS:
        raise KmipError(answer.result_reason or ResultReason.GENERAL_FAILURE, answer.result_message or "")
    return answer.payload


def announce_dates(engine: Engine, announcer: Announcer, schedule: Schedule, queue: NoticeQueue) -> int:
    """Queue notices of the states that dates have brought since this was done last; return how many.

    A crash between the notices and the note of how far they go has some of them sent twice, and none lost.
    """
    services = engine.services
    now, since = services.clock.now(), queue.announced_until()
    if since is None or since > now + CLOCKS_APART:
        queue.note_announced(now)
        return 0
    made = after = 0
    while since < now:
        piece = schedule.state_changes(since, now, after, PIECE)
        with services.storage.unit_of_work() as work:
            changes: list[tuple[ManagedObject | None, ManagedObject | None]] = []
            for one in piece:
                found = work.find(one.unique_identifier)
                if found is not None:
                    changes.append((found, found.changed(lifecycle.settle(found.attributes, now))))
            notices = announcer.notices(changes, BY_DATES, now, services.identifiers.new)
            work.notify(notices, announcer.limit)
            work.commit()
        made += len(notices)
        if len(piece) < PIECE:
            queue.note_announced(now)
            break
        after = piece[-1].place
    return made
