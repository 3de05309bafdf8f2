"""Suites that are written for one process, with two workers: a part of them here, all by KMIPD_TEST_WORKERS=2."""

from collections.abc import Iterator

import pytest

from tests import server
from tests.e2e.conftest import Start
from tests.e2e.test_crash import live_through_crashes
from tests.e2e.test_tickets import test_a_ticket_serves_its_holder_until_logout as test_a_ticket
from tests.e2e.test_tickets import test_a_worker_gets_one_key_by_a_delegated_ticket_and_no_other as test_delegation

__all__ = ["test_a_ticket", "test_delegation"]


@pytest.fixture(scope="module", autouse=True)
def two_workers() -> Iterator[None]:
    before, server.workers = server.workers, 2
    yield
    server.workers = before


def test_kill_loses_nothing_acknowledged(start: Start) -> None:
    live_through_crashes(start, 2)
