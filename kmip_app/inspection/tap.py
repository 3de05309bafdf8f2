"""The tap: what clients ask and what the server answers, in a file, without secrets.

One line of JSON for each answered message: time, client, request and response in hexadecimal, redacted. `kmipd inspect`
reads it. Bytes that are no TTLV are not written, because nothing in them could be hidden; only their number is.
"""

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kmip_adapters.ttlv.encodings import binary
from kmip_adapters.ttlv.encodings.items import DecodingError
from kmip_app.client.plain import date
from kmip_app.inspection.redaction import redacted
from kmip_app.system_errors import reason_of
from kmip_core.classes import define, frozen
from kmip_core.errors import KmipError
from kmip_core.messages import UsernameAndPassword
from kmip_core.ports.steps import MoveTo, Pace, Pause, Step, Wait
from kmip_core.ports.system import Clock
from kmip_core.ports.transport import Answer, ConnectionEnd, Job, RoleSwap, Service
from kmip_core.principal import Principal

MODE: Final = 0o600
LOG: Final = logging.getLogger("kmip_app")


class Tap:
    """A file that is appended to, line by line, for any thread; it may be moved away meanwhile."""

    def __init__(self, path: Path) -> None:
        """Raises OSError if the file cannot be written."""
        self._path = path
        self._has_failed = False
        os.close(self._open())

    def write(self, now: int, client: str, request: bytes, response: bytes) -> None:
        """Append one exchange.  A full disk costs the record, and a line in the log, not the answer."""
        record = {"time": date(now), "client": client, **_side("request", request), **_side("response", response)}
        line = json.dumps(record, ensure_ascii=False) + "\n"
        try:
            descriptor = self._open()
            try:
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            if not self._has_failed:
                LOG.warning("the tap cannot be written: %s", reason_of(error))
            self._has_failed = True

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, MODE)


def _side(name: str, octets: bytes) -> dict[str, str | int]:
    if not octets:
        return {}
    try:
        return {name: binary.encode(redacted(binary.decode(octets))).hex()}
    except (DecodingError, KmipError):
        return {f"{name}_bytes": len(octets)}


@frozen
class TappedService:
    """A `Service` (kmip_core.ports.transport) that writes down the requests and answers of another one."""

    service: Service
    tap: Tap
    clock: Clock

    def open(self, frame: bytes, principal: Principal, credentials: Sequence[UsernameAndPassword] = ()) -> Job:
        """Decode one whole message."""
        job = self.service.open(frame, principal, credentials)
        return TappedJob(job=job, frame=frame, principal=principal, tapped=self)

    def refuse(self, error: KmipError) -> bytes:
        """Return the whole response to what is not opened."""
        answer = self.service.refuse(error)
        self.tap.write(self.clock.now(), "", b"", answer)
        return answer


@define(kw_only=True)
class TappedJob:
    """A `Job` whose answer is written down before it is sent."""

    job: Job
    frame: bytes
    principal: Principal
    tapped: TappedService

    @property
    def pace(self) -> Pace:
        """That of the job."""
        return self.job.pace

    @property
    def title(self) -> str:
        """That of the job."""
        return self.job.title

    def run(self) -> Answer | Step:
        """Begin, or go on."""
        outcome = self.job.run()
        if not isinstance(outcome, Wait | MoveTo | Pause):
            self._write(outcome.octets if isinstance(outcome, ConnectionEnd | RoleSwap) else outcome)
        return outcome

    def curtail(self, error: KmipError) -> None:
        """Call off the items that have not begun."""
        self.job.curtail(error)

    def decline(self, error: KmipError) -> bytes:
        """Return the whole response that fails every batch item."""
        answer = self.job.decline(error)
        self._write(answer)
        return answer

    def _write(self, answer: bytes) -> None:
        self.tapped.tap.write(self.tapped.clock.now(), self.principal.name, self.frame, answer)
