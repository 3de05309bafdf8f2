"""What the rights of a delegated ticket let through: operation by right, held against a table written by hand.

The operations come from the catalogue, so that one that is added is judged at once. KMIP 2.1 §6.1.12, §7.34.
"""

from typing import Any, Final

import attrs
import pytest
from attrs import evolve

from kmip_app.testing.contracts.samples import sample
from kmip_core.engine import Engine
from kmip_core.enums import CryptographicUsageMask, Operation, ResultReason, State
from kmip_core.errors import NOT_FOUND_TEXT
from kmip_core.messages import ResponseBatchItem
from kmip_core.operations import CATALOGUE
from kmip_core.principal import Principal
from kmip_core.rights import ObjectGroups, Objects, Operations, Right, Rights
from tests.builders import ALICE, BOB, a_symmetric_key, an_engine, ask, the_only
from tests.contract.test_access_matrix import HERE, MAIN, NOWHERE, Place

EVERY_USE: Final = CryptographicUsageMask((1 << 24) - 1)
LACKING: Final = "the rights of the ticket do not include"
ALLOWED, DENIED, MISSING = "allowed", "denied", "missing"
THIS: Final = Objects(unique_identifiers=("other", HERE))
OTHER: Final = Objects(unique_identifiers=("other", HERE.upper()))
MINE: Final = ObjectGroups(object_groups=("mine", "else"))
THEIRS: Final = ObjectGroups(object_groups=("theirs",))


def some(*operations: Operation) -> Operations:
    return Operations(operations=operations)


def rights_of(name: str, asked: frozenset[Operation]) -> Rights:
    """Return rights by what they say about the operations that are asked."""
    these = some(*asked)
    others = some(*(operation for operation in Operation if operation not in asked))
    table: dict[str, tuple[Right, ...]] = {
        "none": (),
        "everything": (Right(),),
        "this operation": (Right(operations=these),),
        "other operations": (Right(operations=others),),
        "no operation": (Right(operations=some()),),
        "this object": (Right(objects=THIS),),
        "other objects": (Right(objects=OTHER),),
        "no object": (Right(objects=Objects()),),
        "this group": (Right(object_groups=MINE),),
        "other groups": (Right(object_groups=THEIRS),),
        "no group": (Right(object_groups=ObjectGroups()),),
        "this object, this group": (Right(objects=THIS, object_groups=MINE),),
        "this object, other groups": (Right(objects=THIS, object_groups=THEIRS),),
        "this operation, this object": (Right(operations=these, objects=THIS),),
        "this operation, other objects": (Right(operations=these, objects=OTHER),),
        "other operations, this object": (Right(operations=others, objects=THIS),),
        "crosswise": (Right(operations=these, objects=OTHER), Right(operations=others, objects=THIS)),
        "the second of two": (Right(operations=these, objects=OTHER), Right(operations=these, object_groups=MINE)),
    }
    return Rights(rights=table[name])


VERDICTS: Final = {
    # rights: (on an operation about the object, on an operation about none)
    "none": (DENIED, DENIED),
    "everything": (ALLOWED, ALLOWED),
    "this operation": (ALLOWED, ALLOWED),
    "other operations": (DENIED, DENIED),
    "no operation": (DENIED, DENIED),
    "this object": (ALLOWED, DENIED),
    "other objects": (DENIED, DENIED),
    "no object": (DENIED, DENIED),
    "this group": (ALLOWED, DENIED),
    "other groups": (DENIED, DENIED),
    "no group": (DENIED, DENIED),
    "this object, this group": (ALLOWED, DENIED),
    "this object, other groups": (DENIED, DENIED),
    "this operation, this object": (ALLOWED, DENIED),
    "this operation, other objects": (DENIED, DENIED),
    "other operations, this object": (DENIED, DENIED),
    "crosswise": (DENIED, DENIED),
    "the second of two": (ALLOWED, DENIED),
}


def an_engine_with_one() -> Engine:
    """Return an engine that holds alice's `HERE`, a member of one group, and nothing else."""
    return an_engine(
        a_symmetric_key(HERE, State.ACTIVE, cryptographic_usage_mask=EVERY_USE, object_groups=("mine",)),
        a_symmetric_key("mine", State.ACTIVE, cryptographic_usage_mask=EVERY_USE, object_groups=("mine",)),
    )


def verdict(item: ResponseBatchItem) -> str:
    """Return what the rights said; whatever else an operation finds wrong is none of theirs."""
    if item.result_message == NOT_FOUND_TEXT:
        return MISSING
    if LACKING in (item.result_message or ""):
        assert item.result_reason is ResultReason.NOT_AUTHORISED
        return DENIED
    return ALLOWED


def asked_by(place: Place) -> frozenset[Operation]:
    return frozenset({place.operation, place.target.operation or place.operation})


@pytest.mark.parametrize("name", VERDICTS)
def test_an_object_is_open_to_what_one_right_names_together(name: str) -> None:
    for place in MAIN:
        holder = evolve(ALICE, rights=rights_of(name, asked_by(place)))
        engine = an_engine_with_one()

        item = the_only(ask(engine, (place.operation, place.request(HERE)), principal=holder))

        if [target for target in CATALOGUE[place.operation].targets if not target.optional] == [place.target]:
            assert verdict(item) == VERDICTS[name][0], place
        else:  # a second object, which the rights need not cover
            assert VERDICTS[name][0] == ALLOWED or verdict(item) != ALLOWED, place


OBJECTLESS: Final = [spec for spec in CATALOGUE.values() if all(target.optional for target in spec.targets)]


@pytest.mark.parametrize("name", VERDICTS)
def test_an_operation_about_no_object_needs_a_right_without_restriction(name: str) -> None:
    for spec in OBJECTLESS:
        fields = attrs.fields(attrs.resolve_types(spec.request))
        request = spec.request(**{f.name: sample(f.type) for f in fields if f.default is attrs.NOTHING})
        holder = evolve(ALICE, rights=rights_of(name, frozenset({spec.operation})))

        item = the_only(ask(an_engine_with_one(), (spec.operation, request), principal=holder))

        assert (verdict(item) == DENIED) is (VERDICTS[name][1] == DENIED), spec.operation


@pytest.mark.parametrize(
    "rights", [Right(), Right(objects=THIS), Right(object_groups=MINE)], ids=["all", "it", "group"]
)
def test_rights_open_nothing_that_the_policy_keeps_shut(rights: Right) -> None:
    holder = evolve(BOB, rights=Rights(rights=(rights,)))
    for place in MAIN:
        item = the_only(ask(an_engine_with_one(), (place.operation, place.request(HERE)), principal=holder))

        # To a ticket for a group, what the policy hides is in no group, as what is missing.
        assert verdict(item) == (MISSING if rights.object_groups is None else DENIED), place


@pytest.mark.parametrize("right", [Right(objects=OTHER), Right(object_groups=THEIRS)], ids=["objects", "groups"])
def test_an_object_that_no_right_covers_is_refused_like_a_missing_one(right: Right) -> None:
    holder: Principal = evolve(ALICE, rights=Rights(rights=(right,)))
    for place in MAIN:
        answers: list[Any] = [
            the_only(ask(an_engine_with_one(), (place.operation, place.request(identifier)), principal=holder))
            for identifier in (HERE, NOWHERE)
        ]

        assert answers[0] == answers[1], place
        assert verdict(answers[0]) == DENIED, place
