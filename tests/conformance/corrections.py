"""Errors of the official files and what stands there instead, each with its reason."""

from typing import Final

from attrs import frozen

from kmip_adapters.ttlv.items import Item, Value, tag_name
from tests.conformance.cases import Case


@frozen(kw_only=True)
class Correction:
    """One value that the file prints wrongly, wherever it stands under this name in the case."""

    case: str
    name: str
    printed: Value
    right: Value
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


def corrected(message: Item, case: Case) -> Item:
    """Return a message of `case` without the file's known errors."""
    wrong = {(c.name, c.printed): c.right for c in CORRECTIONS if c.case == case.id}
    return _replaced(message, wrong) if wrong else message


def _replaced(item: Item, wrong: dict[tuple[str, Value], Value]) -> Item:
    if isinstance(item.value, tuple):
        return item._replace(value=tuple(_replaced(child, wrong) for child in item.value))
    return item._replace(value=wrong.get((tag_name(item.tag), item.value), item.value))
