"""What a store has recorded of the CAs that vouch for its clients: a fact, authenticated under the index key.

The seal around the index key says whether there is such a fact, so that one that was deleted is not taken for that of a
store that has none yet.
"""

from binascii import a2b_base64
from collections.abc import Callable
from typing import Final

from kmip_adapters.storage.sql.driver import Cursor, Row
from kmip_adapters.storage.sql.fact_seals import proven_fact, sealed_fact
from kmip_adapters.storage.sql.index_key import BINDING, KEY_BYTES, KNOWS_REALM, NAME, Read, text_of
from kmip_adapters.storage.sql.rows import Statements
from kmip_core.ports.sealing import SealBroken, StoreSealer

REALM: Final = "client_realm"
"""The fact that has it."""

Decide = Callable[[str | None, bool], str]
"""Takes what is recorded, None if nothing is, and whether the store has had objects; returns what is to be recorded."""


def settle_realm(
    cursor: Cursor, *, statements: Statements, sealer: StoreSealer, decide: Decide, anew: bool
) -> str | None:
    """Record what `decide` returns, if it is anything new, inside a transaction that keeps other writers out.

    Returns None, and changes nothing, where the fact is missing or is not as it was written; with `anew` such a fact
    counts as none.
    """

    def read(_: object, name: str) -> list[Row]:
        return statements.of_one_fact.find.run(cursor, {"name": name}).fetchall()

    key, flags = _index_key(read, statements, sealer)
    try:
        before = _recorded(read, statements, key, flags)
    except SealBroken:
        if not anew:
            return None
        before = None
    after = decide(before, bool(statements.last_sequence.run(cursor, {}).fetchone()[0]))
    if after != before:
        statements.of_one_fact.keep(cursor, REALM, sealed_fact(key, REALM, after))
    if not flags & KNOWS_REALM:
        statements.of_one_fact.keep(cursor, NAME, text_of(sealer.seal(key + bytes([flags | KNOWS_REALM]), BINDING)))
    return after


def realm_holds(read: Read, statements: Statements, sealer: StoreSealer) -> bool:
    """Return whether the fact is as it was written, or rightly missing."""
    try:
        _recorded(read, statements, *_index_key(read, statements, sealer))
    except SealBroken:
        return False
    return True


def _index_key(read: Read, statements: Statements, sealer: StoreSealer) -> tuple[bytes, int]:
    payload = sealer.unseal(a2b_base64(read(statements.of_one_fact.find, name=NAME)[0][0]), BINDING)
    return payload[:KEY_BYTES], payload[KEY_BYTES]


def _recorded(read: Read, statements: Statements, key: bytes, flags: int) -> str | None:
    if not flags & KNOWS_REALM:
        return None
    rows = read(statements.of_one_fact.find, name=REALM)
    return proven_fact(key, REALM, rows[0][0] if rows else "")
