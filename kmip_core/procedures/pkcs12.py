"""PKCS#12 on its way in and out: the password, the certificate chain, and what becomes of them.

KMIP 2.1 §6.1.19, 1.4 §4.11. Get makes a container of a private key and the certificates linked to it; Register takes
one apart.
"""

from collections.abc import Iterable
from typing import Final

from attrs import evolve

from kmip_core.attributes import Attributes
from kmip_core.enums import KeyFormatType, LinkType, ObjectType, Operation, ResultReason
from kmip_core.errors import KmipError, invalid_field
from kmip_core.objects import Certificate, KeyBlock, KeyValue, PrivateKey, SecretData
from kmip_core.operation import Scope
from kmip_core.ports.key_forms import KeyContainer
from kmip_core.procedures import creation, linked_objects
from kmip_core.rules import Purpose
from kmip_core.structures import Link

MAXIMUM_CHAIN: Final = 20
FRIENDLY_NAME: Final = "alias"
"""Of a key that has no PKCS#12 Friendly Name. KMIP 2.1 §4.39."""

_CERTIFICATES: Final = frozenset({ObjectType.CERTIFICATE})
_FIRST_LINKS: Final = (LinkType.PKCS_12_CERTIFICATE_LINK, LinkType.CERTIFICATE_LINK)


def pack(scope: Scope, key: PrivateKey, attributes: Attributes) -> KeyBlock:
    """Return the key block that holds a container with the private key and its certificate chain.

    Raises KmipError (Invalid Field) for more than one chain, or one that cannot be read; as `password`, and as the
    admission of password and certificates does.
    """
    contents = KeyContainer(
        private_key=key,
        certificates=_chain(scope, attributes),
        friendly_name=attributes.pkcs_12_friendly_name or FRIENDLY_NAME,
    )
    container = scope.services.key_forms.write_container(contents, password(scope, attributes))
    return KeyBlock(key_format_type=KeyFormatType.PKCS_12, key_value=KeyValue(key_material=container))


def _unpack(scope: Scope, block: KeyBlock, attributes: Attributes) -> tuple[PrivateKey, KeyContainer]:
    """Return what the container in a key block holds, the private key apart."""
    material = block.key_value if isinstance(block.key_value, bytes) else block.material
    if not isinstance(material, bytes):
        raise invalid_field("a PKCS#12 container must be given as a Byte String")
    contents = scope.services.key_forms.read_container(material, password(scope, attributes))
    if contents.private_key is None:
        raise invalid_field("the PKCS#12 container holds no private key")
    return contents.private_key, contents


def take_apart(scope: Scope, content: PrivateKey, attributes: Attributes) -> tuple[PrivateKey, Attributes]:
    """Return a private key that came in a container, and its attributes.

    The certificates become objects of their own, each linked to the next, the key to the first.
    Raises KmipError: Bad Password; Invalid Field for what is no container; as `password`, and as its admission does.
    """
    key, contents = _unpack(scope, content.key_block, attributes)
    name = attributes.pkcs_12_friendly_name or contents.friendly_name
    identifier: str | None = None
    for certificate in reversed(contents.certificates):
        given = Attributes(pkcs_12_friendly_name=name, links=_link(identifier))
        identifier = creation.begin(scope, certificate, given, made_here=False).unique_identifier
    links = (*attributes.links, *_link(identifier))
    return key, evolve(attributes, pkcs_12_friendly_name=name, links=links, key_format_type=None)


def _link(certificate: str | None) -> tuple[Link, ...]:
    if certificate is None:
        return ()
    return (Link(link_type=LinkType.PKCS_12_CERTIFICATE_LINK, linked_object_identifier=certificate),)


def password(scope: Scope, attributes: Attributes) -> bytes:
    """Return the password that the attributes link to; it must be Active (TC-PKCS12-2-14).

    Raises KmipError: Bad Password unless it is one Secret Data (KMIP 2.1 §11.46); Key Value Not Present.
    """
    links = attributes.links_of(LinkType.PKCS_12_PASSWORD_LINK)
    if len(links) != 1:
        raise _bad_password()
    admitted = scope.admit(scope.admit.linked(links[0]), Purpose.PASSWORD, Operation.GET)
    if admitted.managed_object.object_type is not ObjectType.SECRET_DATA:
        raise _bad_password()
    material = scope.content_of(admitted, SecretData).key_block.clear_material
    if not isinstance(material, bytes):
        raise KmipError(ResultReason.KEY_VALUE_NOT_PRESENT, "the password's value is not here in the clear")
    return material


def _bad_password() -> KmipError:
    text = "PKCS#12 needs one PKCS#12 Password Link, to the Secret Data that is the password"
    return KmipError(ResultReason.BAD_PASSWORD, text)


def _chain(scope: Scope, attributes: Attributes) -> tuple[Certificate, ...]:
    """Return the certificates from the key's own to the last that is linked."""
    identifier = _next(scope, attributes, _FIRST_LINKS)
    if identifier is None:
        public = _next(scope, attributes, (LinkType.PUBLIC_KEY_LINK,))
        if public is not None:
            half = scope.admit(public, Purpose.READ_ATTRIBUTES, Operation.GET)
            identifier = _next(scope, half.attributes, _FIRST_LINKS)
    chain: dict[str, Certificate] = {}
    while identifier is not None and identifier not in chain:
        if len(chain) == MAXIMUM_CHAIN:
            raise invalid_field(f"a chain has {MAXIMUM_CHAIN} certificates at most")
        admitted = scope.admit(identifier, Purpose.READ_CONTENT, Operation.GET, _CERTIFICATES)
        chain[identifier] = evolve(scope.content_of(admitted, Certificate), attributes=Attributes())
        identifier = _next(scope, admitted.attributes, _FIRST_LINKS)
    return tuple(chain.values())


def _next(scope: Scope, attributes: Attributes, link_types: Iterable[LinkType]) -> str | None:
    """Return where the first kind of link that there is leads; two of a kind would be two chains."""
    for link_type in link_types:
        identifiers = linked_objects.linked(scope, attributes, link_type)
        if len(identifiers) > 1:
            raise invalid_field("there is more than one certificate chain")
        if identifiers:
            return identifiers[0]
    return None
