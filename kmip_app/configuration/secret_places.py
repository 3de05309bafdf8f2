"""Where a secret comes from: not the command line, settings or the environment, which others can read.

| Written | The secret is |
|---|---|
| `file:PATH` | what the file holds; others may not be able to read it |
| `credential:NAME` | what the service manager puts at `$CREDENTIALS_DIRECTORY/NAME` |
| `fd:N` | what the open file descriptor gives, once |

A line end at the end belongs to the editor and is left out.
"""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from kmip_app.configuration.setting_types import Kind, read_path, read_url
from kmip_core.classes import frozen

FORMS: Final = "file:PATH, credential:NAME for a file in $CREDENTIALS_DIRECTORY, fd:N for an open file descriptor"
FILE_SUFFIX: Final = "_file"
"""`NAME_file = PATH` in a file and `KMIPD_NAME_FILE` in the environment mean `NAME = file:PATH`."""

CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
MAXIMUM_BYTES: Final = 4_096

_PLACE: Final = re.compile(
    r"fd:(?P<descriptor>[0-9]{1,6})|credential:(?P<credential>[A-Za-z0-9_][A-Za-z0-9_.-]{0,254})|file:(?P<file>.+)",
    re.DOTALL,
)
_given: Final[dict[int, bytes]] = {}  # what a descriptor gave: it does so only once, and a reload asks again


def taken() -> Mapping[int, bytes]:
    """Return what open descriptors gave to this process, for a child process that reads the same configuration."""
    return dict(_given)


def take(given: Mapping[int, bytes]) -> None:
    """Know what open descriptors gave to the parent process."""
    _given.update(given)


@frozen
class SecretPlace:
    """One place, as a setting or an option names it."""

    text: str

    def read(self) -> bytes:
        """Return the secret.  Raises ValueError with what to do; its text never holds what was read."""
        found = _PLACE.fullmatch(self.text)
        if found is None:
            raise ValueError(f"is no place of a secret; write {FORMS}")
        if found["descriptor"] is not None:
            content = _from_descriptor(int(found["descriptor"]))
        elif found["credential"] is not None:
            content = _from_credential(found["credential"])
        else:
            content = _from_file(read_path(found["file"]))
        if len(content) > MAXIMUM_BYTES:
            raise ValueError(f"{self.text} holds more than {MAXIMUM_BYTES} bytes; that is no secret")
        return content.removesuffix(b"\n").removesuffix(b"\r")

    @property
    def is_descriptor(self) -> bool:
        """Whether it can be read only once, and only by the process that has the descriptor."""
        return self.text.startswith("fd:")

    def __str__(self) -> str:
        return self.text


def is_place(value: Any) -> bool:
    """Return whether a value is written as the place of a secret."""
    return isinstance(value, SecretPlace) or (isinstance(value, str) and _PLACE.fullmatch(value.strip()) is not None)


def _place(value: Any) -> SecretPlace:
    if isinstance(value, SecretPlace):
        return value
    text = str(value).strip()
    if _PLACE.fullmatch(text) is None:
        raise ValueError(f"is no place of a secret; write {FORMS}")  # not repeated: it may be the secret itself
    return SecretPlace(text)


def _url(value: Any) -> str:
    """Return a URL, or the one that a place holds; neither is ever repeated, for it may hold a password."""
    if not is_place(value):
        return read_url(value)
    try:
        return read_url(_place(value).read().decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("the place holds no text in UTF-8") from None


def _from_descriptor(number: int) -> bytes:
    if number not in _given:
        try:
            with os.fdopen(number, "rb") as file:
                _given[number] = file.read(MAXIMUM_BYTES + 3)
        except OSError as error:
            raise ValueError(f"file descriptor {number} cannot be read: {error.strerror}") from None
    return _given[number]


def _from_credential(name: str) -> bytes:
    folder = os.environ.get(CREDENTIALS)
    if not folder:
        raise ValueError(f"there is no ${CREDENTIALS}; let the service manager load the credential {name}")
    try:
        with (Path(folder) / name).open("rb") as file:
            return file.read(MAXIMUM_BYTES + 3)
    except OSError as error:
        raise ValueError(f"the credential {name} cannot be read: {error.strerror}") from None


def _from_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if _is_loose(status):
                mode = stat.S_IMODE(status.st_mode)
                raise ValueError(f"{path} holds a secret and others may read it (mode {mode:o}); chmod 600 it")
            return file.read(MAXIMUM_BYTES + 3)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None


def _is_loose(status: os.stat_result) -> bool:
    """Return whether others may read a file; a group may where root made the file for it, as Kubernetes does."""
    is_given_to_a_group = status.st_uid == 0 != os.geteuid()
    return bool(status.st_mode & (0o037 if is_given_to_a_group else 0o077))


SECRET: Final = Kind(accepts=FORMS, metavar="WHERE", read=_place)
"""The kind of settings and options that name a place."""

SECRET_URL: Final = Kind(accepts=f"URL of a database, or its place: {FORMS}", metavar="URL", read=_url)
"""The kind of a URL that may hold a password."""

__all__ = ["FILE_SUFFIX", "FORMS", "SECRET", "SECRET_URL", "SecretPlace", "is_place"]
