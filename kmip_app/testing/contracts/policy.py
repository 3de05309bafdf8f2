"""What every policy decider promises (`kmip_core.ports.policy`); wanted: a fixture `decider` that knows `STORAGE`."""

import itertools

from kmip_core.attributes import Attributes
from kmip_core.enums import ObjectType, Operation
from kmip_core.objects import ManagedObject
from kmip_core.ports.policy import PolicyDecider
from kmip_core.principal import Principal

GROUPS = ("red", "blue")
TYPES = (ObjectType.SYMMETRIC_KEY, ObjectType.CERTIFICATE, ObjectType.TEMPLATE)
NAMES = (None, "default", "public", "storage", "nowhere")

STORAGE = {
    "storage": {
        "preset": {"SYMMETRIC_KEY": {"LOCATE": "ALLOW_ALL", "GET": "ALLOW_OWNER"}},
        "groups": {
            "red": {"SYMMETRIC_KEY": {"LOCATE": "ALLOW_OWNER"}, "CERTIFICATE": {"LOCATE": "DISALLOW_ALL"}},
            "blue": {"CERTIFICATE": {"LOCATE": "ALLOW_ALL", "GET": "ALLOW_ALL"}},
        },
    }
}


def an_object(
    policy_name: str | None, object_type: ObjectType = ObjectType.SYMMETRIC_KEY, owner: str = "alice"
) -> ManagedObject:
    return ManagedObject(
        unique_identifier="1",
        object_type=object_type,
        owner=owner,
        attributes=Attributes(operation_policy_name=policy_name),
    )


def principals() -> list[Principal]:
    return [
        Principal(name=name, groups=frozenset(groups))
        for name in ("alice", "bob")
        for size in range(3)
        for groups in itertools.combinations((*GROUPS, "strangers"), size)
    ]


def test_visibility_agrees_with_decide_object_by_object(decider: PolicyDecider) -> None:
    agreed = 0
    for principal in principals():
        visible = decider.visibility(principal)
        for name, object_type, owner in itertools.product(NAMES, ObjectType, ("alice", "bob")):
            decision = decider.decide(principal, Operation.LOCATE, an_object(name, object_type, owner))

            assert visible.includes(owner, name or "default", object_type) == decision.is_allowed
            agreed += decision.is_allowed
    assert agreed > 50  # the table has something to agree on


def test_an_object_without_a_policy_name_is_judged_by_default(decider: PolicyDecider) -> None:
    owner = Principal(name="alice")
    other = Principal(name="bob")

    assert decider.decide(owner, Operation.GET, an_object(None)).is_allowed
    assert not decider.decide(other, Operation.GET, an_object(None)).is_allowed


def test_an_unknown_policy_grants_nothing_not_even_knowledge(decider: PolicyDecider) -> None:
    for operation in Operation:
        decision = decider.decide(Principal(name="alice"), operation, an_object("nowhere"))

        assert not decision.is_allowed
        assert not decision.is_visible


def test_decisions_do_not_depend_on_what_was_asked_before(decider: PolicyDecider) -> None:
    questions = list(itertools.product(principals(), (Operation.GET, Operation.LOCATE), NAMES, TYPES))
    there = [decider.decide(p, o, an_object(n, t)) for p, o, n, t in questions]
    back = [decider.decide(p, o, an_object(n, t)) for p, o, n, t in reversed(questions)]

    assert there == back[::-1]


def test_names_in_force_are_known(decider: PolicyDecider) -> None:
    assert {name: decider.is_known(name or "") for name in NAMES} == {
        None: False,
        "default": True,
        "public": True,
        "storage": True,
        "nowhere": False,
    }


def test_the_policies_in_force_are_the_same_until_they_change(decider: PolicyDecider) -> None:
    before = decider.in_force()
    decider.decide(Principal(name="alice"), Operation.GET, an_object("storage"))

    assert decider.in_force() is before
