"""Managed objects: what a client creates, registers and gets.

The six classes of the PyKMIP document take the same arguments in the same order (algorithm, length, bytes, format,
list of masks, name); `attributes` then holds their arguments. In a server the attributes live beside the content,
in the `ManagedObject` record that storage keeps, because most operations never need the secret part.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, Final, TypeAlias

from attrs import field

from kmip_core import enums
from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import CryptographicUsageMask, KeyFormatType, ObjectType
from kmip_core.makers import maker_of
from kmip_core.secret import Secret
from kmip_core.structures import (
    KeyHandle,
    KeyMaterial,
    KeyWrappingData,
    Name,
    TransparentKey,
    TransparentSymmetricKey,
)

NO_ATTRIBUTES: Final = Attributes()
"""Shared: contents that come out of a store have none of their own."""


@frozen(kw_only=True)
class KeyValue(Secret):
    """Key material, and the attributes that travel inside it (only when they were registered so).

    key_material: bytes in the block's format, a transparent key structure, or a handle. KMIP 2.1 §3.2.
    """

    key_material: KeyMaterial = field(repr=False)
    attributes: Attributes | None = None


@frozen(kw_only=True)
class KeyBlock(Secret):
    """A key with what is needed to read it. KMIP 2.1 §3.1.

    key_value: a `KeyValue`; bytes when it is wrapped with its encoding; None for an object registered without its
        material (Key Value Location).  cryptographic_length: bits.
    """

    key_format_type: KeyFormatType
    key_compression_type: enums.KeyCompressionType | None = None
    key_value: KeyValue | bytes | None = field(default=None, repr=False)
    cryptographic_algorithm: enums.CryptographicAlgorithm | None = None
    cryptographic_length: int | None = None
    key_wrapping_data: KeyWrappingData | None = None

    @property
    def is_wrapped(self) -> bool:
        """Whether the value is encrypted or authenticated by another key, as its Key Wrapping Data says."""
        return self.key_wrapping_data is not None

    @property
    def material(self) -> KeyMaterial | None:
        """The Key Material inside the Key Value; None if the value is absent or wrapped with its encoding."""
        return self.key_value.key_material if isinstance(self.key_value, KeyValue) else None

    @property
    def clear_material(self) -> bytes | TransparentKey | None:
        """The Key Material if it is here and not wrapped; None also for a handle."""
        value = self.key_value
        if self.key_wrapping_data is not None or not isinstance(value, KeyValue):
            return None
        return None if isinstance(value.key_material, KeyHandle) else value.key_material

    @property
    def handle(self) -> KeyHandle | None:
        """The handle, where a token holds the key."""
        value = self.key_value
        return value.key_material if type(value) is KeyValue and type(value.key_material) is KeyHandle else None

    @property
    def inner_attributes(self) -> Attributes | None:
        """The attributes that travel inside the Key Value."""
        return self.key_value.attributes if isinstance(self.key_value, KeyValue) else None


@frozen(kw_only=True, init=False)
class SymmetricKey:
    """A key that both sides share. KMIP 2.1 §2.9."""

    object_type: ClassVar[ObjectType] = ObjectType.SYMMETRIC_KEY
    key_block: KeyBlock
    attributes: Attributes = NO_ATTRIBUTES

    def __init__(
        self,
        cryptographic_algorithm: enums.CryptographicAlgorithm | None = None,
        cryptographic_length: int | None = None,
        value: KeyMaterial = b"",
        cryptographic_usage_masks: Iterable[CryptographicUsageMask] = (),
        name: str | None = None,
        *,
        key_block: KeyBlock | None = None,
        attributes: Attributes | None = None,
    ) -> None:
        _init_key(
            self,
            key_block,
            attributes,
            KeyFormatType.RAW,
            cryptographic_algorithm,
            cryptographic_length,
            value,
            cryptographic_usage_masks,
            name,
        )


@frozen(kw_only=True, init=False)
class PublicKey:
    """The public half of a key pair. KMIP 2.1 §2.6."""

    object_type: ClassVar[ObjectType] = ObjectType.PUBLIC_KEY
    key_block: KeyBlock
    attributes: Attributes = NO_ATTRIBUTES

    def __init__(
        self,
        cryptographic_algorithm: enums.CryptographicAlgorithm | None = None,
        cryptographic_length: int | None = None,
        value: KeyMaterial = b"",
        key_format_type: KeyFormatType = KeyFormatType.X_509,
        cryptographic_usage_masks: Iterable[CryptographicUsageMask] = (),
        name: str | None = None,
        *,
        key_block: KeyBlock | None = None,
        attributes: Attributes | None = None,
    ) -> None:
        _init_key(
            self,
            key_block,
            attributes,
            key_format_type,
            cryptographic_algorithm,
            cryptographic_length,
            value,
            cryptographic_usage_masks,
            name,
        )


@frozen(kw_only=True, init=False)
class PrivateKey:
    """The private half of a key pair. KMIP 2.1 §2.5."""

    object_type: ClassVar[ObjectType] = ObjectType.PRIVATE_KEY
    key_block: KeyBlock
    attributes: Attributes = NO_ATTRIBUTES

    def __init__(
        self,
        cryptographic_algorithm: enums.CryptographicAlgorithm | None = None,
        cryptographic_length: int | None = None,
        value: KeyMaterial = b"",
        key_format_type: KeyFormatType = KeyFormatType.PKCS_8,
        cryptographic_usage_masks: Iterable[CryptographicUsageMask] = (),
        name: str | None = None,
        *,
        key_block: KeyBlock | None = None,
        attributes: Attributes | None = None,
    ) -> None:
        _init_key(
            self,
            key_block,
            attributes,
            key_format_type,
            cryptographic_algorithm,
            cryptographic_length,
            value,
            cryptographic_usage_masks,
            name,
        )


@frozen(kw_only=True)
class SplitKey:
    """One part of a key that was split. KMIP 2.1 §2.8; prime_field_size is for the polynomial method.

    split_key_polynomial: which one makes GF(2^8); not on the wire before 3.0, so a part is the same with and without.
        None in stores of 0.1.0.
    """

    object_type: ClassVar[ObjectType] = ObjectType.SPLIT_KEY
    split_key_parts: int
    key_part_identifier: int
    split_key_threshold: int
    split_key_method: enums.SplitKeyMethod
    prime_field_size: int | None = None
    key_block: KeyBlock
    split_key_polynomial: enums.SplitKeyPolynomial | None = field(default=None, eq=False)


@frozen(kw_only=True)
class Certificate:
    """A certificate, DER for X.509. KMIP 2.1 §2.1."""

    object_type: ClassVar[ObjectType] = ObjectType.CERTIFICATE
    certificate_type: enums.CertificateType = enums.CertificateType.X_509
    certificate_value: bytes
    attributes: Attributes = NO_ATTRIBUTES


@frozen(kw_only=True, init=False)
class X509Certificate(Certificate):
    """An X.509 certificate by the PyKMIP document's constructor."""

    def __init__(
        self,
        value: bytes = b"",
        cryptographic_usage_masks: Iterable[CryptographicUsageMask] = (),
        name: str | None = None,
        **fields: Any,
    ) -> None:
        _check_bytes(value)
        fields.setdefault("certificate_value", value)
        fields.setdefault("attributes", _described(cryptographic_usage_masks, name))
        _attrs_init(self, **fields)


@frozen(kw_only=True)
class CertificateRequest:
    """A request for a certificate, kept as an object from 2.0 on. KMIP 2.1 §2.2."""

    object_type: ClassVar[ObjectType] = ObjectType.CERTIFICATE_REQUEST
    certificate_request_type: enums.CertificateRequestType
    certificate_request_value: bytes


@frozen(kw_only=True, init=False)
class SecretData:
    """A shared secret that is neither key nor certificate, such as a password. KMIP 2.1 §2.7."""

    object_type: ClassVar[ObjectType] = ObjectType.SECRET_DATA
    secret_data_type: enums.SecretDataType
    key_block: KeyBlock
    attributes: Attributes = NO_ATTRIBUTES

    def __init__(
        self,
        value: bytes = b"",
        secret_data_type: enums.SecretDataType = enums.SecretDataType.PASSWORD,
        cryptographic_usage_masks: Iterable[CryptographicUsageMask] = (),
        name: str | None = None,
        *,
        key_block: KeyBlock | None = None,
        attributes: Attributes | None = None,
    ) -> None:
        _init_key(
            self,
            key_block,
            attributes,
            KeyFormatType.OPAQUE,
            None,
            None,
            value,
            cryptographic_usage_masks,
            name,
            secret_data_type=secret_data_type,
        )


@frozen(kw_only=True, init=False)
class OpaqueObject(Secret):
    """Bytes that the server keeps and does not interpret. KMIP 2.1 §2.3."""

    object_type: ClassVar[ObjectType] = ObjectType.OPAQUE_OBJECT
    opaque_data_type: enums.OpaqueDataType
    opaque_data_value: bytes = field(repr=False)
    attributes: Attributes = NO_ATTRIBUTES

    def __init__(
        self,
        value: bytes = b"",
        opaque_data_type: enums.OpaqueDataType = enums.OpaqueDataType.NONE,
        name: str | None = None,
        *,
        opaque_data_value: bytes | None = None,
        attributes: Attributes | None = None,
    ) -> None:
        _check_types(enums.OpaqueDataType, opaque_data_type=opaque_data_type)
        _check_bytes(value)
        _attrs_init(
            self,
            opaque_data_type=opaque_data_type,
            opaque_data_value=value if opaque_data_value is None else opaque_data_value,
            attributes=_described((), name) if attributes is None else attributes,
        )


@frozen(kw_only=True)
class PGPKey:
    """An OpenPGP key, stored and returned as it came. KMIP 1.4 §2.2.9."""

    object_type: ClassVar[ObjectType] = ObjectType.PGP_KEY
    pgp_key_version: int
    key_block: KeyBlock


@frozen(kw_only=True)
class Template:
    """Attributes under a name, for reuse in 1.x requests. KMIP 1.4 §2.2.6."""

    object_type: ClassVar[ObjectType] = ObjectType.TEMPLATE
    template_attributes: Attributes


@frozen(kw_only=True)
class User:
    """One who uses the server: attributes alone say who it is. KMIP 3.0 §2.1.1."""

    object_type: ClassVar[ObjectType] = ObjectType.USER


@frozen(kw_only=True)
class Group:
    """What users, groups and other objects can be members of: attributes alone. KMIP 3.0 §2.1.2."""

    object_type: ClassVar[ObjectType] = ObjectType.GROUP


@frozen(kw_only=True)
class PasswordCredential(Secret):
    """What a user's password is checked against. KMIP 3.0 §2.1.3.

    password: as a client sends it; it is kept as `password_hash` only, an Argon2 hash in PHC form.
    salted_password: derived from the password elsewhere; without an algorithm it is such a hash itself.
    """

    object_type: ClassVar[ObjectType] = ObjectType.PASSWORD_CREDENTIAL
    password: str | None = field(default=None, repr=False)
    password_salt: bytes | None = field(default=None, repr=False)
    password_salt_algorithm: enums.CryptographicAlgorithm | None = None
    salted_password: bytes | None = field(default=None, repr=False)
    iteration_count: int | None = None
    password_hash: str | None = field(default=None, repr=False)


@frozen(kw_only=True)
class DeviceCredential(Secret):
    """What identifies a device. KMIP 3.0 §2.1.3."""

    object_type: ClassVar[ObjectType] = ObjectType.DEVICE_CREDENTIAL
    device_serial_number: str | None = None
    device_identifier: str | None = None
    network_identifier: str | None = None
    machine_identifier: str | None = None
    media_identifier: str | None = None


@frozen(kw_only=True)
class OTPCredential(Secret):
    """What one-time passwords are checked against. KMIP 3.0 §2.1.3.

    otp_digest: an HMAC.  otp_interval: seconds.
    """

    object_type: ClassVar[ObjectType] = ObjectType.ONE_TIME_PASSWORD_CREDENTIAL
    otp_algorithm: enums.OTPAlgorithm
    otp_digest: enums.CryptographicAlgorithm | None = None
    otp_serial: str | None = None
    otp_seed: bytes | None = field(default=None, repr=False)
    otp_interval: int | None = None
    otp_digits: int | None = None


@frozen(kw_only=True)
class HashedPasswordCredential(Secret):
    """What a Hashed Password of a request is checked against. KMIP 3.0 §2.1.3.

    hashed_username_password: Hash(user name || password).  hashed_password_username: Hash(password || user name).
    last_timestamp: of the last request that was accepted, in microseconds; it must increase.
    """

    object_type: ClassVar[ObjectType] = ObjectType.HASHED_PASSWORD_CREDENTIAL
    hashing_algorithm: enums.HashingAlgorithm | None = None
    hashed_username_password: bytes = field(repr=False)
    hashed_password_username: bytes = field(repr=False)
    last_timestamp: int | None = None


Content: TypeAlias = (
    SymmetricKey
    | PublicKey
    | PrivateKey
    | SplitKey
    | Certificate
    | CertificateRequest
    | SecretData
    | OpaqueObject
    | PGPKey
    | Template
    | User
    | Group
    | PasswordCredential
    | DeviceCredential
    | OTPCredential
    | HashedPasswordCredential
)
"""The secret part of a managed object: what Get returns and what is sealed at rest."""

SystemContent: TypeAlias = (
    User | Group | PasswordCredential | DeviceCredential | OTPCredential | HashedPasswordCredential
)
"""Content of objects for the operation of the server itself."""

KeyContent: TypeAlias = SymmetricKey | PublicKey | PrivateKey | SplitKey | SecretData | PGPKey
"""Content that has a Key Block."""


def key_block_of(content: Content) -> KeyBlock | None:
    """Return the Key Block of content that has one."""
    block: KeyBlock | None = getattr(content, "key_block", None)
    return block


def format_of(content: Content) -> KeyFormatType | None:
    """Return the Key Format Type that the standard gives to this content, if any. KMIP 2.1 §4.26.

    A certificate counts as Raw: the official cases TC-CERTATTR say so.
    """
    block = key_block_of(content)
    if block is not None:
        return block.key_format_type
    return KeyFormatType.RAW if isinstance(content, Certificate) else None


def material_bytes(content: Content) -> bytes | None:
    """Return the bytes that the attribute Digest is of; None for handles, and structures without bytes of their own."""
    block = key_block_of(content)
    match content if block is None else block.key_value:
        case KeyValue(key_material=bytes(octets)) | bytes(octets):
            return octets
        case KeyValue(key_material=TransparentSymmetricKey(key=octets)):
            return octets
        case Certificate(certificate_value=octets):
            return octets
        case CertificateRequest(certificate_request_value=octets):
            return octets
        case OpaqueObject(opaque_data_value=octets):
            return octets
    return None  # of a password neither: a digest would let it be guessed


WITHOUT_FIELDS: Final[dict[ObjectType, Content]] = {ObjectType.USER: User(), ObjectType.GROUP: Group()}
"""Types of objects that are their attributes: nothing of them is sent as an object."""

CONTENT_CLASSES: Final[dict[ObjectType, type[Content]]] = {
    ObjectType.CERTIFICATE: Certificate,
    ObjectType.SYMMETRIC_KEY: SymmetricKey,
    ObjectType.PUBLIC_KEY: PublicKey,
    ObjectType.PRIVATE_KEY: PrivateKey,
    ObjectType.SPLIT_KEY: SplitKey,
    ObjectType.TEMPLATE: Template,
    ObjectType.SECRET_DATA: SecretData,
    ObjectType.OPAQUE_OBJECT: OpaqueObject,
    ObjectType.PGP_KEY: PGPKey,
    ObjectType.CERTIFICATE_REQUEST: CertificateRequest,
    ObjectType.USER: User,
    ObjectType.GROUP: Group,
    ObjectType.PASSWORD_CREDENTIAL: PasswordCredential,
    ObjectType.DEVICE_CREDENTIAL: DeviceCredential,
    ObjectType.ONE_TIME_PASSWORD_CREDENTIAL: OTPCredential,
    ObjectType.HASHED_PASSWORD_CREDENTIAL: HashedPasswordCredential,
}


SYSTEM_TYPES: Final = frozenset(
    {
        ObjectType.USER,
        ObjectType.GROUP,
        ObjectType.PASSWORD_CREDENTIAL,
        ObjectType.DEVICE_CREDENTIAL,
        ObjectType.ONE_TIME_PASSWORD_CREDENTIAL,
        ObjectType.HASHED_PASSWORD_CREDENTIAL,
    }
)
"""Types of objects for the operation of a server itself, whose Object Class is System. KMIP 3.0 §2.1."""


def class_of(object_type: ObjectType) -> enums.ObjectClass:
    """Return the Object Class of every object of this type. KMIP 3.0 §4.40."""
    return enums.ObjectClass.SYSTEM if object_type in SYSTEM_TYPES else enums.ObjectClass.USER


@frozen(kw_only=True)
class ManagedObject:
    """One object as the server keeps it, without its content.

    unique_identifier, object_type, owner: never change; they are what the sealed content is bound to.
    attributes: everything Get Attributes may tell; the state in it is the stored one until `lifecycle.settle`.
    version: counts changes; storage refuses a save whose version is not the stored one.
    archived: True between Archive and Recover (Storage Status Mask, KMIP 2.1 §12.3).
    has_content: False once destroyed; and in stores of 0.1.0 for objects registered without their Key Value.
    """

    unique_identifier: str
    object_type: ObjectType
    owner: str
    attributes: Attributes
    version: int = 0
    archived: bool = False
    has_content: bool = True

    def changed(
        self, attributes: Attributes, *, archived: bool | None = None, has_content: bool | None = None
    ) -> "ManagedObject":
        """Return the object with other attributes: `evolve` for the hot path, four times as fast.  None: as it is."""
        return _make_object(
            unique_identifier=self.unique_identifier,
            object_type=self.object_type,
            owner=self.owner,
            attributes=attributes,
            version=self.version,
            archived=self.archived if archived is None else archived,
            has_content=self.has_content if has_content is None else has_content,
        )


_make_object: Final = maker_of(ManagedObject)


def _attrs_init(instance: Any, **fields: Any) -> None:
    """Call the initializer that attrs made; the classes above put their own signature before it."""
    instance.__attrs_init__(**fields)


def _init_key(
    instance: Any,
    key_block: KeyBlock | None,
    attributes: Attributes | None,
    key_format_type: KeyFormatType,
    cryptographic_algorithm: enums.CryptographicAlgorithm | None,
    cryptographic_length: int | None,
    value: KeyMaterial,
    cryptographic_usage_masks: Iterable[CryptographicUsageMask],
    name: str | None,
    **more: Any,
) -> None:
    if key_block is not None and not more:  # as it comes out of the store, for every Get
        instance.__attrs_init__(key_block=key_block, attributes=NO_ATTRIBUTES if attributes is None else attributes)
        return
    if key_block is None:
        _check_types(enums.CryptographicAlgorithm, cryptographic_algorithm=cryptographic_algorithm)
        _check_types(int, cryptographic_length=cryptographic_length)
        _check_types(KeyFormatType, key_format_type=key_format_type)
        _check_types(enums.SecretDataType, **more)
        _check_bytes(value)
        key_block = KeyBlock(
            key_format_type=key_format_type,
            key_value=KeyValue(key_material=value),
            cryptographic_algorithm=cryptographic_algorithm,
            cryptographic_length=cryptographic_length,
        )
        if attributes is None:
            attributes = _described(cryptographic_usage_masks, name, cryptographic_algorithm, cryptographic_length)
    _attrs_init(instance, key_block=key_block, attributes=NO_ATTRIBUTES if attributes is None else attributes, **more)


def _described(
    cryptographic_usage_masks: Iterable[CryptographicUsageMask],
    name: str | None,
    cryptographic_algorithm: enums.CryptographicAlgorithm | None = None,
    cryptographic_length: int | None = None,
) -> Attributes:
    """Return what a constructor of the document says about its object, which begins Pre-Active."""
    _check_types(str, name=name)
    mask = CryptographicUsageMask(0)
    for bit in cryptographic_usage_masks:
        _check_types(CryptographicUsageMask, cryptographic_usage_masks=bit)
        mask |= bit
    return Attributes(
        names=() if name is None else (Name(name_value=name),),
        cryptographic_algorithm=cryptographic_algorithm,
        cryptographic_length=cryptographic_length,
        cryptographic_usage_mask=mask,
        state=enums.State.PRE_ACTIVE,
    )


def _check_types(kind: type, **values: Any) -> None:
    """Raise TypeError for a value of another type, without the value: it may be a secret."""
    for name, value in values.items():
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"{name} takes {kind.__name__}, not {type(value).__name__}")


def _check_bytes(value: Any) -> None:
    """Raise TypeError for text, which is no key before it is encoded."""
    if isinstance(value, str):
        raise TypeError("value takes bytes, not str")
