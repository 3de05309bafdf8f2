"""Encoded answers to plain reads, given again while what they rest on is the same. ADR 0411.

That spares a request that is repeated within a second its unit of work and its encoding; what is repeated is known by
its exact bytes (`ttlv.repeats`). It is used at the quick pace only, by the thread of an event loop.

Answers with key bytes are kept encrypted, under a key of this object that is never written: an answer that no client
asks for any more stays in memory until another basis is met, and no key shall be readable there for that.
"""

import os
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from attrs import field
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kmip_core.classes import define, frozen
from kmip_core.enums import Operation
from kmip_core.messages import RequestMessage, ResponseMessage
from kmip_core.plain_reads import Basis, GivenAnswer, PlainReading
from kmip_core.principal import Principal

Keep: TypeAlias = Callable[[RequestMessage, ResponseMessage, bytes], None]
"""Takes an answer, and its bytes."""

LONGEST: Final = 4_096  # bytes of an answer that is kept
MOST: Final = 1_024  # answers

WITH_SECRETS: Final = frozenset({Operation.GET})
"""Operations whose answers hold the content of objects."""

_NONCE: Final = 12
_KEY: Final = 32


@frozen
class _Kept:
    answer: GivenAnswer
    octets: bytes = field(repr=False)
    is_encrypted: bool


@define
class KnownAnswers:
    """Answers by the bytes of their request and their client."""

    reads: PlainReading
    _kept: dict[tuple[bytes, int], _Kept | None] = field(factory=dict, init=False, repr=False)  # None: asked for once
    _basis: Basis | None = field(default=None, init=False, repr=False)  # of those that are kept
    _given: int = field(default=0, init=False)  # again, of those
    _is_worth_it: bool = field(default=True, init=False)
    _cipher: AESGCM = field(factory=lambda: AESGCM(os.urandom(_KEY)), init=False, repr=False)

    def look_up(self, frame: bytes, principal: Principal) -> bytes | Keep | None:
        """Return the answer to a plain read, once it is recorded anew.

        Else it has to be worked out, and given to the function that is returned, unless that is None.
        """
        reads = self.reads
        basis = reads.basis()
        if basis is None:
            return None
        key = frame, id(principal)  # what is kept holds the principal, so that no other one has its number
        kept = self._kept.get(key)
        if kept is not None and kept.answer.basis == basis:
            if not reads.record_again(kept.answer):
                return None
            self._given += 1
            octets = kept.octets
            return self._cipher.decrypt(octets[:_NONCE], octets[_NONCE:], None) if kept.is_encrypted else octets
        if basis != self._basis:
            self._begin(basis)
        elif len(self._kept) >= MOST:  # a second, at the longest
            return None
        if self._is_worth_it or key in self._kept:
            return partial(self._keep, key, principal, basis)
        self._kept[key] = None
        return None

    def _keep(
        self,
        key: tuple[bytes, int],
        principal: Principal,
        basis: Basis,
        request: RequestMessage,
        response: ResponseMessage,
        octets: bytes,
    ) -> None:
        """Keep an answer, unless it does not rest on what the basis was before it was worked out."""
        if len(octets) > LONGEST:
            return
        answer = self.reads.given(request, response, principal, basis)
        if answer is None or basis != self._basis:  # another thread may have begun a new one
            return
        is_secret = answer.record.operation in WITH_SECRETS
        if is_secret:
            nonce = os.urandom(_NONCE)
            octets = nonce + self._cipher.encrypt(nonce, octets, None)
        self._kept[key] = _Kept(answer, octets, is_secret)

    def _begin(self, basis: Basis) -> None:
        """Forget what rests on something else.

        To keep an answer costs a tenth of working it out. Where what was kept was hardly given again, since something
        is committed all the time or no client asks twice in a second, an answer is kept from the second request on.
        """
        self._is_worth_it = self._given >= len(self._kept)
        self._given = 0
        self._kept.clear()
        self._basis = basis
