"""Errors of the official files and what stands there instead, each with its reason."""

from typing import Final

from attrs import frozen

from kmip_adapters.ttlv.items import Item, Value, tag_name
from kmip_core.enums import ItemType
from tests.conformance.cases import Case

ATTRIBUTE: Final = 0x420008
ATTRIBUTE_NAME: Final = 0x42000A


@frozen(kw_only=True)
class Correction:
    """One value that the file prints wrongly, wherever it stands under this name in the case."""

    case: str
    name: str
    printed: Value
    right: Value
    reason: str


@frozen(kw_only=True)
class NamelessAttribute:
    """An Attribute that the file prints without the Attribute Name it must have."""

    case: str
    name: str
    reason: str


_ECB_REASON: Final = (
    "AES-128-ECB of 0102...1516 under the registered key 0123456789abcdef0123456789abcdef is d9bcce11...; the same case"
    " of 1.4 and later prints it so"
)
_ECB_PRINTED: Final = bytes.fromhex("fd912d102dbb482f6f6e91bd57119095")
_ECB_RIGHT: Final = bytes.fromhex("d9bcce11b0b437b90239552df3a360c9")

CORRECTIONS: Final = (
    Correction(case="1.2/CS-BC-M-6-12", name="Data", printed=_ECB_PRINTED, right=_ECB_RIGHT, reason=_ECB_REASON),
    Correction(case="1.3/CS-BC-M-6-13", name="Data", printed=_ECB_PRINTED, right=_ECB_RIGHT, reason=_ECB_REASON),
    Correction(
        case="1.4/OMOS-O-1-14",
        name="Protocol Version Minor",
        printed=3,
        right=4,
        reason="one response says 1.3 where its request, and every other message of the case, says 1.4",
    ),
)


_NAMELESS_REASON: Final = "the other attribute of these three fields in the case, and the case of 1.3, have the name"

NAMELESS_ATTRIBUTES: Final = (
    NamelessAttribute(case="1.2/CS-AC-M-3-12", name="Cryptographic Parameters", reason=_NAMELESS_REASON),
    NamelessAttribute(case="1.2/CS-AC-M-8-12", name="Cryptographic Parameters", reason=_NAMELESS_REASON),
)


def corrected(message: Item, case: Case) -> Item:
    """Return a message of `case` without the file's known errors."""
    wrong = {(c.name, c.printed): c.right for c in CORRECTIONS if c.case == case.id}
    for nameless in NAMELESS_ATTRIBUTES:
        if nameless.case == case.id:
            message = _named(message, nameless.name)
    return _replaced(message, wrong) if wrong else message


def _named(item: Item, name: str) -> Item:
    if not isinstance(item.value, tuple):
        return item
    inside = tuple(_named(child, name) for child in item.value)
    if item.tag == ATTRIBUTE and all(child.tag != ATTRIBUTE_NAME for child in inside):
        inside = (Item(ATTRIBUTE_NAME, ItemType.TEXT_STRING, name), *inside)
    return item._replace(value=inside)


def _replaced(item: Item, wrong: dict[tuple[str, Value], Value]) -> Item:
    if isinstance(item.value, tuple):
        return item._replace(value=tuple(_replaced(child, wrong) for child in item.value))
    return item._replace(value=wrong.get((tag_name(item.tag), item.value), item.value))
