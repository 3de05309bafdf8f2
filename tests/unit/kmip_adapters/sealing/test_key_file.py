"""The key file: made whole and private, never replaced, and readable by people."""

import logging
import threading
from pathlib import Path

import pytest

from kmip_adapters.sealing.key_file import KeyFile, RawRootKey
from kmip_core.ports.sealing import RootKeyUnavailable


def test_the_file_is_private_and_says_what_it_is(tmp_path: Path) -> None:
    key = KeyFile(tmp_path / "root.key").open(None)

    assert (tmp_path / "root.key").stat().st_mode == 0o100600
    assert key.root_key_id in (tmp_path / "root.key").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["root.key"]


def test_of_many_first_starts_one_makes_the_key(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)
    identifiers: list[str] = []

    def start() -> None:
        barrier.wait(120)
        identifiers.append(KeyFile(tmp_path / "root.key").open(None).root_key_id)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert len(identifiers) == 8
    assert len(set(identifiers)) == 1


@pytest.mark.parametrize(
    "text", ["", "# kmipd root key\n", "00" * 31, "00" * 33, "zz" * 32, "\xe9"], ids=lambda text: repr(text[:8])
)
def test_a_file_that_is_no_key_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "root.key"
    path.write_text(text)

    with pytest.raises(RootKeyUnavailable, match="64 hexadecimal digits"):
        KeyFile(path).open(None)
    assert text == path.read_text()


def test_a_file_that_others_can_read_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "root.key"
    KeyFile(path).open(None)
    path.chmod(0o640)

    with caplog.at_level(logging.WARNING):
        KeyFile(path).open(None)
    assert "chmod 600" in caplog.text


def test_a_root_key_shows_its_identifier_only() -> None:
    key = RawRootKey(bytes(range(32)))

    assert f"RawRootKey({key.root_key_id})" == repr(key)
    assert bytes(range(8)).hex() not in repr(key)
