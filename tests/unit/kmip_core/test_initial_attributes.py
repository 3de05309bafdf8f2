"""What every object has from its beginning, whichever way it came."""

from hashlib import sha256
from typing import Any

import pytest

from kmip_core.attributes import Attributes
from kmip_core.enums import HashingAlgorithm, KeyFormatType, ObjectClass, ObjectType, State
from kmip_core.initial_attributes import complete, digests_of, short_identifier, structure_of
from kmip_core.objects import Content, KeyBlock, KeyValue, OpaqueObject, SymmetricKey, Template
from kmip_core.structures import Digest, KeyHandle, TransparentSymmetricKey

NOW = 1_000
KEY = SymmetricKey(value=b"k")
DIGEST = Digest(hashing_algorithm=HashingAlgorithm.SHA_256, digest_value=b"d", key_format_type=KeyFormatType.RAW)


def completed(given: Attributes, content: Content = KEY, *, extractable: bool = True, **more: Any) -> Attributes:
    return complete(content, given, unique_identifier="1", now=NOW, digests=(DIGEST,), extractable=extractable, **more)


def test_attributes_that_are_not_given_are_set() -> None:
    assert completed(Attributes(), lease_time=5) == Attributes(
        unique_identifier="1",
        object_type=ObjectType.SYMMETRIC_KEY,
        object_class=ObjectClass.USER,
        digests=(DIGEST,),
        operation_policy_name="default",
        lease_time=5,
        state=State.PRE_ACTIVE,
        initial_date=NOW,
        last_change_date=NOW,
        sensitive=False,
        always_sensitive=False,
        extractable=True,
        never_extractable=False,
        key_format_type=KeyFormatType.RAW,
    )


def test_state_dates_digests_and_policy_that_come_with_an_object_stand() -> None:
    given = Attributes(
        state=State.DEACTIVATED,
        initial_date=1,
        last_change_date=2,
        digests=(Digest(hashing_algorithm=HashingAlgorithm.SHA_256, digest_value=b"other"),),
        operation_policy_name="public",
    )

    found = completed(given)

    assert (found.state, found.initial_date, found.last_change_date) == (State.DEACTIVATED, 1, 2)
    assert (found.digests, found.operation_policy_name) == (given.digests, "public")


@pytest.mark.parametrize(("date", "state"), [(NOW, State.ACTIVE), (NOW + 1, State.PRE_ACTIVE)])
def test_an_activation_date_that_has_come_makes_it_active(date: int, state: State) -> None:
    assert completed(Attributes(activation_date=date)).state is state


@pytest.mark.parametrize(
    ("given", "extractable", "always_sensitive", "never_extractable"),
    [
        pytest.param(Attributes(sensitive=True), False, True, True, id="from its beginning"),
        pytest.param(
            Attributes(sensitive=True, always_sensitive=False, never_extractable=False),
            False,
            False,
            False,
            id="not always",
        ),
        pytest.param(Attributes(always_sensitive=True, never_extractable=True), True, False, False, id="not now"),
    ],
)
def test_always_and_never_are_no_stronger_than_now(
    given: Attributes, extractable: bool, always_sensitive: bool, never_extractable: bool
) -> None:
    found = completed(given, extractable=extractable)

    assert found.extractable is extractable
    assert (found.always_sensitive, found.never_extractable) == (always_sensitive, never_extractable)


def test_a_key_without_its_value_says_so() -> None:
    block = KeyBlock(key_format_type=KeyFormatType.RAW)

    assert completed(Attributes(), SymmetricKey(key_block=block)).key_value_present is False


def test_a_template_has_neither_state_nor_secrets() -> None:
    found = completed(Attributes(), Template(template_attributes=Attributes()))

    assert (found.object_type, found.initial_date) == (ObjectType.TEMPLATE, NOW)
    assert (found.state, found.sensitive, found.extractable, found.key_format_type) == (None, None, None, None)


def test_the_short_identifier_is_a_digest_of_the_identifier() -> None:
    assert short_identifier("1") == sha256(b"1").digest()


STRUCTURE = TransparentSymmetricKey(key=b"k")


def a_key(material: Any) -> SymmetricKey:
    value = KeyValue(key_material=material)
    return SymmetricKey(key_block=KeyBlock(key_format_type=KeyFormatType.TRANSPARENT_SYMMETRIC_KEY, key_value=value))


@pytest.mark.parametrize(
    ("content", "structure"),
    [
        (a_key(STRUCTURE), STRUCTURE),
        (a_key(KeyHandle(provider="token", token="1")), None),
        (KEY, None),
        (OpaqueObject(b"o"), None),
    ],
)
def test_only_transparent_keys_have_a_structure(content: Content, structure: Any) -> None:
    assert structure_of(content) == structure


@pytest.mark.parametrize(
    ("content", "encoded", "expected"),
    [
        (KEY, None, [(KeyFormatType.RAW, b"k")]),
        (OpaqueObject(b"o"), None, [(None, b"o")]),
        (a_key(KeyHandle(provider="token", token="1")), None, []),
        (
            a_key(STRUCTURE),
            b"encoding",
            [(KeyFormatType.RAW, b"k"), (KeyFormatType.TRANSPARENT_SYMMETRIC_KEY, b"encoding")],
        ),
    ],
)
def test_each_format_of_the_material_has_its_digest(
    content: Content, encoded: bytes | None, expected: list[tuple[KeyFormatType | None, bytes]]
) -> None:
    found = [(digest.key_format_type, digest.digest_value) for digest in digests_of(content, encoded)]

    assert found == [(key_format_type, sha256(octets).digest()) for key_format_type, octets in expected]
