"""Errors of the operating system as one line for an operator: what, where, and what to do."""

import errno
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


def told(error: OSError) -> str:
    """Return an error as one line that names the file and what to do."""
    where = f"{error.filename}: " if error.filename else ""
    remedy = f"; {REMEDIES[error.errno]}" if error.errno in REMEDIES else ""
    return f"{where}{error.strerror or error}{remedy}"
