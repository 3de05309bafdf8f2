"""The generation of a store: how often its objects have changed, and a sum over which versions there are.

Each transaction that changes objects counts on, and changes the sum by what it replaces. An object contributes a
pseudo-random number that depends on its identifier and version, so a row that is put back as it was, or removed, leaves
a sum that does not fit, even though the row's own seal is right; `kmipd verify` adds all of them up. The sum is masked:
who watches the database could otherwise learn the numbers, and choose rows whose changes cancel out. It is
authenticated under the index key. Who puts the whole database back puts this fact back too; that is why the audit trail
names the number from time to time.
"""

import logging
import secrets
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any, Final, Self

from kmip_adapters.storage.sql.dialects import Dialect
from kmip_adapters.storage.sql.driver import Cursor, Row
from kmip_adapters.storage.sql.fact_seals import proven_fact, sealed_fact
from kmip_adapters.storage.sql.fact_statements import FactStatements
from kmip_adapters.storage.sql.prepared import Prepared, statements_for
from kmip_core.classes import define, frozen
from kmip_core.ports.sealing import SealBroken

_log = logging.getLogger(__name__)

NAME: Final = "generation"
"""The fact that has it."""

_BYTES: Final = 16
_MODULUS: Final = 1 << 8 * _BYTES
_PIECE: Final = 10_000
"""Rows read at once where all are counted."""


def share(key: bytes, unique_identifier: str, version: int) -> int:
    """Return what an object of a version contributes to the sum.  key: that of the index."""
    text = f"{version}\0{unique_identifier}".encode()
    return int.from_bytes(blake2b(text, key=key, digest_size=_BYTES, person=b"version").digest())


@frozen
class Generation:
    """number: of transactions that have changed objects.  total: the sum over all objects."""

    number: int
    total: int

    def after(self, change: int) -> Self:
        """Return the next one.  change: what its objects contribute more than before."""
        return type(self)(self.number + 1, (self.total + change) % _MODULUS)

    @classmethod
    def of(cls, number: int, shares: Iterable[int]) -> Self:
        """Return that of objects with these shares."""
        return cls(number, sum(shares) % _MODULUS)


@define
class LastGeneration:
    """The generation that a process wrote last.

    stored: as the database has it.  was_there: whether it was still there at the next change; else others write, too,
    and the database is asked first.  What a transaction wrote that was undone is simply not there.
    """

    generation: Generation | None = None
    stored: str = ""
    was_there: bool = True


def generation_in(stored: str, key: bytes) -> Generation:
    """Return the generation that the fact tells.  Raises SealBroken if it is not as it was written."""
    number, nonce, masked = proven_fact(key, NAME, stored).split(" ")
    return Generation(int(number), int(masked, 16) ^ _mask(key, nonce))


def _stored(generation: Generation, key: bytes) -> str:
    nonce = secrets.token_hex(_BYTES)
    return sealed_fact(key, NAME, f"{generation.number} {nonce} {generation.total ^ _mask(key, nonce):x}")


def _mask(key: bytes, nonce: str) -> int:
    return int.from_bytes(blake2b(nonce.encode(), key=key, digest_size=_BYTES, person=b"mask").digest())


class GenerationStatements:
    """The statements about the generation, prepared once. All run inside a transaction that keeps other writers out."""

    def __init__(self, dialect: Dialect) -> None:
        self._facts = statements_for(dialect, FactStatements)
        self._replace = Prepared("UPDATE facts SET value = :value WHERE name = :of_name AND value = :of_value", dialect)
        self._versions = Prepared(
            f"""
            SELECT sequence, unique_identifier, version FROM managed_objects
            WHERE sequence > :after ORDER BY sequence LIMIT {_PIECE}
            """,
            dialect,
        )

    def stored(self, read: Callable[..., list[Row]]) -> str | None:
        """Return the fact, None for a database whose objects have never changed since it could be kept."""
        rows = read(self._facts.find, name=NAME)
        return rows[0][0] if rows else None

    def read(self, cursor: Cursor, key: bytes) -> Generation:
        """Return the generation, before anything is changed; it is counted where the database has none."""
        return self._opened(cursor, self._facts.find.run(cursor, {"name": NAME}).fetchone(), key)

    def _opened(self, cursor: Cursor, row: Row | None, key: bytes) -> Generation:
        if row is not None:
            try:
                return generation_in(row[0], key)
            except SealBroken:
                _log.error("the generation of the store is counted anew: it is not as it was written")
        return self._counted(cursor, key)

    def write(self, cursor: Cursor, generation: Generation, key: bytes) -> str:
        """Have the database keep a generation, and return the fact."""
        value = _stored(generation, key)
        self._facts.keep(cursor, NAME, value)
        return value

    def advance(self, cursor: Cursor, last: LastGeneration, change: int, key: bytes) -> None:
        """Have the database keep the next generation, by one statement where it can be, before anything is changed.

        last: what this process wrote last.  change: what the objects will contribute more than before.
        """
        if last.generation is not None and last.was_there:
            following = last.generation.after(change)
            value = _stored(following, key)
            row = {"of_name": NAME, "of_value": last.stored, "value": value}
            if self._replace.run(cursor, row).rowcount:
                last.generation, last.stored = following, value
                return
        row_before = self._facts.find.run(cursor, {"name": NAME}).fetchone()
        if last.generation is not None:
            last.was_there = row_before is not None and row_before[0] == last.stored
        following = self._opened(cursor, row_before, key).after(change)
        last.generation, last.stored = following, self.write(cursor, following, key)

    @staticmethod
    def next_fact(last: LastGeneration, change: int, key: bytes) -> tuple[str, str]:
        """Return name and value of the fact of the next generation, once `know` was called in the transaction."""
        if last.generation is None:
            raise LookupError("the generation is not known")
        last.generation = last.generation.after(change)
        last.stored = _stored(last.generation, key)
        return NAME, last.stored

    def know(self, cursor: Cursor, last: LastGeneration, stored: str | None, key: bytes) -> None:
        """Take note of the generation in the database, so that `next_fact` may come after what it counts.

        stored: the fact, None where there is none: then the objects are counted.
        """
        if stored is None:
            last.generation = self._opened(cursor, None, key)
            last.stored = self.write(cursor, last.generation, key)
        elif last.generation is None or stored != last.stored:
            last.generation, last.stored = self._opened(cursor, (stored,), key), stored
        last.was_there = True

    def _counted(self, cursor: Cursor, key: bytes) -> Generation:
        found = Generation(0, 0)
        after = 0
        rows: list[Any]
        while rows := self._versions.run(cursor, {"after": after}).fetchall():
            after = rows[-1][0]
            found = Generation.of(
                0, [found.total, *(share(key, identifier, version) for _, identifier, version in rows)]
            )
        return found
