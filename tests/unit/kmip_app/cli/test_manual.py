"""Completion, manual pages, and the formats of the commands that only read."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kmip_app import cli
from kmip_app.cli.completion import SHELLS
from kmip_app.cli.man import pages
from kmip_app.cli.output import FORMATS
from kmip_app.configuration.settings import SETTINGS
from kmip_app.testing import KmipTestServer
from kmip_core.objects import SecretData
from tests.unit.kmip_app.cli.conftest import Shell, options_of

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
        ["groff", "-man", "-Tutf8", "-ww", "-Wbreak", "-z"],
        input=PAGES[name].encode(),
        capture_output=True,
        timeout=120,
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
        timeout=120,
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


def test_the_state_of_a_server_is_seen_by_its_ready_file(
    shell: Callable[..., Shell], server: KmipTestServer, tmp_path: Path
) -> None:
    """Without an admin listener it is asked over KMIP, with the client certificate that the file names."""
    names = ("host", "port", "ca", "cert", "key")
    file = tmp_path / "ready.json"
    file.write_text(json.dumps({name: getattr(server, name) for name in names}))

    assert shell().json("status", "--ready-file", file)["server"] == f"{server.host}:{server.port}"


@pytest.mark.parametrize("words", [("--address", "127.0.0.1:1"), ("--ready-file", "none.json")])
def test_a_server_that_is_away_is_unreachable_and_not_merely_unready(
    shell: Callable[..., Shell], words: tuple[str, str]
) -> None:
    code, out, err = shell().code("status", *words)

    assert (code, out, err.startswith("kmipd: ")) == (3, "", True), err


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


def test_the_trail_and_the_health_are_judged_as_json(shell: Callable[..., Shell], tmp_path: Path) -> None:
    with KmipTestServer(ephemeral=False, data_dir=str(tmp_path / "data")) as server:
        server.seed([SecretData(b"secret")])
        bare = shell("--data-dir", tmp_path / "data")
        report = bare.json("audit", "verify")
        files = ("--cert", server.cert, "--key", server.key, "--ca", server.ca)
        alive = shell("--address", f"{server.host}:{server.port}", *files)
        assert alive.json("health") == {"ok": True, "reason": ""}
        assert alive("health", "--format", "plain") == "ok"
        assert alive("health", "--format", "table").split() == ["ok", "yes", "reason"]
    code, out, _ = alive.code("health", "--json")

    assert (report["ok"], report["findings"]) == (True, [])
    assert (code, json.loads(out)["ok"]) == (1, False)
    code, out, _ = alive.code("health", "--format", "table")
    assert (code, out.split()[:2]) == (1, ["ok", "no"])
    code, out, err = alive.code("health", "--format", "plain")
    assert (code, out, bool(err)) == (1, "", True)


@pytest.fixture
def data(tmp_path: Path, shell: Callable[..., Shell]) -> Path:
    """The data directory of a server that has stopped, with one object that a client registered."""
    with KmipTestServer(ephemeral=False, data_dir=str(tmp_path / "data")) as server:
        shell(*options_of(server))("key", "register", "--data", "secret")
    return tmp_path / "data"


def test_records_are_shown_in_every_format(shell: Callable[..., Shell], data: Path) -> None:
    bare = shell("--data-dir", data)
    told = {form: bare("audit", "show", "--operation", "Register", "--format", form) for form in FORMATS}

    record = json.loads(told["json"])
    (identifier,) = record["unique_identifiers"]
    time, client, what, result, objects = told["plain"].split("\t")  # no remark
    assert client.startswith("client@")
    assert (what, result, objects) == ("Register", "ok", identifier)
    headings, rule, row = told["table"].splitlines()
    assert headings.split() == ["Time", "Client", "What", "Result", "Objects", "Remark"]
    assert set(rule) == {"-", " "}
    assert row.split() == [time, client, what, result, objects]
    assert row.index(what) == headings.index("What")


def test_a_result_that_no_record_can_have_is_a_mistake(shell: Callable[..., Shell], data: Path) -> None:
    bare = shell("--data-dir", data)

    assert bare("audit", "show", "--operation", "Register", "--result", "Success")
    assert not bare("audit", "show", "--result", "Permission Denied")
    code, _, err = bare.code("audit", "show", "--result", "Permision Denied")
    assert (code, "--result: 'Permision Denied' is no Result Reason; did you mean Permission Denied?" in err) == (
        2,
        True,
    )


@pytest.mark.parametrize("given", ["8c0f", "{data}/root.key"])
def test_an_anchor_key_that_is_none_is_a_mistake(shell: Callable[..., Shell], data: Path, given: str) -> None:
    named = given.format(data=data)
    code, _, err = shell("--data-dir", data).code("audit", "verify", "--anchor-key", named)

    assert code == 2
    assert f"--anchor-key: {named} is neither a public key in 64 hexadecimal digits nor a file that has one" in err


def test_the_trail_and_the_store_are_judged_in_a_table(shell: Callable[..., Shell], data: Path) -> None:
    bare = shell("--data-dir", data)
    trail, store = bare("audit", "verify", "--format", "table"), bare("verify", "--format", "table")

    assert trail.split()[:6] == ["Chain", "Records", "Known", "up", "to", trail.split()[5]]
    assert trail.splitlines()[-1].startswith("whole: main ")
    assert store == "everything opens"
    file = data / "audit" / "main.jsonl"
    file.write_text(file.read_text().replace("client", "nobody"))
    (data / "root.key").rename(data / "root.key.aside")
    for form in ("plain", "table"):
        code, out, _ = bare.code("audit", "verify", "--format", form)
        assert (code, "Finding" in out) == (1, form == "table")
        assert out.splitlines()[-1].startswith("damaged: ")


def test_damage_of_the_store_is_shown_in_a_table(shell: Callable[..., Shell], data: Path) -> None:
    with closing(sqlite3.connect(data / "kmipd.sqlite")) as connection, connection:
        connection.execute("UPDATE managed_objects SET owner = 'mallory'")

    code, out, _ = shell("--data-dir", data).code("verify", "--format", "table")

    assert code == 1
    assert out.split()[:2] == ["Identifier", "Finding"]
    assert "the sealed content does not open" in out
    assert out.splitlines()[-1] == "damaged"


def test_a_configuration_is_judged_in_a_table(shell: Callable[..., Shell], tmp_path: Path) -> None:
    bare = shell("--data-dir", tmp_path / "data", "--format", "table")
    code, out, err = bare.code("check-config", "--port", "x")

    assert (code, err) == (2, "")
    assert out.split()[:3] == ["Where", "Problem", out.split()[2]]
    assert "-p/--port" in out
    assert bare("check-config").endswith("good")


def test_a_decision_is_shown_in_a_table(shell: Callable[..., Shell], data: Path) -> None:
    bare = shell("--data-dir", data)
    (key,) = json.loads(bare("audit", "show", "--operation", "Register", "--json"))["unique_identifiers"]
    words = ("policy", "explain", "--user", "bob", "--operation", "GET", "--object", key)

    code, out, _ = bare.code(*words, "--format", "table")

    assert code == 1
    assert [line.split()[0] for line in out.splitlines() if line.strip()] == [
        "denied", "object", "policy", "client", "answer"
    ]  # fmt: skip
    assert bare.code(*words, "--format", "plain")[1].startswith("denied: ")
