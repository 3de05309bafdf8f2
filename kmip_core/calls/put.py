"""Put: the server gives an object to a client. KMIP 2.1 §6.2.3, 1.4 §5.2."""

from typing import NoReturn

from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import Operation, PutFunction
from kmip_core.errors import not_supported
from kmip_core.objects import Content
from kmip_core.operation import Cost, Scope, Spec


@frozen(kw_only=True)
class Request:
    """replaced_unique_identifier: of the object whose place it takes; there if the function is Replace."""

    unique_identifier: str
    put_function: PutFunction
    replaced_unique_identifier: str | None = None
    managed_object: Content
    attributes: Attributes = Attributes()


@frozen(kw_only=True)
class Response:
    """A client answers without a payload, or with an empty one."""


def perform(request: Request, scope: Scope) -> NoReturn:
    """Refuse: no client sends it."""
    raise not_supported("Put is sent by servers")


SPEC = Spec(operation=Operation.PUT, request=Request, response=Response, perform=perform, cost=Cost.READS)
