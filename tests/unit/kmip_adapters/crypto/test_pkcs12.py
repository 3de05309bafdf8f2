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
