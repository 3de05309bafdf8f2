"""PKCS#12: what a container may cost, judged before its password is tried."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from kmip_adapters.crypto.software.limits import MAXIMUM_CONTAINER_ROUNDS
from kmip_adapters.crypto.software.pkcs12 import read_container
from kmip_core.errors import KmipError

NO_CONTAINER = "the material is not a PKCS#12 container that can be read"
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
    few, many = salted(600_000), salted(MAXIMUM_CONTAINER_ROUNDS // 2)

    assert "iterations" not in refusal(a_sequence(few, few, few))  # it is no container, but not for that
    assert "iterations" in refusal(a_sequence(many, many, few))
    assert "iterations" in refusal(a_sequence(a_sequence(many), a_sequence(a_sequence(many), few)))


@pytest.mark.parametrize("counts", [(2_000_000,), (600_000, 600_000, 800_000)], ids=["one count", "three counts"])
def test_two_million_rounds_are_tried_and_not_one_more(
    counts: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take 0.2 s in a process that has three; the finding was ten million, in a thread of the server."""
    tried = []

    def load(container: bytes, _: bytes) -> Any:
        tried.append(container)
        raise ValueError

    monkeypatch.setattr(pkcs12, "load_pkcs12", load)
    allowed = a_sequence(*map(salted, counts))

    assert "iterations" in refusal(a_sequence(*map(salted, (counts[0] + 1, *counts[1:]))))
    assert tried == []
    assert refusal(allowed) == NO_CONTAINER
    assert tried == [allowed]


def test_scrypt_is_not_taken() -> None:
    assert "scrypt" in refusal(a_sequence(a_sequence(SCRYPT, salted(2))))


def data(content: bytes, octet_string: int = 0x04) -> bytes:
    """Return a ContentInfo of type data, as containers nest them: what is in its OCTET STRING is structure again."""
    octets = bytes([octet_string, len(content)]) + content
    return a_sequence(bytes.fromhex("06092a864886f70d010701"), bytes([0xA0, len(octets)]) + octets)


def test_rounds_are_counted_inside_of_what_is_nested() -> None:
    assert "iterations" in refusal(a_sequence(data(a_sequence(data(salted(MAXIMUM_CONTAINER_ROUNDS + 1))))))


@pytest.mark.parametrize(
    "nested",
    [data(bytes.fromhex("3080") + salted(1) + bytes(2)), data(b"\x04\x01s", octet_string=0x24)],
    ids=["an indefinite length", "an OCTET STRING in pieces"],
)
def test_an_encoding_that_could_hide_rounds_is_refused(nested: bytes) -> None:
    assert "DER" in refusal(a_sequence(nested))


@pytest.mark.parametrize("cipher_text", ["3080", "2480", "3082", "06092b06010401da47040b", "0400020500ffffffff"])
def test_cipher_text_is_not_taken_for_structure(cipher_text: str) -> None:
    """Every seventieth container was refused, for what its encrypted key looked like."""
    octets = bytes.fromhex(cipher_text)
    shrouded = a_sequence(a_sequence(b"\x06\x01\x2a", salted(2)), bytes([0x04, len(octets)]) + octets)
    key_bag = a_sequence(b"\x06\x01\x2a", bytes([0xA0, len(shrouded)]) + shrouded)

    assert refusal(a_sequence(data(a_sequence(key_bag)))) == NO_CONTAINER
