"""Databases that PyKMIP has made are read whole; what cannot be taken is told."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from kmip_app.maintenance.pykmip_database import Found, NoPyKmipDatabase, PyKmipDatabase, is_pykmip_database
from kmip_core import enums
from kmip_core.enums import ObjectType, State
from kmip_core.masks import CryptographicUsageMask
from kmip_core.objects import Certificate, KeyValue, OpaqueObject, SecretData, SplitKey, SymmetricKey
from kmip_core.structures import (
    ApplicationSpecificInformation,
    CryptographicParameters,
    EncryptionKeyInformation,
    KeyWrappingData,
    Name,
)
from tests.pykmip_databases import CERTIFICATE, change, make_database, one_of_each

NOW = 1_700_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make_database(tmp_path / "pykmip.database", one_of_each())


def read(path: Path, owner: str | None = None) -> list[Found]:
    database = PyKmipDatabase(path, now=NOW, owner=owner)
    try:
        found = list(database)
        assert len(found) == len(database)
        return found
    finally:
        database.close()


def test_every_type_is_read_under_its_identifier(path: Path) -> None:
    found = read(path)

    told = [(f.managed_object.unique_identifier, f.managed_object.object_type) for f in found if f.managed_object]
    assert told == [
        ("1", ObjectType.SYMMETRIC_KEY),
        ("2", ObjectType.SYMMETRIC_KEY),
        ("3", ObjectType.SYMMETRIC_KEY),
        ("4", ObjectType.PUBLIC_KEY),
        ("5", ObjectType.PRIVATE_KEY),
        ("6", ObjectType.SPLIT_KEY),
        ("7", ObjectType.CERTIFICATE),
        ("8", ObjectType.SECRET_DATA),
        ("9", ObjectType.OPAQUE_OBJECT),
    ]
    assert [f.problem for f in found] == [""] * 9


def test_looking_at_a_store_of_ours_leaves_nothing_beside_it(tmp_path: Path) -> None:
    store = tmp_path / "kmipd.sqlite"
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE objects (number INTEGER)")

    assert not is_pykmip_database(store)
    assert list(tmp_path.iterdir()) == [store]


def test_everything_about_an_object_is_kept(path: Path) -> None:
    managed_object = read(path)[2].managed_object
    assert managed_object is not None
    attributes = managed_object.attributes

    assert managed_object.owner == "alice"
    assert attributes.names == (Name(name_value="first"), Name(name_value="second"))
    assert attributes.object_groups == ("group",)
    assert attributes.application_specific_information == (
        ApplicationSpecificInformation(application_namespace="ssl", application_data="www.example.com"),
    )
    assert attributes.operation_policy_name == "storage"
    assert attributes.state is State.DEACTIVATED
    assert attributes.initial_date == 1_500_000_002
    assert attributes.sensitive is True
    assert attributes.cryptographic_algorithm is enums.CryptographicAlgorithm.AES
    assert attributes.cryptographic_length == 128
    assert attributes.cryptographic_usage_mask == CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT


def test_a_wrapped_key_stays_wrapped(path: Path) -> None:
    content = read(path)[1].content

    assert isinstance(content, SymmetricKey)
    assert content.key_block.key_value == KeyValue(key_material=b"\x01" * 24)
    assert content.key_block.key_wrapping_data == KeyWrappingData(
        wrapping_method=enums.WrappingMethod.ENCRYPT,
        encryption_key_information=EncryptionKeyInformation(
            unique_identifier="1",
            cryptographic_parameters=CryptographicParameters(block_cipher_mode=enums.BlockCipherMode.NIST_KEY_WRAP),
        ),
        encoding_option=enums.EncodingOption.NO_ENCODING,
    )


def test_other_contents_are_what_they_were(path: Path) -> None:
    contents = [found.content for found in read(path)]

    split, certificate, secret, opaque = contents[5:]
    assert isinstance(split, SplitKey)
    assert (split.split_key_parts, split.key_part_identifier, split.split_key_threshold) == (3, 1, 2)
    assert split.split_key_method is enums.SplitKeyMethod.POLYNOMIAL_SHARING_PRIME_FIELD
    assert split.prime_field_size == 104729
    assert isinstance(certificate, Certificate)
    assert certificate.certificate_value == CERTIFICATE
    assert isinstance(secret, SecretData)
    assert secret.secret_data_type is enums.SecretDataType.SEED
    assert isinstance(opaque, OpaqueObject)
    assert opaque.opaque_data_type is enums.OpaqueDataType.NONE
    assert opaque.opaque_data_value == b"opaque"


def test_orphans_are_not_looked_at(path: Path) -> None:
    change(path, "DELETE FROM managed_objects WHERE uid = 3")

    assert [found.row.split()[0] for found in read(path)] == ["1", "2", "4", "5", "6", "7", "8", "9"]


def test_an_old_release_without_later_tables_and_columns_is_read(tmp_path: Path) -> None:
    path = make_database(tmp_path / "old.database", one_of_each()[:1])
    change(
        path,
        *(f"DROP TABLE {name}" for name in ("app_specific_info_map", "app_specific_info", "object_group_map")),
        *(f"DROP TABLE {name}" for name in ("object_groups", "split_keys")),
        *(
            f"ALTER TABLE managed_objects DROP COLUMN {name}"
            for name in ("owner", "operation_policy_name", "initial_date", "sensitive")
        ),
        *(f"ALTER TABLE keys DROP COLUMN {name}" for name in ("_kdw_wrapping_method", "_kdw_encoding_option")),
    )

    (unowned,) = read(path)
    (found,) = read(path, owner="carol")

    assert unowned.problem == "has no owner; name one with --owner"
    assert found.managed_object is not None
    assert found.managed_object.owner == "carol"
    assert found.managed_object.attributes.operation_policy_name == "default"
    assert found.managed_object.attributes.initial_date == NOW


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        pytest.param("UPDATE managed_objects SET value = NULL", "has no value", id="no value"),
        pytest.param("UPDATE managed_objects SET object_type = 6", "is of type 6", id="a template"),
        pytest.param("UPDATE managed_objects SET object_type = 99", "has ObjectType 99", id="unknown type"),
        pytest.param("UPDATE crypto_objects SET state = 99", "has State 99", id="unknown state"),
        pytest.param(
            "UPDATE keys SET cryptographic_algorithm = 9999", "has CryptographicAlgorithm 9999", id="algorithm"
        ),
        pytest.param("DELETE FROM keys", "has no row in keys", id="half a row"),
        pytest.param("UPDATE managed_objects SET object_type = 'x'", "has object_type 'x'", id="text for a type"),
        pytest.param("UPDATE managed_objects SET value = 'x'", "has a value that is not bytes", id="text for bytes"),
        pytest.param(
            "UPDATE managed_objects SET owner = x'ff'", "has an owner that is not text", id="bytes for an owner"
        ),
        pytest.param("UPDATE managed_objects SET initial_date = 'x'", "has initial_date 'x'", id="text for a date"),
        pytest.param("UPDATE managed_objects SET initial_date = 999999999999", "has initial_date 999", id="far date"),
        pytest.param("UPDATE crypto_objects SET state = 'x'", "has state 'x'", id="text for a state"),
        pytest.param(
            "UPDATE crypto_objects SET cryptographic_usage_mask = -5", "has cryptographic_usage_mask -5", id="mask"
        ),
        pytest.param(
            "UPDATE keys SET cryptographic_length = 'x'", "has cryptographic_length 'x'", id="text for a length"
        ),
        pytest.param("UPDATE keys SET cryptographic_length = 99999999999", "has cryptographic_length 999", id="length"),
        pytest.param("UPDATE managed_object_names SET name_type = 99", "has NameType 99", id="unknown kind of name"),
        pytest.param(
            "UPDATE managed_object_names SET name = CAST(x'ff' AS TEXT)",
            "has a name that is not text",
            id="name no UTF-8",
        ),
        pytest.param("UPDATE keys SET _kdw_wrapping_method = 'x'", "has _kdw_wrapping_method 'x'", id="wrapping"),
    ],
)
def test_a_row_that_cannot_be_taken_is_reported(tmp_path: Path, statement: str, why: str) -> None:
    path = make_database(tmp_path / "pykmip.database", one_of_each()[:1])
    change(path, statement)

    (found,) = read(path)

    assert found.managed_object is None
    assert found.problem.startswith(why)


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        pytest.param("UPDATE managed_object_names SET name_type = -1", ["wrapping"], id="no kind"),
        pytest.param("UPDATE managed_object_names SET name = NULL", [], id="no name"),
        pytest.param(
            "INSERT INTO managed_object_names (mo_uid, name, name_type) VALUES (1, 'wrapping', 1)",
            ["wrapping"],
            id="twice",
        ),
    ],
)
def test_odd_names_do_not_keep_an_object_from_being_taken(tmp_path: Path, statement: str, names: list[str]) -> None:
    path = make_database(tmp_path / "pykmip.database", one_of_each()[:1])
    change(path, statement)

    (found,) = read(path)

    assert found.managed_object is not None
    assert [name.name_value for name in found.managed_object.attributes.names] == names


def test_a_split_key_of_half_its_numbers_is_reported(tmp_path: Path) -> None:
    path = make_database(tmp_path / "pykmip.database", one_of_each()[5:6])
    change(path, "UPDATE split_keys SET _prime_field_size = 'x'")

    (found,) = read(path)

    assert found.problem.startswith("has _prime_field_size 'x'")


def test_a_report_holds_no_control_characters(tmp_path: Path) -> None:
    path = make_database(tmp_path / "pykmip.database", one_of_each()[:1])
    change(path, "UPDATE managed_objects SET class_type = 'x' || char(10) || char(27), value = NULL")

    (found,) = read(path)

    assert found.row == r"1 (x\n\x1b)"


def test_a_damaged_database_is_reported(tmp_path: Path) -> None:
    path = make_database(tmp_path / "pykmip.database", one_of_each())
    content = bytearray(path.read_bytes())
    content[3 * 4096 : 8 * 4096] = b"\xaa" * (5 * 4096)
    path.write_bytes(content)

    with pytest.raises(NoPyKmipDatabase, match=r"cannot be read whole \(.*malformed\); sqlite3 .* \.recover"):
        read(path)


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        pytest.param(["DROP TABLE managed_object_names", "CREATE TABLE managed_object_names (x)"], "id", id="names"),
        pytest.param(["DROP TABLE keys", "CREATE TABLE keys (x)"], "uid", id="keys"),
    ],
)
def test_a_table_without_its_key_is_reported(path: Path, statements: list[str], told: str) -> None:
    change(path, *statements)

    with pytest.raises(NoPyKmipDatabase, match=f"has no column {told}"):
        read(path)


def test_a_database_that_was_cut_off_in_a_change_is_recognised_and_reported_with_a_remedy(path: Path) -> None:
    cut_off = f"""
import os, sqlite3
connection = sqlite3.connect({str(path)!r}, isolation_level=None)
connection.execute("PRAGMA cache_size=1")  # so that pages are written before the end
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE managed_objects SET value = zeroblob(100000)")
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", cut_off], check=True)
    before = path.read_bytes()

    assert is_pykmip_database(path)
    with pytest.raises(NoPyKmipDatabase, match=r"was left in the middle of a change; .* sqlite3 .* \.tables"):
        read(path)
    assert path.read_bytes() == before


def test_any_file_name_is_opened(path: Path, tmp_path: Path) -> None:
    odd = path.rename(tmp_path / os.fsdecode(b"a?b#c%20 \xff.db"))

    assert len(read(odd)) == 9


def test_a_database_is_distinguished_from_other_files(path: Path, tmp_path: Path) -> None:
    change(tmp_path / "other.sqlite", "CREATE TABLE managed_objects (id INTEGER)")
    (tmp_path / "text").write_text("SQLite")

    assert is_pykmip_database(path)
    assert not is_pykmip_database(tmp_path / "other.sqlite")
    assert not is_pykmip_database(tmp_path / "text")
    assert not is_pykmip_database(tmp_path / "missing")
    assert not is_pykmip_database(tmp_path)


@pytest.mark.parametrize("name", ["text", "missing"])
def test_other_files_are_not_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "text").write_text("SQLite")

    with pytest.raises(NoPyKmipDatabase, match=name):
        PyKmipDatabase(tmp_path / name, now=NOW)


def test_reading_changes_nothing(path: Path) -> None:
    before = path.read_bytes()

    read(path)

    assert path.read_bytes() == before
