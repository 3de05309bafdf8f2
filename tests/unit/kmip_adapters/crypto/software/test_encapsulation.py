"""Encapsulate and Decapsulate in software: published vectors, and what an attacker would send."""

import datetime
import json
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from kmip_adapters.crypto.software import SoftwareCrypto, encapsulation, keys
from kmip_core.enums import CertificateType, KEMAlgorithm, KeyFormatType, RecommendedCurve, ResultReason
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.errors import KmipError
from kmip_core.objects import Certificate, PrivateKey, PublicKey
from kmip_core.structures import CryptographicParameters as Parameters
from tests.contract.crypto_vectors import ROOT, vectors

CURVES: Final[dict[int, Any]] = {16: ec.SECP256R1(), 18: ec.SECP521R1()}
MONTGOMERY: Final[dict[int, Any]] = {32: x25519.X25519PrivateKey, 33: x448.X448PrivateKey}
NONE: Final = Parameters()


def a_private_key(algorithm: Algorithm, parsed: Any) -> PrivateKey:
    material = parsed.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return PrivateKey(algorithm, None, material, KeyFormatType.PKCS_8)


def of_hpke(vector: dict[str, Any]) -> PrivateKey:
    octets = bytes.fromhex(vector["skRm"])
    of_montgomery = MONTGOMERY.get(vector["kem_id"])
    if of_montgomery is not None:
        return a_private_key(Algorithm.ECDH, of_montgomery.from_private_bytes(octets))
    return a_private_key(Algorithm.EC, ec.derive_private_key(int.from_bytes(octets), CURVES[vector["kem_id"]]))


HPKE: Final = {
    vector["kem_id"]: vector
    for vector in json.loads((ROOT / "HPKE/test-vectors.json").read_text())
    if vector["mode"] == 0
}


@pytest.mark.parametrize("vector", HPKE.values(), ids=map(str, HPKE))
def test_dhkem_gives_the_secrets_of_rfc_9180(vector: dict[str, Any]) -> None:
    secret = encapsulation.decapsulate(of_hpke(vector), NONE, bytes.fromhex(vector["enc"]))

    assert secret.hex() == vector["shared_secret"]


@pytest.mark.parametrize("size", [768, 1024])
def test_ml_kem_gives_the_secrets_of_its_vectors(size: int) -> None:
    for vector in list(vectors(f"asymmetric/MLKEM/kat_MLKEM_{size}.rsp", "ct"))[:10]:
        seed = vector.bytes("d") + vector.bytes("z")
        key = PrivateKey(Algorithm[f"ML_KEM_{size}"], None, seed, KeyFormatType.RAW)

        assert encapsulation.decapsulate(key, NONE, vector.bytes("ct")) == vector.bytes("ss")


@pytest.fixture(scope="module")
def an_rsa_key() -> PrivateKey:
    return a_private_key(Algorithm.RSA, rsa.generate_private_key(65537, 1024))


def reason(key: Any, data: bytes, parameters: Parameters = NONE) -> ResultReason:
    with pytest.raises(KmipError) as caught:
        SoftwareCrypto().decapsulate(key, parameters, data)
    return caught.value.reason


def test_rsasve_returns_the_number_below_the_power(an_rsa_key: PrivateKey) -> None:
    numbers = keys.private_key(an_rsa_key).private_numbers().public_numbers
    secret = encapsulation.decapsulate(an_rsa_key, NONE, pow(12345, numbers.e, numbers.n).to_bytes(128))

    assert secret == (12345).to_bytes(128)


@pytest.mark.parametrize("offset", [0, 1, -1, 5], ids=["modulus", "above", "minus one", "far above"])
def test_rsasve_refuses_numbers_outside_the_group(an_rsa_key: PrivateKey, offset: int) -> None:
    n = keys.private_key(an_rsa_key).private_numbers().public_numbers.n

    assert reason(an_rsa_key, (n + offset).to_bytes(128)) is ResultReason.CRYPTOGRAPHIC_FAILURE
    assert reason(an_rsa_key, bytes(128)) is ResultReason.CRYPTOGRAPHIC_FAILURE
    assert reason(an_rsa_key, bytes(127)) is ResultReason.INVALID_FIELD


def test_rsasve_says_nothing_computed_with_a_wrong_exponent(
    an_rsa_key: PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encapsulation, "_lengthened", lambda exponent, order: exponent + 1)

    assert reason(an_rsa_key, (12345).to_bytes(128)) is ResultReason.CRYPTOGRAPHIC_FAILURE


@pytest.mark.parametrize("curve", [RecommendedCurve.P_256, RecommendedCurve.CURVE25519, RecommendedCurve.CURVE448])
def test_dhkem_refuses_what_is_no_point_of_the_curve(curve: RecommendedCurve) -> None:
    pair = SoftwareCrypto().make_key_pair(Algorithm.ECDH, None, curve)
    size = {RecommendedCurve.P_256: 65, RecommendedCurve.CURVE25519: 32, RecommendedCurve.CURVE448: 56}[curve]

    assert reason(pair.private_key, bytes(size)) is ResultReason.CRYPTOGRAPHIC_FAILURE
    assert reason(pair.private_key, bytes(size - 1)) is ResultReason.INVALID_FIELD


def test_a_curve_without_a_dhkem_is_unsupported() -> None:
    pair = SoftwareCrypto().make_key_pair(Algorithm.EC, None, RecommendedCurve.SECP256K1)

    assert reason(pair.private_key, bytes(65)) is ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS


def test_a_key_that_signs_does_not_encapsulate() -> None:
    crypto = SoftwareCrypto()
    for algorithm in (Algorithm.ECDSA, Algorithm.ED25519, Algorithm.ML_DSA_44):
        pair = crypto.make_key_pair(algorithm, crypto.capabilities.key_pair_lengths[algorithm][0])

        assert reason(pair.private_key, bytes(65)) is ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS


def test_an_rsa_key_under_another_name_does_not_encapsulate(an_rsa_key: PrivateKey) -> None:
    material = an_rsa_key.key_block.material
    assert material is not None
    key = PrivateKey(Algorithm.EC, None, material, KeyFormatType.PKCS_8)

    assert reason(key, bytes(127) + b"\5") is ResultReason.CRYPTOGRAPHIC_FAILURE


def a_certificate(parsed: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> Certificate:
    name, day = x509.Name([]), datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, parsed.public_key(), 1, day, day)
    der = builder.sign(parsed, hashes.SHA256()).public_bytes(Encoding.DER)
    return Certificate(certificate_value=der, certificate_type=CertificateType.X_509)


def test_a_certificate_stands_for_the_key_in_it() -> None:
    parsed = ec.generate_private_key(ec.SECP256R1())
    made = SoftwareCrypto().encapsulate(a_certificate(parsed), Parameters(kem_algorithm=KEMAlgorithm.DHKEM))

    assert encapsulation.decapsulate(a_private_key(Algorithm.EC, parsed), NONE, made.data) == made.shared_secret
    assert made.shared_secret.hex() not in repr(made)


class Noted:
    """Runs in this process, and notes what would have run in another."""

    may_wait = True
    may_compute = True

    def __init__(self) -> None:
        self.ran: list[str] = []

    def run(self, function: Any, *arguments: Any, seconds: float = 0.0) -> Any:
        self.ran.append(function.__name__)
        return function(*arguments)


def test_powers_are_never_taken_in_the_process_that_serves() -> None:
    processes = Noted()
    crypto = SoftwareCrypto(processes)
    of_rsa = crypto.make_key_pair(Algorithm.RSA, 2048)
    of_curve = crypto.make_key_pair(Algorithm.EC, 256)
    certificate = a_certificate(rsa.generate_private_key(65537, 2048))
    processes.ran.clear()

    data = crypto.encapsulate(of_rsa.public_key, NONE).data
    crypto.decapsulate(of_rsa.private_key, NONE, data)
    crypto.encapsulate(certificate, NONE)
    assert processes.ran == ["encapsulate", "decapsulate", "encapsulate"]

    crypto.decapsulate(of_curve.private_key, NONE, crypto.encapsulate(of_curve.public_key, NONE).data)
    assert len(processes.ran) == 3


def test_a_key_block_does_not_hide_that_its_key_is_of_rsa() -> None:
    octets = rsa.generate_private_key(65537, 2048).public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    hidden = PublicKey(Algorithm.EC, 2048, octets, KeyFormatType.PKCS_1)

    with pytest.raises(KmipError):
        encapsulation.encapsulate(hidden, NONE)
