"""Key bytes never reach a disk in clear: not the database, its log, the audit trail, logs at DEBUG, temporary files.

Known keys go through every kind of operation; after each, all files that the server and its commands can write are
searched for them, raw, reversed, in hexadecimal and in base64.
"""

import base64
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from attrs import define, field

from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    DerivationMethod,
    HashingAlgorithm,
    KeyFormatType,
    ObjectType,
    Operation,
    PaddingMethod,
    WrappingMethod,
)
from tests.e2e.dialogue import AES, Dialogue, Refused
from tests.interop.wire import Parts, attribute, key_block, template
from tests.server import StartedServer, run, running

EVERY_USE = CryptographicUsageMask(0x0000_0FFF)
PIECE = 12  # bytes of a key that must not be found anywhere, in any form


@define
class Watch:
    """Secrets, and the files in which they must not be."""

    root: Path
    secrets: list[bytes] = field(factory=list)

    def new(self, length: int = 32) -> bytes:
        """Return a new secret."""
        secret = os.urandom(length)
        self.secrets.append(secret)
        return secret

    def found(self) -> list[str]:
        """Return which file holds which secret, in which form."""
        files = {path: path.read_bytes() for path in sorted(self.root.rglob("*")) if path.is_file()}
        return [
            f"{path.relative_to(self.root)}: {form} of secret {number}"
            for number, secret in enumerate(self.secrets)
            for form, wanted in forms(secret)
            for path, content in files.items()
            if wanted in content
        ]


def forms(secret: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a secret as it may be written.  Of a long one the middle is enough, since its ends are encoding."""
    start = max(0, len(secret) // 2 - PIECE) if len(secret) > 64 else 0
    piece = secret[start : start + PIECE * 2]
    yield "bytes", piece[:PIECE]
    yield "reversed bytes", piece[::-1][:PIECE]
    yield "hex", piece[:PIECE].hex().encode()
    yield "HEX", piece[:PIECE].hex().upper().encode()
    yield "repr", repr(piece[:PIECE])[2:-1].encode()
    for shift in range(3):  # base64 looks different at each of three places
        yield f"base64 at {shift}", base64.b64encode(bytes(shift) + piece)[4 * bool(shift) : 24]


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    temporary = tmp_path / "watched" / "temporary"
    temporary.mkdir(parents=True)
    monkeypatch.setenv("TMPDIR", str(temporary))
    return Watch(tmp_path / "watched")


@pytest.fixture
def server(watch: Watch) -> Iterator[StartedServer]:
    log = watch.root / "server.log"
    with running(
        watch.root, "--data-dir", str(watch.root / "data"), "--logging_level", "DEBUG", "--log-path", str(log)
    ) as started:
        yield started


def described(length: int = 256, algorithm: CryptographicAlgorithm = AES) -> tuple[str, Parts]:
    return template(
        attribute("Cryptographic Algorithm", algorithm),
        attribute("Cryptographic Length", length),
        attribute("Cryptographic Usage Mask", EVERY_USE),
    )


def registered(client: Dialogue, key: bytes) -> str:
    payload: Parts = [
        ("ObjectType", ObjectType.SYMMETRIC_KEY),
        described(len(key) * 8),
        ("SymmetricKey", [key_block(key, KeyFormatType.RAW, AES)]),
    ]
    identifier: str = client.do(Operation.REGISTER, payload)["UniqueIdentifier"].value
    client.activate(identifier)
    return identifier


def test_the_search_finds_what_was_written(watch: Watch) -> None:
    secret = watch.new()
    for number, (_, wanted) in enumerate(forms(secret)):
        (watch.root / f"file-{number}").write_bytes(b"before" + wanted + b"after")
    (watch.root / "whole").write_bytes(b"x" + base64.b64encode(b"ab" + secret))

    assert {line.partition(":")[0] for line in watch.found()} == {
        "whole", *(f"file-{number}" for number, _ in enumerate(forms(secret)))
    }  # fmt: skip


def test_no_operation_leaves_key_bytes_in_a_file(server: StartedServer, watch: Watch) -> None:
    with Dialogue(server) as client:
        key = registered(client, watch.new())
        assert watch.found() == [], "Register"
        password = client.register_secret("a password", watch.new())
        assert watch.found() == [], "Register of a secret"
        for identifier in (client.create("created"), *client.create_pair("pair")):
            watch.secrets.append(client.material(identifier))
        del watch.secrets[-1]  # the public half is no secret
        assert watch.found() == [], "Create, Create Key Pair, Get"

        asked: Parts = [("UniqueIdentifier", key)]
        gcm: Parts = [("BlockCipherMode", BlockCipherMode.CBC), ("PaddingMethod", PaddingMethod.PKCS5)]
        cbc: tuple[str, Parts] = ("CryptographicParameters", gcm)
        sealed = client.do(Operation.ENCRYPT, [*asked, cbc, ("Data", watch.new()), ("IVCounterNonce", bytes(16))])
        client.do(Operation.DECRYPT, [*asked, cbc, ("Data", sealed["Data"].value), ("IVCounterNonce", bytes(16))])
        assert watch.found() == [], "Encrypt, Decrypt"
        hmac = ("CryptographicParameters", [("CryptographicAlgorithm", CryptographicAlgorithm.HMAC_SHA256)])
        client.do(Operation.MAC, [*asked, hmac, ("Data", b"data")])
        assert watch.found() == [], "MAC"
        wrapping: Parts = [
            ("WrappingMethod", WrappingMethod.ENCRYPT),
            (
                "EncryptionKeyInformation",
                [
                    ("UniqueIdentifier", key),
                    ("CryptographicParameters", [("BlockCipherMode", BlockCipherMode.NIST_KEY_WRAP)]),
                ],
            ),
        ]
        other = registered(client, watch.new())
        client.do(Operation.GET, [("UniqueIdentifier", other), ("KeyWrappingSpecification", wrapping)])
        assert watch.found() == [], "Get, wrapped"
        derived = client.do(
            Operation.DERIVE_KEY,
            [
                ("ObjectType", ObjectType.SYMMETRIC_KEY),
                ("UniqueIdentifier", key),
                ("DerivationMethod", DerivationMethod.HMAC),
                (
                    "DerivationParameters",
                    [
                        ("CryptographicParameters", [("HashingAlgorithm", HashingAlgorithm.SHA_256)]),
                        ("DerivationData", b"a label"),
                    ],
                ),
                described(),
            ],
        )
        replaced = client.do(Operation.RE_KEY, asked)
        for answer in (derived, replaced):
            watch.secrets.append(client.material(answer["UniqueIdentifier"].value))
        assert watch.found() == [], "Derive Key, Re-key"

        with pytest.raises(Refused):  # the length does not fit the bytes
            client.do(
                Operation.REGISTER,
                [
                    ("ObjectType", ObjectType.SYMMETRIC_KEY),
                    described(128),
                    ("SymmetricKey", [key_block(watch.new(), KeyFormatType.RAW, AES)]),
                ],
            )
        with suppress(Refused, OSError):  # key bytes where none belong
            client.do(Operation.GET, [("UniqueIdentifier", key), ("KeyMaterial", watch.new())])
    assert watch.found() == [], "refused requests"
    with Dialogue(server) as client:
        for identifier in (key, other):
            client.revoke(identifier)
            client.destroy(identifier)
        client.destroy(password)
    assert watch.found() == [], "Revoke, Destroy"


def test_no_command_beside_the_server_leaves_key_bytes_in_a_file(server: StartedServer, watch: Watch) -> None:
    data = watch.root / "data"
    with Dialogue(server) as client:
        keys = {registered(client, key): key for key in (watch.new() for _ in range(3))}
        root_key = (data / "root.key").read_text().splitlines()[-1]

        assert printed("backup", str(watch.root / "copy"), "--data-dir", str(data)) == "the root key is not in it"
        assert bytes.fromhex(root_key) not in (watch.root / "copy").read_bytes()
        for words in (["rotate-root-key"], ["rotate-data-key"], ["verify"]):
            printed(*words, "--data-dir", str(data))
            new = registered(client, key := watch.new())  # the server goes on, under the new keys
            keys[new] = key
            assert {identifier: client.material(identifier) for identifier in keys} == keys
        assert watch.found() == []
    assert root_key not in (data / "root.key").read_text()
    assert printed("verify", "--data-dir", str(data)) == "everything opens"


def printed(*arguments: str) -> str:
    """Run a command to its end and return the end of its last line."""
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].rpartition("; ")[-1]
