"""Servers for end-to-end tests: started as users start them, ended by their pid."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import server
from tests.server import StartedServer, running

Start = Callable[..., StartedServer]

QUICK = {"test_first_run", "test_https", "test_tickets", "test_rehearsed_failures"}
"""Modules that a plain `pytest` runs: what a user meets first. All others start servers by the dozen, or kill them."""


ITS_TRAIL = "reads the trail of a process by its name; with workers there is one for each (operations/test_workers.py)"

A_SECOND_LATER = "what a client subscribes to by swapping roles is known to other workers a second later (ADR 0186)"
LINES_OF_ALL = "expects the lines of one process, or a reader's socket holds no more"

OF_ONE_PROCESS = {
    "test_roles_go_forth_and_back_on_one_connection": A_SECOND_LATER,
    "test_while_a_client_is_away_its_notices_wait_also_over_a_restart": A_SECOND_LATER,
    "test_a_client_that_does_not_answer_as_it_should_delays_no_other_client": A_SECOND_LATER,
    "test_text_has_zones_where_that_is_wanted": LINES_OF_ALL,
    "test_the_journal_gets_fields_of_their_own": LINES_OF_ALL,
    "test_syslog_gets_lines": LINES_OF_ALL,
    "test_records_go_to_syslog_over_tls": "its receiver takes one connection, and each worker opens one",
    "test_a_whole_trail_is_verified_beside_a_running_server": ITS_TRAIL,
    "test_damage_is_found_with_file_line_and_reason": ITS_TRAIL,
    "test_a_missing_file_is_found": ITS_TRAIL,
    "test_an_anchor_that_was_kept_elsewhere_shows_it_where_the_database_is_gone_too": ITS_TRAIL,
    "test_damage_while_stopped_is_an_alarm_at_the_start_and_stays_one": ITS_TRAIL,
    "test_damage_while_stopped_stops_the_start_where_that_is_wanted": ITS_TRAIL,
    "test_a_store_that_was_put_back_is_an_alarm_at_the_start": ITS_TRAIL,
    "test_a_store_that_was_put_back_stops_the_start_where_that_is_wanted": ITS_TRAIL,
    "test_a_message_that_is_refused_as_a_whole_leaves_one_record": ITS_TRAIL,
    "test_a_record_that_was_forged_in_the_database_is_counted_among_those_taken_over": ITS_TRAIL,
    "test_a_row_that_the_running_server_knows_and_somebody_edits_is_refused_at_the_next_read": ITS_TRAIL,
    "test_the_server_anchors_by_itself": ITS_TRAIL,
    "test_rotation_keeps_the_chain_over_files_that_are_compressed": ITS_TRAIL,
    "test_records_go_to_a_command_as_well": ITS_TRAIL,
    "test_each_node_has_a_chain_of_its_own": ITS_TRAIL,
    "test_a_chain_that_was_cut_is_found_by_the_head_that_the_database_keeps": ITS_TRAIL,
    "test_a_token_is_redeemed_once_over_a_listener_of_its_own": ITS_TRAIL,
    "test_a_file_of_the_trail_is_set_aside_by_age_and_the_chain_goes_on": ITS_TRAIL,
    "test_health_by_ready_file_makes_a_request_of_kmip": ITS_TRAIL,
    "test_a_refusal_leaves_one_line_with_cause_remedy_client_and_record": ITS_TRAIL,
    "test_sighup_reloads_and_open_sessions_go_on": ITS_TRAIL,
    "test_sighup_takes_up_policies_that_are_not_live": ITS_TRAIL,
    "test_the_service_and_its_process_are_named": ITS_TRAIL,
    "test_a_server_that_works_is_live_and_ready": "names all that a single process reports",
    "test_workers_share_a_token_and_leave_no_key_without_an_object": "starts workers, and after them one process",
    "test_no_operation_leaves_key_bytes_in_a_file": "sets a temporary directory that is too long for a socket",
    "test_no_command_beside_the_server_leaves_key_bytes_in_a_file": "the same",
}
"""Tests that KMIPD_TEST_WORKERS leaves out, and why."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the other modules as long, before they are chosen from."""
    here = f"{Path(__file__).parent}/"
    for item in items:
        if not str(item.path).startswith(here):
            continue
        if item.path.stem not in QUICK:
            item.add_marker(pytest.mark.long)
        name = item.name.partition("[")[0]
        if server.workers > 1 and name in OF_ONE_PROCESS:
            item.add_marker(pytest.mark.skip(reason=OF_ONE_PROCESS[name]))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a server on this test's data directory; it may be started again once it has ended."""
    data = tmp_path / "data"
    with ExitStack() as resources:
        yield lambda *arguments: resources.enter_context(running(tmp_path, "--data-dir", str(data), *arguments))


@pytest.fixture(scope="module")
def ephemeral(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedServer]:
    """A server that forgets, shared by the tests of a module."""
    with running(tmp_path_factory.mktemp("server"), "--ephemeral") as started:
        yield started
