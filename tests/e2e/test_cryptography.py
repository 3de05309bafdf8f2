"""Keys are used as PyKMIP's client asks for it, on both adapters; slow work delays nobody."""

import hashlib
import hmac
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from kmip.core import enums
from kmip.pie import exceptions, objects
from kmip.pie.client import ProxyKmipClient

from kmip_adapters.transport.limits import TransportLimits
from kmip_adapters.ttlv.codec import Codec
from kmip_app.configuration.config import Configuration
from kmip_app.server import Server
from kmip_core.attributes import Attributes
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    Operation,
    QueryFunction,
    ResultReason,
    ResultStatus,
)
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage, ResponseBatchItem
from kmip_core.operations import CATALOGUE, create_key_pair, query
from kmip_core.structures import ProtocolVersion
from tests.interop.pykmip.test_pykmip_client import pykmip
from tests.server import StartedServer, running

Algorithm = enums.CryptographicAlgorithm
Mode = enums.BlockCipherMode
Padding = enums.PaddingMethod
Hashing = enums.HashingAlgorithm
Mask = enums.CryptographicUsageMask
V1_2, V1_4, V2_0 = enums.KMIPVersion.KMIP_1_2, enums.KMIPVersion.KMIP_1_4, enums.KMIPVersion.KMIP_2_0

MODES_OF_THE_DOCUMENT = (Mode.CBC, Mode.ECB, Mode.CFB, Mode.OFB, Mode.CTR)
CIPHERS_OF_THE_DOCUMENT = {
    Algorithm.TRIPLE_DES: 192,
    Algorithm.AES: 256,
    Algorithm.BLOWFISH: 128,
    Algorithm.CAMELLIA: 256,
    Algorithm.CAST5: 128,
    Algorithm.IDEA: 128,
}
CIPHERS = [
    *(
        (algorithm, length, mode)
        for algorithm, length in CIPHERS_OF_THE_DOCUMENT.items()
        for mode in MODES_OF_THE_DOCUMENT
    ),
    (Algorithm.RC4, 128, None),
    (Algorithm.AES, 256, Mode.GCM),
    (Algorithm.AES, 256, Mode.CCM),
    (Algorithm.AES, 512, Mode.XTS),
]
PADDINGS = (Padding.PKCS5, Padding.ANSI_X923)
DATA = b"a text of more than two blocks, and odd"


@pytest.fixture(scope="module", params=["software", "hsm_stub"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedServer]:
    """A server with either adapter."""
    with running(tmp_path_factory.mktemp("server"), "--ephemeral", "--crypto", request.param) as started:
        yield started


@pytest.fixture
def client(server: StartedServer) -> Iterator[ProxyKmipClient]:
    with pykmip(server, V1_4) as connected:
        yield connected


def an_active_key(client: ProxyKmipClient, algorithm: Any, length: int, masks: list[Any]) -> str:
    uid: str = client.create(algorithm, length, cryptographic_usage_mask=masks)
    client.activate(uid)
    return uid


def an_active_pair(client: ProxyKmipClient, length: int, public: Any, private: Any) -> tuple[str, str]:
    pair: tuple[str, str] = client.create_key_pair(
        Algorithm.RSA, length, public_usage_mask=[public], private_usage_mask=[private]
    )
    for uid in pair:
        client.activate(uid)
    return pair


# --- both adapters ----------------------------------------------------------------------------------------------------


def test_a_key_is_used_and_its_life_ended(client: ProxyKmipClient) -> None:
    uid = an_active_key(client, Algorithm.AES, 256, [Mask.ENCRYPT, Mask.DECRYPT])
    how = {"block_cipher_mode": Mode.CBC, "padding_method": Padding.PKCS5, "cryptographic_algorithm": Algorithm.AES}

    sealed, iv = client.encrypt(DATA, uid, how)
    assert client.decrypt(sealed, uid, how, iv) == DATA

    client.revoke(enums.RevocationReasonCode.CESSATION_OF_OPERATION, uid)
    with pytest.raises(exceptions.KmipOperationFailure, match="PERMISSION_DENIED"):
        client.encrypt(DATA, uid, how)
    client.destroy(uid)
    with pytest.raises(exceptions.KmipOperationFailure, match="ITEM_NOT_FOUND"):
        client.encrypt(DATA, uid, how)


def test_a_registered_key_computes_what_it_computes_elsewhere(client: ProxyKmipClient) -> None:
    key, iv = bytes(range(32)), bytes(range(16))
    uid = client.register(objects.SymmetricKey(Algorithm.AES, 256, key, [Mask.ENCRYPT]))
    client.activate(uid)
    how = {"block_cipher_mode": Mode.CTR, "cryptographic_algorithm": Algorithm.AES}
    context = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()

    sealed, _ = client.encrypt(DATA, uid, how, iv)

    assert sealed == context.update(DATA) + context.finalize()


@pytest.mark.parametrize("scheme", [Padding.PKCS1v15, Padding.PSS], ids=lambda scheme: scheme.name)
def test_a_signature_is_valid_here_and_elsewhere(client: ProxyKmipClient, scheme: Any) -> None:
    public, private = an_active_pair(client, 2048, Mask.VERIFY, Mask.SIGN)
    how = {
        "padding_method": scheme,
        "hashing_algorithm": Hashing.SHA_256,
        "cryptographic_algorithm": Algorithm.RSA,
    }

    signature = client.sign(DATA, private, how)

    assert client.signature_verify(DATA, signature, public, how) is enums.ValidityIndicator.VALID
    assert client.signature_verify(DATA + b"!", signature, public, how) is enums.ValidityIndicator.INVALID
    key = serialization.load_der_public_key(client.get(public).value)
    assert isinstance(key, RSAPublicKey)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
    key.verify(signature, DATA, pss if scheme is Padding.PSS else padding.PKCS1v15(), hashes.SHA256())


def test_the_private_key_decrypts_what_its_public_key_has_encrypted(client: ProxyKmipClient) -> None:
    public, private = an_active_pair(client, 2048, Mask.ENCRYPT, Mask.DECRYPT)
    how = {
        "padding_method": Padding.OAEP,
        "hashing_algorithm": Hashing.SHA_256,
        "cryptographic_algorithm": Algorithm.RSA,
    }

    sealed, _ = client.encrypt(b"short", public, how)

    assert client.decrypt(sealed, private, how) == b"short"


def test_a_code_is_made(client: ProxyKmipClient) -> None:
    key = bytes(range(32))
    uid = client.register(objects.SymmetricKey(Algorithm.HMAC_SHA256, 256, key, [Mask.MAC_GENERATE]))
    client.activate(uid)

    assert client.mac(DATA, uid, Algorithm.HMAC_SHA256) == (uid, hmac.digest(key, DATA, hashlib.sha256))


# --- the token lets nothing out ---------------------------------------------------------------------------------------


def test_a_token_lets_no_key_out(tmp_path: Path) -> None:
    with (
        running(tmp_path, "--data-dir", str(tmp_path / "data"), "--crypto", "hsm_stub") as started,
        pykmip(started, V1_4) as client,
    ):
        key = bytes(range(100, 132))
        uids = [
            an_active_key(client, Algorithm.AES, 256, [Mask.ENCRYPT]),
            client.register(objects.SymmetricKey(Algorithm.AES, 256, key, [Mask.ENCRYPT])),
            an_active_pair(client, 2048, Mask.VERIFY, Mask.SIGN)[1],
        ]
        for uid in uids:
            with pytest.raises(exceptions.KmipOperationFailure, match="NOT_EXTRACTABLE"):
                client.get(uid)
        with pytest.raises(exceptions.KmipOperationFailure, match="FEATURE_NOT_SUPPORTED"):
            client.create(Algorithm.BLOWFISH, 128, cryptographic_usage_mask=[Mask.ENCRYPT])

    for path in (tmp_path / "data").rglob("*"):
        assert not path.is_file() or key not in path.read_bytes()


# --- every cipher of the document -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "length", "mode"),
    CIPHERS,
    ids=[f"{algorithm.name}-{mode.name if mode else 'stream'}" for algorithm, _, mode in CIPHERS],
)
@pytest.mark.parametrize("version", [V1_2, V1_4, V2_0], ids=lambda version: version.name)
def test_every_cipher_in_every_mode(
    ephemeral: StartedServer, version: Any, algorithm: Any, length: int, mode: Any
) -> None:
    with pykmip(ephemeral, version) as client:
        uid = an_active_key(client, algorithm, length, [Mask.ENCRYPT, Mask.DECRYPT])
        for method in PADDINGS if mode in (Mode.CBC, Mode.ECB) else (None,):
            how: dict[str, Any] = {"cryptographic_algorithm": algorithm}
            if mode is not None:
                how["block_cipher_mode"] = mode
            if method is not None:
                how["padding_method"] = method
            if mode in (Mode.GCM, Mode.CCM):
                if version is not V1_2:
                    continue  # PyKMIP's client does not return the tag that is a field of its own from 1.4 on
                how["tag_length"] = 16

            sealed, iv = client.encrypt(DATA, uid, how)

            assert sealed != DATA
            assert client.decrypt(sealed, uid, how, iv) == DATA
            if mode in (Mode.GCM, Mode.CCM):
                assert len(sealed) == len(DATA) + 16


@pytest.mark.parametrize("version", [V1_2, V1_4, V2_0], ids=lambda version: version.name)
def test_keys_are_derived(ephemeral: StartedServer, version: Any) -> None:
    with pykmip(ephemeral, version) as client:
        base = client.register(objects.SecretData(b"password", enums.SecretDataType.PASSWORD, [Mask.DERIVE_KEY]))
        uid = client.derive_key(
            enums.ObjectType.SYMMETRIC_KEY,
            [base],
            enums.DerivationMethod.PBKDF2,
            {
                "cryptographic_parameters": {"hashing_algorithm": Hashing.SHA_256},
                "salt": b"salt",
                "iteration_count": 1000,
            },
            cryptographic_length=128,
            cryptographic_algorithm=Algorithm.AES,
            cryptographic_usage_mask=[Mask.ENCRYPT],
        )

        assert client.get(uid).value == hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 1000, 16)


CODES = [
    *((name, None) for name in ("HMAC_MD5", "HMAC_SHA1", "HMAC_SHA224", "HMAC_SHA256", "HMAC_SHA384", "HMAC_SHA512")),
    *((algorithm.name, length) for algorithm, length in CIPHERS_OF_THE_DOCUMENT.items()),
]


@pytest.mark.parametrize(("name", "length"), CODES, ids=[name for name, _ in CODES])
def test_every_code_of_the_document(ephemeral: StartedServer, name: str, length: int | None) -> None:
    algorithm = Algorithm[name]
    with pykmip(ephemeral, V1_4) as client:
        uid = an_active_key(client, Algorithm.AES if length is None else algorithm, length or 256, [Mask.MAC_GENERATE])

        _, code = client.mac(DATA, uid, algorithm)

        assert code
        if length is None:
            assert code == hmac.digest(client.get(uid).value, DATA, name.removeprefix("HMAC_").lower())


def test_arc4_makes_no_codes_and_says_why(ephemeral: StartedServer) -> None:
    with pykmip(ephemeral, V1_4) as client:
        uid = an_active_key(client, Algorithm.RC4, 128, [Mask.MAC_GENERATE])

        with pytest.raises(exceptions.KmipOperationFailure, match=r"INVALID_FIELD.*RC4"):
            client.mac(DATA, uid, Algorithm.RC4)


# --- the modern profile -----------------------------------------------------------------------------------------------


def test_a_modern_server_makes_nothing_old(tmp_path: Path) -> None:
    with running(tmp_path, "--ephemeral", "--profile", "modern") as started, pykmip(started, V1_4) as client:
        an_active_key(client, Algorithm.AES, 256, [Mask.ENCRYPT])
        for algorithm, length in ((Algorithm.TRIPLE_DES, 192), (Algorithm.RC4, 128)):
            with pytest.raises(exceptions.KmipOperationFailure, match="FEATURE_NOT_SUPPORTED"):
                client.create(algorithm, length, cryptographic_usage_mask=[Mask.ENCRYPT])
        with pytest.raises(exceptions.KmipOperationFailure, match="FEATURE_NOT_SUPPORTED"):
            an_active_pair(client, 1024, Mask.VERIFY, Mask.SIGN)


# --- slow work --------------------------------------------------------------------------------------------------------

CODEC = Codec(CATALOGUE)
SIGNS = CryptographicUsageMask.SIGN | CryptographicUsageMask.VERIFY
A_SLOW_PAIR = create_key_pair.Request(
    common_attributes=Attributes(
        cryptographic_algorithm=CryptographicAlgorithm.RSA,
        cryptographic_length=4096,
        cryptographic_usage_mask=SIGNS,
    )
)
WHAT_CAN_YOU_DO = query.Request(query_functions=(QueryFunction.QUERY_OPERATIONS,))


def frame(operation: Operation, request: Any, count: int = 1) -> bytes:
    item = RequestBatchItem(operation=operation, payload=request)
    items = tuple(
        RequestBatchItem(operation=item.operation, unique_batch_item_id=str(n).encode(), payload=item.payload)
        for n in range(count)
    )
    return CODEC.encode_request(
        RequestMessage(header=RequestHeader(protocol_version=ProtocolVersion(2, 1)), batch_items=items)
    )


def answered(answer: bytes) -> tuple[ResponseBatchItem, ...]:
    return CODEC.decode_response(answer).batch_items


def test_making_key_pairs_delays_no_other_client(ephemeral: StartedServer) -> None:
    with ephemeral.client() as slow, ephemeral.client() as quick:
        slow.socket.sendall(frame(Operation.CREATE_KEY_PAIR, A_SLOW_PAIR, count=3))
        (told,) = answered(quick.exchange(frame(Operation.QUERY, WHAT_CAN_YOU_DO)))

        slow.socket.settimeout(0.0)
        with pytest.raises(ssl.SSLWantReadError):
            slow.socket.recv(1)  # the pairs are not done
        slow.socket.settimeout(120.0)
        pairs = answered(slow.receive())

    assert told.result_status is ResultStatus.SUCCESS
    assert [pair.result_status for pair in pairs] == [ResultStatus.SUCCESS] * 3


def test_more_slow_work_than_can_wait_is_declined(tmp_path: Path) -> None:
    limits = TransportLimits(slow_threads=1, slow_queue=1)
    configuration = Configuration(data_directory=tmp_path, ephemeral=True, port=0, limits=limits)
    with Server(configuration) as server:
        told = server.ready()
        ready = StartedServer(
            process=None,  # type: ignore[arg-type]  # it runs in this process
            output=tmp_path,
            host=str(told["host"]),
            port=server.port,
            ca=Path(str(told["ca"])),
            cert=Path(str(told["cert"])),
            key=Path(str(told["key"])),
        )
        clients = [ready.client() for _ in range(4)]
        for client in clients:
            client.connect()
        try:
            for client in clients:
                client.socket.sendall(frame(Operation.CREATE_KEY_PAIR, A_SLOW_PAIR))
            answers: list[Any] = []
            for client in clients:
                client.socket.settimeout(120.0)
                answers += answered(client.receive())
            (after,) = answered(clients[-1].exchange(frame(Operation.QUERY, WHAT_CAN_YOU_DO)))
        finally:
            for client in clients:
                client.close()

    refused = [answer for answer in answers if answer.result_status is not ResultStatus.SUCCESS]
    assert 1 <= len(refused) < len(answers)
    assert {answer.result_reason for answer in refused} == {ResultReason.SERVER_LIMIT_EXCEEDED}
    assert after.result_status is ResultStatus.SUCCESS
