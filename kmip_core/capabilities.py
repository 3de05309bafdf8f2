"""What a server can do as it is wired: what Query answers, and nothing that is not here is announced."""

from kmip_core.classes import frozen
from kmip_core.enums import (
    AttestationType,
    ClientRegistrationMethod,
    CredentialType,
    DestroyAction,
    ObjectType,
    Operation,
    ProfileName,
    ProtectionStorageMask,
    RNGAlgorithm,
    RNGMode,
    ShreddingAlgorithm,
    UnwrapMode,
)
from kmip_core.structures import CapabilityInformation, ProtocolVersion, RNGParameters, ValidationInformation


@frozen(kw_only=True)
class Capabilities:
    """What this server, as wired, can do; Query announces this and nothing else.

    operations: the catalogue, without what the adapters cannot do; the edge leaves out what a version does not have.
    protocol_versions: newest first.
    random_number_generators: the first is the one that makes keys.
    profiles, profiles_with_system_objects: those whose official cases pass, in versions before 3.0 and from it on.
    protection_storage_masks: ways in which an object can be stored, the usual one first.
    """

    operations: tuple[Operation, ...]
    object_types: tuple[ObjectType, ...]
    protocol_versions: tuple[ProtocolVersion, ...]
    application_namespaces: tuple[str, ...] = ()
    attestation_types: tuple[AttestationType, ...] = ()
    random_number_generators: tuple[RNGParameters, ...] = (RNGParameters(rng_algorithm=RNGAlgorithm.UNSPECIFIED),)
    validations: tuple[ValidationInformation, ...] = ()
    profiles: tuple[ProfileName, ...] = ()
    profiles_with_system_objects: tuple[ProfileName, ...] = ()
    capability: CapabilityInformation = CapabilityInformation(
        streaming_capability=False,
        asynchronous_capability=False,
        attestation_capability=False,
        batch_undo_capability=True,
        batch_continue_capability=True,
        unwrap_mode=UnwrapMode.NOT_PROCESSED,
        destroy_action=DestroyAction.KEY_MATERIAL_DELETED,
        shredding_algorithm=ShreddingAlgorithm.UNSUPPORTED,
        rng_mode=RNGMode.SHARED_INSTANTIATION,
        quantum_safe_capability=False,
    )
    credential_types: tuple[CredentialType, ...] = (
        CredentialType.PASSWORD,
        CredentialType.CERTIFICATE,
        CredentialType.ONE_TIME_PASSWORD,
        CredentialType.HASHED_PASSWORD,
    )
    client_registration_methods: tuple[ClientRegistrationMethod, ...] = ()
    protection_storage_masks: tuple[ProtectionStorageMask, ...] = (ProtectionStorageMask.SOFTWARE,)
