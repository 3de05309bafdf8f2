"""Attestation over real processes: two workers know of each other's nonces, and a new start of the used ones."""

from pathlib import Path
from typing import Any, Final

from kmip_core.attributes import Attributes
from kmip_core.enums import (
    AttestationType,
    CredentialType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ObjectType,
    Operation,
    QueryFunction,
    ResultReason,
)
from kmip_core.messages import (
    Attestation,
    Credential,
    Nonce,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseMessage,
)
from kmip_core.operations import create, get, query
from kmip_core.structures import ProtocolVersion
from tests.e2e.conftest import Start
from tests.listening import CODEC
from tests.server import StartedServer

VERSION: Final = ProtocolVersion(1, 4)
CONNECTIONS: Final = 8
ACCEPTS_GOOD: Final = '#!/bin/sh\ngrep -q \'"measurement": "Z29vZA=="\'\n'


def ask(server: StartedServer, operation: Operation, payload: Any, **header: Any) -> ResponseMessage:
    """Return the answer, over a connection of its own, which any worker may have taken."""
    message = RequestMessage(
        header=RequestHeader(protocol_version=VERSION, **header),
        batch_items=(RequestBatchItem(operation=operation, payload=payload),),
    )
    with server.client() as client:
        return CODEC.decode_response(client.exchange(CODEC.encode_request(message)))


def fetched(
    server: StartedServer, key: str, nonce: Nonce | None, measurement: bytes = b"good"
) -> tuple[ResultReason | None, Nonce | None]:
    """Return why a Get is refused, and the next nonce; without an attestation if there is no nonce."""
    credentials: tuple[Credential, ...] = ()
    if nonce is not None:
        shown = Attestation(
            nonce=nonce, attestation_type=AttestationType.TPM_QUOTE, attestation_measurement=measurement
        )
        credentials = (Credential(credential_type=CredentialType.ATTESTATION, credential_value=shown),)
    request = get.Request(unique_identifier=key)
    answer = ask(server, Operation.GET, request, attestation_capable_indicator=True, credentials=credentials)
    return answer.batch_items[0].result_reason, answer.header.nonce


def test_a_key_is_given_to_a_client_whose_machine_is_attested(start: Start, tmp_path: Path) -> None:
    verifier = tmp_path / "verifier"
    verifier.write_text(ACCEPTS_GOOD)
    verifier.chmod(0o700)
    options = (
        *("--workers", "2", "--attestation-verifier", str(verifier), "--attestation-types", "TPM Quote"),
        *("--attestation-timeout", "120", "--attested-operations", "Get"),
    )
    server = start(*options)
    asked = query.Request(query_functions=(QueryFunction.QUERY_ATTESTATION_TYPES,))
    listed = ask(server, Operation.QUERY, asked).batch_items[0].payload.attestation_types
    attributes = Attributes(
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=128,
        cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
    )
    made = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes)
    key = ask(server, Operation.CREATE, made).batch_items[0].payload.unique_identifier

    wanted, nonce = fetched(server, key, None)
    incapable = ask(server, Operation.GET, get.Request(unique_identifier=key)).batch_items[0].result_reason
    replayed = [fetched(server, key, nonce)[0] for _ in range(CONNECTIONS)]
    refused, following = fetched(server, key, fetched(server, key, None)[1], b"bad")
    accepted, unused = fetched(server, key, following)
    assert server.stop() == 0
    server = start(*options)
    after = [fetched(server, key, one)[0] for one in (nonce, unused, unused)]

    failed = ResultReason.ATTESTATION_FAILED
    assert listed == (AttestationType.TPM_QUOTE,)
    assert (wanted, incapable) == (ResultReason.ATTESTATION_REQUIRED, ResultReason.PERMISSION_DENIED)
    assert replayed == [None, *[failed] * (CONNECTIONS - 1)]
    assert (refused, accepted) == (failed, None)
    assert after == [failed, None, failed]
