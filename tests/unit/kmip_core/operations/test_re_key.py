"""Re-key and Re-key Key Pair, against the standard's tables of attribute requirements (KMIP 2.1 §6.1.46, §6.1.47)."""

from typing import Any

import pytest

from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    HashingAlgorithm,
    LinkType,
    Operation,
    ProtectionStorageMask,
    ResultReason,
    RevocationReasonCode,
    State,
    UsageLimitsUnit,
)
from kmip_core.errors import KmipError
from kmip_core.operations import activate, create_key_pair, get, re_key, re_key_key_pair
from kmip_core.settings import Settings
from kmip_core.structures import Digest, Link, RevocationReason, UsageLimits
from tests.builders import NOW, a_custom, a_name, an_engine, ask, attributes_of, perform
from tests.unit.kmip_core.operations.usable_keys import ALL_USES, a_key, a_private_key, a_public_key

DAY = 86_400
OLD = Digest(hashing_algorithm=HashingAlgorithm.SHA_256, digest_value=b"old")


def re_keyed(engine: Engine, **fields: Any) -> str:
    request = re_key.Request(**{"unique_identifier": "key", **fields})
    identifier: str = perform(engine, Operation.RE_KEY, request).unique_identifier
    return identifier


def re_keyed_pair(engine: Engine, **fields: Any) -> tuple[str, str]:
    request = re_key_key_pair.Request(**{"private_key_unique_identifier": "private", **fields})
    response: re_key_key_pair.Response = perform(engine, Operation.RE_KEY_KEY_PAIR, request)
    return response.private_key_unique_identifier, response.public_key_unique_identifier


def a_pair(**attributes: Any) -> Engine:
    to_public = Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier="public")
    to_private = Link(link_type=LinkType.PRIVATE_KEY_LINK, linked_object_identifier="private")
    return an_engine(a_private_key(links=(to_public,), **attributes), a_public_key(links=(to_private,), **attributes))


def refusal(call: Any, *arguments: Any, **fields: Any) -> ResultReason:
    with pytest.raises(KmipError) as caught:
        call(*arguments, **fields)
    return caught.value.reason


def material_of(engine: Engine, identifier: str) -> Any:
    content = perform(engine, Operation.GET, get.Request(unique_identifier=identifier)).managed_object
    return content.key_block.key_value.key_material


# --- Re-key -----------------------------------------------------------------------------------------------------------


def test_the_replacement_has_fresh_material_of_the_same_kind() -> None:
    engine = an_engine(a_key(digests=(OLD,)))

    identifier = re_keyed(engine)

    found = attributes_of(engine, identifier)
    assert (found.cryptographic_algorithm, found.cryptographic_length) == (CryptographicAlgorithm.AES, 128)
    assert len(material_of(engine, identifier)) == 16
    assert material_of(engine, identifier) != material_of(engine, "key")
    assert found.digests != (OLD,)
    assert attributes_of(engine).digests == (OLD,)


def test_re_key_copies_some_attributes_and_sets_others_anew() -> None:
    usage = UsageLimits(usage_limits_total=9, usage_limits_count=2, usage_limits_unit=UsageLimitsUnit.OBJECT)
    engine = an_engine(
        a_key(
            state=State.COMPROMISED,
            compromise_date=NOW - 5,
            compromise_occurrence_date=NOW - 9,
            revocation_reason=RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE),
            object_groups=("group",),
            contact_information="somebody",
            custom_attributes=(a_custom("colour", "red"),),
            usage_limits=usage,
            fresh=False,
            sensitive=True,
            always_sensitive=False,
        )
    )

    found = attributes_of(engine, re_keyed(engine))

    assert (found.object_groups, found.contact_information) == (("group",), "somebody")
    assert found.custom_attributes == (a_custom("colour", "red"),)
    assert found.cryptographic_usage_mask == ALL_USES
    assert found.usage_limits is not None
    assert (found.usage_limits.usage_limits_total, found.usage_limits.usage_limits_count) == (9, 9)
    assert (found.compromise_date, found.compromise_occurrence_date, found.revocation_reason) == (None, None, None)
    assert (found.destroy_date, found.initial_date, found.last_change_date) == (None, NOW, NOW)
    assert (found.state, found.fresh, found.sensitive) == (State.ACTIVE, True, True)


def test_names_move_and_both_point_to_each_other() -> None:
    parent = Link(link_type=LinkType.PARENT_LINK, linked_object_identifier="parent")
    engine = an_engine(a_key(names=(a_name("disk"), a_name("other")), links=(parent,)))

    identifier = re_keyed(engine)

    old, new = attributes_of(engine), attributes_of(engine, identifier)
    assert (old.names, new.names) == ((), (a_name("disk"), a_name("other")))
    replacement = Link(link_type=LinkType.REPLACEMENT_OBJECT_LINK, linked_object_identifier=identifier)
    replaced = Link(link_type=LinkType.REPLACED_OBJECT_LINK, linked_object_identifier="key")
    assert old.links == (parent, replacement)
    assert new.links == (replaced,)
    assert old.last_change_date == NOW
    assert old.state is State.ACTIVE


def test_names_move_where_they_must_be_unique() -> None:
    engine = an_engine(a_key(names=(a_name("disk"),)), settings=Settings(unique_names=True))

    assert attributes_of(engine, re_keyed(engine)).names == (a_name("disk"),)


DATES: dict[str, Any] = {
    "activation_date": NOW - DAY,
    "process_start_date": NOW - DAY + 10,
    "protect_stop_date": NOW + DAY,
    "deactivation_date": NOW + 2 * DAY,
}


@pytest.mark.parametrize(
    ("offset", "moved", "state"),
    [
        pytest.param(None, 0, State.ACTIVE, id="no offset: copied"),
        pytest.param(0, DAY, State.ACTIVE, id="active at once"),
        pytest.param(100, DAY + 100, State.PRE_ACTIVE, id="active later"),
        pytest.param(-100, DAY - 100, State.ACTIVE, id="active before"),
    ],
)
def test_dates_move_with_the_offset(offset: int | None, moved: int, state: State) -> None:
    engine = an_engine(a_key(**DATES))

    found = attributes_of(engine, re_keyed(engine, offset=offset))

    assert {name: getattr(found, name) for name in DATES} == {name: date + moved for name, date in DATES.items()}
    assert found.state is state


def test_an_offset_activates_a_key_whose_original_never_was() -> None:
    engine = an_engine(a_key(state=State.PRE_ACTIVE, activation_date=None))

    found = attributes_of(engine, re_keyed(engine, offset=5))

    assert (found.activation_date, found.deactivation_date, found.state) == (NOW + 5, None, State.PRE_ACTIVE)


def test_attributes_of_the_request_go_before_those_of_the_old_key() -> None:
    engine = an_engine(a_key(contact_information="old"))
    wanted = Attributes(
        contact_information="new",
        cryptographic_length=256,
        cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
        links=(Link(link_type=LinkType.PARENT_LINK, linked_object_identifier="parent"),),
    )

    identifier = re_keyed(engine, attributes=wanted)

    found = attributes_of(engine, identifier)
    assert (found.contact_information, found.cryptographic_length) == ("new", 256)
    assert found.cryptographic_usage_mask == CryptographicUsageMask.ENCRYPT
    assert [link.link_type for link in found.links] == [LinkType.REPLACED_OBJECT_LINK, LinkType.PARENT_LINK]
    assert len(material_of(engine, identifier)) == 32


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"state": State.DESTROYED}, ResultReason.OBJECT_DESTROYED, id="destroyed"),
        pytest.param({"cryptographic_algorithm": None}, ResultReason.INVALID_FIELD, id="of no known algorithm"),
        pytest.param({"cryptographic_length": None}, ResultReason.INVALID_FIELD, id="of no known length"),
        pytest.param({"owner": "bob"}, ResultReason.OBJECT_NOT_FOUND, id="of somebody else"),
    ],
)
def test_a_key_that_cannot_be_re_keyed_is_refused(fields: dict[str, Any], reason: ResultReason) -> None:
    assert refusal(re_keyed, an_engine(a_key(**fields))) is reason


def test_a_pair_is_not_re_keyed_as_a_key() -> None:
    assert refusal(re_keyed, an_engine(a_private_key(identifier="key"))) is ResultReason.INVALID_OBJECT_TYPE


def test_the_replacement_becomes_the_id_placeholder() -> None:
    engine = an_engine(a_key(state=State.PRE_ACTIVE, activation_date=None))

    first, second = ask(
        engine,
        (Operation.RE_KEY, re_key.Request(unique_identifier="key")),
        (Operation.ACTIVATE, activate.Request()),
    ).batch_items

    assert second.payload.unique_identifier == first.payload.unique_identifier


# --- Re-key Key Pair --------------------------------------------------------------------------------------------------


def test_a_new_pair_takes_the_place_of_the_old_one() -> None:
    engine = a_pair(names=(a_name("signer"),), object_groups=("group",))

    private, public = re_keyed_pair(engine)

    for new, old, to_other, other in (
        (private, "private", LinkType.PUBLIC_KEY_LINK, public),
        (public, "public", LinkType.PRIVATE_KEY_LINK, private),
    ):
        found, before = attributes_of(engine, new), attributes_of(engine, old)
        assert found.links == (
            Link(link_type=to_other, linked_object_identifier=other),
            Link(link_type=LinkType.REPLACED_OBJECT_LINK, linked_object_identifier=old),
        )
        assert before.links[1:] == (Link(link_type=LinkType.REPLACEMENT_OBJECT_LINK, linked_object_identifier=new),)
        assert (before.names, found.names) == ((), (a_name("signer"),))
        assert (found.object_groups, found.cryptographic_length) == (("group",), 1024)
        assert (found.initial_date, found.state) == (NOW, State.ACTIVE)
        assert material_of(engine, new) != material_of(engine, old)


def test_dates_of_both_halves_move_with_the_offset() -> None:
    engine = a_pair(activation_date=NOW - DAY, deactivation_date=NOW + DAY)

    for identifier in re_keyed_pair(engine, offset=10):
        found = attributes_of(engine, identifier)
        assert (found.activation_date, found.deactivation_date) == (NOW + 10, NOW + 2 * DAY + 10)
        assert found.state is State.PRE_ACTIVE


def test_attributes_of_the_request_count_for_their_half() -> None:
    engine = a_pair()

    private, public = re_keyed_pair(
        engine,
        common_attributes=Attributes(contact_information="both"),
        private_key_attributes=Attributes(names=(a_name("private"),)),
        public_key_attributes=Attributes(names=(a_name("public"),)),
    )

    assert attributes_of(engine, private).names == (a_name("private"),)
    assert attributes_of(engine, public).names == (a_name("public"),)
    assert attributes_of(engine, private).contact_information == "both"
    assert attributes_of(engine, public).contact_information == "both"


def test_a_new_pair_has_the_kind_of_the_old_one() -> None:
    engine = an_engine()
    made = perform(
        engine,
        Operation.CREATE_KEY_PAIR,
        create_key_pair.Request(
            common_attributes=Attributes(
                cryptographic_algorithm=CryptographicAlgorithm.EC,
                cryptographic_length=384,
                cryptographic_usage_mask=CryptographicUsageMask.SIGN,
            )
        ),
    )

    for identifier in re_keyed_pair(engine, private_key_unique_identifier=made.private_key_unique_identifier):
        found = attributes_of(engine, identifier)
        assert (found.cryptographic_algorithm, found.cryptographic_length) == (CryptographicAlgorithm.EC, 384)


@pytest.mark.parametrize(
    "links",
    [(), (Link(link_type=LinkType.PARENT_LINK, linked_object_identifier="public"),)],
    ids=["no link", "another link"],
)
def test_a_private_key_without_its_public_half_cannot_be_replaced(links: tuple[Link, ...]) -> None:
    assert refusal(re_keyed_pair, an_engine(a_private_key(links=links), a_public_key())) is ResultReason.INVALID_FIELD


def test_the_public_half_must_belong_to_the_client_too() -> None:
    link = Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier="public")
    engine = an_engine(a_private_key(links=(link,)), a_public_key(owner="bob"))

    assert refusal(re_keyed_pair, engine) is ResultReason.PERMISSION_DENIED


def test_a_link_to_what_is_no_public_key_is_refused() -> None:
    link = Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier="key")
    engine = an_engine(a_private_key(links=(link,)), a_key())

    assert refusal(re_keyed_pair, engine) is ResultReason.INVALID_OBJECT_TYPE


def test_the_new_private_half_becomes_the_id_placeholder() -> None:
    engine = a_pair(state=State.PRE_ACTIVE, activation_date=None)

    first, second = ask(
        engine,
        (Operation.RE_KEY_KEY_PAIR, re_key_key_pair.Request(private_key_unique_identifier="private")),
        (Operation.ACTIVATE, activate.Request()),
    ).batch_items

    assert second.payload.unique_identifier == first.payload.private_key_unique_identifier


# --- protection -------------------------------------------------------------------------------------------------------

NOWHERE = (ProtectionStorageMask.HARDWARE | ProtectionStorageMask.SOFTWARE,)


def test_a_replacement_is_not_stored_in_a_way_that_will_not_do() -> None:
    assert refusal(re_keyed, an_engine(a_key()), protection_storage_masks=NOWHERE) is (
        ResultReason.PROTECTION_STORAGE_UNAVAILABLE
    )
    assert refusal(re_keyed_pair, a_pair(), common_protection_storage_masks=NOWHERE) is (
        ResultReason.PRIVATE_PROTECTION_STORAGE_UNAVAILABLE
    )
    assert refusal(re_keyed_pair, a_pair(), public_protection_storage_masks=NOWHERE) is (
        ResultReason.PUBLIC_PROTECTION_STORAGE_UNAVAILABLE
    )
