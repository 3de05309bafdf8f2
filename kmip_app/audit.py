"""Care of the audit trail by the server.

Its end is compared at the start, its head is kept in the database and, signed, outside of the files, and all of it is
verified every day.
"""

import contextlib
import logging
import re
import shlex
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from kmip_adapters.audit import anchors, files
from kmip_adapters.audit.anchors import KEY_FILE, LIST_FILE, PUBLIC_FILE, UnusableAnchor
from kmip_adapters.audit.file_trail import FileTrail
from kmip_adapters.audit.lines import Head, read_line
from kmip_adapters.audit.verify import Problem, verify, verify_end
from kmip_app.configuration.config import Configuration, StartError
from kmip_app.maintenance.node_names import SINGLE, names_of_node, names_told_by
from kmip_app.system_errors import reason_of
from kmip_core.errors import KmipError

LOG: Final = logging.getLogger("kmip_app")

AGAIN_AFTER: Final = 0.3  # seconds: what was being written, or set aside, is whole then
HEAD_EVERY: Final = 60.0  # seconds
START: Final = "Start"
STOP: Final = "Stop"
STORE: Final = "Store"
"""The event of a record that names the generation of the store; those of a start and a stop name it, too."""
PUT_BACK: Final = "Store put back"
"""The event of a start that finds the store as it was at an earlier time."""
_NAMED: Final = re.compile(r"generation ([0-9]+) of the store")
LOOKED_THROUGH: Final = 256 * 1024 * 1024
"""Bytes of a chain in which the last generation is looked for: many times what a minute of requests leaves. A trail of
an older release names none, and may be of any size."""
COMMAND_SECONDS: Final = 60.0
PAUSE: Final = 0.002  # seconds, after each thousand records that are verified beside a server's work


def folder_of(configuration: Configuration) -> Path:
    """Return where the trail is."""
    return configuration.data_directory / "audit"


def anchors_of(configuration: Configuration) -> Path:
    """Return where the signing key and the list of anchors are."""
    return configuration.data_directory / "anchors"


class AuditCare:
    """Care of one server's trail.

    storage: a store with facts, which keeps the head.  record: leaves a record of an event with a message.
    """

    def __init__(
        self, configuration: Configuration, storage: Any, trail: FileTrail, record: Callable[[str, str], object]
    ) -> None:
        self._configuration = configuration
        self._storage = storage
        self._trail = trail
        self._fact = head_fact(trail.chain)
        self._kept = Head()
        self._record = record

    def check_end(self) -> None:
        """Compare the trail with the head that the database has; before anything is appended.

        Raises StartError if it was emptied, cut or edited and `audit_gap` says so; otherwise it is an alarm.
        """
        for finding in self._trail.findings:
            self._alarm(finding)
        known = read_head(self._storage.database.fact(self._fact))
        folder = folder_of(self._configuration)
        problems: Iterable[Problem] = filter(None, [verify_end(folder, self._trail.chain, known)])
        if self._configuration.audit_gap == "refuse" and self._configuration.takes_over:  # the others are at rest
            problems = verify(folder, self._heads())
        for problem in problems:
            if self._configuration.audit_gap == "refuse":
                raise StartError(
                    f"the audit trail was emptied, cut or edited: {problem}; keep its files as evidence, and set"
                    " audit_gap = note to go on"
                )
            self._trail.report(str(problem), known)
            self._alarm(str(problem))

    def check_store(self) -> None:
        """Compare the generation of the store with the last one that the trail names; before a record names it anew.

        Nothing is compared while the root key is away.
        Raises StartError for an earlier one if `audit_gap` says so; otherwise it is an alarm.
        """
        if not self._storage.sealer.is_open:
            return
        named, present = last_generation(folder_of(self._configuration)), self._storage.generation() or 0
        if present >= named:
            return
        finding = f"the store is at generation {present} and was at {named}: it was put back as it was earlier"
        if self._configuration.audit_gap == "refuse":
            raise StartError(
                f"{finding}; if that was not you, keep its files as evidence; set audit_gap = note to go on with it"
            )
        self._record(PUT_BACK, finding)
        LOG.critical("%s; see docs/operate/tampering.md", finding)

    def generation(self) -> str:
        """Return what a record says about the generation of the store; empty where that is not known."""
        try:
            number = self._storage.generation()
        except KmipError as error:
            LOG.error("the audit trail does not name the generation of the store: %s", error.message)
            return ""
        return "" if number is None else f"generation {number} of the store"

    def keep_head(self) -> None:
        """Have the database keep the head, if it is another one."""
        head = self._trail.sync()
        if head != self._kept:
            try:
                self._storage.set_fact(self._fact, f"{head.sequence}:{head.hash}")
                self._kept = head
            except KmipError as error:
                LOG.error("the database does not keep the head of the audit trail: %s", error.message)

    def keep(self) -> None:
        """Have the trail name the generation of the store, and the database keep the head, if there are new records."""
        if self._trail.sync() != self._kept:
            if generation := self.generation():
                self._record(STORE, generation)
            self.keep_head()

    def anchor(self) -> str:
        """Sign the heads of all chains; keep the anchor and post it as the configuration says; return its line."""
        return make_anchor(self._configuration)

    def verify(self) -> None:
        """Verify all files beside the server's work; what was not known yet is an alarm."""
        known = {finding.partition(": ")[2] or finding for finding in self._trail.findings}
        if not (problems := self._problems()):
            return
        time.sleep(AGAIN_AFTER)
        again = set(self._problems())
        for problem in (problem for problem in problems if problem in again):
            is_noted = problem.text.startswith(("the server noted a gap", "is unfinished"))
            if not is_noted and problem.text not in known:
                self._trail.report(str(problem))
                self._alarm(str(problem))

    def _problems(self) -> list[Problem]:
        return verify(folder_of(self._configuration), self._heads(), lambda: time.sleep(PAUSE))

    def _heads(self) -> dict[str, list[Head]]:
        is_ours = names_of_node(self._configuration)
        kept = heads_in(self._storage.database.facts(HEAD_FACT))
        heads = {chain: [head] for chain, head in kept.items() if is_ours(chain)}
        try:
            for anchor in anchors_in(self._configuration):
                for chain, head in anchor.heads.items():
                    heads.setdefault(chain, []).append(head)
        except UnusableAnchor as error:
            LOG.error("%s", error)
        return heads

    def _alarm(self, finding: str) -> None:
        LOG.critical("the audit trail was emptied, cut or edited: %s; see kmipd audit verify", finding)


def make_anchor(configuration: Configuration, now: Callable[[], float] = time.time) -> str:
    """Sign the heads of all chains; keep the anchor and post it as the configuration says; return its line.

    Raises UnusableAnchor, OSError.
    """
    folder = anchors_of(configuration)
    line = anchors.sign(anchors.signing_key(folder), anchors.heads_of(folder_of(configuration)), int(now()))
    anchors.keep(folder / LIST_FILE, line)
    if configuration.anchor_file is not None:
        anchors.keep(configuration.anchor_file, line)
    if configuration.anchor_command is not None:
        words = shlex.split(configuration.anchor_command)
        try:
            subprocess.run(  # noqa: S603  the operator's own command
                words, input=line.encode() + b"\n", timeout=COMMAND_SECONDS, check=True, stdout=subprocess.DEVNULL
            )
        except OSError as error:
            raise UnusableAnchor(f"anchor_command {words[0]} cannot be run: {reason_of(error)}") from error
        except subprocess.TimeoutExpired as error:
            raise UnusableAnchor(f"anchor_command {words[0]} took longer than {COMMAND_SECONDS} s") from error
        except subprocess.CalledProcessError as error:
            raise UnusableAnchor(f"anchor_command {words[0]} ended with exit code {error.returncode}") from error
    return line


def anchors_in(
    configuration: Configuration, files: Iterable[Path] = (), key: str | None = None
) -> list[anchors.Anchor]:
    """Return the anchors of the data directory and of more files.  key: the public key to trust; None for its own.

    Raises UnusableAnchor.
    """
    folder = anchors_of(configuration)
    own = folder / LIST_FILE
    trusted = key or public_key(configuration)
    named = [*files, *([own] if own.exists() else [])]
    return [anchor for path in named for anchor in anchors.read_list(path, trusted)]


def public_key(configuration: Configuration) -> str | None:
    """Return the public key in hexadecimal, None if there is none yet.  Raises UnusableAnchor."""
    folder = anchors_of(configuration)
    if (folder / KEY_FILE).exists():
        return anchors.signing_key(folder).public_key().public_bytes_raw().hex()
    if (folder / PUBLIC_FILE).exists():
        return (folder / PUBLIC_FILE).read_text().strip()
    return None


def last_generation(folder: Path) -> int:
    """Return the last generation of the store that the trails in a folder name; 0 if none does near its end."""
    return max((_last_generation(folder, chain) for chain in files.chains(folder)), default=0)


def _last_generation(folder: Path, chain: str) -> int:
    left = LOOKED_THROUGH
    for path in reversed(files.of_chain(folder, chain)):
        for raw in files.backwards(path):
            left -= len(raw)
            if left < 0:
                return 0
            if b" of the store" not in raw:  # a record a minute has it; the others are not read
                continue
            with contextlib.suppress(ValueError):
                record = read_line(raw).record
                match = _NAMED.fullmatch(str(record.get("message", "")))
                if match and record.get("event") in (STORE, START, STOP):
                    return int(match[1])
    return 0


HEAD_FACT: Final = "audit_head"


def head_fact(chain: str) -> str:
    """Return the name under which the database keeps the head of a chain; it may have those of several processes."""
    return HEAD_FACT if chain == SINGLE else f"{HEAD_FACT}:{chain}"


def read_head(text: str | None) -> Head:
    """Return the head that a fact tells."""
    sequence, _, digest = (text or "").partition(":")
    return Head(int(sequence), digest) if sequence.isdigit() else Head()


class UnreadableHeads(Exception):
    """The heads that the database keeps cannot be read; the text says why."""


def kept_heads(configuration: Configuration) -> Mapping[str, Head]:
    """Return the heads that the store keeps, read beside a running server and without the root key.

    Of a database with several nodes, those of the chains that are in this data directory, or were.
    Raises UnreadableHeads.
    """
    path = configuration.sqlite_path
    if path is None:
        return _heads_of_server(configuration)
    if not path.exists():
        return {}
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0) as connection:
            rows = connection.execute("SELECT name, value FROM facts").fetchall()
        connection.close()
    except sqlite3.Error as error:
        raise UnreadableHeads(f"{path}: {error}") from error
    return heads_in(dict(rows))


def _heads_of_server(configuration: Configuration) -> Mapping[str, Head]:
    # Imported when it is wanted: commands over SQLite do without.
    from kmip_adapters.storage.errors import StorageUnusable
    from kmip_adapters.storage.sql.backend import Options
    from kmip_adapters.storage.sql.backends import open_backend
    from kmip_adapters.storage.sql.database import Database

    try:
        options = Options(read_password=configuration.read_database_password)
        database = Database(open_backend(configuration.database_url, options))
        try:
            facts = database.facts(HEAD_FACT)
        finally:
            database.close()
            database.backend.close()
    except (KmipError, StorageUnusable, OSError) as error:
        raise UnreadableHeads(getattr(error, "message", None) or reason_of(error)) from error
    here, told = anchors.heads_of(folder_of(configuration)), names_told_by(configuration)
    return {chain: head for chain, head in heads_in(facts).items() if chain in here or told(chain)}


def heads_in(facts: Mapping[str, str]) -> dict[str, Head]:
    """Return the heads, by chain, that the facts of a database tell."""
    named = [(name.partition(":"), read_head(value)) for name, value in facts.items()]
    return {chain or SINGLE: head for (name, _, chain), head in named if name == HEAD_FACT and head.sequence}
