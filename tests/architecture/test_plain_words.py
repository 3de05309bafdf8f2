"""Code, comments and messages name the actor: the client, the operator, the server (docs/glossary.md)."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("kmip_core", "kmip_adapters", "kmip_app")
WORDS = re.compile(r"(?<![a-z])(told|whoever|somebody|nobody|everybody|asker)s?(?![a-z])", re.IGNORECASE)

CEILING = 39
"""How many may remain, of all of them together; lowered with every room that is rewritten."""


def test_words_that_leave_the_actor_open_become_fewer() -> None:
    found: Counter[str] = Counter()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            words = WORDS.findall(path.read_text())
            if words:
                found[str(path.relative_to(ROOT))] = len(words)

    assert found.total() <= CEILING, "\n".join(f"{number} in {path}" for path, number in found.most_common())
