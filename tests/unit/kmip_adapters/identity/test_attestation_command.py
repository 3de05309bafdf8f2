"""The program that judges attestations: what it is given, and what a faulty or slow one comes to."""

import json
import os
import stat
from pathlib import Path
from typing import Final

import pytest

from kmip_adapters.identity.attestation_command import CommandVerifier
from kmip_core.enums import AttestationType
from kmip_core.messages import Attestation, Nonce
from kmip_core.principal import Principal

HANG: Final = 120.0  # seconds; a hang limit
ATTESTATION: Final = Attestation(
    nonce=Nonce(nonce_id=b"\x01\x02", nonce_value=b"\xff"),
    attestation_type=AttestationType.TPM_QUOTE,
    attestation_measurement=b"quote",
)
LONG: Final = Attestation(
    nonce=ATTESTATION.nonce,
    attestation_type=AttestationType.SAML_ASSERTION,
    attestation_assertion=bytes(256 * 1024),
)
ALICE: Final = Principal(name="alice ü\n", address="192.0.2.1", certificate_digest=b"\xab")


def program(folder: Path, text: str, seconds: float = HANG) -> CommandVerifier:
    path = folder / "verify me"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return CommandVerifier(path, seconds)


@pytest.mark.parametrize("code", [0, 1, 2, 126, 255])
def test_exit_code_0_accepts_and_no_other(tmp_path: Path, code: int) -> None:
    assert program(tmp_path, f"exit {code}").accepts(ATTESTATION, ALICE) is (code == 0)


def test_the_program_gets_one_object_of_json_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KMIPD_SECRET", "of the server")
    verifier = program(tmp_path, f"cat > '{tmp_path}/given'; env > '{tmp_path}/environment'; pwd > '{tmp_path}/pwd'")

    assert verifier.accepts(ATTESTATION, ALICE)
    assert json.loads((tmp_path / "given").read_bytes()) == {
        "identity": "alice ü\n",
        "address": "192.0.2.1",
        "certificate_sha256": "ab",
        "attestation_type": "TPM Quote",
        "nonce_id": "0102",
        "nonce_value": "ff",
        "measurement": "cXVvdGU=",
        "assertion": None,
    }
    assert "KMIPD_SECRET" not in (tmp_path / "environment").read_text()
    assert (tmp_path / "pwd").read_text() == "/\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("exit 0", id="reads nothing"),
        pytest.param("exec 0<&-; exit 0", id="closes its input"),
        pytest.param("head -c 10 > /dev/null; exit 0", id="reads little"),
        pytest.param("cat > /dev/null; exit 0", id="reads all"),
        pytest.param("head -c 20000000 /dev/zero; head -c 20000000 /dev/zero >&2; exit 0", id="prints megabytes"),
    ],
)
def test_a_program_may_read_and_print_what_it_likes(tmp_path: Path, text: str) -> None:
    assert program(tmp_path, text).accepts(LONG, ALICE)


def test_a_program_that_crashes_refuses(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert not program(tmp_path, "kill -SEGV $$").accepts(ATTESTATION, ALICE)
    assert "ended by signal 11" in caplog.text


@pytest.mark.parametrize(
    "text", ["sleep 1000", "trap '' TERM; while :; do sleep 1000; done", "cat > /dev/null; sleep 1000 & wait"]
)
def test_a_program_that_hangs_is_ended_with_all_that_it_started(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    verifier = program(tmp_path, f"exec 3> '{pipe}'; echo started >&3; {text}", seconds=1)

    assert not verifier.accepts(LONG, ALICE)
    assert "took more than 1 s" in caplog.text
    while os.read(reader, 100):  # the end of the file: every process that could write is gone
        pass
    os.close(reader)


@pytest.mark.parametrize("kind", ["missing", "not executable", "no program"])
def test_a_program_that_cannot_be_started_refuses(tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    verifier = program(tmp_path, "exit 0")
    if kind == "missing":
        verifier.program.unlink()
    elif kind == "not executable":
        verifier.program.chmod(stat.S_IRUSR)
    else:
        verifier.program.write_bytes(b"\x7fELF, but not really")

    assert not verifier.accepts(ATTESTATION, ALICE)
    assert "cannot be run" in caplog.text
