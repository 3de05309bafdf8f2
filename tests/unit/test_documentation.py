"""What the pages show runs as shown."""

import ast
import doctest
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from kmip_app import cli
from kmip_app.cli.man import EXIT_CODES
from kmip_app.configuration.settings import SETTINGS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["README.md", "docs/objects.md"])
def test_the_examples_of_a_page_run(page: str) -> None:
    done = doctest.testfile(str(ROOT / page), module_relative=False, optionflags=doctest.ELLIPSIS)

    assert done.attempted > 0
    assert done.failed == 0


def test_every_setting_that_may_be_a_secret_is_on_the_page_of_secrets() -> None:
    page = (ROOT / "docs/operate/secrets.md").read_text()

    assert {name for name, setting in SETTINGS.items() if setting.is_secret and f"`{name}`" not in page} == set()


@pytest.mark.parametrize("page", ["docs/command-line.md", "docs/operate/signals.md"])
def test_every_exit_code_is_on_the_pages_that_list_them(page: str) -> None:
    listed = re.findall(r"^\| (\d) \|", (ROOT / page).read_text(), re.MULTILINE)

    assert listed == [code for code, _ in EXIT_CODES]


def test_every_metric_of_the_server_is_on_the_page_of_monitoring() -> None:
    """Names in the source, without the endings that OpenMetrics adds."""
    page = (ROOT / "docs/operate/monitoring.md").read_text()
    listed = {name.removesuffix("_total").removesuffix("_info") for name in re.findall(r"kmipd_[a-z_]+", page)}
    named = set()
    for path in sorted((ROOT / "kmip_app/monitoring").rglob("*.py")):
        named |= set(re.findall(r'"(kmipd_[a-z_]+)"', path.read_text()))

    assert named
    assert {name.removesuffix("_total").removesuffix("_info") for name in named} - listed == set()


# Commands that pages show

PAGES = [
    *ROOT.glob("*.md"),
    *(path for path in (ROOT / "docs").rglob("*.md") if not {"adr", "generated"} & set(path.parts)),
    *(ROOT / "packaging" / "systemd").iterdir(),
]
_SPAN = re.compile(r"`kmipd (?P<words>[^`]+)`")
_LINE = re.compile(r"^(?:\$ |ExecStart=|\s*- )?(?:/[\w./-]+/)?kmipd (?P<words>[a-z-][^#|;&]*)")
NO_COMMANDS = {"archive 1"}
"""Texts in the form of a command that are none."""


def commands_of(text: str, *, is_code: bool = False) -> Iterator[str]:
    """Yield what follows `kmipd` in code spans, and in lines of code.  is_code: the text begins with code."""
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            is_code = not is_code
        elif is_code and (found := _LINE.match(line)):
            yield found["words"].strip()
        else:
            yield from (found["words"] for found in _SPAN.finditer(line))


def on_page(path: Path) -> Iterator[str]:
    """Yield the commands of a page, or of a unit file, which is code as a whole."""
    return commands_of(path.read_text(), is_code=path.suffix != ".md")


def fault_of(words: list[str]) -> str:
    """Return what is wrong with a command line: a command or an option that does not exist; empty if nothing is."""
    command: click.Command = cli.program
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0).rstrip(",.:")
        child = command.get_command(click.Context(command), name)
        if child is None:
            return f"no command {name}"
        command = child
    if command is cli.program:
        command = cli.command_at(cli.COMMANDS[cli.DEFAULT_COMMAND])
    known = {option.replace("_", "-") for one in command.params for option in (*one.opts, *one.secondary_opts)}
    named = {word.partition("=")[0].replace("_", "-") for word in words if re.match(r"--[a-z]", word)}
    return " ".join(sorted(named - known - {"--help", "--version"}))


def test_every_command_on_a_page_exists_with_its_options() -> None:
    shown = [(path, words) for path in PAGES for words in on_page(path) if words not in NO_COMMANDS]
    faults = {f"{path.relative_to(ROOT)}: kmipd {words}": fault_of(words.split()) for path, words in shown}

    assert len(shown) > 100
    assert {line: fault for line, fault in faults.items() if fault} == {}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("kmipd key creat", "no command creat"),
        ("$ kmipd key create --lenght 5", "--lenght"),
        ("kmipd --idle-time 5", "--idle-time"),
        ("see `kmipd key create --length 128`", ""),
    ],
)
def test_a_command_that_does_not_exist_is_found(line: str, fault: str) -> None:
    assert [fault_of(words.split()) for words in commands_of(line, is_code=True)] == [fault]


# Messages that pages explain

OTHERS = {"address already in use", "Too many open files", "no shared cipher", "Object Not Found", "Permission Denied"}
"""Parts of messages that are the system's, OpenSSL's and the standard's."""


def texts_in(path: Path) -> Iterator[str]:
    """Yield the strings of a module without its docstrings, and the fixed parts of formatted ones."""
    tree = ast.parse(path.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def test_every_message_on_the_page_of_troubleshooting_is_one_of_the_program() -> None:
    page = (ROOT / "docs/operate/troubleshooting.md").read_text()
    messages = re.findall(r"^\| `([^`]+)`", page, re.MULTILINE)
    packages = ("kmip_core", "kmip_adapters", "kmip_app")
    texts = "\n".join(
        text for package in packages for path in (ROOT / package).rglob("*.py") for text in texts_in(path)
    )
    parts = {part.strip() for message in messages for part in re.split(r"\.\.\.|(?<=:) ", message)}
    long_parts = {part.rstrip("?") for part in parts if len(part) > 12} - OTHERS

    assert len(messages) > 10
    assert {part for part in long_parts if part.rstrip(":") not in texts} == set()
