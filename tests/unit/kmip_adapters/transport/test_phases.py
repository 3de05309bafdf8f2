"""The table of phases: every event in every phase, walked as a connection walks it."""

import pytest

from kmip_adapters.transport.phases import HAS_SESSION, SERVES, TRANSITIONS, Event, Phase

# Written again by hand, so that an edited table does not confirm itself: event -> phase, for each phase.
SERVING = {
    Event.PART_ARRIVED: Phase.READING,
    Event.ALL_SERVED: Phase.IDLE,
    Event.TURN_ENDED: Phase.READY,
    Event.REQUEST_HANDED_OVER: Phase.WORKING,
    Event.ANSWER_WAITS: Phase.ANSWERING,
    Event.ROLES_SWAPPED: Phase.CALLING,
    Event.SIDE_CLOSED: Phase.LINGERING,
    Event.CONNECTION_LOST: Phase.CLOSED,
}
EXPECTED = {
    Phase.HANDSHAKE: {
        Event.HANDSHAKE_COMPLETED: Phase.IDLE,
        Event.ANSWER_WAITS: Phase.HANDSHAKE,
        Event.SIDE_CLOSED: Phase.LINGERING,
        Event.CONNECTION_LOST: Phase.CLOSED,
    },
    Phase.IDLE: SERVING,
    Phase.READING: SERVING,
    Phase.READY: SERVING,
    Phase.WORKING: {
        Event.ANSWER_SENT: Phase.IDLE,
        Event.ANSWER_WAITS: Phase.ANSWERING,
        Event.ROLES_SWAPPED: Phase.CALLING,
        Event.SIDE_CLOSED: Phase.LINGERING,
        Event.CONNECTION_LOST: Phase.CLOSED,
    },
    Phase.ANSWERING: {
        Event.ANSWER_TAKEN: Phase.IDLE,
        Event.ANSWER_WAITS: Phase.ANSWERING,
        Event.SIDE_CLOSED: Phase.LINGERING,
        Event.CONNECTION_LOST: Phase.CLOSED,
    },
    Phase.CALLING: {
        Event.ANSWER_WAITS: Phase.CALLING,
        Event.ROLES_RETURNED: Phase.IDLE,
        Event.SIDE_CLOSED: Phase.LINGERING,
        Event.CONNECTION_LOST: Phase.CLOSED,
    },
    Phase.LINGERING: {
        Event.SIDE_CLOSED: Phase.LINGERING,
        Event.ANSWER_WAITS: Phase.LINGERING,
        Event.ANSWER_TAKEN: Phase.LINGERING,
        Event.CONNECTION_LOST: Phase.CLOSED,
    },
    Phase.CLOSED: {},
}


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("event", Event)
def test_each_event_leads_where_the_table_says(phase: Phase, event: Event) -> None:
    assert TRANSITIONS[phase].get(event) == EXPECTED[phase].get(event)


def test_every_phase_is_reached_and_every_one_ends() -> None:
    reached, waiting = {Phase.HANDSHAKE}, [Phase.HANDSHAKE]
    while waiting:
        for phase in TRANSITIONS[waiting.pop()].values():
            if phase not in reached:
                reached.add(phase)
                waiting.append(phase)

    assert reached == set(Phase)
    for phase in set(Phase) - {Phase.CLOSED}:
        assert TRANSITIONS[phase][Event.CONNECTION_LOST] is Phase.CLOSED
        assert TRANSITIONS[phase][Event.SIDE_CLOSED] is Phase.LINGERING


def test_a_closed_side_is_never_opened_again() -> None:
    assert set(TRANSITIONS[Phase.LINGERING].values()) == {Phase.LINGERING, Phase.CLOSED}


def test_only_a_session_answers() -> None:
    answering = {phase for phase in Phase if TRANSITIONS[phase].get(Event.ANSWER_WAITS) is Phase.ANSWERING}

    assert answering == HAS_SESSION - {Phase.CALLING}
    assert SERVES < HAS_SESSION
