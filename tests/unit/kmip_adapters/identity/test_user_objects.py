"""Which users, groups and credentials count, and what leads from one to another."""

import math
from typing import Any

import pytest
from attrs import evolve

from kmip_adapters.identity import user_objects
from kmip_adapters.identity.user_objects import (
    IS_CREDENTIAL,
    groups_of,
    is_linked_password,
    is_linked_password_still,
    is_usable,
    linked_from,
    locate,
    name_criterion,
    next_date,
)
from kmip_adapters.storage.memory import MemoryStorage
from kmip_core.attributes import NAMES, Attributes
from kmip_core.engine import Engine
from kmip_core.enums import CredentialType, LinkType, ObjectType, Operation
from kmip_core.objects import ManagedObject
from kmip_core.operations import archive, destroy, register
from kmip_core.principal import Principal
from kmip_core.settings import Settings
from kmip_core.structures import NameReference
from tests.builders import ALICE, NOW, PlainHashing, a_name, a_secret, an_engine, perform
from tests.unit.kmip_core.operations.test_system_objects import a_credential, a_group, a_user, link
from tests.unit.kmip_core.operations.test_validate import ROOT

BOB = Principal(name="bob")


@pytest.fixture
def engine() -> Engine:
    """An engine that alice administers."""
    return an_engine(
        storage=MemoryStorage(), passwords=PlainHashing(), settings=Settings(administrators=frozenset({"alice"}))
    )


def record_of(engine: Engine, identifier: str) -> ManagedObject:
    with engine.services.storage.unit_of_work() as work:
        found = work.find(identifier)
    assert found is not None
    return found


def a_secret_of(engine: Engine, owner: Principal, text: bytes, **attributes: Any) -> str:
    request = register.Request(
        object_type=ObjectType.SECRET_DATA, managed_object=a_secret(text), attributes=Attributes(**attributes)
    )
    made: str = perform(engine, Operation.REGISTER, request, owner).unique_identifier
    return made


def groups(engine: Engine, user: str, now: int = NOW) -> tuple[frozenset[str], float]:
    with engine.services.storage.unit_of_work() as work:
        return groups_of(work, record_of(engine, user), now)


def links(engine: Engine, identifier: str, kind: LinkType) -> tuple[str, ...]:
    with engine.services.storage.unit_of_work() as work:
        return linked_from(work, record_of(engine, identifier), kind, NOW)


# --- what counts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "expected"), [(NOW - 1, False), (NOW, True), (NOW + 9, True), (NOW + 10, False), (NOW + 11, False)]
)
def test_an_object_counts_from_its_activation_to_its_deactivation(engine: Engine, now: int, expected: bool) -> None:
    user = record_of(engine, a_user(engine))
    dated = evolve(user, attributes=user.attributes.but(activation_date=NOW, deactivation_date=NOW + 10))

    assert is_usable(dated, now) is expected


def test_an_object_without_dates_counts_always(engine: Engine) -> None:
    user = record_of(engine, a_user(engine))

    assert is_usable(user, NOW)
    assert next_date(user, NOW) == math.inf


def test_an_archived_object_does_not_count_but_has_its_name(engine: Engine) -> None:
    user = a_user(engine)
    perform(engine, Operation.ARCHIVE, archive.Request(unique_identifier=user))

    assert not is_usable(record_of(engine, user), NOW)
    with engine.services.storage.unit_of_work() as work:
        assert locate(work, ObjectType.USER, NOW, (NAMES, name_criterion("carol"))) == (user,)


@pytest.mark.parametrize(
    ("now", "expected"), [(NOW - 1, NOW), (NOW, NOW + 10), (NOW + 9, NOW + 10), (NOW + 10, math.inf)]
)
def test_the_next_date_is_the_first_that_is_to_come(engine: Engine, now: int, expected: float) -> None:
    user = record_of(engine, a_user(engine))
    dated = evolve(user, attributes=user.attributes.but(activation_date=NOW, deactivation_date=NOW + 10))

    assert next_date(dated, now) == expected


# --- what leads where -------------------------------------------------------------------------------------------------


def test_a_certificate_of_a_client_is_no_credential(engine: Engine) -> None:
    request = register.Request(object_type=ObjectType.CERTIFICATE, managed_object=ROOT.certificate)
    perform(engine, Operation.REGISTER, request)
    credential = a_credential(engine, ROOT.certificate, CredentialType.CERTIFICATE)

    with engine.services.storage.unit_of_work() as work:
        assert locate(work, ObjectType.CERTIFICATE, NOW, IS_CREDENTIAL) == (credential,)


def test_a_link_leads_to_its_identifier_whether_anything_is_there_or_not(engine: Engine) -> None:
    user = a_user(engine, credential="not-there")

    assert links(engine, user, LinkType.CREDENTIAL_LINK) == ("not-there",)
    assert links(engine, user, LinkType.GROUP_LINK) == ()


def test_a_name_leads_to_the_only_object_that_has_it(engine: Engine) -> None:
    user = a_user(engine, credential=NameReference("card"))
    assert links(engine, user, LinkType.CREDENTIAL_LINK) == ()

    first = a_credential(engine, names=(a_name("card"),))
    a_group(engine, "card")  # no credential
    assert links(engine, user, LinkType.CREDENTIAL_LINK) == (first,)

    a_credential(engine, ROOT.certificate, CredentialType.CERTIFICATE, names=(a_name("card"),))
    assert links(engine, user, LinkType.CREDENTIAL_LINK) == ()  # it could be either


# --- groups -----------------------------------------------------------------------------------------------------------


def test_groups_above_each_other_in_a_circle_are_each_looked_at_once(engine: Engine) -> None:
    """The check when a group is changed sees the store as it was: two such changes may be made at once."""
    first = a_group(engine, "first")
    second = a_group(engine, "second", first)
    with engine.services.storage.unit_of_work() as work:
        found = work.find(first)
        assert found is not None
        work.save(evolve(found, attributes=found.attributes.but(links=(link(LinkType.PARENT_LINK, second),))))
        work.commit()

    assert groups(engine, in_group(engine, second)) == ({"first", "second"}, math.inf)


def in_group(engine: Engine, *identifiers: str) -> str:
    """Return the identifier of a user who is in these groups."""
    user = a_user(engine)
    with engine.services.storage.unit_of_work() as work:
        found = work.find(user)
        assert found is not None
        linked = tuple(link(LinkType.GROUP_LINK, one) for one in identifiers)
        work.save(evolve(found, attributes=found.attributes.but(links=linked)))
        work.commit()
    return user


def test_so_many_groups_of_a_user_are_looked_at(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_objects, "MAXIMUM_GROUPS", 3)
    group = a_group(engine, "0")
    for number in range(1, 5):
        group = a_group(engine, str(number), group)

    assert groups(engine, in_group(engine, group)) == ({"4", "3", "2"}, math.inf)


def test_a_group_that_does_not_count_leads_to_none_above_it(engine: Engine) -> None:
    above = a_group(engine, "above")
    below = a_group(engine, "below", above)
    user = in_group(engine, below, "not-there", a_credential(engine))
    assert groups(engine, user) == ({"below", "above"}, math.inf)

    perform(engine, Operation.ARCHIVE, archive.Request(unique_identifier=below))
    assert groups(engine, user) == (frozenset(), math.inf)


def test_groups_are_over_with_the_next_date_of_any_of_them(engine: Engine) -> None:
    above = a_group(engine, "above")
    user = in_group(engine, a_group(engine, "below", above))
    with engine.services.storage.unit_of_work() as work:
        found = work.find(above)
        assert found is not None
        work.save(evolve(found, attributes=found.attributes.but(activation_date=NOW + 7)))
        work.commit()

    assert groups(engine, user) == ({"below"}, NOW + 7)
    assert groups(engine, user, NOW + 7) == ({"below", "above"}, math.inf)


# --- linked passwords -------------------------------------------------------------------------------------------------


def is_right(engine: Engine, credential: str, password: bytes) -> bool:
    with engine.services.storage.unit_of_work() as work:
        still = is_linked_password_still(work, credential, password, NOW)
        assert is_linked_password(work, record_of(engine, credential), password, NOW) is still
        return still


def test_a_linked_password_is_that_of_the_first_secret_of_the_credential_s_owner(engine: Engine) -> None:
    foreign, own, second = (
        a_secret_of(engine, BOB, b"foreign"),
        a_secret_of(engine, ALICE, b"linked"),
        a_secret_of(engine, ALICE, b"second"),
    )
    linked = tuple(link(LinkType.PASSWORD_LINK, one) for one in ("not-there", a_group(engine), foreign, own, second))
    credential = a_credential(engine, None, links=linked)

    found = {text for text in (b"foreign", b"linked", b"second", b"") if is_right(engine, credential, text)}
    assert found == {b"linked"}


@pytest.mark.parametrize("is_destroyed", [True, False])
def test_a_linked_password_that_is_gone_is_none(engine: Engine, is_destroyed: bool) -> None:
    secret = a_secret_of(engine, ALICE, b"linked")
    credential = a_credential(engine, None, links=(link(LinkType.PASSWORD_LINK, secret),))
    assert is_right(engine, credential, b"linked")

    if is_destroyed:
        perform(engine, Operation.DESTROY, destroy.Request(unique_identifier=secret))
    else:
        perform(engine, Operation.ARCHIVE, archive.Request(unique_identifier=secret))

    assert not is_right(engine, credential, b"linked")


def test_a_linked_password_by_name_is_the_owner_s_secret_however_many_have_the_name(engine: Engine) -> None:
    for number in range(6):
        a_secret_of(engine, Principal(name=f"stranger {number}"), b"foreign", names=(a_name("pin"),))
    a_secret_of(engine, ALICE, b"linked", names=(a_name("pin"),))
    credential = a_credential(engine, None, links=(link(LinkType.PASSWORD_LINK, NameReference("pin")),))

    assert is_right(engine, credential, b"linked")
    assert not is_right(engine, credential, b"foreign")


def test_a_credential_that_does_not_count_proves_nothing_any_more(engine: Engine) -> None:
    secret = a_secret_of(engine, ALICE, b"linked")
    credential = a_credential(engine, None, links=(link(LinkType.PASSWORD_LINK, secret),))
    perform(engine, Operation.ARCHIVE, archive.Request(unique_identifier=credential))

    with engine.services.storage.unit_of_work() as work:
        assert not is_linked_password_still(work, credential, b"linked", NOW)
        assert not is_linked_password_still(work, "not-there", b"linked", NOW)
