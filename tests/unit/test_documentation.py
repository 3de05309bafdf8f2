"""What the pages show runs as shown."""

import doctest
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["README.md", "docs/objects.md"])
def test_the_examples_of_a_page_run(page: str) -> None:
    done = doctest.testfile(str(ROOT / page), module_relative=False, optionflags=doctest.ELLIPSIS)

    assert done.attempted > 0
    assert done.failed == 0
