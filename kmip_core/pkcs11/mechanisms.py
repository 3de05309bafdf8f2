"""The mechanisms of PKCS#11 that this server has, as rows: what each is used for, and which KMIP parameters it means.

PKCS#11 3.0 §6 (current mechanisms); the parameters are encoded as KMIP Profiles 2.1 §5.18.1 has it.
"""

from collections.abc import Callable
from typing import Final

from attrs import evolve, field

from kmip_core.classes import frozen
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    DigitalSignatureAlgorithm,
    HashingAlgorithm,
    MaskGenerator,
    PaddingMethod,
)
from kmip_core.enums import PKCS11ReturnCode as ReturnCode
from kmip_core.pkcs11.encoding import Reader
from kmip_core.pkcs11.failures import Failure
from kmip_core.pkcs11_sessions import Use
from kmip_core.ports.crypto import CryptoCapabilities
from kmip_core.structures import CryptographicParameters

_A, _H, _M, _P = CryptographicAlgorithm, HashingAlgorithm, BlockCipherMode, PaddingMethod


@frozen(kw_only=True)
class Parameter:
    """What a mechanism's parameter says.  iv: also the data of a derivation.  tag_length: bytes, 0 without a tag."""

    cryptographic_parameters: CryptographicParameters = CryptographicParameters()
    iv: bytes | None = None
    additional_data: bytes | None = None
    data: bytes | None = field(default=None, repr=False)
    tag_length: int = 0


@frozen(kw_only=True)
class Mechanism:
    """One mechanism.

    meaning: the KMIP parameters that it stands for.  read: reads its parameter; None where it has none.
    algorithm: of the keys that it makes or works with; None for a digest.
    key_lengths: the smallest and largest, in the units of CK_MECHANISM_INFO (bytes for AES and secrets, else bits).
    takes_digest: whether it signs what the client has hashed.
    is_authentication: whether its "signature" is a message authentication code.
    in_parts: whether the data may come in several calls.
    expands: bytes by which a cipher text may be longer than its plain text.
    """

    number: int
    uses: frozenset[Use]
    meaning: CryptographicParameters = CryptographicParameters()
    read: Callable[["Mechanism", Reader], Parameter] | None = None
    algorithm: CryptographicAlgorithm | None = None
    key_lengths: tuple[int, int] = (0, 0)
    takes_digest: bool = False
    is_authentication: bool = False
    in_parts: bool = True
    expands: int = 0

    def parameter(self, data: bytes | None) -> Parameter:
        """Return what the parameter says.  Raises Failure (CKR_MECHANISM_PARAM_INVALID) or KmipError (Codec Error)."""
        if self.read is None:
            if data:
                raise Failure(ReturnCode.MECHANISM_PARAM_INVALID)
            return Parameter(cryptographic_parameters=self.meaning)
        if data is None and self.uses == _WRAPPING:
            return Parameter(cryptographic_parameters=self.meaning)
        if data is None:
            raise Failure(ReturnCode.MECHANISM_PARAM_INVALID)
        reader = Reader(data)
        parameter = self.read(self, reader)
        reader.end()
        return parameter

    def is_possible(self, can: CryptoCapabilities) -> bool:
        """Whether the crypto adapter can do what the mechanism needs."""
        meaning, hashes = self.meaning, self.meaning.hashing_algorithm
        if self.uses & {Use.GENERATE_PAIR}:
            return self.algorithm in can.key_pair_lengths
        if self.uses & {Use.GENERATE}:
            return self.algorithm in can.symmetric_lengths or self.algorithm is _A.HMAC_SHA256
        if Use.DIGEST in self.uses:
            return hashes in can.hashing_algorithms
        if self.is_authentication:
            return self.algorithm in can.macs
        if Use.SIGN in self.uses:
            return any(algorithm is self.algorithm for algorithm, _ in can.signatures)
        if self.uses == {Use.DERIVE}:
            return bool(can.derivation_methods)
        return (self.algorithm, meaning.block_cipher_mode) in can.ciphers


def _iv(length: int) -> Callable[[Mechanism, Reader], Parameter]:
    def read(mechanism: Mechanism, reader: Reader) -> Parameter:
        iv = reader.array()
        if len(iv) != length:
            raise Failure(ReturnCode.MECHANISM_PARAM_INVALID)
        return Parameter(cryptographic_parameters=mechanism.meaning, iv=iv)

    return read


def _ctr(mechanism: Mechanism, reader: Reader) -> Parameter:
    """CK_AES_CTR_PARAMS: the bits of the counter, and the first counter block."""
    bits, block = reader.ulong(), reader.take(16)
    if not 0 < bits <= 128:
        raise Failure(ReturnCode.MECHANISM_PARAM_INVALID)
    return Parameter(cryptographic_parameters=mechanism.meaning, iv=block)


def _gcm(mechanism: Mechanism, reader: Reader) -> Parameter:
    """CK_GCM_PARAMS: the IV, its bits, the additional data, the bits of the tag."""
    iv = reader.array()
    bits_of_iv, data, bits_of_tag = reader.ulong(), reader.array(), reader.ulong()
    if bits_of_iv not in (0, 8 * len(iv)) or bits_of_tag % 8 or not 32 <= bits_of_tag <= 128:
        raise Failure(ReturnCode.MECHANISM_PARAM_INVALID)
    parameters = evolve(mechanism.meaning, tag_length=bits_of_tag // 8)
    return Parameter(
        cryptographic_parameters=parameters, iv=iv, additional_data=data or None, tag_length=bits_of_tag // 8
    )


def _oaep(mechanism: Mechanism, reader: Reader) -> Parameter:
    """CK_RSA_PKCS_OAEP_PARAMS: hash, mask generator, source of the label (CKZ_DATA_SPECIFIED), label."""
    hashing = _hash_of(reader.ulong())
    mask_hash = _mask_hash_of(reader.ulong())
    source, label = reader.ulong(), reader.array()
    if source != 1 and label:
        raise Failure(ReturnCode.MECHANISM_PARAM_INVALID)
    return Parameter(
        cryptographic_parameters=evolve(
            mechanism.meaning,
            hashing_algorithm=hashing,
            mask_generator=MaskGenerator.MGF1,
            mask_generator_hashing_algorithm=mask_hash,
            p_source=label or None,
        )
    )


def _pss(mechanism: Mechanism, reader: Reader) -> Parameter:
    """CK_RSA_PKCS_PSS_PARAMS: hash, mask generator, length of the salt, which is encoded with four or eight bytes."""
    hashing, mask_hash = _hash_of(reader.ulong()), _mask_hash_of(reader.ulong())
    salt = reader.count() if reader.rest() == 4 else reader.ulong()
    if mechanism.meaning.hashing_algorithm not in (None, hashing) or salt > 512:
        raise Failure(ReturnCode.MECHANISM_PARAM_INVALID)
    return Parameter(
        cryptographic_parameters=evolve(
            mechanism.meaning,
            hashing_algorithm=hashing,
            mask_generator=MaskGenerator.MGF1,
            mask_generator_hashing_algorithm=mask_hash,
            salt_length=salt,
        )
    )


def _wrapping_iv(mechanism: Mechanism, reader: Reader) -> Parameter:
    """The initial value of a key wrap, which is always the standard's own here (RFC 3394 §2.2.3)."""
    if reader.array() not in (b"", bytes.fromhex("a6a6a6a6a6a6a6a6"), bytes.fromhex("a65959a6")):
        raise Failure(ReturnCode.MECHANISM_PARAM_INVALID)
    return Parameter(cryptographic_parameters=mechanism.meaning)


def _data_to_encrypt(with_iv: bool) -> Callable[[Mechanism, Reader], Parameter]:
    """CK_KEY_DERIVATION_STRING_DATA, or CK_AES_CBC_ENCRYPT_DATA_PARAMS, whose IV goes before the data."""

    def read(mechanism: Mechanism, reader: Reader) -> Parameter:
        iv = reader.take(16) if with_iv else None
        return Parameter(cryptographic_parameters=mechanism.meaning, iv=iv, data=reader.array())

    return read


def _hash_of(number: int) -> HashingAlgorithm:
    mechanism = MECHANISMS.get(number)
    if mechanism is None or Use.DIGEST not in mechanism.uses or mechanism.meaning.hashing_algorithm is None:
        raise Failure(ReturnCode.MECHANISM_PARAM_INVALID)
    return mechanism.meaning.hashing_algorithm


def _mask_hash_of(number: int) -> HashingAlgorithm:
    found = _MASK_GENERATORS.get(number)
    if found is None:
        raise Failure(ReturnCode.MECHANISM_PARAM_INVALID)
    return found


_MASK_GENERATORS: Final = {1: _H.SHA_1, 2: _H.SHA_256, 3: _H.SHA_384, 4: _H.SHA_512, 5: _H.SHA_224}
"""CKG_MGF1_..."""

_CIPHER: Final = frozenset({Use.ENCRYPT, Use.DECRYPT})
_WRAPPING: Final = frozenset({Use.WRAP, Use.UNWRAP})
_SIGNING: Final = frozenset({Use.SIGN, Use.VERIFY})


def _cipher(
    number: int,
    algorithm: CryptographicAlgorithm,
    mode: BlockCipherMode,
    padding: PaddingMethod | None = None,
    *,
    read: Callable[[Mechanism, Reader], Parameter] | None = None,
    expands: int = 0,
    uses: frozenset[Use] = _CIPHER,
) -> Mechanism:
    return Mechanism(
        number=number,
        uses=uses,
        meaning=CryptographicParameters(
            cryptographic_algorithm=algorithm, block_cipher_mode=mode, padding_method=padding
        ),
        read=read,
        algorithm=algorithm,
        key_lengths=(16, 32) if algorithm is _A.AES else (24, 24),
        expands=expands,
    )


def _rsa(
    number: int,
    padding: PaddingMethod,
    signature: DigitalSignatureAlgorithm | None = None,
    hashing: HashingAlgorithm | None = None,
    *,
    uses: frozenset[Use] = _SIGNING,
    read: Callable[[Mechanism, Reader], Parameter] | None = None,
) -> Mechanism:
    return Mechanism(
        number=number,
        uses=uses,
        meaning=CryptographicParameters(
            cryptographic_algorithm=_A.RSA,
            padding_method=padding,
            hashing_algorithm=hashing,
            digital_signature_algorithm=signature,
        ),
        read=read,
        algorithm=_A.RSA,
        key_lengths=(1024, 8192),
        takes_digest=hashing is None,
        in_parts=hashing is not None,
    )


def _ecdsa(number: int, hashing: HashingAlgorithm | None) -> Mechanism:
    return Mechanism(
        number=number,
        uses=_SIGNING,
        meaning=CryptographicParameters(cryptographic_algorithm=_A.ECDSA, hashing_algorithm=hashing),
        algorithm=_A.ECDSA,
        key_lengths=(192, 521),
        takes_digest=hashing is None,
        in_parts=hashing is not None,
    )


def _digest(number: int, hashing: HashingAlgorithm) -> Mechanism:
    meaning = CryptographicParameters(hashing_algorithm=hashing)
    return Mechanism(number=number, uses=frozenset({Use.DIGEST}), meaning=meaning)


def _hmac(number: int, algorithm: CryptographicAlgorithm) -> Mechanism:
    return Mechanism(
        number=number,
        uses=_SIGNING,
        meaning=CryptographicParameters(cryptographic_algorithm=algorithm),
        algorithm=algorithm,
        key_lengths=(1, 512),
        is_authentication=True,
    )


def _generates(number: int, algorithm: CryptographicAlgorithm, lengths: tuple[int, int], use: Use) -> Mechanism:
    return Mechanism(number=number, uses=frozenset({use}), algorithm=algorithm, key_lengths=lengths)


def _derives(number: int, hashing: HashingAlgorithm) -> Mechanism:
    meaning = CryptographicParameters(hashing_algorithm=hashing)
    return Mechanism(number=number, uses=frozenset({Use.DERIVE}), meaning=meaning, key_lengths=(1, 512))


_S: Final = DigitalSignatureAlgorithm
_DERIVING: Final = frozenset({Use.DERIVE})

MECHANISMS: Final[dict[int, Mechanism]] = {
    each.number: each
    for each in (
        _generates(0x0000, _A.RSA, (1024, 8192), Use.GENERATE_PAIR),
        _rsa(0x0001, _P.PKCS1_V1_5, uses=_SIGNING | _CIPHER),
        _rsa(0x0006, _P.PKCS1_V1_5, _S.SHA_1_WITH_RSA_ENCRYPTION, _H.SHA_1),
        _rsa(0x0009, _P.OAEP, uses=_CIPHER, read=_oaep),
        _rsa(0x000D, _P.PSS, read=_pss),
        _rsa(0x000E, _P.PSS, hashing=_H.SHA_1, read=_pss),
        _rsa(0x0040, _P.PKCS1_V1_5, _S.SHA_256_WITH_RSA_ENCRYPTION, _H.SHA_256),
        _rsa(0x0041, _P.PKCS1_V1_5, _S.SHA_384_WITH_RSA_ENCRYPTION, _H.SHA_384),
        _rsa(0x0042, _P.PKCS1_V1_5, _S.SHA_512_WITH_RSA_ENCRYPTION, _H.SHA_512),
        _rsa(0x0043, _P.PSS, hashing=_H.SHA_256, read=_pss),
        _rsa(0x0044, _P.PSS, hashing=_H.SHA_384, read=_pss),
        _rsa(0x0045, _P.PSS, hashing=_H.SHA_512, read=_pss),
        _rsa(0x0046, _P.PKCS1_V1_5, _S.SHA_224_WITH_RSA_ENCRYPTION, _H.SHA_224),
        _rsa(0x0047, _P.PSS, hashing=_H.SHA_224, read=_pss),
        _generates(0x0131, _A.TRIPLE_DES, (24, 24), Use.GENERATE),
        _cipher(0x0132, _A.TRIPLE_DES, _M.ECB, _P.NONE),
        _cipher(0x0133, _A.TRIPLE_DES, _M.CBC, _P.NONE, read=_iv(8)),
        _cipher(0x0136, _A.TRIPLE_DES, _M.CBC, _P.PKCS5, read=_iv(8), expands=8),
        _digest(0x0210, _H.MD5),
        _digest(0x0220, _H.SHA_1),
        _hmac(0x0221, _A.HMAC_SHA1),
        _digest(0x0250, _H.SHA_256),
        _hmac(0x0251, _A.HMAC_SHA256),
        _digest(0x0255, _H.SHA_224),
        _hmac(0x0256, _A.HMAC_SHA224),
        _digest(0x0260, _H.SHA_384),
        _hmac(0x0261, _A.HMAC_SHA384),
        _digest(0x0270, _H.SHA_512),
        _hmac(0x0271, _A.HMAC_SHA512),
        _digest(0x02B0, _H.SHA3_256),
        _digest(0x02B5, _H.SHA3_224),
        _digest(0x02C0, _H.SHA3_384),
        _digest(0x02D0, _H.SHA3_512),
        _generates(0x0350, _A.HMAC_SHA256, (1, 512), Use.GENERATE),
        _derives(0x0392, _H.SHA_1),
        _derives(0x0393, _H.SHA_256),
        _derives(0x0394, _H.SHA_384),
        _derives(0x0395, _H.SHA_512),
        _derives(0x0396, _H.SHA_224),
        _generates(0x1040, _A.ECDSA, (192, 521), Use.GENERATE_PAIR),
        _ecdsa(0x1041, None),
        _ecdsa(0x1042, _H.SHA_1),
        _ecdsa(0x1043, _H.SHA_224),
        _ecdsa(0x1044, _H.SHA_256),
        _ecdsa(0x1045, _H.SHA_384),
        _ecdsa(0x1046, _H.SHA_512),
        _generates(0x1080, _A.AES, (16, 32), Use.GENERATE),
        _cipher(0x1081, _A.AES, _M.ECB, _P.NONE),
        _cipher(0x1082, _A.AES, _M.CBC, _P.NONE, read=_iv(16)),
        _cipher(0x1085, _A.AES, _M.CBC, _P.PKCS5, read=_iv(16), expands=16),
        _cipher(0x1086, _A.AES, _M.CTR, read=_ctr),
        _cipher(0x1087, _A.AES, _M.GCM, read=_gcm, expands=16),
        _cipher(0x1104, _A.AES, _M.ECB, _P.NONE, read=_data_to_encrypt(False), uses=_DERIVING),
        _cipher(0x1105, _A.AES, _M.CBC, _P.NONE, read=_data_to_encrypt(True), uses=_DERIVING),
        _cipher(0x2104, _A.AES, _M.OFB, read=_iv(16)),
        _cipher(0x2107, _A.AES, _M.CFB, read=_iv(16)),
        _cipher(0x2109, _A.AES, _M.NIST_KEY_WRAP, read=_wrapping_iv, uses=_WRAPPING),
        _cipher(0x210A, _A.AES, _M.AES_KEY_WRAP_PADDING, read=_wrapping_iv, uses=_WRAPPING),
    )
}
"""By CKM_ number."""


def mechanism_of(number: int, use: Use, can: CryptoCapabilities) -> Mechanism:
    """Return a mechanism for this use.  Raises Failure (CKR_MECHANISM_INVALID)."""
    mechanism = MECHANISMS.get(number)
    if mechanism is None or use not in mechanism.uses or not mechanism.is_possible(can):
        raise Failure(ReturnCode.MECHANISM_INVALID)
    return mechanism
