"""What was found to be right once is not looked for again; what was not is refused each time alike."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip_app.testing.contracts.samples import ATTRIBUTES, SAMPLES
from kmip_core.attributes import FIELDS, MULTIPLE, Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    ResultReason,
    ResultStatus,
    SplitKeyMethod,
    UsageLimitsUnit,
)
from kmip_core.objects import SplitKey
from kmip_core.operations import create, register
from kmip_core.procedures import proven_attributes
from kmip_core.procedures.attribute_values import MAXIMUM_INSTANCES
from kmip_core.settings import Settings
from kmip_core.structures import Link, Name, UsageLimits
from tests.builders import a_name, a_secret, a_symmetric_key, an_engine, ask, attributes_of, the_only
from tests.rounds import rounds

AES = Attributes(
    cryptographic_algorithm=CryptographicAlgorithm.AES,
    cryptographic_length=256,
    cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
)

AES_128 = AES.but(cryptographic_length=128, key_format_type=KeyFormatType.RAW)


@pytest.fixture(autouse=True)
def nothing_proven() -> Iterator[None]:
    proven_attributes._proven.clear()
    yield
    proven_attributes._proven.clear()


def outcome(engine: Engine, operation: Operation, request: Any) -> Any:
    """Return the refusal, or the attributes that the store holds, without the digest of a random key."""
    item = the_only(ask(engine, (operation, request)))
    if item.result_status is not ResultStatus.SUCCESS:
        return item.result_reason, item.result_message
    identifier = item.payload.unique_identifier
    own = {"unique_identifier": None, "short_unique_identifier": None, "digests": ()}
    return attributes_of(engine, identifier).with_fields(own)


def outcomes(attributes: Attributes, *, is_made_here: bool, of: Settings) -> list[Any]:
    """Return those of one request for a new object, which is asked several times of one server."""
    engine = an_engine(settings=of)
    if is_made_here:
        kind = ObjectType.SYMMETRIC_KEY
        request: Any = create.Request(object_type=kind, attributes=attributes)
        return [outcome(engine, Operation.CREATE, request) for _ in range(2)]
    kind = ObjectType.SECRET_DATA
    request = register.Request(object_type=kind, attributes=attributes, managed_object=a_secret())
    return [outcome(engine, Operation.REGISTER, request) for _ in range(2)]


def outcomes_at_length(attributes: Attributes, *, is_made_here: bool, of: Settings) -> list[Any]:
    """Return them from a server that remembers nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proven_attributes, "is_proven", lambda asked: False)
        return outcomes(attributes, is_made_here=is_made_here, of=of)


SETTINGS = st.builds(Settings, unique_names=st.booleans())
SAMPLED = vars(Attributes()) | SAMPLES
NAMES = st.lists(st.sampled_from([a_name("a"), a_name("b")]), max_size=2).map(tuple)


@settings(max_examples=rounds(100, nightly=2_000), deadline=None)
@given(ATTRIBUTES, st.sets(st.sampled_from(FIELDS)), NAMES, st.booleans(), SETTINGS)
def test_each_request_is_answered_as_if_it_were_the_first(
    drawn: Attributes, fields: set[str], names: tuple[Name, ...], is_made_here: bool, of: Settings
) -> None:
    attributes = AES.with_fields({name: vars(drawn)[name] for name in fields} | {"names": names})

    found = outcomes(attributes, is_made_here=is_made_here, of=of)

    assert found == outcomes_at_length(attributes, is_made_here=is_made_here, of=of)


@pytest.mark.parametrize("is_made_here", [True, False])
@pytest.mark.parametrize("name", SAMPLES)
def test_whatever_is_given_beside_proven_attributes_is_looked_at(name: str, is_made_here: bool) -> None:
    outcomes(AES, is_made_here=is_made_here, of=Settings())
    value = SAMPLES[name]
    more = AES.with_fields({name: (value,) if name in MULTIPLE else value})

    found = outcomes(more, is_made_here=is_made_here, of=Settings())

    assert found == outcomes_at_length(more, is_made_here=is_made_here, of=Settings())


@pytest.mark.parametrize("name", SAMPLES)
def test_whatever_is_given_beside_proven_attributes_that_are_rare_is_looked_at(name: str) -> None:
    rare = AES.but(protection_period=1)
    outcomes(rare, is_made_here=True, of=Settings())
    more = rare.with_fields({name: (SAMPLES[name],) if name in MULTIPLE else SAMPLES[name]})

    found = outcomes(more, is_made_here=True, of=Settings())

    assert found == outcomes_at_length(more, is_made_here=True, of=Settings())


def test_a_part_of_a_key_proves_nothing_of_a_whole_one() -> None:
    engine, key, asked = an_engine(), a_symmetric_key()[1], AES_128.but(split_key_parts=3)
    part = SplitKey(
        split_key_parts=3,
        key_part_identifier=1,
        split_key_threshold=3,
        split_key_method=SplitKeyMethod.XOR,
        key_block=key.key_block,
    )
    given = register.Request(object_type=ObjectType.SPLIT_KEY, attributes=asked, managed_object=part)
    assert outcome(engine, Operation.REGISTER, given).split_key_parts == 3

    whole = register.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=asked, managed_object=key)

    assert outcome(engine, Operation.REGISTER, whole)[0] is ResultReason.INVALID_ATTRIBUTE


def test_a_request_is_proven_once_whatever_its_object_is_called() -> None:
    engine = an_engine()
    for number in range(3):
        named = AES.but(names=(a_name(f"key {number}"),))
        request = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=named)
        assert outcome(engine, Operation.CREATE, request).names == named.names
    assert len(proven_attributes._proven) == 1


@pytest.mark.parametrize("rare", [{}, {"protection_period": 1}], ids=["usual", "rare"])
@pytest.mark.parametrize(
    ("field", "right", "wrong"),
    [
        ("operation_policy_name", "default", "no such policy"),
        (
            "usage_limits",
            UsageLimits(usage_limits_total=1, usage_limits_unit=UsageLimitsUnit.BYTE),
            UsageLimits(usage_limits_total=-1, usage_limits_unit=UsageLimitsUnit.BYTE),
        ),
    ],
)
def test_a_value_that_was_right_proves_nothing_of_another_one(
    field: str, right: object, wrong: object, rare: dict[str, Any]
) -> None:
    given = AES.with_fields({field: right} | rare)
    assert all(isinstance(one, Attributes) for one in outcomes(given, is_made_here=True, of=Settings()))

    refusals = outcomes(given.with_fields({field: wrong}), is_made_here=True, of=Settings())

    assert [reason for reason, _ in refusals] == 2 * [ResultReason.INVALID_ATTRIBUTE_VALUE]


@pytest.mark.parametrize("field", ["names", "links"])
def test_several_names_or_links_are_counted_each_time(field: str) -> None:
    def several(number: int) -> Attributes:
        values: dict[str, list[Any]] = {
            "names": [a_name(f"name {one}") for one in range(number)],
            "links": [Link(link_type=LinkType.PARENT_LINK, linked_object_identifier=str(one)) for one in range(number)],
        }
        return AES.with_fields({field: tuple(values[field])})

    for number in (1, 2):
        assert isinstance(outcomes(several(number), is_made_here=False, of=Settings())[0], Attributes)

    refusals = outcomes(several(MAXIMUM_INSTANCES + 1), is_made_here=False, of=Settings())

    assert [reason for reason, _ in refusals] == 2 * [ResultReason.SERVER_LIMIT_EXCEEDED]


def test_nothing_is_proven_by_texts_and_structures() -> None:
    """Whether a policy of a name is in force changes, and texts take room."""
    for value in (proven_attributes._usual(SAMPLED), proven_attributes._rare(SAMPLED)):
        assert all(isinstance(one, int) for one in value), value


def test_what_is_proven_is_bounded() -> None:
    for number in range(2 * proven_attributes.MOST):
        proven_attributes.prove((number,))
        assert len(proven_attributes._proven) <= proven_attributes.MOST
