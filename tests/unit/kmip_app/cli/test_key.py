"""`kmipd key`: a key's life from the command line, in the formats of people, scripts and programs."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

from kmip_app.testing import KmipTestServer
from tests.unit.kmip_app.cli.conftest import Shell

VERSIONS = ["1.0", "1.1", "1.2", "1.3", "1.4", "2.0", "2.1"]


def stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_key_lives_its_life(kmipd: Shell, version: str) -> None:
    protocol = ("--kmip-version", version)
    key = kmipd("key", "create", "--algorithm", "AES", "--length", "256", "--name", "disk", *protocol)
    assert kmipd("key", "list", *protocol).split("\t") == [key, "disk", "Symmetric Key", "AES", "256", "Pre-Active"]
    assert kmipd("key", "activate", key, *protocol) == key
    assert kmipd.json("key", "show", key, *protocol)["state"] == "Active"
    assert len(bytes.fromhex(kmipd("key", "get", key, *protocol))) == 32
    successor = kmipd("key", "rekey", key, *protocol)
    assert kmipd("key", "list", "--name", "disk", *protocol).split("\t")[0] == successor
    kmipd("key", "revoke", key, "--reason", "cessation-of-operation", *protocol)
    assert kmipd.json("key", "show", key, *protocol)["state"] == "Deactivated"
    kmipd("key", "destroy", key, *protocol)
    code, _, err = kmipd.code("key", "get", key, *protocol)
    assert (code, err[:10]) == (1, "kmipd: Get")


def test_json_has_the_standard_s_fields(kmipd: Shell) -> None:
    made = kmipd.json("key", "create", "--algorithm", "AES", "--length", "128", "--name", "k")
    (row,) = kmipd.json("key", "list")

    assert made["object_type"] == "Symmetric Key"
    assert row["unique_identifier"] == made["unique_identifier"]
    assert (row["name"], row["cryptographic_algorithm"], row["cryptographic_length"]) == ("k", "AES", 128)


def test_people_get_a_table(kmipd: Shell) -> None:
    key = kmipd("key", "create", "--name", "for [bold]people[/]")
    text = kmipd("key", "list", "--format", "table")

    assert "Identifier" in text
    assert key in text
    assert "for [bold]people[/]" in text


def test_a_name_cannot_move_the_cursor(kmipd: Shell) -> None:
    kmipd("key", "create", "--name", "a\x1b[2Jb\nc")

    for form in ("plain", "table"):
        text = kmipd("key", "list", "--format", form)
        assert "\x1b" not in text
        assert "a\\x1b[2Jb\\nc" in text


def test_several_keys_at_once_and_one_that_is_not_there(kmipd: Shell) -> None:
    keys = [kmipd("key", "create") for _ in range(2)]
    code, out, err = kmipd.code("key", "activate", keys[0], "nothing", keys[1])

    assert code == 1
    assert out.split() == keys
    assert err == "nothing: Activate: Object Not Found: no such object\n"


def test_destroy_asks_no_question_where_there_is_no_terminal(kmipd: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    key = kmipd("key", "create")
    stdin(monkeypatch, b"")

    assert kmipd("key", "destroy", key) == key


def test_a_pair_signs_and_verifies(kmipd: Shell, tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"text")
    for arguments in (["--algorithm", "RSA", "--length", "2048"], ["--algorithm", "EC", "--curve", "P-256"]):
        private, public = kmipd("key", "pair", *arguments, "--activate").split("\t")
        signature = kmipd("key", "sign", private, tmp_path / "text")
        assert kmipd("key", "verify", public, tmp_path / "text", "--signature", signature) == "valid"
        code, out, _ = kmipd.code("key", "verify", public, "--data", "other", "--signature", signature)
        assert (code, out) == (1, "invalid\n")
        file = tmp_path / f"{private}.sig"
        kmipd("key", "sign", private, tmp_path / "text", "--out", file)
        assert kmipd("key", "verify", public, "--data", "text", "--signature-file", file) == "valid"


@pytest.mark.parametrize("arguments", [[], ["--mode", "cbc", "--padding", "pkcs5"], ["--mode", "ctr"]], ids=" ".join)
def test_decrypt_reads_what_encrypt_has_written(
    kmipd: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    key = kmipd("key", "create", "--activate")
    stdin(monkeypatch, b"\x00secret\xff")
    sealed = tmp_path / "sealed"
    kmipd("key", "encrypt", key, *arguments, "--out", sealed)
    clear = tmp_path / "clear"
    kmipd("key", "decrypt", key, sealed, "--out", clear)

    assert clear.read_bytes() == b"\x00secret\xff"
    assert (sealed.stat().st_mode & 0o777, clear.stat().st_mode & 0o777) == (0o600, 0o600)


def test_a_file_may_be_named_by_an_option(kmipd: Shell, tmp_path: Path) -> None:
    (tmp_path / "clear").write_text("secret")
    key = kmipd("key", "create", "--activate")
    kmipd("key", "encrypt", key, "--in", tmp_path / "clear", "--out", tmp_path / "sealed")
    assert kmipd("key", "decrypt", key, "--in", tmp_path / "sealed") == "secret"
    assert kmipd("key", "decrypt", key, tmp_path / "sealed") == "secret"
    code, _, err = kmipd.code("key", "decrypt", key, tmp_path / "sealed", "--in", tmp_path / "clear")
    assert (code, "name one file" in err) == (2, True)


def test_a_changed_cipher_text_is_refused(kmipd: Shell, tmp_path: Path) -> None:
    key = kmipd("key", "create", "--activate")
    envelope = kmipd.json("key", "encrypt", key, "--data", "secret", "--aad", "of alice")
    assert kmipd("key", "decrypt", key, "--data", json.dumps(envelope), "--aad", "of alice") == "secret"
    for change, aad in (({}, "of bob"), ({"data": "00" * 6}, "of alice")):
        code, _, err = kmipd.code("key", "decrypt", key, "--data", json.dumps(envelope | change), "--aad", aad)
        assert (code, "Decrypt" in err) == (1, True)


def test_an_rsa_key_encrypts(kmipd: Shell) -> None:
    usage = ("--private-usage", "Decrypt", "--public-usage", "Encrypt")
    private, public = kmipd("key", "pair", "--algorithm", "RSA", "--length", "2048", *usage, "--activate").split("\t")
    envelope = kmipd.json("key", "encrypt", public, "--data", "secret")

    assert kmipd("key", "decrypt", private, "--data", json.dumps(envelope)) == "secret"


def test_a_wrapped_key_can_be_unwrapped(kmipd: Shell, tmp_path: Path) -> None:
    wrapping = kmipd("key", "create", "--usage", "Wrap Key", "--activate")
    key = kmipd("key", "create", "--length", "128")
    wrapped = bytes.fromhex(kmipd("key", "wrap", key, "--with", wrapping))
    kek, clear = (bytes.fromhex(kmipd("key", "get", one)) for one in (wrapping, key))

    assert aes_key_unwrap(kek, wrapped) == clear


def pem(key: Any) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        pytest.param(rsa.generate_private_key(65537, 2048), "RSA", id="RSA"),
        pytest.param(ec.generate_private_key(ec.SECP256R1()), "EC", id="EC"),
        pytest.param(ed25519.Ed25519PrivateKey.generate(), "Ed25519", id="Ed25519"),
    ],
)
def test_a_private_and_a_public_key_come_back_as_they_were(
    kmipd: Shell, tmp_path: Path, key: Any, algorithm: str
) -> None:
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for content in (pem(key), public):
        (tmp_path / "key.pem").write_bytes(content)
        identifier = kmipd("key", "register", tmp_path / "key.pem", "--name", "k")
        assert kmipd.json("key", "show", identifier)["cryptographic_algorithm"] == algorithm
        assert kmipd("key", "get", identifier).encode() + b"\n" == content


@pytest.mark.parametrize(
    ("arguments", "object_type"),
    [
        (["--type", "secret-data"], "Secret Data"),
        (["--type", "opaque"], "Opaque Object"),
        (["--type", "symmetric-key"], "Symmetric Key"),
        ([], "Symmetric Key"),
        (["--encoding", "hex"], "Symmetric Key"),
        (["--encoding", "base64"], "Symmetric Key"),
    ],
    ids=str,
)
def test_a_secret_comes_back_as_it_was(
    kmipd: Shell, monkeypatch: pytest.MonkeyPatch, arguments: list[str], object_type: str
) -> None:
    encoding = arguments[-1] if "--encoding" in arguments else "raw"
    texts = {"raw": b"0123456789abcdef", "hex": b"30313233343536373839616263646566\n"}
    stdin(monkeypatch, texts.get(encoding, b"MDEyMzQ1Njc4OWFiY2RlZg==\n"))
    identifier = kmipd("key", "register", "-", *arguments)

    assert kmipd("key", "get", identifier, "--encoding", "raw") == "0123456789abcdef"
    assert kmipd.json("key", "get", identifier)["object_type"] == object_type


@pytest.mark.parametrize(
    ("words", "object_type"),
    [
        pytest.param(["--data", "hunter2"], "Secret Data", id="a password"),
        pytest.param(["--data", "0" * 64], "Secret Data", id="a text"),
        pytest.param(["--data", "0" * 48, "--encoding", "hex"], "Symmetric Key", id="an AES key"),
        pytest.param(["--data", "0" * 20, "--algorithm", "HMAC-SHA1"], "Symmetric Key", id="by its algorithm"),
    ],
)
def test_bytes_are_a_key_if_they_can_be_one(kmipd: Shell, words: list[str], object_type: str) -> None:
    identifier = kmipd("key", "register", *words)

    assert kmipd.json("key", "show", identifier)["object_type"] == object_type


def test_an_export_holds_everything(kmipd: Shell, tmp_path: Path) -> None:
    key = kmipd("key", "create", "--name", "k")
    for version in ("1.0", "1.4", "2.1"):
        file = tmp_path / version
        kmipd("key", "export", key, "--out", file, "--kmip-version", version)
        record = json.loads(file.read_text())
        assert record["key_material"] == kmipd("key", "get", key)
        assert record["attributes"]["names"] == ["k"]
        assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["create", "--algorithm", "AESS"], "'AESS' is no Cryptographic Algorithm; did you mean AES?"),
        (
            ["revoke", "1", "--reason", "whim"],
            "is no Revocation Reason Code; choose one of unspecified, key-compromise, ",
        ),
        (["list", "--state", "sleeping"], "'sleeping' is no State"),
        (["register", "--data", "x", "--type", "private-key"], "the input is no private key in PEM or DER"),
        (["register", "--data", "", "--type", "opaque"], "there is nothing to register"),
        (["register", "--data", "xyz", "--encoding", "hex"], "the input is not hex"),
        (["verify", "1", "--data", "x"], "name the signature"),
        (["verify", "1", "--data", "x", "--signature", "zz"], "--signature: non-hexadecimal"),
        (["list", "--kmip-version", "3.9"], "3.9 is none of"),
        (["activate"], "Missing argument 'ID...'"),
    ],
    ids=" ".join,
)
def test_mistakes_are_named(kmipd: Shell, words: list[str], text: str) -> None:
    code, _, err = kmipd.code("key", *words)

    assert code == 2
    assert text in err
    assert len(err.splitlines()) == 1


def test_a_file_that_is_there_is_not_overwritten(kmipd: Shell, tmp_path: Path) -> None:
    key = kmipd("key", "create")
    (tmp_path / "there").write_text("mine")
    code, _, _ = kmipd.code("key", "get", key, "--out", tmp_path / "there")

    assert code == 2
    assert (tmp_path / "there").read_text() == "mine"


def test_a_server_that_is_down_has_an_exit_code_of_its_own(kmipd: Shell, server: KmipTestServer) -> None:
    server.stop()
    try:
        code, _, err = kmipd.code("key", "list")
    finally:
        server.start()

    assert code == 3
    assert f"{server.host}:{server.port}" in err
    assert "kmipd doctor" in err
