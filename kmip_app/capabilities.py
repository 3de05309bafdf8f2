"""What Query tells of a server, from what it is wired of: the operations, the crypto adapter, the settings."""

from collections.abc import Mapping
from typing import Final

from attrs import evolve

from kmip_adapters.ttlv.standard.versions import VERSIONS
from kmip_app.conformance_profiles import claimed, claimed_with_system_objects
from kmip_core.capabilities import Capabilities
from kmip_core.enums import AttestationType, ClientRegistrationMethod, Operation, ProtectionStorageMask
from kmip_core.objects import CONTENT_CLASSES
from kmip_core.operation import Spec
from kmip_core.ports.crypto import Crypto, CryptoCapabilities
from kmip_core.procedures.quantum_safety import QUANTUM_SAFE
from kmip_core.structures import ProtocolVersion

OBJECT_TYPES: Final = tuple(CONTENT_CLASSES)
"""The types that Register takes."""

_REGISTRATION: Final = (ClientRegistrationMethod.SERVER_ON_DEMAND, ClientRegistrationMethod.CLIENT_GENERATED)
"""How Re-Provision gives out credentials: for a key that the server makes, or for a client's request."""

_SENT: Final = (Operation.NOTIFY, Operation.PUT)
"""What the server asks of clients; Query lists it beside what clients ask of the server (KMIP 2.1 §6.2)."""


def capabilities_of(
    catalogue: Mapping[Operation, Spec],
    crypto: Crypto,
    versions: tuple[ProtocolVersion, ...] = VERSIONS,
    *,
    gives_out_certificates: bool = False,
    sends_requests: bool = False,
    attestation_types: tuple[AttestationType, ...] = (),
    has_administrators: bool = False,
    has_https: bool = False,
) -> Capabilities:
    """Return what Query tells of a server with these operations and this crypto adapter.

    gives_out_certificates: whether clients get certificates of this server's own CA.
    sends_requests: whether the server sends Notify and Put to clients.
    attestation_types: those that a verifier knows; none without a verifier.
    has_administrators: whether there are clients that keep users, groups and credentials.
    has_https: whether messages may come by HTTPS, and so as XML or JSON.
    """
    able = crypto.capabilities
    if not gives_out_certificates:
        catalogue = {each: spec for each, spec in catalogue.items() if each is not Operation.RE_PROVISION}
    offered = Capabilities(
        operations=(
            *(operation for operation, spec in catalogue.items() if spec.can_be_done(able)),
            *(_SENT if sends_requests else ()),
        ),
        object_types=OBJECT_TYPES,
        protocol_versions=tuple(sorted(versions, reverse=True)),
        protection_storage_masks=_storage_masks(able),
        attestation_types=attestation_types,
        client_registration_methods=_REGISTRATION if gives_out_certificates else (),
    )
    return evolve(
        offered,
        profiles=claimed(offered.operations, able),
        profiles_with_system_objects=claimed_with_system_objects(
            offered.operations, able, has_administrators=has_administrators, has_https=has_https
        ),
        capability=evolve(
            offered.capability,
            attestation_capability=bool(attestation_types),
            streaming_capability=Operation.ENCRYPT in offered.operations,
            asynchronous_capability=Operation.POLL in offered.operations,
            quantum_safe_capability=not QUANTUM_SAFE.isdisjoint(able.key_pair_lengths),
        ),
    )


def _storage_masks(able: CryptoCapabilities) -> tuple[ProtectionStorageMask, ...]:
    """Return how objects can be stored, the usual way first: a key of a token in hardware, all else in software."""
    if not able.holds_keys:
        return (ProtectionStorageMask.SOFTWARE,)
    masks = (ProtectionStorageMask.SOFTWARE, ProtectionStorageMask.HARDWARE)
    return masks if able.exports_key_material else masks[::-1]
