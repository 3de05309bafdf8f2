"""What can be wrong with a configuration whose every value is fine: files that do not fit, risks worth a warning."""

import datetime as dt
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from kmip_adapters.identity.groups import FileGroups, UnusableGroups
from kmip_adapters.identity.users import PasswordFile, UnusablePasswords
from kmip_adapters.policy.json_files import JsonPolicies
from kmip_app.choosing import ConfigurationError
from kmip_app.config import Configuration
from kmip_app.pykmip_database import is_pykmip_database
from kmip_app.server_conf import Problem


def refuse(configuration: Configuration, *, strictly: bool = False, now: dt.datetime | None = None) -> None:
    """Raise ConfigurationError with every reason not to start (R-CFG-1).

    strictly: also with what a running server would only log, such as a broken policy file.
    """
    problems = list(_problems(configuration, now or dt.datetime.now(dt.UTC), strictly=strictly))
    if problems:
        raise ConfigurationError(problems)


def warnings(configuration: Configuration) -> Iterator[str]:
    """Yield what is allowed, but dangerous (RULINGS 19, 21)."""
    temporary = Path(tempfile.gettempdir()).resolve()
    kept_in = configuration.database_path or configuration.data_directory
    if not configuration.ephemeral and configuration.database is None and kept_in.resolve().is_relative_to(temporary):
        yield f"{kept_in} is in the temporary directory: the keys may be gone after a reboot; set data_dir"
    key = configuration.key_path or configuration.certificate_path
    if key is not None and stat.S_IMODE(key.stat().st_mode) & 0o077:
        yield f"{key} holds a private key and others may read it; chmod 600 it"
    if os.geteuid() == 0 and configuration.config_path is not None:
        yield "running as root; a user of its own is enough for any port above 1023"


def _problems(configuration: Configuration, now: dt.datetime, *, strictly: bool) -> Iterator[Problem]:
    database = configuration.sqlite_path
    if not configuration.ephemeral and database is not None and is_pykmip_database(database):
        yield Problem(
            where="database_path",
            text=f"{database} is a database of PyKMIP and stays as it is; name a new file there and take its objects "
            f"over: kmipd import-pykmip {database}",
        )
    certificate = configuration.certificate_path
    if certificate is not None:
        yield from _server_certificate(certificate, configuration.key_path or certificate, now)
    if configuration.groups_path is not None:
        yield from _unless("groups_path", UnusableGroups, FileGroups, configuration.groups_path)
    if configuration.passwords_path is not None:
        yield from _unless("passwords_path", UnusablePasswords, PasswordFile, configuration.passwords_path)
    if strictly and configuration.policy_path is not None:
        for problem in JsonPolicies(configuration.policy_path, is_live=False).problems:
            yield Problem(where="policy_path", text=str(problem))
    if configuration.ca_path is not None and _certificates(configuration.ca_path) == []:
        yield Problem(
            where="ca_path", text=f"{configuration.ca_path} holds no certificate in PEM; name the client CA's"
        )


def _unless(where: str, error: type[Exception], read: Callable[[Path], object], path: Path) -> Iterator[Problem]:
    try:
        read(path)
    except error as problem:
        yield Problem(where=where, text=str(problem))


def _server_certificate(path: Path, key_path: Path, now: dt.datetime) -> Iterator[Problem]:
    chain = _certificates(path)
    if not chain:
        yield Problem(where="certificate_path", text=f"{path} holds no certificate in PEM; name the server's")
        return
    certificate = chain[0]
    if certificate.not_valid_after_utc < now:
        end = certificate.not_valid_after_utc.date()
        yield Problem(where="certificate_path", text=f"{path} expired on {end}; put a new certificate there")
    try:
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
    except TypeError:
        yield Problem(where="key_path", text=f"{key_path} is encrypted; decrypt it (openssl pkey -in ... -out ...)")
    except (ValueError, OSError):
        yield Problem(where="key_path", text=f"{key_path} holds no private key in PEM; name the certificate's")
    else:
        if key.public_key() != certificate.public_key():
            yield Problem(where="key_path", text=f"{key_path} is not the private key of {path}; name the right one")


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (ValueError, OSError):
        return []
