"""What a server calls itself among those that work on one database.

Its audit chain has this name, and so have its records in the database's outbox. It must stay the same over restarts, or
records that were committed just before a crash would wait for a node that does not come back; and a copy of the data
directory, with which a further node is made, must not have it.
"""

import os
import re
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kmip_app.configuration.config import Configuration

SINGLE: Final = "main"
"""The name of a server that has its database for itself."""

_FILE: Final = "node"
_HOST_CHARACTERS: Final = 40
_FORM: Final = re.compile(r"(?P<name>[A-Za-z0-9_-]{1,64}) (?P<directory>[0-9]+)\n")


def node_name(configuration: Configuration) -> str:
    """Return the name of this process: that of its node, and a worker's with its number behind it.  Raises OSError."""
    name = _of_node(configuration)
    return name if configuration.worker is None else f"{name}-w{configuration.worker}"


def names_of_node(configuration: Configuration) -> Callable[[str], bool]:
    """Return the test whether a name is one that this node, or one of its workers, has or had.

    A file has one node at a time: there every name is its own.  Raises OSError.
    """
    if configuration.sqlite_path is not None:
        return lambda name: True
    form = re.compile(rf"{re.escape(_of_node(configuration))}(-w[0-9]+)?")
    return lambda name: form.fullmatch(name) is not None


def names_told_by(configuration: Configuration) -> Callable[[str], bool]:
    """Return the test whether a name is one that the data directory tells, also if it is a copy; nothing is made.

    Raises OSError.
    """
    path = configuration.data_directory / _FILE
    found = _FORM.fullmatch(path.read_text()) if path.exists() else None
    names = {configuration.node_name, None if found is None else found["name"]} - {None}
    form = re.compile(rf"({'|'.join(re.escape(name) for name in names if name)})(-w[0-9]+)?")
    return lambda name: bool(names) and form.fullmatch(name) is not None


def _of_node(configuration: Configuration) -> str:
    """Return the configured name; else the one that a data directory has, which is made if there is none.

    A file in the directory has it beside the directory's number in its file system: in a copy that is another one.
    Raises OSError.
    """
    if configuration.node_name is not None:
        return configuration.node_name
    if configuration.ephemeral or configuration.sqlite_path is not None:
        return SINGLE
    directory = configuration.data_directory
    number = str(directory.stat().st_ino)
    path = directory / _FILE
    found = _FORM.fullmatch(path.read_text()) if path.exists() else None
    if found is not None and found["directory"] == number:
        return found["name"]
    host = re.sub(r"[^A-Za-z0-9-]+", "-", socket.gethostname())[:_HOST_CHARACTERS].strip("-") or "node"
    name = f"{host}-{secrets.token_hex(4)}"
    _write(path, f"{name} {number}\n")
    return name


def _write(path: Path, text: str) -> None:
    """Write a file whole, durably."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
