"""Query: a client asks what this server can do. KMIP 2.1 §6.1.40, 1.4 §4.25."""

from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from kmip_core.creation_rules import DefaultsInformation, ObjectDefaults, for_groups
from kmip_core.enums import (
    AttestationType,
    ClientRegistrationMethod,
    ObjectType,
    Operation,
    ProtectionStorageMask,
    QueryFunction,
)
from kmip_core.errors import invalid_message
from kmip_core.operation import Cost, Scope, Spec
from kmip_core.structures import (
    CapabilityInformation,
    ExtensionInformation,
    ProfileInformation,
    RNGParameters,
    ServerInformation,
    ValidationInformation,
)


@frozen(kw_only=True)
class Request:
    """query_functions: what to tell.  object_groups: for which groups; only defaults differ by them."""

    query_functions: tuple[QueryFunction, ...]
    object_groups: tuple[str, ...] = ()


@frozen(kw_only=True)
class Response:
    """Only what was asked for is set."""

    operations: tuple[Operation, ...] = ()
    object_types: tuple[ObjectType, ...] = ()
    vendor_identification: str | None = None
    server_information: ServerInformation | None = None
    application_namespaces: tuple[str, ...] = ()
    extension_informations: tuple[ExtensionInformation, ...] = ()
    attestation_types: tuple[AttestationType, ...] = ()
    rng_parameters: tuple[RNGParameters, ...] = ()
    profile_informations: tuple[ProfileInformation, ...] = ()
    validation_informations: tuple[ValidationInformation, ...] = ()
    capability_informations: tuple[CapabilityInformation, ...] = ()
    client_registration_methods: tuple[ClientRegistrationMethod, ...] = ()
    defaults_information: DefaultsInformation | None = None
    protection_storage_masks: tuple[ProtectionStorageMask, ...] = ()


def perform(request: Request, scope: Scope) -> Response:
    """Return what the catalogue and the adapters can do, and nothing that is not there.

    Raises KmipError (Invalid Message) if nothing is asked.
    """
    if not request.query_functions:
        raise invalid_message("Query Function is missing")
    told: dict[str, Any] = {}
    # The order of the functions decides: where list and map are asked for, the map is told (KMIP 2.1 §6.1.40).
    for function in sorted(set(request.query_functions)):
        answer = ANSWERS.get(function)
        if answer is not None:
            told.update(answer(scope))
        elif function is QueryFunction.QUERY_DEFAULTS_INFORMATION:
            told.update(_defaults(request, scope))
    return Response(**told)


def _defaults(request: Request, scope: Scope) -> dict[str, Any]:
    rules = for_groups(scope.work.rules_of(ObjectDefaults), request.object_groups)
    return {"defaults_information": DefaultsInformation(object_defaults=rules)} if rules else {}


ANSWERS: Final[dict[QueryFunction, Callable[[Scope], dict[str, Any]]]] = {
    QueryFunction.QUERY_OPERATIONS: lambda s: {"operations": s.capabilities.operations},
    QueryFunction.QUERY_OBJECTS: lambda s: {"object_types": s.capabilities.object_types},
    QueryFunction.QUERY_SERVER_INFORMATION: lambda s: {
        "vendor_identification": s.settings.vendor_identification,
        "server_information": s.settings.server_information,
    },
    QueryFunction.QUERY_APPLICATION_NAMESPACES: lambda s: {
        "application_namespaces": s.capabilities.application_namespaces
    },
    QueryFunction.QUERY_EXTENSION_LIST: lambda s: {
        "extension_informations": tuple(
            ExtensionInformation(extension_name=extension.extension_name) for extension in s.settings.extensions
        )
    },
    QueryFunction.QUERY_EXTENSION_MAP: lambda s: {"extension_informations": s.settings.extensions},
    QueryFunction.QUERY_ATTESTATION_TYPES: lambda s: {"attestation_types": s.capabilities.attestation_types},
    QueryFunction.QUERY_RNGS: lambda s: {"rng_parameters": s.capabilities.random_number_generators},
    QueryFunction.QUERY_VALIDATIONS: lambda s: {"validation_informations": s.capabilities.validations},
    QueryFunction.QUERY_PROFILES: lambda s: {
        "profile_informations": tuple(ProfileInformation(profile_name=name) for name in s.capabilities.profiles)
    },
    QueryFunction.QUERY_CAPABILITIES: lambda s: {"capability_informations": (s.capabilities.capability,)},
    QueryFunction.QUERY_CLIENT_REGISTRATION_METHODS: lambda s: {
        "client_registration_methods": s.capabilities.client_registration_methods
    },
    QueryFunction.QUERY_STORAGE_PROTECTION_MASKS: lambda s: {
        "protection_storage_masks": s.capabilities.protection_storage_masks
    },
}
"""What each Query Function adds to the response, whatever else is asked; one without a row has nothing to tell here:
credentials are not managed objects (3.0)."""


SPEC = Spec(operation=Operation.QUERY, request=Request, response=Response, perform=perform, cost=Cost.READS)
