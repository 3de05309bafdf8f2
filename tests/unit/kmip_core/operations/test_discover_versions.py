"""Discover Versions and Ping."""

import pytest

from kmip_core.enums import Operation
from kmip_core.operations import discover_versions, ping
from kmip_core.structures import ProtocolVersion
from tests.builders import CAPABILITIES, an_engine, perform

V1_0, V1_4, V2_1 = ProtocolVersion(1, 0), ProtocolVersion(1, 4), ProtocolVersion(2, 1)


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        pytest.param((), CAPABILITIES.protocol_versions, id="ok all"),
        pytest.param((V1_0, V2_1), (V2_1, V1_0), id="ok newest first"),
        pytest.param((V1_4, ProtocolVersion(9, 9)), (V1_4,), id="ok common"),
        pytest.param((ProtocolVersion(9, 9),), (), id="ok none"),
    ],
)
def test_discover_versions_returns_what_both_speak(
    named: tuple[ProtocolVersion, ...], expected: tuple[ProtocolVersion, ...]
) -> None:
    request = discover_versions.Request(protocol_versions=named)

    answer = perform(an_engine(), Operation.DISCOVER_VERSIONS, request)

    assert answer == discover_versions.Response(protocol_versions=expected)


def test_ping_is_answered() -> None:
    assert perform(an_engine(), Operation.PING, ping.Request()) == ping.Response()
