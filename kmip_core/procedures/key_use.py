"""What operations that use a key have in common: the key as the crypto port wants it, parameters, and parts."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from attrs import asdict, evolve

from kmip_core.attributes import Attributes
from kmip_core.classes import define
from kmip_core.enums import ObjectType, Operation, ValidityIndicator
from kmip_core.errors import bad_parameters, invalid_field, invalid_message, need, no_key_value
from kmip_core.makers import maker_of
from kmip_core.objects import Certificate, KeyContent
from kmip_core.operation import Cost, Scope
from kmip_core.ports.crypto import DigestStream, Encryption, Key, VerifyStream
from kmip_core.ports.steps import TakesLong
from kmip_core.rules import Admitted
from kmip_core.streams import MultiPart, Phase, phase_of
from kmip_core.structures import CryptographicParameters

T = TypeVar("T")

_make_encryption: Final = maker_of(Encryption)
Stream = TypeVar("Stream", bound=DigestStream)

ENCRYPTING: Final = frozenset({ObjectType.SYMMETRIC_KEY, ObjectType.PUBLIC_KEY, ObjectType.CERTIFICATE})
DECRYPTING: Final = frozenset({ObjectType.SYMMETRIC_KEY, ObjectType.PRIVATE_KEY})
AUTHENTICATING: Final = frozenset({ObjectType.SYMMETRIC_KEY, ObjectType.SECRET_DATA})
SIGNING: Final = frozenset({ObjectType.PRIVATE_KEY})
VERIFYING: Final = frozenset({ObjectType.PUBLIC_KEY, ObjectType.CERTIFICATE})
ENCAPSULATING: Final = frozenset({ObjectType.PUBLIC_KEY, ObjectType.CERTIFICATE})
DECAPSULATING: Final = frozenset({ObjectType.PRIVATE_KEY})
"""The types of objects that do what."""

SHORT: Final = 64 * 1024
"""Bytes of data that are worked on where the request was read; more goes to the pool for slow work."""


def key_of(scope: Scope, target: Admitted) -> Key:
    """Return the admitted key, `completed`."""
    content: Any = scope.work.content(target)
    key: Key = content if isinstance(content, Certificate) else completed(content, target.attributes)
    return key


def completed(content: KeyContent, attributes: Attributes) -> Any:
    """Return a key with algorithm and length from its attributes where its key block leaves them out.

    Raises KmipError (Key Value Not Present) for a key that was registered without its value.
    """
    block = content.key_block
    if block.key_value is None:
        raise no_key_value()
    if block.cryptographic_algorithm is not None and block.cryptographic_length is not None:
        return content
    return evolve(
        content,
        key_block=evolve(
            block,
            cryptographic_algorithm=block.cryptographic_algorithm or attributes.cryptographic_algorithm,
            cryptographic_length=block.cryptographic_length or attributes.cryptographic_length,
        ),
    )


def parameters_of(given: CryptographicParameters | None, attributes: Attributes) -> CryptographicParameters:
    """Return how a request uses a key: as it says, within what the key's own parameters allow. KMIP 2.1 §4.16, 6.1.17.

    A key that has Cryptographic Parameters is used by one of them: what the request says of algorithm, mode, padding,
    hashes and tags must be what that one says, and what it leaves out is taken from there, the first one if it says
    nothing. Otherwise a client could have a tag of 4 bytes verified where the owner wanted 16.
    Raises KmipError (Bad Cryptographic Parameters).
    """
    own = attributes.cryptographic_parameters
    if not own:
        return given or _UNSAID
    known = _used.get((given, own))
    return _remembered(given, own) if known is None else known


_UNSAID: Final = CryptographicParameters()

MOST_USED: Final = 256
LARGEST_OWN: Final = 4  # parameters of a key that are remembered
_Said: TypeAlias = tuple[CryptographicParameters | None, tuple[CryptographicParameters, ...]]
_used: Final[dict[_Said, CryptographicParameters]] = {}
"""What a request and a key together say. A client chooses most of what is in there: when it is full all is forgotten.

To find it out takes 28 microseconds, of 66 that the rest of an Encrypt takes.
"""


def _remembered(
    given: CryptographicParameters | None, own: tuple[CryptographicParameters, ...]
) -> CryptographicParameters:
    """Return what `_used_by` does, and remember it unless a client may have made it long."""
    used = _used_by(given, own)
    if len(own) <= LARGEST_OWN and all(each.p_source is None and each.context_string is None for each in (used, *own)):
        if len(_used) >= MOST_USED:
            _used.clear()
        _used[given, own] = used
    return used


def _used_by(
    given: CryptographicParameters | None, own: tuple[CryptographicParameters, ...]
) -> CryptographicParameters:
    wanted = {} if given is None else _said(given)
    fenced = {name: value for name, value in wanted.items() if name in FENCE}
    admitting = [each for each in own if all(_said(each).get(name, value) == value for name, value in fenced.items())]
    if admitting:
        # One that says all that the request says goes before one that is silent about some of it.
        best = max(admitting, key=lambda each: len(fenced.keys() & _said(each).keys()))
        return evolve(best, **wanted)
    raise bad_parameters("the key's own Cryptographic Parameters do not allow those of the request")


FENCE: Final = frozenset(
    {
        "block_cipher_mode",
        "padding_method",
        "hashing_algorithm",
        "digital_signature_algorithm",
        "cryptographic_algorithm",
        "tag_length",
        "salt_length",
        "mask_generator",
        "mask_generator_hashing_algorithm",
        "p_source",
        "trailer_field",
        "kem_algorithm",
        "context_string",
    }
)
"""Fields that a request may not say differently; the others are of one use: counters, and how an IV comes about."""


def _said(parameters: CryptographicParameters) -> dict[str, Any]:
    return {name: value for name, value in asdict(parameters, recurse=False).items() if value is not None}


def key_and_parameters(scope: Scope, request: Any) -> tuple[Key, CryptographicParameters]:
    """Return the target's key, and how the request uses it."""
    parameters = parameters_of(request.cryptographic_parameters, scope.target.attributes)
    return key_of(scope, scope.target), parameters


def encryption_of(scope: Scope, request: Any) -> Encryption:
    """Return how an Encrypt or Decrypt uses the target's key."""
    target = scope.target
    parameters = parameters_of(request.cryptographic_parameters, target.attributes)
    return _make_encryption(
        key_of(scope, target),
        parameters,
        iv_counter_nonce=request.iv_counter_nonce,
        additional_data=request.authenticated_encryption_additional_data,
        authenticated_encryption_tag=getattr(request, "authenticated_encryption_tag", None),
    )


def key_and_any_parameters(scope: Scope, request: Any) -> tuple[Key, CryptographicParameters]:
    """Return the target's key, and how the request has a signature verified: by whatever it says.

    A public key is for all, so its parameters are no fence: the official cases CS-AC-M-3 have a signature verified
    by another hash than the key's, and called invalid.
    """
    own = scope.target.attributes.cryptographic_parameters
    given = request.cryptographic_parameters or next(iter(own), CryptographicParameters())
    return key_of(scope, scope.target), given


def need_data(data: T | None) -> T:
    """Return the data of a request that is not in parts.  Raises KmipError (Invalid Message) without any."""
    if data is None:
        raise invalid_message("Data must be given")
    return data


def one_of(data: bytes | None, digested_data: bytes | None) -> tuple[bytes, bool]:
    """Return what is to be signed, and whether it is a digest already.

    Raises KmipError: Invalid Message without any, Invalid Field if both are given.
    """
    if digested_data is None:
        return need_data(data), False
    if data is not None:
        raise invalid_field("Data and Digested Data exclude each other")
    return digested_data, True


def part_of(request: Any) -> bytes:
    """Return this part's data.  Raises KmipError (Invalid Field) for a digest, which cannot come in parts."""
    if getattr(request, "digested_data", None) is not None:
        raise invalid_field("Digested Data cannot be given in parts")
    data: bytes | None = request.data
    return data or b""


def take_part(
    scope: Scope, operation: Operation, request: Any, begin: Callable[[], Stream]
) -> tuple[Stream | None, bytes | None]:
    """Feed a part to its stream: return the stream after the last part, else the Correlation Value for the next one.

    begin: makes the stream of a first part.
    """
    stream = begin() if phase_of(request) is Phase.FIRST else take_stream(scope, operation, request)
    stream.update(part_of(request))
    if phase_of(request) is Phase.LAST:
        return stream, None
    return None, keep_stream(scope, operation, request, stream)


def verify_part(
    scope: Scope,
    operation: Operation,
    request: Any,
    begin: Callable[[], VerifyStream],
    expected: bytes | None,
    name: str,
) -> tuple[ValidityIndicator | None, bytes | None]:
    """Feed a part to its verification: return the verdict after the last part, else the Correlation Value.

    expected: what is to be verified, which may come with any part.  name: the standard's.
    Raises KmipError (Invalid Field) if it came twice and differs, or has not come when the last part has.
    """
    is_first = phase_of(request) is Phase.FIRST
    under_way = _Verification(begin()) if is_first else take_stream(scope, operation, request)
    if expected is not None:
        under_way.expect(expected)
    under_way.update(part_of(request))
    if phase_of(request) is Phase.LAST:
        return under_way.stream.finish(need(under_way.expected, name)), None
    return None, keep_stream(scope, operation, request, under_way)


@define
class _Verification:
    """A verification under way, and what it is to verify."""

    stream: VerifyStream
    expected: bytes | None = None

    @property
    def held_bytes(self) -> int:
        """What is kept back."""
        return len(self.expected or b"") + int(getattr(self.stream, "held_bytes", 0))

    def update(self, data: bytes) -> None:
        """Take a part."""
        self.stream.update(data)

    def expect(self, value: bytes) -> None:
        """Keep what is to be verified."""
        if self.expected not in (None, value):
            raise invalid_field("what is to be verified came twice, and differs")
        self.expected = value


def take_stream(scope: Scope, operation: Operation, request: MultiPart) -> Any:
    """Return the stream of an earlier part.  Raises KmipError (Invalid Correlation Value)."""
    value = request.correlation_value or b""
    streams, owner = scope.services.streams, (scope.principal.name, operation, _key_in(scope), scope.now)
    stream = streams.take(value, *owner)
    if getattr(stream, "needs_slower_pace", False):
        streams.keep(value, stream, *owner)
        raise TakesLong
    return stream


def keep_stream(scope: Scope, operation: Operation, request: MultiPart, stream: Any) -> bytes:
    """Keep a stream for its next part; return the Correlation Value that finds it: unguessable, the same to the end."""
    streams = scope.services.streams
    value = request.correlation_value or streams.name(scope.services.identifiers.new())
    streams.keep(value, stream, scope.principal.name, operation, _key_in(scope), scope.now)
    scope.hooks.on_rollback.append(partial(streams.forget, value))
    return value


def _key_in(scope: Scope) -> str:
    """Return the identifier of the key in use; Hash has none."""
    return scope.target.unique_identifier if scope.targets else ""


def amount_of(request: Any) -> tuple[int, int | None]:
    """Return what a request uses up of Usage Limits: objects and bytes, counted when the operation begins.

    None for bytes that are not known yet, because they will come in parts.
    """
    match phase_of(request):
        case Phase.SINGLE:
            data = request.data if request.data is not None else getattr(request, "digested_data", None)
            return 1, len(data or b"")
        case Phase.FIRST:
            return 1, None
        case _:
            return 0, 0


def cost_by_size(request: MultiPart) -> Cost:
    """Pace symmetric work by its data: short data at once, in parts or long data where it may take time."""
    data = request.data
    if data is not None and len(data) > SHORT:
        return Cost.COMPUTES
    if request.correlation_value is None and not request.init_indicator and not request.final_indicator:
        return Cost.USES_KEYS  # as nearly always
    return Cost.USES_KEYS if phase_of_quietly(request) is Phase.SINGLE else Cost.WORKS


def cost_of_signature(request: MultiPart) -> Cost:
    """Pace signatures that are short work for short data, as those of elliptic curves and every verification."""
    return Cost.USES_KEYS if cost_by_size(request) is Cost.USES_KEYS else Cost.WORKS


def phase_of_quietly(request: MultiPart) -> Phase:
    """Return the phase, taking a contradictory request for a single one; `phase_of` refuses it when it is performed."""
    if request.correlation_value is None and (request.final_indicator or not request.init_indicator):
        return Phase.SINGLE
    return Phase.NEXT
