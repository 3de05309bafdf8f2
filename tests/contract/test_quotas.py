"""No owner gets more into a store than its quota, whichever way; first what every store promises of it."""

import functools
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any, Final
from uuid import uuid4

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.storage.quotas import Quota
from kmip_adapters.storage.sql.holdings import PREFIX
from kmip_adapters.storage.sql.ownership import change_owner
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.testing.contracts.quotas import *  # noqa: F403  the promises, with the `make` of this module
from kmip_app.testing.contracts.quotas import NAMES_OF_KIB, Make, change, refused
from kmip_app.testing.contracts.samples import a_key, content
from kmip_core.attributes import Attributes
from kmip_core.enums import (
    CertificateType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    DerivationMethod,
    HashingAlgorithm,
    ObjectType,
    Operation,
    ResultReason,
    SplitKeyMethod,
    State,
)
from kmip_core.errors import KmipError
from kmip_core.operations import (
    certify,
    create,
    create_key_pair,
    create_split_key,
    derive_key,
    import_,
    join_split_key,
    re_certify,
    re_key,
    re_key_key_pair,
    register,
)
from kmip_core.ports.storage import ConcurrentChange
from kmip_core.structures import CertificateAttributes, CryptographicParameters, DerivationParameters
from tests import postgresql
from tests.builders import a_secret, a_symmetric_key, an_engine, perform
from tests.contract.test_storage import located, put, query


def make_memory(_: Path, quota_of: Callable[[str], Quota]) -> MemoryStorage:
    return MemoryStorage(quota_of)


def make_sqlite(directory: Path, quota_of: Callable[[str], Quota] | None) -> SqlStorage:
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(directory / "root.key"))
    return SqlStorage(f"sqlite:///{directory}/kmipd.db", make_sealer, quota_of=quota_of)


def make_postgresql(directory: Path, quota_of: Callable[[str], Quota]) -> SqlStorage:
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(directory / "root.key"))
    return SqlStorage(postgresql.url_for(directory), make_sealer, quota_of=quota_of)


@pytest.fixture(params=[make_memory, make_sqlite, make_postgresql], ids=["memory", "sqlite", "postgresql"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    return functools.partial(request.param, tmp_path)


WRITES = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "change", "remove", "destroy"]),
        st.integers(0, 3),
        st.lists(st.sampled_from(NAMES_OF_KIB), max_size=3, unique=True).map(tuple),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writes=WRITES, together=st.booleans())
def test_the_numbers_are_those_that_counting_gives(
    sqlite: SqlStorage, writes: list[tuple[str, int, Any]], together: bool
) -> None:
    present: list[str] = []
    with sqlite.unit_of_work() as work:
        for what, number, names in writes:
            if what == "add" or not present:
                present.append(str(uuid4()))
                work.add(a_key(present[-1], owner=("alice", "bob")[number % 2], names=names), content())
                continue
            identifier = present[number % len(present)]
            found = work.find(identifier)
            assert found is not None
            if what == "remove":
                work.remove(identifier)
                present.remove(identifier)
            elif what == "destroy":
                work.save(evolve(found, has_content=False, attributes=evolve(found.attributes, state=State.DESTROYED)))
            else:
                work.save(evolve(found, attributes=evolve(found.attributes, names=names)))
            if not together:
                work.commit()
        work.commit()

    assert_counted(sqlite, "alice", "bob")


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqlStorage]:
    store = make_sqlite(tmp_path, lambda _: Quota(objects=1_000))
    yield store
    store.close()


def assert_counted(store: SqlStorage, *owners: str) -> None:
    holdings = store.database.statements.holdings
    for owner in owners:
        noted = store.submit(functools.partial(holdings.read, owner=owner, key=store.open_index_key()))
        assert noted == store.submit(functools.partial(holdings.counted, owner=owner))


def test_a_removal_that_fails_makes_no_room_for_others_of_its_group(tmp_path: Path) -> None:
    with closing(make_sqlite(tmp_path, lambda _: Quota(objects=3))) as store:
        put(store, a_key("1"), a_key("2"), a_key("3"))
        with store.unit_of_work() as adding, store.unit_of_work() as removing:
            adding.add(a_key("4"), content())
            removing.remove("1")
            change(store, "1", names=NAMES_OF_KIB[:1])
            is_writing, may_go_on = Event(), Event()

            def write(_: Any) -> None:
                is_writing.set()
                may_go_on.wait(120)

            before = store.writer.hand_over(write)
            assert is_writing.wait(120)
            group = [adding.hand_over(), removing.hand_over()]
            may_go_on.set()
            before.result()

            with pytest.raises(KmipError):
                group[0].result()
            with pytest.raises(ConcurrentChange):
                group[1].result()
        assert located(store, query()) == ("3", "2", "1")


def test_objects_that_another_release_has_written_are_counted_once(sqlite: SqlStorage) -> None:
    put(sqlite, a_key("1"), a_key("2"))
    sqlite.set_fact(PREFIX + "alice", None)
    put(sqlite, a_key("3"))

    assert sqlite.database.fact(PREFIX + "alice").partition(":")[2].split()[0] == "3"
    assert_counted(sqlite, "alice")


def test_objects_that_get_another_owner_count_for_it(sqlite: SqlStorage) -> None:
    put(sqlite, a_key("1"), a_key("2"), a_key("3", owner="bob"))
    change_owner(sqlite, lambda found: found.unique_identifier == "1", "bob")
    put(sqlite, a_key("4", owner="bob"))

    assert sqlite.database.fact(PREFIX + "bob").partition(":")[2].split()[0] == "3"
    assert_counted(sqlite, "alice", "bob")


def test_without_quotas_it_is_counted_all_the_same(tmp_path: Path) -> None:
    store = make_sqlite(tmp_path, None)
    put(store, a_key("1"))
    assert_counted(store, "alice")
    store.close()

    store = make_sqlite(tmp_path, lambda _: Quota(objects=1))
    refused(store, a_key("2"))
    store.close()


# --- every operation that makes an object, or makes one larger ------------------------------------------------------

COMMON: Final = Attributes(
    cryptographic_algorithm=CryptographicAlgorithm.AES,
    cryptographic_length=128,
    cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT,
)
PAIR: Final = evolve(
    COMMON,
    cryptographic_algorithm=CryptographicAlgorithm.EC,
    cryptographic_length=256,
    cryptographic_usage_mask=CryptographicUsageMask.SIGN | CryptographicUsageMask.VERIFY,
)
DERIVED: Final = derive_key.Request(
    object_type=ObjectType.SYMMETRIC_KEY,
    unique_identifiers=("base",),
    derivation_method=DerivationMethod.HMAC,
    derivation_parameters=DerivationParameters(
        derivation_data=b"data",
        cryptographic_parameters=CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256),
    ),
    attributes=COMMON,
)
SPLIT: Final = create_split_key.Request(
    object_type=ObjectType.SYMMETRIC_KEY,
    unique_identifier="key",
    split_key_parts=3,
    split_key_threshold=2,
    split_key_method=SplitKeyMethod.XOR,
)
MAKING: Final[dict[Operation, Any]] = {
    Operation.CREATE: create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=COMMON),
    Operation.CREATE_KEY_PAIR: create_key_pair.Request(common_attributes=PAIR),
    Operation.REGISTER: register.Request(object_type=ObjectType.SECRET_DATA, managed_object=a_secret()),
    Operation.IMPORT: import_.Request(
        unique_identifier="imported", object_type=ObjectType.SECRET_DATA, managed_object=a_secret()
    ),
    Operation.DERIVE_KEY: DERIVED,
    Operation.CREATE_SPLIT_KEY: evolve(SPLIT, split_key_threshold=3),
    Operation.RE_KEY: re_key.Request(unique_identifier="key"),
    Operation.RE_KEY_KEY_PAIR: re_key_key_pair.Request(private_key_unique_identifier="private"),
    Operation.CERTIFY: certify.Request(
        unique_identifier="public",
        attributes=Attributes(
            certificate_type=CertificateType.X_509,
            certificate_attributes=CertificateAttributes(certificate_subject_cn="example"),
        ),
    ),
    Operation.RE_CERTIFY: re_certify.Request(unique_identifier="certificate"),
    Operation.JOIN_SPLIT_KEY: join_split_key.Request(
        object_type=ObjectType.SYMMETRIC_KEY, unique_identifiers=("part 1", "part 2", "part 3")
    ),
}


def renamed(request: Any, names: dict[str, str]) -> Any:
    """Return a request about the objects that were made."""
    changes: dict[str, Any] = {}
    for name in ("unique_identifier", "private_key_unique_identifier"):
        if getattr(request, name, None) in names:
            changes[name] = names[getattr(request, name)]
    if getattr(request, "unique_identifiers", ()):
        changes["unique_identifiers"] = tuple(names.get(one, one) for one in request.unique_identifiers)
    return evolve(request, **changes)


@pytest.mark.parametrize("operation", list(MAKING), ids=lambda operation: operation.name)
def test_no_operation_makes_an_object_beyond_the_quota(operation: Operation) -> None:
    quota = [Quota()]
    store = MemoryStorage(lambda _: quota[0])
    base = a_symmetric_key("base", State.ACTIVE, cryptographic_usage_mask=CryptographicUsageMask.DERIVE_KEY)
    engine = an_engine(a_symmetric_key("key", State.ACTIVE), base, storage=store)
    pair = perform(engine, Operation.CREATE_KEY_PAIR, MAKING[Operation.CREATE_KEY_PAIR])
    parts = perform(engine, Operation.CREATE_SPLIT_KEY, MAKING[Operation.CREATE_SPLIT_KEY])
    names = {"private": pair.private_key_unique_identifier, "public": pair.public_key_unique_identifier}
    names |= {f"part {number}": part for number, part in enumerate(parts.unique_identifiers, 1)}
    certified = perform(engine, Operation.CERTIFY, renamed(MAKING[Operation.CERTIFY], names))
    names["certificate"] = certified.unique_identifier
    before = set(located(store, query()))
    request = renamed(MAKING[operation], names)

    quota[0] = Quota(objects=len(before))
    with pytest.raises(KmipError) as refusal:
        perform(engine, operation, request)

    assert refusal.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED
    assert set(located(store, query())) == before
    quota[0] = Quota()
    perform(engine, operation, request)
    assert set(located(store, query())) > before
