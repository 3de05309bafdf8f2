"""The version of this package, from which its metadata is made (pyproject.toml)."""

from typing import Final

VERSION: Final = "0.1.0"
