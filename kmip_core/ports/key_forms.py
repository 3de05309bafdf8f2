"""Forms in which keys travel and rest: an encoding to wrap, a container under a password, shares.

Wrapping itself needs no role of its own: it is `Cipher`, `Authenticator` and `Signer` of `ports.crypto`, put together
by `kmip_core.procedures.wrapping`. What is promised there holds here too: re-entrant, `KmipError` only, bounded costs.
"""

from collections.abc import Mapping
from typing import Protocol

from attrs import field

from kmip_core.attributes import AttributeReference
from kmip_core.classes import frozen
from kmip_core.enums import KeyFormatType, SplitKeyMethod, SplitKeyPolynomial
from kmip_core.objects import Certificate, KeyValue, PrivateKey
from kmip_core.structures import KeyMaterial, ProtocolVersion


class KeyValueEncoder(Protocol):
    """Writes Key Values as bytes, for Encoding Option TTLV Encoding. KMIP 2.1 §3.2, §7.18.

    protocol_version: of the request; attributes inside a Key Value look different from version to version.
    """

    def encode_key_value(self, key_value: KeyValue, protocol_version: ProtocolVersion) -> bytes:
        """Return the whole Key Value item, header included."""
        ...

    def decode_key_value(
        self, encoded: bytes, key_format_type: KeyFormatType, protocol_version: ProtocolVersion
    ) -> KeyValue:
        """Return what was encoded, in this version or another.

        Raises KmipError (Encoding Option Error) for bytes that are no Key Value of this format.
        """
        ...

    def encode_key_material(self, key_material: KeyMaterial, protocol_version: ProtocolVersion) -> bytes:
        """Return the whole Key Material item, of which the Digest of a transparent key is made. KMIP 2.1 §4.21."""
        ...

    def attribute_reference(self, attribute_name: str) -> AttributeReference:
        """Return which attribute a name means; one that the standard does not have is named as it came."""
        ...


@frozen(kw_only=True)
class KeyContainer:
    """What a PKCS#12 container holds: a private key and its certificates, the key's own first."""

    private_key: PrivateKey | None
    certificates: tuple[Certificate, ...] = ()
    friendly_name: str | None = None


class ContainerKeeper(Protocol):
    """Packs and unpacks PKCS#12 (RFC 7292)."""

    def read_container(self, container: bytes, password: bytes) -> KeyContainer:
        """Return the contents; the private key comes as PKCS#8 with its algorithm and length.

        Raises KmipError: Bad Password; Invalid Field for bytes that are no container, or that ask for absurd work.
        """
        ...

    def write_container(self, contents: KeyContainer, password: bytes) -> bytes:
        """Return a container whose parts are encrypted (PBES2, AES-256) and authenticated under the password.

        Raises KmipError (Key Format Type Not Supported) for a key that a container cannot hold.
        """
        ...


@frozen(kw_only=True)
class SharingScheme:
    """How a secret is, or is to be, split. KMIP 2.1 §13.1.

    parts: how many shares there are.  threshold: how many make the secret.  prime_field_size: for the prime field.
    polynomial: what makes GF(2^8), and with it GF(2^16).
    """

    method: SplitKeyMethod
    parts: int
    threshold: int
    prime_field_size: int | None = field(default=None)
    polynomial: SplitKeyPolynomial = SplitKeyPolynomial.POLYNOMIAL_285


class SecretSharer(Protocol):
    """Splits secrets so that any `threshold` shares give them back and fewer tell nothing."""

    def split_secret(self, secret: bytes, scheme: SharingScheme) -> tuple[bytes, ...]:
        """Return the shares 1 to `parts`.

        Raises KmipError (Invalid Field) for a scheme that cannot be, or not for a secret of this length.
        """
        ...

    def join_secret(self, shares: Mapping[int, bytes], scheme: SharingScheme, length: int) -> bytes:
        """Return the secret of `length` bytes from shares by their Key Part Identifier.

        Shares beyond the threshold are checked against the others.
        Raises KmipError (Cryptographic Failure) for too few shares, or shares that do not belong together.
        """
        ...


class KeyForms(ContainerKeeper, SecretSharer, Protocol):
    """Containers and shares."""
