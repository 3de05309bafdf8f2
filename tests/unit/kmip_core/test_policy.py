"""Operation policies: the whole matrix against an independent table, and the built-in ones against PyKMIP's own."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmip_core.enums import ObjectType, Operation
from kmip_core.objects import SYSTEM_TYPES
from kmip_core.policy import (
    BUILT_IN,
    DEFAULT_POLICY,
    USES,
    Decision,
    OperationPolicy,
    Permission,
    Visibility,
    decide,
    permission_for,
    visibility,
)
from kmip_core.principal import Principal

ALL, OWNER, NONE = Permission.ALLOW_ALL, Permission.ALLOW_OWNER, Permission.DISALLOW_ALL
KEY, CERTIFICATE = ObjectType.SYMMETRIC_KEY, ObjectType.CERTIFICATE
GET, LOCATE, ENCRYPT, DERIVE = Operation.GET, Operation.LOCATE, Operation.ENCRYPT, Operation.DERIVE_KEY


def asked(
    policy: OperationPolicy | None,
    operation: Operation = GET,
    object_type: ObjectType = KEY,
    name: str = "alice",
    groups: tuple[str, ...] = (),
    owner: str = "alice",
) -> Decision:
    policies = {} if policy is None else {policy.name: policy}
    return decide(policies, Principal(name=name, groups=frozenset(groups)), operation, object_type, "p", owner)


# What a rule means for the owner and for others; None is a rule that is not there.
MEANING = {ALL: (True, True), OWNER: (True, False), NONE: (False, False), None: (False, False)}


@pytest.mark.parametrize("groups", [(), ("red",), ("blue",), ("red", "blue"), ("red", "strangers"), ("strangers",)])
@pytest.mark.parametrize("is_owner", [True, False], ids=["owner", "other"])
def test_the_matrix_of_rule_and_group_and_ownership(groups: tuple[str, ...], is_owner: bool) -> None:
    for preset, red, blue in itertools.product(MEANING, repeat=3):
        sections = {"preset": preset, "red": red, "blue": blue}
        policy = OperationPolicy(
            name="p",
            preset={KEY: {GET: preset}} if preset else None,
            groups={name: {KEY: {GET: rule}} for name, rule in (("red", red), ("blue", blue)) if rule},
        )
        speaking = [sections.get(group) for group in groups]
        if is_owner or not groups:
            speaking.append(preset)
        expected = any(MEANING[rule][0 if is_owner else 1] for rule in speaking)
        decision = asked(policy, groups=groups, name="alice" if is_owner else "bob")

        assert decision.is_allowed == expected
        assert decision.is_visible == expected  # Get is the only operation named


@pytest.mark.parametrize("object_type", ObjectType, ids=lambda value: value.name)
def test_every_type_and_operation_is_judged_by_its_own_rule(object_type: ObjectType) -> None:
    for operation in Operation:
        policy = OperationPolicy(name="p", preset={object_type: {operation: ALL}})
        for asked_operation in Operation:
            falls_back = operation is GET and asked_operation in USES
            is_meant = object_type not in SYSTEM_TYPES  # those are the administrators'
            expected = is_meant and (asked_operation is operation or falls_back)

            assert asked(policy, asked_operation, object_type, name="bob").is_allowed == expected
        for asked_type, asked_operation in itertools.product(set(ObjectType) - {object_type}, {operation, GET}):
            assert not asked(policy, asked_operation, asked_type, name="bob").is_allowed


def test_an_object_of_an_unknown_policy_is_denied_and_invisible() -> None:
    decision = asked(None)

    assert decision == Decision(is_allowed=False, is_visible=False, rule="no policy is named p")


def test_the_preset_gives_a_principal_with_groups_its_own_objects_alone() -> None:
    policy = OperationPolicy(name="p", preset={KEY: {GET: ALL}}, groups={"red": {}})

    assert not asked(policy, name="bob", groups=("strangers",)).is_allowed
    assert asked(policy, name="bob", groups=("strangers",)).rule == "p has no section for this principal"
    assert not asked(policy, name="bob", groups=("red",)).is_allowed
    assert asked(policy, groups=("red",)).rule == "p, preset, SYMMETRIC_KEY, GET: ALLOW_ALL"


def test_some_other_grant_makes_the_object_known_but_does_not_allow() -> None:
    policy = OperationPolicy(name="p", preset={KEY: {LOCATE: ALL, Operation.DESTROY: OWNER}})

    assert asked(policy, Operation.DESTROY, name="bob") == Decision(
        is_allowed=False, is_visible=True, rule="p, preset, SYMMETRIC_KEY, DESTROY: ALLOW_OWNER"
    )
    assert not asked(policy, Operation.DESTROY, CERTIFICATE, name="bob").is_visible


def test_an_owner_only_grant_makes_the_object_known_to_the_owner_only() -> None:
    policy = OperationPolicy(name="p", preset={KEY: {LOCATE: OWNER}})

    assert asked(policy, GET, name="alice").is_visible
    assert not asked(policy, GET, name="bob").is_visible


def test_knowledge_is_gathered_over_all_groups() -> None:
    policy = OperationPolicy(name="p", groups={"red": {KEY: {LOCATE: ALL}}, "blue": {KEY: {LOCATE: NONE}}})

    assert asked(policy, GET, name="bob", groups=("blue", "red")).is_visible
    assert not asked(policy, GET, name="bob", groups=("blue",)).is_visible


def test_the_rule_that_decided_is_reported() -> None:
    policy = OperationPolicy(name="p", groups={"red": {KEY: {GET: OWNER}}, "blue": {KEY: {GET: ALL}}})

    assert asked(policy, name="bob", groups=("red", "blue")).rule == "p, group blue, SYMMETRIC_KEY, GET: ALLOW_ALL"


def test_owners_are_compared_exactly() -> None:
    policy = OperationPolicy(name="p", preset={KEY: {GET: OWNER}})
    for name in ("Alice", "alice ", "", "аlice"):  # the last begins with a Cyrillic letter
        assert not asked(policy, name=name).is_allowed


def test_uses_are_what_needs_the_key_itself() -> None:
    assert {
        Operation.ENCRYPT,
        Operation.DECRYPT,
        Operation.SIGN,
        Operation.SIGNATURE_VERIFY,
        Operation.MAC,
        Operation.MAC_VERIFY,
        Operation.DERIVE_KEY,
        Operation.ENCAPSULATE,
        Operation.DECAPSULATE,
        Operation.EXPORT,
    } == USES


@pytest.mark.parametrize("use", sorted(USES), ids=lambda value: value.name)
def test_get_decides_for_uses_that_a_row_does_not_distinguish(use: Operation) -> None:
    assert permission_for({GET: OWNER}, use) is OWNER
    assert permission_for({}, use) is NONE
    assert permission_for({GET: NONE, use: ALL}, use) is ALL


def test_a_row_that_distinguishes_one_use_must_name_all_it_grants() -> None:
    row = {GET: ALL, ENCRYPT: OWNER}

    assert permission_for(row, ENCRYPT) is OWNER
    assert permission_for(row, Operation.DECRYPT) is NONE
    assert permission_for(row, DERIVE) is NONE


def test_naming_derive_key_distinguishes_nothing_since_all_pykmip_files_do() -> None:
    row = {GET: ALL, DERIVE: OWNER}

    assert permission_for(row, DERIVE) is OWNER
    assert permission_for(row, ENCRYPT) is ALL


def test_a_policy_can_grant_use_without_reading() -> None:
    policy = OperationPolicy(name="p", preset={KEY: {ENCRYPT: ALL, Operation.DECRYPT: ALL}})

    assert asked(policy, ENCRYPT, name="bob").is_allowed
    assert not asked(policy, GET, name="bob").is_allowed


def test_default_and_public_are_built_in() -> None:
    assert set(BUILT_IN) == {DEFAULT_POLICY, "public"}
    assert all(name == policy.name for name, policy in BUILT_IN.items())
    assert not any(policy.groups for policy in BUILT_IN.values())


def test_the_default_policy_has_a_rule_for_every_type_and_operation() -> None:
    preset = BUILT_IN[DEFAULT_POLICY].preset or {}

    assert set(preset) == set(ObjectType)
    for object_type, operation in itertools.product(ObjectType, Operation):
        expected = OWNER
        if object_type in (CERTIFICATE, ObjectType.PUBLIC_KEY) and (
            operation in READABLE or (operation in USES and operation is not LOCATE)
        ):
            expected = ALL

        assert permission_for(preset[object_type], operation) is expected


READABLE = {
    LOCATE,
    GET,
    Operation.CHECK,
    Operation.GET_ATTRIBUTES,
    Operation.GET_ATTRIBUTE_LIST,
    Operation.OBTAIN_LEASE,
    Operation.VALIDATE,
}


def test_the_public_policy_lets_every_client_read_templates_and_none_change_them() -> None:
    preset = BUILT_IN["public"].preset or {}

    assert set(preset) == {ObjectType.TEMPLATE}
    granted = {operation for operation in Operation if permission_for(preset[ObjectType.TEMPLATE], operation) is ALL}
    assert granted == {LOCATE, GET, Operation.GET_ATTRIBUTES, Operation.GET_ATTRIBUTE_LIST} | USES


def test_the_built_in_policies_grant_what_pykmips_do() -> None:
    """Its own tables, from the development extra."""
    pykmip = pytest.importorskip("kmip.core.policy")
    compared = 0
    for name, sections in pykmip.policies.items():
        preset = BUILT_IN[name].preset or {}
        for object_type, row in sections["preset"].items():
            for operation, permission in row.items():
                ours = permission_for(preset[ObjectType(object_type.value)], Operation(operation.value))

                assert ours.name == permission.name
                compared += 1
    assert compared > 100


def test_visibility_is_what_locate_would_be_allowed() -> None:
    policies = {
        "a": OperationPolicy(name="a", preset={KEY: {LOCATE: ALL}, CERTIFICATE: {LOCATE: OWNER}}),
        "b": OperationPolicy(name="b", preset={KEY: {LOCATE: NONE}}, groups={"red": {KEY: {LOCATE: ALL}}}),
    }

    assert visibility(policies, Principal(name="alice")) == Visibility(
        owner="alice", owned=frozenset({("a", CERTIFICATE)}), everyone=frozenset({("a", KEY)})
    )
    assert visibility(policies, Principal(name="alice", groups=frozenset({"red"}))) == Visibility(
        owner="alice", owned=frozenset({("a", KEY), ("a", CERTIFICATE)}), everyone=frozenset({("b", KEY)})
    )


rows = st.dictionaries(st.sampled_from([GET, LOCATE, ENCRYPT, DERIVE]), st.sampled_from(Permission))
rules = st.dictionaries(st.sampled_from([KEY, CERTIFICATE]), rows)
policies = st.builds(
    lambda preset, groups: OperationPolicy(name="p", preset=preset, groups=groups),
    st.none() | rules,
    st.dictionaries(st.sampled_from(["red", "blue"]), rules),
)


@given(
    policies,
    st.sets(st.sampled_from(["red", "blue", "green"])),
    st.sampled_from([GET, LOCATE, ENCRYPT, DERIVE]),
    st.sampled_from([KEY, CERTIFICATE]),
    st.sampled_from(["alice", "bob"]),
)
def test_visibility_agrees_with_decide(
    policy: OperationPolicy, groups: set[str], operation: Operation, object_type: ObjectType, owner: str
) -> None:
    principal = Principal(name="alice", groups=frozenset(groups))
    visible = visibility({"p": policy}, principal, operation).includes(owner, "p", object_type)
    decision = decide({"p": policy}, principal, operation, object_type, "p", owner)

    assert decision.is_allowed == visible
    assert decision.is_visible >= decision.is_allowed
