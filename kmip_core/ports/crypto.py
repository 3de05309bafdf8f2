"""Cryptography, role by role: what operations ask of whatever holds and uses keys.

Keys go in as content (`SymmetricKey`, `PrivateKey`, ...) whose material is bytes, a transparent structure, or a
`KeyHandle` that only the adapter that made it resolves: software and tokens share one port. Parameters go in as
`CryptographicParameters` in which the operation has already merged the request's and the key's; a Cryptographic
Algorithm left out means the key's own. An adapter says what it can do in `capabilities` and refuses the rest.
What can come in parts is a stream; `kmip_core.one_part` feeds one whose data is all there. Sign and Verify have a form
of their own for that, since a digest cannot come in parts.

What every role promises:
- Re-entrant; no state but the streams it hands out. A stream serves one caller at a time and ends with `finish`.
- `KmipError` only. Invalid Field for what is missing or misshapen, with a text that says what would do; Invalid
  Attribute Value for an algorithm or curve of which no key is made, since attributes ask for them; Bad Cryptographic
  Parameters for incomplete or contradictory ones, Unsupported Cryptographic Parameters for what is not known here;
  Feature Not Supported for a role that the adapter does not have; Cryptographic Failure for a key that does not fit its
  algorithm, and for data that does not decrypt (one reason and one text for bad padding, bad tag and RSA alike);
  Key Value Not Present for a key without material; Server Limit Exceeded for a stream that grew too long.
- Costs that a client can choose are bounded before work begins.

What no role promises: that a key may be used (state, dates, mask and policy were judged in admission), secrecy of
lengths, or equal time for messages of different length.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, TypeAlias

from attrs import field

from kmip_core.classes import define, frozen
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    DerivationMethod,
    HashingAlgorithm,
    KEMAlgorithm,
    KeyFormatType,
    PaddingMethod,
    RecommendedCurve,
    ValidityIndicator,
)
from kmip_core.objects import Certificate, KeyBlock, PrivateKey, PublicKey, SecretData, SymmetricKey
from kmip_core.structures import CryptographicParameters, DerivationParameters, KeyMaterial

Key: TypeAlias = SymmetricKey | PublicKey | PrivateKey | SecretData | Certificate
"""Content that can be used: a certificate stands for the public key in it, secret data for a MAC or derivation key."""


# --- what an adapter can do, and what comes out --------------------------------------------------------------------


@frozen(kw_only=True)
class CryptoCapabilities:
    """What an adapter can do, as data for refusals, Query, the documentation and the contract tests.

    symmetric_lengths: algorithms of keys that can be made, with their lengths in bits.
    key_pair_lengths: the same for pairs; for elliptic curves the lengths for which no curve need be named.
    curves: what may be named as Recommended Curve for a pair.
    ciphers: (algorithm, mode) -> padding methods; mode None for ciphers that have no modes, PaddingMethod.NONE where
        no padding is needed.
    whole_tags_only: those of the ciphers that take no Tag Length but the longest.
    signatures: (algorithm, padding) -> hashes; empty where the algorithm fixes its own.
    encapsulations: mechanism -> algorithms of the keys that it takes.
    exports_key_material: False when new secret keys live behind handles unless a `Custody` says otherwise.
    holds_keys: True when secret keys may live behind handles.
    extractable: whether a key behind a handle can be made so that it may leave.
    blocking: True when even short calls may wait (a token): they must not run on an event loop.
    """

    symmetric_lengths: Mapping[CryptographicAlgorithm, Sequence[int]] = field(factory=dict)
    key_pair_lengths: Mapping[CryptographicAlgorithm, Sequence[int]] = field(factory=dict)
    curves: frozenset[RecommendedCurve] = frozenset()
    ciphers: Mapping[tuple[CryptographicAlgorithm, BlockCipherMode | None], frozenset[PaddingMethod]] = field(
        factory=dict
    )
    whole_tags_only: frozenset[tuple[CryptographicAlgorithm, BlockCipherMode | None]] = frozenset()
    signatures: Mapping[tuple[CryptographicAlgorithm, PaddingMethod | None], frozenset[HashingAlgorithm]] = field(
        factory=dict
    )
    macs: frozenset[CryptographicAlgorithm] = frozenset()
    hashing_algorithms: frozenset[HashingAlgorithm] = frozenset()
    derivation_methods: frozenset[DerivationMethod] = frozenset()
    encapsulations: Mapping[KEMAlgorithm, frozenset[CryptographicAlgorithm]] = field(factory=dict)
    exports_key_material: bool = True
    holds_keys: bool = False
    extractable: bool = False
    blocking: bool = False


@frozen(kw_only=True)
class Custody:
    """Where a new key is kept, and whether it may leave a token.

    in_token: behind a handle; False for a key whose material the store keeps.
    extractable: the token may give it out.  sensitive: wrapped only.
    """

    in_token: bool
    extractable: bool = False
    sensitive: bool = True


IN_SOFTWARE: Final = Custody(in_token=False)
"""For keys that this server must read itself."""


@frozen(kw_only=True)
class KeyPair:
    """Both halves of a new pair, with algorithm, length and format in their key blocks."""

    private_key: PrivateKey
    public_key: PublicKey


@frozen(kw_only=True)
class KeyDescription:
    """What key material is, whatever its format.

    algorithm: read from the material where it says; else the key block's, or None.
    length: bits, as Cryptographic Length counts them: of material, modulus or curve.
    """

    algorithm: CryptographicAlgorithm | None
    length: int
    curve: RecommendedCurve | None = None


@define
class Encryption:
    """How data is encrypted, or was; nothing sets a field of it afterwards (`operation.Scope` says why).

    iv_counter_nonce: None for Encrypt to make one where the mode needs it.
    additional_data: authenticated beside the data.
    authenticated_encryption_tag: for Decrypt, where it is known at the beginning.
    """

    key: Key
    parameters: CryptographicParameters
    iv_counter_nonce: bytes | None = field(default=None, kw_only=True)
    additional_data: bytes | None = field(default=None, kw_only=True)
    authenticated_encryption_tag: bytes | None = field(default=None, kw_only=True)


@define(kw_only=True)
class Encrypted:
    """What Encrypt returns; nothing sets a field of it afterwards.

    data: the cipher text, or its last part; never with the tag in it.
    iv_counter_nonce: what Decrypt will need; None where the mode takes none.
    authenticated_encryption_tag: apart from the data. (Below KMIP 1.4 the message has no field for it: the codec of
        those versions appends it to the data, and Decrypt takes it from there.)
    """

    data: bytes
    iv_counter_nonce: bytes | None = None
    authenticated_encryption_tag: bytes | None = None


@frozen(kw_only=True)
class Encapsulated:
    """What Encapsulate returns.  data: for the peer, who has the private key.  shared_secret: what both have then."""

    data: bytes
    shared_secret: bytes = field(repr=False)


# --- streams: one operation, over one or several messages -----------------------------------------------------------
# A stream that keeps back what it takes says how much in a property `held_bytes`; one whose next part takes longer than
# the pace of the work under way allows says so in `needs_slower_pace`. The others need neither. One that encrypts
# faster what it is given whole has a method `at_once`, which does what `update` and `finish` do together.


class EncryptStream(Protocol):
    """An Encrypt under way."""

    @property
    def iv_counter_nonce(self) -> bytes | None:
        """What was given or made at the beginning; it belongs into the first answer."""
        ...

    def update(self, data: bytes) -> bytes:
        """Take a part; return what is ready, which may be nothing."""
        ...

    def finish(self) -> Encrypted:
        """Return the rest, padding included, and the tag."""
        ...


class DecryptStream(Protocol):
    """A Decrypt under way."""

    def update(self, data: bytes) -> bytes:
        """Take a part; return what is ready. Authenticated modes return nothing before `finish`."""
        ...

    def finish(self, authenticated_encryption_tag: bytes | None = None) -> bytes:
        """Return the rest, once padding or tag have proved right; the tag may also have been given at the beginning."""
        ...


class DigestStream(Protocol):
    """A Hash, MAC or Sign under way."""

    def update(self, data: bytes) -> None:
        """Take a part."""
        ...

    def finish(self) -> bytes:
        """Return the digest, MAC or signature."""
        ...


class VerifyStream(Protocol):
    """A MAC Verify or Signature Verify under way."""

    def update(self, data: bytes) -> None:
        """Take a part."""
        ...

    def finish(self, expected: bytes) -> ValidityIndicator:
        """Return whether `expected` is the MAC or a signature of all that was taken."""
        ...


# --- roles ---------------------------------------------------------------------------------------------------------


class KeyMaker(Protocol):
    """Makes symmetric keys."""

    def make_symmetric_key(
        self, algorithm: CryptographicAlgorithm, length: int, custody: Custody | None = None
    ) -> KeyMaterial:
        """Return fresh material for a key of `length` bits, raw bytes or a handle.

        custody: None for where the adapter keeps keys usually; so in the other roles.

        Raises KmipError (Invalid Attribute Value) for an algorithm that is not symmetric or a length that it does not
        have; the text says which lengths would be accepted.
        """
        ...


class KeyPairMaker(Protocol):
    """Makes key pairs. Slow: up to seconds for RSA-4096 and DSA; never call it under a lock or on an event loop."""

    def make_key_pair(
        self,
        algorithm: CryptographicAlgorithm,
        length: int | None = None,
        curve: RecommendedCurve | None = None,
        *,
        private_format: KeyFormatType | None = None,
        public_format: KeyFormatType | None = None,
        custody: Custody | None = None,
    ) -> KeyPair:
        """Return a fresh pair; custody: of the private key.

        length: bits; may be left out where a curve or the algorithm itself says it, and must agree where both do.
        Formats: left out, PKCS#1 for RSA (clients.md 17, KMIP 2.1 §4.26), X.509 and PKCS#8 for the rest; a private key
        behind a handle has no format to choose.
        Raises KmipError: Invalid Attribute Value for an algorithm or curve that cannot be had; Cryptographic Failure
        for a length (PyKMIP's reason); Key Format Type Not Supported for a format that the key cannot take.
        """
        ...


class KeyKeeper(Protocol):
    """Takes keys in that clients bring, and lets go of keys that are destroyed."""

    def import_key(self, key: Key, custody: Custody | None = None) -> Key:
        """Return the content to store: the key itself, or one whose material is a handle.

        Public keys, certificates and secret data are stored as they are by every adapter.
        Raises KmipError: Feature Not Supported for a key that a token could not use; Cryptographic Failure for one that
        it cannot read.
        """
        ...

    def export_key(self, key: Key) -> Key:
        """Return the key with its material; the key itself if it is behind no handle.

        Raises KmipError (Not Extractable) for a key that may not leave, or only wrapped.
        """
        ...

    def confirm_key(self, key: Key) -> None:
        """Take note that the store has the key: its making is committed, or its destruction is not.

        An adapter whose keys outlive a crash notes what it makes and what is doomed, and after a crash asks the store
        about what was neither confirmed nor destroyed. Nothing happens for other material.
        """
        ...

    def doom_key(self, key: Key) -> None:
        """Take note, durably, that a unit of work is about to destroy the key; `destroy_key` or `confirm_key` follows.

        Raises KmipError if that cannot be noted: the destruction must then not be committed.
        """
        ...

    def destroy_key(self, key: Key) -> None:
        """Let go of what a handle stands for; nothing happens for other material or a handle already gone.

        Call it after the destruction has been committed: it cannot be taken back.
        """
        ...

    def forget_read_keys(self) -> None:
        """Let go of all keys that are kept in memory only because requests may use them again, as one was destroyed."""
        ...


class KeyConverter(Protocol):
    """Knows what key material is, and the forms in which the same key can be written."""

    def describe(self, key: Key) -> KeyDescription | None:
        """Return what the material is, or None if this adapter cannot read it, because it is broken or unknown.

        What cannot be read may still be stored and returned (RULINGS 22). The caller compares the description with
        what the client said.
        """
        ...

    def convert(self, key: Key, key_format_type: KeyFormatType) -> KeyBlock:
        """Return the key's block with its material in another format.

        Raises KmipError: Key Format Type Not Supported where that key has no such form; Not Extractable for a key that
        lives behind a handle.
        """
        ...


class RandomSource(Protocol):
    """Random bytes for clients."""

    def random_bytes(self, length: int) -> bytes:
        """Return `length` bytes from the operating system or the token, 1 to 65,536 at once."""
        ...


class Hasher(Protocol):
    """Computes digests."""

    def begin_hash(self, algorithm: HashingAlgorithm) -> DigestStream:
        """Begin a digest.  Raises KmipError (Unsupported Cryptographic Parameters) for an unknown algorithm."""
        ...


class Cipher(Protocol):
    """Encrypts and decrypts, with symmetric keys and with RSA.

    Read from the parameters: Cryptographic Algorithm, Block Cipher Mode, Padding Method (absent: none; it counts for
    CBC and ECB, the other modes need none), IV Length (for an IV to be made: bits, or bytes if below 64, as clients
    say it; not for GCM, whose made nonces have 96 bits), Tag Length (bytes; absent: 16; General Failure for one that
    the mode does not have), Counter Length and Initial Counter Value (CTR and ChaCha20 with a short nonce); for RSA
    Padding Method (OAEP or PKCS1 v1.5), Hashing Algorithm, Mask Generator Hashing Algorithm, P Source.

    Where the mode needs an IV and none is given, Encrypt makes one (12 bytes for the authenticated modes) and Decrypt
    refuses with Invalid Message (RULINGS 13).  Additional data and tags are for authenticated modes only.
    """

    def begin_encrypt(self, encryption: Encryption) -> EncryptStream:
        """Begin an Encrypt; modes that need everything at once gather it, up to a limit.

        Raises KmipError (Cryptographic Failure) if the key is not one of the algorithm, or has a length that algorithm
        and mode do not take.
        """
        ...

    def begin_decrypt(self, encryption: Encryption) -> DecryptStream:
        """Begin a Decrypt; plain text of authenticated modes is held back, up to a limit.

        An authenticated mode takes its tag from the end of the data when it is not given (KMIP below 1.4). A tag
        shorter than 12 bytes must be announced by Tag Length, so that a client cannot shorten one.
        RSA with PKCS1 v1.5: broken padding gives meaningless bytes instead of an error (implicit rejection).
        Raises KmipError (Cryptographic Failure, "decryption failed") for bad padding, a wrong tag or failed OAEP.
        """
        ...


class KeyWrapper(Protocol):
    """Wraps a key of a token for a client, without its material passing through this server."""

    def wrap_key(self, encryption: Encryption, key: Key) -> Encrypted | None:
        """Return the material of `key` as `encryption` encrypts it; None for keys and modes that it does not do so.

        The caller then exports the key and encrypts it.
        Raises KmipError (Not Extractable) for a key that may not leave.
        """
        ...


class Signer(Protocol):
    """Signs and verifies.

    Read from the parameters: Digital Signature Algorithm, or Cryptographic Algorithm and Hashing Algorithm (all that
    are given must agree); for RSA Padding Method (PKCS1 v1.5 or PSS; a Digital Signature Algorithm implies it), Salt
    Length (absent: the longest possible, and any when verifying), Mask Generator Hashing Algorithm (absent: the hash),
    Trailer Field (1). ECDSA without a hash takes the one of its curve's size. ECDSA and DSA signatures are DER.
    `digested`: data is already the digest (Digested Data); not for EdDSA and ML-DSA, which hash twice. A stated hash
    must have its length; without one, DSA and ECDSA sign any length, and RSA (but for PSS) the bytes as they are.
    """

    def sign(self, key: Key, parameters: CryptographicParameters, data: bytes, *, digested: bool = False) -> bytes:
        """Return the signature by a private key.  Raises KmipError (Invalid Field) if the key is of another kind."""
        ...

    def verify(
        self,
        key: Key,
        parameters: CryptographicParameters,
        data: bytes,
        signature: bytes,
        *,
        digested: bool = False,
    ) -> ValidityIndicator:
        """Return VALID or INVALID; a signature of the wrong size or shape is INVALID, not an error.

        The key decides the algorithm: a Cryptographic Algorithm of another kind is overlooked (official case
        CS-AC-M-3-ECC verifies an ECDSA signature as "RSA, PSS").
        """
        ...

    def begin_sign(self, key: Key, parameters: CryptographicParameters) -> DigestStream:
        """Begin a signature in parts."""
        ...

    def begin_verify(self, key: Key, parameters: CryptographicParameters) -> VerifyStream:
        """Begin a verification in parts."""
        ...


class Authenticator(Protocol):
    """Makes and checks message authentication codes.

    Cryptographic Algorithm says which: HMAC-x gives HMAC with that hash, a block cipher gives CMAC. HMAC takes any key;
    CMAC takes a key of its cipher. Codes are compared in constant time and in full length.
    """

    def begin_mac(self, key: Key, parameters: CryptographicParameters) -> DigestStream:
        """Begin a code.  Raises KmipError (Unsupported Cryptographic Parameters) for RC4, say."""
        ...

    def begin_verify_mac(self, key: Key, parameters: CryptographicParameters) -> VerifyStream:
        """Begin a check."""
        ...


class Deriver(Protocol):
    """Derives keys and secrets from others. KMIP 2.1 §6.1.14, §7.12."""

    def derive(
        self,
        method: DerivationMethod,
        keys: Sequence[Key],
        parameters: DerivationParameters,
        length: int,
        *,
        algorithm: CryptographicAlgorithm | None = None,
        custody: Custody | None = None,
    ) -> KeyMaterial:
        """Return material of `length` bits (a multiple of 8), raw bytes or a handle.

        algorithm: what the derived key is for; a token notes it with the key. What is derived from a key behind a
        handle is behind one as well; custody says whether it may leave.

        keys: the base objects in the request's order. The first is the derivation key; a further Secret Data is the
        derivation data, which then must not be given as well; Asymmetric Key takes a private and a public key.
        Iterations are bounded (10,000,000 blocks of work for PBKDF2), and so is the length (65,536 bits).
        Raises KmipError: Cryptographic Failure if the method's output is shorter than `length`; Invalid Field for what
        is missing, given twice, or unknown.
        """
        ...


class Encapsulator(Protocol):
    """Agrees on secrets by key encapsulation. KMIP 3.0 §6.1.22, §6.1.15.

    Read from the parameters: KEM Algorithm; absent, the one that the key is for: MLKEM (FIPS 203), RSASVE (NIST
    SP 800-56B §7.2.1; the secret is as long as the modulus) or DHKEM (RFC 9180 §4.1, hash and length by the curve).
    What an RSA key decapsulates is the number that it makes of the client's, so it is as good as a signature or a
    decryption; the caller judges which keys may do it.
    """

    def encapsulate(self, key: Key, parameters: CryptographicParameters) -> Encapsulated:
        """Return a fresh secret and what a peer decapsulates it from, with its public key or certificate.

        Raises KmipError: Invalid Field if the key is of another kind; Bad Cryptographic Parameters for a mechanism that
        is not for the key's algorithm; Unsupported Cryptographic Parameters for a curve that the mechanism lacks.
        """
        ...

    def decapsulate(self, key: Key, parameters: CryptographicParameters, data: bytes) -> bytes:
        """Return the secret.  ML-KEM: for data of another key a secret of its own (implicit rejection).

        Raises KmipError besides: Invalid Field for data of another length; Cryptographic Failure for data that is no
        point on the curve, or no number below the modulus.
        """
        ...


class Crypto(
    KeyMaker,
    KeyPairMaker,
    KeyKeeper,
    KeyConverter,
    RandomSource,
    Hasher,
    Cipher,
    KeyWrapper,
    Signer,
    Authenticator,
    Deriver,
    Encapsulator,
    Protocol,
):
    """Everything."""

    @property
    def capabilities(self) -> CryptoCapabilities:
        """What this adapter can do; the same for its whole life."""
        ...
