"""Nodes name themselves apart, and keep their names."""

import re
import shutil
from pathlib import Path

import pytest

from kmip_app.configuration.config import Configuration
from kmip_app.maintenance.node_names import names_of_node, node_name

SERVER = "postgresql+psycopg://kmipd@host/kmipd"


def test_a_server_with_a_file_of_its_own_is_main(tmp_path: Path) -> None:
    assert node_name(Configuration(data_directory=tmp_path)) == "main"
    assert node_name(Configuration(data_directory=tmp_path, database=SERVER, ephemeral=True)) == "main"
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_configured_counts(tmp_path: Path) -> None:
    assert node_name(Configuration(data_directory=tmp_path, database=SERVER, node_name="node-1")) == "node-1"
    assert node_name(Configuration(data_directory=tmp_path, node_name="node-1")) == "node-1"


def test_a_node_keeps_its_name_over_restarts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = Configuration(data_directory=tmp_path, database=SERVER)
    monkeypatch.setattr("socket.gethostname", lambda: "db.Example, with odd characters " + "x" * 100)
    name = node_name(configuration)
    monkeypatch.setattr("socket.gethostname", lambda: "another")

    assert node_name(configuration) == name
    assert re.fullmatch(r"db-Example-with-odd-characters-x+-[0-9a-f]{8}", name)
    assert len(name) <= 64
    assert (tmp_path / "node").stat().st_mode & 0o777 == 0o600


def test_a_copy_of_the_data_directory_is_another_node(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    name = node_name(Configuration(data_directory=tmp_path / "one", database=SERVER))
    shutil.copytree(tmp_path / "one", tmp_path / "other")

    other = Configuration(data_directory=tmp_path / "other", database=SERVER)
    assert node_name(other) != name
    assert node_name(other) == node_name(other)


def test_a_broken_name_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "node").write_text("../../etc/passwd 1\n")

    name = node_name(Configuration(data_directory=tmp_path, database=SERVER))

    assert "/" not in name


def test_a_worker_has_the_name_of_its_node_and_its_number(tmp_path: Path) -> None:
    assert node_name(Configuration(data_directory=tmp_path, worker=2)) == "main-w2"
    assert node_name(Configuration(data_directory=tmp_path, worker=12, node_name="a" * 64)) == "a" * 64 + "-w12"


def test_a_node_knows_its_workers_from_other_nodes(tmp_path: Path) -> None:
    is_ours = names_of_node(Configuration(data_directory=tmp_path, database=SERVER, node_name="node.1"))

    assert all(map(is_ours, ("node.1", "node.1-w1", "node.1-w64")))
    assert not any(map(is_ours, ("node.1-w", "node.1-wx", "node-1", "node.10", "other", "xnode.1-w1")))


def test_a_file_has_one_node_whatever_it_was_called(tmp_path: Path) -> None:
    assert names_of_node(Configuration(data_directory=tmp_path, worker=1))("an old name")
