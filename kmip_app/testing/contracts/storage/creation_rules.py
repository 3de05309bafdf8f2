"""Rules for new objects, kept beside them."""

import pytest

from kmip_app.testing.contracts.samples import (
    KEY,
    a_key,
    a_name,
    content,
    query,
)
from kmip_app.testing.contracts.storage.support import (
    Opener,
    Store,
    located,
    present,
)
from kmip_core.attributes import Attributes
from kmip_core.creation_rules import Constraint, ObjectDefaults
from kmip_core.enums import (
    ObjectType,
)
from kmip_core.ports.storage import ConcurrentChange

# --- rules for new objects ------------------------------------------------------------------------------------------


A_CONSTRAINT = Constraint(
    object_types=(ObjectType.SYMMETRIC_KEY,),
    object_groups=("one", "two"),
    attributes=Attributes(cryptographic_length=256, names=(a_name("n"),), comment="wanted"),
)
SOME_DEFAULTS = ObjectDefaults(object_type=ObjectType.SECRET_DATA, attributes=Attributes(comment="new"))


def test_rules_are_kept_by_kind_and_replaced_as_a_whole(opener: Opener) -> None:
    store = opener()
    with store.unit_of_work() as work:
        assert work.rules_of(Constraint) == ()
        work.save_rules(Constraint, (A_CONSTRAINT, Constraint()))
        work.save_rules(ObjectDefaults, (SOME_DEFAULTS,))
        assert work.has_writes
        assert work.rules_of(Constraint) == (A_CONSTRAINT, Constraint())
        work.commit()
    if store.is_durable:
        store.close()
        store = opener()

    with store.unit_of_work() as work:
        assert work.rules_of(Constraint) == (A_CONSTRAINT, Constraint())
        work.save_rules(Constraint, ())
        work.commit()
    with store.unit_of_work() as work:
        assert (work.rules_of(Constraint), work.rules_of(ObjectDefaults)) == ((), (SOME_DEFAULTS,))
    store.close()


def test_rules_that_are_not_committed_are_discarded(store: Store) -> None:
    with store.unit_of_work() as work:
        work.save_rules(Constraint, (A_CONSTRAINT,))

    with store.unit_of_work() as work:
        assert work.rules_of(Constraint) == ()


def test_a_unit_of_work_keeps_to_the_rules_that_it_has_seen(store: Store) -> None:
    with store.unit_of_work() as earlier:
        assert earlier.rules_of(Constraint) == ()
        with store.unit_of_work() as work:
            work.save_rules(Constraint, (A_CONSTRAINT,))
            work.add(a_key("beside"), content(KEY))
            work.commit()

        assert earlier.rules_of(Constraint) == ()
        assert earlier.find("beside") is None


@pytest.mark.parametrize("many", [False, True], ids=["alone", "together"])
def test_a_new_object_that_was_judged_by_older_rules_is_refused(store: Store, many: bool) -> None:
    late = []
    for number in range(3 if many else 1):
        with store.unit_of_work() as work:
            assert work.rules_for_new(Constraint) == ()
            work.add(a_key(f"judged {number}"), content())
            late.append(work)
    with store.unit_of_work() as work:
        work.save_rules(Constraint, (A_CONSTRAINT,))
        work.commit()

    for commitment in [work.hand_over() for work in late]:
        with pytest.raises(ConcurrentChange):
            commitment.result()
    assert located(store, query()) == ()
    with store.unit_of_work() as work:
        assert work.rules_for_new(Constraint) == (A_CONSTRAINT,)
        work.add(a_key("judged anew"), content())
        work.commit()
    assert present(store, "judged anew")
