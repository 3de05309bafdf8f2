"""Classes whose methods are made when they are first asked for: the same as those of attrs, only later."""

import copy
import importlib
import inspect
import linecache
import pickle
import pkgutil
import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

import attrs
import pytest

import kmip_adapters
import kmip_app
import kmip_core
from kmip_core import classes

T = TypeVar("T")


def length_of_name(instance: Any) -> int:
    return len(instance.name)


def record(make: Any) -> Any:
    @make.frozen(kw_only=True)
    class Record:
        """What a record is."""

        KIND: ClassVar[str] = "record"
        name: str
        size: int | None = None
        parts: tuple[int, ...] = ()
        secret: bytes = attrs.field(default=b"", repr=False)
        length: int = attrs.field(init=False, default=attrs.Factory(length_of_name, takes_self=True))

        @property
        def title(self) -> str:
            return self.name.title()

        @classmethod
        def kind(cls) -> str:
            return cls.KIND

    return Record


def changeable(make: Any) -> Any:
    @make.define
    class Changeable:
        name: str
        size: int = attrs.field(default=0, validator=attrs.validators.ge(0))
        found: list[int] = attrs.field(factory=list)

    return Changeable


def by_identity(make: Any) -> Any:
    @make.define(eq=False)
    class ByIdentity:
        name: str

    return ByIdentity


def of_a_base(make: Any) -> Any:
    @make.frozen
    class Base:
        name: str

        def __attrs_post_init__(self) -> None:
            if not self.name:
                raise ValueError("no name")

    @make.frozen
    class OfABase(Base):
        size: int = 1

    return OfABase


def generic(make: Any) -> Any:
    @make.frozen
    class Pair(Generic[T]):
        name: T
        other: "T | None" = None

    return Pair


def with_its_own_init(make: Any) -> Any:
    @make.frozen(kw_only=True, init=False)
    class WithItsOwnInit:
        name: str
        size: int = 0

        def __init__(self, name: str, size: int = 1) -> None:
            self.__attrs_init__(name=name, size=size)  # type: ignore[attr-defined]  # made by attrs

    return WithItsOwnInit


SHAPES = (record, changeable, by_identity, of_a_base, generic)

FIRST_QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "an instance": lambda cls: cls(name="a"),
    "its fields": attrs.fields,
    "its signature": inspect.signature,
    "whether attrs made it": attrs.has,
    "its positions in a match": lambda cls: cls.__match_args__,
    "how it is shown": lambda cls: cls.__repr__,
    "a subclass of attrs": lambda cls: attrs.define(type("Sub", (cls,), {"__annotations__": {}})),
}


def is_made(cls: type) -> bool:
    """Whether attrs has written its methods; it keeps their text for tracebacks."""
    return any(
        name.startswith("<attrs generated methods") and cls.__qualname__ + ">" in name for name in linecache.cache
    )


@pytest.fixture(autouse=True)
def _no_text_of_earlier_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linecache, "cache", {})


@pytest.mark.parametrize("ask", FIRST_QUESTIONS.values(), ids=FIRST_QUESTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_class_is_made_by_the_first_question_whichever_it_is(shape: Any, ask: Callable[[Any], Any]) -> None:
    cls = shape(classes)
    was_made = is_made(cls)
    ask(cls)

    assert (was_made, is_made(cls)) == (False, True)


@pytest.mark.parametrize("ask", FIRST_QUESTIONS.values(), ids=FIRST_QUESTIONS)
@pytest.mark.parametrize("shape", [*SHAPES, with_its_own_init])
def test_a_class_that_is_made_later_is_as_one_of_attrs(shape: Any, ask: Callable[[Any], Any]) -> None:
    later, at_once = shape(classes), shape(attrs)
    ask(later)

    assert seen_of(at_once) == seen_of(later)


def seen_of(cls: Any) -> dict[str, Any]:
    """Return what a user can see of a class."""
    one, same, other = cls(name="a"), cls(name="a"), cls(name="b")
    return {
        "names": sorted(vars(cls)),
        "fields": [repr(field) for field in attrs.fields(cls)],
        "signature": str(inspect.signature(cls)),
        "documentation": inspect.getdoc(cls),
        "slots": sorted(cls.__slots__),
        "match": cls.__match_args__,
        "repr": repr(one),
        "equality": (one == same, one != same, one == other, one == "a"),
        "hash": (cls.__hash__ is None) or (hash(one) == hash(same)),
        "evolved": repr(attrs.evolve(one, name="c")),
        "copied": repr(copy.deepcopy(one)),
        "kept": one.__getstate__(),
        "set": _refusal(lambda: setattr(one, "name", "d")),
        "set to what a validator refuses": _refusal(lambda: setattr(one, "size", -1)),
        "deleted": _refusal(lambda: delattr(same, "name")),
        "another": _refusal(lambda: setattr(one, "another", 1)),
        "without a name": _refusal(cls),
    }


def _refusal(act: Callable[[], Any]) -> str | None:
    try:
        act()
    except Exception as error:  # whatever attrs raises, the other class has to raise as well
        return type(error).__name__
    return None


@classes.frozen(kw_only=True)
class Kept:
    name: str


def test_an_instance_comes_back_from_a_pickle_as_the_first_one_of_its_class() -> None:
    pickled = pickle.dumps(Kept(name="a")).replace(b"Kept", b"Also")
    globals()["Also"] = Also = classes.frozen(kw_only=True)(
        type("Also", (), {"__annotations__": {"name": str}, "__module__": __name__})
    )

    assert Also(name="a") == pickle.loads(pickled)


def test_a_base_is_asked_for_its_method_by_a_subclass_that_is_made_already() -> None:
    @classes.define(eq=False)
    class Base:
        name: str

    class Child(Base):
        def __init__(self) -> None:
            super().__init__("child")

    assert Child().name == "child"


def test_threads_that_ask_at_the_same_time_all_get_an_instance() -> None:
    for _ in range(50):
        cls = record(classes)
        together = threading.Barrier(4)
        found: list[Any] = []

        def ask(cls: Any = cls, together: Any = together, found: list[Any] = found) -> None:
            together.wait()
            found.append(cls(name="a"))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert 4 * [cls(name="a")] == found


def of_an_exception(make: Any) -> Any:
    @make.frozen
    class Refusal(Exception):
        name: str

    return Refusal


def with_super(make: Any) -> Any:
    @make.frozen
    class WithSuper:
        name: str

        def who(self) -> str:
            return super().__class__.__name__

    return WithSuper


def with_a_cached_property(make: Any) -> Any:
    @make.frozen
    class WithACachedProperty:
        name: str

        @cached_property
        def who(self) -> str:
            return self.name

    return WithACachedProperty


def with_a_field_anew(make: Any) -> Any:
    @make.frozen
    class Base:
        name: str = "base"

    @make.frozen
    class WithAFieldAnew(Base):
        name: str = "anew"

    return WithAFieldAnew


def with_its_own_repr(make: Any) -> Any:
    @make.frozen
    class WithItsOwnRepr:
        name: str

        def __repr__(self) -> str:
            return "its own"

    return WithItsOwnRepr


@pytest.mark.parametrize(
    "shape", [of_an_exception, with_super, with_a_cached_property, with_a_field_anew, with_its_own_repr]
)
def test_a_class_that_only_attrs_understands_is_made_at_once(shape: Any) -> None:
    cls, at_once = shape(classes), shape(attrs)

    assert is_made(cls)
    assert (repr(at_once(name="a")), sorted(vars(at_once))) == (repr(cls(name="a")), sorted(vars(cls)))


@pytest.fixture(scope="module")
def all_classes() -> set[Any]:
    return {
        cls
        for package in (kmip_core, kmip_adapters, kmip_app)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not module.name.startswith(("kmip_app.testing", "kmip_adapters.storage.migrations", "kmip_app.__main__"))
        for cls in vars(importlib.import_module(module.name)).values()
        if isinstance(cls, type) and cls.__module__ == module.name and attrs.has(cls)
    }


def test_every_class_of_the_three_packages_can_be_made_and_has_a_place_for_each_field(all_classes: set[Any]) -> None:
    assert len(all_classes) > 400
    assert [
        (cls.__qualname__, field.name)
        for cls in all_classes
        for field in attrs.fields(cls)
        if "__slots__" in vars(cls) and not inspect.ismemberdescriptor(getattr(cls, field.name, None))
    ] == []


def test_the_types_of_fields_are_those_that_attrs_finds(all_classes: set[Any]) -> None:
    expected = {cls: {field.name: field.type for field in attrs.fields(cls)} for cls in all_classes}

    assert {cls: classes.types_of_fields(cls) for cls in all_classes} == expected


def test_a_class_that_another_thread_was_making_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    @classes.define
    class Late:
        value: int

    made_by_attrs, failures = attrs.define, [RuntimeError("dictionary changed size during iteration")]

    def fail_first(cls: type, **options: Any) -> Any:
        if failures:
            raise failures.pop()
        return made_by_attrs(cls, **options)

    with monkeypatch.context() as while_made:
        while_made.setattr(attrs, "define", fail_first)
        assert Late(1).value == 1
    assert failures == []
