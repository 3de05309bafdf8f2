"""Whatever a request says, it is answered: done, or refused for a reason of the standard, never by a fault of ours.

Requests of every operation and version, made up from the fields alone, meet a server that holds every kind of object.
General Failure would mean a fault (R-ERR-2). KMIPD_REQUESTS=500 goes further than an ordinary run.
"""

import functools
import os
from typing import Any, Final

import pytest
from attrs import evolve, fields, has
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.standard import tables
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CertificateRequestType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    SplitKeyMethod,
    State,
    WrappingMethod,
)
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.objects import (
    Certificate,
    CertificateRequest,
    Content,
    KeyBlock,
    KeyValue,
    OpaqueObject,
    PGPKey,
    SymmetricKey,
)
from kmip_core.operation import Spec
from kmip_core.operations import CATALOGUE, create_split_key, register
from kmip_core.ports.certificates import CertificateContents
from kmip_core.ports.crypto import KeyPair
from kmip_core.ports.transport import run_to_end
from kmip_core.structures import KeyWrappingData, Link, ProtocolVersion
from tests.builders import ALICE, NOW, RememberedFaults, a_secret, a_service, a_symmetric_key, an_engine, perform
from tests.rounds import rounds
from tests.unit.kmip_adapters.ttlv.strategies import instances

pytestmark = pytest.mark.long

CODEC: Final = Codec(CATALOGUE)
REQUESTS: Final = int(os.environ.get("KMIPD_REQUESTS", rounds(12, nightly=60)))  # of each version
EVERY_USE: Final = CryptographicUsageMask(sum(CryptographicUsageMask))
NAMES_OBJECTS: Final = {
    "unique_identifier",
    "unique_identifiers",
    "linked_object_identifier",
    "certificate_request_unique_identifier",
}


@functools.cache
def a_pair(algorithm: CryptographicAlgorithm, length: int) -> KeyPair:
    return an_engine().services.crypto.make_key_pair(algorithm, length)


@functools.cache
def a_certificate() -> Certificate:
    engine, pair = an_engine(), a_pair(CryptographicAlgorithm.EC, 256)
    contents = CertificateContents(
        public_key=pair.public_key,
        subject=engine.services.certificates.distinguished_name("CN=authority"),
        not_before=NOW - 9,
        not_after=NOW + 999,
        is_authority=True,
    )
    return engine.services.certificates.make_certificate(contents, None, pair.private_key)


def an_inhabited_engine(faults: RememberedFaults) -> tuple[Engine, list[str]]:
    """Return an engine that holds an object of every kind, and their identifiers, with one that nothing has."""
    engine = an_engine(
        a_symmetric_key("key", State.ACTIVE, cryptographic_usage_mask=EVERY_USE, activation_date=NOW - 5),
        a_symmetric_key("pre-active", cryptographic_usage_mask=EVERY_USE),
        a_symmetric_key("archived", archived=True),
        a_symmetric_key("destroyed", State.DESTROYED),
        faults=faults,
    )
    identifiers = ["key", "pre-active", "archived", "destroyed", "nothing"]

    def keep(content: Content, **attributes: Any) -> str:
        told = Attributes(activation_date=NOW - 1, **attributes)
        request = register.Request(object_type=content.object_type, attributes=told, managed_object=content)
        identifiers.append(perform(engine, Operation.REGISTER, request).unique_identifier)
        return identifiers[-1]

    for algorithm, length in ((CryptographicAlgorithm.RSA, 1024), (CryptographicAlgorithm.EC, 256)):
        pair = a_pair(algorithm, length)
        public = keep(pair.public_key, cryptographic_usage_mask=EVERY_USE)
        link = Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier=public)
        keep(pair.private_key, cryptographic_usage_mask=EVERY_USE, links=(link,))
    keep(a_secret(), cryptographic_usage_mask=EVERY_USE)
    keep(OpaqueObject(b"opaque"))
    keep(a_certificate())
    keep(Certificate(certificate_value=b"no DER"))
    keep(
        CertificateRequest(certificate_request_type=CertificateRequestType.PKCS_10, certificate_request_value=b"no DER")
    )
    wrapped = KeyBlock(
        key_format_type=KeyFormatType.RAW,
        key_value=b"wrapped",
        key_wrapping_data=KeyWrappingData(wrapping_method=WrappingMethod.ENCRYPT),
    )
    keep(SymmetricKey(key_block=wrapped))
    pgp = KeyBlock(
        key_format_type=KeyFormatType.RAW,
        key_value=KeyValue(key_material=b"pgp"),
        cryptographic_algorithm=CryptographicAlgorithm.RSA,
        cryptographic_length=2048,
    )
    keep(PGPKey(pgp_key_version=4, key_block=pgp))
    split = create_split_key.Request(
        object_type=ObjectType.SPLIT_KEY,
        unique_identifier="key",
        split_key_parts=2,
        split_key_threshold=2,
        split_key_method=SplitKeyMethod.XOR,
    )
    identifiers += perform(engine, Operation.CREATE_SPLIT_KEY, split).unique_identifiers
    return engine, identifiers


def about_these(value: Any, identifiers: st.SearchStrategy[str], draw: Any) -> Any:
    """Return a made-up request with identifiers of objects that are there wherever it names some."""
    if type(value) is tuple:  # named tuples say nothing of objects
        return tuple(about_these(each, identifiers, draw) for each in value)
    if not has(type(value)):
        return value
    changes: dict[str, Any] = {}
    for field in fields(type(value)):
        said = getattr(value, field.name)
        if not field.init or field.name.startswith("_"):
            continue
        if field.name not in NAMES_OBJECTS or isinstance(value, Attributes):
            changed = about_these(said, identifiers, draw)
        elif isinstance(said, tuple):
            changed = tuple(draw(identifiers) for _ in said)
        else:
            changed = draw(identifiers)
        if changed is not said:
            changes[field.name] = changed
    return evolve(value, **changes) if changes else value


def operations(version: ProtocolVersion) -> list[Spec]:
    present = tables.enumeration_values("Operation", version)
    return [spec for spec in CATALOGUE.values() if int(spec.operation) in present]


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
def test_no_request_is_a_fault_of_the_server(version: ProtocolVersion) -> None:
    @settings(max_examples=REQUESTS, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        faults = RememberedFaults()
        engine, identifiers = an_inhabited_engine(faults)
        service = a_service(engine, CODEC)
        for _ in range(3):
            spec = data.draw(st.sampled_from(operations(version)))
            payload = data.draw(instances(spec.request, version))
            payload = about_these(payload, st.sampled_from(identifiers), data.draw)
            item = RequestBatchItem(operation=spec.operation, payload=payload)
            message = RequestMessage(header=RequestHeader(protocol_version=version), batch_items=(item,))
            answer = run_to_end(service.open(CODEC.encode_request(message), ALICE))

            assert isinstance(answer, bytes)
            assert CODEC.decode_response(answer).batch_items[0].operation is spec.operation
            assert faults.errors == []

    ask()
