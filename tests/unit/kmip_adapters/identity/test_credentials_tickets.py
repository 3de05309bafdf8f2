"""Tickets in requests: they never widen what the certificate allows unless that is configured (R-TLS-6)."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from argon2 import PasswordHasher

from kmip_adapters.identity.credentials import CredentialAuthentication
from kmip_adapters.identity.passwords import PasswordFile
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.storage.pending import Done
from kmip_adapters.system.clock import SteppableClock
from kmip_core.engine import Engine
from kmip_core.enums import AsynchronousIndicator, CredentialType, ObjectType, Operation, QueryFunction, ResultReason
from kmip_core.messages import (
    Credential,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    Ticket,
    UsernameAndPassword,
)
from kmip_core.operations import create, delegated_login, get, get_attributes, locate, login, logout, ping, query
from kmip_core.ports.steps import Pace
from kmip_core.ports.storage import ConcurrentChange
from kmip_core.principal import Principal
from kmip_core.rights import Objects, Operations, Right, Rights
from kmip_core.settings import Settings, TicketUse
from kmip_core.tickets import digest_of
from tests.builders import ALICE, BOB, NOW, VERSION, a_symmetric_key, an_engine, the_only

GET: Final = (Operation.GET, get.Request(unique_identifier="key"))
HASHER: Final = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD: Final = Credential(
    credential_type=CredentialType.USERNAME_AND_PASSWORD,
    credential_value=UsernameAndPassword(username="paula", password="p"),
)


def a_server(use: TicketUse, **choices: Any) -> Engine:
    """Return an engine that takes tickets and holds alice's `key` and paula's `hers`."""
    storage = MemoryStorage()
    return an_engine(
        a_symmetric_key(),
        a_symmetric_key("hers", owner="paula"),
        settings=Settings(tickets=use, ticket_lifetime=60),
        storage=storage,
        authentication=CredentialAuthentication(ticket_use=use, storage=storage, **choices),
    )


def shown(ticket: Any) -> Credential:
    return Credential(credential_type=CredentialType.TICKET, credential_value=ticket)


def ask(engine: Engine, asked: tuple[Operation, Any], peer: Principal, *credentials: Credential) -> ResponseBatchItem:
    item = RequestBatchItem(operation=asked[0], unique_batch_item_id=b"1", payload=asked[1])
    header = RequestHeader(protocol_version=VERSION, credentials=credentials)
    return the_only(engine.handle(RequestMessage(header=header, batch_items=(item,)), peer))


def a_ticket(engine: Engine, peer: Principal = ALICE, *credentials: Credential, **fields: Any) -> Ticket:
    ticket: Ticket = ask(engine, (Operation.LOGIN, login.Request(**fields)), peer, *credentials).payload.ticket
    return ticket


@pytest.mark.parametrize(
    ("use", "by_alice", "by_bob"),
    [
        pytest.param(TicketUse.OFF, None, ResultReason.OBJECT_NOT_FOUND, id="off: not looked at"),
        pytest.param(TicketUse.BOUND, None, ResultReason.INVALID_TICKET, id="bound: the holder's alone"),
        pytest.param(TicketUse.BEARER, None, None, id="bearer: whoever shows it"),
    ],
)
def test_a_ticket_changes_identity_only_where_configured(
    use: TicketUse, by_alice: ResultReason | None, by_bob: ResultReason | None
) -> None:
    engine = a_server(use)
    ticket = a_ticket(engine)

    assert ask(engine, GET, ALICE, shown(ticket)).result_reason is by_alice
    assert ask(engine, GET, BOB, shown(ticket)).result_reason is by_bob


def test_the_audit_record_names_the_ticket_that_was_used() -> None:
    engine = a_server(TicketUse.BEARER)
    ticket = a_ticket(engine)

    ask(engine, GET, BOB, shown(ticket))

    record: Any = engine.services.audit.records[-1]  # type: ignore[attr-defined]  # the memory trail's
    assert (record.principal, record.source) == ("alice", "ticket")


@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param([shown(Ticket(ticket_type=1, ticket_value=b"unknown"))], id="unknown"),
        pytest.param([shown(None)], id="without a value"),
        pytest.param([shown(PASSWORD.credential_value)], id="with a value of another type"),
    ],
)
@pytest.mark.parametrize("use", [TicketUse.BOUND, TicketUse.BEARER])
def test_a_bad_ticket_refuses_what_the_certificate_alone_might_do(
    use: TicketUse, credentials: list[Credential]
) -> None:
    engine = a_server(use)

    item = ask(engine, GET, ALICE, *credentials)

    assert (item.result_reason, item.operation) == (ResultReason.INVALID_TICKET, Operation.GET)
    assert engine.services.audit.records[-1].event == "Authentication refused"  # type: ignore[attr-defined]  # memory trail


def test_two_tickets_are_one_too_many() -> None:
    engine = a_server(TicketUse.BOUND)

    item = ask(engine, GET, ALICE, shown(a_ticket(engine)), shown(a_ticket(engine)))

    assert item.result_reason is ResultReason.INVALID_TICKET


def test_a_ticket_ends_with_its_time_with_logout_and_with_its_requests() -> None:
    engine = a_server(TicketUse.BOUND)
    timed, ended, counted = a_ticket(engine), a_ticket(engine), a_ticket(engine, request_count=1)

    assert ask(engine, (Operation.LOGOUT, logout.Request(ticket=ended)), ALICE, shown(ended)).result_reason is None
    assert ask(engine, GET, ALICE, shown(ended)).result_reason is ResultReason.INVALID_TICKET
    assert ask(engine, GET, ALICE, shown(counted)).result_reason is None
    assert ask(engine, GET, ALICE, shown(counted)).result_reason is ResultReason.USAGE_LIMIT_EXCEEDED
    assert ask(engine, GET, ALICE, shown(timed)).result_reason is None
    assert isinstance(engine.services.clock, SteppableClock)
    engine.services.clock.advance(60)
    assert ask(engine, GET, ALICE, shown(timed)).result_reason is ResultReason.INVALID_TICKET


def test_a_ticket_makes_no_tickets() -> None:
    engine = a_server(TicketUse.BEARER)
    ticket = a_ticket(engine)

    item = ask(engine, (Operation.LOGIN, login.Request()), ALICE, shown(ticket))

    assert item.result_reason is ResultReason.PERMISSION_DENIED


def test_a_ticket_stands_for_the_password_that_it_was_given_for(tmp_path: Path) -> None:
    path = tmp_path / "passwords"
    path.write_text(f"paula:{HASHER.hash('p')}\n")
    engine = a_server(TicketUse.BOUND, passwords=PasswordFile(path), password_identity=True)
    ticket = a_ticket(engine, ALICE, PASSWORD)
    get_hers = (Operation.GET, get.Request(unique_identifier="hers"))

    assert ask(engine, get_hers, ALICE, shown(ticket)).result_reason is None
    assert ask(engine, get_hers, ALICE).result_reason is ResultReason.OBJECT_NOT_FOUND
    assert ask(engine, get_hers, BOB, shown(ticket)).result_reason is ResultReason.INVALID_TICKET


def test_a_delegated_ticket_does_what_it_names_and_expires(tmp_path: Path) -> None:
    engine = a_server(TicketUse.BEARER)
    rights = Rights(
        rights=(
            Right(operations=Operations(operations=(Operation.GET,)), objects=Objects(unique_identifiers=("key",))),
            Right(operations=Operations(operations=(Operation.PING,))),
        )
    )
    request = delegated_login.Request(rights=rights, lease_time=10)
    ticket = shown(ask(engine, (Operation.DELEGATED_LOGIN, request), ALICE).payload.ticket)
    expected = {
        Operation.GET: (get.Request(unique_identifier="key"), None),
        Operation.PING: (ping.Request(), None),
        Operation.LOCATE: (locate.Request(), ResultReason.NOT_AUTHORISED),
    }

    assert {operation: reason for operation, (_, reason) in expected.items()} == {
        operation: ask(engine, (operation, payload), BOB, ticket).result_reason
        for operation, (payload, _) in expected.items()
    }
    assert engine.services.clock.now() == NOW
    assert isinstance(engine.services.clock, SteppableClock)
    engine.services.clock.advance(10)
    assert ask(engine, GET, BOB, ticket).result_reason is ResultReason.INVALID_TICKET


QUERY: Final = (Operation.QUERY, query.Request(query_functions=(QueryFunction.QUERY_OPERATIONS,)))


def test_a_ticket_for_two_requests_serves_two_and_then_says_that_it_is_used_up() -> None:
    engine = a_server(TicketUse.BOUND)
    value = a_ticket(engine, lease_time=0, request_count=2)

    answers = [ask(engine, QUERY, ALICE, shown(value)).result_reason for _ in range(3)]
    log_out = ask(engine, (Operation.LOGOUT, logout.Request(ticket=value)), ALICE, shown(value)).result_reason

    assert answers == [None, None, ResultReason.USAGE_LIMIT_EXCEEDED]
    assert log_out is ResultReason.USAGE_LIMIT_EXCEEDED


def test_a_ticket_without_limits_works_until_the_server_s_own() -> None:
    engine = a_server(TicketUse.BOUND)
    ticket = shown(a_ticket(engine, lease_time=0, request_count=0))
    assert isinstance(engine.services.clock, SteppableClock)

    engine.services.clock.advance(59)
    assert ask(engine, GET, ALICE, ticket).result_reason is None
    engine.services.clock.advance(1)
    assert ask(engine, GET, ALICE, ticket).result_reason is ResultReason.INVALID_TICKET


def test_only_accepted_requests_count() -> None:
    engine = a_server(TicketUse.BOUND)
    ticket = shown(a_ticket(engine, request_count=1))
    refused = RequestMessage(
        header=RequestHeader(
            protocol_version=VERSION, credentials=(ticket,), asynchronous_indicator=AsynchronousIndicator.MANDATORY
        ),
        batch_items=(RequestBatchItem(operation=Operation.QUERY, payload=QUERY[1]),),
    )

    (item,) = engine.handle(refused, ALICE).batch_items
    assert item.result_reason is ResultReason.FEATURE_NOT_SUPPORTED
    assert ask(engine, QUERY, BOB, ticket).result_reason is ResultReason.INVALID_TICKET
    assert ask(engine, QUERY, ALICE, ticket).result_reason is None


@pytest.mark.parametrize(
    "asked",
    [
        (Operation.GET, get.Request(unique_identifier="key")),
        (Operation.GET_ATTRIBUTES, get_attributes.Request(unique_identifier="hers")),
        (Operation.GET_ATTRIBUTES, get_attributes.Request(unique_identifier="5eed5eed-0000-4000-8000-000000000001")),
        (Operation.CREATE, create.Request(object_type=ObjectType.SYMMETRIC_KEY)),
    ],
    ids=["another operation", "another object", "no object", "an operation about none"],
)
def test_a_delegated_ticket_authorises_only_what_it_names(asked: Any) -> None:
    engine = a_server(TicketUse.BOUND)
    rights = Rights(
        rights=(
            Right(operations=Operations(operations=(Operation.QUERY,))),
            Right(
                operations=Operations(operations=(Operation.GET_ATTRIBUTES,)),
                objects=Objects(unique_identifiers=("key",)),
            ),
        )
    )
    request = delegated_login.Request(rights=rights)
    ticket = shown(ask(engine, (Operation.DELEGATED_LOGIN, request), ALICE).payload.ticket)

    allowed = get_attributes.Request(unique_identifier="key")
    assert ask(engine, (Operation.GET_ATTRIBUTES, allowed), ALICE, ticket).result_reason is None
    assert ask(engine, QUERY, ALICE, ticket).result_reason is None
    assert ask(engine, asked, ALICE, ticket).result_reason is ResultReason.NOT_AUTHORISED


def test_requests_at_once_never_share_what_is_left() -> None:
    engine = a_server(TicketUse.BOUND)
    ticket = shown(a_ticket(engine, request_count=25))

    with ThreadPoolExecutor(4) as pool:
        reasons = Counter(pool.map(lambda _: ask(engine, QUERY, ALICE, ticket).result_reason, range(60)))

    assert reasons[None] == 25
    assert reasons.keys() <= {None, ResultReason.USAGE_LIMIT_EXCEEDED, ResultReason.SERVER_LIMIT_EXCEEDED}


class Contended(MemoryStorage):
    """A store in which another request has always been faster."""

    def unit_of_work(self, pace: Pace = Pace.SLOW) -> Any:
        return super().unit_of_work(pace) if not self.is_contended else self._lost(pace)

    is_contended = False

    @contextmanager
    def _lost(self, pace: Pace) -> Iterator[Any]:
        with super().unit_of_work(pace) as work:
            work.hand_over = lambda: Done(ConcurrentChange("a ticket"))  # type: ignore[method-assign]
            yield work


def test_a_count_that_cannot_be_kept_refuses_the_request() -> None:
    storage = Contended()
    engine = an_engine(
        settings=Settings(tickets=TicketUse.BOUND, ticket_lifetime=60),
        storage=storage,
        authentication=CredentialAuthentication(ticket_use=TicketUse.BOUND, storage=storage),
    )
    ticket = shown(a_ticket(engine, request_count=5))
    storage.is_contended = True

    assert ask(engine, QUERY, ALICE, ticket).result_reason is ResultReason.SERVER_LIMIT_EXCEEDED


def test_tickets_need_a_store() -> None:
    engine = an_engine(authentication=CredentialAuthentication(ticket_use=TicketUse.BOUND))

    with pytest.raises(TypeError, match="store"):
        ask(engine, QUERY, ALICE, shown(Ticket(ticket_type=1, ticket_value=b"any")))


class Interrupted(MemoryStorage):
    """A store that cannot read on for a while."""

    interruptions = 0

    def unit_of_work(self, pace: Pace = Pace.SLOW) -> Any:
        self.interruptions -= 1
        if self.interruptions >= 0:
            raise ConcurrentChange("the read was interrupted")
        return super().unit_of_work(pace)


@pytest.mark.parametrize(
    ("interruptions", "expected"), [(1, None), (3, None), (1_000, ResultReason.SERVER_LIMIT_EXCEEDED)]
)
def test_a_look_at_a_ticket_that_was_interrupted_is_repeated(interruptions: int, expected: ResultReason | None) -> None:
    storage = Interrupted()
    engine = an_engine(
        settings=Settings(tickets=TicketUse.BOUND, ticket_lifetime=60),
        storage=storage,
        authentication=CredentialAuthentication(ticket_use=TicketUse.BOUND, storage=storage),
    )
    ticket = shown(a_ticket(engine))
    storage.interruptions = interruptions

    assert ask(engine, QUERY, ALICE, ticket).result_reason is expected


HOLDER: Final = Principal(name="alice", certificate_issuer="CN=One", certificate_serial="a1")


@pytest.mark.parametrize("use", [TicketUse.BOUND, TicketUse.BEARER])
def test_a_ticket_ends_when_the_certificate_that_logged_in_is_revoked(use: TicketUse) -> None:
    revoked: set[tuple[str, str]] = set()
    engine = a_server(use, is_revoked=lambda issuer, serial: (issuer, serial) in revoked)
    ticket = a_ticket(engine, HOLDER)
    by = HOLDER if use is TicketUse.BOUND else BOB

    revoked.update({("CN=One", "a2"), ("CN=Two", "a1")})  # another one, and one of that number of another CA
    assert ask(engine, GET, by, shown(ticket)).result_reason is None
    revoked.add(("CN=One", "a1"))

    assert ask(engine, GET, by, shown(ticket)).result_reason is ResultReason.INVALID_TICKET
    assert ask(engine, GET, ALICE).result_reason is None


def test_a_ticket_ends_when_its_user_has_no_password_any_more(tmp_path: Path) -> None:
    path = tmp_path / "passwords"
    path.write_text(f"paula:{HASHER.hash('p')}\n")
    path.chmod(0o600)
    passwords = PasswordFile(path)
    engine = a_server(TicketUse.BEARER, passwords=passwords, password_identity=True)
    ticket = a_ticket(engine, ALICE, PASSWORD)
    hers = (Operation.GET, get.Request(unique_identifier="hers"))

    assert ask(engine, hers, BOB, shown(ticket)).result_reason is None
    path.write_text(f"quentin:{HASHER.hash('q')}\n")
    passwords = PasswordFile(path)
    again = a_server(TicketUse.BEARER, passwords=passwords, password_identity=True)
    with engine.services.storage.unit_of_work() as work:
        kept = work.ticket(digest_of(ticket))
    assert kept is not None
    with again.services.storage.unit_of_work() as work:
        work.add_ticket(kept, NOW, forgets_spent=False)
        work.commit()

    assert ask(again, hers, BOB, shown(ticket)).result_reason is ResultReason.INVALID_TICKET
