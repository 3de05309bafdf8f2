"""Which clients have connected: with which certificate, from where, when last. Bounded; the oldest are forgotten."""

import datetime as dt
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from cryptography import x509

from kmip_adapters.transport.connected_client import Identify
from kmip_core.classes import frozen
from kmip_core.principal import Principal

REMEMBERED: Final = 1_000
"""Certificates; as many label values may the metric of their days have."""


@frozen(kw_only=True)
class SeenClient:
    """One certificate that has been used.  not_after, last_seen: seconds since 1970-01-01 UTC."""

    name: str
    serial: str
    address: str
    not_after: float
    last_seen: float


class SeenClients:
    """Identifies as `identify` does, and remembers who it was. Re-entrant."""

    def __init__(self, identify: Identify, now: Callable[[], float] = time.time) -> None:
        self._identify = identify
        self._now = now
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, str], SeenClient] = OrderedDict()

    def __call__(self, certificate: bytes | None, address: str, chain: tuple[bytes, ...] = ()) -> Principal:
        """Return who presented `certificate`.  Raises KmipError (Authentication Not Successful)."""
        principal = self._identify(certificate, address, chain)
        if certificate is not None:
            self._note(certificate, principal, address)
        return principal

    def all(self) -> tuple[SeenClient, ...]:
        """Return those that are remembered, the one seen last at the end."""
        with self._lock:
            return tuple(self._seen.values())

    def _note(self, certificate: bytes, principal: Principal, address: str) -> None:
        key = (principal.name, principal.certificate_serial)
        with self._lock:
            known = self._seen.pop(key, None)
            not_after = _not_after(certificate) if known is None else known.not_after
            self._seen[key] = SeenClient(
                name=principal.name,
                serial=principal.certificate_serial,
                address=address,
                not_after=not_after,
                last_seen=self._now(),
            )
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)


def _not_after(certificate: bytes) -> float:
    end: dt.datetime = x509.load_der_x509_certificate(certificate).not_valid_after_utc
    return end.timestamp()
