"""What every root key promises (`kmip_core.ports.sealing`), alone and under a sealer; wanted: a fixture `source`."""

from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile, RawRootKey
from kmip_core.ports.sealing import (
    RootKeySource,
    RootKeyUnavailable,
    SealBroken,
    WrappedDataKey,
)


class DataKeysInMemory:
    """Data keys that are kept in a list."""

    def __init__(self) -> None:
        self.keys: list[WrappedDataKey] = []

    def check_wait(self) -> None:
        pass

    def load(self) -> tuple[WrappedDataKey, ...]:
        return tuple(self.keys)

    def add(self, data_key: WrappedDataKey) -> bool:
        if any(k.data_key_id == data_key.data_key_id or k.root_key_id != data_key.root_key_id for k in self.keys):
            return False
        self.keys.append(data_key)
        return True

    def reserve(self, data_key_id: int, count: int) -> int | None:
        number = next((n for n, key in enumerate(self.keys) if key.data_key_id == data_key_id), None)
        if number is None:
            return None
        self.keys[number] = evolve(self.keys[number], uses=self.keys[number].uses + count)
        return self.keys[number].uses

    def retire(self, newest: int) -> int:
        if self.keys[-1].data_key_id != newest:
            return 0
        before, self.keys = self.keys, self.keys[-1:]
        return len(before) - 1

    def rewrap(self, data_keys: tuple[WrappedDataKey, ...]) -> bool:
        if {key.data_key_id for key in data_keys} != {key.data_key_id for key in self.keys}:
            return False
        self.keys = list(data_keys)
        return True


# --- root keys ------------------------------------------------------------------------------------------------------


def test_a_root_key_is_made_once_and_found_again(source: RootKeySource) -> None:
    made = source.open(None)

    assert made.root_key_id == source.open(None).root_key_id == source.open(made.root_key_id).root_key_id
    assert source.open(made.root_key_id).unwrap(made.wrap(b"data key", b"id"), b"id") == b"data key"


def test_a_wanted_root_key_is_never_replaced_by_a_new_one(source: RootKeySource) -> None:
    with pytest.raises(RootKeyUnavailable, match="feedbeef"):
        source.open("feedbeef")
    with pytest.raises(RootKeyUnavailable, match="feedbeef"):
        source.open("feedbeef")
    source.open(None)
    with pytest.raises(RootKeyUnavailable, match="feedbeef"):
        source.open("feedbeef")


def test_a_wrapped_key_opens_only_with_its_associated_data_and_unchanged(source: RootKeySource) -> None:
    root_key = source.open(None)
    wrapped = root_key.wrap(b"k" * 32, b"1")

    with pytest.raises(SealBroken):
        root_key.unwrap(wrapped, b"2")
    for position in {*range(0, len(wrapped), 8), len(wrapped) - 1}:
        with pytest.raises(SealBroken):
            root_key.unwrap(_flipped(wrapped, position), b"1")
    with pytest.raises(SealBroken):
        root_key.unwrap(b"", b"1")


# --- sealers --------------------------------------------------------------------------------------------------------


def a_sealer(source: RootKeySource, keys: DataKeysInMemory | None = None, **limits: int) -> EnvelopeSealer:
    return EnvelopeSealer(source, DataKeysInMemory() if keys is None else keys, **limits)


def test_a_sealed_secret_opens_again_in_another_process_too(source: RootKeySource) -> None:
    keys = DataKeysInMemory()
    sealed = a_sealer(source, keys).seal(b"secret", b"id")

    assert a_sealer(source, keys).unseal(sealed, b"id") == b"secret"
    assert b"secret" not in sealed


def test_every_seal_is_different(source: RootKeySource) -> None:
    sealer = a_sealer(source)

    assert len({sealer.seal(b"", b"") for _ in range(1_000)}) == 1_000


def test_every_flipped_byte_and_every_shortening_is_noticed(source: RootKeySource) -> None:
    sealer = a_sealer(source)
    sealed = sealer.seal(b"a secret", b"id")

    for position in range(len(sealed)):
        with pytest.raises(SealBroken):
            sealer.unseal(_flipped(sealed, position), b"id")
        with pytest.raises(SealBroken):
            sealer.unseal(sealed[:position], b"id")


def test_a_value_moved_to_another_object_does_not_open(source: RootKeySource) -> None:
    sealer = a_sealer(source)

    with pytest.raises(SealBroken):
        sealer.unseal(sealer.seal(b"secret", b"mine"), b"yours")


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_any_bytes_come_back(plaintext: bytes, associated_data: bytes) -> None:
    assert plaintext == _SEALER.unseal(_SEALER.seal(plaintext, associated_data), associated_data)


def test_uses_are_counted_before_they_happen_and_bounded(source: RootKeySource) -> None:
    keys = DataKeysInMemory()
    sealer = a_sealer(source, keys, maximum_uses=6, reserved_uses=2)

    sealed = [sealer.seal(b"secret", b"") for _ in range(13)]

    under = [value[1:5] for value in sealed]
    assert [under.count(n.to_bytes(4)) for n in (1, 2, 3)] == [6, 6, 1]
    assert keys.keys[-1].uses == 2
    assert all(sealer.unseal(value, b"") == b"secret" for value in sealed)


def test_a_restart_wastes_a_reservation_and_reuses_none(source: RootKeySource) -> None:
    keys = DataKeysInMemory()
    for _ in range(3):
        a_sealer(source, keys, maximum_uses=6, reserved_uses=2).seal(b"", b"")

    assert [key.uses for key in keys.keys] == [6]


def test_two_servers_on_one_store_open_each_others_seals(source: RootKeySource) -> None:
    keys = DataKeysInMemory()
    one, other = (a_sealer(source, keys, maximum_uses=2, reserved_uses=1) for _ in range(2))

    sealed = [sealer.seal(b"secret", b"") for _ in range(4) for sealer in (one, other)]

    assert all(sealer.unseal(value, b"") == b"secret" for value in sealed for sealer in (one, other))
    assert len(sealed) <= sum(min(key.uses, 2) for key in keys.keys)


def test_a_server_goes_on_under_the_newest_key_when_its_own_was_retired(source: RootKeySource) -> None:
    keys = DataKeysInMemory()
    running = a_sealer(source, keys, maximum_uses=10, reserved_uses=1)
    before = running.seal(b"secret", b"")
    other = a_sealer(source, keys)
    newest = other.begin_data_key()
    assert not other.is_current(before)
    assert keys.retire(newest) == 1

    after = running.seal(b"secret", b"")

    assert (running.data_key_of(before), running.data_key_of(after)) == (newest - 1, newest)
    assert other.unseal(after, b"") == b"secret"
    assert a_sealer(source, keys).unseal(after, b"") == b"secret"
    with pytest.raises(SealBroken):
        a_sealer(source, keys).unseal(before, b"")


def test_a_sealer_that_is_to_renew_seals_under_the_newest_key(source: RootKeySource) -> None:
    keys = DataKeysInMemory()
    running = a_sealer(source, keys)
    running.seal(b"secret", b"")
    newest = a_sealer(source, keys).begin_data_key()

    running.renew()

    assert running.data_key_of(running.seal(b"secret", b"")) == newest


def test_the_wrong_root_key_stops_the_start_and_names_the_right_one(source: RootKeySource, tmp_path: Path) -> None:
    keys = DataKeysInMemory()
    sealer = a_sealer(source, keys)
    sealer.seal(b"", b"")

    with pytest.raises(RootKeyUnavailable, match=sealer.root_key_id):
        a_sealer(KeyFile(tmp_path / "other.key"), keys)
    KeyFile(tmp_path / "other.key").open(None)
    with pytest.raises(RootKeyUnavailable, match=sealer.root_key_id):
        a_sealer(KeyFile(tmp_path / "other.key"), keys)


def test_a_damaged_data_key_stops_the_start(source: RootKeySource) -> None:
    keys = DataKeysInMemory()
    a_sealer(source, keys).seal(b"", b"")
    keys.keys[0] = evolve(keys.keys[0], wrapped=_flipped(keys.keys[0].wrapped, 20))

    with pytest.raises(SealBroken):
        a_sealer(source, keys)


def _flipped(value: bytes, position: int) -> bytes:
    return value[:position] + bytes([value[position] ^ 1]) + value[position + 1 :]


class _FixedSource:
    """A root key source without a file, for the property test, which has no directory of its own."""

    def open(self, _: str | None) -> RawRootKey:
        return RawRootKey(bytes(range(32)))


_SEALER = EnvelopeSealer(_FixedSource(), DataKeysInMemory())
