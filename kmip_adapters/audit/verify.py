"""The check of a trail: is it whole, and is every line as it was written?

Each chain of a folder is read from its first file to its last. Any change of a line, a removal or an insertion in
the middle, and any change of order is found. What the files alone cannot show, and a head that was kept elsewhere
does: that lines were cut off the end, or that the whole chain was written anew (the hashes have no key).
"""

import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from kmip_adapters.audit import files
from kmip_adapters.audit.file_trail import GAP, SHORTENED, SHORTENED_TEXT
from kmip_adapters.audit.lines import Head, Line, read_line
from kmip_core.classes import frozen


@frozen
class Problem:
    """One thing that is not as it should be.  line: its number in the file, from 1; 0 for the file itself."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}" if self.line else f"{self.path}: {self.text}"


def verify(
    folder: Path,
    heads: Mapping[str, Head | Iterable[Head]] | None = None,
    pause: Callable[[], object] = lambda: None,
) -> list[Problem]:
    """Return the problems of all chains in `folder`, none if the trail is whole.

    heads: by chain, what `FileTrail.head` was at an earlier time, or several.  Raises OSError where a file cannot be
        read.
    pause: called now and then, to let others work.
    """
    kept = {
        chain: {head.sequence: head.hash for head in ((known,) if isinstance(known, Head) else known) if head.sequence}
        for chain, known in (heads or {}).items()
    }
    found = files.chains(folder)
    problems: list[Problem] = []
    for chain in found:
        problems += _verify_chain(folder, chain, kept.get(chain, {}), pause)
    problems += [
        Problem(folder / f"{chain}.jsonl", 0, f"chain {chain} is missing; it had {max(known)} records")
        for chain, known in sorted(kept.items())
        if max(known, default=0) and chain not in found
    ]
    return problems


def verify_end(folder: Path, chain: str, known: Head) -> Problem | None:
    """Return why a chain does not go on from a head that was kept, looking no further back than that; None if it does.

    For the start of a server, whose trail may be long.
    """
    path = folder / f"{chain}.jsonl"
    paths = files.of_chain(folder, chain)
    if not known.sequence:
        return None
    if not paths:
        return Problem(path, 0, f"chain {chain} is missing; it had {known.sequence} records")
    last: Line | None = None
    for path in reversed(paths):
        for raw in files.backwards(path):
            line = _read(raw + b"\n")
            if isinstance(line, str):
                return Problem(path, 0, f"a record near the end {line}")
            if last is None and line.sequence < known.sequence:
                return Problem(path, 0, f"ends at sequence {line.sequence}; it had {known.sequence} records")
            if last is not None and (line.sequence != last.sequence - 1 or line.hash != last.previous):
                return Problem(path, 0, f"the record {last.sequence} does not follow from the one before it")
            if line.sequence == known.sequence:
                if line.hash == known.hash:
                    return None
                return Problem(path, 0, f"the record {known.sequence} is not the one of which the hash was kept")
            last = line
    if last is None:
        return Problem(path, 0, f"is empty; it had {known.sequence} records")
    return Problem(path, 0, f"begins at sequence {last.sequence}; the record {known.sequence} before it is missing")


def _verify_chain(folder: Path, chain: str, known: Mapping[int, str], pause: Callable[[], object]) -> Iterator[Problem]:
    head = Head()
    shortened_to = 1
    begins = 1
    beginning: Problem | None = None  # held back: a later note of the trail may account for it
    newest = max(known, default=0)
    path, number = folder / f"{chain}.jsonl", 0
    for path, number, raw in _raw_lines(files.of_chain(folder, chain)):
        if number % 1_000 == 0:
            pause()
        line = raw if isinstance(raw, str) else _read(raw)
        if isinstance(line, str):
            yield Problem(path, number, line)
            continue
        if line.chain != chain:
            yield Problem(path, number, f"belongs to chain {line.chain!r}")
        if head == Head() and line.sequence != 1:
            beginning = Problem(path, number, f"the records before sequence {line.sequence} are missing")
            begins = line.sequence
        elif line.sequence != head.sequence + 1:
            yield Problem(path, number, f"has sequence {line.sequence} where {head.sequence + 1} should follow")
        elif line.previous != head.hash:
            yield Problem(path, number, "does not follow from the record before it")
        head = Head(line.sequence, line.hash)
        if known.get(line.sequence, line.hash) != line.hash:
            yield Problem(path, number, f"is not the record {line.sequence} of which the hash was kept")
        if line.record.get("event") == GAP and not line.record.get("principal"):
            yield Problem(path, number, f"the server noted a gap: {line.record.get('message', '')}")
        if line.record.get("event") == SHORTENED and not line.record.get("principal"):
            shortened_to = max(shortened_to, _begins_at(str(line.record.get("message", ""))))
    if beginning is not None and begins > shortened_to:
        yield beginning
    if head.sequence == 0 and number == 0:
        yield Problem(path, 0, f"is empty{f'; it had {newest} records' if newest else ': its records are missing'}")
    elif head.sequence < newest:
        yield Problem(path, number, f"ends at sequence {head.sequence}; it had {newest} records")


def _raw_lines(paths: list[Path]) -> Iterator[tuple[Path, int, bytes | str]]:
    """Yield every line with its file and number, or the text of what is wrong with a file."""
    for path in paths:
        number = 0
        try:
            with files.open_lines(path) as file:
                for number, raw in enumerate(file, 1):
                    yield path, number, raw
        except (EOFError, lzma.LZMAError, zlib.error) as error:
            yield path, number + 1, f"cannot be unpacked: {error}"


def _read(raw: bytes) -> Line | str:
    """Return the line, or what is wrong with it."""
    if not raw.endswith(b"\n"):
        return "is unfinished: being written, or left by a crash (then the next start cuts it off)"
    try:
        line = read_line(raw[:-1])
    except ValueError:
        return "is not a record of the audit trail"
    return line if line.is_intact else "was changed: its hash does not fit"


def _begins_at(message: str) -> int:
    number = message.removeprefix(SHORTENED_TEXT)
    return int(number) if number.isdigit() else 1
