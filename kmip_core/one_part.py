"""Uses of the crypto port whose data is all there: one part, fed to the stream that the port begins."""

from collections.abc import Callable

from kmip_core.classes import frozen
from kmip_core.enums import HashingAlgorithm, ValidityIndicator
from kmip_core.ports.crypto import Crypto, Encrypted, Encryption, Key
from kmip_core.structures import CryptographicParameters


@frozen
class OnePart:
    """What an adapter does in parts, done at once; errors as the port says for the stream."""

    crypto: Crypto

    def hash(self, algorithm: HashingAlgorithm, data: bytes) -> bytes:
        """Return the digest of `data`."""
        stream = self.crypto.begin_hash(algorithm)
        stream.update(data)
        return stream.finish()

    def encrypt(self, encryption: Encryption, data: bytes) -> Encrypted:
        """Return the cipher text of `data`."""
        stream = self.crypto.begin_encrypt(encryption)
        at_once: Callable[[bytes], Encrypted] | None = getattr(stream, "at_once", None)
        if at_once is not None:
            return at_once(data)
        first = stream.update(data)
        last = stream.finish()
        return Encrypted(
            data=first + last.data,
            iv_counter_nonce=last.iv_counter_nonce,
            authenticated_encryption_tag=last.authenticated_encryption_tag,
        )

    def decrypt(self, encryption: Encryption, data: bytes) -> bytes:
        """Return the plain text of `data`."""
        stream = self.crypto.begin_decrypt(encryption)
        return stream.update(data) + stream.finish()

    def mac(self, key: Key, parameters: CryptographicParameters, data: bytes) -> bytes:
        """Return the message authentication code of `data`."""
        stream = self.crypto.begin_mac(key, parameters)
        stream.update(data)
        return stream.finish()

    def verify_mac(self, key: Key, parameters: CryptographicParameters, data: bytes, mac: bytes) -> ValidityIndicator:
        """Return whether `mac` is the code of `data`."""
        stream = self.crypto.begin_verify_mac(key, parameters)
        stream.update(data)
        return stream.finish(mac)
