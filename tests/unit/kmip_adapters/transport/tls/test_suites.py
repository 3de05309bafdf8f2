"""PyKMIP's two TLS settings have a safe meaning here, and explicit suites win."""

import ssl

import pytest

from kmip_adapters.transport.tls.suite_names import SUITE_NAMES
from kmip_adapters.transport.tls.suites import OFFERS, check_suites, choose_offer, name_of
from kmip_app.configuration.config import AUTH_SUITES

OF_THE_DOCUMENT = (
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
)


def test_every_auth_suite_has_a_meaning() -> None:
    assert set(OFFERS) == set(AUTH_SUITES)


@pytest.mark.parametrize("auth_suite", OFFERS)
def test_no_auth_suite_means_less_than_tls_1_2(auth_suite: str) -> None:
    assert choose_offer(auth_suite).minimum_version >= ssl.TLSVersion.TLSv1_2


def test_basic_leaves_out_suites_without_forward_secrecy() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(choose_offer("Basic").ciphers)

    assert all(c["aead"] for c in context.get_ciphers())


def test_the_list_of_the_document_is_taken_as_it_is() -> None:
    offer = choose_offer("TLS1.3", OF_THE_DOCUMENT)

    assert offer.ciphers == "AES128-SHA256:AES256-SHA256:ECDHE-ECDSA-AES256-SHA384"
    assert offer.maximum_version == ssl.TLSVersion.TLSv1_2


def test_openssl_names_and_any_case_are_taken() -> None:
    assert choose_offer("Basic", ("aes128-sha256",)).ciphers == "AES128-SHA256"


def test_naming_a_suite_of_tls_1_3_brings_that_version() -> None:
    offer = choose_offer("Basic", ("TLS_AES_256_GCM_SHA384",))

    assert (offer.minimum_version, offer.maximum_version) == (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)


def test_both_kinds_of_suites_bring_both_versions() -> None:
    offer = choose_offer("Basic", ("TLS_AES_256_GCM_SHA384", "AES128-SHA256"))

    assert (offer.minimum_version, offer.maximum_version) == (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def test_an_unknown_suite_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ValueError, match="did you mean AES128-SHA256"):
        check_suites(["AES128-SHA265"])


def test_known_suites_that_cannot_be_done_are_reported() -> None:
    assert choose_offer("Basic", ("AES128-SHA256", "DHE-RSA-AES128-SHA256", "NULL-SHA")).unavailable == (
        "DHE-RSA-AES128-SHA256",
        "NULL-SHA",
    )


def test_a_list_of_which_nothing_can_be_done_is_refused() -> None:
    with pytest.raises(ValueError, match="none of DH-DSS-AES128-SHA can be done"):
        choose_offer("Basic", ("DH-DSS-AES128-SHA",))


@pytest.mark.parametrize("names", SUITE_NAMES.values(), ids=lambda names: names[0])
def test_every_suite_is_known_by_both_names(names: tuple[str, str]) -> None:
    check_suites(names)


def test_a_number_without_name_is_reported_in_hex() -> None:
    assert (name_of(0x003C), name_of(0x7F01)) == ("AES128-SHA256", "0x7F01")
