"""Attributes of managed objects: one frozen record for all versions of the standard.

`Attributes` has a field for every attribute of KMIP 1.0 - 2.1, named as the standard names it; custom and vendor
attributes are kept beside them. A field's row says who sets the attribute, what kind of value it has, and its title
where that does not follow from its name; the tables after the class follow from the rows. How attributes look on the
wire (1.x Template-Attribute, 2.x Attributes) is the codec's business.
"""

from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any, Final

import attrs
from attrs import evolve, field

from kmip_core import enums
from kmip_core.attribute_facts import (
    ROW,
    Change,
    Kind,
    Row,
    Search,
    fixed,
    free,
    kept,
    limited,
    once,
    server,
    several,
    single,
)
from kmip_core.classes import frozen
from kmip_core.errors import KmipError
from kmip_core.structures import (
    AlternativeName,
    ApplicationSpecificInformation,
    CertificateAttributes,
    CertificateIdentifier,
    CertificateIssuer,
    CertificateSubject,
    CryptographicDomainParameters,
    CryptographicParameters,
    CustomAttribute,
    DeactivationReason,
    Digest,
    KeyValueLocation,
    Link,
    Name,
    NameReference,
    RevocationReason,
    RNGParameters,
    RotateName,
    TypedValue,
    UsageLimits,
    X509CertificateIdentifier,
    X509CertificateIssuer,
    X509CertificateSubject,
)

CUSTOM: Final = "custom_attributes"
"""The field that holds attributes the standard does not define."""

CERTIFICATES: Final = frozenset({enums.ObjectType.CERTIFICATE})
PAIRS: Final = frozenset({enums.ObjectType.PUBLIC_KEY, enums.ObjectType.PRIVATE_KEY, enums.ObjectType.TEMPLATE})
OPAQUE: Final = frozenset({enums.ObjectType.OPAQUE_OBJECT})
SPLIT_KEYS: Final = frozenset({enums.ObjectType.SPLIT_KEY})
ONE_TIME_PASSWORDS: Final = frozenset({enums.ObjectType.ONE_TIME_PASSWORD_CREDENTIAL})
COUNTED: Final = PAIRS - {enums.ObjectType.TEMPLATE} | {
    enums.ObjectType.SYMMETRIC_KEY,
    enums.ObjectType.CERTIFICATE,
    enums.ObjectType.CERTIFICATE_REQUEST,
}
CREDENTIALS: Final = (
    CERTIFICATES
    | ONE_TIME_PASSWORDS
    | {
        enums.ObjectType.PASSWORD_CREDENTIAL,
        enums.ObjectType.DEVICE_CREDENTIAL,
        enums.ObjectType.HASHED_PASSWORD_CREDENTIAL,
    }
)


@frozen(kw_only=True)
class AttributeReference:
    """Which attribute, and which instance of it.

    attribute: the field name of `Attributes`, or of `CertificateAttributes` for one part of those; for a custom
        attribute its name without prefix; or the text as it came where the standard knows no such attribute.
    vendor_identification: None for the standard's attributes, else "x", "y" or a vendor's.
    attribute_index: which instance (1.x); None where the version has no index or none was given.
    """

    attribute: str
    vendor_identification: str | None = None
    attribute_index: int | None = None


@frozen(kw_only=True)
class AttributeInstance:
    """One value of one attribute: what Add Attribute carries and what a Locate criterion is.

    value: the field's type (one element of it for a multi-instance attribute), a `TypedValue` for a custom attribute.
    """

    reference: AttributeReference
    value: Any


@frozen(kw_only=True, repr=False, slots=False)  # a dict makes it three times as fast as sixty slots
class Attributes:
    """All attributes of one managed object, or those that a request asks for. KMIP 2.1 §4, 1.4 §3.

    Dates: seconds since 1970-01-01 UTC.  Intervals: seconds.  Lengths: bits, certificate_length: bytes.
    """

    unique_identifier: str | None = single(server(), Kind.TEXT)
    short_unique_identifier: bytes | None = single(server(), Kind.BYTES)
    names: tuple[Name, ...] = several(free(), Kind.STRUCTURE, "Name")
    object_type: enums.ObjectType | None = single(server(), Kind.ENUMERATION)
    object_class: enums.ObjectClass | None = single(fixed(), Kind.CLASS)
    cryptographic_algorithm: enums.CryptographicAlgorithm | None = single(fixed(), Kind.ENUMERATION)
    cryptographic_length: int | None = single(fixed(), Kind.INTEGER)
    cryptographic_parameters: tuple[CryptographicParameters, ...] = several(free(), Kind.STRUCTURE)
    cryptographic_domain_parameters: CryptographicDomainParameters | None = single(once(PAIRS), Kind.STRUCTURE)
    certificate_type: enums.CertificateType | None = single(fixed(CERTIFICATES), Kind.ENUMERATION)
    certificate_length: int | None = single(fixed(CERTIFICATES), Kind.INTEGER)
    x_509_certificate_identifier: X509CertificateIdentifier | None = single(server(CERTIFICATES), Kind.STRUCTURE)
    x_509_certificate_subject: X509CertificateSubject | None = single(server(CERTIFICATES), Kind.STRUCTURE)
    x_509_certificate_issuer: X509CertificateIssuer | None = single(server(CERTIFICATES), Kind.STRUCTURE)
    certificate_identifier: CertificateIdentifier | None = single(server(CERTIFICATES), Kind.STRUCTURE)
    certificate_subject: CertificateSubject | None = single(server(CERTIFICATES), Kind.STRUCTURE)
    certificate_issuer: CertificateIssuer | None = single(server(CERTIFICATES), Kind.STRUCTURE)
    certificate_attributes: CertificateAttributes | None = single(server(CERTIFICATES), Kind.STRUCTURE)
    digital_signature_algorithms: tuple[enums.DigitalSignatureAlgorithm, ...] = several(
        fixed(CERTIFICATES | {enums.ObjectType.PGP_KEY}), Kind.ENUMERATION, "Digital Signature Algorithm"
    )
    digests: tuple[Digest, ...] = several(server(), Kind.STRUCTURE, "Digest")
    operation_policy_name: str | None = single(once(), Kind.TEXT)
    cryptographic_usage_mask: enums.CryptographicUsageMask | None = single(once(), Kind.MASK)
    lease_time: int | None = single(server(), Kind.INTERVAL)
    usage_limits: UsageLimits | None = single(limited(), Kind.STRUCTURE)
    state: enums.State | None = single(server(), Kind.ENUMERATION)
    initial_date: int | None = single(server(), Kind.DATE)
    activation_date: int | None = single(kept(Change.PRE_ACTIVE), Kind.DATE)
    process_start_date: int | None = single(kept(Change.UNTIL_REACHED), Kind.DATE)
    protect_stop_date: int | None = single(kept(Change.UNTIL_REACHED), Kind.DATE)
    deactivation_date: int | None = single(kept(Change.PRE_ACTIVE_OR_ACTIVE), Kind.DATE)
    destroy_date: int | None = single(server(), Kind.DATE)
    compromise_occurrence_date: int | None = single(server(), Kind.DATE)
    compromise_date: int | None = single(server(), Kind.DATE)
    revocation_reason: RevocationReason | None = single(server(), Kind.STRUCTURE)
    deactivation_reason: DeactivationReason | None = single(server(), Kind.STRUCTURE)
    archive_date: int | None = single(server(), Kind.DATE)
    object_groups: tuple[str, ...] = several(free(), Kind.TEXT, "Object Group")
    fresh: bool | None = single(fixed(), Kind.BOOLEAN)
    links: tuple[Link, ...] = several(free(), Kind.STRUCTURE, "Link")
    application_specific_information: tuple[ApplicationSpecificInformation, ...] = several(free(), Kind.STRUCTURE)
    contact_information: str | None = single(free(), Kind.TEXT)
    last_change_date: int | None = single(server(), Kind.DATE)
    alternative_names: tuple[AlternativeName, ...] = several(free(), Kind.STRUCTURE, "Alternative Name")
    key_value_present: bool | None = single(server(), Kind.BOOLEAN)
    key_value_locations: tuple[KeyValueLocation, ...] = several(free(), Kind.STRUCTURE, "Key Value Location")
    original_creation_date: int | None = single(once(), Kind.DATE)
    random_number_generator: RNGParameters | None = single(once(), Kind.STRUCTURE)
    pkcs_12_friendly_name: str | None = single(free(), Kind.TEXT, "PKCS#12 Friendly Name")
    description: str | None = single(free(), Kind.TEXT)
    comment: str | None = single(free(), Kind.TEXT)
    sensitive: bool | None = single(kept(Change.ONLY_TO_TRUE), Kind.BOOLEAN)
    always_sensitive: bool | None = single(server(), Kind.BOOLEAN)
    extractable: bool | None = single(kept(Change.ONLY_TO_FALSE), Kind.BOOLEAN)
    never_extractable: bool | None = single(server(), Kind.BOOLEAN)
    key_format_type: enums.KeyFormatType | None = single(fixed(), Kind.ENUMERATION)
    opaque_data_type: enums.OpaqueDataType | None = single(fixed(OPAQUE), Kind.ENUMERATION)
    nist_key_types: tuple[enums.NISTKeyType, ...] = several(once(), Kind.ENUMERATION, "NIST Key Type")
    protection_level: enums.ProtectionLevel | None = single(free(), Kind.ENUMERATION)
    protection_period: int | None = single(free(), Kind.INTERVAL)
    protection_storage_mask: enums.ProtectionStorageMask | None = single(server(), Kind.MASK)
    quantum_safe: bool | None = single(free(), Kind.BOOLEAN)
    rotate_automatic: bool | None = single(once(), Kind.BOOLEAN)
    rotate_date: int | None = single(server(), Kind.DATE)
    rotate_generation: int | None = single(server(), Kind.INTEGER)
    rotate_interval: int | None = single(once(), Kind.INTERVAL)
    rotate_latest: bool | None = single(server(), Kind.BOOLEAN)
    rotate_name: RotateName | None = single(free(), Kind.STRUCTURE)
    rotate_offset: int | None = single(once(), Kind.INTERVAL)
    credential_type: enums.CredentialType | None = single(server(CREDENTIALS), Kind.RARE_ENUMERATION)
    otp_counter: bytes | None = single(server(ONE_TIME_PASSWORDS), Kind.BYTES, "OTP Counter")
    nist_security_category: int | None = single(once(), Kind.RARE_INTEGER, "NIST Security Category")
    split_key_parts: int | None = single(fixed(SPLIT_KEYS), Kind.RARE_INTEGER)
    key_part_identifier: int | None = single(fixed(SPLIT_KEYS), Kind.RARE_INTEGER)
    split_key_threshold: int | None = single(fixed(SPLIT_KEYS), Kind.RARE_INTEGER)
    split_key_method: enums.SplitKeyMethod | None = single(fixed(SPLIT_KEYS), Kind.RARE_ENUMERATION)
    split_key_polynomial: enums.SplitKeyPolynomial | None = single(fixed(SPLIT_KEYS), Kind.RARE_ENUMERATION)
    certify_counter: int | None = single(server(COUNTED), Kind.RARE_LONG_INTEGER)
    decrypt_counter: int | None = single(server(COUNTED), Kind.RARE_LONG_INTEGER)
    encrypt_counter: int | None = single(server(COUNTED), Kind.RARE_LONG_INTEGER)
    sign_counter: int | None = single(server(COUNTED), Kind.RARE_LONG_INTEGER)
    signature_verify_counter: int | None = single(server(COUNTED), Kind.RARE_LONG_INTEGER)
    custom_attributes: tuple[CustomAttribute, ...] = several(free(), Kind.ANY)
    sparse_indices: tuple[tuple[AttributeReference, tuple[int, ...]], ...] = field(default=(), repr=False)
    """Instance numbers where deletions made them other than 0, 1, 2 ...: numbers never change (KMIP 1.4 §2.1.1)."""

    template_names: tuple[Name, ...] = ()
    """1.x requests only: Template objects whose attributes are merged in; never stored."""

    def but(self, **changes: Any) -> "Attributes":
        """Return these attributes with some fields changed: `evolve` for the hot path, ten times as fast."""
        return self.with_fields(changes)

    def with_fields(self, changes: dict[str, Any]) -> "Attributes":
        """Return these attributes with some fields changed, as `but` does."""
        fields = self.__dict__ | changes
        if len(fields) != len(self.__dict__):
            raise TypeError(f"no such attribute: {', '.join(changes.keys() - self.__dict__.keys())}")
        changed = object.__new__(Attributes)
        object.__setattr__(changed, "__dict__", fields)  # past the frozen class, and without growing a dict
        return changed

    def instances(self) -> Iterator[AttributeInstance]:
        """Yield every value with its reference and index, in the order of the fields."""
        sparse = dict(self.sparse_indices)
        for name, value in self.__dict__.items():
            if value is None or value == () or name not in _FIELD_SET:
                continue
            if name in MULTIPLE:
                yield from _numbered(AttributeReference(attribute=name), value, sparse)
            else:
                yield AttributeInstance(reference=AttributeReference(attribute=name, attribute_index=0), value=value)
        groups: dict[AttributeReference, list[TypedValue]] = {}
        for custom in self.custom_attributes:
            groups.setdefault(custom_reference(custom), []).append(custom.attribute_value)
        for reference, values in groups.items():
            yield from _numbered(reference, tuple(values), sparse)

    def present(self) -> list[str]:
        """Return the names of the standard's attributes that have a value."""
        return [
            name
            for name, value in self.__dict__.items()
            if value is not None and value is not _NO_VALUES and value != () and name in _FIELD_SET
        ]

    def has_more_instances_than(self, number: int) -> bool:
        """Return whether `instances` would yield more than so many, without making them."""
        values, found = self.__dict__, len(self.custom_attributes)
        for instances in _multiple_values(values):
            if instances:
                found += len(instances)
        if found + len(_SINGLE) <= number:  # as nearly always: then no single one need be looked at
            return False
        return found + len([name for name in _SINGLE if values[name] is not None]) > number

    def references(self) -> tuple[AttributeReference, ...]:
        """Return each attribute that has a value once.

        Parts of Certificate Attributes and kinds of links are attributes by themselves.
        """
        named: dict[AttributeReference, None] = {}
        for instance in self.instances():
            reference = instance.reference
            if reference.vendor_identification is None and reference.attribute == "certificate_attributes":
                parts = (name for name in CERTIFICATE_PARTS if getattr(instance.value, name))
                named |= dict.fromkeys(AttributeReference(attribute=name) for name in parts)
            elif reference.vendor_identification is None and reference.attribute == LINKS.attribute:
                named[AttributeReference(attribute=instance.value.link_type.name.lower())] = None
            else:
                named[evolve(reference, attribute_index=None)] = None
        return tuple(named)

    def values_of(self, reference: AttributeReference) -> tuple[Any, ...]:
        """Return all values of one attribute, whatever its index; empty if it has none or does not exist."""
        if reference.vendor_identification is not None:
            wanted = (reference.vendor_identification, reference.attribute)
            return tuple(
                c.attribute_value
                for c in self.custom_attributes
                if (c.vendor_identification, c.attribute_name) == wanted
            )
        if reference.attribute in LINK_KINDS:
            return self.links_of(LINK_KINDS[reference.attribute])
        if reference.attribute in CERTIFICATE_PARTS:
            part = getattr(self.certificate_attributes, reference.attribute, None)
            return (_one_part(reference.attribute, part),) if part else ()
        if reference.attribute not in FIELDS:
            return ()
        value = getattr(self, reference.attribute)
        if reference.attribute in MULTIPLE:
            return tuple(value)
        return () if value is None else (value,)

    def links_of(self, kind: enums.LinkType) -> tuple[Link, ...]:
        """Return the links of one kind; an Object Group is the link to a group by its name."""
        links = tuple(link for link in self.links if link.link_type is kind)
        if kind is not enums.LinkType.GROUP_LINK or not self.object_groups:
            return links
        return (*map(link_to_group, self.object_groups), *links)

    def indices_of(self, reference: AttributeReference) -> tuple[int, ...]:
        """Return the index of each of `values_of(reference)`, in the same order."""
        bare = reference if reference.attribute_index is None else evolve(reference, attribute_index=None)
        for sparse, indices in self.sparse_indices:
            if sparse == bare:
                return indices
        return tuple(range(len(self.values_of(reference))))

    def with_values(
        self, reference: AttributeReference, values: tuple[Any, ...], indices: tuple[int, ...] | None = None
    ) -> "Attributes":
        """Return these attributes with all values of one attribute replaced; empty removes it.

        indices: the numbers of the values where they are not 0, 1, 2 ...
        """
        if reference.attribute in LINK_KINDS and reference.vendor_identification is None:
            return self._with_links(LINK_KINDS[reference.attribute], values)
        bare = reference if reference.attribute_index is None else evolve(reference, attribute_index=None)
        sparse = tuple(entry for entry in self.sparse_indices if entry[0] != bare)
        if indices is not None and indices != tuple(range(len(values))):
            sparse += ((bare, indices),)
        if reference.vendor_identification is not None:
            others = tuple(c for c in self.custom_attributes if custom_reference(c) != bare)
            mine = tuple(
                CustomAttribute(
                    vendor_identification=reference.vendor_identification,
                    attribute_name=reference.attribute,
                    attribute_value=value,
                )
                for value in values
            )
            return evolve(self, custom_attributes=others + mine, sparse_indices=sparse)
        if reference.attribute in CERTIFICATE_PARTS:
            part = getattr(values[0] if values else _NO_PARTS, reference.attribute)
            joined = evolve(self.certificate_attributes or _NO_PARTS, **{reference.attribute: part})
            return evolve(self, certificate_attributes=None if joined == _NO_PARTS else joined)
        value: Any = values if reference.attribute in MULTIPLE else (values[0] if values else None)
        changes: dict[str, Any] = {reference.attribute: value, "sparse_indices": sparse}
        return self.but(**changes)

    def _with_links(self, kind: enums.LinkType, links: tuple[Link, ...]) -> "Attributes":
        """Return these attributes with all links of one kind replaced; what stays keeps its place and its number."""
        changed = self
        if kind is enums.LinkType.GROUP_LINK:
            names = tuple(name for link in links if (name := name_of_group(link)) is not None)
            links = tuple(link for link in links if name_of_group(link) is None)
            changed = self._with_replaced(OBJECT_GROUPS, self.object_groups, names)
        return changed._with_replaced(LINKS, tuple(link for link in self.links if link.link_type is kind), links)

    def _with_replaced(
        self, reference: AttributeReference, before: tuple[Any, ...], after: tuple[Any, ...]
    ) -> "Attributes":
        """Return these attributes with some values of an attribute replaced; what stays keeps its place and number."""
        numbered = tuple(zip(self.indices_of(reference), self.values_of(reference), strict=True))
        kept = [(index, value) for index, value in numbered if value not in before or value in after]
        new = [value for value in after if value not in before]
        following = max((index for index, _ in numbered), default=-1) + 1
        indices = (*(index for index, _ in kept), *range(following, following + len(new)))
        return self.with_values(reference, (*(value for _, value in kept), *new), indices)

    def with_one_more(self, reference: AttributeReference, value: Any) -> "Attributes":
        """Return these attributes with one more value of one that may have several; it has the next number."""
        values, indices = self.values_of(reference), self.indices_of(reference)
        return self.with_values(reference, (*values, value), (*indices, max(indices, default=-1) + 1))

    def __repr__(self) -> str:
        """Show only what is set: sixty fields of None hide the three that matter."""
        shown = (f"{a.name}={getattr(self, a.name)!r}" for a in attrs.fields(Attributes) if a.repr)
        return f"Attributes({', '.join(t for t in shown if not t.endswith(('=None', '=()')))})"


def _numbered(
    reference: AttributeReference, values: tuple[Any, ...], sparse: dict[AttributeReference, tuple[int, ...]]
) -> Iterator[AttributeInstance]:
    for index, value in zip(sparse.get(reference, range(len(values))), values, strict=True):
        numbered = AttributeReference(
            attribute=reference.attribute,
            vendor_identification=reference.vendor_identification,
            attribute_index=index,
        )
        yield AttributeInstance(reference=numbered, value=value)


ROWS: Final[dict[str, Row]] = {a.name: a.metadata[ROW] for a in attrs.fields(Attributes) if ROW in a.metadata}
"""Every attribute to what there is to say of it; custom and vendor attributes share one row."""

FIELDS: Final[tuple[str, ...]] = tuple(name for name in ROWS if name != CUSTOM)
"""Fields of the standard's attributes, in order."""

MULTIPLE: Final[frozenset[str]] = frozenset(
    a.name for a in attrs.fields(Attributes) if a.default == () and a.name in FIELDS
)
"""Fields of attributes that may have several instances."""

DATES: Final = frozenset(name for name in FIELDS if ROWS[name].kind.search is Search.RANGE)
"""Attributes of which two criteria make a range."""

MASKS: Final = frozenset(name for name in FIELDS if ROWS[name].kind.search is Search.BITS)
"""Attributes that match by subset of bits."""

BY_TYPE: Final = frozenset(name for name in FIELDS if ROWS[name].kind.search is Search.TYPE)
"""Attributes that follow from the object's type, and are never searched for in a store."""

TRAITS: Final[tuple[str, ...]] = tuple(
    name
    for name in FIELDS
    if name not in MULTIPLE | {"object_type", "state"} and ROWS[name].kind.search in (Search.NUMBER, Search.BITS)
)
"""Attributes with one value, a number that many objects share, in order; type and state are more than traits."""

ADJUSTABLE: Final[dict[str, enums.ItemType]] = {
    name: item_type
    for name in FIELDS
    if ROWS[name].kind in (Kind.DATE, Kind.INTERVAL, Kind.INTEGER, Kind.BOOLEAN)
    and (item_type := ROWS[name].kind.item_type) is not None
}
"""Numbers, intervals, dates and Booleans, with their item types: what Adjust Attribute applies to (KMIP 2.1 §6.1.3)."""

NAMES: Final = AttributeReference(attribute="names")
LINKS: Final = AttributeReference(attribute="links")
OBJECT_GROUPS: Final = AttributeReference(attribute="object_groups")

LINK_KINDS: Final[Mapping[str, enums.LinkType]] = {kind.name.lower(): kind for kind in enums.LinkType}
"""Kinds of links, each of which can be asked for by itself; its values are the links of that kind. KMIP 3.0 §4.35."""


def link_to_group(name: str) -> Link:
    """Return what an Object Group is in 3.0: the link to a group by its name. KMIP 3.0 §4.35.7."""
    return Link(link_type=enums.LinkType.GROUP_LINK, linked_object_identifier=NameReference(name))


def name_of_group(link: Link) -> str | None:
    """Return the Object Group that a link is; None for a link of another kind, or by identifier."""
    target = link.linked_object_identifier
    return target.name if link.link_type is enums.LinkType.GROUP_LINK and isinstance(target, NameReference) else None


_FIELD_SET: Final = frozenset(FIELDS)
_SINGLE: Final = tuple(name for name in FIELDS if name not in MULTIPLE)
_multiple_values: Final = itemgetter(*MULTIPLE)
_NO_VALUES: Final[tuple[()]] = ()
"""What attributes without any value have; to compare each of them with `()` would be half of the time of `present`."""

CERTIFICATE_PARTS: Final[tuple[str, ...]] = tuple(a.name for a in attrs.fields(CertificateAttributes))
"""Parts of Certificate Attributes, each of which can be asked for by itself; its value has that part alone."""

_NO_PARTS: Final = CertificateAttributes()


def _one_part(name: str, value: Any) -> CertificateAttributes:
    parts: dict[str, Any] = {name: value}
    return CertificateAttributes(**parts)


def custom_reference(custom: CustomAttribute) -> AttributeReference:
    """Return the reference that all instances of this custom attribute share."""
    return AttributeReference(attribute=custom.attribute_name, vendor_identification=custom.vendor_identification)


def collect(instances: Iterable[AttributeInstance], template_names: tuple[Name, ...] = ()) -> Attributes:
    """Return the attributes that these instances make up, as a request lists them.

    Raises KmipError: Invalid Attribute for one that the standard does not have; Attribute Single Valued for a second
    instance of one that can have only one. KMIP 1.4 §4.1, §11.2.
    """
    fields: dict[str, Any] = {}
    multiple: dict[str, list[Any]] = {}
    customs: list[CustomAttribute] = []
    for instance in instances:
        reference = instance.reference
        name = reference.attribute
        if reference.vendor_identification is not None:
            customs.append(
                CustomAttribute(
                    vendor_identification=reference.vendor_identification,
                    attribute_name=name,
                    attribute_value=instance.value,
                )
            )
        elif name in MULTIPLE:
            multiple.setdefault(name, []).append(instance.value)
        elif name not in _FIELD_SET:
            raise KmipError(enums.ResultReason.INVALID_ATTRIBUTE, f"{name} is not an attribute of the standard")
        elif name in fields:
            raise KmipError(enums.ResultReason.ATTRIBUTE_SINGLE_VALUED, f"{title(name)} can have only one value")
        else:
            fields[name] = instance.value
    fields |= {name: tuple(values) for name, values in multiple.items()}
    return Attributes(**fields, custom_attributes=tuple(customs), template_names=template_names)


def merge(base: Attributes, more: Attributes) -> Attributes:
    """Return `base` with what `more` says put over it: single values replace, multiple ones are added.

    So a key pair's common attributes are completed by those of each half, and a Template by the request's own.
    """
    changes: dict[str, Any] = {}
    for name in FIELDS:
        value = getattr(more, name)
        if value is None or value == ():
            continue
        if name in MULTIPLE:
            present = getattr(base, name)
            known = set(present)  # both sides are as long as a message allows
            changes[name] = present + tuple(v for v in value if v not in known)
        else:
            changes[name] = value
    known = set(base.custom_attributes)
    changes["custom_attributes"] = base.custom_attributes + tuple(c for c in more.custom_attributes if c not in known)
    changes["template_names"] = base.template_names + more.template_names
    return evolve(base, **changes)


def title(attribute: str) -> str:
    """Return an attribute's name as people write it: `cryptographic_usage_mask` -> `Cryptographic Usage Mask`.

    For messages; the exact spelling for the wire is the tag table's.
    """
    row = ROWS.get(attribute)
    return (row and row.title) or attribute.replace("x_509", "X.509").replace("_", " ").title()
