"""Create Credential: an administrator creates what users prove with that they are who they say. KMIP 3.0 §6.1.9."""

from typing import Final

from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import CredentialType, Operation, ResultReason
from kmip_core.errors import KmipError, invalid_field
from kmip_core.objects import (
    Certificate,
    Content,
    DeviceCredential,
    HashedPasswordCredential,
    OTPCredential,
    PasswordCredential,
)
from kmip_core.operation import Cost, Group, Scope, Spec, names_new_object
from kmip_core.procedures import administration, creation
from kmip_core.standard_names import standard_name


@frozen(kw_only=True)
class Request:
    """credential: of the type that `credential_type` says."""

    credential_type: CredentialType
    attributes: Attributes = Attributes()
    credential: Content | None = None


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the new credential, which authenticates as soon as a user links to it."""

    unique_identifier: str


CLASSES: Final = {
    CredentialType.PASSWORD: PasswordCredential,
    CredentialType.DEVICE: DeviceCredential,
    CredentialType.ONE_TIME_PASSWORD: OTPCredential,
    CredentialType.HASHED_PASSWORD: HashedPasswordCredential,
    CredentialType.CERTIFICATE: Certificate,
}
"""What a credential of each type is kept as."""


def perform(request: Request, scope: Scope) -> Response:
    """Keep the credential; a password is kept as a hash.

    Raises KmipError: Permission Denied unless the client is an administrator; Invalid Field for a type of credentials
    that are not kept, or a missing credential; Invalid Object Type for one of another type; and as
    `system_objects.accepted` and `creation.begin` do.
    """
    administration.check_administrator(scope)
    wanted = CLASSES.get(request.credential_type)
    if wanted is None:
        raise invalid_field(f"a credential that is kept is of type {' or '.join(map(standard_name, CLASSES))}")
    credential = request.credential
    if credential is None and wanted is PasswordCredential:
        credential = PasswordCredential()  # its Password Link may say where the password is
    if credential is None:
        raise invalid_field("the credential must be given")
    if not isinstance(credential, wanted):
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, "the credential is not of the type that the request names")
    said = (
        request.credential_type if isinstance(credential, Certificate) else None
    )  # all others are of types of their own
    made = creation.begin(scope, credential, request.attributes, made_here=False, credential_type=said)
    return Response(unique_identifier=made.unique_identifier)


def _cost(request: Request) -> Cost:
    """Pace: a password is hashed, which takes long by design; a certificate is read."""
    if isinstance(request.credential, PasswordCredential):
        return Cost.COMPUTES
    return Cost.WORKS if isinstance(request.credential, Certificate) else Cost.CHANGES


SPEC = Spec(
    operation=Operation.CREATE_CREDENTIAL,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.MAKES,
    cost=_cost,
    placeholder=names_new_object,
)
