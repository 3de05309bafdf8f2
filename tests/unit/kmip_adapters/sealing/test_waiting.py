"""A thread that must not wait for the store seals without it, or says that another thread must."""

import threading
from pathlib import Path

import pytest

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_core.ports.steps import TakesLong
from tests.contract.test_sealing import DataKeysInMemory


class Distant(DataKeysInMemory):
    """Data keys that threads must not wait for while `is_distant`; they can be kept waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.is_distant = False
        self.is_asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()

    def check_wait(self) -> None:
        if self.is_distant:
            raise TakesLong

    def reserve(self, data_key_id: int, count: int) -> int | None:
        self.is_asked.set()
        assert self.may_answer.wait(120)
        return super().reserve(data_key_id, count)


@pytest.fixture
def keys() -> Distant:
    return Distant()


@pytest.fixture
def sealer(keys: Distant, tmp_path: Path) -> EnvelopeSealer:
    sealer = EnvelopeSealer(KeyFile(tmp_path / "root.key"), keys, reserved_uses=2)
    sealer.seal(b"first", b"")
    return sealer


def test_seals_that_are_counted_already_need_no_store(sealer: EnvelopeSealer, keys: Distant) -> None:
    keys.is_distant = True

    assert sealer.unseal(sealer.seal(b"secret", b""), b"") == b"secret"
    for seal in (lambda: sealer.seal(b"secret", b""), lambda: sealer.seal_record(b"", b"")):
        with pytest.raises(TakesLong):
            seal()

    keys.is_distant = False
    assert sealer.unseal(sealer.seal(b"secret", b""), b"") == b"secret"


def test_a_data_key_of_another_server_needs_the_store(sealer: EnvelopeSealer, keys: Distant, tmp_path: Path) -> None:
    other = EnvelopeSealer(KeyFile(tmp_path / "root.key"), keys)
    other.begin_data_key()
    content, record = other.seal(b"secret", b""), other.seal_record(b"hidden", b"record")
    keys.is_distant = True

    for opened in (lambda: sealer.unseal(content, b""), lambda: sealer.open_record(record, b"record"), sealer.renew):
        with pytest.raises(TakesLong):
            opened()

    keys.is_distant = False
    assert sealer.unseal(content, b"") == b"secret"
    assert sealer.open_record(record, b"record") == b"hidden"


def test_a_thread_that_must_not_wait_does_not_wait_for_one_that_does(sealer: EnvelopeSealer, keys: Distant) -> None:
    sealer.seal(b"the last that is counted", b"")
    keys.may_answer.clear()
    waiting = threading.Thread(target=sealer.seal, args=(b"secret", b""))
    waiting.start()
    assert keys.is_asked.wait(120)
    keys.is_distant = True

    with pytest.raises(TakesLong):
        sealer.seal(b"secret", b"")

    keys.is_distant = False
    keys.may_answer.set()
    waiting.join(120)
    assert not waiting.is_alive()
