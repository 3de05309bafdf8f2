"""One key, nothing around it: what is sealed opens again, and only where it belongs."""

from pathlib import Path

import pytest

from kmip_adapters.sealing.direct import DirectSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_core.ports.sealing import SealBroken


def test_a_sealed_secret_opens_after_a_restart(tmp_path: Path) -> None:
    sealed = DirectSealer(KeyFile(tmp_path / "key")).seal(b"secret", b"here")

    assert DirectSealer(KeyFile(tmp_path / "key")).unseal(sealed, b"here") == b"secret"
    assert b"secret" not in sealed


@pytest.mark.parametrize(
    ("place", "damage"),
    [pytest.param(b"there", 0, id="fail elsewhere"), pytest.param(b"here", 1, id="fail damaged")],
)
def test_a_sealed_secret_that_was_moved_or_changed_does_not_open(tmp_path: Path, place: bytes, damage: int) -> None:
    sealer = DirectSealer(KeyFile(tmp_path / "key"))
    sealed = bytearray(sealer.seal(b"secret", b"here"))
    sealed[-1] ^= damage

    with pytest.raises(SealBroken):
        sealer.unseal(bytes(sealed), place)
