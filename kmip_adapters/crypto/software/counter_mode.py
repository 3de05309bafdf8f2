"""Counter mode for block ciphers for which pyca has none: the cipher in ECB over counters, nothing more.

NIST SP 800-38A §6.5 with the whole block as the counter (appendix B.1), as pyca does for AES. Slower than a native
mode, because the exclusive or is Python's.
"""

from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, modes


class CounterContext:
    """Encrypts and decrypts alike; the shape of pyca's cipher contexts."""

    def __init__(self, cipher: BlockCipherAlgorithm, first_counter: bytes) -> None:
        self._encryptor = Cipher(cipher, modes.ECB()).encryptor()
        self._block_bytes = len(first_counter)
        self._counter = int.from_bytes(first_counter, "big")
        self._key_stream = b""

    def update(self, data: bytes) -> bytes:
        """Return `data` exclusive-or the key stream."""
        missing = len(data) - len(self._key_stream)
        if missing > 0:
            self._key_stream += self._next(-(-missing // self._block_bytes))
        used, self._key_stream = self._key_stream[: len(data)], self._key_stream[len(data) :]
        return (int.from_bytes(data, "big") ^ int.from_bytes(used, "big")).to_bytes(len(data), "big")

    def finalize(self) -> bytes:
        """Return nothing: every byte was ready at once."""
        return b""

    def _next(self, blocks: int) -> bytes:
        size, modulus = self._block_bytes, 1 << (8 * self._block_bytes)
        counters = b"".join(((self._counter + index) % modulus).to_bytes(size, "big") for index in range(blocks))
        self._counter = (self._counter + blocks) % modulus
        return self._encryptor.update(counters)
