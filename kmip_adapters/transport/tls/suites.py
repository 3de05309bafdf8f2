"""Which TLS versions and cipher suites are offered: PyKMIP's two settings, given a safe meaning.

`auth_suite` names a level; an explicit list of suites goes before it (RULINGS 18) and is the whole truth: TLS 1.3 is
offered only if the list names one of its suites, TLS 1.2 only if it names one of those.
"""

import ssl
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from kmip_adapters.transport.tls.context import FORWARD_SECRET_AEAD
from kmip_adapters.transport.tls.suite_names import SUITE_NAMES
from kmip_core.classes import frozen

TLS_1_2: Final = ssl.TLSVersion.TLSv1_2
TLS_1_3: Final = ssl.TLSVersion.TLSv1_3

CBC_OF_OLD_CLIENTS: Final = (
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA384",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "AES256-SHA256",
    "AES128-SHA256",
    # PyKMIP #659: appliances that know no SHA-2 suites with RSA key exchange.
    "AES256-SHA",
    "AES128-SHA",
)
"""What PyKMIP's TLS1.2 offers and OpenSSL 3 still has, and the two that its users added by hand; last in preference."""


@frozen(kw_only=True)
class Offer:
    """What the server offers.

    ciphers: an OpenSSL cipher string for TLS 1.2.  meaning: one line for the log.
    unavailable: suites that are known, but that this OpenSSL, or a server without DH parameters, cannot do.
    """

    minimum_version: ssl.TLSVersion = TLS_1_2
    maximum_version: ssl.TLSVersion = TLS_1_3
    ciphers: str = FORWARD_SECRET_AEAD
    meaning: str
    unavailable: tuple[str, ...] = ()


OFFERS: Final[Mapping[str, Offer]] = {
    "Basic": Offer(meaning="TLS 1.2 and 1.3, suites with forward secrecy and authenticated encryption"),
    "TLS1.2": Offer(
        ciphers=":".join([FORWARD_SECRET_AEAD, *CBC_OF_OLD_CLIENTS]),
        meaning="TLS 1.2 and 1.3, also the CBC suites that old clients need",
    ),
    "TLS1.3": Offer(minimum_version=TLS_1_3, meaning="TLS 1.3 only"),
}
"""What each auth_suite means here; Basic was TLS 1.0 once, which no current OpenSSL speaks."""

_OPENSSL_NAMES: Final[Mapping[str, str]] = {
    spelling.upper(): openssl for iana, openssl in SUITE_NAMES.values() for spelling in (iana, openssl)
}
_OF_TLS_1_3: Final = frozenset(openssl for _, openssl in SUITE_NAMES.values() if openssl.startswith("TLS_"))


def choose_offer(auth_suite: str, suites: Sequence[str] = ()) -> Offer:
    """Return what to offer.  Raises ValueError for unknown suites, or if none of them can be done here."""
    if not suites:
        return OFFERS[auth_suite]
    check_suites(suites)
    names = [_OPENSSL_NAMES[name.upper()] for name in suites]
    has_1_3 = not _OF_TLS_1_3.isdisjoint(names)
    older = [name for name in names if name not in _OF_TLS_1_3]
    able = [name for name in older if _is_able(name)]
    if not able and not has_1_3:
        raise ValueError(
            f"none of {' '.join(suites)} can be done with {ssl.OPENSSL_VERSION}; "
            "add TLS_AES_256_GCM_SHA384 or ECDHE-RSA-AES256-GCM-SHA384"
        )
    versions = " and ".join(["TLS 1.2"] * bool(able) + ["TLS 1.3"] * has_1_3)
    return Offer(
        minimum_version=TLS_1_2 if able else TLS_1_3,
        maximum_version=TLS_1_3 if has_1_3 else TLS_1_2,
        ciphers=":".join(able) or FORWARD_SECRET_AEAD,
        meaning=f"{versions}, suites {' '.join(able + [name for name in names if name in _OF_TLS_1_3])}",
        unavailable=tuple(name for name in older if name not in able),
    )


def check_suites(names: Iterable[str]) -> None:
    """Raise ValueError if some of the names are those of no cipher suite, each with the nearest that is."""
    problems = []
    for name in names:
        if name.upper() not in _OPENSSL_NAMES:
            near = get_close_matches(name.upper(), _OPENSSL_NAMES, n=1)
            guess = f"; did you mean {near[0]}?" if near else ""
            problems.append(f"{name!r} is no TLS cipher suite by its IANA or OpenSSL name{guess}")
    if problems:
        raise ValueError("; ".join(problems))


def name_of(code: int) -> str:
    """Return the OpenSSL name of a suite's number, or the number in hex."""
    return SUITE_NAMES[code][1] if code in SUITE_NAMES else f"0x{code:04X}"


def _is_able(openssl_name: str) -> bool:
    """Return whether this OpenSSL can do a suite of TLS 1.2 with an RSA or EC certificate and no DH parameters."""
    if openssl_name.startswith(("DHE-", "NULL")) or "-NULL-" in openssl_name:
        return False
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.set_ciphers(openssl_name)
    except ssl.SSLError:
        return False
    return any(cipher["name"] == openssl_name for cipher in context.get_ciphers())
