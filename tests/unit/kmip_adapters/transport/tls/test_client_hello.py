"""What a client offers is read from bytes that a hostile client may have chosen."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmip_adapters.transport.tls.client_hello import ClientHello, read_client_hello


def hello_of(context: ssl.SSLContext) -> bytes:
    outgoing = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def client(low: ssl.TLSVersion, high: ssl.TLSVersion, ciphers: str = "AES128-SHA256") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version, context.maximum_version = low, high
    context.set_ciphers(ciphers)
    return context


TLS_1_2 = client(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
BOTH = client(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def test_versions_and_suites_are_read_from_an_old_client() -> None:
    assert read_client_hello(hello_of(TLS_1_2)) == ClientHello(versions=("TLS 1.2",), suites=("AES128-SHA256",))


def test_versions_of_a_new_client_come_from_its_extension() -> None:
    hello = read_client_hello(hello_of(BOTH))

    assert hello is not None
    assert hello.versions == ("TLS 1.3", "TLS 1.2")
    assert "TLS_AES_256_GCM_SHA384" in hello.suites


def test_a_hello_cut_into_small_records_is_joined() -> None:
    whole = hello_of(BOTH)
    body = whole[5:]
    records = b"".join(
        whole[:3] + len(body[at : at + 7]).to_bytes(2, "big") + body[at : at + 7] for at in range(0, len(body), 7)
    )

    assert read_client_hello(records) == read_client_hello(whole)


def test_no_beginning_of_a_hello_is_read_as_a_whole_one() -> None:
    whole = hello_of(BOTH)

    assert [read_client_hello(whole[:end]) for end in range(len(whole))] == [None] * len(whole)


def test_an_empty_record_does_not_go_on_for_ever() -> None:
    assert read_client_hello(b"\x16\x03\x01\x00\x00" * 1_000) is None


def test_another_protocol_is_no_hello() -> None:
    assert read_client_hello(b"GET / HTTP/1.1\r\n\r\n") is None


@given(st.binary(max_size=300))
def test_any_bytes_are_borne(data: bytes) -> None:
    read_client_hello(b"\x16\x03\x01" + len(data).to_bytes(2, "big") + data)


def test_a_long_list_is_reported_in_part() -> None:
    hello = ClientHello(versions=("TLS 1.2",), suites=tuple(f"S{n}" for n in range(20)))

    assert str(hello).endswith("S15 and 4 more")
