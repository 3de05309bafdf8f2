"""What a user of the store may do by its groups, and that it cannot give itself more."""

from typing import Any, Final

import pytest

from kmip_adapters.identity.credentials import CredentialAuthentication
from kmip_adapters.identity.stored_users import StoredUsers
from kmip_adapters.policy.static import StaticPolicies
from kmip_adapters.storage.memory import MemoryStorage
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CredentialType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    LinkType,
    ObjectClassMask,
    ObjectType,
    Operation,
    ResultReason,
    ResultStatus,
)
from kmip_core.messages import Credential, ResponseBatchItem, UsernameAndPassword
from kmip_core.operations import (
    add_attribute,
    archive,
    create,
    create_credential,
    create_group,
    create_user,
    delete_attribute,
    export,
    get,
    get_attributes,
    locate,
    modify_attribute,
    recover,
    register,
)
from kmip_core.policy import BUILT_IN, OperationPolicy, Permission
from kmip_core.principal import Principal
from kmip_core.settings import Settings
from tests.builders import PlainHashing, a_name, an_engine, an_instance, ask, attributes_of, perform, the_only
from tests.unit.kmip_core.operations.test_system_objects import PASSWORD, a_credential, a_group, link

PEER: Final = Principal(name="peer", address="192.0.2.1")
CAROL: Final = Credential(
    credential_type=CredentialType.USERNAME_AND_PASSWORD,
    credential_value=UsernameAndPassword(username="carol", password="correct horse"),
)
AUDITED: Final = OperationPolicy(
    name="audited",
    groups={"auditors": {ObjectType.SYMMETRIC_KEY: {Operation.GET: Permission.ALLOW_ALL}}},
)
NOTHING: Final = get_attributes.Request(unique_identifier="nothing")


@pytest.fixture
def engine() -> Engine:
    storage = MemoryStorage()
    return an_engine(
        storage=storage,
        policy=StaticPolicies({**BUILT_IN, "audited": AUDITED}),
        passwords=PlainHashing(),
        authentication=CredentialAuthentication(users=StoredUsers(storage=storage, hashing=PlainHashing())),
        settings=Settings(administrators=frozenset({"alice"})),
    )


def a_user_in(engine: Engine, *groups: str) -> str:
    links = (
        link(LinkType.CREDENTIAL_LINK, a_credential(engine)),
        *(link(LinkType.GROUP_LINK, group) for group in groups),
    )
    request = create_user.Request(attributes=Attributes(names=(a_name("carol"),), links=links))
    made: str = perform(engine, Operation.CREATE_USER, request).unique_identifier
    return made


def an_audited_key(engine: Engine) -> str:
    attributes = Attributes(
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=128,
        cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
        operation_policy_name="audited",
    )
    request = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes)
    made: str = perform(engine, Operation.CREATE, request).unique_identifier
    return made


def as_carol(engine: Engine, operation: Operation, request: Any) -> ResponseBatchItem:
    return the_only(ask(engine, (operation, request), principal=PEER, credentials=(CAROL,)))


def test_a_stored_group_gives_the_rights_of_its_policy_until_the_link_is_gone(engine: Engine) -> None:
    key, group = an_audited_key(engine), a_group(engine, "auditors")
    user = a_user_in(engine, group)
    fetch = get.Request(unique_identifier=key)

    assert as_carol(engine, Operation.GET, fetch).result_status is ResultStatus.SUCCESS

    membership = an_instance("links", link(LinkType.GROUP_LINK, group))
    perform(
        engine,
        Operation.DELETE_ATTRIBUTE,
        delete_attribute.Request(unique_identifier=user, current_attribute=membership),
    )
    refused = as_carol(engine, Operation.GET, fetch)
    missing = as_carol(engine, Operation.GET, get.Request(unique_identifier="nothing"))

    assert refused.result_reason is ResultReason.OBJECT_NOT_FOUND
    assert (refused.result_reason, refused.result_message) == (missing.result_reason, missing.result_message)


def test_a_user_gives_itself_no_rights(engine: Engine) -> None:
    key, group = an_audited_key(engine), a_group(engine, "auditors")
    user = a_user_in(engine)
    membership = an_instance("links", link(LinkType.GROUP_LINK, group))
    named = an_instance("names", a_name("alice"))
    of_the_group = Attributes(names=(a_name("auditors"),), links=(link(LinkType.PARENT_LINK, group),))
    own_user = Attributes(
        names=(a_name("mallory"),),
        links=(link(LinkType.CREDENTIAL_LINK, "x"), link(LinkType.GROUP_LINK, group)),
    )
    attempts = (
        (Operation.ADD_ATTRIBUTE, add_attribute.Request(unique_identifier=user, new_attribute=membership)),
        (Operation.ADD_ATTRIBUTE, add_attribute.Request(unique_identifier=user, new_attribute=named)),
        (Operation.MODIFY_ATTRIBUTE, modify_attribute.Request(unique_identifier=user, new_attribute=named)),
        (Operation.CREATE_GROUP, create_group.Request(attributes=of_the_group)),
        (Operation.CREATE_USER, create_user.Request(attributes=own_user)),
        (Operation.REGISTER, register.Request(object_type=ObjectType.USER, attributes=own_user)),
        (
            Operation.CREATE_CREDENTIAL,
            create_credential.Request(credential_type=CredentialType.PASSWORD, credential=PASSWORD),
        ),
    )
    for operation, request in attempts:
        refused = as_carol(engine, operation, request)

        assert refused.result_reason in (ResultReason.OBJECT_NOT_FOUND, ResultReason.PERMISSION_DENIED), operation
    assert as_carol(engine, Operation.GET, get.Request(unique_identifier=key)).result_status is (
        ResultStatus.OPERATION_FAILED
    )


def test_a_key_in_a_group_gives_its_owner_nothing(engine: Engine) -> None:
    key, group = an_audited_key(engine), a_group(engine, "auditors")
    a_user_in(engine)
    mine = Attributes(
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=128,
        cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
        links=(link(LinkType.GROUP_LINK, group),),
    )
    request = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=mine)
    assert as_carol(engine, Operation.CREATE, request).result_status is ResultStatus.SUCCESS

    assert as_carol(engine, Operation.GET, get.Request(unique_identifier=key)).result_reason is (
        ResultReason.OBJECT_NOT_FOUND
    )


def test_a_user_does_not_find_itself(engine: Engine) -> None:
    group = a_group(engine, "auditors")
    user = a_user_in(engine, group)
    found = as_carol(engine, Operation.LOCATE, locate.Request(object_class_mask=ObjectClassMask.SYSTEM)).payload

    assert found.unique_identifiers == ()
    answers = [
        as_carol(engine, Operation.GET_ATTRIBUTES, request)
        for request in (get_attributes.Request(unique_identifier=user), NOTHING)
    ]
    assert answers[0] == answers[1]


def test_an_archived_user_keeps_its_links_and_authenticates_after_recover(engine: Engine) -> None:
    key, group = an_audited_key(engine), a_group(engine, "auditors")
    user = a_user_in(engine, group)
    links = attributes_of(engine, user).links
    fetch = get.Request(unique_identifier=key)

    perform(engine, Operation.ARCHIVE, archive.Request(unique_identifier=user))
    refused = as_carol(engine, Operation.GET, fetch)
    perform(engine, Operation.RECOVER, recover.Request(unique_identifier=user))

    assert refused.result_reason is ResultReason.AUTHENTICATION_NOT_SUCCESSFUL
    assert attributes_of(engine, user).links == links
    assert as_carol(engine, Operation.GET, fetch).result_status is ResultStatus.SUCCESS


def test_a_credential_is_not_exported(engine: Engine) -> None:
    credential = a_credential(engine)
    answer = the_only(ask(engine, (Operation.EXPORT, export.Request(unique_identifier=credential))))

    assert answer.result_status is ResultStatus.OPERATION_FAILED
    assert "correct horse" not in repr(answer)
