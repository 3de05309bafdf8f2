"""Notify and Put over real processes: swapped roles, listening clients, and clients that lie."""

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from kmip_adapters.ttlv.encodings.framing import FrameReader
from kmip_core.attributes import AttributeInstance, AttributeReference, Attributes
from kmip_core.enums import (
    CredentialType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    EndpointRole,
    LinkType,
    ObjectType,
    Operation,
    PutFunction,
    ResultReason,
    ResultStatus,
    RevocationReasonCode,
    State,
)
from kmip_core.messages import Credential, RequestBatchItem, RequestHeader, RequestMessage, UsernameAndPassword
from kmip_core.operations import (
    activate,
    create,
    destroy,
    get_attributes,
    modify_attribute,
    re_key,
    revoke,
    set_endpoint_role,
)
from kmip_core.structures import Name, ProtocolVersion, RevocationReason
from tests.e2e.conftest import Start
from tests.e2e.test_tickets import Asker
from tests.listening import CALLS, CODEC, WITHIN, Client, Listener, Swapped, answer_to
from tests.server import StartedServer, run

OTHER_RIGHTS: Final = {
    "shared": {
        "preset": {
            "SYMMETRIC_KEY": dict.fromkeys(
                ("GET", "GET_ATTRIBUTES", "MODIFY_ATTRIBUTE", "ACTIVATE", "REVOKE", "DESTROY", "LOCATE", "REKEY"),
                "ALLOW_ALL",
            )
        }
    },
    "closed": {"preset": {"SYMMETRIC_KEY": {"GET_ATTRIBUTES": "ALLOW_OWNER"}}},
}
V1_4, V2_1 = ProtocolVersion(1, 4), ProtocolVersion(2, 1)


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "policies.json").write_text(json.dumps(OTHER_RIGHTS))
    return folder


def kmipd(tmp_path: Path, *arguments: str) -> str:
    done = run(*arguments, "--data-dir", str(tmp_path / "data"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return done.stdout


def eventually(look: Callable[[], Any]) -> Any:
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come about")


def new_client(tmp_path: Path, server: StartedServer, name: str, *arguments: str) -> tuple[Path, Path]:
    kmipd(tmp_path, "client", "add", name, "--out", str(tmp_path / name), *arguments)
    return tmp_path / name / f"{name}.crt", tmp_path / name / f"{name}.key"


def a_key(asker: Asker, policy: str | None = "shared", **attributes: Any) -> str:
    request = create.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=Attributes(
            cryptographic_algorithm=CryptographicAlgorithm.AES,
            cryptographic_length=128,
            cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
            operation_policy_name=policy,
            **attributes,
        ),
    )
    version = V2_1 if policy is None else V1_4  # which names policies
    return str(asker.ask(Operation.CREATE, request, version=version).payload.unique_identifier)


def rows_of(tmp_path: Path, name: str) -> dict[str, Any]:
    listed = json.loads(kmipd(tmp_path, "client", "list", "--json"))
    return next(row for row in listed if row["name"] == name)


def renamed(identifier: str, contact: str) -> Any:
    instance = AttributeInstance(reference=AttributeReference(attribute="contact_information"), value=contact)
    return modify_attribute.Request(unique_identifier=identifier, new_attribute=instance)


# --- passwords --------------------------------------------------------------------------------------------------------


def test_a_user_with_a_password_hears_of_the_user_s_own_keys(start: Start, tmp_path: Path, policies: Path) -> None:
    argon2 = pytest.importorskip("argon2")
    passwords = tmp_path / "passwords"
    passwords.write_text(f"alice:{argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash('secret')}\n")
    passwords.chmod(0o600)
    by_password = ("--passwords-path", str(passwords), "--password-identity")
    server = start("--policy_path", str(policies), *by_password)
    value = UsernameAndPassword(username="alice", password="secret")
    shown = (Credential(credential_type=CredentialType.USERNAME_AND_PASSWORD, credential_value=value),)
    client, other = Client(), Asker(server, *new_client(tmp_path, server, "other"))
    with Swapped(server, client, credentials=shown):
        eventually(lambda: Operation.QUERY in client.asked)
        key = a_key(Asker(server, credentials=shown), contact_information="a")
        changed = other.ask(Operation.MODIFY_ATTRIBUTE, renamed(key, "by another"))
        assert changed.result_status is ResultStatus.SUCCESS, changed

        operation, payload = client.next()
        assert (operation, payload.unique_identifier) == (Operation.NOTIFY, key)
        assert payload.attributes.contact_information == "by another"
    configuration = tmp_path / "kmipd.conf"
    configuration.write_text(f"[server]\npasswords_path={passwords}\npassword_identity=True\n")
    arguments = ("--config", str(configuration), "--data-dir", str(tmp_path / "data"))
    refused = run("client", "notify", "alice", "--notify-url", "tls://h:1", *arguments, cwd=tmp_path)
    assert refused.returncode == 2
    assert "Set Endpoint Role" in refused.stderr


# --- swapped roles ----------------------------------------------------------------------------------------------------


def test_a_client_that_swaps_roles_hears_of_what_others_do_to_its_keys(
    start: Start, tmp_path: Path, policies: Path
) -> None:
    server = start("--policy_path", str(policies))
    owner, other = Asker(server), Asker(server, *new_client(tmp_path, server, "other"))
    key = a_key(owner, contact_information="a")
    client = Client()
    with Swapped(server, client):
        eventually(lambda: Operation.QUERY in client.asked)
        owner.ask(Operation.MODIFY_ATTRIBUTE, renamed(key, "by itself"))
        time.sleep(0)
        changed = other.ask(Operation.MODIFY_ATTRIBUTE, renamed(key, "by another"))
        assert changed.result_status is ResultStatus.SUCCESS, changed

        operation, payload = client.next()
        assert (operation, payload.unique_identifier) == (Operation.NOTIFY, key)
        assert payload.attributes.contact_information == "by another"
        assert payload.attributes.last_change_date is not None
        assert payload.attributes.state is None

        other.ask(Operation.ACTIVATE, activate.Request(unique_identifier=key))
        _, payload = client.next()
        assert payload.attributes.state is State.ACTIVE

        reason = RevocationReason(revocation_reason_code=RevocationReasonCode.CESSATION_OF_OPERATION)
        other.ask(Operation.REVOKE, revoke.Request(unique_identifier=key, revocation_reason=reason))
        _, payload = client.next()
        assert payload.attributes.state is State.DEACTIVATED
        other.ask(Operation.DESTROY, destroy.Request(unique_identifier=key))
        _, payload = client.next()
        assert payload.attributes.state is State.DESTROYED
        # The answer to the last one is on its way still: a client that left now would get it again.
        eventually(lambda: rows_of(tmp_path, "client")["sent"] == 4)


LISTED: Final = (Operation.NOTIFY, Operation.QUERY, Operation.SET_ENDPOINT_ROLE)


def test_roles_go_forth_and_back_on_one_connection(start: Start, tmp_path: Path, policies: Path) -> None:
    """The client asks, is asked, asks again; also where its next request is right behind its answer."""
    server = start("--policy_path", str(policies), "--notify-hands-back")
    owner, other = Asker(server), Asker(server, *new_client(tmp_path, server, "other"))
    key = a_key(owner, contact_information="a")
    client = Client(operations=LISTED)
    reader = FrameReader()
    with server.client() as connection:
        connection.socket.settimeout(WITHIN)

        def received() -> bytes:
            while (frame := reader.next_frame()) is None:
                data = connection.socket.recv(65_536)
                assert data, "the server has ended the connection"
                reader.receive_data(data)
            return frame

        for number in range(3):
            changed = other.ask(Operation.MODIFY_ATTRIBUTE, renamed(key, str(number)))
            assert changed.result_status is ResultStatus.SUCCESS, changed
            answer = connection.exchange(request_of(set_endpoint_role.Request(endpoint_role=EndpointRole.CLIENT)))
            assert CODEC.decode_response(answer).batch_items[0].result_status is ResultStatus.SUCCESS
            while True:
                asked = CALLS.decode_request(received())
                (item,) = asked.batch_items
                if item.operation is Operation.SET_ENDPOINT_ROLE:
                    break
                connection.socket.sendall(client(asked))
            assert item.payload.endpoint_role is EndpointRole.CLIENT
            following = request_of(get_attributes.Request(unique_identifier=key))
            if number == 1:  # the next request in one piece with the answer
                answer = connection.exchange(client(asked) + following)
            else:
                connection.socket.sendall(client(asked))
                answer = connection.exchange(following)
            (read,) = CODEC.decode_response(answer).batch_items
            assert read.payload.attributes.contact_information == str(number)
        seen = [client.next()[1].attributes.contact_information for _ in range(client.got.qsize())]

    assert seen[-1] == "2"
    assert client.asked.count(Operation.SET_ENDPOINT_ROLE) == 3


def request_of(payload: Any) -> bytes:
    operation = Operation[type(payload).__module__.rpartition(".")[2].upper()]
    message = RequestMessage(
        header=RequestHeader(protocol_version=V2_1),
        batch_items=(RequestBatchItem(operation=operation, payload=payload),),
    )
    return CODEC.encode_request(message)


def test_states_reached_by_dates_and_rotations_are_notified(start: Start, tmp_path: Path) -> None:
    server = start("--rotation-every", "1")
    owner = Asker(server)
    client = Client()
    with Swapped(server, client):
        eventually(lambda: Operation.QUERY in client.asked)
        now = int(time.time())
        dated = a_key(owner, None, activation_date=now + 2)
        rotating = a_key(owner, None, rotate_automatic=True, rotate_interval=2, names=(Name(name_value="n"),))
        told: dict[str, Any] = {}
        while not {dated, rotating} <= told.keys():
            operation, payload = client.next()
            assert operation is Operation.NOTIFY
            told.setdefault(payload.unique_identifier, payload)

        assert told[dated].attributes.state is State.ACTIVE
        assert told[rotating].attributes.rotate_latest is False
        assert {link.link_type for link in told[rotating].attributes.links} == {LinkType.REPLACEMENT_OBJECT_LINK}
        assert AttributeReference(attribute="names") in told[rotating].deleted


def test_while_a_client_is_away_its_notices_wait_also_over_a_restart(
    start: Start, tmp_path: Path, policies: Path
) -> None:
    server = start("--policy_path", str(policies))
    owner, other_files = Asker(server), new_client(tmp_path, server, "other")
    other = Asker(server, *other_files)
    keys = [a_key(owner, contact_information="a") for _ in range(3)]
    client = Client()
    with Swapped(server, client):
        eventually(lambda: Operation.QUERY in client.asked)
    for key in keys:
        other.ask(Operation.MODIFY_ATTRIBUTE, renamed(key, "b"))
    eventually(lambda: rows_of(tmp_path, "client")["pending"] == 3)
    server.kill()

    server = start("--policy_path", str(policies))
    with Swapped(server, client):
        got = [client.next()[1].unique_identifier for _ in keys]
        eventually(lambda: rows_of(tmp_path, "client")["pending"] == 0)

    assert got == keys


def test_roles_are_not_swapped_where_the_operator_does_not_want_it(start: Start) -> None:
    asker = Asker(start("--no-server-to-client"))

    answer = asker.ask(Operation.SET_ENDPOINT_ROLE, set_endpoint_role.Request(endpoint_role=EndpointRole.CLIENT))

    assert answer.result_reason is ResultReason.FEATURE_NOT_SUPPORTED
    same = asker.ask(Operation.SET_ENDPOINT_ROLE, set_endpoint_role.Request(endpoint_role=EndpointRole.SERVER))
    assert same.payload.endpoint_role is EndpointRole.SERVER


# --- connections that the server opens --------------------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def listening_client(tmp_path: Path, server: StartedServer, name: str, *arguments: str) -> tuple[int, Path, Path]:
    port = free_port()
    return port, *new_client(tmp_path, server, name, "--notify-url", f"tls://127.0.0.1:{port}", *arguments)


@pytest.mark.parametrize("version", [V1_4, V2_1], ids=str)
def test_keys_are_pushed_to_a_client_that_listens_and_their_changes_notified(
    start: Start, tmp_path: Path, policies: Path, version: ProtocolVersion
) -> None:
    server = start("--policy_path", str(policies))
    owner = Asker(server)
    scopes = ("--put", "group:disks", "--notify", "group:disks")
    port, cert, key_file = listening_client(tmp_path, server, "appliance", *scopes)
    client = Client(versions=(version,))
    with Listener(cert, key_file, server.ca, client, port):
        time.sleep(3)  # the server looks for subscribers every second while it has none
        key = a_key(owner, object_groups=("disks",))
        a_key(owner, object_groups=("tapes",))
        operation, payload = client.next()
        assert (operation, payload.unique_identifier) == (Operation.PUT, key)
        assert payload.put_function is PutFunction.NEW
        assert len(payload.managed_object.key_block.key_value.key_material) == 16
        assert payload.attributes.object_groups == ("disks",)

        new = owner.ask(Operation.RE_KEY, re_key.Request(unique_identifier=key)).payload.unique_identifier
        got = {payload.unique_identifier: (operation, payload) for operation, payload in (client.next(), client.next())}
        assert got[key][0] is Operation.NOTIFY
        operation, payload = got[new]
        assert (operation, payload.put_function) == (Operation.PUT, PutFunction.REPLACE)
        assert payload.replaced_unique_identifier == key
    assert client.asked[0] is Operation.DISCOVER_VERSIONS


def test_a_client_gets_no_key_that_it_may_not_get(start: Start, tmp_path: Path, policies: Path) -> None:
    server = start("--policy_path", str(policies))
    owner = Asker(server)
    port, cert, key_file = listening_client(tmp_path, server, "appliance", "--put", "group:disks")
    client = Client()
    with Listener(cert, key_file, server.ca, client, port):
        time.sleep(3)
        a_key(owner, None, object_groups=("disks",))
        a_key(owner, "closed", object_groups=("disks",))
        allowed = a_key(owner, "shared", object_groups=("disks",))

        assert client.next()[1].unique_identifier == allowed
        eventually(lambda: rows_of(tmp_path, "appliance")["dropped"] == 2)
        assert client.got.empty()


def test_a_listener_with_another_clients_certificate_gets_nothing(start: Start, tmp_path: Path, policies: Path) -> None:
    server = start("--policy_path", str(policies))
    port, _, _ = listening_client(tmp_path, server, "appliance", "--put", "group:disks")
    cert, key_file = new_client(tmp_path, server, "thief", "--notify-url", f"tls://127.0.0.1:{port}")
    kmipd(tmp_path, "client", "notify", "thief", "--off")
    client = Client()
    with Listener(cert, key_file, server.ca, client, port):
        time.sleep(3)
        a_key(Asker(server), "shared", object_groups=("disks",))
        failed = eventually(lambda: rows_of(tmp_path, "appliance")["failure"] and rows_of(tmp_path, "appliance"))

    assert "another client" in failed["failure"]
    assert failed["pending"] == 1
    assert client.asked == []


# --- clients that do not answer as they should ------------------------------------------------------------------------


NONSENSE: Final[dict[str, Callable[[Any], bytes | None]]] = {
    "deaf": lambda request: None,
    "no TTLV": lambda request: b"HTTP/1.1 200 OK\r\n\r\n",
    "a huge answer": lambda request: bytes.fromhex("42007B01 7FFFFFF8".replace(" ", "")),
    "half an answer": lambda request: answer_to(request)[:20],
    "a broken answer": lambda request: bytes.fromhex("42007B0100000008FFFFFFFFFFFFFFFF"),
    "two answers": lambda request: answer_to(request) * 2,
    "many answers": lambda request: answer_to(request) * 2_000,
}


@pytest.mark.parametrize(
    "respond",
    [
        pytest.param(respond, id=name, marks=() if name in {"deaf", "half an answer"} else pytest.mark.nightly)
        for name, respond in NONSENSE.items()
    ],
)
def test_a_client_that_does_not_answer_as_it_should_delays_no_other_client(
    start: Start, tmp_path: Path, policies: Path, respond: Callable[[Any], bytes | None]
) -> None:
    server = start("--policy_path", str(policies), "--notify-timeout", "1")
    owner, other = Asker(server), Asker(server, *new_client(tmp_path, server, "other"))
    key = a_key(owner, contact_information="a")
    honest = Client()
    with Swapped(server, respond) as liar:
        other.ask(Operation.MODIFY_ATTRIBUTE, renamed(key, "b"))
        assert (
            owner.ask(Operation.ACTIVATE, activate.Request(unique_identifier=key)).result_status is ResultStatus.SUCCESS
        )
        assert liar.has_ended
    with Swapped(server, honest):
        eventually(lambda: Operation.QUERY in honest.asked)
        other.ask(Operation.MODIFY_ATTRIBUTE, renamed(key, "c"))
        assert honest.next()[1].unique_identifier == key


def test_a_client_that_refuses_is_not_asked_again_for_the_same(start: Start, tmp_path: Path, policies: Path) -> None:
    server = start("--policy_path", str(policies))
    owner, other = Asker(server), Asker(server, *new_client(tmp_path, server, "other"))
    key = a_key(owner, contact_information="a")
    asked: list[Any] = []

    def refuse(request: Any) -> bytes:
        asked.append(request.batch_items[0].operation)
        return answer_to(request, status=ResultStatus.OPERATION_FAILED)

    with Swapped(server, refuse):
        eventually(lambda: asked)
        other.ask(Operation.MODIFY_ATTRIBUTE, renamed(key, "b"))
        eventually(lambda: rows_of(tmp_path, "client")["dropped"] == 1)
    assert asked.count(Operation.NOTIFY) == 1
