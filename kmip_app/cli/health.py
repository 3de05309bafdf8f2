"""`kmipd health` and `kmipd status`: how a running server is, for probes of containers and for people."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kmip_app.cli.options import CONTEXT, chosen, config_option, setting_options
from kmip_app.cli.output import chosen_form, output_options, print_record
from kmip_app.cli.remote import REFUSED, RemoteError
from kmip_app.configuration.addresses import Address, read_address
from kmip_app.configuration.config import UNREACHABLE, StartError
from kmip_app.monitoring import probe
from kmip_app.monitoring.probe import NoAnswer, ReadyFile, Unhealthy
from kmip_app.printable import printable


def health(
    address: str | None,
    ready_file: Path | None,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    config_path: str | None,
    **values: Any,
) -> int:
    """Ask a server whether it can work.  Exit code 0 if so, 1 if not or if it does not answer.

    --address asks the admin listener there for /readyz; with --ca, --cert and --key it is the address of KMIP, and the
    server is asked for Discover Versions by a client with that certificate. --ready-file does both, as far as the file
    has what is needed. Without any of these the configuration's admin_address is asked.
    """
    try:
        if ready_file is not None:
            _check_by_file(ReadyFile.read(ready_file), cert, key)
        elif cert is not None or ca is not None:
            if address is None:
                raise StartError("--ca and --cert need --address or --ready-file: where the server listens")
            if ca is None:
                raise StartError("--cert needs --ca: the certificate of the CA that vouches for the server")
            named = _address(address)
            probe.check_kmip(named.host or "127.0.0.1", named.port, ca, cert, key)
        else:
            probe.check_ready(_admin(address, config_path, values))
        reason = ""
    except Unhealthy as error:
        reason = str(error)
    form = chosen_form(values)
    if form != "plain":
        print_record({"ok": not reason, "reason": reason}, form)
    elif reason:
        click.echo(printable(reason), err=True)
    else:
        click.echo("ok")
    return 1 if reason else 0


def _check_by_file(ready: ReadyFile, cert: Path | None, key: Path | None) -> None:
    if ready.admin is not None:
        probe.check_ready(ready.admin)
    cert, key = cert or ready.cert, key or ready.key
    if cert is not None:
        probe.check_kmip(ready.host, ready.port, ready.ca, cert, key)
    elif ready.admin is None:
        raise Unhealthy(
            "the ready file names neither an admin listener nor a client certificate; give --cert and --key"
        )


def status(address: str | Address | None, as_json: bool, config_path: str | None, **values: Any) -> int:
    """Tell the state of a running server: health, certificates, clients, requests.  Exit code 1 if it is not ready.

    It is asked over its admin listener: --address, or that of the configuration.
    Raises RemoteError if nothing answers there.
    """
    admin = address if isinstance(address, Address) else _admin(address, config_path, values)
    try:
        code, content = probe.ask(admin, "/status")
    except NoAnswer as error:
        raise RemoteError(printable(str(error)), UNREACHABLE) from error
    if code != 200:
        raise RemoteError(f"the admin listener at {admin} answered {code}", REFUSED)
    if as_json:
        click.echo(json.dumps(content, indent=2))
    else:
        for line in lines_of(content):
            click.echo(printable(line))
    return 0 if content["health"]["status"] == "ok" else 1


def lines_of(content: dict[str, Any]) -> list[str]:
    """Return the state for people."""
    lines = [
        f"kmipd {content['version']}, up {content['uptime_seconds']} s, {content['connections']} connections,"
        f" {content['requests']['success']} requests done, {content['requests']['refused']} refused",
        f"health: {content['health']['status']}",
    ]
    checks = content["health"]["checks"].items()
    lines += [f"  {name}: {check.get('reason', check['status'])}" for name, check in checks]
    lines += _backlog_lines(content.get("backlog"))
    lines.append("certificates:")
    for one in content["certificates"]:
        left = "no end" if one["days_left"] is None else f"{one['days_left']} days left"
        lines.append(f"  {one['kind']:<7} {left:<18} {one['path']}")
        lines += [f"    {one['problem']}"] if one["problem"] else []
    lines.append("clients seen:")
    lines += [
        f"  {seen['name']} at {seen['address']}, last {seen['last_seen']}, certificate until {seen['not_after']}"
        for seen in content["clients"]
    ] or ["  none since the start"]
    return lines


def _backlog_lines(backlog: dict[str, dict[str, int]] | None) -> list[str]:
    if backlog is None:
        return []
    later, notices, clients = (backlog[name] for name in ("asynchronous_requests", "notices", "notified_clients"))
    stages = ", ".join(f"{count} {stage.lower()}" for stage, count in later.items())
    return [
        f"asynchronous requests: {stages}",
        f"notices: {notices['waiting']} waiting, {notices['retried']} for clients that could not be reached"
        f" ({clients['unreachable']} of {sum(clients.values())})",
    ]


def _admin(address: str | None, config_path: str | None, values: dict[str, Any]) -> Address:
    if address is not None:
        return _address(address)
    configured = chosen(values, config_path).configuration.admin_address
    if configured is None:
        raise StartError("which server? name it by --address, --ready-file, or admin_address in the configuration")
    return configured


def _address(text: str) -> Address:
    try:
        return read_address(text)
    except ValueError as error:
        raise StartError(f"--address: {error}") from error


def _path(name: str, text: str) -> click.Option:
    return click.Option([name], type=click.Path(path_type=Path), metavar="FILE", help=text)


def _command(name: str, callback: Callable[..., int], *more: click.Parameter) -> click.Command:
    return click.Command(
        name,
        callback=callback,
        params=[
            click.Option(["--address"], metavar="HOST:PORT", help="Where the server is asked."),
            _path("--ready-file", "The ready file of the server, which says where it is."),
            *more,
            config_option(),
            *setting_options(["admin_address"]),
        ],
        help=callback.__doc__,
        context_settings=CONTEXT,
    )


health_command = _command(
    "health",
    health,
    _path("--ca", "Certificate of the CA that vouches for the server, for a request of KMIP."),
    _path("--cert", "Certificate of the client that asks."),
    _path("--key", "Its private key."),
    *output_options(),
)
