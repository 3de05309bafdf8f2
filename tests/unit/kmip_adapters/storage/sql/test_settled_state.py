"""The SQL for the state at an instant agrees with `lifecycle.settle`."""

import itertools
import sqlite3
from contextlib import closing

from kmip_adapters.storage.sql.columns import MANAGED_OBJECTS
from kmip_adapters.storage.sql.rows import changing_columns
from kmip_adapters.storage.sql.searched_columns import NO_RARE_COLUMNS
from kmip_adapters.storage.sql.settled_state import settled_state, stored_states
from kmip_adapters.storage.sql.sqlite_tables import TABLES
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
    columns = ", ".join(MANAGED_OBJECTS)
    with closing(sqlite3.connect(":memory:")) as connection:
        for table in TABLES:
            connection.execute(table)
        connection.executemany(
            f"INSERT INTO managed_objects ({columns}) VALUES ({', '.join(f':{name}' for name in MANAGED_OBJECTS)})",
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
        states = f"SELECT {settled_state()} FROM managed_objects ORDER BY sequence"
        for now in (NOW - 2, NOW - 1, NOW, NOW + 1, NOW + 2):
            expected = [int(settle(k.attributes, now).state or 0) for k in EVERY]
            assert expected == [state for (state,) in connection.execute(states, {"now": now})]


def test_stored_states_are_those_from_which_dates_lead_to_the_wanted_one() -> None:
    for wanted in State:
        possible = {
            k.attributes.state
            for k in EVERY
            for now in (NOW - 2, NOW, NOW + 2)
            if settle(k.attributes, now).state is wanted
        }
        assert possible == set(stored_states(wanted))
