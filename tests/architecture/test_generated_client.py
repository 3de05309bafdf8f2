"""The methods of the Python client are those of the catalogue."""

import pytest

from tools.generate_client import CLIENT, FILES


@pytest.mark.parametrize("name", FILES)
def test_a_generated_module_is_up_to_date(name: str) -> None:
    assert (CLIENT / name).read_text("utf-8") == FILES[name](), "run: python -m tools.generate_client"
