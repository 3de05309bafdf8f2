"""Requests that ask for as much computing as a request may: each is answered or refused, and nobody waits for it.

While one client sends the costly requests, a probe has short ones answered on a connection of its own. How long the
slowest took is reported (-s shows it); what is asserted is a generous limit, since test machines are busy. The numbers
themselves are bounded in `limits`, and most of these requests would otherwise run for minutes to months.
"""

import hashlib
import hmac
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kmip_adapters.crypto.software.der import OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, encode, integer
from kmip_adapters.transport.client import TlsTtlvClient
from kmip_app.container import planned_codec
from kmip_core.attributes import Attributes
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    DerivationMethod,
    HashingAlgorithm,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    PaddingMethod,
    QueryFunction,
    ResultReason,
    ResultStatus,
    SecretDataType,
    SplitKeyMethod,
)
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage, ResponseBatchItem
from kmip_core.objects import KeyBlock, KeyValue, PrivateKey, SecretData, SplitKey, SymmetricKey
from kmip_core.operations import create_key_pair, decrypt, derive_key, join_split_key, query, register, sign
from kmip_core.structures import (
    CryptographicParameters,
    DerivationParameters,
    Link,
    ProtocolVersion,
    TransparentDSAPrivateKey,
    TransparentRSAPrivateKey,
)
from tests.server import StartedServer, running

CODEC: Final = planned_codec()
VERSION: Final = ProtocolVersion(2, 1)
HANG: Final = 120.0  # seconds; on a quiet machine the aim is 0.25


def frame(operation: Operation, payload: Any) -> bytes:
    item = RequestBatchItem(operation=operation, payload=payload)
    return CODEC.encode_request(RequestMessage(header=RequestHeader(protocol_version=VERSION), batch_items=(item,)))


QUERY: Final = frame(Operation.QUERY, query.Request(query_functions=(QueryFunction.QUERY_OPERATIONS,)))


def ask(client: TlsTtlvClient, operation: Operation, payload: Any) -> ResponseBatchItem:
    """Return the one item of the answer."""
    return CODEC.decode_response(client.exchange(frame(operation, payload))).batch_items[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedServer]:
    with running(tmp_path_factory.mktemp("bombs"), "--ephemeral", "--crypto", "software") as started:
        yield started
        assert "Traceback" not in started.output.read_text()


@pytest.fixture
def attacker(server: StartedServer, request: pytest.FixtureRequest) -> Iterator[TlsTtlvClient]:
    """A client whose requests must not be felt by another one."""
    worst, begun_probing, stop = 0.0, threading.Event(), threading.Event()

    def probe() -> None:
        nonlocal worst
        with server.client() as other:
            while not stop.is_set():
                begun = time.perf_counter()
                other.exchange(QUERY)
                worst = max(worst, time.perf_counter() - begun)
                begun_probing.set()
                time.sleep(0.002)

    prober = threading.Thread(target=probe)
    with server.client() as client:
        client.socket.settimeout(300)
        prober.start()
        assert begun_probing.wait(HANG)
        yield client
    stop.set()
    prober.join()
    print(f"\n{request.node.name}: the probe's slowest answer took {1000 * worst:.0f} ms")
    assert 0 < worst < HANG


# --- keys ---------------------------------------------------------------------------------------------------------


def a_private(material: Any, wanted: KeyFormatType, algorithm: CryptographicAlgorithm, length: int = 2048) -> Any:
    block = KeyBlock(
        key_format_type=wanted,
        key_value=KeyValue(key_material=material),
        cryptographic_algorithm=algorithm,
        cryptographic_length=length,
    )
    return register.Request(
        object_type=ObjectType.PRIVATE_KEY,
        attributes=Attributes(cryptographic_usage_mask=CryptographicUsageMask.SIGN, activation_date=1),
        managed_object=PrivateKey(key_block=block),
    )


RSA = CryptographicAlgorithm.RSA
DSA = CryptographicAlgorithm.DSA
WITHOUT_PRIMES = rsa.generate_private_key(65537, 2048).private_numbers()
HUGE = (1 << 24_000) - 1


def dsa_pkcs8() -> bytes:
    group = encode(SEQUENCE, integer(HUGE) + integer(HUGE >> 1) + integer(2))
    algorithm = encode(SEQUENCE, encode(OBJECT_IDENTIFIER, bytes.fromhex("2a8648ce380401")) + group)
    return encode(SEQUENCE, integer(0) + algorithm + encode(OCTET_STRING, integer(HUGE >> 2)))


KEYS: Final = {
    "DSA, numbers of 24,000 bits": lambda: a_private(
        TransparentDSAPrivateKey(p=HUGE, q=HUGE >> 1, g=2, x=HUGE >> 2),
        KeyFormatType.TRANSPARENT_DSA_PRIVATE_KEY,
        DSA,
    ),
    "RSA, exponents of 24,000 bits": lambda: a_private(
        TransparentRSAPrivateKey(modulus=WITHOUT_PRIMES.public_numbers.n, private_exponent=HUGE, public_exponent=HUGE),
        KeyFormatType.TRANSPARENT_RSA_PRIVATE_KEY,
        RSA,
    ),
    "RSA, a prime as its modulus": lambda: a_private(
        TransparentRSAPrivateKey(modulus=2**4423 - 1, private_exponent=(1 << 4400) + 1, public_exponent=65537),
        KeyFormatType.TRANSPARENT_RSA_PRIVATE_KEY,
        RSA,
    ),
    "RSA, primes of 60 KB": lambda: a_private(
        TransparentRSAPrivateKey(
            modulus=WITHOUT_PRIMES.public_numbers.n, private_exponent=3, p=(1 << 240_000) + 1, q=(1 << 240_000) + 7
        ),
        KeyFormatType.TRANSPARENT_RSA_PRIVATE_KEY,
        RSA,
    ),
    "DSA in PKCS#8, numbers of 24,000 bits": lambda: a_private(dsa_pkcs8(), KeyFormatType.PKCS_8, DSA),
}


@pytest.mark.parametrize("what", KEYS)
def test_keys_of_absurd_numbers_are_not_computed_with(attacker: TlsTtlvClient, what: str) -> None:
    for _ in range(3):
        made = ask(attacker, Operation.REGISTER, KEYS[what]())

        assert made.result_status is ResultStatus.SUCCESS or made.result_reason is not ResultReason.GENERAL_FAILURE


def test_an_rsa_key_without_primes_is_registered_and_signs(attacker: TlsTtlvClient) -> None:
    numbers = WITHOUT_PRIMES
    material = TransparentRSAPrivateKey(
        modulus=numbers.public_numbers.n, private_exponent=numbers.d, public_exponent=65537
    )
    made = ask(attacker, Operation.REGISTER, a_private(material, KeyFormatType.TRANSPARENT_RSA_PRIVATE_KEY, RSA))
    how = CryptographicParameters(
        cryptographic_algorithm=RSA,
        padding_method=PaddingMethod.PKCS1_V1_5,
        hashing_algorithm=HashingAlgorithm.SHA_256,
    )
    identifier = made.payload.unique_identifier
    whole = ask(
        attacker,
        Operation.SIGN,
        sign.Request(unique_identifier=identifier, cryptographic_parameters=how, data=b"two parts"),
    )

    value, parts = None, (b"two ", b"parts")
    for number, part in enumerate(parts):
        signed = ask(
            attacker,
            Operation.SIGN,
            sign.Request(
                unique_identifier=identifier,
                cryptographic_parameters=how if number == 0 else None,
                data=part,
                correlation_value=value,
                init_indicator=True if number == 0 else None,
                final_indicator=True if number == 1 else None,
            ),
        )
        value = signed.payload.correlation_value
    assert signed.payload.signature_data == whole.payload.signature_data


def test_a_large_pair_is_made(attacker: TlsTtlvClient) -> None:
    mask = CryptographicUsageMask.SIGN
    for algorithm, length in ((RSA, 3072), (DSA, 2048)):
        made = ask(
            attacker,
            Operation.CREATE_KEY_PAIR,
            create_key_pair.Request(
                common_attributes=Attributes(cryptographic_algorithm=algorithm, cryptographic_length=length),
                private_key_attributes=Attributes(cryptographic_usage_mask=mask),
                public_key_attributes=Attributes(cryptographic_usage_mask=CryptographicUsageMask.VERIFY),
            ),
        )

        assert made.result_status is ResultStatus.SUCCESS


# --- PKCS#12 ------------------------------------------------------------------------------------------------------

PASSWORD: Final = b"password"


def sequence(*parts: bytes) -> bytes:
    return encode(SEQUENCE, b"".join(parts))


def oid(text: str) -> bytes:
    return encode(OBJECT_IDENTIFIER, bytes.fromhex(text))


def explicit(content: bytes) -> bytes:
    return encode(0xA0, content)


def encrypted(content: bytes, rounds: int, *, honest: bool = True) -> tuple[bytes, bytes]:
    """Return an AlgorithmIdentifier of PBES2 (PBKDF2, AES-256-CBC) that says `rounds`, and the cipher text.

    honest: False does not spend the rounds: the text is no cipher text, but what reads it does not know.
    """
    salt, iv = os.urandom(8), os.urandom(16)
    derivation = sequence(
        oid("2a864886f70d01050c"),
        sequence(encode(OCTET_STRING, salt), integer(rounds), sequence(oid("2a864886f70d0209"), b"\x05\x00")),
    )
    scheme = sequence(oid("60864801650304012a"), encode(OCTET_STRING, iv))
    algorithm = sequence(oid("2a864886f70d01050d"), sequence(derivation, scheme))
    if not honest:
        return algorithm, os.urandom(64)
    key = hashlib.pbkdf2_hmac("sha256", PASSWORD, salt, rounds, 32)
    filled = content + bytes([16 - len(content) % 16]) * (16 - len(content) % 16)
    context = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return algorithm, context.update(filled) + context.finalize()


def mac_key(password: bytes, salt: bytes) -> bytes:
    """RFC 7292 appendix B, for SHA-256, purpose 3, one iteration."""
    characters = (password.decode() + "\0").encode("utf-16-be")

    def stretched(octets: bytes) -> bytes:
        return (octets * (64 // len(octets) + 1))[: 64 * -(-len(octets) // 64)]

    return hashlib.sha256(b"\x03" * 64 + stretched(salt) + stretched(characters)).digest()


def container(*, outer: int = 1, inner: int = 1, macs: int = 1) -> bytes:
    """Return a PKCS#12 container: a shrouded key bag of `inner` iterations inside of data encrypted with `outer`."""
    algorithm, text = encrypted(b"", inner, honest=False)
    shrouded = sequence(algorithm, encode(OCTET_STRING, text))
    bags = sequence(sequence(oid("2a864886f70d010c0a0102"), explicit(shrouded)))
    algorithm, text = encrypted(bags, outer, honest=outer < 1000)
    content = sequence(oid("2a864886f70d010701"), algorithm, encode(0x80, text))
    safe = sequence(sequence(oid("2a864886f70d010706"), explicit(sequence(integer(0), content))))
    salt = os.urandom(8)
    digest = hmac.digest(mac_key(PASSWORD, salt), safe, "sha256")
    mac = sequence(
        sequence(sequence(oid("608648016503040201"), b"\x05\x00"), encode(OCTET_STRING, digest)),
        encode(OCTET_STRING, salt),
        integer(macs),
    )
    contents = sequence(oid("2a864886f70d010701"), explicit(encode(OCTET_STRING, safe)))
    return sequence(integer(3), contents, mac)


def a_password(client: TlsTtlvClient) -> str:
    block = KeyBlock(key_format_type=KeyFormatType.OPAQUE, key_value=KeyValue(key_material=PASSWORD))
    made = ask(
        client,
        Operation.REGISTER,
        register.Request(
            object_type=ObjectType.SECRET_DATA,
            attributes=Attributes(activation_date=1),
            managed_object=SecretData(secret_data_type=SecretDataType.PASSWORD, key_block=block),
        ),
    )
    return str(made.payload.unique_identifier)


CONTAINERS: Final[dict[str, Callable[[], bytes]]] = {
    "iterations in plain sight": lambda: container(macs=2**31 - 1),
    "iterations of the outer layer": lambda: container(outer=2**31 - 1),
    "as many iterations as are allowed": lambda: container(outer=1_900_000),
    "iterations inside of encrypted data": lambda: container(inner=2**31 - 1),
}


@pytest.mark.parametrize("what", CONTAINERS)
def test_containers_that_ask_for_absurd_work_are_refused(attacker: TlsTtlvClient, what: str) -> None:
    link = Link(link_type=LinkType.PKCS_12_PASSWORD_LINK, linked_object_identifier=a_password(attacker))
    block = KeyBlock(key_format_type=KeyFormatType.PKCS_12, key_value=KeyValue(key_material=CONTAINERS[what]()))
    made = ask(
        attacker,
        Operation.REGISTER,
        register.Request(
            object_type=ObjectType.PRIVATE_KEY,
            attributes=Attributes(cryptographic_usage_mask=CryptographicUsageMask.SIGN, links=(link,)),
            managed_object=PrivateKey(key_block=block),
        ),
    )

    assert made.result_status is ResultStatus.OPERATION_FAILED
    expected = {ResultReason.CRYPTOGRAPHIC_FAILURE} if what == "iterations inside of encrypted data" else REFUSALS
    assert made.result_reason in expected


REFUSALS: Final = {ResultReason.INVALID_FIELD, ResultReason.INVALID_ATTRIBUTE_VALUE, ResultReason.BAD_PASSWORD}


# --- derivations and shares ---------------------------------------------------------------------------------------

METHODS = (DerivationMethod.PBKDF2, DerivationMethod.NIST800_108_C, DerivationMethod.NIST800_108_DPI)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_long_derivations_delay_no_other_client(attacker: TlsTtlvClient, method: DerivationMethod) -> None:
    base = ask(
        attacker,
        Operation.REGISTER,
        register.Request(
            object_type=ObjectType.SECRET_DATA,
            attributes=Attributes(cryptographic_usage_mask=CryptographicUsageMask.DERIVE_KEY, activation_date=1),
            managed_object=SecretData(
                secret_data_type=SecretDataType.SEED,
                key_block=KeyBlock(
                    key_format_type=KeyFormatType.OPAQUE, key_value=KeyValue(key_material=bytes(range(32)))
                ),
            ),
        ),
    )
    how = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
    for data, iterations, length, is_allowed in ((900_000, 2**31 - 1, 65_536, False), (60_000, 2_000_000, 256, True)):
        pbkdf2 = method is DerivationMethod.PBKDF2
        parameters = DerivationParameters(
            cryptographic_parameters=how,
            derivation_data=None if pbkdf2 else bytes(data),
            salt=b"saltsalt" if pbkdf2 else None,
            iteration_count=iterations if pbkdf2 else None,
        )
        made = ask(
            attacker,
            Operation.DERIVE_KEY,
            derive_key.Request(
                object_type=ObjectType.SECRET_DATA,
                unique_identifiers=(base.payload.unique_identifier,),
                derivation_method=method,
                derivation_parameters=parameters,
                attributes=Attributes(cryptographic_length=length),
            ),
        )

        assert made.result_status is (ResultStatus.SUCCESS if is_allowed else ResultStatus.OPERATION_FAILED)
        assert made.result_reason in (None, ResultReason.INVALID_FIELD)


def test_shares_of_a_large_prime_field_delay_no_other_client(attacker: TlsTtlvClient) -> None:
    prime = 2**2203 - 1
    identifiers = []
    for number in itertools.chain(range(1, 61)):
        part = SplitKey(
            split_key_parts=255,
            key_part_identifier=number,
            split_key_threshold=40,
            split_key_method=SplitKeyMethod.POLYNOMIAL_SHARING_PRIME_FIELD,
            prime_field_size=prime,
            key_block=KeyBlock(
                key_format_type=KeyFormatType.RAW,
                key_value=KeyValue(key_material=bytes(275) + bytes([number])),
                cryptographic_algorithm=CryptographicAlgorithm.AES,
                cryptographic_length=256,
            ),
        )
        made = ask(
            attacker, Operation.REGISTER, register.Request(object_type=ObjectType.SPLIT_KEY, managed_object=part)
        )
        identifiers.append(made.payload.unique_identifier)

    joined = ask(
        attacker,
        Operation.JOIN_SPLIT_KEY,
        join_split_key.Request(object_type=ObjectType.SYMMETRIC_KEY, unique_identifiers=tuple(identifiers)),
    )

    # The shares are those of the line y = x, so they agree, and the secret is zero.
    assert joined.result_status is ResultStatus.SUCCESS or joined.result_reason is not ResultReason.GENERAL_FAILURE


# --- after all of it ----------------------------------------------------------------------------------------------


def test_the_processes_end_with_a_server_that_is_killed(tmp_path: Path) -> None:
    with running(tmp_path, "--ephemeral") as started:
        with started.client() as client:
            ask(
                client,
                Operation.CREATE_KEY_PAIR,
                create_key_pair.Request(
                    common_attributes=Attributes(cryptographic_algorithm=DSA, cryptographic_length=1024),
                    private_key_attributes=Attributes(cryptographic_usage_mask=CryptographicUsageMask.SIGN),
                    public_key_attributes=Attributes(cryptographic_usage_mask=CryptographicUsageMask.VERIFY),
                ),
            )
        path = Path(f"/proc/{started.process.pid}/task/{started.process.pid}/children")
        if not path.exists():
            pytest.skip("the children of a process are not listed here")
        children = path.read_text().split()
        started.kill()

    deadline = time.monotonic() + HANG
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [child for child in children if Path(f"/proc/{child}").exists()]


def test_many_large_signatures_at_once_delay_no_other_client(server: StartedServer, attacker: TlsTtlvClient) -> None:
    """Eight clients sign with RSA keys of 4,608 bits and hang up without an answer."""
    key = rsa.generate_private_key(65537, 4608)
    material = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    made = ask(attacker, Operation.REGISTER, a_private(material, KeyFormatType.PKCS_8, RSA, 4608))
    how = CryptographicParameters(
        cryptographic_algorithm=RSA,
        padding_method=PaddingMethod.PKCS1_V1_5,
        hashing_algorithm=HashingAlgorithm.SHA_256,
    )
    request = frame(
        Operation.SIGN,
        sign.Request(unique_identifier=made.payload.unique_identifier, cryptographic_parameters=how, data=b"data"),
    )
    for _ in range(8):
        with server.client() as client:
            client.socket.sendall(request)
    signed = CODEC.decode_response(attacker.exchange(request)).batch_items[0]

    assert signed.result_status is ResultStatus.SUCCESS
    assert len(signed.payload.signature_data) == 576


def test_padding_that_is_wrong_is_answered_later_and_others_are_not_held_up(attacker: TlsTtlvClient) -> None:
    material = SymmetricKey(CryptographicAlgorithm.AES, 128, bytes(range(16)))
    made = ask(
        attacker,
        Operation.REGISTER,
        register.Request(
            object_type=ObjectType.SYMMETRIC_KEY,
            attributes=Attributes(cryptographic_usage_mask=CryptographicUsageMask.DECRYPT, activation_date=1),
            managed_object=material,
        ),
    )
    wrong = decrypt.Request(
        unique_identifier=made.payload.unique_identifier,
        data=bytes(16),
        iv_counter_nonce=bytes(16),
        cryptographic_parameters=CryptographicParameters(
            block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5
        ),
    )
    begun = time.monotonic()
    answers = [ask(attacker, Operation.DECRYPT, wrong) for _ in range(28)]

    assert {answer.result_reason for answer in answers} == {ResultReason.CRYPTOGRAPHIC_FAILURE}
    assert time.monotonic() - begun >= 1.0  # 5 + 10 + ... + 100 ms, which no machine makes shorter
