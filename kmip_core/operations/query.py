"""Query: a client asks what this server can do. KMIP 2.1 §6.1.40, 1.4 §4.25."""

from collections.abc import Callable
from typing import Any, Final

from kmip_core.classes import frozen
from kmip_core.creation_rules import DefaultsInformation, ObjectDefaults, for_groups
from kmip_core.enums import (
    AttestationType,
    ClientRegistrationMethod,
    ObjectType,
    Operation,
    ProfileName,
    ProtectionStorageMask,
    QueryFunction,
)
from kmip_core.errors import invalid_message
from kmip_core.operation import Cost, Scope, Spec
from kmip_core.services import Services
from kmip_core.structures import (
    CapabilityInformation,
    CredentialInformation,
    ExtensionInformation,
    ProfileInformation,
    RNGParameters,
    ServerInformation,
    ValidationInformation,
)


@frozen(kw_only=True)
class Request:
    """query_functions: what to tell.  object_groups: for which groups; only defaults differ by them.

    has_system_objects: whether the profiles that are told are those of versions with system objects.
    """

    query_functions: tuple[QueryFunction, ...]
    object_groups: tuple[str, ...] = ()
    has_system_objects: bool = False


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
    credential_information: CredentialInformation | None = None


def perform(request: Request, scope: Scope) -> Response:
    """Return what the catalogue and the adapters can do, and nothing that is not there.

    Raises KmipError (Invalid Message) if nothing is asked.
    """
    if not request.query_functions:
        raise invalid_message("Query Function is missing")
    fields: dict[str, Any] = {}
    # The order of the functions decides: a request for both list and map gets the map (KMIP 2.1 §6.1.40).
    for function in sorted(set(request.query_functions)):
        answer = ANSWERS.get(function)
        if answer is not None:
            fields.update(answer(scope.services))
        else:  # Query Defaults Information, which depends on the request
            fields.update(_defaults(request, scope))
    if request.has_system_objects and "profile_informations" in fields:
        fields["profile_informations"] = _profiles(scope.services.capabilities.profiles_with_system_objects)
    return Response(**fields)


def _profiles(names: tuple[ProfileName, ...]) -> tuple[ProfileInformation, ...]:
    return tuple(ProfileInformation(profile_name=name) for name in names)


def _defaults(request: Request, scope: Scope) -> dict[str, Any]:
    rules = for_groups(scope.work.rules_of(ObjectDefaults), request.object_groups)
    return {"defaults_information": DefaultsInformation(object_defaults=rules)} if rules else {}


ANSWERS: Final[dict[QueryFunction, Callable[[Services], dict[str, Any]]]] = {
    QueryFunction.QUERY_OPERATIONS: lambda services: {"operations": services.capabilities.operations},
    QueryFunction.QUERY_OBJECTS: lambda services: {"object_types": services.capabilities.object_types},
    QueryFunction.QUERY_SERVER_INFORMATION: lambda services: {
        "vendor_identification": services.settings.vendor_identification,
        "server_information": services.settings.server_information,
    },
    QueryFunction.QUERY_APPLICATION_NAMESPACES: lambda services: {
        "application_namespaces": services.capabilities.application_namespaces
    },
    QueryFunction.QUERY_EXTENSION_LIST: lambda services: {
        "extension_informations": tuple(
            ExtensionInformation(extension_name=extension.extension_name) for extension in services.settings.extensions
        )
    },
    QueryFunction.QUERY_EXTENSION_MAP: lambda services: {"extension_informations": services.settings.extensions},
    QueryFunction.QUERY_ATTESTATION_TYPES: lambda services: {
        "attestation_types": services.capabilities.attestation_types
    },
    QueryFunction.QUERY_RNGS: lambda services: {"rng_parameters": services.capabilities.random_number_generators},
    QueryFunction.QUERY_VALIDATIONS: lambda services: {"validation_informations": services.capabilities.validations},
    QueryFunction.QUERY_PROFILES: lambda services: {"profile_informations": _profiles(services.capabilities.profiles)},
    QueryFunction.QUERY_CAPABILITIES: lambda services: {"capability_informations": (services.capabilities.capability,)},
    QueryFunction.QUERY_CLIENT_REGISTRATION_METHODS: lambda services: {
        "client_registration_methods": services.capabilities.client_registration_methods
    },
    QueryFunction.QUERY_STORAGE_PROTECTION_MASKS: lambda services: {
        "protection_storage_masks": services.capabilities.protection_storage_masks
    },
    QueryFunction.QUERY_CREDENTIAL_INFORMATION: lambda services: {
        "credential_information": CredentialInformation(credential_types=services.capabilities.credential_types)
    },
}
"""The fields that each Query Function adds to the response."""


SPEC = Spec(operation=Operation.QUERY, request=Request, response=Response, perform=perform, cost=Cost.READS)
