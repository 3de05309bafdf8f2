"""Objects get another owner beside the running server, and keep their content."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.dialogue import Dialogue, Refused
from tests.e2e.operations.conftest import Start
from tests.server import Clients, StartedServer, run

WITHIN = 120  # seconds; a hang limit


class As(Dialogue):
    """A dialogue of another client."""

    def __init__(self, server: StartedServer, clients: Clients, name: str) -> None:
        super().__init__(server)
        self._client = server.client(clients.certificate(name), clients.key)


def chown(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run("object", "chown", "--data-dir", str(data), *arguments)


def test_objects_are_given_to_another_client(start: Start, tmp_path: Path) -> None:
    server, data = start(), tmp_path / "data"
    clients = Clients(server.ca, tmp_path)
    with As(server, clients, "old") as old, As(server, clients, "new") as new, As(server, clients, "x") as other:
        keys = {old.register(f"key {number}", bytes([number]) * 32): bytes([number]) * 32 for number in range(3)}
        first, *rest = keys
        kept = other.create("another's")
        destroyed = old.create("destroyed")
        old.destroy(destroyed)
        with pytest.raises(Refused):
            new.material(first)

        done = chown(data, "new", first)
        assert (done.returncode, done.stdout) == (0, "1 object given to new\n"), done.stderr
        assert new.material(first) == keys[first]
        with pytest.raises(Refused):
            old.material(first)
        assert old.material(rest[0]) == keys[rest[0]]

        assert chown(data, "new", "--from", "old").stdout == "3 objects given to new\n"
        assert [new.material(key) for key in rest] == [keys[key] for key in rest]
        with pytest.raises(Refused):
            new.material(kept)
        assert set(new.locate("key 1")) == {rest[0]}
    verified = run("verify", "--data-dir", str(data))
    assert verified.returncode == 0
    assert "from old to new" in (data / "audit" / "care.jsonl").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("new",), "--from OWNER"),
        (("new", "missing"), "has the identifier missing"),
        (("a\x07b", "--from", "x"), "control characters"),
    ],
    ids=["nothing named", "missing", "odd name"],
)
def test_mistakes_are_one_line_and_2(start: Start, tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    start()

    done = chown(tmp_path / "data", *arguments)

    assert done.returncode == 2
    assert told in done.stderr
