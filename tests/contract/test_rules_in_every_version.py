"""Rules of the standard, played over the wire in every version that has them, with the reasons that the version gives.

The tests of the operations say what each rule means in detail; here it is shown that no version is left out: field by
field through the codec, there and back. Every test names its source.
"""

from typing import Any, Final

import pytest

from kmip_adapters.identity.credentials import CredentialAuthentication
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.standard.tables import VERSIONS
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import BlockCipherMode as Mode
from kmip_core.enums import (
    CredentialType,
    CryptographicUsageMask,
    EndpointRole,
    HashingAlgorithm,
    KeyFormatType,
    KeyWrapType,
    ObjectGroupMember,
    ObjectType,
    Operation,
    PaddingMethod,
    QueryFunction,
    ResultReason,
    ResultStatus,
    SecretDataType,
    SplitKeyMethod,
    State,
    ValidityIndicator,
    WrappingMethod,
)
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import ResultReason as Reason
from kmip_core.messages import Credential, RequestBatchItem, RequestHeader, RequestMessage, ResponseBatchItem
from kmip_core.objects import KeyBlock, KeyValue, SplitKey, SymmetricKey
from kmip_core.operations import (
    CATALOGUE,
    check,
    create,
    create_key_pair,
    decrypt,
    delegated_login,
    encrypt,
    export,
    get,
    get_attributes,
    join_split_key,
    locate,
    login,
    logout,
    mac,
    mac_verify,
    obtain_lease,
    offered,
    query,
    register,
    set_endpoint_role,
    sign,
    signature_verify,
)
from kmip_core.rights import Objects, Operations, Right, Rights
from kmip_core.settings import ForeignObjects, GroupDefault, OneTimePads, Settings, TicketUse
from kmip_core.structures import (
    CryptographicParameters,
    EncryptionKeyInformation,
    KeyWrappingSpecification,
    ProtocolVersion,
)
from tests.builders import ALICE, BOB, NOW, a_service, a_symmetric_key, an_engine, an_instance, answered, faults_of
from tests.unit.kmip_core.operations.usable_keys import ALL_USES, a_key, a_private_key, a_public_key

CODEC: Final = Codec(CATALOGUE)
MINOR: Final = bytes.fromhex("42006b0200000004")  # the item of the minor version, before its value
V1_2, V1_3 = ProtocolVersion(1, 2), ProtocolVersion(1, 3)


def since(major: int, minor: int, until: tuple[int, int] = (9, 9)) -> Any:
    """Play a test in all versions from this one on."""
    first, last = ProtocolVersion(major, minor), ProtocolVersion(*until)
    return pytest.mark.parametrize("version", [v for v in sorted(VERSIONS) if first <= v <= last], ids=str)


def played(
    engine: Engine,
    version: ProtocolVersion,
    request: Any,
    principal: Any = ALICE,
    credentials: tuple[Credential, ...] = (),
    written_in: ProtocolVersion | None = None,
) -> ResponseBatchItem:
    """Return the answer to one request, which went to the server and back in this version.

    written_in: a later version, for a request that this one has no words for: only the number in it is changed.
    """
    operation = next(operation for operation, spec in CATALOGUE.items() if spec.request is type(request))
    message = RequestMessage(
        header=RequestHeader(protocol_version=written_in or version, credentials=credentials),
        batch_items=(RequestBatchItem(operation=operation, payload=request),),
    )
    frame = CODEC.encode_request(message)
    if written_in is not None:
        later, this = (MINOR + one.protocol_version_minor.to_bytes(4, "big") for one in (written_in, version))
        assert later in frame
        frame = frame.replace(later, this, 1)
    frame = answered(a_service(engine, CODEC).open(frame, principal))
    (item,) = CODEC.decode_response(frame).batch_items
    assert not faults_of(engine)
    return item


def done(engine: Engine, version: ProtocolVersion, request: Any, **more: Any) -> Any:
    item = played(engine, version, request, **more)
    assert item.result_status is ResultStatus.SUCCESS, (item.result_reason, item.result_message)
    return item.payload


def refused(engine: Engine, version: ProtocolVersion, request: Any, **more: Any) -> ResultReason | None:
    item = played(engine, version, request, **more)
    assert item.result_status is ResultStatus.OPERATION_FAILED
    return item.result_reason


def in_1x(version: ProtocolVersion) -> bool:
    return version < ProtocolVersion(2, 0)


# 1. Parts that yield nothing have no Data


@since(1, 3)
def test_a_part_that_yields_nothing_has_no_data(version: ProtocolVersion) -> None:
    """1.3 and 1.4 §4.29, §4.30; 2.0, 2.1 §6.1.17, §6.1.11."""
    how = CryptographicParameters(block_cipher_mode=Mode.ECB)
    engine = an_engine(a_key())
    first = done(
        engine,
        version,
        encrypt.Request(unique_identifier="key", data=bytes(8), init_indicator=True, cryptographic_parameters=how),
    )
    fields: dict[str, Any] = {"unique_identifier": "key", "correlation_value": first.correlation_value}
    second = done(engine, version, encrypt.Request(data=bytes(8), **fields))
    last = done(engine, version, encrypt.Request(final_indicator=True, **fields))

    assert (first.data, len(second.data), last.data) == (None, 16, None)
    alone = CryptographicParameters(block_cipher_mode=Mode.CTR)
    request = encrypt.Request(unique_identifier="key", data=b"", cryptographic_parameters=alone)
    assert done(engine, version, request).data == b""


# 2. An object registered without its Key Value can be fetched


def without_value() -> register.Request:
    block = KeyBlock(
        key_format_type=KeyFormatType.TRANSPARENT_SYMMETRIC_KEY,
        cryptographic_algorithm=Algorithm.AES,
        cryptographic_length=128,
    )
    return register.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        managed_object=SymmetricKey(key_block=block),
        attributes=Attributes(cryptographic_usage_mask=ALL_USES, activation_date=NOW),
    )


@since(1, 2)
def test_an_object_registered_without_its_key_value_is_fetched_as_it_came(version: ProtocolVersion) -> None:
    """1.2 - 1.4 §2.1.3, 2.x §3.1; 1.2 - 1.4 §11.12."""
    engine = an_engine(a_key(identifier="other"))
    name = done(engine, version, without_value()).unique_identifier
    got = done(engine, version, get.Request(unique_identifier=name))

    assert got.managed_object == without_value().managed_object
    criteria = (an_instance("key_value_present", False),)
    assert done(engine, version, locate.Request(criteria=criteria)).unique_identifiers == (name,)
    used = encrypt.Request(
        unique_identifier=name, data=b"a", cryptographic_parameters=CryptographicParameters(block_cipher_mode=Mode.CTR)
    )
    assert refused(engine, version, used) is Reason.KEY_VALUE_NOT_PRESENT
    other = get.Request(unique_identifier=name, key_format_type=KeyFormatType.RAW)
    assert refused(engine, version, other) is Reason.KEY_VALUE_NOT_PRESENT
    assert refused(engine, version, wrapping(name, "other")) is Reason.KEY_VALUE_NOT_PRESENT


@since(1, 0, (1, 1))
def test_before_1_2_an_object_has_its_key_value(version: ProtocolVersion) -> None:
    assert refused(an_engine(), version, without_value(), written_in=V1_2) is Reason.INVALID_MESSAGE


# 3. The default member of an object group


@since(1, 1, (2, 1))
def test_the_default_member_of_a_group_is_one(version: ProtocolVersion) -> None:
    """1.1 - 1.4 §4.9, 2.0 §6.1.27, 2.1 §6.1.28; 3.0 has the option no more."""
    members = [a_symmetric_key(name, object_groups=("g",)) for name in "ABC"]
    criteria = (an_instance("object_groups", "g"),)
    wanted = locate.Request(criteria=criteria, object_group_member=ObjectGroupMember.GROUP_MEMBER_DEFAULT)
    assert done(an_engine(*members), version, wanted).unique_identifiers == ("C",)

    engine = an_engine(*members, settings=Settings(group_default=GroupDefault.ROUND_ROBIN))
    turns = []
    for _ in range(4):
        (name,) = done(engine, version, wanted).unique_identifiers
        assert done(engine, version, wanted).unique_identifiers == (name,)
        done(engine, version, get.Request(unique_identifier=name))
        turns.append(name)
    assert turns == ["A", "B", "C", "A"]


# 4. Tickets


def with_tickets(*objects: Any) -> Engine:
    settings = Settings(tickets=TicketUse.BOUND, ticket_lifetime=60)
    storage = MemoryStorage()
    return an_engine(
        *objects,
        catalogue=offered(settings),
        settings=settings,
        storage=storage,
        authentication=CredentialAuthentication(ticket_use=TicketUse.BOUND, storage=storage),
    )


def a_ticket(engine: Engine, version: ProtocolVersion, request: Any) -> Any:
    ticket = done(engine, version, request).ticket
    return (Credential(credential_type=CredentialType.TICKET, credential_value=ticket),)


@since(2, 0)
def test_a_ticket_whose_requests_are_used_up_says_so(version: ProtocolVersion) -> None:
    """2.0 §6.1.29, §11.45; 2.1 §6.1.30, §11.46."""
    engine, asked = with_tickets(), query.Request(query_functions=(QueryFunction.QUERY_OPERATIONS,))
    shown = a_ticket(engine, version, login.Request(lease_time=0, request_count=2))
    for _ in range(2):
        done(engine, version, asked, credentials=shown)

    assert refused(engine, version, asked, credentials=shown) is Reason.USAGE_LIMIT_EXCEEDED
    out = logout.Request(ticket=shown[0].credential_value)
    assert refused(engine, version, out, credentials=shown) is Reason.USAGE_LIMIT_EXCEEDED
    endless = a_ticket(engine, version, login.Request(lease_time=0, request_count=0))
    for _ in range(5):
        done(engine, version, asked, credentials=endless)
    engine.services.clock.advance(61)  # type: ignore[attr-defined]  # the clock of tests
    assert refused(engine, version, asked, credentials=endless) is Reason.INVALID_TICKET


@since(2, 0)
def test_a_delegated_ticket_tells_nothing_of_what_it_is_not_for(version: ProtocolVersion) -> None:
    engine = with_tickets(a_key(identifier="X"), a_key(identifier="Y"))
    rights = Rights(
        rights=(
            Right(operations=Operations(operations=(Operation.QUERY,))),
            Right(
                operations=Operations(operations=(Operation.GET_ATTRIBUTES,)),
                objects=Objects(unique_identifiers=("X",)),
            ),
        )
    )
    shown = a_ticket(engine, version, delegated_login.Request(rights=rights))
    done(engine, version, get_attributes.Request(unique_identifier="X"), credentials=shown)

    for request in (
        get.Request(unique_identifier="X"),
        get_attributes.Request(unique_identifier="Y"),
        get_attributes.Request(unique_identifier="00000000-0000-4000-8000-000000000000"),
        create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=an_aes_key()),
    ):
        assert refused(engine, version, request, credentials=shown) is Reason.NOT_AUTHORISED


def an_aes_key(**more: Any) -> Attributes:
    return Attributes(
        cryptographic_algorithm=Algorithm.AES,
        cryptographic_length=128,
        cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
        **more,
    )


# 5. One-time pads

PAD: Final = bytes.fromhex("00ff10")


def a_pad() -> register.Request:
    return register.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        managed_object=SymmetricKey(Algorithm.ONE_TIME_PAD, 24, PAD),
        attributes=Attributes(cryptographic_usage_mask=ALL_USES, activation_date=NOW),
    )


@since(1, 3)
def test_a_one_time_pad(version: ProtocolVersion) -> None:
    """1.3 and 1.4 §4.29, §4.30, §9.1.3.2.13; usage guide, "Using One Time Pad Algorithms"."""
    engine = an_engine(settings=Settings(one_time_pads=OneTimePads.KEPT))
    name = done(engine, version, a_pad()).unique_identifier
    made = done(engine, version, encrypt.Request(unique_identifier=name, data=bytes.fromhex("aabbcc")))

    assert made.data == bytes.fromhex("aa44dc")
    assert done(engine, version, decrypt.Request(unique_identifier=name, data=made.data)).data.hex() == "aabbcc"
    too_long = encrypt.Request(unique_identifier=name, data=bytes(4))
    assert refused(engine, version, too_long) is Reason.CRYPTOGRAPHIC_FAILURE
    assert refused(engine, version, get.Request(unique_identifier=name)) is Reason.PERMISSION_DENIED
    barred = an_engine(a_key(Algorithm.ONE_TIME_PAD, PAD, cryptographic_usage_mask=CryptographicUsageMask.DECRYPT))
    used = encrypt.Request(unique_identifier="key", data=b"a")
    assert refused(barred, version, used) is (
        Reason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK if version > ProtocolVersion(2, 0) else Reason.PERMISSION_DENIED
    )


@since(1, 0, (1, 2))
def test_a_version_without_one_time_pads_has_no_word_for_them(version: ProtocolVersion) -> None:
    """The algorithm is a value of 1.3: before that it is neither registered nor given, and nowhere written."""
    engine = an_engine(a_key(Algorithm.ONE_TIME_PAD, PAD), a_key(identifier="aes"))

    assert refused(engine, version, a_pad(), written_in=V1_3) is Reason.INVALID_FIELD
    assert refused(engine, version, get.Request(unique_identifier="key")) is Reason.FEATURE_NOT_SUPPORTED
    told = done(engine, version, get_attributes.Request(unique_identifier="key")).attributes
    assert told.cryptographic_algorithm is None
    criteria = (an_instance("cryptographic_algorithm", Algorithm.ONE_TIME_PAD),)
    assert refused(engine, version, locate.Request(criteria=criteria), written_in=V1_3) is Reason.INVALID_FIELD
    if version == ProtocolVersion(1, 2):
        made = done(engine, version, encrypt.Request(unique_identifier="key", data=bytes.fromhex("aabbcc")))
        assert made.data.hex() == "aa44dc"  # ruling 58: a key is used by its identifier, whatever version made it


# 6. Digested Data is signed as it is


@since(1, 4)
def test_digested_data_is_signed_as_it_is(version: ProtocolVersion) -> None:
    """1.4 §4.31, §4.32; 2.0 §6.1.49, §6.1.50; 2.1 §6.1.55, §6.1.56."""
    plain = CryptographicParameters(padding_method=PaddingMethod.PKCS1_V1_5)
    ec = {"algorithm": Algorithm.EC, "length": 256}
    engine = an_engine(a_private_key(), a_public_key(), *both_halves(ec))
    for names, how, sizes in ((("private", "public"), plain, (16, 20)), (("ec private", "ec public"), None, (16, 64))):
        for size in sizes:
            given: dict[str, Any] = {"digested_data": bytes(range(size)), "cryptographic_parameters": how}
            made = done(engine, version, sign.Request(unique_identifier=names[0], **given))
            judged = signature_verify.Request(unique_identifier=names[1], signature_data=made.signature_data, **given)
            assert done(engine, version, judged).validity_indicator is ValidityIndicator.VALID
    long = sign.Request(unique_identifier="private", digested_data=bytes(118), cryptographic_parameters=plain)
    assert refused(engine, version, long) is Reason.CRYPTOGRAPHIC_FAILURE
    hashed = CryptographicParameters(
        padding_method=PaddingMethod.PKCS1_V1_5, hashing_algorithm=HashingAlgorithm.SHA_256
    )
    short = sign.Request(unique_identifier="private", digested_data=bytes(16), cryptographic_parameters=hashed)
    assert refused(engine, version, short) is Reason.INVALID_FIELD


def both_halves(kind: dict[str, Any]) -> tuple[Any, Any]:
    return a_private_key(identifier="ec private", **kind), a_public_key(identifier="ec public", **kind)


# 7. Objects of somebody else


@since(1, 0)
def test_objects_of_somebody_else(version: ProtocolVersion) -> None:
    """RULINGS 1; 1.x §11.1."""
    request = get.Request(unique_identifier="key")
    unknown = get.Request(unique_identifier="unknown")
    hidden = an_engine(a_symmetric_key())
    absent = Reason.ITEM_NOT_FOUND if version <= ProtocolVersion(2, 0) else Reason.OBJECT_NOT_FOUND
    for asked in (request, unknown):
        assert refused(hidden, version, asked, principal=BOB) is absent

    open_about = an_engine(a_symmetric_key(), settings=Settings(foreign_objects=ForeignObjects.REFUSED))
    assert refused(open_about, version, request, principal=BOB) is Reason.PERMISSION_DENIED
    assert refused(open_about, version, unknown, principal=BOB) is absent


# 8. Tag Length


@since(1, 2)
@pytest.mark.parametrize("length", [0, 1, 11, 17, 32, -1])
def test_a_tag_length_that_the_mode_cannot_have(version: ProtocolVersion, length: int) -> None:
    """1.4 §3.6, 2.1 §4.16.

    The official answers of 1.4 have General Failure. 1.2 has no table of errors for Encrypt and Decrypt, and that of
    1.3 is the one of 1.4 word for word, so they give the same.
    """
    how = CryptographicParameters(block_cipher_mode=Mode.GCM, tag_length=length)
    engine = an_engine(a_key(), a_key(identifier="other"))
    nonce = {"iv_counter_nonce": bytes(12)} if version >= ProtocolVersion(1, 2) else {}
    fields: dict[str, Any] = {"unique_identifier": "key", "data": bytes(32), "cryptographic_parameters": how, **nonce}

    assert refused(engine, version, encrypt.Request(**fields)) is Reason.GENERAL_FAILURE
    assert refused(engine, version, decrypt.Request(**fields)) is Reason.GENERAL_FAILURE
    assert refused(engine, version, wrapping("key", "other", how)) is Reason.GENERAL_FAILURE


@since(1, 4)
def test_a_cut_tag_is_compared_as_it_was_cut(version: ProtocolVersion) -> None:
    how = CryptographicParameters(block_cipher_mode=Mode.GCM, tag_length=12)
    engine = an_engine(a_key())
    fields: dict[str, Any] = {"unique_identifier": "key", "cryptographic_parameters": how}
    made = done(engine, version, encrypt.Request(data=b"text", iv_counter_nonce=bytes(12), **fields))
    tag = made.authenticated_encryption_tag
    given: dict[str, Any] = {"data": made.data, "iv_counter_nonce": bytes(12), **fields}

    assert len(tag) == 12
    assert done(engine, version, decrypt.Request(authenticated_encryption_tag=tag, **given)).data == b"text"
    cut = decrypt.Request(authenticated_encryption_tag=tag[:8], **given)
    assert refused(engine, version, cut) is Reason.INVALID_FIELD
    forged = decrypt.Request(authenticated_encryption_tag=bytes(12), **given)
    assert refused(engine, version, forged) is Reason.CRYPTOGRAPHIC_FAILURE


# 9. Split keys

SHARES: Final = {1: 0x99, 2: 0xDA, 3: 0x10, 4: 0x5C}


@since(1, 2)
def test_parts_of_others_join_in_the_field_by_285(version: ProtocolVersion) -> None:
    """2.0, 2.1 §13.1; 1.2 §4.39, 2.0 §6.1.26, 2.1 §6.1.27. A Split Key is registered without algorithm and length."""
    engine = an_engine()
    names = []
    for number in (2, 4):
        part = SplitKey(
            split_key_parts=4,
            key_part_identifier=number,
            split_key_threshold=2,
            split_key_method=SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8,
            key_block=KeyBlock(
                key_format_type=KeyFormatType.RAW, key_value=KeyValue(key_material=bytes([SHARES[number]]))
            ),
        )
        wanted = Attributes(cryptographic_usage_mask=ALL_USES)
        request = register.Request(object_type=ObjectType.SPLIT_KEY, managed_object=part, attributes=wanted)
        names.append(done(engine, version, request).unique_identifier)
    joining = join_split_key.Request(
        object_type=ObjectType.SECRET_DATA, unique_identifiers=tuple(names), secret_data_type=SecretDataType.SEED
    )
    joined = done(engine, version, joining).unique_identifier
    got = done(engine, version, get.Request(unique_identifier=joined)).managed_object

    assert got.key_block.key_value.key_material == b"\x53"
    nameless = join_split_key.Request(object_type=ObjectType.SYMMETRIC_KEY, unique_identifiers=tuple(names))
    assert refused(engine, version, nameless) is Reason.INVALID_FIELD


# 10. The value to verify may come with any part


@since(1, 3)
def test_the_value_to_verify_may_come_with_any_part(version: ProtocolVersion) -> None:
    """1.2 - 1.4 §4.32, §4.34; 2.0 §6.1.50, §6.1.32; 2.1 §6.1.56, §6.1.33."""
    engine = an_engine(a_key(Algorithm.HMAC_SHA256, bytes(32)))
    value = done(engine, version, mac.Request(unique_identifier="key", data=b"abc")).mac_data
    for place in range(3):
        correlation: dict[str, Any] = {"init_indicator": True}
        for number, letter in enumerate((b"a", b"b", b"c")):
            shown: dict[str, Any] = {"mac_data": value} if number == place else {}
            last: dict[str, Any] = {"final_indicator": True} if number == 2 else {}
            request = mac_verify.Request(unique_identifier="key", data=letter, **correlation, **shown, **last)
            answer = done(engine, version, request)
            correlation = {"correlation_value": answer.correlation_value}
        assert answer.validity_indicator is ValidityIndicator.VALID
    begun = done(
        engine, version, mac_verify.Request(unique_identifier="key", data=b"a", mac_data=value, init_indicator=True)
    )
    other = mac_verify.Request(
        unique_identifier="key", data=b"b", mac_data=bytes(32), correlation_value=begun.correlation_value
    )
    assert refused(engine, version, other) is Reason.INVALID_FIELD


# 11. Quantum Safe is judged


@since(2, 0)
def test_quantum_safe_is_judged(version: ProtocolVersion) -> None:
    """2.x §4.45; profile Quantum Safe Server."""
    engine = an_engine()
    weak = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=an_aes_key(quantum_safe=True))
    assert refused(engine, version, weak) is Reason.GENERAL_FAILURE
    pair = create_key_pair.Request(
        common_attributes=Attributes(
            cryptographic_algorithm=Algorithm.RSA, cryptographic_length=1024, quantum_safe=True
        ),
        private_key_attributes=Attributes(cryptographic_usage_mask=CryptographicUsageMask.SIGN),
        public_key_attributes=Attributes(cryptographic_usage_mask=CryptographicUsageMask.VERIFY),
    )
    assert refused(engine, version, pair) is Reason.GENERAL_FAILURE
    assert done(engine, version, locate.Request()).unique_identifiers == ()
    done(
        engine, version, create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=an_aes_key(quantum_safe=False))
    )


# 12. Leases


@since(1, 0)
def test_nothing_compromised_is_leased(version: ProtocolVersion) -> None:
    """1.0 §4.16, 1.1 - 1.4 §4.17, 2.0 §6.1.34, 2.1 §6.1.35."""
    spoilt = an_engine(a_symmetric_key(state=State.COMPROMISED))
    for request in (
        obtain_lease.Request(unique_identifier="key"),
        check.Request(unique_identifier="key", lease_time=1),
    ):
        assert refused(spoilt, version, request) is Reason.PERMISSION_DENIED
        for state in (State.PRE_ACTIVE, State.ACTIVE, State.DEACTIVATED):
            done(an_engine(a_symmetric_key(state=state)), version, request)


# 13. Only Get ends Fresh


@since(1, 1)
def test_only_get_ends_fresh(version: ProtocolVersion) -> None:
    """2.0, 2.1 §4.24; 1.1 - 1.4 have the attribute, too."""
    engine = an_engine(a_symmetric_key(fresh=True))

    def is_fresh() -> bool | None:
        fresh: bool | None = done(engine, version, get_attributes.Request(unique_identifier="key")).attributes.fresh
        return fresh

    if version >= ProtocolVersion(1, 4):
        done(engine, version, export.Request(unique_identifier="key"))
    played(engine, version, get.Request(unique_identifier="key", key_format_type=KeyFormatType.PKCS_1))
    assert is_fresh() is True
    done(engine, version, get.Request(unique_identifier="key"))
    assert is_fresh() is False


# 14. A key kept wrapped, fetched with another wrapping


def wrapping(name: str, key: str, how: CryptographicParameters | None = None, **more: Any) -> get.Request:
    information = EncryptionKeyInformation(
        unique_identifier=key,
        cryptographic_parameters=how or CryptographicParameters(block_cipher_mode=Mode.NIST_KEY_WRAP),
    )
    specification = KeyWrappingSpecification(
        wrapping_method=WrappingMethod.ENCRYPT, encryption_key_information=information
    )
    return get.Request(unique_identifier=name, key_wrapping_specification=specification, **more)


@since(1, 0)
def test_a_key_kept_wrapped_is_wrapped_anew(version: ProtocolVersion) -> None:
    first, second = a_key(material=b"1" * 16, identifier="first"), a_key(material=b"2" * 16, identifier="second")
    engine = an_engine(a_key(), first, second)
    wrapped = done(engine, version, wrapping("key", "first")).managed_object
    request = register.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        managed_object=wrapped,
        attributes=an_aes_key(),
    )
    name = done(engine, version, request).unique_identifier
    anew = done(engine, version, wrapping(name, "second")).managed_object
    directly = done(engine, version, wrapping("key", "second")).managed_object

    assert anew.key_block.key_value == directly.key_block.key_value
    if version >= ProtocolVersion(1, 4):
        reason = refused(engine, version, wrapping(name, "second", key_wrap_type=KeyWrapType.AS_REGISTERED))
        assert reason is (Reason.FEATURE_NOT_SUPPORTED if in_1x(version) else Reason.KEY_WRAP_TYPE_NOT_SUPPORTED)
    barred = an_engine(
        a_key(), a_key(material=b"1" * 16, identifier="first", cryptographic_usage_mask=WRAPS_ONLY), second
    )
    name = done(barred, version, request).unique_identifier
    assert refused(barred, version, wrapping(name, "second")) is (
        Reason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK if version > ProtocolVersion(2, 0) else Reason.PERMISSION_DENIED
    )


WRAPS_ONLY: Final = CryptographicUsageMask.WRAP_KEY


# 15. Set Endpoint Role


@since(2, 0)
def test_the_role_of_an_endpoint(version: ProtocolVersion) -> None:
    """2.0 §6.1.48, 2.1 §6.1.54; the Baseline Server profile."""
    engine = an_engine()
    asked = query.Request(query_functions=(QueryFunction.QUERY_OPERATIONS,))
    assert Operation.SET_ENDPOINT_ROLE in done(engine, version, asked).operations
    echoed = done(engine, version, set_endpoint_role.Request(endpoint_role=EndpointRole.SERVER))
    assert echoed.endpoint_role is EndpointRole.SERVER


@since(1, 0, (1, 4))
def test_before_2_0_no_role_is_listed(version: ProtocolVersion) -> None:
    asked = query.Request(query_functions=(QueryFunction.QUERY_OPERATIONS,))
    assert Operation.SET_ENDPOINT_ROLE not in done(an_engine(), version, asked).operations


# The format in which a key is given where none is named


@since(1, 2)
def test_an_elliptic_curve_key_made_here_comes_in_the_default_format_of_the_version(version: ProtocolVersion) -> None:
    """1.x leaves it to the server; Table 81 of 2.1 §4.26 wants the transparent one (RULINGS 34)."""
    engine = an_engine()
    signs = Attributes(cryptographic_usage_mask=CryptographicUsageMask.SIGN)
    verifies = Attributes(cryptographic_usage_mask=CryptographicUsageMask.VERIFY)
    pair = create_key_pair.Request(
        common_attributes=Attributes(cryptographic_algorithm=Algorithm.EC, cryptographic_length=256),
        private_key_attributes=signs,
        public_key_attributes=verifies,
    )
    made = done(engine, version, pair)
    identifiers = made.private_key_unique_identifier, made.public_key_unique_identifier
    asked = [get.Request(unique_identifier=identifier) for identifier in identifiers]
    given = [done(engine, version, request).managed_object.key_block.key_format_type for request in asked]

    assert given == (
        [KeyFormatType.PKCS_8, KeyFormatType.X_509]
        if in_1x(version)
        else [KeyFormatType.TRANSPARENT_EC_PRIVATE_KEY, KeyFormatType.TRANSPARENT_EC_PUBLIC_KEY]
    )
