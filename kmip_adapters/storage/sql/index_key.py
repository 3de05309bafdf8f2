"""The key of the index's digests and of the facts' codes: one for a store, sealed in it, the same under every data key.

Without it, a reader of the database could find a weak secret by the entry of its digest, and a writer could change the
rules for new objects.
"""

import secrets
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from typing import Any, Final

from kmip_adapters.storage.sql.attribute_index import HidingIndexKey
from kmip_adapters.storage.sql.driver import Cursor, Row
from kmip_adapters.storage.sql.fact_seals import sealed_fact
from kmip_adapters.storage.sql.rows import Statements
from kmip_adapters.storage.sql.rules import NAMES
from kmip_core.ports.sealing import SealBroken, StoreSealer

NAME: Final = "index_key"
"""The fact that has it."""

KEY_BYTES: Final = 32
_PROVES_FACTS: Final = 1
_HIDES_ALL: Final = 2
KNOWS_REALM: Final = 4
"""Bits of the byte that comes after the key once facts are authenticated under it; before, rules were stored as they
are. The others say that all attributes are sealed as well, from the first object on, and that the fact of
`client_realm` is there."""
BINDING: Final = b"kmipd index key"
_NO_RULES: Final = "[]"

Read = Callable[..., list[Row]]
Submit = Callable[[Callable[[Cursor], Any]], Any]


def open_index_key(
    statements: Statements,
    sealer: StoreSealer,
    read: Read,
    submit: Submit,
    *,
    is_upgraded: bool = False,
    hides_all: bool = False,
) -> bytes:
    """Return the key, made if there is none. The rules that are there are then authenticated.

    is_upgraded: whether the database is of a schema that had no such key.
    hides_all: whether a new database seals all attributes: the key is a `HidingIndexKey` for one that does.
    Raises SealBroken if it was changed, or is missing in a database that has objects.
    """
    of_one = statements.of_one_fact
    rows = read(of_one.find, name=NAME)
    payload = sealer.unseal(a2b_base64(rows[0][0]), BINDING) if rows else secrets.token_bytes(KEY_BYTES)
    if rows and payload[KEY_BYTES:]:
        return _key_in(payload)
    before = rows[0][0] if rows else None
    flags = _PROVES_FACTS | (_HIDES_ALL if hides_all and not rows else 0)
    after = text_of(sealer.seal(payload[:KEY_BYTES] + bytes([flags]), BINDING))

    def begin(cursor: Cursor) -> bool:
        found = of_one.find.run(cursor, {"name": NAME}).fetchone()
        if (found and found[0]) != before:  # another node was faster
            return True
        if before is None and not is_upgraded and statements.last_sequence.run(cursor, {}).fetchone()[0]:
            return False
        for name in NAMES.values():
            rules = of_one.find.run(cursor, {"name": name}).fetchone()
            of_one.keep(cursor, name, sealed_fact(payload[:KEY_BYTES], name, rules[0] if rules else _NO_RULES))
        of_one.keep(cursor, NAME, after)
        return True

    if not submit(begin):
        raise SealBroken("the index key is missing though there are objects")
    return _key_in(sealer.unseal(a2b_base64(read(of_one.find, name=NAME)[0][0]), BINDING))


def _key_in(payload: bytes) -> bytes:
    key = payload[:KEY_BYTES]
    return HidingIndexKey(key) if payload[KEY_BYTES] & _HIDES_ALL else key


def reseal_index_key(statements: Statements, sealer: StoreSealer, read: Read, submit: Submit) -> None:
    """Seal the key anew if it is not under the newest data key."""
    of_one = statements.of_one_fact
    for (stored,) in read(of_one.find, name=NAME):
        if sealer.is_current(a2b_base64(stored)):
            return
        anew = text_of(sealer.seal(sealer.unseal(a2b_base64(stored), BINDING), BINDING))

        def replace(cursor: Cursor, before: str = stored, after: str = anew) -> None:
            if of_one.find.run(cursor, {"name": NAME}).fetchone() == (before,):
                of_one.keep(cursor, NAME, after)

        submit(replace)


def text_of(sealed: bytes) -> str:
    """Return a seal as a fact has it."""
    return b2a_base64(sealed, newline=False).decode()
