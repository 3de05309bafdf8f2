"""The HSM stub's own store: sealed on disk, found again, and nothing else in it."""

import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kmip_adapters.crypto.hsm_stub import HsmStub
from kmip_app.testing.contracts.crypto.uses import decrypt, encrypt
from kmip_core.enums import BlockCipherMode, CryptographicAlgorithm, ResultReason
from kmip_core.errors import KmipError
from kmip_core.objects import KeyBlock, KeyValue, SecretData, SymmetricKey
from kmip_core.structures import CryptographicParameters, KeyHandle

GCM = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM)
SECRET = bytes(range(100, 132))


class FakeSealer:
    """Authenticated encryption under one key."""

    def __init__(self):
        self._key = AESGCM(os.urandom(32))

    def seal(self, plaintext, associated_data):
        nonce = os.urandom(12)
        return nonce + self._key.encrypt(nonce, plaintext, associated_data)

    def unseal(self, sealed, associated_data):
        return self._key.decrypt(sealed[:12], sealed[12:], associated_data)


def a_key(algorithm=CryptographicAlgorithm.AES, material=SECRET):
    return SymmetricKey(algorithm, 8 * len(material), material)


def test_keys_are_found_again_in_the_next_process(tmp_path):
    sealer, path = FakeSealer(), tmp_path / "token"
    held = HsmStub(path, sealer).import_key(a_key())
    sealed = encrypt(HsmStub(path, sealer), held, GCM, b"data")

    whole, iv = sealed.data + (sealed.authenticated_encryption_tag or b""), sealed.iv_counter_nonce
    assert decrypt(HsmStub(path, sealer), held, GCM, whole, iv_counter_nonce=iv) == b"data"


def test_the_file_holds_no_key_and_belongs_to_its_owner(tmp_path):
    path = tmp_path / "token"
    HsmStub(path, FakeSealer()).import_key(a_key())

    assert SECRET not in path.read_bytes()
    assert SECRET.hex().encode() not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_destroyed_key_is_gone_from_the_file(tmp_path):
    sealer, path = FakeSealer(), tmp_path / "token"
    stub = HsmStub(path, sealer)
    held = stub.import_key(a_key())
    stub.destroy_key(held)

    with pytest.raises(KmipError) as refusal:
        encrypt(HsmStub(path, sealer), held, GCM, b"data")
    assert refusal.value.reason is ResultReason.KEY_VALUE_NOT_PRESENT


def test_a_store_on_disk_needs_a_sealer(tmp_path):
    with pytest.raises(ValueError):
        HsmStub(tmp_path / "token")


def test_a_key_that_the_token_cannot_use_is_not_taken():
    with pytest.raises(KmipError) as refusal:
        HsmStub().import_key(a_key(CryptographicAlgorithm.BLOWFISH))

    assert refusal.value.reason is ResultReason.FEATURE_NOT_SUPPORTED


def test_secret_data_stays_outside():
    secret = SecretData(b"password")

    assert HsmStub().import_key(secret) is secret


def test_a_key_in_the_clear_is_not_used():
    with pytest.raises(KmipError, match="not held by the token"):
        encrypt(HsmStub(), a_key(), GCM, b"data")


def test_the_handle_says_nothing_about_the_key():
    held = HsmStub().import_key(a_key())

    assert held.key_block == KeyBlock(
        key_format_type=a_key().key_block.key_format_type,
        key_value=KeyValue(
            key_material=KeyHandle(provider="hsm_stub", token=held.key_block.key_value.key_material.token)
        ),
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=256,
    )
    assert HsmStub().import_key(held) is held
