"""How much of what could go on for ever is done: little for every change, all of it with `pytest --nightly`."""

import os
from typing import Final

NIGHTLY: Final = "PYTEST_OF_KMIPD_NIGHTLY"
"""Set by `--nightly` for all processes of a session; no KMIPD_ variable, which servers would take for a setting."""


def rounds(usual: int, *, nightly: int) -> int:
    """Return how many rounds, examples or objects this session takes."""
    return nightly if os.environ.get(NIGHTLY) else usual
