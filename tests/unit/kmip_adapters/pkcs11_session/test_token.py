"""A token behind worker processes: deadlines, restarts, PINs that are tried once."""

import os
import signal
from pathlib import Path

import pytest
from attrs import evolve

from kmip_adapters.pkcs11_session import messages
from kmip_adapters.pkcs11_session.token import Token, TokenError, TokenUnusable
from tests import softhsm


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def test_a_worker_that_was_killed_is_started_again(folder: Path) -> None:
    token = Token(evolve(softhsm.new_token(folder), workers=1))
    try:
        token.call("ping")
        process = token._free.queue[0]  # what an operating system would kill
        assert process is not None
        os.kill(process._process.pid, signal.SIGKILL)

        with pytest.raises(TokenError) as raised:
            token.call("ping")
        assert raised.value.kind == "Ended"
        assert token.call("ping")
    finally:
        token.close()


def test_a_call_that_takes_too_long_is_given_up(folder: Path) -> None:
    token = Token(evolve(softhsm.new_token(folder), workers=1))
    try:
        token.call("ping")
        with pytest.raises(TokenError) as raised:
            token.call("generate_rsa", seconds=0.001, bits=4096, key_id=b"1", label="slow")
        assert raised.value.kind == "Timeout"
        assert token.call("ping")
    finally:
        token.close()


def test_a_worker_ends_in_the_middle_of_a_call_when_the_server_was_killed(folder: Path) -> None:
    faulty = softhsm.FaultyToken(folder)
    token = Token(evolve(faulty.settings, workers=1))
    token.call("ping")
    process = token._free.get()
    assert process is not None
    faulty.fail("GenerateKey", "hang")
    request = {"call": "generate", "kind": "AES", "bits": 128, "key_id": b"1", "label": "late"}
    messages.send(process._connection, request)

    process._connection.close()  # what the end of a process does to it

    assert process._process.wait(120)
    faulty.mend()
    token._free.put(None)
    assert token.call("listed", label_prefix="late") == []
    token.close()


def test_a_token_that_is_not_there_says_what_to_do(folder: Path) -> None:
    token = Token(evolve(softhsm.new_token(folder), label="another"))

    with pytest.raises(TokenUnusable, match="pkcs11_token"):
        token.open()
    assert token.fault is not None
    token.close()


def test_a_library_that_is_none_stops_the_start(folder: Path) -> None:
    settings = softhsm.new_token(folder)
    no_library = folder / "library.so"
    no_library.write_bytes(b"no library")
    token = Token(evolve(settings, module=no_library))

    with pytest.raises(TokenUnusable):
        token.open()
    token.close()


def test_an_unknown_call_is_not_performed(folder: Path) -> None:
    token = Token(softhsm.new_token(folder))
    with pytest.raises(TokenError):
        token.call("__init__")
    token.close()
