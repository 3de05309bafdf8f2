"""The promises of ports/policy.py, on every adapter."""

import itertools
import json
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmip_adapters.policy.json_files import JsonPolicies
from kmip_adapters.policy.static import StaticPolicies
from kmip_app.container import Container
from kmip_app.testing.contracts.policy import *  # noqa: F403  the promises, with the `decider` of this module
from kmip_app.testing.contracts.policy import GROUPS, STORAGE, TYPES, an_object
from kmip_core.enums import ObjectType, Operation
from kmip_core.policy import BUILT_IN, OperationPolicy, Permission
from kmip_core.ports.policy import PolicyDecider
from kmip_core.principal import Principal


def static(folder: Path) -> PolicyDecider:
    locate, get = Operation.LOCATE, Operation.GET
    key, certificate = ObjectType.SYMMETRIC_KEY, ObjectType.CERTIFICATE
    storage = OperationPolicy(
        name="storage",
        preset={key: {locate: Permission.ALLOW_ALL, get: Permission.ALLOW_OWNER}},
        groups={
            "red": {
                key: {locate: Permission.ALLOW_OWNER},
                certificate: {locate: Permission.DISALLOW_ALL},
            },
            "blue": {certificate: {locate: Permission.ALLOW_ALL, get: Permission.ALLOW_ALL}},
        },
    )
    return StaticPolicies({**BUILT_IN, "storage": storage})


def files(folder: Path) -> PolicyDecider:
    (folder / "storage.json").write_text(json.dumps(STORAGE))
    return JsonPolicies(folder, is_live=False)


DECIDERS: Final = {"static": static, "files": files}


def test_every_adapter_of_the_container_is_held_to_the_contract() -> None:
    assert set(Container.policy.providers) == set(DECIDERS)


@pytest.fixture(params=DECIDERS)
def decider(request: pytest.FixtureRequest, tmp_path: Path) -> PolicyDecider:
    return DECIDERS[request.param](tmp_path)


def test_other_policies_are_in_force_once_the_files_have_changed(tmp_path: Path) -> None:
    policies = JsonPolicies(tmp_path, is_live=False)
    before = policies.in_force()
    (tmp_path / "storage.json").write_text(json.dumps(STORAGE))

    assert policies.refresh()
    assert policies.in_force() is not before


permissions = st.dictionaries(
    st.sampled_from([Operation.LOCATE, Operation.GET, Operation.ENCRYPT]), st.sampled_from(Permission)
)
rules = st.dictionaries(st.sampled_from(TYPES), permissions)
policies = st.builds(
    lambda name, preset, groups: OperationPolicy(name=name, preset=preset, groups=groups),
    st.sampled_from(["a", "b"]),
    st.none() | rules,
    st.dictionaries(st.sampled_from(GROUPS), rules),
)


@given(st.lists(policies, max_size=2), st.sets(st.sampled_from((*GROUPS, "strangers"))), st.booleans())
def test_visibility_agrees_with_decide_under_any_policies(
    table: list[OperationPolicy], groups: set[str], is_owner: bool
) -> None:
    decider = StaticPolicies({policy.name: policy for policy in table})
    principal = Principal(name="alice", groups=frozenset(groups))
    owner = "alice" if is_owner else "bob"
    visible = decider.visibility(principal)
    for name, object_type in itertools.product(("a", "b"), TYPES):
        decision = decider.decide(principal, Operation.LOCATE, an_object(name, object_type, owner))

        assert visible.includes(owner, name, object_type) == decision.is_allowed
