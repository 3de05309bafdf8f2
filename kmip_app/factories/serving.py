"""The event loop, and what the server sends to clients."""

import asyncio
from collections.abc import Callable

from kmip_adapters.transport.connected_client import Identify
from kmip_adapters.transport.dialling import dial, dialling_context
from kmip_adapters.transport.refusals import Refusal
from kmip_adapters.transport.tls.suites import choose_offer
from kmip_adapters.ttlv.codec import Codec
from kmip_app.configuration.config import Configuration
from kmip_app.factories.messages import new_answer_framer
from kmip_app.factories.tls import read_key_passphrase
from kmip_app.pki.tls_files import TlsFiles
from kmip_app.pushing.dispatcher import Dispatcher, Store
from kmip_core.engine import Engine
from kmip_core.ports.transport import Peer, PeerLost
from kmip_core.settings import Settings
from kmip_core.subscriptions import Announcer, Subscription


def choose_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the event loop: uvloop's where the extra `fast` is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    new_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return new_loop


def make_announcer(configuration: Configuration, settings: Settings) -> Announcer | None:
    """Return what collects notices; None where clients are sent none."""
    return Announcer(limit=configuration.notices.queue) if settings.server_to_client else None


def make_dispatcher(
    configuration: Configuration,
    *,
    storage: Store,
    engine: Engine,
    announcer: Announcer | None,
    codec: Codec,
    identify: Identify,
    files: Callable[[], TlsFiles],
    holder: str,
    record: Callable[[Refusal], None],
) -> Dispatcher:
    """Return what delivers notices, over connections that it opens with the server's own certificates.

    record: takes evidence of clients that are refused.
    """

    def connect(subscription: Subscription) -> Peer:
        found = files()
        try:
            context = dialling_context(
                server_certificates=[(s.certificate, s.key) for s in found.servers],
                key_passphrase=read_key_passphrase(configuration),
                client_ca=found.ca,
                client_crl=found.crl if found.crl is not None and found.crl.exists() else None,
                ciphers=choose_offer(configuration.auth_suite, configuration.tls_cipher_suites).ciphers,
            )
        except OSError as error:
            raise PeerLost(f"the certificates of this server cannot be used: {error.strerror}") from error
        seconds = configuration.notices.answer
        return dial(subscription.url or "", subscription.name, context, identify, new_answer_framer(), seconds)

    return Dispatcher(
        store=storage,
        engine=engine,
        announcer=announcer or Announcer(),
        codec=codec,
        dial=connect,
        holder=holder,
        limits=configuration.notices,
        record=record,
    )
