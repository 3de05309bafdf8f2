"""The self-test: passes with working cryptography, names what is wrong otherwise."""

import os

import pytest
from attrs import evolve, fields
from cryptography.hazmat.primitives.asymmetric import rsa

from kmip_adapters.crypto.hsm_stub import HsmStub
from kmip_adapters.crypto.profiles import modern
from kmip_adapters.crypto.self_test import Answers, SelfTestFailed, self_test
from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_core.ports.crypto import IN_SOFTWARE


@pytest.mark.parametrize("crypto", [SoftwareCrypto(), HsmStub(), modern(SoftwareCrypto())])
def test_working_cryptography_passes(crypto):
    self_test(crypto)


@pytest.mark.parametrize("crypto", [SoftwareCrypto(), modern(SoftwareCrypto())])
def test_no_rsa_key_is_made_where_keys_are_in_software(crypto, monkeypatch):
    monkeypatch.setattr(rsa, "generate_private_key", None)

    self_test(crypto, custody=IN_SOFTWARE)


@pytest.mark.parametrize("name", [field.name for field in fields(Answers)])
def test_a_wrong_answer_is_found_and_named(name):
    right = getattr(Answers(), name)
    wrong = evolve(Answers(), **{name: ("0" if right[0] != "0" else "1") + right[1:]})

    with pytest.raises(SelfTestFailed, match=name.removesuffix("_tag").replace("_", "-").upper()[:4]):
        self_test(SoftwareCrypto(), wrong)


class WithoutImplicitRejection(SoftwareCrypto):
    """Gives other bytes at each attempt, as an adapter would that handled the failure itself."""

    def begin_decrypt(self, encryption):
        return RandomDecryption()


class RandomDecryption:
    def update(self, data):
        return b""

    def finish(self, tag=None):
        return os.urandom(16)


@pytest.mark.parametrize("custody", [None, IN_SOFTWARE])
def test_an_rsa_decryption_that_distinguishes_good_padding_from_bad_is_found(custody):
    with pytest.raises(SelfTestFailed, match="RSA implicit rejection"):
        self_test(WithoutImplicitRejection(), custody=custody)
