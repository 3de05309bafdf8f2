"""Query."""

from typing import Any

import pytest
from attrs import evolve

from kmip_core.enums import (
    AttestationType,
    ClientRegistrationMethod,
    ObjectType,
    Operation,
    ProfileName,
    ProtectionStorageMask,
    QueryFunction,
    ResultReason,
    RNGAlgorithm,
    ValidationAuthorityType,
    ValidationType,
)
from kmip_core.errors import KmipError
from kmip_core.operations import query
from kmip_core.settings import Settings
from kmip_core.structures import (
    CredentialInformation,
    ExtensionInformation,
    ProfileInformation,
    RNGParameters,
    ServerInformation,
    ValidationInformation,
)
from tests.builders import CAPABILITIES, an_engine, perform

EXTENSION = ExtensionInformation(extension_name="ACME LOCATION", extension_tag=0x54AA01, extension_type=7)
NAMELESS = ExtensionInformation(extension_name="ACME LOCATION")
VALIDATION = ValidationInformation(
    validation_authority_type=ValidationAuthorityType.UNSPECIFIED,
    validation_version_major=1,
    validation_type=ValidationType.UNSPECIFIED,
    validation_level=1,
)
EVERYTHING = evolve(
    CAPABILITIES,
    operations=(Operation.QUERY,),
    object_types=(ObjectType.SYMMETRIC_KEY,),
    application_namespaces=("ssl",),
    attestation_types=(AttestationType.TPM_QUOTE,),
    validations=(VALIDATION,),
    profiles=(ProfileName.BASELINE_SERVER,),
    client_registration_methods=(ClientRegistrationMethod.CLIENT_REGISTERED,),
)
SETTINGS = Settings(
    vendor_identification="us", server_information=ServerInformation(server_name="here"), extensions=(EXTENSION,)
)


def told(*functions: QueryFunction, capabilities: Any = EVERYTHING, settings: Settings = SETTINGS) -> query.Response:
    engine = an_engine(capabilities=capabilities, settings=settings)
    response: query.Response = perform(engine, Operation.QUERY, query.Request(query_functions=functions))
    return response


F = QueryFunction


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (F.QUERY_OPERATIONS, {"operations": (Operation.QUERY,)}),
        (F.QUERY_OBJECTS, {"object_types": (ObjectType.SYMMETRIC_KEY,)}),
        (
            F.QUERY_SERVER_INFORMATION,
            {"vendor_identification": "us", "server_information": ServerInformation(server_name="here")},
        ),
        (F.QUERY_APPLICATION_NAMESPACES, {"application_namespaces": ("ssl",)}),
        (F.QUERY_EXTENSION_LIST, {"extension_informations": (NAMELESS,)}),
        (F.QUERY_EXTENSION_MAP, {"extension_informations": (EXTENSION,)}),
        (F.QUERY_ATTESTATION_TYPES, {"attestation_types": (AttestationType.TPM_QUOTE,)}),
        (F.QUERY_RNGS, {"rng_parameters": (RNGParameters(rng_algorithm=RNGAlgorithm.UNSPECIFIED),)}),
        (F.QUERY_VALIDATIONS, {"validation_informations": (VALIDATION,)}),
        (
            F.QUERY_PROFILES,
            {"profile_informations": (ProfileInformation(profile_name=ProfileName.BASELINE_SERVER),)},
        ),
        (F.QUERY_CAPABILITIES, {"capability_informations": (CAPABILITIES.capability,)}),
        (
            F.QUERY_CLIENT_REGISTRATION_METHODS,
            {"client_registration_methods": (ClientRegistrationMethod.CLIENT_REGISTERED,)},
        ),
        (F.QUERY_DEFAULTS_INFORMATION, {}),
        (F.QUERY_STORAGE_PROTECTION_MASKS, {"protection_storage_masks": (ProtectionStorageMask.SOFTWARE,)}),
        (
            F.QUERY_CREDENTIAL_INFORMATION,
            {"credential_information": CredentialInformation(credential_types=EVERYTHING.credential_types)},
        ),
    ],
)
def test_query_returns_what_was_asked_and_no_more(function: QueryFunction, expected: dict[str, Any]) -> None:
    assert told(function) == query.Response(**expected)


def test_every_function_is_accounted_for() -> None:
    silent = {F.QUERY_DEFAULTS_INFORMATION}

    assert query.ANSWERS.keys() | silent == set(QueryFunction)


@pytest.mark.parametrize(
    "functions", [(F.QUERY_EXTENSION_LIST, F.QUERY_EXTENSION_MAP), (F.QUERY_EXTENSION_MAP, F.QUERY_EXTENSION_LIST)]
)
def test_the_extension_map_makes_the_list_superfluous(functions: tuple[QueryFunction, ...]) -> None:
    assert told(*functions).extension_informations == (EXTENSION,)


def test_a_client_of_the_version_with_system_objects_is_told_its_own_profiles() -> None:
    both = (ProfileName.BASELINE_SERVER, ProfileName.XML_SERVER)
    engine = an_engine(capabilities=evolve(EVERYTHING, profiles_with_system_objects=both), settings=SETTINGS)
    asked = query.Request(query_functions=(F.QUERY_PROFILES, F.QUERY_OBJECTS), has_system_objects=True)

    answer: query.Response = perform(engine, Operation.QUERY, asked)

    assert answer.profile_informations == tuple(ProfileInformation(profile_name=name) for name in both)
    without = perform(engine, Operation.QUERY, evolve(asked, query_functions=(F.QUERY_OBJECTS,)))
    assert without.profile_informations == ()


def test_query_answers_several_functions_at_once() -> None:
    answer = told(F.QUERY_OPERATIONS, F.QUERY_OBJECTS)

    assert (answer.operations, answer.object_types) == ((Operation.QUERY,), (ObjectType.SYMMETRIC_KEY,))


def test_a_server_claims_nothing_by_default() -> None:
    claimed = told(
        F.QUERY_PROFILES,
        F.QUERY_VALIDATIONS,
        F.QUERY_ATTESTATION_TYPES,
        F.QUERY_EXTENSION_MAP,
        F.QUERY_APPLICATION_NAMESPACES,
        F.QUERY_CLIENT_REGISTRATION_METHODS,
        capabilities=CAPABILITIES,
        settings=Settings(),
    )

    assert claimed == query.Response()


def test_a_question_must_be_asked() -> None:
    with pytest.raises(KmipError, match="Query Function is missing") as refused:
        perform(an_engine(), Operation.QUERY, query.Request(query_functions=()))

    assert refused.value.reason is ResultReason.INVALID_MESSAGE
