"""One Encrypt or Decrypt, checked and complete: what is asked becomes a `Job`, or a refusal that says what would do."""

import os
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from attrs import field

from kmip_adapters.crypto.refusals import cryptographic_failure
from kmip_adapters.crypto.software.block_padding import PADDINGS, BlockPadding
from kmip_adapters.crypto.software.cipher_tables import (
    AUTHENTICATED,
    BLOCK_CIPHERS,
    CIPHERS,
    MODES_OF,
    PADDED,
    STREAM_CIPHER_KEY_BYTES,
)
from kmip_adapters.crypto.software.keys import symmetric_bytes
from kmip_core.classes import define, frozen
from kmip_core.enums import BlockCipherMode as Mode
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import PaddingMethod, ResultReason
from kmip_core.errors import KmipError, bad_parameters, invalid_field, invalid_message, need, unsupported_parameters
from kmip_core.makers import maker_of
from kmip_core.objects import Certificate, SymmetricKey
from kmip_core.ports.crypto import Encryption
from kmip_core.standard_names import standard_name
from kmip_core.structures import CryptographicParameters

_TAG_BYTES: Final[Mapping[tuple[Algorithm, Mode | None], Sequence[int]]] = {
    (Algorithm.AES, Mode.GCM): (4, 8, 12, 13, 14, 15, 16),  # SP 800-38D §5.2.1.2
    (Algorithm.SM4, Mode.GCM): (4, 8, 12, 13, 14, 15, 16),
    (Algorithm.AES, Mode.CCM): (4, 6, 8, 10, 12, 14, 16),  # SP 800-38C appendix A.1
    (Algorithm.CHACHA20_POLY1305, None): (12, 13, 14, 15, 16),
    (Algorithm.CHACHA20_POLY1305, Mode.AEAD): (12, 13, 14, 15, 16),
}
_FULL_TAG: Final = 16
SHORTEST_UNANNOUNCED_TAG: Final = 12
"""Bytes; a shorter tag must be announced by Tag Length, or an attacker could choose how much is verified."""


@frozen(kw_only=True)
class Nonces:
    """Lengths of IV in bytes: what is taken, and what is made."""

    taken: Sequence[int]
    made: int


_NONCES: Final[Mapping[Mode | Algorithm, Nonces]] = {
    Mode.GCM: Nonces(taken=range(8, 128 + 1), made=12),  # 96 bits: SP 800-38D §8.2.2
    Mode.CCM: Nonces(taken=range(7, 13 + 1), made=12),
    Mode.XTS: Nonces(taken=(16,), made=16),
    Algorithm.CHACHA20: Nonces(taken=(8, 12, 16), made=12),
    Algorithm.CHACHA20_POLY1305: Nonces(taken=(12,), made=12),
}
"""Those that are not one block long."""

_ONE_BLOCK_OF_IV: Final = frozenset({Mode.CBC, Mode.CFB, Mode.OFB, Mode.CTR})


@define(kw_only=True)
class Job:
    """What to do, with everything settled; nothing sets a field of it afterwards (`operation.Scope` says why).

    iv_counter_nonce: as the client gives or gets it.  start: as the cipher takes it, with the counter in it.
    tag_bytes: None where there is no tag.  tag_announced: Tag Length was given.
    """

    algorithm: Algorithm
    mode: Mode | None
    key: bytes = field(repr=False)
    padding: BlockPadding | None
    iv_counter_nonce: bytes | None
    start: bytes
    additional_data: bytes
    tag_bytes: int | None
    tag_announced: bool

    @property
    def block_bytes(self) -> int:
        """The cipher's block; 1 for stream ciphers."""
        cipher = BLOCK_CIPHERS.get(self.algorithm)
        return cipher.block_bytes if cipher else 1


@frozen(kw_only=True)
class _Settled:
    """What a job had that depends on nothing but the parameters, and the algorithm and length of the key.

    iv_bytes: how many bytes of IV are made, and are taken as they are; 0 where there is none.
    """

    algorithm: Algorithm
    mode: Mode | None
    padding: BlockPadding | None
    iv_bytes: int
    tag_bytes: int | None


_make_job: Final = maker_of(Job)

_MOST_SETTLED: Final = 256
_settled: Final[dict[tuple[object, ...], _Settled]] = {}
"""By what it depends on. A client chooses some of the numbers in there: when the room is full all is forgotten."""


def prepare(encryption: Encryption, *, makes_iv: bool) -> Job:
    """Return the job.  makes_iv: Encrypt makes what is missing, Decrypt refuses.

    What was settled before for such a key and such parameters is not settled again, unless there is anything unusual.
    """
    key, parameters = encryption.key, encryption.parameters
    if type(key) is not SymmetricKey or parameters.initial_counter_value is not None:
        return _prepare(encryption, makes_iv=makes_iv)
    key_bytes = symmetric_bytes(key)
    depends_on = (
        key.key_block.cryptographic_algorithm,
        len(key_bytes),
        parameters.cryptographic_algorithm,
        parameters.block_cipher_mode,
        parameters.padding_method,
        parameters.tag_length,
        parameters.iv_length,
    )
    settled = _settled.get(depends_on)
    iv, additional_data = encryption.iv_counter_nonce, encryption.additional_data
    if settled is not None and (additional_data is None or settled.tag_bytes is not None):
        if iv is None and settled.iv_bytes and makes_iv:
            iv = os.urandom(settled.iv_bytes)
        if len(iv or b"") == settled.iv_bytes:  # anything else is for the rules to judge
            return _make_job(
                algorithm=settled.algorithm,
                mode=settled.mode,
                key=key_bytes,
                padding=settled.padding,
                iv_counter_nonce=iv or None,
                start=iv or b"",
                additional_data=additional_data or b"",
                tag_bytes=settled.tag_bytes,
                tag_announced=parameters.tag_length is not None,
            )
    job = _prepare(encryption, makes_iv=makes_iv)
    if settled is None and (iv is None or parameters.iv_length is None):
        _settle(depends_on, job, parameters)
    return job


def _settle(depends_on: tuple[object, ...], job: Job, parameters: CryptographicParameters) -> None:
    """Have later jobs of the kind settled so, unless their IV is not all that the cipher starts from."""
    nonces, start = _nonces(job.algorithm, job.mode), job.start
    iv_bytes = 0 if nonces is None else _made(job.mode, nonces, parameters.iv_length)
    if start != (job.iv_counter_nonce or b"") or len(start) != iv_bytes:
        return
    if len(_settled) >= _MOST_SETTLED:
        _settled.clear()
    _settled[depends_on] = _Settled(
        algorithm=job.algorithm, mode=job.mode, padding=job.padding, iv_bytes=iv_bytes, tag_bytes=job.tag_bytes
    )


def _prepare(encryption: Encryption, *, makes_iv: bool) -> Job:
    key, parameters, additional_data = encryption.key, encryption.parameters, encryption.additional_data
    own = None if isinstance(key, Certificate) else key.key_block.cryptographic_algorithm
    algorithm = need(parameters.cryptographic_algorithm or own, "Cryptographic Algorithm")
    mode = _mode(algorithm, parameters.block_cipher_mode)
    if own not in (None, algorithm, *_INTERCHANGEABLE.get(algorithm, ())):
        raise cryptographic_failure(
            f"the key is of algorithm {standard_name(own) if own else own}, not {standard_name(algorithm)}"
        )
    key_bytes = symmetric_bytes(key)
    _check_key_length(algorithm, mode, len(key_bytes))
    authenticated = (algorithm, mode) in AUTHENTICATED
    if additional_data is not None and not authenticated:
        raise invalid_field("additional authenticated data is for authenticated modes, such as GCM and CCM")
    iv = encryption.iv_counter_nonce
    nonces = _nonces(algorithm, mode)
    if nonces is None:
        iv = None
    elif iv is None:
        if not makes_iv:
            # RULINGS 13 and the official cases CS-BC-M-11 to 13: not the more precise Missing Initialization Vector.
            raise invalid_message("IV/Counter/Nonce must be given to decrypt in this mode")
        iv = os.urandom(_made(mode, nonces, parameters.iv_length))
    return Job(
        algorithm=algorithm,
        mode=mode,
        key=key_bytes,
        padding=_padding(algorithm, mode, parameters.padding_method),
        iv_counter_nonce=iv,
        start=_start(algorithm, mode, nonces, iv, parameters),
        additional_data=additional_data or b"",
        tag_bytes=_tag_bytes(algorithm, mode, parameters.tag_length) if authenticated else None,
        tag_announced=parameters.tag_length is not None,
    )


_INTERCHANGEABLE: Final[Mapping[Algorithm, tuple[Algorithm, ...]]] = {
    Algorithm.CHACHA20: (Algorithm.CHACHA20_POLY1305,),
    Algorithm.CHACHA20_POLY1305: (Algorithm.CHACHA20,),
    Algorithm.TRIPLE_DES: (Algorithm.DES,),
}
"""Algorithms whose keys are used for one another: algorithm asked -> further algorithms of the key."""


def _mode(algorithm: Algorithm, mode: Mode | None) -> Mode | None:
    """Return the mode to use: the one asked for, or None where the cipher has none."""
    modes = MODES_OF.get(algorithm)
    if modes is None:
        known = ", ".join(standard_name(cipher) for cipher in MODES_OF)
        raise unsupported_parameters(
            f"{standard_name(algorithm)} does not encrypt with a symmetric key here; known: {known}"
        )
    if mode in modes:
        return mode
    names = ", ".join(standard_name(known) for known in modes if known is not None)
    if mode is None:
        raise bad_parameters(f"Block Cipher Mode must be given for {standard_name(algorithm)}: {names}")
    raise unsupported_parameters(
        f"{standard_name(mode)} is not a mode of {standard_name(algorithm)} here; "
        f"known: {names or 'none, leave it out'}"
    )


def _check_key_length(algorithm: Algorithm, mode: Mode | None, length: int) -> None:
    if mode is Mode.XTS:
        lengths: Sequence[int] = (32, 64)  # two keys of 128 or 256 bits; SP 800-38E
    elif algorithm in BLOCK_CIPHERS:
        lengths = BLOCK_CIPHERS[algorithm].key_bytes
    else:
        lengths = STREAM_CIPHER_KEY_BYTES[algorithm]
    if length not in lengths:
        expected = (
            f"{8 * lengths[0]} to {8 * lengths[-1]}"
            if isinstance(lengths, range)
            else ", ".join(str(8 * each) for each in lengths)
        )
        name = standard_name(algorithm) if mode is None else f"{standard_name(algorithm)} in mode {standard_name(mode)}"
        raise cryptographic_failure(f"the key has {8 * length} bits; {name} takes {expected}")


def _padding(algorithm: Algorithm, mode: Mode | None, method: PaddingMethod | None) -> BlockPadding | None:
    if method in (None, PaddingMethod.NONE) or mode not in PADDED:
        return None
    if method not in CIPHERS[algorithm, mode]:
        known = ", ".join(sorted(standard_name(known) for known in CIPHERS[algorithm, mode]))
        raise unsupported_parameters(
            f"{standard_name(need(method, ''))} is not a padding of block ciphers here; known: {known}"
        )
    return PADDINGS[need(method, "Padding Method")]


def _nonces(algorithm: Algorithm, mode: Mode | None) -> Nonces | None:
    """Return the lengths of IV; None where there is none."""
    if mode in _ONE_BLOCK_OF_IV:
        block = BLOCK_CIPHERS[algorithm].block_bytes
        return Nonces(taken=(block,), made=block)
    return _NONCES.get(algorithm if mode is None or mode is Mode.AEAD else mode)


def _made(mode: Mode | None, nonces: Nonces, iv_length: int | None) -> int:
    if iv_length is None:
        return nonces.made
    # The standard counts bits, kmip-go and others send bytes; no IV is shorter than 7 bytes or longer than 63 bytes
    # in any client seen, so the two cannot be mixed up (KMIP 2.1 §4.16, clients.md 7).
    length = iv_length if iv_length < 7 * 8 else iv_length // 8
    if length not in nonces.taken:
        raise bad_parameters(f"IV Length {iv_length} is not one this mode takes; leave it out")
    # SP 800-38D §8.2.2: random nonces of GCM that are shorter soon repeat, longer ones are no better.
    return nonces.made if mode is Mode.GCM else length


def _start(
    algorithm: Algorithm,
    mode: Mode | None,
    nonces: Nonces | None,
    iv: bytes | None,
    parameters: CryptographicParameters,
) -> bytes:
    """Return what the cipher starts from: the IV, with a counter where the IV leaves room for one."""
    if iv is None or nonces is None:
        return b""
    counter = parameters.initial_counter_value or 0
    if mode is Mode.CTR and len(iv) < nonces.made:
        # RFC 3686 and SP 800-38A appendix B.2: nonce, then a counter of Counter Length bits.
        room = nonces.made - len(iv)
        stated = parameters.counter_length
        if stated is not None and stated not in (room, 8 * room):
            raise bad_parameters(f"IV/Counter/Nonce and Counter Length must make {nonces.made} bytes together")
        if stated is not None or parameters.initial_counter_value is not None:
            return iv + _counter_bytes(counter, room, "big")
    if len(iv) not in nonces.taken:
        taken = sorted({nonces.taken[0], nonces.taken[-1]})
        raise invalid_field(f"IV/Counter/Nonce has {len(iv)} bytes; {' to '.join(map(str, taken))} are needed")
    if algorithm is Algorithm.CHACHA20 and len(iv) < 16:
        return _counter_bytes(counter, 16 - len(iv), "little") + iv  # RFC 8439 §2.3; 8 bytes: the original cipher
    return iv


def _counter_bytes(counter: int, size: int, order: Literal["big", "little"]) -> bytes:
    if not 0 <= counter < 1 << (8 * size):
        raise bad_parameters(f"Initial Counter Value does not fit into {size} bytes")
    return counter.to_bytes(size, order)


def _tag_bytes(algorithm: Algorithm, mode: Mode | None, tag_length: int | None) -> int:
    if tag_length is None:
        return _FULL_TAG
    lengths = _TAG_BYTES[algorithm, mode]
    if tag_length not in lengths:
        allowed = ", ".join(map(str, lengths))
        # The reason of the standard's error tables and of the official answers for a length that is none.
        raise KmipError(
            ResultReason.GENERAL_FAILURE, f"Tag Length is {tag_length} bytes; this mode has tags of {allowed}"
        )
    return tag_length
