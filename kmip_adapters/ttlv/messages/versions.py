"""Dialects: what reads and writes the messages of one protocol version, planned from its row of facts.

A payload or credential is planned when the first one comes: no server is asked for every operation in every version,
and to plan them all was a third of a server's start.

What a version means is a row of `standard.versions`; how it spells a field is one of `standard.spellings`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from attrs import evolve

from kmip_adapters.ttlv.converter import make_converter, make_converter_and_direct, planned_later
from kmip_adapters.ttlv.converter.direct import PLANNING, Read
from kmip_adapters.ttlv.converter.fields import Append
from kmip_adapters.ttlv.encodings.binary import INTEGER, STRUCTURE, TEXT_STRING
from kmip_adapters.ttlv.encodings.items import Item, Items
from kmip_adapters.ttlv.messages.items import (
    ATTESTATION_CAPABLE_INDICATOR,
    BATCH_COUNT,
    BATCH_ORDER_OPTION,
    CLIENT_CORRELATION_VALUE,
    EPHEMERAL,
    OPERATION,
    PROTOCOL_VERSION,
    PROTOCOL_VERSION_MAJOR,
    PROTOCOL_VERSION_MINOR,
    REQUEST_PAYLOAD,
    SERVER_CORRELATION_VALUE,
    UNIQUE_BATCH_ITEM_ID,
)
from kmip_adapters.ttlv.standard import spellings, tables
from kmip_adapters.ttlv.standard.versions import FACTS, AttributeForm, VersionFacts
from kmip_core.classes import frozen
from kmip_core.enums import CredentialType, Operation
from kmip_core.messages import RequestHeader, ResponseHeader
from kmip_core.operation import Spec
from kmip_core.operations import re_key
from kmip_core.structures import ProtocolVersion

FromItems: TypeAlias = Callable[[Items], Any]
ToItems: TypeAlias = Callable[[Any], Items]

BATCH_ITEM_TAGS: Final = (OPERATION, EPHEMERAL, UNIQUE_BATCH_ITEM_ID, REQUEST_PAYLOAD)
"""What a Batch Item of a request holds, Message Extensions aside."""


@frozen(kw_only=True)
class Dialect:
    """One version.

    batch_item_tags: of the table above, what the version has.
    has_attestation, has_batch_count, has_batch_order, has_correlation: whether the version has these header fields.
    has_data_references: whether Data of another item may stand for Data.
    requests, responses: code of an operation -> what reads its payload.  payloads: a payload's class -> what writes it.
    direct_requests, direct_payloads: the same without items, for the binary encoding; not every request has one.
    credentials: what reads a Credential Value.  credential_items: its class -> what writes it.
    """

    version: ProtocolVersion
    facts: VersionFacts
    version_item: Item
    batch_item_tags: frozenset[int]
    has_attestation: bool
    has_batch_count: bool
    has_batch_order: bool
    has_correlation: bool
    has_data_references: bool
    requests: Mapping[int, FromItems]
    responses: Mapping[int, FromItems]
    payloads: Mapping[type, ToItems]
    direct_requests: Mapping[int, Read]
    direct_payloads: Mapping[type, Append]
    credentials: Mapping[CredentialType, FromItems]
    credential_items: Mapping[type, ToItems]

    def correlation_items(self, header: RequestHeader | ResponseHeader) -> Items:
        """Return what a header says of correlation, in a version that knows it."""
        if not self.has_correlation:
            return ()
        values = (
            (CLIENT_CORRELATION_VALUE, header.client_correlation_value),
            (SERVER_CORRELATION_VALUE, header.server_correlation_value),
        )
        return tuple(Item(tag, TEXT_STRING, value) for tag, value in values if value is not None)


class Dialects(dict[ProtocolVersion, Dialect]):
    """Dialects by version, each made when a message of that version comes: most clients of a server speak the same.

    Raises KeyError for a version that is not spoken.
    """

    def __init__(self, versions: Iterable[ProtocolVersion], make: Callable[[ProtocolVersion], Dialect]) -> None:
        super().__init__()
        self._versions = frozenset(versions)
        self._make = make

    def __missing__(self, version: ProtocolVersion) -> Dialect:
        if version not in self._versions:
            raise KeyError(version)
        with PLANNING:  # two threads that need the same version make it once
            dialect = self.get(version)
            if dialect is None:
                dialect = self[version] = self._make(version)
            return dialect


def version_item(version: ProtocolVersion) -> Item:
    """Return a version as headers say it."""
    major, minor = version
    numbers = (Item(PROTOCOL_VERSION_MAJOR, INTEGER, major), Item(PROTOCOL_VERSION_MINOR, INTEGER, minor))
    return Item(PROTOCOL_VERSION, STRUCTURE, numbers)


def make_dialect(
    version: ProtocolVersion, catalogue: Mapping[Operation, Spec], *, pykmip_compatible: bool = False
) -> Dialect:
    """Return one version, for the operations of the catalogue that it has.

    pykmip_compatible: whether it is written and read as PyKMIP's client needs it (RULINGS 30).
    """
    facts = evolve(FACTS[version], writes_index_0=pykmip_compatible)
    converter, direct = make_converter_and_direct(version, facts)

    def reader(cls: type) -> FromItems:
        hook = converter.get_structure_hook(cls)
        return lambda items: hook(items, cls)

    writer: Callable[[type], ToItems] = converter.get_unstructure_hook

    def request_reader(code: int) -> FromItems:
        read = reader(specs[code].request)
        return _re_key_of_pykmip(read) if code == Operation.RE_KEY and has_re_key_of_pykmip else read

    present = tables.enumeration_values("Operation", version)
    specs = {int(spec.operation): spec for spec in catalogue.values() if int(spec.operation) in present}
    has_re_key_of_pykmip = pykmip_compatible and facts.attribute_form is not AttributeForm.NAMED
    credentials = spellings.CREDENTIAL_VALUES
    return Dialect(
        version=version,
        facts=facts,
        version_item=version_item(version),
        batch_item_tags=frozenset(tag for tag in BATCH_ITEM_TAGS if _has(tag, version)),
        has_attestation=_has(ATTESTATION_CAPABLE_INDICATOR, version),
        has_batch_count=_has(BATCH_COUNT, version),
        has_batch_order=_has(BATCH_ORDER_OPTION, version),
        has_correlation=_has(CLIENT_CORRELATION_VALUE, version),
        has_data_references=bool(tables.enumeration_values("Data", version)),
        requests=planned_later(specs, request_reader),
        responses=planned_later(specs, lambda code: reader(specs[code].response)),
        payloads=planned_later((cls for s in specs.values() for cls in (s.request, s.response)), writer),
        direct_requests=planned_later(
            (code for code in specs if code != Operation.RE_KEY or not has_re_key_of_pykmip),
            lambda code: direct.reader(specs[code].request),
        ),
        direct_payloads=planned_later((spec.response for spec in specs.values()), direct.writer),
        credentials=planned_later(credentials, lambda credential_type: reader(credentials[credential_type])),
        credential_items=planned_later(credentials.values(), writer),
    )


def _re_key_of_pykmip(read: FromItems) -> FromItems:
    """Return what reads Re-key as PyKMIP's client writes it in 2.0 too: with the Template-Attribute of 1.x."""
    hook = make_converter(_NEWEST_NAMED).get_structure_hook(re_key.Request)

    def read_either(items: Items) -> Any:
        has_template = any(item[0] == TEMPLATE_ATTRIBUTE for item in items)
        return hook(items, re_key.Request) if has_template else read(items)

    return read_either


TEMPLATE_ATTRIBUTE: Final = 0x420091
_NEWEST_NAMED: Final = max(v for v, facts in FACTS.items() if facts.attribute_form is AttributeForm.NAMED)


def _has(code: int, version: ProtocolVersion) -> bool:
    tag = tables.tag_by_code(code)
    return tag is not None and tag.is_in(version)
