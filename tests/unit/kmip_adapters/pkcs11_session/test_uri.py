"""PKCS#11 URIs, RFC 7512."""

import pytest

from kmip_adapters.pkcs11_session.uri import TokenUri, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("pkcs11:", TokenUri(), id="ok nothing"),
        pytest.param("pkcs11:token=kmipd;object=root", TokenUri(token="kmipd", key_label="root"), id="ok names"),
        pytest.param(
            "pkcs11:token=my%20token;id=%01%ff", TokenUri(token="my token", key_id=b"\x01\xff"), id="ok escaped"
        ),
        pytest.param(
            "pkcs11:serial=12;x-own=1?module-path=/lib/p11.so&pin-source=file:/run/pin",
            TokenUri(serial="12", module="/lib/p11.so", pin_source="file:/run/pin"),
            id="ok query",
        ),
    ],
)
def test_a_uri_is_read(text: str, expected: TokenUri) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("token=kmipd", "begins with pkcs11:", id="fail scheme"),
        pytest.param("pkcs11:token=a;token=b", "twice", id="fail twice"),
        pytest.param("pkcs11:colour=red", "no attribute", id="fail unknown"),
        pytest.param("pkcs11:token", "no attribute", id="fail no value"),
        pytest.param("pkcs11:token=a?pin-value=1234", "PIN does not belong", id="fail PIN"),
    ],
)
def test_a_broken_uri_is_refused_with_what_to_do(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)
