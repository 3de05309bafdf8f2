"""A process that makes and destroys keys in a token and dies by SIGKILL at a step of that; then one at the next step.

    python -m tests.token_steps FOLDER MODULE LABEL PIN_FILE

Every process begins as a server does, with the sweep; checks what the ones before it have left; and works until its
step. The first one survives and finds the steps. For each a line is printed, with its exit status and the step.
"""

import os
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from kmip_adapters.crypto.pkcs11 import journal
from kmip_adapters.crypto.pkcs11.adapter import LABEL
from kmip_adapters.pkcs11_session import messages
from kmip_adapters.storage.sql.maintenance import everything
from kmip_adapters.storage.sql.sqlite import SqliteBackend
from kmip_app.configuration.config import Configuration
from kmip_app.configuration.secret_places import SECRET
from kmip_app.container import build
from kmip_app.maintenance.token_keys import settle_token_keys
from kmip_app.parts import Parts, sql_storage_of
from kmip_core.attributes import Attributes
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ObjectType,
    Operation,
    State,
)
from kmip_core.errors import KmipError
from kmip_core.objects import SymmetricKey, key_block_of
from kmip_core.operations import activate, create, create_key_pair, destroy, encrypt, register
from kmip_core.structures import CryptographicParameters
from tests.builders import perform, stored
from tests.rounds import NIGHTLY

BOTH: Final = CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT
AES: Final = Attributes(
    cryptographic_algorithm=CryptographicAlgorithm.AES, cryptographic_length=128, cryptographic_usage_mask=BOTH
)
GCM: Final = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM)
CREATE: Final = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=AES)
PAIRS: Final = tuple(
    create_key_pair.Request(
        common_attributes=Attributes(cryptographic_algorithm=algorithm, cryptographic_length=length),
        private_key_attributes=Attributes(cryptographic_usage_mask=CryptographicUsageMask.SIGN),
        public_key_attributes=Attributes(cryptographic_usage_mask=CryptographicUsageMask.VERIFY),
    )
    for algorithm, length in ((CryptographicAlgorithm.RSA, 2048), (CryptographicAlgorithm.EC, 256))
)
CHANGES: Final = {"generate", "generate_rsa", "generate_ec", "import_secret", "destroy"}
"""Calls after which the token has a key more or less."""


class Steps:
    """Kills this process after a step: after the second COMMIT at "COMMIT 2".  last: None writes all steps down."""

    def __init__(self, last: str | None, survey: Path) -> None:
        self._last = last
        self._survey = survey
        self._seen: Counter[str] = Counter()
        self._asked = ""
        self._fails = False

    def say(self, step: str) -> None:
        """Note a step; it may be the last."""
        self._seen[step] += 1
        numbered = f"{step} {self._seen[step]}"
        if self._last is None:
            with self._survey.open("a") as file:
                file.write(f"{numbered}\n")
        elif numbered == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Have a step follow everything that changes journal, token or store."""
        self._follow(journal.Journal, "_write", lambda of, word, key_id: f"line {word}")
        self._follow(os, "replace", lambda old, new: "new journal" if ".journal" in str(new) else None)
        self._follow(messages, "send", self._request)
        self._follow(messages, "receive", lambda connection: self._asked and f"answer to {self._asked}")
        self._follow(SqliteBackend, "commit", lambda backend, cursor: "COMMIT")
        commit = SqliteBackend.commit

        def committing(backend: SqliteBackend, cursor: Any) -> None:
            self.say("statements")
            if self._fails:
                raise OSError("the disk is full")
            commit(backend, cursor)

        setattr(SqliteBackend, "commit", committing)  # noqa: B010  a method is replaced

    def fail_commits(self, fails: bool) -> None:
        """Have every commit fail from now on, or none."""
        self._fails = fails

    def _request(self, connection: Any, message: dict[str, Any]) -> str | None:
        self._asked = message["call"] if message.get("call") in CHANGES else ""
        return self._asked and f"request {self._asked}"

    def _follow(self, owner: Any, name: str, step_of: Callable[..., str | None]) -> None:
        inner = getattr(owner, name)

        def outer(*arguments: Any) -> Any:
            if not (step := step_of(*arguments)):
                return inner(*arguments)
            result = inner(*arguments)
            self.say(step)
            return result

        setattr(owner, name, outer)


class Acknowledged:
    """What clients were answered, in a file that outlives the process."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, word: str, identifier: str) -> None:
        """Keep an answer: made or destroyed; or that one is waited for: asked."""
        with self._path.open("a") as file:
            file.write(f"{word} {identifier}\n")

    def last(self) -> dict[str, str]:
        """Return the last word about each object."""
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        return {identifier: word for word, identifier in (line.split() for line in lines)}


def check(parts: Parts, acknowledged: Acknowledged) -> None:
    """Have every object its key, every key its object, and every client what it was answered."""
    keys: Any = parts.token()
    engine = parts.engine()
    held = {}
    for stored_object, content in everything(sql_storage_of(parts), lambda done, total: None):
        block = None if content is None else key_block_of(content)
        if block is not None and block.handle is not None:
            held[stored_object.unique_identifier] = block.handle.token
    in_token = {key_id.hex() for key_id in keys._token.call("listed", label_prefix=LABEL)}
    assert set(held.values()) == in_token, (held, in_token)
    assert not keys.unsettled()
    for identifier, word in acknowledged.last().items():
        assert word == "asked" or (identifier in held) == (word == "made"), (identifier, word)
        assert stored(engine, identifier).has_content == (identifier in held)
    for identifier in held:
        managed_object = stored(engine, identifier)
        if managed_object.object_type is ObjectType.SYMMETRIC_KEY:
            if managed_object.attributes.state is State.PRE_ACTIVE:
                perform(engine, Operation.ACTIVATE, activate.Request(unique_identifier=identifier))
            request = encrypt.Request(unique_identifier=identifier, cryptographic_parameters=GCM, data=b"x")
            assert perform(engine, Operation.ENCRYPT, request).data


def work(parts: Parts, acknowledged: Acknowledged, steps: Steps) -> None:
    """Make and destroy keys in every way."""
    engine = parts.engine()

    def made(operation: Operation, request: Any) -> str:
        answer = perform(engine, operation, request)
        identifier: str = getattr(answer, "private_key_unique_identifier", None) or answer.unique_identifier
        acknowledged.note("made", identifier)
        return identifier

    key = made(Operation.CREATE, CREATE)
    acknowledged.note("asked", key)  # what has no answer yet may have happened
    perform(engine, Operation.DESTROY, destroy.Request(unique_identifier=key))
    acknowledged.note("destroyed", key)
    steps.fail_commits(True)
    try:
        perform(engine, Operation.CREATE, CREATE)
    except KmipError:
        steps.fail_commits(False)
    if NIGHTLY in os.environ:
        imported = SymmetricKey(CryptographicAlgorithm.AES, 128, os.urandom(16))
        attributes = Attributes(cryptographic_usage_mask=BOTH)
        made(
            Operation.REGISTER,
            register.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes, managed_object=imported),
        )
        for pair in PAIRS:
            made(Operation.CREATE_KEY_PAIR, pair)
        journal._REWRITE_AT = 0  # type: ignore[misc]  # the journal is written anew at every line
        made(Operation.CREATE, CREATE)


def live(configuration: Configuration, last: str | None) -> int:
    """Start, check, and work until the step, in a process of its own; return its exit status."""
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    try:
        parts = build(configuration)
        folder = configuration.data_directory
        acknowledged, steps = Acknowledged(folder / "acknowledged"), Steps(last, folder / "steps")
        settle_token_keys(parts.token(), parts.storage())
        check(parts, acknowledged)
        steps.watch()
        work(parts, acknowledged, steps)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def main() -> None:
    """Let one process after the other live, until one has no step left."""
    folder, module, label, pin = sys.argv[1:]
    configuration = Configuration(
        data_directory=Path(folder),
        crypto="pkcs11",
        pkcs11_module=Path(module),
        pkcs11_token=label,
        pkcs11_pin=SECRET.read(f"file:{pin}"),
    )
    print(live(configuration, None), "all", flush=True)
    for last in (*(Path(folder) / "steps").read_text().splitlines(), "none"):
        print(status := live(configuration, last), last, flush=True)
        if status > 0:
            return


if __name__ == "__main__":
    main()
