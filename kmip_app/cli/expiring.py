"""`kmipd expiring`: what will end soon, by its dates or by its certificate."""

import datetime as dt
import re
import time
from typing import TYPE_CHECKING, Any, Final

import click

from kmip_app.cli.cert import with_content
from kmip_app.cli.objects import listed, print_list
from kmip_app.cli.remote import connected, remote_command
from kmip_app.configuration.config import StartError

if TYPE_CHECKING:
    from kmip_app.client import KmipClient

UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}  # seconds
COLUMNS: Final = {
    "unique_identifier": "Identifier",
    "name": "Name",
    "object_type": "Type",
    "what": "What",
    "date": "Date",
    "days": "Days",
}
_DATES: Final = {"deactivation_date": "Deactivation Date", "protect_stop_date": "Protect Stop Date"}
_ENDED: Final = ("Deactivated", "Compromised", "Destroyed", "Destroyed Compromised")


def expiring(within: str, **values: Any) -> None:
    """List objects that end within a time: by Deactivation Date, Protect Stop Date, or a certificate's last day.

    What has ended already but was not retired is listed too, with negative days.
    """
    limit = int(time.time()) + seconds_of(within)
    with connected(values) as client:
        rows = [*_by_dates(client, limit), *_by_certificate(client, limit)]
    rows.sort(key=lambda row: (row["date"], row["unique_identifier"]))
    print_list(rows, values, COLUMNS)


def seconds_of(text: str) -> int:
    """Return a length of time such as 30d, 12h or 2w.  Raises StartError."""
    found = re.fullmatch(r"([0-9]{1,9})\s*([smhdwy]?)", text.strip().lower())
    if found is None:
        raise StartError(f"--within: {text!r} is no length of time; write for example 30d, 12h or 2w")
    return int(found[1]) * UNITS[found[2] or "d"]


def _by_dates(client: "KmipClient", limit: int) -> list[dict[str, Any]]:
    from kmip_core.attributes import AttributeInstance, AttributeReference

    rows: list[dict[str, Any]] = []
    for field, what in _DATES.items():
        reference = AttributeReference(attribute=field)
        # Two values of one date are a range (KMIP 2.1 §6.1.32, 1.4 §4.9).
        criteria = [AttributeInstance(reference=reference, value=value) for value in (0, limit)]
        found = client.locate(criteria=criteria).unique_identifiers
        for row in listed(client, found, ("object_type", "names", "state", field)):
            if row.get("state") not in _ENDED and field in row:
                rows.append(row | {"what": what, "date": row[field], "days": _days(row[field])})
    return rows


def _by_certificate(client: "KmipClient", limit: int) -> list[dict[str, Any]]:
    found = client.locate(object_type="Certificate").unique_identifiers
    rows = with_content(client, listed(client, found, ("object_type", "names", "state")))
    last = dt.datetime.fromtimestamp(limit, dt.UTC).isoformat().replace("+00:00", "Z")
    return [
        row | {"what": "certificate", "date": row["not_valid_after"], "days": _days(row["not_valid_after"])}
        for row in rows
        if row.get("state") not in _ENDED and row.get("not_valid_after", "~") <= last
    ]


def _days(date: str) -> int:
    end = dt.datetime.fromisoformat(date)
    return int((end - dt.datetime.now(dt.UTC)).total_seconds() // UNITS["d"])


command = remote_command(
    "expiring",
    expiring,
    [click.Option(["--within"], default="30d", show_default=True, metavar="TIME", help="For example 12h, 30d, 4w.")],
)
