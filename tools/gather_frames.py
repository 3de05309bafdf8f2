"""Gathers requests for `tools.record_frames` from what the project keeps: dialogues of real clients, vectors, cases.

    python -m tools.gather_frames FRAMES [--oasis DIRECTORY] [--versions 1.0,1.1]

Every request is written once for each version, with that version in its header and nothing else changed: what a version
does not have is refused, which is an answer as well. An identifier of an object is replaced by the place where an
answer gave it, a line of the file and its number there, so that a frame names what the server has given in an earlier
answer, whatever it gave in others. Dates and placeholders of the official cases are left as they are.
"""

import argparse
import gzip
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tools.record_frames import IDENTIFIER, identifiers_in, name_of_place

ROOT: Final = Path(__file__).resolve().parents[1]
VERSION_AT: Final = 16
"""Where a message has its Protocol Version: behind the heads of message and header."""

VERSION: Final = re.compile(rb"\x42\x00\x69\x01\x00\x00\x00\x20\x42\x00\x6a\x02\x00\x00\x00\x04(....)....", re.DOTALL)
LENGTH: Final = 40  # bytes of a Protocol Version

Exchange = tuple[bytes, bytes]
"""A request, and what was answered to it when it was recorded; empty if that is not known."""


def in_version(frame: bytes, major: int, minor: int) -> bytes:
    """Return a frame with another version in its header; as it is if its header does not begin with one."""
    if VERSION.match(frame, VERSION_AT) is None:
        return frame
    numbers = [b"\x42\x00" + bytes([tag]) + b"\x02\0\0\0\4" + number.to_bytes(4) + bytes(4) for tag, number in
               ((0x6A, major), (0x6B, minor))]  # fmt: skip
    begin = frame[: VERSION_AT + 8]
    return begin + b"".join(numbers) + frame[VERSION_AT + LENGTH :]


def of_dialogues(folder: Path) -> Iterator[list[Exchange]]:
    """Yield what each client said, and what it was answered."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt") as stream:
            entries = [json.loads(line) for line in stream]
        yield [(bytes.fromhex(entry["request"]), bytes.fromhex(entry["response"])) for entry in entries]


def of_vectors(folder: Path) -> Iterator[list[Exchange]]:
    """Yield the requests of the vectors, a version at a time; their identifiers name nothing."""
    for path in sorted(folder.glob("*.jsonl")):
        entries = map(json.loads, path.read_text().splitlines())
        yield [(bytes.fromhex(entry["ttlv"]), b"") for entry in entries if entry["message"] == "request"]


def of_cases(folder: Path) -> Iterator[list[Exchange]]:
    """Yield the exchanges of each official case; a placeholder for an identifier becomes an identifier of its own."""
    from kmip_adapters.ttlv.encodings import binary
    from kmip_adapters.ttlv.encodings.items import DecodingError, Item
    from kmip_app.conformance.cases import find_cases

    for number, case in enumerate(find_cases(folder)):
        made: dict[str, str] = {}

        def filled(item: Item, made: dict[str, str] = made, number: int = number) -> Item:
            if isinstance(item.value, tuple):
                return item._replace(value=tuple(filled(child) for child in item.value))
            if isinstance(item.value, str) and item.value.startswith("$UNIQUE_IDENTIFIER"):
                name = made.setdefault(item.value, f"dddddddd-{number:04x}-0000-0000-{len(made):012x}")
                return item._replace(value=name)
            return item

        try:
            messages = [(binary.encode(filled(asked)), binary.encode(filled(said))) for asked, said in case.exchanges]
        except (DecodingError, ValueError, OverflowError):
            continue
        yield messages


def lines(recordings: Iterable[list[Exchange]], versions: list[tuple[int, int]]) -> Iterator[bytes]:
    """Yield the frames of all recordings in all versions, identifiers replaced by the place of the answer."""
    line = 0
    for exchanges in recordings:
        for major, minor in versions:
            places: dict[bytes, bytes] = {}
            for request, response in exchanges:
                for number, identifier in enumerate(identifiers_in(response)):
                    places.setdefault(identifier, name_of_place(line, number))
                frame = IDENTIFIER.sub(lambda match: places.get(match[0], match[0]), request)  # noqa: B023  used at once
                yield in_version(frame, major, minor)
                line += 1


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", type=Path)
    parser.add_argument("--oasis", type=Path, default=ROOT.parent / "shared" / "oasis")
    parser.add_argument("--versions", default="1.0,1.1,1.2,1.3,1.4,2.0,2.1")
    arguments = parser.parse_args()
    versions = [(int(text.split(".")[0]), int(text.split(".")[1])) for text in arguments.versions.split(",")]
    tests = ROOT / "tests"
    recordings = [
        *of_dialogues(tests / "contract" / "dialogues"),
        *of_vectors(tests / "vectors"),
        *of_cases(arguments.oasis),
    ]
    with arguments.frames.open("w") as file:
        file.writelines(frame.hex() + "\n" for frame in lines(recordings, versions))


if __name__ == "__main__":
    main()
