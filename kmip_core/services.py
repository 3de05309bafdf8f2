"""The collaborators of the engine, as one record that the engine, each batch and each handler hold.

A handler sees `Services`, the part that operations may use; storage, the audit trail and the clock are the engine's
alone, so that no handler commits, records or reads the time by itself.
"""

from attrs import Factory, field

from kmip_core.capabilities import Capabilities
from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.key_counters import DecryptionFailures, EncryptionCounts
from kmip_core.objects import SYSTEM_TYPES, ManagedObject
from kmip_core.one_part import OnePart
from kmip_core.pkcs11_sessions import Applications
from kmip_core.policy import FOR_ADMINISTRATORS, Decision, Visibility
from kmip_core.ports.attestation import Attestations
from kmip_core.ports.audit import AuditTrail
from kmip_core.ports.authentication import Authentication
from kmip_core.ports.certificates import Certificates
from kmip_core.ports.crypto import Crypto
from kmip_core.ports.kept_items import KeptItems
from kmip_core.ports.key_forms import KeyForms, KeyValueEncoder
from kmip_core.ports.passwords import PasswordHashing
from kmip_core.ports.policy import PolicyDecider
from kmip_core.ports.provisioning import Provisioning
from kmip_core.ports.steps import AtPace, at_any_pace
from kmip_core.ports.storage import Outbox, Storage
from kmip_core.ports.submissions import SubmissionRunner
from kmip_core.ports.system import Clock, Delays, FaultLog, Identifiers, NoRemarks, Remarks
from kmip_core.ports.tracing import Tracing
from kmip_core.principal import Principal
from kmip_core.settings import Settings
from kmip_core.streams import Streams
from kmip_core.subscriptions import Announcer


@frozen(kw_only=True)
class Services:
    """What handlers may use; re-entrant, and keeps streams, applications and counts alone between requests."""

    policy: PolicyDecider
    crypto: Crypto
    certificates: Certificates
    key_forms: KeyForms
    key_values: KeyValueEncoder
    passwords: PasswordHashing
    kept_items: KeptItems
    identifiers: Identifiers
    settings: Settings
    capabilities: Capabilities
    provisioning: Provisioning | None = None
    remarks: Remarks = field(factory=NoRemarks)
    streams: Streams = field(factory=Streams)
    applications: Applications = field(factory=Applications)
    encryption_counts: EncryptionCounts = field(factory=EncryptionCounts)
    decryption_failures: DecryptionFailures = field(factory=DecryptionFailures)
    one_part: OnePart = field(default=Factory(lambda services: OnePart(services.crypto), takes_self=True))

    def decide(self, principal: Principal, operation: Operation, managed_object: ManagedObject) -> Decision:
        """Return the decision for one object: the policies', but that system objects are the administrators'."""
        if managed_object.object_type in SYSTEM_TYPES and principal.name in self.settings.administrators:
            return FOR_ADMINISTRATORS
        return self.policy.decide(principal, operation, managed_object)

    def visibility(self, principal: Principal) -> Visibility:
        """Return which objects Locate may show; agrees with `decide(..., LOCATE, ...)` object by object."""
        seen = self.policy.visibility(principal)
        return seen if principal.name not in self.settings.administrators else seen.with_system_objects()


@frozen(kw_only=True)
class EngineServices(Services):
    """What the engine itself uses besides.

    authentication: None where the peer's certificate alone decides who the principal is.
    attestations: None where none are verified.
    delays: None where no answer is delayed.  announcer: None where nothing is sent to clients.
    at_pace: has the adapters know at which pace a handler works.
    runner: runs what is answered later; None where everything is answered at once.
    tracing: measures the parts of requests; None where none are wanted.
    """

    authentication: Authentication | None = None
    attestations: Attestations | None = None
    storage: Storage
    outbox: Outbox
    audit: AuditTrail
    clock: Clock
    faults: FaultLog
    delays: Delays | None = None
    announcer: Announcer | None = None
    at_pace: AtPace = at_any_pace
    runner: SubmissionRunner | None = None
    tracing: Tracing | None = None
