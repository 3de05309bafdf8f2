"""Passwords are checked against a file of Argon2 hashes; what was right is remembered until the file changes."""

import os
from pathlib import Path

import pytest
from argon2 import PasswordHasher, extract_parameters

from kmip_adapters.identity.passwords import PASSWORD_SIZE, PasswordFile, UnusablePasswords, hash_line

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def line(name: str, password: str) -> str:
    return f"{name}:{QUICK.hash(password)}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "passwords"
    path.write_text("# users\n\n" + line("alice", "a secret") + line("urn:bob", "b secret"))
    return path


@pytest.mark.parametrize(
    ("name", "password", "expected"),
    [
        pytest.param("alice", "a secret", True, id="ok"),
        pytest.param("urn:bob", "b secret", True, id="ok name with colon"),
        pytest.param("alice", "b secret", False, id="fail another's"),
        pytest.param("alice", "", False, id="fail none"),
        pytest.param("mallory", "a secret", False, id="fail unknown"),
        pytest.param("# users", "", False, id="fail comment"),
        pytest.param("alice", "x" * (PASSWORD_SIZE + 1), False, id="fail too long"),
    ],
)
def test_a_password_is_right_or_wrong(path: Path, name: str, password: str, expected: bool) -> None:
    assert PasswordFile(path).is_right(name, password) is expected


def test_only_what_was_right_is_remembered(path: Path) -> None:
    users = PasswordFile(path)
    assert not users.is_remembered("alice", "a secret")
    users.is_right("alice", "a secret")
    users.is_right("alice", "wrong")

    assert users.is_remembered("alice", "a secret")
    assert not users.is_remembered("alice", "wrong")
    assert not users.is_remembered("urn:bob", "a secret")


def test_a_wrong_password_is_remembered_until_the_file_changes(path: Path) -> None:
    users = PasswordFile(path)
    assert not users.is_known_wrong("alice", "new")
    users.is_right("alice", "new")
    users.is_right("mallory", "new")

    assert [users.is_known_wrong(name, "new") for name in ("alice", "mallory", "urn:bob")] == [True, True, False]
    path.write_text(line("alice", "new"))
    os.utime(path, ns=(1, 1))
    assert not users.is_known_wrong("alice", "new")
    assert users.is_right("alice", "new")


def test_a_changed_file_is_taken_up_and_what_was_remembered_is_not(path: Path) -> None:
    users = PasswordFile(path)
    users.is_right("alice", "a secret")
    path.write_text(line("alice", "new"))
    os.utime(path, ns=(1, 1))

    assert not users.is_right("alice", "a secret")
    assert users.is_right("alice", "new")


def test_a_file_broken_later_changes_nothing(path: Path) -> None:
    users = PasswordFile(path)
    path.write_text("alice")
    os.utime(path, ns=(1, 1))

    assert users.is_right("alice", "a secret")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param("alice:clear text\n", "line 1: not NAME:ARGON2-HASH", id="clear text"),
        pytest.param("alice\n", "line 1: not NAME:ARGON2-HASH", id="no hash"),
        pytest.param(line("", "x"), "line 1: no name", id="no name"),
        pytest.param(line("a", "x") + line("a", "y"), "line 2: a is there twice", id="twice"),
        pytest.param(b"\xff", "not text in UTF-8", id="bytes"),
    ],
)
def test_a_broken_file_is_refused(path: Path, content: str | bytes, told: str) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(UnusablePasswords, match=told):
        PasswordFile(path)


def test_a_line_is_made_that_is_taken(path: Path) -> None:
    path.write_text(hash_line("carol", "c secret"))

    assert PasswordFile(path).is_right("carol", "c secret")


@pytest.mark.parametrize("name", ["", " x", "x\ny", "#x"])
def test_a_name_that_no_file_can_hold_is_refused(name: str) -> None:
    with pytest.raises(UnusablePasswords):
        hash_line(name, "secret")


@pytest.mark.parametrize("memory_cost", [16, 64])
def test_a_user_who_does_not_exist_costs_as_much_as_the_costliest_line(tmp_path: Path, memory_cost: int) -> None:
    costly = PasswordHasher(time_cost=2, memory_cost=memory_cost, parallelism=1)
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    path = tmp_path / "passwords"
    path.write_text(f"a:{cheap.hash('a')}\nb:{costly.hash('b')}\n")

    parameters = extract_parameters(PasswordFile(path)._hash_of_no_user)

    assert (parameters.time_cost, parameters.memory_cost) == (2, memory_cost)
