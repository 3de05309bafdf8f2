"""The state at an instant, as SQL: `lifecycle.settle` for a whole table."""

from typing import Final

from kmip_adapters.storage.sql.prepared import numbers
from kmip_core.enums import State
from kmip_core.lifecycle import WITHOUT_LIFE_CYCLE, Event, next_state

DATED: Final = (
    (State.PRE_ACTIVE, "activation_date", Event.ACTIVATE),
    (State.ACTIVE, "deactivation_date", Event.DEACTIVATE),
)
"""What dates do, in the order in which they do it: from which state, by which date, what happens."""


def settled_state() -> str:
    """Return the state of a managed object at `:now`; a test compares it with `settle`, object by object."""
    state = "state"
    for before, date, event in DATED:
        has_come = f"{state} = {before:d} AND {date} <= :now"
        state = f"CASE WHEN {has_come} THEN {next_state(before, event):d} ELSE {state} END"
    return f"CASE WHEN object_type IN ({numbers(WITHOUT_LIFE_CYCLE)}) THEN state ELSE {state} END"


def stored_states(wanted: State) -> tuple[State, ...]:
    """Return the stored states whose objects may be in the state `wanted` at some instant."""
    states = {wanted}
    for before, _, event in reversed(DATED):
        if next_state(before, event) in states:
            states.add(before)
    return tuple(sorted(states))
