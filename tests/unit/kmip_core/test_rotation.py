"""Rotation by dates, on the engine over memory: KMIP 2.1 §4.48 - §4.54."""

from typing import Any

import pytest
from attrs import define, evolve, field

from kmip_adapters.audit.memory import MemoryTrail
from kmip_adapters.policy.static import StaticPolicies
from kmip_adapters.storage.memory import MemoryStorage, MemoryUnitOfWork
from kmip_adapters.system.clock import SteppableClock
from kmip_core import rotation
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CertificateType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    LinkType,
    ObjectType,
    Operation,
    ResultReason,
    RotateNameType,
    State,
)
from kmip_core.errors import KmipError
from kmip_core.objects import ManagedObject
from kmip_core.operations import certify, create_key_pair, re_key
from kmip_core.policy import BUILT_IN
from kmip_core.ports.steps import Pace
from kmip_core.ports.storage import ConcurrentChange
from kmip_core.principal import Principal, Source
from kmip_core.rotation import FIRST_PAUSE, PER_OWNER, Rotation
from kmip_core.structures import Link, NameReference, RotateName
from tests.builders import ALICE, NOW, a_name, a_symmetric_key, an_engine, attributes_of, perform

SET = RotateName(rotate_name_value="payments", rotate_name_type=RotateNameType.UNINTERPRETED_TEXT_STRING)
DUE: dict[str, Any] = {"rotate_automatic": True, "rotate_interval": 1_000, "initial_date": NOW - 1_000}
MASK = CryptographicUsageMask


def due(name: str = "key", state: State = State.ACTIVE, **attributes: Any) -> Any:
    return a_symmetric_key(name, state, **DUE | {"activation_date": NOW - 1_000} | attributes)


@define
class Noted:
    failures: list[tuple[str, str]] = field(factory=list)

    def __call__(self, identifier: str, error: KmipError) -> None:
        self.failures.append((identifier, error.message))


def rotation_of(engine: Engine, holder: str = "one", **parts: Any) -> Rotation:
    storage: Any = engine.services.storage
    given: dict[str, Any] = {"schedule": storage, "leases": storage, "note_failure": Noted(), **parts}
    return Rotation(engine=engine, holder=holder, **given)


def replacement_of(engine: Engine, identifier: str = "key") -> str:
    links = attributes_of(engine, identifier).links
    (found,) = (one for one in links if one.link_type is LinkType.REPLACEMENT_OBJECT_LINK)
    assert isinstance(found.linked_object_identifier, str)
    return found.linked_object_identifier


def test_a_due_key_is_re_keyed_with_links_name_and_generation() -> None:
    engine = an_engine(due(names=(a_name("db"),), rotate_name=SET, rotate_offset=0))

    assert rotation_of(engine).look() == 1

    old, new = attributes_of(engine), attributes_of(engine, replacement_of(engine))
    assert (old.names, new.names) == ((), (a_name("db"),))
    assert (old.rotate_name, new.rotate_name) == (SET, SET)
    assert (old.rotate_generation, new.rotate_generation) == (0, 1)
    assert (old.rotate_latest, new.rotate_latest) == (False, True)
    assert (old.rotate_automatic, new.rotate_automatic) == (False, True)
    assert (old.rotate_date, new.rotate_date) == (NOW, None)
    assert (new.rotate_interval, new.rotate_offset) == (1_000, 0)
    assert Link(link_type=LinkType.REPLACED_OBJECT_LINK, linked_object_identifier="key") in new.links
    assert new.activation_date == NOW
    assert new.state is State.ACTIVE


def test_the_newest_is_rotated_when_its_own_interval_has_passed_and_the_old_never_again() -> None:
    clock = SteppableClock(NOW)
    engine = an_engine(due(), clock=clock)
    rotation = rotation_of(engine)

    counts = [rotation.look()]
    for _ in range(4):
        clock.advance(500)
        counts.append(rotation.look())

    assert counts == [1, 0, 1, 0, 1]
    second = replacement_of(engine)
    third = replacement_of(engine, replacement_of(engine, second))
    assert attributes_of(engine, third).rotate_generation == 3


def test_the_offset_moves_the_dates_of_the_new_key() -> None:
    engine = an_engine(due(rotate_offset=60, deactivation_date=NOW + 1_000))

    rotation_of(engine).look()

    new = attributes_of(engine, replacement_of(engine))
    assert (new.activation_date, new.deactivation_date) == (NOW + 60, NOW + 2_060)
    assert new.state is State.PRE_ACTIVE


@pytest.mark.parametrize(
    "attributes",
    [
        {"initial_date": NOW - 999},
        {"rotate_automatic": False},
        {"rotate_interval": None},
        {"rotate_interval": 0},
        {"deactivation_date": NOW - 1},
    ],
    ids=str,
)
def test_an_object_that_is_not_due_is_not_rotated(attributes: dict[str, Any]) -> None:
    engine = an_engine(due(**attributes))

    assert rotation_of(engine).look() == 0
    assert attributes_of(engine).rotate_latest is None


def test_a_clients_re_key_counts_as_a_rotation() -> None:
    engine = an_engine(due(rotate_generation=4))

    new = perform(engine, Operation.RE_KEY, re_key.Request(unique_identifier="key")).unique_identifier

    assert attributes_of(engine, new).rotate_generation == 5
    assert rotation_of(engine).look() == 0


def test_a_key_that_is_not_automatic_does_not_say_so_after_a_re_key() -> None:
    engine = an_engine(a_symmetric_key())

    new = perform(engine, Operation.RE_KEY, re_key.Request(unique_identifier="key")).unique_identifier

    assert attributes_of(engine).rotate_automatic is None
    assert attributes_of(engine, new).rotate_automatic is None


def a_pair(engine: Engine, of_private: Attributes, of_public: Attributes) -> tuple[str, str]:
    made = perform(
        engine,
        Operation.CREATE_KEY_PAIR,
        create_key_pair.Request(
            common_attributes=Attributes(
                cryptographic_algorithm=CryptographicAlgorithm.EC,
                cryptographic_length=256,
                activation_date=NOW,
            ),
            private_key_attributes=evolve(of_private, cryptographic_usage_mask=MASK.SIGN),
            public_key_attributes=evolve(of_public, cryptographic_usage_mask=MASK.VERIFY),
        ),
    )
    return made.private_key_unique_identifier, made.public_key_unique_identifier


ROTATES = Attributes(rotate_automatic=True, rotate_interval=1_000)
STAYS = Attributes()


@pytest.mark.parametrize(
    ("of_private", "of_public"),
    [(ROTATES, ROTATES), (ROTATES, STAYS), (STAYS, ROTATES)],
    ids=["both", "private", "public"],
)
def test_a_pair_is_rotated_whole_whichever_half_is_due(of_private: Attributes, of_public: Attributes) -> None:
    clock = SteppableClock(NOW)
    engine = an_engine(clock=clock)
    private, public = a_pair(engine, of_private, of_public)
    rotation = rotation_of(engine)
    assert rotation.look() == 0
    clock.advance(1_000)

    assert rotation.look() == 1

    new_private, new_public = replacement_of(engine, private), replacement_of(engine, public)
    assert attributes_of(engine, new_private).rotate_generation == 1
    assert attributes_of(engine, new_public).rotate_generation == 1
    assert attributes_of(engine, new_private).links[0].linked_object_identifier == new_public
    assert attributes_of(engine, new_public).rotate_latest is True


@pytest.mark.parametrize("is_private", [True, False], ids=["private", "public"])
def test_the_halves_of_a_pair_are_found_by_their_names(is_private: bool) -> None:
    clock = SteppableClock(NOW)
    engine = an_engine(clock=clock)
    private, public = a_pair(engine, ROTATES if is_private else STAYS, STAYS if is_private else ROTATES)
    with engine.services.storage.unit_of_work() as work:
        for identifier, kind in (
            (private, LinkType.PUBLIC_KEY_LINK),
            (public, LinkType.PRIVATE_KEY_LINK),
        ):
            found = work.find(identifier)
            assert found is not None
            link = Link(link_type=kind, linked_object_identifier=NameReference("pair"))
            named = found.attributes.but(names=(a_name("pair"),), links=(link,))
            work.save(evolve(found, attributes=named))
        work.commit()
    clock.advance(1_000)

    assert rotation_of(engine).look() == 1
    assert attributes_of(engine, replacement_of(engine, private)).rotate_generation == 1


def test_a_certificate_is_certified_again() -> None:
    clock = SteppableClock(NOW)
    engine = an_engine(clock=clock)
    _, public = a_pair(engine, STAYS, STAYS)
    request = certify.Request(
        unique_identifier=public, attributes=evolve(ROTATES, certificate_type=CertificateType.X_509)
    )
    old = perform(engine, Operation.CERTIFY, request).unique_identifier
    clock.advance(1_000)

    assert rotation_of(engine).look() == 1

    new = replacement_of(engine, old)
    assert attributes_of(engine, new).rotate_generation == 1
    assert attributes_of(engine, old).rotate_latest is False


def test_it_is_recorded_in_the_name_of_the_owner_by_the_server() -> None:
    trail = MemoryTrail()
    engine = an_engine(due(owner="bob"), audit=trail)

    rotation_of(engine).look()

    (record,) = trail.records
    assert (record.operation, record.principal, record.source) == (Operation.RE_KEY, "bob", "server")
    assert record.unique_identifiers[0] == "key"
    assert record.result is None


def test_no_policy_of_clients_is_asked_and_no_password() -> None:
    class Refuses:
        def settle(self, *_: object) -> Any:
            raise KmipError(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, "no")

    engine = an_engine(due(operation_policy_name="groups only"), authentication=Refuses())

    assert rotation_of(engine).look() == 1


def test_what_the_server_may_do_rests_on_the_policies_in_force() -> None:
    policies = StaticPolicies(BUILT_IN)

    assert rotation.OwnersPolicy(policies).in_force() is policies


def test_the_policy_of_the_server_is_for_owners_alone() -> None:
    policy = rotation.OwnersPolicy(StaticPolicies(BUILT_IN))
    managed_object, _ = due()

    assert policy.decide(ALICE, Operation.RE_KEY, managed_object).is_allowed
    stranger = policy.decide(Principal(name="bob", source=Source.SERVER), Operation.RE_KEY, managed_object)
    assert (stranger.is_allowed, stranger.is_visible) == (False, False)
    visible = policy.visibility(ALICE)
    assert visible.includes("alice", "default", ObjectType.PUBLIC_KEY)
    assert not visible.everyone
    assert policy.is_known("x")


def test_a_failure_is_noted_once_and_tried_again_later_while_others_are_rotated() -> None:
    clock, noted = SteppableClock(NOW), Noted()
    without = due("broken", activation_date=None, deactivation_date=NOW + 10_000, rotate_offset=5)
    engine = an_engine(without, due("whole"), clock=clock)
    rotation = rotation_of(engine, note_failure=noted)

    assert rotation.look() == 1
    assert rotation.look() == 0
    clock.advance(FIRST_PAUSE)
    assert rotation.look() == 0
    assert [identifier for identifier, _ in noted.failures] == ["broken"]
    assert rotation._failures["broken"].attempts == 2


class Overtaken(MemoryStorage):
    """A store to which something is committed between two reads of the next unit of work, which cannot read on."""

    is_next = False

    def unit_of_work(self, pace: Pace = Pace.SLOW) -> MemoryUnitOfWork:
        return OvertakenWork(self, pace)


class OvertakenWork(MemoryUnitOfWork):
    def find(self, unique_identifier: str) -> ManagedObject | None:
        storage: Any = self._storage
        if storage.is_next:
            storage.is_next = False
            raise ConcurrentChange
        return super().find(unique_identifier)


def test_an_object_that_cannot_be_read_for_changes_is_left_for_the_next_look() -> None:
    storage = Overtaken()
    engine = an_engine(due("one"), due("two"), storage=storage)
    rotation = rotation_of(engine)
    storage.is_next = True

    assert rotation.look() == 1
    assert rotation.look() == 1
    assert not rotation._failures


def test_a_public_key_whose_private_half_is_named_and_not_there_cannot_be_rotated() -> None:
    noted, clock = Noted(), SteppableClock(NOW)
    engine = an_engine(clock=clock)
    _, public = a_pair(engine, STAYS, ROTATES)
    with engine.services.storage.unit_of_work() as work:
        found = work.find(public)
        assert found is not None
        link = Link(link_type=LinkType.PRIVATE_KEY_LINK, linked_object_identifier=NameReference("gone"))
        work.save(evolve(found, attributes=found.attributes.but(links=(link,))))
        work.commit()
    clock.advance(1_000)

    assert rotation_of(engine, note_failure=noted).look() == 0
    assert noted.failures == [(public, "the name of the private key does not stand for one object")]


def test_a_private_key_whose_public_half_is_gone_cannot_be_rotated() -> None:
    noted, clock = Noted(), SteppableClock(NOW)
    engine = an_engine(clock=clock)
    private, _ = a_pair(engine, ROTATES, STAYS)
    with engine.services.storage.unit_of_work() as work:
        found = work.find(private)
        assert found is not None
        link = Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier="gone")
        work.save(evolve(found, attributes=found.attributes.but(links=(link,))))
        work.commit()
    clock.advance(1_000)

    assert rotation_of(engine, note_failure=noted).look() == 0
    assert [identifier for identifier, _ in noted.failures] == [private]


def test_a_public_key_alone_cannot_be_rotated() -> None:
    noted = Noted()
    engine = an_engine()
    _, public = a_pair(engine, STAYS, Attributes(rotate_automatic=True, rotate_interval=1))
    with engine.services.storage.unit_of_work() as work:
        found = work.find(public)
        assert found is not None
        work.save(evolve(found, attributes=evolve(found.attributes, links=(), initial_date=NOW - 10)))
        work.commit()

    assert rotation_of(engine, note_failure=noted).look() == 0
    assert noted.failures == [(public, "the public key has no link to its private key")]


def test_failures_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kmip_core.rotation.REMEMBERED", 2)
    broken = [due(f"k{n}", activation_date=None, deactivation_date=NOW + 9_000, rotate_offset=5) for n in range(4)]
    rotation = rotation_of(an_engine(*broken))

    rotation.look()

    assert list(rotation._failures) == ["k2", "k3"]


def test_one_owner_does_not_keep_others_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kmip_core.rotation.PER_OWNER", 2)
    monkeypatch.setattr("kmip_core.rotation.PIECE", 3)
    many = [due(f"many{n}", owner="mallory") for n in range(7)]
    engine = an_engine(*many, due("one", owner="alice"))

    assert rotation_of(engine).look() == 3
    assert attributes_of(engine, "one").rotate_latest is False
    assert PER_OWNER > 2


def test_a_look_reads_so_many_objects_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kmip_core.rotation.PIECE", 2)
    monkeypatch.setattr("kmip_core.rotation.PER_LOOK", 4)

    assert rotation_of(an_engine(*(due(f"k{n}") for n in range(9)))).look() == 4


def test_a_look_ends_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kmip_core.rotation.LOOK_SECONDS", 2)

    class Running:
        """A clock that goes on by a second each time that it is read."""

        def __init__(self) -> None:
            self.time = NOW

        def now(self) -> int:
            self.time += 1
            return self.time

    engine = an_engine(*(due(f"k{n}") for n in range(9)), clock=Running())

    assert 0 <= rotation_of(engine).look() < 3


def test_while_another_node_has_the_lease_nothing_is_done() -> None:
    storage = MemoryStorage()
    engine = an_engine(due(), storage=storage)
    storage.lease(rotation.LEASE, "another", NOW, 60)

    assert rotation_of(engine).look() == 0
    storage.give_up(rotation.LEASE, "another")
    one = rotation_of(engine)
    assert one.look() == 1
    assert not storage.lease(rotation.LEASE, "another", NOW, 60)
    one.close()
    assert storage.lease(rotation.LEASE, "another", NOW, 60)
    one.close()
    assert not storage.lease(rotation.LEASE, "third", NOW, 60)


def test_a_lease_that_was_never_had_is_not_given_up() -> None:
    storage = MemoryStorage()
    engine = an_engine(storage=storage)
    storage.lease(rotation.LEASE, "one", NOW, 60)

    rotation_of(engine, holder="one").close()

    assert not storage.lease(rotation.LEASE, "another", NOW, 60)


class Stale:
    """A schedule that finds an object although another node has rotated it, or removed it."""

    def due_for_rotation(self, now: int, after: int, limit: int) -> Any:
        from kmip_core.ports.schedule import Scheduled

        return (Scheduled(1, "key", "alice"), Scheduled(2, "gone", "alice"))

    def state_changes(self, *_: int) -> Any:
        return ()


def test_two_nodes_that_find_the_same_object_rotate_it_once() -> None:
    """Both have read it as due: the second one's request is refused when it is performed."""
    noted = Noted()
    engine = an_engine(due())
    first, second = rotation_of(engine, schedule=Stale()), rotation_of(engine, schedule=Stale(), note_failure=noted)
    requests: list[int] = []
    inner = second._rotating

    class After:
        """The second node's engine, which is slower than the first node."""

        def handle(self, message: Any, principal: Principal) -> Any:
            requests.append(first._request("key", NOW))
            return inner.handle(message, principal)

    second._rotating = After()  # type: ignore[assignment]

    assert second.look() == 0
    assert requests == [True]
    assert noted.failures == []
    assert attributes_of(engine, replacement_of(engine)).rotate_generation == 1
