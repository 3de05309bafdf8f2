"""Create Key Pair."""

from typing import Any

import pytest

from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    BatchErrorContinuationOption,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    ProtectionStorageMask,
    RecommendedCurve,
    ResultReason,
    ResultStatus,
    RNGAlgorithm,
    State,
)
from kmip_core.errors import KmipError
from kmip_core.operations import activate, create_key_pair, get
from kmip_core.settings import Settings
from kmip_core.structures import CryptographicDomainParameters, Link, RNGParameters
from tests.builders import NOW, a_name, an_engine, ask, attributes_of, perform, stored

SIGNS = CryptographicUsageMask.SIGN
VERIFIES = CryptographicUsageMask.VERIFY
RSA = Attributes(cryptographic_algorithm=CryptographicAlgorithm.RSA, cryptographic_length=1024)


def a_request(common: Attributes = RSA, **fields: Any) -> create_key_pair.Request:
    return create_key_pair.Request(
        **{
            "common_attributes": common,
            "private_key_attributes": Attributes(cryptographic_usage_mask=SIGNS),
            "public_key_attributes": Attributes(cryptographic_usage_mask=VERIFIES),
            **fields,
        }
    )


def made(engine: Engine, request: create_key_pair.Request) -> tuple[str, str]:
    response: create_key_pair.Response = perform(engine, Operation.CREATE_KEY_PAIR, request)
    return response.private_key_unique_identifier, response.public_key_unique_identifier


def refusal(engine: Engine, request: create_key_pair.Request) -> ResultReason:
    with pytest.raises(KmipError) as caught:
        perform(engine, Operation.CREATE_KEY_PAIR, request)
    return caught.value.reason


def test_both_halves_have_what_the_document_says() -> None:
    engine = an_engine()

    private, public = made(
        engine,
        a_request(
            common_attributes=Attributes(
                cryptographic_algorithm=CryptographicAlgorithm.RSA,
                cryptographic_length=1024,
                operation_policy_name="default",
                activation_date=NOW - 1,
            ),
            private_key_attributes=Attributes(cryptographic_usage_mask=SIGNS, names=(a_name("private"),)),
        ),
    )

    halves = [
        (private, ObjectType.PRIVATE_KEY, SIGNS, LinkType.PUBLIC_KEY_LINK, public, (a_name("private"),)),
        (public, ObjectType.PUBLIC_KEY, VERIFIES, LinkType.PRIVATE_KEY_LINK, private, ()),
    ]
    for identifier, object_type, mask, link_type, other, names in halves:
        found = attributes_of(engine, identifier)
        assert found.unique_identifier == identifier
        assert found.object_type is object_type
        assert found.cryptographic_usage_mask == mask
        assert found.links == (Link(link_type=link_type, linked_object_identifier=other),)
        assert found.names == names
        assert (found.cryptographic_algorithm, found.cryptographic_length) == (CryptographicAlgorithm.RSA, 1024)
        assert found.key_format_type is KeyFormatType.PKCS_1
        assert (found.initial_date, found.original_creation_date, found.last_change_date) == (NOW, NOW, NOW)
        assert (found.operation_policy_name, found.state) == ("default", State.ACTIVE)
        assert found.random_number_generator == RNGParameters(rng_algorithm=RNGAlgorithm.UNSPECIFIED)
        assert len(found.digests) == 1
        assert (found.sensitive, found.always_sensitive) == (False, False)
        assert (found.extractable, found.never_extractable) == (True, False)
        assert found.fresh is True
        assert stored(engine, identifier).owner == "alice"


def test_a_new_pair_is_pre_active() -> None:
    engine = an_engine()

    for identifier in made(engine, a_request()):
        assert attributes_of(engine, identifier).state is State.PRE_ACTIVE


def test_a_half_s_own_attributes_go_before_the_common_ones() -> None:
    engine = an_engine()
    common = Attributes(
        cryptographic_algorithm=CryptographicAlgorithm.RSA, cryptographic_length=1024, cryptographic_usage_mask=SIGNS
    )

    private, public = made(engine, a_request(common, private_key_attributes=Attributes()))

    assert attributes_of(engine, private).cryptographic_usage_mask == SIGNS
    assert attributes_of(engine, public).cryptographic_usage_mask == VERIFIES


def test_links_of_the_client_come_after_those_of_the_pair() -> None:
    engine = an_engine()
    parent = Link(link_type=LinkType.PARENT_LINK, linked_object_identifier="group")

    private, public = made(
        engine, a_request(private_key_attributes=Attributes(cryptographic_usage_mask=SIGNS, links=(parent,)))
    )

    pair = Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier=public)
    assert attributes_of(engine, private).links == (pair, parent)


@pytest.mark.parametrize(
    ("attributes", "length"),
    [
        pytest.param(Attributes(cryptographic_algorithm=CryptographicAlgorithm.EC, cryptographic_length=256), 256),
        pytest.param(
            Attributes(
                cryptographic_algorithm=CryptographicAlgorithm.EC,
                cryptographic_domain_parameters=CryptographicDomainParameters(recommended_curve=RecommendedCurve.P_384),
            ),
            384,
        ),
        pytest.param(Attributes(cryptographic_algorithm=CryptographicAlgorithm.ED25519), 256),
    ],
    ids=["EC by length", "EC by curve", "Ed25519"],
)
def test_a_curve_says_the_length(attributes: Attributes, length: int) -> None:
    engine = an_engine()

    for identifier in made(engine, a_request(attributes)):
        assert attributes_of(engine, identifier).cryptographic_length == length


def test_halves_come_in_the_formats_asked_for() -> None:
    engine = an_engine()

    private, public = made(
        engine,
        a_request(
            private_key_attributes=Attributes(
                cryptographic_usage_mask=SIGNS, key_format_type=KeyFormatType.TRANSPARENT_RSA_PRIVATE_KEY
            ),
            public_key_attributes=Attributes(cryptographic_usage_mask=VERIFIES, key_format_type=KeyFormatType.X_509),
        ),
    )

    for identifier, wanted in ((private, KeyFormatType.TRANSPARENT_RSA_PRIVATE_KEY), (public, KeyFormatType.X_509)):
        content = perform(engine, Operation.GET, get.Request(unique_identifier=identifier)).managed_object
        assert content.key_block.key_format_type is wanted
        assert attributes_of(engine, identifier).key_format_type is wanted


def test_default_masks_are_given_where_a_setting_says_so() -> None:
    engine = an_engine(settings=Settings(default_usage_masks=True))

    private, public = made(engine, create_key_pair.Request(common_attributes=RSA))

    assert attributes_of(engine, private).cryptographic_usage_mask == SIGNS
    assert attributes_of(engine, public).cryptographic_usage_mask == VERIFIES


@pytest.mark.parametrize("half", ["private", "public"])
def test_either_half_needs_its_mask(half: str) -> None:
    request = a_request(**{f"{half}_key_attributes": Attributes()})

    with pytest.raises(KmipError, match=half) as caught:
        perform(an_engine(), Operation.CREATE_KEY_PAIR, request)
    assert caught.value.reason is ResultReason.INVALID_FIELD


def test_a_key_pair_is_not_made_if_one_half_is_refused() -> None:
    engine = an_engine()
    taken = a_request(public_key_attributes=Attributes(cryptographic_usage_mask=VERIFIES, initial_date=NOW))

    reason = refusal(engine, taken)

    assert reason in (ResultReason.READ_ONLY_ATTRIBUTE, ResultReason.ATTRIBUTE_READ_ONLY)
    with engine.services.storage.unit_of_work() as work:
        assert work.find("1") is None
        assert not work.has_writes


def test_the_private_half_becomes_the_id_placeholder() -> None:
    engine = an_engine()

    first, second = ask(
        engine,
        (Operation.CREATE_KEY_PAIR, a_request()),
        (Operation.ACTIVATE, activate.Request()),
    ).batch_items

    assert second.payload.unique_identifier == first.payload.private_key_unique_identifier


def test_an_undone_batch_leaves_no_half() -> None:
    engine = an_engine()

    first, _ = ask(
        engine,
        (Operation.CREATE_KEY_PAIR, a_request()),
        (Operation.ACTIVATE, activate.Request(unique_identifier="none")),
        batch_error_continuation_option=BatchErrorContinuationOption.UNDO,
    ).batch_items

    assert first.result_status is ResultStatus.OPERATION_UNDONE
    with engine.services.storage.unit_of_work() as work:
        assert work.find(first.payload.private_key_unique_identifier) is None
        assert work.find(first.payload.public_key_unique_identifier) is None


@pytest.mark.parametrize("length", [0, -1, 512, 1000, 16_384, 2**31 - 1])
def test_no_rsa_key_is_made_of_a_size_that_is_not_offered(length: int) -> None:
    request = a_request(Attributes(cryptographic_algorithm=CryptographicAlgorithm.RSA, cryptographic_length=length))

    assert refusal(an_engine(), request) in (ResultReason.CRYPTOGRAPHIC_FAILURE, ResultReason.INVALID_FIELD)


SOFTWARE = (ProtectionStorageMask.SOFTWARE,)
NOWHERE = (ProtectionStorageMask.HARDWARE | ProtectionStorageMask.SOFTWARE,)
NO_PLACE_FOR_THE_PRIVATE_KEY = ResultReason.PRIVATE_PROTECTION_STORAGE_UNAVAILABLE
NO_PLACE_FOR_THE_PUBLIC_KEY = ResultReason.PUBLIC_PROTECTION_STORAGE_UNAVAILABLE


@pytest.mark.parametrize(
    ("common", "private", "public", "reason"),
    [
        (SOFTWARE, (), (), None),
        (NOWHERE, SOFTWARE, SOFTWARE, None),
        (NOWHERE, (), (), NO_PLACE_FOR_THE_PRIVATE_KEY),
        (NOWHERE, SOFTWARE, (), NO_PLACE_FOR_THE_PUBLIC_KEY),
        ((), NOWHERE, (), NO_PLACE_FOR_THE_PRIVATE_KEY),
        ((), (), NOWHERE, NO_PLACE_FOR_THE_PUBLIC_KEY),
    ],
)
def test_each_half_is_stored_in_a_way_that_will_do_for_it(
    common: tuple[ProtectionStorageMask, ...],
    private: tuple[ProtectionStorageMask, ...],
    public: tuple[ProtectionStorageMask, ...],
    reason: ResultReason | None,
) -> None:
    engine = an_engine()
    request = a_request(
        common_protection_storage_masks=common,
        private_protection_storage_masks=private,
        public_protection_storage_masks=public,
    )

    if reason is not None:
        assert refusal(engine, request) is reason
        return
    for identifier in made(engine, request):
        assert attributes_of(engine, identifier).protection_storage_mask is ProtectionStorageMask.SOFTWARE
