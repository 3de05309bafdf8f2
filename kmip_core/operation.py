"""What an operation is (`Spec`), and what its handler may use (`Scope`).

An operation module holds `Request`, `Response`, `SPEC` and `perform(request, scope)`. The spec says what the engine
must do before the handler runs: which fields of the request name managed objects, for which purpose each is admitted,
and how the work is paced. The handler then receives admitted objects and ports, and nothing else.
"""

import enum
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from attrs import Factory, field

from kmip_core.attributes import Attributes
from kmip_core.classes import define, frozen, types_of_fields
from kmip_core.creation_rules import Rule
from kmip_core.criteria import Located, LocateQuery
from kmip_core.enums import (
    ObjectType,
    Operation,
    ResultReason,
    UniqueIdentifier,
)
from kmip_core.objects import Content, ManagedObject
from kmip_core.policy import Visibility
from kmip_core.ports.crypto import CryptoCapabilities
from kmip_core.ports.steps import Pace, Steps
from kmip_core.ports.submissions import SubmissionWork
from kmip_core.principal import Principal
from kmip_core.rules import Admitted, Purpose
from kmip_core.services import EngineServices, Services
from kmip_core.settings import Settings
from kmip_core.structures import Link, ProtocolVersion
from kmip_core.structures import ObjectReference as ObjectReference
from kmip_core.tickets import TicketWork

C = TypeVar("C", bound=Content)


class Cost(enum.Enum):
    """What running an operation costs, so that the engine can choose its pace."""

    READS = "reads"  # short; may commit after all
    USES_KEYS = "uses keys"  # as short, where the keys are at hand; a token may make it wait
    CHANGES = "changes"  # as short, and commits
    WORKS = "works"  # milliseconds of computing, such as a signature; may commit as well
    COMPUTES = "computes"  # heavy computing; may commit as well

    __hash__ = object.__hash__  # it is a key in tables that every request looks up; Enum's own runs in Python


class Group(enum.Enum):
    """What an operation does with objects, for tables that treat several operations alike (`Spec.group`)."""

    MAKES = "makes"  # brings a new object into the server
    RENEWS = "renews"  # makes one that takes the place of another, or certifies it
    USES_KEYS = "uses keys"  # applies a key to a client's data
    SETS_RULES = "sets rules"  # decides what new objects may be


def always(capabilities: CryptoCapabilities) -> bool:
    """The `Spec.can_be_done` of what every crypto adapter can do."""
    return True


Around: TypeAlias = Callable[[Any, EngineServices, Principal, Pace], Steps[None]]
"""Steps before or after the unit of work of an item: request, services, principal, and the pace to come back to."""

NO_REASONS: Final[Mapping[ResultReason, ResultReason]] = {}


_path: Final = field(
    init=False, repr=False, default=Factory(lambda target: tuple(target.field.split(".")), takes_self=True)
)


@frozen(kw_only=True)
class Target:
    """A field of the request that names a managed object, and what is asked of the object.

    field: the field's name, with dots into structures; the value is an ObjectReference, a tuple of them, or None.
    purpose: what the object is wanted for (`rules.STATES_FOR`, `rules.USAGE_FOR`).
    operation: whose grant the policy must give; None for the operation itself.
    optional: absent means no object, instead of the ID placeholder.
    object_types: the types that will do; None for all.
    reasons: refusals that have a reason of their own for this object, as a missing wrapping key has.
    """

    field: str = "unique_identifier"
    purpose: Purpose
    operation: Operation | None = None
    optional: bool = False
    object_types: frozenset[ObjectType] | None = None
    reasons: Mapping[ResultReason, ResultReason] = NO_REASONS
    path: tuple[str, ...] = _path  # derived; the field's name hides attrs' function of that name here

    def value_in(self, request: Any) -> Any:
        """Return what the field says; None if it, or a structure around it, is absent."""
        value = request
        for name in self.path:
            value = getattr(value, name)
            if value is None:
                break
        return value


@frozen(kw_only=True)
class Spec:
    """One operation, whole: the catalogue's entry.

    request, response: the classes of its payloads.  perform: the handler.
    targets: the objects it needs; the first is `scope.target`.
    amount: what a request uses up of its target's Usage Limits, as objects and bytes (`usage.charge`).
    cost: what decides its pace; a function where that depends on the request.
    group: what it does with objects; None if no table treats it as one of several.
    placeholder: what the ID placeholder becomes after success (None empties it); no function leaves it (RULINGS 14).
    failure_empties_placeholder: True where the standard wants what follows in the batch to fail as well.
    is_offered: False where the settings leave the operation out.
    can_be_done: False where the crypto adapter lacks what the operation needs.
    evidence: what the audit record of a success says beside operation and objects; never secrets.
    runs_others: whether its handler performs other operations (`Scope.perform`).
    is_plain_read: whether its answer follows from the request, the client, the stored objects, the policies and the
        second alone, where it is a read at all (`plain_reads`).
    records_returned_identifiers: whether the audit record names the objects that the response names; False for
        Locate, which may return many.
    before, after: what is waited for before the unit of work of an item begins, or after it has succeeded.
    """

    operation: Operation
    request: type
    response: type
    perform: Callable[[Any, "Scope"], Any]
    cost: "Cost | Callable[[Any], Cost]"
    targets: tuple[Target, ...] = ()
    group: Group | None = None
    placeholder: Callable[[Any], str | None] | None = None
    amount: Callable[[Any], tuple[int, int | None]] | None = None
    failure_empties_placeholder: bool = False
    is_offered: Callable[[Settings], bool] = field(default=lambda settings: True, repr=False)
    can_be_done: Callable[[CryptoCapabilities], bool] = field(default=always, repr=False)
    evidence: Callable[[Any], str] | None = None
    records_returned_identifiers: bool = True
    runs_others: bool = False
    is_plain_read: bool = False
    before: Around | None = None
    after: Around | None = None
    names_objects: bool = field(init=False, repr=False)
    """Whether it is always about objects that exist, derived."""

    identifier_fields: tuple[str, ...] = field(init=False, repr=False)
    """The response's fields that hold identifiers of objects, derived."""

    references: Mapping[str, frozenset[UniqueIdentifier]] = field(init=False, repr=False)
    """By identifier field: which of "the last one made by ..." stand for it, derived. KMIP 2.1 §11.58."""

    is_remembered: bool = field(init=False, repr=False)
    """Whether a batch takes note of its response (`BatchIdentifiers.remember`), derived."""

    attribute_fields: tuple[str, ...] = field(init=False, repr=False)
    """The request's fields that hold attributes and may name templates, derived."""

    returns_identifiers_only: bool = field(init=False, repr=False)
    """Whether a response holds identifiers of objects and nothing else, derived."""

    @names_objects.default
    def _find_whether_it_names_objects(self) -> bool:
        return not all(target.optional for target in self.targets)

    @attribute_fields.default
    def _find_attribute_fields(self) -> tuple[str, ...]:
        of_attributes = (Attributes, Attributes | None)
        return tuple(name for name, kind in types_of_fields(self.request).items() if kind in of_attributes)

    @identifier_fields.default
    def _find_identifier_fields(self) -> tuple[str, ...]:
        names = types_of_fields(self.response)
        return tuple(n for n in names if n.endswith(("unique_identifier", "unique_identifiers")))

    @is_remembered.default
    def _find_whether_it_is_remembered(self) -> bool:
        return bool(self.identifier_fields) or self.placeholder is not None

    @references.default
    def _find_references(self) -> Mapping[str, frozenset[UniqueIdentifier]]:
        operation, members = self.operation.name, UniqueIdentifier.__members__
        found = {}
        for name in self.identifier_fields:
            part = name.upper().removesuffix("S").removesuffix("UNIQUE_IDENTIFIER").rstrip("_")
            names = {f"{operation}_{part}"}
            if part in ("", "PRIVATE_KEY"):  # the operation alone stands for its one object, or for the private key
                names.add(operation)
            found[name] = frozenset(members[each] for each in names if each in members)
        return found

    @returns_identifiers_only.default
    def _find_whether_it_returns_identifiers_only(self) -> bool:
        return types_of_fields(self.response).keys() <= {*self.identifier_fields, "object_type"}


class Admission(Protocol):
    """Resolves references and admits objects; the engine's, bound to one batch item."""

    def __call__(
        self,
        reference: ObjectReference | None,
        purpose: Purpose,
        operation: Operation | None = None,
        object_types: frozenset[ObjectType] | None = None,
    ) -> Admitted:
        """Return the admitted object.  Raises KmipError as policy and `rules.admit` decide."""
        ...

    def linked(self, link: Link) -> str:
        """Return the identifier of the object to which a link leads, which need not be there.

        Raises KmipError: Object Not Found, Non Unique Name Attribute for a name that does not stand for one object.
        """
        ...


class Perform(Protocol):
    """Performs another operation as a part of this one: with the same rights, in the same unit of work."""

    def __call__(self, operation: Operation, **fields: Any) -> Any:
        """Return what the operation answers.

        fields: those of its request.  Raises KmipError as the operation does; what it has collected stays collected.
        """
        ...


def perform_nothing(operation: Operation, **fields: Any) -> Any:
    """Stand for `Scope.perform` where the spec does not say `runs_others`."""
    raise TypeError(f"this operation does not run {operation.name}")


class Work(SubmissionWork, TicketWork, Protocol):
    """The part of a unit of work that handlers use; see ports.storage.UnitOfWork for the promises."""

    def content(self, admitted: Admitted) -> Content:
        """Return the content of an admitted object."""
        ...

    def find(self, unique_identifier: str) -> ManagedObject | None:
        """Return the record of any object, without admission: for Import alone, which must know if a name is taken."""
        ...

    def locate(self, query: LocateQuery) -> Located:
        """Return what satisfies the query."""
        ...

    def add(self, managed_object: ManagedObject, content: Content | None) -> None:
        """Collect a new object."""
        ...

    def save(self, managed_object: ManagedObject, content: Content | None = None) -> None:
        """Collect a changed object."""
        ...

    def remove(self, unique_identifier: str) -> None:
        """Collect a removal."""
        ...

    def rules_of(self, kind: type[Rule]) -> tuple[Rule, ...]:
        """Return the rules of one kind that hold for new objects."""
        ...

    def rules_for_new(self, kind: type[Rule]) -> tuple[Rule, ...]:
        """Return the rules of one kind by which a new object is judged."""
        ...

    def save_rules(self, kind: type[Rule], rules: tuple[Rule, ...]) -> None:
        """Collect rules that replace all of their kind."""
        ...


@define(kw_only=True)
class OutcomeHooks:
    """What a handler leaves to be done once the outcome of its unit of work is known, because it cannot be undone.

    on_commit: called after the commit.  on_rollback: called if nothing was written.
    """

    on_commit: list[Callable[[], None]] = field(factory=list, init=False)
    on_rollback: list[Callable[[], None]] = field(factory=list, init=False)
    is_committed: bool = field(default=False, init=False)


@define(kw_only=True)
class Scope:
    """All that a handler may touch while it performs one batch item; nothing sets a field of it afterwards.

    It is no frozen class, as are `ItemAdmission` and the records of an answer, because each request makes one: a frozen
    class of attrs sets each field by a call, which takes three times as long.

    now: seconds since 1970-01-01 UTC, the same for the whole request.
    protocol_version: the request's, for `key_values` alone; a handler never looks at it.
    targets: the admitted objects by the field that named them; several for a repeated field.
    target: the first of them, which the operation is about; None for an operation that is about none.
    """

    principal: Principal
    now: int
    work: Work
    admit: Admission
    targets: dict[str, tuple[Admitted, ...]] = field(factory=dict)
    target: Admitted
    protocol_version: ProtocolVersion
    services: Services
    hooks: OutcomeHooks = field(factory=OutcomeHooks)
    perform: Perform = perform_nothing

    @property
    def visibility(self) -> Visibility:
        """What Locate may show to this principal."""
        return self.services.visibility(self.principal)

    def content_of(self, admitted: Admitted, kind: type[C]) -> C:
        """Return the content of an object that was admitted for its type, as the class of that type.

        Raises TypeError if the store has content of another class: its fault, not the client's.
        """
        content = self.work.content(admitted)
        if not isinstance(content, kind):
            raise TypeError(f"the {admitted.managed_object.object_type.name} holds a {type(content).__name__}")
        return content


def names_new_object(response: Any) -> str | None:
    """Return the identifier that becomes the ID placeholder after an operation that makes, or brings, one object."""
    identifier: str = response.unique_identifier
    return identifier


KEY_TYPES: Final = frozenset(
    {ObjectType.SYMMETRIC_KEY, ObjectType.PUBLIC_KEY, ObjectType.PRIVATE_KEY, ObjectType.SPLIT_KEY}
)
