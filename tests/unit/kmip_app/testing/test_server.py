"""The server that tests start: how it is reached, what it can be told, how it ends."""

import socket
import ssl
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from kmip_adapters.transport.client import TlsTtlvClient, client_context
from kmip_adapters.ttlv.failure_injection import GARBAGE
from kmip_app.configuration.loading import ConfigurationError
from kmip_app.container import planned_codec
from kmip_app.pki.authority import PkiError, ensure_pki
from kmip_app.testing import KmipTestServer
from kmip_core.attributes import Attributes
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ObjectType,
    Operation,
    QueryFunction,
    ResultReason,
    ResultStatus,
    State,
)
from kmip_core.objects import SecretData
from kmip_core.operations import create, get, get_attributes, locate, query
from kmip_core.structures import ProtocolVersion
from tests.unit.kmip_app.testing.conftest import ask, message

SECRET = SecretData(b"secret")
LOCATE = locate.Request()


def connected(server: KmipTestServer, client: str = "client") -> TlsTtlvClient:
    files = server.client_certificate(client)
    return TlsTtlvClient(server.host, server.port, Path(files.ca), Path(files.cert), Path(files.key), timeout=120)


def create_a_key() -> create.Request:
    return create.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=Attributes(
            cryptographic_algorithm=CryptographicAlgorithm.AES,
            cryptographic_length=128,
            cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
        ),
    )


# How it is reached


def test_it_is_reached_by_name_and_by_address(server: KmipTestServer) -> None:
    for host in (server.host, "localhost"):
        with TlsTtlvClient(host, server.port, Path(server.ca), Path(server.cert), Path(server.key)) as client:
            assert client.exchange(message(LOCATE))[:4] == bytes.fromhex("42007b01")


def test_a_client_is_known_by_the_name_of_its_certificate(server: KmipTestServer) -> None:
    made = ask(server, create_a_key(), "alice").payload.unique_identifier

    assert ask(server, get.Request(unique_identifier=made), "alice").result_status is ResultStatus.SUCCESS
    assert ask(server, get.Request(unique_identifier=made), "bob").result_reason is ResultReason.OBJECT_NOT_FOUND
    assert [(r.principal, r.event) for r in server.requests] == [("alice", "CREATE"), ("alice", "GET"), ("bob", "GET")]


def test_a_certificate_is_files_that_only_their_owner_reads(server: KmipTestServer) -> None:
    files = server.client_certificate("carol")

    certificate = x509.load_pem_x509_certificate(Path(files.cert).read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=carol"
    assert Path(files.pem).read_text() == Path(files.cert).read_text() + Path(files.key).read_text()
    assert {stat.S_IMODE(Path(path).stat().st_mode) for path in (files.key, files.pem)} == {0o600}
    assert files == server.client_certificate("carol")


def test_the_default_client_is_called_client(server: KmipTestServer) -> None:
    files = server.client_certificate("client")

    assert (server.cert, server.key, server.pem, server.ca) == (files.cert, files.key, files.pem, files.ca)


def test_a_name_that_no_file_can_have_is_refused(server: KmipTestServer) -> None:
    with pytest.raises(PkiError, match="no slashes"):
        server.client_certificate("a/b")


def test_servers_of_a_process_share_their_ca_by_default(server: KmipTestServer) -> None:
    with KmipTestServer() as second, KmipTestServer(own_ca=True) as third:
        files = server.client_certificate("alice")
        second_ca, third_ca = (Path(one.ca).read_text() for one in (second, third))
        with TlsTtlvClient(second.host, second.port, Path(files.ca), Path(files.cert), Path(files.key)) as client:
            client.exchange(message(LOCATE))

        assert Path(files.ca).read_text() == second_ca != third_ca
        stranger = TlsTtlvClient(third.host, third.port, Path(files.ca), Path(files.cert), Path(files.key))
        with pytest.raises(ssl.SSLCertVerificationError):
            stranger.connect()


# Settings


def test_every_setting_can_be_chosen() -> None:
    with KmipTestServer(tls_cipher_suites=["ECDHE-RSA-AES128-SHA256"], maximum_batch_items=1) as server:
        with connected(server) as client:
            suite = (client.socket.cipher() or ("",))[0]
            answer = planned_codec().decode_response(client.exchange(message(LOCATE, LOCATE)))

        assert suite == "ECDHE-RSA-AES128-SHA256"
        assert answer.batch_items[0].result_message == "a batch may have 1 items at most"


def test_files_and_environment_of_the_machine_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KMIPD_MAXIMUM_BATCH_ITEMS", "nonsense")

    with KmipTestServer() as server:
        assert ask(server, LOCATE).result_status is ResultStatus.SUCCESS


def test_an_unknown_setting_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="no setting tls_cipher_suite;"):
        KmipTestServer(tls_cipher_suite=[])


def test_a_wrong_setting_is_reported_and_leaves_nothing_behind() -> None:
    server = KmipTestServer(port="many")

    with pytest.raises(ConfigurationError, match="port"):
        server.start()
    with pytest.raises(RuntimeError, match=r"start\(\) the server first"):
        server.port  # noqa: B018


def test_a_server_may_bring_its_own_certificates(tmp_path: Path) -> None:
    pki = ensure_pki(tmp_path / "pki", ca_key_bits=2_048)
    settings: dict[str, Any] = {
        "certificate_path": pki.servers[0].certificate,
        "key_path": pki.servers[0].key,
        "ca_path": pki.ca.certificate,
    }

    with KmipTestServer(**settings) as server:
        assert server.ca == str(pki.ca.certificate)
        with TlsTtlvClient(
            server.host, server.port, pki.ca.certificate, pki.client.certificate, pki.client.key
        ) as client:
            client.exchange(message(LOCATE))
        with pytest.raises(RuntimeError, match="ca_path says who vouches"):
            server.cert  # noqa: B018


def test_a_server_on_every_interface_is_reached_at_the_loopback() -> None:
    with KmipTestServer(hostname="0.0.0.0") as server:
        assert server.host == "127.0.0.1"
        assert ask(server, LOCATE).result_status is ResultStatus.SUCCESS


def test_the_default_client_owns_what_is_seeded_however_clients_are_named() -> None:
    with KmipTestServer(identity_source="subject") as server:
        (identifier,) = server.seed(SECRET)

        assert ask(server, get.Request(unique_identifier=identifier)).result_status is ResultStatus.SUCCESS


def test_a_log_file_is_kept_if_it_is_named(tmp_path: Path) -> None:
    with KmipTestServer(log_path=tmp_path / "log"):
        pass

    assert "Server successfully bound socket handler to" in (tmp_path / "log").read_text()


# Start, stop, start again


def test_a_stopped_server_refuses_connections_and_comes_back_on_its_port() -> None:
    with KmipTestServer() as server:
        port, cert = server.port, server.cert
        server.seed({"1": SECRET})
        server.stop()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((server.host, server.port), 5)
        with pytest.raises(RuntimeError, match=r"start\(\) the server first"):
            server.clock.advance(1)
        server.start()

        assert (server.port, server.cert) == (port, cert)
        assert ask(server, get.Request(unique_identifier="1")).result_reason is ResultReason.OBJECT_NOT_FOUND


def test_a_store_on_disk_outlives_a_restart() -> None:
    with KmipTestServer(ephemeral=False) as server:
        server.seed({"1": SECRET})
        server.stop()
        server.start()

        assert ask(server, get.Request(unique_identifier="1")).result_status is ResultStatus.SUCCESS
        for of_memory_only in (server.reset, lambda: server.requests):
            with pytest.raises(RuntimeError, match="only for servers that keep nothing"):
                of_memory_only()


def test_nothing_is_left_once_it_is_closed() -> None:
    server = KmipTestServer().start()
    folder = Path(server.ca).parent.parent
    assert folder.exists()

    server.close()
    server.close()

    assert not folder.exists()
    with pytest.raises(RuntimeError, match=r"start\(\) the server first"):
        server.exchange(b"")


def test_it_cannot_be_started_twice(server: KmipTestServer) -> None:
    with pytest.raises(RuntimeError, match="started already"):
        server.start()


# What time it is, what it was asked, forgetting


def test_the_clock_brings_dates_about(server: KmipTestServer) -> None:
    later = server.clock.now() + 30 * 86_400
    server.seed({"1": SecretData(b"secret", attributes=Attributes(activation_date=later))})

    def state() -> State:
        found: State = ask(server, get_attributes.Request(unique_identifier="1")).payload.attributes.state
        return found

    before = state()
    server.clock.advance(days=30)

    assert (before, state()) == (State.PRE_ACTIVE, State.ACTIVE)


def test_answers_hold_the_server_s_time(server: KmipTestServer) -> None:
    now = server.clock.stop()
    server.clock.advance(hours=-1)

    assert planned_codec().decode_response(server.exchange(message(LOCATE))).header.time_stamp == now - 3_600


def test_reset_forgets_everything_and_connections_go_on(server: KmipTestServer) -> None:
    with connected(server) as client:
        client.exchange(message(create_a_key()))
        server.clock.advance(days=1)
        server.fail_next("Locate", drop=True)

        server.reset()

        (item,) = planned_codec().decode_response(client.exchange(message(LOCATE))).batch_items
    assert item.payload.unique_identifiers == ()
    assert [record.operation for record in server.requests] == [Operation.LOCATE]
    assert abs(server.clock.now() - time.time()) < 3_600


def test_results_say_what_became_of_each_item(server: KmipTestServer) -> None:
    server.seed({"1": SECRET})
    server.exchange(message(get.Request(unique_identifier="1"), get.Request(unique_identifier="2")), "client")

    told = [(r.operation, r.unique_identifiers, r.result) for r in server.requests]

    assert told == [
        (Operation.GET, ("1",), None),
        (Operation.GET, ("2",), ResultReason.OBJECT_NOT_FOUND),
    ]


# What goes wrong


def test_a_result_reason_is_written_as_the_version_defines_it(server: KmipTestServer) -> None:
    server.seed({"1": SECRET})
    server.fail_next("Get", ResultReason.OBJECT_NOT_FOUND, message="gone for a while", times=2)
    request = get.Request(unique_identifier="1")

    answers = [
        planned_codec().decode_response(server.exchange(message(request, version=version))).batch_items[0]
        for version in (ProtocolVersion(1, 2), ProtocolVersion(2, 1), ProtocolVersion(1, 2))
    ]

    assert [a.result_reason for a in answers] == [
        ResultReason.ITEM_NOT_FOUND,
        ResultReason.OBJECT_NOT_FOUND,
        None,
    ]
    assert answers[0].result_message == "gone for a while"


@pytest.mark.parametrize(("drop", "made"), [("request", 0), ("answer", 1)])
def test_a_dropped_message_ends_the_connection(server: KmipTestServer, drop: Any, made: int) -> None:
    server.fail_next(Operation.CREATE, drop=drop)

    with pytest.raises(ConnectionError), connected(server) as client:
        client.exchange(message(create_a_key()))

    assert len(ask(server, LOCATE).payload.unique_identifiers) == made


def test_garbage_comes_and_the_connection_ends(server: KmipTestServer) -> None:
    server.fail_next("Locate", garbage=True)

    with connected(server) as client:
        assert client.exchange(message(LOCATE)) == GARBAGE
        assert client.socket.recv(1) == b""


def test_a_late_answer_delays_no_other_request(server: KmipTestServer) -> None:
    server.fail_next("Locate", delay=3_600)
    answers: list[bytes] = []
    late = threading.Thread(target=lambda: answers.append(server.exchange(message(LOCATE))))
    late.start()
    while not server.requests:
        late.join(0.01)

    in_time = ask(server, query.Request(query_functions=(QueryFunction.QUERY_OPERATIONS,)))
    assert (in_time.result_status, answers) == (ResultStatus.SUCCESS, [])
    server.reset()
    late.join(120)

    assert len(answers) == 1


def test_a_server_with_late_answers_ends_at_once() -> None:
    with KmipTestServer() as server:
        server.fail_next("Locate", delay=3_600)
        client = connected(server)
        client.connect()
        client.socket.sendall(message(LOCATE))
        while not server.requests:
            time.sleep(0.005)

    assert planned_codec().decode_response(client.receive()).batch_items[0].result_status is ResultStatus.SUCCESS
    client.close()


def test_a_failure_must_be_ordered_at_least_once(server: KmipTestServer) -> None:
    with pytest.raises(ValueError, match="at least one time"):
        server.fail_next("Get", drop=True, times=0)


def test_a_client_without_a_certificate_is_not_let_in(server: KmipTestServer) -> None:
    context = client_context(ca=Path(server.ca))

    client = TlsTtlvClient(server.host, server.port, context=context)
    with pytest.raises((ssl.SSLError, ConnectionError)), client:
        client.exchange(message(LOCATE))
