"""Which block and stream ciphers there are, in which modes: algorithm -> cipher, mode -> how it is set up."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from cryptography.hazmat.decrepit.ciphers import algorithms as decrepit
from cryptography.hazmat.decrepit.ciphers import modes as decrepit_modes
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, algorithms, modes

from kmip_adapters.crypto.software.block_padding import PADDINGS
from kmip_core.classes import frozen
from kmip_core.enums import BlockCipherMode as Mode
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import PaddingMethod


@frozen(kw_only=True)
class BlockCipher:
    """A block cipher.  make: pyca's cipher for key bytes.  key_bytes: lengths it takes.  block_bytes: its block."""

    make: Callable[[bytes], BlockCipherAlgorithm]
    key_bytes: Sequence[int]
    block_bytes: int


def _expand_des(key: bytes) -> bytes:
    """Return K1 K2 K3 for a key of one, two or three parts; SP 800-67 keying options 3, 2 and 1."""
    return {8: key * 3, 16: key + key[:8]}.get(len(key), key)


BLOCK_CIPHERS: Final[Mapping[Algorithm, BlockCipher]] = {
    Algorithm.DES: BlockCipher(make=lambda key: decrepit.TripleDES(_expand_des(key)), key_bytes=(8,), block_bytes=8),
    Algorithm.TRIPLE_DES: BlockCipher(
        make=lambda key: decrepit.TripleDES(_expand_des(key)), key_bytes=(8, 16, 24), block_bytes=8
    ),
    Algorithm.AES: BlockCipher(make=algorithms.AES, key_bytes=(16, 24, 32), block_bytes=16),
    Algorithm.BLOWFISH: BlockCipher(make=decrepit.Blowfish, key_bytes=range(4, 56 + 1), block_bytes=8),
    Algorithm.CAMELLIA: BlockCipher(make=decrepit.Camellia, key_bytes=(16, 24, 32), block_bytes=16),
    Algorithm.CAST5: BlockCipher(make=decrepit.CAST5, key_bytes=range(5, 16 + 1), block_bytes=8),
    Algorithm.IDEA: BlockCipher(make=decrepit.IDEA, key_bytes=(16,), block_bytes=8),
    Algorithm.SEED: BlockCipher(make=decrepit.SEED, key_bytes=(16,), block_bytes=16),
    Algorithm.SM4: BlockCipher(make=algorithms.SM4, key_bytes=(16,), block_bytes=16),
}

MAXIMUM_PAD_BYTES: Final = 16 * 1024 * 1024
"""More than a request can bring."""

STREAM_CIPHER_KEY_BYTES: Final[Mapping[Algorithm, Sequence[int]]] = {
    Algorithm.RC4: (5, 7, 8, 10, 16, 20, 24, 32),
    Algorithm.CHACHA20: (32,),
    Algorithm.CHACHA20_POLY1305: (32,),
    Algorithm.ONE_TIME_PAD: range(1, MAXIMUM_PAD_BYTES + 1),
}

SIMPLE_MODES: Final[Mapping[Mode, Callable[[bytes], modes.Mode]]] = {
    Mode.ECB: lambda _: modes.ECB(),
    Mode.CBC: modes.CBC,
    Mode.CFB: decrepit_modes.CFB,
    Mode.OFB: decrepit_modes.OFB,
    Mode.CTR: modes.CTR,
}
"""Modes with one block of IV, or none, for every block cipher."""

PADDED: Final = frozenset({Mode.ECB, Mode.CBC})
"""Modes that work on whole blocks; the Padding Method counts for these alone."""

PYCA_HAS_CTR: Final = frozenset({Algorithm.AES, Algorithm.SM4})
"""pyca has CTR for these; for the other block ciphers see `counter_mode`."""

AUTHENTICATED: Final[tuple[tuple[Algorithm, Mode | None], ...]] = (
    (Algorithm.AES, Mode.GCM),
    (Algorithm.AES, Mode.CCM),
    (Algorithm.SM4, Mode.GCM),
    (Algorithm.CHACHA20_POLY1305, None),
    (Algorithm.CHACHA20_POLY1305, Mode.AEAD),
)
"""Combinations that take additional data and give a tag."""

KEY_WRAPS: Final = frozenset({Mode.NIST_KEY_WRAP, Mode.AES_KEY_WRAP_PADDING})

_NO_PADDING: Final = frozenset({PaddingMethod.NONE})
_BLOCK_PADDINGS: Final = frozenset(PADDINGS) | _NO_PADDING


def _matrix() -> dict[tuple[Algorithm, Mode | None], frozenset[PaddingMethod]]:
    """Return every combination that works, with its paddings: the table behind capabilities and documentation."""
    rows: dict[tuple[Algorithm, Mode | None], frozenset[PaddingMethod]] = {
        (algorithm, mode): _BLOCK_PADDINGS if mode in PADDED else _NO_PADDING
        for algorithm in BLOCK_CIPHERS
        for mode in SIMPLE_MODES
    }
    rows |= dict.fromkeys(AUTHENTICATED, _NO_PADDING)
    rows |= {(Algorithm.AES, mode): _NO_PADDING for mode in (Mode.XTS, *sorted(KEY_WRAPS))}
    rows |= {(algorithm, None): _NO_PADDING for algorithm in STREAM_CIPHER_KEY_BYTES}
    rows[Algorithm.RSA, None] = frozenset({PaddingMethod.OAEP, PaddingMethod.PKCS1_V1_5})
    return rows


CIPHERS: Final = _matrix()

MODES_OF: Final[Mapping[Algorithm, tuple[Mode | None, ...]]] = {
    algorithm: tuple(mode for known, mode in CIPHERS if known is algorithm)
    for algorithm in (*BLOCK_CIPHERS, *STREAM_CIPHER_KEY_BYTES)
}
"""Symmetric algorithm -> its modes; None for a cipher that has none."""
