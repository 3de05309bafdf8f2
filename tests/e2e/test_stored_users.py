"""An administrator keeps users over TLS; another client authenticates as one of them, in 3.0 and in 2.1."""

from pathlib import Path
from typing import Any, Final

from kmip_adapters.ttlv.codec import Codec
from kmip_core.attributes import Attributes
from kmip_core.enums import (
    CredentialType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    LinkType,
    ObjectType,
    Operation,
    ResultReason,
    ResultStatus,
)
from kmip_core.errors import NOT_FOUND_TEXT
from kmip_core.messages import (
    Credential,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    UsernameAndPassword,
)
from kmip_core.objects import PasswordCredential
from kmip_core.operations import CATALOGUE, create, create_credential, create_user, get, get_attributes
from kmip_core.structures import Link, Name, ProtocolVersion
from tests.e2e.conftest import Start
from tests.server import Clients, StartedServer

CODEC: Final = Codec(CATALOGUE)
V2_1, V3_0 = ProtocolVersion(2, 1), ProtocolVersion(3, 0)
SECRET: Final = "correct horse battery staple"


def ask(
    server: StartedServer,
    who: tuple[Path, Path],
    operation: Operation,
    payload: Any,
    version: ProtocolVersion,
    password: str | None = None,
) -> ResponseBatchItem:
    """Return the answer to one request over a connection of its own.  who: certificate and key."""
    credential = Credential(
        credential_type=CredentialType.USERNAME_AND_PASSWORD,
        credential_value=UsernameAndPassword(username="carol", password=password),
    )
    message = RequestMessage(
        header=RequestHeader(protocol_version=version, credentials=() if password is None else (credential,)),
        batch_items=(RequestBatchItem(operation=operation, payload=payload),),
    )
    with server.client(*who) as client:
        (item,) = CODEC.decode_response(client.exchange(CODEC.encode_request(message))).batch_items
    return item


def test_a_user_of_the_store_authenticates_and_its_password_is_kept_nowhere(start: Start, tmp_path: Path) -> None:
    server = start("--administrators", "root")
    clients = Clients(server.ca, tmp_path)
    root = (clients.certificate("root"), clients.key)
    other = (clients.certificate("other"), clients.key)
    aes = create.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=Attributes(
            cryptographic_algorithm=CryptographicAlgorithm.AES,
            cryptographic_length=256,
            cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
        ),
    )
    new_credential = create_credential.Request(
        credential_type=CredentialType.PASSWORD, credential=PasswordCredential(password=SECRET)
    )

    denied = ask(server, other, Operation.CREATE_CREDENTIAL, new_credential, V3_0)
    made = ask(server, root, Operation.CREATE_CREDENTIAL, new_credential, V3_0)
    assert denied.result_reason is ResultReason.PERMISSION_DENIED
    assert made.result_status is ResultStatus.SUCCESS
    link = Link(link_type=LinkType.CREDENTIAL_LINK, linked_object_identifier=made.payload.unique_identifier)
    user = create_user.Request(attributes=Attributes(names=(Name(name_value="carol"),), links=(link,)))
    assert ask(server, root, Operation.CREATE_USER, user, V3_0).result_status is ResultStatus.SUCCESS

    key = ask(server, other, Operation.CREATE, aes, V3_0, SECRET).payload.unique_identifier

    read = get_attributes.Request(unique_identifier=key)
    for version in (V2_1, V3_0):
        assert ask(server, other, Operation.GET_ATTRIBUTES, read, version, SECRET).result_status is ResultStatus.SUCCESS
        assert ask(server, other, Operation.GET_ATTRIBUTES, read, version).result_message == NOT_FOUND_TEXT
        wrong = ask(server, other, Operation.GET_ATTRIBUTES, read, version, "guess")
        assert wrong.result_reason is ResultReason.AUTHENTICATION_NOT_SUCCESSFUL
    fetched = ask(server, root, Operation.GET, get.Request(unique_identifier=made.payload.unique_identifier), V3_0)
    assert fetched.result_reason is ResultReason.NOT_EXTRACTABLE
    folder = server.output.parent
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
