"""What every listener promises (`kmip_core.ports.transport`), on that of TTLV and that of HTTPS, on both loops."""

import itertools
import ssl

import pytest

from kmip_app.testing.contracts.listener import *  # noqa: F403  the promises, with the `bench` of this module
from tests.contract.listeners import Carriage, OverHttps, OverTtlv, TlsBench

CARRIAGES: list[tuple[str, Carriage]] = [("TTLV", OverTtlv()), ("HTTPS", OverHttps())]
VERSIONS = [("TLS 1.2", ssl.TLSVersion.TLSv1_2), ("TLS 1.3", ssl.TLSVersion.TLSv1_3)]
LOOPS = ["asyncio", "uvloop"]
USUAL = {("TTLV", "TLS 1.3", "uvloop"), ("HTTPS", "TLS 1.3", "asyncio")}
"""Those that a plain `pytest` runs too."""


def _marks(*names: str) -> tuple[pytest.MarkDecorator, ...]:
    return () if names in USUAL else (pytest.mark.long,)


@pytest.fixture(
    params=[
        pytest.param((carriage, version, loop), id=f"{name} in {title} on {loop}", marks=_marks(name, title, loop))
        for (name, carriage), (title, version), loop in itertools.product(CARRIAGES, VERSIONS, LOOPS)
    ]
)
def bench(request: pytest.FixtureRequest) -> TlsBench:
    carriage, version, loop = request.param
    loops = pytest.importorskip(loop, reason="`pip install uvloop` makes this run")
    return TlsBench(carriage, version, loops.new_event_loop)
