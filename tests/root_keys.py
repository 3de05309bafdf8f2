"""What root keys outside the host stand on in tests: a token, another server, a program."""

import atexit
import functools
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from kmip_adapters.pkcs11_session.token import Token
from kmip_app.configuration.root_keys import KmipRootKey
from kmip_app.testing import KmipTestServer
from tests import softhsm


@functools.cache
def shared_token() -> Token:
    """Return a SoftHSM2 token that all tests of this process share."""
    folder = Path(tempfile.mkdtemp(prefix="kmipd-softhsm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    token = Token(softhsm.new_token(folder))
    atexit.register(token.close)
    return token


@functools.cache
def _server() -> KmipTestServer:
    server = KmipTestServer()
    server.start()
    atexit.register(server.stop)
    return server


def another_server() -> KmipRootKey:
    """Return the place of a root key that another server wraps by a key of its own."""
    server = _server()
    return KmipRootKey(
        host=server.host,
        port=server.port,
        name=f"root {secrets.token_hex(8)}",
        cert=Path(server.cert),
        key=Path(server.key),
        ca=Path(server.ca),
    )


def a_wrapping_program(directory: Path) -> str:
    """Return the command of a program that wraps by a key of its own; a file `away` beside it makes it fail."""
    program = directory / "wrapper.py"
    program.write_text(
        "import base64, pathlib, sys\n"
        "here = pathlib.Path(__file__).parent\n"
        "if (here / 'away').exists():\n"
        "    sys.exit('the service is away')\n"
        "data = base64.b64decode(sys.stdin.read())\n"
        "print(base64.b64encode(bytes(byte ^ 0x5A for byte in data)).decode())\n"
    )
    return f"{sys.executable} {program}"
