"""Keys as each adapter of the crypto port wants them."""

from kmip_core.enums import BlockCipherMode, KeyFormatType
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.objects import KeyBlock, KeyValue, PrivateKey, PublicKey, SymmetricKey


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
