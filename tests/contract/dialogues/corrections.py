"""Recorded lines whose answer is no longer the right one: file -> line -> the reason from the standard.

Such a line is played, for later ones build on it, but its answer is not compared.
"""

from collections.abc import Mapping
from typing import Final

CORRECTIONS: Final[Mapping[str, Mapping[int, str]]] = {}
