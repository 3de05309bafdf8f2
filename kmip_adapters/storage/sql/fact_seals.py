"""Facts that decisions read carry a code under the index key, which the database has only sealed.

A code is bound to the name of its fact, so that the values of two facts cannot be swapped. It does not show that a fact
was put back as it was before.
"""

import hashlib
import hmac

from kmip_core.ports.sealing import SealBroken

_HEX_DIGITS = 64


def sealed_fact(key: bytes, name: str, value: str) -> str:
    """Return the value of a fact as it is stored."""
    return f"{_code(key, name, value)}:{value}"


def proven_fact(key: bytes, name: str, stored: str) -> str:
    """Return what `sealed_fact` was given.  Raises SealBroken if this is not what it returned."""
    code, value = stored[:_HEX_DIGITS], stored[_HEX_DIGITS + 1 :]
    if not (code.isascii() and hmac.compare_digest(code, _code(key, name, value))):
        raise SealBroken(f"the fact {name} is not as it was written")
    return value


def _code(key: bytes, name: str, value: str) -> str:
    return hmac.digest(key, f"fact {len(name)} {name} {value}".encode(), hashlib.sha256).hex()
