"""A server whose keys, or whose root key, live in a PKCS#11 token (SoftHSM2), another server or behind a program."""

import json
import os
import signal
import subprocess
import threading
import time
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kmip_adapters.crypto.pkcs11.adapter import LABEL
from kmip_adapters.pkcs11_session.token import Token, TokenSettings
from kmip_app.client import ClientError, KmipClient, OperationFailed
from kmip_core.attributes import Attributes
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    DigitalSignatureAlgorithm,
    KeyFormatType,
    ProtectionStorageMask,
    QueryFunction,
)
from kmip_core.objects import SymmetricKey
from kmip_core.structures import CryptographicParameters
from tests import softhsm
from tests.e2e.operations.conftest import eventually
from tests.root_keys import a_wrapping_program
from tests.server import ROOT, StartedServer, command, descendants, running

WITHIN = 120  # seconds; a hang limit
GCM = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM)


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TokenSettings:
    folder = tmp_path / "hsm"
    folder.mkdir()
    settings = softhsm.new_token(folder)
    for name, value in settings.environment:
        monkeypatch.setenv(name, value)
    pin = tmp_path / "pin"
    pin.write_bytes(softhsm.PIN)
    pin.chmod(0o600)
    return settings


def options(token: TokenSettings, tmp_path: Path) -> list[str]:
    named = ["--pkcs11-module", str(token.module), "--pkcs11-token", softhsm.LABEL]
    return ["--data-dir", str(tmp_path / "data"), *named, "--pkcs11-pin", f"file:{tmp_path / 'pin'}"]


def client_of(server: StartedServer, **more: object) -> KmipClient:
    return KmipClient(server.host, server.port, server.cert, server.key, server.ca, timeout=WITHIN, **more)  # type: ignore[arg-type]


def keys_in(token: TokenSettings) -> int:
    """The keys of kmipd that the token has."""
    reader = Token(token)
    try:
        return len(reader.call("listed", label_prefix=LABEL))
    finally:
        reader.close()


def test_keys_are_made_and_used_in_the_token(token: TokenSettings, tmp_path: Path) -> None:
    with running(tmp_path, "--crypto", "pkcs11", *options(token, tmp_path)) as server, client_of(server) as client:
        key = client.create("AES", 256, name="in the token").unique_identifier
        client.activate(key)
        sealed = client.encrypt(key, b"data", cryptographic_parameters=GCM)

        with pytest.raises(OperationFailed):
            client.get(key)
        assert keys_in(token) == 1
        opened = client.decrypt(
            key,
            sealed.data,
            cryptographic_parameters=GCM,
            iv_counter_nonce=sealed.iv_counter_nonce,
            authenticated_encryption_tag=sealed.authenticated_encryption_tag,
        )
        assert opened.data == b"data"

    with running(tmp_path, "--crypto", "pkcs11", *options(token, tmp_path)) as server, client_of(server) as client:
        again = client.decrypt(
            key,
            sealed.data,
            cryptographic_parameters=GCM,
            iv_counter_nonce=sealed.iv_counter_nonce,
            authenticated_encryption_tag=sealed.authenticated_encryption_tag,
        )
        assert again.data == b"data"
        client.revoke(key, "Cessation of Operation")
        client.destroy(key)
        assert keys_in(token) == 0


def test_others_verify_and_decrypt_what_the_token_has_signed_and_encrypted(
    token: TokenSettings, tmp_path: Path
) -> None:
    secret = os.urandom(32)
    with running(tmp_path, "--crypto", "pkcs11", *options(token, tmp_path)) as server, client_of(server) as client:
        mask = CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT
        imported = client.register(
            SymmetricKey(CryptographicAlgorithm.AES, 256, secret, [mask], "imported")
        ).unique_identifier
        client.activate(imported)
        sealed = client.encrypt(imported, b"data", cryptographic_parameters=GCM)
        pair = client.create_key_pair("RSA", 2048)
        client.activate(pair.private_key_unique_identifier)
        how = CryptographicParameters(digital_signature_algorithm=DigitalSignatureAlgorithm.SHA_256_WITH_RSA_ENCRYPTION)
        signature = client.sign(
            pair.private_key_unique_identifier, b"message", cryptographic_parameters=how
        ).signature_data
        public = client.get(pair.public_key_unique_identifier, key_format_type=KeyFormatType.X_509).managed_object

    whole = (sealed.data or b"") + (sealed.authenticated_encryption_tag or b"")
    assert AESGCM(secret).decrypt(sealed.iv_counter_nonce or b"", whole, None) == b"data"
    spki = public.key_block.clear_material
    assert isinstance(spki, bytes)
    loaded = serialization.load_der_public_key(spki)
    assert isinstance(loaded, rsa.RSAPublicKey)
    loaded.verify(signature or b"", b"message", padding.PKCS1v15(), hashes.SHA256())
    for path in (tmp_path / "data").rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes()


HARDWARE, SOFTWARE = (ProtectionStorageMask.HARDWARE,), (ProtectionStorageMask.SOFTWARE,)


def test_one_server_holds_keys_of_software_and_of_the_token(token: TokenSettings, tmp_path: Path) -> None:
    arguments = ["--crypto", "pkcs11", "--token-keys", "chosen", "--token-groups", "payments"]
    with running(tmp_path, *arguments, *options(token, tmp_path)) as server, client_of(server) as client:
        offered = client.query(query_functions=(QueryFunction.QUERY_STORAGE_PROTECTION_MASKS,))
        grouped = Attributes(object_groups=("payments",))
        keys = {
            "usual": client.create("AES", 256),
            "grouped": client.create("AES", 256, attributes=grouped),
            "hardware": client.create("AES", 256, protection_storage_masks=HARDWARE),
            "software": client.create("AES", 256, protection_storage_masks=SOFTWARE, attributes=grouped),
        }
        found = {
            name: client.get_attributes(key.unique_identifier, ("Protection Storage Mask",)).attributes
            for name, key in keys.items()
        }

        assert set(offered.protection_storage_masks) == {ProtectionStorageMask.HARDWARE, ProtectionStorageMask.SOFTWARE}
        masks = {name: attributes.protection_storage_mask for name, attributes in found.items()}
        assert masks == {
            "usual": ProtectionStorageMask.SOFTWARE,
            "grouped": ProtectionStorageMask.HARDWARE,
            "hardware": ProtectionStorageMask.HARDWARE,
            "software": ProtectionStorageMask.SOFTWARE,
        }
        assert keys_in(token) == 2
        cfb = CryptographicParameters(block_cipher_mode=BlockCipherMode.CFB)
        for name in ("software", "hardware"):
            client.activate(keys[name].unique_identifier)
        assert client.encrypt(keys["software"].unique_identifier, b"data", cryptographic_parameters=cfb).data
        with pytest.raises(OperationFailed, match=r"(?i)feature not supported"):
            client.encrypt(keys["hardware"].unique_identifier, b"data", cryptographic_parameters=cfb)
        assert client.create("Camellia", 256, protection_storage_masks=SOFTWARE)
        with pytest.raises(OperationFailed, match=r"(?i)feature not supported"):
            client.create("Camellia", 256, protection_storage_masks=HARDWARE)


def test_a_key_of_the_token_leaves_it_if_it_was_made_so(token: TokenSettings, tmp_path: Path) -> None:
    with running(tmp_path, "--crypto", "pkcs11", *options(token, tmp_path)) as server, client_of(server) as client:
        leaving = client.create("AES", 256, attributes=Attributes(extractable=True)).unique_identifier
        staying = client.create("AES", 256).unique_identifier

        assert keys_in(token) == 2
        material = client.get(leaving).managed_object.key_block.material
        assert isinstance(material, bytes)
        assert len(material) == 32
        with pytest.raises(OperationFailed, match=r"(?i)extractable"):
            client.get(staying)


def test_a_failing_token_is_answered_measured_and_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hsm").mkdir()
    faulty = softhsm.FaultyToken(tmp_path / "hsm")
    for name, value in faulty.settings.environment:
        monkeypatch.setenv(name, value)
    (tmp_path / "pin").write_bytes(softhsm.PIN)
    (tmp_path / "pin").chmod(0o600)
    more = ["--token-keys", "chosen", "--token-sweep", "0.2", "--admin-address", "127.0.0.1:0"]
    arguments = ["--crypto", "pkcs11", *more, *options(faulty.settings, tmp_path)]

    with running(tmp_path, *arguments) as server, client_of(server) as client:
        key = client.create("AES", 256, protection_storage_masks=HARDWARE).unique_identifier
        faulty.fail("GenerateKey", 0x31)  # CKR_DEVICE_MEMORY
        with pytest.raises(OperationFailed, match="the token is full"):
            client.create("AES", 256, protection_storage_masks=HARDWARE)
        assert client.create("AES", 256)  # software goes on
        faulty.fail("DestroyObject", 0x30)  # CKR_DEVICE_ERROR
        client.destroy(key)
        assert keys_in(faulty.settings) == 1

        failures = _samples(server, "kmipd_token_calls_failed_total")
        assert failures['{error="DeviceMemory"}'] == 1
        faulty.mend()
        give_up = time.monotonic() + WITHIN
        while keys_in(faulty.settings):
            assert time.monotonic() < give_up
        assert client.create("AES", 256, protection_storage_masks=HARDWARE)
        assert "the token is full; remove keys that are not needed" in server.output.read_text()


def test_a_token_that_hangs_holds_up_nothing_but_its_own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hsm").mkdir()
    faulty = softhsm.FaultyToken(tmp_path / "hsm")
    for name, value in faulty.settings.environment:
        monkeypatch.setenv(name, value)
    (tmp_path / "pin").write_bytes(softhsm.PIN)
    (tmp_path / "pin").chmod(0o600)
    refused: list[str] = []

    def make_in_token(server: StartedServer) -> None:
        with client_of(server, retries=0) as client:
            try:
                client.create("AES", 256, protection_storage_masks=HARDWARE)
            except OperationFailed as error:
                refused.append(str(error))

    with (
        running(tmp_path, "--crypto", "pkcs11", *options(faulty.settings, tmp_path)) as server,
        client_of(server) as client,
    ):
        held = client.create("AES", 256, name="held", protection_storage_masks=HARDWARE).unique_identifier
        soft = client.create("AES", 256, protection_storage_masks=SOFTWARE).unique_identifier
        faulty.fail("GenerateKey", "hang")
        threads = [threading.Thread(target=make_in_token, args=(server,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for _ in range(10):
            assert client.get(soft).managed_object
            assert client.get_attributes(held).attributes
            assert client.locate(name="held").unique_identifiers == (held,)
        assert all(thread.is_alive() for thread in threads)
        faulty.mend()
        for process in _libraries(server):
            os.kill(process, signal.SIGKILL)
        for thread in threads:
            thread.join(WITHIN)

        assert refused  # the calls that the killed processes had
        eventually(lambda: _can_make_in_token(client), "the token is used again")


def _can_make_in_token(client: KmipClient) -> bool:
    try:
        return bool(client.create("AES", 256, protection_storage_masks=HARDWARE))
    except OperationFailed:
        return False


def _libraries(server: StartedServer) -> list[int]:
    """The processes that have the library of the token."""
    found = descendants(server.process.pid)
    return [process for process in found if b"pkcs11_session" in Path(f"/proc/{process}/cmdline").read_bytes()]


def _samples(server: StartedServer, name: str) -> dict[str, float]:
    """Return the samples of a metric, by their labels as they are written."""
    connection = HTTPConnection(json.loads((server.output.parent / "ready.json").read_text())["admin"], timeout=WITHIN)
    connection.request("GET", "/metrics", headers={"Accept": "text/plain"})
    lines = connection.getresponse().read().decode().splitlines()
    found = (line.removeprefix(name).rsplit(" ", 1) for line in lines if line.startswith(name))
    return {labels: float(value) for labels, value in found}


@pytest.mark.parametrize(
    "seconds",
    [pytest.param(0.05, marks=pytest.mark.nightly), 0.2, pytest.param(0.5, marks=pytest.mark.nightly)],
)
def test_a_crash_leaves_no_key_without_an_object(token: TokenSettings, tmp_path: Path, seconds: float) -> None:
    made: list[str] = []

    def work(server: StartedServer) -> None:
        try:
            with client_of(server, retries=0) as client:
                for number in range(1_000):
                    key = client.create("AES", 128, name=f"key {number}").unique_identifier
                    if number % 3 == 2:
                        client.destroy(key)
                    else:
                        made.append(key)
        except (ClientError, OSError):
            return

    with running(tmp_path, "--crypto", "pkcs11", *options(token, tmp_path)) as server:
        worker = threading.Thread(target=work, args=(server,))
        worker.start()
        time.sleep(seconds)
        server.kill()
        worker.join(WITHIN)
    with running(tmp_path, "--crypto", "pkcs11", *options(token, tmp_path)) as server, client_of(server) as client:
        found = client.locate().unique_identifiers
        held = [key for key in found if _is_usable(client, key)]

        assert set(made) <= set(found)
        assert keys_in(token) == len(held)


def test_workers_share_a_token_and_leave_no_key_without_an_object(token: TokenSettings, tmp_path: Path) -> None:
    arguments = ["--crypto", "pkcs11", *options(token, tmp_path)]
    more = ["--workers", "2", "--token-sweep", "0.2", "--admin-address", "127.0.0.1:0"]
    stop = threading.Event()

    def work(server: StartedServer) -> None:
        while not stop.is_set():
            try:
                with client_of(server, retries=0) as client:
                    for _ in range(20):
                        client.create("AES", 128)
            except (ClientError, OSError):
                continue

    with running(tmp_path, *arguments, *more) as server:
        with ExitStack() as resources:
            clients = [resources.enter_context(client_of(server)) for _ in range(6)]
            key = clients[0].create("AES", 256, name="of one worker").unique_identifier
            clients[0].activate(key)
            assert all(client.encrypt(key, b"x", cryptographic_parameters=GCM).data for client in clients)
        threads = [threading.Thread(target=work, args=(server,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        workers = _workers(server)
        time.sleep(0.3)
        os.kill(workers[2]["pid"], signal.SIGKILL)
        eventually(lambda: _workers(server)[2]["pid"] not in {None, workers[2]["pid"]}, "the worker is there again")
        eventually(lambda: _workers(server)[2]["state"] == "serving", "it serves again")
        stop.set()
        for thread in threads:
            thread.join(WITHIN)
        with client_of(server) as client:
            found = client.locate().unique_identifiers
            eventually(lambda: keys_in(token) == len(found), "each key of the token has its object")
    (tmp_path / "data" / "pkcs11-w9.journal").write_text("")  # of a server that had more workers
    with running(tmp_path, *arguments) as server, client_of(server) as client:
        assert client.encrypt(key, b"x", cryptographic_parameters=GCM).data
        assert {path.name for path in (tmp_path / "data").glob("pkcs11*.journal")} == {"pkcs11.journal"}


def _workers(server: StartedServer) -> dict[int, dict[str, Any]]:
    admin = json.loads((server.output.parent / "ready.json").read_text())["admin"]
    connection = HTTPConnection(admin, timeout=WITHIN)
    connection.request("GET", "/status")
    return {worker["number"]: worker for worker in json.loads(connection.getresponse().read())["workers"]}


def _is_usable(client: KmipClient, key: str) -> bool:
    try:
        client.activate(key)
    except OperationFailed:  # destroyed
        return False
    return bool(client.encrypt(key, b"x", cryptographic_parameters=GCM).data)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_wrong_pin_ends_the_start_and_is_tried_once(token: TokenSettings, tmp_path: Path, workers: str) -> None:
    (tmp_path / "pin").write_bytes(b"4321")
    done = subprocess.run(
        command("serve", "--port", "0", "--workers", workers, "--crypto", "pkcs11", *options(token, tmp_path)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )

    assert done.returncode == 2
    said = [line for line in done.stderr.splitlines() if "PIN" in line]
    assert said
    assert "4321" not in done.stderr
    (tmp_path / "pin").write_bytes(softhsm.PIN)
    assert keys_in(token) == 0  # the right PIN opens it still


def test_a_root_key_in_the_token_seals_the_start_until_it_is_back(token: TokenSettings, tmp_path: Path) -> None:
    arguments = ["--root-key", f"pkcs11:token={softhsm.LABEL};object=root", *options(token, tmp_path)]
    with running(tmp_path, *arguments) as server, client_of(server) as client:
        key = client.create("AES", 256, name="sealed").unique_identifier
        material = client.get(key).managed_object
    tokens = tmp_path / "hsm" / "tokens"
    tokens.rename(tmp_path / "hsm" / "removed")
    tokens.mkdir()
    with running(tmp_path, *arguments) as server, client_of(server) as client:
        assert client.query(query_functions=(QueryFunction.QUERY_OPERATIONS,)).operations
        with pytest.raises(OperationFailed, match="sealed"):
            client.get(key)
        tokens.rmdir()
        (tmp_path / "hsm" / "removed").rename(tokens)
        _until_open(client, key)

        assert client.get(key).managed_object == material
    assert not (tmp_path / "data" / "root.key").exists()


def test_a_root_key_wrapped_by_a_program_seals_the_start_until_it_is_back(tmp_path: Path) -> None:
    arguments = ["--data-dir", str(tmp_path / "data"), "--root-key", f"command:{a_wrapping_program(tmp_path)}"]
    with running(tmp_path, *arguments) as server, client_of(server) as client:
        key = client.create("AES", 256).unique_identifier
        material = client.get(key).managed_object
    (tmp_path / "away").touch()
    with running(tmp_path, *arguments) as server, client_of(server) as client:
        with pytest.raises(OperationFailed, match="sealed"):
            client.locate()
        (tmp_path / "away").unlink()
        _until_open(client, key)

        assert client.get(key).managed_object == material


def test_a_root_key_is_wrapped_by_another_server(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with running(tmp_path / "other", "--data-dir", str(tmp_path / "other" / "data")) as other:
        place = f"kmip://{other.host}:{other.port}/root?cert={other.cert}&key={other.key}&ca={other.ca}"
        arguments = ["--data-dir", str(tmp_path / "data"), "--root-key", place]
        with running(tmp_path, *arguments) as server, client_of(server) as client:
            key = client.create("AES", 256).unique_identifier
            material = client.get(key).managed_object
        with running(tmp_path, *arguments) as server, client_of(server) as client:
            assert client.get(key).managed_object == material
        with client_of(other) as client:
            assert len(client.locate("root").unique_identifiers) == 1


def _until_open(client: KmipClient, key: str) -> None:
    give_up = time.monotonic() + WITHIN
    while True:
        try:
            client.get_attributes(key)
        except OperationFailed:
            assert time.monotonic() < give_up
            time.sleep(0.1)
        else:
            return
