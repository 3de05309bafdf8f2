"""The table of identities, changed while clients are connected."""

import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.e2e.dialogue import Dialogue, Refused
from tests.e2e.operations.conftest import Start, eventually


def test_a_changed_identity_reaches_clients_that_are_connected(start: Start, tmp_path: Path) -> None:
    table = tmp_path / "identities.json"
    table.write_text("[]")
    server = start("--identities-path", str(table))
    with Dialogue(server) as stays:
        key = stays.create("one")
        table.write_text(json.dumps([{"fingerprint": _fingerprint(server.cert), "identity": "another"}]))

        def has_ended() -> bool:
            try:
                stays.material(key)
            except OSError:
                return True
            return False

        eventually(has_ended, "the end of the session under the old identity")
    with Dialogue(server) as again, pytest.raises(Refused):
        again.material(key)


def _fingerprint(certificate: Path) -> str:
    return x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256()).hex()
