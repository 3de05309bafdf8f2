"""Gives objects another owner: for clients whose identity has changed, or who are gone."""

from collections.abc import Collection
from typing import Final

from kmip_adapters.storage.sql import ownership
from kmip_app.configuration.config import StartError
from kmip_app.parts import Parts, sql_storage_of
from kmip_core.objects import ManagedObject
from kmip_core.ports.audit import AuditRecord, AuditTrail

EVENT: Final = "Owner changed"
ATTEMPTS: Final = 5
IDENTIFIERS: Final = 500  # in one record


def change_owner(
    container: Parts, trail: AuditTrail, new_owner: str, identifiers: Collection[str], old_owner: str | None
) -> list[str]:
    """Give objects to `new_owner`, and return their identifiers; running servers see it at their next request.

    identifiers: which; empty for all of `old_owner`.  old_owner: only objects of this one; None for those of any.
    trail: gets records of what was given.  Raises StartError for an identifier that is not here.
    """
    wanted = set(identifiers)
    found: set[str] = set()

    def is_wanted(stored: ManagedObject) -> bool:
        is_named = not wanted or stored.unique_identifier in wanted
        return is_named and old_owner in (None, stored.owner)

    changed: list[str] = []
    for _ in range(ATTEMPTS):
        given, missed = ownership.change_owner(sql_storage_of(container), is_wanted, new_owner)
        changed += given
        for begin in range(0, len(given), IDENTIFIERS):
            trail.append(_record(container, tuple(given[begin : begin + IDENTIFIERS]), old_owner, new_owner))
        if not missed:
            break
    else:
        raise StartError(f"clients keep changing {missed[0]}; try again when there is less to do")
    found.update(changed)
    missing = sorted(wanted - found)
    if missing:
        owner = f" of {old_owner}" if old_owner else ""
        raise StartError(f"no object{owner} that is not {new_owner}'s has the identifier {missing[0]}")
    return changed


def _record(container: Parts, given: tuple[str, ...], old_owner: str | None, new_owner: str) -> AuditRecord:
    return AuditRecord(
        record_id=container.identifiers().new(),
        time=container.clock().now(),
        principal="",
        event=EVENT,
        unique_identifiers=given,
        message=f"{f'from {old_owner} ' if old_owner else ''}to {new_owner}",
    )
