"""Strict comparison of an expected response with the actual one.

Everything must agree: operation, status, reason, structure, order, types and values, except what OASIS permits
to differ, which the tables below name by tag and never by case:

- time stamps, and date-times that the client has not set (`$NOW` must be about now);
- identifiers, and what a placeholder captures: the first sight binds, every later one must agree with it (a correlation
  value binds anew in an answer to a request that has none: there a stream begins; that of an answer that is pending is
  a new one each time);
- values made from randomness of the server: those of objects it generated, random IVs and what they encrypt;
- signatures of schemes that draw a random number: PSS, DSA, ECDSA;
- what the server says of its own random number generator, unless the client has set the attribute;
- Result Message, Server Correlation Value, Server Information, Vendor Identification;
- the order of attributes; further entries of Query, Discover Versions and Get Attribute List;
- further attributes of an object that the server puts: they are those "that the server wishes to send" (1.4 §5.2).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from attrs import Factory, evolve

from kmip_adapters.ttlv.encodings import items
from kmip_adapters.ttlv.encodings.items import Item, Value
from kmip_adapters.ttlv.standard import tables
from kmip_app.conformance.cases import offset_from_now, placeholder
from kmip_core.classes import define, frozen
from kmip_core.enums import CryptographicAlgorithm, ItemType, Operation, PaddingMethod


def _tag(xml_name: str) -> int:
    found = tables.tag_by_xml_name(xml_name)
    if found is None:
        raise LookupError(xml_name)
    return found.code


def _tags(*xml_names: str) -> frozenset[int]:
    return frozenset(map(_tag, xml_names))


ASYNCHRONOUS_CORRELATION_VALUE: Final = _tag("AsynchronousCorrelationValue")
ATTRIBUTE: Final = _tag("Attribute")
ATTRIBUTE_NAME: Final = _tag("AttributeName")
ATTRIBUTE_INDEX: Final = _tag("AttributeIndex")
ATTRIBUTE_VALUE: Final = _tag("AttributeValue")
ATTRIBUTES: Final = _tag("Attributes")
BATCH_ITEM: Final = _tag("BatchItem")
DATA: Final = _tag("Data")
IV_COUNTER_NONCE: Final = _tag("IVCounterNonce")
KEY_MATERIAL: Final = _tag("KeyMaterial")
OPERATION: Final = _tag("Operation")
RANDOM_NUMBER_GENERATOR: Final = _tag("RandomNumberGenerator")
CERTIFICATE_LENGTH: Final = _tag("CertificateLength")
CERTIFICATE_LENGTH_ATTRIBUTE: Final = "Attribute 'Certificate Length'"
RANDOM_NUMBER_GENERATOR_ATTRIBUTE: Final = "Attribute 'Random Number Generator'"
REQUEST_PAYLOAD: Final = _tag("RequestPayload")
RESPONSE_PAYLOAD: Final = _tag("ResponsePayload")
TIME_STAMP: Final = _tag("TimeStamp")
UNIQUE_IDENTIFIER: Final = _tag("UniqueIdentifier")

PKCS_11_OUTPUT: Final = _tag("PKCS_11OutputParameters")
CK_INFO: Final = 76  # bytes: version, manufacturer (32), flags, description (32), version of the library

# Present on both sides, whatever they hold.
FREE: Final = _tags("TimeStamp", "ServerInformation")
VENDOR_IDENTIFICATION: Final = _tag("VendorIdentification")  # the server's own in Query; a client's in attributes


# Whether they are present is the server's choice too: the official answers to like requests differ in it.
LEFT_OUT: Final = _tags("ResultMessage", "ServerCorrelationValue")

IDENTIFIERS: Final = _tags(
    "UniqueIdentifier",
    "PrivateKeyUniqueIdentifier",
    "PublicKeyUniqueIdentifier",
    "LinkedObjectIdentifier",
    "ShortUniqueIdentifier",
    "AsynchronousCorrelationValue",
    "CorrelationValue",
)

CORRELATING: Final = _tags("CorrelationValue", "AsynchronousCorrelationValue")

# Attributes come in any order: 1.x as Attribute, 2.x inside Attributes, their names as Attribute Name or Reference.
UNORDERED: Final = _tags("Attribute", "AttributeName", "AttributeReference")
UNORDERED_INSIDE: Final = _tags("Attributes", "CommonAttributes", "PrivateKeyAttributes", "PublicKeyAttributes")

# Answers whose payload may hold more than the case names.
OPEN_ENDED: Final = frozenset({Operation.QUERY, Operation.DISCOVER_VERSIONS, Operation.GET_ATTRIBUTE_LIST})

# What the server makes of its own randomness, for an object that it generated.
GENERATED_VALUES: Final = _tags(
    "KeyMaterial",
    "KeyValue",
    "DigestValue",
    "Data",
    "IVCounterNonce",
    "MACData",
    "SignatureData",
    "CertificateValue",
    "AuthenticatedEncryptionTag",
)
# What an issuer chooses for a certificate, of any length.
ISSUED_VALUES: Final = _tags("SerialNumber", "CertificateSerialNumber", "CertificateLength")
GENERATING: Final = frozenset(
    {
        Operation.CREATE,
        Operation.CREATE_KEY_PAIR,
        Operation.RE_KEY,
        Operation.RE_KEY_KEY_PAIR,
        Operation.CERTIFY,
        Operation.RE_CERTIFY,
    }
)
# Answers that are random whatever the object.
RANDOM: Final = {Operation.RNG_RETRIEVE: _tags("Data")}
# Random too in an answer to Encrypt with an IV that the request has not named.
RANDOM_WITH_RANDOM_IV: Final = _tags("IVCounterNonce", "Data", "AuthenticatedEncryptionTag")

SIGNING_AT_RANDOM: Final = frozenset(
    {
        (_tag("PaddingMethod"), PaddingMethod.PSS),
        (_tag("CryptographicAlgorithm"), CryptographicAlgorithm.DSA),
        (_tag("CryptographicAlgorithm"), CryptographicAlgorithm.ECDSA),
        (_tag("CryptographicAlgorithm"), CryptographicAlgorithm.EC),
    }
)
"""Parameters of keys with which no two signatures are alike."""

# A generated value has the length of the printed one, save signatures and encodings of key pairs and certificates.
MAX_FIXED_LENGTH: Final = 64  # bytes

CLOCK_TOLERANCE: Final = 2  # seconds: the case's clock and the server's round differently


@frozen(kw_only=True)
class Difference:
    """One place where a response is not as expected; None stands for nothing there."""

    path: str
    expected: str | None
    actual: str | None

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected or 'nothing'}, got {self.actual or 'nothing'}"


@define(kw_only=True)
class Known:
    """What playing a case has taught so far.

    started_at, now: seconds since 1970, of the first request and of the response under comparison.
    captured: what the server made of each placeholder, identifier or generated value of the file.
    last_seen: the newest text or bytes of each tag in a response; a later placeholder may be named for the tag.
    sent_dates: date-times the client has set. sent_structures: what else it has set, of several fields.
    renewed: those that Re-certify made: 1.0 and 1.1 number names and links one way, 1.2 the other (TC-134).
    generated: identifiers of the objects the server generated. signs_at_random: a key of SIGNING_AT_RANDOM is in play.
    """

    started_at: int
    now: int
    captured: dict[str | bytes, Value] = Factory(dict)
    last_seen: dict[int, Value] = Factory(dict)
    sent_dates: set[int] = Factory(set)
    sent_structures: set[Value] = Factory(set)
    generated: set[str] = Factory(set)
    renewed: set[str] = Factory(set)
    signs_at_random: bool = False

    def copy(self) -> "Known":
        """Return what may be tried without teaching this one."""
        return evolve(self, captured=dict(self.captured))


def learn_request(item: Item, known: Known) -> None:
    """Let `known` learn what a request sets."""
    if isinstance(item.value, tuple):
        known.sent_structures.add(item.value)
        for child in item.value:
            learn_request(child, known)
    elif (item.tag, item.value) in SIGNING_AT_RANDOM:
        known.signs_at_random = True


def compare(expected: Item, actual: Item, request: Item, known: Known) -> list[Difference]:
    """Return where `actual` is not as `expected`, and let `known` learn what it captures.

    request: as it was sent; it tells which object a batch item is about and whether it asked for a random IV.
    """
    wanted = items.all(expected, BATCH_ITEM)
    answered = items.all(actual, BATCH_ITEM)
    asked = items.all(request, BATCH_ITEM)
    found = list(_compare_headers(expected, actual, known))
    if len(wanted) != len(answered):
        return [*found, Difference(path="Batch Items", expected=str(len(wanted)), actual=str(len(answered)))]
    for position, (one, other) in enumerate(zip(wanted, answered, strict=True)):
        question = asked[position] if position < len(asked) else None
        path = f"Batch Item {position + 1} {_operation_name(one)}"
        _forget_last(one, known)
        free = _free_values(one, other, question, known)
        walk = _Walk(known, _operation(other), free, _begun(question))
        found += walk.differences(one, other, path)
    _remember(actual, known)
    return found


def compare_call(expected: Item, actual: Item, known: Known) -> list[Difference]:
    """Return where a request that the server has sent is not as `expected`, and let `known` learn what it captures."""
    wanted = items.all(expected, BATCH_ITEM)
    sent = items.all(actual, BATCH_ITEM)
    found = list(_compare_headers(expected, actual, known))
    if len(wanted) != len(sent):
        return [*found, Difference(path="Batch Items", expected=str(len(wanted)), actual=str(len(sent)))]
    for position, (one, other) in enumerate(zip(wanted, sent, strict=True)):
        payload = items.first(other, REQUEST_PAYLOAD)
        subject = items.first(payload, UNIQUE_IDENTIFIER) if payload else None
        is_generated = subject is not None and subject.value in known.generated
        walk = _Walk(known, _operation(other), GENERATED_VALUES if is_generated else frozenset())
        found += walk.differences(one, other, f"Batch Item {position + 1} {_operation_name(one)}")
    _remember(actual, known)
    return found


def _forget_last(expected: Item, known: Known) -> None:
    """Let an answer that is pending bind its correlation value anew: TC-32 and TC-101 name each of theirs alike."""
    value = items.first(expected, ASYNCHRONOUS_CORRELATION_VALUE)
    if value is not None and isinstance(value.value, bytes):
        known.captured.pop(value.value, None)


def _remember(item: Item, known: Known) -> None:
    if isinstance(item.value, tuple):
        for child in item.value:
            _remember(child, known)
    elif isinstance(item.value, str | bytes):
        known.last_seen[item.tag] = item.value


def _compare_headers(expected: Item, actual: Item, known: Known) -> Iterator[Difference]:
    """Compare what stands before the batch items."""

    def rest(message: Item) -> Item:
        return message._replace(value=tuple(c for c in items.children(message) if c.tag != BATCH_ITEM))

    if expected.tag != actual.tag:
        yield Difference(path="Message", expected=items.tag_name(expected.tag), actual=items.tag_name(actual.tag))
    else:
        yield from _Walk(known, None, frozenset()).differences(
            rest(expected), rest(actual), items.tag_name(expected.tag)
        )


class _Walk:
    """Goes through one batch item; what may differ there depends on the request's."""

    def __init__(
        self,
        known: Known,
        operation: Operation | None,
        free: frozenset[int],
        begun: frozenset[int] = frozenset(),
    ) -> None:
        self._begun = begun
        self._known = known
        self._operation = operation
        self._free = free

    def differences(self, expected: Item, actual: Item, path: str) -> list[Difference]:
        if expected.type is not actual.type and expected.tag not in FREE:
            return [Difference(path=path, expected=_shown(expected), actual=_shown(actual))]
        if expected.tag in FREE or (expected.tag == VENDOR_IDENTIFICATION and self._operation is Operation.QUERY):
            return []
        if self._is_generated(expected, actual) or self._describes_generator(expected):
            return []
        if isinstance(expected.value, tuple) and isinstance(actual.value, tuple):
            return self._children(expected, actual, path)
        if self._agree(expected, actual):
            return []
        return [Difference(path=path, expected=self._meant(expected), actual=_shown(actual))]

    def _children(self, parent: Item, actual_parent: Item, path: str) -> list[Difference]:
        left_out = LEFT_OUT | (self._free & {ATTRIBUTE_INDEX})
        expected = [c for c in items.children(parent) if c.tag not in left_out]
        actual = [c for c in items.children(actual_parent) if c.tag not in left_out]
        may_have_more = parent.tag == RESPONSE_PAYLOAD and self._operation in OPEN_ENDED
        in_any_order: Callable[[Item], bool]
        if may_have_more or parent.tag in UNORDERED_INSIDE:
            in_any_order = lambda item: True  # noqa: E731
        else:
            in_any_order = lambda item: item.tag in UNORDERED  # noqa: E731
        pairs = _paired(expected, actual, in_any_order, self._cost, by_value=may_have_more)
        found: list[Difference] = []
        for one, other in pairs:
            here = f"{path} / {_label(one or other)}"
            if one and other:
                found += self.differences(one, other, here)
            elif one:
                found.append(Difference(path=here, expected=self._meant(one), actual=None))
            elif other and not may_have_more and not self._is_sent_along(parent, other):
                found.append(Difference(path=here, expected=None, actual=_shown(other)))
        return found

    def _is_sent_along(self, parent: Item, extra: Item) -> bool:
        """Return whether the server may add an attribute to the object that it puts: beside it, or in its list."""
        if self._operation is not Operation.PUT:
            return False
        return parent.tag == ATTRIBUTES or (parent.tag == REQUEST_PAYLOAD and extra.tag == ATTRIBUTE)

    def _cost(self, expected: Item, actual: Item) -> int:
        """Return how many differences a pairing would have, without learning from it."""
        trial = _Walk(self._known.copy(), self._operation, self._free, self._begun)
        return len(trial.differences(expected, actual, ""))

    def _is_generated(self, expected: Item, actual: Item) -> bool:
        """Capture what the server made of its randomness; the same value later must be the same again."""
        if self._free >= ISSUED_VALUES and _is_certificate_length(expected):
            return True
        if expected.tag not in self._free:
            return False
        if expected.tag in ISSUED_VALUES and isinstance(expected.value, str | bytes):
            return self._known.captured.setdefault(expected.value, actual.value) == actual.value
        if isinstance(expected.value, tuple):  # a transparent key; its fields are random numbers
            return expected.tag == KEY_MATERIAL and _shape(expected) == _shape(actual)
        if not isinstance(expected.value, bytes) or not isinstance(actual.value, bytes):
            return False
        if len(expected.value) != len(actual.value) and len(expected.value) <= MAX_FIXED_LENGTH:
            return placeholder(expected.value) is not None and self._agree(expected, actual)
        return self._known.captured.setdefault(expected.value, actual.value) == actual.value

    def _describes_generator(self, expected: Item) -> bool:
        """Return whether an attribute tells the server's own random number generator."""
        shown = expected if expected.tag == RANDOM_NUMBER_GENERATOR else None
        if expected.tag == ATTRIBUTE and _label(expected) == RANDOM_NUMBER_GENERATOR_ATTRIBUTE:
            shown = items.first(expected, ATTRIBUTE_VALUE)
        return shown is not None and shown.value not in self._known.sent_structures

    def _agree(self, expected: Item, actual: Item) -> bool:
        known = self._known
        value = expected.value
        if expected.type is ItemType.DATE_TIME and isinstance(value, int) and isinstance(actual.value, int):
            return self._dates_agree(value, actual.value)
        if isinstance(value, str | bytes) and expected.tag in self._begun:
            known.captured[value] = actual.value
            return type(value) is type(actual.value)
        if isinstance(value, str | bytes) and (expected.tag in IDENTIFIERS or placeholder(value)):
            return known.captured.setdefault(value, actual.value) == actual.value
        if expected.tag == PKCS_11_OUTPUT and isinstance(value, bytes) and isinstance(actual.value, bytes):
            return _without_vendor(value) == _without_vendor(actual.value)
        return value == actual.value

    def _dates_agree(self, expected: int, actual: int) -> bool:
        known = self._known
        offset = offset_from_now(expected)
        if offset is None:
            return expected == actual if expected in known.sent_dates else True
        if offset and known.started_at + offset in known.sent_dates:
            return actual == known.started_at + offset
        return known.started_at + offset - CLOCK_TOLERANCE <= actual <= known.now + offset + CLOCK_TOLERANCE

    def _meant(self, item: Item) -> str:
        """Return an expected item as text, with what its placeholder was captured as."""
        shown = _shown(item)
        value = item.value
        if isinstance(value, str | bytes) and value in self._known.captured:
            shown += f" = {self._known.captured[value]!r}"
        return shown


def _paired(
    expected: Sequence[Item],
    actual: Sequence[Item],
    in_any_order: Callable[[Item], bool],
    cost: Callable[[Item, Item], int],
    *,
    by_value: bool,
) -> Iterator[tuple[Item | None, Item | None]]:
    """Yield which item is compared with which; None where one side has nothing.

    Items in any order go to their cheapest partner of the same tag (and attribute, and value where `by_value`);
    the rest keep their order.
    """
    rest = list(actual)
    fixed = [item for item in expected if not in_any_order(item)]
    for one in expected:
        if in_any_order(one):
            candidates = [other for other in rest if _key(other, by_value) == _key(one, by_value)]
            best = min(candidates, key=lambda other: cost(one, other), default=None)
            if best is not None:
                rest.remove(best)
            yield one, best
    ordered = [item for item in rest if not in_any_order(item)]
    yield from _in_order(fixed, ordered)
    for other in rest:
        if in_any_order(other):
            yield None, other


def _in_order(expected: list[Item], actual: list[Item]) -> Iterator[tuple[Item | None, Item | None]]:
    """Pair items of equal tags along both lists, so that one missing item is one difference."""
    actual = list(actual)
    for one in expected:
        place = next((i for i, other in enumerate(actual) if other.tag == one.tag), None)
        if place is None:
            yield one, None
            continue
        for extra in actual[:place]:
            yield None, extra
        yield one, actual[place]
        del actual[: place + 1]
    for extra in actual:
        yield None, extra


def _key(item: Item, by_value: bool) -> tuple[object, ...]:
    if item.tag != ATTRIBUTE:
        is_entry = (
            not isinstance(item.value, tuple)
            and item.tag not in FREE | IDENTIFIERS | {VENDOR_IDENTIFICATION}
            and (by_value or item.tag in UNORDERED)
        )
        return (item.tag, item.value) if is_entry else (item.tag,)
    name = items.first(item, ATTRIBUTE_NAME)
    return (item.tag, name.value if name else None)


def _shape(item: Item) -> object:
    """Return tags and types without values."""
    inside = tuple(map(_shape, item.value)) if isinstance(item.value, tuple) else ()
    return (item.tag, item.type, inside)


def _operation(batch_item: Item) -> Operation | None:
    found = items.first(batch_item, OPERATION)
    try:
        return Operation(found.value) if found and isinstance(found.value, int) else None
    except ValueError:
        return None


def _operation_name(batch_item: Item) -> str:
    operation = _operation(batch_item)
    return operation.name.title().replace("_", " ") if operation else "without Operation"


def _free_values(expected: Item, actual: Item, request: Item | None, known: Known) -> frozenset[int]:
    """Return the tags whose values a batch item may choose; learn which objects it has generated."""
    operation = _operation(actual)
    asked = items.first(request, REQUEST_PAYLOAD) if request else None
    wanted = items.first(expected, RESPONSE_PAYLOAD)
    payload = items.first(actual, RESPONSE_PAYLOAD)
    if operation is None or asked is None or wanted is None or payload is None:
        return frozenset()
    free = RANDOM.get(operation, frozenset())
    if operation in GENERATING:
        made = [c.value for c in items.children(payload) if c.tag in IDENTIFIERS and isinstance(c.value, str)]
        known.generated.update(made)
        if operation is Operation.RE_CERTIFY:
            known.renewed.update(made)
    if items.first(wanted, IV_COUNTER_NONCE) and not items.first(asked, IV_COUNTER_NONCE):
        free |= RANDOM_WITH_RANDOM_IV
    if operation is Operation.SIGN and known.signs_at_random:
        free |= _tags("SignatureData")
    subject = items.first(payload, UNIQUE_IDENTIFIER) or items.first(asked, UNIQUE_IDENTIFIER)
    if subject and subject.value in known.renewed:
        free |= {ATTRIBUTE_INDEX}
    if subject and subject.value in known.generated:
        free |= GENERATED_VALUES | ISSUED_VALUES
        if operation is Operation.DECRYPT and _was_given(asked, known):
            free -= {DATA}
    return free


def _without_vendor(output: bytes) -> bytes:
    """Return the output of C_GetInfo, the one of its length, without the texts that name the vendor."""
    return output[:2] + output[34:42] + output[74:] if len(output) == CK_INFO else output


def _was_given(asked: Item, known: Known) -> bool:
    """Return whether what is to be decrypted is what the server has encrypted before: then its plain text is known.

    Cases that decrypt a printed text under a key that the server has made show nothing by what comes out.
    """
    encrypted = items.first(asked, DATA)
    return encrypted is not None and encrypted.value in known.captured.values()


def _begun(request: Item | None) -> frozenset[int]:
    """Return the tags of correlation values that begin with the answer, since the request has none."""
    payload = items.first(request, REQUEST_PAYLOAD) if request else None
    if payload is None:
        return frozenset()
    return CORRELATING - {item.tag for item in items.children(payload)}


def _is_certificate_length(item: Item) -> bool:
    return item.tag == CERTIFICATE_LENGTH or (item.tag == ATTRIBUTE and _label(item) == CERTIFICATE_LENGTH_ATTRIBUTE)


def _label(item: Item | None) -> str:
    if item is None:
        return ""
    name = items.first(item, ATTRIBUTE_NAME) if item.tag == ATTRIBUTE else None
    return f"{items.tag_name(item.tag)} {name.value!r}" if name else items.tag_name(item.tag)


def _shown(item: Item) -> str:
    """Return an item as one line. Nothing is hidden: the cases are public."""
    value = item.value
    if isinstance(value, tuple):
        return f"{items.tag_name(item.tag)} {{{', '.join(map(_shown, value))}}}"
    if isinstance(value, bytes):
        return placeholder(value) or (
            value.hex() if len(value) <= 64 else f"{value[:64].hex()}... ({len(value)} bytes)"
        )
    if item.type is ItemType.DATE_TIME and isinstance(value, int) and (offset := offset_from_now(value)) is not None:
        return f"$NOW{offset:+d}"
    if item.type is ItemType.BIG_INTEGER and isinstance(value, int):
        return f"0x{value:X}"
    return items.describe(item).split(": ", 1)[-1] if item.tag not in items.HIDDEN_TAGS else repr(value)
