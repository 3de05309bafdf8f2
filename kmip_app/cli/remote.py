"""What every command that talks to a server takes, and how it connects.

Where the server is: --profile, or --host and its like; without any of them the local server, by its configuration and
its built-in PKI. Exit codes: 0 done; 1 the server refuses, or the answer is no; 2 for what is wrong with the command
line or a file; 3 the server cannot be reached.
"""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kmip_app.cli.options import CONTEXT, chosen, config_option, setting_options
from kmip_app.cli.output import output_options
from kmip_app.configuration.config import DEFAULT_PORT, UNREACHABLE, StartError
from kmip_core.classes import frozen

if TYPE_CHECKING:
    from kmip_app.client import KmipClient

REFUSED: Final = 1
LOCAL: Final = ("127.0.0.1", "localhost", "::1")


class RemoteError(StartError):
    """What a server, or the way to it, makes of a command; one line for the operator."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


@frozen(kw_only=True)
class Target:
    """A server and how to come to it.  ca: None for the system's CAs."""

    host: str
    port: int
    cert: Path | None
    key: Path | None
    ca: Path | None
    server_name: str | None = None
    version: str | None = None
    timeout: float = 30.0

    def client(self) -> "KmipClient":
        """Return a client that connects when it is used."""
        from kmip_app.client import KmipClient

        try:
            return KmipClient(
                self.host,
                self.port,
                self.cert,
                self.key,
                self.ca,
                server_name=self.server_name,
                version=self.version,
                timeout=self.timeout,
            )
        except ValueError as error:
            raise StartError(str(error)) from error


def connection_options() -> list[click.Parameter]:
    """Return the options that say where the server is."""
    path = click.Path(path_type=Path)
    return [
        click.Option(["--host"], metavar="HOST", help="The server.  [default: the local one]"),
        click.Option(["--port"], type=click.IntRange(1, 65535), metavar="PORT", help="Its port.  [default: 5696]"),
        click.Option(["--cert"], type=path, metavar="FILE", help="PEM of this client's certificate."),
        click.Option(
            ["--key", "key_file"],
            type=path,
            metavar="FILE",
            help="PEM of its private key.  [default: the file of --cert]",
        ),
        click.Option(["--ca"], type=path, metavar="FILE", help="PEM of the CA that vouches for the server."),
        click.Option(["--server-name"], metavar="NAME", help="The name in its certificate.  [default: the host]"),
        click.Option(["--kmip-version"], metavar="N.N", help="Protocol version.  [default: the newest of both]"),
        click.Option(["--timeout"], type=click.FloatRange(min=0.1), metavar="SECONDS", help="[default: 30]"),
        click.Option(["--profile"], metavar="NAME", help="Where the server is, by `kmipd profile add`."),
        config_option(),
        *setting_options(["data_dir"]),
    ]


def remote_command(name: str, callback: Any, params: list[click.Parameter]) -> click.Command:
    """Return a command with its own parameters, those of output and those of the connection."""
    return click.Command(
        name,
        callback=callback,
        params=[*params, *output_options(), *connection_options()],
        help=callback.__doc__,
        context_settings=CONTEXT,
    )


def target_of(values: Mapping[str, Any], *, need_files: bool = True) -> Target:
    """Return the server that a command line names.  Raises StartError, also for a file that is missing."""
    profile = _profile(values.get("profile"))
    own = {name: values.get(option) for name, option in _OPTIONS.items()}
    said = {**profile, **{name: value for name, value in own.items() if value is not None}}
    local = None if "host" in said and said["host"] not in LOCAL else _local(values)
    if {"cert", "key", "ca"} <= said.keys() and "port" in said:
        local = None
    defaults: Mapping[str, Any] = {} if local is None else local
    if "host" in said:  # this machine, but perhaps not the server whose files are here
        defaults = {name: value for name, value in defaults.items() if name == "port" or Path(value).is_file()}
    if "cert" in said or "key" in said:  # a pair: the local client's key belongs to no other certificate
        defaults = {name: value for name, value in defaults.items() if name not in ("cert", "key")}
    if "key" in said and "cert" not in said:
        raise StartError("--key needs --cert: the certificate that the key belongs to")
    merged = {**defaults, **said}
    try:
        target = Target(
            host=merged.get("host", "127.0.0.1"),
            port=int(merged.get("port", DEFAULT_PORT)),
            cert=_file(merged.get("cert")),
            key=_file(merged.get("key")),
            ca=_file(merged.get("ca")),
            server_name=merged.get("server_name"),
            version=merged.get("kmip_version"),
            timeout=float(merged.get("timeout", 30.0)),
        )
    except ValueError as error:
        raise StartError(f"the profile {values.get('profile')}: {error}") from error
    for label, path in (("--cert", target.cert), ("--key", target.key), ("--ca", target.ca)):
        if need_files and path is not None and not path.is_file():
            raise StartError(_missing(label, path, is_said=label.removeprefix("--") in said))
    return target


_OPTIONS: Final = {
    "host": "host",
    "port": "port",
    "cert": "cert",
    "key": "key_file",
    "ca": "ca",
    "server_name": "server_name",
    "kmip_version": "kmip_version",
    "timeout": "timeout",
}
"""A key of a profile -> the parameter of the command line."""


def _profile(name: str | None) -> Mapping[str, str]:
    if name is None:
        return {}
    from kmip_app.client.profiles import ProfileError, read_profile

    try:
        return read_profile(name)
    except ProfileError as error:
        raise StartError(str(error)) from error


def _local(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return how the local server is reached: by its configuration and its built-in PKI."""
    configuration = chosen({"data_dir": values.get("data_dir")}, values.get("config_path")).configuration
    pki = configuration.pki_path or configuration.data_directory / "pki"
    host = {"": LOCAL[0], "0.0.0.0": LOCAL[0], "::": LOCAL[0]}.get(configuration.hostname, configuration.hostname)  # noqa: S104
    found: dict[str, Any] = {"host": host, "port": configuration.port or DEFAULT_PORT}
    if configuration.certificate_path is None or configuration.ca_path is None:
        found |= {"ca": pki / "ca.crt"}
    else:
        found |= {"ca": configuration.ca_path}
    if configuration.ca_path is None:
        found |= {"cert": pki / "client.crt", "key": pki / "client.key"}
    return found


def _file(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path).expanduser()


def _missing(label: str, path: Path, *, is_said: bool) -> str:
    if is_said:
        return f"{label}: {path} does not exist"
    return f"{path} does not exist: start the local server first (kmipd), or name a server with --host and {label}"


@contextlib.contextmanager
def connected(values: Mapping[str, Any]) -> Iterator["KmipClient"]:
    """Give a client of the server that the command line names.  Raises StartError, RemoteError."""
    target = target_of(values)
    with remote_errors(), target.client() as client:
        yield client


@contextlib.contextmanager
def remote_errors() -> Iterator[None]:
    """Turn what a client raises into one line and an exit code."""
    from kmip_app.client import ClientError, NotInVersion, OperationFailed, ServerUnreachable, UnusableFile

    try:
        yield
    except UnusableFile as error:
        raise StartError(str(error)) from error
    except ServerUnreachable as error:
        hint = "; kmipd doctor, with the same options, says what is wrong" if "doctor" not in sys.argv else ""
        raise RemoteError(f"{error}{hint}", UNREACHABLE) from error
    except (OperationFailed, NotInVersion) as error:
        raise RemoteError(str(error), REFUSED) from error
    except ClientError as error:
        raise RemoteError(str(error), UNREACHABLE) from error
    except ValueError as error:  # a name that is none
        raise StartError(str(error)) from error
