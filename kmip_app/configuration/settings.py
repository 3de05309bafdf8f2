"""The one table of settings: files, environment, command line, constructor and documentation all read it.

A setting's default is that of the field it leads to in `Configuration`; nothing is said twice.
"""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Final

import attrs
from attrs import frozen

from kmip_app.configuration import setting_types
from kmip_app.configuration.addresses import ADDRESS
from kmip_app.configuration.attestation import ATTESTATION_TYPES, OPERATIONS, PROGRAM
from kmip_app.configuration.config import AUTH_SUITES, CRYPTO, LOGGING_LEVELS, Configuration, TokenKeys
from kmip_app.configuration.extensions import EXTENSIONS
from kmip_app.configuration.root_keys import ROOT_KEY
from kmip_app.configuration.secret_places import SECRET, SECRET_URL
from kmip_app.configuration.setting_kinds import (
    COMMAND_LINE,
    HOSTNAME,
    HOSTS,
    IDENTITIES,
    IDENTITY_SOURCE,
    LOG_TARGET,
    OBJECT_GROUPS,
    POLICY_NAMES,
    SUITE_NAMES,
    SYSLOG,
)
from kmip_app.configuration.setting_types import (
    BOOLEAN,
    EXISTING_FILE,
    EXISTING_PATH,
    FOLDER,
    FUTURE_FILE,
    LOG_FILE,
    NODE_NAME,
    REPLACED_FILE,
    Kind,
)
from kmip_app.configuration.telemetry import OTLP
from kmip_app.configuration.versions import PROTOCOL_VERSIONS
from kmip_app.configuration.workers import WORKERS
from kmip_core.settings import ForeignObjects, GroupDefault, OneTimePads, Profile, RNGSeedMode, TicketUse

ENVIRONMENT: Final = "KMIPD_"


@frozen(kw_only=True)
class Setting:
    """One thing an operator may decide.

    name: the key in a file; `KMIPD_` + NAME in the environment.  leads_to: the field of Configuration, dotted.
    letters: short option of the command line.  of_pykmip: a key of PyKMIP's server.conf.
    default: what the documentation says where the field's own default would not help.
    """

    name: str
    leads_to: str
    kind: Kind
    help: str
    letters: str = ""
    of_pykmip: bool = False
    default: str | None = None

    @property
    def environment(self) -> str:
        """The variable's name."""
        return ENVIRONMENT + self.name.upper()

    @property
    def option(self) -> str:
        """The option's name on the command line; underscores are taken for dashes there."""
        return f"--{self.name if self.of_pykmip else self.name.replace('_', '-')}"

    @property
    def is_secret(self) -> bool:
        """Whether it may be given as the place of a secret, also as NAME_file."""
        return self.kind is SECRET or self.kind is SECRET_URL

    def value_in(self, configuration: Configuration) -> Any:
        """Return what a configuration says."""
        return attrgetter(self.leads_to)(configuration)

    @property
    def default_text(self) -> str:
        """The default as a file would say it."""
        if self.default is not None:
            return self.default
        value = _default(Configuration, self.leads_to.split("."))
        return "" if value is None and self.kind.metavar != "SECONDS" else self.kind.write(value)


def _default(record: Any, path: list[str]) -> Any:
    default = attrs.fields_dict(record)[path[0]].default
    factory = getattr(default, "factory", None)
    if factory is not None:
        default = factory()
    for name in path[1:]:
        default = getattr(default, name)
    return default


def _pykmip(name: str, kind: Kind, help: str, letters: str = "", **more: Any) -> Setting:
    return Setting(name=name, leads_to=name, kind=kind, help=help, letters=letters, of_pykmip=True, **more)


def _native(name: str, kind: Kind, help: str, leads_to: str | None = None, **more: Any) -> Setting:
    return Setting(name=name, leads_to=leads_to or name, kind=kind, help=help, **more)


PATHS: Final = "the built-in one, made at the first start"

TOPICS: Final[Mapping[str, tuple[Setting, ...]]] = {
    "Where it listens": (
        _pykmip(
            "hostname",
            HOSTNAME,
            "Name or address to listen on; empty or :: for every interface, 0.0.0.0 for those of IPv4.",
            "-n",
        ),
        _pykmip("port", setting_types.whole(0, 65_535), "Port to listen on; 0 for any free one.", "-p"),
        _native(
            "https_port",
            setting_types.port_or_none(),
            "Port for KMIP in HTTP over the same TLS: POST to /kmip, in TTLV, JSON or XML; 0 for any free one.",
            default="none: HTTPS is not served",
        ),
        _native(
            "ready_file",
            REPLACED_FILE,
            "Written once connections are accepted: JSON with host, port, ca, cert, key, pid.",
        ),
    ),
    "Certificates and TLS": (
        _pykmip("certificate_path", EXISTING_FILE, "The server's certificate chain in PEM.", "-c", default=PATHS),
        _pykmip("key_path", EXISTING_FILE, "Its private key in PEM.", "-k", default="the file of certificate_path"),
        _native("key_passphrase", SECRET, "Where the passphrase of key_path is.", default="none"),
        _native(
            "certificate_names",
            HOSTS,
            "DNS names and addresses for which the built-in server certificates are good as well; besides hostname, or,"
            " on every interface, the names and addresses of this machine.",
            default="none",
        ),
        _pykmip("ca_path", EXISTING_FILE, "Certificates in PEM that vouch for clients.", "-a", default=PATHS),
        _native(
            "crl_path",
            EXISTING_FILE,
            "Revocation list of the clients' CA in PEM; an expired one lets nobody in.",
            default="none",
        ),
        _pykmip(
            "auth_suite",
            setting_types.one_of(AUTH_SUITES),
            "Basic: TLS 1.2 and 1.3, forward secrecy; TLS1.2: also the CBC suites of old clients; TLS1.3: only that.",
            "-s",
        ),
        _pykmip(
            "tls_cipher_suites",
            SUITE_NAMES,
            "Exactly these suites, whatever auth_suite says; TLS 1.3 only if one of its suites is named.",
            default="those of auth_suite",
        ),
        _pykmip(
            "enable_tls_client_auth",
            BOOLEAN,
            "Whether client certificates must carry the extended key usage clientAuth.",
            "-i",
        ),
    ),
    "Who clients are": (
        _native(
            "identity_source",
            IDENTITY_SOURCE,
            "What in a client's certificate names it: cn its common name, dns, uri or email its one alternative name of"
            " that kind, san of any, subject its whole subject. Of several the first counts that the certificate has.",
        ),
        _native(
            "identity_with_issuer",
            BOOLEAN,
            "Whether a name in a certificate counts together with its kind and the CA that gave it, as alice <cn;"
            " CN=Corporate CA>: owners, policies, administrators and quotas then name clients so. For several CAs that"
            " may give one name.",
        ),
        _native(
            "enrol_address",
            ADDRESS,
            "Where clients redeem tokens of kmipd client token for certificates of the built-in CA; TLS, without a"
            " certificate of the client.",
            default="none",
        ),
        _native(
            "identities_path",
            EXISTING_FILE,
            "JSON file that gives certificates, by name, fingerprint or issuing CA, an identity and groups; followed"
            " while the server runs: sessions of clients that are other identities then end within seconds.",
            default="none",
        ),
        _native("groups_path", EXISTING_FILE, "JSON file of user names and their groups.", default="no groups"),
        _native("groups_cache", setting_types.seconds(), "How long the answer of a SLUGS service is believed."),
        _native(
            "passwords_path",
            EXISTING_FILE,
            "File of NAME:ARGON2-HASH lines, for users and devices (serial number, else identifier); credentials in"
            " requests must then be right, and of a type that is checked. After ten wrong ones for a name from one"
            " certificate and address, or a hundred for all names, more are checked only one by one."
            " Workers share these numbers.",
            default="credentials are not looked at",
        ),
        _native(
            "password_identity",
            BOOLEAN,
            "Whether a right user name and password, rather than the certificate, say who asks; names in"
            " passwords_path are then nobody's by certificate alone.",
        ),
        _native(
            "attestation_verifier",
            PROGRAM,
            "Program that judges attestations of clients' machines: it gets one as JSON on standard input, and accepts"
            " by exit code 0. Up to 16 run at once, four for one client.",
            default="none: a request with an attestation is refused",
        ),
        _native("attestation_types", ATTESTATION_TYPES, "The types of attestations that it knows.", default="none"),
        _native(
            "attestation_timeout", setting_types.seconds(), "How long it may take for an attestation; then it is ended."
        ),
        _native(
            "attested_operations",
            OPERATIONS,
            "Operations that want an attestation in each request: Get, Export. With any of them also PKCS#11, by which"
            " others can be done.",
            "core.attested_operations",
            default="none",
        ),
        _native(
            "tickets",
            setting_types.member_of(TicketUse),
            "Whether Login hands out tickets: off, bound to the certificate that logged in, or for any bearer.",
            "core.tickets",
        ),
        _native(
            "ticket_lifetime",
            setting_types.whole(1, unit="seconds"),
            "How long a ticket is worth something at most.",
            "core.ticket_lifetime",
        ),
    ),
    "Policies": (
        _pykmip(
            "policy_path",
            EXISTING_PATH,
            "Operation policies: a JSON file, or a folder of *.json.",
            "-o",
            default="the built-in ones",
        ),
        _native("live_policies", BOOLEAN, "Whether changes of policy files are taken up while the server runs."),
    ),
    "Log": (
        _pykmip("logging_level", setting_types.one_of(LOGGING_LEVELS), "How much is logged.", "-v"),
        _native(
            "log_path",
            LOG_FILE,
            "Log file, rotated at 1 MB, five old ones kept.",
            letters="-l",
            default="kmipd.log in $LOGS_DIRECTORY, else standard error",
        ),
        _native(
            "log_target",
            LOG_TARGET,
            "Where the log goes without log_path: stderr, stdout, journald, syslog; the last two also with :PATH of"
            " their socket.",
        ),
        _native(
            "log_time",
            setting_types.one_of(("local", "zoned")),
            "Times in lines of text: as PyKMIP writes them, or by ISO 8601 with the offset from UTC.",
        ),
        _native("log_format", setting_types.one_of(("text", "json")), "Lines for people, or one JSON object a line."),
        _native(
            "tap",
            LOG_FILE,
            "Every request and answer is appended here without its secrets, for `kmipd inspect`; to find faults, not to"
            " keep on.",
            default="none",
        ),
    ),
    "Store": (
        _native(
            "data_dir",
            FOLDER,
            "Where keys, certificates and the audit trail are kept.",
            "data_directory",
            default="beside a database that is named, as NAME.kmipd; else $STATE_DIRECTORY or the user's",
        ),
        _pykmip("database_path", FUTURE_FILE, "SQLite file.", "-d", default="kmipd.sqlite in the data directory"),
        _native(
            "database",
            SECRET_URL,
            "Database as an SQLAlchemy URL, instead of database_path: sqlite:////path/of/a/file, or "
            "postgresql+psycopg://user@host1,host2/name.",
        ),
        _native(
            "seal_attributes",
            BOOLEAN,
            "Whether names and all other attributes are sealed in a new database, with digests under a key for Locate"
            " to find them by. What stays readable: identifiers, owners, policies, types, states, dates, lengths and"
            " other numbers. A database keeps what it was made with.",
        ),
        _native(
            "database_password_file",
            EXISTING_FILE,
            "File with the password for a database of several machines; read at each connection.",
            default="none: the URL's, or what libpq finds (PGPASSFILE, a client certificate)",
        ),
        _native(
            "pool_size",
            setting_types.whole(1, 1_000),
            "Connections to a database server for requests at once; besides them the writer has one. With workers, in"
            " each of them.",
        ),
        _native(
            "node_name",
            NODE_NAME,
            "What this server is called among those on one database: the name of its audit chain.",
            default="main; on a database server the host's name and a mark of the data directory",
        ),
        _native("database_password", SECRET, "The same password, by the place where it is.", default="none"),
        _native(
            "root_key",
            ROOT_KEY,
            "Where the root key is, under which everything is sealed: in a file, made of a passphrase, in a PKCS#11 "
            "token, wrapped by another KMIP server, or by a program. A server whose root key is away starts sealed.",
            "root_key_named",
            default="file, or passphrase where root_key_passphrase is given",
        ),
        _native(
            "root_key_passphrase",
            SECRET,
            "Where the passphrase is that makes the root key; read once, at the start.",
            default="none: the root key is the file root.key in the data directory",
        ),
        _native("ephemeral", BOOLEAN, "Keep nothing: memory only, throw-away certificates."),
    ),
    "Audit trail": (
        _native(
            "audit_gap",
            setting_types.one_of(("note", "refuse")),
            "What happens at the start if the trail was emptied, cut or edited, or the store was put back as it was"
            " earlier: an alarm that is noted, or no start.",
        ),
        _native(
            "audit_file_size",
            setting_types.whole(0, unit="bytes, 0 for no limit"),
            "From which size on a file of the trail is set aside; the chain goes on.",
        ),
        _native(
            "audit_file_age",
            setting_types.seconds(or_never=True),
            "How long after its first record a file of the trail is set aside.",
        ),
        _native(
            "audit_keep_files",
            setting_types.whole(0, unit="0 for all"),
            "How many files that were set aside are kept; the removal of others is recorded.",
        ),
        _native(
            "audit_syslog",
            SYSLOG,
            "Where records are sent as well, by RFC 5424: unix:/dev/log, tcp://HOST:PORT, tls://HOST:PORT?ca=FILE.",
            default="none",
        ),
        _native(
            "audit_command",
            COMMAND_LINE,
            "A command that is given the records as well, as JSON, one a line.",
            default="none",
        ),
        _native(
            "anchor_file",
            FUTURE_FILE,
            "File to which the signed head of the trail is appended every day; keep it on another machine.",
            default="none",
        ),
        _native(
            "anchor_command",
            COMMAND_LINE,
            "A command that is given the signed head of the trail every day, to post it.",
            default="none",
        ),
    ),
    "Monitoring": (
        _native(
            "admin_address",
            ADDRESS,
            "Where /livez, /readyz, /metrics and /status are given out over plain HTTP; for probes and scrapers only.",
            default="none",
        ),
        _native(
            "slow_request",
            setting_types.seconds(or_never=True),
            "From which time on a request leaves a line in the log.",
        ),
        _native(
            "otel_endpoint",
            OTLP,
            "Collector of OpenTelemetry to which traces and metrics are sent, by OTLP over HTTP: http://HOST:4318."
            " Needs the extra otel.",
            default="none",
        ),
        _native(
            "otel_headers",
            SECRET,
            "Where the headers for the collector are: NAME=VALUE, several with commas between them.",
            default="none",
        ),
    ),
    "The process": (
        _native(
            "workers",
            WORKERS,
            "How many processes serve together, over one store and one port; auto: one for each processor. For `kmipd"
            " serve`; not with ephemeral.",
        ),
        _native(
            "allow_core_dumps",
            BOOLEAN,
            "Whether a crash may leave a core file, which holds keys, and debuggers may attach.",
        ),
    ),
    "What it does by itself": (
        _native(
            "rotation",
            BOOLEAN,
            "Whether objects with Rotate Automatic are rotated once their Rotate Interval has passed.",
        ),
        _native(
            "re_provision",
            BOOLEAN,
            "Whether clients may get new certificates of the built-in CA by themselves (Re-Provision).",
            "core.re_provision",
        ),
        _native(
            "server_to_client",
            BOOLEAN,
            "Whether clients are sent Notify and Put: those that swap roles by Set Endpoint Role, and those that kmipd"
            " client notify names.",
            "core.server_to_client",
        ),
        _native(
            "notify_queue",
            setting_types.whole(1),
            "Notices that wait for one client; the oldest give way.",
            "notices.queue",
        ),
        _native("notify_age", setting_types.seconds(), "How long a notice waits for its client.", "notices.age"),
        _native(
            "notify_timeout", setting_types.seconds(), "How long a client may take for an answer.", "notices.answer"
        ),
        _native(
            "notify_hands_back",
            BOOLEAN,
            "Whether a client that lists Set Endpoint Role is asked to be the client again on its connection once"
            " nothing waits for it, so that it goes on with its own requests there.",
            "notices.hands_back",
        ),
        _native("rotation_every", setting_types.seconds(), "How often the server looks for objects to rotate."),
    ),
    "How it answers": (
        _native(
            "versions",
            PROTOCOL_VERSIONS,
            "Which protocol versions are spoken. 3.0 is a draft (CSD02) and may change before it is a standard.",
        ),
        _native(
            "crypto",
            setting_types.one_of(CRYPTO),
            "Where keys live and work: in this process, in a PKCS#11 token, or in a stand-in for one (for tests).",
        ),
        _native(
            "pkcs11_module",
            EXISTING_FILE,
            "The library of the PKCS#11 token, as its vendor has it.",
            default="none",
        ),
        _native("pkcs11_token", setting_types.TEXT, "The label of the PKCS#11 token.", default="none"),
        _native(
            "pkcs11_pin",
            SECRET,
            "Where the PIN of the PKCS#11 token is; read whenever the library is started.",
            default="none: asked for at a terminal",
        ),
        _native(
            "token_keys",
            setting_types.member_of(TokenKeys),
            "Which new secret and private keys are kept in the token unless the request says: all, or those of chosen "
            "Object Groups and operation policies.",
        ),
        _native(
            "token_groups",
            OBJECT_GROUPS,
            "Object Groups whose new secret and private keys are kept in the token.",
            "core.token_groups",
            default="none",
        ),
        _native(
            "token_policies",
            POLICY_NAMES,
            "Operation policies under which new secret and private keys are kept in the token.",
            "core.token_policies",
            default="none",
        ),
        _native(
            "token_sweep",
            setting_types.seconds(or_never=True),
            "How often keys of the token are looked for that a failure left there without an object.",
        ),
        _native(
            "profile",
            setting_types.member_of(Profile),
            "Which cryptography is served: all of the standard, or only what is sound today.",
            "core.profile",
        ),
        _native(
            "default_usage_masks",
            BOOLEAN,
            "Whether keys created without a usage mask get one instead of an error.",
            "core.default_usage_masks",
        ),
        _native(
            "process_after_deactivation",
            BOOLEAN,
            "Whether Deactivated and Compromised keys may still decrypt, verify and unwrap.",
            "core.process_after_deactivation",
        ),
        _native(
            "usage_counters",
            BOOLEAN,
            "Whether keys and certificates count their uses in the Counters of KMIP 3.0 (Encrypt Counter and its like);"
            " each use is then a change that is committed, which takes longer.",
            "core.usage_counters",
        ),
        _native(
            "wrapped_key_structure",
            BOOLEAN,
            "Whether wrapped keys leave inside a Key Value structure, which PyKMIP's client needs, instead of in its"
            " place, as the standard has it.",
            "core.wrapped_key_structure",
        ),
        _native(
            "pykmip_compatible",
            BOOLEAN,
            "Whether PyKMIP's client, and programs written for its server, get what they need where the standard leaves"
            " it open.",
            "core.pykmip_compatible",
            default="True for PyKMIP's server.conf, KmipServer and kmipd-pykmip-server; else False",
        ),
        _native(
            "unique_names", BOOLEAN, "Whether two objects of one owner must have different names.", "core.unique_names"
        ),
        _native(
            "foreign_objects",
            setting_types.member_of(ForeignObjects),
            "How an object looks to a client without any grant on it: hidden as if it were not there, or refused with"
            " Permission Denied.",
            "core.foreign_objects",
        ),
        _native(
            "one_time_pads",
            setting_types.member_of(OneTimePads),
            "Whether keys and secrets of the algorithm One Time Pad are given out by Get and Export, or kept: refused"
            " with Permission Denied, wrapped too.",
            "core.one_time_pads",
        ),
        _native(
            "group_default",
            setting_types.member_of(GroupDefault),
            "Which member of an object group Locate answers for Group Member Default: the newest, or round_robin, the"
            " one after the member that Get served last.",
            "core.group_default",
        ),
        _native(
            "administrators",
            IDENTITIES,
            "Identities that may set constraints and defaults for everybody's new objects.",
            "core.administrators",
            default="none",
        ),
        _native(
            "extensions",
            EXTENSIONS,
            "Vendor tags that clients put into custom attributes; Query tells them.",
            "core.extensions",
            default="none",
        ),
        _native(
            "server_information",
            BOOLEAN,
            "Whether Query tells KMIP 2.x clients the product's name and version.",
        ),
        _native("interop", BOOLEAN, "Offer the Interop operation, for conformance tests.", "core.interop"),
        _native(
            "certificate_authority",
            setting_types.TEXT_OR_NONE,
            "Subject of the authority that Certify makes for an owner who names no issuer.",
            "core.certificate_authority",
        ),
        _native("rng_seed", setting_types.member_of(RNGSeedMode), "How RNG Seed is answered.", "core.rng_seed"),
        _native(
            "check_time_stamp",
            BOOLEAN,
            "Whether requests with a time stamp far from the server's clock are refused.",
            "core.check_time_stamp",
        ),
        _native(
            "time_stamp_tolerance",
            setting_types.whole(0, unit="seconds"),
            "How far is far.",
            "core.time_stamp_tolerance",
        ),
        _native("lease_time", setting_types.whole(0, unit="seconds"), "What Obtain Lease grants.", "core.lease_time"),
        _native(
            "asynchronous_after",
            setting_types.whole(0, unit="milliseconds"),
            "How long work that takes long, such as making an RSA key, is waited for where the client also takes the "
            "answer by Poll.",
            "core.asynchronous_after",
        ),
        _native(
            "asynchronous_delay",
            setting_types.whole(0, unit="seconds"),
            "How long an operation that is answered later can be canceled before it begins; Poll and Process begin it.",
            "core.asynchronous_delay",
        ),
        _native(
            "asynchronous_lifetime",
            setting_types.whole(1, unit="seconds"),
            "How long such an operation, or its outcome, is kept for a client that does not ask for it.",
            "core.asynchronous_lifetime",
        ),
    ),
    "Limits": (
        _native(
            "maximum_request_size", setting_types.whole(1_024, 2**31 - 1, "bytes"), "The largest request that is read."
        ),
        _native(
            "maximum_response_size",
            setting_types.whole(1_024, 2**31 - 1, "bytes"),
            "The largest answer that is sent.",
            "core.maximum_response_size",
        ),
        _native(
            "maximum_batch_items", setting_types.whole(1), "Operations in one request.", "core.maximum_batch_items"
        ),
        _native(
            "asynchronous_requests",
            setting_types.whole(0, unit="0 for none"),
            "Operations of one client that wait for their time or for Poll; with 0 all are answered at once.",
            "core.asynchronous_requests",
        ),
        _native(
            "asynchronous_bytes",
            setting_types.whole(1_024, 2**31 - 1, "bytes"),
            "What the requests and answers of these operations of one client may have together.",
            "core.asynchronous_bytes",
        ),
        _native(
            "requests_per_second",
            setting_types.whole(1),
            "Requests of one client in a second; more are refused. quotas_path has other numbers for some. With"
            " workers, in each of them.",
            "allowance.requests_per_second",
        ),
        _native(
            "slow_seconds_per_minute",
            setting_types.whole(1, unit="seconds"),
            "Time that slow requests of one client, such as the generation of RSA keys, may take in a minute in all"
            " threads together; then more are refused for a while. With workers, in each of them.",
            "allowance.slow_seconds_per_minute",
        ),
        _native(
            "objects_per_owner",
            setting_types.whole(1),
            "Objects that one client may have in the store, those included that are destroyed: their attributes stay."
            " quotas_path has other numbers for some, under the name objects.",
            "quota.objects",
        ),
        _native(
            "stored_bytes_per_owner",
            setting_types.whole(1, unit="bytes"),
            "What the objects of one client may take in the store, attributes and sealed keys as they are stored."
            " quotas_path has other numbers for some, under the name stored_bytes.",
            "quota.stored_bytes",
        ),
        _native(
            "quotas_path",
            EXISTING_FILE,
            "JSON file of such numbers for identities and groups.",
            default="the same for all clients",
        ),
        _native(
            "unsent_per_identity",
            setting_types.whole(65_536, unit="bytes"),
            "Answers of one client that it has not taken; one that has so many is served nothing more until it reads.",
            "limits.unsent_per_identity",
        ),
        _native(
            "unsent_in_all",
            setting_types.whole(65_536, unit="bytes"),
            "Answers that no client has taken yet, in all; beyond it the oldest of the client that holds most is cut.",
            "limits.unsent_in_all",
        ),
        _native(
            "half_sent_per_identity",
            setting_types.whole(65_536, unit="bytes"),
            "Requests of one client that are not complete; beyond it the oldest is cut.",
            "limits.half_sent_per_identity",
        ),
        _native(
            "half_sent_in_all",
            setting_types.whole(65_536, unit="bytes"),
            "Requests that are not complete, in all; beyond it the oldest of the client that holds most is cut.",
            "limits.half_sent_in_all",
        ),
        _native(
            "max_connections",
            setting_types.whole(1),
            "Connections at once; with workers, in each of them.",
            "limits.max_connections",
        ),
        _native(
            "connections_per_address",
            setting_types.whole(1),
            "Connections from one address; with workers, in each of them.",
            "limits.connections_per_address",
        ),
        _native(
            "connections_per_identity",
            setting_types.whole(1),
            "Connections of one client; with workers, in each of them.",
            "limits.connections_per_identity",
        ),
        _native(
            "handshakes_per_address",
            setting_types.whole(1),
            "Unfinished TLS handshakes from one address; with workers, in each of them.",
            "limits.handshakes_per_address",
        ),
        _native("handshake_timeout", setting_types.seconds(), "Time for a TLS handshake.", "limits.handshake"),
        _native(
            "message_timeout",
            setting_types.seconds(),
            "Time from the first to the last byte of a request.",
            "limits.message",
        ),
        _native(
            "message_work",
            setting_types.seconds(),
            "Time in threads for all items of one message; those that have not begun by then are refused.",
            "limits.work",
        ),
        _native(
            "write_timeout", setting_types.seconds(), "Time for a client to take its answer.", "limits.write_stalled"
        ),
        _native("idle_timeout", setting_types.seconds(or_never=True), "Time between requests.", "limits.idle"),
    ),
}
"""Every setting, by the heading it has in the help and the documentation."""

SETTINGS: Final[Mapping[str, Setting]] = {setting.name: setting for settings in TOPICS.values() for setting in settings}


def changed_settings(before: Configuration, after: Configuration) -> set[str]:
    """Return the names of the settings that the two configurations decide differently."""
    return {name for name, setting in SETTINGS.items() if setting.value_in(before) != setting.value_in(after)}


__all__ = ["ENVIRONMENT", "SETTINGS", "TOPICS", "Setting", "changed_settings"]
