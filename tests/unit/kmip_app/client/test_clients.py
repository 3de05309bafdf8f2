"""Both clients against a server, in every protocol version."""

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from kmip_adapters.ttlv.standard import tables
from kmip_app.client import (
    AsyncKmipClient,
    KmipClient,
    NotInVersion,
    ObjectNotFound,
    OperationFailed,
    OutcomeUnknown,
    ServerUnreachable,
)
from kmip_app.client.conversation import DRAFTS
from kmip_app.client.options import address
from kmip_app.testing import KmipTestServer
from kmip_core.attributes import AttributeReference
from kmip_core.enums import BatchErrorContinuationOption, ObjectType, Operation, QueryFunction, ResultReason, State
from kmip_core.objects import SecretData, SymmetricKey
from kmip_core.operations import MODULES, create, destroy, get, locate, poll
from kmip_core.structures import ProtocolVersion

VERSIONS = [str(version) for version in tables.VERSIONS]
FIRST_WITH_ENCRYPT = ProtocolVersion(1, 2)


@pytest.fixture(scope="module")
def started() -> Iterator[KmipTestServer]:
    with KmipTestServer() as server:
        yield server


@pytest.fixture
def server(started: KmipTestServer) -> KmipTestServer:
    started.reset()
    return started


def files(server: KmipTestServer) -> dict[str, Any]:
    return {"cert": server.cert, "key": server.key, "ca": server.ca, "timeout": 20.0}


@pytest.fixture
def client(server: KmipTestServer) -> Iterator[KmipClient]:
    with KmipClient(server.host, server.port, **files(server)) as client:
        yield client


@pytest.mark.parametrize("kind", [KmipClient, AsyncKmipClient])
def test_every_operation_has_a_method(kind: type) -> None:
    for module in MODULES:
        name = module.__name__.rpartition(".")[2]
        method = getattr(kind, name)

        expected = Any if module is poll else module.Response  # Poll answers with what the polled operation does
        assert inspect.get_annotations(method)["return"] is expected
        assert inspect.iscoroutinefunction(method) is (kind is AsyncKmipClient)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_key_lives_its_life(server: KmipTestServer, version: str) -> None:
    with KmipClient(server.host, server.port, **files(server), version=version) as client:
        key = client.create("AES", 256, name="disk")
        assert client.locate("disk", object_type="Symmetric Key").unique_identifiers == (key.unique_identifier,)
        client.activate(key)
        assert client.get_attributes(key, ["State"]).attributes.state is State.ACTIVE
        if client.protocol_version < FIRST_WITH_ENCRYPT:
            with pytest.raises(NotInVersion, match="Encrypt"):
                client.encrypt(key, b"secret", mode="GCM")
        else:
            sealed = client.encrypt(key, b"secret", mode="GCM")
            opened = client.decrypt(
                key,
                sealed.data,
                mode="GCM",
                iv_counter_nonce=sealed.iv_counter_nonce,
                authenticated_encryption_tag=sealed.authenticated_encryption_tag,
            )
            assert opened.data == b"secret"
        content = client.get(key).managed_object
        assert isinstance(content, SymmetricKey)
        assert content.key_block.cryptographic_length == 256
        client.revoke(key, "key-compromise", "lost")
        assert client.get_attributes(key, ["State"]).attributes.state is State.COMPROMISED
        client.destroy(key)
        with pytest.raises(OperationFailed, match="Get"):
            client.get(key)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_pair_and_a_registered_object(server: KmipTestServer, version: str) -> None:
    with KmipClient(server.host, server.port, **files(server), version=version) as client:
        pair = client.create_key_pair("ECDSA", name="signer", curve="P_256")
        names = client.get_attributes(pair.public_key_unique_identifier, ["Name"]).attributes.names
        assert [name.name_value for name in names] == ["signer-public"]
        secret = client.register(SecretData(b"hunter2"), name="password", usage=["Derive Key"])
        content = client.get(secret).managed_object
        assert content.object_type is ObjectType.SECRET_DATA


def test_the_newest_version_is_agreed_on(client: KmipClient) -> None:
    assert client.protocol_version == max(set(tables.VERSIONS) - DRAFTS)


def test_a_connection_is_kept_and_opened_again(server: KmipTestServer) -> None:
    with KmipClient(server.host, server.port, **files(server)) as client:
        key = client.create("AES", 128)
        first = client._transport
        client.activate(key)
        assert client._transport is first
        server.stop()
        server.start()  # with an empty store
        client.create("AES", 128)  # changes something, and is not in doubt: nothing had been sent
        assert client._transport is not first


def test_a_closed_client_can_be_used_again(client: KmipClient) -> None:
    client.close()

    assert client.query(query_functions=["Query Operations"]).operations


def test_other_servers_are_tried(server: KmipTestServer) -> None:
    with KmipTestServer() as other:
        closed = other.port
    with KmipClient(servers=[f"127.0.0.1:{closed}", (server.host, server.port)], **files(server)) as client:
        client.query(query_functions=[QueryFunction.QUERY_OPERATIONS])
        assert client.server == f"{server.host}:{server.port}"


def test_a_lost_answer_is_not_taken_for_a_failure(server: KmipTestServer, client: KmipClient) -> None:
    server.fail_next("Create", drop="answer")
    with pytest.raises(OutcomeUnknown, match="may have done it"):
        client.create("AES", 128)
    assert len(client.locate().unique_identifiers) == 1


def test_a_question_that_is_lost_is_asked_again(server: KmipTestServer, client: KmipClient) -> None:
    server.fail_next("Locate", drop=True, times=2)

    assert client.locate().unique_identifiers == ()


def test_a_refusal_says_what_and_why(client: KmipClient) -> None:
    with pytest.raises(ObjectNotFound, match="Get: Object Not Found: no such object") as caught:
        client.get("nothing")
    assert caught.value.reason is ResultReason.OBJECT_NOT_FOUND


def test_what_is_no_request_is_an_error_that_says_so(client: KmipClient) -> None:
    with pytest.raises(TypeError, match=r"^a Request of kmip_core\.operations is needed, not str$"):
        client.call("Get")
    with pytest.raises(TypeError, match=r"^a Request of kmip_core\.operations is needed, not bytes$"):
        client.batch([locate.Request(), b""])
    with pytest.raises(TypeError, match=r"^register takes an object of kmip_core\.objects, not bytes$"):
        client.register(bytes(32))  # type: ignore[arg-type]  # as a caller without types
    with pytest.raises(TypeError, match=r"^Encrypt: a field has a value of another type than the standard's: "):
        client.encrypt("1", "text", mode="GCM")  # type: ignore[arg-type]  # as a caller without types

    assert client.locate().unique_identifiers == ()  # the connection is as it was


def test_a_server_that_is_not_trusted_is_not_reached(server: KmipTestServer) -> None:
    with KmipTestServer(own_ca=True) as other, pytest.raises(ServerUnreachable, match="certificate is not accepted"):
        KmipClient(server.host, server.port, **files(server) | {"ca": other.ca}).open()


def test_a_name_that_the_certificate_does_not_have_is_refused(server: KmipTestServer) -> None:
    with pytest.raises(ServerUnreachable, match=r"kms\.example"):
        KmipClient(server.host, server.port, **files(server), server_name="kms.example").open()


def test_a_batch_uses_the_id_placeholder(client: KmipClient) -> None:
    made = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=_aes())
    created, got, lost, last = client.batch(
        [made, get.Request(), destroy.Request(unique_identifier="nothing"), locate.Request()],
        BatchErrorContinuationOption.CONTINUE,
    )

    assert got.unique_identifier == created.unique_identifier
    assert isinstance(lost, ObjectNotFound)
    assert last.unique_identifiers == (created.unique_identifier,)


def _aes() -> Any:
    from kmip_app.client import requests

    return requests.create("AES", 128).attributes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("kms", ("kms", 5696), id="ok a host"),
        pytest.param("kms:1", ("kms", 1), id="ok with a port"),
        pytest.param("[::1]:1", ("::1", 1), id="ok IPv6 with a port"),
        pytest.param("::1", ("::1", 5696), id="ok bare IPv6"),
        pytest.param(("kms", 2), ("kms", 2), id="ok a pair"),
    ],
)
def test_a_server_is_named_by_host_and_port(text: Any, expected: tuple[str, int]) -> None:
    found = address(text)

    assert (found.host, found.port) == expected


def test_a_port_must_be_a_number() -> None:
    with pytest.raises(ValueError, match="no port"):
        address("kms:kmip")


def test_a_version_must_exist() -> None:
    with pytest.raises(ValueError, match=r"7\.0 is none of"):
        KmipClient(version="7.0")


# asyncio


def test_tasks_share_a_client(server: KmipTestServer) -> None:
    async def run() -> list[str]:
        async with AsyncKmipClient(server.host, server.port, **files(server)) as client:
            made = await asyncio.gather(*(client.create("AES", 128, name=f"k{n}") for n in range(5)))
            located = await asyncio.gather(*(client.locate(f"k{n}") for n in range(5)))
            assert [one.unique_identifiers for one in located] == [(m.unique_identifier,) for m in made]
            references = (await client.get_attribute_list(made[0])).references
            assert AttributeReference(attribute="names") in references
            server.fail_next("Locate", drop=True)
            server.fail_next("Create", drop=True)
            assert len((await client.locate()).unique_identifiers) == 5
            with pytest.raises(OutcomeUnknown):
                await client.create("AES", 128)
            with pytest.raises(ObjectNotFound):
                await client.get("nothing")
            return [client.server, str(client.protocol_version)]

    assert asyncio.run(run()) == [f"{server.host}:{server.port}", str(max(set(tables.VERSIONS) - DRAFTS))]


def test_a_cancelled_task_does_not_leave_its_answer_to_the_next(server: KmipTestServer) -> None:
    async def run() -> None:
        async with AsyncKmipClient(server.host, server.port, **files(server)) as client:
            key = await client.create("AES", 128)
            server.fail_next("Activate", delay=3_600)
            slow = asyncio.create_task(client.activate(key))
            while not any(record.operation is Operation.ACTIVATE for record in server.requests):
                await asyncio.sleep(0.01)
            assert not slow.done()
            slow.cancel()
            with pytest.raises(asyncio.CancelledError):
                await slow
            assert (await client.get(key)).unique_identifier == key.unique_identifier

    asyncio.run(run())


def test_an_asynchronous_client_names_what_it_cannot_reach(server: KmipTestServer) -> None:
    with KmipTestServer() as other:
        closed = other.port

    async def run() -> None:
        with pytest.raises(ServerUnreachable, match=str(closed)):
            await AsyncKmipClient("127.0.0.1", closed, **files(server)).open()

    asyncio.run(run())


@pytest.mark.parametrize("version", [None, "1.4"])
def test_a_client_that_the_server_refuses_is_refused_once(server: KmipTestServer, version: str | None) -> None:
    with KmipTestServer(own_ca=True) as other:
        foreign = files(server) | {"cert": other.cert, "key": other.key}

        async def run() -> None:
            async with AsyncKmipClient(server.host, server.port, **foreign, version=version) as client:
                await client.create("AES", 128)

        with pytest.raises(ConnectionError):
            KmipClient(server.host, server.port, **foreign, version=version).create("AES", 128)
        with pytest.raises(ConnectionError):
            asyncio.run(run())
