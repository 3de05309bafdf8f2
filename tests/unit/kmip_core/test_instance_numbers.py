"""What the server itself adds and takes away leaves attribute instances rightly numbered. KMIP 1.4 §2.1.1."""

from collections.abc import Callable

import pytest

from kmip_core.attributes import AttributeReference, Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CertificateRequestType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    DerivationMethod,
    HashingAlgorithm,
    LinkType,
    ObjectType,
    Operation,
)
from kmip_core.operations import add_attribute, certify, delete_attribute, derive_key, re_key
from kmip_core.structures import CryptographicParameters, DerivationParameters, Link
from tests.builders import a_name, a_symmetric_key, an_engine, an_instance, attributes_of, perform
from tests.unit.kmip_core.operations.test_certify import Requester

REQUESTER = Requester()


def a_link(identifier: str, link_type: LinkType = LinkType.PARENT_LINK) -> Link:
    return Link(link_type=link_type, linked_object_identifier=identifier)


def without_the_first(engine: Engine, attribute: str, identifier: str = "key") -> None:
    reference = AttributeReference(attribute=attribute, attribute_index=0)
    request = delete_attribute.Request(unique_identifier=identifier, reference=reference)
    perform(engine, Operation.DELETE_ATTRIBUTE, request)


def numbered(engine: Engine, attribute: str, identifier: str = "key") -> list[tuple[int | None, str]]:
    """Return the numbers of the values that an object has, and what each of them says."""
    return [
        (instance.reference.attribute_index, getattr(instance.value, "name_value", None) or link_of(instance.value))
        for instance in attributes_of(engine, identifier).instances()
        if instance.reference.attribute == attribute
    ]


def link_of(value: Link) -> str:
    return value.link_type.name


def test_names_begin_at_0_again_once_they_have_gone_to_a_replacement() -> None:
    engine = an_engine(a_symmetric_key(names=(a_name("one"), a_name("two"))))
    without_the_first(engine, "names")

    made = perform(engine, Operation.RE_KEY, re_key.Request(unique_identifier="key")).unique_identifier
    name = add_attribute.Request(unique_identifier="key", new_attribute=an_instance("names", a_name("three")))
    perform(engine, Operation.ADD_ATTRIBUTE, name)

    assert numbered(engine, "names", made) == [(0, "two")]
    assert numbered(engine, "names") == [(0, "three")]


def re_keyed(engine: Engine) -> None:
    perform(engine, Operation.RE_KEY, re_key.Request(unique_identifier="key"))


def derived(engine: Engine) -> None:
    parameters = DerivationParameters(
        cryptographic_parameters=CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
    )
    request = derive_key.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        unique_identifiers=("key",),
        derivation_method=DerivationMethod.HASH,
        derivation_parameters=parameters,
        attributes=Attributes(
            cryptographic_algorithm=CryptographicAlgorithm.AES,
            cryptographic_length=128,
            cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
        ),
    )
    perform(engine, Operation.DERIVE_KEY, request)


@pytest.mark.parametrize(
    ("linked", "link_type"),
    [(re_keyed, "REPLACEMENT_OBJECT_LINK"), (derived, "DERIVED_KEY_LINK")],
    ids=["re-key", "derive"],
)
def test_a_link_that_the_server_adds_has_the_next_number(linked: Callable[[Engine], None], link_type: str) -> None:
    links = (a_link("1"), a_link("2", LinkType.CHILD_LINK))
    engine = an_engine(a_symmetric_key(links=links, cryptographic_usage_mask=CryptographicUsageMask.DERIVE_KEY))
    without_the_first(engine, "links")

    linked(engine)

    assert numbered(engine, "links") == [(1, "CHILD_LINK"), (2, link_type)]


def test_the_link_to_a_newer_certificate_has_the_number_of_the_older() -> None:
    engine = an_engine()
    public = REQUESTER.register(engine, links=(a_link("1"), a_link("2", LinkType.CHILD_LINK)))
    without_the_first(engine, "links", public)
    request = certify.Request(
        unique_identifier=public,
        certificate_request_type=CertificateRequestType.PKCS_10,
        certificate_request_value=REQUESTER.der(),
    )
    for _ in range(2):
        perform(engine, Operation.CERTIFY, request)

        assert numbered(engine, "links", public) == [(1, "CHILD_LINK"), (2, "CERTIFICATE_LINK")]
