"""A program of the operator's that judges attestations: what measurements are right is known on the site alone.

It is started for each attestation, without a shell and without the server's environment. On standard input it has one
JSON object and then the end of the input; exit code 0 accepts, everything else refuses. What it prints is not read: it
keeps a log of its own. With all processes that it has started it is ended when its time is over.

| Member | Content |
|---|---|
| `identity` | in whose name the request runs |
| `address` | from where the client connects |
| `certificate_sha256` | digest of the client's certificate, hexadecimal |
| `attestation_type` | `TPM Quote`, `TCG Integrity Report` or `SAML Assertion` |
| `nonce_id`, `nonce_value` | the nonce, hexadecimal: fresh, given to this client, never used before |
| `measurement`, `assertion` | what the client sent, base64, or null |
"""

import contextlib
import json
import logging
import os
import signal
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Final

from kmip_core.classes import frozen
from kmip_core.messages import Attestation
from kmip_core.principal import Principal
from kmip_core.standard_names import standard_name

LOG: Final = logging.getLogger("kmipd.identity")
ENVIRONMENT: Final = {"PATH": os.defpath, "LANG": "C.UTF-8"}


@frozen
class CommandVerifier:
    """A `Verifier`. Re-entrant.  program: its absolute path.  seconds: that it may take."""

    program: Path
    seconds: float

    def accepts(self, attestation: Attestation, principal: Principal) -> bool:
        """Return whether the program accepts; the log says why it does not where the program itself fails."""
        try:
            code = self._run(_described(attestation, principal))
        except subprocess.TimeoutExpired:
            LOG.warning("%s took more than %g s for an attestation, and was ended", self.program, self.seconds)
            return False
        except OSError as error:
            LOG.error("%s cannot be run for an attestation: %s", self.program, error.strerror)
            return False
        if code < 0:
            LOG.warning("%s was ended by signal %d over an attestation", self.program, -code)
        return code == 0

    def _run(self, given: bytes) -> int:
        """Return the exit code.  Raises OSError, TimeoutExpired."""
        process = subprocess.Popen(  # noqa: S603  the operator's program, from the configuration
            [self.program],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=ENVIRONMENT,
            start_new_session=True,
        )
        try:
            process.communicate(given, self.seconds)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # it has not been waited for: the number is still its own
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
            if process.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
            raise
        return process.returncode


def _described(attestation: Attestation, principal: Principal) -> bytes:
    def text(octets: bytes | None) -> str | None:
        return None if octets is None else b64encode(octets).decode()

    described = {
        "identity": principal.name,
        "address": principal.address,
        "certificate_sha256": principal.certificate_digest.hex(),
        "attestation_type": standard_name(attestation.attestation_type),
        "nonce_id": attestation.nonce.nonce_id.hex(),
        "nonce_value": attestation.nonce.nonce_value.hex(),
        "measurement": text(attestation.attestation_measurement),
        "assertion": text(attestation.attestation_assertion),
    }
    return json.dumps(described).encode()
