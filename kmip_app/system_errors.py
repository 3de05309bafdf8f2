"""Errors of the operating system as one line for an operator: what, where, and what to do."""

import errno
import os
import ssl
from typing import Final

REMEDIES: Final = {
    errno.EADDRINUSE: "stop what listens there, or choose another port (0 for any free one)",
    errno.EADDRNOTAVAIL: "name an address that this machine has, or 0.0.0.0",
    errno.EACCES: "let this user do that, or choose another place",
    errno.EEXIST: "choose another place, for a file is in the way",
    errno.EISDIR: "name a file in it",
    errno.ENOENT: "create it first, or choose another place",
    errno.ENOSPC: "make room, or choose another place",
    errno.ENOTDIR: "choose another place, for a file is in the way",
    errno.EPERM: "let this user do that, or choose another place",
    errno.EROFS: "choose another place, for example with --data-dir",
}

REMEDIES_OF_PORTS: Final = {errno.EACCES: "choose a port above 1023, or let this user have it"}
"""Where no file is spoken of."""


def reason_of(error: BaseException) -> str:
    """Return what has happened, without the numbers that Python and OpenSSL put around it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not accepted: {error.verify_message.rstrip('.')}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    if isinstance(error, TimeoutError) and error.errno is None:
        return str(error) or "timed out"  # asyncio's has no text
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno).lower()  # asyncio writes "Connect call failed (...)" instead
    text = getattr(error, "strerror", None)
    return text.lower() if text else str(error) or type(error).__name__


def described(error: OSError) -> str:
    """Return an error as one line that names the file and what to do."""
    where = f"{error.filename}: " if error.filename else ""
    remedies = REMEDIES if error.filename else REMEDIES | REMEDIES_OF_PORTS
    remedy = f"; {remedies[error.errno]}" if error.errno in remedies else ""
    return f"{where}{error.strerror or error}{remedy}"
