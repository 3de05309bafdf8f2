"""Values straight from the bytes of a message, and bytes straight from values: one generated function a class.

What a class is made of is planned once (`planner`), as fields for items. Here a function is written from such a plan,
as text, and compiled by Python: it reads its fields in place, without an item for each, a tuple for each structure and
two calls for each value. `source_of` shows the text, and a traceback does.

A reader takes what is well formed and usual; for everything else it raises `Unusual` (or what its parts raise,
`REFUSALS`), and the caller reads the message again by its items, which say what is wrong with it. So a reader can be
stricter than the items are, never laxer: what it returns is what they return. A writer writes what `binary.encode`
makes of the items, or raises what the field's `encode` raises.
"""

import itertools
import linecache
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any, Final, TypeAlias

import attrs
from attrs import NOTHING, evolve

from kmip_adapters.generated_code import compiled
from kmip_adapters.ttlv.converter.elements import Element, Kind, Shape, always
from kmip_adapters.ttlv.converter.fields import Append, Field, Values, write_nothing
from kmip_adapters.ttlv.encodings import binary
from kmip_adapters.ttlv.encodings.binary import HEADER, PADDING, PLACE
from kmip_adapters.ttlv.encodings.items import Item, Limits
from kmip_core.classes import frozen
from kmip_core.enums import ItemType
from kmip_core.errors import KmipError
from kmip_core.makers import maker_or_class
from kmip_core.structures import CryptographicParameters, ProtocolVersion

PLANNING: Final = threading.RLock()
"""Held while something is planned: converters are not made for several threads at once."""

Read: TypeAlias = Callable[[bytes, int, int], Any]
"""(message, begin, end) -> the value that the items between them make up."""

Take: TypeAlias = Callable[[bytes, int], tuple[Any, int]]
"""(message, begin of an item) -> its value, and where it ends."""


LONGEST_REMEMBERED: Final = 256  # bytes of a structure that is remembered
MOST_REMEMBERED: Final = 256  # structures, for each place where they are read


@frozen
class Appending:
    """What moves one field's bytes to the end of another's.  tail: the name of that field."""

    move: Callable[[Any], Any]
    tail: str


class Unusual(ValueError):
    """Bytes that only the items of the message can judge."""


REFUSALS: Final = (KmipError, ValueError, LookupError, struct.error)
"""What readers raise: their own, that of a part, text that is no UTF-8, unknown members, bytes that end too early."""

PART_LIMITS: Final = Limits(max_depth=16)
"""Of an item inside a message that is read as an item. Nothing that is read here stands deeper than 16 structures."""


class Direct:
    """The readers and writers of one version; they are made at first use.

    plan: class -> its fields.  appended: class -> what makes another instance of one, which is written, if anything.
    newest: the newest item type of the version.
    """

    def __init__(
        self,
        plan: Callable[[type], tuple[Field, ...]],
        appended: Callable[[type], Appending | None],
        newest: ItemType,
    ) -> None:
        self._plan = plan
        self._appended = appended
        self._newest = newest
        self._readers: dict[tuple[type, bool], Read] = {}
        self._writers: dict[type, Append] = {}
        self._readers_begun: dict[tuple[type, bool], Read] = {}  # with PLANNING held; also what stands in for them
        self._writers_begun: dict[type, Append] = {}
        self._depth = 0

    def reader(self, cls: type, *, is_criterion: bool = False) -> Read:
        """Return what reads the content of a structure.  Raises `REFUSALS`."""
        key = cls, is_criterion
        found = self._readers.get(key)
        if found is None:
            with PLANNING:
                found = self._readers.get(key) or self._readers_begun.get(key)
                if found is None:
                    # Of one inside itself.
                    self._readers_begun[key] = lambda data, at, end: self._readers[key](data, at, end)
                    with self._making():
                        found = _reader(self, cls, self._plan(cls), is_criterion=is_criterion)
                        self._readers_begun[key] = found
        return found

    def writer(self, cls: type) -> Append:
        """Return what appends the content of a structure.  Raises what `Element.encode` raises."""
        found = self._writers.get(cls)
        if found is None:
            with PLANNING:
                found = self._writers.get(cls) or self._writers_begun.get(cls)
                if found is None:
                    self._writers_begun[cls] = lambda value, out: self._writers[cls](value, out)
                    with self._making():
                        found = _writer(self, cls, self._plan(cls), self._appended(cls))
                        self._writers_begun[cls] = found
        return found

    @contextmanager
    def _making(self) -> Iterator[None]:
        """Make one; once the outermost is made, show all to other threads: each may lead to any other."""
        self._depth += 1
        try:
            yield
            if self._depth == 1:
                self._readers.update(self._readers_begun)
                self._writers.update(self._writers_begun)
        finally:
            self._depth -= 1
            if not self._depth:
                self._readers_begun.clear()
                self._writers_begun.clear()

    def append(self, element: Element) -> Append:
        """Return what appends the item of an element's value.  Raises what `Element.encode` raises."""
        code = _Code()
        code.add(0, "def append(value, out):")
        _add_written(self, code, 1, element, "value")
        append: Append = code.compiled("append")
        return append

    def take(self, element: Element) -> Take:
        """Return what reads the item of an element.  Raises `REFUSALS`."""
        shape = element.shape
        if shape is None:
            decode = element.decode

            def take(data: bytes, at: int) -> tuple[Any, int]:
                item, at = self.item(data, at)
                return decode(item), at

            return take
        code = _Code()
        code.add(0, "def take(data, at):")
        code.add(1, "head, length = read_head(data, at)")
        code.add(1, f"if head != 0x{shape.head:08X}: raise Unusual")
        code.add(1, "at += 8")
        code.add(1, "end = len(data)")
        _add_read(self, code, 1, shape)
        code.add(1, "return value, at")
        compiled: Take = code.compiled("take")
        return compiled

    def item(self, data: bytes, at: int) -> tuple[Item, int]:
        """Return the item that begins at a place of a message, and where it ends.  Raises `REFUSALS`."""
        length = HEADER.unpack_from(data, at)[1]
        end = at + 8 + length + (-length & 7)
        return binary.decode(data[at:end], PART_LIMITS, self._newest), end


def source_of(function: Callable[..., Any]) -> str:
    """Return the text of a generated function."""
    return "".join(linecache.getlines(function.__code__.co_filename))


class _Code:
    """The text of one function, and what it refers to by name."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._names: dict[str, Any] = dict(_NAMES)

    def add(self, depth: int, line: str) -> None:
        self._lines.append(f"{'    ' * depth}{line}\n")

    def name(self, stem: str, thing: Any) -> str:
        """Return a name under which the function finds a thing."""
        name = f"{stem}_{len(self._names)}"
        self._names[name] = thing
        return name

    def compiled(self, name: str) -> Any:
        return compiled(name, self._lines, self._names, f"<direct {name} {next(_NUMBERS)}>")


_NUMBERS: Final = itertools.count()

_NAMES: Final[dict[str, Any]] = {
    "Unusual": Unusual,
    "PADDING": PADDING,
    "PLACE": PLACE,
    "read_head": HEADER.unpack_from,
    "read_signed_32": binary.SIGNED_32.unpack_from,
    "read_unsigned_32": binary.UNSIGNED_32.unpack_from,
    "read_signed_64": binary.SIGNED_64.unpack_from,
    "read_unsigned_64": binary.UNSIGNED_64.unpack_from,
    "head_of": HEADER.pack,
    "put_head": HEADER.pack_into,
    "signed_32_item": binary.SIGNED_32_ITEM.pack,
    "unsigned_32_item": binary.UNSIGNED_32_ITEM.pack,
    "signed_64_item": binary.SIGNED_64_ITEM.pack,
    "append_item": binary.append,
}

# --- writing ----------------------------------------------------------------------------------------------------------


def _writer(direct: Direct, cls: type, fields: tuple[Field, ...], appended: Appending | None) -> Append:
    code = _Code()
    name = f"write_{cls.__name__}"
    code.add(0, f"def {name}(instance, out):")
    if appended is not None:
        code.add(1, f"if instance.{appended.tail} is not None: instance = {code.name('move', appended.move)}(instance)")
    for field in fields:
        element = field.element
        if field.append is not None:
            code.add(1, f"{code.name('append', field.append)}(instance, out)")
        elif field.write is write_nothing:
            pass
        elif element is None:
            code.add(1, "items = []")
            code.add(1, f"{code.name('write', field.write)}(instance, items)")
            code.add(1, "for item in items: append_item(item, out)")
        elif field.is_gathered:
            code.add(1, f"for value in instance.{field.name}:")
            if element.is_known is not always:
                code.add(2, f"if not {code.name('is_known', element.is_known)}(value): continue")
            _add_written(direct, code, 2, element, "value")
        else:
            needed = "" if field.is_needed is None else f" and {code.name('is_needed', field.is_needed)}(instance)"
            code.add(1, f"value = instance.{field.name}")
            code.add(1, f"if value is not None{needed}:")
            _add_written(direct, code, 2, element, "value")
    code.add(1, "return")
    write: Append = code.compiled(name)
    return write


def _add_written(direct: Direct, code: _Code, depth: int, element: Element, value: str) -> None:
    """Add what appends the item of one value."""
    shape = element.shape
    encode = element.encode
    if shape is None or shape.is_usual_only or shape.read is not None:
        code.add(depth, f"append_item({code.name('encode', encode)}({value}), out)")
        return
    head = f"0x{shape.head:08X}"
    match shape.kind:
        case Kind.TEXT | Kind.OCTETS:
            code.add(depth, f"octets = {value}.encode()" if shape.kind is Kind.TEXT else f"octets = {value}")
            code.add(depth, "length = len(octets)")
            code.add(depth, f"out += head_of({head}, length)")
            code.add(depth, "out += octets")
            code.add(depth, "if length & 7: out += PADDING[-length & 7]")
        case Kind.SIGNED_32 | Kind.UNSIGNED_32 | Kind.SIGNED_64 if shape.bounds is not None:
            least, most = shape.bounds
            code.add(depth, f"if not {least} <= {value} <= {most}: {code.name('encode', encode)}({value})")
            if shape.kind is Kind.SIGNED_64:
                code.add(depth, f"out += signed_64_item({head}, 8, {value})")
            else:
                code.add(depth, f"out += {shape.kind.name.lower()}_item({head}, 4, {value}, 0)")
        case Kind.MASK:
            code.add(depth, f"out += unsigned_32_item({head}, 4, {value}, 0)")
        case Kind.ENUMERATION:
            octets = {member: binary.encode(encode(member)) for member in shape.members or ()}
            code.add(depth, f"octets = {code.name('octets', octets)}.get({value})")
            code.add(depth, f"if octets is None: append_item({code.name('encode', encode)}({value}), out)")
            code.add(depth, "else: out += octets")
        case Kind.STRUCTURE if shape.cls is ProtocolVersion:  # every answer of Discover Versions has all of them
            append = direct.append(evolve(element, shape=evolve(shape, is_usual_only=True)))
            code.add(depth, f"out += {code.name('octets_of', lru_cache(64)(partial(_octets, append)))}({value})")
        case Kind.STRUCTURE if shape.cls is not None:
            code.add(depth, "begin = len(out)")
            code.add(depth, "out += PLACE")
            code.add(depth, f"{code.name('write', direct.writer(shape.cls))}({value}, out)")
            code.add(depth, f"put_head(out, begin, {head}, len(out) - begin - 8)")
        case _:  # Booleans, and what has no bounds
            code.add(depth, f"append_item({code.name('encode', encode)}({value}), out)")


def _octets(append: Append, value: Any) -> bytes:
    out = bytearray()
    append(value, out)
    return bytes(out)


# --- reading ----------------------------------------------------------------------------------------------------------


def _reader(direct: Direct, cls: type, fields: tuple[Field, ...], *, is_criterion: bool) -> Read:
    code = _Code()
    name = f"read_{cls.__name__}"
    readers = [(tag, reader) for field in fields for tag, reader in field.readers.items()]
    variables: dict[str, str] = {}  # by what is gathered; a name of that need not be one of Python
    for _, reader in readers:
        variables.setdefault(reader.name, f"{reader.name.replace(' ', '_')}_")
    # They are given where the items before `at` were read already.
    code.add(0, f"def {name}(data, at, end{''.join(f', {variable}=None' for variable in variables.values())}):")
    code.add(1, "while at < end:")
    code.add(2, "head, length = read_head(data, at)")
    word, of_other_types = "if", list[str]()
    for tag, reader in readers:
        variable = variables[reader.name]
        test = f"head >> 8 == 0x{tag:06X}" if reader.shape is None else f"head == 0x{reader.shape.head:08X}"
        code.add(2, f"{word} {test}:")
        word = "elif"
        if not reader.many:
            code.add(3, f"if {variable} is not None: raise Unusual")
        if reader.shape is None:
            code.add(3, f"item, at = {code.name('item', direct.item)}(data, at)")
            code.add(3, f"value = {code.name('decode', reader.decode)}(item)")
        else:
            code.add(3, "at += 8")
            _add_read(direct, code, 3, reader.shape)
        if not reader.many:
            code.add(3, f"{variable} = value")
        else:
            code.add(3, f"if {variable} is None: {variable} = []")
            code.add(3, f"{variable}.extend(value)" if reader.spread else f"{variable}.append(value)")
        if reader.shape is not None and reader.shape.is_usual_only and not reader.many:
            of_other_types += [
                f"        elif head >> 8 == 0x{tag:06X}:",
                f"            if {variable} is not None: raise Unusual",
                f"            item, at = {code.name('item', direct.item)}(data, at)",
                f"            {variable} = {code.name('decode', reader.decode)}(item)",
            ]
    for line in of_other_types:  # last: no other field has to be compared with them
        code.add(0, line)
    code.add(2, "else:" if readers else "if True:")
    code.add(3, "raise Unusual")
    code.add(1, "if at != end: raise Unusual")
    _add_made(code, cls, fields, variables, is_criterion=is_criterion)
    read: Read = code.compiled(name)
    return read


def _add_made(
    code: _Code, cls: type, fields: tuple[Field, ...], variables: Mapping[str, str], *, is_criterion: bool
) -> None:
    """Add what makes the instance out of the values that were read.  variables: by their names in `Values`."""
    made = code.name("cls", maker_or_class(cls))
    is_plain = all(field.is_gathered or field.finish is None for field in fields)
    if not is_plain or any(field.readers and field.name not in variables for field in fields):
        code.add(1, "values = {}")
        for name, variable in variables.items():
            code.add(1, f"if {variable} is not None: values[{name!r}] = {variable}")
        finish = code.name("finish", _finisher(fields, is_criterion=is_criterion))
        code.add(1, f"{finish}(values)")
        code.add(1, f"return {made}(**values)")
        return
    defaults = {a.name: a.default for a in attrs.fields(cls)} if attrs.has(cls) else {}
    arguments: list[str] = []
    for field in fields:
        default = defaults.get(field.name, NOTHING)
        variable = variables.get(field.name, "")
        if not field.readers:
            if field.required and not is_criterion:
                code.add(1, "raise Unusual")
            elif field.required:
                arguments.append(f"{field.name}=None")
            continue
        if field.is_gathered:
            arguments.append(f"{field.name}=() if {variable} is None else tuple({variable})")
            continue
        if field.required and not is_criterion:
            code.add(1, f"if {variable} is None: raise Unusual")
        elif not field.required and default is not None:  # absent: what the class says
            code.add(1, f"if {variable} is None: {variable} = {_default(code, default)}")
        arguments.append(f"{field.name}={variable}")
    code.add(1, f"return {made}({', '.join(arguments)})")


def _default(code: _Code, default: Any) -> str:
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # a class, whatever its stub says
        return f"{code.name('factory', default.factory)}()"
    return code.name("default", default)


def _finisher(fields: tuple[Field, ...], *, is_criterion: bool) -> Callable[[Values], None]:
    """Return what completes the values of a class some of whose fields depend on others."""
    finishers = tuple(field.finish for field in fields if field.finish is not None)
    required = tuple(field.name for field in fields if field.required)

    def finish(values: Values) -> None:
        for complete in finishers:
            complete(values)
        for name in required:
            if name not in values:
                if not is_criterion:
                    raise Unusual
                values[name] = None

    return finish


def _add_read(direct: Direct, code: _Code, depth: int, shape: Shape) -> None:
    """Add what reads the content of an item into `value`, from `at` on, and moves `at` behind it."""
    match shape.kind:
        case Kind.TEXT | Kind.OCTETS:
            code.add(depth, "stop = at + length")
            is_text = shape.kind is Kind.TEXT
            code.add(depth, 'value = str(data[at:stop], "utf-8")' if is_text else "value = data[at:stop]")
            code.add(depth, "at = stop")
            code.add(depth, "if length & 7:")
            code.add(depth + 1, "at += -length & 7")
            code.add(depth + 1, "if data[stop:at] != PADDING[at - stop]: raise Unusual")
        case Kind.SIGNED_32 | Kind.UNSIGNED_32 | Kind.MASK | Kind.ENUMERATION:
            code.add(depth, "if length != 4: raise Unusual")
            kind = "signed" if shape.kind is Kind.SIGNED_32 else "unsigned"
            code.add(depth, f"value, padding = read_{kind}_32(data, at)")
            code.add(depth, "if padding: raise Unusual")
            code.add(depth, "at += 8")
            if shape.kind is Kind.MASK:
                assert shape.mask is not None  # noqa: S101  for the type checker
                code.add(depth, f"value = {code.name('mask', shape.mask)}(value)")
            elif shape.kind is Kind.ENUMERATION:
                code.add(depth, f"value = {code.name('members', shape.members)}[value]")
        case Kind.SIGNED_64:
            code.add(depth, "if length != 8: raise Unusual")
            code.add(depth, "value = read_signed_64(data, at)[0]")
            code.add(depth, "at += 8")
        case Kind.BOOLEAN:
            code.add(depth, "if length != 8: raise Unusual")
            code.add(depth, "value = read_unsigned_64(data, at)[0]")
            code.add(depth, "if value > 1: raise Unusual")
            code.add(depth, "value = value == 1")
            code.add(depth, "at += 8")
        case Kind.STRUCTURE:
            read = shape.read
            if read is None:
                assert shape.cls is not None  # noqa: S101  for the type checker: one of the two is given
                read = direct.reader(shape.cls, is_criterion=shape.is_criterion)
                if shape.cls is CryptographicParameters:
                    read = _remembering(read)
            code.add(depth, "stop = at + length")
            code.add(depth, "if stop > end: raise Unusual")
            code.add(depth, f"value = {code.name('read', read)}(data, at, stop)")
            code.add(depth, "at = stop")


def _remembering(read: Read) -> Read:
    """Return what reads a structure, and remembers short ones by their bytes: for what clients say the same each time.

    A client names its Cryptographic Parameters in each Encrypt and Sign, and none of their fields is a secret.
    """
    known: dict[bytes, Any] = {}

    def read_or_recall(data: bytes, at: int, end: int) -> Any:
        octets = data[at:end]
        value = known.get(octets)
        if value is None:
            value = read(data, at, end)
            if end - at <= LONGEST_REMEMBERED:
                if len(known) >= MOST_REMEMBERED:
                    known.clear()
                known[octets] = value
        return value

    return read_or_recall
