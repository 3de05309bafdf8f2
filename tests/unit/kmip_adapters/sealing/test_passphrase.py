"""A root key from a passphrase: the same passphrase and the store's own word for the key make the same key."""

from pathlib import Path

import pytest

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.sealing.passphrase import Passphrase
from kmip_adapters.sealing.rotation import change_root_key
from kmip_core.ports.sealing import RootKeyUnavailable
from tests.contract.test_sealing import DataKeysInMemory

WORDS = b"correct horse battery"


def a_passphrase(words: bytes = WORDS) -> Passphrase:
    return Passphrase(lambda: words, cost=10)


def test_another_start_makes_the_same_key_from_the_same_words() -> None:
    made = a_passphrase().open(None)

    again = a_passphrase(WORDS + b"\r\n").open(made.root_key_id)
    assert again.root_key_id == made.root_key_id
    assert again.unwrap(made.wrap(b"data key", b"1"), b"1") == b"data key"


def test_two_stores_under_one_passphrase_have_different_keys() -> None:
    one, other = a_passphrase().open(None), a_passphrase().open(None)

    assert one.root_key_id != other.root_key_id


def test_the_words_are_read_once() -> None:
    asked: list[None] = []
    source = Passphrase(lambda: asked.append(None) or WORDS, cost=10)
    source.open(source.open(None).root_key_id)
    a_passphrase().open(None)

    assert len(asked) == 1


def test_other_words_are_refused_and_the_key_is_named() -> None:
    wanted = a_passphrase().open(None).root_key_id

    with pytest.raises(RootKeyUnavailable, match=f"{wanted}.*give the right one"):
        a_passphrase(b"wrong horse battery").open(wanted)


@pytest.mark.parametrize("words", [b"", b"short\n", b"x" * 5000], ids=len)
def test_words_of_no_use_are_refused(words: bytes) -> None:
    with pytest.raises(RootKeyUnavailable, match="12 to 4096 bytes"):
        a_passphrase(words).open(None)


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param("scrypt-21-" + "0" * 32 + "-" + "0" * 16, id="more memory than a start may take"),
        pytest.param("scrypt-9-" + "0" * 32 + "-" + "0" * 16, id="less work than anybody asks"),
        pytest.param("feedbeef", id="a key file's"),
    ],
)
def test_a_key_that_no_passphrase_makes_is_refused(wanted: str) -> None:
    with pytest.raises(RootKeyUnavailable, match="no passphrase makes"):
        a_passphrase().open(wanted)


def test_a_store_changes_over_from_a_file_to_a_passphrase_and_back(tmp_path: Path) -> None:
    keys = DataKeysInMemory()
    key_file, passphrase = KeyFile(tmp_path / "root.key"), a_passphrase()
    sealed = EnvelopeSealer(key_file, keys).seal(b"secret", b"")

    wanted = change_root_key(key_file, passphrase, keys)
    assert EnvelopeSealer(a_passphrase(), keys).unseal(sealed, b"") == b"secret"
    with pytest.raises(RootKeyUnavailable, match=f"{wanted}.*holds"):
        EnvelopeSealer(key_file, keys)
    change_root_key(passphrase, key_file, keys)
    assert EnvelopeSealer(key_file, keys).unseal(sealed, b"") == b"secret"
