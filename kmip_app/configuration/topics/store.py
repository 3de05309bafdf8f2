"""Where objects and records are kept."""

from collections.abc import Mapping
from typing import Final

from kmip_app.configuration import setting_types
from kmip_app.configuration.root_keys import ROOT_KEY
from kmip_app.configuration.secret_places import SECRET, SECRET_URL
from kmip_app.configuration.setting import Setting, native, of_pykmip
from kmip_app.configuration.setting_kinds import (
    COMMAND_LINE,
    SYSLOG,
)
from kmip_app.configuration.setting_types import (
    BOOLEAN,
    EXISTING_FILE,
    FOLDER,
    FUTURE_FILE,
    NODE_NAME,
)

STORE: Final[Mapping[str, tuple[Setting, ...]]] = {
    "Store": (
        native(
            "data_dir",
            FOLDER,
            "Where keys, certificates and the audit trail are kept.",
            "data_directory",
            default="beside a database that is named, as NAME.kmipd; else $STATE_DIRECTORY or the user's",
        ),
        of_pykmip("database_path", FUTURE_FILE, "SQLite file.", "-d", default="kmipd.sqlite in the data directory"),
        native(
            "database",
            SECRET_URL,
            "URL of the database, instead of database_path: sqlite:////path/of/a/file, or "
            "postgresql+psycopg://user@host1,host2/name.",
        ),
        native(
            "seal_attributes",
            BOOLEAN,
            "Whether names and all other attributes are sealed in a new database, with digests under a key for Locate"
            " to find them by. What stays readable: identifiers, owners, policies, types, states, dates, lengths and"
            " other numbers. A database keeps what it was made with.",
        ),
        native(
            "database_password_file",
            EXISTING_FILE,
            "File with the password for a database of several machines; read at each connection.",
            default="none: the URL's, or what libpq finds (PGPASSFILE, a client certificate)",
        ),
        native(
            "pool_size",
            setting_types.whole(1, 1_000),
            "Connections to a database server for requests at once; besides them the writer has one. With workers, in"
            " each of them.",
        ),
        native(
            "node_name",
            NODE_NAME,
            "What this server is called among those on one database: the name of its audit chain.",
            default="main; on a database server the host's name and a mark of the data directory",
        ),
        native(
            "database_password",
            SECRET,
            "The same password, by the place where it is; read at each connection.",
            default="none",
        ),
        native(
            "root_key",
            ROOT_KEY,
            "Where the root key is, under which everything is sealed: in a file, made of a passphrase, in a PKCS#11 "
            "token, wrapped by another KMIP server, or by a program. A server whose root key is away starts sealed.",
            "root_key_named",
            default="file, or passphrase where root_key_passphrase is given",
        ),
        native(
            "root_key_passphrase",
            SECRET,
            "Where the passphrase is that makes the root key; read once, at the start.",
            default="none: the root key is the file root.key in the data directory",
        ),
        native("ephemeral", BOOLEAN, "Keep nothing: memory only, throw-away certificates."),
    ),
    "Audit trail": (
        native(
            "audit_gap",
            setting_types.one_of(("note", "refuse")),
            "What happens at the start if the trail was emptied, cut or edited, or the store was put back as it was"
            " earlier: an alarm that is noted, or no start.",
        ),
        native(
            "audit_file_size",
            setting_types.whole(0, unit="bytes, 0 for no limit"),
            "From which size on a file of the trail is set aside; the chain goes on.",
        ),
        native(
            "audit_file_age",
            setting_types.seconds(or_never=True),
            "How long after its first record a file of the trail is set aside.",
        ),
        native(
            "audit_keep_files",
            setting_types.whole(0, unit="0 for all"),
            "How many files that were set aside are kept; the removal of others is recorded.",
        ),
        native(
            "audit_syslog",
            SYSLOG,
            "Where records are sent as well, by RFC 5424: unix:/dev/log, tcp://HOST:PORT, tls://HOST:PORT?ca=FILE.",
            default="none",
        ),
        native(
            "audit_command",
            COMMAND_LINE,
            "A command that is given the records as well, as JSON, one a line.",
            default="none",
        ),
        native(
            "anchor_file",
            FUTURE_FILE,
            "File to which the signed head of the trail is appended every day; keep it on another machine.",
            default="none",
        ),
        native(
            "anchor_command",
            COMMAND_LINE,
            "A command that is given the signed head of the trail every day, to post it.",
            default="none",
        ),
    ),
}
"""Settings by their headings."""
