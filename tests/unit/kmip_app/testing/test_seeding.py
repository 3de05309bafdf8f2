"""Objects that are there before the client comes: as it would have made them itself."""

from typing import Any

import pytest

from kmip_app.testing import KmipTestServer
from kmip_app.testing.seeding import STEPS_TO
from kmip_core.attributes import Attributes
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ResultReason,
    ResultStatus,
    SecretDataType,
    State,
)
from kmip_core.errors import KmipError
from kmip_core.lifecycle import GONE
from kmip_core.objects import (
    Certificate,
    KeyBlock,
    KeyValue,
    OpaqueObject,
    PrivateKey,
    PublicKey,
    SecretData,
    SymmetricKey,
)
from kmip_core.operations import get, get_attributes, locate, register
from kmip_core.structures import Name
from tests.unit.kmip_app.testing.conftest import ask

AES = SymmetricKey(CryptographicAlgorithm.AES, 128, bytes(range(16)), [CryptographicUsageMask.ENCRYPT], "a key")


def content_of(server: KmipTestServer, identifier: str) -> Any:
    answer = ask(server, get.Request(unique_identifier=identifier))
    assert answer.result_status is ResultStatus.SUCCESS, answer.result_message
    return answer.payload.managed_object


def attributes_of(server: KmipTestServer, identifier: str) -> Attributes:
    attributes: Attributes = ask(server, get_attributes.Request(unique_identifier=identifier)).payload.attributes
    return attributes


def test_mongodb_s_secret_has_the_identifier_that_its_tests_name(server: KmipTestServer) -> None:
    secret = SecretData(bytes(range(96)), SecretDataType.SEED)

    assert server.seed({"1": secret}) == ["1"]
    assert content_of(server, "1").key_block.key_value.key_material == bytes(range(96))


def test_several_objects_come_with_identifiers_of_their_own_in_order(server: KmipTestServer) -> None:
    identifiers = server.seed([SecretData(bytes([n]) * 8, name=f"secret {n}") for n in range(3)])

    assert len(set(identifiers)) == 3
    assert [content_of(server, i).key_block.key_value.key_material[0] for i in identifiers] == [0, 1, 2]


@pytest.mark.parametrize(
    "content",
    [
        AES,
        PublicKey(CryptographicAlgorithm.RSA, 2_048, b"not looked at"),
        PrivateKey(CryptographicAlgorithm.RSA, 2_048, b"not looked at"),
        Certificate(certificate_value=b"not looked at"),
        SecretData(b"secret"),
        OpaqueObject(b"bytes", name="opaque"),
    ],
    ids=lambda content: type(content).__name__,
)
def test_every_type_of_the_document_can_be_seeded(server: KmipTestServer, content: Any) -> None:
    (identifier,) = server.seed(content)

    got = content_of(server, identifier)

    assert type(got) is type(content)
    assert getattr(got, "key_block", None) == getattr(content, "key_block", None)


def test_the_constructor_s_arguments_are_in_the_attributes(server: KmipTestServer) -> None:
    (identifier,) = server.seed(AES, names=["by another name"])

    told = attributes_of(server, identifier)

    assert told.names == (Name(name_value="a key"), Name(name_value="by another name"))
    assert told.cryptographic_algorithm is CryptographicAlgorithm.AES
    assert told.cryptographic_length == 128
    assert told.cryptographic_usage_mask == CryptographicUsageMask.ENCRYPT
    assert told.state is State.PRE_ACTIVE


def test_a_seeded_object_looks_like_one_that_was_registered(server: KmipTestServer) -> None:
    server.clock.stop()
    request = register.Request(
        object_type=AES.object_type,
        attributes=Attributes(cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT, names=AES.attributes.names),
        managed_object=SymmetricKey(
            key_block=KeyBlock(
                key_format_type=AES.key_block.key_format_type,
                key_value=KeyValue(key_material=bytes(range(16))),
                cryptographic_algorithm=CryptographicAlgorithm.AES,
                cryptographic_length=128,
            )
        ),
    )
    registered = ask(server, request).payload.unique_identifier

    (seeded,) = server.seed(AES)

    own = {"unique_identifier": None, "short_unique_identifier": None, "protection_storage_mask": None}
    assert attributes_of(server, seeded).but(**own) == attributes_of(server, registered).but(**own)


@pytest.mark.parametrize("state", STEPS_TO, ids=lambda state: state.name)
def test_an_object_can_be_in_any_state_with_the_dates_that_led_there(server: KmipTestServer, state: State) -> None:
    now = server.clock.stop()

    (identifier,) = server.seed(AES, state=state)

    told = attributes_of(server, identifier)
    assert told.state is state
    assert told.activation_date == (None if state is State.PRE_ACTIVE else now)
    assert told.destroy_date == (now if state in GONE else None)
    gone = ask(server, get.Request(unique_identifier=identifier)).result_status is not ResultStatus.SUCCESS
    assert gone is (state in GONE)


def test_there_is_a_life_for_every_state() -> None:
    assert set(STEPS_TO) == set(State)


def test_a_state_may_be_named(server: KmipTestServer) -> None:
    (identifier,) = server.seed(AES, state="Active")

    assert attributes_of(server, identifier).state is State.ACTIVE


def test_an_activation_date_of_the_object_s_own_counts(server: KmipTestServer) -> None:
    later = server.clock.stop() + 60
    dated = SecretData(b"secret", attributes=Attributes(activation_date=later))

    (identifier,) = server.seed(dated)

    assert attributes_of(server, identifier).state is State.PRE_ACTIVE
    server.clock.advance(60)
    assert attributes_of(server, identifier).state is State.ACTIVE


def test_an_opaque_object_has_no_life_to_come_to(server: KmipTestServer) -> None:
    with pytest.raises(ValueError, match="Opaque Object has no life cycle"):
        server.seed(OpaqueObject(b"bytes"), state=State.ACTIVE)


def test_only_objects_are_seeded(server: KmipTestServer) -> None:
    with pytest.raises(TypeError, match=r"^seed takes objects of kmip_core\.objects, not bytes$"):
        server.seed([bytes(32)])  # type: ignore[list-item]  # as a caller without types


def test_an_object_of_another_client_stays_theirs(server: KmipTestServer) -> None:
    (identifier,) = server.seed(AES, owner="alice")

    assert ask(server, get.Request(unique_identifier=identifier)).result_reason is ResultReason.OBJECT_NOT_FOUND
    assert ask(server, get.Request(unique_identifier=identifier), "alice").result_status is ResultStatus.SUCCESS
    assert ask(server, locate.Request(), "alice").payload.unique_identifiers == (identifier,)


def test_an_identifier_that_is_taken_is_refused(server: KmipTestServer) -> None:
    server.seed({"1": AES})

    with pytest.raises(KmipError, match=r"^1: an object has this Unique Identifier") as refused:
        server.seed({"1": AES})

    assert refused.value.reason is ResultReason.OBJECT_ALREADY_EXISTS
