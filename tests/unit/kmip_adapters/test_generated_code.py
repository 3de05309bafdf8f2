"""Functions that are generated as text."""

import traceback

import pytest

from kmip_adapters.generated_code import compiled


def test_a_function_finds_what_it_names() -> None:
    double = compiled("double", ["def double(value):\n", "    return value * factor\n"], {"factor": 2}, "<a text>")

    assert double(21) == 42


def test_a_traceback_shows_the_line() -> None:
    broken = compiled("broken", ["def broken():\n", "    return 1 / zero\n"], {"zero": 0}, "<another text>")

    with pytest.raises(ZeroDivisionError) as error:
        broken()
    assert "return 1 / zero" in "".join(traceback.format_exception(error.value))
