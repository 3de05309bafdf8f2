"""Throw-away certificates: one CA for the servers of a process, made once; client certificates from it.

Keys are RSA, as those of a first start are, for clients that know nothing else; that of the CA is of 2048 bits, because
it lives for minutes and a longer one takes the longest of all to make.
"""

import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from kmip_app.pki.authority import Bundle, Pki, ensure_pki, issue_client
from kmip_core.classes import frozen

CA_KEY_BITS: Final = 2_048

_MAKING: Final = threading.Lock()  # servers that start side by side get one CA


@frozen(kw_only=True)
class ClientCertificate:
    """The PEM files of one client, by their paths: as text, since most KMIP clients take nothing else.

    name: the common name, by which the server knows the client.
    pem: certificate and key in one file, as MongoDB's drivers want it (`tlsCertificateKeyFile`).
    ca: what the client is to trust.
    """

    name: str
    cert: str
    key: str
    pem: str
    ca: str


def make_pki(directory: Path, *, own_ca: bool) -> None:
    """Put a PKI into `directory`, which is made.  own_ca: of a CA that no other server of this process has."""
    if own_ca:
        ensure_pki(directory, ca_key_bits=CA_KEY_BITS)
        return
    with _MAKING:
        files = _common_files()
    directory.mkdir(mode=0o700)
    for name, content in files.items():
        _write(directory / name, content)


def certificate_for(pki: Pki, name: str, ca: str) -> ClientCertificate:
    """Return the client's certificate, issued if this PKI has not issued it before.  Raises PkiError for the name."""
    bundle = pki.client
    if name != bundle.certificate.stem:
        folder = pki.directory / "clients"
        bundle = Bundle(certificate=folder / f"{name}.crt", key=folder / f"{name}.key")
        if not (bundle.certificate.exists() and bundle.key.exists()):
            bundle = issue_client(pki, name, folder, listens_on="127.0.0.1")  # for a server that calls it
    pem = bundle.certificate.with_suffix(".pem")
    _write(pem, bundle.certificate.read_bytes() + bundle.key.read_bytes())
    return ClientCertificate(name=name, cert=str(bundle.certificate), key=str(bundle.key), pem=str(pem), ca=ca)


@cache
def _common_files() -> Mapping[str, bytes]:
    with tempfile.TemporaryDirectory(prefix="kmipd-pki-") as folder:
        ensure_pki(Path(folder), ca_key_bits=CA_KEY_BITS)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.suffix in {".crt", ".key"}}


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
