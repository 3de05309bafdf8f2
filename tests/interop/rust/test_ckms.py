"""ckms, Cosmian's command line in Rust, over HTTPS and JSON, by the configuration that a user pastes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from attrs import frozen
from cryptography import x509

from kmip_app.testing import KmipTestServer
from tests.interop import building

pytestmark = pytest.mark.builds
VERSION: Final = "5.28.0"
CONFIGURATION: Final = Path(__file__).with_name("ckms.toml")
IDENTIFIER: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LEAN: Final = {"CARGO_PROFILE_DEV_DEBUG": "0", "CARGO_PROFILE_DEV_OPT_LEVEL": "0"}


@pytest.fixture(scope="module")
def program() -> Path:
    """The program; an hour's work for one processor, done once in a folder that is kept."""
    building.need("cargo")
    root = building.FOLDER / "ckms"
    root.mkdir(parents=True, exist_ok=True)
    words = ("cargo", "install", "--debug", "--locked", "--root", str(root), "ckms", "--version", VERSION)
    building.build(*words, folder=root, CARGO_TARGET_DIR=str(building.FOLDER / "ckms-target"), **LEAN)
    return root / "bin" / "ckms"


@frozen
class Ckms:
    """Runs the program in a folder of its own."""

    program: Path
    folder: Path
    ca: str

    def __call__(self, *words: str) -> str:
        """Return what it prints when it ends well."""
        environment = {"CKMS_CONF_PATH": str(self.folder / "ckms.toml"), "SSL_CERT_FILE": self.ca}
        return building.run(self.program, *words, folder=self.folder, HOME=str(self.folder), **environment)

    def made(self, *words: str) -> list[str]:
        """Return the identifiers that it prints."""
        return list(dict.fromkeys(IDENTIFIER.findall(self(*words))))


@pytest.fixture
def ckms(program: Path, tmp_path: Path) -> Iterator[Ckms]:
    with KmipTestServer(https_port=0) as server:
        ours = {"kms.example:5697": f"localhost:{server.https_port}", "/etc/kmip/client.crt": server.cert}
        text = CONFIGURATION.read_text("utf-8")
        for example, value in (ours | {"/etc/kmip/client.key": server.key}).items():
            assert example in text
            text = text.replace(example, value)
        (tmp_path / "ckms.toml").write_text(text)
        (tmp_path / "plain").write_text("0123456789abcdef" * 4)
        yield Ckms(program, tmp_path, server.ca)


def test_a_symmetric_key_lives_its_life(ckms: Ckms) -> None:
    (other,) = ckms.made("sym", "keys", "create", "-l", "128")
    (key,) = ckms.made("sym", "keys", "create", "-l", "256", "-t", "disk")

    assert ckms.made("locate", "-t", "disk") == [key]
    assert set(ckms.made("locate", "-o", "SymmetricKey", "-a", "AES")) == {key, other}
    for words in ((), ("-d", "aes-cbc"), ("-d", "aes-xts"), ("-e", "rfc5649"), ("-e", "aes-gcm")):
        if words == ("-d", "aes-xts"):
            (of_xts,) = ckms.made("sym", "keys", "create", "-l", "512")
        used = of_xts if words == ("-d", "aes-xts") else key
        ckms("sym", "encrypt", "plain", "-k", used, *words, "-o", "sealed")
        assert (ckms.folder / "sealed").read_bytes() != (ckms.folder / "plain").read_bytes()
        ckms("sym", "decrypt", "sealed", "-k", used, *words, "-o", "opened")
        assert (ckms.folder / "opened").read_bytes() == (ckms.folder / "plain").read_bytes(), words
    ckms("sym", "keys", "export", "-k", key, "-f", "raw", "raw")
    assert len((ckms.folder / "raw").read_bytes()) == 32
    (again,) = ckms.made("sym", "keys", "import", "raw", "-f", "aes")
    assert '"CryptographicLength": 256' in ckms("attributes", "get", "-i", again)
    (renewed,) = ckms.made("sym", "keys", "re-key", "-k", key)
    assert renewed != key
    ckms("sym", "keys", "revoke", "-k", key, "no longer needed")
    ckms("sym", "keys", "destroy", "-k", key)
    with pytest.raises(AssertionError, match=r"(?i)destroyed"):
        ckms("sym", "keys", "export", "-k", key, "-f", "raw", "gone")


@pytest.mark.parametrize(("kind", "words"), [("rsa", ("-s", "2048")), ("ec", ("-c", "nist-p256"))], ids=["rsa", "ec"])
def test_a_pair_is_made_used_and_destroyed(ckms: Ckms, kind: str, words: tuple[str, ...]) -> None:
    public, private = ckms.made(kind, "keys", "create", *words)

    ckms(kind, "sign", "plain", "-k", private, "-o", "signature")
    if kind == "ec":
        assert "Valid" in ckms("ec", "sign-verify", "plain", "signature", "-k", public)
    else:
        ckms("rsa", "encrypt", "plain", "-k", public, "-o", "sealed")
        ckms("rsa", "decrypt", "sealed", "-k", private, "-o", "opened")
        assert (ckms.folder / "opened").read_bytes() == (ckms.folder / "plain").read_bytes()
    ckms(kind, "keys", "export", "-k", private, "-f", "pkcs8-pem", "private.pem")
    assert (ckms.folder / "private.pem").read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert ckms.made("locate", "-o", "PrivateKey") == [private]
    for half in (private, public):
        ckms(kind, "keys", "revoke", "-k", half, "no longer needed")
        ckms(kind, "keys", "destroy", "-k", half)


def test_a_secret_and_a_certificate_are_kept(ckms: Ckms) -> None:
    (secret,) = ckms.made("secret-data", "create", "-v", "hunter2")
    ckms("secret-data", "export", "-k", secret, "-f", "raw", "secret")
    assert (ckms.folder / "secret").read_text() == "hunter2"
    ckms("secret-data", "revoke", "-s", secret, "no longer needed")
    ckms("secret-data", "destroy", "-s", secret)

    (certificate,) = ckms.made("certificates", "import", ckms.ca, "-f", "pem")
    assert ckms.made("locate", "-o", "Certificate") == [certificate]
    ckms("certificates", "export", "-c", certificate, "-f", "pem", "back.pem")
    kept, given = ((ckms.folder / "back.pem").read_bytes(), Path(ckms.ca).read_bytes())
    assert x509.load_pem_x509_certificate(kept) == x509.load_pem_x509_certificate(given)
    assert "Valid" in ckms("certificates", "validate", "-k", certificate)
    ckms("certificates", "revoke", "-c", certificate, "no longer needed")
    ckms("certificates", "destroy", "-c", certificate)


def test_bytes_are_hashed_and_drawn(ckms: Ckms) -> None:
    assert "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" in ckms(
        "hash", "--algorithm", "sha256", "-d", "00"
    )
    assert re.search(r"[0-9a-f]{64}\s*$", ckms("rng", "retrieve", "--length", "32"))
