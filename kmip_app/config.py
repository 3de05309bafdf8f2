"""What an operator decides: one record of choices, whatever place they were made in.

The command line, environment, configuration file and the `KmipServer` constructor all end in a `Configuration`;
`kmip_app.container` builds a server from it and nothing else.
"""

from pathlib import Path
from typing import Final, Literal

from attrs import frozen
from platformdirs import user_data_path

DEFAULT_PORT: Final = 5696  # KMIP 2.1 §10 (IANA)
LOGGING_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def default_data_directory() -> Path:
    """Return where a server keeps its keys when nobody says otherwise (RULINGS 19)."""
    return user_data_path("kmipd", appauthor=False)


@frozen(kw_only=True)
class Configuration:
    """Every choice, with safe defaults.

    data_directory: database, root key, audit trail and the built-in PKI.  database: an SQLAlchemy URL; None for
    kmipd.sqlite in the data directory.  ephemeral: memory only, nothing outlives the process.
    hostname: what is bound, a name or address.  port: 0 for any free one.
    certificate_path, key_path, ca_path: PEM files of a PKI of your own; None for the built-in one.
    """

    hostname: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    data_directory: Path
    database: str | None = None
    ephemeral: bool = False
    crypto: str = "software"
    certificate_path: Path | None = None
    key_path: Path | None = None
    ca_path: Path | None = None
    enable_tls_client_auth: bool = True
    tls_ciphers: str | None = None
    logging_level: str = "INFO"
    ready_file: Path | None = None

    @property
    def storage(self) -> Literal["memory", "sql"]:
        """Which storage adapter is wanted."""
        return "memory" if self.ephemeral else "sql"

    @property
    def audit(self) -> Literal["memory", "file"]:
        """Which audit adapter is wanted."""
        return "memory" if self.ephemeral else "file"

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the store."""
        return self.database or f"sqlite:///{self.data_directory / 'kmipd.sqlite'}"


class StartError(Exception):
    """The server cannot start; the text says what is wrong and what to do, on one line."""
