"""Examples out of our pages, so that tests run what readers see."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
_BLOCK: Final = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE: Final = re.compile(r"# (\w+\.py)\n")


def python_blocks(page: str) -> list[str]:
    """Return the Python examples of a page, in order."""
    return _BLOCK.findall((ROOT / page).read_text("utf-8"))


def files(page: str) -> dict[str, str]:
    """Return those examples that say by their first line which file they are."""
    return {match[1]: block for block in python_blocks(page) if (match := _FILE.match(block))}


def pieces(page: str) -> list[str]:
    """Return those that do not."""
    return [block for block in python_blocks(page) if not _FILE.match(block)]
