"""The state at an instant, as SQL: `lifecycle.settle` for a whole table."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, and_, case, literal_column

from kmip_core.enums import State
from kmip_core.lifecycle import WITHOUT_LIFE_CYCLE, Event, next_state

DATED: Final = (
    (State.PRE_ACTIVE, "activation_date", Event.ACTIVATE),
    (State.ACTIVE, "deactivation_date", Event.DEACTIVATE),
)
"""What dates do, in the order in which they do it: from which state, by which date, what happens."""


def settled_state(columns: Any, now: ColumnElement[int]) -> ColumnElement[int]:
    """Return the state of each row at `now`; a test compares it with `settle`, object by object."""
    state: ColumnElement[int] = columns.state
    for before, date, event in DATED:
        has_come = and_(state == _literal(before), columns[date] <= now)
        state = case((has_come, _literal(next_state(before, event))), else_=state)
    without = [_literal(object_type) for object_type in sorted(WITHOUT_LIFE_CYCLE)]
    return case((columns.object_type.in_(without), columns.state), else_=state)


def stored_states(wanted: State) -> tuple[State, ...]:
    """Return the stored states whose objects may be in the state `wanted` at some instant."""
    states = {wanted}
    for before, _, event in reversed(DATED):
        if next_state(before, event) in states:
            states.add(before)
    return tuple(sorted(states))


def _literal(number: int) -> ColumnElement[int]:
    return literal_column(str(int(number)), Integer)
