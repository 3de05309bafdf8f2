"""PKCS#12: what a container may cost, judged before its password is tried."""

import pytest

from kmip_adapters.crypto.software.pkcs12 import MAXIMUM_ROUNDS, read_container
from kmip_core.errors import KmipError

SCRYPT = bytes.fromhex("06092b06010401da47040b")


def a_sequence(*parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes([0x30, len(content)]) + content


def salted(rounds: int) -> bytes:
    return a_sequence(b"\x04\x01s", b"\x02\x04" + rounds.to_bytes(4))


def refusal(container: bytes) -> str:
    with pytest.raises(KmipError) as refused:
        read_container(container, b"password")
    return refused.value.message


def test_rounds_are_counted_together() -> None:
    few, many = salted(600_000), salted(MAXIMUM_ROUNDS // 2)

    assert "rounds" not in refusal(a_sequence(few, few, few))  # it is no container, but not for that
    assert "rounds" in refusal(a_sequence(many, many, few))
    assert "rounds" in refusal(a_sequence(a_sequence(many), a_sequence(a_sequence(many), few)))


def test_scrypt_is_not_taken() -> None:
    assert "scrypt" in refusal(a_sequence(a_sequence(SCRYPT, salted(2))))


def explicit(*parts: bytes) -> bytes:
    """Return what content type and content stand in: [0] EXPLICIT around an OCTET STRING."""
    content = b"".join(parts)
    octets = bytes([0x04, len(content)]) + content
    return bytes([0xA0, len(octets)]) + octets


def test_what_is_inside_content_is_counted() -> None:
    many = salted(MAXIMUM_ROUNDS + 1)

    assert "rounds" in refusal(a_sequence(explicit(a_sequence(a_sequence(many)))))
    assert "not in DER" in refusal(a_sequence(explicit(b"\x30\x80", salted(2), b"\0\0")))


@pytest.mark.parametrize("octets", [b"\x24\x80", b"\x30\x80" + bytes(6), b"\x04\x01s\x02\x04\x7f\0\0\0", SCRYPT])
def test_salts_and_cipher_texts_are_no_structures(octets: bytes) -> None:
    string = bytes([0x04, len(octets)]) + octets
    told = refusal(a_sequence(a_sequence(a_sequence(string, b"\x02\x02\x08\0")), string))

    assert told == "the material is not a PKCS#12 container that can be read"


def test_a_string_in_pieces_is_not_der() -> None:
    assert "not in DER" in refusal(a_sequence(b"\xa0\x07\x24\x05\x04\x01\x30\x04\x00"))
