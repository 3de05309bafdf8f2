"""What clients chose does not reach the terminal raw: identifiers and targets of links, in `verify` and `import`."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kmip_adapters.storage import archive
from kmip_adapters.storage.sql import maintenance
from kmip_adapters.storage.sql.maintenance import Damage
from kmip_adapters.storage.sql.migration import HISTORY
from kmip_app import cli
from kmip_app.maintenance import store_access
from kmip_app.maintenance.store_access import Imported
from tests.server import ROOT

TITLE = "k\x1b]0;all is well\x07\neverything opens"
"""Sets the title of a terminal, and says in a line of its own what is not true."""

SHOWN = "k\\x1b]0;all is well\\x07\\neverything opens"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "none.conf").write_text("[server]\n")
    monkeypatch.setenv("KMIPD_CONFIG_PATH", str(tmp_path / "none.conf"))
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    for name in ("kmipd.sqlite", "root.key"):
        shutil.copyfile(ROOT / "tests" / "fixtures" / f"schema-{HISTORY.revision}" / name, data / name)
        (data / name).chmod(0o600)
    return data


@pytest.mark.parametrize("form", [[], ["--format", "table"], ["--format", "json"]], ids=["text", "table", "json"])
def test_verify_shows_no_identifier_raw(
    data: Path, form: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(maintenance, "verify", lambda storage, report: (Damage(TITLE, f"{TITLE} is damaged"),))
    monkeypatch.setattr(maintenance, "dangling_links", lambda storage, report: iter([("one", TITLE)]))
    capsys.readouterr()

    assert cli.run(["verify", "--data-dir", str(data), *form]) == 1

    told = capsys.readouterr()
    assert not {"\x1b", "\x07"} & {*told.out, *told.err}
    assert "everything opens" not in told.out.splitlines()
    assert told.out.count("all is well") == 3


def test_import_shows_no_identifier_raw(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def taken(*_: Any) -> Imported:
        return Imported(taken=Counter(), present=0, not_taken=[(TITLE, f"{TITLE} is not whole")])

    monkeypatch.setattr(archive, "read_archive", lambda file, words: iter(()))
    monkeypatch.setattr(store_access, "import_entries", taken)
    (tmp_path / "words").write_text("a passphrase of some length")
    (tmp_path / "words").chmod(0o600)
    (tmp_path / "archive").touch()
    capsys.readouterr()

    words = ["--passphrase", f"file:{tmp_path / 'words'}", "--data-dir", str(data)]
    assert cli.run(["import", str(tmp_path / "archive"), *words]) == 1

    told = capsys.readouterr()
    assert f"not taken: {SHOWN}: {SHOWN} is not whole" in told.out.splitlines()
    assert not {"\x1b", "\x07"} & {*told.out, *told.err}
