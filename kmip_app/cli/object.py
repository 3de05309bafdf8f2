"""`kmipd object chown`: give objects to another client."""

from typing import Any, Final

import click

from kmip_app.cli.context import Group
from kmip_app.cli.options import CONTEXT, chosen, config_option, setting_options
from kmip_app.configuration.config import StartError

NAME_LENGTH: Final = 255  # characters: what storage and policies are made for


def chown(
    owner: str, identifiers: tuple[str, ...], old_owner: str | None, config_path: str | None, **values: Any
) -> None:
    """Give objects to the client OWNER: those named, or all of --from; the server may be running.

    OWNER is an identity as the server knows it: the common name of the client's certificate, unless identity_source
    or identities_path say otherwise. The audit trail keeps who owned them.
    """
    from kmip_app.maintenance import store_access  # all of the wiring: not wanted for the help
    from kmip_app.maintenance.ownership import change_owner

    if not identifiers and old_owner is None:
        raise StartError("name the objects by their identifiers, or --from OWNER for all of a client")
    if not 1 <= len(owner) <= NAME_LENGTH or not owner.isprintable():
        raise StartError(f"an owner has 1 to {NAME_LENGTH} characters without control characters")
    configuration = chosen(values, config_path).configuration
    with store_access.beside_with_trail(configuration) as (container, trail):
        changed = change_owner(container, trail, owner, identifiers, old_owner)
    click.echo(f"{len(changed)} object{'s' * (len(changed) != 1)} given to {owner}")


command = Group(
    "object",
    commands=[
        click.Command(
            "chown",
            callback=chown,
            params=[
                click.Argument(["owner"]),
                click.Argument(["identifiers"], nargs=-1, metavar="[ID]..."),
                click.Option(["--from", "old_owner"], metavar="OWNER", help="Only objects of this client."),
                config_option(),
                *setting_options(["data_dir", "database_path", "database", "root_key_passphrase"]),
            ],
            help=chown.__doc__,
            context_settings=CONTEXT,
        )
    ],
    help="Objects in the store of this server.",
    context_settings=CONTEXT,
)
