"""PKCS#12 containers (RFC 7292): a private key and its certificates under a password."""

from typing import Final

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, pkcs12

from kmip_adapters.crypto.software.certificates.x509 import UNREADABLE, parsed_certificate
from kmip_adapters.crypto.software.conversion import describe
from kmip_adapters.crypto.software.formats import written
from kmip_adapters.crypto.software.keys import private_key
from kmip_adapters.crypto.software.limits import MAXIMUM_CONTAINER_BYTES, MAXIMUM_CONTAINER_ROUNDS
from kmip_core.enums import KeyFormatType, ResultReason
from kmip_core.errors import KmipError, invalid_field
from kmip_core.objects import Certificate, KeyBlock, KeyValue, PrivateKey
from kmip_core.ports.key_forms import KeyContainer

SCRYPT: Final = bytes.fromhex("2b06010401da47040b")
"""1.3.6.1.4.1.11591.4.11: its cost is a product of three numbers, and no software writes it into these containers."""

KINDS: Final = (
    rsa.RSAPrivateKey,
    ec.EllipticCurvePrivateKey,
    dsa.DSAPrivateKey,
    ed25519.Ed25519PrivateKey,
    ed448.Ed448PrivateKey,
)
"""Private keys that pyca puts into a container."""

ROUNDS: Final = 50_000
MAXIMUM_PASSWORD: Final = 1024
MAXIMUM_DEPTH: Final = 24

OCTET_STRING: Final = 0x04
EXPLICIT: Final = 0xA0  # [0]


def read_container(container: bytes, password: bytes) -> KeyContainer:
    """Return what is in the container; see the port."""
    if len(container) > MAXIMUM_CONTAINER_BYTES:
        raise invalid_field(f"a PKCS#12 container may have {MAXIMUM_CONTAINER_BYTES} bytes at most")
    _check_password(password)
    if _rounds(container) > MAXIMUM_CONTAINER_ROUNDS:
        raise invalid_field(f"the container asks for more than {MAXIMUM_CONTAINER_ROUNDS} iterations")
    try:
        contents = pkcs12.load_pkcs12(container, password)
    except ValueError as error:
        if "password" in str(error).lower():
            raise KmipError(ResultReason.BAD_PASSWORD, "the password does not open the container") from None
        raise invalid_field("the material is not a PKCS#12 container that can be read") from None
    except (UnsupportedAlgorithm, InternalError):
        raise invalid_field("the container is protected by an algorithm that is not known here") from None
    found = [] if contents.cert is None else [contents.cert]
    name = next((each.friendly_name for each in found if each.friendly_name), None)
    return KeyContainer(
        private_key=None if contents.key is None else _private_key(contents.key),
        certificates=tuple(
            Certificate(certificate_value=each.certificate.public_bytes(Encoding.DER))
            for each in (*found, *contents.additional_certs)
        ),
        friendly_name=None if name is None else name.decode("utf-8", "replace"),
    )


def write_container(contents: KeyContainer, password: bytes) -> bytes:
    """Return the container; see the port."""
    _check_password(password)
    if contents.private_key is None:
        raise _cannot_hold()
    key = private_key(contents.private_key)
    if not isinstance(key, KINDS):
        raise _cannot_hold()
    try:
        certificates = [parsed_certificate(each) for each in contents.certificates]
    except UNREADABLE:
        raise invalid_field("a certificate linked to the private key cannot be read") from None
    protection = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(ROUNDS)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(password)
    )
    name = None if contents.friendly_name is None else contents.friendly_name.encode()
    first = certificates[0] if certificates else None
    try:
        return pkcs12.serialize_key_and_certificates(name, key, first, certificates[1:] or None, protection)
    except ValueError:
        raise invalid_field("the certificate linked to the private key is not that key's") from None


def _private_key(key: object) -> PrivateKey:
    if not isinstance(key, KINDS):
        raise invalid_field("the container holds a kind of key that is not known here")
    material = written(key, KeyFormatType.PKCS_8)
    block = KeyBlock(key_format_type=KeyFormatType.PKCS_8, key_value=KeyValue(key_material=material))
    found = describe(PrivateKey(key_block=block))
    return PrivateKey(
        key_block=KeyBlock(
            key_format_type=KeyFormatType.PKCS_8,
            key_value=KeyValue(key_material=material),
            cryptographic_algorithm=None if found is None else found.algorithm,
            cryptographic_length=None if found is None else found.length,
        )
    )


def _check_password(password: bytes) -> None:
    if not 0 < len(password) <= MAXIMUM_PASSWORD:
        raise invalid_field(f"a PKCS#12 password has 1 to {MAXIMUM_PASSWORD} bytes")


def _rounds(der: bytes, around: int = 0, depth: int = 0) -> int:
    """Return what all iteration counts come to: wherever an INTEGER follows an OCTET STRING, its salt.

    around: the tag that this is in. An OCTET STRING is structure where [0] EXPLICIT holds it, as in a ContentInfo; the
    others are salts, digests and cipher text, which look like anything.
    Raises KmipError (Invalid Field) unless it is DER, for an indefinite length, or an OCTET STRING in pieces, would
    hide what follows from this walk, and for scrypt.
    """
    offset, previous, rounds = 0, 0, 0
    while offset + 2 <= len(der):
        tag, length, header = der[offset], der[offset + 1], 2
        if (length == 0x80 and tag & 0x20) or tag == OCTET_STRING | 0x20:
            raise invalid_field("the container is not in DER")
        if length & 0x80:
            octets = length & 0x7F
            length = int.from_bytes(der[offset + 2 : offset + 2 + octets])
            header += octets
        value = der[offset + header : offset + header + length]
        if len(value) != length:
            return rounds
        if tag == 0x06 and value == SCRYPT:
            raise invalid_field("the container is protected by scrypt, which is not taken here")
        if tag == 0x02 and previous == OCTET_STRING:
            rounds += int.from_bytes(value)
        is_structure = tag & 0x20 or (tag == OCTET_STRING and around == EXPLICIT)
        if is_structure and depth < MAXIMUM_DEPTH:
            rounds += _rounds(value, tag, depth + 1)
        offset += header + length
        previous = tag
    return rounds


def _cannot_hold() -> KmipError:
    return KmipError(ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED, "PKCS#12 cannot hold this key")
