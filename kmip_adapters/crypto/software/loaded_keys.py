"""Private keys that sign again and again, kept in the form that the library computes with.

To read an RSA key and to prepare its powers costs as much as a signature. So what was read is kept for `SECONDS`, of so
many keys as `MOST` says, and found by a keyed digest of the very material that the store has just given out: who may
sign was judged before, and another key, or a changed one, is another entry. Destroying any object lets go of all.
"""

import os
import threading
import time
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

from kmip_adapters.crypto.software.keys import ParsedPrivateKey, private_key
from kmip_core.objects import PrivateKey
from kmip_core.ports.crypto import Key

MOST: Final = 64
"""Keys that are kept."""

SECONDS: Final = 30.0
"""For which a key is kept after it was read, however often it is used."""

After = Callable[[float, Callable[[], None]], None]
"""Calls a function in so many seconds."""


def in_a_thread(seconds: float, call: Callable[[], None]) -> None:
    """Have a thread of its own wait and call; it does not keep the process from ending."""
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.name = "loaded-keys"
    timer.start()


class LoadedKeys:
    """Private keys as they were read.  Re-entrant.

    now: seconds of a clock that is never set back.  after: has the keys let go of when their time is over, so that none
    stays in memory where nothing is signed any more.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, after: After = in_a_thread) -> None:
        self._now = now
        self._after = after
        self._digest_key = os.urandom(32)
        self._loaded: dict[bytes, tuple[float, ParsedPrivateKey]] = {}  # with the time until which it is kept
        self._is_watched = False
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._loaded)

    def private_key(self, key: Key) -> ParsedPrivateKey:
        """Return the parsed private key, as `keys.private_key` does; errors as there."""
        block = key.key_block if isinstance(key, PrivateKey) else None
        material = None if block is None else block.clear_material
        if block is None or not isinstance(material, bytes):
            return private_key(key)
        algorithm = block.cryptographic_algorithm  # it decides how a raw key is read
        digest = blake2b(material, key=self._digest_key, salt=b"" if algorithm is None else b"%d" % algorithm).digest()
        known = self._loaded.get(digest)
        if known is not None and self._now() < known[0]:
            return known[1]
        parsed = private_key(key)
        with self._lock:
            self._loaded.pop(digest, None)  # so that the oldest is always the first
            self._loaded[digest] = (self._now() + SECONDS, parsed)
            if len(self._loaded) > MOST:
                del self._loaded[next(iter(self._loaded))]
            is_first, self._is_watched = not self._is_watched, True
        if is_first:
            self._after(SECONDS, self._let_go)
        return parsed

    def forget(self) -> None:
        """Let go of all."""
        with self._lock:
            self._loaded.clear()

    def _let_go(self) -> None:
        """Let go of those whose time is over, and come back for the rest."""
        with self._lock:
            now = self._now()
            for digest in [digest for digest, (until, _) in self._loaded.items() if until <= now]:
                del self._loaded[digest]
            first = next(iter(self._loaded.values()), None)
            self._is_watched = first is not None
        if first is not None:
            self._after(max(first[0] - now, 0.0), self._let_go)
