"""The key of the index's digests: one for a store, sealed in it, and the same under every data key.

Without it, a reader of the database could find a weak secret by the entry of its digest.
"""

import secrets
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from typing import Any, Final

from kmip_adapters.storage.sql.driver import Cursor, Row
from kmip_adapters.storage.sql.rows import Statements
from kmip_core.ports.sealing import StoreSealer

NAME: Final = "index_key"
"""The fact that has it."""

_BYTES: Final = 32
_BINDING: Final = b"kmipd index key"

Read = Callable[..., list[Row]]
Submit = Callable[[Callable[[Cursor], Any]], Any]


def open_index_key(statements: Statements, sealer: StoreSealer, read: Read, submit: Submit) -> bytes:
    """Return the key, made if there is none.  Raises SealBroken if it was changed."""
    rows = read(statements.fact, name=NAME)
    if not rows:
        fresh = _text(sealer.seal(secrets.token_bytes(_BYTES), _BINDING))

        def add(cursor: Cursor) -> None:
            if statements.fact.run(cursor, {"name": NAME}).fetchone() is None:  # no other node was faster
                statements.add_fact.run(cursor, {"name": NAME, "value": fresh})

        submit(add)
        rows = read(statements.fact, name=NAME)
    return sealer.unseal(a2b_base64(rows[0][0]), _BINDING)


def reseal_index_key(statements: Statements, sealer: StoreSealer, read: Read, submit: Submit) -> None:
    """Seal the key anew if it is not under the newest data key."""
    for (stored,) in read(statements.fact, name=NAME):
        if sealer.is_current(a2b_base64(stored)):
            return
        anew = _text(sealer.seal(sealer.unseal(a2b_base64(stored), _BINDING), _BINDING))

        def replace(cursor: Cursor, before: str = stored, after: str = anew) -> None:
            if statements.fact.run(cursor, {"name": NAME}).fetchone() == (before,):
                statements.forget_fact.run(cursor, {"of_name": NAME})
                statements.add_fact.run(cursor, {"name": NAME, "value": after})

        submit(replace)


def _text(sealed: bytes) -> str:
    return b2a_base64(sealed, newline=False).decode()
