"""Care of a store whose server is at work: backups under load, rotations that are killed and given again."""

import functools
import os
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.testing.contracts.samples import a_key, content
from tests.e2e.conftest import Start
from tests.e2e.dialogue import Dialogue
from tests.rounds import rounds
from tests.server import ROOT, StartedServer, command, run

WITHIN = 120  # seconds; a hang limit
MANY = rounds(1_500, nightly=4_000)  # objects: enough for a rotation to be met at its work


@contextmanager
def at_work(server: StartedServer) -> Iterator[dict[str, bytes]]:
    """Register keys all the time; give what was acknowledged."""
    kept: dict[str, bytes] = {}
    stop = threading.Event()

    def work() -> None:
        with Dialogue(server) as client:
            while not stop.is_set():
                key = os.urandom(32)
                kept[client.register(f"key {len(kept)}", key)] = key

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield kept
    finally:
        stop.set()
        thread.join(WITHIN)


def data_keys(data: Path) -> int:
    with closing(sqlite3.connect(data / "kmipd.sqlite")) as connection:
        count: int = connection.execute("SELECT count(*) FROM data_keys").fetchone()[0]
        return count


def test_a_backup_under_load_is_whole_and_has_what_was_acknowledged(start: Start, tmp_path: Path) -> None:
    server = start()
    data, new = tmp_path / "data", tmp_path / "new"
    with Dialogue(server) as client:
        first = client.register("first", bytes(range(32)))
    with at_work(server) as kept:
        while len(kept) < 20:
            time.sleep(0)
        before = dict(kept)
        done = run("backup", str(tmp_path / "copy"), "--data-dir", str(data))
    assert done.returncode == 0, done.stderr
    assert server.stop() == 0

    new.mkdir()
    shutil.copyfile(data / "root.key", new / "root.key")
    (new / "root.key").chmod(0o600)
    restored = run("restore", str(tmp_path / "copy"), "--data-dir", str(new))
    assert restored.returncode == 0, restored.stderr
    shutil.copytree(data / "pki", new / "pki")
    shutil.rmtree(data)
    new.rename(data)
    with Dialogue(start()) as client:
        assert client.material(first) == bytes(range(32))
        assert {identifier: client.material(identifier) for identifier in before} == before


def test_a_rotation_that_was_killed_is_given_again_while_the_server_works(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(data / "root.key"))
    store = SqlStorage(f"sqlite:///{data}/kmipd.sqlite", make_sealer)
    with store.unit_of_work() as work:
        for number in range(MANY):
            work.add(a_key(f"k{number}"), content())
        work.commit()
    store.close()
    rotate = command("rotate-data-key", "--data-dir", str(data))
    server = start()
    with at_work(server) as kept:
        process = subprocess.Popen(rotate, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + WITHIN
        while data_keys(data) < 2 and time.monotonic() < give_up:
            time.sleep(0)
        process.kill()
        process.wait(WITHIN)
        assert data_keys(data) == 2
        done = run("verify", "--data-dir", str(data))
        assert done.returncode == 0, done.stdout
        done = run("rotate-data-key", "--data-dir", str(data))
        assert done.returncode == 0, done.stderr
        assert data_keys(data) == 1
        assert run("rotate-root-key", "--data-dir", str(data)).returncode == 0
        done = run("verify", "--data-dir", str(data))
        assert done.returncode == 0, done.stdout
        served = len(kept)
        while len(kept) < served + 5:  # it still serves, under the new keys
            time.sleep(0)
    server.kill()
    with Dialogue(start()) as client:
        assert {identifier: client.material(identifier) for identifier in kept} == kept
