"""Which objects a batch item names, and whether it may have them: the one check before every handler.

References are resolved once, here: an identifier, the ID placeholder, "the last one made by ..." (2.x) or the n-th that
the batch has returned. Then policy, a ticket's rights, and `rules.admit` (type, state at this instant, dates, usage
mask) decide. A missing object and another owner's look alike (RULINGS 1).
"""

from typing import Any, Final

from attrs import field

from kmip_core import lifecycle, rights, rules
from kmip_core.classes import define
from kmip_core.enums import ObjectType, Operation, ResultReason, UniqueIdentifier
from kmip_core.errors import KmipError, invalid_field, not_found
from kmip_core.objects import class_of
from kmip_core.operation import ObjectReference, Spec, Target
from kmip_core.ports.storage import UnitOfWork
from kmip_core.principal import Principal
from kmip_core.procedures import linked_objects
from kmip_core.rules import Admitted, Purpose
from kmip_core.services import Services
from kmip_core.settings import ForeignObjects
from kmip_core.standard_names import standard_name
from kmip_core.structures import Link, NameReference

RECORDED_LENGTH: Final = 255
"""Characters of an identifier that go into the audit trail: no object has a longer one, whatever clients send."""


@define
class BatchIdentifiers:
    """The identifiers that a batch has returned so far; they live and die with it (RULINGS 14).

    placeholder: the ID placeholder.
    made: as returned, oldest first: which of "the last one made by ..." stand for an identifier, and the identifier.
    """

    placeholder: str | None = None
    made: list[tuple[frozenset[UniqueIdentifier], str]] = field(factory=list)

    def remember(self, spec: Spec, response: Any) -> list[str]:
        """Take note of a response, and return the identifiers that it holds."""
        held: list[str] = []
        for name in spec.identifier_fields:
            value = getattr(response, name)
            if type(value) is str:  # as nearly always
                self.made.append((spec.references[name], value))
                held.append(value)
                continue
            for identifier in (value,) if isinstance(value, str) else value or ():
                self.made.append((spec.references[name], identifier))
                held.append(identifier)
        if spec.placeholder is not None:
            self.placeholder = spec.placeholder(response)
        return held

    def mark(self) -> tuple[str | None, int]:
        """Return a mark for `go_back`."""
        return self.placeholder, len(self.made)

    def go_back(self, mark: tuple[str | None, int]) -> None:
        """Take back what an item that did not happen has left."""
        self.placeholder = mark[0]
        del self.made[mark[1] :]

    def resolve(self, reference: str | UniqueIdentifier | int | None) -> str:
        """Return the identifier that a reference stands for.  Raises KmipError (Invalid Field, Object Not Found)."""
        if isinstance(reference, str):
            return reference
        if reference is None or reference is UniqueIdentifier.ID_PLACEHOLDER:
            if self.placeholder is None:
                raise KmipError(ResultReason.ITEM_NOT_FOUND, "no object is named and the ID placeholder is empty")
            return self.placeholder
        if isinstance(reference, UniqueIdentifier):
            for references, identifier in reversed(self.made):
                if reference in references:
                    return identifier
            raise not_found()
        try:  # KMIP 2.1 §4.58: zero-based, negative counts back from the end
            return self.made[reference][1]
        except IndexError:
            raise invalid_field("the batch has not returned so many identifiers") from None


@define(kw_only=True)
class ItemAdmission:
    """Finds, judges and admits the objects of one batch item; an `operation.Admission`.

    touched: takes the identifiers that the item has asked for, for its evidence.
    """

    services: Services
    identifiers: BatchIdentifiers
    work: UnitOfWork
    principal: Principal
    now: int
    operation: Operation
    touched: list[str]

    def __call__(
        self,
        reference: ObjectReference | None,
        purpose: Purpose,
        operation: Operation | None = None,
        object_types: frozenset[ObjectType] | None = None,
    ) -> Admitted:
        """Return the admitted object.

        Raises KmipError: Not Authorised outside the rights of a ticket; Object Not Found for one that is missing or of
        which the client holds no grant at all (by the setting `foreign_objects`, Permission Denied); Permission Denied
        if it holds another grant; then as `rules.admit`.
        """
        principal, now = self.principal, self.now
        asked = operation or self.operation
        identifier = reference if type(reference) is str else self.resolve(reference, asked)  # as nearly always
        # Before any refusal: requests for missing and for foreign objects leave evidence, too.
        self.touched.append(identifier[:RECORDED_LENGTH])
        held = None if principal.rights is None else rights.check_identifier(principal.rights, asked, identifier)
        managed_object = self.work.find(identifier)
        decision = None if managed_object is None else self.services.decide(principal, asked, managed_object)
        if managed_object is None or decision is None or not (decision.is_visible or self._tells_of_foreign_objects):
            if held is not None:
                rights.check_object(held, asked, None)
            raise not_found()
        if held is not None:
            rights.check_object(held, asked, managed_object)
        if not decision.is_allowed:
            raise rules.denied_use(standard_name(asked))
        settled = lifecycle.settle(managed_object.attributes, now)
        if settled.object_class is None:  # an object of 0.1 does not say it
            settled = settled.but(object_class=class_of(managed_object.object_type))
        if settled is not managed_object.attributes:
            managed_object = managed_object.changed(settled)
        return rules.admit(
            managed_object,
            purpose,
            now,
            object_types=object_types,
            process_after_deactivation=self.services.settings.process_after_deactivation,
        )

    @property
    def _tells_of_foreign_objects(self) -> bool:
        return self.services.settings.foreign_objects is ForeignObjects.REFUSED

    def resolve(self, reference: ObjectReference | None, operation: Operation | None = None) -> str:
        """Return the identifier of the object that a reference names; it is not admitted by that.

        Raises KmipError as `_named` and `BatchIdentifiers.resolve` do.
        """
        if isinstance(reference, NameReference):
            return self._named(reference, operation or self.operation, None)
        return self.identifiers.resolve(reference)

    def linked(self, link: Link) -> str:
        """Return the identifier of the object to which a link leads; it is not admitted by that."""
        target = link.linked_object_identifier
        if isinstance(target, NameReference):
            return self._named(target, self.operation, linked_objects.TYPES.get(link.link_type))
        return self.identifiers.resolve(target)

    def _named(self, reference: NameReference, asked: Operation, types: frozenset[ObjectType] | None) -> str:
        """Return the identifier of the object that has the name: of those that the principal may locate.

        types: None for every type.
        Raises KmipError: Object Not Found; Non Unique Name Attribute where several objects have it; Not Authorised
        instead where a ticket restricts its bearer to certain objects, which must not learn of the names of others.
        """
        visible = self.services.visibility(self.principal)
        found = linked_objects.having_name(self.work, visible, self.now, reference.name, types)
        if len(found) == 1:
            return found[0]
        self.touched.append(reference.name[:RECORDED_LENGTH])
        rights.check_object(rights.check_identifier(self.principal.rights, asked, ""), asked, None)
        if found:
            message = "several objects have this name; name one by its identifier"
            raise KmipError(ResultReason.NON_UNIQUE_NAME_ATTRIBUTE, message)
        raise not_found()

    def targets(self, targets: tuple[Target, ...], request: Any) -> dict[str, tuple[Admitted, ...]]:
        """Return the admitted objects of every declared target, by field."""
        admitted: dict[str, tuple[Admitted, ...]] = {}
        for target in targets:
            value = getattr(request, target.path[0])
            if value is not None and len(target.path) > 1:
                value = target.value_in(request)
            if value is None and target.optional:
                continue
            if type(value) is tuple:
                admitted[target.field] = tuple([self._target(reference, target) for reference in value])
            else:
                admitted[target.field] = (self._target(value, target),)
        return admitted

    def _target(self, reference: ObjectReference | None, target: Target) -> Admitted:
        if reference == "" and len(target.path) == 1:
            # Go clients send it for "left out" (RULINGS 25), which must not change or destroy what they did not name.
            if target.purpose in rules.CHANGING:
                raise invalid_field("the Unique Identifier is empty; name the object")
            reference = None  # the ID placeholder
        try:
            return self(reference, target.purpose, target.operation, target.object_types)
        except KmipError as error:
            reason = target.reasons.get(error.reason)
            if reason is None:
                raise
            raise KmipError(reason, error.message) from error
