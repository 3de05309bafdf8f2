"""The locked versions have a hash each and cover what pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PINNED = r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?=="
LOCKED_EXTRAS = ("fast", "hsm", "passwords", "postgresql", "watch")


def project() -> dict:
    found: dict = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found


def wanted() -> list[Requirement]:
    extras = project()["optional-dependencies"]
    texts = [*project()["dependencies"], *(text for extra in LOCKED_EXTRAS for text in extras[extra])]
    return [Requirement(text) for text in texts]


def locked() -> dict[str, tuple[str, int]]:
    """Name -> version and number of hashes."""
    text = (ROOT / "requirements.lock").read_text()
    entries = re.findall(
        r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)(.*?)(?=^[A-Za-z0-9._-]+(?:\[[^\]]*\])?==|\Z)", text, re.M | re.S
    )
    return {canonicalize_name(entry[0]): (entry[1], entry[2].count("--hash=sha256:")) for entry in entries}


@pytest.mark.parametrize("requirement", wanted(), ids=str)
def test_every_requirement_is_locked_at_a_version_that_fits_it(requirement: Requirement) -> None:
    version, _ = locked()[canonicalize_name(requirement.name)]

    assert requirement.specifier.contains(version)


def test_every_locked_version_has_a_hash() -> None:
    assert locked()
    assert all(hashes for _, hashes in locked().values())


def test_every_change_lists_what_is_installed_and_looks_for_faults_of_high_severity() -> None:
    run = (ROOT / ".ci" / "run").read_text()

    assert re.search(r"^ *cyclonedx-py environment ", run, re.M)
    assert re.search(r"^bandit -q -r kmip_core kmip_adapters kmip_app -lll$", run, re.M)
    assert {"bandit", "cyclonedx-bom"} <= {Requirement(text).name for text in project()["optional-dependencies"]["dev"]}


def test_the_hosted_audit_is_pinned_and_fails_on_a_finding() -> None:
    """It needs PyPI's advisories, so no test here can run it; what it would run is looked at instead."""
    workflow = (ROOT / ".github" / "workflows" / "audit.yml").read_text()

    assert re.search(r"pip install pip-audit==[0-9]+\.[0-9]+\.[0-9]+\n", workflow)
    (command,) = re.findall(r"run: (pip-audit .*)", workflow)
    assert set(command.split()[1:]) == {
        "--strict",
        "--disable-pip",
        "--require-hashes",
        "--requirement",
        "requirements.lock",
    }
    assert "continue-on-error" not in workflow
    assert "|| true" not in workflow
    assert "schedule:" in workflow
    assert "pull_request:" in workflow
