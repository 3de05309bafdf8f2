"""A server over a service small enough to see through, and certificates, for tests of the transports."""

import asyncio
import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

from kmip_adapters.identity.certificate import CertificateIdentity
from kmip_adapters.transport.connected_client import Identify
from kmip_adapters.transport.limits import TransportLimits
from kmip_adapters.transport.rates import Allowance
from kmip_adapters.transport.refusals import Refusal
from kmip_adapters.transport.server import TlsTtlvServer
from kmip_adapters.transport.tls.context import build_ssl_context
from kmip_app.pki.authority import Pki, ensure_pki
from kmip_app.testing.contracts.listener.service import LONGEST, FakeFramer, FakeService, request, response

__all__ = [
    "LONGEST",
    "FakeFramer",
    "FakeService",
    "a_server",
    "request",
    "response",
    "throwaway_pki",
]


@functools.cache
def _folder(name: str) -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix=f"kmipd-{name}-")  # removed when the interpreter ends


@functools.cache
def throwaway_pki(name: str = "ours") -> Pki:
    """One PKI a test process and name."""
    return ensure_pki(Path(_folder(name).name))


def a_server(
    service: FakeService | None = None,
    *,
    pki: Pki | None = None,
    host: str = "127.0.0.1",
    identity: Identify | None = None,
    limits: TransportLimits | None = None,
    port: int = 0,
    new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
    https_port: int | None = None,
    maximum_https_body: int = LONGEST,
    allowance_of: Callable[[str], Allowance] | None = None,
    record: Callable[[Refusal], None] | None = None,
) -> TlsTtlvServer:
    pki = pki or throwaway_pki()
    service = service or FakeService()
    return TlsTtlvServer(
        service=service,
        https_port=https_port,
        https_services=dict.fromkeys(("application/octet-stream", "application/json", "text/xml"), service),
        maximum_https_body=maximum_https_body,
        allowance_of=allowance_of,
        record=record,
        new_framer=FakeFramer,
        identify=identity or CertificateIdentity(),
        ssl_context=build_ssl_context(
            server_certificates=[(bundle.certificate, bundle.key) for bundle in pki.servers],
            client_ca=pki.ca.certificate,
        ),
        host=host,
        port=port,
        limits=limits,
        new_loop=new_loop,
    )
