"""Records that one request makes are not frozen, as that makes them three times as slow: so no code may change them.

Whatever has the name of one of their fields is set through `self` alone, where a class changes itself.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

from kmip_adapters.crypto.software.cipher_jobs import Job
from kmip_adapters.crypto.software.signatures import Scheme
from kmip_core import operations
from kmip_core.admission import ItemAdmission
from kmip_core.criteria import Located, LocateQuery
from kmip_core.messages import RequestBatchItem, RequestMessage, ResponseBatchItem, ResponseHeader, ResponseMessage
from kmip_core.operation import Scope
from kmip_core.ports.audit import AuditRecord
from kmip_core.ports.crypto import Encrypted, Encryption
from kmip_core.rules import Admitted

ROOT: Final = Path(__file__).parents[2]

RECORDS: Final[tuple[Any, ...]] = (
    Admitted,
    AuditRecord,
    Encrypted,
    Encryption,
    ItemAdmission,
    Job,
    Located,
    LocateQuery,
    RequestBatchItem,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    Scheme,
    Scope,
    *(cls for spec in operations.CATALOGUE.values() for cls in (spec.request, spec.response)),
)

OTHERS: Final = {
    ("kmip_core/deferral.py", "batch.identifiers"): "a Batch, which is not made yet",
    ("kmip_adapters/storage/pending.py", "write.managed_object"): "a Write, which collects changes",
    ("kmip_adapters/pkcs11_session/worker.py", "parameters.nonce"): "parameters of a mechanism of PKCS#11",
    ("kmip_app/conformance/runner.py", "known.now"): "what a case of conformance knows so far",
}
"""What is set of other classes whose fields have such a name."""


def set_from_outside(names: set[str], text: str) -> Iterator[str]:
    """Yield what a module sets of other objects, and has one of these names."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Store | ast.Del):
            continue
        if node.attr in names and not (isinstance(node.value, ast.Name) and node.value.id == "self"):
            yield ast.unparse(node)


def test_nothing_sets_a_field_of_a_record() -> None:
    names = {field.name for record in RECORDS for field in attrs.fields(record)}
    found = {
        (path.relative_to(ROOT).as_posix(), name)
        for package in ("kmip_core", "kmip_adapters", "kmip_app")
        for path in (ROOT / package).rglob("*.py")
        for name in set_from_outside(names, path.read_text())
    }

    assert found == set(OTHERS)


@pytest.mark.parametrize(
    "line",
    ["scope.now = 1", "del request.data", "scope.target.purpose = None", "a, item.payload = 1, 2", "r.time += 1"],
)
def test_a_change_would_be_found(line: str) -> None:
    assert list(set_from_outside({"now", "data", "purpose", "payload", "time"}, line))
    assert not list(set_from_outside({"other"}, line))
    assert not list(set_from_outside({"now"}, "self.now = 1"))
