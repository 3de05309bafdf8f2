"""Who a client is: its certificate, groups, credentials and attestations."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from kmip_adapters.identity.attestation_command import CommandVerifier
from kmip_adapters.identity.attestations import VerifiedAttestations
from kmip_adapters.identity.certificate import CertificateIdentity
from kmip_adapters.identity.credentials import CredentialAuthentication
from kmip_adapters.identity.groups import FileGroups, Groups, RememberedGroups
from kmip_adapters.identity.passwords import PasswordFile
from kmip_adapters.identity.remembered_allowances import RememberedAllowances
from kmip_adapters.identity.slugs import SlugsDirectory, SlugsService
from kmip_adapters.identity.stored_users import StoredUsers
from kmip_adapters.identity.table import IdentityTable
from kmip_adapters.identity.throttling import PasswordThrottle
from kmip_app.client_realm import ClientRealm
from kmip_app.configuration.config import Configuration
from kmip_app.factories.store import choose_allowances
from kmip_app.pki.certificate_watch import RevokedCertificates
from kmip_app.pki.tls_files import TlsFiles
from kmip_core.ports.allowances import Allowances
from kmip_core.ports.storage import Storage

if TYPE_CHECKING:
    from kmip_adapters.storage.memory import MemoryStorage
    from kmip_adapters.storage.sql.storage import SqlStorage


def make_client_realm(
    configuration: Configuration,
    storage: "MemoryStorage | SqlStorage",
    by_certificate: CertificateIdentity,
    files: Callable[[], TlsFiles],
) -> ClientRealm:
    """Return what calls clients by the CAs that vouch for them."""
    return ClientRealm(configuration, storage, by_certificate, lambda: files().ca)


def make_identity(
    configuration: Configuration, by_certificate: CertificateIdentity
) -> CertificateIdentity | IdentityTable:
    """Return what names a client by its certificate."""
    table = configuration.identities_path
    return by_certificate if table is None else IdentityTable(table, by_certificate)


def make_groups(configuration: Configuration) -> Groups | None:
    """Return who is in which group; None where the settings name no groups."""
    if configuration.slugs:
        ask = SlugsDirectory(tuple(SlugsService(s.url, s.timeout) for s in configuration.slugs))
        return RememberedGroups(ask, configuration.groups_cache, ask.timeout)
    return None if configuration.groups_path is None else FileGroups(configuration.groups_path)


def make_authentication(
    configuration: Configuration,
    groups: Groups | None,
    storage: Storage,
    users: StoredUsers,
    revoked: RevokedCertificates,
) -> CredentialAuthentication:
    """Return what settles principals."""
    ticket_use = configuration.core.tickets
    return CredentialAuthentication(
        users=users,
        groups=groups,
        passwords=None if configuration.passwords_path is None else PasswordFile(configuration.passwords_path),
        password_identity=configuration.password_identity,
        ticket_use=ticket_use,
        storage=storage,
        throttle=PasswordThrottle(choose_allowances(configuration, storage)),
        is_revoked=revoked.has,
    )


def make_attestations(configuration: Configuration, storage: Storage) -> VerifiedAttestations | None:
    """Return what verifies attestations; None where no verifier is named."""
    if configuration.attestation_verifier is None:
        return None
    key: Callable[[], bytes] = partial(getattr, configuration, "common_secret")
    allowances: Allowances = RememberedAllowances()
    if configuration.storage == "sql":
        stored = cast("SqlStorage", storage)
        key, allowances = stored.open_index_key, stored.allowances  # a nonce, and that it was used, outlive a start
    return VerifiedAttestations(
        types=configuration.attestation_types,
        verifier=CommandVerifier(configuration.attestation_verifier, configuration.attestation_timeout),
        key=key,
        allowances=allowances,
    )
