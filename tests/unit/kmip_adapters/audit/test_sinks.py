"""Copies of records for syslog servers; the forms over sockets and TCP are tests of tests/e2e/operations."""

import ssl
import threading
from pathlib import Path
from socket import create_server

import pytest
import trustme

from kmip_adapters.audit.sinks import Syslog
from kmip_core.ports.audit import AuditRecord

RECORD = AuditRecord(record_id="1", time=0, principal="alice", event="Start")


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def sent_over_tls(authority: trustme.CA, trusted: trustme.CA, folder: Path) -> bytes:
    """Return what a server of `authority` gets from a sink that trusts `trusted`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    ca = folder / "ca.pem"
    trusted.cert_pem.write_to_path(str(ca))
    got: list[bytes] = []
    with create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(120)

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                try:
                    with context.wrap_socket(connection, server_side=True) as stream:
                        while part := stream.recv(4_096):
                            got.append(part)
                except OSError:
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        sink = Syslog(f"tls://localhost:{listening.getsockname()[1]}?ca={ca}", "host")
        try:
            sink.send(RECORD)
        finally:
            sink.close()
            thread.join()
    return b"".join(got)


def test_records_go_over_tls_with_counted_octets(authority: trustme.CA, tmp_path: Path) -> None:
    length, _, message = sent_over_tls(authority, authority, tmp_path).partition(b" ")

    assert int(length) == len(message)
    assert message.startswith(b"<110>1 1970-01-01T00:00:00Z host kmipd ")


def test_a_server_of_another_authority_gets_nothing(authority: trustme.CA, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        sent_over_tls(authority, trustme.CA(), tmp_path)


@pytest.mark.parametrize("url", ["http://host", "tls:", "unix://host/dev/log", "host:514"])
def test_other_urls_are_refused_with_the_forms(url: str) -> None:
    with pytest.raises(ValueError, match=r"write unix:/dev/log, tcp://HOST:PORT or tls://HOST:PORT"):
        Syslog(url)
