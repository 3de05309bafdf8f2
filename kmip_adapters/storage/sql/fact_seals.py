"""Facts that decisions read carry a code under the index key, which the database has only sealed.

A code is bound to the name of its fact, so that the values of two facts cannot be swapped. It does not show that a fact
was put back as it was before.
"""

import hashlib
import hmac

from kmip_core.ports.sealing import SealBroken

_VALUE_AT = 65  # after 64 hexadecimal digits and a colon


def sealed_fact(key: bytes, name: str, value: str) -> str:
    """Return the value of a fact as it is stored."""
    text = f"{name}\0{value}".encode()  # no value has a NUL
    return f"{hashlib.blake2b(text, key=key, digest_size=32, person=b'fact').hexdigest()}:{value}"


def proven_fact(key: bytes, name: str, stored: str) -> str:
    """Return what `sealed_fact` was given.  Raises SealBroken if this is not what it returned."""
    value = stored[_VALUE_AT:]
    try:
        is_proven = hmac.compare_digest(stored[:_VALUE_AT], sealed_fact(key, name, value)[:_VALUE_AT])
    except TypeError:  # no ASCII, so no code
        is_proven = False
    if not is_proven:
        raise SealBroken(f"the fact {name} is not as it was written")
    return value


def unproven_fact(stored: str) -> str:
    """Return what `sealed_fact` was given, if this is what it returned; for when the key is not there."""
    return stored[_VALUE_AT:]
