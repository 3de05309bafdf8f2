"""MAC and MAC Verify."""

import hashlib
import hmac
from typing import Any

import pytest

from kmip_core.engine import Engine
from kmip_core.enums import CryptographicAlgorithm, Operation, ResultReason, ValidityIndicator
from kmip_core.errors import KmipError
from kmip_core.operations import mac, mac_verify
from kmip_core.structures import CryptographicParameters as Parameters
from tests.builders import an_engine, perform
from tests.unit.kmip_core.operations.usable_keys import a_key, a_secret_key

HMAC = Parameters(cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256)
KEY = bytes(range(32))
DATA = b"a text"
CODE = hmac.digest(KEY, DATA, hashlib.sha256)


def an_hmac_engine(**attributes: Any) -> Engine:
    return an_engine(a_key(CryptographicAlgorithm.HMAC_SHA256, KEY, **attributes))


def refusal(engine: Engine, operation: Operation, request: Any) -> KmipError:
    with pytest.raises(KmipError) as caught:
        perform(engine, operation, request)
    return caught.value


@pytest.mark.parametrize("how", [None, HMAC], ids=["by the key's algorithm", "by the algorithm told"])
def test_a_code_of_the_data(how: Parameters | None) -> None:
    request = mac.Request(unique_identifier="key", cryptographic_parameters=how, data=DATA)

    assert perform(an_hmac_engine(), Operation.MAC, request) == mac.Response(unique_identifier="key", mac_data=CODE)


def test_a_secret_makes_codes_too() -> None:
    engine = an_engine(a_secret_key(KEY))
    request = mac.Request(unique_identifier="secret", cryptographic_parameters=HMAC, data=DATA)

    assert perform(engine, Operation.MAC, request).mac_data == CODE


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param(CODE, ValidityIndicator.VALID, id="ok"),
        pytest.param(CODE[:-1] + b"?", ValidityIndicator.INVALID, id="fail changed"),
        pytest.param(CODE[:-1], ValidityIndicator.INVALID, id="fail shortened"),
        pytest.param(b"", ValidityIndicator.INVALID, id="fail empty"),
    ],
)
def test_a_code_is_judged(code: bytes, expected: ValidityIndicator) -> None:
    request = mac_verify.Request(unique_identifier="key", data=DATA, mac_data=code)

    response = perform(an_hmac_engine(), Operation.MAC_VERIFY, request)

    assert response == mac_verify.Response(unique_identifier="key", validity_indicator=expected)


def test_an_empty_text_has_a_code() -> None:
    request = mac.Request(unique_identifier="key", data=b"")

    assert perform(an_hmac_engine(), Operation.MAC, request).mac_data == hmac.digest(KEY, b"", hashlib.sha256)


@pytest.mark.parametrize(
    ("operation", "request_", "reason"),
    [
        (Operation.MAC, mac.Request(unique_identifier="key"), ResultReason.INVALID_MESSAGE),
        (
            Operation.MAC_VERIFY,
            mac_verify.Request(unique_identifier="key", mac_data=CODE),
            ResultReason.INVALID_MESSAGE,
        ),
        (Operation.MAC_VERIFY, mac_verify.Request(unique_identifier="key", data=DATA), ResultReason.INVALID_FIELD),
    ],
    ids=["MAC without data", "MAC Verify without data", "MAC Verify without a code"],
)
def test_a_missing_field_is_reported(operation: Operation, request_: Any, reason: ResultReason) -> None:
    assert refusal(an_hmac_engine(), operation, request_).reason is reason


def test_arc4_is_refused_as_no_block_cipher() -> None:
    engine = an_engine(a_key(CryptographicAlgorithm.RC4))
    error = refusal(engine, Operation.MAC, mac.Request(unique_identifier="key", data=DATA))

    assert error.reason is ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS
    assert "RC4" in error.message
