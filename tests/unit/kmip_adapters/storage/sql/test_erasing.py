"""What is destroyed leaves the files, even in its sealed form."""

import functools
import time
from pathlib import Path

from attrs import evolve

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.sql.dialects import SQLITE
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.testing.contracts.samples import a_key, content
from kmip_core.enums import State


def files_with(directory: Path, value: bytes) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if value in path.read_bytes())


def erase(store: SqlStorage, unique_identifier: str) -> None:
    with store.unit_of_work() as work:
        found = work.find(unique_identifier)
        assert found is not None
        gone = evolve(found.attributes, state=State.DESTROYED)
        work.save(evolve(found, has_content=False, attributes=gone))
        work.commit()


def gone_within(directory: Path, value: bytes, seconds: float) -> bool:
    give_up = time.monotonic() + seconds
    while files_with(directory, value) and time.monotonic() < give_up:
        pass
    return not files_with(directory, value)


def test_a_destroyed_key_is_soon_in_no_file_even_sealed(tmp_path: Path) -> None:
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(tmp_path / "root.key"))
    store = SqlStorage(f"sqlite:///{tmp_path}/kmipd.db", make_sealer)
    with store.unit_of_work() as work:
        work.add(a_key("short"), content())
        work.add(a_key("long"), content(b"x" * 50_000))  # spills over several pages
        work.commit()
    sealed = [row[0] for row in store.database.read(Prepared("SELECT sealed FROM managed_objects", SQLITE))]
    assert all(files_with(tmp_path, value[:60]) for value in sealed)

    with store.unit_of_work() as reader:  # a reader that looks at the log must not stop it for good
        reader.find("short")
        erase(store, "short")
        erase(store, "long")

    for value in sealed:
        for part in (value[:60], value[-60:]):
            assert gone_within(tmp_path, part, 120)
    store.close()


def test_a_key_that_is_removed_with_its_content_is_soon_in_no_file_even_sealed(tmp_path: Path) -> None:
    """Obliterate removes an object in whatever state, without a Destroy before it."""
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(tmp_path / "root.key"))
    store = SqlStorage(f"sqlite:///{tmp_path}/kmipd.db", make_sealer)
    with store.unit_of_work() as work:
        work.add(a_key("key"), content())
        work.commit()
    ((sealed,),) = store.database.read(Prepared("SELECT sealed FROM managed_objects", SQLITE))

    with store.unit_of_work() as work:
        work.remove("key")
        work.commit()

    assert gone_within(tmp_path, sealed[:60], 120)
    store.close()
