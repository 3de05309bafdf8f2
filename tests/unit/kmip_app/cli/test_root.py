"""The root key in shares, and its way from one place to any other."""

import itertools
from pathlib import Path

import pytest

from tests import softhsm
from tests.root_keys import a_wrapping_program, another_server
from tests.unit.kmip_app.cli.test_care_commands import data, events, run

__all__ = ["data"]  # the fixture

SPLIT = ("root", "split", "--shares", "5", "--threshold", "3")


def shares_of(data: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert run(data, *SPLIT) == 0
    return capsys.readouterr().out.splitlines()


def joined(data: Path, shares: list[str], tmp_path: Path) -> int:
    """Join shares, each in a file of its own."""
    files = []
    for number, share in enumerate(shares):
        files.append(tmp_path / f"share {number}")
        files[-1].write_text(f"share of one person:\n{share}\n")
    return run(data, "root", "join", *map(str, files))


def test_any_three_of_five_shares_make_the_key_whole(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (data / "root.key").read_bytes()
    shares = shares_of(data, capsys)
    assert len(set(shares)) == 5

    for some in itertools.combinations(shares, 3):
        (data / "root.key").unlink()
        assert joined(data, list(reversed(some)), tmp_path) == 0
        assert (data / "root.key").read_bytes() == before
    assert (data / "root.key").stat().st_mode & 0o777 == 0o600
    assert run(data, "verify") == 0


def test_a_key_that_is_there_is_not_replaced(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert joined(data, shares_of(data, capsys), tmp_path) == 2

    assert "is there already; move it away first" in capsys.readouterr().err


def test_shares_that_are_too_few_changed_or_of_two_keys_make_nothing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shares = shares_of(data, capsys)
    assert run(data, "rotate-root-key") == 0
    others = shares_of(data, capsys)
    (data / "root.key").rename(data / "kept")
    changed = shares[0][:-1] + ("0" if shares[0][-1] != "0" else "1")

    for given, reason in (
        (shares[:2], "2 shares are here, and 3 are needed"),
        ([shares[0], shares[0], shares[1]], "2 shares are here, and 3 are needed"),
        ([changed, *shares[1:3]], "one of them was changed"),
        ([*shares[:2], others[2]], "the shares are of different root keys"),
        (["nothing"], "there is no share"),
    ):
        assert joined(data, given, tmp_path) == 2
        assert reason in capsys.readouterr().err
        assert not (data / "root.key").exists()


@pytest.mark.parametrize(("shares", "threshold"), [("2", "3"), ("1", "1"), ("5", "1")])
def test_numbers_that_share_nothing_are_refused(data: Path, shares: str, threshold: str) -> None:
    assert run(data, "root", "split", "--shares", shares, "--threshold", threshold) == 2


def test_only_a_key_in_a_file_is_split(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "root.key").unlink()

    assert run(data, *SPLIT) == 2
    assert "only such a one can be split" in capsys.readouterr().err


KINDS = ("file", "command", "pkcs11", "kmip", "passphrase")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A place of a root key of each kind."""
    (tmp_path / "hsm").mkdir()
    token = softhsm.new_token(tmp_path / "hsm")
    for name, value in token.environment:
        monkeypatch.setenv(name, value)
    (tmp_path / "pin").write_bytes(softhsm.PIN)
    (tmp_path / "pin").chmod(0o600)
    monkeypatch.setenv("KMIPD_ROOT_KEY_PASSPHRASE", "credential:root")
    server = another_server()
    in_token = f"token={softhsm.LABEL};object=root?module-path={token.module}&pin-source=file:{tmp_path / 'pin'}"
    reached = f"{server.host}:{server.port}/{server.name}?cert={server.cert}&key={server.key}&ca={server.ca}"
    return {
        "file": "file",
        "command": f"command:{a_wrapping_program(tmp_path)}",
        "pkcs11": f"pkcs11:{in_token}",
        "kmip": f"kmip://{reached}",
        "passphrase": "passphrase",
    }


def rotate(data: Path, old: str, new: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Have the root key go from one place to another, which opens the store then."""
    assert run(data, "rotate-root-key", "--root-key", old, "--to", new) == 0, capsys.readouterr().err
    assert run(data, "verify", "--root-key", new) == 0, capsys.readouterr().err


def test_the_root_key_goes_from_every_place_to_the_next_and_back(
    data: Path, places: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    for way in ((*KINDS, "file"), ("file", *reversed(KINDS))):
        for old, new in itertools.pairwise(way):
            rotate(data, places[old], places[new], capsys)
            if old == "file":
                (data / "root.key").unlink()  # of no use any more

    assert events(data).count("Root key rotated") == 10


@pytest.mark.nightly
@pytest.mark.parametrize(("old", "new"), [*itertools.permutations(KINDS, 2)])
def test_the_root_key_goes_from_every_place_to_every_other(
    data: Path, places: dict[str, str], capsys: pytest.CaptureFixture[str], old: str, new: str
) -> None:
    if old != "file":
        rotate(data, places["file"], places[old], capsys)
        (data / "root.key").unlink()

    rotate(data, places[old], places[new], capsys)
    assert run(data, "verify", "--root-key", places[old]) != 0  # what is left there opens nothing
    assert events(data).count("Root key rotated") == 1 + (old != "file")
