"""No command asks where no terminal is."""

import io
import sys
from collections.abc import Callable

import pytest

from tests.unit.kmip_app.cli.conftest import Shell


def test_a_password_is_read_from_standard_input(shell: Callable[..., Shell], monkeypatch: pytest.MonkeyPatch) -> None:
    argon2 = pytest.importorskip("argon2", reason="argon2-cffi is not installed")
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery\n"))
    code, out, err = shell().code("password", "alice")

    name, _, hashed = out.strip().partition(":")
    assert (code, name, err) == (0, "alice", "")
    assert argon2.PasswordHasher().verify(hashed, "correct horse battery")


def test_the_password_of_a_user_must_be_named(kmipd: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    code, _, err = kmipd.code("user", "add", "alice")

    assert code == 2
    assert "--password-file" in err
