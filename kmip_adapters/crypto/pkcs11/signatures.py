"""One signature or message authentication code with a key of the token."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from kmip_adapters.crypto.pkcs11.mechanisms import MACS, hash_names
from kmip_adapters.crypto.pkcs11.refusals import refusal
from kmip_adapters.crypto.refusals import cryptographic_failure
from kmip_adapters.crypto.signature_names import SIGNATURE_ALGORITHMS
from kmip_adapters.pkcs11_session.token import TokenError
from kmip_core.classes import frozen
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import HashingAlgorithm as Hashing
from kmip_core.enums import PaddingMethod, ValidityIndicator
from kmip_core.errors import bad_parameters, invalid_field, unsupported_parameters
from kmip_core.objects import PrivateKey, SecretData, SymmetricKey
from kmip_core.structures import CryptographicParameters

Call = Callable[..., Any]
"""`Token.call`."""

_DIGEST_INFO: Final[Mapping[Hashing, bytes]] = {
    Hashing.SHA_1: bytes.fromhex("3021300906052b0e03021a05000414"),
    Hashing.SHA_224: bytes.fromhex("302d300d06096086480165030402040500041c"),
    Hashing.SHA_256: bytes.fromhex("3031300d060960864801650304020105000420"),
    Hashing.SHA_384: bytes.fromhex("3041300d060960864801650304020205000430"),
    Hashing.SHA_512: bytes.fromhex("3051300d060960864801650304020305000440"),
}
"""What stands before the digest in a PKCS#1 v1.5 signature, RFC 8017 §9.2 note 1."""


@frozen(kw_only=True)
class Signature:
    """A signature over a digest that was computed outside the token.

    family: RSA or ECDSA.  bits: of the modulus or the curve.
    """

    call: Call
    key_id: bytes
    family: Algorithm
    bits: int
    hashing: Hashing
    padding_method: PaddingMethod | None
    parameters: CryptographicParameters

    def digest(self) -> Any:
        """Return a hash object that takes the message."""
        return hashlib.new(hash_names(self.hashing)[1].lower())

    def sign(self, digest: bytes) -> bytes:
        """Return the signature: DER for ECDSA."""
        size = self.digest().digest_size
        if len(digest) != size:
            raise invalid_field(f"Digested Data has {len(digest)} bytes; this hash gives {size}")
        if self.family is Algorithm.ECDSA:
            both = self._ask("ECDSA", None, digest[: -(-self.bits // 8)])
            half = len(both) // 2
            return encode_dss_signature(int.from_bytes(both[:half]), int.from_bytes(both[half:]))
        if self.padding_method is PaddingMethod.PSS:
            return self._ask("RSA_PKCS_PSS", self._pss(size), digest)
        return self._ask("RSA_PKCS", None, _DIGEST_INFO[self.hashing] + digest)

    def _pss(self, digest_bytes: int) -> dict[str, Any]:
        parameters = self.parameters
        if parameters.trailer_field not in (None, 1):
            raise bad_parameters("Trailer Field must be 1, the standard trailer")
        longest = (self.bits + 6) // 8 - digest_bytes - 2
        salt = longest if parameters.salt_length is None else parameters.salt_length
        if not 0 <= salt <= longest:
            raise bad_parameters(f"Salt Length is {salt} bytes; 0 to {longest} go with this key and hash")
        mask = parameters.mask_generator_hashing_algorithm or self.hashing
        return {"hash": hash_names(self.hashing)[0], "mgf": hash_names(mask)[1], "salt_length": salt}

    def _ask(self, mechanism: str, parameter: Any, data: bytes) -> bytes:
        try:
            return bytes(
                self.call(
                    "sign",
                    key_id=self.key_id,
                    key_class="private",
                    mechanism=mechanism,
                    parameter=parameter,
                    data=data,
                )
            )
        except TokenError as error:
            raise refusal(error) from None


def prepare(call: Call, key_id: bytes, key: PrivateKey, parameters: CryptographicParameters) -> Signature:
    """Return how to sign.  Raises KmipError (Bad or Unsupported Cryptographic Parameters)."""
    bits = key.key_block.cryptographic_length or 0
    family = Algorithm.RSA if key.key_block.cryptographic_algorithm is Algorithm.RSA else Algorithm.ECDSA
    algorithm, padding_method = parameters.cryptographic_algorithm, parameters.padding_method
    hashing = parameters.hashing_algorithm
    if parameters.context_string:
        raise unsupported_parameters("a Context String is for ML-DSA, of which the token has no keys")
    if (stated := parameters.digital_signature_algorithm) is not None:
        if stated not in SIGNATURE_ALGORITHMS:
            raise unsupported_parameters("the token does not compute this Digital Signature Algorithm")
        implied, implied_padding, implied_hash = SIGNATURE_ALGORITHMS[stated]
        if None not in (hashing, implied_hash) and hashing is not implied_hash:
            raise bad_parameters("Hashing Algorithm is not the one of the Digital Signature Algorithm")
        algorithm, hashing = algorithm or implied, hashing or implied_hash
        padding_method = padding_method or implied_padding
    if algorithm is not None and (algorithm is Algorithm.RSA) != (family is Algorithm.RSA):
        raise bad_parameters("the key in the token is of another algorithm")
    if hashing is None and family is Algorithm.ECDSA:  # the hash whose strength is the curve's, FIPS 186-5 §6.1.1
        hashing = Hashing.SHA_256 if bits <= 256 else Hashing.SHA_384 if bits <= 384 else Hashing.SHA_512
    if hashing is None:
        raise bad_parameters("Digital Signature Algorithm, or Hashing Algorithm, must be given")
    if family is Algorithm.RSA and padding_method not in (PaddingMethod.PKCS1_V1_5, PaddingMethod.PSS):
        raise unsupported_parameters("for RSA signatures, Padding Method must be PKCS1 v1.5 or PSS")
    hash_names(hashing)
    return Signature(
        call=call,
        key_id=key_id,
        family=family,
        bits=bits,
        hashing=hashing,
        padding_method=padding_method,
        parameters=parameters,
    )


def mac(
    call: Call, key_id: bytes, key: SymmetricKey | SecretData, parameters: CryptographicParameters, data: bytes
) -> bytes:
    """Return the message authentication code."""
    own = key.key_block.cryptographic_algorithm
    algorithm = parameters.cryptographic_algorithm or own
    name = None if algorithm is None else MACS.get(algorithm)
    if name is None:
        raise unsupported_parameters("the token computes HMAC with SHA-1 and SHA-2, and CMAC with AES")
    if (algorithm is Algorithm.AES) != (own is Algorithm.AES):
        raise cryptographic_failure("the key in the token is made for another kind of code")
    try:
        return bytes(call("sign", key_id=key_id, key_class="secret", mechanism=name, parameter=None, data=data))
    except TokenError as error:
        raise refusal(error) from None


def verdict(code: bytes, expected: bytes) -> ValidityIndicator:
    """Compare two codes in constant time."""
    return ValidityIndicator.VALID if hmac.compare_digest(code, expected) else ValidityIndicator.INVALID
