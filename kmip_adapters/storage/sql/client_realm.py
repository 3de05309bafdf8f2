"""What a store has recorded of the CAs that vouch for its clients: a fact, authenticated under the index key.

The seal around the index key says whether there is such a fact, so that one that was deleted is not taken for that of a
store that has none yet.
"""

from binascii import a2b_base64
from collections.abc import Callable
from functools import partial
from typing import Final

from kmip_adapters.storage.sql.driver import Cursor, Row
from kmip_adapters.storage.sql.fact_seals import proven_fact, sealed_fact
from kmip_adapters.storage.sql.index_key import BINDING, KEY_BYTES, KNOWS_REALM, NAME, Read, Submit, text_of
from kmip_adapters.storage.sql.rows import Statements
from kmip_core.ports.sealing import SealBroken, StoreSealer

REALM: Final = "client_realm"
"""The fact that has it."""

Decide = Callable[[str | None, bool], str]
"""Takes what is recorded, None if nothing is, and whether the store has had objects; returns what is to be recorded."""


def settle_realm(
    read: Read, submit: Submit, *, statements: Statements, sealer: StoreSealer, decide: Decide, anew: bool
) -> str | None:
    """Record what `decide` returns, if it is anything new, inside a transaction that keeps other writers out.

    Returns None, and changes nothing, where the fact is missing or is not as it was written; with `anew` such a fact
    counts as none.
    """
    while True:
        (stored,) = read(statements.of_one_fact.find, name=NAME)[0]
        key, flags = _opened(stored, sealer)
        # Sealed before the transaction: a sealer that counts its uses has the writer's thread count more of them.
        noted = stored if flags & KNOWS_REALM else text_of(sealer.seal(key + bytes([flags | KNOWS_REALM]), BINDING))
        settled = partial(
            _settle, statements=statements, stored=stored, noted=noted, key=key, flags=flags, decide=decide, anew=anew
        )
        is_settled: bool
        after: str | None
        is_settled, after = submit(settled)
        if is_settled:  # else another process has sealed the key anew meanwhile
            return after


def _settle(
    cursor: Cursor,
    *,
    statements: Statements,
    stored: str,
    noted: str,
    key: bytes,
    flags: int,
    decide: Decide,
    anew: bool,
) -> tuple[bool, str | None]:
    """Return whether the index key is stored as it was read, and what is recorded then."""
    of_one = statements.of_one_fact

    def look(_: object, name: str) -> list[Row]:
        return of_one.find.run(cursor, {"name": name}).fetchall()

    if look(of_one.find, NAME)[0][0] != stored:
        return False, None
    try:
        before = _recorded(look, statements, key, flags)
    except SealBroken:
        if not anew:
            return True, None
        before = None
    after = decide(before, bool(statements.last_sequence.run(cursor, {}).fetchone()[0]))
    if after != before:
        of_one.keep(cursor, REALM, sealed_fact(key, REALM, after))
    if noted != stored:
        of_one.keep(cursor, NAME, noted)
    return True, after


def realm_holds(read: Read, statements: Statements, sealer: StoreSealer) -> bool:
    """Return whether the fact is as it was written, or rightly missing."""
    try:
        _recorded(read, statements, *_index_key(read, statements, sealer))
    except SealBroken:
        return False
    return True


def _index_key(read: Read, statements: Statements, sealer: StoreSealer) -> tuple[bytes, int]:
    return _opened(read(statements.of_one_fact.find, name=NAME)[0][0], sealer)


def _opened(stored: str, sealer: StoreSealer) -> tuple[bytes, int]:
    payload = sealer.unseal(a2b_base64(stored), BINDING)
    return payload[:KEY_BYTES], payload[KEY_BYTES]


def _recorded(read: Read, statements: Statements, key: bytes, flags: int) -> str | None:
    if not flags & KNOWS_REALM:
        return None
    rows = read(statements.of_one_fact.find, name=REALM)
    return proven_fact(key, REALM, rows[0][0] if rows else "")
