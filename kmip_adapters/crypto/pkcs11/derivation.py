"""One derivation with a key of the token, whose result stays there: by encryption of the derivation data, or by ECDH.

Parameters are checked by the rules of the software adapter; the token gets what is left to do, PKCS#11 3.0 §6.43, §6.3.
"""

from collections.abc import Sequence
from typing import Any

from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kmip_adapters.crypto.pkcs11.mechanisms import CURVES
from kmip_adapters.crypto.software import cipher_jobs
from kmip_adapters.crypto.software.ciphers import check_whole_blocks
from kmip_adapters.crypto.software.derivation import split_data, too_long
from kmip_adapters.crypto.software.keys import public_key
from kmip_core.enums import BlockCipherMode as Mode
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import DerivationMethod
from kmip_core.errors import invalid_field, need, not_supported
from kmip_core.objects import KeyValue, PrivateKey, PublicKey, SymmetricKey
from kmip_core.ports.crypto import CryptoCapabilities, Encryption, Key
from kmip_core.structures import CryptographicParameters, DerivationParameters

_MECHANISMS = {Mode.ECB: "AES_ECB_ENCRYPT_DATA", Mode.CBC: "AES_CBC_ENCRYPT_DATA"}


def prepare(
    method: DerivationMethod,
    keys: Sequence[Key],
    ids: Sequence[bytes | None],
    parameters: DerivationParameters,
    length: int,
    algorithm: Algorithm | None,
    able: CryptoCapabilities,
) -> dict[str, Any]:
    """Return the arguments of the token's call.

    ids: of the keys that the token holds; None for the others.  length: bits.  algorithm: of the derived key.
    Raises KmipError as the software does for the same parameters; Feature Not Supported for what only the token lacks.
    """
    if algorithm is Algorithm.AES and length not in able.symmetric_lengths.get(algorithm, ()):
        raise not_supported("the token does not take AES keys of this length")
    if length <= 0 or length % 8:
        raise invalid_field("Cryptographic Length must be a multiple of 8")
    make = _by_encryption if method is DerivationMethod.ENCRYPT else _by_agreement
    kind = "AES" if algorithm is Algorithm.AES else "GENERIC_SECRET"
    return {**make(keys, ids, parameters, length), "kind": kind, "bits": length}


def _by_encryption(
    keys: Sequence[Key], ids: Sequence[bytes | None], parameters: DerivationParameters, length: int
) -> dict[str, Any]:
    base = keys[0]
    if not isinstance(base, SymmetricKey) or ids[0] is None or any(ids[1:]):
        raise not_supported("in the token one symmetric key encrypts the derivation data, which is outside")
    _, given = split_data(DerivationMethod.ENCRYPT, tuple(keys), parameters.derivation_data)
    data = need(given, "Derivation Data")
    how = parameters.cryptographic_parameters or CryptographicParameters()
    zeros = KeyValue(key_material=bytes((base.key_block.cryptographic_length or 0) // 8))
    stand_in = evolve(base, key_block=evolve(base.key_block, key_value=zeros))
    iv = parameters.initialization_vector  # "An empty IV is assumed", KMIP 2.1 §7.12
    job = cipher_jobs.prepare(
        Encryption(stand_in, how, iv_counter_nonce=bytes(16) if iv is None else iv), makes_iv=False
    )
    mechanism = None if job.mode is None else _MECHANISMS.get(job.mode)
    if mechanism is None or job.algorithm is not Algorithm.AES:
        raise not_supported("the token derives by encryption with AES in the modes ECB and CBC")
    if job.padding is not None:
        padder = job.padding.padder(job.block_bytes)
        data = padder.update(data) + padder.finalize()
    else:
        check_whole_blocks(job, len(data), "")
    if len(data) < length // 8:
        raise too_long(length // 8, len(data))
    parameter = {"data": data} if job.mode is Mode.ECB else {"iv": job.start, "data": data}
    return {"base_id": ids[0], "base_class": "secret", "mechanism": mechanism, "parameter": parameter}


def _by_agreement(
    keys: Sequence[Key], ids: Sequence[bytes | None], parameters: DerivationParameters, length: int
) -> dict[str, Any]:
    halves = {type(key): (key, key_id) for key, key_id in zip(keys, ids, strict=True)}
    if len(keys) != 2 or halves.keys() != {PrivateKey, PublicKey}:
        raise invalid_field("Asymmetric Key takes a private and a public key")
    (private, key_id), (public, _) = halves[PrivateKey], halves[PublicKey]
    point = public_key(public)
    bits = private.key_block.cryptographic_length or 0  # type: ignore[union-attr]  # it is no certificate
    curves = {known: curve.name for curve, (_, known) in CURVES.items()}
    if not isinstance(point, ec.EllipticCurvePublicKey) or point.key_size != bits or bits not in curves:
        raise invalid_field("both keys must be of one curve that the token has")
    whole = -(-bits // 8)
    if length > 8 * whole:
        raise too_long(length // 8, whole)
    if length < 8 * whole:  # PKCS#11 cuts a shared secret at its beginning, KMIP at its end
        raise not_supported(f"the token gives the whole shared secret; Cryptographic Length is {8 * whole} bits")
    encoded = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {
        "base_id": key_id,
        "base_class": "private",
        "mechanism": "ECDH1_DERIVE",
        "parameter": {"public": encoded},
    }
