"""The root key behind a program of the operator's: a cloud KMS, a TPM tool, anything that wraps and unwraps.

The program is called with one argument and answers on standard output; exit code 0 is success, and what it writes to
standard error is shown to the operator:

| Argument | Standard input | Standard output |
|---|---|---|
| `wrap` | base64 of 32 bytes, a line end | base64 of the wrapped form, of 3,000 bytes at most |
| `unwrap` | base64 of the wrapped form, a line end | base64 of the 32 bytes |

It is called once at a start; no shell is involved, and nothing of a client reaches it.
"""

import base64
import binascii
import shlex
import subprocess
from typing import Final

from kmip_core.ports.sealing import RootKeyUnavailable

SECONDS: Final = 30.0
MAXIMUM_WRAPPED_BYTES: Final = 3_000


class CommandWrapper:
    """The program.  command: as a shell splits it into words.  Raises ValueError for a command without words."""

    kind = "command"

    def __init__(self, command: str) -> None:
        self._words = tuple(shlex.split(command))
        if not self._words:
            raise ValueError("names no program")

    def wrap(self, key: bytes) -> bytes:
        """Have the program wrap.  Raises RootKeyUnavailable."""
        wrapped = self._run("wrap", key)
        if not 0 < len(wrapped) <= MAXIMUM_WRAPPED_BYTES:
            raise RootKeyUnavailable(
                f"`{self._words[0]} wrap` must print 1 to {MAXIMUM_WRAPPED_BYTES} bytes, not {len(wrapped)}"
            )
        return wrapped

    def unwrap(self, wrapped: bytes) -> bytes:
        """Have the program unwrap.  Raises RootKeyUnavailable."""
        return self._run("unwrap", wrapped)

    def _run(self, verb: str, given: bytes) -> bytes:
        program = f"`{self._words[0]} {verb}`"
        try:
            done = subprocess.run(  # noqa: S603  the operator's program, from the configuration
                [*self._words, verb],
                input=base64.b64encode(given) + b"\n",
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except OSError as error:
            raise RootKeyUnavailable(f"{program} cannot be run: {(error.strerror or str(error)).lower()}") from None
        except subprocess.TimeoutExpired:
            raise RootKeyUnavailable(f"{program} took longer than {SECONDS} s") from None
        if done.returncode:
            printed = done.stderr.decode("utf-8", "replace").strip()[:300]
            raise RootKeyUnavailable(f"{program} ended with exit code {done.returncode}: {printed}")
        try:
            return base64.b64decode(done.stdout.strip(), validate=True)
        except binascii.Error:
            raise RootKeyUnavailable(f"{program} must print base64, and did not") from None
