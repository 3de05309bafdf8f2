"""Notify: the server says which attributes of an object have changed. KMIP 2.1 §6.2.2, 1.4 §5.1."""

from typing import NoReturn

from kmip_core.attributes import AttributeReference, Attributes
from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.errors import not_supported
from kmip_core.operation import Cost, Scope, Spec


@frozen(kw_only=True)
class Request:
    """attributes: those that have changed, Last Change Date among them.  deleted: those that have no value any more.

    In 1.x a deleted attribute is one without a value (1.4 §2.1.1), in 2.x it is named by an Attribute Reference.
    """

    unique_identifier: str
    attributes: Attributes = Attributes()
    deleted: tuple[AttributeReference, ...] = ()


@frozen(kw_only=True)
class Response:
    """A client answers without a payload, or with an empty one."""


def perform(request: Request, scope: Scope) -> NoReturn:
    """Refuse: no client sends it."""
    raise not_supported("Notify is sent by servers")


SPEC = Spec(operation=Operation.NOTIFY, request=Request, response=Response, perform=perform, cost=Cost.READS)
