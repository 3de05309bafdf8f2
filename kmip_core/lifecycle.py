"""The life cycle of managed objects: six states, ten transitions, and the dates that drive some of them.

State changes only here. `TRANSITIONS` is the whole rule; `settle` applies what dates have brought about since the
object was last written, so that no background job is needed and every reader sees the state of this instant.
KMIP 2.1 §4.57, 1.4 §3.22.
"""

import enum
from typing import Final

from kmip_core.attributes import Attributes
from kmip_core.enums import DeactivationReasonCode, ObjectType, RevocationReasonCode, State
from kmip_core.errors import wrong_state
from kmip_core.standard_names import standard_name
from kmip_core.structures import DeactivationReason, RevocationReason


class Event(enum.Enum):
    """What can happen to an object."""

    ACTIVATE = "Activate"
    DEACTIVATE = "Deactivate"
    COMPROMISE = "Compromise"
    DESTROY = "Destroy"


TRANSITIONS: Final[dict[State, dict[Event, State]]] = {
    State.PRE_ACTIVE: {
        Event.ACTIVATE: State.ACTIVE,  # 4
        Event.COMPROMISE: State.COMPROMISED,  # 3
        Event.DESTROY: State.DESTROYED,  # 2
    },
    State.ACTIVE: {
        Event.DEACTIVATE: State.DEACTIVATED,  # 6
        Event.COMPROMISE: State.COMPROMISED,  # 5
    },
    State.DEACTIVATED: {
        Event.COMPROMISE: State.COMPROMISED,  # 8
        Event.DESTROY: State.DESTROYED,  # 7
    },
    State.COMPROMISED: {
        Event.DESTROY: State.DESTROYED_COMPROMISED,  # 9
        Event.COMPROMISE: State.COMPROMISED,  # a second report changes nothing but its reason
    },
    State.DESTROYED: {
        Event.COMPROMISE: State.DESTROYED_COMPROMISED,  # 10
    },
    State.DESTROYED_COMPROMISED: {},
}
"""State and event to the next state; what is not here is refused. The numbers are the standard's."""

COMPROMISES: Final = frozenset({RevocationReasonCode.KEY_COMPROMISE, RevocationReasonCode.CA_COMPROMISE})
"""Reasons that make Revoke a compromise rather than a deactivation. KMIP 2.1 §6.1.44."""

WITHOUT_LIFE_CYCLE: Final = frozenset({ObjectType.OPAQUE_OBJECT, ObjectType.TEMPLATE})
"""Types that dates never move and that cannot be activated or revoked (RULINGS 5)."""

LIVING: Final = frozenset({State.PRE_ACTIVE, State.ACTIVE})
"""States that dates may still change."""

GONE: Final = frozenset({State.DESTROYED, State.DESTROYED_COMPROMISED})
"""States in which only metadata is left."""


def next_state(state: State, event: Event) -> State:
    """Return the state after `event`.

    Raises KmipError (Wrong Key Lifecycle State) where the table has no entry.  Raises TypeError for what is no State or
    no Event.
    """
    if state not in TRANSITIONS:
        raise TypeError(f"state is {state!r}; write a State, for example State.ACTIVE")
    following = TRANSITIONS[state].get(event)
    if following is None:
        if not isinstance(event, Event):
            raise TypeError(f"event is {event!r}; write an Event, for example Event.DESTROY")
        allowed = " or ".join(standard_name(s) for s, row in TRANSITIONS.items() if event in row)
        raise wrong_state(f"state is {standard_name(state)}; {event.value} needs {allowed}")
    return following


def settle(attributes: Attributes, now: int) -> Attributes:
    """Return the attributes as they are at `now`: dates that have come move the state.

    An Activation Date activates a Pre-Active object, a Deactivation Date deactivates an Active one (transitions 4, 6).
    """
    before = attributes.state
    if attributes.deactivation_date is None and (attributes.activation_date is None or before is not State.PRE_ACTIVE):
        return attributes  # nothing but these dates moves a state
    state = None if before is None else _moved(before, attributes, now)
    if state is before or attributes.object_type in WITHOUT_LIFE_CYCLE:
        return attributes
    if state is State.DEACTIVATED and attributes.deactivation_reason is None:
        return attributes.but(state=state, deactivation_reason=_BY_DATE)
    return attributes.but(state=state)


_BY_DATE: Final = DeactivationReason(deactivation_reason_code=DeactivationReasonCode.DEACTIVATION_DATE)
UNSPECIFIED: Final = DeactivationReason(deactivation_reason_code=DeactivationReasonCode.UNSPECIFIED)
"""What brought an object into the state Deactivated. KMIP 3.0 §4.18."""


def _moved(state: State, attributes: Attributes, now: int) -> State:
    """Return the state to which the dates have moved an object that was in `state`."""
    if state is State.PRE_ACTIVE and (date := attributes.activation_date) is not None and date <= now:
        state = State.ACTIVE
    if state is State.ACTIVE and (date := attributes.deactivation_date) is not None and date <= now:
        state = State.DEACTIVATED
    return state


def changes_state(attributes: Attributes, after: int, until: int) -> bool:
    """Return whether a date later than `after`, not than `until`, moves the state of an object as it is stored."""
    if attributes.object_type in WITHOUT_LIFE_CYCLE or attributes.state not in LIVING:
        return False
    dates = (attributes.activation_date if attributes.state is State.PRE_ACTIVE else None, attributes.deactivation_date)
    return any(date is not None and after < date <= until for date in dates)


def activate(attributes: Attributes, now: int) -> Attributes:
    """Return the attributes after Activate.  Raises KmipError (Wrong Key Lifecycle State) unless Pre-Active."""
    state = next_state(need_state(attributes), Event.ACTIVATE)
    return attributes.but(state=state, activation_date=now)


def deactivate(attributes: Attributes, reason: DeactivationReason, date: int) -> Attributes:
    """Return the attributes after Deactivate.  Raises KmipError (Wrong Key Lifecycle State) unless Active."""
    state = next_state(need_state(attributes), Event.DEACTIVATE)
    return attributes.but(state=state, deactivation_reason=reason, deactivation_date=date)


def revoke(
    attributes: Attributes,
    reason: RevocationReason,
    compromise_occurrence_date: int | None,
    now: int,
    *,
    always_compromises: bool = False,
) -> Attributes:
    """Return the attributes after Revoke: compromised for a compromise reason, else deactivated.

    always_compromises: whether every reason is one, KMIP 3.0 §6.1.49.
    compromise_occurrence_date: when the compromise is thought to have happened; the object's Initial Date if not said.
    A second report of a compromise gives its reason only: the dates are those of the first (2.1 §4.10, §4.11: never
    modifiable).
    Raises KmipError (Wrong Key Lifecycle State) where the state does not allow it. KMIP 2.1 §6.1.44.
    Raises TypeError for a code that is no RevocationReasonCode.
    """
    code = reason.revocation_reason_code
    if not isinstance(code, RevocationReasonCode):  # a compromise that is misspelt must not be taken for another reason
        example = "RevocationReasonCode.KEY_COMPROMISE"
        raise TypeError(f"revocation_reason_code is {code!r}; write a RevocationReasonCode, for example {example}")
    if always_compromises or code in COMPROMISES:
        state = next_state(need_state(attributes), Event.COMPROMISE)
        if attributes.compromise_date is not None:
            return attributes.but(state=state, revocation_reason=reason)
        occurred = compromise_occurrence_date
        return attributes.but(
            state=state,
            revocation_reason=reason,
            compromise_date=now,
            compromise_occurrence_date=attributes.initial_date if occurred is None else occurred,
        )
    return attributes.but(
        state=next_state(need_state(attributes), Event.DEACTIVATE),
        revocation_reason=reason,
        deactivation_reason=UNSPECIFIED,
        deactivation_date=now,
    )


def destroy(attributes: Attributes, now: int) -> Attributes:
    """Return the attributes after Destroy.  Raises KmipError (Wrong Key Lifecycle State) if Active or already gone."""
    state = next_state(need_state(attributes), Event.DESTROY)
    return attributes.but(state=state, destroy_date=now)


def initial_state(attributes: Attributes, object_type: ObjectType, now: int) -> State:
    """Return the state in which a new object begins: Active if its Activation Date has come, else Pre-Active."""
    if attributes.activation_date is None or object_type in WITHOUT_LIFE_CYCLE:
        return State.PRE_ACTIVE
    return _moved(State.PRE_ACTIVE, attributes, now)


def need_state(attributes: Attributes) -> State:
    """Return the state; an object without one has not begun its life and counts as Pre-Active."""
    return State.PRE_ACTIVE if attributes.state is None else attributes.state
