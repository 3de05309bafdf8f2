"""The default member of an object group: the newest, or each in its turn."""

from pathlib import Path
from typing import Any, Final

import pytest

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_core.engine import Engine
from kmip_core.enums import ObjectGroupMember, Operation
from kmip_core.operations import archive, destroy, get, locate
from kmip_core.settings import GroupDefault, Settings
from tests.builders import ALICE, BOB, a_symmetric_key, an_engine, an_instance, attributes_of, perform

IN_TURN: Final = Settings(group_default=GroupDefault.ROUND_ROBIN)


def member(identifier: str, *groups: str, **attributes: Any) -> Any:
    return a_symmetric_key(identifier, object_groups=groups or ("g",), **attributes)


def default_of(engine: Engine, group: str = "g", principal: Any = ALICE, **more: Any) -> tuple[str, ...]:
    criteria = (an_instance("object_groups", group), *more.pop("criteria", ()))
    request = locate.Request(criteria=criteria, object_group_member=ObjectGroupMember.GROUP_MEMBER_DEFAULT, **more)
    found: tuple[str, ...] = perform(engine, Operation.LOCATE, request, principal).unique_identifiers
    return found


def fetch(engine: Engine, identifier: str, principal: Any = ALICE) -> None:
    perform(engine, Operation.GET, get.Request(unique_identifier=identifier), principal)


def three(**parts: Any) -> Engine:
    return an_engine(*(member(name) for name in "ABC"), settings=IN_TURN, **parts)


@pytest.fixture(params=["memory", "sqlite"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "memory":
        yield MemoryStorage()
        return
    opened = SqlStorage(f"sqlite:///{tmp_path}/kmipd.db", lambda keys: EnvelopeSealer(KeyFile(tmp_path / "k"), keys))
    yield opened
    opened.close()


def test_it_is_the_newest_member_unless_chosen_otherwise() -> None:
    engine = an_engine(*(member(name) for name in "ABC"))

    assert default_of(engine) == ("C",)
    fetch(engine, "C")
    assert default_of(engine) == ("C",)


@pytest.mark.parametrize("maximum", [None, 1, 5])
def test_each_member_has_its_turn_when_the_one_before_was_fetched(storage: Any, maximum: int | None) -> None:
    engine = three(storage=storage)
    found = []
    for _ in range(4):
        found.append(default_of(engine, maximum_items=maximum))
        assert default_of(engine, maximum_items=maximum) == found[-1]  # to look is not to fetch
        fetch(engine, found[-1][0])

    assert found == [("A",), ("B",), ("C",), ("A",)]


def test_any_get_of_a_member_moves_the_turn() -> None:
    engine = three()

    fetch(engine, "B")

    assert default_of(engine) == ("C",)


def test_destroyed_and_archived_members_are_passed_over() -> None:
    engine = three()
    fetch(engine, "A")
    perform(engine, Operation.DESTROY, destroy.Request(unique_identifier="B"))
    assert default_of(engine) == ("C",)
    perform(engine, Operation.DESTROY, destroy.Request(unique_identifier="A"))  # the mark stays where it was
    assert default_of(engine) == ("C",)
    perform(engine, Operation.ARCHIVE, archive.Request(unique_identifier="C"))
    assert default_of(engine) == ()


def test_one_group_does_not_move_another() -> None:
    engine = an_engine(*(member(name, "g") for name in "AB"), *(member(name, "h") for name in "CD"), settings=IN_TURN)

    fetch(engine, "A")

    assert default_of(engine, "g") == ("B",)
    assert default_of(engine, "h") == ("C",)


def test_a_member_of_two_groups_moves_both() -> None:
    engine = an_engine(member("A", "g", "h"), member("B", "g"), member("C", "h"), settings=IN_TURN)

    fetch(engine, "A")
    fetch(engine, "B")

    assert default_of(engine, "g") == ("A",)
    assert default_of(engine, "h") == ("C",)


def test_the_other_criteria_hold_in_every_turn() -> None:
    engine = an_engine(
        member("A"),
        member("B", cryptographic_length=192),
        member("C"),
        member("D", cryptographic_length=192),
        settings=IN_TURN,
    )
    long: dict[str, Any] = {"criteria": (an_instance("cryptographic_length", 192),)}

    assert default_of(engine, **long) == ("B",)
    fetch(engine, "A")
    assert default_of(engine, **long) == ("B",)
    fetch(engine, "C")
    assert default_of(engine, **long) == ("D",)


def test_a_repeated_get_writes_nothing_more() -> None:
    engine = three()
    fetch(engine, "A")
    before = attributes_of(engine, "A")

    fetch(engine, "A")

    assert attributes_of(engine, "A") == before


def test_a_group_of_the_same_name_of_another_client_has_turns_of_its_own() -> None:
    engine = an_engine(
        member("A"), member("B"), member("X", owner=BOB.name), member("Y", owner=BOB.name), settings=IN_TURN
    )

    fetch(engine, "A")

    assert default_of(engine, principal=BOB) == ("X",)


def test_pages_are_those_of_a_list_of_one() -> None:
    engine = an_engine(*(member(name) for name in "ABC"))

    assert default_of(engine, maximum_items=0) == ()
    assert default_of(engine, offset_items=1) == ()
    request = locate.Request(
        criteria=(an_instance("object_groups", "g"),),
        object_group_member=ObjectGroupMember.GROUP_MEMBER_DEFAULT,
        maximum_items=2,
    )
    assert perform(engine, Operation.LOCATE, request).located_items == 1


def test_without_a_group_there_is_no_default() -> None:
    request = locate.Request(object_group_member=ObjectGroupMember.GROUP_MEMBER_DEFAULT)

    assert len(perform(three(), Operation.LOCATE, request).unique_identifiers) == 3


def test_turns_outlive_a_restart(tmp_path: Path) -> None:
    def opened() -> SqlStorage:
        return SqlStorage(f"sqlite:///{tmp_path}/kmipd.db", lambda keys: EnvelopeSealer(KeyFile(tmp_path / "k"), keys))

    first = opened()
    engine = three(storage=first)
    fetch(engine, "A")
    first.close()
    second = opened()
    assert default_of(an_engine(storage=second, settings=IN_TURN)) == ("B",)
    second.close()
