"""Who clients are, seen from outside: groups, policies that change, user names and passwords, names in certificates."""

import http.server
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from kmip.core import enums
from kmip.pie.client import ProxyKmipClient
from kmip.pie.exceptions import KmipOperationFailure

from kmip_app import KmipServer, cli
from kmip_app.pki.authority import Bundle, Pki, ensure_pki, issue_client

WITHIN = 120.0  # seconds; a hang limit
FREE_FOR_OPS = {
    "shared": {"groups": {"ops": {"SYMMETRIC_KEY": {"GET": "ALLOW_ALL", "LOCATE": "ALLOW_ALL"}}}},
}


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return ensure_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def bob(pki: Pki) -> Bundle:
    return issue_client(pki, "bob", pki.directory)


@contextmanager
def served(pki: Pki, **settings: Any) -> Iterator[KmipServer]:
    with KmipServer(
        port=0,
        certificate_path=pki.servers[0].certificate,
        key_path=pki.servers[0].key,
        ca_path=pki.ca.certificate,
        config_path=settings.pop("config_path", None),
        log_path=None,
        **{"ephemeral": True} | settings,
    ) as server:
        yield server


@contextmanager
def client(server: KmipServer, pki: Pki, who: Bundle, **more: str) -> Iterator[ProxyKmipClient]:
    with ProxyKmipClient(
        hostname="127.0.0.1",
        port=server.port,
        cert=str(who.certificate),
        key=str(who.key),
        ca=str(pki.ca.certificate),
        config_file="/dev/null",
        **more,
    ) as connected:
        yield connected


def a_key(connected: ProxyKmipClient, policy: str = "default") -> str:
    return connected.create(enums.CryptographicAlgorithm.AES, 128, operation_policy_name=policy)


@pytest.fixture
def slugs() -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Return a SLUGS service and the users it knows."""
    users: dict[str, list[str]] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.split("/")[3]
            body = json.dumps({"groups": users.get(name)}).encode()
            self.send_response(200 if name in users else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/slugs", users
    server.shutdown()
    server.server_close()
    thread.join()


def test_groups_of_a_slugs_service_decide_by_policies(
    pki: Pki, bob: Bundle, tmp_path: Path, slugs: tuple[str, dict[str, list[str]]]
) -> None:
    url, users = slugs
    users |= {"client": ["ops"], "bob": ["ops"]}
    (tmp_path / "policy.json").write_text(json.dumps(FREE_FOR_OPS))
    conf = tmp_path / "server.conf"
    conf.write_text(f"[server]\npolicy_path={tmp_path}\n[auth:slugs]\nenabled=True\nurl={url}\n")

    with served(pki, config_path=conf) as server:
        with client(server, pki, pki.client) as owner:
            identifier = a_key(owner, "shared")
        with client(server, pki, bob) as other:
            assert len(other.get(identifier).value) == 16


def test_a_client_unknown_to_the_slugs_service_is_refused(
    pki: Pki, tmp_path: Path, slugs: tuple[str, dict[str, list[str]]]
) -> None:
    conf = tmp_path / "server.conf"
    conf.write_text(f"[server]\n[auth:slugs]\nenabled=True\nurl={slugs[0]}\n")

    with (
        served(pki, config_path=conf) as server,
        client(server, pki, pki.client) as connected,
        pytest.raises(KmipOperationFailure, match="AUTHENTICATION_NOT_SUCCESSFUL"),
    ):
        a_key(connected)


def test_every_client_is_refused_while_the_slugs_service_does_not_answer(pki: Pki, tmp_path: Path) -> None:
    conf = tmp_path / "server.conf"
    conf.write_text("[server]\n[auth:slugs]\nenabled=True\nurl=http://127.0.0.1:1\ntimeout=1\n")

    with (
        served(pki, config_path=conf) as server,
        client(server, pki, pki.client) as connected,
        pytest.raises(KmipOperationFailure, match="AUTHENTICATION_NOT_SUCCESSFUL"),
    ):
        a_key(connected)


def test_a_policy_written_while_the_server_runs_is_taken_up(pki: Pki, bob: Bundle, tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    rules = {"shared": {"preset": {"SYMMETRIC_KEY": {"GET": "ALLOW_ALL", "GET_ATTRIBUTES": "ALLOW_OWNER"}}}}

    with served(pki, policy_path=policies) as server:
        (policies / "new.json.tmp").write_text(json.dumps(rules))
        os.replace(policies / "new.json.tmp", policies / "new.json")
        with client(server, pki, pki.client) as owner, client(server, pki, bob) as other:
            ends = time.monotonic() + WITHIN
            while True:
                try:
                    assert other.get(a_key(owner, "shared"))
                    break
                except KmipOperationFailure:
                    assert time.monotonic() < ends, "the policy was not taken up"


def test_a_password_on_top_of_the_certificate_must_be_right(pki: Pki, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text(f"alice:{PasswordHasher(1, 8, 1).hash('secret')}\n")

    with served(pki, passwords_path=passwords) as server:
        with client(server, pki, pki.client, username="alice", password="secret") as right:
            identifier = a_key(right)
        with client(server, pki, pki.client) as same_certificate:
            assert same_certificate.get(identifier), "the certificate is the identity unless configured"
        with (
            client(server, pki, pki.client, username="alice", password="wrong") as wrong,
            pytest.raises(KmipOperationFailure, match="AUTHENTICATION_NOT_SUCCESSFUL"),
        ):
            wrong.get(identifier)


def test_a_password_can_be_the_identity(pki: Pki, bob: Bundle, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text(f"alice:{PasswordHasher(1, 8, 1).hash('secret')}\n")

    with served(pki, passwords_path=passwords, password_identity=True) as server:
        with client(server, pki, pki.client, username="alice", password="secret") as here:
            identifier = a_key(here)
        with client(server, pki, bob, username="alice", password="secret") as there:
            assert there.get(identifier)
        with client(server, pki, pki.client) as nobody, pytest.raises(KmipOperationFailure):
            nobody.get(identifier)


def test_a_certificate_of_a_users_name_is_not_the_user(pki: Pki, bob: Bundle, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text(f"bob:{PasswordHasher(1, 8, 1).hash('secret')}\n")

    with served(pki, passwords_path=passwords, password_identity=True) as server:
        with client(server, pki, pki.client, username="bob", password="secret") as user:
            identifier = a_key(user)
        with (
            client(server, pki, bob) as namesake,
            pytest.raises(KmipOperationFailure, match="name is that of a user with a password"),
        ):
            namesake.get(identifier)
        with client(server, pki, bob, username="bob", password="secret") as both:
            assert both.get(identifier)


def test_a_certificate_without_the_configured_name_is_refused(pki: Pki) -> None:
    with (
        served(pki, identity_source="san") as server,
        client(server, pki, pki.client) as connected,
        pytest.raises(KmipOperationFailure, match="AUTHENTICATION_NOT_SUCCESSFUL"),
    ):
        a_key(connected)


def test_policy_explain_decides_as_the_server_does(
    pki: Pki, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy.json").write_text(json.dumps(FREE_FOR_OPS))
    data = tmp_path / "data"
    with served(pki, ephemeral=False, data_dir=data, policy_path=tmp_path / "policy.json") as server:
        with client(server, pki, pki.client) as owner:
            identifier = a_key(owner, "shared")
        asked = ["policy", "explain", "--data-dir", str(data), "--policy_path", str(tmp_path), "--object", identifier]

        codes = [
            cli.run([*asked, "--user", "bob", "--operation", "Get", "--group", "ops"]),
            cli.run([*asked, "--user", "client", "--operation", "GET"]),
        ]

    assert codes == [0, 1]
    told = capsys.readouterr().out
    assert "allowed: shared, group ops, SYMMETRIC_KEY, GET: ALLOW_ALL" in told
    assert "denied: shared has no section for this principal" in told


@pytest.mark.parametrize(
    ("user", "code", "told"),
    [
        pytest.param("bob", 0, "groups ops (groups_path)", id="ok in a group"),
        pytest.param("carol", 1, "in no group (groups_path), so no section counts", id="fail in none"),
        pytest.param("dave", 1, "no groups (groups_path), so the preset counts", id="fail unknown"),
    ],
)
def test_policy_explain_knows_the_groups_that_the_server_knows(
    pki: Pki, tmp_path: Path, capsys: pytest.CaptureFixture[str], user: str, code: int, told: str
) -> None:
    (tmp_path / "policy.json").write_text(json.dumps(FREE_FOR_OPS))
    (tmp_path / "groups").write_text(json.dumps({"bob": ["ops"], "carol": []}))
    conf = tmp_path / "server.conf"
    conf.write_text(
        f"[server]\ndata_dir={tmp_path / 'data'}\npolicy_path={tmp_path / 'policy.json'}\n"
        f"groups_path={tmp_path / 'groups'}\n"
    )
    with (
        served(pki, ephemeral=False, data_dir=tmp_path / "data", policy_path=tmp_path / "policy.json") as server,
        client(server, pki, pki.client) as owner,
    ):
        identifier = a_key(owner, "shared")
        words = ["policy", "explain", "-f", str(conf), "--object", identifier, "--user", user, "--operation", "GET"]

        assert cli.run(words) == code

    assert told in capsys.readouterr().out
