"""Completion, manual pages, and JSON of the commands that only read."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from kmip_app import cli
from kmip_app.cli.completion import SHELLS
from kmip_app.cli.man import pages
from kmip_app.configuration.settings import SETTINGS
from kmip_app.testing import KmipTestServer
from kmip_core.objects import SecretData
from tests.unit.kmip_app.cli.conftest import Shell

PAGES = dict(pages())


def test_every_command_has_a_page() -> None:
    assert PAGES.keys() == {"kmipd", *(f"kmipd-{name}" for name in cli.COMMANDS)}
    for setting in SETTINGS.values():
        assert setting.option.replace("-", "\\-") in PAGES["kmipd-serve"]
    for verb in ("create", "pair", "register", "get", "list", "show", "activate", "revoke", "destroy", "rekey"):
        assert f".B kmipd key {verb}" in PAGES["kmipd-key"]


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_man_reads(name: str) -> None:
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-Wbreak", "-z"], input=PAGES[name].encode(), capture_output=True, timeout=60
    )

    assert (done.returncode, done.stderr.decode()) == (0, "")


def test_pages_are_written(shell: Callable[..., Shell], tmp_path: Path) -> None:
    written = shell()("man", "--out", tmp_path / "man1").splitlines()

    assert (tmp_path / "man1" / "kmipd-key.1").read_text() == PAGES["kmipd-key"]
    assert len(written) == len(PAGES)


@pytest.mark.parametrize("name", SHELLS)
def test_each_shell_gets_its_script(shell: Callable[..., Shell], name: str) -> None:
    assert "_KMIPD_COMPLETE" in shell()("completion", name)


@pytest.mark.parametrize(
    ("words", "word"),
    [
        pytest.param("kmipd conf", "conformance", id="a command"),
        pytest.param("kmipd key cr", "create", id="a verb"),
        pytest.param("kmipd key create --alg", "--algorithm", id="an option"),
    ],
)
def test_words_are_completed(words: str, word: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from kmip_app.cli import run; sys.exit(run([]))"],
        env={"_KMIPD_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))},
        capture_output=True,
        timeout=60,
        text=True,
    )

    assert f"plain,{word}" in done.stdout.splitlines()


# Reading commands as JSON


def test_the_state_of_a_server_is_seen_over_kmip(kmipd: Shell, server: KmipTestServer) -> None:
    found = kmipd.json("status")

    assert found["server"] == f"{server.host}:{server.port}"
    assert found["tls_version"] == "TLSv1.3"
    assert found["protocol_version"] in found["protocol_versions"]
    assert {"2.1", "1.0"} <= set(found["protocol_versions"])
    assert found["vendor_identification"] == "kmipd"
    assert found["certificate_not_valid_after"] > "2026"
    assert "2.1, 2.0, 1.4" in kmipd("status", "--format", "plain")
    server.stop()
    try:
        assert kmipd.code("status")[0] == 3
    finally:
        server.start()


def test_a_configuration_is_judged_as_json(shell: Callable[..., Shell], tmp_path: Path) -> None:
    bare = shell("--data-dir", tmp_path / "data")
    assert bare.json("check-config")["ok"] is True
    code, out, _ = bare.code("check-config", "--json", "--port", "x")
    report = json.loads(out)

    assert (code, report["ok"]) == (2, False)
    assert report["problems"][0]["where"] == "-p/--port"


def test_the_store_and_a_decision_are_printed_as_json(shell: Callable[..., Shell], tmp_path: Path) -> None:
    with KmipTestServer(ephemeral=False, data_dir=str(tmp_path / "data")) as server:
        (key,) = server.seed(SecretData(b"secret"))
        bare = shell("--data-dir", tmp_path / "data")
        explained = bare.json("policy", "explain", "--user", "client", "--operation", "GET", "--object", key)
        code, out, _ = bare.code("policy", "explain", "--user", "bob", "--operation", "GET", "--object", key, "--json")
        assert (explained["allowed"], explained["owner"]) == (True, "client")
        assert (code, json.loads(out)["allowed"]) == (1, False)
        assert bare.json("verify") == {"ok": True, "damages": [], "dangling_links": []}


WRITES: Final = {
    "audit anchor", "audit export", "backup", "client add", "client bundle", "client notify", "client remove",
    "client renew", "client revoke", "client sign-csr", "client token", "client-cert", "completion", "export", "import",
    "import-pykmip", "man", "migrate", "object chown", "password", "pki renew-ca", "profile remove", "restore",
    "root join", "root split", "rotate-data-key", "rotate-root-key", "serve", "store copy",
}  # fmt: skip
"""Commands that change or make something, and print a line about it or a text of another form."""

LOCAL: Final = {"audit", "check-config", "client", "health", "inspect", "policy", "profile", "verify"}
"""First words of reading commands that ask no server over KMIP."""


def leaves(command: click.Command, words: str) -> Iterator[tuple[str, set[str]]]:
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from leaves(child, f"{words} {name}")
    else:
        yield words, {name for parameter in command.params for name in parameter.opts}


def test_every_reading_command_prints_json_and_those_of_a_client_name_any_server() -> None:
    found = {w: options for name, place in cli.COMMANDS.items() for w, options in leaves(cli.command_at(place), name)}

    assert {words for words, options in found.items() if "--json" not in options} == WRITES
    remote = {words: options for words, options in found.items() if words not in WRITES}
    for words, options in remote.items():
        if words.split()[0] not in LOCAL or words == "profile add":
            assert {"--host", "--port", "--cert", "--key", "--ca"} <= options, words


def test_the_trail_and_the_health_are_judged_as_json(shell: Callable[..., Shell], tmp_path: Path) -> None:
    with KmipTestServer(ephemeral=False, data_dir=str(tmp_path / "data")) as server:
        server.seed([SecretData(b"secret")])
        bare = shell("--data-dir", tmp_path / "data")
        report = bare.json("audit", "verify")
        files = ("--cert", server.cert, "--key", server.key, "--ca", server.ca)
        alive = shell("--address", f"{server.host}:{server.port}", *files)
        assert alive.json("health") == {"ok": True, "reason": ""}
    code, out, _ = alive.code("health", "--json")

    assert (report["ok"], report["findings"]) == (True, [])
    assert (code, json.loads(out)["ok"]) == (1, False)
