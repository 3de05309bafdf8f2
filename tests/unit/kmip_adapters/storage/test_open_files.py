"""A database that this process has open is not opened and closed besides: that would lose SQLite's locks."""

import sqlite3
import subprocess
import sys
from pathlib import Path

from kmip_adapters.storage.open_files import is_open_here
from kmip_adapters.storage.sql.sqlite import SqliteBackend
from kmip_app.configuration.checks import problems
from kmip_app.configuration.config import Configuration
from kmip_app.maintenance.pykmip_database import is_pykmip_database

OTHER = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM kept').fetchall(); c.close()"


def test_a_reload_leaves_the_log_of_the_database_alone(tmp_path: Path) -> None:
    configuration = Configuration(data_directory=tmp_path)
    path = configuration.sqlite_path
    assert path is not None
    backend = SqliteBackend(path)
    writer = backend.open_writer()
    writer.execute("CREATE TABLE kept (value)")

    assert list(problems(configuration)) == []  # what a reload looks at
    assert not is_pykmip_database(path)
    subprocess.run([sys.executable, "-c", OTHER, str(path)], check=True)  # as a command beside the server does
    writer.execute("INSERT INTO kept VALUES (1)")

    assert path.with_name(f"{path.name}-wal").exists()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT value FROM kept").fetchall() == [(1,)]
    connection.close()
    writer.close()
    backend.close()


def test_a_file_is_open_until_every_backend_has_closed_it(tmp_path: Path) -> None:
    path = tmp_path / "store"
    assert not is_open_here(path)
    backends = [SqliteBackend(path) for _ in range(2)]
    for backend in backends:
        assert is_open_here(path)
        backend.close()

    assert not is_open_here(path)
