"""Reading the trail: records in their order, filtered, as an object a line, in CEF or in OCSF."""

import heapq
import json
import time as clock
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from kmip_adapters.audit import files
from kmip_adapters.audit.lines import Line, read_line
from kmip_core.classes import frozen
from kmip_core.enums import Operation, ResultReason
from kmip_core.ports.audit import LATEST
from kmip_core.standard_names import standard_name

FOLLOW_EVERY: Final = 0.25  # seconds
SUCCESS: Final = "SUCCESS"
_NO_TEXTS: Final = frozenset({"time", "unique_identifiers"})


@frozen(kw_only=True)
class Filter:
    """Which records are wanted; what is None or empty does not restrict.

    since, until: seconds since 1970-01-01 UTC, both included.  operation: as the trail has it, or its event.
    result: SUCCESS, FAILURE, or a reason as the trail has it.
    """

    since: int | None = None
    until: int | None = None
    client: str | None = None
    object: str | None = None
    operation: str | None = None
    result: str | None = None

    def takes(self, record: Mapping[str, Any]) -> bool:
        """Return whether a record is wanted."""
        time = record.get("time", 0)
        return (
            (self.since is None or time >= self.since)
            and (self.until is None or time <= self.until)
            and (self.client is None or record.get("principal") == self.client)
            and (self.object is None or self.object in record.get("unique_identifiers", ()))
            and (self.operation is None or self._is_operation(record))
            and (self.result is None or self._is_result(record))
        )

    def _is_operation(self, record: Mapping[str, Any]) -> bool:
        wanted = _plain(self.operation or "")
        return wanted in {_plain(str(record.get("operation", ""))), _plain(str(record.get("event", "")))}

    def _is_result(self, record: Mapping[str, Any]) -> bool:
        wanted, result = _plain(self.result or ""), record.get("result")
        if wanted == _plain(SUCCESS):
            return result is None
        return result is not None and wanted in {"failure", "refused", _plain(str(result))}


def records(folder: Path, wanted: Filter, chain: str | None = None) -> Iterator[Line]:
    """Yield the lines of all chains, or of one, by time, then in the order of each chain; unreadable ones are left out.

    Lines are merged as they are read: a trail may be longer than memory.
    """
    names = [name for name in files.chains(folder) if chain in (None, name)]
    yield from heapq.merge(*(_lines(folder, name, wanted) for name in names), key=lambda line: line.record["time"])


def follow(folder: Path, wanted: Filter, go_on: Callable[[], bool] = lambda: True) -> Iterator[Line]:
    """Yield the lines that come from now on, until `go_on` says no."""
    seen = {chain: _last_sequence(folder, chain) for chain in files.chains(folder)}
    while go_on():
        for chain in files.chains(folder):
            for line in _after(folder, chain, seen.get(chain, 0)):
                seen[chain] = line.sequence
                if wanted.takes(line.record):
                    yield line
        clock.sleep(FOLLOW_EVERY)


def _after(folder: Path, chain: str, sequence: int) -> list[Line]:
    found: list[Line] = []
    for path in reversed(files.of_chain(folder, chain)):
        for raw in files.backwards(path):
            line = _read(raw)
            if line is None:
                continue
            if line.sequence <= sequence:
                return found[::-1]
            found.append(line)
    return found[::-1]


def _last_sequence(folder: Path, chain: str) -> int:
    for path in reversed(files.of_chain(folder, chain)):
        for raw in files.backwards(path):
            line = _read(raw)
            if line is not None:
                return line.sequence
    return 0


def _lines(folder: Path, chain: str, wanted: Filter) -> Iterator[Line]:
    for path in files.of_chain(folder, chain):
        with files.open_lines(path) as file:
            for raw in file:
                line = _read(raw.rstrip(b"\n")) if raw.endswith(b"\n") else None
                if line is not None and wanted.takes(line.record):
                    yield line


def _read(raw: bytes) -> Line | None:
    try:
        line = read_line(raw)
    except ValueError:
        return None
    return line if _is_record(line.record) else None


def _is_record(record: Mapping[str, Any]) -> bool:
    """Return whether the fields are of the kinds that the trail writes: whoever can edit the file can put others."""
    time, identifiers = record.get("time"), record.get("unique_identifiers", [])
    return (
        isinstance(time, int)
        and 0 <= time <= LATEST
        and isinstance(identifiers, list)
        and all(isinstance(text, str) for text in identifiers)
        and all(isinstance(value, str) for name, value in record.items() if name not in _NO_TEXTS)
    )


def _plain(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


# Forms


def as_json(line: Line) -> str:
    """Return a record as one JSON object, with its place in the trail."""
    return json.dumps({"chain": line.chain, "sequence": line.sequence, **line.record})


def as_columns(line: Line) -> tuple[str, ...]:
    """Return a record for a table: time, client with its address, what, result, objects, remark; "" for none."""
    record = line.record
    moment = clock.strftime("%Y-%m-%dT%H:%M:%SZ", clock.gmtime(record["time"]))
    who = record.get("principal") or "server"
    if record.get("address"):
        who += f"@{record['address']}"
    result = str(record.get("result", "ok" if "operation" in record else ""))
    objects = " ".join(record.get("unique_identifiers", ()))
    return moment, who, _event(record), result, objects, record.get("message") or ""


def as_cef(line: Line, version: str) -> str:
    """Return a record in ArcSight's Common Event Format, version 0."""
    record = line.record
    event, reason = _event(record), record.get("result")
    extension = {
        "rt": str(record["time"] * 1_000),
        "externalId": record.get("record_id", ""),
        "suser": record.get("principal", ""),
        "src": record.get("address", ""),
        "act": event,
        "outcome": "success" if reason is None else "failure",
        "reason": reason or "",
        "msg": record.get("message", ""),
        "cs1Label": "uniqueIdentifiers" if record.get("unique_identifiers") else "",
        "cs1": " ".join(record.get("unique_identifiers", ())),
        "cs2Label": "correlationValue" if record.get("client_correlation_value") else "",
        "cs2": record.get("client_correlation_value", ""),
        "cn1Label": "sequence",
        "cn1": str(line.sequence),
    }
    head = [_cef_head(text) for text in ("kmipd", "kmipd", version, event, event)]
    fields = " ".join(f"{name}={_cef_value(value)}" for name, value in extension.items() if value)
    return f"CEF:0|{'|'.join(head)}|{3 if reason is None else 6}|{fields}"


def as_ocsf(line: Line, version: str) -> str:
    """Return a record as an API Activity event of OCSF 1.3 (class 6003)."""
    record = line.record
    reason = record.get("result")
    activity = _ACTIVITIES.get(str(record.get("operation", "")), _OTHER)
    fields = {
        "category_uid": 6,
        "class_uid": 6003,
        "activity_id": activity,
        "type_uid": 600_300 + activity,
        "time": record["time"] * 1_000,
        "severity_id": 1 if reason is None else 3,
        "status_id": 1 if reason is None else 2,
        "status": "Success" if reason is None else "Failure",
        "status_code": reason or "",
        "status_detail": record.get("message", ""),
        "message": _event(record),
        "metadata": {
            "version": "1.3.0",
            "uid": record.get("record_id", ""),
            "sequence": line.sequence,
            "log_name": line.chain,
            "correlation_uid": record.get("client_correlation_value", ""),
            "product": {"name": "kmipd", "vendor_name": "kmipd", "version": version},
        },
        "actor": {"user": {"name": record.get("principal", "") or "server"}},
        "src_endpoint": {"ip": record.get("address", "")},
        "api": {"operation": _event(record), "service": {"name": "KMIP"}},
        "resources": [{"uid": name} for name in record.get("unique_identifiers", ())],
    }
    return json.dumps(_without_empty(fields))


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: kept for name, inner in value.items() if (kept := _without_empty(inner)) not in ("", {}, [])}
    return value


def _event(record: Mapping[str, Any]) -> str:
    name = str(record.get("operation", ""))
    return standard_name(Operation[name]) if name in Operation.__members__ else str(record.get("event", ""))


def _cef_head(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("\r", " ")


def _cef_value(text: str) -> str:
    return text.replace("\\", "\\\\").replace("=", "\\=").replace("\n", "\\n").replace("\r", "\\r")


_CREATE, _READ, _UPDATE, _DELETE, _OTHER = 1, 2, 3, 4, 99

_ACTIVITIES: Final = {
    **dict.fromkeys(("CREATE", "CREATE_KEY_PAIR", "REGISTER", "IMPORT", "CREATE_SPLIT_KEY", "DERIVE_KEY"), _CREATE),
    **dict.fromkeys(("GET", "GET_ATTRIBUTES", "GET_ATTRIBUTE_LIST", "LOCATE", "EXPORT", "CHECK", "QUERY"), _READ),
    **dict.fromkeys(
        ("ACTIVATE", "REVOKE", "ADD_ATTRIBUTE", "MODIFY_ATTRIBUTE", "SET_ATTRIBUTE", "RE_KEY", "ARCHIVE", "RECOVER"),
        _UPDATE,
    ),
    **dict.fromkeys(("DESTROY", "DELETE_ATTRIBUTE"), _DELETE),
}
"""What OCSF calls an operation; all others are of its kind "other"."""

RESULTS: Final = (SUCCESS, "FAILURE", *ResultReason.__members__)
