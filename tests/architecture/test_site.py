"""The site builds without a warning; commands and programs in pages are as the code has them."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from kmip_app import cli
from kmip_app.cli import serve
from kmip_app.cli.context import CONTEXT
from tools.draw_lifecycle import FILE, drawing

ROOT = Path(__file__).parents[2]
PAGES = [
    path
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if not {"adr", "generated"} & set(path.relative_to(ROOT).parts)
]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


def blocks(language: str) -> list[tuple[str, str]]:
    found = [(p, text) for p in PAGES for kind, text in FENCE.findall(p.read_text("utf-8")) if kind == language]
    return [(f"{path.relative_to(ROOT)}", text) for path, text in found]


def commands() -> list[tuple[str, str]]:
    lines = [(page, line) for page, text in blocks("console") for line in text.replace("\\\n", " ").splitlines()]
    return [(page, line[2:]) for page, line in lines if line.startswith("$ ") and "kmipd" in line]


@pytest.mark.long
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="Sphinx is not installed: pip install -e '.[docs]'")
    pytest.importorskip("furo", reason="furo is not installed: pip install -e '.[docs]'")
    build = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "dummy", "docs", str(tmp_path / "site")]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_the_state_diagram_is_that_of_the_table() -> None:
    assert FILE.read_text("utf-8") == drawing(), "run: python -m tools.draw_lifecycle"


@pytest.mark.parametrize(("page", "line"), commands())
def test_a_command_of_a_page_exists_with_its_options(page: str, line: str) -> None:
    for part in re.split(r"&&|\|\||\$\(|[|;&<>)]", line):
        words = [word for word in _words(part) if "=" not in word or word.startswith("-")]
        if words[:1] == ["kmipd"]:
            command, said = _command(words[1:])
            context = click.Context(command, **CONTEXT)
            known = {name for p in command.get_params(context) for name in [*p.opts, *p.secondary_opts]}
            assert said <= known | {"-h", "--help", "--version"}, f"{page}: {line}"


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:  # a quotation that was cut apart
        return text.split()


def _command(words: list[str]) -> tuple[click.Command, set[str]]:
    """Return the command that these words name, and the options that they give."""
    command: click.Command = cli.program
    context = click.Context(command, info_name="kmipd", **CONTEXT)
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, words
        command, words = found, words[1:]
    said = {word.split("=")[0] for word in words if word.startswith("-") and word != "-"}
    return serve.command if command is cli.program else command, said


@pytest.mark.parametrize(("page", "text"), [b for b in blocks("python") if not b[1].lstrip().startswith(">>>")])
def test_a_program_of_a_page_is_python(page: str, text: str) -> None:
    compile(text, page, "exec")


def test_links_to_files_lead_to_files() -> None:
    missing = []
    for page in [*PAGES, *(ROOT / "tests" / "interop").rglob("README.md")]:
        for target in re.findall(r"\]\(([^)\s#]+)", page.read_text("utf-8")):
            if ":" not in target and not (page.parent / target).exists():
                missing.append(f"{page.relative_to(ROOT)}: {target}")

    assert missing == []
