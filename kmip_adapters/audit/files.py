"""The files of a trail: how they are named, opened, read from the end and searched.

Files that were set aside may be compressed by anybody with gzip or xz; their names get the usual suffix then.
"""

import gzip
import lzma
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

from kmip_adapters.audit.lines import read_line

_BLOCK: Final = 65_536  # bytes


_ASIDE: Final = re.compile(r"(?P<chain>[A-Za-z0-9_-]{1,64})\.(?P<first>[0-9]{12})\.jsonl(?P<packed>\.gz|\.xz)?")
_CURRENT: Final = re.compile(r"(?P<chain>[A-Za-z0-9_-]{1,64})\.jsonl")


def chains(folder: Path) -> list[str]:
    """Return the names of the chains in a folder."""
    found = (_CURRENT.fullmatch(path.name) or _ASIDE.fullmatch(path.name) for path in folder.glob("*.jsonl*"))
    return sorted({match["chain"] for match in found if match})


def of_chain(folder: Path, chain: str) -> list[Path]:
    """Return all files of a chain, oldest first."""
    current = folder / f"{chain}.jsonl"
    return [*set_aside(folder, chain), *([current] if current.exists() else [])]


def set_aside(folder: Path, chain: str) -> list[Path]:
    """Return the files of a chain that were set aside, oldest first; of two forms of one, the plain one."""
    found: dict[int, Path] = {}
    for path in sorted(folder.glob(f"{chain}.*.jsonl*"), reverse=True):
        match = _ASIDE.fullmatch(path.name)
        if match and match["chain"] == chain:
            found[int(match["first"])] = path
    return [found[first] for first in sorted(found)]


def open_lines(path: Path) -> BinaryIO:
    """Open a file for reading its lines, whether it is compressed or not."""
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    if path.suffix == ".xz":
        return cast(BinaryIO, lzma.open(path, "rb"))
    return path.open("rb")


def name_aside(folder: Path, chain: str, first: int) -> Path:
    """Return the name for a full file whose first line has the sequence `first`."""
    return folder / f"{chain}.{first:012d}.jsonl"


def first_sequence(aside: Path) -> int:
    """Return the sequence that the name of a file set aside tells."""
    return int(aside.name.split(".")[1])


def open_file(path: Path, *, is_new: bool = False) -> int:
    """Return a descriptor for appending, the file's name being on disk; no other user may read it."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags | (os.O_EXCL if is_new else 0), 0o600)
    os.fchmod(descriptor, 0o600)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return descriptor


def last_line(descriptor: int, size: int) -> tuple[bytes | None, int]:
    """Return the last whole line, without its newline, and the number of bytes up to its end."""
    pieces = _backwards(descriptor, size)
    unfinished = next(pieces)
    return next(pieces, None), size - len(unfinished)


def last_line_of(path: Path) -> bytes | None:
    """Return the last whole line of a file that is not being written."""
    return next((line for line in backwards(path) if line), None)


def first_line(path: Path) -> bytes:
    """Return the first line, without its newline."""
    with open_lines(path) as file:
        return file.readline().rstrip(b"\n")


def backwards(path: Path) -> Iterator[bytes]:
    """Yield the whole lines of a file that is not being written, the last first."""
    if path.suffix in {".gz", ".xz"}:
        with open_lines(path) as file:
            yield from reversed(file.read().split(b"\n")[:-1])
        return
    with path.open("rb") as file:
        lines = _backwards(file.fileno(), path.stat().st_size)
        next(lines)  # what is not finished
        yield from lines


def find(folder: Path, record_ids: set[str], since: int) -> set[str]:
    """Return which of the records the chains of this folder hold, looking back to the time `since`."""
    found: set[str] = set()
    for chain in chains(folder):
        for path in reversed(of_chain(folder, chain)):
            if _find(path, record_ids, since, found):
                break
    return found


def _find(path: Path, record_ids: set[str], since: int, found: set[str]) -> bool:
    """Add what this file holds to `found`; return whether there is no need to look into older ones."""
    for raw in backwards(path):
        if found == record_ids:
            return True
        try:
            record = read_line(raw).record
        except ValueError:
            continue  # `verify` is what complains about it
        if record.get("record_id") in record_ids:
            found.add(record["record_id"])
        if record.get("time", since) < since:
            return True
    return False


def _backwards(descriptor: int, size: int) -> Iterator[bytes]:
    """Yield what newlines separate, the last first: at once what follows the last newline, mostly nothing."""
    rest = b""
    position = size
    while position > 0:
        step = min(_BLOCK, position)
        position -= step
        first, *others = (os.pread(descriptor, step, position) + rest).split(b"\n")
        yield from reversed(others)
        rest = first
    yield rest
