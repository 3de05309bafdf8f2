"""What an operator decides: one record of choices, whatever place they were made in.

The command line, environment, configuration file and the `KmipServer` constructor all end in a `Configuration`;
`kmip_app.container` builds a server from it and nothing else. `kmip_app.configuration.settings` is the table of names
that lead here, `kmip_app.configuration.loading` joins the places.
"""

import enum
import os
import re
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, Literal, Self

from attrs import field
from platformdirs import user_data_path

from kmip_adapters.storage.errors import StorageUnreachable
from kmip_adapters.storage.quotas import Quota
from kmip_adapters.transport.limits import TransportLimits
from kmip_adapters.transport.rates import Allowance
from kmip_adapters.ttlv.standard.versions import VERSIONS
from kmip_app.configuration import root_keys
from kmip_app.configuration.addresses import Address
from kmip_app.configuration.root_keys import RootKeyKind, RootKeyPlace
from kmip_app.configuration.secret_places import SecretPlace
from kmip_app.pushing.limits import NoticeLimits
from kmip_app.version import VERSION
from kmip_core.classes import frozen
from kmip_core.enums import AttestationType
from kmip_core.settings import Settings
from kmip_core.structures import ProtocolVersion, ServerInformation

DEFAULT_PORT: Final = 5696  # KMIP 2.1 §10 (IANA)
LOGGING_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
AUTH_SUITES: Final = ("Basic", "TLS1.2", "TLS1.3")
SERVER_INFORMATION: Final = ServerInformation(server_name="kmipd", product_name="kmipd", server_version=VERSION)
"""What Query tells KMIP 2.x clients: product and version, nothing about the machine."""

CRYPTO: Final = ("software", "hsm_stub", "pkcs11")


class TokenKeys(enum.Enum):
    """Which new secret and private keys are kept in the token, where requests do not say it."""

    ALL = "all"
    CHOSEN = "chosen"  # those of token_groups and token_policies


_SQLITE_URL: Final = re.compile(r"sqlite(\+\w+)?:///(?P<path>(?!file:)[^?:][^?]*)(\?.*)?")  # not :memory:


def default_data_directory() -> Path | None:
    """Return where a server keeps its keys by default (RULINGS 19), None for a user without a home directory.

    A service manager that makes a folder for the state names it in $STATE_DIRECTORY.
    """
    return folder_of_service("STATE_DIRECTORY") or in_home(user_data_path)


def default_log_path() -> Path | None:
    """Return the log file of a service for which the service manager made a folder ($LOGS_DIRECTORY), else None."""
    folder = folder_of_service("LOGS_DIRECTORY")
    return None if folder is None else folder / "kmipd.log"


def folder_of_service(variable: str) -> Path | None:
    """Return the folder that a service manager names in a variable, the first of several; None if it names none."""
    first = os.environ.get(variable, "").partition(":")[0]
    return Path(first) if first.startswith("/") else None


def in_home(find: Callable[..., Path]) -> Path | None:
    """Return what `find` of platformdirs finds, None for a user whose home directory the system does not know.

    Such are containers that run under a number of their own.
    """
    try:
        found = find("kmipd", appauthor=False)
    except RuntimeError:
        return None
    return found if found.is_absolute() else None  # older releases leave the ~ where it was


@frozen(kw_only=True)
class Slugs:
    """One `[auth:slugs...]` section: a service that knows users and their groups.

    url: to which `/users/NAME/groups` is added.  timeout: seconds for one answer.
    """

    url: str
    timeout: float = 5.0


@frozen(kw_only=True)
class Configuration:
    """Every choice, with safe defaults; `kmip_app.configuration.settings` says what each means to an operator.

    rehearses: a server for tests of clients, whose clock can be moved and which fails on request (kmip_app.testing).
    pki_path: where the built-in PKI is; None for the data directory.
    may_start_sealed: True for a server, which may wait for a root key outside the host; commands need it at once.
    root_key_named: the setting `root_key`; None for a file, or a passphrase where one is named.
    worker: the number of one of several processes that serve together, from 1; None for a process of its own.
    takes_over: whether this process appends the audit records that a crash of its node has left; not one that starts
        beside other workers, which have records of their own on the way.
    common_secret: random, of this start; the workers of one server have the same.
    may_upgrade: False for commands beside a running server, which must not change the schema of its database.
    database: its URL.  database_path: an SQLite file; with neither it is kmipd.sqlite in the data directory.
    certificate_path, key_path, ca_path: PEM files of a PKI of your own; None for the built-in one.
    config_path: the file that was read, if any.
    """

    hostname: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    https_port: int | None = None
    data_directory: Path
    database: str | None = field(default=None, repr=False)  # it may hold a password
    database_password: SecretPlace | None = None
    database_path: Path | None = None
    database_password_file: Path | None = None
    pool_size: int = 16
    node_name: str | None = None
    root_key_named: RootKeyPlace | None = None
    root_key_passphrase: SecretPlace | None = None
    pkcs11_module: Path | None = None
    pkcs11_token: str | None = None
    pkcs11_pin: SecretPlace | None = None
    workers: int = 1
    seal_attributes: bool = False
    worker: int | None = None
    takes_over: bool = True
    common_secret: bytes = field(factory=lambda: secrets.token_bytes(32), repr=False, eq=False)
    rehearses: bool = False
    pki_path: Path | None = None
    may_upgrade: bool = True
    may_start_sealed: bool = False
    ephemeral: bool = False
    crypto: str = "software"
    token_keys: TokenKeys = TokenKeys.ALL
    token_sweep: float | None = 60.0
    versions: tuple[ProtocolVersion, ...] = VERSIONS
    certificate_path: Path | None = None
    key_path: Path | None = None
    key_passphrase: SecretPlace | None = None
    certificate_names: tuple[str, ...] = ()
    ca_path: Path | None = None
    crl_path: Path | None = None
    auth_suite: str = "Basic"
    tls_cipher_suites: tuple[str, ...] = ()
    enable_tls_client_auth: bool = True
    identity_source: tuple[str, ...] | str = "cn"
    identity_realm: tuple[str, ...] = ("recorded",)
    identities_path: Path | None = None
    groups_path: Path | None = None
    slugs: tuple[Slugs, ...] = ()
    groups_cache: float = 60.0
    passwords_path: Path | None = None
    password_identity: bool = False
    attestation_verifier: Path | None = None
    attestation_types: tuple[AttestationType, ...] = ()
    attestation_timeout: float = 10.0
    policy_path: Path | None = None
    live_policies: bool = True
    logging_level: str = "INFO"
    log_path: Path | None = None
    log_target: str = "stderr"
    log_format: Literal["text", "json"] = "text"
    log_time: Literal["local", "zoned"] = "local"
    ready_file: Path | None = None
    tap: Path | None = None
    audit_gap: Literal["note", "refuse"] = "note"
    audit_file_size: int = 64 * 1024 * 1024
    audit_file_age: float | None = None
    audit_keep_files: int = 0
    audit_syslog: str | None = None
    audit_command: str | None = None
    anchor_file: Path | None = None
    anchor_command: str | None = None
    allow_core_dumps: bool = False
    admin_address: Address | None = None
    enrol_address: Address | None = None
    slow_request: float | None = 1.0
    otel_endpoint: str | None = None
    otel_headers: SecretPlace | None = None
    notices: NoticeLimits = field(factory=NoticeLimits)
    rotation: bool = True
    rotation_every: float = 60.0
    maximum_request_size: int = 1024 * 1024
    config_path: Path | None = None
    server_information: bool = True
    core: Settings = field(factory=lambda: Settings(server_information=SERVER_INFORMATION))
    limits: TransportLimits = field(factory=TransportLimits)
    allowance: Allowance = field(factory=Allowance)
    quota: Quota = field(factory=Quota)
    quotas_path: Path | None = None

    @property
    def leads(self) -> bool:
        """Whether this process does what one of several does for all of them."""
        return self.worker in {None, 1}

    @property
    def storage(self) -> Literal["memory", "sql"]:
        """Which storage adapter is wanted."""
        return "memory" if self.ephemeral else "sql"

    @property
    def has_own_ca(self) -> bool:
        """Whether clients have certificates of the built-in CA."""
        return self.ca_path is None

    @property
    def gives_out_certificates(self) -> bool:
        """Whether clients may get new certificates of the built-in CA by themselves."""
        return self.has_own_ca and self.core.re_provision

    @property
    def root_key_place(self) -> RootKeyPlace:
        """Where the root key is."""
        return self.root_key_named or (root_keys.FILE if self.root_key_passphrase is None else root_keys.PASSPHRASE)

    @property
    def root_key(self) -> RootKeyKind:
        """What kind of root key it is."""
        return self.root_key_place.kind

    @property
    def audit(self) -> Literal["memory", "file"]:
        """Which audit adapter is wanted."""
        return "memory" if self.ephemeral else "file"

    @property
    def clock(self) -> Literal["system", "movable"]:
        """Which clock is wanted."""
        return "movable" if self.rehearses else "system"

    @property
    def service(self) -> Literal["plain", "rehearsing"]:
        """Which service is wanted."""
        return "rehearsing" if self.rehearses else "plain"

    @property
    def policies(self) -> Literal["static", "files"]:
        """Which policy adapter is wanted."""
        return "static" if self.policy_path is None else "files"

    @property
    def sqlite_path(self) -> Path | None:
        """The file of the store; None if a URL names another kind of database, or no file."""
        if not self.database:
            return self.database_path or self.data_directory / "kmipd.sqlite"
        found = _SQLITE_URL.fullmatch(self.database)
        return Path(found["path"]).absolute() if found else None

    @property
    def database_url(self) -> str:
        """The URL of the store's database."""
        return self.database or f"sqlite:///{self.sqlite_path}"

    @property
    def read_database_password(self) -> Callable[[], str] | None:
        """Reads the password that is not in the URL anew each time, for it may have been changed; None without one."""
        if self.database_password_file is not None:
            return partial(password_in, self.database_password_file)
        place = self.database_password
        return None if place is None else lambda: place.read().decode("utf-8")


def password_in(path: Path) -> str:
    """Return what a file holds, without its line end.  Raises OSError, ValueError."""
    return path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")


UNREACHABLE: Final = 3
"""The exit code for a server, or a database, that cannot be reached."""


class StartError(Exception):
    """The server cannot start; the text says what is wrong and what to do, on one line.

    exit_code: of the program. The service manager starts it again after UNREACHABLE, but not after 2.
    """

    exit_code = 2

    @classmethod
    def of(cls, error: Exception) -> Self:
        """Return the error of a start that another one ends."""
        made = cls(str(error))
        if isinstance(error, StorageUnreachable):
            made.exit_code = UNREACHABLE
        return made
