"""`kmipd profile`, and where a command finds its server."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kmip_app.testing import KmipTestServer
from tests.unit.kmip_app.cli.conftest import Shell, options_of


def test_a_profile_is_all_that_a_command_needs(shell: Callable[..., Shell], server: KmipTestServer, home: Path) -> None:
    bare = shell()
    name, file = bare("profile", "add", "ours", *options_of(server), "--kmip-version", "1.4").split("\t")
    key = bare("key", "create", "--profile", "ours")

    assert (name, Path(file).stat().st_mode & 0o777) == ("ours", 0o600)
    assert home in Path(file).parents
    assert bare("key", "list", "--profile", "ours").split("\t")[0] == key
    assert bare.json("query", "--profile", "ours")["protocol_version"] == "1.4"
    assert bare.json("query", "--profile", "ours", "--kmip-version", "2.0")["protocol_version"] == "2.0"
    assert bare.json("profile", "show", "ours")["host"] == server.host
    assert [row["name"] for row in bare.json("profile", "list")] == ["ours"]
    bare("profile", "remove", "ours")
    code, _, err = bare.code("key", "list", "--profile", "ours")
    assert (code, err) == (2, "kmipd: no profile ours; there is none yet; kmipd profile add makes one\n")


def test_relative_files_are_kept_whole(
    shell: Callable[..., Shell], server: KmipTestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(server.ca).parent)
    shell()("profile", "add", "here", "--host", server.host, "--ca", "ca.crt")

    assert shell().json("profile", "show", "here")["ca"] == server.ca


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["add", "x", "--host", "h", "--ca", "/no/such"], "--ca: /no/such does not exist"),
        (["add", "[x]", "--host", "h"], "'[x]' cannot be the name of a profile"),
        (["add", "x"], "Missing option '--host'"),
        (["show", "x"], "no profile x"),
        (["remove", "x"], "no profile x"),
    ],
    ids=str,
)
def test_mistakes_are_named(shell: Callable[..., Shell], words: list[str], text: str) -> None:
    code, _, err = shell().code("profile", *words)

    assert code == 2
    assert text in err


def test_a_broken_file_is_named(shell: Callable[..., Shell], home: Path) -> None:
    bare = shell()
    bare("profile", "add", "x", "--host", "h")
    (home / "kmipd" / "profiles.conf").write_text("[x]\nhots = h\n")

    code, _, err = bare.code("profile", "show", "x")
    assert (code, "[x] has hots; write host, port" in err) == (2, True)


def test_without_any_options_it_is_the_local_server(shell: Callable[..., Shell], tmp_path: Path) -> None:
    with KmipTestServer(data_dir=str(tmp_path / "data"), ephemeral=False) as local:
        (tmp_path / "data" / "pki").symlink_to(Path(local.ca).parent)
        bare = shell("--data-dir", tmp_path / "data", "--port", local.port)
        key = bare("key", "create")

        assert bare("key", "list").split("\t")[0] == key


def test_the_local_key_is_not_taken_for_a_certificate_that_is_named(
    shell: Callable[..., Shell], server: KmipTestServer, tmp_path: Path
) -> None:
    with KmipTestServer(data_dir=str(tmp_path / "data"), ephemeral=False) as local:
        (tmp_path / "data" / "pki").symlink_to(Path(local.ca).parent)
        shell_of_local = shell("--data-dir", tmp_path / "data", "--port", server.port, "--ca", server.ca)

        assert "protocol_versions" in shell_of_local("query", "--cert", server.pem)  # which has the key, too
        code, _, err = shell_of_local.code("query", "--cert", server.cert)
        assert (code, f"{server.cert}: no private key in PEM is in it; name the file that has it" in err) == (2, True)
        code, _, err = shell_of_local.code("query", "--key", server.key)
        assert (code, "--key needs --cert" in err) == (2, True), err


def test_a_local_server_that_was_never_started_is_named(shell: Callable[..., Shell]) -> None:
    code, _, err = shell().code("key", "list")

    assert code == 2
    assert "start the local server first (kmipd), or name a server with --host and --cert" in err


def test_a_server_s_own_words(kmipd: Shell) -> None:
    found = kmipd.json("query")

    assert found["vendor_identification"] == "kmipd"
    assert "Create Key Pair" in found["operations"]
    assert found["protocol_version"] == "2.1"
    assert {"2.1", "1.0"} <= set(found["protocol_versions"])
    assert kmipd.json("query", "--kmip-version", "1.0")["protocol_versions"] == ["1.0"]


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3", "1.4", "2.0", "2.1", "3.0"])
def test_a_query_asks_for_what_the_version_has(kmipd: Shell, caplog: pytest.LogCaptureFixture, version: str) -> None:
    with caplog.at_level("INFO"):
        assert kmipd.json("query", "--kmip-version", version)["operations"]

    assert [record.getMessage() for record in caplog.records if "refused" in record.getMessage()] == []
