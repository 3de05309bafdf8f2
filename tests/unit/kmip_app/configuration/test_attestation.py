"""The settings of attestation: how they are written, and what each needs of the others."""

from pathlib import Path
from typing import Any

import pytest

from kmip_app.configuration.attestation import ATTESTATION_TYPES, OPERATIONS, PROGRAM, attestation_problems
from kmip_core.enums import AttestationType, Operation

TPM, SAML = AttestationType.TPM_QUOTE, AttestationType.SAML_ASSERTION


@pytest.mark.parametrize("value", ["TPM Quote, saml assertion", [TPM, SAML], ["TPM Quote", SAML, TPM]])
def test_types_are_named_as_the_standard_does(value: Any) -> None:
    assert ATTESTATION_TYPES.read(value) == (TPM, SAML)
    assert ATTESTATION_TYPES.write((TPM, SAML)) == "SAML Assertion, TPM Quote"


@pytest.mark.parametrize("value", ["Get,", frozenset({Operation.GET}), "get, PKCS#11"])
def test_an_operation_that_wants_an_attestation_has_pkcs_11_with_it(value: Any) -> None:
    read = OPERATIONS.read(value)

    assert read == {Operation.GET, Operation.PKCS_11}
    assert OPERATIONS.read(OPERATIONS.write(read)) == read
    assert OPERATIONS.read("") == frozenset()


@pytest.mark.parametrize(("kind", "known"), [(ATTESTATION_TYPES, "TCG Integrity Report"), (OPERATIONS, "Re-key")])
def test_an_unknown_name_is_refused_with_the_known_names(kind: Any, known: str) -> None:
    with pytest.raises(ValueError, match=known):
        kind.read("Gett")


def test_a_verifier_is_a_program(tmp_path: Path) -> None:
    program = tmp_path / "verifier"
    with pytest.raises(ValueError, match="no program"):
        PROGRAM.read(str(program))
    program.touch(0o600)
    with pytest.raises(ValueError, match="no program"):
        PROGRAM.read(program)
    program.chmod(0o700)

    assert PROGRAM.read(str(program)) == program


@pytest.mark.parametrize(
    ("verifier", "types", "operations", "expected"),
    [
        pytest.param(None, (), frozenset(), [], id="ok none"),
        pytest.param(Path("/v"), (TPM,), frozenset({Operation.GET}), [], id="ok all"),
        pytest.param(Path("/v"), (), frozenset(), ["attestation_types"], id="fail without types"),
        pytest.param(
            None,
            (TPM,),
            frozenset({Operation.GET}),
            ["attestation_types", "attested_operations"],
            id="fail without a verifier",
        ),
    ],
)
def test_each_setting_needs_the_others(verifier: Any, types: Any, operations: Any, expected: list[str]) -> None:
    assert [problem.where for problem in attestation_problems(verifier, types, operations)] == expected
