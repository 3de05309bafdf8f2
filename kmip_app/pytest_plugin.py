"""Fixtures for tests of a KMIP client: `kmip_server` and `kmip_server_factory`.

pytest imports this module wherever kmipd is installed (entry point `pytest11`), so that it must cost nothing: what a
server needs is imported by the first test that wants one. docs/testing-clients.md is the manual.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kmip_app.testing import KmipServerFactory, KmipTestServer

# So that a promise that is not kept says what was found instead, as tests of one's own do.
pytest.register_assert_rewrite("kmip_app.testing.contracts")


@pytest.fixture(scope="session")
def kmip_server_factory() -> "Iterator[KmipServerFactory]":
    """Start KMIP servers with settings of your own: `kmip_server_factory(auth_suite="TLS1.2")`.

    Each is a `kmip_app.testing.KmipTestServer`; it ends with the session, or with a `with` block around it.
    """
    from kmip_app.testing import KmipTestServer

    with ExitStack() as servers:

        def start(*, own_ca: bool = False, **settings: Any) -> KmipTestServer:
            return servers.enter_context(KmipTestServer(own_ca=own_ca, **settings))

        yield start


@pytest.fixture(scope="session")
def kmip_server(kmip_server_factory: "KmipServerFactory") -> "KmipTestServer":
    """Return a running KMIP server with throw-away certificates; `kmip_server.reset()` empties it between tests."""
    return kmip_server_factory()
