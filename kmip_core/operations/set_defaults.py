"""Set Defaults: an administrator says what new objects get where a client says nothing. KMIP 2.1 §6.1.53."""

from collections.abc import Iterator

from attrs import evolve

from kmip_core import attribute_rules
from kmip_core.classes import frozen
from kmip_core.creation_rules import DefaultsInformation, ObjectDefaults
from kmip_core.enums import Operation
from kmip_core.errors import KmipError, invalid_field
from kmip_core.operation import Cost, Group, Scope, Spec
from kmip_core.procedures import administration


@frozen(kw_only=True)
class Request:
    """defaults_information: all defaults from now on; None takes them away."""

    defaults_information: DefaultsInformation | None = None


@frozen(kw_only=True)
class Response:
    """Nothing."""


def perform(request: Request, scope: Scope) -> Response:
    """Replace all defaults.

    Raises KmipError: Permission Denied unless the principal is an administrator; Invalid Field if there are too many,
    or for attributes that a client could not give to such objects.
    """
    administration.check_administrator(scope)
    given = request.defaults_information or DefaultsInformation()
    rules = tuple(rule for defaults in given.object_defaults for rule in _by_type(defaults))
    administration.check_number(rules)
    scope.work.save_rules(ObjectDefaults, rules)
    return Response()


def _by_type(defaults: ObjectDefaults) -> Iterator[ObjectDefaults]:
    """Yield the same defaults for each of their types alone: 2.0 tells them so."""
    types = defaults.object_types if defaults.object_type is None else (defaults.object_type, *defaults.object_types)
    if not types:
        raise invalid_field("Object Type must be given for each of the Object Defaults")
    for object_type in types:
        try:
            attribute_rules.check_creation(defaults.attributes, object_type)
        except KmipError as error:
            raise invalid_field(error.message) from error
        yield evolve(defaults, object_type=object_type, object_types=())


SPEC = Spec(
    operation=Operation.SET_DEFAULTS,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.SETS_RULES,
    cost=Cost.CHANGES,
    evidence=lambda request: "none" if request.defaults_information is None else "replaced",
)
