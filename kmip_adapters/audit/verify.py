"""The check of a trail: is it whole, and is every line as it was written?

Each chain of a folder is read from its first file to its last. Any change of a line, a removal or an insertion in
the middle, and any change of order is found. What the files alone cannot show, and a head that was kept elsewhere
does: that lines were cut off the end, or that somebody wrote the whole chain anew (the hashes have no key).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

from kmip_adapters.audit import files
from kmip_adapters.audit.file_trail import SHORTENED, SHORTENED_TEXT
from kmip_adapters.audit.lines import Head, Line, read_line


@frozen
class Problem:
    """One thing that is not as it should be.  line: its number in the file, from 1; 0 for the file itself."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}" if self.line else f"{self.path}: {self.text}"


def verify(folder: Path, heads: Mapping[str, Head] | None = None) -> list[Problem]:
    """Return the problems of all chains in `folder`, none if the trail is whole.

    heads: by chain, what `FileTrail.head` was at some earlier time.  Raises OSError where a file cannot be read.
    """
    heads = heads or {}
    problems: list[Problem] = []
    for chain in files.chains(folder):
        problems += _verify_chain(folder, chain, heads.get(chain))
    problems += [
        Problem(folder / f"{chain}.jsonl", 0, f"chain {chain} is missing; it had {head.sequence} records")
        for chain, head in sorted(heads.items())
        if head.sequence and chain not in files.chains(folder)
    ]
    return problems


def _verify_chain(folder: Path, chain: str, known: Head | None) -> Iterator[Problem]:
    head = Head()
    shortened_to = 1
    begins = 1
    beginning: Problem | None = None  # held back: a later note of the trail may account for it
    found_known = known is None or known.sequence == 0
    path, number = folder / f"{chain}.jsonl", 0
    for path, number, raw in _raw_lines(files.of_chain(folder, chain)):
        line = _read(raw)
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
        if known is not None and known.sequence == line.sequence:
            found_known = True
            if known.hash != line.hash:
                yield Problem(path, number, f"is not the record {known.sequence} of which the hash was kept")
        if line.record.get("event") == SHORTENED and not line.record.get("principal"):
            shortened_to = max(shortened_to, _begins_at(str(line.record.get("message", ""))))
    if beginning is not None and begins > shortened_to:
        yield beginning
    if known is not None and not found_known and not (head.sequence > known.sequence < shortened_to):
        yield Problem(path, number, f"ends at sequence {head.sequence}; it had {known.sequence} records")


def _raw_lines(paths: list[Path]) -> Iterator[tuple[Path, int, bytes]]:
    for path in paths:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                yield path, number, raw


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
