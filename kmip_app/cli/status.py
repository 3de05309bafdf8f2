"""`kmipd status`: the state of a server; of this machine's over its admin listener, of any other over KMIP."""

import time
from pathlib import Path
from typing import Any

import click

from kmip_app.cli import health
from kmip_app.cli.context import CONTEXT
from kmip_app.cli.options import chosen, setting_options
from kmip_app.cli.output import chosen_form, output_options, print_record
from kmip_app.cli.remote import RemoteError, Target, connection_options, remote_errors, target_of
from kmip_app.configuration.config import UNREACHABLE
from kmip_app.monitoring.probe import ReadyFile, Unhealthy
from kmip_app.printable import printable


def status(address: str | None, ready_file: Path | None, admin_address: str | None, **values: Any) -> int:
    """Show the state of a server.  Exit code 1 if it is not ready, 3 if it cannot be reached.

    --address asks the admin listener of kmipd: health, certificates, clients, requests. --host, --port or --profile
    ask any vendor's server by KMIP: TLS, certificate, versions, clock. --ready-file names a server, which is asked in
    the first way if it has an admin listener, else in the second. Without any of these it is the admin listener of the
    configuration, else the local server by KMIP.
    """
    as_json = chosen_form(values) == "json"
    if ready_file is not None:
        ready = _read(ready_file)
        if ready.admin is not None:
            return health.status(ready.admin, as_json, None)
        target = Target(host=ready.host, port=ready.port, cert=ready.cert, key=ready.key, ca=ready.ca)
        print_record(_over_kmip(target), chosen_form(values))
        return 0
    is_remote = any(values[name] is not None for name in ("host", "port", "profile", "cert", "key_file", "ca"))
    if not is_remote:
        settings = {"data_dir": values["data_dir"], "admin_address": admin_address}
        if address is not None or chosen(settings, values["config_path"]).configuration.admin_address is not None:
            return health.status(address, as_json, values["config_path"], **settings)
    print_record(_over_kmip(target_of(values)), chosen_form(values))
    return 0


def _read(path: Path) -> ReadyFile:
    try:
        return ReadyFile.read(path)
    except Unhealthy as error:
        raise RemoteError(printable(str(error)), UNREACHABLE) from error


def _over_kmip(target: Target) -> dict[str, Any]:
    """Return what a client can see of a server.  Raises StartError, RemoteError."""
    from kmip_adapters.transport.client import TlsTtlvClient
    from kmip_app.cli.cert import described
    from kmip_app.client import ClientError, OperationFailed, ServerUnreachable
    from kmip_app.client.errors import Failure
    from kmip_app.client.files import context_of
    from kmip_app.client.plain import plain

    record: dict[str, Any] = {"server": f"{target.host}:{target.port}"}
    with remote_errors():
        context = context_of(target.ca, target.cert, target.key)
        connection = TlsTtlvClient(
            target.host, target.port, context=context, timeout=target.timeout, server_name=target.server_name
        )
        try:
            with connection:
                suite = connection.socket.cipher()
                record |= {"tls_version": connection.socket.version(), "tls_cipher_suite": suite[0] if suite else None}
                der = connection.socket.getpeercert(binary_form=True)
        except OSError as error:
            raise ServerUnreachable([Failure(record["server"], error)]) from error
        shown = described(der or b"")
        record |= {f"certificate_{name}": shown[name] for name in ("subject", "issuer", "not_valid_after") if shown}
        with target.client() as client:
            record["protocol_version"] = str(client.protocol_version)
            started = time.monotonic()
            try:
                record["protocol_versions"] = plain(client.discover_versions().protocol_versions)
            except ClientError:  # 1.0 has no such operation
                record["protocol_versions"] = [record["protocol_version"]]
            record["answered_in_ms"] = round((time.monotonic() - started) * 1_000, 1)
            if client.time_stamp is not None:
                record["clock_ahead_seconds"] = client.time_stamp - int(time.time())
            for function in ("Query Operations", "Query Server Information"):
                try:
                    answer = plain(client.query(query_functions=[function]))
                except OperationFailed:
                    continue
                record |= {name: len(value) if name == "operations" else value for name, value in answer.items()}
    return record


command = click.Command(
    "status",
    callback=status,
    params=[
        click.Option(["--address"], metavar="HOST:PORT", help="Where the admin listener is asked."),
        click.Option(
            ["--ready-file"],
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="The ready file of the server, which says where it is.",
        ),
        *output_options(),
        *connection_options(),
        *setting_options(["admin_address"]),
    ],
    help=status.__doc__,
    context_settings=CONTEXT,
)
