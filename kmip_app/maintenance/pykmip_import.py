"""Takes the objects of a PyKMIP database into the store; what is there already stays, so that it can be run again."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from attrs import field

from kmip_app.maintenance.pykmip_database import Found
from kmip_app.parts import Parts
from kmip_core.classes import define
from kmip_core.ports.audit import AuditRecord

TOGETHER: Final = 200  # objects in one commit


@define(kw_only=True)
class Report:
    """What became of each row.

    taken: objects by type.  present: those that an earlier run has taken.  not_taken: (row, why).
    policies: names of policies that objects have and that are not in force, with the number of objects.
    """

    taken: Counter[str] = field(factory=Counter)
    present: int = 0
    not_taken: list[tuple[str, str]] = field(factory=list)
    policies: Counter[str] = field(factory=Counter)


def import_found(container: Parts, found: Iterable[Found], *, dry_run: bool = False) -> Report:
    """Take what can be taken into the container's store, some objects at a time.

    dry_run: only report what would be done.
    """
    report = Report()
    rows = iter(found)
    while group := list(islice(rows, TOGETHER)):
        _import_group(container, group, report, dry_run)
    return report


def _import_group(container: Parts, group: list[Found], report: Report, dry_run: bool) -> None:
    storage, policy = container.storage(), container.policy()
    with storage.unit_of_work() as work:
        added: list[str] = []
        for found in _importable(group, report):
            managed_object = found.managed_object
            assert managed_object is not None  # noqa: S101  for the type checker
            present = work.find(managed_object.unique_identifier)
            if present is not None:
                if (present.owner, present.object_type) == (managed_object.owner, managed_object.object_type):
                    report.present += 1
                else:
                    report.not_taken.append((found.row, "another object of this store has its identifier"))
                continue
            name = managed_object.attributes.operation_policy_name or ""
            if not policy.is_known(name):
                report.policies[name] += 1
            report.taken[managed_object.object_type.name] += 1
            if not dry_run:
                work.add(managed_object, found.content)
                added.append(managed_object.unique_identifier)
        if not added:
            return
        record = AuditRecord(
            record_id=container.identifiers().new(),
            time=container.clock().now(),
            principal="",
            event="Imported from PyKMIP",
            unique_identifiers=tuple(added),
        )
        work.record(record)
        work.commit()
        container.audit().append(record)
        storage.acknowledge(record.record_id)


def _importable(group: list[Found], report: Report) -> Iterator[Found]:
    for found in group:
        if found.managed_object is None:
            report.not_taken.append((found.row, found.problem))
        else:
            yield found
