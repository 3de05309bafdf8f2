"""What a running server does for its certificates every day: renews the built-in ones, warns of the end of all."""

import datetime as dt
import logging
from collections.abc import Callable
from typing import Final, Protocol

from kmip_app.configuration.config import Configuration
from kmip_app.parts import Parts
from kmip_app.pki.authority import PkiError, ensure_pki
from kmip_app.pki.own_names import certificate_names
from kmip_app.pki.validity import Validity, threshold

LOG: Final = logging.getLogger("kmip_app")


class Dated(Protocol):
    """Knows the dates of all certificates in use."""

    def validities(self) -> list[Validity]:
        """Return them as the files are now."""
        ...


class CertificateCare:
    """Care of one server's certificates.  now: aware."""

    def __init__(
        self,
        configuration: Configuration,
        container: Parts,
        dated: Dated,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._configuration = configuration
        self._container = container
        self._dated = dated
        self._now = now
        self._warned: dict[tuple[str, str], int | None] = {}

    def look(self) -> None:
        """Renew the built-in server certificates if a third of their life is left; warn before an end, and at it.

        Before is 30, 7 and 1 days.

        What is renewed is used from the next connection on: the files are watched.
        """
        if self._configuration.certificate_path is None:
            self._renew()
        now = self._now()
        for validity in self._dated.validities():
            days = validity.days_left(now)
            passed = None if days is None else threshold(days)
            key = (str(validity.path), validity.serial)
            if passed is not None and self._warned.get(key) != passed:
                LOG.warning("%s", validity.problem(now) or validity.warning(now))
            self._warned[key] = passed

    def _renew(self) -> None:
        folder = self._container.pki().directory
        names = certificate_names(self._configuration.hostname, self._configuration.certificate_names)
        try:
            ensure_pki(folder, hostnames=names, now=self._now(), is_early=True)
        except PkiError as error:
            LOG.error("the built-in certificates cannot be renewed: %s", error)
