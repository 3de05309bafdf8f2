"""Sweeps over every command: formats, exit codes, and no question where standard input is no terminal."""

import io
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from kmip_app import cli
from kmip_app.cli.context import CONTEXT
from kmip_app.cli.output import FORMATS
from kmip_app.configuration.settings import SETTINGS
from kmip_app.testing import KmipTestServer

WRITES: Final = {
    "audit anchor", "audit export", "backup", "client add", "client bundle", "client notify", "client remove",
    "client renew", "client revoke", "client sign-csr", "client token", "client-cert", "completion", "export", "import",
    "import-pykmip", "man", "migrate", "object chown", "password", "pki renew-ca", "profile remove", "restore",
    "root join", "root split", "rotate-data-key", "rotate-root-key", "serve", "store copy",
}  # fmt: skip
"""Commands that change or make something, and print a line about it or a text of another form."""

LOCAL: Final = {"audit", "check-config", "client", "health", "inspect", "policy", "profile", "verify"}
"""First words of reading commands that ask no server over KMIP."""

OTHER_FORMATS: Final = {"inspect": ("text", "json", "xml")}
"""Reading commands that print messages, which have forms of their own."""

CONNECTION: Final = {"--host", "--port", "--cert", "--key", "--ca"}

NEEDED: Final = {
    "cert certify": ("ID",),
    "cert register": ("{ca}",),
    "group import": ("{groups}",),
    "key register": ("{file}",),
    "key verify": ("ID", "--signature", "00"),
    "user add": ("NAME", "--password-file", "{file}"),
    "user import": ("--passwords", "{passwords}"),
    "user set-password": ("NAME", "--password-file", "{file}"),
}
"""Words of commands that need more than click itself asks for, or a file of a certain form."""

DOCUMENTED: Final = {0, 1, 2, 3}
"""Exit codes of docs/command-line.md."""


def leaves(command: click.Command, words: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from leaves(child, f"{words} {name}")
    else:
        yield words, command


EVERY: Final = {
    words: command for name, place in cli.COMMANDS.items() for words, command in leaves(cli.command_at(place), name)
}
READING: Final = sorted(EVERY.keys() - WRITES)


def options(words: str) -> dict[str, click.Parameter]:
    return {name: parameter for parameter in EVERY[words].params for name in parameter.opts}


def is_remote(words: str) -> bool:
    return options(words).keys() >= CONNECTION and words != "profile add"


REMOTE: Final = sorted(filter(is_remote, EVERY))

OWN_CODES: Final = {"conformance": 2, "doctor": 1}
"""A command -> how it ends without a server: the folder has no test cases, and doctor reports what it has found."""


# What their help says


def groups(command: click.Command, words: str) -> Iterator[tuple[str, click.Group]]:
    if isinstance(command, click.Group):
        yield words, command
        for name in command.list_commands(click.Context(command)):
            child = command.get_command(click.Context(command), name)
            assert child is not None
            yield from groups(child, f"{words} {name}")


@pytest.mark.parametrize(("words", "group"), list(groups(cli.program, "kmipd")))
def test_a_list_of_commands_has_whole_sentences(words: str, group: click.Group) -> None:
    listed = group.get_help(click.Context(group, info_name=words, **CONTEXT)).partition("\nCommands:\n")[2]

    assert listed
    assert "..." not in listed.partition("\n\n")[0]


@pytest.mark.parametrize("unit", ["bytes", "seconds", "milliseconds"])
def test_a_setting_that_is_counted_in_a_unit_shows_it(unit: str) -> None:
    counted = [one for one in SETTINGS.values() if unit in one.kind.accepts.replace(",", "").split()]

    assert counted
    assert {one.name: one.kind.metavar for one in counted} == {one.name: unit.upper() for one in counted}


def test_a_setting_whose_zero_has_a_meaning_says_so() -> None:
    text = EVERY["serve"].get_help(click.Context(EVERY["serve"], info_name="kmipd serve", **CONTEXT))

    assert "Time between requests.  [default: 0; 0 for never]" in " ".join(text.split()).replace(". [", ".  [")


# What they take


@pytest.mark.parametrize("words", READING)
def test_a_reading_command_prints_json_and_every_format(words: str) -> None:
    assert "--json" in options(words)
    kind = options(words)["--format"].type
    assert isinstance(kind, click.Choice)
    assert tuple(kind.choices) == OTHER_FORMATS.get(words, FORMATS)


def test_the_others_are_named_here() -> None:
    assert {words for words in EVERY if "--json" not in options(words)} == WRITES


@pytest.mark.parametrize(
    "words", [words for words in READING if words.split()[0] not in LOCAL or words == "profile add"]
)
def test_a_command_that_asks_a_server_names_any_server(words: str) -> None:
    assert options(words).keys() >= CONNECTION


# How they end


@pytest.fixture
def folder(tmp_path: Path, home: Path, started: KmipTestServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of a command, with standard input that is no terminal and at its end."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    (tmp_path / "file").write_text("nothing that has a meaning")
    (tmp_path / "groups").write_text("{}")
    (tmp_path / "passwords").touch()
    shutil.copy(started.ca, tmp_path / "ca")
    return tmp_path


def line_of(words: str, folder: Path) -> list[str]:
    """Return the shortest command line that has all that a command needs."""
    line = words.split()
    files = {path.name: path for path in folder.iterdir()}
    if words in NEEDED:
        line += [word.format_map(files) for word in NEEDED[words]]
    else:
        for parameter in filter(lambda each: each.required, EVERY[words].params):
            value = value_of(parameter, folder)
            line += [value] if isinstance(parameter, click.Argument) else [parameter.opts[0], value]
    if "--data-dir" in options(words):
        line += ["--data-dir", str(folder / "data")]
    return line


def value_of(parameter: click.Parameter, folder: Path) -> str:
    if isinstance(parameter.type, click.Path):
        return str(folder / ("new" if not parameter.type.exists else "file" if parameter.type.file_okay else ""))
    if isinstance(parameter.type, click.Choice):
        return str(parameter.type.choices[0])
    if isinstance(parameter.type, click.IntRange):
        return str(parameter.type.min or 1)
    return "x"


def end_of(line: list[str], capture: pytest.CaptureFixture[bytes]) -> tuple[int, str]:
    """Return exit code and standard error of a command line.  An exception that is a bug comes through."""
    capture.readouterr()
    code = cli.run(line)
    return code, capture.readouterr().err.decode()


@pytest.mark.parametrize("words", sorted(EVERY.keys() - {"serve"}))
def test_without_a_server_and_a_terminal_it_ends_with_a_documented_code(
    words: str, folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    code, err = end_of(line_of(words, folder), capfdbinary)

    assert code in DOCUMENTED
    if words in REMOTE and words not in OWN_CODES:
        assert code == 2
        assert "start the local server first" in err or "name the other server" in err, err


@pytest.mark.parametrize("words", sorted(EVERY))
def test_a_mistake_in_the_command_line_is_2(
    words: str, folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    code, err = end_of([*line_of(words, folder), "--no-such-option"], capfdbinary)

    assert code == 2
    assert "No such option" in err


@pytest.fixture
def refusing() -> Iterator[int]:
    """A port that refuses connections: bound, so that no other process has it, and not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def babbling() -> Iterator[int]:
    """A port where each connection gets an answer that is no TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(120)
                    connection.recv(1)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(120)


@pytest.mark.parametrize("words", REMOTE)
@pytest.mark.parametrize("place", ["refusing", "babbling"])
def test_a_server_that_cannot_be_reached_is_3(
    words: str,
    place: str,
    started: KmipTestServer,
    folder: Path,
    request: pytest.FixtureRequest,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    port = request.getfixturevalue(place)
    files = ("--cert", str(started.cert), "--key", str(started.key), "--ca", str(started.ca))
    line = [*line_of(words, folder), "--host", "127.0.0.1", "--port", str(port), *files]

    code, err = end_of(line, capfdbinary)

    assert code == OWN_CODES.get(words, 3), err
