"""Work that may be long goes to a process: what it is, is judged by sizes, and nothing of it is done before."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import mldsa, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kmip_adapters.crypto.software import SoftwareCrypto, key_numbers, long_work
from kmip_adapters.crypto.software.certificates import SoftwareCertificates
from kmip_adapters.crypto.software.der import OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, encode, integer
from kmip_adapters.crypto.software.key_forms import SoftwareKeyForms
from kmip_app.factories import keys as factories
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import DerivationMethod, DigitalSignatureAlgorithm, KeyFormatType, SplitKeyMethod
from kmip_core.objects import PrivateKey
from kmip_core.ports.crypto import Crypto, Encryption
from kmip_core.ports.key_forms import SharingScheme
from kmip_core.structures import CryptographicParameters, DerivationParameters, TransparentRSAPrivateKey

SIGNS: Final = CryptographicParameters(
    digital_signature_algorithm=DigitalSignatureAlgorithm.SHA_256_WITH_RSA_ENCRYPTION
)
RSA_OID: Final = bytes.fromhex("2a864886f70d010101")
PSS_OID: Final = bytes.fromhex("2a864886f70d01010a")
SHA_256: Final = bytes.fromhex("608648016503040201")
ML_DSA_44: Final = bytes.fromhex("608648016503040311")


class Away(Exception):
    """What `Elsewhere` answers: the job has left this process."""


class Elsewhere:
    """Stands for a pool of processes: notes the job, and does nothing of it."""

    may_wait = True
    may_compute = True

    def __init__(self) -> None:
        self.jobs: list[tuple[str, float]] = []

    def run(self, function: Any, *arguments: Any, seconds: float = 10.0) -> Any:
        self.jobs.append((function.__name__, seconds))
        raise Away


def transparent(bits: int, *, primes: bool = True) -> TransparentRSAPrivateKey:
    """Return numbers of the wanted length, of no key: nothing may be computed with them here."""
    prime = 3 if primes else None
    return TransparentRSAPrivateKey(
        modulus=1 << bits - 1 | 1, private_exponent=5, public_exponent=65537, p=prime, q=prime
    )


def pkcs8(oid: bytes, parameters: bytes, content: bytes = bytes(2401)) -> bytes:
    algorithm = encode(SEQUENCE, encode(OBJECT_IDENTIFIER, oid) + parameters)
    return encode(SEQUENCE, integer(0) + algorithm + encode(OCTET_STRING, content))


def pss(hash_oid: bytes) -> bytes:
    return encode(SEQUENCE, encode(0xA0, encode(SEQUENCE, encode(OBJECT_IDENTIFIER, hash_oid))))


def a_key(material: Any, algorithm: Algorithm | None = Algorithm.RSA) -> PrivateKey:
    return PrivateKey(algorithm, None, material, KeyFormatType.PKCS_8)


WITHOUT_PRIMES: Final = a_key(transparent(1024, primes=False))
LONG_TO_USE: Final = {
    "4,097 bits": a_key(transparent(4097)),
    "without primes": WITHOUT_PRIMES,
    "PKCS#8": a_key(pkcs8(RSA_OID, b"\x05\x00")),
    "PKCS#8 of RSASSA-PSS with SHA-256": a_key(pkcs8(PSS_OID, pss(SHA_256))),
    "PKCS#8 of RSASSA-PSS that names ML-DSA as its hash": a_key(pkcs8(PSS_OID, pss(ML_DSA_44))),
    "a version that looks like ML-DSA": a_key(encode(SEQUENCE, encode(0x02, ML_DSA_44) + bytes(2401))),
    "PEM": a_key(b"-----BEGIN PRIVATE KEY-----\n" + b"A" * 3300 + b"\n-----END PRIVATE KEY-----\n"),
}
USES: Final[dict[str, Callable[[SoftwareCrypto, PrivateKey], Any]]] = {
    "sign": lambda crypto, key: crypto.sign(key, SIGNS, b"data"),
    "hash_of": lambda crypto, key: crypto.begin_sign(key, SIGNS),
    "decrypt": lambda crypto, key: crypto.begin_decrypt(Encryption(key, CryptographicParameters())).finish(),
    "derive": lambda crypto, key: crypto.derive(
        DerivationMethod.ASYMMETRIC_KEY, [key, key], DerivationParameters(), 256
    ),
    "decapsulate": lambda crypto, key: crypto.decapsulate(key, CryptographicParameters(), b"data"),
}


@pytest.fixture(autouse=True)
def nothing_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    def computed(*_: Any) -> Any:
        raise AssertionError("primes were looked for in this process")

    monkeypatch.setattr(key_numbers, "recovered_primes", computed)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("what", LONG_TO_USE)
def test_a_private_key_beyond_the_usual_size_is_used_in_a_process(what: str, use: str) -> None:
    processes = Elsewhere()

    with pytest.raises(Away):
        USES[use](SoftwareCrypto(processes), LONG_TO_USE[what])

    assert processes.jobs == [(use, 10.0)]


@pytest.mark.parametrize("what", LONG_TO_USE)
def test_a_private_key_beyond_the_usual_size_signs_certificates_in_a_process(what: str) -> None:
    contents: Any = None  # is not looked at here
    processes = Elsewhere()

    with pytest.raises(Away):
        SoftwareCertificates(processes).make_certificate(contents, None, LONG_TO_USE[what])

    assert processes.jobs == [("make_certificate", 10.0)]


def test_usual_keys_stay_in_the_thread() -> None:
    parsed = rsa.generate_private_key(65537, 1024)
    usual = a_key(parsed.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    processes = Elsewhere()

    assert len(SoftwareCrypto(processes).sign(usual, SIGNS, b"data")) == 128
    assert processes.jobs == []
    assert not long_work.is_long_to_use(a_key(transparent(4096)))
    assert not long_work.is_long_to_use(a_key(bytes(2400)))


def test_long_keys_of_ml_dsa_stay_in_the_thread() -> None:
    """Four kilobytes, and as fast as any."""
    seeded = mldsa.MLDSA65PrivateKey.generate().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert not long_work.is_long_to_use(a_key(seeded, Algorithm.ML_DSA_65))
    assert not long_work.is_long_to_use(a_key(pkcs8(ML_DSA_44, b""), Algorithm.ML_DSA_44))


@pytest.mark.parametrize("algorithm", [Algorithm.RSA, Algorithm.EC, None], ids=["RSA", "EC", "none"])
@pytest.mark.parametrize(
    ("function", "call"),
    [
        ("describe", lambda crypto, key: crypto.describe(key)),
        ("convert", lambda crypto, key: crypto.convert(key, KeyFormatType.PKCS_1)),
        *USES.items(),
    ],
)
def test_primes_are_looked_for_in_a_process_whatever_is_done_with_the_key(
    function: str, call: Callable[[SoftwareCrypto, PrivateKey], Any], algorithm: Algorithm | None
) -> None:
    processes = Elsewhere()

    with pytest.raises(Away):
        call(SoftwareCrypto(processes), a_key(transparent(1024, primes=False), algorithm))

    assert processes.jobs == [(function, 10.0)]


def test_containers_are_read_in_a_process_that_has_three_seconds() -> None:
    processes = Elsewhere()

    with pytest.raises(Away):
        SoftwareKeyForms(processes).read_container(b"container", b"password")

    assert processes.jobs == [("read_container", 3.0)]


@pytest.mark.parametrize("parts", [200, 255])
def test_shares_of_a_prime_field_are_split_and_joined_in_a_process(parts: int) -> None:
    """Hundreds of points, and one element: the distances are what is long."""
    many = SharingScheme(
        method=SplitKeyMethod.POLYNOMIAL_SHARING_PRIME_FIELD,
        parts=parts,
        threshold=parts,
        prime_field_size=2**521 - 1,
    )
    processes = Elsewhere()

    with pytest.raises(Away):
        SoftwareKeyForms(processes).join_secret({number: bytes(66) for number in range(1, parts + 1)}, many, 16)
    with pytest.raises(Away):
        SoftwareKeyForms(processes).split_secret(bytes(16), many)

    assert processes.jobs == [("join_secret", 10.0), ("split_secret", 10.0)]


def test_primes_of_a_key_for_a_token_are_looked_for_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoMechanisms:
        def open(self) -> dict[str, Any]:
            return {"mechanisms": {}}

    monkeypatch.setattr(factories, "token", lambda _: NoMechanisms())
    processes, configuration = Elsewhere(), SimpleNamespace(ephemeral=True)
    opened: Callable[..., Crypto] = factories.open_pkcs11

    with pytest.raises(Away):
        opened(configuration, lambda: processes).import_key(WITHOUT_PRIMES)

    assert processes.jobs == [("convert", 10.0)]


def test_few_shares_are_split_and_joined_at_once() -> None:
    few = SharingScheme(method=SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8, parts=5, threshold=3)
    forms = SoftwareKeyForms(Elsewhere())

    assert forms.join_secret(dict(enumerate(forms.split_secret(b"secret", few), start=1)), few, 6) == b"secret"
