"""Databases that PyKMIP has made are read whole; what cannot be taken is told."""

from pathlib import Path

import pytest

from kmip_app.pykmip_database import Found, NoPyKmipDatabase, PyKmipDatabase, is_pykmip_database
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
    ],
)
def test_a_row_that_cannot_be_taken_is_told(tmp_path: Path, statement: str, why: str) -> None:
    path = make_database(tmp_path / "pykmip.database", one_of_each()[:1])
    change(path, statement)

    (found,) = read(path)

    assert found.managed_object is None
    assert found.problem.startswith(why)


def test_a_database_is_told_from_other_files(path: Path, tmp_path: Path) -> None:
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
