"""What the OASIS cases CS-BC and CS-AC compute, with their keys and data."""

import pytest

from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_app.testing.contracts.crypto.uses import decrypt, encrypt, hash_of, mac
from kmip_core.enums import BlockCipherMode as Mode
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import HashingAlgorithm, PaddingMethod
from kmip_core.objects import SymmetricKey
from kmip_core.structures import CryptographicParameters as Parameters

CRYPTO = SoftwareCrypto()
KEY = SymmetricKey(Algorithm.AES, 128, bytes.fromhex("0123456789abcdef0123456789abcdef"))
SHORT = bytes.fromhex("01020304050607080910111213141516")
LONG = SHORT + SHORT + b"\x01"
ECB_PKCS5 = Parameters(block_cipher_mode=Mode.ECB, padding_method=PaddingMethod.PKCS5)
CBC_PKCS5 = Parameters(block_cipher_mode=Mode.CBC, padding_method=PaddingMethod.PKCS5)


@pytest.mark.parametrize(
    ("how", "iv", "data", "expected"),
    [
        pytest.param(
            Parameters(block_cipher_mode=Mode.ECB), None, SHORT, "d9bcce11b0b437b90239552df3a360c9", id="ok CS-BC-M-4"
        ),
        pytest.param(
            ECB_PKCS5,
            None,
            SHORT,
            "d9bcce11b0b437b90239552df3a360c90efb6bfed93b4d1ea2123ba4db075ff6",
            id="ok CS-BC-M-8",
        ),
        pytest.param(
            ECB_PKCS5,
            None,
            LONG,
            "d9bcce11b0b437b90239552df3a360c9d9bcce11b0b437b90239552df3a360c9be261a7bd1371bb738fe004d500381d0",
            id="ok CS-BC-M-9",
        ),
        pytest.param(
            CBC_PKCS5,
            SHORT,
            LONG,
            "79abc5c23868ad84d388ce61110a62742bda19d694bbcb757dd06617c0d80fb1df2e71864ad9633d7d797e30860df00d",
            id="ok CS-BC-M-10",
        ),
        pytest.param(
            CBC_PKCS5,
            b"\xff" + SHORT[1:],
            LONG,
            "e768203ba72b6e157daaad34b1e791d8e88457dc147942f01bfaff7b28a3cdde2203d4d5a4c7928ba9e9cc78b66a6546",
            id="ok CS-BC-M-11",
        ),
    ],
)
def test_block_cipher_cases(how, iv, data, expected):
    assert encrypt(CRYPTO, KEY, how, data, iv_counter_nonce=iv).data.hex() == expected
    assert decrypt(CRYPTO, KEY, how, bytes.fromhex(expected), iv_counter_nonce=iv) == data


def test_an_hmac_by_an_aes_key_as_in_cs_ac_m_4():
    code = mac(CRYPTO, KEY, Parameters(cryptographic_algorithm=Algorithm.HMAC_SHA256), SHORT)

    assert code.hex() == "c911e78196d64c30f631bb079ea37b97a95936d4da764d6a171df030c895ecf9"


def test_hashes_of_cs_ac_m_7():
    assert hash_of(CRYPTO, HashingAlgorithm.SHA_256, SHORT).hex() == (
        "ad41233d22cf9322e3a7ff49a13da434797abed3bab80950a1a0d4e582b7ea72"
    )
