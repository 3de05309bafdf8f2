"""Databases of PyKMIP, made by PyKMIP's own classes, with one object of every type."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sqlalchemy
from kmip.core import enums
from kmip.pie import objects, sqltypes
from sqlalchemy.orm import sessionmaker

E = enums.CryptographicUsageMask
CERTIFICATE = b"0\x82\x01\x00certificate"  # PyKMIP looks at no bytes of it

WRAPPING: dict[str, Any] = {
    "wrapping_method": enums.WrappingMethod.ENCRYPT,
    "encryption_key_information": {
        "unique_identifier": "1",
        "cryptographic_parameters": {"block_cipher_mode": enums.BlockCipherMode.NIST_KEY_WRAP},
    },
    "encoding_option": enums.EncodingOption.NO_ENCODING,
}


def one_of_each() -> list[objects.ManagedObject]:
    """Return an object of every type that PyKMIP stores, the second one wrapped, the third one with everything."""
    aes = enums.CryptographicAlgorithm.AES
    full = objects.SymmetricKey(
        aes,
        128,
        bytes(range(16)),
        masks=[E.ENCRYPT, E.DECRYPT],
        name="first",
    )
    full.names.append("second")
    full.object_groups.append(objects.ObjectGroup(object_group="group"))
    full.app_specific_info.append(
        objects.ApplicationSpecificInformation(application_namespace="ssl", application_data="www.example.com")
    )
    full.sensitive = True
    full.state = enums.State.DEACTIVATED
    full.operation_policy_name = "storage"
    active = objects.SymmetricKey(aes, 256, bytes(32), masks=[E.WRAP_KEY, E.UNWRAP_KEY], name="wrapping")
    active.state = enums.State.ACTIVE
    compromised = objects.SecretData(b"x" * 96, enums.SecretDataType.SEED, name="secret")
    compromised.state = enums.State.COMPROMISED
    return [
        active,
        objects.SymmetricKey(aes, 128, b"\x01" * 24, key_wrapping_data=WRAPPING, name="wrapped"),
        full,
        objects.PublicKey(
            enums.CryptographicAlgorithm.RSA, 2048, b"public", enums.KeyFormatType.PKCS_1, masks=[E.VERIFY]
        ),
        objects.PrivateKey(
            enums.CryptographicAlgorithm.RSA, 2048, b"private", enums.KeyFormatType.PKCS_8, masks=[E.SIGN]
        ),
        objects.SplitKey(
            cryptographic_algorithm=aes,
            cryptographic_length=128,
            key_value=b"\x02" * 16,
            name="part",
            cryptographic_usage_masks=[E.EXPORT],
            key_format_type=enums.KeyFormatType.RAW,
            split_key_parts=3,
            key_part_identifier=1,
            split_key_threshold=2,
            split_key_method=enums.SplitKeyMethod.POLYNOMIAL_SHARING_PRIME_FIELD,
            prime_field_size=104729,
        ),
        objects.X509Certificate(CERTIFICATE, masks=[E.VERIFY], name="certificate"),
        compromised,
        objects.OpaqueObject(b"opaque", enums.OpaqueDataType.NONE, name="opaque"),
    ]


def make_database(path: Path, managed_objects: Iterable[objects.ManagedObject], owner: str = "alice") -> Path:
    """Write objects as PyKMIP's engine does, created one second after another."""
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    sqltypes.Base.metadata.create_all(engine)
    with sessionmaker(bind=engine)() as session:
        for number, managed_object in enumerate(managed_objects):
            managed_object._owner = owner
            managed_object.initial_date = 1_500_000_000 + number
            session.add(managed_object)
            session.commit()
    engine.dispose()
    return path


def change(path: Path, *statements: str) -> None:
    """Change a database below PyKMIP's classes."""
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
