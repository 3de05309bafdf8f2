"""Names in certificates: Distinguished Names as bytes, text and attributes; Subject and Issuer Alternative Names.

Names are DER, and are compared as bytes: whatever is done to one here keeps the bytes of all but what it says.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from kmip_adapters.crypto.software.certificates.x509 import UNREADABLE, extension
from kmip_core.errors import invalid_field
from kmip_core.structures import CertificateAttributes

UTF8_STRING: Final = 0x0C
PRINTABLE_STRING: Final = 0x13


def distinguished_name(text: str) -> bytes:
    """Return the DER of a name in RFC 4514 text; see the port."""
    try:
        return _printable(x509.Name.from_rfc4514_string(text).public_bytes())
    except ValueError:
        raise invalid_field("the Distinguished Name is not RFC 4514 text such as CN=client,O=ACME") from None


def parsed_name(der: bytes) -> x509.Name:
    """Return a name in DER as pyca's.  Raises KmipError (Invalid Field) for what is none."""
    try:
        return x509.Name.from_bytes(der)
    except UNREADABLE:
        raise invalid_field("the Distinguished Name is not DER that can be read") from None


def name_parts(parsed: x509.Certificate) -> CertificateAttributes:
    """Return the parts of the names of subject and issuer that have attributes of their own."""
    fields: dict[str, Any] = {}
    for side, name in (("subject", parsed.subject), ("issuer", parsed.issuer)):
        for part in name:
            suffix = _NAMES.get(part.oid)
            if suffix is None:
                continue
            value = part.value if isinstance(part.value, str) else part.value.hex()
            if suffix == "cn":  # one only; the last is the most specific
                fields[f"certificate_{side}_cn"] = value
            else:
                field = f"certificate_{side}_{suffix}"
                fields[field] = (*fields.get(field, ()), value)
    return CertificateAttributes(**fields)


_NAMES: Final[Mapping[x509.ObjectIdentifier, str]] = {
    NameOID.COMMON_NAME: "cn",
    NameOID.ORGANIZATION_NAME: "os",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "ous",
    NameOID.EMAIL_ADDRESS: "emails",
    NameOID.COUNTRY_NAME: "cs",
    NameOID.STATE_OR_PROVINCE_NAME: "sts",
    NameOID.LOCALITY_NAME: "ls",
    NameOID.USER_ID: "uids",
    NameOID.SERIAL_NUMBER: "serial_numbers",
    NameOID.TITLE: "titles",
    NameOID.DOMAIN_COMPONENT: "dcs",
    NameOID.DN_QUALIFIER: "dn_qualifiers",
}
"""Kind of a name's part -> the end of its field in Certificate Attributes. KMIP 2.1 §4.6."""


def alternative_names(
    parsed: x509.Certificate, kind: type[x509.SubjectAlternativeName | x509.IssuerAlternativeName]
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the alternative names as DER (bytes, GeneralName each), and as text (str) those that are text."""
    try:
        names = extension(parsed, kind)
    except UNREADABLE:
        names = None
    if names is None:
        return (), ()
    texts = map(_general_text, names)
    return tuple(_members(names.public_bytes())), tuple(text for text in texts if text is not None)


def _general_text(name: x509.GeneralName) -> str | None:
    if isinstance(name, x509.DirectoryName):
        return name.value.rfc4514_string()
    if isinstance(name, x509.OtherName):
        return None
    if isinstance(name, x509.RegisteredID):
        return name.value.dotted_string
    return str(name.value)


# --- DER ------------------------------------------------------------------------------------------------------------


def _printable(name: bytes) -> bytes:
    """Return a DER name with every UTF8String that can be one turned into a PrintableString, as issuers write them.

    Names are compared as bytes, and most certificates that ours must fit to are older than UTF8String (TC-134). The
    length stays: only the value's tag changes.
    """
    changed = bytearray(name)
    _, rdn = _length(name, 0)
    while rdn < len(name):
        length, part = _length(name, rdn)
        rdn = part + length
        while part < rdn:
            length, kind = _length(name, part)
            part = kind + length
            length, start = _length(name, kind)
            value = start + length  # behind the kind of the part: its value
            length, start = _length(name, value)
            if name[value] == UTF8_STRING and _PRINTABLE.issuperset(name[start : start + length]):
                changed[value] = PRINTABLE_STRING
    return bytes(changed)


_PRINTABLE: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?")


def _members(sequence: bytes) -> Sequence[bytes]:
    """Return the DER values in a DER SEQUENCE."""
    members: list[bytes] = []
    _, offset = _length(sequence, 0)
    while offset < len(sequence):
        length, start = _length(sequence, offset)
        members.append(sequence[offset : start + length])
        offset = start + length
    return members


def _length(der: bytes, offset: int) -> tuple[int, int]:
    """Return a DER value's length and where its contents begin."""
    first = der[offset + 1]
    if first < 0x80:
        return first, offset + 2
    octets = first & 0x7F
    return int.from_bytes(der[offset + 2 : offset + 2 + octets]), offset + 2 + octets
