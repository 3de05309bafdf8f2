"""Kinds of settings: what a text may say, and the value it then is.

Every reader takes the text of a file, the environment or the command line, or a value that a Python caller gave, and
raises ValueError whose text says what is wrong and what would be right; the caller adds the setting's name and place.
"""

import enum
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from kmip_core.classes import frozen

BOOLEANS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("1", "yes", "true", "on"), True),
    **dict.fromkeys(("0", "no", "false", "off"), False),
}
"""What Python's configparser takes, and PyKMIP with it."""


@frozen(kw_only=True)
class Kind:
    """One kind.  accepts: what to write, for people.  write: the text of a value, for the documentation."""

    accepts: str
    metavar: str
    read: Callable[[Any], Any]
    write: Callable[[Any], str] = str
    is_flag: bool = False


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is not a text; write one")
    text = value.strip()  # a value on lines of its own begins with a new line
    if any(character < " " for character in text):
        raise ValueError("contains control characters; leave them out")
    return text


def _text_or_none(value: Any) -> str:
    text = _text(value)
    return "" if text.lower() == "none" else text


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in BOOLEANS:
        return BOOLEANS[value.strip().lower()]
    raise ValueError(f"{value!r} is neither true nor false; write True or False")


def _looked_at(read: Callable[[Any], Path]) -> Callable[[Any], Path]:
    """Tell as a problem of the value what the system says of a path: a folder on the way is closed, a name too long."""

    def told(value: Any) -> Path:
        try:
            return read(value)
        except OSError as error:
            raise ValueError(f"{read_path(value)} cannot be looked at ({_why(error)}); name another") from None

    return told


@_looked_at
def _existing_file(value: Any) -> Path:
    path = read_path(value)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; name a file")
    try:
        with path.open("rb"):
            return path
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist; create it or correct the path") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({_why(error)}); let this user read it") from None


@_looked_at
def _existing_path(value: Any) -> Path:
    path = read_path(value)
    if not path.exists():
        raise ValueError(f"{path} does not exist; create it or leave the setting out")
    if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
        raise ValueError(f"{path} cannot be read (permission denied); let this user read it")
    return path


@_looked_at
def _future_file(value: Any) -> Path:
    path = read_path(value)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; name a file in it")
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is a device or a pipe; name an ordinary file")
    if not path.parent.is_dir():
        raise ValueError(f"the folder {path.parent} does not exist; create it first")
    return path


@_looked_at
def _replaced_file(value: Any) -> Path:
    path = Path(os.path.realpath(_future_file(value)))  # of a link, what it leads to is written, not the link
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ValueError(f"the folder {path.parent} cannot be written by this user; choose another")
    return path


@_looked_at
def _folder(value: Any) -> Path:
    path = read_path(value)
    if path.exists() and not path.is_dir():
        raise ValueError(f"{path} is a file; name a folder")
    return path


def read_path(value: Any) -> Path:
    """Return an absolute path.  Raises ValueError."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    path = Path(_text(value))
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise ValueError(f"the home directory of {path.parts[0]} is not known; write the whole path") from None


def read_url(value: Any) -> str:
    """Return the URL of a database.  Raises ValueError, which does not repeat it: it may hold a password."""
    text = _text(value)
    if not re.match(r"[a-z][a-z0-9+.]*://", text):
        raise ValueError("is no URL; write for example sqlite:////var/lib/kmipd/kmipd.sqlite")
    return text


def _node_name(value: Any) -> str:
    text = _text(value)
    if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text) is None or text == "care":  # the chain of commands has that name
        raise ValueError("is no name of a node; write up to 64 letters, digits, '-' and '_', and not care")
    return text


def split_names(value: Any) -> tuple[str, ...]:
    """Split a list in any layout: lines, commas, spaces, or a Python sequence of names."""
    texts = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{value!r} is not a list of names; separate them by commas, spaces or new lines")
    names = tuple(name for text in texts for name in re.split(r"[\s,:;]+", text) if name)
    return tuple(dict.fromkeys(names))


def whole(low: int, high: int | None = None, unit: str = "") -> Kind:
    """Return the kind of whole numbers from `low` to `high`."""
    bounds = f"{low} or more" if high is None else f"{low} to {high}"

    def read(value: Any) -> int:
        try:
            number = value if isinstance(value, int) and not isinstance(value, bool) else int(_text(value))
        except ValueError:
            raise ValueError(f"{value!r} is not a whole number; write {bounds}") from None
        if number < low or (high is not None and number > high):
            raise ValueError(f"{number} is out of range; write {bounds}")
        return number

    return Kind(accepts=f"whole number, {bounds}{unit and f', {unit}'}", metavar=_metavar(unit), read=read)


def _metavar(unit: str) -> str:
    """Return what stands for a number in a help text: its unit, so that it need not be guessed."""
    word = unit.partition(",")[0]
    return word.upper() if word.isalpha() else "N"


def port_or_none() -> Kind:
    """Return the kind of ports of a listener that is optional; empty or `none` for no listener."""
    port = whole(0, 65_535)

    def read(value: Any) -> int | None:
        if value is None or (isinstance(value, str) and value.strip().lower() in {"", "none"}):
            return None
        number: int = port.read(value)
        return number

    def write(value: int | None) -> str:
        return "none" if value is None else str(value)

    return Kind(accepts=f"{port.accepts}, or none", metavar="N", read=read, write=write)


def seconds(*, or_never: bool = False) -> Kind:
    """Return the kind of times.  or_never: 0 means None, no limit."""

    def read(value: Any) -> float | None:
        try:
            number = float(value) if not isinstance(value, bool) else math.nan
        except (TypeError, ValueError):
            number = math.nan
        if not (0 <= number < math.inf) or (number == 0 and not or_never):
            raise ValueError(
                f"{value!r} is not a time in seconds; write a number above 0{', or 0 for never' * or_never}"
            )
        return number or None

    def write(value: float | None) -> str:
        return "0" if value is None else f"{value:g}"

    return Kind(accepts=f"seconds{', 0 for never' * or_never}", metavar="SECONDS", read=read, write=write)


def one_of(names: Iterable[str]) -> Kind:
    """Return the kind of a choice, any case."""
    return _choice({name.lower(): name for name in names})


def member_of(kind: type[enum.Enum]) -> Kind:
    """Return the kind of a choice among an enumeration's values."""
    return _choice({str(member.value).lower(): member for member in kind}, lambda member: str(member.value))


def _choice(values: Mapping[str, Any], write: Callable[[Any], str] = str) -> Kind:
    names = [write(value) for value in values.values()]

    def read(value: Any) -> Any:
        if not isinstance(value, str) and value in values.values():
            return value
        text = value.strip() if isinstance(value, str) else str(value)
        if text.lower() in values:
            return values[text.lower()]
        raise ValueError(f"{text!r} is not known; write one of {', '.join(names)}")

    return Kind(accepts=", ".join(names), metavar=f"[{'|'.join(names)}]", read=read, write=write)


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _write_names(names: tuple[str, ...]) -> str:
    return " ".join(names)


TEXT_OR_NONE: Final = Kind(
    accepts="text, or none", metavar="TEXT", read=_text_or_none, write=lambda text: text or "none"
)
TEXT: Final = Kind(accepts="text", metavar="TEXT", read=_text)
BOOLEAN: Final = Kind(accepts="True, False (or yes, no, on, off, 1, 0)", metavar="BOOLEAN", read=_boolean, is_flag=True)
EXISTING_FILE: Final = Kind(accepts="path of a file that exists", metavar="FILE", read=_existing_file)
EXISTING_PATH: Final = Kind(accepts="path of a file or folder that exists", metavar="PATH", read=_existing_path)
FUTURE_FILE: Final = Kind(accepts="path of a file in a folder that exists", metavar="FILE", read=_future_file)
REPLACED_FILE: Final = Kind(
    accepts="path of a file in a folder that can be written", metavar="FILE", read=_replaced_file
)
FOLDER: Final = Kind(accepts="path of a folder, made if need be", metavar="DIR", read=_folder)
LOG_FILE: Final = Kind(accepts="path of a file; its folder is made if need be", metavar="FILE", read=read_path)
NODE_NAME: Final = Kind(accepts="up to 64 letters, digits, - and _", metavar="NAME", read=_node_name)
URL: Final = Kind(accepts="URL of a database", metavar="URL", read=read_url)
NAMES: Final = Kind(
    accepts="names separated by commas, spaces or new lines", metavar="NAMES", read=split_names, write=_write_names
)
