"""Faults of the server itself go to the log, under the correlation id in the answer to the client."""

import logging
import traceback
from typing import Final

LOG: Final = logging.getLogger("kmipd.fault")


class LoggedFaults:
    """Writes each fault with its call stack, and no values: locals may hold keys (R-LOG-1)."""

    def report(self, correlation_id: str, error: BaseException) -> None:
        """Keep one fault."""
        stack = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))
        # The text of an unforeseen exception can quote what it choked on, so only its type is logged.
        LOG.error("%s: %s\n%s", correlation_id, type(error).__name__, stack.rstrip())
