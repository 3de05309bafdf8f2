"""Files that a client cannot use, and connections that it does not get: named in words, for both clients."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kmip_app.client import AsyncKmipClient, KmipClient, ServerUnreachable, UnusableFile
from kmip_app.testing import KmipTestServer

Open = Callable[..., None]


def open_blocking(*words: Any, **files: Any) -> None:
    KmipClient(*words, **files).open()


def open_asyncio(*words: Any, **files: Any) -> None:
    async def main() -> None:
        await AsyncKmipClient(*words, **files).open()

    asyncio.run(main())


BOTH = pytest.mark.parametrize("open_client", [open_blocking, open_asyncio])


@pytest.fixture(scope="module")
def server() -> Iterator[KmipTestServer]:
    with KmipTestServer() as server:
        yield server


@pytest.fixture(scope="module")
def foreign() -> Iterator[KmipTestServer]:
    with KmipTestServer(own_ca=True) as server:
        yield server


def a_key(path: Path, passphrase: bytes | None = None) -> str:
    form = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, form))
    return str(path)


@BOTH
@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"ca": "{folder}/none.crt"}, "{folder}/none.crt: no such file or directory"),
        ({"cert": "{folder}/none.crt"}, "{folder}/none.crt: no such file or directory"),
        ({"key": "{folder}/none.key"}, "{folder}/none.key: no such file or directory"),
        ({"ca": "{folder}/empty"}, "{folder}/empty: no certificate in PEM is in it"),
        ({"cert": "{folder}/empty"}, "{folder}/empty: no certificate in PEM is in it"),
        ({"key": "{folder}/empty"}, "{folder}/empty: no private key in PEM is in it"),
        ({"key": None}, "{cert}: no private key in PEM is in it; name the file that has it"),
        ({"key": "{folder}/other.key"}, "{folder}/other.key is not the key of {cert}"),
    ],
    ids=["no CA", "no cert", "no key", "empty CA", "empty cert", "empty key", "key not named", "another key"],
)
def test_a_file_that_cannot_be_used_is_named(
    open_client: Open, server: KmipTestServer, tmp_path: Path, change: dict[str, str | None], text: str
) -> None:
    (tmp_path / "empty").touch()
    a_key(tmp_path / "other.key")
    named = {"folder": str(tmp_path), "cert": server.cert}
    files: dict[str, str | None] = {"ca": server.ca, "cert": server.cert, "key": server.key}
    files |= {name: path and path.format(**named) for name, path in change.items()}

    with pytest.raises(UnusableFile) as caught:
        open_client(server.host, server.port, **files)

    assert str(caught.value) == text.format(**named)


@BOTH
def test_a_port_where_nothing_listens_is_told_in_words(open_client: Open, server: KmipTestServer) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ServerUnreachable) as caught:
            open_client("127.0.0.1", port, cert=server.cert, key=server.key, ca=server.ca)

    assert str(caught.value) == f"127.0.0.1:{port}: connection refused"


@BOTH
@pytest.mark.parametrize(
    ("is_of_server", "told"),
    [
        (True, "the server's certificate is not accepted: "),
        (False, "the server does not trust the CA of this client's certificate"),
    ],
    ids=["server", "client"],
)
def test_a_certificate_of_another_ca_is_told_in_words(
    open_client: Open, server: KmipTestServer, foreign: KmipTestServer, is_of_server: bool, told: str
) -> None:
    own, ca = (server, foreign.ca) if is_of_server else (foreign, server.ca)
    with pytest.raises(ServerUnreachable) as caught:
        open_client(server.host, server.port, cert=own.cert, key=own.key, ca=ca)

    assert told in str(caught.value)
    assert "_ssl.c" not in str(caught.value)


@BOTH
def test_a_client_without_a_certificate_is_told_in_words(open_client: Open, server: KmipTestServer) -> None:
    with pytest.raises(ServerUnreachable) as caught:
        open_client(server.host, server.port, ca=server.ca)

    assert "the server wants a client certificate" in str(caught.value)
