"""The version of this package; a module without imports of ours."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final


def _installed() -> str:
    try:
        return version("kmipd")
    except PackageNotFoundError:  # a checkout that is not installed
        return "0+unknown"


VERSION: Final = _installed()
