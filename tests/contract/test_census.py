"""The census of every store counts what counting objects one by one gives, at any instant."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kmip_adapters.storage.census import DAY, Backlog, Census
from kmip_app.testing.contracts.notices import a_notice
from kmip_app.testing.contracts.submissions import a_submission
from kmip_core.enums import ObjectType, ProcessingStage, ResultStatus, State
from kmip_core.submissions import Outcome
from kmip_core.subscriptions import Delivery, Subscription
from tests.builders import NOW, a_symmetric_key
from tests.contract.test_storage import STORES

KEY = ObjectType.SYMMETRIC_KEY


@pytest.fixture(params=[make for _, make in STORES], ids=[name for name, _ in STORES])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    opened = request.param(tmp_path)
    yield opened
    opened.close()


def put(storage: Any, *objects: Any) -> None:
    with storage.unit_of_work() as work:
        for managed_object, content in objects:
            work.add(managed_object, content)
        work.commit()


def test_an_empty_store_has_no_objects(storage: Any) -> None:
    assert storage.census(NOW) == Census(objects={}, expiring={1: 0, 7: 0, 30: 0})


def test_objects_are_counted_in_the_state_that_dates_have_brought(storage: Any) -> None:
    put(
        storage,
        a_symmetric_key("new"),
        a_symmetric_key("begun", activation_date=NOW - 10),
        a_symmetric_key("over", State.ACTIVE, activation_date=NOW - 20, deactivation_date=NOW - 10),
        a_symmetric_key("tomorrow", State.ACTIVE, activation_date=NOW - 20, deactivation_date=NOW + DAY),
        a_symmetric_key("next week", State.ACTIVE, activation_date=NOW - 20, deactivation_date=NOW + 5 * DAY),
        a_symmetric_key("next month", deactivation_date=NOW + 20 * DAY),
        a_symmetric_key("next year", State.ACTIVE, activation_date=NOW - 20, deactivation_date=NOW + 300 * DAY),
    )

    assert storage.census(NOW) == Census(
        objects={(KEY, State.PRE_ACTIVE): 2, (KEY, State.ACTIVE): 4, (KEY, State.DEACTIVATED): 1},
        expiring={1: 1, 7: 2, 30: 3},
    )
    assert storage.census(NOW + 6 * DAY).objects[KEY, State.DEACTIVATED] == 3


def test_in_an_empty_store_nothing_waits(storage: Any) -> None:
    assert storage.backlog(NOW) == Backlog(submissions=dict.fromkeys(ProcessingStage, 0))


def test_submissions_are_counted_by_their_stage_until_their_outcome_was_fetched(storage: Any) -> None:
    done = Outcome(result_status=ResultStatus.SUCCESS)
    with storage.unit_of_work() as work:
        for submission in (
            a_submission(b"new"),
            a_submission(b"also new"),
            a_submission(b"running", due_at=NOW - 1),
            a_submission(b"ended", outcome=done),
            a_submission(b"fetched", outcome=done, is_delivered=True),
        ):
            work.save_submission(submission)
        work.commit()
    assert storage.claim_batch("of b'running'", "me", NOW, NOW + 60)

    assert storage.backlog(NOW).submissions == {
        ProcessingStage.SUBMITTED: 2,
        ProcessingStage.IN_PROCESS: 1,
        ProcessingStage.COMPLETED: 1,
    }
    assert storage.backlog(NOW + 60).submissions[ProcessingStage.IN_PROCESS] == 0, "the claim has ended"


def test_notices_are_counted_by_whether_their_client_could_be_reached(storage: Any) -> None:
    for name in ("bob", "carol", "dave"):
        storage.subscribe(Subscription(name=name))
    with storage.unit_of_work() as work:
        work.notify([a_notice(1), a_notice(2), a_notice(1, "carol")])
        work.commit()
    storage.settle_notices(Delivery(name="carol", attempts=1), ())

    found = storage.backlog(NOW)

    assert (found.notices, found.retried, found.clients, found.unreachable) == (3, 1, 3, 1)
