"""Where the PIN of a token comes from, if no setting says so."""

import io
import sys
from pathlib import Path

import pytest

from kmip_adapters.pkcs11_session.token import TokenUnusable
from kmip_app import root_keys
from kmip_app.configuration.secret_places import SecretPlace
from kmip_app.root_keys import close_root_key


class Terminal(io.StringIO):
    """Standard input at which a person sits."""

    def isatty(self) -> bool:
        return True


def test_a_person_at_the_terminal_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "1234"

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", answer)
    read = root_keys._pin_reader(None, "kmipd")

    assert [read(), read()] == [b"1234", b"1234"]
    assert asked == ["PIN of the PKCS#11 token kmipd: "]


def test_without_a_terminal_the_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("1234"))

    with pytest.raises(TokenUnusable, match="give pkcs11_pin"):
        root_keys._pin_reader(None, "kmipd")()


def test_a_file_is_read_at_every_login(tmp_path: Path) -> None:
    path = tmp_path / "pin"
    path.touch(0o600)
    read = root_keys._pin_reader(SecretPlace(f"file:{path}"), "kmipd")
    for pin in ("1234", "4321"):
        path.write_text(pin + "\n")

        assert read() == pin.encode()

    path.unlink()
    with pytest.raises(TokenUnusable, match="pkcs11_pin"):
        read()


def test_closing_a_root_key_closes_its_source() -> None:
    class Source:
        closed = 0

        def close(self) -> None:
            self.closed += 1

    source = Source()
    close_root_key(source)  # type: ignore[arg-type]
    close_root_key(object())  # type: ignore[arg-type]  # a file has nothing behind it

    assert source.closed == 1
