"""Reads configuration files: PyKMIP's server.conf and kmipd.conf, which is the same with more keys.

An INI file with a section `[server]`, `%(key)s` interpolation, values that go on over indented lines, and sections
`[auth:slugs...]`. Nothing here knows what the values mean; the line of each is kept for complaints.
"""

import configparser
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import field

from kmip_app.configuration.config import Slugs
from kmip_app.configuration.setting_types import BOOLEAN, seconds
from kmip_core.classes import define, frozen

SECTION: Final = "server"
AUTH: Final = "auth:"
SLUGS: Final = "auth:slugs"
SLUGS_KEYS: Final = ("enabled", "url", "timeout")
MAXIMUM_SIZE: Final = 1024 * 1024  # bytes

MAY_BE_EMPTY: Final = frozenset({"hostname"})
"""Keys that say something without a value; all others count as left out then."""

_HEADER: Final = re.compile(r"\[(?P<name>.+)\]")
_OPTION: Final = re.compile(r"(?P<name>.+?)\s*[=:]")
_REMARKS: Final = ("#", ";")


@frozen(kw_only=True)
class Problem:
    """Something that stops the start.  where: file and line, variable or option.  text: what is wrong, what to do."""

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


@frozen(kw_only=True)
class Entry:
    """One key of a file: its text and where it stands.  is_default: it stands under [DEFAULT]."""

    value: str
    where: str
    is_default: bool = False


@define(kw_only=True)
class File:
    """A file that was read.  entries: the keys of `[server]` that have a value."""

    path: Path
    entries: dict[str, Entry] = field(factory=dict)
    slugs: tuple[Slugs, ...] = ()
    problems: list[Problem] = field(factory=list)
    warnings: list[str] = field(factory=list)


def read_file(path: Path) -> File:
    """Return what `path` says, with every problem of its form."""
    file = File(path=path)
    try:
        with path.open("rb") as opened:
            content = opened.read(MAXIMUM_SIZE + 1)
        if len(content) > MAXIMUM_SIZE:
            raise ValueError(f"is longer than {MAXIMUM_SIZE} bytes; name a configuration file")
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        return _hopeless(file, "the configuration file does not exist; correct the path or create it")
    except IsADirectoryError:
        return _hopeless(file, "is a folder; name a file in it")
    except OSError as error:
        return _hopeless(file, f"cannot be read ({(error.strerror or str(error)).lower()}); let this user read it")
    except UnicodeDecodeError:
        return _hopeless(file, "is not text in UTF-8; save it so")
    except ValueError as error:
        return _hopeless(file, str(error))
    parser = configparser.ConfigParser(strict=False)  # what is there twice is reported below, with its line
    try:
        parser.read_string(text, str(path))
    except configparser.MissingSectionHeaderError as error:
        return _hopeless(file, f"line {error.lineno}: stands before any section; begin with [{SECTION}]")
    except configparser.ParsingError as error:  # all else has been read
        for line, _ in error.errors:
            found = text.split("\n")[line - 1].strip()
            file.problems.append(
                Problem(where=f"{path} line {line}", text=f"{found!r} is neither key=value nor [section]; correct it")
            )
    lines = _Lines.of(text)
    _tell_duplicates(file, lines)
    if not parser.has_section(SECTION):
        return _hopeless(file, f"has no section [{SECTION}]; put the settings under that heading")
    file.entries = _values(file, parser, SECTION, lines)
    for section in parser.sections():
        _read_other_section(file, parser, section, lines)
    return file


def _read_other_section(file: File, parser: configparser.ConfigParser, section: str, lines: "_Lines") -> None:
    where = f"{file.path} line {lines.sections.get(section, 0)}"
    if section == SECTION:
        return
    if section.startswith(SLUGS):
        file.slugs += _slugs(file, section, _values(file, parser, section, lines), where)
    elif section.startswith(AUTH):
        file.problems.append(
            Problem(where=where, text=f"[{section}] is not known; group services are called [{SLUGS}], remove others")
        )
    else:  # PyKMIP passes over them too: server and client may share one file
        file.warnings.append(f"{where}: the section [{section}] is not read; settings belong under [{SECTION}]")


def _slugs(file: File, section: str, values: Mapping[str, Entry], where: str) -> tuple[Slugs, ...]:
    before = len(file.problems)
    for key, entry in values.items():
        if key not in SLUGS_KEYS and not entry.is_default:
            near = get_close_matches(key, SLUGS_KEYS, n=1)
            guess = f"did you mean {near[0]}?" if near else f"use {', '.join(SLUGS_KEYS)}"
            file.problems.append(Problem(where=entry.where, text=f"{key} is not known in [{section}]; {guess}"))
    enabled = _read(file, values.get("enabled"), "enabled", BOOLEAN.read, False)
    timeout = _read(file, values.get("timeout"), "timeout", seconds().read, Slugs(url="").timeout)
    if not enabled or len(file.problems) > before:
        return ()
    url = values["url"].value if "url" in values else ""
    if not _is_url(url):
        place = values["url"].where if "url" in values else where
        file.problems.append(Problem(where=place, text=f"url: {url!r} is no http or https URL; write the service's"))
        return ()
    return (Slugs(url=url.rstrip("/"), timeout=timeout),)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0 and not re.search(r"\s", text)


def _read(file: File, entry: Entry | None, key: str, read: Callable[[Any], Any], default: Any) -> Any:
    if entry is None:
        return default
    try:
        return read(entry.value)
    except ValueError as error:
        file.problems.append(Problem(where=entry.where, text=f"{key}: {error}"))
        return default


def _values(file: File, parser: configparser.ConfigParser, section: str, lines: "_Lines") -> dict[str, Entry]:
    """Return the keys of a section that have a value, interpolated, and those that [DEFAULT] has for it."""
    values: dict[str, Entry] = {}
    for key in parser[section]:
        is_default = (section, key) not in lines.options
        line = lines.options.get((parser.default_section if is_default else section, key), 0)
        where = f"{file.path} line {line}"
        try:
            value = parser.get(section, key)
        except configparser.InterpolationError as error:
            reason = str(error).splitlines()[0].rstrip(":.")
            file.problems.append(Problem(where=where, text=f"{key}: {reason}; write %% for a percent sign"))
            continue
        if value.strip() or key in MAY_BE_EMPTY:
            values[key] = Entry(value=value, where=where, is_default=is_default)
    return values


def _hopeless(file: File, text: str) -> File:
    file.problems.append(Problem(where=str(file.path), text=text))
    return file


def _tell_duplicates(file: File, lines: "_Lines") -> None:
    for line, what in lines.duplicates:
        file.problems.append(Problem(where=f"{file.path} line {line}", text=f"{what} is there twice; keep one"))


@define(kw_only=True)
class _Lines:
    """Where sections and keys stand; configparser does not tell."""

    sections: dict[str, int] = field(factory=dict)
    options: dict[tuple[str, str], int] = field(factory=dict)
    duplicates: list[tuple[int, str]] = field(factory=list)

    @classmethod
    def of(cls, text: str) -> "_Lines":
        """Find them by configparser's rule: a line that is indented deeper than a key goes on with its value."""
        lines, section, name, depth = cls(), "", "", 0
        for number, line in enumerate(text.split("\n"), 1):
            content = line.strip()
            if not content or content.startswith(_REMARKS):
                continue
            indent = len(line) - len(line.lstrip())
            if name and indent > depth:
                continue
            depth = indent
            if header := _HEADER.match(content):
                section, name = header["name"], ""
                if section in lines.sections:
                    lines.duplicates.append((number, f"[{section}]"))
                lines.sections.setdefault(section, number)
            elif option := _OPTION.match(content):
                name = option["name"].lower()
                if (section, name) in lines.options:
                    lines.duplicates.append((number, name))
                lines.options.setdefault((section, name), number)
        return lines
