"""Attestations in requests: where one must be, and what is said to a client whose attestation is missing or refused.

A request with an attestation is judged whatever it asks for: one that is passed over would look accepted. Without one,
a request is refused that has an operation which wants one (`Settings.attested_operations`), before any item is run.
KMIP 2.1 §9.3, §9.11; RULINGS 48.
"""

from typing import Final

from kmip_core.enums import AttestationType, CredentialType, ResultReason
from kmip_core.errors import KmipError
from kmip_core.messages import Attestation, Nonce, RequestHeader, RequestMessage
from kmip_core.ports.attestation import Attestations
from kmip_core.ports.steps import Steps
from kmip_core.principal import Principal, Source
from kmip_core.services import EngineServices

OWN: Final = frozenset({Source.SERVER, Source.SEED})
"""Whose requests are the server's own: it runs on no machine of a client."""


class AttestationRefused(KmipError):
    """Attestation Required or Attestation Failed, and what a client that is capable of an attestation gets with it."""

    def __init__(
        self, reason: ResultReason, message: str, nonce: Nonce | None, types: tuple[AttestationType, ...]
    ) -> None:
        super().__init__(reason, message)
        self.nonce = nonce
        self.types = types


def check_is_verified(header: RequestHeader, services: EngineServices) -> None:
    """Refuse an attestation where none is verified.  Raises KmipError (Attestation Failed)."""
    if services.attestations is None and _attestations_in(header):
        message = "this server verifies no attestation (Query Attestation Types lists none); leave the credential out"
        raise KmipError(ResultReason.ATTESTATION_FAILED, message)


def settle(message: RequestMessage, principal: Principal, now: int, services: EngineServices) -> Steps[Nonce | None]:
    """Judge the attestation of a request, and give the nonce for the next one of a client that is capable of one.

    principal: settled.  now: seconds since 1970-01-01 UTC.
    Raises KmipError: Attestation Required, or Permission Denied of a client that is capable of none, if an operation
    wants one; Attestation Failed; and what else `Attestations.verify` raises.
    """
    header, attestations = message.header, services.attestations
    shown = _attestations_in(header)
    is_wanted = principal.source not in OWN and any(
        item.operation in services.settings.attested_operations for item in message.batch_items
    )
    if attestations is None:
        if is_wanted:
            raise KmipError(ResultReason.PERMISSION_DENIED, NOT_CAPABLE)
        return None
    is_capable = header.attestation_capable_indicator
    if shown:
        try:
            yield from attestations.verify(_the_only(shown), principal, now)
        except KmipError as error:
            if error.reason is not ResultReason.ATTESTATION_FAILED:
                raise
            raise _refusal(error, attestations, principal, now, is_capable=is_capable) from None
    elif is_wanted and not is_capable:
        raise KmipError(ResultReason.PERMISSION_DENIED, NOT_CAPABLE)
    elif is_wanted:
        wanted = KmipError(ResultReason.ATTESTATION_REQUIRED, "attest, with the nonce of this answer's header")
        raise _refusal(wanted, attestations, principal, now, is_capable=True)
    return attestations.new_nonce(principal, now) if is_capable else None


def is_attested(header: RequestHeader, principal: Principal) -> bool:
    """Return whether a request that was let through may do what wants an attestation."""
    return principal.source in OWN or bool(_attestations_in(header))


NOT_CAPABLE: Final = "the operation wants an attestation; set the Attestation Capable Indicator if you can make one"


def _attestations_in(header: RequestHeader) -> tuple[Attestation | None, ...]:
    """Return those of a request, None for one without a value."""
    found = (c.credential_value for c in header.credentials if c.credential_type is CredentialType.ATTESTATION)
    return tuple(value if isinstance(value, Attestation) else None for value in found)


def _the_only(shown: tuple[Attestation | None, ...]) -> Attestation:
    if len(shown) > 1:
        raise KmipError(ResultReason.ATTESTATION_FAILED, "a request may have one attestation")
    if shown[0] is None:
        raise KmipError(ResultReason.ATTESTATION_FAILED, "the attestation has no Credential Value")
    return shown[0]


def _refusal(
    error: KmipError, attestations: Attestations, principal: Principal, now: int, *, is_capable: bool
) -> AttestationRefused:
    nonce = attestations.new_nonce(principal, now) if is_capable else None
    return AttestationRefused(error.reason, error.message, nonce, attestations.types)
