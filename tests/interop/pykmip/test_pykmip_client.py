"""PyKMIP's client against a started server, in the versions it speaks, across restarts and a power cut."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from kmip.core import enums
from kmip.core.factories.attributes import AttributeFactory
from kmip.pie import exceptions, objects
from kmip.pie.client import ProxyKmipClient

from tests.e2e.conftest import Start
from tests.interop.pasted import pasted
from tests.server import StartedServer

CONFIGURATION = Path(__file__).with_name("pykmip.conf")
VERSIONS = [
    enums.KMIPVersion.KMIP_1_0,
    enums.KMIPVersion.KMIP_1_2,
    enums.KMIPVersion.KMIP_1_4,
    enums.KMIPVersion.KMIP_2_0,
]
AES = enums.CryptographicAlgorithm.AES
RSA = enums.CryptographicAlgorithm.RSA
MASKS = [enums.CryptographicUsageMask.ENCRYPT, enums.CryptographicUsageMask.DECRYPT]


@contextmanager
def pykmip(server: StartedServer, version: enums.KMIPVersion) -> Iterator[ProxyKmipClient]:
    """Return PyKMIP's client, connected as the first client of the server, by its configuration file."""
    path = server.output.with_name("pykmip.conf")
    path.write_text(pasted(CONFIGURATION, server))
    with ProxyKmipClient(config_file=str(path), kmip_version=version) as client:
        yield client


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def version(request: pytest.FixtureRequest) -> enums.KMIPVersion:
    return request.param


def located(client: ProxyKmipClient, name: str) -> list[str]:
    wanted = AttributeFactory().create_attribute(enums.AttributeType.NAME, name_value(name))
    found: list[str] = client.locate(attributes=[wanted])
    return found


def name_value(name: str) -> object:
    from kmip.core.attributes import Name

    return Name.create(name, enums.NameType.UNINTERPRETED_TEXT_STRING)


def state_of(client: ProxyKmipClient, uid: str) -> enums.State:
    _, [state] = client.get_attributes(uid, ["State"])
    return state.attribute_value.value


@pytest.mark.parametrize(
    "version",
    [
        pytest.param(each, id=each.name, marks=() if each in {VERSIONS[0], VERSIONS[-1]} else pytest.mark.nightly)
        for each in VERSIONS
    ],
    indirect=True,
)
def test_the_life_of_a_key_survives_a_restart_and_a_power_cut(start: Start, version: enums.KMIPVersion) -> None:
    server = start()
    with pykmip(server, version) as client:
        uid = client.create(AES, 256, name="the key", cryptographic_usage_mask=MASKS)
        before = client.get(uid)
    assert server.stop() == 0

    server = start()
    with pykmip(server, version) as client:
        client.activate(uid)
    server.kill()

    server = start()
    with pykmip(server, version) as client:
        after = client.get(uid)
        assert after.value == before.value
        assert (len(after.value), after.cryptographic_algorithm, after.cryptographic_length) == (32, AES, 256)
        assert state_of(client, uid) is enums.State.ACTIVE
        assert located(client, "the key") == [uid]
        with pytest.raises(exceptions.KmipOperationFailure):
            client.destroy(uid)
        client.revoke(enums.RevocationReasonCode.CESSATION_OF_OPERATION, uid)
        assert state_of(client, uid) is enums.State.DEACTIVATED
        client.destroy(uid)
    server.kill()

    server = start()
    with pykmip(server, version) as client:
        with pytest.raises(exceptions.KmipOperationFailure, match="ITEM_NOT_FOUND"):
            client.get(uid)
        assert state_of(client, uid) is enums.State.DESTROYED
        assert located(client, "the key") == []


def test_attributes_are_listed_and_read_back(ephemeral: StartedServer, version: enums.KMIPVersion) -> None:
    with pykmip(ephemeral, version) as client:
        uid = client.create(AES, 256, name="listed", cryptographic_usage_mask=MASKS)
        names = client.get_attribute_list(uid)
        _, attributes = client.get_attributes(uid, ["Cryptographic Algorithm", "Cryptographic Length", "Object Type"])

    assert {"Cryptographic Algorithm", "Cryptographic Length", "Name", "Object Type", "State"} <= set(names)
    assert {a.attribute_name.value: a.attribute_value.value for a in attributes} == {
        "Cryptographic Algorithm": AES,
        "Cryptographic Length": 256,
        "Object Type": enums.ObjectType.SYMMETRIC_KEY,
    }


def the_six_types() -> list[objects.ManagedObject]:
    """Return one object of each type that PyKMIP can register."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    private = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return [
        objects.SymmetricKey(AES, 128, bytes(range(16)), MASKS, "registered"),
        objects.PublicKey(RSA, 2048, public, enums.KeyFormatType.PKCS_1, [enums.CryptographicUsageMask.VERIFY]),
        objects.PrivateKey(RSA, 2048, private, enums.KeyFormatType.PKCS_8, [enums.CryptographicUsageMask.SIGN]),
        objects.X509Certificate(certificate.public_bytes(serialization.Encoding.DER)),
        objects.SecretData(b"a secret", enums.SecretDataType.PASSWORD),
        objects.OpaqueObject(b"opaque", enums.OpaqueDataType.NONE),
    ]


def test_every_object_type_is_registered_and_got(ephemeral: StartedServer, version: enums.KMIPVersion) -> None:
    with pykmip(ephemeral, version) as client:
        for given in the_six_types():
            uid = client.register(given)
            got = client.get(uid)

            assert (type(got), got.value) == (type(given), given.value)
            client.destroy(uid)
