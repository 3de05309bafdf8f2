"""A PyKMIP database is taken into a store that has users, groups and credentials: both stay what they are."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kmip_adapters.identity.credentials import CredentialAuthentication
from kmip_adapters.identity.stored_users import StoredUsers
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.system.identifiers import RandomIdentifiers, SequentialIdentifiers
from kmip_app.maintenance.pykmip_database import PyKmipDatabase
from kmip_app.maintenance.pykmip_import import Report, import_found
from kmip_core.engine import Engine
from kmip_core.enums import LinkType, ObjectClassMask, ObjectType, Operation, ResultReason
from kmip_core.operations import get_attributes, locate
from kmip_core.ports.system import Identifiers
from kmip_core.principal import Principal
from kmip_core.settings import Settings
from tests.builders import ALICE, NOW, PlainHashing, an_engine, ask, attributes_of, perform, stored, the_only
from tests.pykmip_databases import change, make_database, one_of_each
from tests.unit.kmip_adapters.identity.test_stored_groups import CAROL
from tests.unit.kmip_core.operations.test_system_objects import a_credential, a_group, a_user, link

PEER = Principal(name="peer", address="192.0.2.1")


def an_engine_with_users(identifiers: Identifiers) -> tuple[Engine, dict[ObjectType, str]]:
    """Return an engine of which alice is an administrator, with a user, its group and its password."""
    storage = MemoryStorage()
    engine = an_engine(
        storage=storage,
        passwords=PlainHashing(),
        identifiers=identifiers,
        authentication=CredentialAuthentication(users=StoredUsers(storage=storage, hashing=PlainHashing())),
        settings=Settings(administrators=frozenset({"alice"})),
    )
    group, credential = a_group(engine, "auditors"), a_credential(engine)
    user = a_user(engine, "carol", credential, object_groups=("auditors",))
    made = {ObjectType.GROUP: group, ObjectType.PASSWORD_CREDENTIAL: credential, ObjectType.USER: user}
    return engine, made


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """One object of each type, of alice; one has the name of the user, and is in a group of the name of the group."""
    path = make_database(tmp_path / "pykmip.database", one_of_each())
    change(path, "UPDATE managed_object_names SET name = 'carol' WHERE mo_uid = 1")
    return path


def taken(engine: Engine, path: Path) -> Report:
    services = engine.services
    parts: Any = SimpleNamespace(
        storage=lambda: services.storage,
        policy=lambda: services.policy,
        identifiers=lambda: services.identifiers,
        clock=lambda: services.clock,
        audit=lambda: services.audit,
    )
    source = PyKmipDatabase(path, now=NOW)
    try:
        return import_found(parts, source)
    finally:
        source.close()


def authenticates(engine: Engine) -> bool:
    request = get_attributes.Request(unique_identifier="nothing")
    answer = the_only(ask(engine, (Operation.GET_ATTRIBUTES, request), principal=PEER, credentials=(CAROL,)))
    return answer.result_reason is ResultReason.OBJECT_NOT_FOUND  # and not Authentication Not Successful


def located(engine: Engine, mask: ObjectClassMask | None) -> set[str]:
    request = locate.Request(object_class_mask=mask)
    return set(perform(engine, Operation.LOCATE, request).unique_identifiers)


def test_objects_of_pykmip_and_system_objects_stand_beside_each_other(database: Path) -> None:
    engine, made = an_engine_with_users(RandomIdentifiers())
    before = {identifier: attributes_of(engine, identifier) for identifier in made.values()}

    report = taken(engine, database)

    assert (sum(report.taken.values()), report.not_taken) == (9, [])
    visible = engine.services.visibility(ALICE)
    imported = [stored(engine, str(number)) for number in range(1, 10)]
    assert located(engine, None) == {
        one.unique_identifier
        for one in imported
        if visible.includes(one.owner, one.attributes.operation_policy_name or "", one.object_type)
    }
    assert located(engine, ObjectClassMask.SYSTEM) == set(made.values())
    assert before == {identifier: attributes_of(engine, identifier) for identifier in made.values()}
    assert attributes_of(engine, "1").names[0].name_value == "carol"
    assert authenticates(engine)
    assert a_user(engine, "dave", made[ObjectType.PASSWORD_CREDENTIAL])

    again = taken(engine, database)
    assert (sum(again.taken.values()), again.present, again.not_taken) == (0, 9, [])


def test_an_object_with_the_identifier_of_a_system_object_is_reported_and_replaces_nothing(database: Path) -> None:
    engine, made = an_engine_with_users(SequentialIdentifiers())
    assert set(made.values()) <= {str(number) for number in range(1, 10)}

    report = taken(engine, database)

    assert sum(report.taken.values()) == 9 - len(report.not_taken)
    assert {why for _, why in report.not_taken} == {"another object of this store has its identifier"}
    assert len(report.not_taken) == 3
    for object_type, identifier in made.items():
        assert stored(engine, identifier).object_type is object_type
    assert attributes_of(engine, made[ObjectType.USER]).links == (
        link(LinkType.CREDENTIAL_LINK, made[ObjectType.PASSWORD_CREDENTIAL]),
    )
    assert authenticates(engine)
