"""Where the official cases are on this machine."""

import os
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DEFAULT_FOLDER: Final = ROOT.parent / "shared" / "oasis"


def cases_folder(option: str | None = None) -> Path:
    """Return the folder of the official cases: the option, else KMIPD_OASIS, else beside the repository."""
    return Path(option or os.environ.get("KMIPD_OASIS") or DEFAULT_FOLDER)
