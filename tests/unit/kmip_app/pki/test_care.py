"""Warnings before the end of certificates and lists: thirty days, seven and one, and at the end, each of them once."""

import datetime as dt
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kmip_app.configuration.config import Configuration
from kmip_app.pki.care import CertificateCare
from kmip_app.pki.validity import Kind, Validity

END = dt.datetime(2030, 6, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


class Watched:
    """A server whose one certificate ends at END, and a clock for its care."""

    def __init__(self, kind: Kind, not_after: dt.datetime | None = END) -> None:
        self.now = END - 100 * DAY
        self._validity = Validity(
            kind=kind, path=Path("/a.crt"), name="CN=one", not_before=END - 365 * DAY, not_after=not_after
        )
        configuration = Configuration(data_directory=Path("/nowhere"), certificate_path=Path("/a.crt"))
        container: Any = SimpleNamespace()
        self.care = CertificateCare(configuration, container, self, lambda: self.now)

    def validities(self) -> list[Validity]:
        return [self._validity]

    def look(self, before_end: float, caplog: pytest.LogCaptureFixture) -> list[str]:
        """Return the lines of a look so many days before the end."""
        caplog.clear()
        self.now = END - before_end * DAY
        with caplog.at_level(logging.WARNING):
            self.care.look()
        return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("server", "put a new certificate there"),
        ("ca", "kmipd pki renew-ca"),
        ("crl", "put a new list"),
        ("client", "issue a new one"),
    ],
)
def test_each_threshold_is_one_line_with_the_remedy(kind: Kind, remedy: str, caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched(kind)
    days = (40, 31, 30, 29, 8, 7, 6, 2, 1, 0.5, -0.5, -1.5)
    lines = {day: watched.look(day, caplog) for day in days}

    assert [day for day in days if lines[day]] == [30, 7, 1, -0.5]
    assert all(remedy in line for day in days for line in lines[day])
    assert "/a.crt: CN=one ended on" in lines[-0.5][0]
    assert "/a.crt: CN=one ends in 7 days, on 2030-06-01 00:00 UTC" in lines[7][0]


def test_a_server_that_starts_late_says_it_at_once(caplog: pytest.LogCaptureFixture) -> None:
    assert "ends in 3 days" in Watched("ca").look(3, caplog)[0]
    assert "ended on 2030-06-01 00:00 UTC" in Watched("ca").look(-3, caplog)[0]


def test_a_list_without_an_end_is_never_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    assert Watched("crl", None).look(0, caplog) == []
