"""What a client can cost at each limit: every limit of the code is driven to its value, and the cost is measured.

    python -m benchmarks.limits [--write] [NAME...]

A row names the constant that it drives. `time` is processor time of this process and its ended children, the least of
three runs, so that other work on the machine counts little; `/ Get` divides it by a Get of the same minute, which says
more than milliseconds of a machine nobody has. `memory` is what Python has allocated more once the limit is reached.
What is a number of bytes or of records itself has no other cost. `--write` puts the table into `docs/operate/costs.md`;
a test compares names and limits there with the code.
"""

from __future__ import annotations

import gc
import resource
import sys
import time
import tracemalloc
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from benchmarks import limit_cases as cases

ROUNDS: Final = 3
PAGE: Final = Path(__file__).parents[1] / "docs" / "operate" / "costs.md"


@frozen
class Row:
    """One limit.

    what: in words.  where: the constant, "module:NAME" or "module:NAME.field".  unit: of the limit.
    prepare: makes what is measured, with the limit reached; None where the limit is its own cost.
    is_memory: what it returns is kept and weighed, instead of timed.
    """

    what: str
    where: str
    unit: str
    prepare: Callable[[], cases.Run] | None = None
    is_memory: bool = False

    @property
    def value(self) -> float:
        """The limit, as the code has it."""
        module, _, names = self.where.partition(":")
        found: Any = import_module(module)
        for name in names.split("."):
            found = getattr(found() if isinstance(found, type) else found, name)
        return float(found)

    @property
    def limit(self) -> str:
        """The limit with its unit."""
        return f"{self.value:,.0f} {self.unit}"


_CORE, _ADAPTERS = "kmip_core", "kmip_adapters"

ROWS: Final = (
    Row("A request, in binary", f"{_ADAPTERS}.ttlv.encodings.framing:MAX_MESSAGE_SIZE", "bytes", cases.longest_message),
    Row("Items of a request", f"{_ADAPTERS}.ttlv.encodings.items:REQUEST_LIMITS.max_items", "items", cases.most_items),
    Row(
        "Structures in each other",
        f"{_ADAPTERS}.ttlv.encodings.items:REQUEST_LIMITS.max_depth",
        "levels",
        cases.deepest,
    ),
    Row(
        "A Big Integer",
        f"{_ADAPTERS}.ttlv.encodings.items:REQUEST_LIMITS.max_big_integer",
        "bytes",
        cases.largest_number,
    ),
    Row("A request, in JSON or XML", f"{_ADAPTERS}.ttlv.encodings.text:MAX_TEXT_LENGTH", "bytes", cases.longest_text),
    Row("Items of a batch (Gets)", f"{_CORE}.settings:Settings.maximum_batch_items", "items", cases.most_batch_items),
    Row("Criteria of a Locate", f"{_CORE}.criteria:MAXIMUM_CRITERIA", "criteria", cases.most_criteria),
    Row(
        "Attribute instances of an object, read",
        f"{_CORE}.procedures.attribute_values:MAXIMUM_INSTANCES",
        "instances",
        cases.most_instances,
    ),
    Row(
        "Attributes of an object, read",
        f"{_ADAPTERS}.storage.sql.rows:MAXIMUM_ATTRIBUTES",
        "bytes",
        cases.longest_attributes,
    ),
    Row("Templates of a request", f"{_CORE}.procedures.templates:MAXIMUM_TEMPLATES", "templates", cases.most_templates),
    Row("RNG Retrieve", f"{_CORE}.operations.rng_retrieve:MAXIMUM", "bytes", cases.random_bytes),
    Row("Log", f"{_CORE}.operations.log:MAXIMUM", "characters", cases.longest_note),
    Row(
        "Operations in parts of an identity",
        f"{_CORE}.streams:MAXIMUM_PER_PRINCIPAL",
        "operations",
        cases.streams,
        is_memory=True,
    ),
    Row("Handles of a PKCS#11 application", f"{_CORE}.pkcs11_sessions:MAXIMUM_HANDLES", "handles", cases.handles, True),
    Row(
        "PKCS#11 applications of an identity, all sessions open",
        f"{_CORE}.pkcs11_sessions:MAXIMUM_PER_PRINCIPAL",
        "applications",
        cases.applications_of_one,
        is_memory=True,
    ),
    Row("Keys whose failed decryptions count", f"{_CORE}.key_counters:MAXIMUM_KEYS", "keys", cases.counted_keys, True),
    Row("Requests that are remembered", f"{_ADAPTERS}.ttlv.repeats:MOST", "requests", cases.remembered_requests, True),
    Row(
        "Searches that are remembered",
        f"{_ADAPTERS}.storage.sql.known_reads:SEARCHES",
        "searches",
        cases.known_searches,
        is_memory=True,
    ),
    Row(
        "Names of users that are remembered",
        f"{_ADAPTERS}.identity.stored_users:REMEMBERED",
        "names",
        cases.names_of_users,
        is_memory=True,
    ),
    Row(
        "Allowances of guesses that are remembered",
        f"{_ADAPTERS}.identity.remembered_allowances:REMEMBERED",
        "allowances",
        cases.remembered_allowances,
        is_memory=True,
    ),
    Row(
        "Iterations of a salted password",
        f"{_CORE}.procedures.system_objects:MAXIMUM_ITERATIONS",
        "iterations",
        cases.salted_password,
    ),
    Row(
        "Memory of an Argon2 hash, with 10 passes",
        f"{_ADAPTERS}.identity.password_hashing:MAXIMUM_MEMORY",
        "KiB",
        cases.password_hash,
    ),
    Row(
        "Evidence of an attestation", f"{_ADAPTERS}.identity.attestations:MAXIMUM_EVIDENCE", "bytes", cases.attestation
    ),
    Row(
        "A certificate signing request",
        f"{_ADAPTERS}.crypto.software.certificates.requests:MAXIMUM_REQUEST",
        "bytes",
        cases.longest_request,
    ),
    Row("An RSA key, signing", f"{_ADAPTERS}.crypto.software.limits:MAXIMUM_RSA_BITS", "bits", cases.largest_signature),
    Row("PBKDF2 with SHA-256", f"{_ADAPTERS}.crypto.software.limits:MAXIMUM_PBKDF2_BLOCKS", "iterations", cases.pbkdf2),
    Row(
        "SP 800-108 with HMAC-SHA-256",
        f"{_ADAPTERS}.crypto.software.limits:MAXIMUM_PRF_BYTES",
        "bytes",
        cases.counter_mode,
    ),
    Row(
        "Splitting a key of 4,096 bits",
        f"{_ADAPTERS}.crypto.software.limits:MAXIMUM_SHARING_WORK",
        "multiplications",
        cases.most_parts,
    ),
    # What is its own cost.
    Row("Bytes that an operation in parts holds back", f"{_ADAPTERS}.crypto.refusals:MAXIMUM_HELD_BYTES", "bytes"),
    Row("Bytes that those of an identity hold back", f"{_CORE}.streams:MAXIMUM_BYTES_PER_PRINCIPAL", "bytes"),
    Row("Bytes that all hold back", f"{_CORE}.streams:MAXIMUM_BYTES", "bytes"),
    Row("PKCS#11 results that wait, of an identity", f"{_CORE}.pkcs11_sessions:MAXIMUM_KEPT", "bytes"),
    Row("PKCS#11 results that wait, in all", f"{_CORE}.pkcs11_sessions:MAXIMUM_KEPT_IN_ALL", "bytes"),
    Row("An answer", f"{_CORE}.settings:Settings.maximum_response_size", "bytes"),
    Row("Operations to be answered later, of an identity", f"{_CORE}.settings:Settings.asynchronous_bytes", "bytes"),
    Row("Rights of a delegated ticket", f"{_CORE}.rights:MAXIMUM_SIZE", "characters"),
    Row("A one-time pad", f"{_ADAPTERS}.crypto.software.cipher_tables:MAXIMUM_PAD_BYTES", "bytes"),
    Row("Head of an HTTPS request", f"{_ADAPTERS}.transport.http_carriage:HEAD_BYTES", "bytes"),
    Row("Head of a request to the enrolment or admin listener", "kmip_app.monitoring.admin:HEAD_BYTES", "bytes"),
    Row("Body of a request to the enrolment listener", "kmip_app.monitoring.admin:BODY_BYTES", "bytes"),
)

ELSEWHERE: Final = {
    # Their cost is measured in another row, or on another page.
    f"{_CORE}.criteria:MAXIMUM_ALTERNATIVES": "ways to satisfy one of the criteria of a Locate",
    f"{_CORE}.operations.join_split_key:MAXIMUM_PARTS": "in the multiplications of a split key",
    f"{_CORE}.operations.validate:MAXIMUM_CHAIN": "docs/cryptography.md, certificates of a chain",
    f"{_CORE}.procedures.pkcs12:MAXIMUM_CHAIN": "docs/cryptography.md, certificates of a chain",
    f"{_CORE}.procedures.system_objects:MAXIMUM_LINKS": "administrators alone make users",
    f"{_CORE}.procedures.system_objects:MAXIMUM_GROUPS": "administrators alone make groups",
    f"{_CORE}.creation_rules:MAXIMUM_RULES": "administrators alone make rules",
    f"{_CORE}.procedures.protection_counts:MAXIMUM": "a count of uses, which cost what they cost",
    f"{_CORE}.key_counters:MAXIMUM_DELAY": "a delay that costs the client alone",
    f"{_CORE}.streams:MAXIMUM_STREAMS": "sixteen identities with all of theirs",
    f"{_CORE}.tickets:MAXIMUM_TICKETS": "rows of the database, that end with their lease",
    f"{_CORE}.tickets:MAXIMUM_PER_PRINCIPAL": "rows of the database, that end with their lease",
    f"{_CORE}.subscriptions:MAXIMUM_SCOPES": "operators alone name scopes",
    f"{_CORE}.subscriptions:MAXIMUM_SUBSCRIPTIONS": "rows of the database, one of each client",
    f"{_CORE}.subscriptions:MAXIMUM_NOTICES": "rows of the database, some 300 bytes each",
    f"{_CORE}.deferral:MAXIMUM_CLAIMS": "attempts at one batch that ends the process",
    f"{_CORE}.rotation:LONGEST_PAUSE": "seconds between two attempts of the server itself",
    f"{_CORE}.pkcs11.objects:MAXIMUM_FOUND": "one Locate, and handles",
    f"{_CORE}.pkcs11.objects:MAXIMUM_COMPARED": "as many times the attributes of an object, read",
    f"{_CORE}.pkcs11.encoding:MAXIMUM_ATTRIBUTES": "a part of one request",
    f"{_CORE}.pkcs11.keys:MAXIMUM_RANDOM": "RNG Retrieve",
    f"{_CORE}.pkcs11_sessions:MAXIMUM_APPLICATIONS": "in the limits of cases.handles, sessions and results",
    f"{_CORE}.pkcs11_sessions:MAXIMUM_SESSIONS": "in the applications of an identity",
    f"{_CORE}.pkcs11_sessions:MAXIMUM_HANDLES_OF_ONE": "handles of several applications",
    f"{_CORE}.pkcs11_sessions:MAXIMUM_HANDLES_IN_ALL": "ten times the handles of an application",
    f"{_CORE}.pkcs11_sessions:MAXIMUM_WAITING": "eight bytes each",
    f"{_CORE}.procedures.proven_attributes:MOST": "some 500 bytes each",
    f"{_CORE}.operations.import_:MAXIMUM_IDENTIFIER": "255 characters of a key of the database",
    f"{_CORE}.settings:Settings.asynchronous_requests": "in the bytes of an identity",
    f"{_ADAPTERS}.identity.password_hashing:MAXIMUM_PASSES": "in the memory of an Argon2 hash",
    f"{_ADAPTERS}.identity.password_hashing:MAXIMUM_LANES": "in the memory of an Argon2 hash",
    f"{_ADAPTERS}.identity.attestations:ATTESTATIONS_AT_ONCE": "as many times the evidence of an attestation",
    f"{_ADAPTERS}.crypto.processes.pool:MAXIMUM_WAITING": "jobs that wait cost the memory of their requests",
    f"{_ADAPTERS}.crypto.software.adapter:MAXIMUM_RANDOM_BYTES": "RNG Retrieve",
    f"{_ADAPTERS}.crypto.software.der:MAXIMUM_VALUES": "docs/cryptography.md, encoding of a key",
    f"{_ADAPTERS}.crypto.software.loaded_keys:MOST": "keys that are kept loaded, some 10 KiB each",
    f"{_ADAPTERS}.crypto.software.signatures:LONGEST_CONTEXT": "255 bytes more to sign",
    f"{_ADAPTERS}.crypto.software.pkcs12:MAXIMUM_PASSWORD": "docs/cryptography.md, PKCS#12 container",
    f"{_ADAPTERS}.crypto.software.pkcs12:MAXIMUM_DEPTH": "docs/cryptography.md, PKCS#12 container",
    f"{_ADAPTERS}.policy.json_format:MAXIMUM_SIZE": "operators alone write policies",
    f"{_ADAPTERS}.sealing.envelope:MAXIMUM_USES": "a count of uses of a data key",
    f"{_ADAPTERS}.sealing.command_key:MAXIMUM_WRAPPED_BYTES": "operators alone choose the root key",
    f"{_ADAPTERS}.sealing.passphrase:MAXIMUM_BYTES": "operators alone choose the root key",
    f"{_ADAPTERS}.storage.sql.unit_of_work:MAXIMUM_EXAMINED": "0.1 ms each, in a thread for slow work",
    f"{_ADAPTERS}.storage.sql.row_forms:MOST": "some 4 KiB each",
    f"{_ADAPTERS}.storage.sql.row_forms:LONGEST": "in the forms of rows that are kept",
    f"{_ADAPTERS}.storage.sql.read_forms:MOST": "some 4 KiB each",
    f"{_ADAPTERS}.storage.sql.read_forms:LONGEST": "in the forms of records that are kept",
    f"{_ADAPTERS}.storage.sql.submissions:LONGEST_CLAIM": "seconds for which a node claims a batch",
    f"{_ADAPTERS}.storage.sql.versions:MAXIMUM": "some 200 bytes each",
    f"{_ADAPTERS}.storage.sql.writer:MAXIMUM_WAITS": "milliseconds of the writing thread",
    f"{_ADAPTERS}.storage.sql.postgresql.backend:LONGEST_PAUSE": "seconds between two attempts of the server itself",
    f"{_ADAPTERS}.storage.sql.postgresql.backend:LONGEST_KEY": "bytes of one entry of an index",
    f"{_ADAPTERS}.transport.http_carriage:CREDENTIAL_BYTES": "in the head of an HTTPS request",
    f"{_ADAPTERS}.transport.refusals:AT_ONCE": "records of the trail in a minute",
    f"{_ADAPTERS}.transport.send_queue:LONGEST": "in the answers that wait for each other",
    f"{_ADAPTERS}.transport.send_queue:MOST": "512 KiB in all, for a turn of the loop",
    f"{_ADAPTERS}.storage.sql.storage:FORGOTTEN_AT_ONCE": "records of the server itself",
    f"{_ADAPTERS}.transport.watchdog:LIMIT": "what is logged, not what is allowed",
    f"{_ADAPTERS}.transport.tls.client_hello:LIMIT": "bytes of a handshake that are looked at for the log",
    f"{_ADAPTERS}.ttlv.repeats:LONGEST": "in the requests that are remembered",
    f"{_ADAPTERS}.ttlv.known_answers:MOST": "some 5 KiB each, as long as nothing changes and a second at most",
    f"{_ADAPTERS}.ttlv.known_answers:LONGEST": "in the answers that are kept",
    f"{_ADAPTERS}.identity.certificate:REMEMBERED": "names of clients whose certificates are valid",
    f"{_ADAPTERS}.identity.groups:REMEMBERED": "groups of clients whose certificates are valid",
    f"{_ADAPTERS}.identity.passwords:REMEMBERED": "a digest each",
    f"{_ADAPTERS}.policy.static:REMEMBERED": "answers for policies and groups that an administrator writes",
    f"{_ADAPTERS}.pkcs11_session.worker:REMEMBERED": "handles of keys in the token",
    f"{_ADAPTERS}.storage.sql.holdings:REMEMBERED": "two numbers of an owner each",
    f"{_ADAPTERS}.storage.sql.locate:SHAPES": "statements of 1,400 characters at most",
    f"{_ADAPTERS}.storage.sql.rows:REMEMBERED": "20 MiB each of rows read, objects known and rows written",
    f"{_CORE}.rotation:REMEMBERED": "two numbers of an object each",
    f"{_CORE}.procedures.key_use:MOST_USED": "some 500 bytes each",
    f"{_ADAPTERS}.crypto.software.keys:LONGEST_PUBLIC": "in the public keys that are remembered",
    f"{_ADAPTERS}.crypto.software.keys:MOST_PUBLIC": "some 6 KiB each",
    f"{_ADAPTERS}.ttlv.messages.direct:LONGEST_HEADER": "in the headers that are remembered",
    f"{_ADAPTERS}.ttlv.messages.direct:MOST_HEADERS": "some 500 bytes each",
    f"{_ADAPTERS}.ttlv.messages.direct:LONGEST_BEGINNING": "in the beginnings that are remembered",
    f"{_ADAPTERS}.ttlv.messages.direct:MOST_BEGINNINGS": "some 700 bytes each",
    f"{_ADAPTERS}.ttlv.converter.direct:LONGEST_REMEMBERED": "in the texts that are remembered",
    f"{_ADAPTERS}.ttlv.converter.direct:MOST_REMEMBERED": "64 KiB of requests for each place in a message",
    f"{_ADAPTERS}.ttlv.converter.key_templates:MOST": "some 200 bytes each",
    f"{_ADAPTERS}.ttlv.messages.items:MAXIMUM_RESPONSE_SIZE": "the tag of a field",
    f"{_ADAPTERS}.pkcs11_session.messages:MAXIMUM_BYTES": "between the server and its own process",
    "kmip_app.monitoring.admin:CONNECTIONS": "heads and bodies of requests",
    "kmip_app.monitoring.clients:REMEMBERED": "certificates that are valid, some 500 bytes each",
    "kmip_app.monitoring.admin:OF_AN_ADDRESS": "heads and bodies of requests",
    "kmip_app.pki.authority:MAXIMUM_RSA": "reading a key of a signing request, as in one of Certify",
    "kmip_app.pki.registry:PENDING_LIMIT": "as many bodies of requests, in a file",
    "kmip_app.pushing.dispatcher:CLIENTS_AT_ONCE": "threads",
    "kmip_app.pushing.dispatcher:LONGEST_PAUSE": "seconds between two attempts of the server itself",
}
"""Limits that need no figure of their own, and why."""


# --- measuring --------------------------------------------------------------------------------------------------------


def seconds_of(run: cases.Run) -> float:
    """Return the least processor time of a few runs, of this process and of children that have ended."""
    least = float("inf")
    for _ in range(ROUNDS):
        begun = _spent()
        run()
        least = min(least, _spent() - begun)
    return least


def _spent() -> float:
    return time.process_time() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime


def bytes_of(run: cases.Run) -> int:
    """Return what is allocated more once `run` has returned, while its result is kept."""
    run()  # what is made once is not weighed
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        kept = run()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        del kept
        return max(0, after - before)
    finally:
        tracemalloc.stop()


def a_get() -> float:
    """Return the processor time of a Get, in seconds."""
    from kmip_core.operations import get

    run = cases.bench().repeated(get.Request(unique_identifier=cases.bench().a_key()))

    def many() -> None:
        for _ in range(200):
            run()

    many()
    return seconds_of(many) / 200


def figure(row: Row, get_seconds: float) -> tuple[str, str]:
    """Return the cost of a row at its limit, and the same in Gets."""
    if row.prepare is None:
        return "the limit itself", ""
    run = row.prepare()
    if row.is_memory:
        return f"{bytes_of(run) / 1024:,.0f} KiB", ""
    seconds = seconds_of(run)
    if seconds < 1e-4:
        return f"{seconds * 1e6:,.1f} us", "less than 1" if seconds < get_seconds else "1"
    shown = f"{seconds:,.1f} s" if seconds >= 1 else f"{seconds * 1e3:,.2f} ms"
    return shown, f"{seconds / get_seconds:,.0f}"


HEAD: Final = """\
# What a client costs at each limit

<!-- Written by python -m benchmarks.limits --write; do not edit. -->

Every number that a client chooses has a limit in the code; here each is driven to it. Times are processor time on one
core, the least of three runs on a machine that did other things as well: read them as orders of magnitude. The column
"Gets" divides them by a Get measured in the same minute, which carries over to other machines. What may take longer
than some 10 ms runs in threads or in child processes and holds nobody else up ([limits](limits.md)); the limits of
cryptography are in [cryptography](../cryptography.md), each with its cost.

| What | Limit | Cost at the limit | Gets | In the code |
|---|---|---|---|---|
"""


def table(figures: dict[str, tuple[str, str]]) -> str:
    """Return the page.  figures: by `where`."""
    lines = [
        f"| {row.what} | {row.limit} | {figures[row.where][0]} | {figures[row.where][1]} | `{row.where}` |"
        for row in ROWS
    ]
    return HEAD + "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Measure, print, and write the page if that is wanted."""
    names = [argument for argument in arguments if not argument.startswith("--")]
    figures: dict[str, tuple[str, str]] = {}
    with cases.measuring():
        get_seconds = a_get()
        print(f"a Get: {get_seconds * 1e6:.0f} microseconds of processor time")
        for row in ROWS:
            if not names or any(name in row.where for name in names):
                figures[row.where] = figure(row, get_seconds)
                print(f"{row.what}: {row.limit}: {' '.join(figures[row.where])}", flush=True)
    if "--write" in arguments and not names:
        PAGE.write_text(table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
