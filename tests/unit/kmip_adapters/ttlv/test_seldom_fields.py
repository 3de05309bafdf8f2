"""Fields that few clients send, in every version and encoding: attestation, extensions, Maximum Response Size."""

from hashlib import sha256
from typing import Any, Final

import pytest
from attrs import evolve

from kmip_adapters.ttlv.encodings.encoding import BINARY, ENCODINGS, Encoding
from kmip_adapters.ttlv.encodings.items import Item
from kmip_adapters.ttlv.messages.items import (
    ATTESTATION_TYPE,
    AUTHENTICATION,
    MESSAGE_EXTENSION,
    REQUEST_HEADER,
    REQUEST_MESSAGE,
    RESPONSE_HEADER,
    RESPONSE_MESSAGE,
)
from kmip_adapters.ttlv.service import in_every_encoding
from kmip_adapters.ttlv.standard import tables
from kmip_core.engine import Engine
from kmip_core.enums import (
    AttestationType,
    CredentialType,
    Data,
    HashingAlgorithm,
    ItemType,
    Operation,
    PKCS11Function,
    QueryFunction,
    ResultReason,
    ResultStatus,
)
from kmip_core.errors import KmipError
from kmip_core.messages import (
    Attestation,
    Credential,
    Nonce,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    failure,
)
from kmip_core.objects import OpaqueObject
from kmip_core.operations import get, hash, ping, pkcs_11, poll, query
from kmip_core.ports.steps import MoveTo, Pace, Steps
from kmip_core.principal import Principal
from kmip_core.settings import Settings
from kmip_core.structures import CryptographicParameters, ProtocolVersion
from tests.builders import ALICE, a_service, an_engine, answered
from tests.later import an_engine_with_runner, submitted
from tests.unit.kmip_adapters.ttlv.builders import CODEC, enumerated, structure, text
from tests.unit.kmip_core.operations.usable_keys import a_stored

QUERY: Final = (Operation.QUERY, query.Request(query_functions=(QueryFunction.QUERY_OBJECTS,)))
V21: Final = ProtocolVersion(2, 1)
V12: Final = ProtocolVersion(1, 2)
ATTESTATION_CAPABLE: Final = 0x4200D3
CRITICALITY: Final = 0x420026
NONCE: Final = structure(
    0x4200C8, Item(0x4200C9, ItemType.BYTE_STRING, b"1"), Item(0x4200CA, ItemType.BYTE_STRING, b"2")
)
LARGE: Final = 3_000

in_every_version = pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
encoded_in_every_way = pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)


def a_message(*items: tuple[Operation, Any], version: ProtocolVersion = V21, **header: Any) -> Item:
    """Return a Request Message item."""
    batch = tuple(
        RequestBatchItem(operation=operation, payload=payload, unique_batch_item_id=str(number).encode())
        for number, (operation, payload) in enumerate(items)
    )
    return CODEC.request_item(
        RequestMessage(header=RequestHeader(protocol_version=version, **header), batch_items=batch)
    )


def with_more(message: Item, *, in_header: tuple[Item, ...] = (), in_item: tuple[Item, ...] = ()) -> Item:
    """Return the message with further fields: behind the Protocol Version, and at the end of its first Batch Item."""
    assert isinstance(message.value, tuple)
    header, first, *rest = message.value
    fields = list(header.value)
    return Item(
        REQUEST_MESSAGE,
        ItemType.STRUCTURE,
        (
            Item(REQUEST_HEADER, ItemType.STRUCTURE, (fields[0], *in_header, *fields[1:])),
            first._replace(value=(*first.value, *in_item)),
            *rest,
        ),
    )


def asked(engine: Engine, message: Item, encoding: Encoding) -> tuple[ResponseBatchItem, ...]:
    """Return what the service behind a content type answers, as it does over HTTPS."""
    service: Any = in_every_encoding(a_service(engine, CODEC))[encoding.content_type]
    return CODEC.decode_response(answered(service.open(encoding.encode(message), ALICE)), encoding).batch_items


# --- attestation ------------------------------------------------------------------------------------------------------


@in_every_version
@encoded_in_every_way
@pytest.mark.parametrize("capable", [True, False])
def test_a_client_that_could_attest_is_answered_as_ever(
    version: ProtocolVersion, encoding: Encoding, capable: bool
) -> None:
    fields = (
        Item(ATTESTATION_CAPABLE, ItemType.BOOLEAN, capable),
        enumerated(ATTESTATION_TYPE, 1),
        enumerated(ATTESTATION_TYPE, 2),
    )
    (answer,) = asked(an_engine(), with_more(a_message(QUERY, version=version), in_header=fields), encoding)

    assert answer.result_status is ResultStatus.SUCCESS
    assert answer.payload.object_types


@encoded_in_every_way
@pytest.mark.parametrize("version", [v for v in tables.VERSIONS if v >= V12], ids=str)
def test_an_attestation_is_read_and_refused(version: ProtocolVersion, encoding: Encoding) -> None:
    measured = (NONCE, enumerated(ATTESTATION_TYPE, 1), Item(0x4200CB, ItemType.BYTE_STRING, b"measured"))
    credential = structure(0x420023, enumerated(0x420024, 3), structure(0x420025, *measured))
    fields = (Item(ATTESTATION_CAPABLE, ItemType.BOOLEAN, True), structure(AUTHENTICATION, credential))
    (answer,) = asked(an_engine(), with_more(a_message(QUERY, version=version), in_header=fields), encoding)

    assert answer.result_reason is ResultReason.ATTESTATION_FAILED


class Quotes:
    """An `Attestations` that accepts one measurement."""

    types = (AttestationType.TPM_QUOTE, AttestationType.SAML_ASSERTION)

    def new_nonce(self, principal: Principal, now: int) -> Nonce:
        return Nonce(nonce_id=b"1", nonce_value=b"2")

    def verify(self, attestation: Attestation, principal: Principal, now: int) -> Steps[None]:
        yield MoveTo(Pace.REMOTE)
        if attestation != QUOTE:
            raise KmipError(ResultReason.ATTESTATION_FAILED, "it is another one")


QUOTE: Final = Attestation(
    nonce=Nonce(nonce_id=b"1", nonce_value=b"2"),
    attestation_type=AttestationType.TPM_QUOTE,
    attestation_measurement=b"measured",
    attestation_assertion=b"asserted",
)
WANTS_ATTESTATION: Final = Settings(attested_operations=frozenset({Operation.QUERY}))


@in_every_version
@encoded_in_every_way
def test_an_attestation_is_wanted_made_and_accepted(version: ProtocolVersion, encoding: Encoding) -> None:
    engine = an_engine(settings=WANTS_ATTESTATION, attestations=Quotes())
    service: Any = in_every_encoding(a_service(engine, CODEC))[encoding.content_type]
    credential = Credential(credential_type=CredentialType.ATTESTATION, credential_value=QUOTE)

    def answer(*credentials: Credential, capable: bool = True) -> ResponseMessage:
        message = a_message(QUERY, version=version, attestation_capable_indicator=capable, credentials=credentials)
        return CODEC.decode_response(answered(service.open(encoding.encode(message), ALICE)), encoding)

    if version < V12:  # the version has none of it
        assert answer().batch_items[0].result_reason is ResultReason.PERMISSION_DENIED
        return
    wanted, accepted, incapable = answer(), answer(credential), answer(capable=False)

    assert wanted.batch_items[0].result_reason is ResultReason.ATTESTATION_REQUIRED
    assert (wanted.header.nonce, wanted.header.attestation_types) == (QUOTE.nonce, Quotes.types)
    assert accepted.batch_items[0].result_status is ResultStatus.SUCCESS
    assert (accepted.header.nonce, accepted.header.attestation_types) == (QUOTE.nonce, ())
    assert incapable.batch_items[0].result_reason is ResultReason.PERMISSION_DENIED
    assert (incapable.header.nonce, incapable.header.attestation_types) == (None, ())


@encoded_in_every_way
@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param(Item(ATTESTATION_CAPABLE, ItemType.INTEGER, 1), id="an indicator that is an Integer"),
        pytest.param((), id="no Credential Value"),
        pytest.param((enumerated(ATTESTATION_TYPE, 1),), id="no Nonce"),
        pytest.param((NONCE,), id="no Attestation Type"),
        pytest.param((NONCE, enumerated(ATTESTATION_TYPE, 0x80000001)), id="a vendor's Attestation Type"),
        pytest.param((structure(0x4200C8), enumerated(ATTESTATION_TYPE, 1)), id="a Nonce without content"),
        pytest.param((NONCE, NONCE, enumerated(ATTESTATION_TYPE, 1)), id="two Nonces"),
    ],
)
def test_a_malformed_attestation_is_refused(spoilt: Any, encoding: Encoding) -> None:
    values = (NONCE, enumerated(ATTESTATION_TYPE, 1)) if isinstance(spoilt, Item) else spoilt
    value = (structure(0x420025, *values),) if values else ()
    credential = structure(AUTHENTICATION, structure(0x420023, enumerated(0x420024, 3), *value))
    fields = (spoilt, credential) if isinstance(spoilt, Item) else (credential,)
    (answer,) = asked(an_engine(attestations=Quotes()), with_more(a_message(QUERY), in_header=fields), encoding)

    assert answer.result_status is ResultStatus.OPERATION_FAILED


@encoded_in_every_way
@pytest.mark.parametrize("nonce", [(), (Item(0x4200C9, ItemType.BYTE_STRING, b"1"),)], ids=["empty", "half"])
def test_a_client_refuses_half_a_nonce(nonce: tuple[Item, ...], encoding: Encoding) -> None:
    message = CODEC.response_item(
        ResponseMessage(header=ResponseHeader(protocol_version=V21, time_stamp=1), batch_items=(PONG,))
    )
    assert isinstance(message.value, tuple)
    header, item = message.value
    fields = (*header.value[:2], structure(0x4200C8, *nonce), *header.value[2:])
    frame = encoding.encode(structure(RESPONSE_MESSAGE, structure(RESPONSE_HEADER, *fields), item))

    with pytest.raises(KmipError, match="Nonce"):
        CODEC.decode_response(frame, encoding)


PONG: Final = ResponseBatchItem(operation=Operation.PING, payload=ping.Response())


@encoded_in_every_way
@pytest.mark.parametrize("version", [v for v in tables.VERSIONS if v >= V12], ids=str)
def test_a_client_reads_the_answer_of_a_server_that_wants_an_attestation(
    version: ProtocolVersion, encoding: Encoding
) -> None:
    refusal = failure(KmipError(ResultReason.ATTESTATION_REQUIRED, "attest"))
    message = CODEC.response_item(
        ResponseMessage(header=ResponseHeader(protocol_version=version, time_stamp=1), batch_items=(refusal,))
    )
    assert isinstance(message.value, tuple)
    header, item = message.value
    fields = (
        *header.value[:2],
        NONCE,
        *(enumerated(ATTESTATION_TYPE, kind) for kind in (1, 2, 0x80000001)),
        *header.value[2:],
    )
    frame = encoding.encode(structure(RESPONSE_MESSAGE, structure(RESPONSE_HEADER, *fields), item))

    answer = CODEC.decode_response(frame, encoding)
    (read,) = answer.batch_items

    assert answer.header.nonce == QUOTE.nonce
    assert answer.header.attestation_types == (AttestationType.TPM_QUOTE, AttestationType.TCG_INTEGRITY_REPORT)
    assert read.result_reason is ResultReason.ATTESTATION_REQUIRED


# --- Data of another item ---------------------------------------------------------------------------------------------


HASHED_PARAMETERS: Final = structure(0x42002B, enumerated(0x420038, 6))
DATA: Final = 0x4200C2
HASHED: Final = hash.Request(
    cryptographic_parameters=CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256), data=b"text"
)


def a_batch(version: ProtocolVersion, reference: Data | int) -> RequestMessage:
    """Return two requests for hashes, of which the second has no Data of its own."""
    items = (
        RequestBatchItem(operation=Operation.HASH, payload=payload, data_reference=named, unique_batch_item_id=number)
        for payload, named, number in ((HASHED, None, b"0"), (evolve(HASHED, data=b""), reference, b"1"))
    )
    return RequestMessage(header=RequestHeader(protocol_version=version), batch_items=tuple(items))


@encoded_in_every_way
@pytest.mark.parametrize("reference", [Data.HASH, 0, -1], ids=str)
@pytest.mark.parametrize("version", [v for v in tables.VERSIONS if v >= ProtocolVersion(2, 0)], ids=str)
def test_an_item_names_the_data_of_another_one(
    version: ProtocolVersion, reference: Data | int, encoding: Encoding
) -> None:
    first, second = asked(an_engine(), CODEC.request_item(a_batch(version, reference)), encoding)

    assert second.payload.data == sha256(first.payload.data).digest() == sha256(sha256(b"text").digest()).digest()


@encoded_in_every_way
@pytest.mark.parametrize("version", [v for v in tables.VERSIONS if V12 <= v < ProtocolVersion(2, 0)], ids=str)
def test_versions_before_2_0_have_bytes_alone_for_data(version: ProtocolVersion, encoding: Encoding) -> None:
    _, second = asked(an_engine(), CODEC.request_item(a_batch(version, 0)), encoding)

    assert second.result_status is ResultStatus.OPERATION_FAILED


@pytest.mark.parametrize(
    "data",
    [
        pytest.param((enumerated(DATA, 0x99),), id="unknown"),
        pytest.param((enumerated(DATA, 0x80000001),), id="a vendor's"),
        pytest.param((text(DATA, "Hash"),), id="text"),
        pytest.param((structure(DATA),), id="structure"),
        pytest.param((enumerated(DATA, 3), Item(DATA, ItemType.BYTE_STRING, b"x")), id="two kinds"),
        pytest.param((Item(DATA, ItemType.INTEGER, 0),) * 2, id="twice"),
    ],
)
def test_an_invalid_reference_to_data_fails_its_item_alone(data: tuple[Item, ...]) -> None:
    message: Any = CODEC.request_item(a_batch(V21, 0))
    header, first, second = message.value
    spoilt = second._replace(value=(*second.value[:-1], structure(0x420079, HASHED_PARAMETERS, *data)))
    good, bad = asked(an_engine(), message._replace(value=(header, first, spoilt)), BINARY)

    assert good.result_status is ResultStatus.SUCCESS
    assert bad.result_status is ResultStatus.OPERATION_FAILED


# --- Message Extensions -----------------------------------------------------------------------------------------------


@in_every_version
@encoded_in_every_way
@pytest.mark.parametrize("is_critical", [True, False], ids=["critical", "not critical"])
def test_an_extension_fails_its_item_only_if_it_is_critical(
    version: ProtocolVersion, encoding: Encoding, is_critical: bool
) -> None:
    extension = structure(
        MESSAGE_EXTENSION,
        text(0x42009D, "Acme"),
        Item(CRITICALITY, ItemType.BOOLEAN, is_critical),
        structure(0x42009C, text(0x540001, "x")),
    )
    (answer,) = asked(an_engine(), with_more(a_message(QUERY, version=version), in_item=(extension,)), encoding)

    assert answer.operation is Operation.QUERY
    assert (answer.result_status is ResultStatus.SUCCESS) is not is_critical
    if is_critical and version >= ProtocolVersion(2, 0):
        assert answer.result_reason is ResultReason.UNKNOWN_MESSAGE_EXTENSION


# --- Maximum Response Size --------------------------------------------------------------------------------------------


GET: Final = (Operation.GET, get.Request(unique_identifier="large"))


def a_poll(value: bytes) -> tuple[Operation, poll.Request]:
    return Operation.POLL, poll.Request(asynchronous_correlation_value=value)


@encoded_in_every_way
def test_a_batch_may_be_as_long_as_the_client_allows_and_fails_whole_beyond(encoding: Encoding) -> None:
    engine = an_engine(a_stored(OpaqueObject(bytes(LARGE)), "large"))
    fits, too_long = (
        asked(engine, a_message(GET, GET, maximum_response_size=size), encoding) for size in (3 * LARGE, LARGE)
    )

    assert [item.result_reason for item in fits] == [None, None]
    assert [item.result_reason for item in too_long] == [ResultReason.RESPONSE_TOO_LARGE] * 2
    assert [item.operation for item in too_long] == [Operation.GET] * 2


@encoded_in_every_way
def test_an_outcome_that_is_too_long_for_one_poll_waits_for_another(encoding: Encoding) -> None:
    engine, _ = an_engine_with_runner(a_stored(OpaqueObject(bytes(LARGE)), "large"))
    (value,) = submitted(engine, GET)

    (refused,) = asked(engine, a_message(a_poll(value), maximum_response_size=LARGE), encoding)
    (answer,) = asked(engine, a_message(a_poll(value), maximum_response_size=2 * LARGE), encoding)

    assert refused.result_reason is ResultReason.RESPONSE_TOO_LARGE
    assert answer.payload.managed_object.opaque_data_value == bytes(LARGE)


@encoded_in_every_way
def test_an_answer_of_pkcs_11_is_no_longer_than_the_client_allows(encoding: Encoding) -> None:
    request = pkcs_11.Request(pkcs_11_function=PKCS11Function.C_INITIALIZE, pkcs_11_input_parameters=b"\1")
    call = (Operation.PKCS_11, request)
    engine = an_engine()

    (refused,) = asked(engine, a_message(call, maximum_response_size=50), encoding)
    (answer,) = asked(engine, a_message(call, maximum_response_size=LARGE), encoding)

    assert refused.result_reason is ResultReason.RESPONSE_TOO_LARGE
    assert answer.result_status is ResultStatus.SUCCESS
