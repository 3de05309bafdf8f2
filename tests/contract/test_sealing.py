"""What every sealer and every root key promise (`kmip_core.ports.sealing`)."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from kmip_adapters.sealing.command_key import CommandWrapper
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.sealing.passphrase import Passphrase
from kmip_adapters.sealing.token_key import TokenKeySource
from kmip_adapters.sealing.wrapped_key import WrappedKeySource
from kmip_app.configuration.root_keys import RootKeyKind
from kmip_app.kmip_root_key import KmipWrapper
from kmip_app.testing.contracts.root_keys import *  # noqa: F403  the promises, with the `source` of this module
from kmip_core.ports.sealing import (
    RootKeySource,
)
from tests.root_keys import a_wrapping_program, another_server, shared_token

SOURCES: list[tuple[str, Callable[[Path], RootKeySource]]] = [
    ("key_file", lambda directory: KeyFile(directory / "root.key")),
    ("passphrase", lambda directory: Passphrase(lambda: b"correct horse battery", cost=10)),
    ("pkcs11", lambda directory: TokenKeySource(shared_token(), secrets.token_hex(8))),
    ("kmip", lambda directory: WrappedKeySource(KmipWrapper(another_server()))),
    ("command", lambda directory: WrappedKeySource(CommandWrapper(a_wrapping_program(directory)))),
]


def test_every_adapter_of_the_container_is_held_to_the_contract() -> None:
    assert {name for name, _ in SOURCES} == set(get_args(RootKeyKind))


@pytest.fixture(params=[make for _, make in SOURCES], ids=[name for name, _ in SOURCES])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> RootKeySource:
    made: RootKeySource = request.param(tmp_path)
    return made
