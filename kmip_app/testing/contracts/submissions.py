"""What every store promises of submissions (`kmip_core.ports.submissions`); wanted: a fixture `opener`, an `Opener`."""

import threading
from typing import Any

import pytest
from attrs import evolve

from kmip_app.testing.contracts.samples import NOW, a_key, content
from kmip_app.testing.contracts.storage.support import Opener, store  # noqa: F401
from kmip_core.enums import BatchErrorContinuationOption, Ephemeral, Operation, ResultReason, ResultStatus
from kmip_core.ports.storage import ConcurrentChange
from kmip_core.principal import Principal, Source
from kmip_core.rights import Objects, Operations, Right, Rights
from kmip_core.structures import ProtocolVersion
from kmip_core.submissions import Held, Outcome, Submission, canceled

ALICE = Principal(name="alice")
UNTIL = NOW + 15
SUCCESS = Outcome(result_status=ResultStatus.SUCCESS, payload=b"answer")


def a_submission(value: bytes = b"1", batch: str | None = None, position: int = 0, **fields: Any) -> Submission:
    given: dict[str, Any] = {
        "principal": ALICE,
        "operation": Operation.PING,
        "protocol_version": ProtocolVersion(2, 1),
        "submitted_at": NOW,
        "due_at": NOW,
        "expires_at": NOW + 3_600,
        "request": b"request",
        **fields,
    }
    return Submission(correlation_value=value, batch=batch or f"of {value!r}", position=position, **given)


EVERYTHING = a_submission(
    b"all",
    principal=Principal(
        name="Zoë",
        source=Source.TICKET,
        groups=frozenset({"one", "two"}),
        address="127.0.0.1",
        certificate_serial="17",
        certificate_issuer="CN=One",
        name_kind="cn",
        certificate_name="zoe",
        rights=Rights(
            rights=(
                Right(operations=Operations(operations=(Operation.GET,)), objects=Objects(unique_identifiers=("key",))),
            )
        ),
    ),
    continuation=BatchErrorContinuationOption.UNDO,
    client_correlation_value="mine",
    ephemeral=Ephemeral.DATA,
    outcome=Outcome(
        result_status=ResultStatus.OPERATION_FAILED,
        result_reason=ResultReason.OBJECT_NOT_FOUND,
        result_message="no",
    ),
    is_canceled=True,
    is_delivered=True,
    is_processed=True,
)


def save(store: Any, *submissions: Submission, limit: Held | None = None) -> None:
    with store.unit_of_work() as work:
        for one in submissions:
            work.save_submission(one, limit)
        work.commit()


def find(store: Any, value: bytes) -> Submission | None:
    with store.unit_of_work() as work:
        found: Submission | None = work.submission(value)
        return found


def present(store: Any, value: bytes = b"1") -> Submission:
    found = find(store, value)
    assert found is not None
    return found


def test_a_submission_comes_back_as_it_was_saved(store: Any) -> None:
    save(store, EVERYTHING)

    assert find(store, b"all") == evolve(EVERYTHING, version=1)
    assert find(store, b"none") is None


def test_a_store_that_is_durable_keeps_submissions(opener: Opener) -> None:
    first = opener()
    if not first.is_durable:
        pytest.skip("it forgets")
    save(first, EVERYTHING)
    first.close()
    second = opener()

    assert find(second, b"all") == evolve(EVERYTHING, version=1)
    second.close()


def test_a_submission_is_saved_once_for_each_version(store: Any) -> None:
    save(store, a_submission())
    found = present(store)
    save(store, found.ended(SUCCESS))

    assert (present(store).version, present(store).outcome) == (2, SUCCESS)
    for stale in (found.ended(canceled()), a_submission()):
        with pytest.raises(ConcurrentChange):
            save(store, stale)
    with store.unit_of_work() as work:
        work.remove_submission(found)
        with pytest.raises(ConcurrentChange):
            work.commit()
    assert present(store).outcome == SUCCESS


def test_an_outcome_and_a_change_are_committed_together(store: Any) -> None:
    save(store, a_submission())
    found = present(store)
    save(store, found.ended(canceled()))
    with store.unit_of_work() as work:
        work.add(a_key("key"), content())
        work.save_submission(found.ended(SUCCESS))
        with pytest.raises(ConcurrentChange):
            work.commit()

    with store.unit_of_work() as work:
        assert work.find("key") is None


def test_a_unit_of_work_sees_submissions_as_at_its_begin(store: Any) -> None:
    save(store, a_submission())
    with store.unit_of_work() as work:
        assert work.submission(b"1").version == 1
        save(store, present(store).ended(SUCCESS))
        assert work.submission(b"1").version == 1
        assert work.held_by("alice") == Held(number=1, size=7)


def test_a_removed_submission_is_gone(store: Any) -> None:
    save(store, a_submission())
    with store.unit_of_work() as work:
        work.remove_submission(work.submission(b"1"))
        assert work.has_writes
        work.commit()

    assert find(store, b"1") is None


def test_those_of_a_batch_come_in_their_order(store: Any) -> None:
    save(store, a_submission(b"2", "batch", 1), a_submission(b"1", "batch", 0), a_submission(b"3", "other"))

    with store.unit_of_work() as work:
        assert [one.correlation_value for one in work.submissions_of_batch("batch")] == [b"1", b"2"]
        assert work.submissions_of_batch("none") == ()


def test_those_of_an_identity_come_oldest_first_without_what_was_delivered(store: Any) -> None:
    save(store, a_submission(b"2"), a_submission(b"1"), a_submission(b"3", is_delivered=True, outcome=SUCCESS))
    save(store, a_submission(b"4", principal=Principal(name="bob")))

    with store.unit_of_work() as work:
        assert [one.correlation_value for one in work.submissions_of("alice")] == [b"2", b"1"]
        assert work.held_by("alice") == Held(number=2, size=14)
        assert work.held_by("nora") == Held(number=0, size=0)


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [Held(number=2, size=99), Held(number=99, size=14)], ids=["number", "bytes"])
def test_a_limit_is_never_exceeded(store: Any, limit: Held) -> None:
    save(store, a_submission(b"1"), a_submission(b"2"), limit=limit)
    with pytest.raises(ConcurrentChange):
        save(store, a_submission(b"3"), limit=limit)
    save(store, a_submission(b"4", principal=Principal(name="bob")), limit=limit)

    assert find(store, b"3") is None


def test_a_delivered_submission_makes_room_unless_its_batch_goes_on(store: Any) -> None:
    limit = Held(number=3, size=99)
    ended: dict[str, Any] = {"outcome": SUCCESS, "is_delivered": True, "request": b""}
    save(
        store, a_submission(b"1", **ended), a_submission(b"2", "goes on", 0, **ended), a_submission(b"3", "goes on", 1)
    )
    save(store, a_submission(b"4"), limit=limit)

    assert find(store, b"1") is None
    assert find(store, b"2") is not None
    with pytest.raises(ConcurrentChange):
        save(store, a_submission(b"5"), limit=limit)


def test_those_who_submit_at_once_do_not_exceed_a_limit_together(store: Any) -> None:
    limit = Held(number=3, size=99)
    refused: list[int] = []

    def submit(number: int) -> None:
        try:
            save(store, a_submission(bytes([number])), limit=limit)
        except ConcurrentChange:
            refused.append(number)

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with store.unit_of_work() as work:
        assert work.held_by("alice").number == 3
    assert len(refused) == 5


# --- claims -----------------------------------------------------------------------------------------------------------


def test_a_due_batch_is_claimed_once(store: Any) -> None:
    save(store, a_submission(b"1", "now"), a_submission(b"2", "later", due_at=NOW + 60))

    assert store.claim("one", NOW, UNTIL, 9) == ("now",)
    assert store.claim("two", NOW, UNTIL, 9) == ()
    assert store.claim("two", NOW + 60, NOW + 75, 9) in (("now",), ("later",))  # the first claim has ended
    assert present(store, b"2").claims + present(store, b"1").claims == 2


def test_a_batch_that_has_ended_is_not_claimed(store: Any) -> None:
    save(store, a_submission(b"1", outcome=SUCCESS))

    assert store.claim("one", NOW, UNTIL, 9) == ()
    assert not store.claim_batch(present(store).batch, "one", NOW, UNTIL)


def test_a_batch_is_claimed_whole(store: Any) -> None:
    save(store, a_submission(b"1", "batch", 0), a_submission(b"2", "batch", 1))

    assert store.claim("one", NOW, UNTIL, 9) == ("batch",)
    assert [present(store, value).claimed_until for value in (b"1", b"2")] == [UNTIL, UNTIL]
    assert store.claim("two", NOW, UNTIL, 9) == ()


def test_claims_are_counted_for_the_first_that_has_not_ended(store: Any) -> None:
    save(store, a_submission(b"1", "batch", 0), a_submission(b"2", "batch", 1), a_submission(b"3", "batch", 2))
    for number in range(2):
        assert store.claim_batch("batch", "one", NOW + 20 * number, UNTIL + 20 * number)
    save(store, present(store, b"1").ended(SUCCESS))
    assert store.claim_batch("batch", "two", NOW + 60, UNTIL + 60)

    assert [present(store, value).claims for value in (b"1", b"2", b"3")] == [2, 1, 0]
    assert [present(store, value).claimed_until for value in (b"2", b"3")] == [UNTIL + 60] * 2


def test_each_identity_has_its_turn(store: Any) -> None:
    bob, carol = Principal(name="bob"), Principal(name="carol")
    save(store, *(a_submission(bytes([number]), str(number)) for number in range(4)))
    save(store, a_submission(b"b", "of bob", principal=bob), a_submission(b"c", "of carol", principal=carol))

    assert store.claim("one", NOW, UNTIL, 2) == ("0", "of bob")
    assert store.claim("one", NOW, UNTIL, 9) == ("of carol", "1")
    assert store.claim("one", NOW, UNTIL, 9) == ("2",)


def test_who_comes_later_does_not_wait_for_all_that_another_one_has_submitted(store: Any) -> None:
    """One place becomes free at a time: by age alone it would always be taken by the oldest of a thousand."""
    bob = Principal(name="bob")
    save(store, *(a_submission(bytes([number]), str(number)) for number in range(5)))
    assert store.claim("one", NOW, UNTIL, 1) == ("0",)
    save(store, present(store, b"\0").ended(SUCCESS))
    save(store, a_submission(b"b", "of bob", principal=bob), a_submission(b"c", "of bob, too", principal=bob))

    claimed = []
    for value in (b"b", b"\1", b"c", b"\2"):
        claimed += store.claim("one", NOW, UNTIL, 1)
        save(store, present(store, value).ended(SUCCESS))
    assert claimed == ["of bob", "1", "of bob, too", "2"]


def test_one_batch_can_be_claimed_before_it_is_due(store: Any) -> None:
    save(store, a_submission(b"1", "later", due_at=NOW + 60))

    assert store.claim_batch("later", "one", NOW, UNTIL)
    assert not store.claim_batch("later", "two", NOW, UNTIL)
    assert store.claim_batch("later", "two", UNTIL, UNTIL + 15)
    assert not store.claim_batch("none", "two", NOW, UNTIL)


def test_a_claim_is_renewed_and_given_up_by_its_claimant(store: Any) -> None:
    save(store, a_submission(b"1", "batch"))
    store.claim("one", NOW, UNTIL, 9)
    store.renew("two", UNTIL + 99)
    store.release("two")
    assert present(store).claimed_until == UNTIL

    store.renew("one", UNTIL + 5)
    assert present(store).claimed_until == UNTIL + 5
    store.release("one")
    assert present(store).claimed_until is None
    assert store.claim("two", NOW, UNTIL, 9) == ("batch",)


def test_a_claim_is_no_change_of_the_submission(store: Any) -> None:
    save(store, a_submission(b"1", "batch"))
    found = present(store)
    store.claim("one", NOW, UNTIL, 9)
    save(store, found.ended(SUCCESS))

    assert (present(store).outcome, present(store).claims) == (SUCCESS, 1)


def test_an_expired_submission_is_removed(store: Any) -> None:
    save(store, a_submission(b"1"), a_submission(b"2", expires_at=NOW + 10, outcome=SUCCESS))

    assert store.expire(NOW + 9) == 0
    assert store.expire(NOW + 10) == 1
    assert find(store, b"2") is None
    assert find(store, b"1") is not None
