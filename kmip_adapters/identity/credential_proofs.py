"""What the contents of credentials prove: salted passwords, one-time passwords, hashed passwords. Pure functions."""

import hashlib
import hmac
from typing import Final

from kmip_core.enums import HashingAlgorithm, OTPAlgorithm
from kmip_core.objects import HashedPasswordCredential, OTPCredential, PasswordCredential
from kmip_core.procedures.system_objects import HASHES, HMACS

LOOK_AHEAD: Final = 10
"""Counters that a generator by events may be ahead of the server. RFC 4226 §7.4."""

STEPS_AROUND: Final = 1
"""Steps by which a clock may be wrong. RFC 6238 §5.2."""


def is_salted(content: PasswordCredential) -> bool:
    """Return whether the credential has a password that was salted by its client."""
    return content.salted_password is not None and content.password_salt_algorithm is not None


def salted_password(content: PasswordCredential, password: bytes) -> bytes:
    """Return what the salted password would be if this were the password."""
    algorithm, salted = content.password_salt_algorithm, content.salted_password
    if algorithm is None or salted is None:
        raise ValueError("the credential has no salted password")
    salt, count = content.password_salt or b"", content.iteration_count or 1
    return hashlib.pbkdf2_hmac(HMACS[algorithm], password, salt, count, len(salted))


def accepted_counter(credential: OTPCredential, following: int, code: str, now: int) -> int | None:
    """Return the counter of which this is the password; None if it is that of none that may still be used.

    following: the least counter that has not been used.
    """
    if credential.otp_algorithm is OTPAlgorithm.HOTP:
        counters = range(following, following + LOOK_AHEAD)
    else:
        step = now // (credential.otp_interval or 30)
        counters = range(max(following, step - STEPS_AROUND), step + STEPS_AROUND + 1)
    accepted = None
    for counter in counters:  # all of them, whichever it is: the time tells nothing
        expected = one_time_password(credential, counter)
        if hmac.compare_digest(expected.encode(), code.encode(errors="surrogatepass")):
            accepted = counter
    return accepted


def one_time_password(credential: OTPCredential, counter: int) -> str:
    """Return the one-time password of a counter, or of a step of time. RFC 4226 §5.3, RFC 6238 §4."""
    digits = credential.otp_digits or 6
    name = "sha1" if credential.otp_digest is None else HMACS[credential.otp_digest]
    code = hmac.digest(credential.otp_seed or b"", counter.to_bytes(8), name)
    offset = code[-1] & 0xF
    number = int.from_bytes(code[offset : offset + 4]) & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}d}"


def hashed_passwords(credential: HashedPasswordCredential, timestamp: int) -> tuple[bytes, bytes]:
    """Return what a client sends, and what the server answers. KMIP 2.1 §9.11, §8.2.

    timestamp: microseconds; hashed as the eight bytes that stand on the wire.
    """
    name, _ = HASHES[credential.hashing_algorithm or HashingAlgorithm.SHA_256]
    first, second, stamp = (
        credential.hashed_username_password,
        credential.hashed_password_username,
        timestamp.to_bytes(8),
    )

    def digest(*parts: bytes) -> bytes:
        return hashlib.new(name, b"".join(parts)).digest()

    return digest(first, stamp) + second, digest(stamp, first, digest(second))
