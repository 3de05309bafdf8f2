"""What a PyKMIP server kept is served by this one after one command, which can be run again."""

import re
from pathlib import Path

import pytest
from kmip.core import enums
from kmip.core.factories.attributes import AttributeFactory
from kmip.pie import objects
from kmip.pie.client import ProxyKmipClient

from kmip_app import KmipServer, cli
from kmip_app.configuration.config import StartError
from kmip_app.pki.authority import issue_client
from tests.pykmip_databases import make_database, one_of_each


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_database(tmp_path / "pykmip.database", one_of_each())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def run(*arguments: object) -> int:
    return cli.run(["import-pykmip", *map(str, arguments)])


def test_every_object_is_served_as_it_was(
    source: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(source, "--data-dir", data) == 0

    told = capsys.readouterr().out
    assert "taken: 9 (1 CERTIFICATE, 1 OPAQUE_OBJECT, 1 PRIVATE_KEY, 1 PUBLIC_KEY, 1 SECRET_DATA" in told
    assert "policy storage: 1 object has it, but it is not in force; add it to policy_path" in told
    with KmipServer(port=0, config_path=None, log_path=None, data_dir=data) as server:
        pki = server.server.pki
        alice = issue_client(pki, "alice", tmp_path / "alice")
        with ProxyKmipClient(
            "127.0.0.1",
            server.port,
            str(alice.certificate),
            str(alice.key),
            str(pki.ca.certificate),
            config_file="/dev/null",
        ) as client:
            for number, original in enumerate(one_of_each(), 1):
                if original.operation_policy_name == "storage":
                    continue  # denied until the policy is in force
                served = client.get(str(number))
                assert type(served) is type(original)
                assert served.value == original.value
                assert getattr(served, "key_wrapping_data", {}) == getattr(original, "key_wrapping_data", {})
            assert client.locate(attributes=[state(enums.State.ACTIVE)]) == ["1"]
            assert client.locate(attributes=[name("wrapped")]) == ["2"]


def state(value: enums.State) -> object:
    return AttributeFactory().create_attribute(enums.AttributeType.STATE, value)


def name(value: str) -> object:
    return AttributeFactory().create_attribute(enums.AttributeType.NAME, value)


def test_the_second_run_changes_nothing(source: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(source, "--data-dir", data)
    capsys.readouterr()

    assert run(source, "--data-dir", data) == 0

    assert capsys.readouterr().out.splitlines() == ["taken: 0", "there already: 9", "not taken: 0"]


def test_a_dry_run_makes_nothing(source: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(source, "--data-dir", data, "--dry-run") == 0

    assert "would take: 9" in capsys.readouterr().out
    assert not data.exists()


def test_a_dry_run_looks_at_what_is_there(source: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(source, "--data-dir", data)
    capsys.readouterr()

    assert run(source, "--data-dir", data, "--dry-run") == 0

    assert capsys.readouterr().out.splitlines()[:2] == ["would take: 0", "there already: 9"]


def test_an_identifier_that_another_object_has_is_not_taken(
    source: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(source, "--data-dir", data)
    other = make_database(tmp_path / "other.database", [objects.OpaqueObject(b"x", enums.OpaqueDataType.NONE)], "bob")
    capsys.readouterr()

    assert run(other, "--data-dir", data) == 1

    assert re.search(
        r"not taken: 1\n  1 \(\w+\): another object of this store has its identifier", capsys.readouterr().out
    )


def test_the_store_that_the_configuration_names_is_filled(source: Path, data: Path, tmp_path: Path) -> None:
    conf = tmp_path / "server.conf"
    conf.write_text(f"[server]\ndata_dir={data}\ndatabase_path={tmp_path / 'new.sqlite'}\n")

    assert run(source, "-f", conf) == 0

    assert (tmp_path / "new.sqlite").exists()


def test_pykmips_own_file_is_never_the_store(source: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = source.read_bytes()

    assert run(source, "--data-dir", data, "--database_path", source) == 2
    assert "is also the database_path of the configuration; name a new file there" in capsys.readouterr().err
    with pytest.raises(StartError, match=f"kmipd import-pykmip {source}"):
        KmipServer(port=0, config_path=None, log_path=None, data_dir=data, database_path=source)
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["serve", "-p", "0"], id="serve"),
        pytest.param(["verify"], id="verify"),
        pytest.param(["policy", "explain", "--user", "a", "--operation", "GET", "--object", "1"], id="explain"),
        pytest.param(["import-pykmip", "{other}"], id="import another"),
    ],
)
@pytest.mark.parametrize("place", ["--database_path={}", "--database=sqlite:///{}"], ids=["path", "url"])
def test_no_command_changes_a_byte_of_pykmips_file(
    source: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], place: str
) -> None:
    other = make_database(tmp_path / "other.database", [])
    before = source.read_bytes()
    command = [word.format(other=other) for word in arguments]

    assert cli.run([*command, "--data-dir", str(data), place.format(source)]) == 2

    assert f"kmipd import-pykmip {source}" in capsys.readouterr().err
    assert source.read_bytes() == before


def test_a_damaged_file_is_reported_and_what_can_be_read_is_used(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = make_database(
        tmp_path / "pykmip.database",
        [objects.OpaqueObject(b"\xab" * 20_000, enums.OpaqueDataType.NONE) for _ in range(250)],
    )
    content = bytearray(source.read_bytes())
    # A page of nothing but one value, late in the file, gets a next page that is not there.
    page = next(at for at in range(len(content) - 4096, 0, -4096) if content[at + 4 : at + 4096] == b"\xab" * 4092)
    content[page : page + 4] = b"\xff" * 4
    source.write_bytes(content)

    assert run(source, "--data-dir", data) == 2

    told = capsys.readouterr().err
    assert "cannot be read whole" in told
    assert "the command can be run again" in told
    assert [line for line in told.splitlines() if not line.startswith("Taking objects: ")] == told.splitlines()[-1:]
    assert run(source, "--data-dir", data, "--dry-run") == 2


def test_a_running_server_is_not_disturbed(source: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with KmipServer(port=0, config_path=None, log_path=None, data_dir=data):
        assert run(source, "--data-dir", data) == 2

    assert "is owned by another running server" in capsys.readouterr().err


def test_a_file_that_is_no_database_of_pykmip_is_reported(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "missing", "--data-dir", data) == 2

    assert capsys.readouterr().err == (f"kmipd: {tmp_path / 'missing'} does not exist; name PyKMIP's database file\n")
