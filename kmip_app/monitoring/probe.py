"""Asks a server how it is: over its admin listener, and by a request of KMIP. For `kmipd health` and `kmipd status`."""

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

from kmip_adapters.transport.client import TlsTtlvClient
from kmip_app.configuration.addresses import Address, read_address
from kmip_app.connection_errors import explained
from kmip_app.system_errors import reason_of
from kmip_core.classes import frozen

SECONDS: Final = 10.0
LOOPBACK: Final = dict.fromkeys(("", "0.0.0.0", "::"), "127.0.0.1")  # noqa: S104  compared, not bound

# Discover Versions in KMIP 1.2, which every server that has the operation understands, with an empty payload.
DISCOVER_VERSIONS: Final = bytes.fromhex(
    "42007801000000604200770100000038420069010000002042006a0200000004000000010000000042006b0200000004000000020000000"
    "042000d0200000004000000010000000042000f010000001842005c05000000040000001e000000004200790100000000"
)
_SUCCESS: Final = bytes.fromhex("42007f050000000400000000")


class Unhealthy(Exception):
    """The server cannot be reached, or says that it cannot work; the text says why."""


class NoAnswer(Unhealthy):
    """Nothing answers there."""


@frozen(kw_only=True)
class ReadyFile:
    """What a ready file tells.  admin: where the admin listener is, None without one."""

    host: str
    port: int
    ca: Path
    cert: Path | None
    key: Path | None
    admin: Address | None

    @classmethod
    def read(cls, path: Path) -> "ReadyFile":
        """Return what is in the file.  Raises Unhealthy."""
        try:
            content = json.loads(path.read_text())
            return cls(
                host=str(content["host"]),
                port=int(content["port"]),
                ca=Path(content["ca"]),
                cert=Path(content["cert"]) if "cert" in content else None,
                key=Path(content["key"]) if "key" in content else None,
                admin=read_address(content["admin"]) if content.get("admin") else None,
            )
        except FileNotFoundError:
            raise Unhealthy(f"{path} is not there: the server is not ready, or has ended") from None
        except OSError as error:
            raise Unhealthy(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise Unhealthy(f"{path} is no ready file of kmipd") from error


def ask(address: Address, path: str) -> tuple[int, Any]:
    """Return the status and the JSON that the admin listener answers.  Raises NoAnswer."""
    host = LOOPBACK.get(address.host, address.host)
    connection = HTTPConnection(host, address.port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, json.loads(response.read(1_048_576))
    except (OSError, HTTPException, ValueError) as error:
        raise NoAnswer(
            f"no answer from the admin listener at {Address(host, address.port)}: {reason_of(error)}"
        ) from error
    finally:
        connection.close()


def check_ready(address: Address) -> None:
    """Return if the server says that it is ready.  Raises Unhealthy with its reasons."""
    status, content = ask(address, "/readyz")
    if status != 200:
        checks = content.get("checks", {}) if isinstance(content, Mapping) else {}
        reasons = [f"{name}: {check['reason']}" for name, check in checks.items() if "reason" in check]
        raise Unhealthy("; ".join(reasons) or f"the admin listener answered {status}")


def check_kmip(host: str, port: int, ca: Path, cert: Path | None, key: Path | None) -> None:
    """Return if the server answers Discover Versions.  Raises Unhealthy."""
    for path in filter(None, (ca, cert, key)):
        if not path.is_file():
            raise Unhealthy(f"{path} does not exist")
    try:
        with TlsTtlvClient(host, port, ca, cert, key, timeout=SECONDS, max_response=65_536) as client:
            answer = client.exchange(DISCOVER_VERSIONS)
    except OSError as error:
        raise Unhealthy(f"no KMIP at {Address(host, port)}: {explained(error)}") from error
    if _SUCCESS not in answer:
        raise Unhealthy(f"the server at {Address(host, port)} refused Discover Versions")
