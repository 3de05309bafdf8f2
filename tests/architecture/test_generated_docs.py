"""The reference pages are what the code's tables say today."""

import pytest

from kmip_adapters.ttlv.standard import tables
from kmip_core.attribute_rules import RULES
from kmip_core.attributes import CUSTOM, title
from kmip_core.operations import CATALOGUE
from tools.generate_docs import DOCS, PAGES, words


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == PAGES[name](), "run: python -m tools.generate_docs"


def test_every_operation_has_its_chapter() -> None:
    page = (DOCS / "operations.md").read_text("utf-8")

    assert [f"## {words(operation)}" for operation in CATALOGUE] == [
        line for line in page.splitlines() if line.startswith("## ")
    ]


def test_every_attribute_has_its_row() -> None:
    page = (DOCS / "attributes.md").read_text("utf-8")

    for name in RULES.keys() - {CUSTOM}:
        assert f"| {title(name)} |" in page


def test_every_version_has_its_column_of_reasons() -> None:
    page = (DOCS / "result-reasons.md").read_text("utf-8")

    assert " | ".join(map(str, tables.VERSIONS)) in page
