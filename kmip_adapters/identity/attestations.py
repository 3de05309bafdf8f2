"""Attestations (kmip_core.ports.attestation): nonces that are not stored, and a verifier that judges what comes back.

A nonce's identifier is the time and random bytes; its value is a code over both and the name of the principal, under a
key of the store. So a flood of requests for nonces costs nothing, and every process on the store knows a nonce of any
other. What is stored is that one was used, as an allowance of a single try, until no process would accept it any more.
"""

import hmac
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Final, Protocol

from attrs import Factory, field

from kmip_core.classes import define, frozen
from kmip_core.enums import AttestationType, ResultReason
from kmip_core.errors import KmipError
from kmip_core.messages import Attestation, Nonce
from kmip_core.ports.allowances import Allowances, Charge
from kmip_core.ports.steps import MoveTo, Pace, Steps
from kmip_core.principal import Principal

LIFETIME: Final = 300  # seconds in which a nonce may come back
CLOCK_SKEW: Final = 60  # seconds by which the clocks of two nodes may differ
USED_FOR: Final = LIFETIME + 2 * CLOCK_SKEW
"""Seconds for which a used nonce is remembered: longer than the clock of any node accepts it."""

MAXIMUM_EVIDENCE: Final = 256 * 1024  # bytes of the measurement and the assertion together
ATTESTATIONS_AT_ONCE: Final = 100
MILLISECONDS_EACH: Final = 500
"""What one principal may have verified: a hundred at once, and two more in each second."""

PROCESSES: Final = 16
PROCESSES_OF_ONE: Final = 4
"""Attestations that are verified at the same time, in all and of one principal. Each takes a thread of its own."""

_STAMP: Final = 8  # bytes of the time in a Nonce ID
_RANDOM: Final = 16
_PURPOSE: Final = b"kmipd attestation nonce"


class Verifier(Protocol):
    """Judges evidence; may take seconds. Re-entrant."""

    def accepts(self, attestation: Attestation, principal: Principal) -> bool:
        """Return whether the evidence is right for its nonce; False where that cannot be found out."""
        ...


@define
class _Places:
    """What is verified now, by principal."""

    _lock: threading.Lock = field(factory=threading.Lock)
    _taken: Counter[str] = field(factory=Counter)

    @contextmanager
    def one_for(self, name: str) -> Iterator[None]:
        with self._lock:
            if self._taken.total() >= PROCESSES or self._taken[name] >= PROCESSES_OF_ONE:
                raise _too_many()
            self._taken[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[name] -= 1
                if not self._taken[name]:
                    del self._taken[name]


@frozen(kw_only=True)
class VerifiedAttestations:
    """An `Attestations`. Re-entrant.

    key: returns a secret that all processes on the store have; raises KmipError while the store is sealed.
    allowances: where used nonces are remembered, for all processes on the store.
    """

    types: tuple[AttestationType, ...]
    verifier: Verifier
    key: Callable[[], bytes] = field(repr=False)
    allowances: Allowances
    random: Callable[[int], bytes] = field(default=secrets.token_bytes, repr=False)
    _places: _Places = Factory(_Places)

    def new_nonce(self, principal: Principal, now: int) -> Nonce:
        """Return a nonce of 24 and 32 bytes."""
        identifier = now.to_bytes(_STAMP) + self.random(_RANDOM)
        return Nonce(nonce_id=identifier, nonce_value=self._value_of(identifier, principal))

    def verify(self, attestation: Attestation, principal: Principal, now: int) -> Steps[None]:
        """Return if the attestation is accepted."""
        self._check_nonce(attestation.nonce, principal, now)
        if attestation.attestation_type not in self.types:
            raise _failed(
                "attestations of this type are not verified here; Query Attestation Types lists those that are"
            )
        evidence = attestation.attestation_measurement, attestation.attestation_assertion
        if evidence == (None, None):
            raise _failed("an attestation needs a measurement or an assertion")
        if sum(len(part or b"") for part in evidence) > MAXIMUM_EVIDENCE:
            raise _failed(f"an attestation may have {MAXIMUM_EVIDENCE} bytes at most")
        yield MoveTo(Pace.REMOTE)
        with self._places.one_for(principal.name):
            self._use(attestation.nonce, principal, now)
            if not self.verifier.accepts(attestation, principal):
                raise _failed("the attestation is not accepted")

    def _check_nonce(self, nonce: Nonce, principal: Principal, now: int) -> None:
        identifier = nonce.nonce_id
        is_ours = len(identifier) == _STAMP + _RANDOM and hmac.compare_digest(
            self._value_of(identifier, principal), nonce.nonce_value
        )
        if not is_ours or not -CLOCK_SKEW <= now - int.from_bytes(identifier[:_STAMP]) <= LIFETIME:
            raise _failed("the nonce is none that this server has given this client in the last minutes")

    def _use(self, nonce: Nonce, principal: Principal, now: int) -> None:
        """Use the nonce up.  Raises KmipError if it was used, or if the principal attests too often."""
        digest = sha256(_PURPOSE + principal.name.encode(errors="surrogatepass")).hexdigest()
        often = Charge(digest, ATTESTATIONS_AT_ONCE, MILLISECONDS_EACH)
        once = Charge(sha256(_PURPOSE + b"\0" + nonce.nonce_id).hexdigest(), 1, USED_FOR * 1_000)
        if not self.allowances.left((often,), now * 1_000):
            raise _too_many()
        if self.allowances.spend((once, often), now * 1_000) is None:
            raise _failed("the nonce was used before; each answer has another one")

    def _value_of(self, identifier: bytes, principal: Principal) -> bytes:
        key = hmac.digest(self.key(), _PURPOSE, "sha256")
        return hmac.digest(key, identifier + principal.name.encode(errors="surrogatepass"), "sha256")


def _failed(message: str) -> KmipError:
    return KmipError(ResultReason.ATTESTATION_FAILED, message)


def _too_many() -> KmipError:
    return KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "too many attestations at once; try again")
