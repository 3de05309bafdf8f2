"""Sign and Signature Verify: the key's family decides how, the parameters say with which hash and padding."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import (
    dsa,
    ec,
    ed448,
    ed25519,
    mldsa,
    padding,
    rsa,
    utils,
)

from kmip_adapters.crypto.refusals import MAXIMUM_HELD_BYTES, cryptographic_failure, held_too_much
from kmip_adapters.crypto.signature_names import SIGNATURE_ALGORITHMS
from kmip_adapters.crypto.software.hashing import HASHES, known_hash
from kmip_adapters.crypto.software.keys import ParsedPrivateKey, private_key, public_key
from kmip_core.classes import define
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import HashingAlgorithm as Hashing
from kmip_core.enums import PaddingMethod, ValidityIndicator
from kmip_core.errors import bad_parameters, invalid_field, unsupported_parameters
from kmip_core.makers import maker_of
from kmip_core.ports.crypto import DigestStream, Key, VerifyStream
from kmip_core.standard_names import standard_name
from kmip_core.structures import CryptographicParameters

_HASHES: Final = frozenset(HASHES)
_OWN_HASH: Final[frozenset[Hashing]] = frozenset()
_ECDSA: Final = {known.name: ec.ECDSA(known) for known in HASHES.values()}
"""Made once: pyca asks abstract classes about each that is made."""

SIGNATURES: Final[Mapping[tuple[Algorithm, PaddingMethod | None], frozenset[Hashing]]] = {
    (Algorithm.RSA, PaddingMethod.PKCS1_V1_5): _HASHES,
    (Algorithm.RSA, PaddingMethod.PSS): _HASHES,
    (Algorithm.ECDSA, None): _HASHES,
    (Algorithm.DSA, None): _HASHES,
    (Algorithm.ED25519, None): _OWN_HASH,
    (Algorithm.ED448, None): _OWN_HASH,
    (Algorithm.ML_DSA_44, None): _OWN_HASH,
    (Algorithm.ML_DSA_65, None): _OWN_HASH,
    (Algorithm.ML_DSA_87, None): _OWN_HASH,
}
"""Family and padding -> hashes: what capabilities and documentation show."""

FAMILIES: Final[Mapping[type, Algorithm]] = {
    rsa.RSAPrivateKey: Algorithm.RSA,
    rsa.RSAPublicKey: Algorithm.RSA,
    ec.EllipticCurvePrivateKey: Algorithm.ECDSA,
    ec.EllipticCurvePublicKey: Algorithm.ECDSA,
    dsa.DSAPrivateKey: Algorithm.DSA,
    dsa.DSAPublicKey: Algorithm.DSA,
    ed25519.Ed25519PrivateKey: Algorithm.ED25519,
    ed25519.Ed25519PublicKey: Algorithm.ED25519,
    ed448.Ed448PrivateKey: Algorithm.ED448,
    ed448.Ed448PublicKey: Algorithm.ED448,
    mldsa.MLDSA44PrivateKey: Algorithm.ML_DSA_44,
    mldsa.MLDSA44PublicKey: Algorithm.ML_DSA_44,
    mldsa.MLDSA65PrivateKey: Algorithm.ML_DSA_65,
    mldsa.MLDSA65PublicKey: Algorithm.ML_DSA_65,
    mldsa.MLDSA87PrivateKey: Algorithm.ML_DSA_87,
    mldsa.MLDSA87PublicKey: Algorithm.ML_DSA_87,
}
"""pyca's class -> the family of signatures that its keys make."""

_SAID_AS: Final[Mapping[Algorithm, frozenset[Algorithm]]] = {
    Algorithm.ECDSA: frozenset({Algorithm.ECDSA, Algorithm.EC}),
    # 3.0 has names of their own for these; before it, a client can only say EC.
    Algorithm.ED25519: frozenset({Algorithm.ED25519, Algorithm.EC, Algorithm.ECDSA}),
    Algorithm.ED448: frozenset({Algorithm.ED448, Algorithm.EC, Algorithm.ECDSA}),
}
"""Family -> what a client may call it; every other family has its own name only."""


@functools.cache
def family_of(kind: type) -> Algorithm | None:
    """Return the family of a class of keys; cached because asking abstract classes is slow."""
    return next((name for known, name in FAMILIES.items() if issubclass(kind, known)), None)


@define(kw_only=True)
class Scheme:
    """How to sign or verify; nothing sets a field of it afterwards (`operation.Scope` says why).

    hash: None where the algorithm has its own.  arguments: pyca's, before the hash.
    as_it_is: the data is a digest whose hash is not given, and is signed as it is.
    """

    key: Any
    family: Algorithm
    hash: hashes.HashAlgorithm | None
    arguments: tuple[Any, ...]
    as_it_is: bool = False

    def sign(self, data: bytes, digested: bool) -> bytes:
        """Return the signature."""
        try:
            return bytes(self.key.sign(data, *self._pyca_arguments(data, digested)))
        except (ValueError, UnsupportedAlgorithm):
            raise cryptographic_failure("the key is too short for this hash and padding") from None

    def verify(self, data: bytes, signature: bytes, digested: bool) -> ValidityIndicator:
        """Return the verdict."""
        try:
            self.key.verify(signature, data, *self._pyca_arguments(data, digested))
        except (InvalidSignature, ValueError, UnsupportedAlgorithm):
            return ValidityIndicator.INVALID
        return ValidityIndicator.VALID

    def _pyca_arguments(self, data: bytes, digested: bool) -> tuple[Any, ...]:
        if self.as_it_is:
            return self._arguments_as_it_is(data)
        if self.hash is None:
            if digested:
                raise invalid_field(f"{standard_name(self.family)} signs data, not digests")
            return self.arguments
        if digested and len(data) != self.hash.digest_size:
            raise invalid_field(f"Digested Data has {len(data)} bytes; this hash gives {self.hash.digest_size}")
        if not digested:
            return (_ECDSA[self.hash.name],) if self.family is Algorithm.ECDSA else (*self.arguments, self.hash)
        algorithm = utils.Prehashed(self.hash)
        return (ec.ECDSA(algorithm),) if self.family is Algorithm.ECDSA else (*self.arguments, algorithm)

    def _arguments_as_it_is(self, data: bytes) -> tuple[Any, ...]:
        if not data:
            raise invalid_field("Digested Data has no bytes")
        if self.family is Algorithm.RSA:
            return (*self.arguments, utils.NoDigestInfo())
        digest = utils.Prehashed(_OfLength(len(data)))
        return (ec.ECDSA(digest),) if self.family is Algorithm.ECDSA else (digest,)


class _OfLength(hashes.HashAlgorithm):
    """A hash of which no more is known than how long its digests are; pyca asks for nothing else."""

    name = "unknown"
    block_size = None

    def __init__(self, digest_size: int) -> None:
        self._digest_size = digest_size

    @property
    def digest_size(self) -> int:
        return self._digest_size


def signing(
    key: Key,
    parameters: CryptographicParameters,
    digested: bool = False,
    read: Callable[[Key], ParsedPrivateKey] = private_key,
) -> Scheme:
    """Return how to sign.

    digested: the data will be a digest, so no hash needs to be known (FIPS 186-5 §6.4; PKCS#11 CKM_RSA_PKCS).
    read: returns the parsed private key.
    Raises KmipError: Bad Cryptographic Parameters where parameters and key do not go together, or Unsupported ones.
    """
    return _scheme(read(key), parameters, strict=True, digested=digested)


def verifying(key: Key, parameters: CryptographicParameters, digested: bool = False) -> Scheme:
    """Return how to verify."""
    return _scheme(public_key(key), parameters, strict=False, digested=digested)


def sign(key: Key, parameters: CryptographicParameters, data: bytes, digested: bool) -> bytes:
    """Return the signature of data, or of a digest."""
    return signing(key, parameters, digested).sign(data, digested)


def hash_of(key: Key, parameters: CryptographicParameters) -> Hashing | None:
    """Return the hash of a signature; None where the algorithm has its own."""
    digest = signing(key, parameters).hash
    return None if digest is None else next(name for name, known in HASHES.items() if known.name == digest.name)


def begin_sign(key: Key, parameters: CryptographicParameters) -> DigestStream:
    """Return the stream."""
    return _SignStream(signing(key, parameters))


def begin_verify(key: Key, parameters: CryptographicParameters) -> VerifyStream:
    """Return the stream."""
    return _VerifyStream(verifying(key, parameters))


def _scheme(parsed: Any, parameters: CryptographicParameters, *, strict: bool, digested: bool) -> Scheme:
    """Return how a key signs or verifies; what was settled before for such keys and parameters is not settled again.

    That is for parameters that say the hash, else the curve may decide; and without fields that hardly any have.
    """
    depends_on = (
        parsed.__class__,
        parameters.cryptographic_algorithm,
        parameters.padding_method,
        parameters.hashing_algorithm,
        parameters.digital_signature_algorithm,
        parameters.mask_generator_hashing_algorithm,
        parameters.salt_length,
        parameters.trailer_field,
        strict,
        digested,
    )
    settled = _settled.get(depends_on) if parameters.context_string is None else None
    if settled is not None:
        family, digest, arguments = settled
        return _make_scheme(key=parsed, family=family, hash=digest, arguments=arguments)
    scheme = _settle(parsed, parameters, strict=strict, digested=digested)
    if scheme.hash is not None and parameters.context_string is None and _stated(parameters)[2] is not None:
        if len(_settled) >= _MOST_SETTLED:
            _settled.clear()
        _settled[depends_on] = scheme.family, scheme.hash, scheme.arguments
    return scheme


_make_scheme: Final = maker_of(Scheme)

_MOST_SETTLED: Final = 256
_settled: Final[dict[tuple[object, ...], tuple[Algorithm, hashes.HashAlgorithm, tuple[Any, ...]]]] = {}
"""By what it depends on. A client chooses some of the numbers in there: when the room is full all is forgotten."""


def _settle(parsed: Any, parameters: CryptographicParameters, *, strict: bool, digested: bool) -> Scheme:
    family = family_of(parsed.__class__)
    if family is None:
        raise invalid_field("keys of this kind agree or encapsulate; they do not sign")
    algorithm, padding_method, hashing = _stated(parameters)
    if algorithm not in _SAID_AS.get(family, {family}):
        if strict and algorithm is not None:
            raise bad_parameters(
                f"the key is a {standard_name(family)} key; it cannot sign by {standard_name(algorithm)}"
            )
        padding_method = padding_method if algorithm is None else None
    context = _context(family, parameters)
    if (family, None) in SIGNATURES and not SIGNATURES[family, None]:
        return Scheme(key=parsed, family=family, hash=None, arguments=context)
    if hashing is None and digested and (family is not Algorithm.RSA or padding_method in _TAKES_A_DIGEST_AS_IT_IS):
        arguments: tuple[Any, ...] = (padding.PKCS1v15(),) if family is Algorithm.RSA else ()
        return Scheme(key=parsed, family=family, hash=None, arguments=arguments, as_it_is=True)
    if hashing is None and family is Algorithm.ECDSA:
        hashing = _hash_of_curve(parsed.curve.key_size)
    if hashing is None:
        raise bad_parameters("Digital Signature Algorithm, or Hashing Algorithm, must be given")
    digest = known_hash(hashing)
    arguments = ()
    if family is Algorithm.RSA:
        make = _RSA_PADDINGS.get(padding_method or PaddingMethod.NONE)
        if make is None:
            raise unsupported_parameters("for RSA signatures, Padding Method must be PKCS1 v1.5 or PSS")
        arguments = (make(parameters, digest, padding.PSS.MAX_LENGTH if strict else padding.PSS.AUTO),)
    return Scheme(key=parsed, family=family, hash=digest, arguments=arguments)


def _context(family: Algorithm, parameters: CryptographicParameters) -> tuple[bytes, ...]:
    """Return pyca's argument for the Context String, if there is one; an empty one is none (FIPS 204 §5.2)."""
    context = parameters.context_string
    if not context:
        return ()
    if family not in TAKES_A_CONTEXT:
        raise unsupported_parameters(f"a Context String is for ML-DSA, not for {standard_name(family)}")
    if len(context) > LONGEST_CONTEXT:
        raise bad_parameters(f"a Context String has {LONGEST_CONTEXT} bytes at most")
    return (context,)


TAKES_A_CONTEXT: Final = frozenset({Algorithm.ML_DSA_44, Algorithm.ML_DSA_65, Algorithm.ML_DSA_87})
LONGEST_CONTEXT: Final = 255
"""Bytes. FIPS 204 §5.2."""


def _stated(
    parameters: CryptographicParameters,
) -> tuple[Algorithm | None, PaddingMethod | None, Hashing | None]:
    """Return algorithm, padding and hash, from the Digital Signature Algorithm and beside it; all must agree."""
    algorithm = parameters.cryptographic_algorithm
    padding_method, hashing = parameters.padding_method, parameters.hashing_algorithm
    stated = parameters.digital_signature_algorithm
    if stated is None:
        return algorithm, padding_method, hashing
    implied = SIGNATURE_ALGORITHMS.get(stated)
    if implied is None:
        raise unsupported_parameters(f"{standard_name(stated)} is not a signature algorithm that can be computed here")
    family, implied_padding, implied_hash = implied
    if algorithm is not None and algorithm not in _SAID_AS.get(family, {family}):
        raise bad_parameters(f"{standard_name(algorithm)} is not the algorithm of {standard_name(stated)}")
    if None not in (hashing, implied_hash) and hashing is not implied_hash:
        raise bad_parameters(f"Hashing Algorithm is not the one of {standard_name(stated)}")
    if None not in (padding_method, implied_padding) and padding_method is not implied_padding:
        # "SHA-256 with RSA Encryption" beside PSS: PyKMIP's clients say it so and mean PSS with that hash.
        implied_padding = padding_method
    return family, implied_padding or padding_method, implied_hash or hashing


_TAKES_A_DIGEST_AS_IT_IS: Final = (None, PaddingMethod.NONE, PaddingMethod.PKCS1_V1_5)
"""Padding Methods of RSA that need no hash: block type 1 over the bytes, without a DigestInfo."""


def _hash_of_curve(bits: int) -> Hashing:
    """Return the hash whose strength is the curve's; FIPS 186-5 §6.1.1."""
    return Hashing.SHA_256 if bits <= 256 else Hashing.SHA_384 if bits <= 384 else Hashing.SHA_512


def _pss(parameters: CryptographicParameters, digest: hashes.HashAlgorithm, any_salt: Any) -> padding.AsymmetricPadding:
    mask = parameters.mask_generator_hashing_algorithm
    salt = parameters.salt_length
    if salt is not None and not 0 <= salt <= 1024:
        raise bad_parameters(f"Salt Length is {salt} bytes; 0 to 1024 are possible")
    if parameters.trailer_field not in (None, 1):
        raise bad_parameters("Trailer Field must be 1, the standard trailer")
    # Left out, the longest salt, as in the signatures of the official cases CS-AC-M-2 (222 bytes) and in PyKMIP; and
    # the mask generator's hash is the message's, as in the same signatures.
    return padding.PSS(
        mgf=padding.MGF1(digest if mask is None else known_hash(mask)),
        salt_length=any_salt if salt is None else salt,
    )


_RSA_PADDINGS: Final[
    Mapping[
        PaddingMethod,
        Callable[[CryptographicParameters, hashes.HashAlgorithm, Any], padding.AsymmetricPadding],
    ]
] = {PaddingMethod.PKCS1_V1_5: lambda *_: padding.PKCS1v15(), PaddingMethod.PSS: _pss}


class _Gathered:
    """Takes the message in parts: as a digest, or whole where the algorithm hashes for itself."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self._context = None if scheme.hash is None else hashes.Hash(scheme.hash)
        self._whole = bytearray()

    def update(self, data: bytes) -> None:
        if self._context is not None:
            self._context.update(data)
            return
        if len(self._whole) + len(data) > MAXIMUM_HELD_BYTES:
            raise held_too_much()
        self._whole += data

    @property
    def held_bytes(self) -> int:
        return len(self._whole)

    def _message(self) -> bytes:
        return bytes(self._whole) if self._context is None else self._context.finalize()


class _SignStream(_Gathered):
    """Signs at the end."""

    def finish(self) -> bytes:
        return self._scheme.sign(self._message(), digested=self._context is not None)


class _VerifyStream(_Gathered):
    """Verifies at the end."""

    def finish(self, expected: bytes) -> ValidityIndicator:
        return self._scheme.verify(self._message(), expected, digested=self._context is not None)
