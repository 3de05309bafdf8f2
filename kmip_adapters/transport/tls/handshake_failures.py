"""Says why a handshake failed, so that the one line in the log is enough to mend it."""

import ssl
from collections.abc import Callable, Mapping
from typing import Final

from kmip_adapters.transport.tls.client_hello import VERSIONS, read_client_hello


def explain(error: ssl.SSLError, received: bytes, context: ssl.SSLContext) -> str:
    """Return one line: what happened, what it means, and what the client had offered.

    received: the first bytes of the connection, as far as they were kept.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        remedy = REMEDIES.get(error.verify_code)
        text = f"client certificate: {error.verify_message}" + (f": {remedy}" if remedy else "")
    else:
        reason = _words(error.reason or str(error))
        meaning = MEANINGS.get(error.reason or "")
        text = reason if meaning is None else f"{reason}: {meaning(context)}"
    return with_offer(text, received)


def cause(error: ssl.SSLError) -> str:
    """Return the cause of a failure for counters: one of a fixed set of words, whatever the client sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return CERTIFICATE_CAUSES.get(error.verify_code, "client certificate refused")
    return CAUSES.get(error.reason or "", "other")


def with_offer(text: str, received: bytes) -> str:
    """Return the text, and what the client had offered as far as that is known."""
    hello = read_client_hello(received)
    return text if hello is None else f"{text} (the client offers {hello})"


def _words(reason: str) -> str:
    return reason.replace("_", " ").lower()


def _suites(context: ssl.SSLContext) -> str:
    names = [cipher["name"] for cipher in context.get_ciphers() if _is_offered(cipher["protocol"], context)]
    return f"this server takes {' '.join(names)}; see tls_cipher_suites and auth_suite"


def _versions(context: ssl.SSLContext) -> str:
    taken = [name for number, name in VERSIONS.items() if context.minimum_version <= number <= context.maximum_version]
    return f"this server takes {', '.join(taken)}; see auth_suite"


def _is_offered(protocol: str, context: ssl.SSLContext) -> bool:
    if protocol == "TLSv1.3":
        return context.maximum_version >= ssl.TLSVersion.TLSv1_3
    return context.minimum_version <= ssl.TLSVersion.TLSv1_2


def _always(text: str) -> Callable[[ssl.SSLContext], str]:
    return lambda context: text


def _distrust(context: ssl.SSLContext) -> str:
    """Name both causes: clients in Go, among others, send one alert for either."""
    return (
        "the client does not accept this server's certificate: either it does not trust the CA (give it the CA's"
        f" certificate), or it knows the server by another name or address than the certificate's ({names(context)})"
    )


def names(context: ssl.SSLContext) -> str:
    """Return for which names and addresses the server's certificates are good."""
    known: tuple[str, ...] = getattr(context, "names", ())
    shown = ", ".join(known[:16]) + (f" and {len(known) - 16} more" if len(known) > 16 else "")
    return f"good for {shown}" if known else "it has none that clients look at"


def ended(context: ssl.SSLContext) -> str:
    """Return what it means when a client leaves without an alert, as many do instead of sending one."""
    return (
        "the client ended the connection, perhaps since it does not trust this server's certificate or knows the"
        f" server by another name or address than the certificate's ({names(context)})"
    )


_NO_CA: Final = "no CA of ca_path has issued it"

REMEDIES: Final[Mapping[int, str]] = {
    3: "crl_path holds no list of a CA in its chain",  # X509_V_ERR_UNABLE_TO_GET_CRL
    9: "compare the clocks",
    10: "the client needs a new one",
    12: "put a new list into crl_path",  # CRL has expired
    18: _NO_CA,  # self-signed
    19: _NO_CA,  # self-signed in the chain
    20: _NO_CA,  # no issuer
    21: _NO_CA,  # no issuer of the first
    26: "it is made for servers only; issue one with clientAuth",
}
"""What OpenSSL's verdicts on a certificate (X509_V_ERR_...) come to for the operator."""

MEANINGS: Final[Mapping[str, Callable[[ssl.SSLContext], str]]] = {
    "NO_SHARED_CIPHER": _suites,
    "UNSUPPORTED_PROTOCOL": _versions,
    "VERSION_TOO_LOW": _versions,
    "WRONG_VERSION_NUMBER": _always("what arrived is not TLS"),
    "HTTP_REQUEST": _always("a web browser or HTTP client spoke to the KMIP port"),
    "HTTPS_PROXY_REQUEST": _always("an HTTP client spoke to the KMIP port"),
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": _always("the client sent no certificate; configure one there"),
    "TLSV1_ALERT_UNKNOWN_CA": _distrust,
    "SSLV3_ALERT_BAD_CERTIFICATE": _distrust,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _distrust,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": _always("the client says that this server's certificate has expired"),
}
"""What OpenSSL's reasons come to for the operator."""

NO_ANSWER: Final = "client left"
TIMED_OUT: Final = "timed out"

CERTIFICATE_CAUSES: Final[Mapping[int, str]] = {
    10: "client certificate expired",
    12: "revocation list expired",
    18: "client certificate of another CA",
    19: "client certificate of another CA",
    20: "client certificate of another CA",
    21: "client certificate of another CA",
    23: "client certificate revoked",
    26: "client certificate of a server",
}
"""OpenSSL's verdicts on a certificate (X509_V_ERR_...) as counters name them."""

CAUSES: Final[Mapping[str, str]] = {
    "NO_SHARED_CIPHER": "no shared suite",
    "UNSUPPORTED_PROTOCOL": "version",
    "VERSION_TOO_LOW": "version",
    "WRONG_VERSION_NUMBER": "not TLS",
    "HTTP_REQUEST": "not TLS",
    "HTTPS_PROXY_REQUEST": "not TLS",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "no client certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "client refused the server",
    "SSLV3_ALERT_BAD_CERTIFICATE": "client refused the server",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "client refused the server",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "client refused the server",
}
"""OpenSSL's reasons as counters name them."""
