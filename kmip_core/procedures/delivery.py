"""How an object leaves the server: what Get and Export have in common.

Format first, then wrapping; what is Sensitive leaves only wrapped, what is not Extractable not at all.
KMIP 2.1 §6.1.19, §4.23, §4.55, 1.4 §4.11.
"""

from typing import Final, Protocol, cast

from kmip_core.enums import (
    CertificateRequestType,
    CryptographicAlgorithm,
    KeyCompressionType,
    KeyFormatType,
    KeyWrapType,
    ResultReason,
)
from kmip_core.errors import KmipError, no_key_value, permission_denied
from kmip_core.objects import (
    WITHOUT_FIELDS,
    Certificate,
    CertificateRequest,
    Content,
    KeyBlock,
    KeyContent,
    PrivateKey,
    PublicKey,
    SecretData,
    SymmetricKey,
    key_block_of,
)
from kmip_core.operation import Cost, Scope
from kmip_core.ports.crypto import Key
from kmip_core.procedures import creation, custody, key_use, pkcs12, wrapping
from kmip_core.rules import Admitted, check_content_may_leave
from kmip_core.settings import OneTimePads
from kmip_core.standard_names import standard_name, with_article
from kmip_core.structures import KeyWrappingData, KeyWrappingSpecification


class Form(Protocol):
    """The fields of a request that say in which form an object is wanted; Get and Export have the same."""

    @property
    def key_format_type(self) -> KeyFormatType | None:
        """None: as it is kept."""
        ...

    @property
    def key_wrap_type(self) -> KeyWrapType | None:
        """None: as registered."""
        ...

    @property
    def key_compression_type(self) -> KeyCompressionType | None:
        """None: not compressed."""
        ...

    @property
    def key_wrapping_specification(self) -> KeyWrappingSpecification | None:
        """None: not wrapped by this server."""
        ...

    @property
    def prefers_transparent_keys(self) -> bool:
        """Whether EC and DSA keys made here come in transparent formats where no format is named."""
        ...


def cost_of(form: Form) -> Cost:
    """Pace: keys as they are kept are a read, and to name their format is little more.

    Only private keys are work, in another format or where they unwrap: the crypto adapter has that begun anew in a
    thread. A container is made in one always. A key that wraps may have usage limits, which change.
    """
    if form.key_format_type is KeyFormatType.PKCS_12:
        return Cost.COMPUTES
    if form.key_wrapping_specification is not None or form.key_wrap_type is not None:
        return Cost.CHANGES
    return Cost.READS if form.key_format_type is None else Cost.USES_KEYS


def deliver(scope: Scope, target: Admitted, form: Form) -> Content:
    """Return the object in the form that is wanted.

    A key that is kept wrapped is unwrapped first where the request says so, or asks for another wrapping without a Key
    Wrap Type: the first key must admit Unwrap Key. KMIP 1.4 §4.11.

    target: admitted for its content.
    Raises KmipError: Sensitive, Not Extractable, Key Format Type Not Supported, Key Compression Type Not Supported, Key
    Wrap Type Not Supported, Key Value Not Present, Invalid Object Type for what cannot be wrapped, and as `wrapping`
    and `pkcs12` say.
    """
    managed_object = target.managed_object
    object_type, attributes = managed_object.object_type, managed_object.attributes
    if object_type in WITHOUT_FIELDS:
        text = f"{with_article(standard_name(object_type))} is its attributes; Get Attributes returns them"
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, text)
    check_content_may_leave(attributes, wrapped=True)
    content = scope.work.content(target)
    if attributes.cryptographic_algorithm is CryptographicAlgorithm.ONE_TIME_PAD:
        _check_is_no_kept_pad(scope, content)
    specification = form.key_wrapping_specification
    wanted = form.key_wrap_type
    if wanted is KeyWrapType.NOT_WRAPPED or (wanted is None and specification is not None):
        content = wrapping.unwrap_content(scope, content)
    block = key_block_of(content)
    if specification is not None:
        hidden = wrapping.hides(specification)
    else:
        hidden = block is not None and block.key_wrapping_data is not None and _is_hidden(block.key_wrapping_data)
    check_content_may_leave(attributes, wrapped=hidden)
    if block is not None and block.key_value is None:
        _check_as_it_came(block, form)
    if form.key_compression_type is not None:
        _check_compression(content, form.key_compression_type)
    if block is not None and block.handle is not None and not _may_be_wrapped_in_token(content, form):
        content = custody.give_out(scope, key_use.completed(cast(KeyContent, content), attributes))
    wanted_format = form.key_format_type
    if wanted_format is None and form.prefers_transparent_keys:
        wanted_format = _default_format(scope, target, form)
    if wanted_format is not None:
        content = _in_format(scope, content, target, wanted_format)
    if specification is not None:
        content = _wrapped(scope, content, target, specification)
    return content


def _may_be_wrapped_in_token(content: Content, form: Form) -> bool:
    """Return whether a key that a token holds is wanted wrapped, in the format in which it is held."""
    block = key_block_of(content)
    as_held = block is not None and form.key_format_type in (None, block.key_format_type)
    return as_held and form.key_wrapping_specification is not None


def _default_format(scope: Scope, target: Admitted, form: Form) -> KeyFormatType | None:
    """Return the format of Table 81 for a key that was made here without a named format; None for any other.

    Such a key has a digest in that format (`creation.begin`). KMIP 2.1 §4.26; RULINGS 34.
    """
    if form.key_wrapping_specification is not None or scope.services.settings.pykmip_compatible:
        return None
    formats = (digest.key_format_type for digest in target.attributes.digests)
    return next((each for each in formats if each in creation.TRANSPARENT_DEFAULTS.values()), None)


def _check_is_no_kept_pad(scope: Scope, content: Content) -> None:
    """Raise KmipError (Permission Denied) for a one-time pad that is here, where the settings keep pads."""
    block = key_block_of(content)
    if scope.services.settings.one_time_pads is OneTimePads.KEPT and block and block.key_value is not None:
        raise permission_denied("one-time pads do not leave this server")


def _is_hidden(wrapping_data: KeyWrappingData) -> bool:
    """Return whether the content of a key block with this data was registered encrypted, and so leaves."""
    steps = wrapping.METHODS.get(wrapping_data.wrapping_method)
    return wrapping_data.encryption_key_information is not None if steps is None else steps.encrypts


def _check_as_it_came(block: KeyBlock, form: Form) -> None:
    """Refuse to change the form of a key whose value is not here; as it came it is returned."""
    if form.key_format_type not in (None, block.key_format_type) or form.key_wrapping_specification is not None:
        raise no_key_value()


_CURVES: Final = frozenset({CryptographicAlgorithm.EC, CryptographicAlgorithm.ECDSA, CryptographicAlgorithm.ECDH})


def _check_compression(content: Content, wanted: KeyCompressionType) -> None:
    is_curve = isinstance(content, PublicKey) and content.key_block.cryptographic_algorithm in _CURVES
    if not is_curve or wanted is not KeyCompressionType.EC_PUBLIC_KEY_TYPE_UNCOMPRESSED:
        raise KmipError(ResultReason.KEY_COMPRESSION_TYPE_NOT_SUPPORTED, "keys are returned uncompressed; ask for none")


def _in_format(scope: Scope, content: Content, target: Admitted, wanted: KeyFormatType) -> Content:
    block = key_block_of(content)
    if block is None:
        if wanted in _own_formats(content):
            return content
        raise _no_format("the object has no such form; ask for none")
    if wanted is block.key_format_type:
        return content
    if block.is_wrapped or block.material is None:
        raise _no_format(f"the key is kept wrapped as {standard_name(block.key_format_type)}; it cannot be converted")
    if wanted is KeyFormatType.PKCS_12 and isinstance(content, PrivateKey):
        key = key_use.completed(content, target.attributes)
        return wrapping.with_block(content, pkcs12.pack(scope, key, target.attributes))
    if not isinstance(content, SymmetricKey | PublicKey | PrivateKey | SecretData):
        raise _no_format(f"the object is kept as {standard_name(block.key_format_type)}; it cannot be converted")
    key = key_use.completed(content, target.attributes)
    return wrapping.with_block(content, scope.services.crypto.convert(key, wanted))


def _own_formats(content: Content) -> tuple[KeyFormatType, ...]:
    if isinstance(content, Certificate):
        return KeyFormatType.X_509, KeyFormatType.RAW  # KMIP 2.1 §4.26; the cases TC-CERTATTR
    if isinstance(content, CertificateRequest) and content.certificate_request_type is CertificateRequestType.PKCS_10:
        return (KeyFormatType.PKCS_10,)
    return ()


def _wrapped(scope: Scope, content: Content, target: Admitted, specification: KeyWrappingSpecification) -> Content:
    block = key_block_of(content)
    if block is None:
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, "only objects with a Key Block can be wrapped")
    (key, *_) = scope.targets.get(wrapping.ENCRYPTION_KEY.field, (None,))
    held: Key | None = None
    if custody.is_held(content):
        held = key_use.completed(cast(KeyContent, content), target.attributes)
    return wrapping.with_block(content, wrapping.wrap(scope, block, target.attributes, specification, key, held))


def _no_format(message: str) -> KmipError:
    return KmipError(ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED, message)
