"""The published known answers again, each through its KMIP operation: admission, key from the store, parameters."""

from collections.abc import Sequence
from typing import Any

import pytest

from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_core.attributes import Attributes
from kmip_core.enums import DerivationMethod, HashingAlgorithm, ObjectType, Operation, ValidityIndicator
from kmip_core.operations import decrypt, derive_key, encrypt, get, mac, mac_verify, sign, signature_verify
from kmip_core.operations import hash as hash_
from kmip_core.ports.crypto import Encrypted, Key
from kmip_core.structures import CryptographicParameters, DerivationParameters
from tests.builders import an_engine, perform
from tests.contract.test_crypto_vectors import *  # noqa: F403  the same tests, with the `crypto` of this module
from tests.unit.kmip_core.operations.usable_keys import a_stored


class ThroughOperations(SoftwareCrypto):
    """Does what the port promises by asking an engine, which has the key in its store."""

    def hash(self, algorithm: HashingAlgorithm, data: bytes) -> bytes:
        """Ask for Hash."""
        how = CryptographicParameters(hashing_algorithm=algorithm)
        digest: bytes = perform(
            an_engine(), Operation.HASH, hash_.Request(cryptographic_parameters=how, data=data)
        ).data
        return digest

    def encrypt(
        self,
        key: Key,
        parameters: CryptographicParameters,
        data: bytes,
        *,
        iv_counter_nonce: bytes | None = None,
        additional_data: bytes | None = None,
    ) -> Encrypted:
        """Ask for Encrypt."""
        response = asked(
            key,
            Operation.ENCRYPT,
            encrypt.Request,
            parameters,
            data=data,
            iv_counter_nonce=iv_counter_nonce,
            authenticated_encryption_additional_data=additional_data,
        )
        return Encrypted(
            data=response.data,
            iv_counter_nonce=iv_counter_nonce or response.iv_counter_nonce,
            authenticated_encryption_tag=response.authenticated_encryption_tag,
        )

    def decrypt(
        self,
        key: Key,
        parameters: CryptographicParameters,
        data: bytes,
        *,
        iv_counter_nonce: bytes | None = None,
        additional_data: bytes | None = None,
        authenticated_encryption_tag: bytes | None = None,
    ) -> bytes:
        """Ask for Decrypt."""
        response = asked(
            key,
            Operation.DECRYPT,
            decrypt.Request,
            parameters,
            data=data,
            iv_counter_nonce=iv_counter_nonce,
            authenticated_encryption_additional_data=additional_data,
            authenticated_encryption_tag=authenticated_encryption_tag,
        )
        plain: bytes = response.data
        return plain

    def sign(self, key: Key, parameters: CryptographicParameters, data: bytes, *, digested: bool = False) -> bytes:
        """Ask for Sign."""
        signature: bytes = asked(
            key, Operation.SIGN, sign.Request, parameters, **{"digested_data" if digested else "data": data}
        ).signature_data
        return signature

    def verify(
        self,
        key: Key,
        parameters: CryptographicParameters,
        data: bytes,
        signature: bytes,
        *,
        digested: bool = False,
    ) -> ValidityIndicator:
        """Ask for Signature Verify."""
        told = {"digested_data" if digested else "data": data, "signature_data": signature}
        response = asked(key, Operation.SIGNATURE_VERIFY, signature_verify.Request, parameters, **told)
        return ValidityIndicator(response.validity_indicator)

    def mac(self, key: Key, parameters: CryptographicParameters, data: bytes) -> bytes:
        """Ask for MAC."""
        code: bytes = asked(key, Operation.MAC, mac.Request, parameters, data=data).mac_data
        return code

    def verify_mac(self, key: Key, parameters: CryptographicParameters, data: bytes, mac: bytes) -> ValidityIndicator:
        """Ask for MAC Verify."""
        response = asked(key, Operation.MAC_VERIFY, mac_verify.Request, parameters, data=data, mac_data=mac)
        return ValidityIndicator(response.validity_indicator)

    def derive(  # type: ignore[override]  # Derive Key has no words for the rest
        self, method: DerivationMethod, keys: Sequence[Key], parameters: DerivationParameters, length: int
    ) -> bytes:
        """Ask for Derive Key, then Get."""
        identifiers = tuple(f"base {number}" for number, _ in enumerate(keys))
        engine = an_engine(*(a_stored(key, name) for key, name in zip(keys, identifiers, strict=True)))
        request = derive_key.Request(
            object_type=ObjectType.SECRET_DATA,
            unique_identifiers=identifiers,
            derivation_method=method,
            derivation_parameters=parameters,
            attributes=Attributes(cryptographic_length=length),
        )
        derived = perform(engine, Operation.DERIVE_KEY, request).unique_identifier
        content = perform(engine, Operation.GET, get.Request(unique_identifier=derived)).managed_object
        material: bytes = content.key_block.key_value.key_material
        return material


def asked(key: Key, operation: Operation, request: type, parameters: CryptographicParameters, **fields: Any) -> Any:
    """Return the response of an engine that holds `key`."""
    asks = request(unique_identifier="key", cryptographic_parameters=parameters, **fields)
    return perform(an_engine(a_stored(key)), operation, asks)


@pytest.fixture  # type: ignore[no-redef]  # in place of the imported one
def crypto() -> ThroughOperations:
    """The adapter under test: everything a client can ask for."""
    return ThroughOperations()
