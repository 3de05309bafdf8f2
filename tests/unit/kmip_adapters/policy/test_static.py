"""Policies that do not change: what is remembered stays bounded and right."""

from kmip_adapters.policy.static import REMEMBERED, StaticPolicies
from kmip_core.attributes import Attributes
from kmip_core.enums import ObjectType, Operation
from kmip_core.objects import ManagedObject
from kmip_core.policy import BUILT_IN
from kmip_core.principal import Principal


def an_object(owner: str, policy_name: str | None = None) -> ManagedObject:
    return ManagedObject(
        unique_identifier="1",
        object_type=ObjectType.SYMMETRIC_KEY,
        owner=owner,
        attributes=Attributes(operation_policy_name=policy_name),
    )


def test_the_built_in_policies_are_in_force_by_default() -> None:
    assert StaticPolicies().names == {"default", "public"}


def test_a_table_does_not_follow_its_mapping() -> None:
    mapping = dict(BUILT_IN)
    table = StaticPolicies(mapping)
    mapping.clear()

    assert table.is_known("default")


def test_answers_are_worked_out_once() -> None:
    table = StaticPolicies()
    alice = Principal(name="alice")

    assert table.decide(alice, Operation.GET, an_object("alice")) is table.decide(
        alice, Operation.GET, an_object("alice")
    )
    assert table.visibility(alice) is table.visibility(Principal(name="alice"))


def test_the_answer_for_one_owner_is_not_given_to_another() -> None:
    table = StaticPolicies()
    for name in ("alice", "bob", "alice"):
        for owner in ("alice", "bob"):
            decision = table.decide(Principal(name=name), Operation.GET, an_object(owner))

            assert decision.is_allowed == (name == owner)
        assert table.visibility(Principal(name=name)).owner == name


def test_the_number_of_remembered_decisions_is_bounded() -> None:
    table = StaticPolicies()
    for number in range(REMEMBERED + 10):  # names and groups that clients choose
        table.visibility(Principal(name=f"client-{number}"))
        table.decide(Principal(name="alice"), Operation.GET, an_object("alice", f"policy-{number}"))

    assert len(table._visibilities) <= REMEMBERED
    assert len(table._decisions) <= REMEMBERED
    assert table.decide(Principal(name="alice"), Operation.GET, an_object("alice")).is_allowed
