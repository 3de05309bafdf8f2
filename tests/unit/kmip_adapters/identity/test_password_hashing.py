"""Passwords are hashed by Argon2id, and hashes of other tools are checked within bounds of cost."""

import pytest

from kmip_adapters.identity.password_hashing import Argon2Hashing

HASHING = Argon2Hashing()


def test_a_hash_is_of_its_password_alone_and_never_the_same() -> None:
    encoded = HASHING.hash("correct horse")

    assert HASHING.is_hash(encoded)
    assert HASHING.verify(encoded, "correct horse")
    assert not HASHING.verify(encoded, "battery staple")
    assert "correct" not in encoded
    assert encoded != HASHING.hash("correct horse")
    assert encoded.startswith("$argon2id$v=19$m=65536,t=3,p=4$")  # "SECOND RECOMMENDED" of RFC 9106 section 4


def test_a_hash_of_another_tool_is_checked() -> None:
    argon2 = pytest.importorskip("argon2")
    encoded = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("correct horse")

    assert HASHING.verify(encoded, "correct horse")
    assert not HASHING.verify(encoded, "correct")


TAIL = "$c2FsdHNhbHRzYWx0c2FsdA$" + "A" * 43


@pytest.mark.parametrize(
    ("encoded", "is_hash"),
    [
        ("$argon2id$v=19$m=65536,t=3,p=4" + TAIL, True),
        ("$argon2id$v=19$m=262145,t=3,p=4" + TAIL, False),
        ("$argon2id$v=19$m=65536,t=11,p=4" + TAIL, False),
        ("$argon2id$v=19$m=65536,t=3,p=17" + TAIL, False),
        ("$argon2id$v=19$m=31,t=3,p=4" + TAIL, False),
        ("$argon2i$v=19$m=65536,t=3,p=4" + TAIL, False),
        ("$argon2id$v=19$m=65536,t=3,p=4$short$" + "A" * 43, False),
        ("plain", False),
        ("", False),
    ],
)
def test_only_argon2id_of_a_bearable_cost_is_a_hash(encoded: str, is_hash: bool) -> None:
    assert HASHING.is_hash(encoded) is is_hash
    assert not HASHING.verify(encoded, "p") or is_hash


def test_text_that_is_no_unicode_is_a_password_like_any_other() -> None:
    assert not HASHING.verify(HASHING.hash("\ud800"), "\ud801")
