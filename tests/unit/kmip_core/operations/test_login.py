"""Login, Delegated Login and Logout: when tickets are made, what they are worth, when they end."""

from typing import Any

import pytest
from attrs import evolve

from kmip_adapters.audit.memory import MemoryTrail
from kmip_core import tickets
from kmip_core.engine import Engine
from kmip_core.enums import BatchErrorContinuationOption, Operation, ResultReason, TicketType
from kmip_core.errors import KmipError
from kmip_core.messages import Ticket
from kmip_core.operations import delegated_login, login, logout, offered, query
from kmip_core.principal import Source
from kmip_core.rights import MAXIMUM_SIZE, ObjectGroups, Objects, Operations, Right, Rights
from kmip_core.settings import Settings, TicketUse
from kmip_core.structures import UsageLimits
from kmip_core.tickets import Grant, StoredTicket
from tests.builders import ALICE, BOB, NOW, an_engine, ask, perform

BOUND = Settings(tickets=TicketUse.BOUND, ticket_lifetime=60)
READ = Rights(rights=(Right(operations=Operations(operations=(Operation.GET,))),))
SAYS_LOGIN = [Operation.LOGIN, Operation.DELEGATED_LOGIN]


@pytest.fixture
def engine() -> Engine:
    return an_engine(catalogue=offered(BOUND), settings=BOUND)


def log_in(engine: Engine, operation: Operation = Operation.LOGIN, asker: Any = ALICE, **fields: Any) -> Ticket:
    if operation is Operation.LOGIN:
        request: Any = login.Request(**fields)
    else:
        request = delegated_login.Request(**{"rights": READ} | fields)
    ticket: Ticket = perform(engine, operation, request, asker).ticket
    return ticket


def found(engine: Engine, ticket: Ticket, now: int = NOW) -> StoredTicket:
    with engine.services.storage.unit_of_work() as work:
        return tickets.find(work, ticket, ALICE, TicketUse.BOUND, now)


def is_valid(engine: Engine, ticket: Ticket, now: int = NOW) -> bool:
    try:
        found(engine, ticket, now)
    except KmipError as error:
        return error.reason is not ResultReason.INVALID_TICKET
    return True


def refusal(work: Any) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        work()
    return refused.value.reason


@pytest.mark.parametrize("use", TicketUse)
def test_tickets_are_offered_where_the_setting_says_so(use: TicketUse) -> None:
    operations = {*SAYS_LOGIN, Operation.LOGOUT}

    assert operations & offered(Settings(tickets=use)).keys() == (set() if use is TicketUse.OFF else operations)


def test_there_are_no_tickets_by_default() -> None:
    engine = an_engine(catalogue=offered(Settings()))

    assert refusal(lambda: log_in(engine)) is ResultReason.OPERATION_NOT_SUPPORTED


@pytest.mark.parametrize("operation", SAYS_LOGIN)
@pytest.mark.parametrize(
    ("asked", "lasts"),
    [
        pytest.param(None, 60, id="ok the longest"),
        pytest.param(0, 60, id="ok no limit but the server's"),
        pytest.param(10, 10, id="ok less"),
        pytest.param(1_000, 60, id="ok more than there is"),
        pytest.param(2**32 - 1, 60, id="ok for ever"),
    ],
)
def test_a_ticket_lasts_as_long_as_asked_and_allowed(
    engine: Engine, operation: Operation, asked: int | None, lasts: int
) -> None:
    ticket = log_in(engine, operation, lease_time=asked)

    assert ticket.ticket_type == TicketType.LOGIN
    assert is_valid(engine, ticket, NOW + lasts - 1)
    assert not is_valid(engine, ticket, NOW + lasts)


def test_a_ticket_stands_for_who_asked(engine: Engine) -> None:
    by_password = evolve(ALICE, name="paula", source=Source.PASSWORD)

    stored = found(engine, log_in(engine, asker=by_password))

    assert stored.grant == Grant(name="paula", certificate_name="alice", expires=NOW + 60, by_password=True)
    assert stored.left is None


def test_a_delegated_ticket_has_the_rights_that_were_named(engine: Engine) -> None:
    ticket = log_in(engine, Operation.DELEGATED_LOGIN, request_count=3)

    stored = found(engine, ticket)

    assert (stored.grant.name, stored.grant.rights, stored.left) == ("alice", READ, 3)


@pytest.mark.parametrize("operation", SAYS_LOGIN)
def test_a_request_count_of_0_is_no_limit(engine: Engine, operation: Operation) -> None:
    assert found(engine, log_in(engine, operation, request_count=0)).left is None


LIMITS = UsageLimits(usage_limits_total=1)
LONG = "x" * (MAXIMUM_SIZE - 16 * 2)


@pytest.mark.parametrize("operation", SAYS_LOGIN)
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"lease_time": -1}, ResultReason.INVALID_FIELD, id="fail less than no time"),
        pytest.param({"request_count": -1}, ResultReason.INVALID_FIELD, id="fail less than no request"),
        pytest.param({"usage_limits": LIMITS}, ResultReason.FEATURE_NOT_SUPPORTED, id="fail usage limits"),
    ],
)
def test_a_ticket_is_not_made_with_limits_that_cannot_be_kept(
    engine: Engine, operation: Operation, fields: dict[str, Any], reason: ResultReason
) -> None:
    assert refusal(lambda: log_in(engine, operation, **fields)) is reason


@pytest.mark.parametrize(
    ("right", "reason"),
    [
        pytest.param(Right(objects=Objects(unique_identifiers=(LONG,))), None, id="ok as much as is kept"),
        pytest.param(
            Right(objects=Objects(unique_identifiers=(LONG + "x",))), ResultReason.INVALID_FIELD, id="fail more"
        ),
        pytest.param(
            Right(object_groups=ObjectGroups(object_groups=("g",) * 4_096)),
            ResultReason.INVALID_FIELD,
            id="fail groups",
        ),
        pytest.param(
            Right(operations=Operations(operations=(Operation.GET,) * 4_096)),
            ResultReason.INVALID_FIELD,
            id="fail operations",
        ),
        pytest.param(Right(usage_limits=LIMITS), ResultReason.FEATURE_NOT_SUPPORTED, id="fail usage limits"),
    ],
)
def test_rights_are_kept_within_bounds(engine: Engine, right: Right, reason: ResultReason | None) -> None:
    def delegate() -> Ticket:
        return log_in(engine, Operation.DELEGATED_LOGIN, rights=Rights(rights=(right,)))

    if reason is None:
        assert is_valid(engine, delegate())
    else:
        assert refusal(delegate) is reason


@pytest.mark.parametrize("operation", SAYS_LOGIN)
def test_a_ticket_makes_no_tickets(engine: Engine, operation: Operation) -> None:
    holder = evolve(ALICE, source=Source.TICKET)

    assert refusal(lambda: log_in(engine, operation, holder)) is ResultReason.PERMISSION_DENIED


def test_an_undone_batch_makes_and_ends_no_ticket(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "MAXIMUM_TICKETS", 2)
    ticket = log_in(engine)
    answer = ask(
        engine,
        (Operation.LOGIN, login.Request()),
        (Operation.LOGOUT, logout.Request(ticket=ticket)),
        (Operation.LOGOUT, logout.Request(ticket=Ticket(ticket_type=1, ticket_value=b"unknown"))),
        batch_error_continuation_option=BatchErrorContinuationOption.UNDO,
    )

    assert answer.batch_items[2].result_reason is ResultReason.INVALID_TICKET
    assert is_valid(engine, ticket)
    assert is_valid(engine, log_in(engine)), "there is room for the second of two"


def test_logout_ends_a_ticket_once(engine: Engine) -> None:
    ticket = log_in(engine)
    request = logout.Request(ticket=ticket)

    assert perform(engine, Operation.LOGOUT, request) == logout.Response()
    assert not is_valid(engine, ticket)
    assert refusal(lambda: perform(engine, Operation.LOGOUT, request)) is ResultReason.INVALID_TICKET


def test_logout_ends_no_ticket_of_others(engine: Engine) -> None:
    ticket = log_in(engine)

    assert (
        refusal(lambda: perform(engine, Operation.LOGOUT, logout.Request(ticket=ticket), BOB))
        is ResultReason.INVALID_TICKET
    )
    assert is_valid(engine, ticket)


def test_evidence_says_how_many_rights_were_given_and_never_the_ticket() -> None:
    audit = MemoryTrail()
    engine = an_engine(catalogue=offered(BOUND), settings=BOUND, audit=audit)

    ticket = log_in(engine, Operation.DELEGATED_LOGIN)
    perform(engine, Operation.LOGOUT, logout.Request(ticket=ticket))

    assert audit.records[0].message == "1 rights"
    assert all(ticket.ticket_value.decode() not in record.message for record in audit.records)


def test_rights_of_others_do_not_reach_query(engine: Engine) -> None:
    holder = evolve(ALICE, rights=READ)

    assert (
        refusal(lambda: perform(engine, Operation.QUERY, query.Request(query_functions=()), holder))
        is ResultReason.NOT_AUTHORISED
    )
