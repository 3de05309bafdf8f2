"""What the contents of credentials prove, by the vectors of their standards."""

import hashlib
from typing import Final

import pytest
from attrs import evolve

from kmip_adapters.identity.credential_proofs import (
    LOOK_AHEAD,
    STEPS_AROUND,
    accepted_counter,
    hashed_passwords,
    is_salted,
    one_time_password,
    salted_password,
)
from kmip_core.enums import CryptographicAlgorithm, HashingAlgorithm, OTPAlgorithm
from kmip_core.objects import HashedPasswordCredential, OTPCredential, PasswordCredential

SEED: Final = b"12345678901234567890"  # of RFC 4226 and RFC 6238
HOTP: Final = OTPCredential(otp_algorithm=OTPAlgorithm.HOTP, otp_seed=SEED)
TOTP: Final = OTPCredential(otp_algorithm=OTPAlgorithm.TOTP, otp_seed=SEED)
STEP: Final = 40_000_000  # of 30 seconds


@pytest.mark.parametrize(("counter", "code"), list(enumerate(["755224", "287082", "359152", "969429", "338314"])))
def test_one_time_passwords_are_those_of_rfc_4226(counter: int, code: str) -> None:
    assert one_time_password(HOTP, counter) == code


@pytest.mark.parametrize(
    ("digest", "length", "time", "code"),
    [
        (CryptographicAlgorithm.HMAC_SHA1, 20, 59, "94287082"),
        (CryptographicAlgorithm.HMAC_SHA256, 32, 1_111_111_109, "68084774"),
        (CryptographicAlgorithm.HMAC_SHA512, 64, 20_000_000_000, "47863826"),
    ],
)
def test_one_time_passwords_are_those_of_rfc_6238(
    digest: CryptographicAlgorithm, length: int, time: int, code: str
) -> None:
    seed = (SEED * 4)[:length]

    assert one_time_password(evolve(TOTP, otp_seed=seed, otp_digest=digest, otp_digits=8), time // 30) == code


@pytest.mark.parametrize("ahead", range(-1, LOOK_AHEAD + 1))
def test_a_counter_is_accepted_from_the_first_that_was_not_used_on(ahead: int) -> None:
    following = 5
    code = one_time_password(HOTP, following + ahead)

    expected = following + ahead if 0 <= ahead < LOOK_AHEAD else None
    assert accepted_counter(HOTP, following, code, now=0) == expected


@pytest.mark.parametrize("off", range(-STEPS_AROUND - 1, STEPS_AROUND + 2))
def test_a_step_is_accepted_that_is_about_now(off: int) -> None:
    code = one_time_password(TOTP, STEP + off)

    expected = STEP + off if abs(off) <= STEPS_AROUND else None
    assert accepted_counter(TOTP, 0, code, STEP * 30) == accepted_counter(TOTP, 0, code, STEP * 30 + 29) == expected


def test_a_step_that_was_used_is_not_accepted_again() -> None:
    code = one_time_password(TOTP, STEP)

    assert accepted_counter(TOTP, STEP, code, STEP * 30) == STEP
    assert accepted_counter(TOTP, STEP + 1, code, STEP * 30) is None


def test_the_steps_of_a_credential_are_as_long_as_it_says() -> None:
    minutes = evolve(TOTP, otp_interval=60)

    assert accepted_counter(minutes, 0, one_time_password(minutes, 100), 100 * 60) == 100


@pytest.mark.parametrize("code", ["", "75522", "0755224", "\ud800", "７５５２２４"])
def test_text_that_is_no_one_time_password_is_that_of_no_counter(code: str) -> None:
    assert accepted_counter(HOTP, 0, code, now=0) is None


def test_a_salted_password_is_derived_by_pbkdf2_as_often_as_the_credential_says() -> None:
    """By the vectors of RFC 6070."""
    credential = PasswordCredential(
        salted_password=bytes(20), password_salt=b"salt", password_salt_algorithm=CryptographicAlgorithm.HMAC_SHA1
    )

    assert salted_password(credential, b"password").hex() == "0c60c80f961f0e71f3a9b524af6012062fe037a6"
    twice = evolve(credential, iteration_count=2)
    assert salted_password(twice, b"password").hex() == "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"


def test_a_salted_password_is_as_long_as_the_one_that_is_stored() -> None:
    credential = PasswordCredential(
        salted_password=bytes(8), password_salt=b"salt", password_salt_algorithm=CryptographicAlgorithm.HMAC_SHA1
    )

    assert salted_password(credential, b"password").hex() == "0c60c80f961f0e71"


@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        (PasswordCredential(password="p"), False),
        (PasswordCredential(salted_password=bytes(20)), False),
        (PasswordCredential(password_salt_algorithm=CryptographicAlgorithm.HMAC_SHA1), False),
        (
            PasswordCredential(salted_password=bytes(20), password_salt_algorithm=CryptographicAlgorithm.HMAC_SHA1),
            True,
        ),
    ],
)
def test_a_salted_password_needs_its_algorithm(credential: PasswordCredential, expected: bool) -> None:
    assert is_salted(credential) is expected
    if not expected:
        with pytest.raises(ValueError, match=r"^the credential has no salted password$"):
            salted_password(credential, b"p")


@pytest.mark.parametrize(
    ("algorithm", "name"), [(None, "sha256"), (HashingAlgorithm.SHA_512, "sha512")], ids=["default", "SHA-512"]
)
def test_a_hashed_password_is_answered_by_one_that_needs_both_hashes(
    algorithm: HashingAlgorithm | None, name: str
) -> None:
    def digest(*parts: bytes) -> bytes:
        return hashlib.new(name, b"".join(parts)).digest()

    first, second, stamp = digest(b"carolsecret"), digest(b"secretcarol"), (1_000).to_bytes(8)
    credential = HashedPasswordCredential(
        hashed_username_password=first, hashed_password_username=second, hashing_algorithm=algorithm
    )

    assert hashed_passwords(credential, 1_000) == (
        digest(first, stamp) + second,
        digest(stamp, first, digest(second)),
    )
