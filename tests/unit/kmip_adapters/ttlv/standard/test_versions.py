"""The rows of the protocol versions."""

import re
from pathlib import Path

import pytest

import kmip_adapters.ttlv
from kmip_adapters.ttlv.converter import FORMS
from kmip_adapters.ttlv.standard import tables
from kmip_adapters.ttlv.standard.versions import FACTS, VERSIONS, AttributeForm

ROOM = Path(kmip_adapters.ttlv.__file__).parent
COMPARISONS = re.compile(
    r"protocol_version_(major|minor)\b|_BY_MAJOR|ProtocolVersion\(\d|version\w* *[<>=!]=? *(KMIP|\d)"
)
DATA = {"reasons.py", "spellings.py", "versions.py"}
"""Tables in which versions stand."""


def test_the_rows_stand_in_the_order_of_the_versions() -> None:
    assert sorted(VERSIONS) == list(VERSIONS)
    assert all(version == facts.version for version, facts in FACTS.items())


def test_the_tables_have_a_letter_for_every_version() -> None:
    presence = {tag.presence for code in range(0x420001, 0x4201C3) if (tag := tables.tag_by_code(code))}

    assert {len(letters) for letters in presence} == {8}
    assert len(VERSIONS) <= 8


def test_every_form_of_attributes_has_its_modules() -> None:
    assert set(AttributeForm) == set(FORMS)


@pytest.mark.parametrize(
    "path",
    sorted(p for p in ROOM.rglob("*.py") if p.parent.name != "standard" or p.name not in DATA),
    ids=lambda p: str(p.relative_to(ROOM)),
)
def test_no_module_compares_a_version_with_a_certain_one(path: Path) -> None:
    assert [line for line in path.read_text().splitlines() if COMPARISONS.search(line)] == []
