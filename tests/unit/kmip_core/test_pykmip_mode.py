"""PyKMIP mode: what its client and its users need where the standard leaves it open (RULINGS 30)."""

from typing import Any, Final

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from kmip.core import enums as theirs
from kmip.core.factories.attribute_values import AttributeValueFactory

from kmip_adapters.ttlv.codec import Codec
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CryptographicAlgorithm,
    DerivationMethod,
    HashingAlgorithm,
    LinkType,
    ObjectType,
    Operation,
    ResultReason,
)
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.objects import KeyBlock, SymmetricKey
from kmip_core.operations import (
    CATALOGUE,
    create,
    derive_key,
    get,
    get_attribute_list,
    get_attributes,
    re_key,
    register,
)
from kmip_core.principal import Principal
from kmip_core.procedures.pykmip_attributes import READABLE
from kmip_core.settings import Settings
from kmip_core.structures import CryptographicParameters, DerivationParameters, Link, ProtocolVersion
from tests.builders import ALICE, NOW, a_custom, a_name, a_symmetric_key, an_engine, attributes_of, perform
from tests.unit.kmip_core.operations.usable_keys import a_key
from tests.unit.kmip_core.procedures.test_key_material import EC, silent
from tests.unit.kmip_core.procedures.test_wrapping import DEK, KEK, specification
from tests.unit.kmip_core.procedures.test_wrapping import a_key as a_wrapping_key

MODE: Final = Settings(pykmip_compatible=True)
V10, V14, V20 = ProtocolVersion(1, 0), ProtocolVersion(1, 4), ProtocolVersion(2, 0)


def both(*objects: Any) -> tuple[Engine, Engine]:
    """Return an engine in the mode, and one that is not, over equal objects."""
    return an_engine(*objects, settings=MODE), an_engine(*objects)


def test_wrapped_keys_are_inside_a_key_value() -> None:
    request = get.Request(unique_identifier="dek", key_wrapping_specification=specification())
    within, without = (
        perform(engine, Operation.GET, request).managed_object.key_block.key_value
        for engine in both(a_wrapping_key("kek", KEK), a_wrapping_key("dek", DEK))
    )

    assert isinstance(without, bytes)
    assert within.key_material == without


def a_contradictory_key() -> register.Request:
    key = SymmetricKey(CryptographicAlgorithm.AES, 128, bytes(16))
    block = KeyBlock(
        key_format_type=key.key_block.key_format_type,
        key_value=key.key_block.key_value,
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=512,
    )
    attributes = Attributes(cryptographic_algorithm=CryptographicAlgorithm.AES, cryptographic_length=512)
    return register.Request(
        object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes, managed_object=SymmetricKey(key_block=block)
    )


def test_a_length_that_contradicts_the_material_is_kept() -> None:
    within, without = both()

    identifier = perform(within, Operation.REGISTER, a_contradictory_key()).unique_identifier
    assert attributes_of(within, identifier).cryptographic_length == 512
    with pytest.raises(KmipError) as refused:
        perform(without, Operation.REGISTER, a_contradictory_key())
    assert refused.value.reason is ResultReason.INVALID_FIELD


class NotedRemarks:
    """Keeps them."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, str]] = []

    def note(self, principal: Principal, text: str) -> None:
        self.noted.append((principal.name, text))


def registered_key(key: Any) -> register.Request:
    return register.Request(object_type=key.object_type, attributes=Attributes(), managed_object=key)


def with_length(request: register.Request, length: int) -> register.Request:
    return evolve(request, attributes=evolve(request.attributes, cryptographic_length=length))


@pytest.mark.parametrize(
    ("asked", "warning"),
    [
        (a_contradictory_key(), "Cryptographic Length is 512 but the material has 128 bits"),
        (with_length(a_contradictory_key(), 128), "Cryptographic Length is 512 but the material has 128 bits"),
        (
            with_length(registered_key(SymmetricKey(CryptographicAlgorithm.AES, 128, bytes(16))), 256),
            "Cryptographic Length in the attributes is not the object's",
        ),
        (
            with_length(registered_key(silent(EC.private_key)), 521),
            "Cryptographic Length is 521 but the private key has 256 bits",
        ),
        (registered_key(SymmetricKey(CryptographicAlgorithm.AES, 128, bytes(16))), None),
        (registered_key(EC.private_key), None),
    ],
)
def test_operators_are_warned_of_a_length_that_contradicts_the_material(
    asked: register.Request, warning: str | None
) -> None:
    remarks = NotedRemarks()
    engine = an_engine(settings=MODE, remarks=remarks)

    identifier = perform(engine, Operation.REGISTER, asked).unique_identifier

    expected = [] if warning is None else [(ALICE.name, f"Register kept {identifier} though {warning}")]
    assert remarks.noted == expected


def test_nothing_is_remarked_where_the_request_fails() -> None:
    remarks = NotedRemarks()
    engine = an_engine(settings=MODE, remarks=remarks)
    asked = with_length(registered_key(SymmetricKey(CryptographicAlgorithm.AES, 128, bytes(16))), 256)
    asked = evolve(asked, attributes=evolve(asked.attributes, certificate_length=8))  # of certificates alone

    with pytest.raises(KmipError):
        perform(engine, Operation.REGISTER, asked)

    assert remarks.noted == []


@pytest.mark.parametrize("length", [128, 512])
def test_hmac_derives_more_than_a_hash_as_pykmip_does(length: int) -> None:
    how = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
    request = derive_key.Request(
        object_type=ObjectType.SECRET_DATA,
        unique_identifiers=("key",),
        derivation_method=DerivationMethod.HMAC,
        derivation_parameters=DerivationParameters(cryptographic_parameters=how, derivation_data=b"data", salt=b"salt"),
        attributes=Attributes(cryptographic_length=length),
    )
    within, without = both(a_key())

    identifier = perform(within, Operation.DERIVE_KEY, request).unique_identifier
    if length == 128:  # as the standard has it
        perform(without, Operation.DERIVE_KEY, request)
        return
    content = perform(within, Operation.GET, get.Request(unique_identifier=identifier)).managed_object
    expected = HKDF(SHA256(), length // 8, b"salt", b"data").derive(bytes(range(16)))
    assert content.key_block.key_value.key_material == expected
    with pytest.raises(KmipError) as refused:
        perform(without, Operation.DERIVE_KEY, request)
    assert refused.value.reason is ResultReason.CRYPTOGRAPHIC_FAILURE


def test_other_refused_derivations_stay_refused() -> None:
    request = derive_key.Request(
        object_type=ObjectType.SECRET_DATA,
        unique_identifiers=("key",),
        derivation_method=DerivationMethod.HASH,
        derivation_parameters=DerivationParameters(
            cryptographic_parameters=CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
        ),
        attributes=Attributes(cryptographic_length=512),
    )

    with pytest.raises(KmipError) as refused:
        perform(both(a_key())[0], Operation.DERIVE_KEY, request)
    assert refused.value.reason is ResultReason.CRYPTOGRAPHIC_FAILURE


LINKED: Final = a_symmetric_key(
    names=(a_name("n"),),
    links=(Link(link_type=LinkType.PARENT_LINK, linked_object_identifier="x"),),
    comment="no",
    custom_attributes=(a_custom("ID", "yes"),),
)


def test_answers_with_all_attributes_hold_what_pykmip_reads() -> None:
    within, without = both(LINKED)
    request = get_attributes.Request(unique_identifier="key")

    found, whole = (perform(engine, Operation.GET_ATTRIBUTES, request).attributes for engine in (within, without))

    assert (found.links, found.comment, found.names) == ((), None, (a_name("n"),))
    assert found.custom_attributes == whole.custom_attributes == (a_custom("ID", "yes"),)
    assert whole.links
    names = perform(within, Operation.GET_ATTRIBUTE_LIST, get_attribute_list.Request(unique_identifier="key"))
    assert {r.attribute for r in names.references if r.vendor_identification is None} <= READABLE


@pytest.mark.parametrize("name", sorted(READABLE))
def test_pykmip_reads_every_attribute_that_is_called_readable(name: str) -> None:
    tag = theirs.Tags[{"names": "NAME", "digests": "DIGEST", "object_groups": "OBJECT_GROUP"}.get(name, name.upper())]

    AttributeValueFactory().create_attribute_value_by_enum(tag, None)


def test_a_missing_usage_mask_is_refused() -> None:
    attributes = Attributes(cryptographic_algorithm=CryptographicAlgorithm.AES, cryptographic_length=128)

    with pytest.raises(KmipError):
        perform(
            both()[0],
            Operation.CREATE,
            create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes),
        )


# --- on the wire ---


def indices(item: Any) -> list[Any]:
    """Return the Attribute Index of each Attribute in a tree of items, None where there is none."""
    found = []
    if item.tag == 0x420008:
        found.append(next((part.value for part in item.value if part.tag == 0x420009), None))
    if isinstance(item.value, tuple):
        found += [index for part in item.value if hasattr(part, "tag") for index in indices(part)]
    return found


@pytest.mark.parametrize("version", [V10, V14], ids=str)
@pytest.mark.parametrize("mode", [True, False])
def test_an_attribute_index_of_0_is_written(mode: bool, version: ProtocolVersion) -> None:
    codec = Codec(CATALOGUE, pykmip_compatible=mode)
    item = RequestBatchItem(operation=Operation.GET_ATTRIBUTES, payload=get_attributes.Request(unique_identifier="key"))
    message = RequestMessage(header=RequestHeader(protocol_version=version), batch_items=(item,))

    found = indices(codec.response_item(an_engine(LINKED).handle(message, ALICE)))

    assert found
    assert set(found) == ({0} if mode else {None})


def test_re_key_takes_the_template_attribute_of_1_x_in_2_0() -> None:
    mode, plain = Codec(CATALOGUE, pykmip_compatible=True), Codec(CATALOGUE)
    request = re_key.Request(unique_identifier="key", attributes=Attributes(activation_date=NOW))
    item = RequestBatchItem(operation=Operation.RE_KEY, payload=request)
    old = plain.encode_request(RequestMessage(header=RequestHeader(protocol_version=V14), batch_items=(item,)))
    version_14 = bytes.fromhex("42006a02000000040000000100000000 42006b02000000040000000400000000")
    version_20 = bytes.fromhex("42006a02000000040000000200000000 42006b02000000040000000000000000")
    frame = old.replace(version_14, version_20)
    assert frame != old

    assert mode.decode_request(frame).batch_items[0].payload == request
    assert isinstance(plain.decode_request(frame).batch_items[0].payload, KmipError)
    new = plain.encode_request(RequestMessage(header=RequestHeader(protocol_version=V20), batch_items=(item,)))
    assert mode.decode_request(new).batch_items[0].payload == request
