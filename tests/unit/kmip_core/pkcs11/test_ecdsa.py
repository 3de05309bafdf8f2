"""The two forms of ECDSA signatures."""

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.pkcs11 import ecdsa
from kmip_core.pkcs11.failures import Failure, failure_of

NUMBERS = st.integers(1, 2**521 - 1)


@given(NUMBERS, NUMBERS)
def test_both_forms_say_the_same(r: int, s: int) -> None:
    der = encode_dss_signature(r, s)
    halves = r.to_bytes(66) + s.to_bytes(66)

    assert ecdsa.to_der(halves) == der
    assert ecdsa.from_der(der, 521) == halves


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30",
        b"\x31\x06\x02\x01\x01\x02\x01\x01",
        b"\x30\x06\x02\x01\x01\x02\x01",
        b"\x30\x06\x02\x01\x01\x02\x01\x01\x00",
        b"\x30\x09\x02\x01\x01\x02\x01\x01\x02\x01\x01",
        encode_dss_signature(2**300, 1),
    ],
)
def test_bytes_that_are_no_signature_are_refused(der: bytes) -> None:
    with pytest.raises(Failure):
        ecdsa.from_der(der, 256)


def test_a_refusal_without_a_return_code() -> None:
    assert failure_of(KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "")) is None
