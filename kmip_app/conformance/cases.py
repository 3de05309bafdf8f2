"""Official test cases: where they are, what a file holds, how its placeholders stand in items.

A file alternates requests and expected responses; `# TIME n` texts and comments between them are for people, save
`[Client-A]` and the like, which say who sends the next request.
Values that begin with `$` are placeholders: `$NOW`, `$NOW-3600` and the like are computed when the case is
played, every other one is captured from the first response that shows it. In an item tree a placeholder
stays visible: text and bytes keep its name, a date-time becomes its distance from NOW.
"""

import re
from functools import cached_property
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, parse

from kmip_adapters.ttlv.encodings import xml
from kmip_adapters.ttlv.encodings.items import Item

NOW: Final = -(2**62)
"""Stands for the moment of playing; far from every date that a case could name."""

CALLS: Final = frozenset({"Notify", "Put"})
"""What a server sends to a client. KMIP 1.4 §5, 2.1 §6.2."""

_NAME: Final = re.compile(r"\$[A-Z][A-Z0-9_]*")
_VERSION: Final = re.compile(r"-([1-9])([0-9])$")
_CLIENT: Final = re.compile(r"\[(Client-[A-Z])\]")
_MOMENT: Final = re.compile(r"\$NOW(?:(?P<offset>[-+]\d+))?")


def find_cases(folder: Path) -> list["Case"]:
    """Return the cases below `folder`, in a stable order; none where there is no folder.

    A case is an XML file whose name ends in the digits of a protocol version: TC-REKEY-1-14.xml.
    """
    found = [Case(path) for path in sorted(folder.rglob("*.xml")) if _VERSION.search(path.stem)]
    return sorted(found, key=lambda case: (case.version, case.name))


class Case:
    """One case file; read when first asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.stem
        digits = _VERSION.search(path.stem)
        self.version = f"{digits[1]}.{digits[2]}" if digits else path.parent.name

    @property
    def id(self) -> str:
        """The version and the name: "1.4/TC-REKEY-1-14"."""
        return f"{self.version}/{self.name}"

    @property
    def family(self) -> str:
        """What a profile's cases have in common ("CS-BC"); the cases of the test-case documents are one family."""
        return "TC" if self.name.startswith("TC-") else re.split(r"-[MO]-", self.name)[0]

    @cached_property
    def elements(self) -> list[Element]:
        """The messages as XML: requests at even places, responses at odd ones."""
        return list(parse(self.path).getroot())  # noqa: S314  files that the operator names

    @cached_property
    def clients(self) -> list[str]:
        """Which client sends each request: what the text before it says, else the one that has sent the last."""
        client, clients = "", []
        between = [parse(self.path).getroot().text, *(element.tail for element in self.elements)]  # noqa: S314
        for text in between[: len(self.elements) : 2]:
            named = _CLIENT.findall(text or "")
            client = named[-1] if named else client
            clients.append(client)
        return clients

    @property
    def has_calls(self) -> bool:
        """Whether the server sends requests to the client."""
        return any(self.calls)

    @property
    def has_credentials(self) -> bool:
        """Whether its clients say who they are, so that each is an identity of its own."""
        return "Credential" in self.words

    @cached_property
    def operations(self) -> frozenset[str]:
        """What the case does with success, or is announced by Query."""
        done = {_value(item, "Operation") for item in self._answers() if not _failed(item)}
        claimed = {e.get("value", "") for item in self._answers() for e in item.findall("ResponsePayload/Operation")}
        return frozenset(done | claimed)

    @cached_property
    def words(self) -> frozenset[str]:
        """Every element name and value of the requests, for predicates over cases."""
        found = {e.tag for request in self.elements[::2] for e in request.iter()}
        return frozenset(
            found | {e.attrib["value"] for request in self.elements[::2] for e in request.iter() if "value" in e.attrib}
        )

    @cached_property
    def answered_words(self) -> frozenset[str]:
        """Every element name and value of the expected responses."""
        found = {e.tag for response in self.elements[1::2] for e in response.iter()}
        return frozenset(
            found | {e.attrib["value"] for answer in self.elements[1::2] for e in answer.iter() if "value" in e.attrib}
        )

    @cached_property
    def calls(self) -> list[bool]:
        """Whether each request is the server's to send."""
        return [is_call(request) for request in self.elements[::2]]

    @cached_property
    def exchanges(self) -> list[tuple[Item, Item]]:
        """The messages as items, placeholders in place.  Raises DecodingError where the codec lacks a name."""
        items = [xml.decode(_with_placeholders(element)) for element in self.elements]
        return list(zip(items[::2], items[1::2], strict=True))

    def _answers(self) -> list[Element]:
        return [item for response in self.elements[1::2] for item in response.findall("BatchItem")]


def is_call(request: Element) -> bool:
    """Return whether a request is one that servers send."""
    return any(_value(batch_item, "Operation") in CALLS for batch_item in request.findall("BatchItem"))


def placeholder(value: object) -> str | None:
    """Return the name of the placeholder that `value` of an item stands for, None if it is a plain value."""
    if isinstance(value, bytes) and value.startswith(b"$"):
        value = value.decode("ascii", "replace")
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


def offset_from_now(value: int) -> int | None:
    """Return how many seconds from the moment of playing a date-time is; None if it is a plain date."""
    return value - NOW if abs(value - NOW) < 2**40 else None


def _with_placeholders(element: Element) -> Element:
    """Return a copy of `element` whose placeholders the XML decoder accepts."""
    attributes = dict(element.attrib)
    text = attributes.get("value", "")
    if moment := _MOMENT.fullmatch(text):
        attributes["value"] = str(NOW + int(moment["offset"] or 0))
    elif _NAME.fullmatch(text) and attributes.get("type") == "ByteString":
        attributes["value"] = text.encode("ascii").hex()
    copy = Element(element.tag, attributes)
    copy.extend(_with_placeholders(child) for child in element if isinstance(child.tag, str))
    return copy


def _value(element: Element, name: str) -> str:
    found = element.find(name)
    return "" if found is None else found.get("value", "")


def _failed(batch_item: Element) -> bool:
    return _value(batch_item, "ResultStatus") == "OperationFailed"
