"""Users, groups and credentials: who makes them, what they must have, and what is kept of their secrets."""

from collections.abc import Callable
from typing import Any, Final

import attrs
import pytest
from attrs import evolve

from kmip_core.attributes import Attributes
from kmip_core.creation_rules import SystemChanges
from kmip_core.engine import Engine
from kmip_core.enums import (
    CertificateType,
    CredentialType,
    CryptographicAlgorithm,
    HashingAlgorithm,
    LinkType,
    ObjectClass,
    ObjectClassMask,
    ObjectType,
    Operation,
    OTPAlgorithm,
    QueryFunction,
    ResultReason,
    State,
)
from kmip_core.errors import NOT_FOUND_TEXT, KmipError
from kmip_core.objects import (
    SYSTEM_TYPES,
    Certificate,
    DeviceCredential,
    HashedPasswordCredential,
    OTPCredential,
    PasswordCredential,
    User,
)
from kmip_core.operations import (
    CATALOGUE,
    add_attribute,
    create_credential,
    create_group,
    create_user,
    destroy,
    get,
    get_attributes,
    import_,
    locate,
    obliterate,
    query,
    register,
)
from kmip_core.rules import Purpose, admit
from kmip_core.settings import Settings
from kmip_core.structures import Link, NameReference, ObjectReference
from tests.builders import ALICE, BOB, NOW, a_name, an_engine, an_instance, attributes_of, perform, stored
from tests.unit.kmip_core.operations.test_validate import ROOT

SEED: Final = bytes(range(20))
PASSWORD: Final = PasswordCredential(password="correct horse")
Make = Callable[[Engine], str]


@pytest.fixture
def engine() -> Engine:
    """An engine of which alice is an administrator, and bob is not."""
    return an_engine(settings=Settings(administrators=frozenset({"alice"})))


def link(kind: LinkType, identifier: ObjectReference) -> Link:
    return Link(link_type=kind, linked_object_identifier=identifier)


def a_credential(
    engine: Engine,
    credential: Any = PASSWORD,
    credential_type: CredentialType = CredentialType.PASSWORD,
    **attributes: Any,
) -> str:
    request = create_credential.Request(
        credential_type=credential_type, credential=credential, attributes=Attributes(**attributes)
    )
    made: str = perform(engine, Operation.CREATE_CREDENTIAL, request).unique_identifier
    return made


def a_user(engine: Engine, name: str = "carol", credential: ObjectReference = "none", **attributes: Any) -> str:
    described = Attributes(names=(a_name(name),), links=(link(LinkType.CREDENTIAL_LINK, credential),), **attributes)
    made: str = perform(engine, Operation.CREATE_USER, create_user.Request(attributes=described)).unique_identifier
    return made


def a_group(engine: Engine, name: str = "auditors", *parents: ObjectReference) -> str:
    links = tuple(link(LinkType.PARENT_LINK, parent) for parent in parents)
    request = create_group.Request(attributes=Attributes(names=(a_name(name),), links=links))
    made: str = perform(engine, Operation.CREATE_GROUP, request).unique_identifier
    return made


def content_of(engine: Engine, identifier: str) -> Any:
    with engine.services.storage.unit_of_work() as work:
        return work.content(admit(stored(engine, identifier), Purpose.AUTHENTICATE, NOW))


def changes(engine: Engine) -> int:
    with engine.services.storage.unit_of_work() as work:
        rules = work.rules_of(SystemChanges)
    return rules[0].number if rules else 0


CREDENTIALS: Final[dict[CredentialType, Any]] = {
    CredentialType.PASSWORD: PASSWORD,
    CredentialType.DEVICE: DeviceCredential(device_serial_number="1"),
    CredentialType.ONE_TIME_PASSWORD: OTPCredential(otp_algorithm=OTPAlgorithm.TOTP, otp_seed=SEED),
    CredentialType.HASHED_PASSWORD: HashedPasswordCredential(
        hashed_username_password=bytes(32), hashed_password_username=bytes(32)
    ),
    CredentialType.CERTIFICATE: ROOT.certificate,
}
MAKERS: Final[dict[str, Make]] = {
    "user": a_user,
    "group": a_group,
    **{kind.name: lambda engine, kind=kind: a_credential(engine, CREDENTIALS[kind], kind) for kind in CREDENTIALS},  # type: ignore[misc]
}
OF_THE_SYSTEM: Final = {name: make for name, make in MAKERS.items() if name != "CERTIFICATE"}


# --- who makes them and may touch them --------------------------------------------------------------------------------


REQUESTS: Final[dict[Operation, Any]] = {
    Operation.CREATE_USER: create_user.Request(
        attributes=Attributes(names=(a_name("u"),), links=(link(LinkType.CREDENTIAL_LINK, "c"),))
    ),
    Operation.CREATE_GROUP: create_group.Request(attributes=Attributes(names=(a_name("g"),))),
    Operation.CREATE_CREDENTIAL: create_credential.Request(
        credential_type=CredentialType.PASSWORD, credential=PASSWORD
    ),
    Operation.REGISTER: register.Request(object_type=ObjectType.PASSWORD_CREDENTIAL, managed_object=PASSWORD),
}


@pytest.mark.parametrize("operation", REQUESTS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("is_administrator", [True, False])
def test_only_administrators_make_them(engine: Engine, operation: Operation, is_administrator: bool) -> None:
    if is_administrator:
        assert perform(engine, operation, REQUESTS[operation], ALICE).unique_identifier
        return
    with pytest.raises(KmipError) as refused:
        perform(engine, operation, REQUESTS[operation], BOB)
    assert refused.value.reason is ResultReason.PERMISSION_DENIED
    assert changes(engine) == 0


ON_AN_OBJECT: Final = sorted(
    (
        spec.operation
        for spec in CATALOGUE.values()
        if {a.name for a in attrs.fields(spec.request) if a.default is attrs.NOTHING} <= {"unique_identifier"}
        and [target.field for target in spec.targets if not target.optional] == ["unique_identifier"]
    ),
    key=lambda operation: operation.name,
)


@pytest.mark.parametrize("operation", ON_AN_OBJECT, ids=lambda operation: operation.name)
@pytest.mark.parametrize("kind", OF_THE_SYSTEM)
def test_to_other_clients_they_look_as_if_they_were_not_there(engine: Engine, kind: str, operation: Operation) -> None:
    identifier = OF_THE_SYSTEM[kind](engine)

    with pytest.raises(KmipError) as refused:
        perform(engine, operation, CATALOGUE[operation].request(unique_identifier=identifier), BOB)

    assert refused.value.reason is ResultReason.OBJECT_NOT_FOUND
    assert refused.value.message == NOT_FOUND_TEXT


def test_one_who_is_no_administrator_any_more_has_lost_them_as_well(engine: Engine) -> None:
    identifier = a_user(engine)
    later = evolve(engine, services=evolve(engine.services, settings=Settings()))

    with pytest.raises(KmipError) as refused:
        perform(later, Operation.GET_ATTRIBUTES, get_attributes.Request(unique_identifier=identifier))

    assert refused.value.reason is ResultReason.OBJECT_NOT_FOUND


@pytest.mark.parametrize(
    ("mask", "principal", "finds"),
    [
        (None, ALICE, False),
        (ObjectClassMask.USER, ALICE, False),
        (ObjectClassMask.SYSTEM, ALICE, True),
        (ObjectClassMask.SYSTEM | ObjectClassMask.USER, ALICE, True),
        (ObjectClassMask.SYSTEM, BOB, False),
    ],
)
@pytest.mark.parametrize("kind", OF_THE_SYSTEM)
def test_locate_finds_them_for_administrators_who_ask_for_their_class(
    engine: Engine, kind: str, mask: Any, principal: Any, finds: bool
) -> None:
    identifier = OF_THE_SYSTEM[kind](engine)
    request = locate.Request(object_class_mask=mask, maximum_items=9)

    found = perform(engine, Operation.LOCATE, request, principal).unique_identifiers

    assert (identifier in found) is finds


@pytest.mark.parametrize("kind", MAKERS)
def test_the_kind_of_a_system_object_stands_in_its_attributes(engine: Engine, kind: str) -> None:
    identifier = MAKERS[kind](engine)
    attributes = attributes_of(engine, identifier)

    is_credential = kind not in ("user", "group")
    assert attributes.credential_type is (CredentialType[kind] if is_credential else None)
    assert attributes.object_class is (ObjectClass.USER if kind == "CERTIFICATE" else ObjectClass.SYSTEM)
    assert attributes.state is State.PRE_ACTIVE
    assert attributes.digests == () or kind == "CERTIFICATE"


@pytest.mark.parametrize("kind", OF_THE_SYSTEM)
def test_they_are_never_given_out(engine: Engine, kind: str) -> None:
    identifier = OF_THE_SYSTEM[kind](engine)

    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.GET, get.Request(unique_identifier=identifier))

    of_attributes_alone = kind in ("user", "group")
    expected = ResultReason.INVALID_OBJECT_TYPE if of_attributes_alone else ResultReason.NOT_EXTRACTABLE
    assert refused.value.reason is expected


def test_they_are_not_imported(engine: Engine) -> None:
    request = import_.Request(unique_identifier="new", managed_object=PASSWORD)

    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.IMPORT, request)

    assert refused.value.reason is ResultReason.INVALID_OBJECT_TYPE


def test_a_user_may_be_registered(engine: Engine) -> None:
    attributes = REQUESTS[Operation.CREATE_USER].attributes

    made = perform(engine, Operation.REGISTER, register.Request(object_type=ObjectType.USER, attributes=attributes))

    assert stored(engine, made.unique_identifier).object_type is ObjectType.USER
    assert content_of(engine, made.unique_identifier) == User()


# --- what they must have ----------------------------------------------------------------------------------------------


def refusal(engine: Engine, operation: Operation, request: Any) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        perform(engine, operation, request)
    return refused.value.reason


@pytest.mark.parametrize(
    ("operation", "attributes"),
    [
        (Operation.CREATE_USER, Attributes(names=(a_name("u"),))),
        (Operation.CREATE_USER, Attributes(links=(link(LinkType.CREDENTIAL_LINK, "c"),))),
        (Operation.CREATE_GROUP, Attributes()),
    ],
)
def test_a_user_has_a_name_and_a_credential_and_a_group_a_name(
    engine: Engine, operation: Operation, attributes: Attributes
) -> None:
    request = CATALOGUE[operation].request(attributes=attributes)

    assert refusal(engine, operation, request) is ResultReason.INVALID_ATTRIBUTE


def test_names_are_unique_among_those_of_one_type_that_are_not_destroyed(engine: Engine) -> None:
    first = a_user(engine, "carol")
    a_group(engine, "carol")
    other = a_user(engine, "dave")
    again = create_user.Request(attributes=attributes_of_a_user("carol"))

    assert refusal(engine, Operation.CREATE_USER, again) is ResultReason.NON_UNIQUE_NAME_ATTRIBUTE
    added = add_attribute.Request(unique_identifier=other, new_attribute=an_instance("names", a_name("carol")))
    assert refusal(engine, Operation.ADD_ATTRIBUTE, added) is ResultReason.NON_UNIQUE_NAME_ATTRIBUTE

    perform(engine, Operation.DESTROY, destroy.Request(unique_identifier=first))
    assert perform(engine, Operation.CREATE_USER, again)


def attributes_of_a_user(name: str, *links: Link) -> Attributes:
    return Attributes(names=(a_name(name),), links=(link(LinkType.CREDENTIAL_LINK, "c"), *links))


@pytest.mark.parametrize("kind", [LinkType.CREDENTIAL_LINK, LinkType.GROUP_LINK])
def test_links_that_every_authentication_follows_are_few(engine: Engine, kind: LinkType) -> None:
    links = tuple(link(kind, str(number)) for number in range(17))
    request = create_user.Request(attributes=attributes_of_a_user("carol", *links))

    assert refusal(engine, Operation.CREATE_USER, request) is ResultReason.SERVER_LIMIT_EXCEEDED


@pytest.mark.parametrize("names", [17, 16])
def test_groups_by_name_are_as_few(engine: Engine, names: int) -> None:
    groups = tuple(f"g{number}" for number in range(names))
    described = evolve(attributes_of_a_user("carol", link(LinkType.GROUP_LINK, "one more")), object_groups=groups)
    request = create_user.Request(attributes=described)

    assert refusal(engine, Operation.CREATE_USER, request) is ResultReason.SERVER_LIMIT_EXCEEDED


def above(engine: Engine, group: str, parent: ObjectReference) -> None:
    instance = an_instance("parent_link", link(LinkType.PARENT_LINK, parent))
    perform(engine, Operation.ADD_ATTRIBUTE, add_attribute.Request(unique_identifier=group, new_attribute=instance))


@pytest.mark.parametrize("by_name", [frozenset[str](), frozenset("a"), frozenset("b"), frozenset("ab")])
def test_a_circle_is_refused_however_the_groups_are_named(engine: Engine, by_name: frozenset[str]) -> None:
    identifiers: dict[str, str] = {}

    def said(name: str) -> ObjectReference:
        return NameReference(name) if name in by_name else identifiers[name]

    identifiers["a"] = a_group(engine, "a")
    identifiers["b"] = a_group(engine, "b", said("a"))
    identifiers["c"] = a_group(engine, "c", said("b"))

    for target in (NameReference("c"), identifiers["c"], NameReference("a"), identifiers["a"]):
        with pytest.raises(KmipError) as refused:
            above(engine, identifiers["a"], target)
        assert refused.value.reason is ResultReason.CIRCULAR_LINK_ERROR
    assert attributes_of(engine, identifiers["a"]).links == ()


def test_a_name_closes_no_circle(engine: Engine) -> None:
    """Neither that of a new group, to which others link already, nor a new one of a group."""
    waiting = a_group(engine, "waiting", NameReference("later"))
    beside = a_group(engine, "beside", waiting)
    itself = create_group.Request(
        attributes=Attributes(names=(a_name("itself"),), links=(link(LinkType.PARENT_LINK, NameReference("itself")),))
    )
    circle = create_group.Request(
        attributes=Attributes(names=(a_name("later"),), links=(link(LinkType.PARENT_LINK, beside),))
    )
    named = add_attribute.Request(unique_identifier=beside, new_attribute=an_instance("names", a_name("later")))

    assert refusal(engine, Operation.CREATE_GROUP, itself) is ResultReason.CIRCULAR_LINK_ERROR
    assert refusal(engine, Operation.CREATE_GROUP, circle) is ResultReason.CIRCULAR_LINK_ERROR
    assert refusal(engine, Operation.ADD_ATTRIBUTE, named) is ResultReason.CIRCULAR_LINK_ERROR
    above(engine, beside, a_group(engine, "later"))


def test_groups_stand_above_each_other_but_not_in_a_circle(engine: Engine) -> None:
    top = a_group(engine, "top")
    left, right = a_group(engine, "left", top), a_group(engine, "right", top, "not-there")
    bottom = a_group(engine, "bottom", left, right)

    for above in (top, left, bottom):
        request = add_attribute.Request(
            unique_identifier=top, new_attribute=an_instance("parent_link", link(LinkType.PARENT_LINK, above))
        )
        assert refusal(engine, Operation.ADD_ATTRIBUTE, request) is ResultReason.CIRCULAR_LINK_ERROR
    beside = a_group(engine, "beside")  # what is above it twice is no circle
    request = add_attribute.Request(
        unique_identifier=beside, new_attribute=an_instance("parent_link", link(LinkType.PARENT_LINK, bottom))
    )
    assert perform(engine, Operation.ADD_ATTRIBUTE, request)


def test_the_groups_above_a_group_are_few(engine: Engine) -> None:
    above = "none"
    tops = [a_group(engine, f"t{number}") for number in range(16)]
    for number in range(18):
        above = a_group(engine, f"g{number}", above, *tops[:1])
    wide = [a_group(engine, f"w{row}", *(f"x{row}-{number}" for number in range(15))) for row in range(16)]
    edge = a_group(engine, "edge", *wide)
    last = a_group(engine, "last")

    request = add_attribute.Request(
        unique_identifier=last, new_attribute=an_instance("parent_link", link(LinkType.PARENT_LINK, edge))
    )
    assert refusal(engine, Operation.ADD_ATTRIBUTE, request) is ResultReason.SERVER_LIMIT_EXCEEDED
    assert above


def test_no_other_policy_is_theirs(engine: Engine) -> None:
    request = create_group.Request(attributes=Attributes(names=(a_name("g"),), operation_policy_name="public"))

    assert refusal(engine, Operation.CREATE_GROUP, request) is ResultReason.INVALID_ATTRIBUTE_VALUE


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("operation", [Operation.DESTROY, Operation.OBLITERATE, Operation.ADD_ATTRIBUTE])
def test_every_change_is_counted(engine: Engine, kind: str, operation: Operation) -> None:
    identifier = MAKERS[kind](engine)
    before = changes(engine)
    requests: dict[Operation, Any] = {
        Operation.DESTROY: destroy.Request(unique_identifier=identifier),
        Operation.OBLITERATE: obliterate.Request(unique_identifier=identifier),
        Operation.ADD_ATTRIBUTE: add_attribute.Request(
            unique_identifier=identifier, new_attribute=an_instance("comment", "changed")
        ),
    }

    perform(engine, operation, requests[operation])

    assert before == 1
    assert changes(engine) == 2


# --- credentials ------------------------------------------------------------------------------------------------------


def test_of_a_password_only_its_hash_is_kept(engine: Engine) -> None:
    assert content_of(engine, a_credential(engine)) == PasswordCredential(password_hash="hash:correct horse")


def test_an_argon2_hash_may_be_given_in_place_of_the_password(engine: Engine) -> None:
    identifier = a_credential(engine, PasswordCredential(salted_password=b"hash:known"))

    assert content_of(engine, identifier) == PasswordCredential(password_hash="hash:known")


def test_a_salted_password_is_kept_with_its_defaults(engine: Engine) -> None:
    salted = PasswordCredential(
        salted_password=bytes(32), password_salt=b"salt", password_salt_algorithm=CryptographicAlgorithm.HMAC_SHA256
    )

    assert content_of(engine, a_credential(engine, salted)) == evolve(salted, iteration_count=100)


def test_a_password_may_stand_in_another_object(engine: Engine) -> None:
    identifier = a_credential(engine, None, links=(link(LinkType.PASSWORD_LINK, "secret"),))

    assert content_of(engine, identifier) == PasswordCredential()


def test_one_time_passwords_have_the_defaults_of_the_rfcs(engine: Engine) -> None:
    kept = content_of(engine, MAKERS["ONE_TIME_PASSWORD"](engine))

    assert (kept.otp_digest, kept.otp_digits, kept.otp_interval) == (CryptographicAlgorithm.HMAC_SHA1, 6, 30)


def test_a_hashed_password_is_by_sha_256_where_it_does_not_say(engine: Engine) -> None:
    assert content_of(engine, MAKERS["HASHED_PASSWORD"](engine)).hashing_algorithm is HashingAlgorithm.SHA_256


HMAC: Final = CryptographicAlgorithm.HMAC_SHA256
OTP: Final = CREDENTIALS[CredentialType.ONE_TIME_PASSWORD]
HASHED: Final = CREDENTIALS[CredentialType.HASHED_PASSWORD]
SALTED: Final = PasswordCredential(salted_password=bytes(32), password_salt_algorithm=HMAC)
BAD: Final[dict[str, tuple[CredentialType, Any]]] = {
    "no password": (CredentialType.PASSWORD, None),
    "two forms": (CredentialType.PASSWORD, evolve(SALTED, password="p")),
    "a password with a salt": (CredentialType.PASSWORD, evolve(PASSWORD, password_salt=b"s")),
    "an empty password": (CredentialType.PASSWORD, PasswordCredential(password="")),
    "a password without end": (CredentialType.PASSWORD, PasswordCredential(password="p" * 4097)),
    "no algorithm": (CredentialType.PASSWORD, PasswordCredential(salted_password=bytes(32))),
    "a hash with a salt": (CredentialType.PASSWORD, PasswordCredential(salted_password=b"hash:", password_salt=b"s")),
    "a cipher for a salt": (
        CredentialType.PASSWORD,
        evolve(SALTED, password_salt_algorithm=CryptographicAlgorithm.AES),
    ),
    "a short salted password": (CredentialType.PASSWORD, evolve(SALTED, salted_password=bytes(15))),
    "a salt without end": (CredentialType.PASSWORD, evolve(SALTED, password_salt=bytes(4097))),
    "no iterations": (CredentialType.PASSWORD, evolve(SALTED, iteration_count=0)),
    "iterations without end": (CredentialType.PASSWORD, evolve(SALTED, iteration_count=1_000_001)),
    "no device": (CredentialType.DEVICE, None),
    "an empty device": (CredentialType.DEVICE, DeviceCredential()),
    "no seed": (CredentialType.ONE_TIME_PASSWORD, evolve(OTP, otp_seed=None)),
    "a short seed": (CredentialType.ONE_TIME_PASSWORD, evolve(OTP, otp_seed=bytes(15))),
    "a cipher for a digest": (
        CredentialType.ONE_TIME_PASSWORD,
        evolve(OTP, otp_digest=CryptographicAlgorithm.AES),
    ),
    "a device that keeps a password": (CredentialType.PASSWORD, evolve(SALTED, iteration_count=-1)),
    "few digits": (CredentialType.ONE_TIME_PASSWORD, evolve(OTP, otp_digits=5)),
    "no interval": (CredentialType.ONE_TIME_PASSWORD, evolve(OTP, otp_interval=0)),
    "md5": (CredentialType.HASHED_PASSWORD, evolve(HASHED, hashing_algorithm=HashingAlgorithm.MD5)),
    "a short hash": (CredentialType.HASHED_PASSWORD, evolve(HASHED, hashed_username_password=bytes(31))),
    "a type that is not kept": (CredentialType.TICKET, PASSWORD),
}


@pytest.mark.parametrize("case", BAD)
def test_a_credential_that_cannot_be_checked_is_refused(engine: Engine, case: str) -> None:
    credential_type, credential = BAD[case]
    request = create_credential.Request(credential_type=credential_type, credential=credential)

    assert refusal(engine, Operation.CREATE_CREDENTIAL, request) is ResultReason.INVALID_FIELD


def test_a_credential_is_of_the_type_that_the_request_names(engine: Engine) -> None:
    request = create_credential.Request(credential_type=CredentialType.DEVICE, credential=PASSWORD)

    assert refusal(engine, Operation.CREATE_CREDENTIAL, request) is ResultReason.INVALID_OBJECT_TYPE


def test_a_certificate_becomes_a_credential_by_its_making_alone(engine: Engine) -> None:
    certificate = Certificate(
        certificate_type=CertificateType.X_509, certificate_value=ROOT.certificate.certificate_value
    )
    request = register.Request(object_type=ObjectType.CERTIFICATE, managed_object=certificate)

    registered = perform(engine, Operation.REGISTER, request).unique_identifier

    assert attributes_of(engine, registered).credential_type is None
    assert changes(engine) == 0


def test_query_names_the_credentials_that_authenticate(engine: Engine) -> None:
    request = query.Request(query_functions=(QueryFunction.QUERY_CREDENTIAL_INFORMATION,))

    told = perform(engine, Operation.QUERY, request).credential_information

    assert set(told.credential_types) == set(create_credential.CLASSES) - {CredentialType.DEVICE}


@pytest.mark.parametrize("kind", OF_THE_SYSTEM)
def test_their_type_is_one_of_the_system_s(engine: Engine, kind: str) -> None:
    assert stored(engine, OF_THE_SYSTEM[kind](engine)).object_type in SYSTEM_TYPES
