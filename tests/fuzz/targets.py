"""What is fuzzed: one function for each reader. It takes any bytes and raises only what its reader does not document.

A finding becomes a file in `findings/NAME/`, which `test_fuzz.py` runs from then on.
"""

import functools
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from json import loads
from pathlib import Path
from random import Random
from typing import Any, Final

from attrs import evolve, frozen

from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_adapters.crypto.software.certificates import SoftwareCertificates
from kmip_adapters.crypto.software.key_forms import SoftwareKeyForms
from kmip_adapters.pkcs11_session import uri
from kmip_adapters.policy.json_format import read_policies
from kmip_adapters.transport.http_carriage import BINARY, HttpCarriage
from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.encodings import binary, json, xml
from kmip_adapters.ttlv.encodings.framing import FrameReader
from kmip_app.configuration.loading import ConfigurationError, choose
from kmip_app.maintenance.pykmip_database import NoPyKmipDatabase, PyKmipDatabase
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CertificateRequestType,
    CertificateType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    ObjectType,
    Operation,
    PKCS11Function,
    RecommendedCurve,
    ResultReason,
    State,
)
from kmip_core.errors import KmipError
from kmip_core.objects import Certificate, KeyBlock, KeyValue, ManagedObject, PrivateKey, PublicKey
from kmip_core.operations import CATALOGUE, create_key_pair, register
from kmip_core.ports.transport import run_to_end
from kmip_core.structures import CryptographicDomainParameters
from tests.builders import (
    ALICE,
    RememberedFaults,
    a_secret,
    a_service,
    a_symmetric_key,
    an_engine,
    perform,
    storage_of,
    stored,
)
from tests.fuzz import mutation
from tests.pkcs11_application import Refused, an_application
from tests.pykmip_databases import make_database, one_of_each

ROOT: Final = Path(__file__).resolve().parents[2]


@frozen
class Target:
    """One reader.

    seeds: yields inputs that get far into it.  longest: bytes of an input.
    mutated: changes an input in a way of its own: takes the input, another one, what changes bytes, and a source of
        choices; None where it cannot.
    """

    run: Callable[[bytes], object]
    seeds: Callable[[], Iterable[bytes]]
    longest: int = 4_096
    mutated: Callable[[bytes, bytes, Callable[[bytes], bytes], Random], bytes | None] | None = None


# --- messages -------------------------------------------------------------------------------------------------------


@functools.cache
def _codec() -> Codec:
    return Codec(CATALOGUE)


def request(data: bytes) -> None:
    """Frame it, decode it, and have an engine answer: no client's bytes are a fault of the server."""
    reader = FrameReader()
    try:
        reader.receive_data(data)
        frame = reader.next_frame()
    except KmipError:
        return
    if frame is None:
        return
    faults = RememberedFaults()
    job = a_service(an_engine(*_objects(), faults=faults), _codec()).open(frame, ALICE)
    run_to_end(job)
    if faults.errors:
        raise faults.errors[0]


@functools.cache
def _objects() -> tuple[tuple[ManagedObject, Any], ...]:
    """Return what the engine has: a key and a secret that may be used for everything, and a key pair."""
    engine = an_engine()
    every_use = CryptographicUsageMask(sum(CryptographicUsageMask))
    wanted = Attributes(
        cryptographic_algorithm=CryptographicAlgorithm.EC,
        cryptographic_domain_parameters=CryptographicDomainParameters(recommended_curve=RecommendedCurve.P_256),
        cryptographic_usage_mask=every_use,
    )
    pair = perform(engine, Operation.CREATE_KEY_PAIR, create_key_pair.Request(common_attributes=wanted))
    given = register.Request(
        object_type=ObjectType.SECRET_DATA,
        managed_object=a_secret(),
        attributes=Attributes(cryptographic_usage_mask=every_use),
    )
    made = {
        "private": pair.private_key_unique_identifier,
        "public": pair.public_key_unique_identifier,
        "secret": perform(engine, Operation.REGISTER, given).unique_identifier,
    }
    objects: list[tuple[ManagedObject, Any]] = [
        a_symmetric_key("key", State.ACTIVE, cryptographic_usage_mask=every_use)
    ]
    contents = storage_of(engine).contents()  # in the order in which they were made
    for (name, identifier), content in zip(made.items(), contents, strict=True):
        found = stored(engine, identifier)
        attributes = evolve(found.attributes, unique_identifier=name, state=State.ACTIVE, links=())
        objects.append((evolve(found, unique_identifier=name, attributes=attributes), content))
    return tuple(objects)


def _round_trip(decode: Callable[[bytes], object], encode: Callable[..., object], data: bytes) -> None:
    try:
        item = decode(data)
    except KmipError:
        return
    with suppress(KmipError):  # what one encoding can hold another may not
        binary.encode(item)  # type: ignore[arg-type]
    encode(item)


def _frames() -> Iterable[bytes]:
    """Yield some requests of each version, out of the vectors for authors of codecs."""
    for path in sorted((ROOT / "tests" / "vectors").glob("*.jsonl")):
        messages = [loads(line) for line in path.read_text().splitlines()]
        yield from [bytes.fromhex(one["ttlv"]) for one in messages if one["message"] == "request"][::6]


# --- keys and certificates ------------------------------------------------------------------------------------------

_FORMS: Final = (
    (PrivateKey, KeyFormatType.PKCS_8, None),
    (PrivateKey, KeyFormatType.PKCS_1, CryptographicAlgorithm.RSA),
    (PrivateKey, KeyFormatType.EC_PRIVATE_KEY, CryptographicAlgorithm.EC),
    (PublicKey, KeyFormatType.X_509, None),
    (PublicKey, KeyFormatType.PKCS_1, CryptographicAlgorithm.RSA),
)


def der(data: bytes) -> None:
    """Register it in every form in which DER comes, and read it as a request for a certificate."""
    faults = RememberedFaults()
    engine = an_engine(faults=faults, crypto=SoftwareCrypto(), certificates=SoftwareCertificates())
    given: list[tuple[ObjectType, object]] = [
        (ObjectType.CERTIFICATE, Certificate(certificate_type=CertificateType.X_509, certificate_value=data))
    ]
    for kind, form, algorithm in _FORMS:
        block = KeyBlock(key_format_type=form, key_value=KeyValue(key_material=data), cryptographic_algorithm=algorithm)
        object_type = ObjectType.PRIVATE_KEY if kind is PrivateKey else ObjectType.PUBLIC_KEY
        given.append((object_type, kind(key_block=block)))
    for object_type, managed_object in given:
        with suppress(KmipError):
            perform(
                engine,
                Operation.REGISTER,
                register.Request(object_type=object_type, managed_object=managed_object),  # type: ignore[arg-type]
            )
    with suppress(KmipError):
        SoftwareCertificates().read_request(CertificateRequestType.PKCS_10, data)
    if faults.errors:
        raise faults.errors[0]


def _der_seeds() -> Iterable[bytes]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x448

    none = serialization.NoEncryption()
    formats = serialization.PrivateFormat
    for key in (
        rsa.generate_private_key(65_537, 1_024),
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
        x448.X448PrivateKey.generate(),
        dsa.generate_private_key(1_024),
    ):
        yield key.private_bytes(serialization.Encoding.DER, formats.PKCS8, none)
        yield key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            yield key.private_bytes(serialization.Encoding.DER, formats.TraditionalOpenSSL, none)


def pkcs12(data: bytes) -> None:
    """Open it with a password that may be right."""
    for password in (b"", b"secret"):
        with suppress(KmipError):
            SoftwareKeyForms().read_container(data, password)


def _pkcs12_seeds() -> Iterable[bytes]:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption, PrivateFormat
    from cryptography.hazmat.primitives.serialization import pkcs12 as files

    key = ec.generate_private_key(ec.SECP256R1())
    yield files.serialize_key_and_certificates(b"name", key, None, None, NoEncryption())
    few = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(1)
    yield files.serialize_key_and_certificates(
        b"name", key, None, None, few.key_cert_algorithm(files.PBES.PBESv2SHA256AndAES256CBC).build(b"secret")
    )
    yield files.serialize_key_and_certificates(None, key, None, None, BestAvailableEncryption(b"secret"))


# --- files and addresses --------------------------------------------------------------------------------------------


def policies(data: bytes) -> None:
    """Read it as a policy file."""
    read_policies(data, "policy.json")


@functools.cache
def _scratch() -> Path:
    return Path(tempfile.mkdtemp(prefix=f"kmipd-fuzz-{os.getpid()}-"))


def server_conf(data: bytes) -> None:
    """Read it as the configuration of a server."""
    path = _scratch() / "server.conf"
    path.write_bytes(data)
    with suppress(ConfigurationError):
        choose({}, config_path=path, environment={})


@functools.cache
def _database() -> bytes:
    path = make_database(_scratch() / "pykmip.db", one_of_each())
    return path.read_bytes()


def pykmip_database(data: bytes) -> None:
    """Change a database of PyKMIP at places that the input names, and read all of it: 3 bytes of place, 1 of value."""
    content = bytearray(_database())
    for at in range(0, len(data) - 3, 4):
        content[int.from_bytes(data[at : at + 3]) % len(content)] = data[at + 3]
    path = _scratch() / "changed.db"
    path.write_bytes(content)
    try:
        database = PyKmipDatabase(path, now=1_800_000_000, owner="alice")
    except NoPyKmipDatabase:
        return
    try:
        for _ in database:
            pass
    except NoPyKmipDatabase:
        pass
    finally:
        database.close()


def pkcs11_uri(data: bytes) -> None:
    """Read it as the address of a key in a token."""
    with suppress(ValueError):
        uri.parse("pkcs11:" + data.decode("utf-8", "replace"))


def http(data: bytes) -> None:
    """Read it as requests over HTTP, in two parts, and answer them."""
    service = a_service(an_engine(), _codec())
    carriage = HttpCarriage(dict.fromkeys((BINARY, "text/xml", "application/json"), service), 65_536)
    middle = len(data) // 2
    try:
        for part in filter(None, (data[:middle], data[middle:])):  # the transport gives no part that is empty
            carriage.receive_data(part)
            while (frame := carriage.next_frame()) is not None:
                carriage.interim()
                carriage.wrap(frame[:64])
                if carriage.is_over:
                    return
    except KmipError as error:
        carriage.refuse(error)


# --- PKCS#11 --------------------------------------------------------------------------------------------------------


FUNCTIONS: Final = tuple(PKCS11Function)


@functools.cache
def _token() -> Engine:
    return an_engine(a_symmetric_key("key", State.ACTIVE))


def pkcs11(data: bytes) -> None:
    """Call a function (the first byte says which) with any parameters, in a session unless the second byte is odd."""
    if len(data) < 2:
        return
    application, function = an_application(_token()), FUNCTIONS[data[0] % len(FUNCTIONS)]
    session = b"" if data[1] % 2 else application.session.to_bytes(8, "big")
    try:
        application.call(function, session + data[2:])
    except Refused:
        pass
    except KmipError as error:
        if error.reason is ResultReason.GENERAL_FAILURE:  # what the engine makes of a fault
            raise RuntimeError(f"{function.name} failed") from error
    finally:
        with suppress(Refused, KmipError):
            application.call(PKCS11Function.C_FINALIZE, b"\0")


def _pkcs11_seeds() -> Iterable[bytes]:
    number = (1).to_bytes(8, "big")
    for place in range(len(FUNCTIONS)):
        for parameters in (number * 3, b"\1" + number + bytes(4), b"\xff" * 64):
            yield bytes([place, 0]) + parameters
        yield bytes([place, 1])


HEAD: Final = b"POST /kmip HTTP/1.1\r\nHost: kmip\r\nContent-Type: application/octet-stream\r\nContent-Length: 4\r\n"

TARGETS: Final[dict[str, Target]] = {
    "request": Target(request, _frames, 16_384, mutation.mutated_ttlv),
    "xml": Target(
        lambda data: _round_trip(xml.decode, xml.encode, data),
        lambda: [b'<RequestMessage><BatchItem><BatchCount type="Integer" value="1"/></BatchItem></RequestMessage>'],
    ),
    "json": Target(
        lambda data: _round_trip(json.decode, json.encode, data),
        lambda: [b'{"tag": "RequestMessage", "value": [{"tag": "BatchCount", "type": "Integer", "value": "0x1"}]}'],
    ),
    "policies": Target(
        policies,
        lambda: [b'{"one": {"groups": {"g": {"SYMMETRIC_KEY": {"GET": "ALLOW_ALL"}}}, "preset": {}}}', b"{}"],
    ),
    "server_conf": Target(
        server_conf,
        lambda: [
            b"[server]\nhostname=0.0.0.0\nport=5696\n[auth:slugs]\nenabled=True\nurl=http://127.0.0.1/\n",
            b"[x]\ny",
        ],
    ),
    "der": Target(der, _der_seeds, mutated=mutation.mutated_der),
    "pkcs12": Target(pkcs12, _pkcs12_seeds, mutated=mutation.mutated_der),
    "pykmip_database": Target(pykmip_database, lambda: [b"", b"\0\0\x12\1", b"\1\0\0\xff" * 8], 256),
    "http": Target(
        http,
        lambda: [
            HEAD + b"\r\nabcd",
            HEAD + b"Expect: 100-continue\r\nAuthorization: Basic YTpi\r\n\r\nabcd" + HEAD,
            b"POST / HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        ],
    ),
    "pkcs11": Target(pkcs11, _pkcs11_seeds),
    "pkcs11_uri": Target(
        pkcs11_uri, lambda: [b"token=kmipd;object=root;id=%01%ff?module-path=/x&pin-source=file:/y"], 512
    ),
}
