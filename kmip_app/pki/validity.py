"""The dates of certificates and revocation lists: what is in force, for how long, and what to do about it."""

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from cryptography import x509

from kmip_core.classes import frozen

WARN_BEFORE: Final = (1, 7, 30)  # days
DAY: Final = dt.timedelta(days=1)

Kind = Literal["server", "ca", "crl", "client"]

_PEM_CRL: Final = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)

_RENEW: Final = {
    "server": "put a new certificate there; those of the built-in PKI are renewed by the running server",
    "ca": "renew the CA; `kmipd pki renew-ca` renews the built-in one",
    "crl": "put a new list of that CA there",
    "client": "issue a new one",
}


@frozen(kw_only=True)
class Validity:
    """From when to when one certificate or list holds.  not_after: None for a list without an end."""

    kind: Kind
    path: Path
    name: str
    serial: str = ""
    not_before: dt.datetime
    not_after: dt.datetime | None

    def days_left(self, now: dt.datetime) -> float | None:
        """Return the days until the end, below zero after it; None if there is none."""
        return None if self.not_after is None else (self.not_after - now) / DAY

    def problem(self, now: dt.datetime) -> str | None:
        """Return why it does not hold now, with the remedy, or None."""
        if now < self.not_before:
            begins = f"{self.path}: {self.name} is valid only from {_day(self.not_before)} on, and the clock says"
            return f"{begins} {_day(now)}; set the clock, or make it anew"
        if self.not_after is not None and now >= self.not_after:
            return f"{self.path}: {self.name} ended on {_day(self.not_after)}; {_RENEW[self.kind]}"
        return None

    def warning(self, now: dt.datetime) -> str | None:
        """Return what to say while the end is near, or None."""
        days = self.days_left(now)
        if days is None or self.not_after is None or not 0 < days <= max(WARN_BEFORE):
            return None
        left = "less than a day" if days < 1 else f"{int(days)} day{'s' * (int(days) != 1)}"
        return f"{self.path}: {self.name} ends in {left}, on {_day(self.not_after)}; {_RENEW[self.kind]}"


def threshold(days: float) -> int | None:
    """Return which of the warnings' thresholds, in days, has been passed last: 0 after the end; None if none."""
    if days <= 0:
        return 0
    return next((limit for limit in WARN_BEFORE if days <= limit), None)


def certificates_of(path: Path, kind: Kind) -> Iterator[Validity]:
    """Yield the dates of all certificates in a PEM file; nothing for a file that holds none or cannot be read."""
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (ValueError, OSError):
        return
    for certificate in found:
        yield Validity(
            kind=kind,
            path=path,
            name=certificate.subject.rfc4514_string() or "a certificate without a subject",
            serial=f"{certificate.serial_number:x}",
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )


def lists_of(path: Path) -> Iterator[Validity]:
    """Yield the dates of all revocation lists in a PEM file."""
    try:
        lists = [x509.load_pem_x509_crl(block) for block in _PEM_CRL.findall(path.read_bytes())]
    except (ValueError, OSError):
        return
    for one in lists:
        yield Validity(
            kind="crl",
            path=path,
            name=f"the revocation list of {one.issuer.rfc4514_string()}",
            not_before=one.last_update_utc,
            not_after=one.next_update_utc,
        )


def _day(instant: dt.datetime) -> str:
    return instant.strftime("%Y-%m-%d %H:%M UTC")
