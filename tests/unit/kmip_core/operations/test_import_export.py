"""Export and Import: an object moves with its history."""

from typing import Any

import pytest
from attrs import evolve

from kmip_adapters.audit.memory import MemoryTrail
from kmip_adapters.system.identifiers import RandomIdentifiers
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CryptographicUsageMask,
    KeyFormatType,
    KeyWrapType,
    ObjectType,
    Operation,
    ProtectionStorageMask,
    ResultReason,
    RevocationReasonCode,
    State,
    UsageLimitsUnit,
)
from kmip_core.errors import KmipError
from kmip_core.objects import KeyBlock, OpaqueObject, SymmetricKey
from kmip_core.operations import destroy, export, get, get_attributes, import_, register
from kmip_core.principal import Principal
from kmip_core.settings import Settings
from kmip_core.structures import RevocationReason, UsageLimits
from tests.builders import ALICE, BOB, NOW, a_name, a_symmetric_key, an_engine, attributes_of, perform, stored
from tests.unit.kmip_core.procedures.test_wrapping import DEK, KEK, a_key, specification

KEY = a_symmetric_key()[1]


def imported(engine: Engine, identifier: str = "new", **fields: Any) -> str:
    given: dict[str, Any] = {"managed_object": KEY, "unique_identifier": identifier, **fields}
    response = perform(engine, Operation.IMPORT, import_.Request(**given))
    return str(response.unique_identifier)


def refusal(engine: Engine, **fields: Any) -> KmipError:
    with pytest.raises(KmipError) as refused:
        imported(engine, **fields)
    return refused.value


def exported(engine: Engine, identifier: str = "key", **fields: Any) -> export.Response:
    response: export.Response = perform(
        engine, Operation.EXPORT, export.Request(unique_identifier=identifier, **fields)
    )
    return response


@pytest.mark.parametrize(
    "state", [State.PRE_ACTIVE, State.ACTIVE, State.DEACTIVATED, State.COMPROMISED], ids=lambda state: state.name
)
def test_an_exported_object_is_imported_unchanged_by_another_server(state: State) -> None:
    history: dict[str, Any] = {
        "names": (a_name("one"), a_name("two")),
        "activation_date": NOW - 900 if state is not State.PRE_ACTIVE else None,
        "deactivation_date": NOW - 100 if state is State.DEACTIVATED else None,
        "compromise_date": NOW - 50 if state is State.COMPROMISED else None,
        "revocation_reason": RevocationReason(revocation_reason_code=RevocationReasonCode.SUPERSEDED),
        "usage_limits": UsageLimits(
            usage_limits_total=10, usage_limits_count=3, usage_limits_unit=UsageLimitsUnit.OBJECT
        ),
        "always_sensitive": False,
        "original_creation_date": NOW - 5000,
    }
    one, other = an_engine(a_symmetric_key(state=state, **history)), an_engine()
    answer = exported(one)

    imported(other, "key", attributes=answer.attributes, managed_object=answer.managed_object)

    again = exported(other)
    assert again.managed_object == answer.managed_object
    kept = evolve(again.attributes, digests=(), key_format_type=None)
    here = ProtectionStorageMask.SOFTWARE
    assert kept == evolve(answer.attributes, digests=(), key_format_type=None, protection_storage_mask=here)


def test_of_a_destroyed_object_only_the_attributes_are_exported() -> None:
    engine = an_engine(a_symmetric_key())
    perform(engine, Operation.DESTROY, destroy.Request(unique_identifier="key"))

    answer = exported(engine)
    assert answer.managed_object is None
    assert answer.attributes.state is State.DESTROYED


def test_a_destroyed_object_is_imported_as_what_it_was() -> None:
    engine = an_engine()
    imported(engine, attributes=Attributes(state=State.DESTROYED, destroy_date=NOW - 5))

    assert not stored(engine, "new").has_content
    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.GET, get.Request(unique_identifier="new"))
    assert refused.value.reason is ResultReason.OBJECT_DESTROYED


def test_an_archived_object_is_not_exported() -> None:
    engine = an_engine(a_symmetric_key(archived=True))

    with pytest.raises(KmipError) as refused:
        exported(engine)
    assert refused.value.reason is ResultReason.OBJECT_ARCHIVED


def test_export_wraps_like_get() -> None:
    engine = an_engine(a_key("kek", KEK), a_key("dek", DEK))

    wrapped = exported(engine, "dek", key_wrapping_specification=specification()).managed_object
    request = get.Request(unique_identifier="dek", key_wrapping_specification=specification())
    assert wrapped == perform(engine, Operation.GET, request).managed_object


def test_only_a_get_that_succeeds_ends_fresh() -> None:
    engine = an_engine(a_symmetric_key(fresh=True))
    exported(engine)
    perform(engine, Operation.GET_ATTRIBUTES, get_attributes.Request(unique_identifier="key"))
    for refused in (
        get.Request(unique_identifier="key", key_format_type=KeyFormatType.PKCS_8),
        get.Request(unique_identifier="key", key_wrapping_specification=specification()),
    ):
        with pytest.raises(KmipError):
            perform(engine, Operation.GET, refused)
    assert attributes_of(engine).fresh is True

    perform(engine, Operation.GET, get.Request(unique_identifier="key"))
    assert attributes_of(engine).fresh is False


def test_import_completes_what_no_object_is_without() -> None:
    engine = an_engine()
    imported(engine, attributes=Attributes(activation_date=NOW - 1))

    attributes = attributes_of(engine, "new")
    assert (attributes.state, attributes.initial_date, attributes.object_type) == (
        State.ACTIVE,
        NOW,
        ObjectType.SYMMETRIC_KEY,
    )
    assert (attributes.sensitive, attributes.extractable, attributes.operation_policy_name) == (
        False,
        True,
        "default",
    )
    assert attributes.digests
    assert stored(engine, "new").owner == ALICE.name


def test_import_does_not_replace_unasked() -> None:
    engine = an_engine(a_symmetric_key())

    assert refusal(engine, identifier="key").reason is ResultReason.OBJECT_ALREADY_EXISTS
    imported(engine, "key", replace_existing=True, attributes=Attributes(comment="replaced"))
    assert attributes_of(engine).comment == "replaced"


@pytest.mark.parametrize("replace", [None, True], ids=["unasked", "asked"])
def test_no_client_replaces_the_object_of_another(replace: bool | None) -> None:
    engine = an_engine(a_symmetric_key(owner=BOB.name))

    refused = refusal(engine, identifier="key", replace_existing=replace)
    assert refused.reason is ResultReason.OBJECT_ALREADY_EXISTS
    assert stored(engine).owner == BOB.name


def test_an_object_is_replaced_by_its_own_type_only() -> None:
    engine = an_engine(a_symmetric_key())

    refused = refusal(engine, identifier="key", replace_existing=True, managed_object=OpaqueObject(b"x"))
    assert refused.reason is ResultReason.INVALID_FIELD


def test_import_unwraps_what_is_to_be_kept_in_the_clear() -> None:
    engine = an_engine(a_key("kek", KEK), a_key("dek", DEK))
    wrapped = exported(engine, "dek", key_wrapping_specification=specification()).managed_object
    imported(engine, "plain", managed_object=wrapped, key_wrap_type=KeyWrapType.NOT_WRAPPED)
    imported(engine, "kept", managed_object=wrapped, key_wrap_type=KeyWrapType.AS_REGISTERED)

    assert exported(engine, "plain").managed_object == exported(engine, "dek").managed_object
    assert exported(engine, "kept").managed_object == wrapped


def test_attributes_that_travel_inside_the_key_value_are_taken() -> None:
    engine = an_engine(a_key("kek", KEK), a_key("dek", DEK, cryptographic_usage_mask=CryptographicUsageMask.MAC_VERIFY))
    inside = specification(encoding=None, attribute_names=("Cryptographic Usage Mask",))
    wrapped = exported(engine, "dek", key_wrapping_specification=inside).managed_object
    imported(engine, "plain", managed_object=wrapped, key_wrap_type=KeyWrapType.NOT_WRAPPED)

    assert attributes_of(engine, "plain").cryptographic_usage_mask is CryptographicUsageMask.MAC_VERIFY


def test_a_wrapped_key_whose_wrapping_key_is_not_here_is_refused() -> None:
    engine = an_engine(a_key("kek", KEK), a_key("dek", DEK))
    wrapped = exported(engine, "dek", key_wrapping_specification=specification()).managed_object

    refused = refusal(an_engine(), managed_object=wrapped, key_wrap_type=KeyWrapType.NOT_WRAPPED)
    assert refused.reason is ResultReason.WRAPPING_OBJECT_NOT_FOUND


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"managed_object": None}, ResultReason.INVALID_FIELD),
        ({"object_type": ObjectType.OPAQUE_OBJECT}, ResultReason.INVALID_FIELD),
        ({"attributes": Attributes(object_type=ObjectType.OPAQUE_OBJECT)}, ResultReason.INVALID_ATTRIBUTE_VALUE),
        ({"attributes": Attributes(operation_policy_name="nobody's")}, ResultReason.INVALID_ATTRIBUTE_VALUE),
        ({"identifier": ""}, ResultReason.INVALID_FIELD),
        ({"identifier": "x" * 256}, ResultReason.INVALID_FIELD),
    ],
    ids=["no object", "other type", "other type in attributes", "unknown policy", "no name", "long name"],
)
def test_import_refuses_what_does_not_fit(fields: dict[str, Any], reason: ResultReason) -> None:
    assert refusal(an_engine(), **fields).reason is reason


def test_an_object_without_its_key_value_moves_as_it_came() -> None:
    engine = an_engine()
    block = KeyBlock(
        key_format_type=KeyFormatType.RAW,
        cryptographic_algorithm=KEY.key_block.cryptographic_algorithm,
        cryptographic_length=128,
    )
    request = register.Request(object_type=ObjectType.SYMMETRIC_KEY, managed_object=SymmetricKey(key_block=block))
    identifier = perform(engine, Operation.REGISTER, request).unique_identifier

    answer = exported(engine, identifier)
    assert answer.managed_object == SymmetricKey(key_block=block)
    assert answer.attributes.key_value_present is False
    imported(engine, "moved", attributes=answer.attributes, managed_object=answer.managed_object)
    assert exported(engine, "moved").managed_object == answer.managed_object
    assert attributes_of(engine, "moved").key_value_present is False


# --- identifiers that a client may choose (RULINGS 32) ---

UUID = "5eed5eed-0000-4000-8000-000000000001"
CAROL = Principal(name="carol")


def told(engine: Engine, identifier: str, principal: Principal, **fields: Any) -> tuple[ResultReason, str] | None:
    """Return what Import answers under this identifier, None for a success."""
    request = import_.Request(managed_object=KEY, unique_identifier=identifier, **fields)
    try:
        perform(engine, Operation.IMPORT, request, principal)
    except KmipError as refused:
        return refused.reason, refused.message
    return None


def an_engine_of_a_server(*objects: Any, **parts: Any) -> Engine:
    return an_engine(
        *objects, identifiers=RandomIdentifiers(), settings=Settings(administrators=frozenset({"carol"})), **parts
    )


@pytest.mark.parametrize("replace", [None, True], ids=["unasked", "replace"])
@pytest.mark.parametrize("taken", [a_symmetric_key("1"), a_symmetric_key("1", archived=True)], ids=["here", "archived"])
def test_import_does_not_reveal_which_identifiers_exist(taken: Any, replace: bool | None) -> None:
    engine = an_engine_of_a_server(taken)

    answers = [told(engine, identifier, BOB, replace_existing=replace) for identifier in ("1", "2")]

    assert answers == [(ResultReason.OBJECT_ALREADY_EXISTS, import_.NOT_TO_BE_CHOSEN)] * 2


def test_a_foreign_and_a_random_identifier_are_refused_with_the_same_text() -> None:
    engine = an_engine_of_a_server(a_symmetric_key(UUID))

    assert told(engine, UUID, BOB) == (ResultReason.OBJECT_ALREADY_EXISTS, import_.NOT_TO_BE_CHOSEN)
    assert stored(engine, UUID).owner == ALICE.name


def test_every_client_chooses_a_random_uuid_and_keeps_what_is_its_own() -> None:
    engine = an_engine_of_a_server(a_symmetric_key("1"))

    assert told(engine, UUID, BOB) is None
    assert stored(engine, UUID).owner == BOB.name
    assert told(engine, "1", ALICE, replace_existing=True) is None
    unasked = told(engine, "1", ALICE)
    assert unasked is not None
    assert unasked[1] != import_.NOT_TO_BE_CHOSEN


def test_an_archived_object_of_one_s_own_says_so() -> None:
    engine = an_engine_of_a_server(a_symmetric_key("1", archived=True))

    answer = told(engine, "1", ALICE, replace_existing=True)
    assert answer is not None
    assert answer[0] is ResultReason.OBJECT_ARCHIVED


def test_an_administrator_chooses_any_identifier_that_is_free() -> None:
    engine = an_engine_of_a_server(a_symmetric_key("1"))

    assert told(engine, "2", CAROL) is None
    assert told(engine, "1", CAROL, replace_existing=True) == (
        ResultReason.OBJECT_ALREADY_EXISTS,
        import_.NOT_TO_BE_CHOSEN,
    )


@pytest.mark.parametrize("identifier", ["1", "2", UUID])
def test_the_record_of_a_refused_import_names_the_identifier(identifier: str) -> None:
    trail = MemoryTrail()
    engine = an_engine_of_a_server(a_symmetric_key("1"), a_symmetric_key(UUID), audit=trail)

    assert told(engine, identifier, BOB) is not None
    assert trail.records[-1].unique_identifiers == (identifier,)
