"""The setting of the protocol versions that are spoken."""

from pathlib import Path
from typing import Any

import pytest

from kmip_adapters.ttlv.standard.versions import VERSIONS
from kmip_app.configuration.config import Configuration
from kmip_app.configuration.versions import PROTOCOL_VERSIONS
from kmip_app.container import build
from kmip_core.structures import ProtocolVersion

V12, V21 = ProtocolVersion(1, 2), ProtocolVersion(2, 1)


@pytest.mark.parametrize(
    "value",
    ["1.2, 2.1", "2.1 1.2", "1.2\n2.1", "2.1,1.2,2.1", ["1.2", "2.1"], (V21, V12), {"2.1": 1, "1.2": 2}],
    ids=repr,
)
def test_versions_are_read_in_any_layout(value: Any) -> None:
    assert PROTOCOL_VERSIONS.read(value) == (V12, V21)


def test_one_version_is_a_list_of_one() -> None:
    assert PROTOCOL_VERSIONS.read("1.2") == PROTOCOL_VERSIONS.read(V12) == (V12,)


@pytest.mark.parametrize("value", ["", " , ", "1.5", "2", "1.2, 9.9", "all", 2.1, None, [], [1.2]], ids=repr)
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"1\.0, 1\.1|list of names"):
        PROTOCOL_VERSIONS.read(value)


def test_written_versions_are_read_as_the_same_versions() -> None:
    assert PROTOCOL_VERSIONS.read(PROTOCOL_VERSIONS.write(VERSIONS)) == VERSIONS


def test_a_server_speaks_the_versions_of_its_setting(tmp_path: Path) -> None:
    container = build(Configuration(data_directory=tmp_path, ephemeral=True, versions=(V12, V21)))

    assert container.codec().versions == (V12, V21)
    assert container.services().capabilities.protocol_versions == (V21, V12)


def test_every_version_is_spoken_by_default_and_the_newest_comes_first(tmp_path: Path) -> None:
    container = build(Configuration(data_directory=tmp_path, ephemeral=True))

    assert container.codec().versions == VERSIONS
    assert container.services().capabilities.protocol_versions == tuple(reversed(VERSIONS))
    assert str(container.services().capabilities.protocol_versions[0]) == "3.0"
