"""Nothing that a terminal obeys gets through; what a person reads stays as it is."""

import pytest

from kmip_app.printable import printable


@pytest.mark.parametrize("text", ["", "alice", "Zoë Ω 鍵", "a b"])
def test_printable_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\nb", r"a\nb"), ("\x1b[2J", r"\x1b[2J"), ("\x9b", r"\x9b"), ("\u202e", r"\u202e"), ("\udcff", r"\udcff")],
    ids=ascii,
)
def test_control_characters_of_terminals_are_escaped(text: str, expected: str) -> None:
    assert printable(text) == expected
