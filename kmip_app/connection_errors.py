"""What a lost connection, or one that never was, is in words, and what to do."""

import ssl
from typing import Final

from kmip_app.system_errors import reason_of


def explained(error: BaseException) -> str:
    """Return what has happened and, where TLS is the reason and it is known, what to do."""
    remedy = remedy_of_tls(error) if isinstance(error, ssl.SSLError) else ""
    return f"{reason_of(error)}{remedy and ': '}{remedy}"


def remedy_of_tls(error: BaseException) -> str:
    """Return what to do where a handshake, or the connection right after it, has failed; "" if that is not known."""
    text = str(error).upper()
    return next((remedy for part, remedy in _REMEDIES if part in text), "")


_REMEDIES: Final = (
    ("WRONG_VERSION_NUMBER", "what listens there speaks no TLS: check the port"),
    ("CERTIFICATE_REQUIRED", "the server wants a client certificate: name it and its key (--cert and --key)"),
    ("UNKNOWN_CA", "the server does not trust the CA of this client's certificate: have it issued by the server's CA"),
    ("CERTIFICATE_EXPIRED", "the server takes this client's certificate for expired: check both clocks, or renew it"),
    ("CERTIFICATE_REVOKED", "the server takes this client's certificate for revoked: have a new one issued"),
    ("UNSUPPORTED_CERTIFICATE", "have a client certificate issued with Extended Key Usage clientAuth"),
    ("BAD_CERTIFICATE", "the server refuses this client's certificate: check its CA, dates and Extended Key Usage"),
    ("CERTIFICATE_UNKNOWN", "the server refuses this client's certificate: check its CA, dates and Extended Key Usage"),
    ("ACCESS_DENIED", "the server refuses the identity in this client's certificate"),
    ("PROTOCOL_VERSION", "client and server have no TLS version in common"),
    ("HANDSHAKE_FAILURE", "no suite in common, or the server wants another kind of client certificate"),
    ("INSUFFICIENT_SECURITY", "the server wants stronger suites than this client offers"),
    ("TIMED OUT", "the server does not answer: it may speak no TLS on this port, or be busy"),
    ("CLOSED", "the server ends the connection without a reason: check the client certificate, and the server's log"),
    ("RESET", "the server ends the connection without a reason: check the client certificate, and the server's log"),
    ("EOF", "the server ends the connection without a reason: check the client certificate, and the server's log"),
)
"""A part of OpenSSL's text -> what to do."""
