"""One encryption or decryption with a key of the token.

Parameters are checked by the rules of the software adapter, so that a client meets the same refusals; the token gets
what is left to do.
"""

from collections.abc import Callable, Collection
from typing import Any

from attrs import evolve

from kmip_adapters.crypto.pkcs11.mechanisms import CIPHERS, hash_names
from kmip_adapters.crypto.pkcs11.refusals import decryption_refusal, refusal
from kmip_adapters.crypto.refusals import decryption_failed
from kmip_adapters.crypto.software import cipher_jobs
from kmip_adapters.crypto.software.ciphers import check_whole_blocks, split_tag
from kmip_adapters.pkcs11_session.token import TokenError
from kmip_core.classes import frozen
from kmip_core.enums import BlockCipherMode as Mode
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import HashingAlgorithm as Hashing
from kmip_core.enums import PaddingMethod
from kmip_core.errors import KmipError, invalid_field, not_supported, unsupported_parameters
from kmip_core.objects import KeyValue, PrivateKey
from kmip_core.ports.crypto import Encrypted, Encryption
from kmip_core.structures import CryptographicParameters

Call = Callable[..., Any]
"""`Token.call`."""


@frozen(kw_only=True)
class Cipher:
    """A symmetric encryption or decryption, all its parameters checked."""

    call: Call
    key_id: bytes
    job: cipher_jobs.Job

    def encrypt(self, data: bytes) -> Encrypted:
        """Return the cipher text."""
        job = self.job
        if job.mode is Mode.NIST_KEY_WRAP:
            if len(data) < 16 or len(data) % 8:
                raise invalid_field(f"data has {len(data)} bytes; key wrap takes multiples of 8 from 16 on")
            return Encrypted(data=self._ask("wrap", mechanism=self._mechanism, data=data))
        if job.mode is Mode.CTR:
            return Encrypted(data=self._counted(data), iv_counter_nonce=job.iv_counter_nonce)
        if job.padding is not None:
            padder = job.padding.padder(job.block_bytes)
            data = padder.update(data) + padder.finalize()
        else:
            check_whole_blocks(job, len(data), "")
        if not data and job.tag_bytes is None:
            return Encrypted(data=b"", iv_counter_nonce=job.iv_counter_nonce)
        sealed = self._ask("encrypt", mechanism=self._mechanism, parameter=self._parameter, data=data)
        if job.tag_bytes is None:
            return Encrypted(data=sealed, iv_counter_nonce=job.iv_counter_nonce)
        return Encrypted(
            data=sealed[: -job.tag_bytes],
            iv_counter_nonce=job.iv_counter_nonce,
            authenticated_encryption_tag=sealed[-job.tag_bytes :],
        )

    def wrap(self, key_id: bytes) -> Encrypted:
        """Return another secret key of the token, wrapped.  Raises TokenError."""
        data = self.call("wrap_key", key_id=self.key_id, mechanism=self._mechanism, wrapped=key_id)
        return Encrypted(data=bytes(data))

    def decrypt(self, data: bytes, tag: bytes | None) -> bytes:
        """Return the plain text."""
        job = self.job
        if job.mode is Mode.NIST_KEY_WRAP:
            return self._ask("unwrap", mechanism=self._mechanism, data=data, refuse=decryption_refusal)
        if job.mode is Mode.CTR:
            if tag is not None:
                raise _no_tag()
            return self._counted(data)
        parameter = self._parameter
        if job.tag_bytes is not None:
            data, tag = split_tag(job, data, tag)
            parameter, data = {**parameter, "tag_bits": 8 * len(tag)}, data + tag
        elif tag is not None:
            raise _no_tag()
        else:
            check_whole_blocks(job, len(data), "")
        if not data and job.padding is None:
            return b""
        if not data:
            raise decryption_failed()
        plain = self._ask(
            "decrypt",
            key_class="secret",
            mechanism=self._mechanism,
            parameter=parameter,
            data=data,
            refuse=decryption_refusal,
        )
        if job.padding is None:
            return plain
        unpadder = job.padding.unpadder(job.block_bytes)
        try:
            return bytes(unpadder.update(plain) + unpadder.finalize())
        except ValueError:
            raise decryption_failed() from None

    def _counted(self, data: bytes) -> bytes:
        """Encrypt or decrypt in counter mode: the token encrypts the counters, so that every token counts alike."""
        if not data:
            return b""
        size = self.job.block_bytes
        first, blocks = int.from_bytes(self.job.start), -(-len(data) // size)
        counters = b"".join(((first + number) % (1 << (8 * size))).to_bytes(size) for number in range(blocks))
        stream = self._ask("encrypt", mechanism=self._mechanism, parameter=None, data=counters)[: len(data)]
        return (int.from_bytes(data) ^ int.from_bytes(stream)).to_bytes(len(data))

    @property
    def _mechanism(self) -> str:
        return CIPHERS[self.job.algorithm, self.job.mode][0]  # type: ignore[index]  # the capabilities list only these

    @property
    def _parameter(self) -> Any:
        job = self.job
        if job.tag_bytes is not None:
            return {"nonce": job.start, "additional_data": job.additional_data, "tag_bits": 8 * job.tag_bytes}
        return {"iv": job.start} if job.start else None

    def _ask(self, name: str, refuse: Callable[[TokenError], Exception] = refusal, **arguments: Any) -> bytes:
        try:
            return bytes(self.call(name, key_id=self.key_id, **arguments))
        except TokenError as error:
            raise refuse(error) from None


def _no_tag() -> KmipError:
    return invalid_field("Authenticated Encryption Tag is for authenticated modes, such as GCM")


def prepare(
    call: Call,
    key_id: bytes,
    encryption: Encryption,
    *,
    makes_iv: bool,
    able: Collection[tuple[Algorithm, Mode | None]],
) -> Cipher:
    """Return the encryption or decryption.

    able: ciphers and modes of the token. Raises KmipError as the software does for the same parameters; Feature Not
    Supported for what only the token lacks.
    """
    key: Any = encryption.key
    zeros = KeyValue(key_material=bytes((key.key_block.cryptographic_length or 0) // 8))
    stand_in = evolve(key, key_block=evolve(key.key_block, key_value=zeros))
    job = cipher_jobs.prepare(evolve(encryption, key=stand_in), makes_iv=makes_iv)
    if (job.algorithm, job.mode) not in able:
        raise not_supported("the token does not have this cipher and mode")
    return Cipher(call=call, key_id=key_id, job=job)


def decrypt_oaep(call: Call, key_id: bytes, key: PrivateKey, parameters: CryptographicParameters, data: bytes) -> bytes:
    """Return what RSA OAEP encloses."""
    if parameters.padding_method is not PaddingMethod.OAEP:
        raise unsupported_parameters("keys in the token decrypt with Padding Method OAEP")
    size = (key.key_block.cryptographic_length or 0) // 8
    if len(data) != size:
        raise invalid_field(f"data has {len(data)} bytes; this key decrypts {size}")
    hashing = parameters.hashing_algorithm or Hashing.SHA_1
    mask = parameters.mask_generator_hashing_algorithm or hashing
    parameter = {"hash": hash_names(hashing)[0], "mgf": hash_names(mask)[1], "source": parameters.p_source or b""}
    try:
        plain = call(
            "decrypt", key_id=key_id, key_class="private", mechanism="RSA_PKCS_OAEP", parameter=parameter, data=data
        )
    except TokenError as error:
        # SoftHSM2 has OAEP with SHA-1 alone and says so as it says that data is wrong: tell the two apart by the hash.
        if error.kind in ("ArgumentsBad", "MechanismParamInvalid") and hashing is not Hashing.SHA_1:
            raise refusal(error) from None
        raise decryption_refusal(error) from None
    return bytes(plain)
