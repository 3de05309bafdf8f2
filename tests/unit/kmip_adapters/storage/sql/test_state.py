"""The state that a store of SQL tells: none while it is sealed."""

from functools import partial
from pathlib import Path

import pytest

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.testing.contracts.samples import a_key
from kmip_app.testing.contracts.storage.support import found, put


def test_a_store_that_is_sealed_tells_no_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SqlStorage(f"sqlite:///{tmp_path}/kmipd.db", partial(EnvelopeSealer, KeyFile(tmp_path / "root.key")))
    put(store, a_key("k1"))
    found(store, "k1")
    assert store.state() is not None

    with monkeypatch.context() as sealed:
        sealed.setattr(EnvelopeSealer, "is_open", property(lambda sealer: False))
        assert store.state() is None
    store.close()
