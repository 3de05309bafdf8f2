"""Errors of the official files and what stands there instead, each with its reason."""

from typing import Final

from kmip_adapters.ttlv.encodings.items import Item, Value, children, tag_name
from kmip_app.conformance.cases import Case
from kmip_core.classes import frozen
from kmip_core.enums import ItemType

ATTRIBUTE: Final = 0x420008
ATTRIBUTE_NAME: Final = 0x42000A
ATTRIBUTE_VALUE: Final = 0x42000B


@frozen(kw_only=True)
class Correction:
    """One value that the file prints wrongly, wherever it stands under this name in the case.

    right: what stands there instead, None for nothing at all.
    """

    case: str
    name: str
    printed: Value
    right: "Value | None"
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

_WRAPPED_REASON: Final = (
    "the case asks for TTLV Encoding with the Cryptographic Usage Mask inside, and prints the answer of TC-141, which"
    " is the bare key by No Encoding"
)
_WRAPPED_BARE: Final = bytes.fromhex("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5")
_WRAPPED_WHOLE: Final = bytes.fromhex(
    "0dc0f8cb416e7b4422d85805d3dd80e49c6c75f763d1be99748de568e4eecdc05b94b1c1946fd3def14cfe184daada0d"
    "af07c93e038ceb9f501bdd8a82c7d6b33152dbf9d415924b9f13f6cb75ff880ab09dc862e473f74bdaf9398ec7695d41"
)
"""AES key wrap under 00..0f of the TTLV of Key Value {Key Material, Attribute {name, Encrypt | Decrypt}}."""

TEMPLATE: Final = 0x06
_TEMPLATE_REASON: Final = "2.0 has no Template: its value of Object Type is reserved (2.0 §11.34)"

CORRECTIONS: Final = (
    Correction(case="1.2/CS-BC-M-6-12", name="Data", printed=_ECB_PRINTED, right=_ECB_RIGHT, reason=_ECB_REASON),
    Correction(case="1.3/CS-BC-M-6-13", name="Data", printed=_ECB_PRINTED, right=_ECB_RIGHT, reason=_ECB_REASON),
    Correction(
        case="1.1/SKFF-O-6-11",
        name="Attribute Name",
        printed="Object Group",
        right=None,
        reason="no request puts the key into an Object Group, and the case of the other versions lists none",
    ),
    Correction(
        case="1.1/TC-142-11", name="Key Value", printed=_WRAPPED_BARE, right=_WRAPPED_WHOLE, reason=_WRAPPED_REASON
    ),
    Correction(
        case="1.2/TC-142-12", name="Key Value", printed=_WRAPPED_BARE, right=_WRAPPED_WHOLE, reason=_WRAPPED_REASON
    ),
    Correction(
        case="1.4/OMOS-O-1-14",
        name="Protocol Version Minor",
        printed=3,
        right=4,
        reason="one response says 1.3 where its request, and every other message of the case, says 1.4",
    ),
    Correction(
        case="1.2/TC-NP-2-12",
        name="Protocol Version Minor",
        printed=0,
        right=2,
        reason="the server's messages say 1.0, and hold a Key Format Type in the Digest, which came with 1.1",
    ),
    Correction(case="2.0/SUITEB_128-M-1-20", name="Object Type", printed=TEMPLATE, right=None, reason=_TEMPLATE_REASON),
    Correction(case="2.0/SUITEB_192-M-1-20", name="Object Type", printed=TEMPLATE, right=None, reason=_TEMPLATE_REASON),
)


_NAMELESS_REASON: Final = "the other attribute of these three fields in the case, and the case of 1.3, have the name"

NAMELESS_ATTRIBUTES: Final = (
    NamelessAttribute(case="1.2/CS-AC-M-3-12", name="Cryptographic Parameters", reason=_NAMELESS_REASON),
    NamelessAttribute(case="1.2/CS-AC-M-8-12", name="Cryptographic Parameters", reason=_NAMELESS_REASON),
)


@frozen(kw_only=True)
class UnprintedAttribute:
    """An attribute that belongs to a list in which the file does not print it: the one that holds `beside`."""

    case: str
    beside: str
    attribute: Item
    reason: str


UNPRINTED_ATTRIBUTES: Final = (
    UnprintedAttribute(
        case="1.3/SKLC-O-1-13",
        beside="Original Creation Date",
        attribute=Item(
            ATTRIBUTE,
            ItemType.STRUCTURE,
            (
                Item(ATTRIBUTE_NAME, ItemType.TEXT_STRING, "Random Number Generator"),
                Item(ATTRIBUTE_VALUE, ItemType.STRUCTURE, ()),
            ),
        ),
        reason="a key that the server has made has a Random Number Generator from 1.3 on, as TC-RNG-ATTR-2-13 shows",
    ),
)


def corrected(message: Item, case: Case) -> Item:
    """Return a message of `case` without the file's known errors."""
    wrong = {(c.name, c.printed): c.right for c in CORRECTIONS if c.case == case.id}
    for nameless in NAMELESS_ATTRIBUTES:
        if nameless.case == case.id:
            message = _named(message, nameless.name)
    for unprinted in UNPRINTED_ATTRIBUTES:
        if unprinted.case == case.id:
            message = _completed(message, unprinted)
    return _replaced(message, wrong) if wrong else message


def _completed(item: Item, unprinted: UnprintedAttribute) -> Item:
    if not isinstance(item.value, tuple):
        return item
    inside = tuple(_completed(child, unprinted) for child in item.value)
    beside = Item(ATTRIBUTE_NAME, ItemType.TEXT_STRING, unprinted.beside)
    if any(child.tag == ATTRIBUTE and beside in children(child) for child in inside):
        inside = (*inside, unprinted.attribute)
    return item._replace(value=inside)


def _named(item: Item, name: str) -> Item:
    if not isinstance(item.value, tuple):
        return item
    inside = tuple(_named(child, name) for child in item.value)
    if item.tag == ATTRIBUTE and all(child.tag != ATTRIBUTE_NAME for child in inside):
        inside = (Item(ATTRIBUTE_NAME, ItemType.TEXT_STRING, name), *inside)
    return item._replace(value=inside)


def _replaced(item: Item, wrong: dict[tuple[str, Value], "Value | None"]) -> Item:
    if isinstance(item.value, tuple):
        kept = (child for child in item.value if wrong.get(_key(child), child.value) is not None)
        return item._replace(value=tuple(_replaced(child, wrong) for child in kept))
    value = wrong.get(_key(item), item.value)
    return item if value is None else item._replace(value=value)


def _key(item: Item) -> tuple[str, Value]:
    return tag_name(item.tag), item.value
