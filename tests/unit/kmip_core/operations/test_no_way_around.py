"""Ways around a rule, each of them shut: policies, usage, constraints, trust, and costs that a client could choose."""

import time
from typing import Any, Final

import pytest

from kmip_adapters.policy.static import StaticPolicies
from kmip_core.attributes import Attributes, merge
from kmip_core.creation_rules import Constraint
from kmip_core.engine import Engine
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ObjectType,
    Operation,
    ResultReason,
    SplitKeyMethod,
    State,
    UsageLimitsUnit,
    ValidityIndicator,
)
from kmip_core.errors import KmipError
from kmip_core.objects import SymmetricKey
from kmip_core.operations import (
    add_attribute,
    create,
    create_split_key,
    import_,
    join_split_key,
    modify_attribute,
    register,
    set_attribute,
    set_constraints,
    validate,
)
from kmip_core.policy import BUILT_IN, OperationPolicy, Permission
from kmip_core.settings import Settings
from kmip_core.structures import UsageLimits
from tests.builders import (
    ALICE,
    BOB,
    a_custom,
    a_name,
    a_symmetric_key,
    an_engine,
    an_instance,
    attributes_of,
    perform,
)
from tests.unit.kmip_core.operations.test_validate import CHAIN, ROOT

MASK: Final = CryptographicUsageMask
AES: Final = CryptographicAlgorithm.AES

CHANGES: Final = (Operation.ADD_ATTRIBUTE, Operation.MODIFY_ATTRIBUTE, Operation.SET_ATTRIBUTE, Operation.IMPORT)
EDITORS: Final = OperationPolicy(
    name="edited by all",
    preset={ObjectType.SYMMETRIC_KEY: dict.fromkeys(CHANGES, Permission.ALLOW_ALL)},
)
OPEN: Final = OperationPolicy(
    name="open to all", preset={ObjectType.SYMMETRIC_KEY: dict.fromkeys(Operation, Permission.ALLOW_ALL)}
)


def refusal(engine: Engine, operation: Operation, request: Any, principal: Any = ALICE) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        perform(engine, operation, request, principal)
    return refused.value.reason


ADD = Operation.ADD_ATTRIBUTE


# --- who may change attributes does not choose the policy ---


def test_only_the_owner_changes_the_policy() -> None:
    policies = {**BUILT_IN, EDITORS.name: EDITORS, OPEN.name: OPEN}
    engine = an_engine(a_symmetric_key(operation_policy_name=EDITORS.name), policy=StaticPolicies(policies))

    def wanted(attribute: str, value: str) -> add_attribute.Request:
        return add_attribute.Request(unique_identifier="key", new_attribute=an_instance(attribute, value))

    assert refusal(engine, ADD, wanted("operation_policy_name", OPEN.name), BOB) is ResultReason.PERMISSION_DENIED
    perform(engine, ADD, wanted("comment", "seen"), BOB)  # a grant for attributes is one for all others
    perform(engine, ADD, wanted("operation_policy_name", OPEN.name), ALICE)
    assert attributes_of(engine).operation_policy_name == OPEN.name


@pytest.mark.parametrize(
    ("operation", "request_class"),
    [(Operation.MODIFY_ATTRIBUTE, modify_attribute.Request), (Operation.SET_ATTRIBUTE, set_attribute.Request)],
)
def test_the_policy_is_no_value_to_modify(operation: Operation, request_class: Any) -> None:
    policies = {**BUILT_IN, EDITORS.name: EDITORS, OPEN.name: OPEN}
    engine = an_engine(a_symmetric_key(operation_policy_name=EDITORS.name), policy=StaticPolicies(policies))
    wanted = request_class(unique_identifier="key", new_attribute=an_instance("operation_policy_name", OPEN.name))

    for principal in (ALICE, BOB):
        assert refusal(engine, operation, wanted, principal) is ResultReason.READ_ONLY_ATTRIBUTE


def test_a_client_that_may_replace_an_object_does_not_choose_its_policy() -> None:
    policies = {**BUILT_IN, EDITORS.name: EDITORS, OPEN.name: OPEN}
    engine = an_engine(a_symmetric_key(operation_policy_name=EDITORS.name), policy=StaticPolicies(policies))

    def wanted(policy: str) -> import_.Request:
        return import_.Request(
            unique_identifier="key",
            replace_existing=True,
            attributes=Attributes(operation_policy_name=policy),
            managed_object=SymmetricKey(AES, 128, bytes(16)),
        )

    assert refusal(engine, Operation.IMPORT, wanted(OPEN.name), BOB) is ResultReason.PERMISSION_DENIED
    perform(engine, Operation.IMPORT, wanted(EDITORS.name), BOB)
    perform(engine, Operation.IMPORT, wanted(OPEN.name), ALICE)
    assert attributes_of(engine).operation_policy_name == OPEN.name


# --- splitting is no way out ---


def split(**attributes: Any) -> create_split_key.Request:
    return create_split_key.Request(
        object_type=ObjectType.SPLIT_KEY,
        unique_identifier="key",
        split_key_parts=2,
        split_key_threshold=2,
        split_key_method=SplitKeyMethod.XOR,
        attributes=Attributes(**attributes),
    )


LIMITS: Final = UsageLimits(usage_limits_total=1, usage_limits_count=1, usage_limits_unit=UsageLimitsUnit.OBJECT)


@pytest.mark.parametrize("kept", [{"sensitive": True}, {"extractable": False}], ids=str)
@pytest.mark.parametrize(
    ("key", "wanted", "reason"),
    [
        (
            {"cryptographic_usage_mask": None},
            {"cryptographic_usage_mask": MASK.WRAP_KEY},
            ResultReason.PERMISSION_DENIED,
        ),
        ({"usage_limits": LIMITS}, {}, ResultReason.PERMISSION_DENIED),
        ({"state": State.COMPROMISED}, {}, ResultReason.WRONG_KEY_LIFECYCLE_STATE),
    ],
    ids=["wider use", "usage limits", "compromised"],
)
def test_parts_of_a_key_that_stays_here_do_no_more_than_it(
    kept: dict[str, bool], key: dict[str, Any], wanted: dict[str, Any], reason: ResultReason
) -> None:
    engine = an_engine(a_symmetric_key(**{**kept, **key}))

    assert refusal(engine, Operation.CREATE_SPLIT_KEY, split(**wanted)) is reason
    perform(an_engine(a_symmetric_key(**key)), Operation.CREATE_SPLIT_KEY, split(**wanted))  # this one can be fetched


def test_a_key_of_parts_that_stay_here_does_no_more_than_they() -> None:
    engine = an_engine(a_symmetric_key(sensitive=True))
    parts = perform(engine, Operation.CREATE_SPLIT_KEY, split()).unique_identifiers

    def joined(mask: CryptographicUsageMask) -> join_split_key.Request:
        return join_split_key.Request(
            object_type=ObjectType.SYMMETRIC_KEY,
            unique_identifiers=parts,
            attributes=Attributes(cryptographic_usage_mask=mask),
        )

    assert refusal(engine, Operation.JOIN_SPLIT_KEY, joined(MASK.WRAP_KEY)) is ResultReason.PERMISSION_DENIED
    perform(engine, Operation.JOIN_SPLIT_KEY, joined(MASK.ENCRYPT))


# --- rules and trust are not for everybody to make ---


def test_import_is_held_to_the_constraints() -> None:
    engine = an_engine(settings=Settings(administrators=frozenset({"alice"})))
    allowed = Constraint(attributes=Attributes(cryptographic_usage_mask=MASK.ENCRYPT))
    perform(engine, Operation.SET_CONSTRAINTS, set_constraints.Request(constraints=(allowed,)))
    wanted = import_.Request(
        unique_identifier="new",
        attributes=Attributes(cryptographic_usage_mask=MASK.DECRYPT),
        managed_object=SymmetricKey(AES, 128, bytes(16)),
    )

    assert refusal(engine, Operation.IMPORT, wanted, BOB) is ResultReason.CONSTRAINT_VIOLATION


@pytest.mark.parametrize(
    ("administrators", "indicator"),
    [(frozenset(), ValidityIndicator.UNKNOWN), (frozenset({"bob"}), ValidityIndicator.VALID)],
    ids=["anybody", "administrator"],
)
def test_a_root_that_another_client_registered_is_not_trusted(
    administrators: frozenset[str], indicator: ValidityIndicator
) -> None:
    engine = an_engine(settings=Settings(administrators=administrators))
    root = register.Request(object_type=ObjectType.CERTIFICATE, managed_object=ROOT.certificate)
    identifier = perform(engine, Operation.REGISTER, root, BOB).unique_identifier

    for request in (
        validate.Request(certificates=CHAIN),
        validate.Request(certificates=CHAIN[:2], unique_identifiers=(identifier,)),
    ):
        assert perform(engine, Operation.VALIDATE, request, ALICE).validity_indicator is indicator


# --- costs ---


def test_a_request_names_few_templates() -> None:
    names = tuple(a_name(f"t{number}") for number in range(21))
    request = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=Attributes(template_names=names))

    assert refusal(an_engine(), Operation.CREATE, request) is ResultReason.INVALID_FIELD


def test_many_attributes_are_refused_in_time_that_grows_with_their_number() -> None:
    """A generous bound, of this thread's own time: comparing each with each would take minutes."""
    many = tuple(a_custom(f"ID {number}", "x") for number in range(20_000))
    halves = [Attributes(custom_attributes=many[:10_000]), Attributes(custom_attributes=many[10_000:])]
    began = time.thread_time()

    request = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=merge(*halves))
    assert refusal(an_engine(), Operation.CREATE, request) is not None
    registered = register.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=merge(*halves),
        managed_object=SymmetricKey(AES, 128, bytes(16)),
    )
    assert refusal(an_engine(), Operation.REGISTER, registered) is ResultReason.SERVER_LIMIT_EXCEEDED

    assert time.thread_time() - began < 60
