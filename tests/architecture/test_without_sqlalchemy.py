"""A server works where SQLAlchemy is not: its import would be a quarter of a start, and 16 MiB."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.server import ROOT

USERS: Final = {
    "kmip_adapters/storage/migrations",
    "kmip_adapters/storage/sql/copying.py",
    "kmip_adapters/storage/sql/postgresql/schema.py",
    "kmip_adapters/storage/sql/record_migration.py",
    "kmip_adapters/storage/sql/schema.py",
    "kmip_adapters/storage/sql/sqlite_upgrade.py",
}
"""What uses SQLAlchemy: the tables, what makes and upgrades them, and copies. Statements are text (ADR 0350)."""

SERVES: Final = """
import sys, time
from pathlib import Path

sys.modules["sqlalchemy"] = sys.modules["alembic"] = None  # to import one of them fails

from kmip_app.configuration.config import Configuration
from kmip_app.container import build
from kmip_core.ports.transport import run_to_end
from kmip_core.principal import Principal
from tests.contract.dialogues.corrections import CORRECTIONS
from tests.contract.dialogues.replay import Replay, read

answered = 0
for start in ("first", "second"):
    container = build(Configuration(data_directory=Path(sys.argv[1]), port=0))
    service = container.service()
    for path in map(Path, sys.argv[2:]):
        principal = Principal(name=f"{start} {path.name}")
        lines = read(path)
        differences = Replay(
            exchange=lambda frame: run_to_end(service.open(frame, principal)), now=int(time.time())
        ).play(lines)
        known = CORRECTIONS.get(path.name, {})
        assert [one for one in differences if one.line not in known] == [], differences
        answered += len(lines)
    container.storage().close()
    container.audit().close()
    container.processes().close()
print(answered)
"""
"""Plays recordings of clients to a server, started twice on one database."""

RECORDINGS: Final = ("go-kmipclient-locate", "go-kmipclient-ops", "go-smira", "java-mongodb-crypt")


def test_the_tables_and_their_upgrades_alone_use_sqlalchemy() -> None:
    found = set()
    for package in ("kmip_core", "kmip_adapters", "kmip_app"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if any(name.split(".")[0] in ("sqlalchemy", "alembic") for name in names):
                    found.add(path.relative_to(ROOT).as_posix())

    assert {name for name in found if not any(name.startswith(user) for user in USERS)} == {
        "kmip_adapters/storage/sql/migration.py"  # for type checkers, and in the function that upgrades
    }


def test_a_server_with_sqlite_starts_and_serves_without_sqlalchemy(tmp_path: Path) -> None:
    recordings = [str(ROOT / "tests" / "contract" / "dialogues" / f"{name}.jsonl.gz") for name in RECORDINGS]

    done = subprocess.run(
        [sys.executable, "-c", SERVES, str(tmp_path), *recordings],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100
