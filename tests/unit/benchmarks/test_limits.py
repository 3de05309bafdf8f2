"""The table of what a client costs at each limit: it names every limit of the code, at the value of the code."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Final

import pytest

from benchmarks import limit_cases, limits
from benchmarks.limits import ELSEWHERE, PAGE, ROWS
from tests.server import ROOT

LIMIT: Final = re.compile(
    r"(MAXIMUM|MOST|LONGEST|MAX)(_[A-Z_]+)?|[A-Z_]*(_LIMIT|_AT_ONCE)|LIMIT|AT_ONCE|CONNECTIONS|OF_AN_ADDRESS"
    r"|(HEAD|BODY|CREDENTIAL)_BYTES|REMEMBERED|SEARCHES|SHAPES"
)
"""How this code names a number that bounds something."""

FOLDERS: Final = ("kmip_core", "kmip_adapters", "kmip_app/monitoring", "kmip_app/pki", "kmip_app/pushing")
CRYPTOGRAPHY: Final = "kmip_adapters.crypto.software.limits:"
"""Its limits have a table of their own, with costs: docs/cryptography.md, which another test compares."""


def limits_of_the_code() -> Iterator[str]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    name = node.target.id
                    value = getattr(import_module(module), name, None) if LIMIT.fullmatch(name) else None
                    if isinstance(value, int | float) and not isinstance(value, bool):
                        yield f"{module}:{name}"


def test_every_limit_of_the_code_is_measured_or_said_to_be_elsewhere() -> None:
    found = {where for where in limits_of_the_code() if not where.startswith(CRYPTOGRAPHY)}
    named = {row.where for row in ROWS} | ELSEWHERE.keys()

    assert found - named == set(), "give each a row in benchmarks/limits.py, or a reason in ELSEWHERE"
    of_settings = {where for where in named if ":Settings." in where or ":REQUEST_LIMITS." in where}
    of_cryptography = {row.where for row in ROWS if row.where.startswith(CRYPTOGRAPHY)}
    named_otherwise = {"kmip_core.operations.log:MAXIMUM", "kmip_core.operations.rng_retrieve:MAXIMUM"}
    assert named - found - of_settings - of_cryptography - named_otherwise == set(), "there is no such limit any more"
    assert not {row.where for row in ROWS} & ELSEWHERE.keys()


def test_the_page_has_each_limit_as_the_code_has_it_and_a_figure() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text().splitlines()
        if line.startswith("| ") and not line.startswith("| What ")
    ]
    expected = [[row.what, row.limit, f"`{row.where}`"] for row in ROWS]

    found = [[what, limit, where] for what, limit, _, _, where in rows]
    assert found == expected, "run python -m benchmarks.limits --write"
    for (_, _, cost, gets, _), row in zip(rows, ROWS, strict=True):
        assert cost == "the limit itself" if row.prepare is None else re.fullmatch(r"[0-9.,]+ (us|ms|s|KiB)", cost)
        assert bool(gets) is (row.prepare is not None and not row.is_memory)


@pytest.mark.long
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=row.where, marks=pytest.mark.nightly if "RSA_BITS" in row.where else ())
        for row in ROWS
        if row.prepare is not None
    ],
)
def test_each_limit_can_be_reached(row: limits.Row) -> None:
    """What is measured succeeds: a refusal would be cheap."""
    assert row.prepare is not None
    with limit_cases.measuring():
        assert row.prepare()() is not False
