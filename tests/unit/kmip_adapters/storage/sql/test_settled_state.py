"""The SQL for the state at an instant agrees with `lifecycle.settle`."""

import itertools

from sqlalchemy import bindparam, create_engine, insert, select

from kmip_adapters.storage.sql.rows import changing_columns
from kmip_adapters.storage.sql.schema import managed_objects, metadata
from kmip_adapters.storage.sql.searched_columns import NO_RARE_COLUMNS
from kmip_adapters.storage.sql.settled_state import settled_state, stored_states
from kmip_app.testing.contracts.samples import NOW, a_key
from kmip_core.enums import ObjectType, State
from kmip_core.lifecycle import settle

DATES = (None, NOW - 1, NOW, NOW + 1)
TYPES = (ObjectType.SYMMETRIC_KEY, ObjectType.OPAQUE_OBJECT, ObjectType.TEMPLATE, ObjectType.CERTIFICATE)
EVERY = [
    a_key("", state=state, object_type=object_type, activation_date=activation, deactivation_date=deactivation)
    for state, object_type, activation, deactivation in itertools.product((None, *State), TYPES, DATES, DATES)
]


def test_sql_settles_every_state_with_every_date_and_type_as_the_core_does() -> None:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    o = managed_objects.c
    with engine.begin() as connection:
        connection.execute(
            insert(managed_objects),
            [
                NO_RARE_COLUMNS
                | changing_columns(k, hides_all=False)[0]
                | {
                    "sequence": n,
                    "unique_identifier": str(n),
                    "object_type": int(k.object_type),
                    "owner": "alice",
                    "version": 1,
                    "record_seal": b"",
                    "sealed": None,
                }
                for n, k in enumerate(EVERY)
            ],
        )
        states = select(settled_state(o, bindparam("now"))).order_by(o.sequence)
        for now in (NOW - 2, NOW - 1, NOW, NOW + 1, NOW + 2):
            expected = [int(settle(k.attributes, now).state or 0) for k in EVERY]
            assert expected == list(connection.execute(states, {"now": now}).scalars())


def test_stored_states_are_those_from_which_dates_lead_to_the_wanted_one() -> None:
    for wanted in State:
        possible = {
            k.attributes.state
            for k in EVERY
            for now in (NOW - 2, NOW, NOW + 2)
            if settle(k.attributes, now).state is wanted
        }
        assert possible == set(stored_states(wanted))
