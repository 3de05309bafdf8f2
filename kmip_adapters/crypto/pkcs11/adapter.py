"""The crypto port over a PKCS#11 token.

Secret and private keys that are made or brought in live in the token, marked sensitive and not extractable unless their
custody says otherwise; objects hold a handle, which is the CKA_ID. Public keys, certificates, secret data and keys that
were stored before the token was there are used in software, and so are hashes. A key is found again by its id; its
label begins with `kmipd:` and names the server's store, so that a token can be shared.
"""

import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kmip_adapters.crypto.pkcs11 import ciphers, derivation, mechanisms, parts, signatures
from kmip_adapters.crypto.pkcs11.journal import Journal
from kmip_adapters.crypto.pkcs11.refusals import export_refusal, refusal
from kmip_adapters.crypto.refusals import cryptographic_failure
from kmip_adapters.crypto.software import SoftwareCrypto, long_work
from kmip_adapters.crypto.software.adapter import MAXIMUM_RANDOM_BYTES
from kmip_adapters.crypto.software.keys import private_key, symmetric_bytes
from kmip_adapters.pkcs11_session.token import GENERATION_SECONDS, Token, TokenError
from kmip_core.enums import (
    BlockCipherMode,
    DerivationMethod,
    HashingAlgorithm,
    KeyFormatType,
    RecommendedCurve,
    ResultReason,
    ValidityIndicator,
)
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.errors import KmipError, invalid_attribute_value, invalid_field, need, not_supported
from kmip_core.objects import KeyBlock, KeyValue, PrivateKey, PublicKey, SecretData, SymmetricKey
from kmip_core.ports.crypto import (
    CryptoCapabilities,
    Custody,
    DecryptStream,
    DigestStream,
    Encapsulated,
    Encrypted,
    Encryption,
    EncryptStream,
    Key,
    KeyDescription,
    KeyPair,
    VerifyStream,
)
from kmip_core.ports.steps import TakesLong
from kmip_core.structures import CryptographicParameters, DerivationParameters, KeyHandle, KeyMaterial

PROVIDER: Final = "pkcs11"
PROBE_SECONDS: Final = 3.0
LABEL: Final = "kmipd:"
"""What the labels of this server's keys begin with; the name of the store follows."""

_log = logging.getLogger(__name__)

_CURVES_BY_NAME: Final = {
    "secp256r1": RecommendedCurve.P_256,
    "secp384r1": RecommendedCurve.P_384,
    "secp521r1": RecommendedCurve.P_521,
}
_CURVES_BY_LENGTH: Final[Mapping[int, ec.EllipticCurve]] = {
    256: ec.SECP256R1(),
    384: ec.SECP384R1(),
    521: ec.SECP521R1(),
}
_DEFAULT_CURVES: Final = {256: RecommendedCurve.P_256, 384: RecommendedCurve.P_384, 521: RecommendedCurve.P_521}


class Pkcs11Crypto:
    """Keys in a token.

    store: a name of the store that this server's keys belong to; part of their labels.
    journal: where unsettled keys are noted; None for a server that forgets.  left_by: journals that are taken over.
    may_wait: whether the work under way may wait for a token; if not, it is begun again at a slower pace (TakesLong).
    software: reads and writes formats; where long work of that is run is known to it.
    """

    def __init__(
        self,
        token: Token,
        *,
        store: str = "",
        journal: Path | None = None,
        left_by: Iterable[Path] = (),
        may_wait: Callable[[], bool] = lambda: True,
        software: SoftwareCrypto | None = None,
    ) -> None:
        """Log in and read what the token can do.  Raises TokenUnusable."""
        self._token = token
        self._may_wait = may_wait
        self._software = software or SoftwareCrypto()
        self._label = f"{LABEL}{store}"
        hashes = self._software.capabilities.hashing_algorithms
        self._capabilities = mechanisms.capabilities(mechanisms.read(token.open()), hashes)
        self._journal = Journal(journal, left_by)

    @property
    def capabilities(self) -> CryptoCapabilities:
        """What the token can do."""
        return self._capabilities

    def _call(self, name: str, **arguments: Any) -> Any:
        self._check_pace()
        return self._token.call(name, **arguments)

    def _check_pace(self) -> None:
        """Raise TakesLong where the work under way may not wait for a token."""
        if not self._may_wait():
            raise TakesLong

    def probe(self) -> str | None:
        """Ask the token for a few random bytes; return None, or why it cannot be used now."""
        try:
            self._token.call("ping", seconds=PROBE_SECONDS)
        except TokenError as error:
            return error.remedy or str(error)
        return None

    def close(self) -> None:
        """End the processes that hold the token's library."""
        self._token.close()

    # --- keys that come to be in the token ----------------------------------------------------------------------------

    def make_symmetric_key(self, algorithm: Algorithm, length: int, custody: Custody | None = None) -> KeyMaterial:
        """Make a key in the token; return its handle."""
        lengths = self._capabilities.symmetric_lengths.get(algorithm)
        if lengths is None:
            if algorithm in self._software.capabilities.symmetric_lengths:
                raise not_supported("the token makes AES and HMAC keys only, not keys of this algorithm")
            raise invalid_attribute_value("the Cryptographic Algorithm is not a symmetric one")
        if length not in lengths:
            raise invalid_attribute_value(f"Cryptographic Length must be one of {', '.join(map(str, lengths))} here")
        return self._new(partial(self._call, "generate", kind=_kind(algorithm), bits=length), custody)[0]

    def make_key_pair(
        self,
        algorithm: Algorithm,
        length: int | None = None,
        curve: RecommendedCurve | None = None,
        *,
        private_format: KeyFormatType | None = None,
        public_format: KeyFormatType | None = None,
        custody: Custody | None = None,
    ) -> KeyPair:
        """Make a pair in the token; return the public half, and a handle for the private one."""
        lengths = self._capabilities.key_pair_lengths.get(algorithm)
        if lengths is None:
            raise not_supported("the token makes RSA and EC pairs only, not pairs of this algorithm")
        if algorithm is Algorithm.RSA:
            if need(length, "Cryptographic Length") not in lengths:
                raise cryptographic_failure(f"Cryptographic Length must be one of {', '.join(map(str, lengths))} here")
            generate = partial(self._call, "generate_rsa", bits=length)
            bits, material_format = length, KeyFormatType.PKCS_1
        else:
            if curve is None and need(length, "Cryptographic Length, or Recommended Curve,") not in lengths:
                raise cryptographic_failure(f"Cryptographic Length must be one of {', '.join(map(str, lengths))} here")
            curve = curve or _DEFAULT_CURVES[length or 0]
            if curve not in self._capabilities.curves:
                raise not_supported("the token makes pairs on the curves P-256, P-384 and P-521 as far as it has them")
            parameters, bits = mechanisms.CURVES[curve]
            if length not in (None, bits):
                raise cryptographic_failure(f"Cryptographic Length is {length}; the curve has {bits} bits")
            generate = partial(self._call, "generate_ec", parameters=parameters)
            material_format = KeyFormatType.X_509
        handle, public_material = self._new(partial(generate, seconds=GENERATION_SECONDS), custody)
        public = PublicKey(algorithm, bits, public_material, material_format)
        if public_format not in (None, material_format):
            public = evolve(public, key_block=self._software.convert(public, public_format))
        natural = KeyFormatType.PKCS_1 if algorithm is Algorithm.RSA else KeyFormatType.PKCS_8
        private = PrivateKey(algorithm, bits, b"", private_format or natural)
        return KeyPair(private_key=_with_handle(private, handle), public_key=public)

    def import_key(self, key: Key, custody: Custody | None = None) -> Key:
        """Take in what is secret and can be used in the token; the rest stays as it is."""
        if not isinstance(key, SymmetricKey | PrivateKey) or _handle(key) is not None:
            return key
        if isinstance(key, SymmetricKey):
            return self._imported(key, self._symmetric_import(key), custody)
        # An RSA key without its primes is completed in a process: they are found by powers in Python.
        block = self._software.convert(key, KeyFormatType.PKCS_8) if long_work.is_long_to_read(key) else key.key_block
        parsed = private_key(evolve(key, key_block=block))
        if isinstance(parsed, rsa.RSAPrivateKey):
            numbers = {name: _octets(number) for name, number in _rsa_numbers(parsed).items()}
            return self._imported(key, partial(self._call, "import_rsa", numbers=numbers), custody)
        curve = _CURVES_BY_NAME.get(parsed.curve.name) if isinstance(parsed, ec.EllipticCurvePrivateKey) else None
        if curve not in self._capabilities.curves or not isinstance(parsed, ec.EllipticCurvePrivateKey):
            raise not_supported("the token takes RSA keys, and EC keys on curves that it has, not this private key")
        value = parsed.private_numbers().private_value.to_bytes(-(-parsed.key_size // 8))
        parameters = mechanisms.CURVES[curve][0]
        take = partial(self._call, "import_ec", parameters=parameters, value=value)
        return self._imported(key, take, custody)

    def _symmetric_import(self, key: SymmetricKey) -> Callable[..., Any]:
        algorithm = key.key_block.cryptographic_algorithm
        value = symmetric_bytes(key)
        if algorithm is Algorithm.AES and 8 * len(value) in self._capabilities.symmetric_lengths.get(algorithm, ()):
            kind = "AES"
        elif algorithm in self._capabilities.macs and algorithm is not Algorithm.AES:
            kind = "GENERIC_SECRET"
        else:
            raise not_supported("the token takes AES and HMAC keys only, not a key of this algorithm and length")
        return partial(self._call, "import_secret", kind=kind, value=value)

    def _imported(
        self, key: SymmetricKey | PrivateKey, take: Callable[..., Any], custody: Custody | None
    ) -> SymmetricKey | PrivateKey:
        described = self._software.describe(key)
        if described is None:
            raise cryptographic_failure("the key's material cannot be read in its format and algorithm")
        block = key.key_block
        known = evolve(
            block,
            cryptographic_algorithm=block.cryptographic_algorithm or described.algorithm,
            cryptographic_length=block.cryptographic_length or described.length,
        )
        held: SymmetricKey | PrivateKey = _with_handle(evolve(key, key_block=known), self._new(take, custody)[0])
        return held

    def derive(
        self,
        method: DerivationMethod,
        keys: Sequence[Key],
        parameters: DerivationParameters,
        length: int,
        *,
        algorithm: Algorithm | None = None,
        custody: Custody | None = None,
    ) -> KeyMaterial:
        """Derive a key in the token; return its handle."""
        if not any(_handle(key) for key in keys):
            return self._software.derive(method, keys, parameters, length)
        if method not in self._capabilities.derivation_methods:
            raise not_supported("the token does not have this Derivation Method")
        ids = [self._id(key) for key in keys]
        job = derivation.prepare(method, keys, ids, parameters, length, algorithm, self._capabilities)
        return self._new(partial(self._call, "derive", **job), custody)[0]

    def _new(self, make: Callable[..., Any], custody: Custody | None) -> tuple[KeyHandle, Any]:
        """Have the token make or take a key; return its handle, and what the call returned."""
        self._check_pace()
        key_id = secrets.token_bytes(16)
        self._journal.begin(key_id)
        try:
            leaving = {"extractable": custody.extractable, "sensitive": custody.sensitive} if custody else {}
            result = make(key_id=key_id, label=f"{self._label}:{key_id.hex()}", **leaving)
        except TokenError as error:
            self._journal.leave(key_id)  # whether the token has made it shows at the next sweep
            raise refusal(error) from None
        return KeyHandle(provider=PROVIDER, token=key_id.hex()), result

    # --- keys that leave it -------------------------------------------------------------------------------------------

    def export_key(self, key: Key) -> Key:
        """Return a key with its material, if the token gives it out."""
        key_id = self._id(key)
        if key_id is None:
            return key
        block = _block(key)
        try:
            if not isinstance(key, PrivateKey):
                held: Key = _with_material(key, bytes(self._call("value", key_id=key_id)))
                return held
            if block.cryptographic_algorithm is Algorithm.RSA:
                numbers = self._call("rsa_numbers", key_id=key_id)
                private = _rsa_key({name: int.from_bytes(value) for name, value in numbers.items()})
            else:
                private = _ec_key(block.cryptographic_length or 0, bytes(self._call("ec_value", key_id=key_id)))
        except TokenError as error:
            raise export_refusal(error) from None
        inside = PrivateKey(block.cryptographic_algorithm, block.cryptographic_length, private, KeyFormatType.PKCS_8)
        return evolve(key, key_block=self._software.convert(inside, block.key_format_type))

    def wrap_key(self, encryption: Encryption, key: Key) -> Encrypted | None:
        """Wrap a symmetric key of the token with another one of the token by NIST key wrap; leave the rest."""
        wrapping_id, key_id = self._id(encryption.key), self._id(key)
        mode = encryption.parameters.block_cipher_mode
        if None in (wrapping_id, key_id) or mode is not BlockCipherMode.NIST_KEY_WRAP or isinstance(key, PrivateKey):
            return None
        cipher = self._cipher(wrapping_id or b"", encryption, makes_iv=True)
        try:
            return cipher.wrap(key_id or b"")
        except TokenError as error:
            raise export_refusal(error) from None

    # --- what becomes of them -----------------------------------------------------------------------------------------

    def confirm_key(self, key: Key) -> None:
        """Note that the store has the key."""
        if (handle := _handle(key)) is not None:
            self._journal.keep(bytes.fromhex(handle.token))

    def doom_key(self, key: Key) -> None:
        """Note that a unit of work is about to destroy the key."""
        if (handle := _handle(key)) is not None:
            self._check_pace()  # its destruction follows the commit without a chance to slow down
            self._journal.doom(bytes.fromhex(handle.token))

    def destroy_key(self, key: Key) -> None:
        """Destroy the key in the token; what cannot be destroyed now is destroyed by the next sweep."""
        handle = _handle(key)
        if handle is not None and handle.provider == PROVIDER:
            self._destroy(bytes.fromhex(handle.token))

    def forget_read_keys(self) -> None:
        """Do nothing: keys are read by the token alone."""

    def _destroy(self, key_id: bytes) -> bool:
        try:
            self._token.call("destroy", key_id=key_id)
        except TokenError as error:
            _log.error("a key that is no longer needed stays in the token until it answers again: %s", error)
            self._journal.leave(key_id)
            return False
        self._journal.gone(key_id)
        return True

    def failures(self) -> Mapping[str, int]:
        """Return how many calls of the token failed, by the error."""
        return self._token.failures()

    def unsettled(self) -> frozenset[str]:
        """Return the handles' tokens of keys of which a failure left open whether an object has them."""
        return frozenset(key_id.hex() for key_id in self._journal.unsettled())

    def settle(self, stored: Iterable[str]) -> int:
        """Destroy the unsettled keys that are not in the store, and return how many that were.

        stored: the tokens of those that an object of the store still names.
        """
        kept = frozenset(stored)
        destroyed = 0
        for name in sorted(self.unsettled()):
            key_id = bytes.fromhex(name)
            if name in kept:
                self._journal.keep(key_id)
            else:
                destroyed += self._destroy(key_id)
        return destroyed

    # --- what a key is ------------------------------------------------------------------------------------------------

    def describe(self, key: Key) -> KeyDescription | None:
        """Return what the key is; of one in the token, what was noted when it came to be."""
        if _handle(key) is None:
            return self._software.describe(key)
        block = _block(key)
        length = block.cryptographic_length or 0
        is_curve = block.cryptographic_algorithm in mechanisms.CURVE_PAIRS
        return KeyDescription(
            algorithm=block.cryptographic_algorithm,
            length=length,
            curve=_DEFAULT_CURVES.get(length) if is_curve else None,
        )

    def convert(self, key: Key, key_format_type: KeyFormatType) -> KeyBlock:
        """Write a key in another format; what is in the token does not leave it so."""
        if _handle(key) is not None:
            raise KmipError(ResultReason.NOT_EXTRACTABLE, "the key is held by a token and does not leave it")
        return self._software.convert(key, key_format_type)

    # --- without keys -------------------------------------------------------------------------------------------------

    def random_bytes(self, length: int) -> bytes:
        """Return random bytes of the token."""
        if not 0 < length <= MAXIMUM_RANDOM_BYTES:
            raise invalid_field(f"1 to {MAXIMUM_RANDOM_BYTES} random bytes can be had at once, not {length}")
        try:
            return bytes(self._call("random", length=length))
        except TokenError as error:
            raise refusal(error) from None

    def begin_hash(self, algorithm: HashingAlgorithm) -> DigestStream:
        """Begin a digest, in software."""
        return self._software.begin_hash(algorithm)

    # --- ciphers ------------------------------------------------------------------------------------------------------

    def begin_encrypt(self, encryption: Encryption) -> EncryptStream:
        """Begin to encrypt."""
        if (key_id := self._id(encryption.key)) is None:
            return self._software.begin_encrypt(encryption)
        cipher = self._cipher(key_id, encryption, makes_iv=True)
        return parts.EncryptParts(cipher.job.iv_counter_nonce, cipher.encrypt, self._may_wait)

    def begin_decrypt(self, encryption: Encryption) -> DecryptStream:
        """Begin to decrypt."""
        key = encryption.key
        if (key_id := self._id(key)) is None:
            return self._software.begin_decrypt(encryption)
        if isinstance(key, PrivateKey):
            decrypt = partial(ciphers.decrypt_oaep, self._call, key_id, key, encryption.parameters)
            return parts.DecryptParts(lambda data, _: decrypt(data), None, self._may_wait)
        cipher = self._cipher(key_id, encryption, makes_iv=False)
        return parts.DecryptParts(cipher.decrypt, encryption.authenticated_encryption_tag, self._may_wait)

    def _cipher(self, key_id: bytes, encryption: Encryption, *, makes_iv: bool) -> ciphers.Cipher:
        if not isinstance(encryption.key, SymmetricKey):
            raise not_supported("a private key does not encrypt")
        able = self._capabilities.ciphers
        return ciphers.prepare(self._call, key_id, encryption, makes_iv=makes_iv, able=able)

    # --- signatures and codes -----------------------------------------------------------------------------------------

    def sign(self, key: Key, parameters: CryptographicParameters, data: bytes, *, digested: bool = False) -> bytes:
        """Sign in one part."""
        if (key_id := self._id(key)) is None:
            return self._software.sign(key, parameters, data, digested=digested)
        signature = self._signature(key_id, key, parameters)
        if digested:
            return signature.sign(data)
        stream = parts.SignParts(signature, self._may_wait)
        stream.update(data)
        return stream.finish()

    def begin_sign(self, key: Key, parameters: CryptographicParameters) -> DigestStream:
        """Begin to sign."""
        if (key_id := self._id(key)) is None:
            return self._software.begin_sign(key, parameters)
        return parts.SignParts(self._signature(key_id, key, parameters), self._may_wait)

    def _signature(self, key_id: bytes, key: Key, parameters: CryptographicParameters) -> signatures.Signature:
        if not isinstance(key, PrivateKey):
            raise not_supported("only a private key signs")
        return signatures.prepare(self._call, key_id, key, parameters)

    def verify(
        self,
        key: Key,
        parameters: CryptographicParameters,
        data: bytes,
        signature: bytes,
        *,
        digested: bool = False,
    ) -> ValidityIndicator:
        """Verify with a public key, in software."""
        return self._software.verify(key, parameters, data, signature, digested=digested)

    def begin_verify(self, key: Key, parameters: CryptographicParameters) -> VerifyStream:
        """Begin to verify, in software."""
        return self._software.begin_verify(key, parameters)

    def begin_mac(self, key: Key, parameters: CryptographicParameters) -> DigestStream:
        """Begin a code."""
        if (compute := self._code(key, parameters)) is None:
            return self._software.begin_mac(key, parameters)
        return parts.MacParts(compute, self._may_wait)

    def begin_verify_mac(self, key: Key, parameters: CryptographicParameters) -> VerifyStream:
        """Begin to check a code."""
        if (compute := self._code(key, parameters)) is None:
            return self._software.begin_verify_mac(key, parameters)
        return parts.VerifyMacParts(compute, self._may_wait)

    def encapsulate(self, key: Key, parameters: CryptographicParameters) -> Encapsulated:
        """Refuse: the mechanisms of PKCS#11 2.40 have none for it."""
        raise _no_encapsulation()

    def decapsulate(self, key: Key, parameters: CryptographicParameters, data: bytes) -> bytes:
        """Refuse likewise."""
        raise _no_encapsulation()

    def _code(self, key: Key, parameters: CryptographicParameters) -> Callable[[bytes], bytes] | None:
        key_id = self._id(key)
        if key_id is None:
            return None
        if not isinstance(key, SymmetricKey | SecretData):
            raise not_supported("a private key makes no message authentication code")
        zeros = KeyValue(key_material=bytes(max(1, (key.key_block.cryptographic_length or 0) // 8)))
        stand_in = evolve(key, key_block=evolve(key.key_block, key_value=zeros))
        self._software.begin_mac(stand_in, parameters)  # refuses what software refuses, in the same words
        return partial(signatures.mac, self._call, key_id, key, parameters)

    def _id(self, key: Key) -> bytes | None:
        """Return the id of a key in the token; None for one that is used in software.

        Raises KmipError (Key Value Not Present) for a key of another token.
        """
        handle = _handle(key)
        if handle is None:
            return None
        if handle.provider != PROVIDER:
            raise KmipError(ResultReason.KEY_VALUE_NOT_PRESENT, "the key is held elsewhere, not by this token")
        return bytes.fromhex(handle.token)


def _no_encapsulation() -> KmipError:
    return not_supported("key encapsulation is not offered with keys in a token")


def _block(key: Key) -> KeyBlock:
    block: KeyBlock = key.key_block  # type: ignore[union-attr]  # certificates have no handle
    return block


def _handle(key: Key) -> KeyHandle | None:
    value = key.key_block.key_value if isinstance(key, SymmetricKey | PrivateKey | SecretData) else None
    material = value.key_material if isinstance(value, KeyValue) else None
    return material if isinstance(material, KeyHandle) else None


def _with_handle(key: Any, handle: KeyHandle) -> Any:
    return evolve(key, key_block=evolve(key.key_block, key_value=KeyValue(key_material=handle)))


def _with_material(key: Any, material: bytes) -> Any:
    return evolve(key, key_block=evolve(key.key_block, key_value=KeyValue(key_material=material)))


def _kind(algorithm: Algorithm | None) -> str:
    return "AES" if algorithm is Algorithm.AES else "GENERIC_SECRET"


def _rsa_key(numbers: Mapping[str, int]) -> bytes:
    public = rsa.RSAPublicNumbers(numbers["PUBLIC_EXPONENT"], numbers["MODULUS"])
    private = rsa.RSAPrivateNumbers(
        p=numbers["PRIME_1"],
        q=numbers["PRIME_2"],
        d=numbers["PRIVATE_EXPONENT"],
        dmp1=numbers["EXPONENT_1"],
        dmq1=numbers["EXPONENT_2"],
        iqmp=numbers["COEFFICIENT"],
        public_numbers=public,
    )
    return _pkcs8(private.private_key())


def _ec_key(bits: int, value: bytes) -> bytes:
    curve = _CURVES_BY_LENGTH[bits]
    return _pkcs8(ec.derive_private_key(int.from_bytes(value), curve))


def _pkcs8(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _rsa_numbers(key: rsa.RSAPrivateKey) -> dict[str, int]:
    numbers = key.private_numbers()
    return {
        "MODULUS": numbers.public_numbers.n,
        "PUBLIC_EXPONENT": numbers.public_numbers.e,
        "PRIVATE_EXPONENT": numbers.d,
        "PRIME_1": numbers.p,
        "PRIME_2": numbers.q,
        "EXPONENT_1": numbers.dmp1,
        "EXPONENT_2": numbers.dmq1,
        "COEFFICIENT": numbers.iqmp,
    }


def _octets(number: int) -> bytes:
    return number.to_bytes(-(-number.bit_length() // 8))
