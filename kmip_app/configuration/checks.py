"""What can be wrong with a configuration whose every value is fine: files that do not fit, risks worth a warning."""

import datetime as dt
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from kmip_adapters.identity.groups import FileGroups, UnusableGroups
from kmip_adapters.identity.passwords import PasswordFile, UnusablePasswords
from kmip_adapters.identity.table import UnusableIdentities, read_table
from kmip_adapters.policy.json_files import JsonPolicies
from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.open_files import is_open_here
from kmip_app.configuration.attestation import attestation_problems
from kmip_app.configuration.config import Configuration
from kmip_app.configuration.quotas import UnusableQuotas, read_quotas
from kmip_app.configuration.secret_places import SecretPlace
from kmip_app.configuration.server_conf import Problem
from kmip_app.configuration.telemetry import telemetry_problems
from kmip_app.maintenance.pykmip_database import advice_on_pykmip, is_pykmip_database
from kmip_app.pki.certificate_watch import revoked_by
from kmip_app.pki.validity import certificates_of, lists_of


def warnings(configuration: Configuration) -> Iterator[str]:
    """Yield what is allowed, but dangerous (RULINGS 19, 21)."""
    temporary = Path(tempfile.gettempdir()).resolve()
    kept_in = configuration.database_path or configuration.data_directory
    if not configuration.ephemeral and configuration.database is None and kept_in.resolve().is_relative_to(temporary):
        yield f"{kept_in} is in the temporary directory: the keys may be gone after a reboot; set data_dir"
    pykmips = temporary / "pykmip.database"
    store = configuration.sqlite_path
    if not configuration.ephemeral and store is not None and not store.exists() and is_pykmip_database(pykmips):
        yield f"{pykmips} is a database of PyKMIP; kmipd import-pykmip {pykmips} takes its objects over"
    key = configuration.key_path or configuration.certificate_path
    keys = [] if key is None else [key]
    if not configuration.ephemeral:
        keys += sorted((configuration.data_directory / "pki").glob("*.key"))  # root.key has a warning of its own
    for path in keys:
        if _is_loose_key(path):
            yield f"{path} holds a private key and others may read it; chmod 600 it"
    if configuration.tap is not None:
        yield f"every request and answer is recorded in {configuration.tap}, without secrets; leave out tap to stop"
    passwords = configuration.passwords_path
    if passwords is not None and _is_loose(passwords):
        yield f"{passwords} holds hashes of passwords and others may read it; chmod 600 it"
    for name in ("token_groups", "token_policies"):
        if getattr(configuration.core, name) and configuration.crypto == "software":
            yield f"{name} has no effect without a token: its keys are kept in software; set crypto = pkcs11"
    if not configuration.enable_tls_client_auth:
        yield (
            "enable_tls_client_auth is false: a certificate that was made for a server makes a client, too;"
            " give clients certificates with the extended key usage clientAuth, and leave it out"
        )
    yield from _loose_files(configuration)
    yield from _ambiguous_names(configuration)
    for service in configuration.slugs:
        if service.url.startswith("http:") and not _is_local(service.url):
            yield f"groups come from {service.url} in the clear, and whoever is on the way can change them; use https"
    if configuration.admin_address is not None and configuration.admin_address.host not in LOOPBACK:
        where = configuration.admin_address
        yield f"admin_address {where} can be reached by others; let a firewall admit only probes and scrapers"
    endpoint = configuration.otel_endpoint
    if endpoint is not None and endpoint.startswith("http:") and not _is_local(endpoint):
        yield f"traces and metrics are sent to {endpoint} in the clear, and name clients; use https"


LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK


def _ambiguous_names(configuration: Configuration) -> Iterator[str]:
    """Warn where two authorities can give one name to two clients, which are one identity then."""
    if (
        configuration.ca_path is None
        or configuration.identities_path is not None
        or configuration.identity_realm != ("all",)
    ):
        return
    certificates = _certificates(configuration.ca_path)
    roots = {one.subject.rfc4514_string() for one in certificates if one.issuer == one.subject}
    if len(roots) > 1:
        yield (
            f"{configuration.ca_path} has {len(roots)} authorities that can give the same name to different clients,"
            " which are one identity then; leave out identity_realm, or tell them apart in identities_path"
        )


def _is_writable(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o022)


def _loose_files(configuration: Configuration) -> Iterator[str]:
    """Yield files and folders of the server that others may read or write, and policies that they may write."""
    if not configuration.ephemeral:
        data = configuration.data_directory
        folders = [data, *(data / name for name in ("audit", "pki", "clients", "anchors"))]
        own = [path for path in folders if path.exists() and _is_writable(path)] + [data / "audit" / "main.jsonl"]
        store = configuration.sqlite_path
        if store is not None:
            own += [store.with_name(store.name + end) for end in ("", "-wal", "-shm")]
        for path in own:
            if path.exists() and _is_loose(path):
                mode = "700" if path.is_dir() else "600"
                yield f"{path} can be read or changed by others; chmod {mode} it"
    verifier = configuration.attestation_verifier
    if verifier is not None and _is_writable(verifier):
        yield f"{verifier} judges attestations and others may change it; chmod go-w it"
    named = (
        configuration.policy_path,
        configuration.groups_path,
        configuration.identities_path,
        configuration.quotas_path,
    )
    for path in (path for path in named if path is not None):
        inside = sorted(path.glob("*.json")) if path.is_dir() else []
        for one in (path, *inside):
            if one.exists() and one.stat().st_mode & 0o002:
                yield f"{one} says what clients may do and everybody may change it; chmod o-w it"


def _is_loose(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def _is_loose_key(path: Path) -> bool:
    try:
        return _is_loose(path) and b"PRIVATE KEY-----" in path.read_bytes()
    except OSError:  # reported when it is needed
        return False


def problems(
    configuration: Configuration, *, strictly: bool = False, now: dt.datetime | None = None
) -> Iterator[Problem]:
    """Yield every reason not to start, under the name of the setting to change (R-CFG-1).

    strictly: also what a running server would only log, such as a broken policy file.
    """
    if not configuration.ephemeral:
        yield from _store(configuration)
    if configuration.workers > 1:
        yield from _workers(configuration)
    yield from attestation_problems(
        configuration.attestation_verifier, configuration.attestation_types, configuration.core.attested_operations
    )
    for where, text in telemetry_problems(configuration.otel_endpoint, configuration.otel_headers):
        yield Problem(where=where, text=text)
    if configuration.log_path is not None:
        yield from _log(configuration.log_path)
    if configuration.tap is not None:
        yield from _log(configuration.tap, "tap")
    certificate = configuration.certificate_path
    if certificate is not None:
        yield from _server_certificate(
            certificate,
            configuration.key_path or certificate,
            configuration.key_passphrase,
            now or dt.datetime.now(dt.UTC),
        )
    if configuration.groups_path is not None:
        yield from _unless("groups_path", UnusableGroups, FileGroups, configuration.groups_path)
    if configuration.quotas_path is not None:
        yield from _unless("quotas_path", UnusableQuotas, read_quotas, configuration.quotas_path)
    if configuration.identities_path is not None:
        yield from _unless("identities_path", UnusableIdentities, read_table, configuration.identities_path)
    if configuration.passwords_path is not None:
        yield from _unless("passwords_path", UnusablePasswords, PasswordFile, configuration.passwords_path)
    if strictly:
        yield from _dates(configuration, now or dt.datetime.now(dt.UTC))
    if strictly and configuration.policy_path is not None:
        for problem in JsonPolicies(configuration.policy_path, is_live=False).problems:
            yield Problem(where="policy_path", text=str(problem))
    if configuration.ca_path is not None and _certificates(configuration.ca_path) == []:
        yield Problem(
            where="ca_path", text=f"{configuration.ca_path} holds no certificate in PEM; name the client CA's"
        )
    if configuration.crl_path is not None and not _has_revocation_list(configuration.crl_path):
        yield Problem(
            where="crl_path", text=f"{configuration.crl_path} holds no revocation list in PEM; name the client CA's"
        )


def _dates(configuration: Configuration, now: dt.datetime) -> Iterator[Problem]:
    """Yield what a running server would only warn of: certificates and lists beside the server's own that are over."""
    found = {
        "ca_path": [] if configuration.ca_path is None else list(certificates_of(configuration.ca_path, "ca")),
        "crl_path": [] if configuration.crl_path is None else list(lists_of(configuration.crl_path)),
    }
    built_in = (configuration.pki_path or configuration.data_directory / "pki") / "ca.crt"
    if not configuration.ephemeral and None in (configuration.ca_path, configuration.certificate_path):
        found["data_dir"] = list(certificates_of(built_in, "ca"))[:1]
    for where, validities in found.items():
        texts = [text for validity in validities if (text := validity.problem(now)) is not None]
        if texts and (where == "crl_path" or len(texts) == len(validities)):  # of several CAs, some may be old
            yield Problem(where=where, text=texts[0])


def _store(configuration: Configuration) -> Iterator[Problem]:
    where = "database" if configuration.database else "database_path"
    kind = (configuration.database or "sqlite:").partition(":")[0].partition("+")[0]
    database = configuration.sqlite_path
    blocking = _blocking(configuration.data_directory)
    if blocking:
        yield Problem(where="data_dir", text=f"{blocking}; choose another place")
    if kind == "postgresql":
        yield from _server(str(configuration.database))
    elif kind != "sqlite":
        text = f"databases of kind {kind} are not supported; write {SQLITE_URL} or {POSTGRESQL_URL}"
        yield Problem(where=where, text=text)
    elif database is None:
        yield Problem(where=where, text=f"names no file; write {SQLITE_URL}")
    elif is_pykmip_database(database):
        yield Problem(where=where, text=advice_on_pykmip(database))
    elif not database.parent.is_dir() and database.parent != configuration.data_directory:
        yield Problem(where=where, text=f"the folder {database.parent} does not exist; create it first")
    elif _is_something_else(database):
        yield Problem(where=where, text=f"{database} is no database of SQLite; name a new file")
    elif database.exists() and not os.access(database, os.R_OK | os.W_OK):
        yield Problem(where=where, text=f"{database} cannot be read and written; let this user do both")


def _workers(configuration: Configuration) -> Iterator[Problem]:
    """Yield why several processes cannot serve together."""
    if configuration.ephemeral:
        text = "processes share nothing in memory, and an ephemeral server keeps all of it there; leave one of them out"
        yield Problem(where="workers", text=text)
    elif configuration.crypto == "hsm_stub":
        text = "crypto = hsm_stub keeps its keys in one process; leave out workers"
        yield Problem(where="workers", text=text)


SQLITE_URL: Final = "sqlite:////path/of/a/file"
POSTGRESQL_URL: Final = "postgresql+psycopg://user@host/database"


def _server(url: str) -> Iterator[Problem]:
    """Yield what is wrong with the name of a database server, which is not connected to."""
    from kmip_adapters.storage.sql.backend import Options
    from kmip_adapters.storage.sql.backends import open_backend

    try:
        open_backend(url, Options()).close()
    except StorageUnusable as error:
        yield Problem(where="database", text=str(error))


def _is_something_else(database: Path) -> bool:
    if is_open_here(database):  # it is ours, and must not be opened besides
        return False
    try:
        with database.open("rb") as file:
            return file.read(16) not in {b"", b"SQLite format 3\0"}
    except OSError:  # it is not there yet, or is reported when it is opened
        return False


def _log(path: Path, where: str = "log_path") -> Iterator[Problem]:
    blocking = _blocking(path.parent)
    if path.is_dir():
        yield Problem(where=where, text=f"{path} is a folder; name a file in it")
    elif blocking and not _is_device(path):
        yield Problem(where=where, text=f"{blocking}; choose another folder for {path.name}")
    elif path.exists() and not os.access(path, os.W_OK):
        yield Problem(where=where, text=f"{path} cannot be written; let this user write it or choose another")


def _is_device(path: Path) -> bool:
    """Return whether a path is something like /dev/stdout, which needs no room for old files beside it."""
    return path.exists() and not path.is_file()


def _blocking(folder: Path) -> str:
    """Return what keeps this user from making files in a folder that may have to be made itself, or an empty text."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    below = "" if existing == folder else f"{folder} cannot be made, for "
    if not existing.is_dir():
        return f"{below}{existing} is a file"
    return "" if os.access(existing, os.W_OK | os.X_OK) else f"{below}{existing} cannot be written by this user"


def _has_revocation_list(path: Path) -> bool:
    try:
        revoked_by(path)
    except (ValueError, OSError):
        return False
    return b"BEGIN X509 CRL" in path.read_bytes()


def _unless(where: str, error: type[Exception], read: Callable[[Path], object], path: Path) -> Iterator[Problem]:
    try:
        read(path)
    except error as problem:
        yield Problem(where=where, text=str(problem))


def _server_certificate(
    path: Path, key_path: Path, passphrase: SecretPlace | None, now: dt.datetime
) -> Iterator[Problem]:
    chain = _certificates(path)
    if not chain:
        yield Problem(where="certificate_path", text=f"{path} holds no certificate in PEM; name the server's")
        return
    certificate = chain[0]
    if certificate.not_valid_after_utc < now:
        end = certificate.not_valid_after_utc.date()
        yield Problem(where="certificate_path", text=f"{path} expired on {end}; put a new certificate there")
    try:
        password = None if passphrase is None else passphrase.read()
    except ValueError as error:
        yield Problem(where="key_passphrase", text=str(error))
        return
    try:
        content = key_path.read_bytes()
        key = serialization.load_pem_private_key(content, password if b"ENCRYPTED" in content else None)
    except TypeError:
        yield Problem(where="key_path", text=f"{key_path} is encrypted; name its passphrase by key_passphrase")
    except (ValueError, OSError):
        remedy = "name the certificate's" if password is None else "name the certificate's, and its passphrase"
        yield Problem(where="key_path", text=f"{key_path} holds no private key in PEM that opens; {remedy}")
    else:
        if key.public_key() != certificate.public_key():
            yield Problem(where="key_path", text=f"{key_path} is not the private key of {path}; name the right one")


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (ValueError, OSError):
        return []
