"""A server for the commands that talk to one, and a shell that runs them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from kmip_app import cli
from kmip_app.testing import KmipTestServer


@pytest.fixture(scope="package")
def started() -> Iterator[KmipTestServer]:
    with KmipTestServer() as server:
        yield server


@pytest.fixture
def server(started: KmipTestServer) -> KmipTestServer:
    started.reset()
    return started


@frozen
class Shell:
    """Runs `kmipd` in this process, with the options of a server.

    Call it for the text on standard output of a command that succeeds; `code` returns exit code, output and errors.
    """

    options: tuple[str, ...]
    capture: pytest.CaptureFixture[bytes]

    def code(self, *words: str | Path) -> tuple[int, str, str]:
        self.capture.readouterr()
        said = [str(word) for word in words]
        end = next((place for place, word in enumerate(said) if word.startswith("--")), len(said))
        code = cli.run([*said[:end], *self.options, *said[end:]])  # of an option that is there twice the last one holds
        out, err = self.capture.readouterr()
        return code, out.decode(), err.decode()

    def __call__(self, *words: str | Path) -> str:
        code, out, err = self.code(*words)
        assert code == 0, err
        return out.strip()

    def json(self, *words: str | Path) -> Any:
        return json.loads(self(*words, "--json"))


def options_of(server: KmipTestServer) -> tuple[str, ...]:
    return (
        *("--host", server.host, "--port", str(server.port)),
        *("--cert", server.cert, "--key", server.key, "--ca", server.ca),
    )


@pytest.fixture
def kmipd(server: KmipTestServer, capfdbinary: pytest.CaptureFixture[bytes], home: Path) -> Shell:
    return Shell(options_of(server), capfdbinary)


@pytest.fixture
def shell(capfdbinary: pytest.CaptureFixture[bytes], home: Path) -> Callable[..., Shell]:
    """Make a shell for any options."""
    return lambda *options: Shell(tuple(map(str, options)), capfdbinary)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without configuration, profiles and data."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    return tmp_path / "home"
