"""The standard's structures as frozen values: what keys, attributes and messages are made of.

Fields stand in the order in which the standard encodes them, and their names are the standard's without spaces; the
wire form of every version follows from that (`kmip_adapters.ttlv`). Dates are seconds since 1970-01-01 UTC, intervals
seconds, lengths bits, unless a field says otherwise. Absent is None, many is a tuple. Secrets have repr=False.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from attrs import field

from kmip_core import enums
from kmip_core.classes import frozen
from kmip_core.secret import Secret

T = TypeVar("T")


def _many(values: Iterable[Any]) -> tuple[Any, ...]:
    """Accept any iterable for a repeated field; records hold tuples."""
    return values if isinstance(values, tuple) else tuple(values)


class ProtocolVersion(NamedTuple):
    """A KMIP version; compares by age. KMIP 2.1 §9.16."""

    protocol_version_major: int
    protocol_version_minor: int

    def __str__(self) -> str:
        return f"{self.protocol_version_major}.{self.protocol_version_minor}"


# --- parts of attributes ------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Name:
    """A name by which Locate finds an object. KMIP 2.1 §4.32."""

    name_value: str
    name_type: enums.NameType = enums.NameType.UNINTERPRETED_TEXT_STRING


@frozen(kw_only=True)
class ApplicationSpecificInformation:
    """Data of an application, in its namespace. KMIP 2.1 §4.4."""

    application_namespace: str
    application_data: str | None = None


@frozen(kw_only=True)
class AlternativeName:
    """A further name with its kind. KMIP 2.1 §4.2."""

    alternative_name_value: str
    alternative_name_type: enums.AlternativeNameType


@frozen(kw_only=True)
class CryptographicParameters:
    """How a key is used; also a parameter of the cryptographic operations. KMIP 2.1 §4.16; lengths in bytes.

    context_string: what an ML-DSA signature is bound to besides its data (3.0; FIPS 204 §5.2), 255 bytes at most.
    """

    block_cipher_mode: enums.BlockCipherMode | None = None
    padding_method: enums.PaddingMethod | None = None
    hashing_algorithm: enums.HashingAlgorithm | None = None
    key_role_type: enums.KeyRoleType | None = None
    digital_signature_algorithm: enums.DigitalSignatureAlgorithm | None = None
    cryptographic_algorithm: enums.CryptographicAlgorithm | None = None
    random_iv: bool | None = None
    iv_length: int | None = None
    tag_length: int | None = None
    fixed_field_length: int | None = None
    invocation_field_length: int | None = None
    counter_length: int | None = None
    initial_counter_value: int | None = None
    salt_length: int | None = None
    mask_generator: enums.MaskGenerator | None = None
    mask_generator_hashing_algorithm: enums.HashingAlgorithm | None = None
    p_source: bytes | None = None
    trailer_field: int | None = None
    kem_algorithm: enums.KEMAlgorithm | None = None
    context_string: bytes | None = None


@frozen(kw_only=True)
class CryptographicDomainParameters:
    """Domain parameters for a key pair. KMIP 2.1 §4.14; qlength: bits."""

    qlength: int | None = None
    recommended_curve: enums.RecommendedCurve | None = None


@frozen(kw_only=True)
class Digest:
    """A digest of the key material in one format. KMIP 2.1 §4.21."""

    hashing_algorithm: enums.HashingAlgorithm
    digest_value: bytes | None = None
    key_format_type: enums.KeyFormatType | None = None


@frozen
class NameReference:
    """The object that has a name when the reference is used, whichever it is then. KMIP 3.0 §4.35, §4.36."""

    name: str


ObjectReference: TypeAlias = str | NameReference | enums.UniqueIdentifier | int
"""How a request names an object: its identifier; its name (3.0); the ID placeholder or "the last one made by ..."
(2.x); or the n-th identifier that this batch has returned, negative counted from the end. None: the placeholder."""


@frozen(kw_only=True)
class Link:
    """A typed reference to another managed object. KMIP 2.1 §4.31, 3.0 §4.35.

    linked_object_identifier: as the request has it. Objects are kept with an identifier or a name (3.0): what only the
        batch could say is replaced by the identifier before an operation begins.
    """

    link_type: enums.LinkType
    linked_object_identifier: ObjectReference

    @property
    def is_since_3_0(self) -> bool:
        """Whether no version before 3.0 can say it: by a name, or of a kind that has a tag and no Link Type."""
        return self.link_type > enums.LinkType.WRAPPING_KEY_LINK or isinstance(
            self.linked_object_identifier, NameReference
        )


@frozen(kw_only=True)
class UsageLimits:
    """How much a key may still be used. Units are bytes or objects. KMIP 2.1 §4.59."""

    usage_limits_total: int | None = None
    usage_limits_count: int | None = None
    usage_limits_unit: enums.UsageLimitsUnit | None = None


@frozen(kw_only=True)
class RevocationReason:
    """Why an object was revoked. KMIP 2.1 §4.47."""

    revocation_reason_code: enums.RevocationReasonCode
    revocation_message: str | None = None


@frozen(kw_only=True)
class DeactivationReason:
    """Why an object was deactivated. KMIP 3.0 §4.21."""

    deactivation_reason_code: enums.DeactivationReasonCode
    deactivation_message: str | None = None


@frozen(kw_only=True)
class KeyValueLocation:
    """Where a key value is that the server does not hold. KMIP 2.1 §4.27."""

    key_value_location_value: str
    key_value_location_type: enums.KeyValueLocationType


@frozen(kw_only=True)
class RNGParameters:
    """A random number generator, as Query and the Random Number Generator attribute describe it. KMIP 2.1 §7.36."""

    rng_algorithm: enums.RNGAlgorithm
    cryptographic_algorithm: enums.CryptographicAlgorithm | None = None
    cryptographic_length: int | None = None
    hashing_algorithm: enums.HashingAlgorithm | None = None
    drbg_algorithm: enums.DRBGAlgorithm | None = None
    recommended_curve: enums.RecommendedCurve | None = None
    fips186_variation: enums.FIPS186Variation | None = None
    prediction_resistance: bool | None = None


@frozen(kw_only=True)
class RotateName:
    """The name of a rotation family. KMIP 2.1 §4.53."""

    rotate_name_value: str
    rotate_name_type: enums.RotateNameType


@frozen(kw_only=True)
class CertificateIdentifier:
    """Issuer and serial number as text, 1.0 - 1.4 only. KMIP 1.4 §3.13."""

    issuer: str
    serial_number: str | None = None


@frozen(kw_only=True)
class CertificateSubject:
    """Subject of a certificate as text, 1.0 - 1.4 only. KMIP 1.4 §3.14."""

    certificate_subject_distinguished_name: str
    certificate_subject_alternative_names: tuple[str, ...] = field(default=(), converter=_many)


@frozen(kw_only=True)
class CertificateIssuer:
    """Issuer of a certificate as text, 1.0 - 1.4 only. KMIP 1.4 §3.15."""

    certificate_issuer_distinguished_name: str
    certificate_issuer_alternative_names: tuple[str, ...] = field(default=(), converter=_many)


@frozen(kw_only=True)
class X509CertificateIdentifier:
    """Issuer name and serial number, DER. KMIP 2.1 §4.61."""

    issuer_distinguished_name: bytes
    certificate_serial_number: bytes


@frozen(kw_only=True)
class X509CertificateSubject:
    """Subject name and alternative names, DER. KMIP 2.1 §4.63."""

    subject_distinguished_name: bytes
    subject_alternative_names: tuple[bytes, ...] = field(default=(), converter=_many)


@frozen(kw_only=True)
class X509CertificateIssuer:
    """Issuer name and alternative names, DER. KMIP 2.1 §4.62."""

    issuer_distinguished_name: bytes
    issuer_alternative_names: tuple[bytes, ...] = field(default=(), converter=_many)


@frozen(kw_only=True)
class CertificateAttributes:
    """The parts of subject and issuer as text, 2.0 on. KMIP 2.1 §4.6."""

    certificate_subject_cn: str | None = None
    certificate_subject_os: tuple[str, ...] = field(default=(), converter=_many)
    certificate_subject_ous: tuple[str, ...] = field(default=(), converter=_many)
    certificate_subject_emails: tuple[str, ...] = field(default=(), converter=_many)
    certificate_subject_cs: tuple[str, ...] = field(default=(), converter=_many)
    certificate_subject_sts: tuple[str, ...] = field(default=(), converter=_many)
    certificate_subject_ls: tuple[str, ...] = field(default=(), converter=_many)
    certificate_subject_uids: tuple[str, ...] = field(default=(), converter=_many)
    certificate_subject_serial_numbers: tuple[str, ...] = field(default=(), converter=_many)
    certificate_subject_titles: tuple[str, ...] = field(default=(), converter=_many)
    certificate_subject_dcs: tuple[str, ...] = field(default=(), converter=_many)
    certificate_subject_dn_qualifiers: tuple[str, ...] = field(default=(), converter=_many)
    certificate_issuer_cn: str | None = None
    certificate_issuer_os: tuple[str, ...] = field(default=(), converter=_many)
    certificate_issuer_ous: tuple[str, ...] = field(default=(), converter=_many)
    certificate_issuer_emails: tuple[str, ...] = field(default=(), converter=_many)
    certificate_issuer_cs: tuple[str, ...] = field(default=(), converter=_many)
    certificate_issuer_sts: tuple[str, ...] = field(default=(), converter=_many)
    certificate_issuer_ls: tuple[str, ...] = field(default=(), converter=_many)
    certificate_issuer_uids: tuple[str, ...] = field(default=(), converter=_many)
    certificate_issuer_serial_numbers: tuple[str, ...] = field(default=(), converter=_many)
    certificate_issuer_titles: tuple[str, ...] = field(default=(), converter=_many)
    certificate_issuer_dcs: tuple[str, ...] = field(default=(), converter=_many)
    certificate_issuer_dn_qualifiers: tuple[str, ...] = field(default=(), converter=_many)


class TypedValue(NamedTuple):
    """A value that carries its own Item Type, for custom attributes of any type.

    item_type: the standard's Item Type.  value: int, bool, str or bytes by that type; for a Structure a tuple of
    (tag, TypedValue) pairs, tag being the number that came.
    """

    item_type: enums.ItemType
    value: "int | bool | str | bytes | tuple[tuple[int, TypedValue], ...]"


@frozen(kw_only=True)
class CustomAttribute:
    """An attribute that the standard does not define.

    vendor_identification: "x" for a client's (`x-NAME` in 1.x), "y" for the server's, else a vendor's (2.x).
    attribute_name: the name without that prefix. KMIP 2.1 §4.60, 1.4 §3.39.
    """

    vendor_identification: str
    attribute_name: str
    attribute_value: TypedValue


CLIENT_VENDOR: Final = "x"
SERVER_VENDOR: Final = "y"


# --- key blocks ---------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class KeyHandle:
    """A key that stays where it is: all that leaves a token or the HSM stub.

    provider: the adapter that can resolve it.  token: opaque to all others.
    """

    provider: str
    token: str


@frozen(kw_only=True)
class TransparentSymmetricKey(Secret):
    """KMIP 2.1 §3.4."""

    key: bytes = field(repr=False)


@frozen(kw_only=True)
class TransparentDSAPrivateKey(Secret):
    """KMIP 1.4 §2.1.7.2."""

    p: int
    q: int
    g: int
    x: int = field(repr=False)


@frozen(kw_only=True)
class TransparentDSAPublicKey:
    """KMIP 1.4 §2.1.7.3."""

    p: int
    q: int
    g: int
    y: int


@frozen(kw_only=True)
class TransparentRSAPrivateKey(Secret):
    """KMIP 2.1 §3.7. Modulus alone is not enough: one of the exponents or both primes must be there."""

    modulus: int
    private_exponent: int | None = field(default=None, repr=False)
    public_exponent: int | None = None
    p: int | None = field(default=None, repr=False)
    q: int | None = field(default=None, repr=False)
    prime_exponent_p: int | None = field(default=None, repr=False)
    prime_exponent_q: int | None = field(default=None, repr=False)
    crt_coefficient: int | None = field(default=None, repr=False)


@frozen(kw_only=True)
class TransparentRSAPublicKey:
    """KMIP 2.1 §3.8."""

    modulus: int
    public_exponent: int


@frozen(kw_only=True)
class TransparentDHPrivateKey(Secret):
    """KMIP 2.1 §3.9."""

    p: int
    q: int | None = None
    g: int
    j: int | None = None
    x: int = field(repr=False)


@frozen(kw_only=True)
class TransparentDHPublicKey:
    """KMIP 2.1 §3.10."""

    p: int
    q: int | None = None
    g: int
    j: int | None = None
    y: int


@frozen(kw_only=True)
class TransparentECPrivateKey(Secret):
    """KMIP 2.1 §3.11; also the content of the 1.0 - 1.2 ECDSA, ECDH and ECMQV formats."""

    recommended_curve: enums.RecommendedCurve
    d: int = field(repr=False)


@frozen(kw_only=True)
class TransparentECPublicKey:
    """KMIP 2.1 §3.12. q_string: the point, uncompressed or compressed as SEC 1 encodes it."""

    recommended_curve: enums.RecommendedCurve
    q_string: bytes


TransparentKey: TypeAlias = (
    TransparentSymmetricKey
    | TransparentDSAPrivateKey
    | TransparentDSAPublicKey
    | TransparentRSAPrivateKey
    | TransparentRSAPublicKey
    | TransparentDHPrivateKey
    | TransparentDHPublicKey
    | TransparentECPrivateKey
    | TransparentECPublicKey
)
KeyMaterial: TypeAlias = bytes | TransparentKey | KeyHandle

TRANSPARENT_KEYS: Final[dict[enums.KeyFormatType, type]] = {
    enums.KeyFormatType.TRANSPARENT_SYMMETRIC_KEY: TransparentSymmetricKey,
    enums.KeyFormatType.TRANSPARENT_DSA_PRIVATE_KEY: TransparentDSAPrivateKey,
    enums.KeyFormatType.TRANSPARENT_DSA_PUBLIC_KEY: TransparentDSAPublicKey,
    enums.KeyFormatType.TRANSPARENT_RSA_PRIVATE_KEY: TransparentRSAPrivateKey,
    enums.KeyFormatType.TRANSPARENT_RSA_PUBLIC_KEY: TransparentRSAPublicKey,
    enums.KeyFormatType.TRANSPARENT_DH_PRIVATE_KEY: TransparentDHPrivateKey,
    enums.KeyFormatType.TRANSPARENT_DH_PUBLIC_KEY: TransparentDHPublicKey,
    enums.KeyFormatType.TRANSPARENT_ECDSA_PRIVATE_KEY: TransparentECPrivateKey,
    enums.KeyFormatType.TRANSPARENT_ECDSA_PUBLIC_KEY: TransparentECPublicKey,
    enums.KeyFormatType.TRANSPARENT_ECDH_PRIVATE_KEY: TransparentECPrivateKey,
    enums.KeyFormatType.TRANSPARENT_ECDH_PUBLIC_KEY: TransparentECPublicKey,
    enums.KeyFormatType.TRANSPARENT_ECMQV_PRIVATE_KEY: TransparentECPrivateKey,
    enums.KeyFormatType.TRANSPARENT_ECMQV_PUBLIC_KEY: TransparentECPublicKey,
    enums.KeyFormatType.TRANSPARENT_EC_PRIVATE_KEY: TransparentECPrivateKey,
    enums.KeyFormatType.TRANSPARENT_EC_PUBLIC_KEY: TransparentECPublicKey,
}
"""Which structure a Key Format Type puts into Key Material; every other format is bytes."""


@frozen(kw_only=True)
class EncryptionKeyInformation:
    """Which key encrypts a wrapped key, and how. KMIP 2.1 §3.3."""

    unique_identifier: ObjectReference
    cryptographic_parameters: CryptographicParameters | None = None


@frozen(kw_only=True)
class MACSignatureKeyInformation:
    """Which key authenticates a wrapped key, and how. KMIP 2.1 §3.3."""

    unique_identifier: ObjectReference
    cryptographic_parameters: CryptographicParameters | None = None


@frozen(kw_only=True)
class KeyWrappingData:
    """How the key value of this block is wrapped. KMIP 2.1 §3.3."""

    wrapping_method: enums.WrappingMethod
    encryption_key_information: EncryptionKeyInformation | None = None
    mac_signature_key_information: MACSignatureKeyInformation | None = None
    mac_signature: bytes | None = None
    iv_counter_nonce: bytes | None = None
    encoding_option: enums.EncodingOption | None = None


@frozen(kw_only=True)
class KeyWrappingSpecification:
    """How a client wants a key wrapped. attribute_names: attributes to wrap with it. KMIP 2.1 §7.18."""

    wrapping_method: enums.WrappingMethod
    encryption_key_information: EncryptionKeyInformation | None = None
    mac_signature_key_information: MACSignatureKeyInformation | None = None
    attribute_names: tuple[str, ...] = field(default=(), converter=_many)
    encoding_option: enums.EncodingOption | None = None


@frozen(kw_only=True)
class DerivationParameters(Secret):
    """What Derive Key mixes in. iteration_count: PBKDF2 rounds. KMIP 2.1 §7.12."""

    cryptographic_parameters: CryptographicParameters | None = None
    initialization_vector: bytes | None = None
    derivation_data: bytes | None = field(default=None, repr=False)
    salt: bytes | None = None
    iteration_count: int | None = None


# --- what Query tells ---------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class ServerInformation:
    """What the server says of itself. KMIP 2.1 §7.37."""

    server_name: str | None = None
    server_serial_number: str | None = None
    server_version: str | None = None
    server_load: str | None = None
    product_name: str | None = None
    build_level: str | None = None
    build_date: str | None = None
    cluster_info: str | None = None


@frozen(kw_only=True)
class ExtensionInformation:
    """A tag that the standard does not define. KMIP 2.1 §7.13."""

    extension_name: str
    extension_tag: int | None = None
    extension_type: int | None = None


@frozen(kw_only=True)
class ProfileVersion:
    """KMIP 2.1 §7.32."""

    profile_version_major: int
    profile_version_minor: int


@frozen(kw_only=True)
class ProfileInformation:
    """A profile that the server satisfies. KMIP 2.1 §7.31."""

    profile_name: enums.ProfileName
    profile_version: ProfileVersion | None = None
    server_uri: str | None = None
    server_port: int | None = None


@frozen(kw_only=True)
class ValidationInformation:
    """A formal validation of the server. KMIP 2.1 §7.41."""

    validation_authority_type: enums.ValidationAuthorityType
    validation_authority_country: str | None = None
    validation_authority_uri: str | None = None
    validation_version_major: int
    validation_version_minor: int | None = None
    validation_type: enums.ValidationType
    validation_level: int
    validation_certificate_identifier: str | None = None
    validation_certificate_uri: str | None = None
    validation_vendor_uri: str | None = None
    validation_profiles: tuple[str, ...] = field(default=(), converter=_many)


@frozen(kw_only=True)
class AsynchronousRequest:
    """An operation whose outcome its client has not fetched. KMIP 2.1 §7.2.

    submission_date: microseconds since 1970-01-01 UTC.
    """

    asynchronous_correlation_value: bytes
    operation: enums.Operation
    submission_date: int
    processing_stage: enums.ProcessingStage


@frozen(kw_only=True)
class CredentialInformation:
    """Types of credentials that authenticate here. KMIP 3.0 §7.9."""

    credential_types: tuple[enums.CredentialType, ...] = ()


@frozen(kw_only=True)
class CapabilityInformation:
    """What the server can do beyond operations and types. KMIP 2.1 §7.5."""

    streaming_capability: bool | None = None
    asynchronous_capability: bool | None = None
    attestation_capability: bool | None = None
    batch_undo_capability: bool | None = None
    batch_continue_capability: bool | None = None
    unwrap_mode: enums.UnwrapMode | None = None
    destroy_action: enums.DestroyAction | None = None
    shredding_algorithm: enums.ShreddingAlgorithm | None = None
    rng_mode: enums.RNGMode | None = None
    quantum_safe_capability: bool | None = None
