"""What the port does in parts, done at once: the same results, whatever the stream gives back when."""

import pytest

from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_core.enums import BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm, PaddingMethod, ValidityIndicator
from kmip_core.objects import SymmetricKey
from kmip_core.one_part import OnePart
from kmip_core.ports.crypto import Encryption
from kmip_core.structures import CryptographicParameters

AT_ONCE = OnePart(SoftwareCrypto())
KEY = SymmetricKey(CryptographicAlgorithm.AES, 128, bytes(16))


@pytest.mark.parametrize(
    "parameters",
    [
        CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM),
        CryptographicParameters(block_cipher_mode=BlockCipherMode.CTR),
        CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5),
    ],
)
def test_data_encrypted_in_one_part_is_decrypted_in_one_part(parameters: CryptographicParameters) -> None:
    data = bytes(range(40))

    sealed = AT_ONCE.encrypt(Encryption(KEY, parameters), data)
    opened = AT_ONCE.decrypt(
        Encryption(
            KEY,
            parameters,
            iv_counter_nonce=sealed.iv_counter_nonce,
            authenticated_encryption_tag=sealed.authenticated_encryption_tag,
        ),
        sealed.data,
    )

    assert opened == data


def test_a_digest_is_that_of_all_the_data() -> None:
    digest = AT_ONCE.hash(HashingAlgorithm.SHA_256, b"abc")

    assert digest.hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4


def test_a_code_is_verified_against_the_data_it_was_made_of() -> None:
    code = AT_ONCE.mac(KEY, CryptographicParameters(), b"data")

    assert AT_ONCE.verify_mac(KEY, CryptographicParameters(), b"data", code) is ValidityIndicator.VALID
    assert AT_ONCE.verify_mac(KEY, CryptographicParameters(), b"date", code) is ValidityIndicator.INVALID
