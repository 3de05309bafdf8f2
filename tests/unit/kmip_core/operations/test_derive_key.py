"""Derive Key."""

import hashlib
from typing import Any

import pytest

from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    DerivationMethod,
    HashingAlgorithm,
    LinkType,
    ObjectType,
    Operation,
    ResultReason,
    State,
)
from kmip_core.errors import KmipError
from kmip_core.operations import derive_key, get
from kmip_core.procedures.attribute_values import MAXIMUM_INSTANCES
from kmip_core.structures import CryptographicParameters as Parameters
from kmip_core.structures import DerivationParameters, Link
from tests.builders import BOB, NOW, a_name, an_engine, attributes_of, perform, stored
from tests.unit.kmip_core.operations.usable_keys import a_key, a_private_key, a_public_key, a_secret_key

KEY = bytes(range(16))
SHA_256 = Parameters(hashing_algorithm=HashingAlgorithm.SHA_256)
AES = Attributes(
    cryptographic_algorithm=CryptographicAlgorithm.AES,
    cryptographic_length=128,
    cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
)
HASH = {
    "derivation_method": DerivationMethod.HASH,
    "derivation_parameters": DerivationParameters(cryptographic_parameters=SHA_256),
}


def derived(engine: Engine, **fields: Any) -> str:
    request = derive_key.Request(
        **{
            "object_type": ObjectType.SYMMETRIC_KEY,
            "unique_identifiers": ("key",),
            "attributes": AES,
            **HASH,
            **fields,
        }
    )
    identifier: str = perform(engine, Operation.DERIVE_KEY, request).unique_identifier
    return identifier


def material_of(engine: Engine, identifier: str) -> bytes:
    content = perform(engine, Operation.GET, get.Request(unique_identifier=identifier)).managed_object
    material = content.key_block.key_value.key_material
    assert isinstance(material, bytes)
    return material


def refusal(engine: Engine, **fields: Any) -> ResultReason:
    with pytest.raises(KmipError) as caught:
        derived(engine, **fields)
    return caught.value.reason


def test_the_derived_key_has_what_the_document_says() -> None:
    engine = an_engine(a_key())

    identifier = derived(engine, attributes=AES.but(names=(a_name("derived"),), sensitive=True))

    found = attributes_of(engine, identifier)
    assert found.object_type is ObjectType.SYMMETRIC_KEY
    assert found.names == (a_name("derived"),)
    assert (found.cryptographic_algorithm, found.cryptographic_length) == (CryptographicAlgorithm.AES, 128)
    assert found.cryptographic_usage_mask == CryptographicUsageMask.ENCRYPT
    assert (found.initial_date, found.last_change_date, found.state) == (NOW, NOW, State.PRE_ACTIVE)
    assert found.operation_policy_name == "default"
    assert (found.sensitive, found.always_sensitive) == (True, True)
    assert len(found.digests) == 1
    assert stored(engine, identifier).owner == "alice"


def test_derived_key_and_base_are_linked() -> None:
    engine = an_engine(a_key())

    identifier = derived(engine)

    base_link = Link(link_type=LinkType.DERIVATION_BASE_OBJECT_LINK, linked_object_identifier="key")
    derived_link = Link(link_type=LinkType.DERIVED_KEY_LINK, linked_object_identifier=identifier)
    assert attributes_of(engine, identifier).links == (base_link,)
    assert attributes_of(engine).links == (derived_link,)
    assert attributes_of(engine).last_change_date == NOW


def test_longer_material_is_cut_to_the_length() -> None:
    engine = an_engine(a_key())

    assert material_of(engine, derived(engine)) == hashlib.sha256(KEY).digest()[:16]


def test_secret_data_can_be_derived_without_an_algorithm() -> None:
    engine = an_engine(a_key())

    identifier = derived(engine, object_type=ObjectType.SECRET_DATA, attributes=Attributes(cryptographic_length=64))

    assert attributes_of(engine, identifier).object_type is ObjectType.SECRET_DATA
    assert material_of(engine, identifier) == hashlib.sha256(KEY).digest()[:8]


def test_a_second_object_may_be_the_derivation_data() -> None:
    engine = an_engine(a_key(), a_secret_key(b"data"))
    parameters = DerivationParameters(cryptographic_parameters=SHA_256)

    identifier = derived(
        engine,
        unique_identifiers=("key", "secret"),
        derivation_method=DerivationMethod.HMAC,
        derivation_parameters=parameters,
    )

    told = derived(
        engine,
        derivation_method=DerivationMethod.HMAC,
        derivation_parameters=DerivationParameters(cryptographic_parameters=SHA_256, derivation_data=b"data"),
    )
    assert material_of(engine, identifier) == material_of(engine, told)
    bases = [link.linked_object_identifier for link in attributes_of(engine, identifier).links]
    assert bases == ["key", "secret"]
    assert [link.linked_object_identifier for link in attributes_of(engine, "secret").links] == [identifier]


def test_two_halves_of_two_pairs_agree_on_a_key() -> None:
    engine = an_engine(
        a_private_key(CryptographicAlgorithm.EC, 256),
        a_public_key(CryptographicAlgorithm.EC, 256),
    )

    identifier = derived(
        engine,
        unique_identifiers=("private", "public"),
        derivation_method=DerivationMethod.ASYMMETRIC_KEY,
        derivation_parameters=DerivationParameters(),
    )

    assert len(material_of(engine, identifier)) == 16


def test_pbkdf2_is_that_of_the_standard_library() -> None:
    engine = an_engine(a_secret_key(b"password", "key"))

    identifier = derived(
        engine,
        derivation_method=DerivationMethod.PBKDF2,
        derivation_parameters=DerivationParameters(
            cryptographic_parameters=SHA_256, salt=b"salt", iteration_count=1000
        ),
    )

    assert material_of(engine, identifier) == hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 1000, 16)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param(
            {"attributes": Attributes(cryptographic_algorithm=CryptographicAlgorithm.AES, cryptographic_length=length)},
            ResultReason.INVALID_ATTRIBUTE_VALUE if length <= 100 else ResultReason.INVALID_FIELD,
            id=f"length {length}",
        )
        for length in (-8, 0, 100, 65_544, 2**31 - 8)
    ]
    + [
        pytest.param(
            {
                "derivation_method": DerivationMethod.PBKDF2,
                "derivation_parameters": DerivationParameters(
                    cryptographic_parameters=SHA_256, salt=b"salt", iteration_count=count
                ),
            },
            ResultReason.INVALID_FIELD,
            id=f"{count} iterations",
        )
        for count in (-1, 0, 10_000_001, 2**31 - 1)
    ],
)
def test_work_without_bounds_is_refused_before_it_begins(fields: dict[str, Any], reason: ResultReason) -> None:
    assert refusal(an_engine(a_key()), **fields) is reason


def test_a_refused_derivation_leaves_the_base_alone() -> None:
    engine = an_engine(a_key())
    before = stored(engine)

    assert refusal(engine, attributes=AES.but(initial_date=NOW)) is ResultReason.READ_ONLY_ATTRIBUTE
    assert stored(engine) == before


def test_links_of_a_base_are_bounded() -> None:
    link = Link(link_type=LinkType.DERIVED_KEY_LINK, linked_object_identifier="x")
    engine = an_engine(a_key(links=(link,) * MAXIMUM_INSTANCES))

    assert refusal(engine) is ResultReason.SERVER_LIMIT_EXCEEDED


@pytest.mark.parametrize("state", [State.DEACTIVATED, State.COMPROMISED])
def test_a_base_must_not_be_retired(state: State) -> None:
    assert refusal(an_engine(a_key(state=state))) is ResultReason.WRONG_KEY_LIFECYCLE_STATE


# --- what stays here stays here ---


@pytest.mark.parametrize("held", [{"sensitive": True}, {"extractable": False}], ids=["sensitive", "not extractable"])
@pytest.mark.parametrize("place", [0, 1], ids=["derivation key", "derivation data"])
def test_a_derived_key_is_as_sensitive_as_its_base(held: dict[str, Any], place: int) -> None:
    attributes: list[dict[str, Any]] = [{}, {}]
    attributes[place] = held
    engine = an_engine(a_key(**attributes[0]), a_secret_key(b"data", **attributes[1]))

    identifier = derived(
        engine,
        unique_identifiers=("key", "secret"),
        derivation_method=DerivationMethod.HMAC,
        derivation_parameters=DerivationParameters(cryptographic_parameters=SHA_256),
        attributes=AES.but(sensitive=False, extractable=True),
    )

    found = attributes_of(engine, identifier)
    assert {name: getattr(found, name) for name in held} == held
    with pytest.raises(KmipError) as refused:
        material_of(engine, identifier)
    assert refused.value.reason in (ResultReason.SENSITIVE, ResultReason.NOT_EXTRACTABLE)


ENCRYPT = {
    "unique_identifiers": ("key", "secret"),
    "derivation_method": DerivationMethod.ENCRYPT,
    "derivation_parameters": DerivationParameters(
        cryptographic_parameters=Parameters(
            cryptographic_algorithm=CryptographicAlgorithm.AES, block_cipher_mode=BlockCipherMode.ECB
        )
    ),
}


@pytest.mark.parametrize("held", [{"sensitive": True}, {"extractable": False}], ids=["sensitive", "not extractable"])
def test_data_that_stays_here_is_not_encrypted_into_a_derived_key(held: dict[str, Any]) -> None:
    engine = an_engine(a_key(), a_secret_key(bytes(16), **held))

    assert refusal(engine, **ENCRYPT) is ResultReason.PERMISSION_DENIED


def test_a_key_that_stays_here_encrypts_data_into_one_that_stays_as_well() -> None:
    engine = an_engine(a_key(extractable=False), a_secret_key(bytes(16)))

    assert attributes_of(engine, derived(engine, **ENCRYPT)).extractable is False


def test_a_base_that_one_may_only_read_gets_no_link() -> None:
    engine = an_engine(
        a_private_key(CryptographicAlgorithm.EC, 256, owner="bob"),
        a_public_key(CryptographicAlgorithm.EC, 256),
    )
    before = stored(engine, "public")
    request = derive_key.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        unique_identifiers=("private", "public"),
        derivation_method=DerivationMethod.ASYMMETRIC_KEY,
        derivation_parameters=DerivationParameters(),
        attributes=AES,
    )

    identifier = perform(engine, Operation.DERIVE_KEY, request, BOB).unique_identifier

    assert stored(engine, "public") == before
    assert [link.linked_object_identifier for link in attributes_of(engine, "private").links] == [identifier]
    assert len(attributes_of(engine, identifier).links) == 2


def test_a_base_key_encrypts_within_its_own_parameters() -> None:
    cbc, ecb = (Parameters(block_cipher_mode=mode) for mode in (BlockCipherMode.CBC, BlockCipherMode.ECB))
    engine = an_engine(a_key(cryptographic_parameters=(cbc,)))
    asked = {
        mode: {
            "derivation_method": DerivationMethod.ENCRYPT,
            "derivation_parameters": DerivationParameters(
                cryptographic_parameters=mode, derivation_data=bytes(16), initialization_vector=bytes(16)
            ),
        }
        for mode in (cbc, ecb)
    }

    assert derived(engine, **asked[cbc])
    assert refusal(engine, **asked[ecb]) is ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS
