"""The root key changes on line, and a crash at any point leaves a store that opens."""

from pathlib import Path

import pytest

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.sealing.rotation import rotate_root_key
from kmip_core.ports.sealing import RootKeyUnavailable, WrappedDataKey
from tests.contract.test_sealing import DataKeysInMemory


class Crash(Exception):
    """The process ended here."""


class CrashesBefore(DataKeysInMemory):
    def rewrap(self, data_keys: tuple[WrappedDataKey, ...]) -> bool:
        raise Crash


class CrashesAfter(DataKeysInMemory):
    def rewrap(self, data_keys: tuple[WrappedDataKey, ...]) -> bool:
        super().rewrap(data_keys)
        raise Crash


@pytest.fixture
def key_file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "root.key")


def test_everything_opens_after_a_rotation_and_nothing_with_the_old_key(key_file: KeyFile, tmp_path: Path) -> None:
    keys = DataKeysInMemory()
    sealer = EnvelopeSealer(key_file, keys, maximum_uses=1, reserved_uses=1)
    sealed = [sealer.seal(b"secret", b"") for _ in range(3)]
    (tmp_path / "old.key").write_text(key_file.path.read_text())

    new = rotate_root_key(key_file, keys)

    again = EnvelopeSealer(key_file, keys)
    assert new == again.root_key_id
    assert [again.unseal(value, b"") for value in sealed] == [b"secret"] * 3
    assert not key_file.successor.path.exists()
    with pytest.raises(RootKeyUnavailable, match=new):
        EnvelopeSealer(KeyFile(tmp_path / "old.key"), keys)


def test_a_running_sealer_goes_over_to_the_new_root_key(key_file: KeyFile) -> None:
    keys = DataKeysInMemory()
    running = EnvelopeSealer(key_file, keys, maximum_uses=1, reserved_uses=1)
    sealed = [running.seal(b"secret", b"")]
    new = rotate_root_key(key_file, keys)

    sealed.append(running.seal(b"secret", b""))

    assert new == running.root_key_id
    assert {new} == {key.root_key_id for key in keys.keys}
    assert all(EnvelopeSealer(key_file, keys).unseal(value, b"") == b"secret" for value in sealed)


@pytest.mark.parametrize("crashing", [CrashesBefore, CrashesAfter])
def test_a_crash_leaves_a_store_that_opens_and_rotates(key_file: KeyFile, crashing: type[DataKeysInMemory]) -> None:
    keys = crashing()
    sealed = EnvelopeSealer(key_file, keys).seal(b"secret", b"")
    with pytest.raises(Crash):
        rotate_root_key(key_file, keys)

    whole = DataKeysInMemory()
    whole.keys = keys.keys
    assert EnvelopeSealer(key_file, whole).unseal(sealed, b"") == b"secret"
    rotate_root_key(key_file, whole)
    assert EnvelopeSealer(key_file, whole).unseal(sealed, b"") == b"secret"
    assert not key_file.successor.path.exists()


def test_a_new_data_key_is_used_from_then_on(key_file: KeyFile) -> None:
    sealer = EnvelopeSealer(key_file, DataKeysInMemory())
    before = sealer.seal(b"secret", b"")
    assert sealer.is_current(before)

    sealer.begin_data_key()

    assert not sealer.is_current(before)
    assert sealer.is_current(sealer.seal(b"secret", b""))
    assert sealer.unseal(before, b"") == b"secret"
