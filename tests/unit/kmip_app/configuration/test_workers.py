"""How many workers: numbers, and as many as there are processors."""

import os
from pathlib import Path

import pytest

from kmip_app.configuration.checks import problems
from kmip_app.configuration.config import Configuration
from kmip_app.configuration.workers import WORKERS, processors
from kmip_app.kmip_server import KmipServer


def test_auto_is_one_for_each_processor() -> None:
    assert WORKERS.read(" Auto ") == processors()
    assert WORKERS.read("3") == 3


@pytest.mark.parametrize("value", ["0", "65", "-1", "many", "", True])
def test_other_numbers_are_refused(value: object) -> None:
    with pytest.raises(ValueError):
        WORKERS.read(value)


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("150000 100000", 2), ("50000 100000", 1), ("max 100000", 8), ("6400000 100000", 8), ("?", 8), (None, 8)],
)
def test_a_control_group_has_fewer_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str | None, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    path = tmp_path / "cpu.max"
    if quota is not None:
        path.write_text(quota + "\n")

    assert processors(path) == expected


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"ephemeral": True}, "memory"),
        ({"crypto": "hsm_stub"}, "hsm_stub"),
    ],
)
def test_settings_that_one_process_keeps_to_itself_refuse_workers(
    tmp_path: Path, settings: dict[str, object], reason: str
) -> None:
    configuration = Configuration(data_directory=tmp_path, workers=2, **settings)  # type: ignore[arg-type]

    assert [reason in problem.text for problem in problems(configuration)] == [True]


def test_a_server_inside_a_program_is_one_process(tmp_path: Path) -> None:
    server = KmipServer(config_path=None, log_path=None, data_dir=tmp_path, workers=4)

    assert server.configuration.workers == 1


def test_a_token_is_shared_by_workers(tmp_path: Path) -> None:
    found = problems(Configuration(data_directory=tmp_path, workers=2, crypto="pkcs11"))

    assert [problem for problem in found if problem.where == "workers"] == []
