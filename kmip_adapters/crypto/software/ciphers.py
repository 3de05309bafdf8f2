"""Encrypt and Decrypt: streams over pyca's contexts, or over whole data where the mode needs it whole.

Whole are the modes whose result depends on all of the data (CCM, XTS, key wrap, ChaCha20-Poly1305), RSA, and every
authenticated decryption: its plain text is not shown before the tag has proved right.
"""

import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.ciphers import AEADEncryptionContext, Cipher, aead, algorithms, modes

from kmip_adapters.crypto.refusals import (
    MAXIMUM_HELD_BYTES,
    cryptographic_failure,
    decryption_failed,
    held_too_much,
)
from kmip_adapters.crypto.software import rsa_encryption
from kmip_adapters.crypto.software.block_padding import PaddingContext
from kmip_adapters.crypto.software.cipher_jobs import SHORTEST_UNANNOUNCED_TAG, Job, prepare
from kmip_adapters.crypto.software.cipher_tables import BLOCK_CIPHERS, PYCA_HAS_CTR, SIMPLE_MODES
from kmip_adapters.crypto.software.counter_mode import CounterContext
from kmip_adapters.crypto.software.one_time_pad import PadContext
from kmip_core.enums import BlockCipherMode as Mode
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.errors import invalid_field
from kmip_core.makers import maker_of
from kmip_core.objects import Certificate, PrivateKey, PublicKey
from kmip_core.ports.crypto import DecryptStream, Encrypted, Encryption, EncryptStream

_make_encrypted: Final = maker_of(Encrypted)

_ASYMMETRIC: Final = (PublicKey, Certificate, PrivateKey)
"""A tuple: what `|` makes of classes is made anew in each call, and takes three times as long to be looked at."""


class _Context(Protocol):
    """What pyca's cipher contexts and `CounterContext` have in common."""

    def update(self, data: bytes) -> bytes: ...

    def finalize(self) -> bytes: ...


def begin_encrypt(encryption: Encryption) -> EncryptStream:
    """Return the stream; see the port."""
    key = encryption.key
    if isinstance(key, _ASYMMETRIC):
        return _WholeEncrypt(rsa_encryption.encryptor(key, encryption.parameters), None)
    job = prepare(encryption, makes_iv=True)
    seal = _SEALS.get(job.mode or job.algorithm)
    if seal is not None:
        return _WholeEncrypt(lambda data: seal(job, data), job.iv_counter_nonce)
    return _PartsEncrypt(job)


def begin_decrypt(encryption: Encryption) -> DecryptStream:
    """Return the stream; see the port."""
    key, tag = encryption.key, encryption.authenticated_encryption_tag
    if isinstance(key, _ASYMMETRIC):
        return _WholeDecrypt(rsa_encryption.decryptor(key, encryption.parameters))
    job = prepare(encryption, makes_iv=False)
    if job.tag_bytes is None and tag is not None:
        raise invalid_field("Authenticated Encryption Tag is for authenticated modes, such as GCM and CCM")
    open_ = _OPENS.get(job.mode or job.algorithm)
    if open_ is not None:
        return _WholeDecrypt(lambda data, tag: open_(job, data, tag), tag)
    return _PartsDecrypt(job, _decryptor(job))


# --- in parts -----------------------------------------------------------------------------------------------------


class _PartsEncrypt:
    """Encrypts part by part, or all at once."""

    _begun: tuple[_Context, PaddingContext | None] | None = None  # with the first part
    _length = 0

    def __init__(self, job: Job) -> None:
        self._job = job

    @property
    def iv_counter_nonce(self) -> bytes | None:
        return self._job.iv_counter_nonce

    def at_once(self, data: bytes) -> Encrypted:
        """Encrypt what comes in one part: by AES-GCM in a fourth of the time that its parts would take."""
        job = self._job
        if job.mode is Mode.GCM and job.algorithm is Algorithm.AES:
            sealed, end = aead.AESGCM(job.key).encrypt(job.start, data, job.additional_data), len(data)
            tag = sealed[end : end + (job.tag_bytes or 0)]
            return _make_encrypted(
                data=sealed[:end], iv_counter_nonce=job.iv_counter_nonce, authenticated_encryption_tag=tag
            )
        padding = job.padding
        if padding is not None and padding.whole is not None:  # of a block cipher, in a mode of whole blocks
            known = BLOCK_CIPHERS[job.algorithm]
            cipher: Cipher[Any] = Cipher(known.make(job.key), SIMPLE_MODES[job.mode or Mode.ECB](job.start))
            context = cipher.encryptor()
            sealed = context.update(padding.whole(data, known.block_bytes)) + context.finalize()
            return _make_encrypted(data=sealed, iv_counter_nonce=job.iv_counter_nonce)
        first, last = self.update(data), self.finish()
        return Encrypted(
            data=first + last.data,
            iv_counter_nonce=last.iv_counter_nonce,
            authenticated_encryption_tag=last.authenticated_encryption_tag,
        )

    def update(self, data: bytes) -> bytes:
        self._length += len(data)
        context, padder = self._begin()
        return context.update(data if padder is None else padder.update(data))

    def finish(self) -> Encrypted:
        context, padder = self._begin()
        if padder is None:
            check_whole_blocks(self._job, self._length, "padded or ")
        return self._finished(context, b"" if padder is None else padder.finalize())

    def _finished(self, context: _Context, last: bytes) -> Encrypted:
        """Return the rest.  last: of the data, padded."""
        job = self._job
        data = context.update(last) + context.finalize()
        tag = None if job.tag_bytes is None else cast(AEADEncryptionContext, context).tag[: job.tag_bytes]
        return _make_encrypted(data=data, iv_counter_nonce=job.iv_counter_nonce, authenticated_encryption_tag=tag)

    def _begin(self) -> tuple[_Context, PaddingContext | None]:
        if self._begun is None:
            job = self._job
            self._begun = _encryptor(job), job.padding.padder(job.block_bytes) if job.padding else None
        return self._begun


class _PartsDecrypt:
    """Decrypts part by part; the last block stays back until its padding is known to be right."""

    def __init__(self, job: Job, context: _Context) -> None:
        self._job = job
        self._context = context
        self._unpadder = job.padding.unpadder(job.block_bytes) if job.padding else None
        self._length = 0

    def update(self, data: bytes) -> bytes:
        self._length += len(data)
        plain = self._context.update(data)
        return plain if self._unpadder is None else self._unpadder.update(plain)

    def finish(self, authenticated_encryption_tag: bytes | None = None) -> bytes:
        if authenticated_encryption_tag is not None:
            raise invalid_field("Authenticated Encryption Tag is for authenticated modes, such as GCM and CCM")
        check_whole_blocks(self._job, self._length, "")
        last = self._context.finalize()
        if self._unpadder is None:
            return last
        try:
            return self._unpadder.update(last) + self._unpadder.finalize()
        except ValueError:
            raise decryption_failed() from None


def check_whole_blocks(job: Job, length: int, advice: str) -> None:
    # The length is no secret: a caller who sends a broken block knows it, so this may have its own text.
    if job.mode in (Mode.ECB, Mode.CBC) and length % job.block_bytes:
        raise invalid_field(f"data has {length} bytes; it must be {advice}a multiple of {job.block_bytes} in this mode")


def _gcm(job: Job) -> Cipher[modes.GCM]:
    # min_tag_length: 4 is the standard's least; `split_tag` has judged which length is right here.
    return Cipher(BLOCK_CIPHERS[job.algorithm].make(job.key), modes.GCM(job.start, min_tag_length=4))


def _cipher(job: Job) -> Cipher[Any]:
    if job.algorithm is Algorithm.RC4:
        return Cipher(ARC4(job.key), None)
    if job.algorithm is Algorithm.CHACHA20:
        return Cipher(algorithms.ChaCha20(job.key, job.start), None)
    cipher = BLOCK_CIPHERS[job.algorithm].make(job.key)
    return Cipher(cipher, SIMPLE_MODES[job.mode or Mode.ECB](job.start))


def _encryptor(job: Job) -> _Context:
    if job.algorithm is Algorithm.ONE_TIME_PAD:
        return PadContext(job.key)
    if job.mode is Mode.CTR and job.algorithm not in PYCA_HAS_CTR:
        return CounterContext(BLOCK_CIPHERS[job.algorithm].make(job.key), job.start)
    if job.mode is Mode.GCM:
        context = _gcm(job).encryptor()
        context.authenticate_additional_data(job.additional_data)
        return context
    return _cipher(job).encryptor()


def _decryptor(job: Job) -> _Context:
    if job.algorithm is Algorithm.ONE_TIME_PAD or (job.mode is Mode.CTR and job.algorithm not in PYCA_HAS_CTR):
        return _encryptor(job)
    return _cipher(job).decryptor()


# --- whole --------------------------------------------------------------------------------------------------------


class _Held:
    """Gathers parts, up to the limit."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._length = 0

    def update(self, data: bytes) -> bytes:
        self._length += len(data)
        if self._length > MAXIMUM_HELD_BYTES:
            raise held_too_much()
        self._parts.append(data)
        return b""

    @property
    def held_bytes(self) -> int:
        return self._length

    def whole(self) -> bytes:
        return b"".join(self._parts)


class _WholeEncrypt(_Held):
    """Encrypts everything at the end."""

    def __init__(self, seal: Callable[[bytes], tuple[bytes, bytes | None]], iv: bytes | None) -> None:
        super().__init__()
        self._seal = seal
        self.iv_counter_nonce = iv

    def finish(self) -> Encrypted:
        data, tag = self._seal(self.whole())
        return Encrypted(data=data, iv_counter_nonce=self.iv_counter_nonce, authenticated_encryption_tag=tag)


class _WholeDecrypt(_Held):
    """Decrypts everything at the end."""

    def __init__(self, open_: Callable[[bytes, bytes | None], bytes], tag: bytes | None = None) -> None:
        super().__init__()
        self._open = open_
        self._tag = tag

    def finish(self, authenticated_encryption_tag: bytes | None = None) -> bytes:
        tag = authenticated_encryption_tag if authenticated_encryption_tag is not None else self._tag
        return self._open(self.whole(), tag)


def split_tag(job: Job, data: bytes, tag: bytes | None) -> tuple[bytes, bytes]:
    """Return data and tag apart, whichever way they came."""
    size = job.tag_bytes or 0
    if tag is None:
        if len(data) < size:
            raise invalid_field("Authenticated Encryption Tag must be given, or stand at the end of the data")
        return data[: len(data) - size], data[len(data) - size :]
    if job.tag_announced and len(tag) != size:
        raise invalid_field(f"the tag has {len(tag)} bytes, but Tag Length says {size}")
    if not job.tag_announced and not SHORTEST_UNANNOUNCED_TAG <= len(tag) <= size:
        raise invalid_field(f"the tag has {len(tag)} bytes; without Tag Length it must have 12 to 16")
    return data, tag


def _open_gcm(job: Job, data: bytes, tag: bytes | None) -> bytes:
    data, tag = split_tag(job, data, tag)
    context = _gcm(job).decryptor()
    context.authenticate_additional_data(job.additional_data)
    plain = context.update(data)
    try:
        return plain + context.finalize_with_tag(tag)
    except InvalidTag:
        raise decryption_failed() from None


def _check_ccm_length(job: Job, data: bytes) -> None:
    # SP 800-38C §A.1: the bytes that the nonce leaves of 15 count the data. pyca takes one too many (OpenSSL fails).
    most = (1 << 8 * (15 - len(job.start))) - 1
    if len(data) > most:
        raise invalid_field(f"data has {len(data)} bytes; with a nonce of {len(job.start)} bytes CCM takes {most}")


def _seal_ccm(job: Job, data: bytes) -> tuple[bytes, bytes | None]:
    _check_ccm_length(job, data)
    size = job.tag_bytes or 16
    sealed = aead.AESCCM(job.key, size).encrypt(job.start, data, job.additional_data)
    return sealed[:-size], sealed[-size:]


def _open_ccm(job: Job, data: bytes, tag: bytes | None) -> bytes:
    data, tag = split_tag(job, data, tag)
    _check_ccm_length(job, data)
    if len(tag) % 2:
        raise invalid_field("CCM tags have an even number of bytes")
    try:
        return aead.AESCCM(job.key, len(tag)).decrypt(job.start, data + tag, job.additional_data)
    except InvalidTag:
        raise decryption_failed() from None


def _seal_poly1305(job: Job, data: bytes) -> tuple[bytes, bytes | None]:
    sealed = aead.ChaCha20Poly1305(job.key).encrypt(job.start, data, job.additional_data)
    return sealed[:-_POLY1305_TAG], sealed[-_POLY1305_TAG:][: job.tag_bytes]


def _open_poly1305(job: Job, data: bytes, tag: bytes | None) -> bytes:
    data, tag = split_tag(job, data, tag)
    cipher = aead.ChaCha20Poly1305(job.key)
    if len(tag) < _POLY1305_TAG:
        # pyca takes whole tags only. Encryption and decryption are the same key stream (RFC 8439 §2.8), so the plain
        # text and then the tag that belongs to it can be computed; nothing is returned before the tags are compared.
        text = cipher.encrypt(job.start, data, None)[:-_POLY1305_TAG]
        whole = cipher.encrypt(job.start, text, job.additional_data)[-_POLY1305_TAG:]
        if not hmac.compare_digest(whole[: len(tag)], tag):
            raise decryption_failed()
        return text
    try:
        return cipher.decrypt(job.start, data + tag, job.additional_data)
    except InvalidTag:
        raise decryption_failed() from None


_POLY1305_TAG: Final = 16


def _xts(job: Job, data: bytes) -> Cipher[modes.XTS]:
    if len(data) < 16:
        raise invalid_field(f"data has {len(data)} bytes; XTS needs 16 or more")
    half = len(job.key) // 2
    if hmac.compare_digest(job.key[:half], job.key[half:]):
        raise cryptographic_failure("XTS needs two keys that differ")  # IEEE 1619 and FIPS 140 say so
    return Cipher(algorithms.AES(job.key), modes.XTS(job.start))


def _seal_xts(job: Job, data: bytes) -> tuple[bytes, bytes | None]:
    context = _xts(job, data).encryptor()
    return context.update(data) + context.finalize(), None


def _open_xts(job: Job, data: bytes, _: bytes | None) -> bytes:
    context = _xts(job, data).decryptor()
    return context.update(data) + context.finalize()


def _wrap(job: Job, data: bytes) -> tuple[bytes, bytes | None]:
    if len(data) < 16 or len(data) % 8:
        raise invalid_field(
            f"data has {len(data)} bytes; key wrap takes multiples of 8 from 16 on, or with padding any"
        )
    return keywrap.aes_key_wrap(job.key, data), None


def _unwrap(job: Job, data: bytes, _: bytes | None) -> bytes:
    try:
        return keywrap.aes_key_unwrap(job.key, data)
    except (keywrap.InvalidUnwrap, ValueError):
        raise decryption_failed() from None


def _wrap_padded(job: Job, data: bytes) -> tuple[bytes, bytes | None]:
    if not data:
        raise invalid_field("there is nothing to wrap")
    return keywrap.aes_key_wrap_with_padding(job.key, data), None


def _unwrap_padded(job: Job, data: bytes, _: bytes | None) -> bytes:
    try:
        return keywrap.aes_key_unwrap_with_padding(job.key, data)
    except (keywrap.InvalidUnwrap, ValueError):
        raise decryption_failed() from None


_SEALS: Final[Mapping[Mode | Algorithm, Callable[[Job, bytes], tuple[bytes, bytes | None]]]] = {
    Mode.CCM: _seal_ccm,
    Mode.AEAD: _seal_poly1305,
    Algorithm.CHACHA20_POLY1305: _seal_poly1305,
    Mode.XTS: _seal_xts,
    Mode.NIST_KEY_WRAP: _wrap,
    Mode.AES_KEY_WRAP_PADDING: _wrap_padded,
}
"""What encrypts whole data, by mode, or by algorithm where there is no mode."""

_OPENS: Final[Mapping[Mode | Algorithm, Callable[[Job, bytes, bytes | None], bytes]]] = {
    Mode.GCM: _open_gcm,
    Mode.CCM: _open_ccm,
    Mode.AEAD: _open_poly1305,
    Algorithm.CHACHA20_POLY1305: _open_poly1305,
    Mode.XTS: _open_xts,
    Mode.NIST_KEY_WRAP: _unwrap,
    Mode.AES_KEY_WRAP_PADDING: _unwrap_padded,
}
"""What decrypts whole data."""
