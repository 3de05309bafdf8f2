"""Makers: functions that make what calling a class makes."""

import inspect
import threading
from typing import Any

import attrs
import pytest

from kmip_core.classes import define, frozen
from kmip_core.makers import maker_of, maker_or_class


@define(kw_only=True)
class Plain:
    name: str
    size: int = 3
    parts: list[int] = attrs.field(factory=list)
    notes: list[str] = attrs.field(factory=list, init=False)
    double: int = attrs.field(default=attrs.Factory(lambda self: 2 * self.size, takes_self=True))
    _hidden: str = "h"
    closed: bool = attrs.field(default=False, init=False)


@define
class Child(Plain):
    more: int = attrs.field(default=0, kw_only=True)


@frozen
class Fixed:
    name: str
    size: int = attrs.field(default=3, kw_only=True)


@frozen(init=False)
class OwnConstructor:
    name: str
    size: int = 3

    def __init__(self, text: str) -> None:
        self.__attrs_init__(name=text)


@define
class Checked:
    name: str = attrs.field(validator=attrs.validators.instance_of(str))


@frozen(slots=False)
class WithoutSlots:
    name: str


@define(slots=False)
class Open:
    name: str


@define
class Converted:
    name: str = attrs.field(converter=str)


@define
class Finished:
    name: str

    def __attrs_post_init__(self) -> None:
        self.name = self.name.upper()


@pytest.mark.parametrize(
    ("cls", "values", "fields"),
    [
        pytest.param(Plain, (), {"name": "a"}, id="defaults"),
        pytest.param(Plain, (), {"name": "a", "size": 5, "parts": [1], "double": 1, "hidden": "x"}, id="all"),
        pytest.param(Child, (), {"name": "a", "more": 2}, id="fields of a base"),
        pytest.param(Open, ("a",), {}, id="without slots"),
        pytest.param(Fixed, ("a",), {}, id="frozen"),
        pytest.param(Fixed, (), {"name": "a", "size": 1}, id="frozen, by name"),
    ],
)
def test_a_maker_makes_what_the_class_makes(cls: Any, values: tuple[Any, ...], fields: dict[str, Any]) -> None:
    make = maker_of(cls)

    for _ in range(2):  # before it is written, and afterwards
        made = make(*values, **fields)
        assert made == cls(*values, **fields)
        assert type(made) is cls
    assert parameters(make) == parameters(cls)


def parameters(function: Any) -> list[tuple[str, Any]]:
    """Return the names of what a function takes, and whether it takes them by place or by name."""
    return [(each.name, each.kind) for each in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("cls", [Plain, Fixed], ids=["changing", "frozen"])
def test_what_is_taken_by_name_is_taken_by_name_alone(cls: Any) -> None:
    """Else two fields that change their places would be taken for each other."""
    make = maker_of(cls)

    for _ in range(2):
        with pytest.raises(TypeError):
            make("a", 5)


def test_what_a_factory_makes_is_made_for_each() -> None:
    make = maker_of(Plain)

    assert make(name="a").parts is not make(name="a").parts
    assert make(name="a").notes is not make(name="a").notes


def test_a_constructor_of_the_class_is_passed_by() -> None:
    make: Any = maker_of(OwnConstructor)

    assert make(name="a") == OwnConstructor("a")


@pytest.mark.parametrize("fields", [{}, {"name": "a", "other": 1}, {"name": "a", "notes": []}], ids=str)
def test_missing_and_unknown_fields_are_refused(fields: dict[str, Any]) -> None:
    make = maker_of(Plain)

    for _ in range(2):
        with pytest.raises(TypeError):
            make(**fields)


@pytest.mark.parametrize("cls", [Checked, Converted, Finished, WithoutSlots])
def test_a_class_of_which_more_is_to_be_done_is_refused(cls: Any) -> None:
    with pytest.raises(TypeError):
        maker_of(cls)(name="a")


def test_two_threads_may_call_a_maker_first() -> None:
    for _ in range(50):
        make, made = maker_of(Plain), list[Plain]()
        both = threading.Barrier(2)

        def call(make: Any = make, made: list[Plain] = made, both: threading.Barrier = both) -> None:
            both.wait()
            made.append(make(name="a", size=7))

        threads = [threading.Thread(target=call) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert made == [Plain(name="a", size=7)] * 2


@pytest.mark.parametrize("cls", [OwnConstructor, Checked, Converted, Finished, WithoutSlots, dict])
def test_where_a_class_does_more_it_is_called_itself(cls: Any) -> None:
    assert maker_or_class(cls) is cls


@pytest.mark.parametrize("cls", [Plain, Fixed])
def test_where_a_class_does_no_more_it_has_a_maker(cls: Any) -> None:
    assert maker_or_class(cls) is not cls
    assert maker_or_class(cls)(name="a") == cls(name="a")
