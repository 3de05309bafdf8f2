"""Published test vectors, read from the package `cryptography_vectors` (Apache-2.0 or BSD; NIST CAVP, RFCs and others).

The files are blocks of "name = value" between blank lines. A block without the field that makes it a test (`marker`)
holds for all tests after it, as do the sections in brackets.
"""

from collections.abc import Iterator
from pathlib import Path

import cryptography_vectors

ROOT = Path(cryptography_vectors.__file__).parent


class Vector(dict[str, str]):
    """One test: fields by lower-case name."""

    def bytes(self, name: str) -> bytes:
        return bytes.fromhex(self[name])

    def int(self, name: str) -> int:
        return int(self[name], 16)


def vectors(path: str, marker: str) -> Iterator[Vector]:
    """Every test of a file under `ROOT`."""
    held: dict[str, str] = {}
    block: dict[str, str] = {}
    for line in [*(ROOT / path).read_text().splitlines(), ""]:
        text = line.strip()
        if text.startswith("#"):
            continue
        if text.startswith("["):
            header = text.strip("[]")
            for part in header.split(",") if "=" in header else [header]:
                name, equals, value = part.partition("=")
                held[name.strip().lower() if equals else "section"] = (value if equals else part).strip()
        elif "=" in text:
            name, _, value = text.partition("=")
            block[name.strip().lower()] = value.strip()
        elif text:
            block[text.lower()] = ""
        elif block:
            if marker in block:
                yield Vector(held | block)
            else:
                held |= block
            block = {}
