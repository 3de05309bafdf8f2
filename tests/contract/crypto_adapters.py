"""The adapters of the crypto port, and keys as each of them wants them."""

from kmip_adapters.crypto.hsm_stub import HsmStub
from kmip_adapters.crypto.profiles import modern
from kmip_adapters.crypto.side_by_side import SideBySide
from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_core.enums import BlockCipherMode, KeyFormatType
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.objects import KeyBlock, KeyValue, PrivateKey, PublicKey, SymmetricKey
from tests.softhsm import shared_crypto

IN_PROCESS = {
    "software": SoftwareCrypto,
    "hsm_stub": HsmStub,
    "software, modern": lambda: modern(SoftwareCrypto()),
    "software beside hsm_stub": lambda: SideBySide(SoftwareCrypto(), HsmStub(), token_by_default=False),
}
"""Adapters whose keys cost nothing: they import the thousands of keys of published vectors."""

ADAPTERS = IN_PROCESS | {"pkcs11": shared_crypto}
"""Every adapter."""


def a_symmetric_key(algorithm, material, length=None):
    length = 8 * len(material) if isinstance(material, bytes) and length is None else length
    block = KeyBlock(
        key_format_type=KeyFormatType.RAW,
        key_value=KeyValue(key_material=material),
        cryptographic_algorithm=algorithm,
        cryptographic_length=length,
    )
    return SymmetricKey(key_block=block)


def a_made_key(crypto, algorithm, length=None):
    length = length or crypto.capabilities.symmetric_lengths[algorithm][-1]
    return a_symmetric_key(algorithm, crypto.make_symmetric_key(algorithm, length), length)


def an_imported_key(crypto, algorithm, material):
    return crypto.import_key(a_symmetric_key(algorithm, material))


def a_private_key(algorithm, material, key_format_type=KeyFormatType.PKCS_8, length=None):
    return PrivateKey(algorithm, length, material, key_format_type)


def a_public_key(algorithm, material, key_format_type=KeyFormatType.X_509, length=None):
    return PublicKey(algorithm, length, material, key_format_type)


def cipher_rows(crypto):
    """(algorithm, mode, padding, length) for everything symmetric that the adapter claims."""
    for (algorithm, mode), paddings in crypto.capabilities.ciphers.items():
        for length in crypto.capabilities.symmetric_lengths.get(algorithm, ()):
            fits = length in (256, 512) if mode is BlockCipherMode.XTS else (algorithm, length) != (Algorithm.AES, 512)
            if fits:
                for padding in paddings:
                    yield algorithm, mode, padding, length
