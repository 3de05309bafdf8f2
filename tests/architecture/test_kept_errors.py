"""An error that is kept is not raised itself: its traceback would grow with each request (`errors.anew`)."""

import ast
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

RAISED_ONCE: Final = {
    ("kmip_adapters/storage/pending.py", "self.error"): "the outcome of one commit",
    ("kmip_adapters/storage/sql/submitted.py", "self.error"): "the outcome of one commit",
}
"""What may be raised of what an object keeps, and why."""


def raised_attributes(text: str) -> list[str]:
    """Return what a module raises that is a field of an object."""
    raised = (node.exc for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Raise))
    return [ast.unparse(error) for error in raised if isinstance(error, ast.Attribute)]


def test_no_error_is_raised_that_an_object_keeps() -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), raised)
        for room in ("kmip_core", "kmip_adapters", "kmip_app")
        for path in (ROOT / room).rglob("*.py")
        for raised in raised_attributes(path.read_text())
    }

    assert found == RAISED_ONCE.keys()


def test_a_field_that_is_raised_is_found() -> None:
    assert raised_attributes("def ask(self):\n    raise self.away\n    raise KmipError(self.away)") == ["self.away"]
