"""What an operator may choose about the core's behaviour; the edges fill it in, handlers read it."""

import enum

from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.structures import ExtensionInformation, ServerInformation


class RNGSeedMode(enum.Enum):
    """How RNG Seed answers (RULINGS 12)."""

    ACCEPT = "accept"
    PARTIAL = "partial"
    IGNORE = "ignore"
    REFUSE = "refuse"


class Profile(enum.Enum):
    """How much legacy cryptography is allowed (RULINGS 9)."""

    COMPATIBLE = "compatible"
    MODERN = "modern"


class TicketUse(enum.Enum):
    """Whether there are tickets, and beside which certificates they are valid (ADR 0051)."""

    OFF = "off"
    BOUND = "bound"  # only beside the certificate that logged in
    BEARER = "bearer"  # beside any: the ticket, not the certificate, names the principal


class GroupDefault(enum.Enum):
    """Which member of an object group Locate answers as its default (KMIP 2.1 §6.1.28, ADR 0132)."""

    NEWEST = "newest"
    ROUND_ROBIN = "round_robin"  # the one after the member that was fetched last


class ForeignObjects(enum.Enum):
    """How an object looks to a client without any grant on it (RULINGS 1)."""

    HIDDEN = "hidden"  # as if it were not there
    REFUSED = "refused"  # Permission Denied, as KMIP 1.x §11.1


class OneTimePads(enum.Enum):
    """Whether a one-time pad whose value is here leaves the server."""

    GIVEN = "given"
    KEPT = "kept"  # Get and Export are Permission Denied, wrapped too


@frozen(kw_only=True)
class Settings:
    """Choices with safe defaults; the numbers of RULINGS stand beside those they come from."""

    profile: Profile = Profile.COMPATIBLE  # 9
    default_usage_masks: bool = False  # 6
    process_after_deactivation: bool = False  # 7
    usage_counters: bool = False  # 52: each use of a key is a change of the key then
    wrapped_key_structure: bool = False  # what PyKMIP's client reads, against KMIP 1.4 §2.1.4
    unique_names: bool = False  # 8: within one owner
    pykmip_compatible: bool = False  # 30: what PyKMIP's client and users need where the standard leaves it open
    foreign_objects: ForeignObjects = ForeignObjects.HIDDEN  # 1
    group_default: GroupDefault = GroupDefault.NEWEST
    token_groups: frozenset[str] = frozenset()  # Object Groups whose new keys are kept in a token, if there is one
    token_policies: frozenset[str] = frozenset()  # operation policies whose new keys are kept there as well
    one_time_pads: OneTimePads = OneTimePads.GIVEN
    rng_seed: RNGSeedMode = RNGSeedMode.ACCEPT  # 12
    attested_operations: frozenset[Operation] = frozenset()  # 48: those that want an attestation in each request
    administrators: frozenset[str] = frozenset()  # identities that may set constraints and defaults (ADR 0031)
    extensions: tuple[ExtensionInformation, ...] = ()  # vendor tags inside custom attributes, for Query to tell
    interop: bool = False  # the Interop operation, for tests only (KMIP 2.1 §6.1.26)
    re_provision: bool = False  # whether clients may get new certificates of the server's own CA by themselves
    server_to_client: bool = True  # whether Set Endpoint Role may make this server a client
    tickets: TicketUse = TicketUse.OFF
    ticket_lifetime: int = 3600  # seconds at most, whatever Lease Time a client asks for
    check_time_stamp: bool = False  # 16
    time_stamp_tolerance: int = 60  # seconds
    lease_time: int = 3600  # seconds, what Obtain Lease grants
    asynchronous_requests: int = 1_000  # that one identity may have pending; 0: everything is answered at once
    asynchronous_bytes: int = 16 * 1024 * 1024  # of their requests and answers together
    asynchronous_after: int = 1_000  # milliseconds for which heavy work is waited for where the client can wait
    asynchronous_delay: int = 2  # seconds in which what is pending can be canceled before it begins
    asynchronous_lifetime: int = 86_400  # seconds after which what was not fetched is forgotten
    maximum_batch_items: int = 1_000
    maximum_response_size: int = 16 * 1024 * 1024  # bytes, 10
    certificate_authority: str = "CN=kmipd"  # subject of an owner's own authority; empty for no such authorities
    vendor_identification: str = "kmipd"
    server_information: ServerInformation | None = ServerInformation(server_name="kmipd", product_name="kmipd")
