"""Each port has a suite of contract tests that authors of other adapters can import, or a reason why it has none."""

import importlib.util
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]

SUITES: Final = {
    "allowances": ("allowances",),
    "audit": ("audit",),
    "certificates": ("key_forms",),
    "crypto": ("crypto",),
    "key_forms": ("key_forms",),
    "leases": ("leases",),
    "notices": ("notices",),
    "policy": ("policy",),
    "schedule": ("schedule",),
    "sealing": ("root_keys",),
    "storage": ("storage", "quotas"),
    "submissions": ("submissions",),
    "system": ("system",),
    "transport": ("listener",),
}
"""Module of `kmip_core.ports` to those of `kmip_app.testing.contracts`."""

WITHOUT: Final = {
    "attestation": "one adapter, over a program that the operator names",
    "authentication": "one adapter, which knows the server's own tickets and passwords; not meant to be replaced",
    "kept_items": "one adapter: the codec, whose vectors (tests/vectors) are its contract",
    "passwords": "one adapter, Argon2, whose format the password file has",
    "provisioning": "one adapter: the registry of the built-in CA",
    "steps": "values and generators that the engine and its callers share; nothing stands behind it",
    "tracing": "it may do nothing at all: what a request does must not depend on it",
}
"""Module of `kmip_core.ports` to the reason why authors of adapters get no suite."""


def test_every_port_has_a_suite_or_a_reason() -> None:
    ports = {path.stem for path in (ROOT / "kmip_core" / "ports").glob("*.py")} - {"__init__"}

    assert set(SUITES) | set(WITHOUT) == ports
    assert set(SUITES) & set(WITHOUT) == set()


@pytest.mark.parametrize("suite", sorted({suite for suites in SUITES.values() for suite in suites}))
def test_a_suite_is_installed_and_described(suite: str) -> None:
    assert importlib.util.find_spec(f"kmip_app.testing.contracts.{suite}") is not None
    assert f"| `{suite}` |" in (ROOT / "docs" / "contracts.md").read_text("utf-8")


@pytest.mark.parametrize("port", sorted(WITHOUT))
def test_the_page_says_which_port_has_none(port: str) -> None:
    assert f"| `ports.{port}` |" in (ROOT / "docs" / "contracts.md").read_text("utf-8")
