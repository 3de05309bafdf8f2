"""The command line: help that lists everything, and one line for what an operator can mend."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import kmip_app
from kmip_app import cli
from kmip_app.cli import pykmip_server
from kmip_app.configuration.settings import SETTINGS

LETTERS_OF_PYKMIP_SERVER = ["-n", "-p", "-c", "-k", "-a", "-s", "-f", "-l", "-o", "-i", "-v", "-d"]


@pytest.mark.parametrize("arguments", [["-h"], ["--help"], ["serve", "-h"]], ids=" ".join)
def test_help_lists_every_option_of_serve(arguments: list[str]) -> None:
    text = CliRunner().invoke(cli.program, arguments).output

    assert [s.option for s in SETTINGS.values() if s.option not in text] == []


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help(name: str) -> None:
    result = CliRunner().invoke(cli.program, [name, "-h"])

    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: kmipd {name} [OPTIONS]")
    assert cli.command_at(cli.COMMANDS[name]).name == name


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0

    assert capsys.readouterr().out == f"kmipd {kmip_app.__version__}\n"


def test_the_version_needs_none_of_the_server() -> None:
    script = """
import sys
from kmip_app.cli import run
run(["--version"])
costly = {"sqlalchemy", "cryptography", "attr", "asyncio", "rich", "kmip_core", "kmip_adapters"}
heavy = [module for module in sys.modules if module.split(".")[0] in costly]
assert heavy == [], heavy
"""

    subprocess.run([sys.executable, "-c", script], check=True, timeout=120, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("code", "most"),
    [
        pytest.param("import kmip_core", 1, id="the core's package alone"),
        pytest.param(
            "from kmip_app.__main__ import main; sys.argv[1:] = ['--version']; main()", 3, id="kmipd --version"
        ),
    ],
)
def test_a_light_import_loads_few_modules_from_elsewhere(code: str, most: int) -> None:
    script = f"""
import sys
before = set(sys.modules)
{code}
print(len([name for name in set(sys.modules) - before if name.split(".")[0] not in sys.stdlib_module_names]))
"""

    found = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=120)

    assert int(found.stdout.splitlines()[-1]) == most


def test_the_letters_are_those_of_pykmip_server() -> None:
    letters = {o for p in pykmip_server.command.params for o in [*p.opts, *p.secondary_opts] if len(o) == 2}

    assert letters == set(LETTERS_OF_PYKMIP_SERVER)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(
            ["--zzzz"], "kmipd serve: No such option '--zzzz'; kmipd serve -h lists what there is", id="option"
        ),
        pytest.param(["bad"], "kmipd: No such command 'bad'; kmipd -h lists what there is", id="command"),
        pytest.param(["-p", "x"], "kmipd: -p/--port: 'x' is not a whole number; write 0 to 65535", id="value"),
        pytest.param(
            ["client-cert"], "Missing argument 'NAME'; kmipd client-cert -h lists what there is", id="argument"
        ),
        pytest.param(["-f", "/no/such"], "kmipd: /no/such: the configuration file does not exist", id="file"),
        pytest.param(["-c", "/no/such"], "-c/--certificate_path: /no/such does not exist", id="certificate"),
        pytest.param(["-f", "/"], "kmipd: /: is a folder; name a file in it", id="folder"),
        pytest.param(
            ["client-cert", "bob", "--data-dir", "/dev/null/x"],
            "kmipd: /dev/null/x/pki: Not a directory; choose another place, for a file is in the way",
            id="file in the way",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == 2

    streams = capsys.readouterr()
    assert streams.out == ""
    assert told in streams.err
    assert streams.err.count("\n") == 1


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_database_that_cannot_be_reached_is_one_line_and_an_exit_code_after_which_a_start_is_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], workers: str
) -> None:
    pytest.importorskip("psycopg")
    place = ("--data-dir", str(tmp_path / "data"), "--database", f"postgresql://kmipd@/kmipd?host={tmp_path}")

    assert cli.run(["serve", "-p", "0", "-v", "ERROR", "--workers", workers, *place]) == 3

    told = capsys.readouterr().err
    assert told.startswith(f"kmipd: kmipd on {tmp_path} cannot be opened: ")
    assert told.count("\n") == 1


def test_a_folder_that_cannot_be_made_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to_nowhere = tmp_path / "to-nowhere"
    to_nowhere.symlink_to(tmp_path / "nowhere")

    assert cli.run(["--data-dir", str(to_nowhere), "-p", "0", "-v", "ERROR"]) == 2

    told = "File exists; choose another place, for a file is in the way"
    assert capsys.readouterr().err == f"kmipd: {to_nowhere}: {told}\n"


def test_underscores_and_dashes_are_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--logging-level", "x", "--ready_file", "/no/such/file"]) == 2

    assert "the configuration has 2 problems" in capsys.readouterr().err


def test_check_config_finds_nothing_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "server.conf"
    path.write_text("[server]\nport=5697\n")

    assert cli.run(["check-config", "-f", str(path)]) == 0

    assert capsys.readouterr().out.endswith(f"{path}: good\n")


def test_check_config_reports_everything_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "server.conf"
    path.write_text("[server]\nport=x\nprt=1\n")

    assert cli.run(["check-config", "-f", str(path)]) == 2

    assert "the configuration has 2 problems" in capsys.readouterr().err


def test_client_cert_issues_a_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"

    assert cli.run(["client-cert", "alice", "--data-dir", str(tmp_path / "data"), "--out", str(out)]) == 0

    assert sorted(path.name for path in out.iterdir()) == ["alice.crt", "alice.key", "ca.crt"]
    assert (out / "alice.key").stat().st_mode & 0o777 == 0o600
    assert capsys.readouterr().out.splitlines() == [str(out / name) for name in ("alice.crt", "alice.key", "ca.crt")]


def test_client_cert_does_not_overwrite_a_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["client-cert", "alice", "--data-dir", str(tmp_path / "data"), "--out", str(tmp_path)]
    cli.run(arguments)

    assert cli.run(arguments) == 2
    assert "exists; choose another directory or remove it" in capsys.readouterr().err


def test_check_config_reports_a_broken_policy_once(tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text("{")
    command = [sys.executable, "-m", "kmip_app", "check-config", "--policy_path", str(policy)]

    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 2
    assert checked.stderr.startswith(f"kmipd: -o/--policy_path: {policy}: line 1 column 2: is not JSON")
    assert checked.stderr.count("\n") == 1


def test_a_group_without_a_command_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["policy"]) == 2

    assert capsys.readouterr().err.startswith("Usage: kmipd policy [OPTIONS] COMMAND [ARGS]...\n")
