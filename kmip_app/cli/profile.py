"""`kmipd profile add | list | show | remove`: names for servers, so that no command needs their files again."""

from pathlib import Path
from typing import Any

import click

from kmip_app.cli.context import Group
from kmip_app.cli.options import CONTEXT
from kmip_app.cli.output import chosen_form, output_options, print_record, print_rows
from kmip_app.configuration.config import StartError

COLUMNS = {"name": "Profile", "host": "Host", "port": "Port", "cert": "Certificate", "ca": "CA"}


def add(name: str, **values: Any) -> None:
    """Add or replace the profile NAME: how a server is reached.  `--profile NAME` then uses it."""
    from kmip_app.client.profiles import ProfileError, write_profile

    files = {"cert": values["cert"], "key": values["key_file"], "ca": values["ca"]}
    for label, path in files.items():
        if path is not None and not path.is_file():
            raise StartError(f"--{label}: {path} does not exist")
    said: dict[str, Any] = {
        "host": values["host"],
        "port": values["port"],
        **{label: None if path is None else path.absolute() for label, path in files.items()},
        "server_name": values["server_name"],
        "kmip_version": values["kmip_version"],
        "timeout": values["timeout"],
    }
    try:
        path = write_profile(name, {field: str(value) for field, value in said.items() if value is not None})
    except ProfileError as error:
        raise StartError(str(error)) from error
    print_record({"name": name, "file": str(path)}, chosen_form(values), plain=["name", "file"])


def list_profiles(**values: Any) -> None:
    """List all profiles."""
    from kmip_app.client.profiles import ProfileError, read_profiles

    try:
        rows = [{"name": name, **said} for name, said in sorted(read_profiles().items())]
    except ProfileError as error:
        raise StartError(str(error)) from error
    print_rows(rows, COLUMNS, chosen_form(values))


def show(name: str, **values: Any) -> None:
    """Show one profile."""
    from kmip_app.client.profiles import ProfileError, read_profile

    try:
        print_record({"name": name, **read_profile(name)}, chosen_form(values))
    except ProfileError as error:
        raise StartError(str(error)) from error


def remove(name: str) -> None:
    """Remove a profile; the files that it names stay."""
    from kmip_app.client.profiles import ProfileError, write_profile

    try:
        write_profile(name, None)
    except ProfileError as error:
        raise StartError(str(error)) from error


_NAME = click.Argument(["name"])
_PATH = click.Path(path_type=Path)

command = Group(
    "profile",
    commands=[
        click.Command(
            "add",
            callback=add,
            params=[
                _NAME,
                click.Option(["--host"], required=True, metavar="HOST", help="The server."),
                click.Option(
                    ["--port"], type=click.IntRange(1, 65535), default=5696, show_default=True, metavar="PORT"
                ),
                click.Option(["--cert"], type=_PATH, metavar="FILE", help="PEM of this client's certificate."),
                click.Option(["--key", "key_file"], type=_PATH, metavar="FILE", help="PEM of its private key."),
                click.Option(["--ca"], type=_PATH, metavar="FILE", help="PEM of the CA that vouches for the server."),
                click.Option(["--server-name"], metavar="NAME", help="The name in its certificate."),
                click.Option(["--kmip-version"], metavar="N.N", help="Protocol version."),
                click.Option(["--timeout"], type=float, metavar="SECONDS"),
                *output_options(),
            ],
            help=add.__doc__,
            context_settings=CONTEXT,
        ),
        click.Command(
            "list",
            callback=list_profiles,
            params=output_options(),
            help=list_profiles.__doc__,
            context_settings=CONTEXT,
        ),
        click.Command(
            "show", callback=show, params=[_NAME, *output_options()], help=show.__doc__, context_settings=CONTEXT
        ),
        click.Command("remove", callback=remove, params=[_NAME], help=remove.__doc__, context_settings=CONTEXT),
    ],
    help="Names for servers: where they are and with which certificate to come.",
    context_settings=CONTEXT,
)
